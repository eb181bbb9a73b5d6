//! Limits of time, number and memory, and what a client is told at each of them.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Failure, Fronted, Proxy, Sandbox, Timer, wait};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn a_client_that_does_not_log_in_is_let_go_in_time() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("login_timeout", "\"1s\"")])?;
    let started = Instant::now();
    let mut silent =
        TcpStream::connect(("127.0.0.1", world.proxy.port())).map_err(Failure::io("connect"))?;
    silent
        .set_read_timeout(Some(LIMIT))
        .map_err(Failure::io("set a time-out"))?;
    let mut greeting = Vec::new();
    silent
        .read_to_end(&mut greeting)
        .map_err(Failure::io("wait for the end"))?;
    assert_between(started, 0.9, 3.0, &world.proxy);
    Ok(())
}

#[test]
fn wait_timeout_ends_an_idle_session_and_counts_from_the_last_request() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[])?;
    let mut session = world.app()?;
    session.query("SET wait_timeout = 2")?;
    let set = Instant::now();
    while set.elapsed() < Duration::from_millis(2500) {
        session.query("SELECT 1")?;
        wait::pause(Duration::from_millis(100));
    }
    session.query("SELECT 1")?;
    let last = Instant::now();
    assert!(session.wait_for_clean_end(LIMIT)?);
    assert_between(last, 1.8, 4.0, &world.proxy);
    Ok(())
}

#[test]
fn half_a_request_is_waited_for_as_long_as_net_read_timeout_says() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[])?;
    // A small one is waited for before it is planned, a large one while the server has its beginning.
    for announced in [100_u32, 4 << 20] {
        let mut session = world.app()?;
        session.query("SET net_read_timeout = 1")?;
        let mut stream = session.into_stream();
        let [a, b, c, _] = announced.to_le_bytes();
        let mut half = vec![a, b, c, 0, 3];
        half.extend(b"SELECT 1 /*");
        half.resize(half.len().max(announced as usize / 2), b'x');
        let started = Instant::now();
        stream.write_all(&half).map_err(Failure::io("send half"))?;
        let mut rest = Vec::new();
        // Whether the end is a reset depends on what was left unread.
        let end = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{end:?} {rest:?}");
        assert_between(started, 0.9, 4.0, &world.proxy);
    }
    Ok(())
}

#[test]
fn a_statement_beyond_its_time_is_an_error_and_is_killed() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("observer_query_timeout_delta", "\"1s\"")])?;
    let mut session = world.app()?;
    let hinted = "SELECT /*+ query_timeout(500000) */ SLEEP(20)";
    for (killed, sql) in [(1, hinted), (2, "SELECT SLEEP(20)")] {
        if killed == 2 {
            session.query("SET ob_query_timeout = 500000")?;
        }
        let started = Instant::now();
        let refused = session.query(sql).err();
        let text = refused.as_ref().map(ToString::to_string);
        assert_eq!(
            refused.and_then(|e| e.server_code()),
            Some(10022),
            "{text:?}"
        );
        assert_between(started, 1.4, 4.0, &world.proxy);
        session.query("SELECT 1")?;
        wait::until("the kill", LIMIT, || {
            let counted = world.proxy.metric("odp_killed_statement_total");
            let count = counted.map_err(|error| error.to_string())?;
            if count == killed {
                Ok(())
            } else {
                Err(format!("{count}"))
            }
        })?;
    }
    Ok(())
}

#[test]
fn a_transaction_that_is_lost_to_a_timeout_is_told() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("observer_query_timeout_delta", "\"1s\"")])?;
    let mut session = world.app()?;
    session.query("CREATE TABLE lost (id INT PRIMARY KEY)")?;
    session.query("SET ob_query_timeout = 500000")?;
    session.query("BEGIN")?;
    session.query("INSERT INTO lost VALUES (1)")?;
    let refused = session.query("SELECT SLEEP(20)").err();
    let text = refused.map(|e| e.to_string()).unwrap_or_default();
    assert!(
        text.contains("its transaction was rolled back (session "),
        "{text}"
    );
    session.query("COMMIT")?;
    let rows = session.query("SELECT COUNT(*) FROM lost")?;
    assert_eq!(rows, [[Some("0".to_owned())]]);
    Ok(())
}

#[test]
fn clients_beyond_the_limit_are_told_which() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("client_max_connections", "3")])?;
    let held: Vec<_> = (0..3).map(|_| world.app()).collect::<Result<_, _>>()?;
    assert_eq!(refusal(world.app()), Some(1203));
    drop(held);
    wait::until("a free place", LIMIT, || {
        world.app().map_err(|e| e.to_string())
    })?;
    Ok(())
}

#[test]
fn each_tenant_has_a_limit_of_its_own() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("resource_max_connections", "\"demo:2;*:5\"")])?;
    let held: Vec<_> = (0..2).map(|_| world.app()).collect::<Result<_, _>>()?;
    assert_eq!(refusal(world.app()), Some(1040));
    let port = world.proxy.port();
    let root = || Connection::login(port, "root@sys", "");
    let others: Vec<_> = (0..5).map(|_| root()).collect::<Result<_, _>>()?;
    assert_eq!(refusal(root()), Some(1040));
    drop((held, others));
    wait::until("a free place", LIMIT, || {
        world.app().map_err(|e| e.to_string())
    })?;
    Ok(())
}

#[test]
fn a_session_that_keeps_too_much_is_told_and_can_let_go() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[("client_max_memory_size", "\"1MB\"")])?;
    let mut session = world.app()?;
    let large = "x".repeat(600_000);
    session.query(&format!("SET @a = '{large}'"))?;
    session.query("SELECT 1")?;
    session.query(&format!("SET @b = '{large}'"))?;
    let refused = session.query("SELECT 1").err();
    assert_eq!(refused.and_then(|e| e.server_code()), Some(4080));
    session.reset_connection()?;
    session.query("SELECT 1")?;
    Ok(())
}

#[test]
fn a_tied_session_is_shown_with_its_reason() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::with(&[])?;
    let mut session = world.app()?;
    session.query("PREPARE s FROM 'SELECT 1'")?;
    shows_tied(&world.proxy, "text_prepared", 1)?;
    let line =
        |text: &String| text.contains("odp_pinned_session{") && text.contains("text_prepared");
    let metrics = world.proxy.admin().get("/metrics")?.body;
    let found = metrics.lines().map(str::to_owned).find(line);
    assert!(found.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    session.reset_connection()?;
    shows_tied(&world.proxy, "text_prepared", 0)
}

#[test]
fn a_tie_ends_when_nothing_is_held_any_more() -> Result<(), Failure> {
    let _timer = Timer::start();
    let fronted = Fronted::seekdb()?;
    fronted.empty_the_databases()?;
    let account = fronted.direct();
    let mut session = Connection::login(fronted.proxy.port(), account.user, account.password)?;
    session.query("USE test")?;
    session.query("CREATE TABLE locked (x INT)")?;
    let text = &[
        "PREPARE s FROM 'SELECT 1'",
        "PREPARE t FROM 'SELECT 2'",
        "EXECUTE s",
        "DEALLOCATE PREPARE s",
    ][..];
    for (reason, held, given_back) in [
        ("text_prepared", text, "DROP PREPARE t"),
        ("locks", &["LOCK TABLES locked WRITE"], "UNLOCK TABLES"),
    ] {
        for sql in held {
            session.query(sql)?;
        }
        shows_tied(&fronted.proxy, reason, 1)?;
        session.query(given_back)?;
        shows_tied(&fronted.proxy, reason, 0)?;
    }
    Ok(())
}

/// A proxy with these parameters in front of the simulated cluster.
struct World {
    proxy: Proxy,
    _sandbox: Sandbox,
}

impl World {
    fn with(parameters: &[(&'static str, &str)]) -> Result<Self, Failure> {
        let sandbox = Sandbox::start()?;
        let settings = Settings::in_front_of(&sandbox.server_ports()?)
            .with("rootservice_cluster_name", "\"sandbox\"")
            .with("metadata_user", "\"root@sys\"");
        let settings = parameters.iter().fold(settings, |settings, (name, value)| {
            settings.with(name, *value)
        });
        Ok(Self {
            proxy: Proxy::start(&settings)?,
            _sandbox: sandbox,
        })
    }

    fn app(&self) -> Result<Connection, Failure> {
        let mut session = Connection::login(self.proxy.port(), "app@demo", "app")?;
        session.query("USE test")?;
        Ok(session)
    }
}

/// Waits until so many sessions are tied, all for this reason.
fn shows_tied(proxy: &Proxy, reason: &str, expected: u64) -> Result<(), Failure> {
    wait::until("the reason in the status", LIMIT, || {
        let status = proxy.status().map_err(|e| e.to_string())?;
        let by = status.pointer(&format!("/sessions/pinned_by/{reason}"));
        let all = status.pointer("/sessions/pinned");
        let expected = Some(expected);
        if by.and_then(serde_json::Value::as_u64) == expected
            && all.and_then(serde_json::Value::as_u64) == expected
        {
            return Ok(());
        }
        Err(status.to_string())
    })
}

fn refusal(login: Result<Connection, Failure>) -> Option<u16> {
    login.err().and_then(|failure| failure.server_code())
}

fn assert_between(started: Instant, least: f64, most: f64, proxy: &Proxy) {
    let took = started.elapsed().as_secs_f64();
    assert!(
        (least..most).contains(&took),
        "{took} s\n{}",
        proxy.evidence()
    );
}

const LIMIT: Duration = Duration::from_secs(10);
