//! Clients that run statements by key without a pause, each on partitions of its own.

use crate::clients::Account;
use crate::mysql::Connection;
use crate::{Failure, wait};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Running clients; they end with it.
#[derive(Debug)]
pub struct KeyedLoad {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// While it is set, no client begins a statement.
    pause: AtomicBool,
    /// Statements that each client has finished.
    finished: Vec<AtomicU64>,
    /// Clients that wait for the end of a pause.
    resting: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl KeyedLoad {
    /// Starts one client for each list of keys: it selects, updates and selects again by each of its
    /// keys in turn, all in `table`.
    ///
    /// # Errors
    /// When a client cannot log in.
    pub fn start(account: Account<'_>, table: &str, keys: Vec<Vec<u64>>) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            pause: AtomicBool::new(false),
            finished: keys.iter().map(|_| AtomicU64::new(0)).collect(),
            resting: AtomicU64::new(0),
            errors: Mutex::default(),
        });
        let mut load = Self {
            shared,
            threads: Vec::new(),
        };
        for (client, keys) in keys.into_iter().enumerate() {
            let mut connection = Connection::login(account.port, account.user, account.password)?;
            connection.query("use test")?;
            let (shared, table) = (Arc::clone(&load.shared), table.to_owned());
            load.threads.push(std::thread::spawn(move || {
                shared.run(client, &mut connection, &table, &keys);
            }));
        }
        Ok(load)
    }

    /// Waits until every client has finished so many more statements.
    ///
    /// # Errors
    /// When they have not in time.
    pub fn wait_for(&self, more: u64) -> Result<(), Failure> {
        let counts = || {
            self.shared
                .finished
                .iter()
                .map(|count| count.load(Ordering::SeqCst))
        };
        let goals: Vec<u64> = counts().map(|count| count + more).collect();
        let what = format!("{more} more statements of each client");
        wait::until(&what, LIMIT, || {
            if counts().zip(&goals).all(|(count, goal)| count >= *goal) {
                return Ok(());
            }
            Err(format!(
                "{:?} of {goals:?}, {:?}",
                counts().collect::<Vec<_>>(),
                self.errors()
            ))
        })
    }

    /// Lets no client begin another statement, and waits until all have finished theirs.
    ///
    /// # Errors
    /// When they have not in time.
    pub fn pause(&self) -> Result<(), Failure> {
        self.shared.pause.store(true, Ordering::SeqCst);
        let clients = self.threads.len() as u64;
        wait::until_true("a pause of all clients", LIMIT, || {
            self.shared.resting.load(Ordering::SeqCst) == clients
        })
    }

    /// Ends the pause.
    pub fn resume(&self) {
        self.shared.pause.store(false, Ordering::SeqCst);
    }

    /// The statements that failed so far.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.shared.lock().clone()
    }

    /// How many statements were finished so far.
    #[must_use]
    pub fn finished(&self) -> u64 {
        let counts = self.shared.finished.iter();
        counts.map(|count| count.load(Ordering::SeqCst)).sum()
    }
}

impl Drop for KeyedLoad {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn run(&self, client: usize, connection: &mut Connection, table: &str, keys: &[u64]) {
        for round in 0_u64.. {
            for key in keys {
                for sql in [
                    format!("select v from {table} where id = {key}"),
                    format!("update {table} set v = '{round}' where id = {key}"),
                    format!("select v from {table} where v <> '' and id in ({key})"),
                ] {
                    self.rest();
                    if self.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    if let Err(failure) = connection.query(&sql) {
                        self.lock().push(format!("{sql}: {failure}"));
                    }
                    if let Some(count) = self.finished.get(client) {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
    }

    fn rest(&self) {
        let waits = || self.pause.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst);
        if waits() {
            self.resting.fetch_add(1, Ordering::SeqCst);
            // Not before the end of the test, which has a limit of its own.
            wait::until_true("the end of a pause", LIMIT, || !waits()).ok();
            self.resting.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LIMIT: Duration = Duration::from_mins(1);
