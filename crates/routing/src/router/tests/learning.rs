//! What is learned from following a route.

use super::fixture::{Setup, addr, hashed, unpartitioned};
use crate::{Learned, Lookup, Observation, Refresh, RouteReason, RouterLimits, Wait};
use std::time::Duration;

#[test]
fn a_miss_has_the_location_refreshed_by_one_caller() {
    let mut setup = Setup::new();
    let sql = "select * from t where k = 1";
    let route = setup.route(sql);
    let miss = Observation::Answered {
        partition_hit: Some(false),
        schema_version: None,
    };
    let learned = setup.router.learn(&route, miss, setup.now);
    assert_eq!(learned.refresh, Some(setup.key("t")));
    let again = setup.router.learn(&route, miss, setup.now);
    assert_eq!(again.refresh, None, "the refresh is under way");
    let wait = |refresh| {
        crate::Decision::Wait(Wait {
            table: setup.key("t"),
            refresh,
            limit: RouterLimits::default().refresh_patience,
        })
    };
    let (under_way, claimed) = (wait(Refresh::UnderWay), wait(Refresh::Claimed));
    assert_eq!(setup.decide(sql), under_way, "it will be there in a moment");
    let weak = setup.route("select /*+ READ_CONSISTENCY(WEAK) */ * from t where k = 1");
    assert!(!weak.refresh, "a weak read needs no leader");
    setup.now += RouterLimits::default().refresh_patience;
    assert!(!setup.route(sql).refresh, "the old answer still serves");

    // An answer that brings nothing new delays the next refresh.
    setup.install(setup.key("t"), hashed());
    assert_eq!(setup.router.learn(&route, miss, setup.now).refresh, None);
    setup.now += Duration::from_secs(5);
    assert_eq!(setup.decide(sql), claimed);

    // A lost answer is not waited for for ever.
    setup.now += Duration::from_secs(5);
    assert!(setup.route(sql).refresh);
}

#[test]
fn a_hit_on_the_leader_changes_nothing() {
    let setup = Setup::new();
    let route = setup.route("select * from t where k = 1");
    let hit = Observation::Answered {
        partition_hit: Some(true),
        schema_version: None,
    };
    assert_eq!(
        setup.router.learn(&route, hit, setup.now),
        Learned::default()
    );
    let lost = setup
        .router
        .learn(&route, Observation::ConnectionLost, setup.now);
    assert_eq!(lost.refresh, Some(setup.key("t")));
    assert!(lost.refresh_cluster);
}

#[test]
fn a_location_without_leader_is_refreshed_at_once() {
    let setup = Setup::new();
    setup.install(setup.key("orphan"), unpartitioned(None));
    let route = setup.route("select * from orphan");
    assert_eq!(route.reason, RouteReason::NoLeader);
    assert!(route.refresh && !setup.route("select * from orphan").refresh);
}

#[test]
fn a_table_created_since_it_was_missed_is_looked_up_after_one_statement() {
    let setup = Setup::new();
    setup
        .router
        .install(setup.key("new"), Lookup::Missing, setup.now);
    let route = setup.route("insert into new values (1)");
    assert_eq!(route.reason, RouteReason::NoTable);
    let error = Observation::ServerError(1146);
    assert_eq!(setup.router.learn(&route, error, setup.now).refresh, None);
    let found = Observation::Answered {
        partition_hit: Some(true),
        schema_version: None,
    };
    let learned = setup.router.learn(&route, found, setup.now);
    assert_eq!(learned.refresh, Some(setup.key("new")));
    assert_eq!(setup.router.learn(&route, found, setup.now).refresh, None);

    // A virtual table stays missing; it is not asked for over and over.
    setup
        .router
        .install(setup.key("new"), Lookup::Missing, setup.now);
    assert_eq!(setup.router.learn(&route, found, setup.now).refresh, None);
}

#[test]
fn an_answer_without_a_miss_renews_the_validity_of_a_location_and_nothing_else() {
    let mut setup = Setup::new();
    let sql = "select * from t where k = 1";
    let outline = odp_sql::outline(sql.as_bytes(), odp_sql::Charset::Utf8);
    let location = |setup: &Setup| {
        let request = crate::Request {
            outline: Some(&outline),
            ..setup.request()
        };
        setup.router.explain(&request, setup.now).location.unwrap()
    };
    let route = setup.route(sql);
    let answered = |hit| Observation::Answered {
        partition_hit: Some(hit),
        schema_version: None,
    };
    setup.now += Duration::from_mins(1);
    assert_eq!(location(&setup).unconfirmed_for, Duration::from_mins(1));
    setup.router.learn(&route, answered(true), setup.now);
    let renewed = location(&setup);
    assert_eq!(renewed.unconfirmed_for, Duration::ZERO);
    assert_eq!(renewed.age, Duration::from_mins(1));
    // What a miss has shown is not undone by a hit.
    setup.router.learn(&route, answered(false), setup.now);
    setup.router.learn(&route, answered(true), setup.now);
    assert_eq!(location(&setup).freshness, crate::Freshness::Refreshing);
}

#[test]
fn a_changed_schema_is_noticed_by_whoever_changes_it_and_by_whoever_stumbles() {
    let mut setup = Setup::new();
    let answered = |schema_version| Observation::Answered {
        partition_hit: Some(true),
        schema_version,
    };
    // The one who alters a table has it looked up with the next statement.
    let ddl = setup.route("alter table t add column w int");
    assert!(matches!(
        setup.decide("select * from t where k = 1"),
        crate::Decision::Route(_)
    ));
    setup.router.learn(&ddl, answered(Some(9)), setup.now);
    let lookup = crate::Decision::Lookup(setup.key("t"));
    assert_eq!(setup.decide("select * from t where k = 1"), lookup);

    // A server that knows a newer schema than the location's.
    setup.install(setup.key("t"), hashed());
    let route = setup.route("select * from t where k = 1");
    let learned = setup.router.learn(&route, answered(Some(2)), setup.now);
    assert_eq!(learned.refresh, Some(setup.key("t")));

    setup.now += RouterLimits::default().refresh_patience;

    // A table that is gone is forgotten; a partition that is not there is looked for.
    let route = setup.route("select * from t where k = 1");
    let gone = Observation::ServerError(1146);
    assert_eq!(setup.router.learn(&route, gone, setup.now).refresh, None);
    assert_eq!(setup.decide("select * from t where k = 1"), lookup);
    setup.install(setup.key("t"), hashed());
    let route = setup.route("select * from t where k = 1");
    let moved = Observation::ServerError(4725);
    let learned = setup.router.learn(&route, moved, setup.now);
    assert_eq!(learned.refresh, Some(setup.key("t")));
}

#[test]
fn a_miss_during_a_refresh_counts_unless_the_refresh_has_seen_the_move() {
    let miss = Observation::Answered {
        partition_hit: Some(false),
        schema_version: None,
    };
    for (has_moved, refresh) in [(true, None), (false, Some(Refresh::Claimed))] {
        let setup = Setup::new();
        let (one, two) = ("select * from t where k = 1", "select * from t where k = 2");
        let (to_one, to_two) = (setup.route(one), setup.route(two));
        let learned = setup.router.learn(&to_one, miss, setup.now);
        assert_eq!(learned.refresh, Some(setup.key("t")));
        assert_eq!(
            setup.router.learn(&to_two, miss, setup.now),
            Learned::default()
        );
        let mut fetched = hashed();
        let moved = [Some(to_one.tablet), has_moved.then_some(to_two.tablet)];
        for at in &mut fetched.locations {
            if moved.contains(&Some(Some(at.tablet))) {
                at.replicas = unpartitioned(Some(1)).locations.remove(0).replicas;
            }
        }
        setup.install(setup.key("t"), fetched);
        match (setup.decide(two), refresh) {
            (crate::Decision::Route(route), None) => assert_eq!(route.server, addr(1)),
            (crate::Decision::Wait(wait), refresh) => assert_eq!(Some(wait.refresh), refresh),
            other => panic!("{other:?}"),
        }
        // What went to the old leader before is no news afterwards.
        assert_eq!(
            setup.router.learn(&to_one, miss, setup.now),
            Learned::default()
        );
    }
}
