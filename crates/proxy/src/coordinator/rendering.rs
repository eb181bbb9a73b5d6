//! An operation of the coordinator as the task that users see.

use crate::snapshot::Snapshot;
use crate::wall_clock::WallClock;
use odp_admin::{
    FatesByKind, Receipt, SessionFates, SessionKinds, Step, StepState, Task, TaskError, TaskState,
};
use odp_restart::{Operation, Outcome, SUPERSEDED, StepName};

/// Brings `task` up to what `operation` says.
pub(super) fn render(operation: &Operation, task: &Task, clock: &WallClock) -> Task {
    let receipt = receipt(operation);
    let (state, error) = match &operation.outcome {
        Outcome::Running => (TaskState::Running, None),
        Outcome::Completed => (TaskState::Completed, None),
        Outcome::Failed(reason) => {
            let superseded = reason == SUPERSEDED;
            let error = TaskError {
                code: if superseded { SUPERSEDED } else { "failed" }.to_owned(),
                message: reason.clone(),
            };
            (TaskState::Failed, Some(error))
        }
    };
    let step = |step: &odp_restart::Step| {
        let state = match step.state {
            odp_restart::StepState::Pending => StepState::Pending,
            odp_restart::StepState::Running => StepState::Running,
            odp_restart::StepState::Completed => StepState::Completed,
            odp_restart::StepState::Failed => StepState::Failed,
        };
        Step {
            name: step.name.label().to_owned(),
            state,
            started_at: step.started_at.map(|at| clock.rfc3339_of(at)),
            ended_at: step.ended_at.map(|at| clock.rfc3339_of(at)),
            progress: match state {
                StepState::Completed => 100,
                StepState::Running if step.name == StepName::Drain => drained_percent(receipt),
                _ => 0,
            },
        }
    };
    Task {
        state,
        error,
        steps: operation.steps.iter().map(step).collect(),
        receipt,
        ..task.clone()
    }
}

fn receipt(operation: &Operation) -> Option<Receipt> {
    let read = |bytes: &Option<Vec<u8>>| Snapshot::from_bytes(bytes.as_deref()?);
    let before = read(&operation.before)?;
    let sessions = SessionKinds {
        client: before.sessions.client,
        in_transaction: before.sessions.in_transaction,
        pinned: before.sessions.pinned,
    };
    let last = read(&operation.last);
    let fates = |of: fn(&Snapshot) -> Share| {
        let last = last.as_ref().map_or_else(|| of(&before), of);
        // Nothing is left of a process that has ended.
        of(&before).fates(last, operation.outcome == Outcome::Completed)
    };
    let times = operation.steps.iter();
    let begin = times.clone().filter_map(|step| step.started_at).min();
    let end = times.filter_map(|step| step.ended_at).max();
    let duration = begin
        .zip(end)
        .and_then(|(from, to)| to.duration_since(from).ok());
    let duration_ms = duration.unwrap_or_default().as_millis();
    Some(Receipt {
        sessions,
        fates: fates(Share::all),
        by_kind: FatesByKind {
            idle: fates(Share::idle),
            in_transaction: fates(Share::in_transaction),
            pinned: fates(Share::pinned),
        },
        duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
    })
}

/// What a data plane told of its sessions of some kind.
#[derive(Debug, Clone, Copy)]
struct Share {
    open: u64,
    /// Since the start, like the next one.
    drained: u64,
    cut: u64,
}

impl Share {
    fn all(told: &Snapshot) -> Self {
        Self {
            open: told.sessions.client,
            drained: told.drained_sessions,
            cut: told.cut_sessions,
        }
    }

    fn in_transaction(told: &Snapshot) -> Self {
        Self {
            open: told.kinds.in_transaction,
            drained: told.drained_kinds.in_transaction,
            cut: told.cut_kinds.in_transaction,
        }
    }

    fn pinned(told: &Snapshot) -> Self {
        Self {
            open: told.kinds.pinned,
            drained: told.drained_kinds.pinned,
            cut: told.cut_kinds.pinned,
        }
    }

    fn idle(told: &Snapshot) -> Self {
        let rest = |pick: fn(Self) -> u64| {
            let kept = pick(Self::in_transaction(told)) + pick(Self::pinned(told));
            pick(Self::all(told)).saturating_sub(kept)
        };
        Self {
            open: rest(|share| share.open),
            drained: rest(|share| share.drained),
            cut: rest(|share| share.cut),
        }
    }

    /// What became of these up to `last`.
    fn fates(self, last: Self, is_over: bool) -> SessionFates {
        let drained = last.drained.saturating_sub(self.drained);
        let mut cut = last.cut.saturating_sub(self.cut);
        let mut open = last.open;
        if is_over {
            cut += open;
            open = 0;
        }
        SessionFates {
            drained,
            left: self.open.saturating_sub(drained + cut + open),
            cut,
            open,
        }
    }
}

fn drained_percent(receipt: Option<Receipt>) -> u8 {
    let Some(receipt) = receipt else {
        return 0;
    };
    let (all, open) = (receipt.sessions.client, receipt.fates.open);
    let gone = all.saturating_sub(open);
    let percent = (gone * 100).checked_div(all).unwrap_or(100);
    u8::try_from(percent.min(99)).unwrap_or(99)
}
