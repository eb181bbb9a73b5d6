//! What the pools report in a heartbeat.

use crate::snapshot::{Family, Kind};
use odp_admin::{PoolRetired, PoolStatus, PoolWaits};
use odp_pool::{AccountAt, PoolCounts, PoolLabel, PoolMode, PoolSizes, WAIT_BOUNDS_US};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The most pools that a heartbeat tells of one by one, and the most accounts with series of their own.
const TOLD_MAX: usize = 500;

type Account = (AccountAt, (PoolSizes, PoolCounts));

/// The busiest pools, and how many more there are.
pub(super) fn busiest(
    pools: BTreeMap<PoolLabel, (PoolSizes, PoolCounts)>,
) -> (Vec<PoolStatus>, u64) {
    let left_out = number(pools.len().saturating_sub(TOLD_MAX));
    let mut pools: Vec<_> = pools.into_iter().collect();
    pools.sort_by_key(|(_, (sizes, _))| Reverse((sizes.waiting, sizes.in_use, sizes.idle)));
    pools.truncate(TOLD_MAX);
    let told = pools.into_iter();
    (
        told.map(|(label, state)| pool(label, state)).collect(),
        left_out,
    )
}

fn pool(label: PoolLabel, (sizes, counts): (PoolSizes, PoolCounts)) -> PoolStatus {
    let bounds = WAIT_BOUNDS_US.into_iter().map(Some).chain([None]);
    let waits = bounds.zip(counts.waits);
    PoolStatus {
        server: label.server.to_string(),
        tenant: label.tenant.to_string(),
        user: label.user.to_string(),
        hosts: label.hosts,
        client_ip: label.client_ip,
        capabilities: label.capabilities,
        collation: label.collation,
        tls: label.is_encrypted,
        mode: match label.mode {
            PoolMode::Off => "off",
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        }
        .to_owned(),
        idle: number(sizes.idle),
        in_use: number(sizes.in_use),
        waiting: number(sizes.waiting),
        opened: counts.opened,
        opened_ahead: counts.opened_ahead,
        reused: counts.reused,
        saved_logins: counts.saved_logins,
        resets: counts.resets,
        moved: counts.moved,
        wait_timeouts: counts.wait_timeouts,
        refused_waits: counts.refused_waits,
        retired: PoolRetired {
            idle: counts.retired_idle,
            age: counts.retired_age,
            surplus: counts.retired_surplus,
            dead: counts.retired_dead,
            state: counts.retired_state,
            busy: counts.retired_busy,
            account: counts.retired_account,
        },
        waits: waits
            .map(|(le_us, count)| PoolWaits { le_us, count })
            .collect(),
    }
}

/// The metrics of the pools, by server and account.
pub(super) fn families(accounts: &BTreeMap<AccountAt, (PoolSizes, PoolCounts)>) -> Vec<Family> {
    let accounts = bounded(accounts);
    let mut families = vec![sizes(&accounts), retired(&accounts), waits(&accounts)];
    for (name, help, value) in COUNTERS {
        let family = Family::new(name, help, Kind::Counter);
        let add = |family: Family, (account, (_, counts)): &Account| {
            with(family, account, &[], value(counts))
        };
        families.push(accounts.iter().fold(family, add));
    }
    families
}

type Counter = (&'static str, &'static str, fn(&PoolCounts) -> u64);

const COUNTERS: [Counter; 8] = [
    (
        "odp_pool_opened",
        "Server sessions that were logged in for a pool.",
        |counts| counts.opened,
    ),
    (
        "odp_pool_opened_ahead",
        "Of those, the ones that were opened before anybody asked.",
        |counts| counts.opened_ahead,
    ),
    (
        "odp_pool_reused",
        "Server sessions of a pool that were lent again.",
        |counts| counts.reused,
    ),
    (
        "odp_pool_saved_logins",
        "Client logins without a login at a server.",
        |counts| counts.saved_logins,
    ),
    (
        "odp_pool_resets",
        "Server sessions put back into the state of a login.",
        |counts| counts.resets,
    ),
    (
        "odp_pool_moved",
        "Server sessions that moved to another thread.",
        |counts| counts.moved,
    ),
    (
        "odp_pool_wait_timeouts",
        "Waits for a server session that ended at their deadline.",
        |counts| counts.wait_timeouts,
    ),
    (
        "odp_pool_refused_waits",
        "Clients sent away because too many waited.",
        |counts| counts.refused_waits,
    ),
];

/// What is behind the last account that has series of its own goes to nobody's, server by server.
fn bounded(accounts: &BTreeMap<AccountAt, (PoolSizes, PoolCounts)>) -> Vec<Account> {
    let mut told: BTreeMap<AccountAt, (PoolSizes, PoolCounts)> = BTreeMap::new();
    for (number, (account, (sizes, counts))) in accounts.iter().enumerate() {
        let mut account = account.clone();
        if number >= TOLD_MAX {
            (account.tenant, account.user) = Default::default();
        }
        let (all_sizes, all_counts) = told.entry(account).or_default();
        *all_sizes += *sizes;
        *all_counts += counts;
    }
    told.into_iter().collect()
}

fn with(family: Family, account: &AccountAt, more: &[(&str, &str)], value: u64) -> Family {
    let server = account.server.to_string();
    let labels = [
        ("server", server.as_str()),
        ("tenantName", account.tenant.as_str()),
        ("userName", &account.user),
    ];
    family.with(&[&labels, more].concat(), value)
}

fn sizes(accounts: &[Account]) -> Family {
    let mut family = Family::new(
        "odp_pool_sessions",
        "Server sessions of the pools, and who waits for them.",
        Kind::Gauge,
    );
    for (account, (sizes, _)) in accounts {
        for (state, value) in [
            ("idle", sizes.idle),
            ("in_use", sizes.in_use),
            ("waiting", sizes.waiting),
        ] {
            family = with(family, account, &[("state", state)], number(value));
        }
    }
    family
}

fn retired(accounts: &[Account]) -> Family {
    let mut family = Family::new(
        "odp_pool_retired",
        "Server sessions that a pool gave up, by reason.",
        Kind::Counter,
    );
    for (account, (_, counts)) in accounts {
        for (reason, value) in [
            ("idle", counts.retired_idle),
            ("age", counts.retired_age),
            ("surplus", counts.retired_surplus),
            ("dead", counts.retired_dead),
            ("state", counts.retired_state),
            ("busy", counts.retired_busy),
            ("account", counts.retired_account),
        ] {
            family = with(family, account, &[("reason", reason)], value);
        }
    }
    family
}

/// The buckets are cumulative here, as Prometheus has them.
fn waits(accounts: &[Account]) -> Family {
    let mut family = Family::new(
        "odp_pool_waits",
        "Waits for a server session that took at most so many microseconds.",
        Kind::Counter,
    );
    for (account, (_, counts)) in accounts {
        let bounds = WAIT_BOUNDS_US.iter().map(ToString::to_string);
        let mut sum = 0;
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts.waits) {
            sum += count;
            family = with(family, account, &[("le_us", &bound)], sum);
        }
    }
    family
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_cluster::{ServerAddr, TenantName};

    fn account(number: usize) -> AccountAt {
        AccountAt {
            server: ServerAddr::from(std::net::SocketAddr::from(([10, 0, 0, 1], 2881))),
            tenant: TenantName::new("demo"),
            user: format!("user{number:05}").into(),
        }
    }

    #[test]
    fn accounts_beyond_the_bound_are_told_as_one_and_nothing_is_lost() {
        let state = || {
            let counts = PoolCounts {
                opened: 2,
                ..PoolCounts::default()
            };
            (PoolSizes::default(), counts)
        };
        let accounts: BTreeMap<_, _> = (0..TOLD_MAX + 7).map(|n| (account(n), state())).collect();
        let families = families(&accounts);
        let opened = families
            .iter()
            .find(|family| family.name == "odp_pool_opened");
        let samples = &opened.unwrap().samples;
        assert_eq!(samples.len(), TOLD_MAX + 1);
        let nobody = samples.iter().find(|it| it.labels[2].1.is_empty()).unwrap();
        assert_eq!(nobody.value, 14);
        let all: u64 = samples.iter().map(|sample| sample.value).sum();
        assert_eq!(all, 2 * number(accounts.len()));
    }

    #[test]
    fn the_buckets_of_the_waits_add_up() {
        let counts = PoolCounts {
            waits: [1, 0, 2, 0, 0, 0, 0, 4],
            ..PoolCounts::default()
        };
        let family = waits(&[(account(1), (PoolSizes::default(), counts))]);
        let values: Vec<_> = family.samples.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [1, 1, 3, 3, 3, 3, 3, 7]);
    }
}
