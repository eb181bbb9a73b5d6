//! The router: the one object that all threads ask where a statement goes.

use crate::blacklist::{Blacklist, Errand};
use crate::choice::{Choice, Effects};
use crate::decide::Decider;
use crate::locations::{Locations, Recent, Source};
use crate::policy::facts::Facts;
use crate::reason::ReasonCounters;
use crate::{
    Altered, ClusterView, Decision, Detected, Explanation, ForeignServer, FormerLocation,
    FormerStanding, Learned, Lookup, Observation, PolicySettings, Request, Route, RouteReason,
    RouterLimits, ServerStanding, TableKey,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use odp_cluster::ServerAddr;
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Knows the cluster, the locations and the blacklist; shared by all threads.
#[derive(Debug)]
pub struct Router {
    limits: RouterLimits,
    settings: PolicySettings,
    picture: ArcSwap<Picture>,
    locations: Locations,
    reasons: ReasonCounters,
    /// Those of the desks, which may be gone by now.
    desks: Mutex<Vec<Arc<ReasonCounters>>>,
    rotation: AtomicUsize,
    /// The servers that the operator has taken out, in the cluster or not.
    drained: Mutex<Vec<ServerAddr>>,
    /// The server that kept the last round over the cluster from knowing anything.
    foreign: ArcSwapOption<ForeignServer>,
}

/// A view with the records of its servers, so that a reader sees both of one moment.
#[derive(Debug, Default)]
struct Picture {
    view: Arc<ClusterView>,
    facts: Facts,
    blacklist: Blacklist,
}

impl Router {
    /// A router that knows no server yet, with `OBProxy`'s default policies.
    #[must_use]
    pub fn new(limits: RouterLimits) -> Self {
        Self::with_policies(limits, PolicySettings::default())
    }

    /// A router that knows no server yet.
    #[must_use]
    pub fn with_policies(limits: RouterLimits, settings: PolicySettings) -> Self {
        Self {
            limits,
            settings,
            picture: ArcSwap::default(),
            locations: Locations::default(),
            reasons: ReasonCounters::default(),
            desks: Mutex::default(),
            rotation: AtomicUsize::default(),
            drained: Mutex::default(),
            foreign: ArcSwapOption::default(),
        }
    }

    /// The newest picture of the cluster.
    #[must_use]
    pub fn view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.picture.load().view)
    }

    /// Replaces the picture of the cluster; for discovery only, which is the one caller.
    pub fn set_view(&self, view: ClusterView, now: Instant) {
        let drained = self.drained.lock();
        let blacklist = self.picture.load().blacklist.for_view(&view, now);
        blacklist.set_drained(&drained);
        self.picture.store(Arc::new(Picture {
            facts: Facts::of(&view, &self.settings),
            view: Arc::new(view),
            blacklist,
        }));
    }

    /// Takes down whether the last round over the cluster found another one; for discovery only.
    pub fn set_foreign(&self, foreign: Option<ForeignServer>) {
        self.foreign.store(foreign.map(Arc::new));
    }

    /// The server because of which no cluster is known.
    #[must_use]
    pub fn foreign(&self) -> Option<Arc<ForeignServer>> {
        self.foreign.load_full()
    }

    /// Chooses the server for a statement. Allocates nothing when the location is known. Threads that
    /// decide often have a [`crate::Desk`].
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Instant) -> Decision {
        let rotation = self.rotation.fetch_add(1, Ordering::Relaxed);
        let decision = self.with_decider(request, None, rotation, Effects::Claim, now, |decider| {
            decider.decide_and_mark()
        });
        self.reasons.count_decision(&decision);
        decision
    }

    /// How the next decision on `request` would be made. Changes nothing, and counts nothing.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>, now: Instant) -> Explanation {
        let rotation = self.rotation.load(Ordering::Relaxed);
        self.with_decider(request, None, rotation, Effects::None, now, |decider| {
            decider.explain()
        })
    }

    /// Takes in what came of a route: the one place that judges servers and locations.
    pub fn learn(&self, route: &Route, observation: Observation, now: Instant) -> Learned {
        self.learn_from(route, observation, None, now)
    }

    pub(crate) fn learn_from(
        &self,
        route: &Route,
        observation: Observation,
        recent: Option<&Recent>,
        now: Instant,
    ) -> Learned {
        let picture = self.picture.load();
        let blacklist = &picture.blacklist;
        let errand = if route.is_probe {
            Errand::Probe
        } else {
            Errand::Request
        };
        let refresh_cluster = if observation.is_failure() {
            blacklist.strike(route.server, errand, observation, &self.limits, now)
                || observation != Observation::TimedOut
        } else if observation == Observation::GivenUp {
            if route.is_probe {
                blacklist.give_up_probe(route.server, now);
            }
            false
        } else {
            blacklist.answered(route.server, errand, &self.limits, now);
            false
        };
        let source = self.source(recent, now);
        let refresh = route.table.as_ref().filter(|key| {
            if observation.shows_table_gone() && route.reason != RouteReason::NoTable {
                self.locations.forget(key);
                return false;
            }
            source.note(key, observation.confirms(route), |table| {
                observation.doubt(route, table)
            })
        });
        if let (Observation::Answered { .. }, Some(altered)) = (observation, &route.alters) {
            match &**altered {
                Altered::Table(key) => self.locations.forget(key),
                Altered::Tenant(tenant) => self.locations.mark_tenant_stale(tenant.as_str()),
            }
        }
        Learned {
            refresh: refresh.cloned(),
            refresh_cluster,
            probe: matches!(
                observation,
                Observation::ConnectFailed | Observation::ConnectionLost
            ),
        }
    }

    /// Takes in how long a server took for a plain read, from the last byte of the request to the first of
    /// the answer. A server that is far slower than its peers is preferred less where there is a choice.
    pub fn note_response_time(&self, server: ServerAddr, took: Duration, now: Instant) {
        let picture = self.picture.load();
        picture.blacklist.note_pace(server, took, &self.limits, now);
    }

    /// Takes in what probes say of a server; for discovery only. True when that is news.
    pub fn set_detected(&self, server: ServerAddr, detected: Detected, now: Instant) -> bool {
        let picture = self.picture.load();
        picture.blacklist.set_detected(server, detected, now)
    }

    /// What the probes said of a server last.
    #[must_use]
    pub fn vital(&self, server: ServerAddr) -> Detected {
        self.picture.load().blacklist.vital(server)
    }

    /// Whether a server answered any request at `moment` or later, to about a tenth of a second.
    #[must_use]
    pub fn was_heard_since(&self, server: ServerAddr, moment: Instant) -> bool {
        let picture = self.picture.load();
        picture.blacklist.was_heard_since(server, moment)
    }

    /// Puts discovery's answer for a table into the location cache.
    pub fn install(&self, key: TableKey, answer: Lookup, now: Instant) {
        self.locations.install(key, answer, &self.limits, now);
    }

    /// A copy of the location cache, what was used last first. Each entry is copied when it is asked for.
    pub fn locations(&self) -> impl Iterator<Item = FormerLocation> + use<> {
        self.locations.copies()
    }

    /// Puts back what an earlier router knew of a table; its age begins anew.
    pub fn relocate(&self, former: FormerLocation, now: Instant) {
        self.locations.restore(former, &self.limits, now);
    }

    /// Every server of the cluster with its standing.
    #[must_use]
    pub fn standings(&self, now: Instant) -> Vec<ServerStanding> {
        let picture = self.picture.load();
        picture
            .blacklist
            .standings(&picture.view, &self.limits, now)
    }

    /// Puts servers where an earlier router had them; for the start, with its view in place.
    pub fn relist(&self, former: &[FormerStanding], now: Instant) {
        let picture = self.picture.load();
        for former in former {
            picture.blacklist.relist(former, &self.limits, now);
        }
    }

    /// Takes exactly these servers out, whatever state they are in, and lets the others back.
    pub fn set_drained(&self, servers: &[ServerAddr]) {
        let mut drained = self.drained.lock();
        *drained = servers.to_vec();
        self.picture.load().blacklist.set_drained(&drained);
    }

    /// How often each reason chose a server.
    #[must_use]
    pub fn reasons(&self) -> Vec<(RouteReason, u64)> {
        let mut sums = self.reasons.read();
        for counters in self.desks.lock().iter() {
            for ((_, sum), (_, count)) in sums.iter_mut().zip(counters.read()) {
                *sum += count;
            }
        }
        sums
    }

    /// Counters for one thread.
    pub(crate) fn new_counters(&self) -> Arc<ReasonCounters> {
        let counters = Arc::new(ReasonCounters::default());
        self.desks.lock().push(Arc::clone(&counters));
        counters
    }

    pub(crate) fn with_decider<R>(
        &self,
        request: &Request<'_>,
        recent: Option<&Recent>,
        rotation: usize,
        effects: Effects,
        now: Instant,
        with: impl FnOnce(&Decider<'_>) -> R,
    ) -> R {
        let picture = self.picture.load();
        with(&Decider {
            view: &picture.view,
            facts: &picture.facts,
            settings: &self.settings,
            source: self.source(recent, now),
            choice: Choice {
                blacklist: &picture.blacklist,
                limits: &self.limits,
                request,
                rotation,
                now,
                effects,
                claimed: &Cell::new(None),
            },
        })
    }

    fn source<'a>(&'a self, recent: Option<&'a Recent>, now: Instant) -> Source<'a> {
        Source {
            locations: &self.locations,
            recent,
            limits: &self.limits,
            now,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
