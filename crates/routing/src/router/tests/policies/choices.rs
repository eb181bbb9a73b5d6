//! IDCs by name, primary zones, target servers and replicas of other kinds.

use super::super::fixture::unpartitioned;
use super::settings;
use super::world::{Case, World};
use crate::router::tests::fixture::Setup;
use crate::{
    Decision, Location, LookupPhase, PolicySettings, Request, Router, RouterLimits, Table,
    TargetServers, Tenant, ZoneGroups, ZonePolicy,
};
use odp_cluster::{
    IdcName, RegionName, Replica, ReplicaType, Role, ServerAddr, TabletId, Zone, ZoneName,
    ZoneState, ZoneType,
};
use odp_sql::Consistency;

/// How near each zone is, by the name of the IDC: zones z1 (idc1, north), z2 (idc2, north),
/// z3 (idc3, south), and `hz_a` (no IDC, west), `hz_b` (no IDC, west).
const IDCS: &[(&str, &str)] = &[
    ("", "near near near near near"),
    ("idc1", "near city far far far"),
    ("IDC2", "city near far far far"),
    ("idc3", "far far near far far"),
    ("hz", "far far far near near"),
    ("HZ_B", "far far far city near"),
    ("nowhere", "near near near near near"),
];

#[test]
fn an_idc_is_found_by_its_name_then_by_the_names_of_zones() {
    use crate::policy::idc::Nearness;
    let zone = |(name, idc, region): (&str, &str, &str)| Zone {
        name: ZoneName::new(name),
        state: ZoneState::Active,
        region: RegionName::new(region),
        idc: IdcName::new(idc),
        zone_type: ZoneType::ReadWrite,
    };
    let zones = [
        ("z1", "idc1", "north"),
        ("z2", "idc2", "north"),
        ("z3", "idc3", "south"),
        ("hz_a", "", "west"),
        ("hz_b", "", "west"),
    ]
    .map(zone);
    for (idc, expected) in IDCS {
        let nearness = Nearness::of(idc, &zones);
        let word = |at| match format!("{:?}", nearness.letter(Some(at))).as_str() {
            "A" => "near",
            "B" => "city",
            _ => "far",
        };
        let found: Vec<&str> = (0..zones.len()).map(word).collect();
        assert_eq!(found.join(" "), *expected, "{idc}");
    }
}

#[test]
fn a_session_stands_in_the_idc_that_it_names() {
    let case = Case::read("weak");
    let (setup, servers) = World::new(case, 0).setup(case, settings());
    let route_from = |idc| {
        let request = Request {
            consistency: Consistency::Weak,
            idc,
            ..setup.request()
        };
        match setup.decide_with("select * from t", request) {
            Decision::Route(route) => servers.iter().find(|of| of.addr == route.server).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(route_from(None).words[0], "near");
    assert_eq!(route_from(Some("w1")).words, ["far", "follower"]);
    assert_eq!(route_from(Some("e2")).words, ["city", "follower"]);
}

#[test]
fn the_zones_of_the_proxy_are_the_only_ones_used() {
    let case = Case::read("");
    let settings = PolicySettings {
        proxy_primary_zone_name: ZoneGroups::read("z4;z2,z3"),
        ..settings()
    };
    let (setup, servers) = World::new(case, 2).setup(case, settings);
    let mut tried = Vec::new();
    let mut found = Vec::new();
    loop {
        let request = Request {
            excluded: &tried,
            lookup: LookupPhase::Done,
            ..setup.request()
        };
        let decision = setup.decide_with("update t set v = 1 where k = 1", request);
        let Decision::Route(route) = decision else {
            break;
        };
        let server = servers.iter().find(|of| of.addr == route.server).unwrap();
        found.push(format!("z{} {}", server.zone, server.words.last().unwrap()));
        tried.push(route.server);
    }
    assert_eq!(found[..3], ["z4 follower", "z4 other", "z2 leader"]);
    assert_eq!(found.len(), 7, "{found:?}");
    assert!(
        found[3..5]
            .iter()
            .all(|server| server.ends_with("follower"))
    );
}

#[test]
fn without_a_location_the_primary_zone_of_the_tenant_comes_first() {
    let case = Case::read("");
    let mut world = World::new(case, 0);
    let tenant = Tenant {
        primary_zone: "z5,z3;z1".to_owned(),
        single_leader: None,
    };
    let name = odp_cluster::TenantName::new("demo");
    world.view.tenants = [(name, tenant)].into();
    let (mut setup, servers) = world.setup(case, settings());
    let zone = |setup: &Setup, excluded: &[ServerAddr], sql: &str| {
        let request = Request {
            excluded,
            lookup: LookupPhase::Done,
            ..setup.request()
        };
        match setup.decide_with(sql, request) {
            Decision::Route(route) => {
                let server = servers.iter().find(|of| of.addr == route.server).unwrap();
                (route.server, server.zone)
            }
            other => panic!("{other:?}"),
        }
    };
    let mut tried = Vec::new();
    for turn in 0..6 {
        let (server, zone) = zone(&setup, &tried, "update unknown set v = 1");
        assert_eq!(zone == 1, turn >= 4, "zone {zone} in turn {turn}");
        tried.push(server);
    }
    // A partition whose leader is known goes to the leader, whatever the primary zone.
    let (_, found) = zone(&setup, &[], "update t set v = 1");
    assert_eq!(found, 0);
    setup.router = Router::with_policies(
        RouterLimits::default(),
        PolicySettings {
            target_db_server: TargetServers::read("10.0.2.0:2881,10.0.2.1:2881;10.0.4.0:2881")
                .unwrap(),
            ..settings()
        },
    );
    setup.router.set_view(World::new(case, 0).view, setup.now);
    let mut tried = Vec::new();
    for zone_of_turn in [2, 2, 4] {
        let (server, zone) = zone(&setup, &tried, "select * from t");
        assert_eq!(zone, zone_of_turn);
        tried.push(server);
    }
    let request = Request {
        excluded: &tried,
        ..setup.request()
    };
    assert!(matches!(
        setup.decide_with("select 1", request),
        Decision::NoServer(_)
    ));
}

#[test]
fn replicas_that_store_otherwise_serve_those_who_ask_for_them() {
    use ReplicaType::{ColumnStore, Full, LogOnly, ReadOnly};
    let case = Case::read("weak");
    let (setup, servers) = World::new(case, 0).setup(case, PolicySettings::default());
    let followers: Vec<ServerAddr> = servers
        .iter()
        .filter(|server| server.words.contains(&"follower"))
        .map(|server| server.addr)
        .collect();
    let kinds = [Full, ReadOnly, ColumnStore, LogOnly];
    let replica = |(&server, replica_type)| Replica {
        server,
        role: Role::Follower,
        replica_type,
        is_duplicate: false,
    };
    let table = Table {
        locations: vec![Location {
            tablet: TabletId(0),
            replicas: followers.iter().zip(kinds).map(replica).collect(),
        }],
        ..unpartitioned(None)
    };
    setup.install(setup.key("mixed"), table);
    for (policy, consistency, allowed) in [
        (
            "READONLY_ZONE_FIRST",
            Consistency::Weak,
            &[Full, ReadOnly][..],
        ),
        ("FORCE_READONLY_ZONE", Consistency::Weak, &[ReadOnly]),
        ("COLUMN_STORE_ONLY", Consistency::Weak, &[ColumnStore]),
        ("COLUMN_STORE_ONLY", Consistency::Strong, &[ColumnStore]),
        ("READONLY_ZONE_FIRST", Consistency::Strong, &[Full]),
    ] {
        for _ in 0..8 {
            let request = Request {
                consistency,
                zone_policy: ZonePolicy::read(policy.as_bytes()),
                ..setup.request()
            };
            let decision = setup.decide_with("select * from mixed", request);
            let Decision::Route(route) = decision else {
                panic!("{policy}: {decision:?}");
            };
            let at = followers.iter().position(|&of| of == route.server).unwrap();
            assert!(allowed.contains(&kinds[at]), "{policy}: {:?}", kinds[at]);
        }
    }
}
