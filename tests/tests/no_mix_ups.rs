//! No answer is ever delivered to the wrong client: many clients at once that look for their own token in
//! every row, while connections are dropped within answers and statements and sessions are killed.

use odp_tests::mysql::Connection;
use odp_tests::script::Random;
use odp_tests::wire::{COM_QUERY, COM_STMT_EXECUTE, COM_STMT_PREPARE, Login, Reply, Wire};
use odp_tests::{Failure, Sandbox, Timer, wait, workspace};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::HashMap;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[test]
fn a_thousand_clients_get_their_own_rows_and_nobody_elses() -> Result<(), Failure> {
    let _timer = Timer::start();
    raise_descriptors()?;
    let long = workspace::long();
    // Server sessions that go from client to client are where an answer could go astray, and so could a
    // kill.
    for (mode, clients) in [("off", 1_000), ("session", 300), ("transaction", 300)] {
        let clients = if long { 1_000 } else { clients };
        let sandbox = Sandbox::start_with(&[&format!("pool_mode={mode}")])?;
        set_up(sandbox.app().port)?;
        let world = Arc::new(World::new(sandbox.app().port, clients, long));
        let wrong = crowd(&world)?;
        let note = format!(
            "pool_mode {mode}: {}, {} wrong\n",
            world.told(),
            wrong.len()
        );
        std::io::stderr().write_all(note.as_bytes()).ok();
        assert!(
            wrong.is_empty(),
            "{note}{:#?}\n{}",
            wrong.iter().take(3).collect::<Vec<_>>(),
            sandbox.evidence()
        );
        assert!(world.has_seen_enough(), "too little happened: {note}");
    }
    Ok(())
}

/// Runs all the clients to their ends and gives what was wrong.
fn crowd(world: &Arc<World>) -> Result<Vec<String>, Failure> {
    let threads = (0..world.clients).map(|number| {
        let world = Arc::clone(world);
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || Client::new(number, &world).run())
            .map_err(Failure::io("start a client"))
    });
    let threads: Vec<_> = threads.collect::<Result<_, _>>()?;
    let wrong = threads
        .into_iter()
        .filter_map(|thread| match thread.join() {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some("a client panicked".to_owned()),
        });
    Ok(wrong.collect())
}

/// What the clients share.
struct World {
    port: u16,
    clients: u32,
    long: bool,
    started: Instant,
    /// Connection ids of clients, to be killed by others.
    ids: Mutex<Vec<u64>>,
    /// Those that somebody has killed, or a statement of theirs: nobody else may hear of a kill.
    victims: Mutex<HashMap<u64, Kill>>,
    counts: Counts,
}

/// What was killed; the larger one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kill {
    Query,
    Connection,
}

#[derive(Default)]
struct Counts {
    /// Clients that are logged in, and the most at once.
    open: AtomicU64,
    peak: AtomicU64,
    answers: AtomicU64,
    rows: AtomicU64,
    dropped: AtomicU64,
    kills: AtomicU64,
    /// Clients that wait for a kill right now.
    killing: AtomicU64,
    /// Statements and connections that ended by a kill.
    killed: AtomicU64,
}

impl World {
    fn new(port: u16, clients: u32, long: bool) -> Self {
        Self {
            port,
            clients,
            long,
            started: Instant::now(),
            ids: Mutex::default(),
            victims: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Whether enough has happened, or all the time has passed.
    fn is_over(&self) -> bool {
        let passed = self.started.elapsed();
        passed > LIMIT || (self.has_seen_enough() && (passed > LONG || !self.long))
    }

    fn has_seen_enough(&self) -> bool {
        let counts = &self.counts;
        counts.answers.load(Relaxed) >= u64::from(self.clients) * 3
            && counts.peak.load(Relaxed) >= u64::from(self.clients) / 2
            && counts.dropped.load(Relaxed) >= DISTURBANCES
            && counts.kills.load(Relaxed) >= DISTURBANCES
            && counts.killed.load(Relaxed) >= KILLED
    }

    /// Whether somebody has killed as much of this connection.
    fn was_killed(&self, id: u64, least: Kill) -> bool {
        let victims = self.victims.lock().unwrap_or_else(PoisonError::into_inner);
        let killed = victims.get(&id).is_some_and(|kill| *kill >= least);
        self.counts.killed.fetch_add(u64::from(killed), Relaxed);
        killed
    }

    fn told(&self) -> String {
        let counts = &self.counts;
        format!(
            "{} clients, {} of them at once: {} answers, {} rows, {} connections dropped, {} kills that \
             {} noticed",
            self.clients,
            counts.peak.load(Relaxed),
            counts.answers.load(Relaxed),
            counts.rows.load(Relaxed),
            counts.dropped.load(Relaxed),
            counts.kills.load(Relaxed),
            counts.killed.load(Relaxed),
        )
    }
}

struct Client<'a> {
    number: u32,
    world: &'a World,
    random: Random,
    asked: u32,
    /// The id of the connection.
    id: u64,
}

impl<'a> Client<'a> {
    fn new(number: u32, world: &'a World) -> Self {
        Self {
            number,
            world,
            random: Random::new(u64::from(number)),
            asked: 0,
            id: 0,
        }
    }

    fn run(mut self) -> Result<(), Failure> {
        let mut answered = Instant::now();
        while !self.world.is_over() {
            let wire = Wire::login(Login {
                port: self.world.port,
                user: "app@demo",
                password: "app",
                database: "test",
            });
            match wire {
                Ok(wire) => {
                    let counts = &self.world.counts;
                    let open = counts.open.fetch_add(1, Relaxed) + 1;
                    counts.peak.fetch_max(open, Relaxed);
                    let end = self.converse(wire);
                    counts.open.fetch_sub(1, Relaxed);
                    end?;
                    answered = Instant::now();
                }
                // A thousand logins at once may be too many for the moment, but not for long.
                Err(failure) if answered.elapsed() > PATIENCE => return Err(failure),
                Err(_) => wait::pause(AGAIN),
            }
        }
        Ok(())
    }

    /// Statements until the connection ends, by the client or by a kill; any other end is wrong.
    fn converse(&mut self, mut wire: Wire) -> Result<(), Failure> {
        wire.limit(PATIENCE)?;
        let reply = wire.run(&query("SELECT CONNECTION_ID() AS id"), "")?;
        self.id = number_of(&reply)
            .ok_or_else(|| Failure::answer("CONNECTION_ID()", format!("{reply:?}")))?;
        let mut ids = self
            .world
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ids.push(self.id);
        drop(ids);
        for _ in 0..STATEMENTS {
            if self.world.is_over() {
                break;
            }
            self.asked += 1;
            let token = format!("{MARK}{}-{};", self.number, self.asked);
            let table = format!("one_{}", self.random.below(6));
            let result = match self.random.below(100) {
                0..50 => wire.run(
                    &query(&format!("SELECT '{token}' AS t, x FROM {table}")),
                    "",
                ),
                50..60 => {
                    let many =
                        format!("SELECT CONCAT('{token}', REPEAT('.', 3000)) AS t FROM many");
                    wire.run(&query(&many), "")
                }
                60..75 => prepared(&mut wire, &token, &table),
                75..80 => wire.run(&query(&format!("SELECT SLEEP(0.2), '{token}' AS t")), ""),
                80..92 => match self.kill(&mut wire) {
                    Ok(()) => continue,
                    Err(failure) => Err(failure),
                },
                _ => {
                    self.drop_within(wire, &token);
                    break;
                }
            };
            match result {
                Ok(reply) => self.check(&reply, &token)?,
                Err(failure) if is_late(&failure) => return Err(failure),
                Err(_) if self.world.was_killed(self.id, Kill::Connection) => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Every row has the token, or there is the error of a kill that was meant for this client.
    fn check(&self, reply: &Reply, token: &str) -> Result<(), Failure> {
        self.world.counts.answers.fetch_add(1, Relaxed);
        let text = String::from_utf8_lossy(&reply.bytes);
        let killed = match reply.error {
            Some(QUERY_INTERRUPTED) => Some(Kill::Query),
            // The server of a killed session may close it before it reads the statement.
            Some(SESSION_INTERRUPTED | SESSION_KILLED) => Some(Kill::Connection),
            Some(_) => return Err(Failure::answer(token, text)),
            None => None,
        };
        if let Some(killed) = killed {
            return if self.world.was_killed(self.id, killed) {
                Ok(())
            } else {
                Err(Failure::answer(format!("{token} that nobody killed"), text))
            };
        }
        let tokens: Vec<_> = text.split(MARK).skip(1).collect();
        let own = token.trim_start_matches(MARK);
        self.world
            .counts
            .rows
            .fetch_add(tokens.len() as u64, Relaxed);
        if tokens.is_empty() || tokens.iter().any(|found| !found.starts_with(own)) {
            let found: Vec<_> = tokens.iter().take(3).map(|text| text.get(..20)).collect();
            return Err(Failure::answer(
                format!("rows with {token}"),
                format!("{found:?}"),
            ));
        }
        Ok(())
    }

    /// Ends the connection with an answer on its way.
    fn drop_within(&self, mut wire: Wire, token: &str) {
        let many = query(&format!(
            "SELECT CONCAT('{token}', REPEAT('.', 9000)) AS t FROM many"
        ));
        // What it would have answered is nobody's.
        wire.send_only(&many).ok();
        if self.number.is_multiple_of(2) {
            wire.wait_for_a_byte().ok();
        }
        self.world.counts.dropped.fetch_add(1, Relaxed);
    }

    /// Kills a statement or a session of another client, unless enough others are doing that: kills are
    /// done a few at a time, and a thousand clients would all come to wait in that queue.
    fn kill(&mut self, wire: &mut Wire) -> Result<(), Failure> {
        let counts = &self.world.counts;
        let is_free = counts.killing.fetch_add(1, Relaxed) < KILLERS;
        let killed = if is_free {
            self.kill_another(wire)
        } else {
            Ok(())
        };
        counts.killing.fetch_sub(1, Relaxed);
        killed
    }

    /// The victim may be gone already.
    fn kill_another(&mut self, wire: &mut Wire) -> Result<(), Failure> {
        let ids = self
            .world
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let recent = ids.len().saturating_sub(self.world.clients as usize);
        let id = self.random.pick(ids.get(recent..).unwrap_or_default());
        drop(ids);
        let (kill, what) = if self.random.chance(70) {
            (Kill::Query, "QUERY")
        } else {
            (Kill::Connection, "CONNECTION")
        };
        let mut victims = self
            .world
            .victims
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let worst = victims.entry(id).or_insert(kill);
        *worst = kill.max(*worst);
        drop(victims);
        self.world.counts.kills.fetch_add(1, Relaxed);
        wire.run(&query(&format!("KILL {what} {id}")), "").map(drop)
    }
}

fn prepared(wire: &mut Wire, token: &str, table: &str) -> Result<Reply, Failure> {
    let text = format!("SELECT ? AS t, x FROM {table}");
    let prepared = wire.run(&[&[COM_STMT_PREPARE], text.as_bytes()].concat(), "")?;
    let Some(id) = prepared.statement else {
        return Ok(prepared);
    };
    let mut command = vec![COM_STMT_EXECUTE];
    command.extend(id.to_le_bytes());
    command.extend([
        0,
        1,
        0,
        0,
        0,
        0,
        1,
        0xFD,
        0,
        u8::try_from(token.len()).unwrap_or(0),
    ]);
    command.extend(token.as_bytes());
    wire.run(&command, "")
}

/// Whether a read gave up, as opposed to a connection that has ended.
fn is_late(failure: &Failure) -> bool {
    let Failure::Io { source, .. } = failure else {
        return false;
    };
    matches!(source.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn query(sql: &str) -> Vec<u8> {
    [&[COM_QUERY], sql.as_bytes()].concat()
}

/// The number in the only cell of a result.
fn number_of(reply: &Reply) -> Option<u64> {
    let end = reply.bytes.len().checked_sub(9)?;
    let digits = reply
        .bytes
        .get(..end)?
        .rsplit(|byte| !byte.is_ascii_digit())
        .next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn set_up(port: u16) -> Result<(), Failure> {
    let mut connection = Connection::login(port, "app@demo", "app")?;
    connection.query("USE test")?;
    for number in 0..6 {
        connection.query(&format!("CREATE TABLE one_{number} (x INT PRIMARY KEY)"))?;
        connection.query(&format!("INSERT INTO one_{number} VALUES ({number})"))?;
    }
    connection.query("CREATE TABLE many (x INT PRIMARY KEY)")?;
    let rows: Vec<_> = (0..60).map(|row| format!("({row})")).collect();
    connection.query(&format!("INSERT INTO many VALUES {}", rows.join(", ")))?;
    Ok(())
}

/// The test and the servers that it starts need a descriptor for each connection.
fn raise_descriptors() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|error| Failure::io("raise the number of descriptors")(error.into()))
}

/// What each token begins with, and nothing else in an answer.
const MARK: &str = "token:";
/// Statements on one connection.
const STATEMENTS: u32 = 40;
/// `ER_QUERY_INTERRUPTED`, the end of a killed statement.
const QUERY_INTERRUPTED: u16 = 1317;
/// What the statement of a killed session ends in.
const SESSION_INTERRUPTED: u16 = 5066;
/// What a statement behind that ends in, when another proxy's client has killed the session.
const SESSION_KILLED: u16 = 4401;
/// How long an answer, or a login with its repetitions, may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between a refused login and the next one.
const AGAIN: Duration = Duration::from_millis(20);
/// Clients that may kill at once.
const KILLERS: u64 = 16;
/// Connections that must have been dropped, and kills.
const DISTURBANCES: u64 = 150;
/// Statements and connections that must have ended by a kill.
const KILLED: u64 = 20;
/// The duration of the longer form, for each mode.
const LONG: Duration = Duration::from_mins(1);
/// What all of it may take.
const LIMIT: Duration = Duration::from_mins(5);
