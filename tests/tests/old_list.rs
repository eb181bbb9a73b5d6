//! A start from a list of servers that is out of date: those seen last are asked too.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Failure, Proxy, Sandbox, Timer, wait};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_proxy_whose_list_is_dead_finds_the_cluster_by_the_servers_seen_last() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let servers = sandbox.servers()?;
    let [first, second, third] = servers.as_slice() else {
        return Err(Failure::answer("three servers", format!("{servers:?}")));
    };
    let settings = Settings::in_front_of(&[first.port]).with("metadata_user", "\"root@sys\"");
    let mut proxy = Proxy::start(&settings)?;
    let file = proxy.dir().join("state/servers.json");
    wait::until("the servers in the file", MOMENT, || {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let all = [second, third]
            .iter()
            .all(|server| text.contains(&server.addr));
        if all { Ok(()) } else { Err(text) }
    })?;

    proxy.terminate(MOMENT)?;
    sandbox.inject(&first.addr, &json!({"fault": "kill"}))?;
    proxy.serve_again()?;
    proxy.wait_for_health(200)?;
    let mut client = Connection::login(proxy.port(), "app@demo", "app")?;
    client.query("CREATE TABLE test.found (id INT PRIMARY KEY)")?;
    client.query("INSERT INTO test.found VALUES (1)")?;
    client.quit()?;

    // Nothing but the dead list is left of a file that cannot be read; its server is found when it is back.
    proxy.terminate(MOMENT)?;
    std::fs::write(&file, "{").map_err(Failure::io("spoil the file"))?;
    proxy.serve_again()?;
    proxy.wait_for_health(503)?;
    sandbox.heal(&first.addr)?;
    proxy.wait_for_health(200)?;
    let mut client = Connection::login(proxy.port(), "app@demo", "app")?;
    assert_eq!(client.query("SELECT id FROM test.found")?.len(), 1);
    Ok(())
}

const MOMENT: Duration = Duration::from_secs(30);
