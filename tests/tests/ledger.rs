//! Nothing that a client was told is lost and nothing happens twice, whatever becomes of the servers:
//! transfers between accounts under random faults, held against what the clients noted.
//!
//! 20 s of faults, 10 minutes with `ODP_LONG=1`. `ODP_SEED` repeats the faults and the deeds of a run.

use odp_tests::clients::Account;
use odp_tests::mysql::{Connection, Row};
use odp_tests::network::rerun_in_own_network;
use odp_tests::script::Random;
use odp_tests::{Failure, Sandbox, Timer, wait, workspace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[test]
fn no_acknowledged_write_is_lost_and_none_happens_twice() -> Result<(), Failure> {
    let _timer = Timer::start();
    workspace::odp()?;
    let name = "no_acknowledged_write_is_lost_and_none_happens_twice";
    if let Some(status) = rerun_in_own_network(name)? {
        assert!(status.success(), "{status}");
        return Ok(());
    }
    let seed = seed();
    say(&format!("ODP_SEED={seed}"));
    let sandbox = Sandbox::start_with(&[
        "congestion_retry_interval=1s",
        "min_keep_congestion_interval=1s",
        "server_state_refresh_interval=2s",
    ])?;
    prepare(sandbox.app())?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = Client {
                account: sandbox.app(),
                number,
                random: Random::new(seed ^ (number + 1).wrapping_mul(0x9E37_79B9)),
                stop: Arc::clone(&stop),
                notes: Notes::default(),
            };
            std::thread::spawn(move || client.work())
        })
        .collect();
    let faults = torment(&sandbox, &mut Random::new(seed), length());
    stop.store(true, Ordering::Relaxed);
    let mut notes = Notes::default();
    for client in clients {
        let of_client = client.join();
        notes.add(of_client.map_err(|_| Failure::answer("a client", "a panic"))?);
    }
    let faults = faults?;
    say(&format!("faults: {faults:?}"));
    say(&notes.summary());
    // Past the proxy: what the servers hold is what happened.
    let port = sandbox.server_ports()?.first().copied().unwrap_or_default();
    let mut direct = Connection::login(port, "app@demo", "app")?;
    direct.query("USE test")?;
    let wrong = notes.compare(&mut direct)?;
    assert!(
        wrong.is_empty(),
        "ODP_SEED={seed}\n{}\n{}",
        wrong.join("\n"),
        sandbox.evidence()
    );
    let told = notes.count(Told::Done);
    assert!(
        told > 100,
        "only {told} deeds were acknowledged\n{}",
        sandbox.evidence()
    );
    Ok(())
}

fn length() -> Duration {
    if workspace::long() {
        Duration::from_mins(10)
    } else {
        Duration::from_secs(20)
    }
}

fn seed() -> u64 {
    let given = std::env::var("ODP_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        now.as_secs()
    })
}

fn prepare(account: Account<'_>) -> Result<(), Failure> {
    let mut session = Connection::login(account.port, account.user, account.password)?;
    for statement in [
        "USE test",
        "CREATE TABLE account (id INT PRIMARY KEY, balance INT) PARTITION BY HASH(id) PARTITIONS 6",
        // No key would refuse a transfer or an entry that happens twice.
        "CREATE TABLE transfer (number INT PRIMARY KEY AUTO_INCREMENT, id BIGINT, source INT, target INT, \
         amount INT)",
        "CREATE TABLE entry (number INT PRIMARY KEY AUTO_INCREMENT, id BIGINT)",
    ] {
        session.query(statement)?;
    }
    let rows: Vec<_> = (0..ACCOUNTS)
        .map(|id| format!("({id}, {BALANCE})"))
        .collect();
    session.query(&format!("INSERT INTO account VALUES {}", rows.join(", ")))?;
    Ok(())
}

/// Makes one or two servers sick at a time, again and again, and leaves all of them well.
fn torment(
    sandbox: &Sandbox,
    random: &mut Random,
    length: Duration,
) -> Result<BTreeMap<String, u32>, Failure> {
    let servers: Vec<String> = sandbox
        .servers()?
        .into_iter()
        .map(|server| server.addr)
        .collect();
    let mut counts = BTreeMap::new();
    let end = Instant::now() + length;
    while Instant::now() < end {
        let first = random.below(3);
        let mut sick = vec![first];
        if random.below(4) == 0 {
            sick.push((first + 1 + random.below(2)) % 3);
        }
        let sick: Vec<_> = servers
            .iter()
            .zip(0..)
            .filter(|(_, n)| sick.contains(n))
            .collect();
        for (addr, _) in &sick {
            let fault = fault(random);
            let name = fault
                .get("fault")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let name = match sandbox.inject(addr, &fault) {
                Ok(_) => name.to_owned(),
                // Where packets cannot be dropped, or a transaction does not end in time to be stopped.
                Err(failure) if failure.to_string().contains("not_possible") => {
                    format!("{name} NOT RUN")
                }
                Err(failure) => return Err(failure),
            };
            *counts.entry(name).or_default() += 1;
        }
        wait::pause(Duration::from_millis(u64::from(100 + random.below(1_400))));
        for (addr, _) in &sick {
            sandbox.heal(addr)?;
        }
        wait::pause(Duration::from_millis(u64::from(random.below(500))));
    }
    Ok(counts)
}

fn fault(random: &mut Random) -> Value {
    let count = 1 + random.below(5);
    match random.below(13) {
        0 => json!({"fault": "kill"}),
        1 => json!({"fault": "stop"}),
        2 => json!({"fault": "black_hole"}),
        3 => json!({"fault": "refuse"}),
        4 => json!({"fault": "reset"}),
        5 => json!({"fault": "hang", "after_bytes": random.below(300)}),
        6 => json!({"fault": "slow", "factor": 2 + random.below(40)}),
        // Not the leader, the transaction is unknown, a lock was waited for in vain.
        7 => json!({"fault": "errors", "code": 4038, "count": count}),
        8 => json!({"fault": "errors", "code": 6225, "count": count}),
        9 => json!({"fault": "errors", "code": 1205, "count": count}),
        10 => json!({"fault": "upgrade"}),
        11 => json!({"fault": "lead"}),
        _ => json!({"fault": "removed"}),
    }
}

/// What a client was told of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It is done.
    Done,
    /// It failed before it could have been done.
    NotDone,
    /// An error, or nothing, where it may have been done.
    Nobody,
}

/// By the id of a deed what the client was told.
#[derive(Default)]
struct Notes {
    transfers: HashMap<i64, Told>,
    entries: HashMap<i64, Told>,
    /// Connections that broke, or on which a ROLLBACK was refused.
    broken: u32,
}

impl Notes {
    fn add(&mut self, other: Self) {
        self.transfers.extend(other.transfers);
        self.entries.extend(other.entries);
        self.broken += other.broken;
    }

    fn count(&self, told: Told) -> usize {
        let all = self.transfers.values().chain(self.entries.values());
        all.filter(|known| **known == told).count()
    }

    fn summary(&self) -> String {
        format!(
            "{} transfers and {} entries: {} done, {} not done, {} of unknown outcome; {} connections given up",
            self.transfers.len(),
            self.entries.len(),
            self.count(Told::Done),
            self.count(Told::NotDone),
            self.count(Told::Nobody),
            self.broken
        )
    }

    /// What the servers hold in spite of the notes.
    fn compare(&self, session: &mut Connection) -> Result<Vec<String>, Failure> {
        let mut wrong = Vec::new();
        let transfers = session.query("SELECT id, source, target, amount FROM transfer")?;
        let entries = session.query("SELECT id FROM entry")?;
        for (kind, notes, rows) in [
            ("transfer", &self.transfers, &transfers),
            ("entry", &self.entries, &entries),
        ] {
            let mut held: HashMap<i64, u32> = HashMap::new();
            for row in rows {
                *held.entry(number(row, 0)).or_default() += 1;
            }
            for (id, told) in notes {
                let times = held.remove(id).unwrap_or(0);
                let fine = match told {
                    Told::Done => times == 1,
                    Told::NotDone => times == 0,
                    Told::Nobody => times <= 1,
                };
                if !fine {
                    wrong.push(format!("{kind} {id}: told {told:?}, there {times} times"));
                }
            }
            let strangers: Vec<_> = held.keys().collect();
            if !strangers.is_empty() {
                wrong.push(format!("{kind}: nobody made {strangers:?}"));
            }
        }
        let mut balances: Vec<i64> = vec![BALANCE; ACCOUNTS as usize];
        for row in &transfers {
            for (column, sign) in [(1, -1), (2, 1)] {
                let account = usize::try_from(number(row, column)).unwrap_or(usize::MAX);
                if let Some(balance) = balances.get_mut(account) {
                    *balance += sign * number(row, 3);
                }
            }
        }
        let held = session.query("SELECT balance FROM account ORDER BY id")?;
        let held: Vec<i64> = held.iter().map(|row| number(row, 0)).collect();
        if held != balances {
            wrong.push(format!(
                "balances are {held:?}, by the transfers {balances:?}"
            ));
        }
        Ok(wrong)
    }
}

fn number(row: &Row, column: usize) -> i64 {
    let text = row.get(column).and_then(Option::as_deref);
    text.and_then(|text| text.parse().ok()).unwrap_or(-1)
}

struct Client {
    account: Account<'static>,
    number: u64,
    random: Random,
    stop: Arc<AtomicBool>,
    notes: Notes,
}

impl Client {
    fn work(mut self) -> Notes {
        let mut id = i64::try_from(self.number).unwrap_or(0) << 32;
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(mut session) = self.login() else {
                wait::pause(PAUSE);
                continue;
            };
            while !self.stop.load(Ordering::Relaxed) {
                id += 1;
                let usable = if self.random.below(2) == 0 {
                    self.transfer(&mut session, id)
                } else {
                    self.enter(&mut session, id)
                };
                wait::pause(PAUSE);
                if !usable {
                    self.notes.broken += 1;
                    break;
                }
            }
        }
        self.notes
    }

    fn login(&self) -> Result<Connection, Failure> {
        let account = self.account;
        let mut session = Connection::login(account.port, account.user, account.password)?;
        session.query("USE test")?;
        Ok(session)
    }

    /// A transaction; false when the connection is of no more use: it broke, or a ROLLBACK was refused, so
    /// that nobody knows what is still open on it.
    fn transfer(&mut self, session: &mut Connection, id: i64) -> bool {
        let source = self.random.below(ACCOUNTS);
        let target = (source + 1 + self.random.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = 1 + self.random.below(9);
        for statement in [
            "BEGIN".to_owned(),
            format!("SELECT balance FROM account WHERE id = {source}"),
            format!("UPDATE account SET balance = balance - {amount} WHERE id = {source}"),
            format!("UPDATE account SET balance = balance + {amount} WHERE id = {target}"),
            format!(
                "INSERT INTO transfer (id, source, target, amount) VALUES ({id}, {source}, {target}, \
                 {amount})"
            ),
        ] {
            if let Err(failure) = session.query(&statement) {
                // Without a COMMIT it must not have happened.
                self.notes.transfers.insert(id, Told::NotDone);
                return is_usable(&failure) && session.query("ROLLBACK").is_ok();
            }
        }
        match session.query("COMMIT") {
            Ok(_) => {
                self.notes.transfers.insert(id, Told::Done);
                true
            }
            Err(failure) => {
                self.notes.transfers.insert(id, Told::Nobody);
                is_usable(&failure) && session.query("ROLLBACK").is_ok()
            }
        }
    }

    /// A single statement outside of transactions.
    fn enter(&mut self, session: &mut Connection, id: i64) -> bool {
        let (told, usable) = match session.query(&format!("INSERT INTO entry (id) VALUES ({id})")) {
            Ok(_) => (Told::Done, true),
            Err(failure) => (Told::Nobody, is_usable(&failure)),
        };
        self.notes.entries.insert(id, told);
        usable
    }
}

/// An error packet leaves the connection as it is.
fn is_usable(failure: &Failure) -> bool {
    failure.server_code().is_some()
}

/// Shown although the test passes: the seed repeats it.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

const CLIENTS: u64 = 24;
const ACCOUNTS: u32 = 16;
const BALANCE: i64 = 1000;
/// Between two deeds of a client.
const PAUSE: Duration = Duration::from_millis(20);
