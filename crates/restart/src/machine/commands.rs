//! What the operator asks for. That the state admits a command was looked up before.

use super::{
    Action, Candidate, Coming, Command, GenerationId, KillReason, Launch, Machine, Operation, Pace,
    Phase, SUPERSEDED, StepName, Timing,
};

impl Machine {
    pub(super) fn command(&mut self, id: u64, command: Command) {
        self.fail(SUPERSEDED);
        let steps: &[StepName] = match command {
            Command::Restart => &[
                StepName::Prepare,
                StepName::Start,
                StepName::Snapshot,
                StepName::Ready,
                StepName::Commit,
                StepName::Drain,
            ],
            Command::Upgrade(_) => &[
                StepName::Prepare,
                StepName::Start,
                StepName::Snapshot,
                StepName::Ready,
                StepName::Commit,
                StepName::Drain,
                StepName::Probation,
                StepName::Coordinator,
            ],
            Command::ForceRestart => &[
                StepName::Prepare,
                StepName::End,
                StepName::Listen,
                StepName::Start,
                StepName::Ready,
                StepName::Commit,
            ],
            Command::Stop => &[StepName::Announce, StepName::Drain],
            Command::Start => &[
                StepName::Prepare,
                StepName::Listen,
                StepName::Start,
                StepName::Ready,
                StepName::Commit,
            ],
        };
        self.operation = Some((command.clone(), Operation::new(id, steps)));
        match command {
            Command::Restart | Command::ForceRestart | Command::Start => {
                self.prepare(Launch::Disk);
            }
            Command::Upgrade(binary) => self.prepare(Launch::Binary(binary)),
            Command::Stop => self.leave(),
        }
    }

    /// Begins with the next generation; what serves goes on serving.
    fn prepare(&mut self, launch: Launch) {
        let generation = self.next_generation();
        let new = self.candidate(generation, Coming::Prepare);
        self.actions.push(Action::Prepare(generation, launch));
        self.reach(StepName::Prepare);
        self.phase = match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Serving(old) | Phase::Leaving { active: old, .. } => {
                Phase::Replacing { old, new }
            }
            Phase::Replacing { old, new: former } => {
                self.abandon(&former, KillReason::Superseded);
                Phase::Replacing { old, new }
            }
            Phase::Starting(former) => {
                self.abandon(&former, KillReason::Superseded);
                Phase::Starting(new)
            }
            Phase::Stopped | Phase::BackingOff { .. } | Phase::Ending | Phase::Done => {
                Phase::Starting(new)
            }
        };
    }

    pub(super) fn prepared(&mut self, generation: GenerationId, result: Result<Timing, String>) {
        let Some(candidate) = self.candidate_at(generation, Coming::Prepare) else {
            return;
        };
        match result {
            Ok(timing) => candidate.timing = Some(timing),
            Err(reason) => return self.not_started(reason),
        }
        if matches!(self.operation, Some((Command::ForceRestart, _))) {
            self.reach(StepName::End);
            self.end_everything(generation);
        }
        if self.closed {
            self.step(Coming::Listen);
            self.reach(StepName::Listen);
            self.actions.push(Action::Open);
        } else {
            self.spawn_candidate(generation);
        }
    }

    pub(super) fn opened(&mut self, result: Result<(), String>) {
        let Phase::Starting(Candidate {
            generation,
            step: Coming::Listen,
            ..
        }) = self.phase
        else {
            return;
        };
        match result {
            Ok(()) => {
                self.closed = false;
                self.spawn_candidate(generation);
            }
            Err(reason) => self.not_started(reason),
        }
    }

    fn spawn_candidate(&mut self, generation: GenerationId) {
        self.step(Coming::Hello);
        self.reach(StepName::Start);
        self.actions.push(Action::Spawn(generation));
    }

    /// Kills everything but the candidate, whose turn it is now.
    fn end_everything(&mut self, but: GenerationId) {
        let others: Vec<_> = self.others.iter().map(|other| other.generation).collect();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Replacing { old, new } => {
                self.kill(old.generation, KillReason::Forced);
                Phase::Starting(new)
            }
            other => other,
        };
        for generation in others.into_iter().filter(|&generation| generation != but) {
            self.kill(generation, KillReason::Forced);
        }
    }

    /// A candidate that never got a process is given up.
    fn not_started(&mut self, reason: String) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Replacing { old, .. } => Phase::Serving(old),
            _ if self.closed => Phase::Ending,
            // Clients wait in the listen queue: what is known to have worked is tried on.
            _ => Phase::BackingOff {
                until: self.now.instant + Timing::RETRY,
            },
        };
        self.fail(reason);
    }

    /// Begins to stop: load balancers first.
    fn leave(&mut self) {
        self.reach(StepName::Announce);
        let until = self.now.instant + self.timing.exit_delay;
        self.phase = match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Serving(active) => Phase::Leaving { active, until },
            Phase::Replacing { old: active, new } => {
                self.abandon(&new, KillReason::Superseded);
                Phase::Leaving { active, until }
            }
            Phase::Starting(candidate) => {
                self.abandon(&candidate, KillReason::Superseded);
                self.close();
                Phase::Ending
            }
            Phase::BackingOff { .. } | Phase::Stopped => {
                self.close();
                Phase::Ending
            }
            phase @ (Phase::Leaving { .. } | Phase::Ending | Phase::Done) => phase,
        };
        self.hurry_others();
        if until <= self.now.instant {
            self.tick();
        }
    }

    /// Nobody takes the clients over any more, so that those of earlier generations need no pace.
    fn hurry_others(&mut self) {
        if matches!(self.phase, Phase::Ending) {
            let draining: Vec<_> = self
                .others
                .iter()
                .filter(|other| other.fate == super::Fate::Draining)
                .map(|other| other.generation)
                .collect();
            for generation in draining {
                self.drain(generation, Pace::AtOnce);
            }
        }
    }

    /// The announcement is over: no new clients, and the sessions come to their end.
    pub(super) fn drain_everything(&mut self, active: GenerationId) {
        self.close();
        self.phase = Phase::Ending;
        self.hurry_others();
        self.drain(active, Pace::AtOnce);
        if let Some((_, operation)) = &mut self.operation {
            operation.leaving = Some(active);
        }
        self.reach(StepName::Drain);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.actions.push(Action::Close);
    }

    pub(super) fn exit(&mut self) {
        if !matches!(self.operation, Some((Command::Stop, _))) {
            self.fail(SUPERSEDED);
        }
        self.exiting = true;
        if !matches!(self.phase, Phase::Done) {
            self.leave();
        }
    }

    pub(super) fn force_exit(&mut self) {
        self.fail(SUPERSEDED);
        self.exiting = true;
        match std::mem::replace(&mut self.phase, Phase::Ending) {
            Phase::Serving(active) | Phase::Leaving { active, .. } => {
                self.kill(active.generation, KillReason::Forced);
            }
            Phase::Replacing { old, new } => {
                self.kill(old.generation, KillReason::Forced);
                self.abandon(&new, KillReason::Forced);
            }
            Phase::Starting(candidate) => self.abandon(&candidate, KillReason::Forced),
            Phase::Done => self.phase = Phase::Done,
            Phase::Stopped | Phase::BackingOff { .. } | Phase::Ending => {}
        }
        self.end_everything(0);
    }

    /// The candidate, if it is this one and has to take this step.
    pub(super) fn candidate_at(
        &mut self,
        generation: GenerationId,
        step: Coming,
    ) -> Option<&mut Candidate> {
        match &mut self.phase {
            Phase::Starting(candidate) | Phase::Replacing { new: candidate, .. } => Some(candidate),
            _ => None,
        }
        .filter(|candidate| candidate.generation == generation && candidate.step == step)
    }

    /// Gives the candidate its next step, with a deadline of its own.
    pub(super) fn step(&mut self, step: Coming) {
        let (now, timing) = (self.now.instant, self.timing);
        if let Phase::Starting(candidate) | Phase::Replacing { new: candidate, .. } =
            &mut self.phase
        {
            let mut wait = candidate.ready_timeout(timing);
            if step == Coming::Snapshot {
                wait /= 2;
            }
            candidate.step = step;
            candidate.deadline = now + wait;
        }
    }
}
