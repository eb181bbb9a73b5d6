//! One thread's place at the router: what it reads and counts without disturbing other threads.

use crate::choice::Effects;
use crate::locations::Recent;
use crate::reason::ReasonCounters;
use crate::{Decision, Explanation, Learned, Observation, Request, Route, Router};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

/// A thread's place at a [`Router`]. It remembers the tables that the thread has used lately and
/// counts on its own, so that threads that decide at once do not wait for each other's memory.
#[derive(Debug)]
pub struct Desk {
    router: Arc<Router>,
    recent: Recent,
    counters: Arc<ReasonCounters>,
    rotation: Cell<usize>,
}

impl Desk {
    /// A new place; `seed` tells where the thread begins in lists of equal servers.
    #[must_use]
    pub fn new(router: Arc<Router>, seed: usize) -> Self {
        Self {
            counters: router.new_counters(),
            router,
            recent: Recent::default(),
            rotation: Cell::new(seed),
        }
    }

    /// The router, which all threads share.
    #[must_use]
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// [`Router::decide`], for this thread.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, now: Instant) -> Decision {
        let rotation = self.rotation.get();
        self.rotation.set(rotation.wrapping_add(1));
        let recent = Some(&self.recent);
        let decision =
            self.router
                .with_decider(request, recent, rotation, Effects::Claim, now, |decider| {
                    decider.decide_and_mark()
                });
        self.counters.count_decision(&decision);
        decision
    }

    /// [`Router::explain`], for this thread: the same server that it would choose next.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>, now: Instant) -> Explanation {
        let (recent, rotation) = (Some(&self.recent), self.rotation.get());
        self.router
            .with_decider(request, recent, rotation, Effects::None, now, |decider| {
                decider.explain()
            })
    }

    /// [`Router::learn`], for this thread.
    pub fn learn(&self, route: &Route, observation: Observation, now: Instant) -> Learned {
        self.router
            .learn_from(route, observation, Some(&self.recent), now)
    }
}
