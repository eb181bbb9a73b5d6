//! The load generator: clients on one thread, each sending its next statement when it has an answer.

use crate::Error;
use crate::client::Login;
use crate::statistics::Latencies;
use crate::workload::{Session, Workload};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// How many clients log in at a time.
const LOGINS_AT_ONCE: usize = 64;

/// Clients that are logged in, and the runtime that they live on.
#[derive(Debug)]
pub struct Clients {
    runtime: tokio::runtime::Runtime,
    sessions: Vec<Session>,
    login: Rc<Login>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// How long it took.
    pub elapsed: Duration,
    /// One latency for each unit of work.
    pub latencies: Latencies,
}

impl Clients {
    /// Logs `count` clients in, dealt over `addrs` in turn.
    ///
    /// # Errors
    /// When one of them cannot.
    pub fn open(
        workload: Workload,
        count: usize,
        addrs: &[SocketAddr],
        login: &Login,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("start the load generator"))?;
        let login = Rc::new(login.clone());
        let opening = async {
            let mut sessions = Vec::with_capacity(count);
            let mut tasks = JoinSet::new();
            for (number, &addr) in (1_u64..).zip(addrs.iter().cycle()).take(count) {
                if tasks.len() == LOGINS_AT_ONCE {
                    sessions.push(joined(tasks.join_next().await)?);
                }
                let login = Rc::clone(&login);
                tasks.spawn_local(
                    async move { Session::open(workload, addr, &login, number).await },
                );
            }
            while !tasks.is_empty() {
                sessions.push(joined(tasks.join_next().await)?);
            }
            Ok::<_, Error>(sessions)
        };
        let sessions = LocalSet::new().block_on(&runtime, opening)?;
        Ok(Self {
            runtime,
            sessions,
            login,
        })
    }

    /// Lets all clients work for `duration` and a little longer: each ends its transaction.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn work(&mut self, duration: Duration) -> Result<Outcome, Error> {
        let sessions = std::mem::take(&mut self.sessions);
        let login = &self.login;
        let started = Instant::now();
        let running = async {
            let mut tasks = JoinSet::new();
            for session in sessions {
                let login = Rc::clone(login);
                tasks.spawn_local(client(session, login, started + duration));
            }
            let mut done = Vec::new();
            while !tasks.is_empty() {
                done.push(joined(tasks.join_next().await)?);
            }
            Ok::<_, Error>(done)
        };
        let done = LocalSet::new().block_on(&self.runtime, running)?;
        let elapsed = started.elapsed();
        let mut latencies = Latencies::default();
        for (session, own) in done {
            self.sessions.push(session);
            latencies.add(own);
        }
        Ok(Outcome { elapsed, latencies })
    }
}

async fn client(
    mut session: Session,
    login: Rc<Login>,
    end: Instant,
) -> Result<(Session, Latencies), Error> {
    let mut latencies = Latencies::default();
    let mut before = Instant::now();
    while before < end || !session.is_between() {
        session.work(&login).await?;
        let after = Instant::now();
        latencies.note(after - before);
        before = after;
    }
    Ok((session, latencies))
}

fn joined<T>(result: Option<Result<Result<T, Error>, tokio::task::JoinError>>) -> Result<T, Error> {
    match result {
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(Error::Usage(error.to_string())),
        None => Err(Error::Usage("a client is missing".to_owned())),
    }
}
