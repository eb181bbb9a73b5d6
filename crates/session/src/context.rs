//! What all sessions of one worker thread share.

use crate::lifecycle::Lifecycle;
use crate::login_variables::VariableSets;
use crate::{Counters, Kills, SessionIds, Settings};
use odp_routing::{Desk, Evidence, Observation, Refresh, Route, Sign, TableKey, Wait};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant as StdInstant;
use tokio::sync::watch;

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
    /// Connection ids, and where their sessions are.
    pub ids: Arc<SessionIds>,
    /// The connections that kill.
    pub kills: Kills,
    /// Whether sessions go on.
    pub lifecycle: watch::Receiver<Lifecycle>,
}

impl Context {
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
