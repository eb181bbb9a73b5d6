//! A record's life with made-up instants.

use super::*;
use proptest::prelude::*;

fn at(base: Instant, seconds: u64) -> Instant {
    base + Duration::from_secs(seconds)
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Strike,
    Answered,
    InService(bool),
    Claim,
}

#[test]
fn the_alive_list_follows_its_table() {
    use Admission::{No, Probe, Yes};
    use Event::{Answered, Claim, Strike};
    let table: &[(u64, Event, Admission)] = &[
        (0, Strike, Yes),
        (1, Strike, Yes),
        (2, Strike, Yes),
        (3, Strike, Yes),
        // The first strike has left the window by now: this is the fourth, not the fifth.
        (121, Strike, Yes),
        (121, Strike, No),
        // Answers to requests from before the listing change nothing.
        (122, Answered, No),
        (140, Answered, No),
        (141, Claim, No),
        // The probe failed: listed anew.
        (142, Strike, No),
        (161, Claim, No),
        (162, Claim, No),
        (162, Claim, No),
        (163, Answered, Yes),
        // The strikes are forgotten with the listing.
        (164, Strike, Yes),
    ];
    let (record, limits, base) = (Record::default(), RouterLimits::default(), Instant::now());
    for &(second, event, admission) in table {
        let now = at(base, second);
        apply(&record, &limits, now, event);
        assert_eq!(record.admits(now), admission, "{second} s {event:?}");
    }
    for second in 165..169 {
        record.strike(&limits, at(base, second));
    }
    assert_eq!(record.admits(at(base, 187)), No);
    assert_eq!(record.admits(at(base, 188)), Probe);
}

#[test]
fn the_status_list_is_left_when_the_cluster_says_so_and_hides_probes() {
    let (record, limits, now) = (Record::default(), RouterLimits::default(), Instant::now());
    record.set_in_service(false);
    assert_eq!(record.admits(now), Admission::No);
    for _ in 0..5 {
        record.strike(&limits, now);
    }
    assert!(!record.claim_probe(&limits, at(now, 100)));
    record.set_in_service(true);
    assert_eq!(record.admits(at(now, 100)), Admission::Probe);
}

#[test]
fn only_one_of_many_threads_has_the_probe() {
    let (record, limits, now) = (Record::default(), RouterLimits::default(), Instant::now());
    for _ in 0..5 {
        record.strike(&limits, now);
    }
    let claims = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| record.claim_probe(&limits, at(now, 20))))
            .collect();
        let claims = threads.into_iter().map(|thread| thread.join().unwrap());
        claims.filter(|&claimed| claimed).count()
    });
    assert_eq!(claims, 1);
}

fn apply(record: &Record, limits: &RouterLimits, now: Instant, event: Event) -> bool {
    match event {
        Event::Strike => {
            record.strike(limits, now);
        }
        Event::Answered => record.answered(limits, now),
        Event::InService(in_service) => record.set_in_service(in_service),
        Event::Claim => return record.claim_probe(limits, now),
    }
    false
}

proptest! {
    #[test]
    fn probes_are_never_closer_than_the_retry_interval(
        events in prop::collection::vec((0_u64..30, 0_u8..5), 1..200)
    ) {
        let (record, limits, base) = (Record::default(), RouterLimits::default(), Instant::now());
        let mut now = base;
        let mut last_probe: Option<Instant> = None;
        let mut listed_since_probe = true;
        for (pause, event) in events {
            now += Duration::from_secs(pause);
            let event = match event {
                0 => Event::Strike,
                1 => Event::Answered,
                2 => Event::InService(false),
                3 => Event::InService(true),
                _ => Event::Claim,
            };
            if apply(&record, &limits, now, event) {
                let gap = last_probe.map(|last| now - last);
                prop_assert!(
                    !listed_since_probe || gap.is_none_or(|gap| gap >= limits.congestion_retry_interval)
                );
                last_probe = Some(now);
                listed_since_probe = true;
            }
            if record.admits(now) == Admission::Yes {
                listed_since_probe = false;
            }
        }
    }
}

#[test]
fn what_was_held_against_a_server_is_held_on() {
    let (limits, now) = (RouterLimits::default(), Instant::now());
    let former = |strikes, probe_in| FormerStanding {
        server: "127.0.0.1:2881".parse().unwrap(),
        strikes,
        probe_in,
    };
    let record = Record::default();
    record.relist(&former(2, None), &limits, now);
    assert_eq!(record.admits(now), Admission::Yes);
    for _ in 0..3 {
        assert_eq!(record.admits(now), Admission::Yes);
        record.strike(&limits, now);
    }
    assert_eq!(record.admits(now), Admission::No);

    let record = Record::default();
    record.relist(&former(5, Some(Duration::from_secs(7))), &limits, now);
    assert_eq!(record.admits(now + Duration::from_secs(6)), Admission::No);
    assert_eq!(
        record.admits(now + Duration::from_secs(7)),
        Admission::Probe
    );
}
