//! One simulated OBServer: a listener, its sessions and its counts.

use crate::catalogue::Catalogue;
use crate::conditions::Conditions;
use crate::engine::write_queue::{WriteQueue, WriteTurn};
use crate::error::SimulatorError;
use crate::fault::{Fault, Place};
use crate::link::Counts;
use crate::peers::{Peers, Question};
use crate::registry::{Registry, SessionHandle, SessionRow};
use crate::seekdb::{self, SeekDb};
use crate::session::Session;
use parking_lot::Mutex;
use socket2::{Domain, SockRef, Socket, Type};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The stack of a session's thread, in bytes.
const STACK: usize = 1 << 20;

/// How long [`Node::hold`] waits for transactions to end.
const HOLD: Duration = Duration::from_secs(2);

/// What the nodes of one process have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) registry: Arc<Registry>,
    /// The nodes of other processes.
    peers: Option<Peers>,
    pub(crate) cluster: String,
    pub(crate) cluster_id: String,
    pub(crate) lock_wait: Duration,
    /// The real engine that runs the SQL, where there is one.
    seekdb: Option<SeekDb>,
    queues: Mutex<HashMap<String, Arc<WriteQueue>>>,
}

impl Shared {
    /// Over a catalogue that exists.
    pub(crate) fn new(catalogue: Catalogue) -> Result<Arc<Self>, SimulatorError> {
        Self::with_peers(catalogue, Arc::default(), None)
    }

    fn with_peers(
        catalogue: Catalogue,
        registry: Arc<Registry>,
        peers: Option<Peers>,
    ) -> Result<Arc<Self>, SimulatorError> {
        let wait = catalogue
            .setting("lock_wait_timeout_ms")?
            .parse()
            .unwrap_or(50_000);
        Ok(Arc::new(Self {
            seekdb: seekdb::of(&catalogue)?,
            registry,
            peers,
            cluster: catalogue.setting("cluster")?,
            cluster_id: catalogue.setting("cluster_id")?,
            lock_wait: Duration::from_millis(wait),
            queues: Mutex::default(),
            catalogue: Arc::new(catalogue),
        }))
    }

    /// The sessions of the whole cluster, by the server's ids.
    pub(crate) fn sessions(&self) -> Vec<SessionRow> {
        let mut rows = self.registry.rows();
        if let Some(peers) = &self.peers {
            rows.extend(peers.ask(&Question::List));
        }
        rows.sort_by_key(|row| row.identity.id);
        rows
    }

    /// Ends the running statements of these sessions, wherever they are.
    pub(crate) fn kill_queries(&self, rows: &[SessionRow]) {
        let ids: Vec<u32> = rows.iter().map(|row| row.identity.id).collect();
        self.registry.kill_queries(&ids);
        if let Some(peers) = &self.peers {
            peers.ask(&Question::KillQueries(ids));
        }
    }

    /// Ends these sessions, wherever they are, and refuses further ones of their clients.
    pub(crate) fn kill(&self, rows: Vec<SessionRow>) {
        self.registry.kill(&rows);
        if let Some(peers) = &self.peers {
            peers.ask(&Question::Kill(rows));
        }
    }

    /// Takes over what a statement has changed in the real engine's schema.
    pub(crate) fn follow_engine(&self) {
        let followed = match &self.seekdb {
            Some(engine) => engine.follow(&self.catalogue),
            None => Ok(()),
        };
        if let Err(error) = followed {
            tracing::warn!(%error, "the schema of the engine cannot be read");
        }
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
pub(crate) struct Node {
    /// 1 and up; the id in `DBA_OB_SERVERS`.
    pub(crate) id: i64,
    pub(crate) shared: Arc<Shared>,
    addr: SocketAddr,
    port: Port,
    statements: AtomicU64,
    leader_hits: AtomicU64,
    leader_misses: AtomicU64,
    sessions: AtomicU32,
    pub(crate) conditions: Arc<Conditions>,
    acceptor: Mutex<Option<Acceptor>>,
    /// No transaction may keep the storage locked.
    fenced: AtomicBool,
    /// Taken while the process is about to be stopped.
    held: Mutex<Vec<WriteTurn>>,
}

/// The thread that accepts, and what it accepts from.
#[derive(Debug)]
struct Acceptor {
    listener: Arc<TcpListener>,
    thread: JoinHandle<()>,
}

impl Node {
    /// Opens node `id` of the cluster whose data is in `dir` in a process of its own and serves it at
    /// `addr`, whose port the cluster's process keeps.
    pub(crate) fn open(dir: &Path, id: i64, addr: SocketAddr) -> Result<Arc<Self>, SimulatorError> {
        let registry = Arc::default();
        let peers = Peers::open(dir, id, &registry)?;
        let shared = Shared::with_peers(Catalogue::open(dir)?, registry, Some(peers))?;
        let node = Self::new(shared, id, addr, Port::Kept);
        node.serve(listen(addr, Port::Kept)?)?;
        Ok(node)
    }

    pub(crate) fn new(shared: Arc<Shared>, id: i64, addr: SocketAddr, port: Port) -> Arc<Self> {
        Arc::new(Self {
            id,
            shared,
            addr,
            port,
            statements: AtomicU64::new(0),
            leader_hits: AtomicU64::new(0),
            leader_misses: AtomicU64::new(0),
            sessions: AtomicU32::new(0),
            conditions: Arc::default(),
            acceptor: Mutex::default(),
            fenced: AtomicBool::new(false),
            held: Mutex::default(),
        })
    }

    /// The address that the node listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was counted since the start.
    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            statements: read(&self.statements),
            leader_hits: read(&self.leader_hits),
            leader_misses: read(&self.leader_misses),
        }
    }

    /// Whether it accepts connections.
    pub(crate) fn serves(&self) -> bool {
        self.acceptor.lock().is_some()
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

    /// Accepts connections until [`Node::stop`], or until it refuses them.
    pub(crate) fn serve(self: &Arc<Self>, listener: TcpListener) -> Result<(), SimulatorError> {
        let listener = Arc::new(listener);
        let (node, accepted) = (Arc::clone(self), Arc::clone(&listener));
        let name = format!("observer-{}", self.id);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || node.accept(&accepted))?;
        *self.acceptor.lock() = Some(Acceptor { listener, thread });
        Ok(())
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            match listener.accept() {
                Ok((stream, _)) if self.conditions.has(&Fault::Reset {}) => {
                    // Without lingering a close is an RST; a socket that cannot do so is closed anyway.
                    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).ok();
                }
                Ok((stream, peer)) => self.welcome(stream, peer),
                // A listener that was shut down.
                Err(error) if error.kind() == ErrorKind::InvalidInput => return,
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
            .spawn(move || match node.session(session_id, stream, peer) {
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, %peer, "a simulated session ended"),
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "a simulated server has no thread for a session");
        }
    }

    fn session(
        self: Arc<Self>,
        id: u32,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<(), SimulatorError> {
        let shared = Arc::clone(&self.shared);
        match &shared.seekdb {
            Some(engine) => seekdb::serve(engine, self, stream, peer),
            None => Session::serve(self, id, stream, peer),
        }
    }

    /// Stops accepting and closes every session of this node, as a killed server does.
    pub(crate) fn stop(&self) {
        self.refuse();
        self.conditions.set(Vec::new());
        for session in self.sessions() {
            session.kill();
        }
    }

    /// Closes the listener, so that connections are refused.
    fn refuse(&self) {
        let Some(acceptor) = self.acceptor.lock().take() else {
            return;
        };
        // Fails only for a socket that listens no more.
        SockRef::from(&*acceptor.listener)
            .shutdown(Shutdown::Both)
            .ok();
        // A panic of the acceptor has ended it as well.
        acceptor.thread.join().ok();
    }

    fn sessions(&self) -> impl Iterator<Item = Arc<SessionHandle>> {
        let own = |session: &Arc<SessionHandle>| session.node == self.id;
        self.shared.registry.all().into_iter().filter(own)
    }

    /// Has these faults from now on, and no others; those that are not the node's own are passed over.
    pub(crate) fn set_faults(self: &Arc<Self>, faults: &[Fault]) -> Result<(), SimulatorError> {
        let own = faults.iter().filter(|fault| fault.place() == Place::Node);
        self.conditions.set(own.cloned().collect());
        if self.conditions.has(&Fault::Refuse {}) {
            self.refuse();
        } else if self.acceptor.lock().is_none() {
            self.serve(listen(self.addr, self.port)?)?;
        }
        if self.conditions.has(&Fault::Reset {}) {
            for session in self.sessions() {
                session.reset();
            }
        }
        Ok(())
    }

    /// Takes every tenant's turn to write and keeps it, so that a process that is stopped holds no
    /// lock of the storage, which the nodes share only here.
    pub(crate) fn hold(&self) -> Result<(), SimulatorError> {
        let deadline = Instant::now() + HOLD;
        let queues: Vec<_> = self.shared.queues.lock().values().cloned().collect();
        for queue in queues {
            let turn = WriteQueue::wait(&queue, deadline, || false);
            let Some(turn) = turn else {
                self.release();
                let text = "a transaction of this server has kept the storage locked for too long";
                return Err(SimulatorError::Impossible(text.to_owned()));
            };
            self.held.lock().push(turn);
        }
        Ok(())
    }

    /// Gives back what [`Node::hold`] took, and ends what [`Node::fence`] began.
    pub(crate) fn release(&self) {
        self.fenced.store(false, Ordering::Relaxed);
        self.held.lock().clear();
    }

    /// Whether no transaction may keep the storage locked.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }

    /// Ends the sessions that keep the storage locked, and those that come to: the others take over,
    /// as they do when the lease of a leader has ended.
    pub(crate) fn fence(&self) {
        self.fenced.store(true, Ordering::Relaxed);
        for session in self.sessions() {
            if session.writing.load(Ordering::Relaxed) {
                session.kill();
            }
        }
    }
}

/// Who keeps a node's port while the node does not listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Nobody.
    Alone,
    /// A socket of the cluster's process, which never listens.
    Kept,
}

/// A listener that can be opened again at once after its server was killed.
pub(crate) fn listen(addr: SocketAddr, port: Port) -> Result<TcpListener, SimulatorError> {
    let socket = bind(addr, port)?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// A bound socket.
pub(crate) fn bind(addr: SocketAddr, port: Port) -> Result<Socket, SimulatorError> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if port == Port::Kept {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}
