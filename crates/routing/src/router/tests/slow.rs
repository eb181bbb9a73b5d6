//! A server that answers, but far later than its peers.

use super::fixture::{Setup, addr};
use crate::{Decision, Request, RouteReason};
use odp_sql::Consistency;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const WEAK: &str = "select * from t where k = 1";
const QUICK: Duration = Duration::from_micros(300);
const SLOW: Duration = Duration::from_millis(15);

/// Lets each server answer `count` plain reads in its time.
fn answer(setup: &mut Setup, times: [Duration; 3], count: usize) {
    for _ in 0..count {
        setup.now += Duration::from_millis(3);
        for (number, took) in (1..).zip(times) {
            setup
                .router
                .note_response_time(addr(number), took, setup.now);
        }
    }
}

fn sick(server: usize) -> Setup {
    let mut setup = Setup::new();
    let mut times = [QUICK; 3];
    answer(&mut setup, times, 20);
    times[server - 1] = SLOW;
    answer(&mut setup, times, 40);
    setup
}

/// How many of 1,600 requests each server gets.
fn shares(setup: &Setup, sql: &str, request: Request<'_>) -> [usize; 3] {
    let mut counts = HashMap::new();
    for _ in 0..1600 {
        match setup.decide_with(sql, request) {
            Decision::Route(route) => *counts.entry(route.server).or_default() += 1,
            other => panic!("{other:?}"),
        }
    }
    [1, 2, 3].map(|number| counts.get(&addr(number)).copied().unwrap_or_default())
}

fn weak(setup: &Setup) -> Request<'_> {
    Request {
        consistency: Consistency::Weak,
        ..setup.request()
    }
}

#[test]
fn weak_reads_go_to_the_others_but_for_a_few_that_try_it() {
    let setup = sick(2);
    let standings = setup.router.standings(setup.now);
    let slow: Vec<bool> = standings.iter().map(|it| it.is_slow).collect();
    assert_eq!(slow, [false, true, false]);
    assert_eq!(standings[0].response_time, Some(QUICK));
    let [first, slow, third] = shares(&setup, WEAK, weak(&setup));
    assert!((10..=70).contains(&slow), "{slow}");
    assert!(first > 600 && third > 600, "{first} {third}");
}

#[test]
fn strong_reads_and_writes_stay_with_the_slow_leader() {
    let setup = sick(2);
    for sql in [
        WEAK,
        "update t set id = 1 where k = 1",
        "select * from t where k = 1 for update",
    ] {
        assert_eq!(shares(&setup, sql, setup.request()), [0, 1600, 0], "{sql}");
        assert_eq!(setup.route(sql).reason, RouteReason::Leader);
    }
}

#[test]
fn statements_without_a_table_leave_the_slow_server_that_they_would_have_kept_to() {
    let setup = sick(2);
    let at = |last| Request {
        last_server: Some(addr(last)),
        ..setup.request()
    };
    let [_, kept, _] = shares(&setup, "set @a = 1", at(2));
    assert!((50..=150).contains(&kept), "{kept}");
    assert_eq!(shares(&setup, "set @a = 1", at(3)), [0, 0, 1600]);
    let [_, logins, _] = shares(&setup, "select 1", setup.request());
    assert!(logins < 100, "{logins}");
}

#[test]
fn a_slow_server_is_better_than_a_listed_one() {
    let setup = sick(2);
    setup.fail(1, 5);
    setup.fail(3, 5);
    assert_eq!(shares(&setup, WEAK, weak(&setup)), [0, 1600, 0]);
}

#[test]
fn a_server_that_is_quick_again_or_that_nobody_has_asked_for_long_gets_its_share() {
    let mut setup = sick(2);
    answer(&mut setup, [QUICK; 3], 10);
    let [_, again, _] = shares(&setup, WEAK, weak(&setup));
    assert!(again > 400, "{again}");
    let mut setup = sick(2);
    setup.now += Duration::from_secs(11);
    let [_, unknown, _] = shares(&setup, WEAK, weak(&setup));
    assert!(unknown > 400, "{unknown}");
    assert_eq!(setup.router.standings(setup.now)[1].response_time, None);
}

#[test]
fn a_new_picture_of_the_cluster_keeps_what_is_known() {
    let setup = sick(2);
    setup
        .router
        .set_view((*setup.router.view()).clone(), setup.now);
    let [_, slow, _] = shares(&setup, WEAK, weak(&setup));
    assert!(slow < 100, "{slow}");
}

#[test]
fn the_explanation_tells_the_time_and_who_is_slow() {
    let setup = sick(2);
    let outline = odp_sql::outline(WEAK.as_bytes(), odp_sql::Charset::Utf8);
    let request = Request {
        outline: Some(&outline),
        ..weak(&setup)
    };
    let explained = setup.router.explain(&request, setup.now);
    let slow: Vec<_> = explained.servers.iter().filter(|it| it.is_slow).collect();
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0].server, addr(2));
    assert!(slow[0].response_time > Some(Duration::from_millis(10)));
}

proptest! {
    /// Whatever the servers answered: strong reads go to the leader, and no weak read goes unserved.
    #[test]
    fn leaders_keep_their_strong_reads_in_any_weather(
        weather in prop::collection::vec((1_u16..4, 1_u64..5_000_000, 0_u64..20), 1..300)
    ) {
        let mut setup = Setup::new();
        for (server, took, pause) in weather {
            setup.now += Duration::from_millis(pause);
            setup.router.note_response_time(addr(server), Duration::from_micros(took), setup.now);
            let strong = setup.route(WEAK);
            prop_assert_eq!((strong.server, strong.reason), (addr(2), RouteReason::Leader));
            let weakly = setup.decide_with(WEAK, weak(&setup));
            prop_assert!(matches!(weakly, Decision::Route(_)), "{weakly:?}");
            let slow = setup.router.standings(setup.now).iter().filter(|it| it.is_slow).count();
            prop_assert!(slow <= 1, "{slow} of three");
        }
    }
}
