//! Discovery against a scripted cluster, with paused time.

mod detecting;
mod old;
mod script;

use super::*;
use crate::Answer;
use odp_cluster::{ClusterName, DatabaseName, TableName, TenantName};
use odp_routing::{
    Decision, LookupPhase, NoServerReason, Request, Route, RouteReason, RouterLimits, TableKey,
};
use script::{Behaviour, Script, table};

fn addr(number: u8) -> ServerAddr {
    format!("10.0.0.{number}:2881").parse().unwrap()
}

fn named(name: &str) -> Behaviour {
    cluster_with(name, "ACTIVE")
}

fn three_named(name: &str) -> Script {
    let script = Script::default();
    for number in 1..=3 {
        script.set(addr(number), named(name));
    }
    script
}

/// What a server of a three-zone cluster answers; server 2 is in `state`.
fn cluster_in_state(state: &str) -> Behaviour {
    cluster_with("obc", state)
}

fn cluster_with(name: &str, state: &str) -> Behaviour {
    let columns = "cluster|zone|zone_status|server_status|region|spare4|spare5|svr_ip|svr_port|\
                   start_service_time|stop_time";
    let server = |number: u8, state: &str| {
        format!(
            "{name}|z{number}|ACTIVE|{state}|city|idc{number}|ReadWrite|10.0.0.{number}|2881|1|0"
        )
    };
    let servers = [
        columns.to_owned(),
        server(1, "ACTIVE"),
        server(2, state),
        server(3, "ACTIVE"),
    ];
    Behaviour::Answers(vec![
        ("V$OB_PARAMETERS", table(&servers.join("\n"))),
        (
            "is_single_leader",
            table("tenant_name|leader_addr|is_single_leader\ndemo|10.0.0.2:2881|1"),
        ),
        (
            "primary_zone",
            table("tenant_name|tenant_id|primary_zone|status\ndemo|1002|z2;z1|NORMAL"),
        ),
        ("'__all_dummy'", located("__all_dummy", &[(0, 1)], 1)),
        (
            "table_name = 'h' AND A.tablet_id = 0",
            located("h", &[(0, 1)], 2),
        ),
        (
            "table_name = 'h' AND A.tablet_id IN (201, 202)",
            located("h", &[(201, 2), (202, 3)], 2),
        ),
        (
            "proxy_partition_info",
            table(
                "part_level|part_type|part_expr|part_key_name|part_key_idx|part_key_level|\
                 part_key_type\n1|0|k|k|0|1|5",
            ),
        ),
        (
            "proxy_partition A",
            table("tablet_id|part_id|part_name|high_bound_val_bin\n201|7|p0|-\n202|8|p1|-"),
        ),
    ])
}

fn cluster() -> Behaviour {
    cluster_in_state("ACTIVE")
}

/// Rows of `__all_virtual_proxy_schema`: tablets with the numbers of their leaders.
fn located(name: &str, leaders: &[(u64, u8)], part_num: u8) -> Answer {
    let columns = "table_name|table_id|part_num|schema_version|tablet_id|role|replica_type|\
                   svr_ip|sql_port";
    let row = |tablet, leader, number: u8| {
        let role = if number == leader { 1 } else { 2 };
        format!("{name}|500|{part_num}|9|{tablet}|{role}|0|10.0.0.{number}|2881")
    };
    let rows = leaders
        .iter()
        .flat_map(|&(tablet, leader)| (1..=3).map(move |number| row(tablet, leader, number)));
    let lines: Vec<String> = std::iter::once(columns.to_owned()).chain(rows).collect();
    table(&lines.join("\n"))
}

fn config() -> DiscoveryConfig {
    DiscoveryConfig {
        rootservice_list: vec![addr(1), addr(2)],
        cluster_name: Some(ClusterName::new("obc")),
        ..DiscoveryConfig::default()
    }
}

/// Runs discovery while `scenario` does.
async fn with_discovery<F: Future<Output = ()>>(
    script: &Script,
    config: DiscoveryConfig,
    scenario: impl FnOnce(Arc<Router>, Handle) -> F,
) {
    let router = Arc::new(Router::new(RouterLimits::default()));
    let (discovery, handle) = Discovery::with_source(Arc::clone(&router), config, script.clone());
    let shutdown = CancellationToken::new();
    let scenario = scenario(router, handle);
    tokio::join!(discovery.run(shutdown.clone()), async {
        scenario.await;
        shutdown.cancel();
    });
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

fn key(table: &str) -> TableKey {
    TableKey {
        tenant: TenantName::new("demo"),
        database: DatabaseName::new("test"),
        table: TableName::new(table),
    }
}

fn decide(router: &Router, sql: &str, lookup: LookupPhase) -> Decision {
    let outline = odp_sql::outline(sql.as_bytes(), odp_sql::Charset::Utf8);
    let (tenant, database) = (TenantName::new("demo"), DatabaseName::new("test"));
    let request = Request {
        outline: Some(&outline),
        lookup,
        ..Request::new(&tenant, &database)
    };
    router.decide(&request, Instant::now().into_std())
}

fn route(router: &Router, sql: &str) -> Route {
    match decide(router, sql, LookupPhase::Done) {
        Decision::Route(route) => route,
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_cluster_is_found_from_the_list_though_its_first_server_is_down() {
    let script = Script::default();
    script.set(addr(2), cluster());
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        let view = router.view();
        assert_eq!((view.name.as_str(), view.version), ("obc", 1));
        assert_eq!((view.servers.len(), view.zones.len()), (3, 3));
        let tenant = &view.tenants["demo"];
        assert_eq!(tenant.primary_zone, "z2;z1");
        assert_eq!(tenant.single_leader, Some(addr(2)));
        let state = handle.state();
        assert_eq!(state.metadata, MetadataState::Connected(addr(2)));
        assert_eq!((state.rounds, &state.last_error), (1, &None));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_out_of_date_is_helped_by_the_servers_seen_last() {
    let script = Script::default();
    script.set(addr(3), cluster());
    let config = DiscoveryConfig {
        rootservice_list: vec![addr(8), addr(9)],
        remembered: vec![addr(2), addr(3)],
        ..config()
    };
    with_discovery(&script, config, |router, handle| async move {
        seconds(1).await;
        assert_eq!(router.view().servers.len(), 3);
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(3)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_list_is_tried_for_ever_and_found_when_it_comes_up() {
    let script = Script::default();
    let later = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        seconds(60).await;
        let state = handle.state();
        assert_eq!(state.metadata, MetadataState::Connecting);
        assert!(state.failed_rounds >= 12, "{state:?}");
        assert!(state.last_error.as_ref().unwrap().contains("10.0.0.1:2881"));
        assert!(matches!(
            decide(&router, "select 1", LookupPhase::Allowed),
            Decision::NoServer(NoServerReason::NoCluster)
        ));
        later.set(addr(1), cluster());
        seconds(6).await;
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(1)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_metadata_the_list_is_served_without_locations() {
    for behaviour in [
        Behaviour::RefusesLogin(1045),
        Behaviour::RefusesQueries(1146),
        Behaviour::RefusesQueries(1054),
    ] {
        let script = Script::default();
        script.set(addr(1), behaviour);
        let later = script.clone();
        with_discovery(&script, config(), |router, handle| async move {
            seconds(3).await;
            let state = handle.state();
            assert_eq!(state.metadata, MetadataState::Refused(addr(1)));
            assert!(state.last_error.is_some());
            let view = router.view();
            assert_eq!(view.metadata, Metadata::Unavailable);
            assert_eq!(view.servers.len(), 2);
            handle.lookup(key("h")).await;
            let route = route(&router, "select * from h where k = 1");
            assert_eq!(route.reason, RouteReason::NoMetadata);
            // An operator sets the password right: the next round finds the cluster.
            later.set(addr(1), cluster());
            seconds(20).await;
            assert_eq!(router.view().metadata, Metadata::Available);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_cluster_is_refused() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let later = script.clone();
    let config = DiscoveryConfig {
        cluster_name: Some(ClusterName::new("mine")),
        ..config()
    };
    with_discovery(&script, config, |router, handle| async move {
        seconds(10).await;
        assert!(router.view().servers.is_empty());
        let error = handle.state().last_error.clone().unwrap();
        assert!(error.contains("`obc`, not to `mine`"), "{error}");
        let foreign = router.foreign().unwrap();
        assert_eq!((foreign.server, foreign.found.as_str()), (addr(1), "obc"));
        // The operator had the wrong servers started; the right ones are known from then on.
        later.set(addr(1), Behaviour::Unreachable);
        seconds(10).await;
        assert_eq!(router.foreign(), None, "nobody is there to be foreign");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn another_name_is_taken_where_it_is_not_checked() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let config = DiscoveryConfig {
        cluster_name: Some(ClusterName::new("mine")),
        is_name_checked: false,
        ..config()
    };
    with_discovery(&script, config, |router, _| async move {
        seconds(1).await;
        assert_eq!(router.view().name.as_str(), "obc");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_joined_another_cluster_is_not_believed() {
    let script = three_named("obc");
    let later = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(1)));
        later.set(addr(1), named("other"));
        handle.refresh_cluster();
        seconds(3).await;
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(2)));
        assert_eq!(
            (router.view().name.as_str(), router.foreign()),
            ("obc", None)
        );
        // All of them: what is known stays, and it is told.
        for number in 2..=3 {
            later.set(addr(number), named("other"));
        }
        handle.refresh_cluster();
        seconds(3).await;
        assert_eq!(handle.state().metadata, MetadataState::Lost);
        assert_eq!(router.view().name.as_str(), "obc");
        assert_eq!(router.foreign().unwrap().found.as_str(), "other");
        later.set(addr(3), named("obc"));
        seconds(10).await;
        assert_eq!(handle.state().metadata, MetadataState::Connected(addr(3)));
        assert_eq!(router.foreign(), None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_partitioned_table_is_fetched_once_for_all_who_wait() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let log = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        let sql = "select * from h where k = 3";
        let wanted = decide(&router, sql, LookupPhase::Allowed);
        assert_eq!(wanted, Decision::Lookup(key("h")));
        tokio::join!(
            handle.lookup(key("h")),
            handle.lookup(key("h")),
            handle.lookup(key("nope"))
        );
        assert_eq!(log.asked("table_name = 'h' AND A.tablet_id = 0"), 1);
        let found = route(&router, sql);
        assert_eq!((found.server, found.is_leader), (addr(3), true));
        assert_eq!(
            route(&router, "select * from nope").reason,
            RouteReason::SingleLeader
        );
        assert_eq!(log.asked("'nope'"), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_deadline() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let later = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        for number in 1..=3 {
            later.set(addr(number), Behaviour::Hangs);
        }
        let started = Instant::now();
        handle.lookup(key("h")).await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(matches!(
            decide(&router, "select * from h where k = 1", LookupPhase::Allowed),
            Decision::Route(_)
        ));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_server_is_passed_over() {
    let script = Script::default();
    script.set(addr(1), Behaviour::Hangs);
    script.set(addr(2), cluster());
    script.set(addr(3), Behaviour::Hangs);
    let config = DiscoveryConfig {
        rootservice_list: vec![addr(2)],
        ..config()
    };
    with_discovery(&script, config, |router, handle| async move {
        seconds(1).await;
        handle.lookup(key("h")).await;
        assert!(route(&router, "select * from h where k = 3").is_leader);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_let_go_at_the_end() {
    let script = Script::default();
    script.set(addr(1), cluster());
    script.set(addr(2), Behaviour::Hangs);
    let router = Arc::new(Router::new(RouterLimits::default()));
    let (discovery, handle) = Discovery::with_source(router, config(), script);
    let shutdown = CancellationToken::new();
    tokio::join!(discovery.run(shutdown.clone()), async {
        let started = Instant::now();
        tokio::join!(handle.lookup(key("h")), async { shutdown.cancel() });
        assert!(started.elapsed() < Duration::from_secs(1));
    });
    handle.lookup(key("h")).await;
}

#[tokio::test(start_paused = true)]
async fn rounds_follow_the_interval_and_wishes_but_not_more_than_one_a_second() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let log = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        let rounds = || log.asked("V$OB_PARAMETERS");
        seconds(1).await;
        assert_eq!(rounds(), 1);
        log.set(addr(1), cluster_in_state("INACTIVE"));
        for _ in 0..100 {
            handle.refresh_cluster();
            sleep(Duration::from_millis(20)).await;
        }
        assert!((2..=4).contains(&rounds()), "{}", rounds());
        let view = router.view();
        assert_eq!(view.version, 2);
        assert_eq!(view.server(addr(2)).unwrap().state, ServerState::Inactive);
        let before = rounds();
        seconds(100).await;
        assert!((5..=10).contains(&(rounds() - before)), "{}", rounds());
        assert_eq!(router.view().version, 2, "nothing has changed since");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn background_refreshes_are_limited_per_second() {
    let script = Script::default();
    script.set(addr(1), cluster());
    let log = script.clone();
    let config = DiscoveryConfig {
        max_refreshes_per_second: 3,
        limited_refreshes_per_second: 1,
        ..config()
    };
    with_discovery(&script, config, |_, handle| async move {
        seconds(1).await;
        for number in 0..10 {
            handle.refresh(key(&format!("t{number}")));
        }
        seconds(1).await;
        assert_eq!(log.asked("table_name = 't"), 3);
        for number in 5..8 {
            handle.refresh(key(&format!("t{number}")));
        }
        seconds(1).await;
        assert_eq!(
            log.asked("table_name = 't"),
            4,
            "one a second after too many"
        );
        seconds(15).await;
        for number in 5..8 {
            handle.refresh(key(&format!("t{number}")));
        }
        seconds(1).await;
        assert_eq!(log.asked("table_name = 't"), 7);
    })
    .await;
}
