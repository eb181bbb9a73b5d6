//! Sessions on a simulated cluster: logins, state that a proxy is told, transactions.

use crate::client::Client;
use odp_protocol::auth::Salt;
use odp_simulator::{Cluster, ClusterConfig};
use std::time::Duration;

fn cluster() -> Cluster {
    let lock_wait_timeout = Duration::from_millis(300);
    Cluster::start(&ClusterConfig {
        lock_wait_timeout,
        ..ClusterConfig::default()
    })
    .unwrap()
}

#[test]
fn a_login_through_a_proxy_is_checked_over_the_proxys_salt() {
    let cluster = cluster();
    let addr = cluster.addrs()[0];
    let mut client = Client::proxied(addr, "app@demo", "app");
    assert_eq!(client.login.error, None);
    assert_eq!(client.login.schema.as_deref(), Some("test"));
    assert!(
        client.login.system.len() > 250,
        "every system variable is told"
    );
    assert_eq!(client.login.system["autocommit"], "ON");
    assert_eq!(client.login.user["_min_cluster_version"], "'4.3.5.1'");
    assert_eq!(client.ok("select connection_id()").value(), "55001");
    let wrong = Client::proxied(addr, "app@demo", "nope")
        .login
        .error
        .unwrap();
    assert_eq!(wrong.0, 1045);
    assert!(wrong.1.ends_with("(using password: YES)"), "{}", wrong.1);
    assert_eq!(
        Client::direct(addr, "app@nowhere", "app")
            .login
            .error
            .unwrap()
            .0,
        1045
    );
    assert_eq!(Client::direct(addr, "root@sys", "").login.error, None);
    assert_eq!(Client::direct(addr, "proxyro@sys", "").login.error, None);
}

#[test]
fn a_proxy_of_another_cluster_is_refused() {
    let cluster = cluster();
    let salt = Some(Salt::from_random([1; 20]));
    let login = |name: &'static str| {
        let client = Client::connect(cluster.addrs()[0], "app@demo", "app", salt, |attributes| {
            attributes.push("__cluster_name", name);
        });
        client.login.error.map(|(code, _)| code)
    };
    assert_eq!(login("sandbox"), None);
    assert_eq!(login("other"), Some(4666));
}

#[test]
fn only_changes_are_told_and_every_response_of_a_proxy_ends_in_an_ok() {
    let cluster = cluster();
    let mut client = Client::proxied(cluster.addrs()[0], "app@demo", "app");
    let set = client.ok("set autocommit=0, @a = 'x''y', @b = 5");
    assert_eq!(
        set.system.keys().map(String::as_str).collect::<Vec<_>>(),
        ["autocommit"]
    );
    assert_eq!(set.user["a"], "'x\\'y'");
    assert_eq!(set.user["b"], "5");
    let select = client.ok("select 1");
    assert_eq!((select.extra_oks, select.system.len()), (1, 0));
    let failed = client.run("select nonsense");
    assert_eq!(failed.extra_oks, 1);
    assert_eq!(failed.error.unwrap().0, 1054);
    assert!(failed.system.contains_key("ob_statement_trace_id"));
    client.ok("create database other");
    let used = client.ok("use other");
    assert_eq!(used.schema.as_deref(), Some("other"));
    assert!(used.system.contains_key("collation_database"));
    assert_eq!(client.ok("drop database other").schema.as_deref(), Some(""));
}

#[test]
fn a_transaction_shows_in_the_status_and_rolls_back() {
    let cluster = cluster();
    let mut client = Client::proxied(cluster.addrs()[0], "app@demo", "app");
    client.ok("create table t (id int primary key, v int)");
    assert!(client.ok("begin").in_transaction());
    assert!(client.ok("insert into t values (1, 1)").in_transaction());
    client.ok("savepoint s");
    client.ok("update t set v = 2");
    client.ok("rollback to s");
    assert_eq!(client.ok("select v from t").value(), "1");
    assert!(!client.ok("rollback").in_transaction());
    assert_eq!(client.ok("select count(*) from t").value(), "0");
    client.ok("set autocommit = 0");
    assert!(!client.ok("select 1").in_transaction());
    assert!(client.ok("insert into t values (2, 2)").in_transaction());
    assert!(
        !client.ok("create table u (id int)").in_transaction(),
        "DDL commits"
    );
    assert_eq!(client.ok("select count(*) from t").value(), "1");
}

#[test]
fn a_writer_waits_its_turn_and_gives_up_with_1205() {
    let cluster = cluster();
    let mut first = Client::direct(cluster.addrs()[0], "app@demo", "app");
    let mut second = Client::direct(cluster.addrs()[1], "app@demo", "app");
    first.ok("create table t (id int primary key, v int)");
    first.ok("begin");
    first.ok("insert into t values (1, 1)");
    assert_eq!(second.fails("insert into t values (2, 2)"), 1205);
    assert_eq!(
        second.ok("select count(*) from t").value(),
        "0",
        "reads never wait"
    );
    first.ok("commit");
    assert_eq!(second.ok("insert into t values (2, 2)").affected, 1);
    first.ok("begin");
    first.ok("insert into t values (3, 3)");
    drop(first);
    while second.run("update t set v = 0").error.is_some() {}
    assert_eq!(
        second.ok("select count(*) from t").value(),
        "2",
        "a lost session rolls back"
    );
}

#[test]
fn writers_of_many_sessions_never_see_a_busy_engine() {
    let cluster = cluster();
    let addrs = cluster.addrs();
    Client::direct(addrs[0], "app@demo", "app")
        .ok("create table t (id bigint primary key auto_increment, v int)");
    let threads: Vec<_> = (0..8)
        .map(|index| {
            let addr = addrs[index % addrs.len()];
            std::thread::spawn(move || {
                let mut client = Client::direct(addr, "app@demo", "app");
                client.ok("set ob_query_timeout = 60000000");
                for _ in 0..25 {
                    client.ok("insert into t (v) values (1), (2)");
                    client.ok("select count(*) from t");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let mut client = Client::direct(addrs[0], "app@demo", "app");
    assert_eq!(client.ok("select count(*) from t").value(), "400");
    assert_eq!(
        client.ok("insert into t (v) values (1), (2)").insert_id,
        401
    );
}

#[test]
fn prepared_statements_run_in_the_binary_protocol() {
    let cluster = cluster();
    let mut client = Client::proxied(cluster.addrs()[0], "app@demo", "app");
    client.ok("create table t (id bigint primary key, v int) partition by hash(id) partitions 16");
    let insert = client.prepare("insert into t values (?, ?)");
    let leaders = cluster.tablets("demo", "test", "t").unwrap();
    for id in 0..16 {
        let (_, reply) = client.execute(insert, &[id, 7]);
        assert_eq!((reply.error, reply.affected), (None, 1));
        let hit = leaders[usize::try_from(id).unwrap()].leader == cluster.addrs()[0];
        assert_eq!(
            reply.system.contains_key("ob_proxy_partition_hit"),
            !hit,
            "row {id}"
        );
    }
    let select = client.prepare("select id, v from t where id = ?");
    let (rows, _) = client.execute(select, &[5]);
    let expected = [&[0, 0][..], &5_i64.to_le_bytes(), &7_i32.to_le_bytes()].concat();
    assert_eq!(rows, vec![expected]);
    assert_eq!(client.execute(99, &[]).1.error.unwrap().0, 1243);
    client.ok("drop table t");
    assert_eq!(client.execute(select, &[5]).1.error.unwrap().0, 1146);
}

#[test]
fn a_running_statement_is_killed_from_another_node() {
    let cluster = cluster();
    let addrs = cluster.addrs();
    let mut victim = Client::direct(addrs[0], "app@demo", "app");
    let id = victim.ok("select connection_id()").value().to_owned();
    let sleeping = std::thread::spawn(move || {
        let reply = victim.run("select sleep(20) from (select 1) x");
        (victim, reply)
    });
    let mut killer = Client::direct(addrs[1], "app@demo", "app");
    while !sleeping.is_finished() {
        killer.ok(&format!("kill query {id}"));
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut victim, reply) = sleeping.join().unwrap();
    assert_eq!(reply.error.map(|(code, _)| code), Some(1317));
    assert_eq!(victim.ok("select 1").value(), "1");
    assert_eq!(killer.fails("kill 4000000000"), 1094);
}
