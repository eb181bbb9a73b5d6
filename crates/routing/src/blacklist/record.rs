//! One server's standing: an atomic word for the readers, a locked history for the judge.

use super::lists::{Admission, Detected, Lists, Millis};
use super::pace::{Pace, Steps};
use super::strikes::Strikes;
use crate::{
    FormerStanding, LastListed, LastWord, Observation, RouterLimits, ServerStanding, Standing,
};
use odp_cluster::Server;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a request was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Because the server is in service.
    Request,
    /// To find out whether a listed server is well again.
    Probe,
}

/// A server's record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// [`Lists`].
    word: AtomicU64,
    /// When the server answered last, in coarse milliseconds; 0 for never.
    heard: AtomicU64,
    /// [`Pace`].
    pace: AtomicU64,
    /// Whether it is slow among its peers.
    is_slow: AtomicBool,
    epoch: OnceLock<Instant>,
    history: Mutex<History>,
}

#[derive(Debug, Default)]
struct History {
    strikes: Strikes,
    /// Those strikes that were connections which could not be made.
    unconnected: Strikes,
    listed_at: Option<Instant>,
    last_evidence: Option<(Instant, LastWord)>,
    last_listed: LastListed,
}

/// How exactly it is known when a server answered last: finer would have the threads wait for each
/// other's memory.
const HEARD_STEP: Millis = 64;

impl Record {
    fn lists(&self) -> Lists {
        Lists::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Takes a step and answers where the server was before.
    fn step(&self, step: impl Fn(Lists) -> Lists) -> Lists {
        let replace = |word| Some(step(Lists::from_word(word)).word());
        let order = Ordering::Relaxed;
        let before = self.word.fetch_update(order, order, replace);
        Lists::from_word(before.unwrap_or_default())
    }

    /// Takes in what the cluster says of the server and its zone.
    pub(super) fn set_in_service(&self, in_service: bool, now: Instant) {
        let before = self.step(|lists| lists.in_service(in_service));
        if !in_service && !before.is_status_listed() {
            self.history.lock().last_listed.status = Some(now);
        }
    }

    /// Takes in what the operator says.
    pub(super) fn set_drained(&self, drained: bool) {
        self.step(|lists| lists.drained(drained));
    }

    /// Takes in what the probes say; true when that is news.
    pub(super) fn set_detected(&self, detected: Detected, now: Instant) -> bool {
        let before = self.step(|lists| lists.detected(detected)).vital();
        if before != detected {
            let mut history = self.history.lock();
            history.last_evidence = Some((now, LastWord::Detected(detected)));
            if before == Detected::Alive {
                history.last_listed.detect = Some(now);
            }
        }
        before != detected
    }

    /// What the probes said last.
    pub(super) fn vital(&self) -> Detected {
        self.lists().vital()
    }

    /// Whether neither the cluster, the probes nor the operator have taken the server out.
    pub(super) fn is_in_service(&self) -> bool {
        !self.lists().is_out()
    }

    pub(super) fn despair(&self) -> Option<u8> {
        self.lists().despair()
    }

    pub(super) fn admits(&self, now: Instant) -> Admission {
        let lists = self.lists();
        if lists == Lists::default() {
            return Admission::Yes;
        }
        lists.admits(self.millis(now))
    }

    /// Begins the probe that is due: only the caller whose exchange succeeds has it.
    pub(super) fn claim_probe(&self, limits: &RouterLimits, now: Instant) -> bool {
        let lists = self.lists();
        let Some(probing) = lists.probing(self.millis(now), limits.probe_patience) else {
            return false;
        };
        let (order, from, to) = (Ordering::Relaxed, lists.word(), probing.word());
        self.word.compare_exchange(from, to, order, order).is_ok()
    }

    /// Gives a probe back that found nothing out; the next request may take it.
    pub(super) fn give_up_probe(&self, now: Instant) {
        let now = self.millis(now);
        self.step(|lists| lists.probed(now));
    }

    /// Counts a failure; true when it has listed the server just now.
    pub(super) fn strike(
        &self,
        errand: Errand,
        failure: Observation,
        limits: &RouterLimits,
        now: Instant,
    ) -> bool {
        let mut history = self.history.lock();
        history.last_evidence = Some((now, LastWord::Failed(failure)));
        if failure == Observation::ConnectFailed {
            history.unconnected.add(limits, now);
        }
        let listed = history.listed_at.is_some();
        if !history.strikes.add(limits, now) && !listed {
            return false;
        }
        history.listed_at = Some(now);
        if !listed {
            history.last_listed.alive = Some(now);
        }
        let next = self.millis_after(now, limits.congestion_retry_interval);
        match errand {
            Errand::Probe => self.step(|lists| lists.probed(next).listed(next)),
            Errand::Request => self.step(|lists| lists.listed(next)),
        };
        !listed
    }

    /// Takes in that the server answered.
    pub(super) fn answered(&self, errand: Errand, limits: &RouterLimits, now: Instant) {
        self.note_heard(now);
        if !self.lists().is_alive_listed() {
            return;
        }
        let mut history = self.history.lock();
        let Some(listed_at) = history.listed_at else {
            return;
        };
        // Answers to requests from before the listing prove nothing.
        let earliest = listed_at + limits.min_keep_congestion_interval;
        if now >= earliest {
            history.strikes.clear();
            history.unconnected.clear();
            history.listed_at = None;
            history.last_evidence = Some((now, LastWord::Answered));
            self.step(Lists::cleared);
        } else if errand == Errand::Probe {
            let earliest = self.millis(earliest);
            self.step(|lists| lists.probed(earliest));
        }
    }

    /// Remembers that something came from the server.
    fn note_heard(&self, now: Instant) {
        let now = self.millis(now);
        let heard = self.heard.load(Ordering::Relaxed);
        if heard + HEARD_STEP <= now || heard == 0 {
            self.heard.store(now.max(1), Ordering::Relaxed);
        }
    }

    /// Whether something came from the server at `moment` or later, to about a tenth of a second.
    pub(super) fn was_heard_since(&self, moment: Instant) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        heard != 0 && heard >= self.millis(moment)
    }

    /// Takes in how long a plain read took; true when that changes what is thought of the server's pace.
    pub(super) fn note_pace(&self, took: Duration, now: Instant) -> bool {
        let pace = self.pace().with_answer(took, self.millis(now));
        // Of two answers at once, one is enough.
        pace.map(|pace| self.pace.store(pace.word(), Ordering::Relaxed))
            .is_some()
    }

    fn pace(&self) -> Pace {
        Pace::from_word(self.pace.load(Ordering::Relaxed))
    }

    /// How long it takes for a plain read, while that is known.
    pub(super) fn estimate(&self, now: Instant) -> Option<Steps> {
        self.pace().estimate(self.millis(now))
    }

    /// Takes in from where on servers like this one are slow; says whether it is.
    pub(super) fn weigh(&self, bound: Option<Steps>, now: Instant) -> bool {
        let own = self.estimate(now);
        let is_slow = bound.zip(own).is_some_and(|(bound, own)| own >= bound);
        self.is_slow.store(is_slow, Ordering::Relaxed);
        is_slow
    }

    /// Whether it was slow at the last comparison, and has been asked since not too long ago.
    pub(super) fn is_slow(&self, now: Instant) -> bool {
        self.is_slow.load(Ordering::Relaxed) && self.estimate(now).is_some()
    }

    pub(super) fn standing(
        &self,
        server: Server,
        limits: &RouterLimits,
        now: Instant,
    ) -> ServerStanding {
        let lists = self.lists();
        let history = self.history.lock();
        let probe_at = || {
            let after = Duration::from_millis(lists.time());
            Some(*self.epoch.get()? + after)
        };
        ServerStanding {
            server,
            standing: if lists.is_drained() {
                Standing::Drained
            } else if lists.is_status_listed() {
                Standing::Status
            } else if lists.vital() != Detected::Alive {
                Standing::Detect
            } else if lists.is_alive_listed() {
                Standing::Alive
            } else {
                Standing::Ok
            },
            strikes: history.strikes.within(limits, now),
            failures: history.strikes.failures(limits, now),
            unconnected: history.unconnected.failures(limits, now),
            last_listed: history.last_listed,
            is_alive_listed: lists.is_alive_listed(),
            response_time: self.estimate(now).map(Steps::time),
            is_slow: self.is_slow(now),
            last_evidence: history.last_evidence.map(|(moment, _)| moment),
            evidence: history.last_evidence.map(|(_, evidence)| evidence),
            next_probe_at: if lists.is_alive_listed() && !lists.is_probing() {
                probe_at()
            } else {
                None
            },
            alive_listed_at: history.listed_at.filter(|_| lists.is_alive_listed()),
            detected: lists.vital(),
        }
    }

    /// Takes over what an earlier record held against the server; evidence counts as new.
    pub(super) fn relist(&self, former: &FormerStanding, limits: &RouterLimits, now: Instant) {
        let mut history = self.history.lock();
        for _ in 0..former.strikes.min(limits.congestion_failure_threshold) {
            history.strikes.add(limits, now);
        }
        if former.strikes > 0 || former.is_unreachable {
            history.last_evidence = Some((now, LastWord::Inherited));
        }
        if let Some(probe_in) = former.probe_in {
            history.listed_at = Some(now);
            history.last_listed.alive = Some(now);
            let next = self.millis_after(now, probe_in);
            self.step(|lists| lists.listed(next));
        }
        if former.is_unreachable {
            history.last_listed.detect = Some(now);
            self.step(|lists| lists.detected(Detected::Unreachable));
        }
    }

    /// The time `wait` from now.
    fn millis_after(&self, now: Instant, wait: Duration) -> Millis {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.millis(now).saturating_add(wait)
    }

    fn millis(&self, now: Instant) -> Millis {
        let epoch = *self.epoch.get_or_init(|| now);
        let since = now.saturating_duration_since(epoch).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
