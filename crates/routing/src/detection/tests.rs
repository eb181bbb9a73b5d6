//! The judge with made-up instants.

use super::*;
use odp_cluster::{Server, ServerState, ZoneName};
use proptest::prelude::*;

fn addr(number: u8) -> ServerAddr {
    format!("10.0.0.{number}:2881").parse().unwrap()
}

fn view(count: u8) -> ClusterView {
    let server = |number| Server {
        addr: addr(number),
        zone: ZoneName::new("z"),
        state: ServerState::Active,
    };
    ClusterView {
        servers: (1..=count).map(server).collect(),
        ..ClusterView::default()
    }
}

fn evidence(sign: Sign) -> Evidence {
    Evidence {
        server: addr(1),
        sign,
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_dead_after_the_threshold() {
    let (base, view) = (Instant::now(), view(1));
    let mut detection = Detection::default();
    assert!(detection.due(&view, base).is_empty(), "nobody waits");
    assert_eq!(detection.next_due(base), None);
    detection.note(evidence(Sign::Waiting), |_| true, base);
    let mut now = base;
    for probe in 1..=3 {
        assert_eq!(detection.due(&view, now), [addr(1)]);
        assert!(detection.due(&view, now).is_empty(), "one at a time");
        assert!(detection.due(&view, now + millis(10_000)).is_empty());
        now += millis(500);
        let verdict = detection.probed(addr(1), Probed::Silent);
        assert_eq!(verdict, (probe == 3).then_some(Detected::Dead));
    }
    assert_eq!(now - base, millis(1500));
    // It is probed until it answers, though nobody waits any more.
    now += millis(60_000);
    assert_eq!(detection.due(&view, now), [addr(1)]);
    assert_eq!(
        detection.probed(addr(1), Probed::Answered),
        Some(Detected::Alive)
    );
    assert!(detection.due(&view, now + millis(60_000)).is_empty());
}

#[test]
fn a_refused_probe_lists_at_once_and_a_broken_connection_asks_for_one() {
    let (now, view) = (Instant::now(), view(1));
    let mut detection = Detection::default();
    assert_eq!(detection.note(evidence(Sign::Broken), |_| false, now), None);
    assert_eq!(detection.due(&view, now), [addr(1)]);
    assert_eq!(
        detection.probed(addr(1), Probed::Refused),
        Some(Detected::Unreachable)
    );
    // Further failures come at the pace of the interval, unless somebody asks.
    assert_eq!(detection.next_due(now), Some(now + millis(500)));
    detection.note(evidence(Sign::Broken), |_| false, now);
    assert_eq!(detection.next_due(now), Some(now + millis(20)));
    assert_eq!(detection.due(&view, now + millis(20)), [addr(1)]);
    assert_eq!(detection.probed(addr(1), Probed::Refused), None);
    detection.due(&view, now + millis(520));
    assert_eq!(
        detection.probed(addr(1), Probed::Refused),
        Some(Detected::Dead)
    );
}

#[test]
fn a_black_hole_is_seen_by_two_stuck_connections_or_by_one_that_is_alone() {
    let base = Instant::now();
    let stuck = |connection| {
        evidence(Sign::Stuck {
            connection,
            since: base,
        })
    };
    let now = base + millis(300);
    // Alone: nothing was heard since.
    let mut detection = Detection::default();
    assert_eq!(
        detection.note(stuck(1), |_| false, now),
        Some(Detected::Unreachable)
    );
    assert_eq!(detection.note(stuck(1), |_| false, now), None, "known");
    // Others are answered: one is not enough, the same one twice neither.
    let mut detection = Detection::default();
    let heard = |moment: Instant| moment <= now;
    assert_eq!(detection.note(stuck(1), heard, now), None);
    assert_eq!(detection.note(stuck(1), heard, now + millis(100)), None);
    assert_eq!(
        detection.note(stuck(2), heard, now + millis(100)),
        Some(Detected::Unreachable)
    );
    // Too long ago.
    let mut detection = Detection::default();
    assert_eq!(detection.note(stuck(1), heard, now), None);
    assert_eq!(detection.note(stuck(2), heard, now + millis(1500)), None);
}

#[test]
fn the_mode_says_who_is_probed() {
    let (now, view) = (Instant::now(), view(3));
    let with = |mode| {
        Detection::new(DetectionLimits {
            mode,
            ..DetectionLimits::default()
        })
    };
    let mut off = with(DetectMode::Off);
    let stuck = Sign::Stuck {
        connection: 1,
        since: now,
    };
    assert_eq!(
        off.note(evidence(stuck), |_| false, now + millis(300)),
        None
    );
    assert!(off.due(&view, now).is_empty());
    assert_eq!(off.next_due(now), None);
    let mut all = with(DetectMode::All);
    assert_eq!(all.due(&view, now).len(), 3);
    assert!(all.next_due(now).is_some());
}

#[test]
fn servers_that_leave_the_cluster_are_forgotten() {
    let now = Instant::now();
    let mut detection = Detection::default();
    detection.adopt(addr(1), Detected::Dead);
    assert!(detection.due(&ClusterView::default(), now).is_empty());
    assert_eq!(detection.probed(addr(1), Probed::Answered), None);
    detection.adopt(addr(1), Detected::Dead);
    assert_eq!(detection.due(&view(1), now), [addr(1)]);
}

proptest! {
    #[test]
    fn there_is_one_probe_at_a_time_and_an_answer_always_clears(
        events in prop::collection::vec((0_u64..400, 0_u8..8, 1_u8..4), 1..200)
    ) {
        let view = view(3);
        let mut detection = Detection::default();
        let mut now = Instant::now();
        let mut under_way = std::collections::HashSet::new();
        let mut thought = HashMap::new();
        for (pause, event, server) in events {
            now += millis(pause);
            let server = addr(server);
            let verdict = match event {
                0 => detection.note(Evidence { server, sign: Sign::Broken }, |_| false, now),
                1 => detection.note(Evidence { server, sign: Sign::Waiting }, |_| false, now),
                2 => {
                    let sign = Sign::Stuck { connection: u32::from(event), since: now };
                    detection.note(Evidence { server, sign }, |_| false, now)
                }
                3 | 4 => {
                    for server in detection.due(&view, now) {
                        prop_assert!(under_way.insert(server), "two at once");
                    }
                    None
                }
                _ if under_way.remove(&server) => {
                    let came = [Probed::Answered, Probed::Refused, Probed::Silent];
                    let came = came[usize::from(event - 5)];
                    let verdict = detection.probed(server, came);
                    if came == Probed::Answered {
                        thought.insert(server, Detected::Alive);
                    }
                    verdict
                }
                _ => None,
            };
            if let Some(verdict) = verdict {
                thought.insert(server, verdict);
            }
            // Whoever is thought badly of is probed or will be.
            for (server, detected) in &thought {
                let is_due = detection.next_due(now).is_some();
                prop_assert!(*detected == Detected::Alive || under_way.contains(server) || is_due);
            }
        }
    }
}
