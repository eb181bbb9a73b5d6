//! A cluster of 3.x, which is asked in other words, and routines.

use super::*;
use odp_cluster::ZoneState;

/// What a server of 3.2 answers; it refuses what only 4.x has.
fn old_cluster() -> Behaviour {
    let located = |name: &str, partitions: &[(u64, u8)], part_num: u8| {
        let columns = "table_name|table_id|part_num|schema_version|partition_id|role|spare1|spare2|\
                       svr_ip|sql_port";
        let row = |partition, leader, number: u8| {
            let role = if number == leader { 1 } else { 2 };
            format!("{name}|700|{part_num}|9|{partition}|{role}|0|0|10.0.0.{number}|2881")
        };
        let rows = partitions
            .iter()
            .flat_map(|&(id, leader)| (1..=3).map(move |number| row(id, leader, number)));
        let lines: Vec<String> = std::iter::once(columns.to_owned()).chain(rows).collect();
        table(&lines.join("\n"))
    };
    Behaviour::Answers(vec![
        ("ob_version()", table("cluster_version\n3.2.4.7")),
        (
            "__all_virtual_zone_stat",
            table(
                "zone|is_merging|status|region|spare4|spare5\n|0|ACTIVE|||\n\
                 z1|0|ACTIVE|north|idc1|ReadWrite\nz2|1|ACTIVE|north|idc2|ReadOnly\n\
                 z3|0|INACTIVE|south|idc3|ReadWrite",
            ),
        ),
        (
            "__all_virtual_proxy_server_stat",
            table(
                "svr_ip|svr_port|zone|server_status|start_service_time|stop_time\n\
                 10.0.0.1|2881|z1|active|1600000000|0\n10.0.0.2|2881|z2|active|1600000000|0\n\
                 10.0.0.3|2881|z3|active|1600000000|0\n10.0.0.4|2881|gone|active|1600000000|0",
            ),
        ),
        (
            "oceanbase.__all_tenant ",
            table("tenant_name|tenant_id|primary_zone\ndemo|1001|z1"),
        ),
        ("'__all_dummy'", located("__all_dummy", &[(0, 1)], 1)),
        (
            "spare4 AS routine_sql",
            table("database_name|routine_sql\ntest|update r set v = 1 where k = 15"),
        ),
        (
            "table_name = 'r' AND A.partition_id = 0",
            located("r", &[(0, 1)], 2),
        ),
        (
            "table_name = 'r' AND A.partition_id IN (0, 1)",
            located("r", &[(0, 1), (1, 2)], 2),
        ),
        (
            "proxy_partition_info",
            table(
                "part_level|part_type|part_expr|part_key_name|part_key_idx|part_key_level|\
                 part_key_type\n1|3|k|k|0|1|5",
            ),
        ),
        (
            "__all_virtual_proxy_partition WHERE",
            table(
                "tablet_id|part_id|part_name|high_bound_val_bin\n0|0|p0|x'0105053f000a'\n\
                 1|1|p1|x'0119070000feffffffffffffffff01'",
            ),
        ),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_3_x_is_asked_in_its_own_words() {
    let script = Script::default();
    for number in 1..=3 {
        script.set(addr(number), old_cluster());
    }
    let log = script.clone();
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        let view = router.view();
        assert_eq!((view.name.as_str(), view.servers.len()), ("obc", 3));
        let states: Vec<ZoneState> = view.zones.iter().map(|zone| zone.state).collect();
        assert_eq!(
            states,
            [ZoneState::Active, ZoneState::Merging, ZoneState::Upgrade]
        );
        assert_eq!(view.tenants["demo"].primary_zone, "z1");
        handle.lookup(key("r")).await;
        let first = route(&router, "select * from r where k = 3");
        assert_eq!((first.server, first.reason), (addr(1), RouteReason::Leader));
        let second = route(&router, "select * from r where k = 15");
        assert_eq!((second.server, second.is_leader), (addr(2), true));
        assert_eq!(log.asked("DBA_OB_"), 0, "views of 4.x");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_routine_is_looked_up_and_followed_to_its_table() {
    let script = Script::default();
    for number in 1..=3 {
        script.set(addr(number), old_cluster());
    }
    with_discovery(&script, config(), |router, handle| async move {
        seconds(1).await;
        let call = "call refill(7)";
        for _ in 0..2 {
            let Decision::Lookup(key) = decide(&router, call, LookupPhase::Allowed) else {
                panic!("first the routine is looked up, then its table");
            };
            handle.lookup(key).await;
        }
        assert_eq!(route(&router, call).server, addr(2));
    })
    .await;
}
