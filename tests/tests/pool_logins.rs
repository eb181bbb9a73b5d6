//! Logins behind a proxy that shares server sessions, in front of the real engine: they end as without it,
//! whatever becomes of the account, and soon.

use odp_tests::mysql::{Connection, LoginOptions};
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Timer, wait};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One test at a time: they change the same accounts.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMIT: Duration = Duration::from_secs(20);

fn settings(engine: &Engine, mode: &str, refresh_interval: &str) -> Settings {
    Settings::sharing(engine, mode).with(
        "credential_refresh_interval",
        format!("\"{refresh_interval}\""),
    )
}

fn root(engine: &Engine) -> Result<Connection, Failure> {
    let mut root = Connection::login(engine.port(), "root", "")?;
    root.query("CREATE DATABASE IF NOT EXISTS pooled")?;
    root.query("CREATE TABLE IF NOT EXISTS pooled.secret (id INT PRIMARY KEY)")?;
    Ok(root)
}

/// What changes, step by step.
const CHANGES: [(&str, &[&str]); 13] = [
    (
        "a new account",
        &[
            "DROP USER IF EXISTS guest",
            "CREATE USER guest IDENTIFIED BY 'pw'",
        ],
    ),
    ("a right", &["GRANT SELECT ON pooled.* TO guest"]),
    (
        "another right in its place",
        &[
            "GRANT INSERT ON pooled.* TO guest",
            "REVOKE SELECT ON pooled.* FROM guest",
        ],
    ),
    ("a revoked right", &["REVOKE INSERT ON pooled.* FROM guest"]),
    ("a right everywhere", &["GRANT SELECT ON *.* TO guest"]),
    (
        "a revoked right everywhere",
        &["REVOKE SELECT ON *.* FROM guest"],
    ),
    ("a locked account", &["ALTER USER guest ACCOUNT LOCK"]),
    ("an unlocked account", &["ALTER USER guest ACCOUNT UNLOCK"]),
    (
        "another password",
        &["SET PASSWORD FOR guest = PASSWORD('other')"],
    ),
    (
        "the old password again",
        &["SET PASSWORD FOR guest = PASSWORD('pw')"],
    ),
    (
        "a namesake for one host",
        &[
            "DROP USER IF EXISTS guest@'10.9.8.7'",
            "CREATE USER guest@'10.9.8.7' IDENTIFIED BY 'pw'",
            "GRANT SELECT ON pooled.* TO guest@'10.9.8.7'",
        ],
    ),
    ("one host only", &["DROP USER guest"]),
    ("nobody", &["DROP USER guest@'10.9.8.7'"]),
];

/// What a client meets that logs in and asks for something it may or may not have.
fn outcome(port: u16, user: &str, password: &str, options: LoginOptions<'_>) -> String {
    let ask = || {
        let mut client = Connection::login_with(port, user, password, options)?;
        let mut seen = Vec::new();
        for sql in [
            "SELECT CURRENT_USER(), DATABASE()",
            "SELECT COUNT(*) FROM pooled.secret",
            "USE pooled",
            "SELECT COUNT(*) FROM secret",
        ] {
            let answer = client.query(sql);
            seen.push(answer.map_or_else(|error| error.to_string(), |rows| format!("{rows:?}")));
        }
        client.quit()?;
        Ok::<_, Failure>(seen.join(", "))
    };
    ask().unwrap_or_else(|error| error.to_string())
}

#[test]
fn every_login_ends_as_it_would_without_pooling() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    let start = |mode| Proxy::start(&settings(&engine, mode, "200ms"));
    let (plain, pooled) = (start("off")?, [start("session")?, start("transaction")?]);
    let plainly = LoginOptions::default();
    let database = |name| LoginOptions {
        database: Some(name),
        ..plainly
    };
    let from = |ip| LoginOptions {
        client_ip: Some(ip),
        ..plainly
    };
    for (what, statements) in CHANGES {
        for statement in statements {
            root.query(statement)?;
        }
        for (user, password, options) in [
            ("guest", "pw", plainly),
            ("guest", "other", plainly),
            ("guest", "", plainly),
            ("guest", "pw", database("pooled")),
            ("guest", "pw", database("nowhere")),
            ("guest", "pw", from("10.9.8.7")),
            ("guest", "pw", from("10.9.8.6")),
        ] {
            for proxy in &pooled {
                // Asked anew each time, should the engine heed a change later than it answers.
                wait::until(what, LIMIT, || {
                    let expected = outcome(plain.port(), user, password, options);
                    let seen = outcome(proxy.port(), user, password, options);
                    if seen == expected {
                        return Ok(());
                    }
                    Err(format!(
                        "{password:?} {options:?}: {seen} instead of {expected}"
                    ))
                })?;
            }
        }
    }
    Ok(())
}

/// Logs in until that costs no login at the engine: the proxy knows the account, and has a session idle.
fn warm_up(proxy: &Proxy, user: &str, password: &str) -> Result<(), Failure> {
    wait::until("a login that is saved", LIMIT, || {
        let saved = saved_logins(proxy).map_err(|error| error.to_string())?;
        let client = Connection::login(proxy.port(), user, password);
        let end = client.and_then(Connection::quit);
        end.map_err(|error| error.to_string())?;
        match saved_logins(proxy).map_err(|error| error.to_string())? {
            now if now > saved => Ok(()),
            now => Err(format!("{now} saved logins")),
        }
    })
}

fn saved_logins(proxy: &Proxy) -> Result<f64, Failure> {
    let metrics = proxy.admin().get("/metrics")?.body;
    let lines = metrics.lines();
    let lines = lines.filter(|line| line.starts_with("odp_pool_saved_logins_total"));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(values.sum())
}

/// How long an account's password still lets in.
fn refused_after(proxy: &Proxy, user: &str, password: &str) -> Result<Duration, Failure> {
    let started = Instant::now();
    wait::until("a refused login", LIMIT, || {
        match Connection::login(proxy.port(), user, password) {
            Err(Failure::Server { code: 1045, .. }) => Ok(()),
            Err(failure) => Err(failure.to_string()),
            Ok(client) => {
                // Its session is idle again, and lent to the next one.
                client.quit().map_err(|error| error.to_string())?;
                Err("it is in".to_owned())
            }
        }
    })?;
    Ok(started.elapsed())
}

#[test]
fn what_becomes_of_an_account_elsewhere_holds_within_the_refresh_interval() -> Result<(), Failure> {
    const INTERVAL: Duration = Duration::from_secs(2);
    /// For the questions to the engine, on a busy machine.
    const SLACK: Duration = Duration::from_secs(2);
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    for mode in ["session", "transaction"] {
        root.query("DROP USER IF EXISTS mover")?;
        root.query("CREATE USER mover IDENTIFIED BY 'pw'")?;
        let proxy = Proxy::start(&settings(&engine, mode, "2s"))?;
        for (password, change) in [
            ("pw", "ALTER USER mover IDENTIFIED BY 'new'"),
            ("new", "DROP USER mover"),
        ] {
            warm_up(&proxy, "mover", password)?;
            root.query(change)?;
            let after = refused_after(&proxy, "mover", password)?;
            println!("{mode}: {change}: refused after {after:?}");
            assert!(after < INTERVAL + SLACK, "{mode}: {change}: {after:?}");
        }
    }
    Ok(())
}

#[test]
fn a_login_that_the_server_refuses_ends_what_is_idle_for_the_account() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    root.query("DROP USER IF EXISTS leaver")?;
    root.query("CREATE USER leaver IDENTIFIED BY 'pw'")?;
    // Nothing is read anew by itself.
    let settings = settings(&engine, "session", "1h").with("pool_min_idle", "0");
    let proxy = Proxy::start(&settings)?;
    warm_up(&proxy, "leaver", "pw")?;
    root.query("DROP USER leaver")?;
    let staying = Connection::login(proxy.port(), "leaver", "pw")?;
    // The only session is taken, so the server is asked, and says no.
    let refused = Connection::login(proxy.port(), "leaver", "pw").map(drop);
    assert!(
        matches!(refused, Err(Failure::Server { code: 1045, .. })),
        "{refused:?}"
    );
    staying.quit()?;
    let after = refused_after(&proxy, "leaver", "pw")?;
    assert!(after < Duration::from_secs(1), "{after:?}");
    Ok(())
}

#[test]
fn what_becomes_of_an_account_through_the_proxy_holds_at_once() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    root.query("DROP USER IF EXISTS changer")?;
    root.query("CREATE USER changer IDENTIFIED BY 'pw'")?;
    let proxy = Proxy::start(&settings(&engine, "session", "1h"))?;
    let mut admin = Connection::login(proxy.port(), "root", "")?;
    for (password, change) in [
        ("pw", "SET PASSWORD FOR changer = PASSWORD('new')"),
        ("new", "ALTER USER changer IDENTIFIED BY 'newer'"),
        ("newer", "DROP USER changer"),
    ] {
        warm_up(&proxy, "changer", password)?;
        admin.query(change)?;
        let refused = Connection::login(proxy.port(), "changer", password).map(drop);
        assert!(
            matches!(refused, Err(Failure::Server { code: 1045, .. })),
            "{change}: {refused:?}"
        );
    }
    Ok(())
}
