//! What data planes say, and what follows from their deaths.

use super::{
    Action, Active, Candidate, Coming, Command, Fate, GenerationId, KillReason, Machine, Pace,
    Phase, StepName,
};
use std::time::{Duration, Instant};

impl Machine {
    pub(super) fn hello(&mut self, generation: GenerationId, result: Result<(), String>) {
        if self.candidate_at(generation, Coming::Hello).is_none() {
            return;
        }
        if let Err(reason) = result {
            return self.candidate_lost(reason, Some(KillReason::Failed));
        }
        if let Phase::Replacing { old, .. } = &self.phase {
            let from = old.generation;
            self.actions.push(Action::AskSnapshot(from));
            self.step(Coming::Snapshot);
            self.reach(StepName::Snapshot);
        } else {
            self.offer(generation);
        }
    }

    pub(super) fn snapshot(&mut self, from: GenerationId) {
        if let Phase::Replacing { old, new } = &self.phase
            && old.generation == from
            && new.step == Coming::Snapshot
        {
            let generation = new.generation;
            self.offer(generation);
        }
    }

    pub(super) fn offer(&mut self, generation: GenerationId) {
        self.step(Coming::Ready);
        self.reach(StepName::Ready);
        self.actions.push(Action::Offer(generation));
    }

    pub(super) fn ready(&mut self, generation: GenerationId) {
        if self.candidate_at(generation, Coming::Ready).is_none() {
            return;
        }
        self.actions.push(Action::Commit(generation));
        self.reach(StepName::Commit);
        let active = Active::new(generation, self.now.instant);
        let (candidate, old) = match std::mem::replace(&mut self.phase, Phase::Serving(active)) {
            Phase::Replacing { old, new } => (Some(new), Some(old)),
            Phase::Starting(candidate) => (Some(candidate), None),
            _ => (None, None),
        };
        if let Some(timing) = candidate.and_then(|candidate| candidate.timing) {
            self.timing = timing;
        }
        if let Some(old) = old {
            if let Some((_, operation)) = &mut self.operation {
                operation.leaving = Some(old.generation);
            }
            self.drain(old.generation, Pace::Spread);
        }
        self.reach(StepName::Drain);
    }

    pub(super) fn failed(&mut self, generation: GenerationId, reason: String) {
        let is_candidate = match &self.phase {
            Phase::Starting(candidate) | Phase::Replacing { new: candidate, .. } => {
                candidate.generation == generation
            }
            _ => false,
        };
        if is_candidate {
            self.candidate_lost(reason, Some(KillReason::Failed));
        }
    }

    pub(super) fn heartbeat(&mut self, generation: GenerationId, ticks: &[u64]) {
        let now = self.now.instant;
        if let Phase::Serving(active)
        | Phase::Replacing { old: active, .. }
        | Phase::Leaving { active, .. } = &mut self.phase
            && active.generation == generation
        {
            active.watch.see(ticks, now);
        }
    }

    pub(super) fn drained(&mut self, generation: GenerationId) {
        for other in &mut self.others {
            if other.generation == generation && other.fate == Fate::Draining {
                other.fate = Fate::Drained;
            }
        }
    }

    pub(super) fn exited(&mut self, generation: GenerationId, how: &str) {
        if let Some(at) = self
            .others
            .iter()
            .position(|other| other.generation == generation)
        {
            let other = self.others.swap_remove(at);
            if other.fate == Fate::Draining && self.is_leaving(generation) {
                self.flaw = Some(format!(
                    "the data plane died while its sessions were ended ({how}): those left are lost"
                ));
            }
            return;
        }
        match &self.phase {
            Phase::Starting(candidate) | Phase::Replacing { new: candidate, .. }
                if candidate.generation == generation =>
            {
                let reason = format!("the new data plane ended before it was ready: {how}");
                self.candidate_lost(reason, None);
            }
            Phase::Serving(active)
            | Phase::Replacing { old: active, .. }
            | Phase::Leaving { active, .. }
                if active.generation == generation =>
            {
                let since = active.since;
                self.active_lost(since, how);
            }
            _ => {}
        }
    }

    fn is_leaving(&self, generation: GenerationId) -> bool {
        self.operation()
            .is_some_and(|operation| operation.leaving == Some(generation))
    }

    /// A candidate will not become ready; it is killed first when it still runs.
    pub(super) fn candidate_lost(&mut self, reason: String, kill: Option<KillReason>) {
        let lost = |machine: &mut Self, candidate: &Candidate| {
            if let Some(kill) = kill {
                machine.abandon(candidate, kill);
            }
        };
        match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Replacing { old, new } => {
                lost(self, &new);
                self.phase = Phase::Serving(old);
                self.fail(reason);
            }
            Phase::Starting(candidate) => {
                lost(self, &candidate);
                self.give_up_after_death(reason);
                self.follow_death(None);
            }
            other => self.phase = other,
        }
    }

    fn active_lost(&mut self, since: Instant, how: &str) {
        match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Replacing { old, new } => {
                self.flaw = Some(format!(
                    "generation {} died before its successor took over ({how}): its sessions are lost",
                    old.generation
                ));
                let (generation, step) = (new.generation, new.step);
                self.phase = Phase::Starting(new);
                if step == Coming::Snapshot {
                    self.offer(generation);
                }
            }
            Phase::Leaving { .. } => {
                self.flaw = Some(format!(
                    "the data plane died ({how}): its sessions are lost"
                ));
                self.close();
                self.phase = Phase::Ending;
            }
            _ => {
                self.give_up_after_death(format!(
                    "the new data plane died after the commit: {how}"
                ));
                self.follow_death(Some(since));
            }
        }
    }

    /// An operation whose new generation died has failed; an upgrade goes back to the old binary.
    fn give_up_after_death(&mut self, reason: String) {
        if matches!(self.operation, Some((Command::Upgrade(_), _))) {
            self.actions.push(Action::Revert);
        }
        self.fail(reason);
    }

    fn follow_death(&mut self, since: Option<Instant>) {
        let now = self.now.instant;
        self.crashes = self.crashes.after_death(since, now);
        match self.crashes.delay() {
            Duration::ZERO => self.spawn_next(),
            delay => self.phase = Phase::BackingOff { until: now + delay },
        }
    }
}
