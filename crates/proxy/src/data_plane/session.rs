//! Placeholder for the session crate's interface, until `odp_session::serve` exists.

use odp_cluster::{ClusterName, ProxyId, Separators, TenantName};
use odp_pool::{ConnectOptions, Keepalive, ProxyIdentity};
use odp_routing::{Router, TableKey};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::Instant;

pub(super) trait Lookup {
    fn lookup(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>>;
    fn refresh(&self, key: &TableKey);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Lifecycle {
    #[default]
    Serving,
    Draining {
        until: Instant,
    },
}

pub(super) struct Context {
    pub(super) settings: Arc<Settings>,
    pub(super) router: Arc<Router>,
    pub(super) lookup: Rc<dyn Lookup>,
    pub(super) counters: Arc<Counters>,
    pub(super) ids: Arc<SessionIds>,
    pub(super) lifecycle: watch::Receiver<Lifecycle>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) clients: AtomicI64,
    pub(super) panics: AtomicU64,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) clients: i64,
    pub(super) servers: i64,
    pub(super) in_transaction: i64,
    pub(super) pinned: i64,
    pub(super) logins: u64,
    pub(super) failed_logins: u64,
    pub(super) requests: u64,
    pub(super) failed_requests: u64,
    pub(super) partition_misses: u64,
    pub(super) lost_requests: u64,
    pub(super) panics: u64,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        Counts {
            clients: self.clients.load(Relaxed),
            panics: self.panics.load(Relaxed),
            ..Counts::default()
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.clients += other.clients;
        self.panics += other.panics;
    }
}

#[derive(Debug)]
pub(super) struct SessionIds;

impl SessionIds {
    pub(super) fn new(_proxy: ProxyId, _generation: u64) -> Arc<Self> {
        Arc::new(Self)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) version: String,
    pub(super) identity: ProxyIdentity,
    pub(super) connect: ConnectOptions,
    pub(super) client_keepalive: Keepalive,
    pub(super) separators: Separators,
    pub(super) cluster: Option<ClusterName>,
    pub(super) default_tenant: TenantName,
    pub(super) require_full_username: bool,
    pub(super) allow_proxyro: bool,
    pub(super) login_timeout: Duration,
    pub(super) query_timeout_delta: Duration,
    pub(super) max_attempts: usize,
    pub(super) max_clients: usize,
    pub(super) proxy_id: ProxyId,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: String::new(),
            identity: ProxyIdentity {
                version: String::new(),
                cluster: None,
                tell_client_addr: true,
            },
            connect: ConnectOptions::default(),
            client_keepalive: Keepalive::default(),
            separators: Separators::default(),
            cluster: None,
            default_tenant: TenantName::new("sys"),
            require_full_username: false,
            allow_proxyro: false,
            login_timeout: Duration::from_secs(10),
            query_timeout_delta: Duration::from_secs(20),
            max_attempts: 3,
            max_clients: 8192,
            proxy_id: ProxyId::new(0).expect("0 is a proxy id"),
        }
    }
}

pub(super) async fn serve(
    mut stream: tokio::net::TcpStream,
    _peer: SocketAddr,
    context: Rc<Context>,
) {
    context.counters.clients.fetch_add(1, Relaxed);
    let mut lifecycle = context.lifecycle.clone();
    let mut byte = [0];
    tokio::select! {
        _ = stream.read(&mut byte) => {}
        _ = lifecycle.wait_for(|now| *now != Lifecycle::Serving) => {}
    }
    context.counters.clients.fetch_sub(1, Relaxed);
}
