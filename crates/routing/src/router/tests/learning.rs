//! What is learned from following a route.

use super::fixture::{Setup, hashed, unpartitioned};
use crate::{Learned, Lookup, Observation, RouteReason};
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
    assert!(!setup.route(sql).refresh, "the old answer still serves");

    // An answer that brings nothing new delays the next refresh.
    setup.install(setup.key("t"), hashed());
    assert_eq!(setup.router.learn(&route, miss, setup.now).refresh, None);
    setup.now += Duration::from_secs(5);
    assert!(setup.route(sql).refresh);

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
