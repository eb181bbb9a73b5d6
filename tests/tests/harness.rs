//! The harness itself: its processes end, its engine answers.

use odp_tests::clients::python;
use odp_tests::mysql::Connection;
use odp_tests::process::{Process, is_alive};
use odp_tests::{Engine, Failure, Timer, wait, workspace};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_real_engine_is_an_oceanbase_and_checks_passwords() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = Connection::login(engine.port(), "root@sys", "")?;
    let rows = root.query("SELECT ob_version()")?;
    assert_eq!(
        rows,
        [[Some("4.3.5.3".to_owned())]],
        "{}",
        engine.evidence()
    );

    root.query("CREATE USER IF NOT EXISTS harness IDENTIFIED BY 'right'")?;
    Connection::login(engine.port(), "harness", "right")?;
    let refused = Connection::login(engine.port(), "harness", "wrong");
    assert_eq!(
        refused.err().and_then(|failure| failure.server_code()),
        Some(1045)
    );

    let port = engine.port().to_string();
    let arguments = ["login", "harness", "right", &port, &port];
    root.query("GRANT ALL ON *.* TO harness")?;
    let output = python("same_answers.py", &arguments, Duration::from_mins(1))?;
    assert!(output.ends_with("0 differences\n"), "{output}");
    Ok(())
}

#[test]
fn a_dropped_process_takes_its_children_with_it() -> Result<(), Failure> {
    let _timer = Timer::start();
    let dir = workspace::run_dir("harness")?;
    let script = "sleep 1000 & echo $!; wait";
    let mut parent = Process::start(Command::new("sh").args(["-c", script]), &dir)?;
    let second = Duration::from_secs(1);
    let child = parent.wait_until("the child's number", second, |process| {
        process
            .stdout()
            .trim()
            .parse::<u32>()
            .map_err(|error| error.to_string())
    })?;
    assert!(is_alive(child));
    drop(parent);
    wait::until_true("the end of the child", second, || !is_alive(child))
}

#[test]
fn a_command_that_takes_too_long_is_a_failure_with_its_output() {
    let _timer = Timer::start();
    let mut command = Command::new("sh");
    command.args(["-c", "echo started; exec sleep 1000"]);
    let limit = Duration::from_millis(300);
    let failure = odp_tests::process::run_to_end(&mut command, limit).err();
    let text = failure
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    assert!(text.contains("started"), "{text}");
}
