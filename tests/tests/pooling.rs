//! Server sessions that clients share, in front of the real engine: what they save, and that nobody
//! notices.

use odp_tests::mysql::{Connection, FOUND_ROWS, LoginOptions, greeting};
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Timer, wait};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// One test at a time: they look at the engine's own counters, and change its accounts.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMIT: Duration = Duration::from_secs(20);

fn settings(engine: &Engine, mode: &str) -> Settings {
    Settings::in_front_of(&[engine.port()])
        .with("metadata_user", "\"root@sys\"")
        .with("observer_sys_password", "\"\"")
        .with("server_state_refresh_interval", "\"1h\"")
        .with("credential_refresh_interval", "\"200ms\"")
        .with("pool_mode", format!("\"{mode}\""))
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

/// What changes, step by step.
const CHANGES: [(&str, &[&str]); 12] = [
    (
        "a new account",
        &[
            "DROP USER IF EXISTS guest",
            "CREATE USER guest IDENTIFIED BY 'pw'",
        ],
    ),
    ("a right", &["GRANT SELECT ON pooled.* TO guest"]),
    ("a revoked right", &["REVOKE SELECT ON pooled.* FROM guest"]),
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
        let rows = client.query("SELECT CURRENT_USER(), DATABASE()")?;
        let read = client.query("SELECT COUNT(*) FROM pooled.secret");
        let read = read.map_or_else(|error| error.to_string(), |rows| format!("{rows:?}"));
        client.quit()?;
        Ok::<_, Failure>(format!("{rows:?} {read}"))
    };
    ask().unwrap_or_else(|error| error.to_string())
}

#[test]
fn every_login_ends_as_it_would_without_pooling() -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    root.query("CREATE TABLE IF NOT EXISTS pooled.secret (id INT PRIMARY KEY)")?;
    let (pooled, plain) = (
        Proxy::start(&settings(&engine, "session"))?,
        Proxy::start(&settings(&engine, "off"))?,
    );
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
            let expected = outcome(plain.port(), user, password, options);
            wait::until(what, LIMIT, || {
                let seen = outcome(pooled.port(), user, password, options);
                if seen == expected {
                    return Ok(());
                }
                Err(format!(
                    "{password:?} {options:?}: {seen} instead of {expected}"
                ))
            })?;
        }
    }
    Ok(())
}

/// A random number generator (xorshift64*), so that a seed tells the whole run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

/// Who a client of the isolation test is.
#[derive(Debug, Clone, Copy)]
struct Persona {
    user: &'static str,
    password: &'static str,
    options: LoginOptions<'static>,
    /// What `USER()` and `CURRENT_USER()` say.
    names: [&'static str; 2],
    /// The rows that its UPDATE of a row to what it is already counts.
    found: u8,
}

/// Two users; one name with the same password at two hosts; two capabilities; two databases.
fn personas() -> Vec<Persona> {
    let mut personas = Vec::new();
    for (user, password, client_ip, names) in [
        ("ann", "pw", None, ["ann@127.0.0.1", "ann@%"]),
        ("bob", "pw2", None, ["bob@127.0.0.1", "bob@%"]),
        (
            "twin",
            "pw",
            Some("10.0.0.1"),
            ["twin@10.0.0.1", "twin@10.0.0.1"],
        ),
        (
            "twin",
            "pw",
            Some("10.0.0.2"),
            ["twin@10.0.0.2", "twin@10.0.0.2"],
        ),
    ] {
        for (capabilities, found) in [(0, 0), (FOUND_ROWS, 1)] {
            for database in [None, Some("pooled"), Some("other")] {
                let options = LoginOptions {
                    capabilities,
                    database,
                    client_ip,
                };
                personas.push(Persona {
                    user,
                    password,
                    options,
                    names,
                    found,
                });
            }
        }
    }
    personas
}

/// One client from login to its end, which checks at every step that everything it sees is its own.
struct Visitor<'a> {
    client: Connection,
    persona: Persona,
    dice: &'a mut Dice,
    mark: u64,
    statements: u64,
}

impl Visitor<'_> {
    fn ask(&mut self, sql: &str) -> Result<Vec<String>, Failure> {
        self.statements += 1;
        let failed = |error: Failure| Failure::answer(sql.to_owned(), error.to_string());
        let rows = self.client.query(sql).map_err(failed)?;
        let row = rows.into_iter().next().unwrap_or_default();
        Ok(row
            .into_iter()
            .map(|value| value.unwrap_or_else(|| "NULL".to_owned()))
            .collect())
    }

    fn expect(&mut self, sql: &str, expected: &[&str]) -> Result<(), Failure> {
        let seen = self.ask(sql)?;
        if seen == expected {
            return Ok(());
        }
        let persona = self.persona;
        let what = format!("{sql} for {persona:?}, expected {expected:?}");
        Err(Failure::answer(what, format!("{seen:?}")))
    }

    /// Nothing of anybody else is there.
    fn arrive(&mut self) -> Result<(), Failure> {
        let [user, account] = self.persona.names;
        let id = self.client.id().to_string();
        let database = self.persona.options.database.unwrap_or("NULL");
        self.expect(
            "SELECT USER(), CURRENT_USER(), DATABASE(), CONNECTION_ID(), @mark, @@autocommit, \
             @@div_precision_increment, @@sql_select_limit, LAST_INSERT_ID()",
            &[
                user,
                account,
                database,
                &id,
                "NULL",
                "1",
                "4",
                "9223372036854775807",
                "0",
            ],
        )?;
        if self.ask("EXECUTE leftover").is_ok() {
            return Err(Failure::answer(
                "a statement prepared by others",
                "it ran".to_owned(),
            ));
        }
        Ok(())
    }

    /// Leaves traces, and finds its own again.
    fn stay(&mut self) -> Result<(), Failure> {
        let mark = self.mark.to_string();
        let precision = self.dice.roll(20) + 5;
        self.ask(&format!(
            "SET @mark = {mark}, div_precision_increment = {precision}"
        ))?;
        for _ in 0..self.dice.roll(4) {
            match self.dice.roll(7) {
                0 => {
                    self.ask("PREPARE leftover FROM 'SELECT @mark'")?;
                    self.expect("EXECUTE leftover", &[&mark])?;
                }
                1 => {
                    self.ask("LOCK TABLES pooled.fixed READ")?;
                    self.ask("UNLOCK TABLES")?;
                }
                2 => {
                    self.ask("USE other")?;
                    self.expect("SELECT DATABASE()", &["other"])?;
                }
                3 => {
                    self.ask(&format!("INSERT INTO pooled.traces (mark) VALUES ({mark})"))?;
                    let id = self.ask("SELECT LAST_INSERT_ID()")?;
                    let id = id.first().map_or("", String::as_str).to_owned();
                    self.expect(
                        &format!("SELECT mark FROM pooled.traces WHERE id = {id}"),
                        &[&mark],
                    )?;
                }
                4 => {
                    self.ask("UPDATE pooled.fixed SET v = 1 WHERE id = 1")?;
                    let (seen, expected) = (self.client.affected_rows(), self.persona.found);
                    if seen != expected {
                        let what = format!("rows counted for {:?}", self.persona);
                        return Err(Failure::answer(what, seen.to_string()));
                    }
                }
                5 => {
                    self.ask("SET autocommit = 0")?;
                    self.expect("SELECT @@autocommit", &["0"])?;
                }
                _ => {
                    self.ask("BEGIN")?;
                    self.ask(&format!("INSERT INTO pooled.traces (mark) VALUES ({mark})"))?;
                    if self.dice.roll(2) == 0 {
                        self.ask("COMMIT")?;
                    }
                }
            }
        }
        let precision = precision.to_string();
        self.expect(
            "SELECT @mark, @@div_precision_increment",
            &[&mark, &precision],
        )
    }

    /// Goes in one of the ways in which clients go.
    fn leave(mut self) -> Result<u64, Failure> {
        match self.dice.roll(4) {
            0 => self.client.quit()?,
            1 => self
                .client
                .send_query("SELECT REPEAT('x', 200000) FROM pooled.fixed")?,
            2 => self.client.send_query("SELECT SLEEP(0.05)")?,
            _ => drop(self.client),
        }
        Ok(self.statements)
    }
}

/// One of the threads: visitors one after the other.
fn visitors(port: u16, seed: u64, statements: u64) -> Result<u64, Failure> {
    let personas = personas();
    let mut dice = Dice(seed | 1);
    let mut count = 0;
    while count < statements {
        let at = usize::try_from(dice.roll(personas.len() as u64)).unwrap_or(0);
        let Some(&persona) = personas.get(at) else {
            continue;
        };
        let client = Connection::login_with(port, persona.user, persona.password, persona.options)?;
        let mark = dice.roll(1 << 30) + 1;
        let mut visitor = Visitor {
            client,
            persona,
            dice: &mut dice,
            mark,
            statements: 0,
        };
        visitor.arrive()?;
        visitor.stay()?;
        count += visitor.leave()?;
    }
    Ok(count)
}

fn nobody_sees_anything_of_another(mode: &str) -> Result<(), Failure> {
    let (_timer, _alone) = (Timer::start(), alone());
    let engine = Engine::shared()?;
    let mut root = root(&engine)?;
    for statement in [
        "CREATE TABLE IF NOT EXISTS pooled.traces (id INT PRIMARY KEY AUTO_INCREMENT, mark BIGINT)",
        "CREATE TABLE IF NOT EXISTS pooled.fixed (id INT PRIMARY KEY, v INT)",
        "INSERT IGNORE INTO pooled.fixed VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)",
    ] {
        root.query(statement)?;
    }
    for (account, password) in [
        ("ann", "pw"),
        ("bob", "pw2"),
        ("twin@'10.0.0.1'", "pw"),
        ("twin@'10.0.0.2'", "pw"),
    ] {
        root.query(&format!("DROP USER IF EXISTS {account}"))?;
        root.query(&format!("CREATE USER {account} IDENTIFIED BY '{password}'"))?;
        root.query(&format!("GRANT ALL ON *.* TO {account}"))?;
    }
    let proxy = Proxy::start(&settings(&engine, mode).with("pool_max", "6"))?;
    let long = std::env::var_os("ODP_LONG").is_some();
    let (threads, each) = if long { (16, 65_000) } else { (6, 250) };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seed = std::env::var("ODP_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(now.subsec_nanos()) << 20 | 1);
    println!("ODP_SEED={seed}");
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let port = proxy.port();
            std::thread::spawn(move || visitors(port, seed.wrapping_mul(2 * thread + 3), each))
        })
        .collect();
    let mut statements = 0;
    for thread in running {
        statements += thread.join().expect("no thread panics")?;
    }
    let metrics = proxy.admin().get("/metrics")?.body;
    let reused = metrics
        .lines()
        .filter(|line| line.starts_with("odp_pool_reused"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>();
    println!("{statements} statements, {reused} server sessions lent again");
    assert!(reused > 0.0, "nothing was shared:\n{metrics}");
    Ok(())
}

#[test]
fn nobody_sees_anything_of_another_with_session_pooling() -> Result<(), Failure> {
    nobody_sees_anything_of_another("session")
}

#[test]
fn nobody_sees_anything_of_another_with_transaction_pooling() -> Result<(), Failure> {
    nobody_sees_anything_of_another("transaction")
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
        let told = matches!(
            &end,
            Err(Failure::Server {
                code: 2003 | 4012,
                ..
            })
        );
        assert!(told, "after {waited:?}: {end:?}");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    }
    let most = *mute.most.lock().unwrap_or_else(PoisonError::into_inner);
    // Discovery and the reader of accounts have a connection each.
    assert!(most <= 4 + 2, "{most} connections at once");
    Ok(())
}
