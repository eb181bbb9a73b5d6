//! A command under way: its steps, their times and how it ended.

use crate::event::GenerationId;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepName {
    /// The configuration is read and the binary opened and checked.
    Prepare,
    /// Load balancers are told to look away while clients are still accepted.
    Announce,
    /// What runs is ended.
    End,
    /// The listeners are opened.
    Listen,
    /// The process of the new generation comes up and says Hello.
    Start,
    /// The serving generation hands out its snapshot.
    Snapshot,
    /// The new generation takes the offer and gets ready.
    Ready,
    /// The new generation accepts.
    Commit,
    /// The old generation ends its sessions.
    Drain,
    /// The new binary proves that it stays alive.
    Probation,
    /// The coordinator is replaced by the new binary.
    Coordinator,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepState {
    /// It has not begun.
    Pending,
    /// It is under way.
    Running,
    /// It is done.
    Completed,
    /// It was given up.
    Failed,
}

/// One step with its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which one.
    pub name: StepName,
    /// How far it is.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub ended_at: Option<SystemTime>,
}

/// How an operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is under way.
    Running,
    /// Everything was done.
    Completed,
    /// It was not done, and why.
    Failed(String),
}

/// A command under way, or its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The number that the caller gave it.
    pub id: u64,
    /// Its steps in their order.
    pub steps: Vec<Step>,
    /// How it stands.
    pub outcome: Outcome,
    /// The generation whose sessions end by it.
    pub leaving: Option<GenerationId>,
    /// What that generation said last before its sessions were touched; opaque.
    pub before: Option<Vec<u8>>,
    /// What it said last; opaque.
    pub last: Option<Vec<u8>>,
}

/// Why an operation that another command pushed aside has ended.
pub const SUPERSEDED: &str = "superseded";

impl Operation {
    pub(crate) fn new(id: u64, steps: &[StepName]) -> Self {
        let step = |&name| Step {
            name,
            state: StepState::Pending,
            started_at: None,
            ended_at: None,
        };
        Self {
            id,
            steps: steps.iter().map(step).collect(),
            outcome: Outcome::Running,
            leaving: None,
            before: None,
            last: None,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome != Outcome::Running
    }

    /// Whether this step is under way.
    pub(crate) fn is_at(&self, name: StepName) -> bool {
        self.steps
            .iter()
            .any(|step| step.name == name && step.state == StepState::Running)
    }

    /// Ends the steps before `name` and begins it. A step that is not part of the operation, or has
    /// begun already, changes nothing.
    pub(crate) fn reach(&mut self, name: StepName, now: SystemTime) {
        let Some(at) = self.steps.iter().position(|step| step.name == name) else {
            return;
        };
        for (index, step) in self.steps.iter_mut().enumerate().take(at + 1) {
            if index < at {
                step.end(StepState::Completed, now);
            } else if step.state == StepState::Pending {
                step.state = StepState::Running;
                step.started_at = Some(now);
            }
        }
    }

    /// Ends it well.
    pub(crate) fn complete(&mut self, now: SystemTime) {
        for step in &mut self.steps {
            step.end(StepState::Completed, now);
        }
        self.outcome = Outcome::Completed;
    }

    /// Gives it up.
    pub(crate) fn fail(&mut self, reason: impl Into<String>, now: SystemTime) {
        for step in &mut self.steps {
            if step.state == StepState::Running {
                step.end(StepState::Failed, now);
            }
        }
        self.outcome = Outcome::Failed(reason.into());
    }
}

impl Step {
    fn end(&mut self, state: StepState, now: SystemTime) {
        if matches!(self.state, StepState::Pending | StepState::Running) {
            self.started_at.get_or_insert(now);
            self.ended_at = Some(now);
            self.state = state;
        }
    }
}

impl StepName {
    /// Its word in tasks.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Announce => "announce",
            Self::End => "end",
            Self::Listen => "listen",
            Self::Start => "start",
            Self::Snapshot => "snapshot",
            Self::Ready => "ready",
            Self::Commit => "commit",
            Self::Drain => "drain",
            Self::Probation => "probation",
            Self::Coordinator => "coordinator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_in_order_and_keep_their_times() {
        use StepState::{Completed, Failed, Pending, Running};
        let now = SystemTime::now();
        let mut operation =
            Operation::new(1, &[StepName::Prepare, StepName::Start, StepName::Ready]);
        let states = |operation: &Operation| -> Vec<StepState> {
            operation.steps.iter().map(|step| step.state).collect()
        };
        operation.reach(StepName::Start, now);
        assert_eq!(states(&operation), [Completed, Running, Pending]);
        operation.reach(StepName::Drain, now);
        assert_eq!(states(&operation), [Completed, Running, Pending]);
        let mut failed = operation.clone();
        failed.fail("why", now);
        assert_eq!(states(&failed), [Completed, Failed, Pending]);
        assert_eq!(failed.outcome, Outcome::Failed("why".to_owned()));
        operation.complete(now);
        assert_eq!(states(&operation), [Completed, Completed, Completed]);
        assert!(operation.is_over());
    }
}
