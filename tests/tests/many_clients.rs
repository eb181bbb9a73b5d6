//! Many clients, nearly all of them idle, over few server sessions in front of the real engine: nobody
//! meets an error, and those who work do not wait longer than with server sessions of their own.

use odp_tests::clients::{Account, Sysbench};
use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Timer, wait, workspace};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many clients do what.
#[derive(Debug, Clone, Copy)]
struct Crowd {
    busy: u32,
    idle: usize,
    /// The most server sessions, of sysbench and the idle clients together: they log in with other
    /// capabilities, so neither can use those of the other.
    sessions: u64,
    /// Turns of each mode.
    turns: usize,
    /// Seconds of one turn.
    seconds: u32,
}

/// What sysbench tells of one turn.
#[derive(Debug, Clone, Copy)]
struct Turn {
    p99_ms: f64,
    per_second: f64,
}

const ACCOUNT: &str = "crowd";
const ROWS: u32 = 20_000;
const LIMIT: Duration = Duration::from_secs(20);

fn account(port: u16) -> Account<'static> {
    Account {
        port,
        user: ACCOUNT,
        password: "pw",
    }
}

/// A proxy with its idle clients.
struct Stage {
    proxy: Proxy,
    idle: Vec<Connection>,
}

impl Stage {
    fn start(engine: &Engine, mode: &str, crowd: Crowd) -> Result<Self, Failure> {
        let settings = Settings::sharing(engine, mode).with("pool_max", crowd.sessions.to_string());
        let proxy = Proxy::start(&settings)?;
        // The first logins are the server's to decide on, and their sessions nobody else's.
        wait::until("a login that the proxy decides on", LIMIT, || {
            let visit = || {
                Connection::login(proxy.port(), ACCOUNT, "pw")?.quit()?;
                proxy.admin().get("/v1/pools")
            };
            let pools = visit().map_err(|error| error.to_string())?.body;
            let is_known = pools.contains(ACCOUNT);
            if is_known { Ok(()) } else { Err(pools) }
        })?;
        let mut idle = Vec::with_capacity(crowd.idle);
        for number in 0..crowd.idle {
            let mut client = Connection::login(proxy.port(), ACCOUNT, "pw")?;
            // State of its own, which must still be there in the end.
            client.query(&format!("SET @number = {number}"))?;
            idle.push(client);
        }
        Ok(Self { proxy, idle })
    }

    fn turn(&self, crowd: Crowd) -> Result<Turn, Failure> {
        let sysbench = Sysbench {
            tables: 1,
            rows: ROWS,
            threads: crowd.busy,
            seconds: crowd.seconds,
        };
        let options = ["--percentile=99", "--rand-type=uniform"];
        let report = sysbench.step_with(account(self.proxy.port()), "run", &options)?;
        let after = |label: &str| {
            let line = report
                .lines()
                .find(|line| line.trim_start().starts_with(label));
            let words = line.map(|line| line.split_whitespace().map(str::to_owned));
            words.map(Iterator::collect::<Vec<_>>).unwrap_or_default()
        };
        let value = |words: &[String], at: usize| -> Option<f64> {
            words.get(at)?.trim_start_matches('(').parse().ok()
        };
        for label in ["ignored errors:", "reconnects:"] {
            if value(&after(label), label.split(' ').count()) != Some(0.0) {
                return Err(Failure::answer("a turn without errors", report));
            }
        }
        let turn = || {
            Some(Turn {
                p99_ms: value(&after("99th percentile:"), 2)?,
                per_second: value(&after("transactions:"), 2)?,
            })
        };
        turn().ok_or_else(|| Failure::answer("read a report of sysbench", report.clone()))
    }

    /// Every idle client is still who it was.
    fn wake_all(&mut self) -> Result<(), Failure> {
        for (number, client) in self.idle.iter_mut().enumerate() {
            let rows = client.query("SELECT @number")?;
            if rows != [[Some(number.to_string())]] {
                return Err(Failure::answer(
                    format!("client {number}"),
                    format!("{rows:?}"),
                ));
            }
        }
        Ok(())
    }
}

/// Looks at the engine's own list of sessions until it is told to stop.
struct Census {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Result<(), Failure>>,
}

impl Census {
    fn start(engine: &Engine) -> Result<Self, Failure> {
        let mut root = Connection::login(engine.port(), "root", "")?;
        let (stop, most) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (until, seen) = (Arc::clone(&stop), Arc::clone(&most));
        let thread = std::thread::spawn(move || {
            let count = format!(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{ACCOUNT}'"
            );
            while !until.load(Relaxed) {
                let rows = root.query(&count)?;
                let count = rows
                    .first()
                    .and_then(|row| row.first()?.as_deref()?.parse().ok());
                let count = count.ok_or_else(|| Failure::answer("count", format!("{rows:?}")))?;
                seen.fetch_max(count, Relaxed);
                wait::pause(Duration::from_millis(100));
            }
            Ok(())
        });
        Ok(Self { stop, most, thread })
    }

    fn most(self) -> Result<u64, Failure> {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("no thread panics")?;
        Ok(self.most.load(Relaxed))
    }
}

fn middle(turns: &[Turn], value: fn(&Turn) -> f64) -> f64 {
    let mut values: Vec<f64> = turns.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[test]
fn a_crowd_of_mostly_idle_clients_shares_few_server_sessions_without_errors() -> Result<(), Failure>
{
    let _timer = Timer::start();
    let long = workspace::long();
    let crowd = if long {
        Crowd {
            busy: 250,
            idle: 4750,
            sessions: 64,
            turns: 3,
            seconds: 20,
        }
    } else {
        Crowd {
            busy: 20,
            idle: 380,
            sessions: 8,
            turns: 1,
            seconds: 4,
        }
    };
    let engine = Engine::shared()?;
    let mut root = Connection::login(engine.port(), "root", "")?;
    root.query(&format!("CREATE USER {ACCOUNT} IDENTIFIED BY 'pw'"))?;
    root.query(&format!("GRANT ALL ON *.* TO {ACCOUNT}"))?;
    let sysbench = Sysbench {
        tables: 1,
        rows: ROWS,
        threads: 1,
        seconds: 1,
    };
    sysbench.step(account(engine.port()), "prepare")?;
    let mut shared = Stage::start(&engine, "transaction", crowd)?;
    let census = Census::start(&engine)?;
    let first = shared.turn(crowd)?;
    shared.wake_all()?;
    let most = census.most()?;
    println!("the first turn: {first:?}, at most {most} server sessions");
    assert!(most <= crowd.sessions, "{most} server sessions");
    assert!(
        most * 2 > crowd.sessions,
        "{most} server sessions are too few to have been shared"
    );
    if !long {
        return Ok(());
    }
    let mut own = Stage::start(&engine, "session", crowd)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..crowd.turns {
        without.push(own.turn(crowd)?);
        with.push(shared.turn(crowd)?);
    }
    shared.wake_all()?;
    own.wake_all()?;
    println!("transaction: {with:?}\nsession: {without:?}");
    let p99 = |turns: &[Turn]| middle(turns, |turn| turn.p99_ms);
    let rate = |turns: &[Turn]| middle(turns, |turn| turn.per_second);
    println!(
        "p99 {} ms at {}/s over {} sessions, {} ms at {}/s with own ones",
        p99(&with),
        rate(&with),
        crowd.sessions,
        p99(&without),
        rate(&without)
    );
    assert!(p99(&with) <= 1.2 * p99(&without), "{with:?} {without:?}");
    Ok(())
}
