//! The faults of the sandbox, by HTTP: those that take a process of its own, and how the rest is asked for.

use odp_tests::http::Endpoint;
use odp_tests::mysql::Connection;
use odp_tests::network::{Network, here, rerun_in_own_network};
use odp_tests::process::is_alive;
use odp_tests::{Failure, Sandbox, Timer, say, wait};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn every_server_is_a_process_that_can_be_killed_stopped_and_started() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let servers = sandbox.servers()?;
    let pids: Vec<u32> = servers.iter().filter_map(|server| server.pid).collect();
    assert!(
        pids.len() == 3 && pids.iter().all(|&pid| is_alive(pid)),
        "{servers:?}"
    );
    let (addr, port) = (servers[1].addr.clone(), sandbox.server_ports()?[1]);

    let mut session = login(port)?;
    let answer = sandbox.inject(&addr, &json!({"fault": "kill"}))?;
    assert_eq!(answer, json!({"addr": addr, "faults": [{"fault": "kill"}]}));
    assert!(!is_alive(pids[1]));
    assert!(
        session.query("SELECT 1").is_err(),
        "a session outlived its server"
    );
    assert_eq!(
        connect(port).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let dead = sandbox.servers()?;
    assert_eq!(dead[1].pid, None);
    assert!(
        dead[1].statements >= servers[1].statements,
        "counts do not go back"
    );
    sandbox.heal(&addr)?;
    let started = sandbox.servers()?[1].pid;
    assert!(started.is_some_and(|pid| pid != pids[1] && is_alive(pid)));
    assert_eq!(login(port)?.query("SELECT 1")?, [[Some("1".to_owned())]]);

    let mut session = login(port)?;
    sandbox.inject(&addr, &json!({"fault": "stop"}))?;
    assert_eq!(state(started.unwrap_or(0)), Some('T'));
    // The kernel still takes connections and bytes; nobody answers.
    connect(port).map_err(Failure::io("connect to a stopped server"))?;
    session.send_query("SELECT 1")?;
    assert!(!session.has_answer_within(Duration::from_millis(300))?);
    let asked = Instant::now();
    assert_eq!(sandbox.servers()?[1].pid, started);
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "the report waits for it"
    );
    sandbox.heal(&addr)?;
    assert!(session.has_answer_within(Duration::from_secs(10))?);
    Ok(())
}

#[test]
fn the_servers_share_their_data_and_know_each_others_sessions() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let mut sessions = Vec::new();
    for port in sandbox.server_ports()? {
        sessions.push(login(port)?);
    }
    sessions[0].query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")?;
    for round in 1..=20 {
        sessions[round % 3].query("INSERT INTO t (v) VALUES (1)")?;
        let seen = sessions[(round + 1) % 3].query("SELECT max(id) FROM t")?;
        assert_eq!(seen, [[Some(round.to_string())]]);
    }
    let id = sessions[1].query("SELECT CONNECTION_ID()")?[0][0].clone();
    let listed = sessions[2].query("SHOW PROCESSLIST")?;
    assert!(
        listed.iter().any(|row| row[0] == id),
        "{id:?} in {listed:?}"
    );
    sessions[1].send_query("SELECT SLEEP(30)")?;
    wait::until_true("a running statement", Duration::from_secs(5), || {
        let listed = sessions[2].query("SHOW PROCESSLIST").unwrap_or_default();
        listed
            .iter()
            .any(|row| row[0] == id && row[4].as_deref() == Some("Query"))
    })?;
    sessions[2].query(&format!("KILL QUERY {}", id.clone().unwrap_or_default()))?;
    assert!(sessions[1].has_answer_within(Duration::from_secs(5))?);
    sessions[0].query(&format!("KILL {}", id.unwrap_or_default()))?;
    let mut killed = sessions.remove(1).into_stream();
    let mut rest = Vec::new();
    killed
        .read_to_end(&mut rest)
        .map_err(Failure::io("wait for the end"))?;
    Ok(())
}

#[test]
fn a_stopped_or_killed_server_keeps_the_others_from_nothing() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let ports = sandbox.server_ports()?;
    let addrs: Vec<String> = sandbox
        .servers()?
        .into_iter()
        .map(|server| server.addr)
        .collect();
    let mut healthy = login(ports[0])?;
    healthy.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")?;
    for (round, fault) in ["stop", "kill"].into_iter().enumerate() {
        let mut sick = login(ports[1])?;
        let writes = std::thread::spawn(move || {
            for id in 0..10_000 {
                if sick
                    .query(&format!("REPLACE INTO t VALUES ({}, 1)", 100 + id))
                    .is_err()
                {
                    return;
                }
            }
        });
        wait::until_true("writes of the sick server", Duration::from_secs(10), || {
            let count = healthy.query("SELECT count(*) FROM t").unwrap_or_default();
            count
                .first()
                .is_some_and(|row| row[0].as_deref() > Some("5"))
        })?;
        sandbox.inject(&addrs[1], &json!({"fault": fault}))?;
        let started = Instant::now();
        healthy.query(&format!("INSERT INTO t VALUES ({round}, 0)"))?;
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
        sandbox.heal(&addrs[1])?;
        drop(writes);
        healthy.query("DELETE FROM t WHERE id >= 100")?;
    }
    Ok(())
}

#[test]
fn a_black_hole_drops_packets_and_acknowledges_nothing() -> Result<(), Failure> {
    let _timer = Timer::start();
    odp_tests::workspace::odp()?;
    let name = "a_black_hole_drops_packets_and_acknowledges_nothing";
    if let Some(status) = rerun_in_own_network(name)? {
        assert!(status.success(), "{status}");
        return Ok(());
    }
    if here() == Network::Shared {
        say("black hole: NOT RUN, packets cannot be dropped on this machine");
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let (addr, port) = (
        sandbox.servers()?[1].addr.clone(),
        sandbox.server_ports()?[1],
    );
    let mut session = login(port)?;
    sandbox.inject(&addr, &json!({"fault": "black_hole"}))?;
    session.send_query("SELECT 1")?;
    assert!(!session.has_answer_within(Duration::from_millis(500))?);
    let (unacknowledged, retransmits) = on_its_way(session.local_port()?)?;
    assert!(
        unacknowledged > 0 && retransmits > 0,
        "{unacknowledged} bytes on their way, sent again {retransmits} times"
    );
    assert_eq!(connect(port).unwrap_err().kind(), ErrorKind::TimedOut);
    // Its process is fine and so is everybody else.
    let servers = sandbox.servers()?;
    assert!(servers[1].pid.is_some_and(is_alive));
    login(sandbox.server_ports()?[0])?;
    sandbox.heal(&addr)?;
    assert!(session.has_answer_within(Duration::from_secs(20))?);
    Ok(())
}

#[test]
fn servers_are_added_and_removed_by_http() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let added = sandbox.inject("127.0.0.1:0", &json!({"fault": "added"}))?;
    let added = added["addr"].as_str().unwrap_or_default().to_owned();
    let servers = sandbox.servers()?;
    assert_eq!(servers.len(), 4);
    assert_eq!(servers[3].addr, added);
    assert_eq!(servers[3].zone, "z1");
    login(sandbox.server_ports()?[3])?;
    let removed = servers[0].addr.clone();
    sandbox.inject(&removed, &json!({"fault": "removed"}))?;
    assert_eq!(sandbox.servers()?[0].pid, None);
    sandbox.heal(&removed)?;
    sandbox.heal(&added)?;
    let servers = sandbox.servers()?;
    assert_eq!(servers.len(), 3);
    assert!(
        servers.iter().all(|server| server.pid.is_some()),
        "{servers:?}"
    );
    Ok(())
}

#[test]
fn faults_add_up_are_listed_and_undone_together() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let servers = sandbox.servers()?;
    let addr = servers[2].addr.as_str();
    let control = Endpoint::open(sandbox.control_port());
    let slow = json!({"fault": "slow", "factor": 50});
    sandbox.inject(addr, &slow)?;
    sandbox.inject(addr, &json!({"fault": "upgrade"}))?;
    let one = control.get(&format!("/chaos/{addr}"))?.json()?;
    assert_eq!(
        one,
        json!({"addr": addr, "faults": [{"fault": "upgrade"}, slow]})
    );
    let all = control.get("/chaos")?.json()?;
    assert_eq!(all[2], one);
    assert_eq!(all[0]["faults"], json!([]));
    sandbox.heal(addr)?;
    assert_eq!(
        control.get(&format!("/chaos/{addr}"))?.json()?["faults"],
        json!([])
    );

    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let control = Endpoint::open(sandbox.control_port());
    let chaos = format!("/chaos/{}", sandbox.servers()?[2].addr);
    for (method, path, body, status, says) in [
        (
            "POST",
            chaos.as_str(),
            json!({"fault": "flood"}),
            400,
            "unknown variant `flood`",
        ),
        (
            "POST",
            &chaos,
            json!({"fault": "slow", "factor": 0}),
            400,
            "factor is 1 to 10000",
        ),
        (
            "POST",
            &chaos,
            json!({"fault": "none", "more": 1}),
            400,
            "unknown field `more`",
        ),
        ("POST", &chaos, json!(["none"]), 400, "expected a map"),
        ("POST", &chaos, json!("x".repeat(20_000)), 400, "limit"),
        (
            "POST",
            "/chaos/127.0.0.1:1",
            json!({"fault": "kill"}),
            404,
            "no server 127.0.0.1:1",
        ),
        (
            "POST",
            "/chaos/nobody",
            json!({"fault": "kill"}),
            400,
            "nobody is no address",
        ),
        ("GET", "/chaos/127.0.0.1:1", Value::Null, 404, "Not Found"),
        ("DELETE", &chaos, Value::Null, 405, "Method Not Allowed"),
        ("POST", "/servers", Value::Null, 405, "Method Not Allowed"),
    ] {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = control.request(method, path, body)?;
        let message = answer.json()?["error"]["message"].to_string();
        assert!(
            answer.status == status && message.contains(says),
            "{method} {path} {body:?}: {} {message}",
            answer.status
        );
    }
    // Without a content type, which a page in a browser cannot set for another origin.
    let answer = control.request("POST", &chaos, None)?;
    assert_eq!(answer.status, 415, "{}", answer.body);
    Ok(())
}

fn login(port: u16) -> Result<Connection, Failure> {
    let mut session = Connection::login(port, "app@demo", "app")?;
    session.query("USE test")?;
    Ok(session)
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&addr, Duration::from_secs(1))
}

/// The letter that the kernel shows for a process.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// Bytes that the other side has not acknowledged, and how often they were sent again, of the
/// connection with this port (`/proc/net/tcp`).
fn on_its_way(port: u16) -> Result<(u64, u64), Failure> {
    let table = std::fs::read_to_string("/proc/self/net/tcp")
        .map_err(Failure::io("read the kernel's list of connections"))?;
    let own = format!(":{port:04X}");
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let found = table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_own = fields.get(1)?.ends_with(&own);
        let unacknowledged = hex(fields.get(4)?.split(':').next()?)?;
        let retransmits = hex(fields.get(6)?)?;
        is_own.then_some((unacknowledged, retransmits))
    });
    found.ok_or_else(|| Failure::answer("a connection of the kernel's list", table))
}
