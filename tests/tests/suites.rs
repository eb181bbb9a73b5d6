//! Clients' own test suites end the same way through the proxy as without it, test by test.

use odp_tests::process::run_to_end;
use odp_tests::{Failure, Timer, parts, workspace};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_suite_of_mysqlclient_ends_the_same_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    ends_the_same("mysqlclient", "mariadb", 150)
}

#[test]
fn the_suite_of_mysqlclient_ends_the_same_in_front_of_the_real_engine() -> Result<(), Failure> {
    let _timer = Timer::start();
    ends_the_same("mysqlclient", "seekdb", 150)
}

#[test]
fn the_long_suites_end_the_same() -> Result<(), Failure> {
    if !workspace::long() {
        return Ok(());
    }
    let suites = [
        ("mysql_async", 80),
        ("sqlalchemy", 1000),
        ("client-test", 200),
    ];
    for (suite, minimum) in suites {
        for engine in ["mariadb", "seekdb"] {
            ends_the_same(suite, engine, minimum)?;
        }
    }
    Ok(())
}

/// Runs `tests/suites/run.py`, which fails when a test differs. Fewer passes than `minimum` mean that
/// the suite did not really run.
fn ends_the_same(suite: &str, engine: &str, minimum: u32) -> Result<(), Failure> {
    let mut command = Command::new(parts::python()?.interpreter);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(workspace::root().join("tests/suites/run.py"))
        .args(["--suite", suite, "--engine", engine])
        .arg("--real")
        .arg(workspace::real_dir()?)
        .args(["--fronted", env!("CARGO_BIN_EXE_fronted")]);
    let output = run_to_end(&mut command, SUITE)?;
    let passed: Vec<_> = output
        .lines()
        .filter_map(|line| line.split_once(" pass,")?.0.rsplit(' ').next())
        .filter_map(|count| count.parse::<u32>().ok())
        .collect();
    if passed.len() == 3 && passed.iter().all(|&count| count >= minimum) {
        return Ok(());
    }
    Err(Failure::answer(format!("{suite} on {engine}"), output))
}

const SUITE: Duration = Duration::from_mins(45);
