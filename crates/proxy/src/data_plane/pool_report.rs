//! What the pools report in a heartbeat.

use crate::snapshot::{Family, Kind};
use odp_pool::{PoolCounts, PoolSnapshot, WAIT_BOUNDS_US};

/// The metrics of the pools.
pub(super) fn families(counts: &PoolCounts, pools: &[PoolSnapshot]) -> Vec<Family> {
    let mut families = vec![sizes(pools), retired(counts), waits(counts)];
    for (name, help, value) in [
        (
            "odp_pool_opened",
            "Server sessions that were logged in for a pool.",
            counts.opened,
        ),
        (
            "odp_pool_opened_ahead",
            "Of those, the ones that were opened before anybody asked.",
            counts.opened_ahead,
        ),
        (
            "odp_pool_reused",
            "Server sessions of a pool that were lent again.",
            counts.reused,
        ),
        (
            "odp_pool_saved_logins",
            "Client logins without a login at a server.",
            counts.saved_logins,
        ),
        (
            "odp_pool_resets",
            "Server sessions put back into the state of a login.",
            counts.resets,
        ),
        (
            "odp_pool_moved",
            "Server sessions that moved to another thread.",
            counts.moved,
        ),
        (
            "odp_pool_wait_timeouts",
            "Waits for a server session that ended at their deadline.",
            counts.wait_timeouts,
        ),
        (
            "odp_pool_refused_waits",
            "Clients sent away because too many waited.",
            counts.refused_waits,
        ),
    ] {
        families.push(Family::new(name, help, Kind::Counter).with(&[], value));
    }
    families
}

fn sizes(pools: &[PoolSnapshot]) -> Family {
    let mut family = Family::new(
        "odp_pool_sessions",
        "Server sessions of the pools, and who waits for them.",
        Kind::Gauge,
    );
    for pool in pools {
        let server = pool.server.to_string();
        for (state, value) in [
            ("idle", pool.idle),
            ("in_use", pool.in_use),
            ("waiting", pool.waiting),
        ] {
            let labels = [
                ("server", server.as_str()),
                ("tenantName", &pool.tenant),
                ("userName", &pool.user),
                ("state", state),
            ];
            family = family.with(&labels, u64::try_from(value).unwrap_or(u64::MAX));
        }
    }
    family
}

fn retired(counts: &PoolCounts) -> Family {
    let mut family = Family::new(
        "odp_pool_retired",
        "Server sessions that a pool gave up, by reason.",
        Kind::Counter,
    );
    for (reason, value) in [
        ("idle", counts.retired_idle),
        ("age", counts.retired_age),
        ("surplus", counts.retired_surplus),
        ("dead", counts.retired_dead),
        ("state", counts.retired_state),
        ("busy", counts.retired_busy),
        ("account", counts.retired_account),
    ] {
        family = family.with(&[("reason", reason)], value);
    }
    family
}

/// The buckets are cumulative here, as Prometheus has them.
fn waits(counts: &PoolCounts) -> Family {
    let mut family = Family::new(
        "odp_pool_waits",
        "Waits for a server session that took at most so many microseconds.",
        Kind::Counter,
    );
    let bounds = WAIT_BOUNDS_US.iter().map(ToString::to_string);
    let mut sum = 0;
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts.waits) {
        sum += count;
        family = family.with(&[("le_us", &bound)], sum);
    }
    family
}
