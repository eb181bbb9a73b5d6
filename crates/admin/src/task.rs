//! Tasks: what the operator asked for, step by step, and what came of it.

use serde::{Deserialize, Serialize};

/// A task, as `/v1/tasks` shows it and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number; grows by one with every task.
    pub id: u64,
    /// What was asked for.
    pub kind: TaskKind,
    /// How it stands.
    pub state: TaskState,
    /// When it was asked for, RFC 3339 in UTC.
    pub started_at: String,
    /// When it ended; null while it runs.
    pub ended_at: Option<String>,
    /// Its steps in their order.
    pub steps: Vec<Step>,
    /// Why it failed; null unless it did.
    pub error: Option<TaskError>,
    /// What became of the sessions; null while nothing is known.
    pub receipt: Option<Receipt>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Replace the data plane without an interruption.
    Restart,
    /// End the data plane and start the next one.
    ForceRestart,
    /// End the sessions and close the listeners.
    Stop,
    /// Serve again.
    Start,
    /// Replace data plane and coordinator by another binary.
    Upgrade,
}

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskState {
    /// It is under way.
    Running,
    /// Everything was done.
    Completed,
    /// It was not done.
    Failed,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// `superseded` when another command took its place, else `failed`.
    pub code: String,
    /// The reason in one line.
    pub message: String,
}

/// A step of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done in it.
    pub name: String,
    /// How it stands.
    pub state: StepState,
    /// When it began, RFC 3339 in UTC; null before.
    pub started_at: Option<String>,
    /// When it ended; null before.
    pub ended_at: Option<String>,
    /// How far it is, from 0 to 100.
    pub progress: u8,
}

/// How a step stands.
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

/// What became of the sessions of the data plane that a task ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The sessions before, by kind.
    pub sessions: SessionKinds,
    /// The sessions by fate.
    pub fates: SessionFates,
    /// Both at once.
    #[serde(default)]
    pub by_kind: FatesByKind,
    /// From the command to the end, in milliseconds.
    pub duration_ms: u64,
}

/// Sessions by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionKinds {
    /// All of them.
    pub client: u64,
    /// Those inside a transaction.
    pub in_transaction: u64,
    /// Those that could not leave their server for another reason, some of them inside a transaction.
    pub pinned: u64,
}

/// Sessions by the kind that they were before, each kind by fate. Every session is of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FatesByKind {
    /// Those that nothing kept.
    pub idle: SessionFates,
    /// Those inside a transaction.
    pub in_transaction: SessionFates,
    /// Those that could not leave their server for another reason.
    pub pinned: SessionFates,
}

/// Sessions by fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFates {
    /// The proxy closed them between two transactions.
    pub drained: u64,
    /// Their clients left by themselves.
    pub left: u64,
    /// The deadline or a force ended them.
    pub cut: u64,
    /// They are still there.
    pub open: u64,
}

impl Task {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state != TaskState::Running
    }
}

impl TaskKind {
    /// Its word, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::ForceRestart => "force_restart",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Upgrade => "upgrade",
        }
    }
}
