//! The rules of a decision.

pub(crate) mod fixture;
mod learning;
mod policies;
mod slow;

use super::*;
use crate::{LookupPhase, Metadata, NoServerReason, Parameter, Tenant, Unsure};
use fixture::{Setup, addr, view};
use odp_cluster::{TabletId, TenantName};
use odp_sql::Consistency;
use std::time::Duration;

#[test]
fn a_key_value_leads_to_its_partitions_leader() {
    let setup = Setup::new();
    for (sql, server) in [
        ("select * from t where k = 4", 2),
        ("select * from test.t where t.k = 5 and id > 3", 3),
        ("select * from t x where x.k in (6)", 1),
        ("update t set id = 1 where k = 1 limit 1", 2),
        ("delete from t where (k = 2)", 3),
        ("insert into t values (9, 3)", 1),
        ("insert into t(k, id) values (1, 0), (4, 0)", 2),
        ("replace into t set k = 2", 3),
        ("select * from t partition(p2)", 3),
        ("select * from t where k = 1 or k = 1", 2),
    ] {
        let route = setup.route(sql);
        assert_eq!(
            (route.server, route.reason),
            (addr(server), RouteReason::Leader),
            "{sql}"
        );
        assert!(route.is_leader && route.tablet.is_some() && !route.refresh);
    }
}

#[test]
fn a_bound_parameter_counts_as_a_literal() {
    let setup = Setup::new();
    let request = Request {
        parameters: &[Parameter::Int(7), Parameter::Bytes(b"5")],
        ..setup.request()
    };
    let Decision::Route(route) =
        setup.decide_with("select * from t where id = ? and k = ?", request)
    else {
        panic!("no route");
    };
    assert_eq!(route.tablet, Some(TabletId(102)));
}

#[test]
fn what_is_not_certain_goes_anywhere_and_is_counted() {
    let setup = Setup::new();
    for (sql, unsure) in [
        ("select * from t", Unsure::NoKey),
        ("select * from t where k > 4", Unsure::NoKey),
        ("select * from t where k <> 2", Unsure::NoKey),
        ("select * from t where k = 1.5", Unsure::Conversion),
        ("select * from t partition(nope)", Unsure::PartitionName),
        ("insert into t(id) values (1)", Unsure::NoKey),
    ] {
        let route = setup.route(sql);
        assert_eq!(route.reason, RouteReason::Unsure(unsure), "{sql}");
        assert_eq!((route.tablet, route.is_leader), (None, false), "{sql}");
    }
    let counts = setup.router.reasons();
    assert!(counts.contains(&(RouteReason::Unsure(Unsure::NoKey), 4)));
}

#[test]
fn rows_in_several_partitions_go_where_most_of_them_are_led() {
    let setup = Setup::new();
    let route = setup.route("insert into t values (1, 1), (2, 2), (3, 5)");
    assert_eq!(
        (route.server, route.reason, route.tablet),
        (addr(3), RouteReason::MostRows, None)
    );
    let route = setup.route("select * from t where k in (3, 1, 4) and id > 0");
    assert_eq!(
        (route.server, route.reason),
        (addr(1), RouteReason::MostRows)
    );
    for condition in ["k = 1 or k = 2", "k between 4 and 5", "k > 3 and k < 6"] {
        let route = setup.route(&format!("select * from t where {condition}"));
        assert_eq!(
            (route.server, route.reason),
            (addr(2), RouteReason::MostRows)
        );
    }
    let route = setup.route("delete from t where k in (1, 4) and id in (1, 2)");
    assert_eq!((route.server, route.reason), (addr(2), RouteReason::Leader));
    let route = setup.route("select * from t where k in (1, 2) and k = 2");
    assert_eq!((route.server, route.reason), (addr(3), RouteReason::Leader));
    let route = setup.route("select * from t where k in (1, f(2))");
    assert!(matches!(route.reason, RouteReason::Unsure(_)));
}

#[test]
fn an_unknown_table_is_looked_up_once_per_statement() {
    let setup = Setup::new();
    let sql = "select * from fresh where k = 1";
    assert_eq!(setup.decide(sql), Decision::Lookup(setup.key("fresh")));
    let request = Request {
        lookup: LookupPhase::Done,
        ..setup.request()
    };
    let Decision::Route(route) = setup.decide_with(sql, request) else {
        panic!("no route");
    };
    assert_eq!(route.reason, RouteReason::NoLocation);
}

#[test]
fn a_missing_table_is_believed_for_a_while_only() {
    let mut setup = Setup::new();
    setup
        .router
        .install(setup.key("nope"), Lookup::Missing, setup.now);
    let sql = "select * from nope";
    assert_eq!(setup.route(sql).reason, RouteReason::NoTable);
    setup.now += Duration::from_secs(5);
    assert_eq!(setup.decide(sql), Decision::Lookup(setup.key("nope")));
}

#[test]
fn statements_without_a_table_stay_on_the_last_server() {
    let setup = Setup::new();
    let request = Request {
        last_server: Some(addr(3)),
        ..setup.request()
    };
    for sql in ["select 1", "set @a = 1", "show tables"] {
        let Decision::Route(route) = setup.decide_with(sql, request) else {
            panic!("no route");
        };
        assert_eq!(
            (route.server, route.reason),
            (addr(3), RouteReason::LastServer)
        );
    }
    let used: std::collections::HashSet<_> =
        (0..6).map(|_| setup.route("select 1").server).collect();
    assert_eq!(used.len(), 3, "without a last server, requests spread");
}

#[test]
fn a_tenants_servers_are_looked_up_and_an_unknown_tenant_is_refused() {
    let setup = Setup::new();
    let tenant = TenantName::new("other");
    let request = Request::new(&tenant, &setup.database);
    let key = TableKey::servers_of(&tenant);
    assert_eq!(
        setup.router.decide(&request, setup.now),
        Decision::Lookup(key.clone())
    );
    setup.router.install(key, Lookup::Missing, setup.now);
    assert_eq!(
        setup.router.decide(&request, setup.now),
        Decision::NoServer(NoServerReason::UnknownTenant)
    );
}

#[test]
fn without_metadata_any_server_of_the_list_serves_and_nothing_is_looked_up() {
    let setup = Setup::new();
    setup.router.set_view(
        ClusterView {
            metadata: Metadata::Unavailable,
            ..view()
        },
        setup.now,
    );
    let route = setup.route("select * from fresh where k = 1");
    assert_eq!(route.reason, RouteReason::NoMetadata);
    setup.router.set_view(ClusterView::default(), setup.now);
    assert_eq!(
        setup.decide("select 1"),
        Decision::NoServer(NoServerReason::NoCluster)
    );
}

#[test]
fn a_weak_read_spreads_over_the_replicas_but_not_for_update() {
    let setup = Setup::new();
    let weak = Request {
        consistency: Consistency::Weak,
        ..setup.request()
    };
    let server = |sql: &str, request| match setup.decide_with(sql, request) {
        Decision::Route(route) => (route.server, route.reason),
        other => panic!("{other:?}"),
    };
    let sql = "select * from t where k = 1";
    let used: std::collections::HashSet<_> = (0..6).map(|_| server(sql, weak)).collect();
    assert_eq!(used.len(), 3);
    assert!(used.iter().all(|used| used.1 == RouteReason::WeakReplica));
    let leader = (addr(2), RouteReason::Leader);
    assert_eq!(
        server("select * from t where k = 1 for update", weak),
        leader
    );
    assert_eq!(server("update t set id = 1 where k = 1", weak), leader);
    let hinted = "select /*+ READ_CONSISTENCY(WEAK) */ * from t where k = 1";
    assert_eq!(server(hinted, setup.request()).1, RouteReason::WeakReplica);
}

#[test]
fn a_listed_leader_is_avoided_and_when_all_are_listed_one_is_forced() {
    let setup = Setup::new();
    setup.fail(2, 5);
    let sql = "select * from t where k = 1";
    let route = setup.route(sql);
    assert_ne!(route.server, addr(2));
    assert_eq!(route.reason, RouteReason::LeaderUnusable);
    setup.fail(1, 5);
    setup.fail(3, 5);
    assert_eq!(setup.route(sql).reason, RouteReason::Forced);
    let standings = setup.router.standings(setup.now);
    assert!(standings.iter().all(|standing| {
        standing.standing == crate::Standing::Alive && standing.next_probe_at.is_some()
    }));
}

#[test]
fn excluded_servers_are_not_chosen_again() {
    let setup = Setup::new();
    let all = [addr(1), addr(2), addr(3)];
    let excluding = |excluded| Request {
        excluded,
        ..setup.request()
    };
    let sql = "select * from t where k = 1";
    let Decision::Route(route) = setup.decide_with(sql, excluding(&all[1..])) else {
        panic!("no route");
    };
    assert_eq!(route.server, addr(1));
    assert_eq!(
        setup.decide_with(sql, excluding(&all)),
        Decision::NoServer(NoServerReason::AllTried)
    );
}

#[test]
fn the_single_leader_of_a_tenant_serves_what_has_no_location() {
    let setup = Setup::new();
    let tenant = Tenant {
        primary_zone: "z2".to_owned(),
        single_leader: Some(addr(2)),
    };
    setup.router.set_view(
        ClusterView {
            tenants: [(setup.tenant.clone(), tenant)].into(),
            ..view()
        },
        setup.now,
    );
    let route = setup.route("select * from t where k > 0");
    assert_eq!(
        (route.server, route.reason),
        (addr(2), RouteReason::SingleLeader)
    );
}
