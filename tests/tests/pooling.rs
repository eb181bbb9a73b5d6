//! Server sessions that clients share, in front of the real engine: what they save, and that nobody
//! notices.

use odp_tests::mysql::{Connection, greeting};
use odp_tests::proxy::Settings;
use odp_tests::wire::{Login, Wire};
use odp_tests::{Engine, Failure, Proxy, Timer, wait};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One test at a time: they look at the engine's own counters, and change its accounts.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMIT: Duration = Duration::from_secs(20);

fn settings(engine: &Engine, mode: &str) -> Settings {
    Settings::sharing(engine, mode).with("credential_refresh_interval", "\"200ms\"")
}

fn root(engine: &Engine) -> Result<Connection, Failure> {
    let mut root = Connection::login(engine.port(), "root", "")?;
    root.query("CREATE DATABASE IF NOT EXISTS pooled")?;
    root.query("CREATE DATABASE IF NOT EXISTS other")?;
    Ok(root)
}

fn logins(root: &mut Connection) -> Result<u64, Failure> {
    let rows =
        root.query("SELECT value FROM oceanbase.gv$sysstat WHERE name = 'user logons cumulative'")?;
    let value = rows
        .first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok());
    value.ok_or_else(|| Failure::answer("count logins", format!("{rows:?}")))
}

/// Connects, selects, quits.
fn visit(port: u16, user: &str, password: &str) -> Result<(), Failure> {
    let mut client = Connection::login(port, user, password)?;
    let rows = client.query("SELECT CONNECTION_ID()")?;
    let expected = vec![vec![Some(client.id().to_string())]];
    if rows != expected {
        return Err(Failure::answer("its own id", format!("{rows:?}")));
    }
    client.quit()
}

/// Visits until the engine sees no login for a while.
fn warm_up(port: u16, user: &str, password: &str, root: &mut Connection) -> Result<(), Failure> {
    wait::until("a visit without a login at the engine", LIMIT, || {
        let before = logins(root).map_err(|error| error.to_string())?;
        for _ in 0..20 {
            visit(port, user, password).map_err(|error| error.to_string())?;
        }
        let after = logins(root).map_err(|error| error.to_string())?;
        if after == before {
            Ok(())
        } else {
            Err(format!("{before} logins before, {after} after"))
        }
    })
}

#[test]
fn short_connections_cost_the_engine_no_login() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    root.query("DROP USER IF EXISTS quick")?;
    root.query("CREATE USER quick IDENTIFIED BY 'pw'")?;
    let proxy = Proxy::start(&settings(&engine, "session"))?;
    warm_up(proxy.port(), "quick", "pw", &mut root)?;
    let before = logins(&mut root)?;
    let started = Instant::now();
    for _ in 0..200 {
        visit(proxy.port(), "quick", "pw")?;
    }
    let pooled = started.elapsed();
    assert_eq!(logins(&mut root)?, before, "logins at the engine");
    let metrics = proxy.admin().get("/metrics")?.body;
    assert!(metrics.contains("odp_pool_saved_logins"), "{metrics}");
    let plain = Proxy::start(&settings(&engine, "off"))?;
    let started = Instant::now();
    for _ in 0..200 {
        visit(plain.port(), "quick", "pw")?;
    }
    println!(
        "200 visits: {pooled:?} with a warm pool, {:?} without",
        started.elapsed()
    );
    Ok(())
}

/// A server that takes connections and says nothing, and how many it has at a time.
struct Mute {
    port: u16,
    most: Arc<Mutex<usize>>,
}

impl Mute {
    fn start() -> Result<Self, Failure> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Failure::io("listen"))?;
        let port = listener.local_addr().map_err(Failure::io("listen"))?.port();
        let most = Arc::new(Mutex::new(0));
        let (now, seen) = (Arc::new(Mutex::new(0_usize)), Arc::clone(&most));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let count = {
                        let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
                        *now += 1;
                        *now
                    };
                    let mut most = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    *most = count.max(*most);
                    drop(most);
                    // Ends when the proxy gives up.
                    std::io::copy(&mut &stream, &mut std::io::sink()).ok();
                    *now.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
                });
            }
        });
        Ok(Self { port, most })
    }
}

#[test]
fn a_session_that_was_told_to_take_one_statement_at_a_time_is_nobody_elses() -> Result<(), Failure>
{
    const ONE_AT_A_TIME: &[u8] = b"\x1b\x01\0";
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    root.query("DROP USER IF EXISTS single")?;
    root.query("CREATE USER single IDENTIFIED BY 'pw'")?;
    root.query("GRANT ALL ON pooled.* TO single")?;
    for mode in ["session", "transaction"] {
        let proxy = Proxy::start(&settings(&engine, mode))?;
        let login = Login {
            port: proxy.port(),
            user: "single",
            password: "pw",
            database: "pooled",
        };
        for round in 0..20 {
            let mut client = Wire::login(login)?;
            let reply = client.run(b"\x03SELECT 1; SELECT 2", "")?;
            assert_eq!(reply.error, None, "{mode}, client {round}");
            client.run(ONE_AT_A_TIME, "")?;
            let reply = client.run(b"\x03SELECT 1; SELECT 2", "")?;
            assert!(reply.error.is_some(), "{mode}, client {round}");
        }
    }
    Ok(())
}

#[test]
fn clients_of_a_server_that_takes_nobody_are_told_at_their_deadline() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mute = Mute::start()?;
    let settings = Settings::in_front_of(&[mute.port])
        .with("short_async_task_timeout", "\"1s\"")
        .with("pool_wait_timeout", "\"1s\"")
        .with("login_timeout", "\"10s\"")
        .with("connect_concurrency_max", "4")
        .with("server_state_refresh_interval", "\"1h\"");
    let proxy = Proxy::spawn(&settings)?;
    wait::until("a greeting", LIMIT, || {
        greeting(proxy.port())
            .map(drop)
            .map_err(|error| error.to_string())
    })?;
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let port = proxy.port();
            std::thread::spawn(move || {
                let started = Instant::now();
                let end = Connection::login(port, "app", "pw");
                (end.map(drop), started.elapsed())
            })
        })
        .collect();
    for client in clients {
        let (end, waited) = client.join().expect("no thread panics");
        let told = matches!(&end, Err(Failure::Server { code: 4012, .. }));
        assert!(told, "after {waited:?}: {end:?}");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    }
    let most = *mute.most.lock().unwrap_or_else(PoisonError::into_inner);
    // Discovery and the reader of accounts have a connection each.
    assert!(most <= 4 + 2, "{most} connections at once");
    Ok(())
}
