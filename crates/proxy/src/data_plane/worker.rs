//! A worker thread: the clients it was given, from accept to goodbye.

use super::lookup::DiscoveryLookup;
use super::pooling::Pooling;
use crate::error::Error;
use odp_discovery::Handle;
use odp_routing::{Desk, Router};
use odp_session::{Context, Counters, Kills, Lifecycle, ServerVersion, SessionIds, Settings};
use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

/// What all workers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) router: Arc<Router>,
    pub(super) discovery: Handle,
    pub(super) ids: Arc<SessionIds>,
    pub(super) pooling: Pooling,
}

/// An accepted client.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
}

/// What a worker shows to the other threads.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    /// Connections that it has, logged in or not.
    pub(super) open: AtomicUsize,
    /// Grows while the thread runs.
    pub(super) ticks: AtomicU64,
    /// What its sessions count.
    pub(super) counters: Arc<Counters>,
}

/// The control thread's hold on a worker.
pub(super) struct Worker {
    pub(super) gauges: Arc<Gauges>,
    pub(super) inbox: mpsc::Sender<Accepted>,
    /// Resolves when the inbox is closed and the last session has ended.
    pub(super) ended: oneshot::Receiver<()>,
}

impl Worker {
    /// Accepted clients that may wait for a busy worker.
    const INBOX: usize = 256;

    /// Starts the thread.
    pub(super) fn start(
        number: usize,
        shared: Shared,
        lifecycle: watch::Receiver<Lifecycle>,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let gauges = Arc::new(Gauges::default());
        let (inbox, accepted) = mpsc::channel(Self::INBOX);
        let (ending, ended) = oneshot::channel();
        let thread = Thread {
            number,
            gauges: Arc::clone(&gauges),
            accepted,
            shared,
            lifecycle,
        };
        std::thread::Builder::new()
            .name(format!("odp-worker-{number}"))
            .spawn(move || {
                LocalSet::new().block_on(&runtime, thread.run());
                // The control thread may have stopped waiting.
                ending.send(()).ok();
            })
            .map_err(Error::Runtime)?;
        Ok(Self {
            gauges,
            inbox,
            ended,
        })
    }
}

struct Thread {
    number: usize,
    gauges: Arc<Gauges>,
    accepted: mpsc::Receiver<Accepted>,
    shared: Shared,
    lifecycle: watch::Receiver<Lifecycle>,
}

impl Thread {
    const TICK: Duration = Duration::from_millis(100);

    async fn run(mut self) {
        let sessions = TaskTracker::new();
        let context = Rc::new(Context {
            settings: Arc::clone(&self.shared.settings),
            router: Desk::new(Arc::clone(&self.shared.router), self.number),
            lookup: Rc::new(DiscoveryLookup {
                discovery: self.shared.discovery.clone(),
            }),
            counters: Arc::clone(&self.gauges.counters),
            variable_sets: RefCell::default(),
            known_logins: RefCell::default(),
            server_version: ServerVersion::default(),
            ids: Arc::clone(&self.shared.ids),
            kills: Kills::new(sessions.clone()),
            lifecycle: self.lifecycle.clone(),
            pools: Arc::clone(&self.shared.pooling.pools),
            credentials: Arc::clone(&self.shared.pooling.credentials),
            thread: self.number,
            tasks: sessions.clone(),
        });
        let mut tend = std::pin::pin!(odp_session::tend(Rc::clone(&context)));
        let mut tick = tokio::time::interval(Self::TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut accepting = true;
        loop {
            tokio::select! {
                accepted = self.accepted.recv(), if accepting => {
                    if let Some(accepted) = accepted {
                        let open = Open(Arc::clone(&self.gauges));
                        sessions.spawn_local(session(accepted, open, Rc::clone(&context)));
                    } else {
                        accepting = false;
                        sessions.close();
                    }
                }
                () = sessions.wait() => break,
                never = &mut tend => match never {},
                _ = tick.tick() => {
                    self.gauges.ticks.fetch_add(1, Relaxed);
                }
            }
        }
    }
}

/// Counts a connection from its hand-over to its end, also when the session panics.
struct Open(Arc<Gauges>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
        if std::thread::panicking() {
            self.0.counters.panics.fetch_add(1, Relaxed);
        }
    }
}

async fn session(accepted: Accepted, _open: Open, context: Rc<Context>) {
    match tokio::net::TcpStream::from_std(accepted.stream) {
        Ok(stream) => odp_session::serve(stream, accepted.peer, context).await,
        Err(error) => tracing::warn!(peer = %accepted.peer, %error, "client"),
    }
}
