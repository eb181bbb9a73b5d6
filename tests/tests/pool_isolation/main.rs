//! Clients that share server sessions see nothing of each other: no row, no variable, no privilege of
//! another identity, whatever they leave behind and however they go.

mod backend;
mod persona;
mod visitor;

use backend::{Backend, Kind};
use odp_tests::script::Random;
use odp_tests::{Failure, Timer};
use persona::{Persona, personas, set_up};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use visitor::{Visitor, Written};

#[test]
fn nobody_sees_anything_of_another_with_session_pooling() -> Result<(), Failure> {
    nobody_sees_anything_of_another(Kind::Sandbox, "session")
}

#[test]
fn nobody_sees_anything_of_another_with_transaction_pooling() -> Result<(), Failure> {
    nobody_sees_anything_of_another(Kind::Sandbox, "transaction")
}

#[test]
fn nobody_sees_anything_of_another_on_a_real_engine_with_session_pooling() -> Result<(), Failure> {
    nobody_sees_anything_of_another(Kind::Engine, "session")
}

#[test]
fn nobody_sees_anything_of_another_on_a_real_engine_with_transaction_pooling() -> Result<(), Failure>
{
    nobody_sees_anything_of_another(Kind::Engine, "transaction")
}

/// What the clients share.
pub(crate) struct World {
    backend: Backend,
    mode: &'static str,
    /// Connection ids of clients, to be killed.
    ids: Mutex<Vec<u32>>,
    /// Those that were killed, or a statement of theirs: nobody else may hear of a kill.
    victims: Mutex<HashMap<u32, Kill>>,
    /// What must be found at the end, by tenant and mark.
    written: Mutex<HashMap<Mark, (u32, Written)>>,
    forgiven: AtomicU64,
    is_over: AtomicBool,
}

/// A tenant and what a client has left in it.
type Mark = (&'static str, u64);

/// What was killed; the larger one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kill {
    Query,
    Connection,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn enters(&self, id: u32) {
        hold(&self.ids).push(id);
    }

    fn note(&self, persona: Persona, mark: u64, rows: u32, written: Written) {
        hold(&self.written).insert((persona.tenant, mark), (rows, written));
    }

    /// Whether a kill of this client explains what it met.
    fn explains(&self, id: u32, failure: &Failure) -> bool {
        let least = match failure {
            Failure::Server { code, .. } if *code == INTERRUPTED => Kill::Query,
            Failure::Server { code, .. } if KILLED.contains(code) => Kill::Connection,
            Failure::Io { source, .. } if source.kind() != std::io::ErrorKind::WouldBlock => {
                Kill::Connection
            }
            _ => return false,
        };
        let victims = hold(&self.victims);
        let explained = victims.get(&id).is_some_and(|kill| *kill >= least);
        self.forgiven.fetch_add(u64::from(explained), Relaxed);
        explained
    }

    /// Kills now one, now another of the newest clients.
    fn kill_some(&self, mut random: Random) -> Result<u64, Failure> {
        let mut killer = self.backend.killer()?;
        let mut count = 0;
        while !self.is_over.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(u64::from(random.below(30))));
            let recent: Vec<u32> = {
                let ids = hold(&self.ids);
                ids.iter().rev().take(THREADS_MAX).copied().collect()
            };
            if recent.is_empty() {
                continue;
            }
            let id = random.pick(&recent);
            let (kill, what) = if random.chance(70) {
                (Kill::Query, "QUERY")
            } else {
                (Kill::Connection, "CONNECTION")
            };
            {
                let mut victims = hold(&self.victims);
                let worst = victims.entry(id).or_insert(kill);
                *worst = kill.max(*worst);
            }
            // The victim may be gone already.
            match killer.query(&format!("KILL {what} {id}")) {
                Ok(_) | Err(Failure::Server { .. }) => count += 1,
                Err(failure) => return Err(failure),
            }
        }
        Ok(count)
    }

    /// Visitors one after the other.
    fn visitors(&self, seed: u64, thread: u64, statements: u64) -> Result<u64, Failure> {
        let personas = personas(&self.backend);
        let mut random = Random::new(seed);
        let (mut count, mut mark) = (0, thread << 40);
        while count < statements {
            mark += 1;
            let persona = random.pick(&personas);
            count += Visitor::log_in(self, persona, &mut random, mark)?.live()?;
        }
        Ok(count)
    }

    /// Every row that was kept is there, and no other one is.
    fn audit(&self) -> Result<(), Failure> {
        for &tenant in self.backend.tenants() {
            let mut root = self.backend.root(tenant)?;
            let rows =
                root.query("SELECT mark, COUNT(*), MIN(tenant) FROM iso_all.traces GROUP BY mark")?;
            let mut found = HashMap::new();
            for row in &rows {
                let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or("");
                assert_eq!(text(2), tenant, "a row of another tenant");
                found.insert(
                    text(0).parse().unwrap_or(0_u64),
                    text(1).parse().unwrap_or(0_u32),
                );
            }
            let written = hold(&self.written);
            let own = written.iter().filter(|((of, _), _)| *of == tenant);
            let mut marks = HashSet::new();
            for ((_, mark), (count, fate)) in own {
                marks.insert(*mark);
                let seen = found.get(mark).copied().unwrap_or(0);
                if *fate == Written::Kept {
                    assert_eq!(seen, *count, "rows of client {mark} of {tenant}");
                }
            }
            let strange: Vec<_> = found.keys().filter(|mark| !marks.contains(mark)).collect();
            assert!(
                strange.is_empty(),
                "rows of nobody in {tenant}: {strange:?}"
            );
        }
        Ok(())
    }
}

fn nobody_sees_anything_of_another(kind: Kind, mode: &'static str) -> Result<(), Failure> {
    // One at a time: each of them is to have the machine, and the accounts, to itself.
    static TURN: Mutex<()> = Mutex::new(());
    let (_timer, _turn) = (Timer::start(), hold(&TURN));
    let backend = Backend::start(kind, mode)?;
    set_up(&backend)?;
    let world = Arc::new(World {
        backend,
        mode,
        ids: Mutex::default(),
        victims: Mutex::default(),
        written: Mutex::default(),
        forgiven: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    });
    let long = std::env::var_os("ODP_LONG").is_some();
    let (threads, each) = match (long, kind) {
        (true, Kind::Sandbox) => (THREADS_MAX as u64, 20_000),
        (true, Kind::Engine) => (THREADS_MAX as u64, 12_000),
        (false, _) => (8, 500),
    };
    let seed = seed();
    println!("ODP_SEED={seed} {kind:?} {mode}");
    let killer = {
        let world = Arc::clone(&world);
        std::thread::spawn(move || world.kill_some(Random::new(seed)))
    };
    let running: Vec<_> = (1..=threads)
        .map(|thread| {
            let world = Arc::clone(&world);
            let own = seed.wrapping_mul(2 * thread + 1);
            std::thread::spawn(move || world.visitors(own, thread, each))
        })
        .collect();
    let ends: Vec<_> = running
        .into_iter()
        .map(|thread| thread.join().expect("no thread panics"))
        .collect();
    world.is_over.store(true, Relaxed);
    let kills = killer.join().expect("no thread panics")?;
    let mut statements = 0;
    for end in ends {
        statements +=
            end.map_err(|failure| Failure::answer(failure.to_string(), world.backend.evidence()))?;
    }
    world.audit()?;
    let metrics = world.backend.metrics()?;
    let reused = total(&metrics, "odp_pool_reused");
    let forgiven = world.forgiven.load(Relaxed);
    println!(
        "{statements} statements, {reused} server sessions lent again, {kills} kills that {forgiven} \
         clients noticed"
    );
    assert!(reused > 0.0, "nothing was shared:\n{metrics}");
    Ok(())
}

fn seed() -> u64 {
    let given = std::env::var("ODP_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::from(now.subsec_nanos())
    })
}

/// The sum of a metric over its labels.
fn total(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter(|line| line.starts_with(name));
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// `ER_QUERY_INTERRUPTED`, the end of a killed statement.
const INTERRUPTED: u16 = 1317;
/// What the statement of a killed session ends in: the server's words, those of the proxy about a server
/// session that ended or did not come about, and about a connection that was killed.
const KILLED: [u16; 6] = [4401, 5066, 0x271E, 1927, 1053, 4012];
/// Clients at once in the longer form.
const THREADS_MAX: usize = 16;
