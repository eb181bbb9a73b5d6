//! What a data plane reports in a heartbeat.

use super::worker::Shared;
use super::{pool_report, server_report};
use crate::snapshot::{Family, Kind, Kinds, Snapshot};
use crate::wall_clock::WallClock;
use odp_admin::{Discovery, PinnedBy, ServerStatus, Sessions};
use odp_discovery::{DiscoveryState, MetadataState};
use odp_routing::{ClusterView, ServerStanding, Standing};
use odp_session::{Counts, PinReason};
use std::time::Instant;

/// Everything at this moment.
pub(super) fn snapshot(shared: &Shared, counts: &Counts) -> Snapshot {
    let clock = WallClock::now();
    let standings = shared.router.standings(Instant::now());
    let view = shared.router.view();
    let usable = standings.iter().filter(|server| is_usable(server)).count();
    let servers = standings
        .iter()
        .map(|standing| server(standing, &view, &clock))
        .collect();
    let mut families = session_families(counts);
    families.extend(trouble_families(counts));
    families.push(routes(shared));
    families.extend(server_report::families(&standings, &clock));
    let pools = &shared.pooling.pools;
    families.extend(pool_report::families(&pools.by_account()));
    let (told, pools_left_out) = pool_report::busiest(pools.by_key());
    let sessions = Sessions {
        client: gauge(counts.clients),
        server: gauge(counts.servers),
        in_transaction: gauge(counts.in_transaction),
        pinned: pinned(counts),
        pinned_by: PinnedBy {
            transaction_characteristics: gauge(counts.pinned_transaction_characteristics),
            temporary_table: gauge(counts.pinned_temporary_table),
            text_prepared: gauge(counts.pinned_text_prepared),
            locks: gauge(counts.pinned_locks),
            role: gauge(counts.pinned_role),
            multi_statements: gauge(counts.pinned_multi_statements),
            xa: gauge(counts.pinned_xa),
            sequence: gauge(counts.pinned_sequence),
            unseen: gauge(counts.pinned_unseen),
            last_statement: gauge(counts.pinned_last_statement),
        },
    };
    Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sessions,
        kinds: Kinds {
            in_transaction: gauge(counts.kind_in_transaction),
            pinned: gauge(counts.kind_pinned),
        },
        drained_sessions: counts.drained_sessions,
        drained_kinds: Kinds {
            in_transaction: counts.drained_in_transaction,
            pinned: counts.drained_pinned,
        },
        cut_sessions: counts.cut_sessions,
        cut_kinds: Kinds {
            in_transaction: counts.cut_in_transaction,
            pinned: counts.cut_pinned,
        },
        servers,
        usable_servers: u64::try_from(usable).unwrap_or(u64::MAX),
        discovery: discovery(&shared.discovery.state()),
        pools: told,
        pools_left_out,
        families,
    }
}

/// A listed server is tried again by a request when its time has come, a server that the cluster
/// itself has taken out is not.
fn is_usable(server: &ServerStanding) -> bool {
    server.standing == Standing::Ok
}

fn server(standing: &ServerStanding, view: &ClusterView, clock: &WallClock) -> ServerStatus {
    let addr = standing.addr();
    let leads = view
        .tenants
        .values()
        .any(|tenant| tenant.single_leader == Some(addr));
    ServerStatus {
        addr: addr.to_string(),
        zone: standing.server.zone.to_string(),
        role: if leads { "leader" } else { "unknown" }.to_owned(),
        standing: standing.standing.label().to_owned(),
        response_ms: standing
            .response_time
            .map(|time| time.as_secs_f64() * 1000.0),
        is_slow: standing.is_slow,
        strikes: standing.strikes,
        last_evidence: standing.last_evidence.map(|moment| clock.rfc3339(moment)),
        evidence: standing.evidence.map(|evidence| evidence.to_string()),
        next_probe_at: standing.next_probe_at.map(|moment| clock.rfc3339(moment)),
    }
}

fn discovery(state: &DiscoveryState) -> Discovery {
    Discovery {
        connected: matches!(
            state.metadata,
            MetadataState::Connected(_) | MetadataState::NotAsked
        ),
        error: state.last_error.clone(),
    }
}

/// `OBProxy`'s names where it has the metric.
fn session_families(counts: &Counts) -> Vec<Family> {
    vec![
        Family::new(
            "odp_current_session",
            "Sessions that are open.",
            Kind::Gauge,
        )
        .with(&[("sessionType", "client")], gauge(counts.clients))
        .with(&[("sessionType", "server")], gauge(counts.servers)),
        Family::new(
            "odp_session_state",
            "Client sessions by state.",
            Kind::Gauge,
        )
        .with(&[("state", "in_transaction")], gauge(counts.in_transaction))
        .with(&[("state", "pinned")], pinned(counts)),
        PinReason::ALL.into_iter().fold(
            Family::new(
                "odp_pinned_session",
                "Client sessions that are tied to one server session, by reason.",
                Kind::Gauge,
            ),
            |family, reason| {
                family.with(&[("reason", reason.label())], gauge(counts.pinned(reason)))
            },
        ),
        Family::new("odp_new_client_connections", "Logins.", Kind::Gauge)
            .with(&[("connectionResult", "success")], counts.logins)
            .with(&[("connectionResult", "fail")], counts.failed_logins),
        Family::new(
            "odp_sql_request",
            "Requests sent to servers.",
            Kind::Counter,
        )
        .with(
            &[("sqlResult", "success")],
            counts.requests.saturating_sub(counts.failed_requests),
        )
        .with(&[("sqlResult", "fail")], counts.failed_requests),
        Family::new(
            "odp_partition_miss",
            "Requests whose partition's leader was another server.",
            Kind::Counter,
        )
        .with(&[], counts.partition_misses),
    ]
}

/// What went wrong and was dealt with: counters without labels.
fn trouble_families(counts: &Counts) -> impl Iterator<Item = Family> {
    [
        (
            "odp_retried_request",
            "Requests that were sent again, to another server or another leader.",
            counts.retried_requests,
        ),
        (
            "odp_lost_request",
            "Requests that ended without an answer.",
            counts.lost_requests,
        ),
        (
            "odp_killed_statement",
            "Statements that were killed because nobody waited for them any more.",
            counts.killed_statements,
        ),
        (
            "odp_forsaken_statement",
            "Statements that nobody waited for and that were left to their servers.",
            counts.forsaken_statements,
        ),
        (
            "odp_session_panic",
            "Sessions that ended by a panic.",
            counts.panics,
        ),
    ]
    .into_iter()
    .map(|(name, help, count)| Family::new(name, help, Kind::Counter).with(&[], count))
}

fn routes(shared: &Shared) -> Family {
    let help = "Why requests went where they went.";
    let family = Family::new("odp_route", help, Kind::Counter);
    let reasons = shared.router.reasons();
    reasons.into_iter().fold(family, |family, (reason, count)| {
        family.with(&[("reason", reason.label())], count)
    })
}

fn pinned(counts: &Counts) -> u64 {
    let by_reason = PinReason::ALL.map(|reason| gauge(counts.pinned(reason)));
    by_reason.into_iter().sum()
}

fn gauge(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
