//! The failures of one server within the window.

use crate::{Failures, RouterLimits};
use std::collections::VecDeque;
use std::time::Instant;

/// The newest failures, at most as many as list a server, and what is left of all others.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    newest: VecDeque<Instant>,
    total: u64,
    last: Option<Instant>,
}

impl Strikes {
    /// Counts a failure; true when the threshold is reached.
    pub(super) fn add(&mut self, limits: &RouterLimits, now: Instant) -> bool {
        let threshold = limits.congestion_failure_threshold.clamp(1, 64);
        self.total += 1;
        self.last = Some(now);
        self.newest.push_back(now);
        while self.newest.len() > threshold as usize {
            self.newest.pop_front();
        }
        self.within(limits, now) >= threshold
    }

    /// The failures within the window.
    pub(super) fn within(&self, limits: &RouterLimits, now: Instant) -> u32 {
        let recent =
            |at: &&Instant| now.saturating_duration_since(**at) <= limits.congestion_fail_window;
        u32::try_from(self.newest.iter().filter(recent).count()).unwrap_or(u32::MAX)
    }

    /// As told to an operator.
    pub(super) fn failures(&self, limits: &RouterLimits, now: Instant) -> Failures {
        Failures {
            total: self.total,
            recent: self.within(limits, now),
            last: self.last,
        }
    }

    /// Forgives; what has been is still told.
    pub(super) fn clear(&mut self) {
        self.newest.clear();
    }
}
