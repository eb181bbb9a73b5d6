//! Leaders, hits and misses, as a proxy gets to see them.

use crate::client::Client;
use odp_simulator::{Cluster, ClusterConfig};
use std::collections::BTreeSet;
use std::net::SocketAddr;

fn cluster() -> Cluster {
    Cluster::start(&ClusterConfig::default()).unwrap()
}

/// The leader of each of the 16 partitions of `t`, as a proxy would find it.
fn leaders(cluster: &Cluster) -> Vec<SocketAddr> {
    let tablets = cluster.tablets("demo", "test", "t").unwrap();
    tablets.into_iter().map(|tablet| tablet.leader).collect()
}

#[test]
fn statements_on_the_leader_are_hits_and_others_are_told() {
    let cluster = cluster();
    let mut sessions: Vec<(SocketAddr, Client)> = cluster
        .addrs()
        .into_iter()
        .map(|addr| (addr, Client::proxied(addr, "app@demo", "app")))
        .collect();
    sessions[0]
        .1
        .ok("create table t (id bigint primary key, v int) partition by hash(id) partitions 16");
    let leaders = leaders(&cluster);
    assert_eq!(
        leaders.iter().collect::<BTreeSet<_>>().len(),
        3,
        "leaders are spread"
    );
    for id in 0..64_usize {
        let leader = leaders[id % 16];
        for (addr, client) in &mut sessions {
            let inserts = *addr == leader;
            let sql = if inserts {
                format!("insert into t values ({id}, 1)")
            } else {
                format!("select * from t where id = {id}")
            };
            let hit = client
                .ok(&sql)
                .system
                .get("ob_proxy_partition_hit")
                .cloned();
            assert_eq!(
                hit.as_deref(),
                if inserts { None } else { Some("OFF") },
                "{sql}"
            );
        }
    }
    let servers = cluster.servers();
    assert_eq!(
        servers.iter().map(|server| server.leader_hits).sum::<u64>(),
        64
    );
    assert_eq!(
        servers
            .iter()
            .map(|server| server.leader_misses)
            .sum::<u64>(),
        128
    );
}

#[test]
fn weak_reads_are_never_misses() {
    let cluster = cluster();
    let addrs = cluster.addrs();
    Client::direct(addrs[0], "app@demo", "app").ok("create table t (id int primary key)");
    for addr in addrs {
        let mut client = Client::proxied(addr, "app@demo", "app");
        let reply = client.ok("select /*+ READ_CONSISTENCY(WEAK) */ * from t where id = 1");
        assert!(!reply.system.contains_key("ob_proxy_partition_hit"));
    }
    assert_eq!(
        cluster
            .servers()
            .iter()
            .map(|server| server.leader_misses)
            .sum::<u64>(),
        0
    );
}

#[test]
fn a_moved_leader_shows_in_the_metadata_and_in_the_counts() {
    let cluster = cluster();
    let addrs = cluster.addrs();
    let mut client = Client::proxied(addrs[0], "app@demo", "app");
    client.ok("create table t (id int primary key)");
    let tablet = cluster.tablets("demo", "test", "t").unwrap()[0].tablet_id;
    for addr in addrs {
        cluster.move_leader(tablet, addr).unwrap();
        let query = "SELECT A.sql_port FROM oceanbase.__all_virtual_proxy_schema A WHERE A.tenant_name = \
                     'demo' AND A.database_name = 'test' AND A.table_name = 't' AND A.tablet_id = 0 ORDER \
                     BY A.role ASC LIMIT 9223372036854775807";
        assert_eq!(client.ok(query).value(), addr.port().to_string());
        let mut there = Client::proxied(addr, "app@demo", "app");
        assert!(
            !there
                .ok("select * from t")
                .system
                .contains_key("ob_proxy_partition_hit")
        );
    }
}

#[test]
fn a_stopped_server_loses_its_sessions_and_its_leaders() {
    let cluster = cluster();
    let addrs = cluster.addrs();
    Client::direct(addrs[0], "app@demo", "app")
        .ok("create table t (id bigint primary key) partition by hash(id) partitions 16");
    cluster.stop_server(addrs[1]).unwrap();
    assert!(std::net::TcpStream::connect(addrs[1]).is_err());
    assert!(!leaders(&cluster).contains(&addrs[1]));
    let mut sys = Client::direct(addrs[0], "root@sys", "");
    let status = format!(
        "select status from oceanbase.DBA_OB_SERVERS where sql_port = {}",
        addrs[1].port()
    );
    assert_eq!(sys.ok(&status).value(), "INACTIVE");
    cluster.start_server(addrs[1]).unwrap();
    assert_eq!(sys.ok(&status).value(), "ACTIVE");
    assert_eq!(
        Client::direct(addrs[1], "app@demo", "app")
            .ok("select 1")
            .value(),
        "1"
    );
}

#[test]
fn a_table_is_loaded_from_rows_of_a_real_engine() {
    let cluster = cluster();
    let rows = r#"{"table": "loaded", "ddl": "create table loaded (id bigint, k int) partition by hash(k) partitions 2",
      "meta": {"__all_virtual_proxy_schema": [{"table_id": 508167, "schema_version": 7}],
        "__all_virtual_proxy_partition_info": [{"table_id": 508167, "part_level": 1, "part_type": 0, "part_num": 2,
          "part_expr": "k", "sub_part_type": 0, "sub_part_expr": "", "part_key_name": "k", "part_key_level": 1,
          "part_key_idx": 1, "part_expr_bin": {"hex": ""}}],
        "__all_virtual_proxy_partition": [
          {"table_id": 508167, "part_id": 1, "part_name": "p0", "tablet_id": 207174, "high_bound_val": null},
          {"table_id": 508167, "part_id": 2, "part_name": "p1", "tablet_id": 207175, "high_bound_val": null}]}}"#;
    cluster.load_table("demo", "test", rows).unwrap();
    let tablets = cluster.tablets("demo", "test", "loaded").unwrap();
    assert_eq!(
        tablets
            .iter()
            .map(|tablet| tablet.tablet_id)
            .collect::<Vec<_>>(),
        [207_174, 207_175]
    );
    let mut client = Client::proxied(tablets[1].leader, "app@demo", "app");
    let reply = client.ok("insert into loaded values (1, 3)");
    assert!(!reply.system.contains_key("ob_proxy_partition_hit"));
}

#[test]
fn a_database_created_anew_is_another_one() {
    let cluster = cluster();
    let addr = cluster.addrs()[0];
    let mut first = Client::direct(addr, "app@demo", "app");
    let mut second = Client::direct(addr, "app@demo", "app");
    for value in ["1", "2"] {
        first.ok("create database d");
        first.ok("create table d.t (id int)");
        first.ok(&format!("insert into d.t values ({value})"));
        assert_eq!(second.ok("select id from d.t").value(), value);
        first.ok("drop database d");
        assert_eq!(second.fails("select id from d.t"), 1146);
    }
}
