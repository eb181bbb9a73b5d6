//! A proxy in this process whose sessions are written down and taken up again at random moments.

use crate::chopper::chop;
use odp_cluster::ServerAddr;
use odp_discovery::{Discovery, DiscoveryConfig, Handle};
use odp_protocol::stream::Transport;
use odp_routing::{DetectMode, DetectionLimits, Evidence, Router, RouterLimits, TableKey};
use odp_session::{
    Amid, Context, Lifecycle, Lookup, RoutingMode, Session, SessionRecord, Settings, Transports,
};
use odp_tests::script::Random;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

/// How many sessions were handed over amid what.
pub(crate) type Handovers = BTreeMap<Amid, usize>;

/// A running proxy.
pub(crate) struct MovingProxy {
    port: u16,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Handovers>,
}

impl MovingProxy {
    /// Starts one in front of these servers on the loopback.
    pub(crate) fn start(mode: RoutingMode, servers: &[u16], seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let addr = |port: &u16| format!("127.0.0.1:{port}").parse().unwrap();
        let servers: Vec<ServerAddr> = servers.iter().map(addr).collect();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let served = serve(listener, mode, servers, seed, stopped);
            LocalSet::new().block_on(&runtime, served)
        });
        Self { port, stop, thread }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it and tells what was handed over.
    pub(crate) fn end(self) -> Handovers {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

async fn serve(
    listener: TcpListener,
    mode: RoutingMode,
    servers: Vec<ServerAddr>,
    seed: u64,
    mut stopped: oneshot::Receiver<()>,
) -> Handovers {
    let router = Arc::new(Router::new(RouterLimits::default()));
    let config = DiscoveryConfig {
        rootservice_list: servers,
        has_metadata: mode == RoutingMode::OceanBase,
        detection: DetectionLimits {
            mode: DetectMode::Off,
            ..DetectionLimits::default()
        },
        ..DiscoveryConfig::default()
    };
    let (discovery, handle) = Discovery::new(Arc::clone(&router), config);
    tokio::task::spawn_local(discovery.run(CancellationToken::new()));
    while handle.state().rounds == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = Rc::new(context(mode, router, handle, watcher));
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let handovers = Rc::new(RefCell::new(Handovers::new()));
    let mut random = Random::new(seed);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, peer) = accepted.unwrap();
                let mover = Mover {
                    context: Rc::clone(&context),
                    handovers: Rc::clone(&handovers),
                    random: Random::new(u64::from(random.below(u32::MAX))),
                    moved: Rc::default(),
                };
                tokio::task::spawn_local(mover.serve(stream, peer));
            }
            _ = &mut stopped => return handovers.take(),
        }
    }
}

/// Serves one client, by one session after the other.
struct Mover {
    context: Rc<Context>,
    handovers: Rc<RefCell<Handovers>>,
    random: Random,
    moved: Rc<Notify>,
}

impl Mover {
    async fn serve(mut self, stream: TcpStream, peer: SocketAddr) {
        let Some(mut session) = odp_session::log_in(stream, peer, &self.context).await else {
            return;
        };
        loop {
            session = self.hand_over(session);
            let pieces = self.random.below(6);
            let turns = self.random.below(4);
            tokio::select! {
                biased;
                _ = session.run(&self.context) => return,
                () = a_while(pieces, turns, &self.moved) => {}
            }
        }
    }

    /// What goes to another process: the record as bytes, and the sockets beside it.
    fn hand_over(&self, session: Session) -> Session {
        let sets = self.context.variable_sets.borrow();
        let (record, transports) = session.into_record(&sets).unwrap();
        *self
            .handovers
            .borrow_mut()
            .entry(record.amid())
            .or_default() += 1;
        let bytes = record.to_bytes().unwrap();
        drop(record);
        let chop = |transport: Transport| chop(transport, &self.moved);
        let transports = Transports {
            client: chop(transports.client),
            servers: transports.servers.into_iter().map(chop).collect(),
        };
        let read = SessionRecord::from_bytes(&bytes).unwrap();
        Session::from_record(read, transports, &sets, &self.context.ids).unwrap()
    }
}

/// Waits until so many pieces have been moved, and then some turns more.
async fn a_while(pieces: u32, turns: u32, moved: &Notify) {
    for _ in 0..=pieces {
        moved.notified().await;
    }
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

fn context(
    mode: RoutingMode,
    router: Arc<Router>,
    discovery: Handle,
    lifecycle: watch::Receiver<Lifecycle>,
) -> Context {
    let settings = Settings {
        mode,
        ..Settings::default()
    };
    Context::alone(settings, router, Rc::new(Locations(discovery)), lifecycle)
}

/// Discovery, as sessions see it.
struct Locations(Handle);

impl Lookup for Locations {
    fn lookup(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.0.lookup(key))
    }

    fn refresh(&self, key: &TableKey) {
        self.0.refresh(key.clone());
    }

    fn settled(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.0.settled(key))
    }

    fn report(&self, evidence: Evidence) {
        self.0.report(evidence);
    }

    fn refresh_cluster(&self) {
        self.0.refresh_cluster();
    }
}
