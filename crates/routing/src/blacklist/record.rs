//! One server's standing: an atomic word for the readers, a locked history for the judge.

use super::strikes::Strikes;
use crate::{FormerStanding, RouterLimits, ServerStanding, Standing};
use odp_cluster::Server;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether a server may get a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Yes.
    Yes,
    /// As a probe, for the one caller that claims it.
    Probe,
    /// No.
    No,
}

/// A server's record. The word holds the lists in its low bits and, above them, the time of the next
/// probe in milliseconds since the record's first use; 0 means that the server is on no list.
#[derive(Debug, Default)]
pub(super) struct Record {
    word: AtomicU64,
    epoch: OnceLock<Instant>,
    history: Mutex<History>,
}

#[derive(Debug, Default)]
struct History {
    strikes: Strikes,
    listed_at: Option<Instant>,
    last_evidence: Option<Instant>,
}

const STATUS: u64 = 1;
const ALIVE: u64 = 2;
const LISTS: u64 = STATUS | ALIVE;
const TIME_SHIFT: u32 = 8;

impl Record {
    /// Takes in what the cluster says of the server and its zone.
    pub(super) fn set_in_service(&self, in_service: bool) {
        if in_service {
            self.word.fetch_and(!STATUS, Ordering::Relaxed);
        } else {
            self.word.fetch_or(STATUS, Ordering::Relaxed);
        }
    }

    /// Whether the cluster says so.
    pub(super) fn is_in_service(&self) -> bool {
        self.word.load(Ordering::Relaxed) & STATUS == 0
    }

    pub(super) fn admits(&self, now: Instant) -> Admission {
        let word = self.word.load(Ordering::Relaxed);
        match word & LISTS {
            0 => Admission::Yes,
            ALIVE if self.millis(now) >= word >> TIME_SHIFT => Admission::Probe,
            _ => Admission::No,
        }
    }

    /// Moves the time of the next probe on; only the caller whose exchange succeeds has the probe.
    pub(super) fn claim_probe(&self, limits: &RouterLimits, now: Instant) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        let due = word & LISTS == ALIVE && self.millis(now) >= word >> TIME_SHIFT;
        due && self
            .word
            .compare_exchange(
                word,
                self.listed_word(limits, now),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    pub(super) fn strike(&self, limits: &RouterLimits, now: Instant) -> bool {
        let mut history = self.history.lock();
        history.last_evidence = Some(now);
        let listed = history.listed_at.is_some();
        if !history.strikes.add(limits, now) && !listed {
            return false;
        }
        history.listed_at = Some(now);
        self.set_alive(self.listed_word(limits, now));
        !listed
    }

    pub(super) fn answered(&self, limits: &RouterLimits, now: Instant) {
        if self.word.load(Ordering::Relaxed) & ALIVE == 0 {
            return;
        }
        let mut history = self.history.lock();
        let Some(listed_at) = history.listed_at else {
            return;
        };
        // Answers to requests from before the listing prove nothing.
        if now.saturating_duration_since(listed_at) >= limits.min_keep_congestion_interval {
            history.strikes.clear();
            history.listed_at = None;
            history.last_evidence = Some(now);
            self.set_alive(0);
        }
    }

    pub(super) fn standing(
        &self,
        server: Server,
        limits: &RouterLimits,
        now: Instant,
    ) -> ServerStanding {
        let word = self.word.load(Ordering::Relaxed);
        let history = self.history.lock();
        let probe_at = || {
            let after = Duration::from_millis(word >> TIME_SHIFT);
            Some(*self.epoch.get()? + after)
        };
        ServerStanding {
            server,
            standing: match word & LISTS {
                0 => Standing::Ok,
                ALIVE => Standing::Alive,
                _ => Standing::Status,
            },
            strikes: history.strikes.within(limits, now),
            last_evidence: history.last_evidence.max(history.strikes.last()),
            next_probe_at: (word & ALIVE != 0).then(probe_at).flatten(),
        }
    }

    /// Takes over what an earlier record held against the server; evidence counts as new.
    pub(super) fn relist(&self, former: &FormerStanding, limits: &RouterLimits, now: Instant) {
        let mut history = self.history.lock();
        for _ in 0..former.strikes.min(limits.congestion_failure_threshold) {
            history.strikes.add(limits, now);
        }
        if former.strikes > 0 {
            history.last_evidence = Some(now);
        }
        if let Some(probe_in) = former.probe_in {
            let probe_in = u64::try_from(probe_in.as_millis()).unwrap_or_default();
            history.listed_at = Some(now);
            self.set_alive(ALIVE | (self.millis(now) + probe_in) << TIME_SHIFT);
        }
    }

    fn listed_word(&self, limits: &RouterLimits, now: Instant) -> u64 {
        let retry = limits.congestion_retry_interval.as_millis();
        let retry = u64::try_from(retry).unwrap_or(u64::MAX >> (TIME_SHIFT + 1));
        ALIVE | (self.millis(now) + retry) << TIME_SHIFT
    }

    /// Replaces everything in the word but the status list, which discovery owns.
    fn set_alive(&self, alive: u64) {
        let replace = |word| Some(word & STATUS | alive);
        let order = Ordering::Relaxed;
        self.word
            .fetch_update(order, order, replace)
            .unwrap_or_default();
    }

    fn millis(&self, now: Instant) -> u64 {
        let epoch = *self.epoch.get_or_init(|| now);
        let since = now.saturating_duration_since(epoch).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX >> TIME_SHIFT)
    }
}

#[cfg(test)]
mod tests;
