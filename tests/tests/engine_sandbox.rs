//! A simulated cluster whose SQL runs on the real engine: partitions, leaders and faults are the
//! cluster's, rows and transactions the engine's.

use odp_tests::mysql::Connection;
use odp_tests::{Engine, Failure, Sandbox, Timer, parts, wait};
use serde_json::json;
use std::time::Duration;

#[test]
fn statements_go_to_the_leaders_of_the_engines_own_partitions() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::on_engine(&*Engine::shared()?, &[])?;
    let mut client = connect(&sandbox)?;
    client.query("DROP TABLE IF EXISTS led")?;
    client.query(
        "CREATE TABLE led (k VARCHAR(20) PRIMARY KEY, n INT) PARTITION BY KEY (k) PARTITIONS 6",
    )?;
    let keys: Vec<String> = (0..40).map(|number| format!("key {number}")).collect();
    for key in &keys {
        client.query(&format!("INSERT INTO led VALUES ('{key}', 1)"))?;
    }
    let before = hits_and_misses(&sandbox)?;
    for key in &keys {
        let rows = client.query(&format!("SELECT n FROM led WHERE k = '{key}'"))?;
        assert_eq!(rows.len(), 1, "{key}");
    }
    let after = hits_and_misses(&sandbox)?;
    assert_eq!((after.0 - before.0, after.1 - before.1), (40, 0));
    let servers = sandbox.servers()?;
    let to = &servers[0].addr;
    for (tablet, _) in sandbox.tablets("led")? {
        sandbox.move_leader(tablet, to)?;
    }
    let read_all = |client: &mut Connection| -> Result<(), Failure> {
        for key in &keys {
            client.query(&format!("UPDATE led SET n = n + 1 WHERE k = '{key}'"))?;
        }
        Ok(())
    };
    let what = "every statement on the new leader";
    wait::until(what, Duration::from_secs(20), || {
        let before = hits_and_misses(&sandbox).map_err(|error| error.to_string())?;
        read_all(&mut client).map_err(|error| error.to_string())?;
        let after = hits_and_misses(&sandbox).map_err(|error| error.to_string())?;
        match (after.0 - before.0, after.1 - before.1) {
            (40, 0) => Ok(()),
            other => Err(format!("{other:?} hits and misses")),
        }
    })?;
    // A new column keeps the leaders, a dropped table leaves nothing behind.
    client.query("ALTER TABLE led ADD COLUMN extra INT")?;
    let led: Vec<_> = sandbox.tablets("led")?;
    assert_eq!(led.len(), 6);
    assert!(led.iter().all(|(_, leader)| leader == to), "{led:?}");
    client.query("DROP TABLE led")?;
    assert!(sandbox.tablets("led").is_err());
    Ok(())
}

#[test]
fn a_killed_server_takes_its_transaction_with_it_and_the_client_stays() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::on_engine(&*Engine::shared()?, &[])?;
    let mut client = connect(&sandbox)?;
    client.query("DROP TABLE IF EXISTS kept")?;
    client.query("CREATE TABLE kept (k INT PRIMARY KEY)")?;
    client.query("INSERT INTO kept VALUES (1)")?;
    client.query("BEGIN")?;
    client.query("INSERT INTO kept VALUES (2)")?;
    let (_, leader) = sandbox.tablets("kept")?.remove(0);
    sandbox.inject(&leader, &json!({"fault": "kill"}))?;
    sandbox.inject(&leader, &json!({"fault": "follow"}))?;
    let lost = client.query("INSERT INTO kept VALUES (3)");
    let lost = lost.expect_err("the transaction is gone").to_string();
    assert!(lost.contains("rolled back"), "{lost}");
    // The engine ends the session of the dead server in its own time: until then its row is locked.
    let what = "the rows without the lost transaction";
    wait::until(what, Duration::from_secs(20), || {
        let rows = client
            .query("SELECT k FROM kept FOR UPDATE")
            .map_err(|e| e.to_string())?;
        if rows == [[Some("1".to_owned())]] {
            Ok(())
        } else {
            Err(format!("{rows:?}"))
        }
    })?;
    sandbox.heal(&leader)?;
    client.query("DROP TABLE kept")?;
    Ok(())
}

#[test]
fn a_sandbox_starts_an_engine_of_its_own_and_ends_it() -> Result<(), Failure> {
    let _timer = Timer::start();
    let python = parts::python()?;
    let bin = python.interpreter.parent().unwrap_or(&python.interpreter);
    let sandbox = Sandbox::with_engine_of(bin)?;
    let mut client = connect(&sandbox)?;
    let rows = client.query("SELECT @@port, @@version_comment")?;
    let text = |at: usize| rows[0][at].clone().unwrap_or_default();
    assert!(text(1).contains("seekdb"), "{}", text(1));
    let port = text(0).parse().unwrap_or_default();
    Connection::login(port, "root", "")?;
    sandbox.kill()?;
    wait::until(
        "the end of the engine",
        Duration::from_secs(20),
        || match Connection::login(port, "root", "") {
            Err(_) => Ok(()),
            Ok(_) => Err("it lets clients in".to_owned()),
        },
    )
}

fn connect(sandbox: &Sandbox) -> Result<Connection, Failure> {
    let app = sandbox.app();
    let mut client = Connection::login(app.port, app.user, app.password)?;
    client.query("USE test")?;
    Ok(client)
}

fn hits_and_misses(sandbox: &Sandbox) -> Result<(u64, u64), Failure> {
    let servers = sandbox.servers()?;
    let hits = servers.iter().map(|server| server.leader_hits).sum();
    let misses = servers.iter().map(|server| server.leader_misses).sum();
    Ok((hits, misses))
}
