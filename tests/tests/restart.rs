//! A restart costs no client anything: no refused connect, no broken login, no cold cache.

use odp_tests::clients::{Account, mariadb};
use odp_tests::mysql::Connection;
use odp_tests::process::{descriptors, is_alive};
use odp_tests::proxy::Settings;
use odp_tests::task::order;
use odp_tests::{ConnectLoop, Failure, Stage, Task, Timer, say, workspace};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn restarts_under_a_loop_of_connects_refuse_and_cut_nobody() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"1s\""))?;
    let rounds = if workspace::long() { 50 } else { 5 };
    let coordinator = stage.proxy.coordinator();
    let connects = ConnectLoop::with_logins(stage.app(), 2);
    let mut open = (0, 0);
    for round in 0..rounds {
        let before = stage.data_plane()?;
        stage.restart()?;
        assert_ne!(stage.data_plane()?, before);
        assert_eq!(stage.proxy.health()?.status, 200);
        connects.wait_for(100, MOMENT)?;
        stage.wait_for_two_processes()?;
        let now = descriptors(coordinator);
        // The first restarts may open what stays open.
        if round == 1 {
            open = (round, now);
        }
        if round > 1 {
            assert!(
                now <= open.1 + 4,
                "{open:?}, round {round}: {now} descriptors"
            );
        }
    }
    let rate = connects.rate();
    let seen = connects.stop();
    say(&format!(
        "{rounds} restarts under {rate:.0} connects/s: {} connects, {} logins, {} cut, {} refused",
        seen.connects,
        seen.logins,
        seen.cut,
        seen.refused.len()
    ));
    assert_eq!(
        seen.refused,
        Vec::<String>::new(),
        "{}",
        stage.proxy.evidence()
    );
    assert_eq!(seen.cut, 0, "{}", stage.proxy.evidence());
    // Unoptimised code on a busy machine says nothing about the rate that a release must bear.
    let least = if cfg!(debug_assertions) {
        100.0
    } else {
        1000.0
    };
    assert!(rate >= least, "only {rate:.0} connects/s");
    assert_eq!(stage.proxy.coordinator(), coordinator);
    Ok(())
}

#[test]
fn idle_clients_see_one_clean_end_and_can_reconnect() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"3s\""))?;
    let account = stage.app();
    let mut idle = (0..40)
        .map(|_| login(account))
        .collect::<Result<Vec<_>, _>>()?;
    let task = Task::begin(
        stage.proxy.admin(),
        "restart",
        Some(&json!({"mode": "restart"})),
    )?;
    for session in &mut idle {
        let clean = session.wait_for_clean_end(Duration::from_secs(10))?;
        assert!(clean, "{}", stage.proxy.evidence());
        let mut again = login(account)?;
        again.query("SELECT 1")?;
    }
    let mut task = task;
    task.wait(MOMENT)?;
    assert_eq!(task.state(), "Completed", "{}", task.body);
    let drained = task
        .body
        .pointer("/receipt")
        .is_some_and(|receipt| !receipt.is_null());
    assert!(drained, "no receipt in {}", task.body);
    stage.wait_for_two_processes()
}

#[test]
fn a_transaction_ends_on_the_old_generation_and_its_session_after_it() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"20s\""))?;
    let table = "in_transaction";
    mariadb(stage.app(), "test", &create(table))?;
    let mut session = login(stage.app())?;
    session.query("USE test")?;
    session.query("BEGIN")?;
    session.query(&format!("INSERT INTO {table} VALUES (1, 'a')"))?;
    let old = stage.data_plane()?;
    let mut task = Task::begin(stage.proxy.admin(), "restart", None)?;
    task.wait_for_step("drain", MOMENT)?;
    assert_ne!(stage.data_plane()?, old);
    assert!(
        is_alive(old),
        "the old generation is gone:\n{}",
        stage.proxy.evidence()
    );
    // New clients are served by the new generation meanwhile, and see nothing of the transaction.
    let count = format!("SELECT COUNT(*) FROM {table}");
    let mut other = login(stage.app())?;
    other.query("USE test")?;
    assert_eq!(other.query(&count)?[0][0].as_deref(), Some("0"));
    session.query(&format!("INSERT INTO {table} VALUES (2, 'b')"))?;
    session.query("COMMIT")?;
    assert!(session.wait_for_clean_end(MOMENT)?);
    assert_eq!(other.query(&count)?[0][0].as_deref(), Some("2"));
    task.wait(MOMENT)?;
    assert_eq!(task.state(), "Completed", "{}", task.body);
    stage.wait_for_two_processes()
}

#[test]
fn the_receipt_tells_what_became_of_the_sessions_of_each_kind() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"3s\""))?;
    let in_transaction = || -> Result<Connection, Failure> {
        let mut session = login(stage.app())?;
        session.query("BEGIN")?;
        session.query("SELECT 1")?;
        Ok(session)
    };
    let mut idle = login(stage.app())?;
    let (mut commits, leaves, mut stays) =
        (in_transaction()?, in_transaction()?, in_transaction()?);
    let mut task = Task::begin(stage.proxy.admin(), "restart", None)?;
    task.wait_for_step("drain", MOMENT)?;
    drop(leaves);
    commits.query("COMMIT")?;
    assert!(commits.wait_for_clean_end(MOMENT)?);
    assert!(idle.wait_for_clean_end(MOMENT)?);
    task.wait(MOMENT)?;
    assert!(stays.query("SELECT 1").is_err());
    let fates =
        |drained, left, cut| json!({"drained": drained, "left": left, "cut": cut, "open": 0});
    let receipt = task.body.get("receipt").cloned().unwrap_or_default();
    let expected = json!({
        "idle": fates(1, 0, 0),
        "in_transaction": fates(1, 1, 1),
        "pinned": fates(0, 0, 0),
    });
    assert_eq!(receipt.get("by_kind"), Some(&expected), "{receipt}");
    assert_eq!(receipt.get("fates"), Some(&fates(2, 1, 1)), "{receipt}");
    let before = json!({"client": 4, "in_transaction": 3, "pinned": 0});
    assert_eq!(receipt.get("sessions"), Some(&before), "{receipt}");
    stage.wait_for_two_processes()
}

#[test]
fn a_transaction_that_outlives_the_deadline_gets_an_error_that_says_why() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"1s\""))?;
    let mut session = login(stage.app())?;
    session.query("BEGIN")?;
    session.query("SELECT 1")?;
    let started = Instant::now();
    stage.restart()?;
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let ended = session.query("SELECT 2");
    let text = format!("{ended:?}");
    let says = text.contains("restart") || text.contains("stop") || text.contains("shut");
    assert!(says && ended.is_err(), "{text}\n{}", stage.proxy.evidence());
    stage.wait_for_two_processes()
}

#[test]
fn a_force_restart_ends_the_old_generation_first() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| with_exit_timeout(settings, "\"30s\""))?;
    let mut session = login(stage.app())?;
    session.query("BEGIN")?;
    let old = stage.data_plane()?;
    let started = Instant::now();
    stage.complete("restart", Some(&json!({"mode": "force"})))?;
    assert!(started.elapsed() < MOMENT, "{:?}", started.elapsed());
    assert!(!is_alive(old));
    assert!(session.query("SELECT 1").is_err());
    assert_ne!(stage.data_plane()?, old);
    login(stage.app())?.query("SELECT 1")?;
    stage.wait_for_two_processes()
}

#[test]
fn a_stop_turns_health_first_then_closes_the_port_and_start_opens_it() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| {
        with_exit_timeout(settings, "\"1s\"").with("graceful_exit_delay", "\"2s\"")
    })?;
    let mut idle = login(stage.app())?;
    let mut task = Task::begin(stage.proxy.admin(), "stop", None)?;
    assert_eq!(stage.proxy.health()?.status, 503);
    // The port stays open until load balancers have looked away.
    login(stage.app())?.query("SELECT 1")?;
    assert_eq!(task.state(), "Running", "{}", task.body);
    task.wait(MOMENT)?;
    assert_eq!(task.state(), "Completed", "{}", task.body);
    assert!(idle.wait_for_clean_end(MOMENT)?);
    assert_eq!(stage.proxy.state()?, "Stopped");
    assert_eq!(stage.proxy.data_plane()?, None);
    let refused = login(stage.app()).err().map(|failure| failure.to_string());
    let refused = refused.unwrap_or_default();
    assert!(refused.contains("refused"), "{refused:?}");
    stage.complete("start", None)?;
    login(stage.app())?.query("SELECT 1")?;
    assert_eq!(stage.proxy.health()?.status, 200);
    stage.wait_for_two_processes()
}

#[test]
fn tasks_are_listed_and_kept_over_a_restart_of_the_coordinator() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut stage = Stage::start(|settings| with_exit_timeout(settings, "\"1s\""))?;
    let task = stage.restart()?;
    stage.complete("stop", None)?;
    let status = stage.proxy.terminate(MOMENT)?;
    assert_eq!(status.code(), Some(0), "{}", stage.proxy.evidence());
    stage.proxy.serve_again()?;
    // What the operator asked for last is kept too.
    stage.proxy.wait_for_state("Stopped")?;
    let mut again = task.clone();
    again.refresh()?;
    assert_eq!(again.body, task.body);
    let list = stage.proxy.admin().get("/v1/tasks")?.json()?;
    let count = list
        .pointer("/tasks")
        .and_then(Value::as_array)
        .map(Vec::len);
    assert_eq!(count, Some(2), "{list}");
    let gone = stage.proxy.admin().get("/v1/tasks/987654")?;
    assert_eq!(gone.status, 404, "{}", gone.body);
    let refused = order(stage.proxy.admin(), "stop", None)?;
    assert_eq!(refused.status, 409, "{}", refused.body);
    stage.complete("start", None)?;
    login(stage.app()).map(drop)
}

fn with_exit_timeout(settings: Settings, timeout: &str) -> Settings {
    settings.with("hot_upgrade_exit_timeout", timeout)
}

fn login(account: Account<'_>) -> Result<Connection, Failure> {
    Connection::login(account.port, account.user, account.password)
}

fn create(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (id BIGINT PRIMARY KEY, v VARCHAR(30)) \
         PARTITION BY HASH(id) PARTITIONS 16"
    )
}

const MOMENT: Duration = Duration::from_secs(15);
