//! A server that answers, but far later than the others: weak reads leave it, strong ones stay, and it gets
//! its share again when it is quick again.

use odp_tests::http::Endpoint;
use odp_tests::mysql::Connection;
use odp_tests::{Failure, Sandbox, Timer, wait};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn weak_reads_leave_a_slow_server_and_strong_ones_do_not() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let mut client = login(&sandbox)?;
    client.query("CREATE TABLE slow (id INT PRIMARY KEY, v INT)")?;
    client.query("INSERT INTO slow VALUES (1, 1)")?;
    // The leader, from which strong reads cannot go away.
    let (tablet, leader) = sandbox.tablets("slow")?.swap_remove(0);
    assert!(tablet > 0);
    let reads = |client: &mut Connection, count: u64| -> Result<u64, Failure> {
        let before = statements(&sandbox, &leader)?;
        for _ in 0..count {
            client.query(WEAK)?;
        }
        Ok(statements(&sandbox, &leader)? - before)
    };
    let share = reads(&mut client, 300)?;
    assert!(
        (60..=140).contains(&share),
        "{share} of 300 while all are well"
    );
    wait::until_true("a response time in the status", MOMENT, || {
        server(&sandbox, &leader).is_ok_and(|it| it["response_ms"].as_f64() > Some(0.0))
    })?;

    sandbox.inject(&leader, &json!({"fault": "slow", "factor": 100}))?;
    wait::until("a slow server in the status", MOMENT, || {
        reads(&mut client, 50).map_err(|error| error.to_string())?;
        match server(&sandbox, &leader) {
            Ok(server) if server["is_slow"] == true => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })?;
    let share = reads(&mut client, 300)?;
    assert!(share <= 45, "{share} of 300 went to the slow server");
    let metrics = Endpoint::open(sandbox.admin_port()).get("/metrics")?.body;
    let slow = metrics
        .lines()
        .find(|line| line.starts_with("odp_server_slow{") && line.contains(&leader));
    assert!(slow.is_some_and(|line| line.ends_with(" 1")), "{slow:?}");
    let explained = client.query(&format!("EXPLAIN ROUTE {WEAK}"))?;
    let told = explained
        .iter()
        .flatten()
        .flatten()
        .any(|text| text.contains(", slow: answers in"));
    assert!(told, "{explained:?}");

    let before = statements(&sandbox, &leader)?;
    for _ in 0..20 {
        client.query("SELECT v FROM slow WHERE id = 1")?;
    }
    assert_eq!(statements(&sandbox, &leader)? - before, 20, "strong reads");

    sandbox.heal(&leader)?;
    wait::until("its share of the reads", MOMENT, || {
        let share = reads(&mut client, 60).map_err(|error| error.to_string())?;
        if share >= 15 {
            Ok(())
        } else {
            Err(format!("{share} of 60"))
        }
    })?;
    wait::until_true("no slow server in the status", MOMENT, || {
        server(&sandbox, &leader).is_ok_and(|it| it["is_slow"] == false)
    })
}

fn login(sandbox: &Sandbox) -> Result<Connection, Failure> {
    let app = sandbox.app();
    let mut client = Connection::login(app.port, app.user, app.password)?;
    client.query("USE test")?;
    Ok(client)
}

/// Statements on tables that a server has run.
fn statements(sandbox: &Sandbox, addr: &str) -> Result<u64, Failure> {
    let servers = sandbox.servers()?;
    let found = servers.iter().find(|server| server.addr == addr);
    let found = found.ok_or_else(|| Failure::answer("a server", format!("{servers:?}")))?;
    Ok(found.leader_hits + found.leader_misses)
}

/// A server's part of the status.
fn server(sandbox: &Sandbox, addr: &str) -> Result<Value, Failure> {
    let status = Endpoint::open(sandbox.admin_port())
        .get("/v1/status")?
        .json()?;
    let servers = status.get("servers").and_then(Value::as_array);
    let is_meant = |server: &&Value| server.get("addr").and_then(Value::as_str) == Some(addr);
    let found = servers.into_iter().flatten().find(is_meant).cloned();
    found.ok_or_else(|| Failure::answer("a server of the status", status.to_string()))
}

const WEAK: &str = "SELECT /*+ READ_CONSISTENCY(WEAK) */ v FROM slow WHERE id = 1";
const MOMENT: Duration = Duration::from_secs(30);
