//! A server that the operator takes out by hand, by the simulator's own count.

use odp_tests::clients::mariadb;
use odp_tests::mysql::Connection;
use odp_tests::process::send;
use odp_tests::{Failure, Sandbox, Stage, Timer, wait};
use rustix::process::Signal;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_drained_server_gets_nothing_until_undrain_whatever_ends_meanwhile() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut stage = Stage::in_front_of(Arc::new(Sandbox::start()?), |settings| {
        settings.with("hot_upgrade_exit_timeout", "\"1s\"")
    })?;
    let create = "CREATE TABLE drained (id BIGINT PRIMARY KEY, v BIGINT) \
        PARTITION BY HASH(id) PARTITIONS 16";
    mariadb(stage.app(), "test", create)?;
    let server = stage.cluster().servers()?.swap_remove(0).addr;
    assert!(
        statements_at(&stage, &server)? > 0,
        "{server} leads nothing"
    );

    order(&stage, &server, "drain", 200)?;
    wait_for_standing(&stage, &server, "drained")?;
    assert_eq!(statements_at(&stage, &server)?, 0, "after drain");
    order(&stage, &server, "drain", 200)?;

    stage.restart()?;
    assert_eq!(statements_at(&stage, &server)?, 0, "after a restart");
    let crashed = stage.data_plane()?;
    send(crashed, Signal::KILL)?;
    wait::until("the next data plane", MOMENT, || match stage.data_plane() {
        Ok(id) if id != crashed && stage.proxy.state().is_ok_and(|it| it == "Running") => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    assert_eq!(statements_at(&stage, &server)?, 0, "after a crash");
    send(stage.proxy.coordinator(), Signal::KILL)?;
    stage.proxy.wait_for_end(MOMENT)?;
    stage.proxy.serve_again()?;
    stage.proxy.wait_for_health(200)?;
    assert_eq!(
        statements_at(&stage, &server)?,
        0,
        "after another coordinator took over"
    );
    stage.proxy.terminate(MOMENT)?;
    stage.proxy.serve_again()?;
    stage.proxy.wait_for_health(200)?;
    assert_eq!(statements_at(&stage, &server)?, 0, "after a reboot");

    order(&stage, &server, "undrain", 200)?;
    wait_for_standing(&stage, &server, "ok")?;
    assert!(statements_at(&stage, &server)? > 0, "{server} is not back");
    stage.restart()?;
    assert!(statements_at(&stage, &server)? > 0, "undrain is not kept");
    Ok(())
}

#[test]
fn a_wish_that_cannot_be_fulfilled_changes_nothing() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| settings)?;
    let server = stage.cluster().servers()?.swap_remove(0).addr;
    for command in ["drain", "undrain"] {
        order(&stage, "127.0.0.1:9", command, 404)?;
        order(&stage, "[::1]:2881", command, 404)?;
        for bad in ["127.0.0.1", "localhost:2881", "127.0.0.1:99999", "x", ""] {
            order(&stage, bad, command, 400)?;
        }
    }
    order(&stage, &server, "pause", 404)?;
    // Nothing can be written where a folder has the name of the file.
    let file = stage.dir().join("state/drained.new");
    std::fs::create_dir(&file).map_err(Failure::io("stand in the way"))?;
    order(&stage, &server, "drain", 503)?;
    std::fs::remove_dir(&file).map_err(Failure::io("step aside"))?;
    stage.restart()?;
    assert_eq!(standing(&stage, &server)?, "ok");
    Ok(())
}

/// Statements of a load on all partitions that this server gets.
fn statements_at(stage: &Stage, server: &str) -> Result<u64, Failure> {
    let count = || -> Result<u64, Failure> {
        let servers = stage.cluster().servers()?;
        let found = servers.iter().find(|it| it.addr == server);
        Ok(found.map_or(0, |it| it.leader_hits + it.leader_misses))
    };
    let app = stage.app();
    let before = count()?;
    let mut client = Connection::login(app.port, app.user, app.password)?;
    for id in 0..64 {
        client.query(&format!("REPLACE INTO test.drained VALUES ({id}, 1)"))?;
        let rows = client.query(&format!("SELECT v FROM test.drained WHERE id = {id}"))?;
        assert_eq!(rows.len(), 1, "{id}");
    }
    client.quit()?;
    Ok(count()? - before)
}

fn order(stage: &Stage, server: &str, command: &str, expected: u16) -> Result<(), Failure> {
    let path = format!("/v1/servers/{server}/{command}");
    let answer = stage.proxy.admin().request("POST", &path, None)?;
    assert_eq!(answer.status, expected, "{path}: {}", answer.body);
    Ok(())
}

fn wait_for_standing(stage: &Stage, server: &str, wanted: &str) -> Result<(), Failure> {
    wait::until(wanted, MOMENT, || match standing(stage, server) {
        Ok(found) if found == wanted => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

fn standing(stage: &Stage, server: &str) -> Result<String, Failure> {
    let status = stage.proxy.status()?;
    let servers = status.get("servers").and_then(Value::as_array);
    let found = servers
        .into_iter()
        .flatten()
        .find(|it| it.get("addr").and_then(Value::as_str) == Some(server));
    let standing = found.and_then(|it| it.get("standing")?.as_str());
    let standing = standing.map(str::to_owned);
    standing.ok_or_else(|| Failure::answer("/v1/status", status.to_string()))
}

const MOMENT: Duration = Duration::from_secs(30);
