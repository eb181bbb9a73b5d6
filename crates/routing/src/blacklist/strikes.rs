//! The failures of one server within the window.

use crate::RouterLimits;
use std::collections::VecDeque;
use std::time::Instant;

/// The newest failures, at most as many as list a server.
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<Instant>);

impl Strikes {
    /// Counts a failure; true when the threshold is reached.
    pub(super) fn add(&mut self, limits: &RouterLimits, now: Instant) -> bool {
        let threshold = limits.congestion_failure_threshold.clamp(1, 64);
        self.0.push_back(now);
        while self.0.len() > threshold as usize {
            self.0.pop_front();
        }
        self.within(limits, now) >= threshold
    }

    /// The failures within the window.
    pub(super) fn within(&self, limits: &RouterLimits, now: Instant) -> u32 {
        let recent =
            |at: &&Instant| now.saturating_duration_since(**at) <= limits.congestion_fail_window;
        u32::try_from(self.0.iter().filter(recent).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
