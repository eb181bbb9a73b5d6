//! The router: the one object that all threads ask where a statement goes.

use crate::reason::ReasonCounters;
use crate::{
    ClusterView, Decision, Learned, Lookup, NoServerReason, Observation, Request, Route,
    RouteReason, RouterLimits, ServerStanding, TableKey,
};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Instant;

/// Knows the cluster, the locations and the blacklist; shared by all threads.
#[derive(Debug)]
pub struct Router {
    limits: RouterLimits,
    view: ArcSwap<ClusterView>,
    reasons: ReasonCounters,
}

impl Router {
    /// A router that knows no server yet.
    #[must_use]
    pub fn new(limits: RouterLimits) -> Self {
        Self {
            limits,
            view: ArcSwap::default(),
            reasons: ReasonCounters::default(),
        }
    }

    /// The newest picture of the cluster.
    #[must_use]
    pub fn view(&self) -> Arc<ClusterView> {
        self.view.load_full()
    }

    /// Replaces the picture of the cluster; for discovery only.
    pub fn set_view(&self, view: ClusterView) {
        self.view.store(Arc::new(view));
    }

    /// Chooses the server for a statement.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, _now: Instant) -> Decision {
        let view = self.view.load();
        let usable = |server: &&odp_cluster::Server| !request.excluded.contains(&server.addr);
        match view.servers.iter().find(usable) {
            Some(server) => {
                self.reasons.count(RouteReason::AnyServer);
                Decision::Route(Route {
                    server: server.addr,
                    reason: RouteReason::AnyServer,
                    table: None,
                    tablet: None,
                    is_leader: false,
                    refresh: false,
                })
            }
            None => Decision::NoServer(NoServerReason::NoCluster),
        }
    }

    /// Takes in what came of a route: the one place that judges servers and locations.
    pub fn learn(&self, _route: &Route, _observation: Observation, _now: Instant) -> Learned {
        Learned::default()
    }

    /// Puts discovery's answer for a table into the location cache.
    pub fn install(&self, _key: TableKey, _answer: Lookup, _now: Instant) {}

    /// Every server of the cluster with its standing.
    #[must_use]
    pub fn standings(&self, _now: Instant) -> Vec<ServerStanding> {
        let _ = &self.limits;
        Vec::new()
    }

    /// How often each reason chose a server.
    #[must_use]
    pub fn reasons(&self) -> Vec<(RouteReason, u64)> {
        self.reasons.read()
    }
}
