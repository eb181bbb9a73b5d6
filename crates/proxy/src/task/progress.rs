//! How a task is shown: a bar on a terminal, a line for each step elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use odp_admin::{Receipt, StepState, Task, TaskState};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

/// Shows a task as it goes on.
pub(super) enum Progress {
    /// To a person.
    Bar(ProgressBar),
    /// To a log: the lines that were written already.
    Lines(BTreeSet<String>),
}

impl Progress {
    /// As it fits to where stdout leads.
    pub(super) fn of(task: &Task) -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::Lines(BTreeSet::new());
        }
        let bar = ProgressBar::new(100);
        let template = "{prefix} [{bar:30}] {pos:>3}% {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("{} (task {})", task.kind.name(), task.id));
        Self::Bar(bar)
    }

    /// Shows how far the task is.
    pub(super) fn show(&mut self, task: &Task) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(percent(task));
                let running = task
                    .steps
                    .iter()
                    .find(|step| step.state == StepState::Running);
                let mut message = running.map_or_else(String::new, |step| step.name.clone());
                if let Some(receipt) = task.receipt.filter(|receipt| receipt.fates.open > 0) {
                    message = format!("{message}, {} sessions left", receipt.fates.open);
                }
                bar.set_message(message);
            }
            Self::Lines(written) => {
                for line in lines(task) {
                    if written.insert(line.clone()) {
                        say(&line);
                    }
                }
            }
        }
    }

    /// Shows the end.
    pub(super) fn end(&mut self, task: &Task) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
        let word = match task.state {
            TaskState::Completed => "completed",
            TaskState::Failed => "failed",
            TaskState::Running => "running",
        };
        let sessions = task.receipt.as_ref().map(sentence).unwrap_or_default();
        say(&format!(
            "{} (task {}) {word}{sessions}",
            task.kind.name(),
            task.id
        ));
    }
}

fn lines(task: &Task) -> impl Iterator<Item = String> {
    task.steps.iter().filter_map(|step| {
        let word = match step.state {
            StepState::Pending => return None,
            StepState::Running => "running",
            StepState::Completed => "completed",
            StepState::Failed => "failed",
        };
        Some(format!("{}: {word}", step.name))
    })
}

/// Every step counts the same.
fn percent(task: &Task) -> u64 {
    let sum: u64 = task.steps.iter().map(|step| u64::from(step.progress)).sum();
    let count = u64::try_from(task.steps.len()).unwrap_or(1);
    sum.checked_div(count).unwrap_or(0)
}

fn sentence(receipt: &Receipt) -> String {
    let (sessions, fates) = (receipt.sessions, receipt.fates);
    let millis = receipt.duration_ms;
    format!(
        " in {millis} ms: {} sessions before, {} ended between transactions, {} left, {} cut, {} open",
        sessions.client, fates.drained, fates.left, fates.cut, fates.open
    )
}

/// A reader that has gone away is no reason to end.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_admin::{Step, TaskKind};

    #[test]
    fn each_step_is_a_line_and_counts_the_same() {
        let step = |name: &str, state, progress| Step {
            name: name.to_owned(),
            state,
            started_at: None,
            ended_at: None,
            progress,
        };
        let task = Task {
            id: 1,
            kind: TaskKind::Restart,
            state: TaskState::Running,
            started_at: String::new(),
            ended_at: None,
            steps: vec![
                step("start", StepState::Completed, 100),
                step("drain", StepState::Running, 50),
                step("end", StepState::Pending, 0),
            ],
            error: None,
            receipt: None,
        };
        assert_eq!(percent(&task), 50);
        let lines: Vec<_> = lines(&task).collect();
        assert_eq!(lines, ["start: completed", "drain: running"]);
    }
}
