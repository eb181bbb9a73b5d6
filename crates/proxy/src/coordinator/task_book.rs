//! The tasks: the coordinator's operations as users see them, kept over restarts and reboots.

use super::rendering::render;
use super::state_dir::{Desired, StateDir};
use crate::wall_clock::WallClock;
use odp_admin::{Command, CommandRefusal, StepState, Task, TaskError, TaskKind, TaskState};
use odp_restart::{Handle, Operation, Refusal};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The book.
#[derive(Debug)]
pub(crate) struct TaskBook {
    tasks: Arc<Mutex<Vec<Task>>>,
    version: watch::Sender<u64>,
    state: Option<Arc<StateDir>>,
    /// One command is taken at a time.
    turn: tokio::sync::Mutex<()>,
    /// One page is written at a time.
    page: tokio::sync::Mutex<()>,
}

impl TaskBook {
    /// Tasks that are kept.
    const KEPT: usize = 64;

    /// The book that was kept. Tasks that were under way have failed, but for `resumed`.
    pub(crate) fn open(state: Option<Arc<StateDir>>, resumed: Option<u64>) -> Self {
        let mut tasks = state.as_ref().map_or_else(Vec::new, |state| state.tasks());
        for task in &mut tasks {
            if !task.is_over() && Some(task.id) != resumed {
                give_up(task, "the coordinator ended while it was under way");
            }
        }
        Self {
            tasks: Arc::new(Mutex::new(tasks)),
            version: watch::Sender::new(0),
            state,
            turn: tokio::sync::Mutex::default(),
            page: tokio::sync::Mutex::default(),
        }
    }

    /// The tasks, newest first.
    pub(crate) fn list(&self) -> Vec<Task> {
        self.tasks.lock().iter().rev().cloned().collect()
    }

    /// The newest task.
    pub(crate) fn last(&self) -> Option<Task> {
        self.tasks.lock().last().cloned()
    }

    /// One task; waits up to `wait` for its end.
    pub(crate) async fn get(&self, id: u64, wait: Duration) -> Option<Task> {
        let mut version = self.version.subscribe();
        let over = version.wait_for(|_| self.find(id).is_none_or(|task| task.is_over()));
        tokio::time::timeout(wait, over).await.ok();
        self.find(id)
    }

    fn find(&self, id: u64) -> Option<Task> {
        let tasks = self.tasks.lock();
        tasks.iter().find(|task| task.id == id).cloned()
    }

    /// Has a command carried out as a task of its own.
    ///
    /// # Errors
    /// Why it is refused; there is no task then.
    pub(crate) async fn command(
        &self,
        command: Command,
        handle: &Handle,
    ) -> Result<Task, CommandRefusal> {
        let _turn = self.turn.lock().await;
        let kind = kind(&command);
        let id = self.tasks.lock().last().map_or(1, |task| task.id + 1);
        let command = to_restart(command);
        let status = handle.status();
        if status.state.admits(&command) == odp_restart::Verdict::Refused {
            let running = status.operations.last().filter(|last| !last.is_over());
            let refusal = running.map_or(Refusal::State(status.state), |operation| {
                Refusal::Busy(operation.id)
            });
            return Err(refused(kind, refusal));
        }
        let task = new_task(id, kind);
        self.add(task.clone());
        if let Err(error) = self.keep().await {
            tracing::error!(%error, "the task cannot be kept");
            // What interrupts nobody can wait for the disk; what the operator needs now cannot.
            if matches!(kind, TaskKind::Restart | TaskKind::Upgrade) {
                let reason = format!("the task cannot be kept in state_dir: {error}");
                return Ok(self.fail(task, &reason));
            }
        }
        if let Err(refusal) = handle.command(id, command).await {
            self.tasks.lock().retain(|task| task.id != id);
            self.keep_or_warn().await;
            return Err(refused(kind, refusal));
        }
        self.keep_desired(kind).await;
        self.take(&handle.status().operations);
        Ok(self.find(id).unwrap_or(task))
    }

    /// Follows the coordinator to its end.
    pub(crate) async fn follow(&self, mut handle: Handle) {
        self.take(&handle.status().operations);
        self.keep_or_warn().await;
        while let Some(status) = handle.changed().await {
            if self.take(&status.operations) {
                self.keep_or_warn().await;
            }
        }
    }

    /// Brings the tasks up to date; says whether one has changed in a way worth keeping.
    pub(crate) fn take(&self, operations: &[Operation]) -> bool {
        let clock = WallClock::now();
        let mut worth = false;
        let mut changed = false;
        let mut tasks = self.tasks.lock();
        for operation in operations {
            let Some(task) = tasks.iter_mut().find(|task| task.id == operation.id) else {
                continue;
            };
            let mut fresh = render(operation, task, &clock);
            if task.is_over() || fresh == *task {
                continue;
            }
            if fresh.is_over() {
                fresh.ended_at = Some(clock.rfc3339_of(SystemTime::now()));
            }
            let states = |task: &Task| -> Vec<StepState> {
                task.steps.iter().map(|step| step.state).collect()
            };
            worth |= fresh.is_over() || states(&fresh) != states(task);
            changed = true;
            *task = fresh;
        }
        drop(tasks);
        if changed {
            self.version.send_modify(|version| *version += 1);
        }
        worth
    }

    fn add(&self, task: Task) {
        let mut tasks = self.tasks.lock();
        let excess = (tasks.len() + 1).saturating_sub(Self::KEPT);
        tasks.drain(..excess);
        tasks.push(task);
    }

    fn fail(&self, mut task: Task, reason: &str) -> Task {
        give_up(&mut task, reason);
        let mut tasks = self.tasks.lock();
        if let Some(kept) = tasks.iter_mut().find(|kept| kept.id == task.id) {
            *kept = task.clone();
        }
        task
    }

    async fn keep(&self) -> std::io::Result<()> {
        let tasks = Arc::clone(&self.tasks);
        self.on_disk(move |state| {
            let tasks = tasks.lock().clone();
            state.keep_tasks(&tasks)
        })
        .await
    }

    async fn keep_or_warn(&self) {
        if let Err(error) = self.keep().await {
            tracing::error!(%error, "the tasks cannot be kept");
        }
    }

    async fn keep_desired(&self, kind: TaskKind) {
        let desired = match kind {
            TaskKind::Stop => Desired::Stopped,
            _ => Desired::Running,
        };
        let kept = self.on_disk(move |state| state.keep_desired(desired)).await;
        if let Err(error) = kept {
            tracing::error!(%error, ?desired, "what was asked for will not outlive a reboot");
        }
    }

    /// A slow disk must not hold up the coordinator's thread.
    async fn on_disk(
        &self,
        write: impl FnOnce(&StateDir) -> std::io::Result<()> + Send + 'static,
    ) -> std::io::Result<()> {
        let Some(state) = self.state.as_ref().map(Arc::clone) else {
            return Ok(());
        };
        let _page = self.page.lock().await;
        let written = tokio::task::spawn_blocking(move || write(&state)).await;
        written.map_err(std::io::Error::other)?
    }
}

fn kind(command: &Command) -> TaskKind {
    match command {
        Command::Restart => TaskKind::Restart,
        Command::ForceRestart => TaskKind::ForceRestart,
        Command::Stop => TaskKind::Stop,
        Command::Start => TaskKind::Start,
        Command::Upgrade(_) => TaskKind::Upgrade,
    }
}

fn to_restart(command: Command) -> odp_restart::Command {
    match command {
        Command::Restart => odp_restart::Command::Restart,
        Command::ForceRestart => odp_restart::Command::ForceRestart,
        Command::Stop => odp_restart::Command::Stop,
        Command::Start => odp_restart::Command::Start,
        Command::Upgrade(binary) => odp_restart::Command::Upgrade(binary),
    }
}

fn refused(kind: TaskKind, refusal: Refusal) -> CommandRefusal {
    match refusal {
        Refusal::State(state) => {
            let message = format!("{} is not possible in state {state:?}", kind.name());
            CommandRefusal::Precondition(message)
        }
        Refusal::Busy(id) => CommandRefusal::TaskRunning(id),
        Refusal::Ending => CommandRefusal::Ending,
    }
}

fn new_task(id: u64, kind: TaskKind) -> Task {
    Task {
        id,
        kind,
        state: TaskState::Running,
        started_at: WallClock::now().rfc3339_of(SystemTime::now()),
        ended_at: None,
        steps: Vec::new(),
        error: None,
        receipt: None,
    }
}

fn give_up(task: &mut Task, reason: &str) {
    let now = WallClock::now().rfc3339_of(SystemTime::now());
    for step in &mut task.steps {
        if step.state == StepState::Running {
            step.state = StepState::Failed;
            step.ended_at = Some(now.clone());
        }
    }
    task.state = TaskState::Failed;
    task.ended_at = Some(now);
    task.error = Some(TaskError {
        code: "failed".to_owned(),
        message: reason.to_owned(),
    });
}

#[cfg(test)]
pub(crate) mod tests;
