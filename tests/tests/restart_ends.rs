//! How everything ends: by signals, without a coordinator, and by an upgrade that cannot go on.

use odp_tests::mysql::Connection;
use odp_tests::process::{command_line, in_folder, send};
use odp_tests::{Failure, Stage, Task, Timer, wait, workspace};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn a_second_sigterm_does_not_wait_for_a_transaction() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut stage = Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"60s\""))?;
    let mut session = login(&stage)?;
    session.query("BEGIN")?;
    let coordinator = stage.proxy.coordinator();
    send(coordinator, Signal::TERM)?;
    stage.proxy.wait_for_state("Stopping")?;
    // The first one waits for the transaction.
    session.query("SELECT 1")?;
    let second = Instant::now();
    send(coordinator, Signal::TERM)?;
    let status = stage.proxy.wait_for_end(MOMENT)?;
    assert_eq!(status.code(), Some(0), "{}", stage.proxy.evidence());
    let took = second.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(session.query("SELECT 1").is_err());
    nothing_is_left(&stage)
}

#[test]
fn a_data_plane_that_nobody_adopts_ends_its_sessions_and_itself() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut stage = Stage::start(|settings| {
        settings
            .with("orphan_timeout", "\"2s\"")
            .with("hot_upgrade_exit_timeout", "\"1s\"")
    })?;
    let mut idle = login(&stage)?;
    let lost = Instant::now();
    send(stage.proxy.coordinator(), Signal::KILL)?;
    let _status = stage.proxy.wait_for_end(MOMENT)?;
    // Old and new clients are served meanwhile.
    idle.query("SELECT 1")?;
    login(&stage)?.query("SELECT 1")?;
    assert!(idle.wait_for_clean_end(MOMENT)?);
    let took = lost.elapsed();
    assert!(took > Duration::from_millis(1900), "{took:?}");
    nothing_is_left(&stage)?;
    // The next coordinator finds the port free and begins anew.
    stage.proxy.serve_again()?;
    stage.proxy.wait_for_health(200)?;
    login(&stage)?.query("SELECT 1").map(drop)
}

#[test]
fn a_second_coordinator_in_the_same_folder_leaves_the_first_alone() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| settings)?;
    let data_plane = stage.data_plane()?;
    let odp = stage.dir().join("odp").display().to_string();
    let mut second = std::process::Command::new(odp);
    second
        .current_dir(stage.dir())
        .args(["serve", "--config", "odp.toml"]);
    let (status, output) = odp_tests::process::run_to_any_end(&mut second, MOMENT)?;
    assert_eq!(status.code(), Some(1), "{}", output.stderr);
    assert!(output.stderr.len() > 20, "no reason: {:?}", output.stderr);
    assert_eq!(stage.proxy.data_plane()?, Some(data_plane));
    login(&stage)?.query("SELECT 1")?;
    stage.wait_for_two_processes()
}

#[test]
fn an_upgrade_that_crashes_after_it_took_over_is_taken_back() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"20s\""))?;
    let odp = stage.dir().join("odp");
    let old_binary = std::fs::read(&odp).map_err(Failure::io("read odp"))?;
    let lines = stage.dir().join("act");
    stage.act("")?;
    let binary = stage.stand_in("stand-in", "data-plane", &lines)?;
    // An open transaction holds the upgrade in its drain, while the new generation serves already.
    let mut session = login(&stage)?;
    session.query("BEGIN")?;
    let body = json!({"binary": binary});
    let mut task = Task::begin(stage.proxy.admin(), "upgrade", Some(&body))?;
    task.wait_for_step("drain", MOMENT)?;
    stage.act("echo the stand-in crashes >&2; exit 3")?;
    send(stage.data_plane()?, Signal::KILL)?;
    session.query("COMMIT").ok();
    task.wait(MOMENT)
        .map_err(|failure| stage.explain(&failure))?;
    assert_eq!(task.state(), "Failed", "{}", task.body);
    stage.proxy.wait_for_state("Running")?;
    wait::until("a login on the old binary", MOMENT, || {
        login(&stage)
            .map(drop)
            .map_err(|failure| failure.to_string())
    })?;
    assert!(std::fs::read(&odp).is_ok_and(|now| now == old_binary));
    drop(session);
    stage.restart()?;
    stage.wait_for_two_processes()
}

#[test]
fn an_upgrade_onto_what_is_not_odp_is_refused_before_anything_is_started() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"1s\""))?;
    let odp = workspace::odp()?;
    let wrapper = format!("#!/bin/sh\nexec '{}' \"$@\"\n", odp.display());
    let before = stage.data_plane()?;
    for (binary, reason) in [
        (stage.program("wrapper", &wrapper)?, "is a script"),
        (stage.program("noise", "noise\n")?, "no executable"),
        ("/bin/true".into(), "is not odp"),
    ] {
        let body = json!({"binary": binary});
        let task = Task::run(stage.proxy.admin(), "upgrade", Some(&body))
            .map_err(|failure| stage.explain(&failure))?;
        assert_eq!(task.state(), "Failed", "{}", task.body);
        assert!(task.error().contains(reason), "{}", task.body);
        let failed = task.body.pointer("/steps/0/state").and_then(Value::as_str);
        assert_eq!(failed, Some("Failed"), "{}", task.body);
        assert_eq!(stage.data_plane()?, before);
    }
    assert_eq!(stage.proxy.state()?, "Running");
    login(&stage)?.query("SELECT 1")?;
    stage.restart()?;
    stage.wait_for_two_processes()
}

#[test]
fn a_sigterm_while_the_coordinator_is_replaced_is_obeyed_by_the_new_one() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut stage = Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"1s\""))?;
    stage.swap_coordinator()?;
    stage.hold_without_children()?;
    let body = json!({"binary": stage.dir().join("odp")});
    let task = Task::begin(stage.proxy.admin(), "upgrade", Some(&body))?;
    let coordinator = stage.proxy.coordinator();
    wait::until("a coordinator in between", MOMENT, || {
        let line = command_line(coordinator);
        if line.starts_with("/bin/sh") {
            return Ok(());
        }
        Err(line)
    })?;
    for signal in [Signal::TERM, Signal::INT] {
        send(coordinator, signal)?;
    }
    // The data plane serves whoever is in between.
    login(&stage)?.query("SELECT 1")?;
    stage.release()?;
    let status = stage.proxy.wait_for_end(MOMENT)?;
    assert_eq!(status.code(), Some(0), "{}", stage.proxy.evidence());
    nothing_is_left(&stage)?;
    stage.proxy.serve_again()?;
    stage.proxy.wait_for_health(200)?;
    let mut task = task;
    task.refresh()?;
    assert_eq!(task.state(), "Completed", "{}", task.body);
    Ok(())
}

#[test]
fn a_sigterm_at_any_moment_of_an_upgrade_ends_the_proxy_in_order() -> Result<(), Failure> {
    let _timer = Timer::start();
    let rounds = if workspace::long() { 40 } else { 4 };
    let mut stage = Stage::start(|settings| settings.with("hot_upgrade_exit_timeout", "\"0s\""))?;
    let body = json!({"binary": workspace::odp()?});
    for round in 0..rounds {
        let coordinator = stage.proxy.coordinator();
        let trusted = Instant::now() + PROBATION;
        Task::begin(stage.proxy.admin(), "upgrade", Some(&body))?;
        // Around the moment at which the coordinator replaces itself, at another distance each time.
        let moment = trusted + Duration::from_millis(25) * round;
        wait::pause(moment.saturating_duration_since(Instant::now()));
        send(coordinator, Signal::TERM)?;
        let status = stage.proxy.wait_for_end(MOMENT)?;
        assert_eq!(
            status.code(),
            Some(0),
            "{round}: {}",
            stage.proxy.evidence()
        );
        nothing_is_left(&stage)?;
        stage.proxy.serve_again()?;
        stage.proxy.wait_for_health(200)?;
    }
    Ok(())
}

fn nothing_is_left(stage: &Stage) -> Result<(), Failure> {
    wait::until("the end of every process", MOMENT, || {
        let left = in_folder(stage.dir());
        if left.is_empty() {
            return Ok(());
        }
        Err(format!("{left:?}\n{}", stage.proxy.evidence()))
    })
}

fn login(stage: &Stage) -> Result<Connection, Failure> {
    let app = stage.app();
    Connection::login(app.port, app.user, app.password)
}

const MOMENT: Duration = Duration::from_secs(20);
/// How long a new binary must serve before the coordinator becomes it.
const PROBATION: Duration = Duration::from_secs(2);
