//! A process is killed in the middle of a command: whoever it is and at whatever step, the proxy
//! serves again, nothing is left behind, and the next command works.
//!
//! Each step is held from outside: a process that does not run, a binary that waits before it becomes
//! `odp`, a relay on the control channel.

use odp_tests::mysql::Connection;
use odp_tests::process::{command_line, descriptors, in_folder, is_alive, send};
use odp_tests::{Failure, Stage, Task, Timer, parts, wait, workspace};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// One test for each command, step and victim, with what the task then says; nothing when the command is
/// completed all the same.
macro_rules! victims {
    ($($test:ident => $command:ident at $step:ident kills $victim:ident: $says:literal,)*) => {
        $(
            #[test]
            fn $test() -> Result<(), Failure> {
                let _timer = Timer::start();
                trial(Command::$command, Step::$step, Victim::$victim, $says)
            }
        )*
    };
}

victims! {
    restart_with_the_old_generation_killed_at_the_start => Restart at Start kills Old: "died before its successor took over",
    restart_with_the_new_generation_killed_at_its_start => Restart at Start kills New: "ended before it was ready",
    restart_with_the_coordinator_killed_at_the_start => Restart at Start kills Coordinator: "the coordinator ended",
    restart_with_the_old_generation_killed_while_the_snapshot_is_made => Restart at Snapshot kills Old: "died before its successor took over",
    restart_with_the_new_generation_killed_while_the_snapshot_is_made => Restart at Snapshot kills New: "ended before it was ready",
    restart_with_the_coordinator_killed_while_the_snapshot_is_made => Restart at Snapshot kills Coordinator: "the coordinator ended",
    restart_with_the_old_generation_killed_while_the_new_one_gets_ready => Restart at Ready kills Old: "died before its successor took over",
    restart_with_the_new_generation_killed_while_the_new_one_gets_ready => Restart at Ready kills New: "ended before it was ready",
    restart_with_the_coordinator_killed_while_the_new_one_gets_ready => Restart at Ready kills Coordinator: "the coordinator ended",
    restart_with_the_old_generation_killed_while_the_commit_is_on_its_way => Restart at Commit kills Old: "died while its sessions were ended",
    restart_with_the_new_generation_killed_while_the_commit_is_on_its_way => Restart at Commit kills New: "died after the commit",
    restart_with_the_coordinator_killed_while_the_commit_is_on_its_way => Restart at Commit kills Coordinator: "the coordinator ended",
    restart_with_the_old_generation_killed_while_the_old_one_drains => Restart at Drain kills Old: "died while its sessions were ended",
    restart_with_the_new_generation_killed_while_the_old_one_drains => Restart at Drain kills New: "died after the commit",
    restart_with_the_coordinator_killed_while_the_old_one_drains => Restart at Drain kills Coordinator: "the coordinator ended",
    upgrade_with_the_old_generation_killed_at_the_start => Upgrade at Start kills Old: "died before its successor took over",
    upgrade_with_the_new_generation_killed_at_its_start => Upgrade at Start kills New: "ended before it was ready",
    upgrade_with_the_coordinator_killed_at_the_start => Upgrade at Start kills Coordinator: "the coordinator ended",
    upgrade_with_the_old_generation_killed_while_the_snapshot_is_made => Upgrade at Snapshot kills Old: "died before its successor took over",
    upgrade_with_the_new_generation_killed_while_the_snapshot_is_made => Upgrade at Snapshot kills New: "ended before it was ready",
    upgrade_with_the_coordinator_killed_while_the_snapshot_is_made => Upgrade at Snapshot kills Coordinator: "the coordinator ended",
    upgrade_with_the_old_generation_killed_while_the_new_one_gets_ready => Upgrade at Ready kills Old: "died before its successor took over",
    upgrade_with_the_new_generation_killed_while_the_new_one_gets_ready => Upgrade at Ready kills New: "ended before it was ready",
    upgrade_with_the_coordinator_killed_while_the_new_one_gets_ready => Upgrade at Ready kills Coordinator: "the coordinator ended",
    upgrade_with_the_old_generation_killed_while_the_commit_is_on_its_way => Upgrade at Commit kills Old: "died while its sessions were ended",
    upgrade_with_the_new_generation_killed_while_the_commit_is_on_its_way => Upgrade at Commit kills New: "died after the commit",
    upgrade_with_the_coordinator_killed_while_the_commit_is_on_its_way => Upgrade at Commit kills Coordinator: "the coordinator ended",
    upgrade_with_the_old_generation_killed_while_the_old_one_drains => Upgrade at Drain kills Old: "died while its sessions were ended",
    upgrade_with_the_new_generation_killed_while_the_old_one_drains => Upgrade at Drain kills New: "died after the commit",
    upgrade_with_the_coordinator_killed_while_the_old_one_drains => Upgrade at Drain kills Coordinator: "the coordinator ended",
    upgrade_with_the_new_generation_killed_on_probation => Upgrade at Probation kills New: "died after the commit",
    upgrade_with_the_coordinator_killed_while_the_new_one_is_on_probation => Upgrade at Probation kills Coordinator: "the coordinator ended",
    upgrade_with_the_new_generation_killed_while_the_coordinator_is_replaced => Upgrade at Replace kills New: "",
    upgrade_with_the_coordinator_killed_while_it_is_replaced => Upgrade at Replace kills Coordinator: "the coordinator ended",
    stop_with_the_data_plane_killed_while_it_drains => Stop at Drain kills Old: "died while its sessions were ended",
    stop_with_the_coordinator_killed_while_the_data_plane_drains => Stop at Drain kills Coordinator: "the coordinator ended",
    force_restart_with_the_new_generation_killed_at_its_start => Force at Start kills New: "ended before it was ready",
    force_restart_with_the_coordinator_killed_at_the_start => Force at Start kills Coordinator: "the coordinator ended",
    force_restart_with_the_new_generation_killed_while_the_commit_is_on_its_way => Force at Commit kills New: "",
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Restart,
    Force,
    Stop,
    Upgrade,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The new generation has a process that has not said a word.
    Start,
    /// The old generation has been asked for what it knows, and does not run.
    Snapshot,
    /// The new generation has been offered everything, and does not run.
    Ready,
    /// The new generation is Ready; the order to accept is on its way.
    Commit,
    /// The new generation serves; a transaction is open on the old one.
    Drain,
    /// The new generation serves, the old one has ended.
    Probation,
    /// The coordinator has become the new binary, which has not begun.
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Old,
    New,
    Coordinator,
}

impl Command {
    fn begin(self, stage: &Stage) -> Result<Task, Failure> {
        let (path, body) = match self {
            Self::Restart => ("restart", Some(json!({"mode": "restart"}))),
            Self::Force => ("restart", Some(json!({"mode": "force"}))),
            Self::Stop => ("stop", None),
            Self::Upgrade => ("upgrade", Some(json!({"binary": stage.dir().join("odp")}))),
        };
        Task::begin(stage.proxy.admin(), path, body.as_ref())
    }
}

impl Step {
    /// Whether the old generation must have ended, for which nobody may stay there.
    fn is_after_drain(self) -> bool {
        matches!(self, Self::Probation | Self::Replace)
    }

    /// Sees to it that the command will not get beyond this step.
    fn hold(self, stage: &Stage, old: u32) -> Result<(), Failure> {
        match self {
            Self::Start => stage.hold(),
            Self::Replace => stage.hold_without_children(),
            Self::Snapshot | Self::Ready => send(old, Signal::STOP),
            Self::Commit => {
                let relay = format!(
                    "exec '{}' '{}' '{}' '{}'",
                    parts::python()?.interpreter.display(),
                    workspace::root()
                        .join("tests/python/holding_relay.py")
                        .display(),
                    workspace::odp()?.display(),
                    stage.held_file().display(),
                );
                stage.hold()?;
                stage.act(&relay)
            }
            Self::Drain | Self::Probation => Ok(()),
        }
    }

    /// Waits until the command is held there.
    fn reach(self, stage: &Stage, task: &mut Task, old: u32) -> Result<(), Failure> {
        match self {
            Self::Start => task.wait_for_step("start", MOMENT),
            Self::Snapshot => task.wait_for_step("snapshot", MOMENT),
            Self::Ready => {
                task.wait_for_step("snapshot", MOMENT)?;
                send(newcomer(stage, old)?, Signal::STOP)?;
                send(old, Signal::CONT)?;
                task.wait_for_step("ready", MOMENT)
            }
            Self::Commit => {
                let reached = stage.held_file().with_extension("reached");
                wait::until_true("the order to accept", MOMENT, || reached.exists())
            }
            Self::Drain => task.wait_for_step("drain", MOMENT),
            Self::Probation => task.wait_for_step("probation", MOMENT),
            Self::Replace => wait::until("a coordinator in between", MOMENT, || {
                let line = command_line(stage.proxy.coordinator());
                if line.starts_with("/bin/sh") {
                    return Ok(());
                }
                Err(line)
            }),
        }
    }

    /// Lets everything go on that the victim has left.
    fn release(stage: &Stage) -> Result<(), Failure> {
        for process in in_folder(stage.dir()) {
            // It may just have ended.
            send(process, Signal::CONT).ok();
        }
        stage.release()
    }
}

fn trial(command: Command, step: Step, victim: Victim, says: &str) -> Result<(), Failure> {
    let mut stage = stage(step)?;
    let files = settled_files(&stage)?;
    let open = descriptors(stage.proxy.coordinator());
    let old = stage.data_plane()?;
    let mut session = Some(login(&stage)?).filter(|_| !step.is_after_drain());
    if let Some(session) = &mut session {
        session.query("SET @kept = 42")?;
        session.query("BEGIN")?;
    }

    step.hold(&stage, old)?;
    let mut task = command.begin(&stage)?;
    step.reach(&stage, &mut task, old)?;
    if (command, step) == (Command::Force, Step::Commit) {
        // Over once the order is given and the old generation is gone; killed earlier, it fails.
        task.wait(MOMENT)?;
    }
    let process = match victim {
        Victim::Old => old,
        Victim::New => newcomer(&stage, old)?,
        Victim::Coordinator => stage.proxy.coordinator(),
    };
    send(process, Signal::KILL)?;
    match victim {
        Victim::Coordinator => {
            let _status = stage.proxy.wait_for_end(MOMENT)?;
        }
        // Nobody can tell while the coordinator is in between.
        Victim::Old | Victim::New if step == Step::Replace => {}
        Victim::Old | Victim::New => is_noticed(&stage, process)?,
    }
    Step::release(&stage)?;
    if let Some(session) = &mut session
        && victim != Victim::Old
        && command != Command::Force
    {
        // The generation that nobody has killed has lost nothing.
        assert!(is_alive(old));
        let kept = session.query("SELECT @kept")?;
        assert_eq!(kept, [[Some("42".to_owned())]]);
    }
    if victim == Victim::Coordinator {
        stage.proxy.serve_again()?;
    }
    // The transaction ends, and with it whatever waited for it.
    drop(session);
    task.wait(MOMENT)
        .map_err(|failure| stage.explain(&failure))?;
    told(&task, says);

    if stage.proxy.state()? == "Stopped" {
        stage.complete("start", None)?;
    }
    serves(&stage)?;
    if step == Step::Replace {
        is_noticed(&stage, process)?;
    }
    if step != Step::Commit {
        // Else the relay may run, too.
        stage.wait_for_two_processes()?;
    }
    stage.restart()?;
    serves(&stage)?;
    stage.wait_for_two_processes()?;
    assert_eq!(settled_files(&stage)?, files);
    let now = descriptors(stage.proxy.coordinator());
    assert!(now <= open + 4, "{open} descriptors before, {now} after");
    assert!(!is_alive(process) || victim == Victim::Coordinator);
    Ok(())
}

fn stage(step: Step) -> Result<Stage, Failure> {
    let stage = Stage::start(|settings| {
        settings
            .with("hot_upgrade_exit_timeout", "\"30s\"")
            .with("hot_restart_ready_timeout", "\"30s\"")
    })?;
    if step == Step::Replace {
        stage.swap_coordinator()?;
    } else {
        stage.swap_binary()?;
    }
    stage.restart()?;
    Ok(stage)
}

/// Waits until the coordinator knows that a data plane has ended.
fn is_noticed(stage: &Stage, process: u32) -> Result<(), Failure> {
    wait::until("another data plane in /v1/status", MOMENT, || {
        let named = stage.proxy.data_plane();
        match named.map_err(|error| error.to_string())? {
            Some(id) if id == process => Err(format!("still {id}")),
            _ => Ok(()),
        }
    })
}

/// The task has ended, and says so.
fn told(task: &Task, says: &str) {
    let expected = if says.is_empty() {
        "Completed"
    } else {
        "Failed"
    };
    assert_eq!(task.state(), expected, "{}", task.body);
    assert!(task.error().contains(says), "no {says:?} in {}", task.body);
}

/// The process of the new generation, whether `/v1/status` names it or not yet.
fn newcomer(stage: &Stage, old: u32) -> Result<u32, Failure> {
    let coordinator = stage.proxy.coordinator();
    wait::until("a process of the new generation", MOMENT, || {
        let processes = in_folder(stage.dir());
        let child = |id: &u32| *id != old && *id != coordinator && parent(*id) == Some(coordinator);
        processes
            .into_iter()
            .find(child)
            .ok_or_else(|| "none".to_owned())
    })
}

/// The fourth field of `/proc/ID/stat`.
fn parent(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Within a moment the proxy is healthy and runs statements.
fn serves(stage: &Stage) -> Result<(), Failure> {
    let limit = Duration::from_secs(10);
    wait::until("a proxy that serves", limit, || {
        let explain = |failure: Failure| format!("{failure}\n{}", stage.proxy.evidence());
        let health = stage.proxy.health().map_err(explain)?;
        if health.status != 200 {
            return Err(format!("{} {}", health.status, health.body));
        }
        let status = stage.proxy.status().map_err(explain)?;
        if status.get("state").and_then(Value::as_str) != Some("Running") {
            return Err(status.to_string());
        }
        login(stage)
            .and_then(|mut session| session.query("SELECT 1"))
            .map_err(explain)
    })
    .map(drop)
}

/// The files of `state_dir`, once none is half written.
fn settled_files(stage: &Stage) -> Result<Vec<String>, Failure> {
    wait::until("complete files in state_dir", MOMENT, || {
        let files = stage.state_files();
        if files.iter().any(|name| name.contains(".new")) {
            return Err(format!("{files:?}"));
        }
        Ok(files)
    })
}

fn login(stage: &Stage) -> Result<Connection, Failure> {
    let app = stage.app();
    Connection::login(app.port, app.user, app.password)
}

const MOMENT: Duration = Duration::from_secs(40);
