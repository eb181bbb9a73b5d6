//! What all sessions of one worker thread share.

use crate::attempts::Attempts;
use crate::borrow::ServerPools;
use crate::known_logins::KnownLogins;
use crate::lifecycle::Lifecycle;
use crate::login_variables::VariableSets;
use crate::{Counters, Kills, ServerVersion, SessionIds, Settings};
use odp_pool::{Credentials, PoolSettings};
use odp_routing::{Desk, Evidence, Observation, Refresh, Route, Router, Sign, TableKey, Wait};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Where a session asks for a location that the router does not have.
pub trait Lookup {
    /// Fetches the location of `key`; completes when the router knows it or the attempt failed.
    fn lookup(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>>;

    /// Asks for a fresh location of `key` in the background.
    fn refresh(&self, key: &TableKey);

    /// Completes when no location of `key` is being fetched.
    fn settled(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>>;

    /// Reports what was noticed about a server to whoever judges.
    fn report(&self, evidence: Evidence);

    /// Asks for the state of the servers before the next regular round.
    fn refresh_cluster(&self);
}

/// What all sessions of one worker thread share.
pub struct Context {
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Where statements go.
    pub router: Desk,
    /// Where locations come from.
    pub lookup: Rc<dyn Lookup>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// The variables of logins, shared by sessions.
    pub variable_sets: RefCell<VariableSets>,
    /// What logins bring that need no server session.
    pub known_logins: RefCell<KnownLogins>,
    /// What the servers' greetings say.
    pub server_version: ServerVersion,
    /// Connection ids, and where their sessions are.
    pub ids: Arc<SessionIds>,
    /// The connections that kill.
    pub kills: Kills,
    /// Whether sessions go on.
    pub lifecycle: watch::Receiver<Lifecycle>,
    /// Server sessions that clients share.
    pub pools: Arc<ServerPools>,
    /// What is known of the clients' accounts.
    pub credentials: Arc<Credentials>,
    /// The number of this worker.
    pub thread: usize,
    /// What goes on after a client has left.
    pub tasks: TaskTracker,
}

impl Context {
    /// That of a worker without others, which knows nothing yet.
    #[must_use]
    pub fn alone(
        settings: Settings,
        router: Arc<Router>,
        lookup: Rc<dyn Lookup>,
        lifecycle: watch::Receiver<Lifecycle>,
    ) -> Self {
        /// The default of `credential_refresh_interval`.
        const REFRESH: Duration = Duration::from_secs(15);
        Self {
            ids: SessionIds::new(settings.proxy_id, 0),
            settings: Arc::new(settings),
            router: Desk::new(router, 0),
            lookup,
            counters: Arc::default(),
            variable_sets: RefCell::default(),
            known_logins: RefCell::default(),
            server_version: ServerVersion::default(),
            kills: Kills::default(),
            lifecycle,
            pools: ServerPools::new(PoolSettings::default()),
            credentials: Credentials::new(REFRESH),
            thread: 0,
            tasks: TaskTracker::new(),
        }
    }

    /// Whether sessions end, so that nothing need be kept for the next.
    pub(crate) fn is_draining(&self) -> bool {
        *self.lifecycle.borrow() != Lifecycle::Serving
    }

    /// Hands an observation to the router and passes on what follows from it.
    pub(crate) fn learn(&self, route: &Route, observation: Observation) {
        let learned = self.router.learn(route, observation, StdInstant::now());
        if let Some(table) = &learned.refresh {
            self.lookup.refresh(table);
        }
        if learned.probe {
            self.lookup.report(Evidence {
                server: route.server,
                sign: Sign::Broken,
            });
        }
        if learned.refresh_cluster {
            self.lookup.refresh_cluster();
        }
    }

    /// How often one login or statement may be tried.
    pub(crate) fn max_attempts(&self) -> usize {
        let servers = self.router.router().view().servers.len();
        Attempts::limit(self.settings.max_attempts, servers)
    }

    /// Waits for the refresh of a location, as long as the router would.
    pub(crate) async fn wait(&self, wait: Wait) {
        if wait.refresh == Refresh::Claimed {
            self.lookup.refresh(&wait.table);
        }
        let settled = self.lookup.settled(wait.table);
        // Late, the old location serves.
        tokio::time::timeout(wait.limit, settled).await.ok();
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
