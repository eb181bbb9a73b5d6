//! What the pools tell of themselves and how they keep to their bounds, in front of the real engine.

use odp_tests::mysql::{Connection, LoginOptions, Rows};
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Timer, wait};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// A user of the test's own.
fn create(engine: &Engine, user: &str, password: &str) -> Result<Connection, Failure> {
    let mut root = Connection::login(engine.port(), "root", "")?;
    root.query(&format!("DROP USER IF EXISTS {user}"))?;
    root.query(&format!("CREATE USER {user} IDENTIFIED BY '{password}'"))?;
    root.query(&format!("GRANT ALL ON *.* TO {user}"))?;
    Ok(root)
}

/// The pools of a user, as `/v1/pools` tells them.
fn pools_of(proxy: &Proxy, user: &str) -> Result<Vec<Value>, Failure> {
    let document = proxy.admin().get("/v1/pools")?.json()?;
    let pools = document.get("pools").and_then(Value::as_array).cloned();
    let pools = pools.ok_or_else(|| Failure::answer("pools", document.to_string()))?;
    let is_of_user = |pool: &Value| pool.get("user").and_then(Value::as_str) == Some(user);
    Ok(pools.into_iter().filter(is_of_user).collect())
}

fn number(pool: &Value, name: &str) -> u64 {
    pool.pointer(name).and_then(Value::as_u64).unwrap_or(0)
}

/// The sessions that are lent, idle, or given up for a reason that is told.
fn accounted_for(pool: &Value) -> u64 {
    let retired = pool.get("retired").and_then(Value::as_object);
    let retired = retired.into_iter().flat_map(|reasons| reasons.values());
    let retired = retired.filter_map(Value::as_u64).sum::<u64>();
    number(pool, "/in_use") + number(pool, "/idle") + retired
}

/// Waits until the only pool of the user is as `expected` says.
fn wait_for_pool(
    proxy: &Proxy,
    user: &str,
    what: &str,
    expected: impl Fn(&Value) -> bool,
) -> Result<Value, Failure> {
    wait::until(what, LIMIT, || {
        let pools = pools_of(proxy, user).map_err(|error| error.to_string())?;
        match &pools[..] {
            [pool] if expected(pool) => Ok(pool.clone()),
            _ => Err(format!("{pools:?}")),
        }
    })
}

#[test]
fn every_pool_is_told_with_its_numbers_and_without_secrets() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = create(&engine, "teller", "tell-tale")?;
    let hash =
        root.query("SELECT passwd FROM oceanbase.__all_virtual_user WHERE user_name = 'teller'")?;
    let hash = hash
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .unwrap_or_default();
    let proxy = Proxy::start(&Settings::sharing(&engine, "session"))?;
    wait::until("a login that is saved", LIMIT, || {
        let visit = || {
            let mut client = Connection::login(proxy.port(), "teller", "tell-tale")?;
            client.query("SELECT 1")?;
            client.quit()
        };
        visit().map_err(|error| error.to_string())?;
        let pools = pools_of(&proxy, "teller").map_err(|error| error.to_string())?;
        let saved = pools.iter().any(|pool| number(pool, "/saved_logins") > 0);
        if saved {
            Ok(())
        } else {
            Err(format!("{pools:?}"))
        }
    })?;
    let mut client = Connection::login(proxy.port(), "teller", "tell-tale")?;
    client.query("SET @a = 1")?;
    let in_use = wait_for_pool(&proxy, "teller", "one session in use", |pool| {
        number(pool, "/in_use") == 1
    })?;
    client.quit()?;
    let pool = wait_for_pool(&proxy, "teller", "a session that was reset", |pool| {
        number(pool, "/in_use") == 0
            && number(pool, "/resets") > number(&in_use, "/resets")
            && number(pool, "/opened") == accounted_for(pool)
    })?;
    for (name, expected) in [
        ("/server", format!("127.0.0.1:{}", engine.port())),
        ("/tenant", "sys".to_owned()),
        ("/hosts/0", "%".to_owned()),
        ("/client_ip", "127.0.0.1".to_owned()),
        ("/mode", "session".to_owned()),
    ] {
        let seen = pool.pointer(name).and_then(Value::as_str);
        assert_eq!(seen, Some(expected.as_str()), "{name} in {pool}");
    }
    assert!(
        number(&pool, "/reused") >= number(&pool, "/saved_logins"),
        "{pool}"
    );
    let metrics = proxy.admin().get("/metrics")?.body;
    let series = metrics.lines().find(|line| {
        line.starts_with("odp_pool_saved_logins_total{") && line.contains("userName=\"teller\"")
    });
    let series = series.ok_or_else(|| Failure::answer("the user's series", metrics.clone()))?;
    let saved = number(&pool, "/saved_logins").to_string();
    assert_eq!(series.rsplit(' ').next(), Some(saved.as_str()), "{series}");
    let told = proxy.admin().get("/v1/pools")?.body + &metrics;
    let digits = hash.trim_start_matches('*').to_lowercase();
    assert_eq!(digits.len(), 40, "{hash}");
    for secret in ["tell-tale", &digits] {
        assert!(!told.to_lowercase().contains(secret), "{secret} in {told}");
    }
    Ok(())
}

/// How many packets the engine has read.
fn packets(root: &mut Connection) -> Result<u64, Failure> {
    let rows =
        root.query("SELECT value FROM oceanbase.gv$sysstat WHERE name = 'mysql packet in'")?;
    let value = rows
        .first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok());
    value.ok_or_else(|| Failure::answer("count packets", format!("{rows:?}")))
}

#[test]
fn a_visit_to_a_warm_pool_costs_the_engine_its_statement_and_nothing_else() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = create(&engine, "brief", "pw")?;
    root.query("CREATE DATABASE IF NOT EXISTS often")?;
    let proxy = Proxy::start(&Settings::sharing(&engine, "session"))?;
    let options = LoginOptions {
        database: Some("often"),
        ..LoginOptions::default()
    };
    let visit = || {
        let mut client = Connection::login_with(proxy.port(), "brief", "pw", options)?;
        let rows = client.query("SELECT DATABASE()")?;
        assert_eq!(rows, [[Some("often".to_owned())]]);
        client.quit()
    };
    wait::until("fifty visits for their statements alone", LIMIT, || {
        let mut count = || packets(&mut root).map_err(|error| error.to_string());
        let before = count()?;
        let own = count()? - before;
        for _ in 0..50 {
            visit().map_err(|error| error.to_string())?;
        }
        let seen = count()? - before - own;
        // Discovery and the reader of accounts ask now and then; a round trip of each login would be 50.
        let most = 50 + own + 20;
        if (50..=most).contains(&seen) {
            return Ok(());
        }
        Err(format!("{seen} packets"))
    })
}

#[test]
fn a_database_that_is_gone_is_noticed_by_the_next_logins() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = create(&engine, "settler", "pw")?;
    root.query("DROP DATABASE IF EXISTS fleeting")?;
    root.query("CREATE DATABASE fleeting")?;
    let settings =
        Settings::sharing(&engine, "session").with("credential_refresh_interval", "\"2s\"");
    let proxy = Proxy::start(&settings)?;
    let visit = || {
        let options = LoginOptions {
            database: Some("fleeting"),
            ..LoginOptions::default()
        };
        let mut client = Connection::login_with(proxy.port(), "settler", "pw", options)?;
        client.query("SELECT 1")?;
        client.quit()
    };
    for _ in 0..50 {
        visit()?;
    }
    root.query("DROP DATABASE fleeting")?;
    let refused = |what: &str| {
        wait::until(what, LIMIT, || match visit() {
            Err(Failure::Server { code: 1049, .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    };
    refused("a login refused because of a database that was dropped elsewhere")?;
    root.query("CREATE DATABASE fleeting")?;
    wait::until("a login again", LIMIT, || {
        visit().map_err(|error| error.to_string())
    })?;
    // What a client of the proxy itself drops is known at once.
    visit()?;
    Connection::login(proxy.port(), "settler", "pw")?.query("DROP DATABASE fleeting")?;
    match visit() {
        Err(Failure::Server { code: 1049, .. }) => Ok(()),
        other => Err(Failure::answer("1049", format!("{other:?}"))),
    }
}

/// A visit with one statement.
fn visit(port: u16, user: &str) -> Result<(), Failure> {
    let mut client = Connection::login(port, user, "pw")?;
    client.query("SELECT 1")?;
    client.quit()
}

/// Visits until the user has a pool.
fn open_pool(proxy: &Proxy, user: &str) -> Result<(), Failure> {
    wait::until("a pool", LIMIT, || {
        visit(proxy.port(), user).map_err(|error| error.to_string())?;
        let pools = pools_of(proxy, user).map_err(|error| error.to_string())?;
        if pools.is_empty() {
            Err("none".to_owned())
        } else {
            Ok(())
        }
    })
}

#[test]
fn the_minimum_is_opened_ahead_and_what_is_idle_or_old_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    create(&engine, "keeper", "pw")?;
    let ahead = Settings::sharing(&engine, "session")
        .with("pool_min_idle", "3")
        .with("pool_idle_timeout", "\"4s\"");
    let proxy = Proxy::start(&ahead)?;
    open_pool(&proxy, "keeper")?;
    let clients = (0..2).map(|_| Connection::login(proxy.port(), "keeper", "pw"));
    let clients: Vec<_> = clients.collect::<Result<_, _>>()?;
    wait_for_pool(
        &proxy,
        "keeper",
        "at least three idle ones beside two lent",
        |pool| number(pool, "/in_use") == 2 && number(pool, "/idle") >= 3,
    )?;
    drop(clients);
    // The pool itself is gone then; its counters are not.
    wait::until("none idle once nobody came for long", LIMIT, || {
        let metrics = proxy
            .admin()
            .get("/metrics")
            .map_err(|error| error.to_string())?;
        let is_it = |line: &&str| {
            line.starts_with("odp_pool_retired_total{")
                && line.contains("userName=\"keeper\"")
                && line.contains("reason=\"idle\"")
        };
        let line = metrics.body.lines().find(is_it).unwrap_or_default();
        let count = line
            .rsplit(' ')
            .next()
            .and_then(|count| count.parse::<u64>().ok());
        let pools = pools_of(&proxy, "keeper").map_err(|error| error.to_string())?;
        if pools.is_empty() && count >= Some(3) {
            return Ok(());
        }
        Err(format!("{line} {pools:?}"))
    })?;
    let aging = Settings::sharing(&engine, "session").with("pool_max_age", "\"1s\"");
    let proxy = Proxy::start(&aging)?;
    open_pool(&proxy, "keeper")?;
    wait_for_pool(&proxy, "keeper", "a session that reached its age", |pool| {
        number(pool, "/idle") == 0 && number(pool, "/retired/age") > 0
    })?;
    Ok(())
}

/// The ids of a user's sessions in the engine's own list.
fn ids_of(root: &mut Connection, user: &str) -> Result<Vec<String>, Failure> {
    let list = format!("SELECT id FROM information_schema.processlist WHERE user = '{user}'");
    Ok(root.query(&list)?.into_iter().flatten().flatten().collect())
}

#[test]
fn a_session_that_died_while_it_was_idle_is_lent_to_nobody() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = create(&engine, "sleeper", "pw")?;
    let asking = Settings::sharing(&engine, "session").with("pool_ping_after", "\"0s\"");
    let proxy = Proxy::start(&asking)?;
    open_pool(&proxy, "sleeper")?;
    wait_for_pool(&proxy, "sleeper", "one idle", |pool| {
        number(pool, "/idle") > 0
    })?;
    // A busy engine lists and ends sessions later than it answers: the first client's own one, too, which
    // nobody shares.
    let ids = wait::until("the idle sessions in the engine's list", LIMIT, || {
        let ids = ids_of(&mut root, "sleeper").map_err(|error| error.to_string())?;
        let pools = pools_of(&proxy, "sleeper").map_err(|error| error.to_string())?;
        let idle = pools.iter().map(|pool| number(pool, "/idle")).sum::<u64>();
        if u64::try_from(ids.len()) == Ok(idle) {
            Ok(ids)
        } else {
            Err(format!("{ids:?} of {pools:?}"))
        }
    })?;
    for id in &ids {
        match root.query(&format!("KILL {id}")) {
            // One that was not shared has ended with its client meanwhile.
            Ok(_) | Err(Failure::Server { code: 1094, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    wait::until("the end of what was killed", LIMIT, || {
        let left = ids_of(&mut root, "sleeper").map_err(|error| error.to_string())?;
        if left.iter().any(|id| ids.contains(id)) {
            Err(format!("{left:?}"))
        } else {
            Ok(())
        }
    })?;
    visit(proxy.port(), "sleeper")?;
    let pool = wait_for_pool(&proxy, "sleeper", "a dead one given up", |pool| {
        number(pool, "/retired/dead") > 0
    })?;
    assert!(
        number(&pool, "/opened") > number(&pool, "/retired/dead"),
        "{pool}"
    );
    Ok(())
}

#[test]
fn whoever_waits_too_long_for_a_session_is_told_and_the_others_are_served_in_turn()
-> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    create(&engine, "queuer", "pw")?;
    let narrow = Settings::sharing(&engine, "transaction")
        .with("pool_max", "1")
        .with("pool_max_waiting", "2")
        .with("pool_wait_timeout", "\"6s\"");
    let proxy = Proxy::start(&narrow)?;
    open_pool(&proxy, "queuer")?;
    let open = || Connection::login(proxy.port(), "queuer", "pw");
    let (mut holder, mut others) = (open()?, Vec::new());
    for _ in 0..3 {
        others.push(open()?);
    }
    occupy(&mut holder)?;
    let (sender, order) = std::sync::mpsc::channel();
    let mut threads = Vec::new();
    for (number, mut client) in others.into_iter().enumerate() {
        let sender = sender.clone();
        threads.push(std::thread::spawn(move || {
            let started = std::time::Instant::now();
            // Long enough that who is served first is heard first.
            let end = client.query("SELECT SLEEP(0.5)").map(drop);
            sender.send((number, end, started.elapsed())).ok();
        }));
        // The next one comes once this one waits, or is sent away.
        let expected = u64::try_from(number + 1).unwrap_or(0).min(2);
        wait_for_pool(&proxy, "queuer", "one more who waits", |pool| {
            number_of_waiting(pool) == expected
        })?;
    }
    let told = || {
        order
            .recv_timeout(LIMIT)
            .map_err(|_| Failure::answer("an end", String::new()))
    };
    let (third, end, waited) = told()?;
    let is_told = matches!(&end, Err(Failure::Server { .. }));
    assert!(
        third == 2 && is_told && waited < Duration::from_secs(1),
        "{third} {end:?} {waited:?}"
    );
    holder.query("COMMIT")?;
    for expected in [0, 1] {
        let (number, end, waited) = told()?;
        assert!(
            number == expected && end.is_ok(),
            "{number} {end:?} {waited:?}"
        );
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    let mut late = open()?;
    occupy(&mut holder)?;
    let started = std::time::Instant::now();
    let end = late.query("SELECT 1");
    let waited = started.elapsed();
    let is_told = matches!(&end, Err(Failure::Server { .. }));
    let in_time = waited >= Duration::from_secs(6) && waited < Duration::from_secs(9);
    assert!(is_told && in_time, "{end:?} after {waited:?}");
    let pool = wait_for_pool(&proxy, "queuer", "what was counted", |pool| {
        number(pool, "/wait_timeouts") == 1 && number(pool, "/refused_waits") == 1
    })?;
    let waits = pool
        .get("waits")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let counted: u64 = waits.map(|bucket| number(bucket, "/count")).sum();
    assert!(counted >= 3, "{pool}");
    Ok(())
}

/// Begins a transaction and runs a statement in it.
fn occupy(client: &mut Connection) -> Result<(), Failure> {
    client.query("BEGIN")?;
    client.query("SELECT 1").map(drop)
}

fn number_of_waiting(pool: &Value) -> u64 {
    number(pool, "/waiting")
}

/// More than a server session keeps for others: what was closed for a later one is prepared again.
#[test]
fn a_client_with_many_statements_runs_all_of_them_in_every_transaction() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    create(&engine, "author", "pw")?;
    let sharing = Settings::sharing(&engine, "transaction").with("pool_max", "1");
    let proxy = Proxy::start(&sharing)?;
    open_pool(&proxy, "author")?;
    let mut clients = Vec::new();
    for first in [0, 20] {
        let mut client = Connection::login(proxy.port(), "author", "pw")?;
        let mut statements = Vec::new();
        for number in first..first + 45 {
            let id = client.prepare(&format!("SELECT CONCAT(?, {number})"))?;
            statements.push((id, number));
        }
        clients.push((client, statements));
    }
    for round in 0..6 {
        for (client, statements) in &mut clients {
            client.query("BEGIN")?;
            for (id, number) in statements.iter() {
                let rows = client.execute(*id, &["a"], Rows::AtOnce)?;
                assert_eq!(rows, [[Some(format!("a{number}"))]], "round {round}");
            }
            client.query("COMMIT")?;
            // What a client closes is kept for others in place of what nobody uses.
            if let Some((id, _)) = statements.pop() {
                client.close_statement(id)?;
            }
        }
    }
    Ok(())
}

/// The engine tells how many statements its sessions have, but not whose sessions they are.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many statements are prepared in each server session of the engine, at most, and of how many texts.
fn prepared(root: &mut Connection) -> Result<(u64, u64), Failure> {
    let rows = root.query(
        "SELECT COUNT(*), COUNT(DISTINCT ps_inner_stmt_id) FROM oceanbase.__all_virtual_session_ps_info \
         GROUP BY session_id ORDER BY 1 DESC LIMIT 1",
    )?;
    let number = |at: usize| rows.first()?.get(at)?.as_deref()?.parse().ok();
    number(0)
        .zip(number(1))
        .ok_or_else(|| Failure::answer("count prepared statements", format!("{rows:?}")))
}

#[test]
fn a_server_session_has_one_statement_for_each_text_and_not_too_many() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = create(&engine, "drafter", "pw")?;
    let sharing = Settings::sharing(&engine, "transaction").with("pool_max", "2");
    let proxy = Proxy::start(&sharing)?;
    open_pool(&proxy, "drafter")?;
    let open = |_| Connection::login(proxy.port(), "drafter", "pw");
    let mut clients: Vec<_> = (0..12).map(open).collect::<Result<_, _>>()?;
    let check = |client: &mut Connection, id: u32, sum: u32| {
        let rows = client.execute(id, &["a"], Rows::AtOnce)?;
        let expected = [[Some(format!("a{sum}"))]];
        if rows == expected {
            return Ok(());
        }
        Err(Failure::answer(
            format!("{expected:?}"),
            format!("{rows:?}"),
        ))
    };
    for client in &mut clients {
        let id = client.prepare("SELECT CONCAT(?, 7)")?;
        check(client, id, 7)?;
        let (most, texts) = prepared(&mut root)?;
        assert_eq!((most, texts), (1, 1), "statements in a server session");
    }
    // In one transaction, so in one server session; 50 is what an OBServer allows by default.
    let mut ids = Vec::new();
    for (number, client) in (100_u32..).zip(clients.iter_mut().take(3)) {
        client.query("BEGIN")?;
        for text in 0..28 {
            let sum = number * 100 + text;
            let id = client.prepare(&format!("SELECT CONCAT(?, {sum})"))?;
            check(client, id, sum)?;
            ids.push((number - 100, id, sum));
            let (most, _) = prepared(&mut root)?;
            assert!(most <= 33, "{most} statements in a server session");
        }
        client.query("COMMIT")?;
    }
    for (client, id, sum) in ids {
        let client = clients.get_mut(usize::try_from(client).unwrap_or(0));
        check(client.expect("three of them"), id, sum)?;
        let (most, _) = prepared(&mut root)?;
        assert!(most <= 33, "{most} statements in a server session");
    }
    Ok(())
}
