//! One simulated OBServer: a listener, its sessions and its counts.

use crate::catalogue::Catalogue;
use crate::engine::write_queue::WriteQueue;
use crate::error::SimulatorError;
use crate::registry::Registry;
use crate::session::Session;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The stack of a session's thread, in bytes.
const STACK: usize = 1 << 20;

/// What the nodes of one process have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) registry: Registry,
    pub(crate) cluster: String,
    pub(crate) cluster_id: String,
    pub(crate) lock_wait: Duration,
    queues: Mutex<HashMap<String, Arc<WriteQueue>>>,
}

impl Shared {
    /// Over a catalogue that exists.
    pub(crate) fn new(catalogue: Catalogue) -> Result<Arc<Self>, SimulatorError> {
        let wait = catalogue
            .setting("lock_wait_timeout_ms")?
            .parse()
            .unwrap_or(50_000);
        Ok(Arc::new(Self {
            registry: Registry::default(),
            cluster: catalogue.setting("cluster")?,
            cluster_id: catalogue.setting("cluster_id")?,
            lock_wait: Duration::from_millis(wait),
            queues: Mutex::default(),
            catalogue: Arc::new(catalogue),
        }))
    }

    /// The writers' queue of a tenant.
    pub(crate) fn queue(&self, tenant: &str) -> Arc<WriteQueue> {
        Arc::clone(
            self.queues
                .lock()
                .entry(tenant.to_ascii_lowercase())
                .or_default(),
        )
    }
}

/// Where a statement ran, from the view of its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// On the leader.
    Hit,
    /// On another server.
    Miss,
    /// It touches no user table, or only execution can tell.
    Unknown,
}

/// One simulated `OBServer`.
#[derive(Debug)]
pub struct Node {
    /// 1 and up; the id in `DBA_OB_SERVERS`.
    pub(crate) id: i64,
    pub(crate) shared: Arc<Shared>,
    addr: SocketAddr,
    statements: AtomicU64,
    leader_hits: AtomicU64,
    leader_misses: AtomicU64,
    sessions: AtomicU32,
    stopping: AtomicBool,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl Node {
    /// Opens the node with index `index` (from 0) of the cluster whose data is in `dir` and serves
    /// `listener` in threads of their own, for a cluster that runs one process a node.
    ///
    /// # Errors
    /// [`SimulatorError`] when the data directory is no cluster's.
    pub fn run(
        dir: &Path,
        index: usize,
        listener: TcpListener,
    ) -> Result<Arc<Self>, SimulatorError> {
        let shared = Shared::new(Catalogue::open(dir)?)?;
        let node = Self::new(
            shared,
            i64::try_from(index).unwrap_or(0) + 1,
            listener.local_addr()?,
        );
        node.serve(listener)?;
        Ok(node)
    }

    pub(crate) fn new(shared: Arc<Shared>, id: i64, addr: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            id,
            shared,
            addr,
            statements: AtomicU64::new(0),
            leader_hits: AtomicU64::new(0),
            leader_misses: AtomicU64::new(0),
            sessions: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
            acceptor: Mutex::default(),
        })
    }

    /// The address that the node listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Statements, leader hits and leader misses since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (
            read(&self.statements),
            read(&self.leader_hits),
            read(&self.leader_misses),
        )
    }

    pub(crate) fn count(&self, placement: Placement) {
        let counter = match placement {
            Placement::Hit => &self.leader_hits,
            Placement::Miss => &self.leader_misses,
            Placement::Unknown => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepts connections until [`Node::stop`].
    pub(crate) fn serve(self: &Arc<Self>, listener: TcpListener) -> Result<(), SimulatorError> {
        self.stopping.store(false, Ordering::SeqCst);
        let node = Arc::clone(self);
        let name = format!("observer-{}", self.id);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || node.accept(&listener))?;
        *self.acceptor.lock() = Some(thread);
        Ok(())
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            match accepted {
                Ok((stream, peer)) => self.welcome(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, node = self.id, "a simulated server cannot accept");
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }

    fn welcome(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let sequence = self.sessions.fetch_add(1, Ordering::Relaxed) & 0xF_FFFF;
        let node_bits = u32::try_from(self.id & 0x3FF).unwrap_or(0) << 20;
        let session_id = 0xC000_0000 | node_bits | sequence;
        let node = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(
                move || match Session::serve(node, session_id, stream, peer) {
                    Ok(()) => {}
                    Err(error) => tracing::debug!(%error, %peer, "a simulated session ended"),
                },
            );
        if let Err(error) = spawned {
            tracing::warn!(%error, "a simulated server has no thread for a session");
        }
    }

    /// Stops accepting and closes every session of this node, as a killed server does.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees the flag; refused means that it has ended already.
        TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)).ok();
        if let Some(thread) = self.acceptor.lock().take() {
            // A panic of the acceptor has ended it as well.
            thread.join().ok();
        }
        for session in self.shared.registry.all() {
            if session.node == self.id {
                session.kill();
            }
        }
    }
}
