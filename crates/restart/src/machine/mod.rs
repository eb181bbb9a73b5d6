//! What the coordinator does next, as a pure state machine.
//!
//! Events and the time come in, actions go out; nothing here touches a process, a socket or a clock.
//! [`commands`] holds what the operator asks for, [`generations`] what data planes say, [`deadlines`]
//! what happens when nobody says anything.

mod commands;
mod deadlines;
mod generations;
mod phase;

use crate::crashes::Crashes;
use crate::event::{Action, Event, GenerationId, KillReason, Launch, Pace};
use crate::operation::{Operation, SUPERSEDED, StepName};
use crate::table::{Command, State};
use crate::timing::Timing;
use phase::{Active, Candidate, Coming, Fate, Other, Phase};
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// The time by both clocks: one to reckon with, one to show.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub wall: SystemTime,
}

impl Now {
    /// This moment.
    #[must_use]
    pub fn read() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

/// Where the machine begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// With open listeners and no generation.
    Fresh,
    /// Stopped, as the operator left it.
    Stopped,
    /// With a generation that serves already, and the upgrade that it came from, if it did.
    Serving {
        /// Its number.
        generation: GenerationId,
        /// An upgrade whose last step is done by the coordinator being here.
        upgrade: Option<Operation>,
    },
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    timing: Timing,
    phase: Phase,
    /// Generations that only come to their end.
    others: Vec<Other>,
    operation: Option<(Command, Operation)>,
    /// Operations that have ended, newest last.
    ended: VecDeque<Operation>,
    latest: GenerationId,
    crashes: Crashes,
    /// The listeners are closed.
    closed: bool,
    exiting: bool,
    /// What went wrong on the way of an operation that is carried on.
    flaw: Option<String>,
    actions: Vec<Action>,
    now: Now,
}

impl Machine {
    /// Operations that have ended and are still told.
    const TOLD: usize = 8;
    /// How long a new binary must live before the coordinator trusts it.
    const PROBATION: Duration = Duration::from_secs(2);

    /// A machine that has done nothing yet.
    #[must_use]
    pub fn new(beginning: &Beginning, timing: Timing, now: Now) -> Self {
        let (phase, latest, operation) = match beginning {
            Beginning::Fresh | Beginning::Stopped => (Phase::Stopped, 0, None),
            &Beginning::Serving {
                generation,
                ref upgrade,
            } => {
                let upgrade = upgrade.clone().map(|mut operation| {
                    operation.complete(now.wall);
                    operation
                });
                let active = Active::new(generation, now.instant);
                (Phase::Serving(active), generation, upgrade)
            }
        };
        Self {
            timing,
            phase,
            others: Vec::new(),
            operation: None,
            ended: operation.into_iter().collect(),
            latest,
            crashes: Crashes::default(),
            closed: *beginning == Beginning::Stopped,
            exiting: false,
            flaw: None,
            actions: Vec::new(),
            now,
        }
    }

    /// Takes an event and says what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Start => self.start(),
            Event::Command(id, command) => self.command(id, command),
            Event::Exit => self.exit(),
            Event::ForceExit => self.force_exit(),
            Event::Prepared(generation, result) => self.prepared(generation, result),
            Event::Opened(result) => self.opened(result),
            Event::Hello(generation, result) => self.hello(generation, result),
            Event::Snapshot(generation) => self.snapshot(generation),
            Event::Ready(generation) => self.ready(generation),
            Event::Failed(generation, reason) => self.failed(generation, reason),
            Event::Heartbeat(generation, ticks) => self.heartbeat(generation, &ticks),
            Event::Drained(generation) => self.drained(generation),
            Event::Exited(generation, how) => self.exited(generation, &how),
            Event::NotReplaced(reason) => {
                self.fail(format!("the coordinator was not replaced: {reason}"));
            }
            Event::Tick => self.tick(),
        }
        self.settle();
        std::mem::take(&mut self.actions)
    }

    /// What users see.
    #[must_use]
    pub fn state(&self) -> State {
        if matches!(self.phase, Phase::Done) {
            return State::Stopped;
        }
        if self.exiting {
            return State::Stopping;
        }
        match (&self.operation, &self.phase) {
            (Some((Command::Restart | Command::ForceRestart, _)), _) => State::Restarting,
            (Some((Command::Upgrade(_), _)), _) => State::Upgrading,
            (Some((Command::Stop, _)), _) | (None, Phase::Leaving { .. } | Phase::Ending) => {
                State::Stopping
            }
            (Some((Command::Start, _)), _) | (None, Phase::Starting(_)) => State::Starting,
            (None, Phase::Serving(_) | Phase::Replacing { .. }) => State::Running,
            (None, Phase::BackingOff { .. }) => State::Unavailable,
            (None, Phase::Stopped | Phase::Done) => State::Stopped,
        }
    }

    /// The generation that serves.
    #[must_use]
    pub fn serving(&self) -> Option<GenerationId> {
        match &self.phase {
            Phase::Serving(active)
            | Phase::Replacing { old: active, .. }
            | Phase::Leaving { active, .. } => Some(active.generation),
            _ => None,
        }
    }

    /// The latest generation; 0 before the first.
    #[must_use]
    pub fn latest(&self) -> GenerationId {
        self.latest
    }

    /// Whether everything has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether the coordinator shall end.
    #[must_use]
    pub fn is_exiting(&self) -> bool {
        self.exiting
    }

    /// Whether a generation only comes to its end.
    #[must_use]
    pub fn is_ending(&self, generation: GenerationId) -> bool {
        self.others
            .iter()
            .any(|other| other.generation == generation)
    }

    /// Whether the coordinator shall still be replaced.
    pub(crate) fn awaits_replacement(&self) -> bool {
        self.operation()
            .is_some_and(|operation| operation.is_at(StepName::Coordinator))
    }

    /// The operation under way.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.operation.as_ref().map(|(_, operation)| operation)
    }

    pub(crate) fn operation_mut(&mut self) -> Option<&mut Operation> {
        self.operation.as_mut().map(|(_, operation)| operation)
    }

    /// The last operations, the one under way last.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.ended.iter().chain(self.operation())
    }

    fn start(&mut self) {
        if matches!(self.phase, Phase::Stopped) && !self.closed {
            self.spawn_next();
        }
    }

    fn spawn_next(&mut self) {
        let generation = self.next_generation();
        self.phase = Phase::Starting(self.candidate(generation, Coming::Hello));
        self.actions.push(Action::Spawn(generation));
        self.reach(StepName::Start);
    }

    fn next_generation(&mut self) -> GenerationId {
        self.latest += 1;
        self.latest
    }

    fn candidate(&self, generation: GenerationId, step: Coming) -> Candidate {
        Candidate {
            generation,
            step,
            deadline: self.now.instant + self.timing.ready_timeout,
            timing: None,
        }
    }

    fn kill(&mut self, generation: GenerationId, reason: KillReason) {
        self.actions.push(Action::Kill(generation, reason));
        self.others.retain(|other| other.generation != generation);
        self.others.push(Other {
            generation,
            fate: Fate::Dying,
            deadline: Some(self.now.instant + Timing::DRAIN_GRACE),
        });
    }

    /// Kills a candidate, if it has a process.
    fn abandon(&mut self, candidate: &Candidate, reason: KillReason) {
        if !matches!(candidate.step, Coming::Prepare | Coming::Listen) {
            self.kill(candidate.generation, reason);
        }
    }

    fn drain(&mut self, generation: GenerationId, pace: Pace) {
        let timeout = self.timing.drain_timeout;
        self.actions.push(Action::Drain {
            generation,
            timeout,
            pace,
        });
        self.others.retain(|other| other.generation != generation);
        self.others.push(Other {
            generation,
            fate: Fate::Draining,
            deadline: timeout.map(|timeout| self.now.instant + timeout + Timing::DRAIN_GRACE),
        });
    }

    fn reach(&mut self, step: StepName) {
        let wall = self.now.wall;
        if let Some((_, operation)) = &mut self.operation {
            operation.reach(step, wall);
        }
    }

    fn complete(&mut self) {
        if let Some(flaw) = self.flaw.take() {
            return self.fail(flaw);
        }
        if let Some((_, mut operation)) = self.operation.take() {
            operation.complete(self.now.wall);
            self.tell(operation);
        }
    }

    fn fail(&mut self, reason: impl Into<String>) {
        self.flaw = None;
        if let Some((_, mut operation)) = self.operation.take() {
            operation.fail(reason, self.now.wall);
            self.tell(operation);
        }
    }

    fn tell(&mut self, operation: Operation) {
        if self.ended.len() >= Self::TOLD {
            self.ended.pop_front();
        }
        self.ended.push_back(operation);
    }

    /// Ends what has come to its end by what just happened.
    fn settle(&mut self) {
        if matches!(self.phase, Phase::Ending) && self.others.is_empty() {
            if self.exiting {
                self.phase = Phase::Done;
            } else {
                self.phase = Phase::Stopped;
            }
            self.complete();
        }
        let Phase::Serving(active) = &self.phase else {
            return;
        };
        let trusted = self.now.instant >= active.since + Self::PROBATION;
        let Some((command, operation)) = &self.operation else {
            return;
        };
        let leaving = operation.leaving;
        let left = !self
            .others
            .iter()
            .any(|other| Some(other.generation) == leaving || other.fate == Fate::Dying);
        match command {
            _ if !left => {}
            Command::Upgrade(_) if !trusted => self.reach(StepName::Probation),
            Command::Upgrade(_) => {
                let wall = self.now.wall;
                let replaced = operation.is_at(StepName::Coordinator);
                if !replaced && self.flaw.is_none() {
                    if let Some((_, operation)) = &mut self.operation {
                        operation.reach(StepName::Coordinator, wall);
                    }
                    self.actions.push(Action::Replace);
                } else if !replaced {
                    self.complete();
                }
            }
            Command::Restart | Command::ForceRestart | Command::Start => self.complete(),
            Command::Stop => {}
        }
    }
}

#[cfg(test)]
mod tests;
