//! The table of what is admitted when, cell by cell against a running proxy; every state is held.

use odp_tests::mysql::Connection;
use odp_tests::process::send;
use odp_tests::task::order;
use odp_tests::{Failure, Stage, Task, Timer, wait, workspace};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// One test for each column of the table.
macro_rules! columns {
    ($($test:ident => $state:ident: $restart:ident $force:ident $stop:ident $start:ident $upgrade:ident,)*) => {
        $(
            #[test]
            fn $test() -> Result<(), Failure> {
                let _timer = Timer::start();
                let cells = [Cell::$restart, Cell::$force, Cell::$stop, Cell::$start, Cell::$upgrade];
                column(State::$state, cells)
            }
        )*
    };
}

columns! {
    what_a_running_proxy_takes => Running: Taken Taken Taken Refused Taken,
    what_a_starting_proxy_takes => Starting: Refused Supersedes Supersedes Refused Refused,
    what_a_restarting_proxy_takes => Restarting: Refused Supersedes Supersedes Refused Refused,
    what_an_upgrading_proxy_takes => Upgrading: Refused Refused Refused Refused Refused,
    what_a_stopping_proxy_takes => Stopping: Refused Supersedes Refused Refused Refused,
    what_a_stopped_proxy_takes => Stopped: Refused Taken Refused Taken Refused,
    what_an_unavailable_proxy_takes => Unavailable: Refused Taken Taken Taken Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Starting,
    Restarting,
    Upgrading,
    Stopping,
    Stopped,
    Unavailable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// 202.
    Taken,
    /// 202, and the running task fails with `superseded`.
    Supersedes,
    /// 409.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Restart,
    Force,
    Stop,
    Start,
    Upgrade,
}

const ACTIONS: [Action; 5] = [
    Action::Restart,
    Action::Force,
    Action::Stop,
    Action::Start,
    Action::Upgrade,
];

impl Action {
    fn call(self, stage: &Stage) -> (&'static str, Option<Value>) {
        match self {
            Self::Restart => ("restart", Some(json!({"mode": "restart"}))),
            Self::Force => ("restart", Some(json!({"mode": "force"}))),
            Self::Stop => ("stop", None),
            Self::Start => ("start", None),
            Self::Upgrade => ("upgrade", Some(json!({"binary": stage.dir().join("real")}))),
        }
    }

    /// The state that it leads to when nothing holds it up.
    fn goal(self) -> &'static str {
        match self {
            Self::Stop => "Stopped",
            _ => "Running",
        }
    }
}

/// What holds the proxy in a state.
#[derive(Default)]
struct Holder {
    task: Option<Task>,
    session: Option<Connection>,
}

fn column(phase: State, cells: [Cell; 5]) -> Result<(), Failure> {
    let stage = Stage::start(|settings| {
        settings
            .with("hot_upgrade_exit_timeout", "\"20s\"")
            .with("hot_restart_ready_timeout", "\"60s\"")
    })?;
    std::fs::hard_link(workspace::odp()?, stage.dir().join("real"))
        .map_err(Failure::io("link odp"))?;
    stage.swap_binary()?;
    // From now on the data plane, too, comes from the script, whoever starts the next one.
    stage.restart()?;
    let mut holder = enter(&stage, phase)?;
    for (action, cell) in ACTIONS.into_iter().zip(cells) {
        if cell == Cell::Refused {
            refuse(&stage, phase, action)?;
        }
    }
    for (action, cell) in ACTIONS.into_iter().zip(cells) {
        if cell == Cell::Refused {
            continue;
        }
        take(&stage, phase, action, cell, holder)?;
        holder = enter(&stage, phase)?;
    }
    leave(&stage, holder)
}

fn refuse(stage: &Stage, phase: State, action: Action) -> Result<(), Failure> {
    let (path, body) = action.call(stage);
    let answer = order(stage.proxy.admin(), path, body.as_ref())?;
    let text = format!("{action:?} in {phase:?}: {} {}", answer.status, answer.body);
    assert_eq!(answer.status, 409, "{text}");
    let error = answer.json()?;
    let code = error.pointer("/error/code").and_then(Value::as_str);
    assert!(
        matches!(code, Some("precondition_failed" | "task_running")),
        "{text}"
    );
    let message = error.pointer("/error/message").and_then(Value::as_str);
    assert!(message.is_some_and(|message| message.len() > 10), "{text}");
    assert_eq!(stage.proxy.state()?, format!("{phase:?}"), "after {text}");
    Ok(())
}

fn take(
    stage: &Stage,
    phase: State,
    action: Action,
    cell: Cell,
    mut holder: Holder,
) -> Result<(), Failure> {
    let (path, body) = action.call(stage);
    if phase == State::Unavailable {
        // What is asked for now is to find a good binary again.
        stage.release()?;
    }
    let mut task = Task::begin(stage.proxy.admin(), path, body.as_ref())
        .map_err(|failure| stage.explain(&failure))?;
    let text = format!("{action:?} in {phase:?}");
    if cell == Cell::Supersedes {
        let former = holder.task.as_mut();
        let former = former.ok_or_else(|| Failure::answer(&text, "no task to supersede"))?;
        former.wait(MOMENT)?;
        assert_eq!(former.state(), "Failed", "{text}: {}", former.body);
        assert!(
            former.error().contains("superseded"),
            "{text}: {}",
            former.body
        );
    }
    stage.release()?;
    holder.session = None;
    task.wait(MOMENT)
        .map_err(|failure| stage.explain(&failure))?;
    assert_eq!(
        task.state(),
        "Completed",
        "{text}: {}\n{}",
        task.body,
        stage.proxy.evidence()
    );
    assert_eq!(stage.proxy.state()?, action.goal(), "after {text}");
    if action.goal() == "Running" {
        let app = stage.app();
        let mut session = Connection::login(app.port, app.user, app.password)?;
        session.query("SELECT 1")?;
    }
    leave(stage, Holder::default())
}

/// Brings a proxy in any state that nothing holds to `state`, and holds it there.
fn enter(stage: &Stage, phase: State) -> Result<Holder, Failure> {
    let admin = stage.proxy.admin();
    let mut holder = Holder::default();
    match phase {
        State::Running => {}
        State::Starting => {
            stage.complete("stop", None)?;
            stage.hold()?;
            holder.task = Some(Task::begin(admin, "start", None)?);
        }
        State::Restarting => {
            stage.hold()?;
            holder.task = Some(Task::begin(admin, "restart", None)?);
        }
        State::Upgrading => {
            // A script can stand in for a data plane, but not for the coordinator.
            stage.hold_then("exit 3")?;
            let body = json!({"binary": stage.dir().join("odp")});
            holder.task = Some(Task::begin(admin, "upgrade", Some(&body))?);
        }
        State::Stopping => {
            let app = stage.app();
            let mut session = Connection::login(app.port, app.user, app.password)?;
            session.query("BEGIN")?;
            holder.session = Some(session);
            holder.task = Some(Task::begin(admin, "stop", None)?);
        }
        State::Stopped => {
            stage.complete("stop", None)?;
        }
        State::Unavailable => {
            stage.act("echo the stand-in crashes >&2; exit 3")?;
            send(stage.data_plane()?, Signal::KILL)?;
        }
    }
    stage.proxy.wait_for_state(&format!("{phase:?}"))?;
    Ok(holder)
}

/// Lets go of whatever holds the proxy and brings it to `Running`.
fn leave(stage: &Stage, mut holder: Holder) -> Result<(), Failure> {
    stage.release()?;
    holder.session = None;
    if let Some(task) = &mut holder.task {
        task.wait(MOMENT)?;
    }
    wait::until("Running", MOMENT, || {
        let explain = |failure: Failure| failure.to_string();
        match stage.proxy.state().map_err(explain)?.as_str() {
            "Running" => Ok(()),
            "Stopped" | "Unavailable" => {
                Task::run(stage.proxy.admin(), "start", None).map_err(explain)?;
                Err("started".to_owned())
            }
            other => Err(format!("{other}\n{}", stage.proxy.evidence())),
        }
    })?;
    stage.wait_for_two_processes()
}

const MOMENT: Duration = Duration::from_secs(25);
