//! Many clients with a mixed load: point selects, writes, transactions; each notes what it saw.

use crate::clients::Account;
use crate::mysql::Connection;
use crate::{Failure, wait};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It logged in.
    Login,
    /// A point select outside of a transaction.
    Read,
    /// An update outside of a transaction.
    Write,
    /// A statement of a transaction.
    Transaction,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Fine,
    /// By an error packet: code and text.
    Error(u16, String),
    /// Without an answer: the connection broke, or nothing came in time.
    Nothing(String),
    /// With more than one answer, or with that to another statement.
    TooMuch(String),
}

/// One statement or login of one client.
#[derive(Debug, Clone)]
pub struct Event {
    /// Whose it was, from 0.
    pub client: usize,
    /// What it was.
    pub deed: Deed,
    /// When it was begun.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: End,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    events: Arc<Mutex<Vec<Event>>>,
    threads: Vec<JoinHandle<()>>,
}

/// Rows of the table that the clients work on; each client has its own.
const ROWS: usize = 1024;

impl Load {
    /// Creates the table and lets `clients` work on it, each with a pause between two deeds.
    ///
    /// # Errors
    /// When the table cannot be created.
    pub fn start(
        account: Account<'static>,
        clients: usize,
        pause: Duration,
    ) -> Result<Self, Failure> {
        let mut session = Connection::login(account.port, account.user, account.password)?;
        session.query("USE test")?;
        session.query(
            "CREATE TABLE mixed (id INT PRIMARY KEY, v INT) PARTITION BY HASH(id) PARTITIONS 12",
        )?;
        let rows: Vec<_> = (0..ROWS).map(|id| format!("({id}, 0)")).collect();
        session.query(&format!("INSERT INTO mixed VALUES {}", rows.join(", ")))?;
        let (stop, events) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
        let threads = (0..clients)
            .map(|number| {
                let client = Client {
                    account,
                    number,
                    clients,
                    pause,
                    stop: Arc::clone(&stop),
                    events: Arc::clone(&events),
                };
                std::thread::spawn(move || client.work())
            })
            .collect();
        Ok(Self {
            stop,
            events,
            threads,
        })
    }

    /// What was seen since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut lock(&self.events))
    }

    /// Ends the clients.
    ///
    /// # Errors
    /// When a client has panicked.
    pub fn stop(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |thread: JoinHandle<()>| thread.join().is_err();
        let count = self
            .threads
            .into_iter()
            .filter_map(|thread| panicked(thread).then_some(()))
            .count();
        if count > 0 {
            return Err(Failure::answer("the clients", format!("{count} panicked")));
        }
        Ok(())
    }
}

struct Client {
    account: Account<'static>,
    number: usize,
    clients: usize,
    pause: Duration,
    stop: Arc<AtomicBool>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Client {
    fn work(&self) {
        let mut round = self.number;
        while !self.stop.load(Ordering::Relaxed) {
            let Some(mut session) = self.login() else {
                wait::pause(self.pause);
                continue;
            };
            while !self.stop.load(Ordering::Relaxed) {
                round += 1;
                if self.round(&mut session, round).is_none() {
                    break;
                }
                wait::pause(self.pause);
                if session.has_unasked().is_ok_and(|found| found) {
                    let what = "something came after the answer".to_owned();
                    self.put(deed(round), Instant::now(), End::TooMuch(what));
                    break;
                }
            }
        }
    }

    fn login(&self) -> Option<Connection> {
        let login = || {
            let account = self.account;
            let mut session = Connection::login(account.port, account.user, account.password)?;
            session.limit(PATIENCE)?;
            session.query("USE test")?;
            Ok(session)
        };
        self.note(Deed::Login, login).and_then(Result::ok)
    }

    /// One read, write or transaction; none when the connection is of no more use.
    fn round(&self, session: &mut Connection, round: usize) -> Option<()> {
        let rows = ROWS / self.clients;
        let id = (round % rows) * self.clients + self.number;
        let read = format!("SELECT id, v FROM mixed WHERE id = {id}");
        let write = format!("UPDATE mixed SET v = v + 1 WHERE id = {id}");
        match deed(round) {
            Deed::Read => {
                let Ok(rows) = self.note(Deed::Read, || session.query(&read))? else {
                    return Some(());
                };
                let own = rows.first().and_then(|row| row.first()?.clone());
                if own != Some(id.to_string()) {
                    let what = format!("row {id} was asked for, and the answer was {rows:?}");
                    self.put(Deed::Read, Instant::now(), End::TooMuch(what));
                    return None;
                }
            }
            Deed::Write => {
                self.note(Deed::Write, || session.query(&write))?.ok();
            }
            Deed::Login | Deed::Transaction => {
                let statements = ["BEGIN", &read, &write, "COMMIT"];
                let mut results = statements.iter();
                loop {
                    let Some(statement) = results.next() else {
                        return Some(());
                    };
                    let done = self.note(Deed::Transaction, || session.query(statement))?;
                    if done.is_err() {
                        // As every client does: what is left of the transaction is given up.
                        self.note(Deed::Transaction, || session.query("ROLLBACK"))?
                            .ok();
                        return Some(());
                    }
                }
            }
        }
        Some(())
    }

    /// None when there was no answer.
    fn note<T>(
        &self,
        deed: Deed,
        act: impl FnOnce() -> Result<T, Failure>,
    ) -> Option<Result<T, Failure>> {
        let began = Instant::now();
        let result = act();
        let end = match &result {
            Ok(_) => End::Fine,
            Err(Failure::Server { code, text, .. }) => End::Error(*code, text.clone()),
            Err(failure) => End::Nothing(failure.to_string()),
        };
        let is_over = matches!(end, End::Nothing(_));
        self.put(deed, began, end);
        (!is_over).then_some(result)
    }

    fn put(&self, deed: Deed, began: Instant, end: End) {
        lock(&self.events).push(Event {
            client: self.number,
            deed,
            began,
            took: began.elapsed(),
            end,
        });
    }
}

/// What a client does in this round.
fn deed(round: usize) -> Deed {
    match round % 10 {
        0..=5 => Deed::Read,
        6..=8 => Deed::Write,
        _ => Deed::Transaction,
    }
}

fn lock(events: &Mutex<Vec<Event>>) -> MutexGuard<'_, Vec<Event>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
