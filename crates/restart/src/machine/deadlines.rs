//! What happens when nobody says anything.

use super::{Active, Coming, Fate, KillReason, Machine, Phase, StepName, Timing};
use std::time::{Duration, Instant};

impl Machine {
    /// When [`crate::Event::Tick`] is due.
    #[must_use]
    pub fn wakeup(&self) -> Option<Instant> {
        let hang = |active: &Active| active.watch.due(self.timing.hang_timeout);
        let phase = match &self.phase {
            Phase::Starting(candidate) => Some(candidate.deadline),
            Phase::Serving(active) => {
                let probation = active.since + Self::PROBATION;
                let waits = self
                    .operation()
                    .is_some_and(|operation| operation.is_at(StepName::Probation));
                Some(if waits {
                    hang(active).min(probation)
                } else {
                    hang(active)
                })
            }
            Phase::Replacing { old, new } => Some(new.deadline.min(hang(old))),
            Phase::BackingOff { until } => Some(*until),
            Phase::Leaving { active, until } => Some((*until).min(hang(active))),
            Phase::Stopped | Phase::Ending | Phase::Done => None,
        };
        let others = self.others.iter().filter_map(|other| other.deadline);
        others.chain(phase).min()
    }

    pub(super) fn tick(&mut self) {
        self.end_overdue();
        self.replace_hung();
        let now = self.now.instant;
        match &self.phase {
            Phase::Starting(candidate) | Phase::Replacing { new: candidate, .. }
                if candidate.deadline <= now =>
            {
                let limit = candidate.ready_timeout(self.timing);
                self.overdue(candidate.generation, candidate.step, limit);
            }
            Phase::BackingOff { until } if *until <= now => self.spawn_next(),
            Phase::Leaving { active, until } if *until <= now => {
                self.drain_everything(active.generation);
            }
            _ => {}
        }
    }

    fn overdue(&mut self, generation: u64, step: Coming, limit: Duration) {
        if step == Coming::Snapshot {
            // The successor may find out for itself what it was not told.
            return self.offer(generation);
        }
        let limit = limit.as_secs_f32();
        let reason = format!(
            "{} within {limit} s (hot_restart_ready_timeout)",
            step.words()
        );
        self.candidate_lost(reason, Some(KillReason::NotReady));
    }

    /// Kills those whose time to end is over, again and again should it be needed.
    fn end_overdue(&mut self) {
        let now = self.now.instant;
        let overdue: Vec<_> = self
            .others
            .iter()
            .filter(|other| other.deadline.is_some_and(|deadline| deadline <= now))
            .map(|other| (other.generation, other.fate))
            .collect();
        for (generation, fate) in overdue {
            let reason = match fate {
                Fate::Dying => KillReason::Forced,
                Fate::Draining | Fate::Drained => KillReason::NotDrained,
            };
            self.kill(generation, reason);
        }
    }

    fn replace_hung(&mut self) {
        let (now, limit) = (self.now.instant, self.timing.hang_timeout);
        let (Phase::Serving(active)
        | Phase::Replacing { old: active, .. }
        | Phase::Leaving { active, .. }) = &mut self.phase
        else {
            return;
        };
        let due = active.watch.due(limit);
        if due > now {
            return;
        }
        let late = now.saturating_duration_since(due) > Timing::OWN_DELAY;
        active.watch.rebase(now);
        if !late {
            let generation = active.generation;
            // Its exit is what counts; this only brings it about.
            self.actions
                .push(crate::Action::Kill(generation, KillReason::Hung));
        }
    }
}

impl Timing {
    /// How long after a failed preparation what served before is tried again.
    pub(crate) const RETRY: Duration = Duration::from_secs(1);
}
