//! A process is killed in the middle of a command: whoever it is and at whatever step, the proxy
//! serves again, nothing is left behind, and the next command works.

use odp_tests::mysql::Connection;
use odp_tests::process::{descriptors, is_alive, send};
use odp_tests::{Failure, Stage, Task, Timer, wait};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// One test for each command, step and victim.
macro_rules! victims {
    ($($test:ident => $command:ident at $step:ident kills $victim:ident,)*) => {
        $(
            #[test]
            fn $test() -> Result<(), Failure> {
                let _timer = Timer::start();
                trial(Command::$command, Step::$step, Victim::$victim)
            }
        )*
    };
}

victims! {
    restart_with_the_new_generation_killed_at_its_start => Restart at Start kills New,
    restart_with_the_old_generation_killed_before_the_new_one_is_there => Restart at Start kills Old,
    restart_with_the_coordinator_killed_at_the_start => Restart at Start kills Coordinator,
    restart_with_the_new_generation_killed_while_the_old_one_drains => Restart at Drain kills New,
    restart_with_the_old_generation_killed_while_it_drains => Restart at Drain kills Old,
    restart_with_the_coordinator_killed_while_the_old_one_drains => Restart at Drain kills Coordinator,
    upgrade_with_the_new_generation_killed_at_its_start => Upgrade at Start kills New,
    upgrade_with_the_old_generation_killed_before_the_new_one_is_there => Upgrade at Start kills Old,
    upgrade_with_the_coordinator_killed_at_the_start => Upgrade at Start kills Coordinator,
    upgrade_with_the_new_generation_killed_while_the_old_one_drains => Upgrade at Drain kills New,
    upgrade_with_the_old_generation_killed_while_it_drains => Upgrade at Drain kills Old,
    upgrade_with_the_coordinator_killed_while_the_old_one_drains => Upgrade at Drain kills Coordinator,
    stop_with_the_data_plane_killed_while_it_drains => Stop at Drain kills Old,
    stop_with_the_coordinator_killed_while_the_data_plane_drains => Stop at Drain kills Coordinator,
    force_restart_with_the_new_generation_killed_at_its_start => Force at Start kills New,
    force_restart_with_the_coordinator_killed_at_the_start => Force at Start kills Coordinator,
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
    /// The new generation serves; a transaction is open on the old one.
    Drain,
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

fn trial(command: Command, step: Step, victim: Victim) -> Result<(), Failure> {
    let mut stage = Stage::start(|settings| {
        settings
            .with("hot_upgrade_exit_timeout", "\"30s\"")
            .with("hot_restart_ready_timeout", "\"30s\"")
    })?;
    stage.swap_binary()?;
    stage.restart()?;
    let files = settled_files(&stage)?;
    let open = descriptors(stage.proxy.coordinator());
    let old = stage.data_plane()?;
    let mut session = login(&stage)?;
    session.query("SET @kept = 42")?;
    session.query("BEGIN")?;

    if step == Step::Start {
        stage.hold()?;
    }
    let mut task = command.begin(&stage)?;
    let name = if step == Step::Start {
        "start"
    } else {
        "drain"
    };
    task.wait_for_step(name, MOMENT)?;
    let process = match victim {
        Victim::Old => old,
        Victim::New => newcomer(&stage, old)?,
        Victim::Coordinator => stage.proxy.coordinator(),
    };
    send(process, Signal::KILL)?;
    if victim == Victim::Coordinator {
        let _status = stage.proxy.wait_for_end(MOMENT)?;
        survives(&mut session, command, old)?;
        stage.proxy.serve_again()?;
    } else if victim == Victim::New && command != Command::Force {
        survives(&mut session, command, old)?;
    }
    stage.release()?;
    // The transaction ends, and with it whatever waited for it.
    session.query("ROLLBACK").ok();
    drop(session);
    task.wait(MOMENT)
        .map_err(|failure| stage.explain(&failure))?;
    let outcome = format!("{} {}", task.state(), task.error());
    let defined = match task.state() {
        "Completed" => task.error().is_empty(),
        _ => task.error().len() > 10,
    };
    assert!(defined, "{}", task.body);

    if stage.proxy.state()? == "Stopped" {
        stage.complete("start", None)?;
    }
    serves(&stage, &outcome)?;
    stage.wait_for_two_processes()?;
    stage.restart()?;
    serves(&stage, &outcome)?;
    stage.wait_for_two_processes()?;
    assert_eq!(settled_files(&stage)?, files, "{outcome}");
    let now = descriptors(stage.proxy.coordinator());
    assert!(
        now <= open + 4,
        "{open} descriptors before, {now} after: {outcome}"
    );
    assert!(!is_alive(process) || victim == Victim::Coordinator);
    Ok(())
}

/// The session on a generation that nobody has killed has lost nothing.
fn survives(session: &mut Connection, command: Command, old: u32) -> Result<(), Failure> {
    if command == Command::Force {
        return Ok(());
    }
    assert!(is_alive(old));
    let kept = session.query("SELECT @kept")?;
    assert_eq!(kept, [[Some("42".to_owned())]]);
    Ok(())
}

/// The process of the new generation, whether `/v1/status` names it or not yet.
fn newcomer(stage: &Stage, old: u32) -> Result<u32, Failure> {
    let coordinator = stage.proxy.coordinator();
    wait::until("a process of the new generation", MOMENT, || {
        let processes = odp_tests::process::in_folder(stage.dir());
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
fn serves(stage: &Stage, outcome: &str) -> Result<(), Failure> {
    let limit = Duration::from_secs(10);
    wait::until("a proxy that serves", limit, || {
        let explain =
            |failure: Failure| format!("{failure} after {outcome}\n{}", stage.proxy.evidence());
        let health = stage.proxy.health().map_err(explain)?;
        if health.status != 200 {
            return Err(format!("{} {} after {outcome}", health.status, health.body));
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
