//! A record's life with made-up instants.

use super::*;
use proptest::prelude::*;

fn at(base: Instant, seconds: u64) -> Instant {
    base + Duration::from_secs(seconds)
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Strike(Errand),
    Answered(Errand),
    InService(bool),
    Drained(bool),
    Detected(Detected),
    Claim,
    GiveUp,
}

#[test]
fn the_alive_list_follows_its_table() {
    use Admission::{No, Probe, Yes};
    use Errand::{Probe as ByProbe, Request};
    use Event::{Answered, Claim, GiveUp, Strike};
    let table: &[(u64, Event, Admission)] = &[
        (0, Strike(Request), Yes),
        (1, Strike(Request), Yes),
        (2, Strike(Request), Yes),
        (3, Strike(Request), Yes),
        // The first strike has left the window by now: this is the fourth, not the fifth.
        (121, Strike(Request), Yes),
        (121, Strike(Request), No),
        // Answers to requests from before the listing change nothing.
        (122, Answered(Request), No),
        (140, Answered(Request), No),
        (141, Claim, No),
        // The failure of another request changes nothing about the probe.
        (141, Strike(Request), No),
        (161, Claim, No),
        // The probe failed: listed anew.
        (162, Strike(ByProbe), No),
        (181, Claim, No),
        (182, Claim, No),
        // Nobody knows what came of it: the next one may.
        (183, GiveUp, Probe),
        (183, Claim, No),
        (184, Answered(ByProbe), Yes),
        // The strikes are forgotten with the listing.
        (185, Strike(Request), Yes),
    ];
    let (record, limits, base) = (Record::default(), RouterLimits::default(), Instant::now());
    for &(second, event, admission) in table {
        let now = at(base, second);
        apply(&record, &limits, now, event);
        assert_eq!(record.admits(now), admission, "{second} s {event:?}");
    }
    for second in 186..190 {
        record.strike(
            Request,
            Observation::ConnectionLost,
            &limits,
            at(base, second),
        );
    }
    assert_eq!(record.admits(at(base, 208)), No);
    assert_eq!(record.admits(at(base, 209)), Probe);
}

#[test]
fn the_status_list_is_left_when_the_cluster_says_so_and_hides_probes() {
    let (record, limits, now) = (Record::default(), RouterLimits::default(), Instant::now());
    record.set_in_service(false, now);
    assert_eq!(record.admits(now), Admission::No);
    for _ in 0..5 {
        record.strike(Errand::Request, Observation::ConnectionLost, &limits, now);
    }
    assert!(!record.claim_probe(&limits, at(now, 100)));
    record.set_in_service(true, now);
    assert_eq!(record.admits(at(now, 100)), Admission::Probe);
}

#[test]
fn only_one_of_many_threads_has_the_probe() {
    let (record, limits, now) = (Record::default(), RouterLimits::default(), Instant::now());
    for _ in 0..5 {
        record.strike(Errand::Request, Observation::ConnectionLost, &limits, now);
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

fn server() -> Server {
    Server {
        addr: "127.0.0.1:1".parse().unwrap(),
        zone: odp_cluster::ZoneName::new("z"),
        state: odp_cluster::ServerState::Active,
    }
}

fn apply(record: &Record, limits: &RouterLimits, now: Instant, event: Event) -> bool {
    match event {
        Event::Strike(errand) => {
            record.strike(errand, Observation::ConnectionLost, limits, now);
        }
        Event::Answered(errand) => record.answered(errand, limits, now),
        Event::InService(in_service) => record.set_in_service(in_service, now),
        Event::Drained(drained) => record.set_drained(drained),
        Event::Detected(detected) => {
            record.set_detected(detected, now);
        }
        Event::Claim => return record.claim_probe(limits, now),
        Event::GiveUp => record.give_up_probe(now),
    }
    false
}

proptest! {
    #[test]
    fn there_is_never_more_than_one_probe_and_a_server_stays_listed_for_the_least_time(
        events in prop::collection::vec((0_u64..30, 0_u8..9), 1..300)
    ) {
        let (record, limits, base) = (Record::default(), RouterLimits::default(), Instant::now());
        let mut now = base;
        // Since when a probe has been under way, and since when the server has been listed.
        let (mut probing, mut listed): (Option<Instant>, Option<Instant>) = (None, None);
        for (pause, event) in events {
            now += Duration::from_secs(pause);
            let event = match event {
                0 | 1 => Event::Strike(Errand::Request),
                2 => Event::Answered(Errand::Request),
                3 => Event::InService(false),
                4 => Event::InService(true),
                5 if probing.is_some() => Event::Strike(Errand::Probe),
                6 if probing.is_some() => Event::Answered(Errand::Probe),
                7 if probing.is_some() => Event::GiveUp,
                _ => Event::Claim,
            };
            let claimed = apply(&record, &limits, now, event);
            if claimed {
                let lost = |since: Instant| now - since >= limits.probe_patience;
                prop_assert!(probing.is_none_or(lost), "two at once");
                probing = Some(now);
            } else if !matches!(event, Event::Claim | Event::InService(_))
                && !matches!(event, Event::Strike(Errand::Request))
            {
                // Its own outcome, or an answer that clears the server.
                let is_own = !matches!(event, Event::Answered(Errand::Request));
                if is_own || !record.lists().is_alive_listed() {
                    probing = None;
                }
            }
            let is_listed = record.lists().is_alive_listed();
            if let (false, Some(since)) = (is_listed, listed) {
                prop_assert!(now - since >= limits.min_keep_congestion_interval);
            }
            listed = is_listed.then(|| listed.unwrap_or(now));
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
        is_unreachable: false,
    };
    let record = Record::default();
    record.relist(&former(2, None), &limits, now);
    assert_eq!(record.admits(now), Admission::Yes);
    for _ in 0..3 {
        assert_eq!(record.admits(now), Admission::Yes);
        record.strike(Errand::Request, Observation::ConnectionLost, &limits, now);
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

#[test]
fn the_last_evidence_is_told_with_its_moment() {
    let (base, limits) = (Instant::now(), RouterLimits::default());
    let record = Record::default();
    let told = |second| {
        let standing = record.standing(server(), &limits, at(base, second));
        let words = standing.evidence.map(|evidence| evidence.to_string());
        (standing.last_evidence, words.unwrap_or_default())
    };
    assert_eq!(told(0), (None, String::new()));
    for (second, failure, words) in [
        (1, Observation::ConnectFailed, "no connection could be made"),
        (2, Observation::TimedOut, "no answer in time"),
        (
            3,
            Observation::ServerError(4013),
            "the server said error 4013",
        ),
        (
            4,
            Observation::ConnectionLost,
            "a connection broke while an answer was due",
        ),
    ] {
        record.strike(Errand::Request, failure, &limits, at(base, second));
        assert_eq!(told(second), (Some(at(base, second)), words.to_owned()));
    }
    record.set_detected(Detected::Dead, at(base, 5));
    // The same once more is no news.
    record.set_detected(Detected::Dead, at(base, 6));
    assert_eq!(
        told(6),
        (Some(at(base, 5)), "it answers no probe".to_owned())
    );
    record.set_detected(Detected::Alive, at(base, 7));
    assert_eq!(told(7), (Some(at(base, 7)), "it answers probes".to_owned()));
    record.strike(
        Errand::Request,
        Observation::ConnectionLost,
        &limits,
        at(base, 8),
    );
    let kept = at(base, 8) + limits.min_keep_congestion_interval;
    record.answered(Errand::Probe, &limits, kept);
    assert_eq!(told(100), (Some(kept), "it answered a request".to_owned()));
}

#[test]
fn each_list_is_entered_and_left_by_its_own_cause_and_the_standing_names_the_strongest() {
    use Admission::{No, Probe, Yes};
    use Event::{Answered, Claim, Detected as Found, Drained, InService, Strike};
    let table: &[(u64, Event, Standing, Admission)] = &[
        (0, InService(false), Standing::Status, No),
        (1, Found(Detected::Unreachable), Standing::Status, No),
        (2, InService(true), Standing::Detect, No),
        (3, Found(Detected::Dead), Standing::Detect, No),
        (4, Drained(true), Standing::Drained, No),
        (5, Found(Detected::Alive), Standing::Drained, No),
        (6, Drained(false), Standing::Ok, Yes),
        // The cluster's word counts at once, also when it changes its mind.
        (7, InService(false), Standing::Status, No),
        (7, InService(true), Standing::Ok, Yes),
        // Failures while it is out for another reason count all the same.
        (10, Drained(true), Standing::Drained, No),
        (10, Strike(Errand::Request), Standing::Drained, No),
        (10, Strike(Errand::Request), Standing::Drained, No),
        (10, Strike(Errand::Request), Standing::Drained, No),
        (10, Strike(Errand::Request), Standing::Drained, No),
        (10, Strike(Errand::Request), Standing::Drained, No),
        (11, Drained(false), Standing::Alive, No),
        // No probe is due in between, whoever asks; an answer to a probe of detection proves no request.
        (12, Found(Detected::Dead), Standing::Detect, No),
        (30, Claim, Standing::Detect, No),
        (31, Found(Detected::Alive), Standing::Alive, Probe),
        (31, Claim, Standing::Alive, No),
        (31, Claim, Standing::Alive, No),
        (32, Answered(Errand::Probe), Standing::Ok, Yes),
        (40, InService(false), Standing::Status, No),
    ];
    let (record, limits, base) = (Record::default(), RouterLimits::default(), Instant::now());
    for &(second, event, standing, admission) in table {
        let now = at(base, second);
        apply(&record, &limits, now, event);
        let shown = record.standing(server(), &limits, now);
        assert_eq!(
            (shown.standing, record.admits(now)),
            (standing, admission),
            "{second} s {event:?}"
        );
    }
    let shown = record.standing(server(), &limits, at(base, 50));
    let when = |second| Some(at(base, second));
    let last = shown.last_listed;
    assert_eq!(
        (last.status, last.detect, last.alive),
        (when(40), when(12), when(10))
    );
    assert_eq!(shown.failures.total, 5);
    assert_eq!((shown.failures.recent, shown.failures.last), (0, when(10)));
    assert_eq!(shown.unconnected.total, 0);
}
