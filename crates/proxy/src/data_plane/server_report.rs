//! What the metrics tell about each server: its standing, what is held against it, when it is tried again.

use crate::snapshot::{Family, Kind};
use crate::wall_clock::WallClock;
use odp_routing::ServerStanding;

/// The families with one sample for each server that has something to tell.
pub(super) fn families(standings: &[ServerStanding], clock: &WallClock) -> [Family; 6] {
    let standing = Family::new(
        "odp_server_standing",
        "Servers by their standing; 1 for the one that each has.",
        Kind::Gauge,
    );
    let strikes = Family::new(
        "odp_server_strikes",
        "Failures that count against a server at the moment.",
        Kind::Gauge,
    );
    let evidence = Family::new(
        "odp_server_last_evidence_timestamp_seconds",
        "When something last said how a server is, in seconds since 1970, and what that was.",
        Kind::Gauge,
    );
    let probe = Family::new(
        "odp_server_next_probe_timestamp_seconds",
        "When a request tries a listed server again, in seconds since 1970.",
        Kind::Gauge,
    );
    let pace = Family::new(
        "odp_server_response_microseconds",
        "What a quarter of a server's plain reads take at most.",
        Kind::Gauge,
    );
    let slow = Family::new(
        "odp_server_slow",
        "1 for a server that is far slower than the others of its region.",
        Kind::Gauge,
    );
    let families = [standing, strikes, evidence, probe, pace, slow];
    standings.iter().fold(families, |families, server| {
        let [standing, strikes, mut evidence, mut probe, mut pace, slow] = families;
        let addr = server.addr().to_string();
        let own = [
            ("addr", addr.as_str()),
            ("zone", server.server.zone.as_str()),
        ];
        let [addr, zone] = own;
        if let (Some(moment), Some(words)) = (server.last_evidence, server.evidence) {
            let words = words.to_string();
            let labels = [addr, zone, ("evidence", words.as_str())];
            evidence = evidence.with(&labels, clock.unix_seconds(moment));
        }
        if let Some(moment) = server.next_probe_at {
            probe = probe.with(&own, clock.unix_seconds(moment));
        }
        if let Some(time) = server.response_time {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            pace = pace.with(&own, micros);
        }
        [
            standing.with(&[addr, zone, ("standing", server.standing.label())], 1),
            strikes.with(&own, u64::from(server.strikes)),
            evidence,
            probe,
            pace,
            slow.with(&own, u64::from(server.is_slow)),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use odp_cluster::{Server, ServerState, ZoneName};
    use odp_routing::{ClusterView, Detected, FormerStanding, Router, RouterLimits};
    use std::time::{Duration, Instant};

    #[test]
    fn strikes_last_evidence_and_next_probe_are_told_of_each_server() {
        let server = |number: u8| Server {
            addr: format!("10.0.0.{number}:2881").parse().unwrap(),
            zone: ZoneName::new(format!("z{number}")),
            state: ServerState::Active,
        };
        let (router, now) = (Router::new(RouterLimits::default()), Instant::now());
        let view = ClusterView {
            servers: (1..=3).map(server).collect(),
            ..ClusterView::default()
        };
        router.set_view(view, now);
        let listed = FormerStanding {
            server: server(2).addr,
            strikes: 4,
            probe_in: Some(Duration::from_secs(90)),
            is_unreachable: false,
        };
        router.relist(&[listed], now);
        router.set_detected(server(3).addr, Detected::Dead, now);
        let clock = WallClock::now();
        let text = metrics::text(families(&router.standings(now), &clock).to_vec(), &[]);
        let at = clock.unix_seconds(now);
        for line in [
            "odp_server_standing{addr=\"10.0.0.1:2881\",zone=\"z1\",standing=\"ok\"} 1".to_owned(),
            "odp_server_strikes{addr=\"10.0.0.1:2881\",zone=\"z1\"} 0".to_owned(),
            "odp_server_strikes{addr=\"10.0.0.2:2881\",zone=\"z2\"} 4".to_owned(),
            format!(
                "odp_server_next_probe_timestamp_seconds{{addr=\"10.0.0.2:2881\",zone=\"z2\"}} {}",
                at + 90
            ),
            format!(
                "odp_server_last_evidence_timestamp_seconds{{addr=\"10.0.0.3:2881\",zone=\"z3\",\
                 evidence=\"it answers no probe\"}} {at}"
            ),
        ] {
            assert!(
                text.lines().any(|it| it == line),
                "{line} is not in\n{text}"
            );
        }
        assert_eq!(text.matches("next_probe_timestamp_seconds{").count(), 1);
    }
}
