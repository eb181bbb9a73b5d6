//! The rounds over the cluster, from the first contact to the end of the process.

use crate::detector::{Detector, while_alive};
use crate::dialect::Asked;
use crate::handle::{Inbox, Shared};
use crate::worker::{Queue, Worker};
use crate::{
    DiscoveryConfig, DiscoveryError, DiscoveryState, Handle, MetadataSource, MetadataState,
    PoolSource, cluster,
};
use odp_cluster::{Server, ServerAddr, ServerState};
use odp_routing::{ClusterView, Detected, Detection, Metadata, Router};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// The wait after the first failed round; doubled by each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest wait after a failed round.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// The shortest time between two rounds that sessions ask for.
const MIN_ROUND_INTERVAL: Duration = Duration::from_secs(1);
/// Bounds the number of servers tried in one round.
const MAX_CANDIDATES: usize = 64;

/// Keeps a [`Router`]'s picture of one cluster fresh.
#[derive(Debug)]
pub struct Discovery<S: MetadataSource = PoolSource> {
    router: Arc<Router>,
    config: DiscoveryConfig,
    source: S,
    shared: Arc<Shared>,
    inbox: Inbox,
}

impl Discovery {
    /// Discovery over `OBServer`s, and the handle for the sessions.
    #[must_use]
    pub fn new(router: Arc<Router>, config: DiscoveryConfig) -> (Self, Handle) {
        let source = PoolSource::new(&config);
        Self::with_source(router, config, source)
    }
}

impl<S: MetadataSource> Discovery<S> {
    /// Discovery over any source.
    #[must_use]
    pub fn with_source(router: Arc<Router>, config: DiscoveryConfig, source: S) -> (Self, Handle) {
        let (handle, inbox) = Handle::new(&config);
        let discovery = Self {
            router,
            config,
            source,
            shared: handle.shared(),
            inbox,
        };
        (discovery, handle)
    }

    /// Runs until `shutdown`; then those who wait for a location are let go.
    pub async fn run(self, shutdown: CancellationToken) {
        let queue = Queue::from(Mutex::new(self.inbox.lookups));
        let worker = |rotation| Worker {
            source: &self.source,
            router: &self.router,
            shared: Arc::clone(&self.shared),
            // The answer "failed" is to be there before those who wait go on without it.
            limit: self.config.lookup_timeout * 9 / 10,
            connection: None,
            rotation,
        };
        let (mut first, mut second, mut third) = (worker(0), worker(1), worker(2));
        let mut rounds = Rounds {
            source: &self.source,
            router: &self.router,
            config: &self.config,
            shared: &self.shared,
            connection: None,
        };
        let mut detector = Detector {
            source: &self.source,
            router: &self.router,
            detection: Detection::new(self.config.detection),
            evidence: self.inbox.reports,
            timeout: self.config.detect_timeout,
        };
        // Large, and made once.
        let work = Box::pin(async {
            tokio::join!(
                rounds.run(),
                detector.run(),
                first.run(&queue),
                second.run(&queue),
                third.run(&queue)
            )
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = work => {}
        }
        self.shared.complete_all();
    }
}

/// The rounds over the cluster's state.
struct Rounds<'a, S: MetadataSource> {
    source: &'a S,
    router: &'a Router,
    config: &'a DiscoveryConfig,
    shared: &'a Shared,
    connection: Option<(ServerAddr, Asked<S::Connection>)>,
}

impl<S: MetadataSource> Rounds<'_, S> {
    async fn run(&mut self) {
        if !self.config.has_metadata {
            self.serve_list();
            self.succeeded(MetadataState::NotAsked, None);
            return std::future::pending().await;
        }
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            let wait = match self.round().await {
                Ok((addr, view)) => {
                    backoff = FIRST_BACKOFF;
                    self.publish(view);
                    self.router.set_foreign(None);
                    self.succeeded(MetadataState::Connected(addr), None);
                    jitter(self.config.server_state_refresh_interval)
                }
                Err((Some(addr), error)) if error.is_lack_of_metadata() => {
                    backoff = FIRST_BACKOFF;
                    tracing::warn!(%error, "no metadata: serving the rootservice list without locations");
                    self.serve_list();
                    self.router.set_foreign(None);
                    self.succeeded(MetadataState::Refused(addr), Some(&error));
                    jitter(self.config.server_state_refresh_interval)
                }
                Err((_, error)) => {
                    tracing::warn!(%error, "no server of the cluster answers");
                    self.router.set_foreign(error.foreign());
                    self.failed(&error);
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                    continue;
                }
            };
            // A wish for a round is granted at once, but not more often than the shortest interval.
            if timeout_at(started + wait, self.shared.round_wanted())
                .await
                .is_ok()
            {
                sleep_until(started + MIN_ROUND_INTERVAL).await;
            }
        }
    }

    /// Asks the servers in turn until one has answered. A server that refuses the metadata login or
    /// lacks the views counts only when no other one does better.
    async fn round(
        &mut self,
    ) -> Result<(ServerAddr, ClusterView), (Option<ServerAddr>, DiscoveryError)> {
        let mut worst = (None, DiscoveryError::EmptyList);
        for addr in self.candidates() {
            match while_alive(self.router, addr, self.ask(addr)).await {
                Ok(view) => return Ok((addr, view)),
                Err(error) => {
                    tracing::debug!(%addr, %error, "a server did not tell the cluster's state");
                    self.connection = None;
                    if error.weight() > worst.1.weight() {
                        worst = (Some(addr), error);
                    }
                }
            }
        }
        Err(worst)
    }

    async fn ask(&mut self, addr: ServerAddr) -> Result<ClusterView, DiscoveryError> {
        let mut connection = match self.connection.take() {
            Some((to, connection)) if to == addr => connection,
            _ => Asked::new(self.source.open(addr).await?).await?,
        };
        let expected = self.config.cluster_name.as_ref();
        let view = cluster::load(&mut connection, addr, expected).await?;
        if let Some(expected) = expected.filter(|_| self.config.is_name_checked)
            && view.name != *expected
        {
            return Err(DiscoveryError::WrongCluster {
                addr,
                found: view.name,
                expected: expected.clone(),
            });
        }
        self.connection = Some((addr, connection));
        Ok(view)
    }

    /// The server that answered last, then those in service, then the rootservice list and the
    /// servers seen last, then the rest.
    fn candidates(&self) -> Vec<ServerAddr> {
        let view = self.router.view();
        let connected = self.connection.iter().map(|(addr, _)| *addr);
        let connected = connected.filter(|&addr| self.router.vital(addr) == Detected::Alive);
        let in_state = |serves| {
            let servers = view.servers.iter();
            let view = &view;
            servers
                .filter(move |server| self.is_likely_to_answer(view, server) == serves)
                .map(|server| server.addr)
        };
        let mut candidates = Vec::new();
        let all = connected
            .chain(in_state(true))
            .chain(self.config.rootservice_list.iter().copied())
            .chain(self.config.remembered.iter().copied())
            .chain(in_state(false));
        for addr in all {
            if !candidates.contains(&addr) && candidates.len() < MAX_CANDIDATES {
                candidates.push(addr);
            }
        }
        candidates
    }

    fn is_likely_to_answer(&self, view: &ClusterView, server: &Server) -> bool {
        view.serves(server) && self.router.vital(server.addr) == Detected::Alive
    }

    fn publish(&self, mut view: ClusterView) {
        let old = self.router.view();
        view.version = old.version;
        if *old != view {
            view.version += 1;
            tracing::info!(
                cluster = %view.name,
                servers = view.servers.len(),
                tenants = view.tenants.len(),
                version = view.version,
                "the cluster's state"
            );
            self.router.set_view(view, Instant::now().into_std());
        }
    }

    /// Serves the servers of the list, unless the cluster's own state is known from before.
    fn serve_list(&self) {
        if self.router.view().metadata == Metadata::Available {
            return;
        }
        let server = |&addr| Server {
            addr,
            zone: odp_cluster::ZoneName::default(),
            state: ServerState::Active,
        };
        self.publish(ClusterView {
            servers: self.config.rootservice_list.iter().map(server).collect(),
            metadata: Metadata::Unavailable,
            ..ClusterView::default()
        });
    }

    fn succeeded(&self, metadata: MetadataState, error: Option<&DiscoveryError>) {
        self.shared.set_state(DiscoveryState {
            metadata,
            last_error: error.map(DiscoveryError::to_string),
            rounds: self.shared.state().rounds + 1,
            failed_rounds: 0,
        });
    }

    fn failed(&self, error: &DiscoveryError) {
        let old = self.shared.state();
        self.shared.set_state(DiscoveryState {
            metadata: match old.metadata {
                MetadataState::Connecting => MetadataState::Connecting,
                _ => MetadataState::Lost,
            },
            last_error: Some(error.to_string()),
            failed_rounds: old.failed_rounds + 1,
            ..*old
        });
    }
}

/// A random part of `interval`, from half to the whole, so that many proxies do not ask at once.
fn jitter(interval: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 1000;
    let thousandths = u32::try_from(random).unwrap_or_default();
    interval / 2 + interval / 2 * thousandths / 1000
}

#[cfg(test)]
mod tests;
