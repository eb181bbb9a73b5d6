//! Weak reads and logical data centres, as tables.
//!
//! Words for servers: `near`, `city`, `far` are in the proxy's IDC, in its region, in another region;
//! `busy` is in a zone in major compaction; `ro` is in a read-only zone; then the leader, a follower,
//! or `other` for a server of the tenant that does not hold the partition.

mod choices;
mod world;

use crate::{Decision, PolicySettings, ProxyRoutePolicy, Request, ZoneGroups, ZonePolicy};
use odp_cluster::ServerAddr;
use odp_sql::{Charset, Consistency};
use world::{Case, Placed, World};

/// Every tier of every table, best first.
const TIERS: &[(&str, &str)] = &[
    // Clusters without a read-only zone.
    (
        "weak",
        "near follower leader | city follower leader | near busy follower leader \
         | city busy follower leader | near other | city other | near busy other | city busy other \
         | far follower leader | far busy follower leader | far other | far busy other",
    ),
    (
        "weak FOLLOWER_FIRST",
        "near follower | city follower | near busy follower | city busy follower \
         | near leader | city leader | near busy leader | city busy leader \
         | near other | city other | near busy other | city busy other \
         | far follower | far busy follower | far leader | far busy leader \
         | far other | far busy other",
    ),
    (
        "weak UNMERGE_FOLLOWER_FIRST",
        "near follower | city follower | near leader | city leader \
         | near busy follower | city busy follower | near busy leader | city busy leader \
         | near other | city other | near busy other | city busy other \
         | far follower | far leader | far busy follower | far busy leader \
         | far other | far busy other",
    ),
    (
        "weak FOLLOWER_ONLY",
        "near follower | city follower | near busy follower | city busy follower \
         | near other | city other | near busy other | city busy other \
         | far follower | far busy follower | far other | far busy other",
    ),
    // The same with a read-only zone beside each.
    (
        "ro weak READONLY_ZONE_FIRST",
        "near ro follower | city ro follower | near busy ro follower | city busy ro follower \
         | near follower leader | city follower leader | near busy follower leader \
         | city busy follower leader \
         | near ro other | city ro other | near busy ro other | city busy ro other \
         | near other | city other | near busy other | city busy other \
         | far ro follower | far busy ro follower | far follower leader | far busy follower leader \
         | far ro other | far busy ro other | far other | far busy other",
    ),
    (
        "ro weak ONLY_READONLY_ZONE",
        "near ro follower | city ro follower | near busy ro follower | city busy ro follower \
         | near ro other | city ro other | near busy ro other | city busy ro other \
         | far ro follower | far busy ro follower | far ro other | far busy ro other",
    ),
    (
        "ro weak UNMERGE_ZONE_FIRST",
        "near ro follower | city ro follower | near follower leader | city follower leader \
         | near busy ro follower | city busy ro follower | near busy follower leader \
         | city busy follower leader \
         | near ro other | city ro other | near other | city other \
         | near busy ro other | city busy ro other | near busy other | city busy other \
         | far ro follower | far follower leader | far busy ro follower | far busy follower leader \
         | far ro other | far other | far busy ro other | far busy other",
    ),
    // Strong: the leader wherever it is, then the tables.
    (
        "strong",
        "leader | near follower | city follower | near busy follower | city busy follower \
         | near other | city other | near busy other | city busy other \
         | far follower | far busy follower | far other | far busy other",
    ),
    (
        "ro strong",
        "leader | near follower | city follower | near busy follower | city busy follower \
         | near other | city other | near busy other | city busy other \
         | far follower | far busy follower | far other | far busy other",
    ),
    (
        "strong of a duplicate table",
        "near follower leader | city follower leader | near busy follower leader \
         | city busy follower leader | far follower leader | far busy follower leader \
         | near other | city other | near busy other | city busy other | far other | far busy other",
    ),
    // Once every holder in the region is stopped, those in other regions come first.
    (
        "weak, no holder of the region in service",
        "far follower leader | far busy follower leader \
         | near other | city other | near busy other | city busy other | far other | far busy other",
    ),
];

fn settings() -> PolicySettings {
    PolicySettings {
        proxy_idc_name: "E1".to_owned(),
        ..PolicySettings::default()
    }
}

/// Which of the groups of `expected` a server belongs to.
fn group(expected: &str, server: &Placed) -> Option<usize> {
    expected.split('|').position(|group| {
        let mut roles: Vec<&str> = group.split_whitespace().collect();
        let is_role = |word: &&str| ["leader", "follower", "other"].contains(word);
        let place: Vec<&str> = roles.extract_if(.., |word| !is_role(&&**word)).collect();
        let (role, zone) = server.words.split_last().unwrap();
        roles.contains(role) && (place == zone || place.is_empty())
    })
}

#[test]
fn servers_are_tried_in_the_order_of_the_tiers() {
    let mut tiers = 0;
    for (line, expected) in TIERS {
        let case = Case::read(line);
        let zones = if case.read_only_zones { 12 } else { 6 };
        // Leaders are in read-write zones.
        for leader_zone in (0..zones).step_by(zones / 6) {
            let settings = PolicySettings {
                proxy_route_policy: ProxyRoutePolicy::read(case.policy),
                ..settings()
            };
            let (setup, servers) = World::new(case, leader_zone).setup(case, settings);
            let mut tried: Vec<ServerAddr> = Vec::new();
            let mut last = 0;
            let usable = |server: &&Placed| {
                let stopped = case.region_stopped
                    && !server.words.contains(&"far")
                    && !server.words.contains(&"other");
                !stopped && group(expected, server).is_some()
            };
            let count = servers.iter().filter(usable).count();
            for turn in 0..count {
                let request = Request {
                    consistency: case.consistency,
                    zone_policy: ZonePolicy::read(case.policy.as_bytes()),
                    excluded: &tried,
                    ..setup.request()
                };
                let decision = setup.decide_with("select * from t where k = 1", request);
                let Decision::Route(route) = decision else {
                    panic!("{line}: {decision:?} after {turn} of {count}");
                };
                let server = servers.iter().find(|of| of.addr == route.server).unwrap();
                let at = group(expected, server);
                let at = at.unwrap_or_else(|| panic!("{line}: {:?} is excluded", server.words));
                assert!(at >= last, "{line}: {:?} in turn {turn}", server.words);
                last = at;
                tried.push(route.server);
            }
            tiers += 1;
        }
    }
    println!("{} lines, {tiers} runs over all their tiers", TIERS.len());
}

/// Which table a request follows: zones, statement, `ob_read_consistency`, `ob_route_policy`,
/// `proxy_route_policy` of the proxy, the same of the session, `proxy_primary_zone_name`.
const RULES: &str = "
zones | statement       | read   | ob_route_policy        | proxy  | session | zone | policy
rw    | select          | -      | -                      | -      | -       | -    | MERGE_IDC_ORDER
rw    | select          | weak   | -                      | -      | -       | -    | MERGE_IDC_ORDER
rw    | select          | weak   | ONLY_READONLY_ZONE     | -      | -       | -    | MERGE_IDC_ORDER
rw    | select          | weak   | UNMERGE_FOLLOWER_FIRST | -      | -       | -    | UNMERGE_FOLLOWER_FIRST
rw    | select          | weak   | -                      | f_only | -       | -    | FOLLOWER_ONLY
rw    | select          | weak   | -                      | f_only | f_first | -    | FOLLOWER_FIRST
rw    | select          | strong | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | select          | -      | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | weak hint       | -      | -                      | f_only | -       | -    | FOLLOWER_ONLY
rw    | strong hint     | weak   | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | for update      | weak   | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | for update hint | weak   | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | update          | weak   | -                      | f_only | -       | -    | MERGE_IDC_ORDER
rw    | select          | weak   | -                      | f_only | -       | z1   | FOLLOWER_ONLY
rw    | select          | weak   | -                      | -      | -       | z1   | PROXY_PRIMARY_ZONE_NAME_ONLY
rw    | select          | -      | -                      | -      | -       | z1   | PROXY_PRIMARY_ZONE_NAME_ONLY
rw    | update          | -      | -                      | -      | -       | z1   | PROXY_PRIMARY_ZONE_NAME_ONLY
rw    | show            | -      | -                      | -      | -       | -    | PRIMARY_ZONE_FIRST
ro    | select          | weak   | -                      | -      | -       | -    | READONLY_ZONE_FIRST
ro    | select          | weak   | -                      | f_only | -       | -    | READONLY_ZONE_FIRST
ro    | select          | weak   | MERGE_IDC_ORDER        | -      | -       | -    | MERGE_IDC_ORDER
ro    | select          | weak   | ONLY_READONLY_ZONE     | -      | -       | -    | ONLY_READONLY_ZONE
ro    | select          | weak   | UNMERGE_ZONE_FIRST     | -      | -       | -    | UNMERGE_ZONE_FIRST
ro    | select          | strong | ONLY_READONLY_ZONE     | -      | -       | -    | ONLY_READWRITE_ZONE
ro    | select          | -      | -                      | -      | -       | -    | ONLY_READWRITE_ZONE
ro    | update          | weak   | -                      | -      | -       | -    | ONLY_READWRITE_ZONE
ro    | for update      | weak   | -                      | -      | -       | -    | ONLY_READWRITE_ZONE
ro    | show            | -      | -                      | -      | -       | -    | MERGE_IDC_ORDER
ro    | show            | weak   | ONLY_READONLY_ZONE     | -      | -       | -    | ONLY_READONLY_ZONE
ro    | show            | strong | -                      | -      | -       | -    | ONLY_READWRITE_ZONE
ro    | select 1        | weak   | -                      | -      | -       | -    | READONLY_ZONE_FIRST
";

#[test]
fn the_first_rule_that_matches_names_the_policy() {
    for line in RULES.lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [
            zones,
            statement,
            read,
            zone_policy,
            proxy,
            session,
            zone,
            policy,
        ] = cells[..]
        else {
            panic!("{line}");
        };
        let sql = match statement {
            "select" => "select * from t where k = 1",
            "select 1" => "select 1",
            "weak hint" => "select /*+ READ_CONSISTENCY(WEAK) */ * from t where k = 1",
            "strong hint" => "select /*+ READ_CONSISTENCY(STRONG) */ * from t where k = 1",
            "for update" => "select * from t where k = 1 for update",
            "for update hint" => {
                "select /*+ READ_CONSISTENCY(WEAK) */ * from t where k = 1 for update"
            }
            "update" => "update t set v = 1 where k = 1",
            "show" => "show tables",
            other => panic!("{other}"),
        };
        let policy_of = |name| match name {
            "f_only" => ProxyRoutePolicy::read("FOLLOWER_ONLY"),
            "f_first" => ProxyRoutePolicy::read("FOLLOWER_FIRST"),
            _ => None,
        };
        let case = Case {
            read_only_zones: zones == "ro",
            ..Case::read("")
        };
        let settings = PolicySettings {
            proxy_route_policy: policy_of(proxy),
            proxy_primary_zone_name: ZoneGroups::read(zone.trim_start_matches('-')),
            ..settings()
        };
        let (setup, _) = World::new(case, 0).setup(case, settings);
        let outline = odp_sql::outline(sql.as_bytes(), Charset::Utf8);
        let request = Request {
            outline: Some(&outline),
            consistency: match read {
                "weak" => Consistency::Weak,
                _ => Consistency::Strong,
            },
            is_consistency_chosen: read != "-",
            zone_policy: ZonePolicy::read(zone_policy.as_bytes()),
            route_policy: policy_of(session),
            ..setup.request()
        };
        let explanation = setup.router.explain(&request, setup.now);
        assert_eq!(explanation.policy, policy, "{line}");
    }
}
