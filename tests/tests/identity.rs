//! A client is one session to everybody: its id holds across proxies, `KILL` finds it wherever it runs,
//! and what it leaves behind is ended.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, MariadbServer, Proxy, Sandbox, Timer, wait};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Each test on the simulated cluster of three servers and on the real engine.
macro_rules! on_both {
    ($($test:ident, $simulated:ident, $real:ident;)*) => {
        $(
            #[test]
            fn $simulated() -> Result<(), Failure> {
                let _timer = Timer::start();
                $test(&World::simulated()?)
            }

            #[test]
            fn $real() -> Result<(), Failure> {
                let _timer = Timer::start();
                $test(&World::real()?)
            }
        )*
    };
}

on_both! {
    ids, ids_tell_the_proxies_apart, ids_tell_the_proxies_apart_on_the_real_engine;
    kill_query, kill_query_through_another_proxy_ends_the_statement,
        kill_query_through_another_proxy_ends_the_statement_on_the_real_engine;
    kill_running, kill_through_another_proxy_ends_a_running_session,
        kill_through_another_proxy_ends_a_running_session_on_the_real_engine;
    kill_idle, kill_through_another_proxy_ends_an_idle_session,
        kill_through_another_proxy_ends_an_idle_session_on_the_real_engine;
    kill_own, kill_through_the_same_proxy_closes_the_connection_at_once,
        kill_through_the_same_proxy_closes_the_connection_at_once_on_the_real_engine;
    kill_self, a_session_can_kill_itself, a_session_can_kill_itself_on_the_real_engine;
    gone, the_statement_of_a_client_that_went_away_is_killed,
        the_statement_of_a_client_that_went_away_is_killed_on_the_real_engine;
}

fn ids(world: &World) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for (number, proxy) in (1..).zip(&world.proxies) {
        for _ in 0..3 {
            let id = id(&mut world.login(proxy)?)?;
            assert_eq!(id >> 18, number, "{id:x}");
            seen.push(id);
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "{seen:?}");
    Ok(())
}

fn kill_query(world: &World) -> Result<(), Failure> {
    let [here, _] = &world.proxies;
    let (mut other, id, sleeping) = watched_sleeper(world)?;
    other.query(&format!("KILL QUERY {id}"))?;
    let (answer, mut victim) = finish(sleeping);
    assert!(is_interrupted(&answer), "{answer:?}\n{}", here.evidence());
    assert_eq!(one(&mut victim, "SELECT CONNECTION_ID()")?, id.to_string());
    Ok(())
}

fn kill_running(world: &World) -> Result<(), Failure> {
    let [here, _] = &world.proxies;
    let (mut other, id, sleeping) = watched_sleeper(world)?;
    other.process_kill(id)?;
    let (answer, mut victim) = finish(sleeping);
    assert!(answer.is_err(), "{answer:?}\n{}", here.evidence());
    assert_ended(&mut victim, here)
}

fn kill_idle(world: &World) -> Result<(), Failure> {
    let [here, there] = &world.proxies;
    let mut victim = world.login(here)?;
    let id = id(&mut victim)?;
    world.login(there)?.query(&format!("KILL {id}"))?;
    assert_ended(&mut victim, here)
}

fn kill_own(world: &World) -> Result<(), Failure> {
    let [proxy, _] = &world.proxies;
    let mut victim = world.login(proxy)?;
    let mut other = world.login(proxy)?;
    other.query(&format!("KILL CONNECTION {}", id(&mut victim)?))?;
    let clean = victim.wait_for_clean_end(Duration::from_secs(5))?;
    assert!(clean, "{}", proxy.evidence());
    let unknown = other.query("KILL 1000000000").err();
    assert_eq!(unknown.and_then(|error| error.server_code()), Some(1094));
    // Its own transaction is not touched by what it does to others.
    other.query("BEGIN")?;
    let mut second = world.login(proxy)?;
    other.query(&format!("KILL QUERY {}", id(&mut second)?))?;
    other.query("COMMIT")?;
    assert_eq!(one(&mut second, "SELECT 1")?, "1");
    Ok(())
}

fn kill_self(world: &World) -> Result<(), Failure> {
    let [proxy, _] = &world.proxies;
    for by_number in [true, false] {
        let mut session = world.login(proxy)?;
        let own = if by_number {
            id(&mut session)?.to_string()
        } else {
            "CONNECTION_ID()".to_owned()
        };
        let interrupted = session.query(&format!("KILL QUERY {own}"));
        assert!(is_interrupted(&interrupted), "{interrupted:?}");
        assert_eq!(one(&mut session, "SELECT 1")?, "1");
        let killed = session.query(&format!("KILL {own}"));
        assert!(is_interrupted(&killed), "{killed:?}");
        assert!(session.wait_for_clean_end(Duration::from_secs(5))?, "{own}");
    }
    Ok(())
}

fn gone(world: &World) -> Result<(), Failure> {
    let [here, there] = &world.proxies;
    leave_in_mid_query(world.login(here)?, &mut world.login(there)?, here)
}

#[test]
fn the_process_list_shows_the_ids_of_clients_that_share_server_sessions() -> Result<(), Failure> {
    let _timer = Timer::start();
    for mode in ["session", "transaction"] {
        let world = World::sharing(mode)?;
        let [here, there] = &world.proxies;
        let mut watcher = world.login(here)?;
        let (id, sleeping) = sleeper(world.login(here)?)?;
        wait_until_running(&mut watcher, id)?;
        // The watcher sees itself, too, in the other form of the statement and by the command.
        let own = Some(watcher.id().to_string());
        let sees_itself = |rows: &[odp_tests::mysql::Row]| rows.iter().any(|row| row[0] == own);
        let rows = watcher.query("SHOW PROCESSLIST")?;
        assert!(sees_itself(&rows), "{own:?} in {rows:?}");
        let rows = watcher.process_info()?;
        assert!(sees_itself(&rows), "{own:?} in {rows:?}");
        watcher.query(&format!("KILL QUERY {id}"))?;
        let (answer, sleeper_that_leaves) = finish(sleeping);
        assert!(is_interrupted(&answer), "{answer:?}\n{}", here.evidence());
        // What was its server session is nobody's then, and has an id of its own.
        sleeper_that_leaves.quit()?;
        wait_until_unlisted(&mut watcher, id)?;
        // Another proxy shows the server session's id, and KILL takes that.
        let mut other = world.login(there)?;
        let (_, sleeping) = sleeper(world.login(here)?)?;
        let shown = wait::until("the sleeper", LIMIT, || {
            let rows = other
                .query("SHOW FULL PROCESSLIST")
                .map_err(|e| e.to_string())?;
            let sleeps = |row: &&odp_tests::mysql::Row| {
                row.iter().flatten().any(|text| text.contains("SLEEP("))
            };
            let row = rows.iter().find(sleeps);
            row.and_then(|row| row[0].clone())
                .ok_or_else(|| format!("{rows:?}"))
        })?;
        other.query(&format!("KILL QUERY {shown}"))?;
        let (answer, _) = finish(sleeping);
        assert!(is_interrupted(&answer), "{answer:?}\n{}", here.evidence());
    }
    Ok(())
}

/// With transaction pooling a client has no server session between two transactions, so that no server
/// knows of it.
#[test]
fn a_client_between_two_transactions_is_killed_by_whom_a_server_would_let() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::sharing("transaction")?;
    let [here, _] = &world.proxies;
    let mut root = Connection::login(here.port(), "root@sys", "")?;
    root.query("CREATE USER IF NOT EXISTS stranger IDENTIFIED BY 'secret'")?;
    let stranger = || Connection::login(here.port(), "stranger@sys", "secret");
    wait::until("accounts that the proxy knows", LIMIT, || {
        let visit = || {
            world.login(here)?.query("SELECT 1")?;
            stranger()?.query("SELECT 1")?;
            Connection::login(here.port(), "root@sys", "")?.query("SELECT 1")?;
            here.admin().get("/v1/pools")
        };
        let pools = visit().map_err(|error| error.to_string())?.body;
        let are_known = ["mortal", "stranger", "root"].map(|user| pools.contains(user));
        if are_known == [true; 3] {
            Ok(())
        } else {
            Err(pools)
        }
    })?;
    let (mut killer, mut root) = (
        world.login(here)?,
        Connection::login(here.port(), "root@sys", "")?,
    );
    for by_root in [false, true] {
        let killer = if by_root { &mut root } else { &mut killer };
        let mut victim = world.login(here)?;
        victim.query("SET @mark = 7")?;
        let id = victim.id();
        let denied = stranger()?.query(&format!("KILL {id}")).err();
        assert_eq!(denied.and_then(|error| error.server_code()), Some(1095));
        killer.query(&format!("KILL QUERY {id}"))?;
        assert_eq!(one(&mut victim, "SELECT @mark")?, "7", "nothing ran there");
        killer.query(&format!("KILL {id}"))?;
        let clean = victim.wait_for_clean_end(Duration::from_secs(5))?;
        assert!(clean, "{}", here.evidence());
        // Its end reaches it a moment before its id is free.
        wait::until("an id that is nobody's", LIMIT, || {
            let again = killer.query(&format!("KILL {id}"));
            let code = again.as_ref().err().and_then(Failure::server_code);
            match code {
                Some(1094) => Ok(()),
                _ => Err(format!("{again:?}")),
            }
        })?;
    }
    Ok(())
}

#[test]
fn the_statement_of_a_client_of_mariadb_that_went_away_is_killed() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let settings = Settings::in_front_of(&[server.port()])
        .with("server_routing_mode", "\"mysql\"")
        .with("metadata_user", "\"root\"");
    let proxy = Proxy::start(&settings)?;
    let mut watcher = Connection::login(server.port(), "root", "")?;
    let victim = Connection::login(proxy.port(), "root", "")?;
    leave_in_mid_query(victim, &mut watcher, &proxy)
}

/// The client goes away while its statement runs, which `watcher` sees end.
fn leave_in_mid_query(
    mut victim: Connection,
    watcher: &mut Connection,
    proxy: &Proxy,
) -> Result<(), Failure> {
    let id = id(&mut victim)?;
    victim.send_query("SELECT SLEEP(90)")?;
    wait_until_running(watcher, id)?;
    let left = Instant::now();
    drop(victim);
    wait_until_gone(watcher, id)?;
    let took = left.elapsed();
    assert!(took < LIMIT, "{took:?}\n{}", proxy.evidence());
    assert_killed(proxy, 1)
}

#[test]
fn a_crowd_that_goes_away_at_once_costs_sixteen_connections_at_a_time() -> Result<(), Failure> {
    const CROWD: usize = 60;
    let _timer = Timer::start();
    let world = World::simulated()?;
    let [here, there] = &world.proxies;
    let mut watcher = world.login(there)?;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut client = world.login(here)?;
        client.send_query("SELECT SLEEP(20)")?;
        crowd.push(client);
    }
    wait_for_sleepers(&mut watcher, |count| count == CROWD)?;
    drop(crowd);
    wait_for_sleepers(&mut watcher, |count| count <= CROWD / 2)?;
    // Those beyond the bound are left to the server.
    let counted = |name| here.metric(name);
    wait::until("the end of all sessions", Duration::from_secs(10), || {
        let (killed, left) = (
            counted("odp_killed_statement_total").map_err(|e| e.to_string())?,
            counted("odp_forsaken_statement_total").map_err(|e| e.to_string())?,
        );
        if killed + left == CROWD as u64 && killed >= 16 {
            return Ok(());
        }
        Err(format!("{killed} killed, {left} left"))
    })
}

/// Two proxies in front of the same servers.
struct World {
    proxies: [Proxy; 2],
    user: &'static str,
    password: &'static str,
    _servers: Servers,
}

enum Servers {
    Simulated { _sandbox: Box<Sandbox> },
    Real { _engine: Arc<Engine> },
}

impl World {
    fn simulated() -> Result<Self, Failure> {
        let sandbox = Box::new(Sandbox::start()?);
        let settings = Settings::in_front_of(&sandbox.server_ports()?)
            .with("rootservice_cluster_name", "\"sandbox\"")
            .with("metadata_user", "\"root@sys\"");
        Ok(Self {
            proxies: proxies(&settings)?,
            user: "app@demo",
            password: "app",
            _servers: Servers::Simulated { _sandbox: sandbox },
        })
    }

    fn real() -> Result<Self, Failure> {
        Self::real_with(|settings| settings)
    }

    fn real_with(more: impl FnOnce(Settings) -> Settings) -> Result<Self, Failure> {
        let engine = Engine::shared()?;
        let mut root = Connection::login(engine.port(), "root", "")?;
        root.query("CREATE USER IF NOT EXISTS mortal IDENTIFIED BY 'secret'")?;
        root.query("GRANT ALL ON test.* TO mortal")?;
        // Statements that sleep occupy the few threads of the engine: a kill may take its time.
        root.query("SET GLOBAL ob_query_timeout = 100000000")?;
        let settings = Settings::in_front_of(&[engine.port()])
            .with("rootservice_cluster_name", "\"obcluster\"")
            .with("metadata_user", "\"root@sys\"");
        Ok(Self {
            proxies: proxies(&more(settings))?,
            user: "mortal@sys",
            password: "secret",
            _servers: Servers::Real { _engine: engine },
        })
    }

    /// In front of the real engine, with server sessions that clients share.
    fn sharing(mode: &str) -> Result<Self, Failure> {
        let settings = |settings: Settings| {
            settings
                .with("observer_sys_password", "\"\"")
                .with("credential_refresh_interval", "\"200ms\"")
                .with("pool_mode", format!("\"{mode}\""))
        };
        Self::real_with(settings)
    }

    fn login(&self, proxy: &Proxy) -> Result<Connection, Failure> {
        Connection::login(proxy.port(), self.user, self.password)
    }
}

fn proxies(settings: &Settings) -> Result<[Proxy; 2], Failure> {
    let proxy = |id: &str| Proxy::start(&settings.clone().with("proxy_id", id));
    Ok([proxy("1")?, proxy("2")?])
}

fn one(connection: &mut Connection, sql: &str) -> Result<String, Failure> {
    let rows = connection.query(sql)?;
    let value = rows.first().and_then(|row| row.first().cloned().flatten());
    value.ok_or_else(|| Failure::answer(sql, format!("{rows:?}")))
}

fn id(connection: &mut Connection) -> Result<u32, Failure> {
    let text = one(connection, "SELECT CONNECTION_ID()")?;
    text.parse()
        .map_err(|_| Failure::answer("CONNECTION_ID()", text))
}

type Sleeping = JoinHandle<(Result<Vec<odp_tests::mysql::Row>, Failure>, Connection)>;

/// A client of the other proxy that sees the statement of a client of the first.
fn watched_sleeper(world: &World) -> Result<(Connection, u32, Sleeping), Failure> {
    let [here, there] = &world.proxies;
    let mut watcher = world.login(there)?;
    let (id, sleeping) = sleeper(world.login(here)?)?;
    wait_until_running(&mut watcher, id)?;
    Ok((watcher, id, sleeping))
}

/// A session that runs a long statement, and its id.
fn sleeper(mut connection: Connection) -> Result<(u32, Sleeping), Failure> {
    let id = id(&mut connection)?;
    let sleep = move || {
        let answer = connection.query("SELECT SLEEP(90)");
        (answer, connection)
    };
    Ok((id, std::thread::spawn(sleep)))
}

fn finish(sleeping: Sleeping) -> (Result<Vec<odp_tests::mysql::Row>, Failure>, Connection) {
    let started = Instant::now();
    let finished = sleeping.join().expect("the sleeper does not panic");
    assert!(started.elapsed() < LIMIT, "it slept on");
    finished
}

/// 1317, or the 1 that SLEEP answers where it is interrupted.
fn is_interrupted(answer: &Result<Vec<odp_tests::mysql::Row>, Failure>) -> bool {
    match answer {
        Ok(rows) => rows.as_slice() == [[Some("1".to_owned())]],
        Err(failure) => failure.server_code() == Some(1317),
    }
}

/// What runs in the session with this id, as the process list shows it.
fn running(watcher: &mut Connection, id: u32) -> Result<Option<String>, Failure> {
    let rows = watcher.query("SHOW FULL PROCESSLIST")?;
    let id = Some(id.to_string());
    let row = rows.into_iter().find(|row| row.first() == Some(&id));
    let is_statement = |text: &String| text.contains("SLEEP");
    Ok(row.and_then(|row| row.into_iter().flatten().find(is_statement)))
}

fn wait_until_running(watcher: &mut Connection, id: u32) -> Result<(), Failure> {
    wait::until("the statement in the process list", LIMIT, || {
        let found = running(watcher, id).map_err(|error| error.to_string())?;
        found.map(drop).ok_or_else(|| "not there".to_owned())
    })
}

fn wait_until_unlisted(watcher: &mut Connection, id: u32) -> Result<(), Failure> {
    let id = Some(id.to_string());
    wait::until("a list without the client", LIMIT, || {
        let rows = watcher.query("SHOW PROCESSLIST");
        let rows = rows.map_err(|error| error.to_string())?;
        if rows.iter().any(|row| row.first() == Some(&id)) {
            Err(format!("{rows:?}"))
        } else {
            Ok(())
        }
    })
}

fn wait_until_gone(watcher: &mut Connection, id: u32) -> Result<(), Failure> {
    wait::until("the end of the statement", LIMIT, || {
        let found = running(watcher, id).map_err(|error| error.to_string())?;
        found.map_or(Ok(()), Err)
    })
}

fn wait_for_sleepers(
    watcher: &mut Connection,
    enough: impl Fn(usize) -> bool,
) -> Result<(), Failure> {
    wait::until("the sleepers", LIMIT, || {
        let rows = watcher
            .query("SHOW FULL PROCESSLIST")
            .map_err(|error| error.to_string())?;
        let sleeps =
            |row: &&odp_tests::mysql::Row| row.iter().flatten().any(|text| text.contains("SLEEP("));
        let count = rows.iter().filter(sleeps).count();
        if enough(count) {
            return Ok(());
        }
        Err(format!("{count} sleep"))
    })
}

/// A killed session answers no statement, and its connection ends.
fn assert_ended(victim: &mut Connection, proxy: &Proxy) -> Result<(), Failure> {
    let answer = victim.query("SELECT 1");
    match &answer {
        Err(Failure::Io { .. }) => return Ok(()),
        Err(Failure::Server { code: 4401, .. }) => {}
        other => panic!("a killed session said {other:?}\n{}", proxy.evidence()),
    }
    assert!(victim.wait_for_clean_end(Duration::from_secs(5))?);
    Ok(())
}

fn assert_killed(proxy: &Proxy, count: u64) -> Result<(), Failure> {
    wait::until("the kill in the metrics", LIMIT, || {
        let killed = proxy
            .metric("odp_killed_statement_total")
            .map_err(|e| e.to_string())?;
        if killed == count {
            return Ok(());
        }
        Err(format!("{killed}"))
    })
}

/// Less than the statements sleep.
const LIMIT: Duration = Duration::from_secs(45);
