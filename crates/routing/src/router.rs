//! The router: the one object that all threads ask where a statement goes.

use crate::blacklist::Blacklist;
use crate::choice::Choice;
use crate::decide::Decider;
use crate::locations::Locations;
use crate::reason::ReasonCounters;
use crate::{
    ClusterView, Decision, Learned, Lookup, Observation, Request, Route, RouteReason, RouterLimits,
    ServerStanding, TableKey,
};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Knows the cluster, the locations and the blacklist; shared by all threads.
#[derive(Debug)]
pub struct Router {
    limits: RouterLimits,
    picture: ArcSwap<Picture>,
    locations: Locations,
    reasons: ReasonCounters,
    rotation: AtomicUsize,
}

/// A view with the records of its servers, so that a reader sees both of one moment.
#[derive(Debug, Default)]
struct Picture {
    view: Arc<ClusterView>,
    blacklist: Blacklist,
}

impl Router {
    /// A router that knows no server yet.
    #[must_use]
    pub fn new(limits: RouterLimits) -> Self {
        Self {
            limits,
            picture: ArcSwap::default(),
            locations: Locations::default(),
            reasons: ReasonCounters::default(),
            rotation: AtomicUsize::default(),
        }
    }

    /// The newest picture of the cluster.
    #[must_use]
    pub fn view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.picture.load().view)
    }

    /// Replaces the picture of the cluster; for discovery only, which is the one caller.
    pub fn set_view(&self, view: ClusterView) {
        let blacklist = self.picture.load().blacklist.for_view(&view);
        self.picture.store(Arc::new(Picture {
            view: Arc::new(view),
            blacklist,
        }));
    }

    /// Chooses the server for a statement. Allocates nothing when the location is known.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Instant) -> Decision {
        let picture = self.picture.load();
        let decider = Decider {
            view: &picture.view,
            locations: &self.locations,
            limits: &self.limits,
            choice: Choice {
                blacklist: &picture.blacklist,
                limits: &self.limits,
                request,
                rotation: self.rotation.fetch_add(1, Ordering::Relaxed),
                now,
            },
        };
        let decision = decider.decide();
        if let Decision::Route(route) = &decision {
            self.reasons.count(route.reason);
        }
        decision
    }

    /// Takes in what came of a route: the one place that judges servers and locations.
    pub fn learn(&self, route: &Route, observation: Observation, now: Instant) -> Learned {
        let picture = self.picture.load();
        let blacklist = &picture.blacklist;
        let refresh_cluster = if observation.is_failure() {
            blacklist.strike(route.server, &self.limits, now)
                || observation != Observation::TimedOut
        } else {
            blacklist.answered(route.server, &self.limits, now);
            false
        };
        let stale = route.table.as_ref().filter(|_| observation.outdates(route));
        let refresh = stale.filter(|key| self.locations.mark_stale(key, &self.limits, now));
        Learned {
            refresh: refresh.cloned(),
            refresh_cluster,
        }
    }

    /// Puts discovery's answer for a table into the location cache.
    pub fn install(&self, key: TableKey, answer: Lookup, now: Instant) {
        self.locations.install(key, answer, &self.limits, now);
    }

    /// Every server of the cluster with its standing.
    #[must_use]
    pub fn standings(&self, now: Instant) -> Vec<ServerStanding> {
        let picture = self.picture.load();
        picture
            .blacklist
            .standings(&picture.view, &self.limits, now)
    }

    /// How often each reason chose a server.
    #[must_use]
    pub fn reasons(&self) -> Vec<(RouteReason, u64)> {
        self.reasons.read()
    }
}

#[cfg(test)]
mod tests;
