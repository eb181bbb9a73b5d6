//! Connects again and again as fast as it goes, as load balancers and short-lived clients do.

use crate::clients::Account;
use crate::mysql::{Connection, greeting};
use crate::{Failure, wait};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running loop.
#[derive(Debug)]
pub struct ConnectLoop {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    started: Instant,
    threads: Vec<JoinHandle<()>>,
}

/// What became of the connections.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Connections that were tried.
    pub connects: u64,
    /// Those of them that went on to a login which succeeded.
    pub logins: u64,
    /// Those that ended before the greeting came.
    pub cut: u64,
    /// Everything else that went wrong: refused connects, refused or broken logins.
    pub refused: Vec<String>,
}

impl ConnectLoop {
    /// Connects and reads the greeting.
    #[must_use]
    pub fn start(port: u16) -> Self {
        Self::run(move |_| (false, greeting(port).map(drop)), 1)
    }

    /// Connects and reads the greeting; every tenth connection logs in.
    #[must_use]
    pub fn with_logins(account: Account<'static>, threads: usize) -> Self {
        let connect = move |round: u64| {
            if round.is_multiple_of(10) {
                let login = Connection::login(account.port, account.user, account.password);
                (true, login.map(drop))
            } else {
                (false, greeting(account.port).map(drop))
            }
        };
        Self::run(connect, threads)
    }

    fn run(
        connect: impl Fn(u64) -> (bool, Result<(), Failure>) + Clone + Send + 'static,
        threads: usize,
    ) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
        let threads = (0..threads)
            .map(|_| {
                let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
                let connect = connect.clone();
                std::thread::spawn(move || {
                    let mut round = 0;
                    while !stop.load(Ordering::Relaxed) {
                        round += 1;
                        let (is_login, result) = connect(round);
                        lock(&seen).note(is_login, result);
                    }
                })
            })
            .collect();
        Self {
            stop,
            seen,
            started: Instant::now(),
            threads,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Connects per second so far.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let connects = u32::try_from(self.seen().connects).unwrap_or(u32::MAX);
        f64::from(connects) / self.started.elapsed().as_secs_f64()
    }

    /// Waits until the loop has connected `more` times from now on.
    ///
    /// # Errors
    /// When it has not within the limit.
    pub fn wait_for(&self, more: u64, limit: Duration) -> Result<(), Failure> {
        let goal = self.seen().connects + more;
        let what = format!("{more} more connects");
        wait::until_true(&what, limit, || self.seen().connects >= goal)
    }

    /// Ends the loop and gives all that it saw.
    #[must_use]
    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().ok();
        }
        lock(&self.seen).clone()
    }
}

impl Seen {
    fn note(&mut self, is_login: bool, result: Result<(), Failure>) {
        self.connects += 1;
        match result {
            Ok(()) => self.logins += u64::from(is_login),
            Err(Failure::Io { what, .. }) if what.starts_with("read") && !is_login => self.cut += 1,
            Err(failure) => self.refused.push(failure.to_string()),
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
