//! A new generation that is broken in one of many ways: a plain reason in the task, and no client of
//! the old generation notices.

use odp_tests::mysql::Connection;
use odp_tests::process::is_alive;
use odp_tests::{ConnectLoop, Failure, Sandbox, Stage, Task, Timer, parts, workspace};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_bad_configuration_on_disk_is_named_by_its_key() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    let config = trial.stage.proxy.config();
    let good = std::fs::read_to_string(&config).map_err(Failure::io("read the configuration"))?;
    let write = |text: &str| std::fs::write(&config, text).map_err(Failure::io("write it"));
    write(&format!("{good}lisen_port = 1\n"))?;
    trial.restart_fails(&["lisen_port"])?;
    trial.upgrade_fails(&workspace::odp()?, &["lisen_port"])?;
    write("this is no TOML")?;
    trial.restart_fails(&[])?;
    write(&good)?;
    trial.end()
}

#[test]
fn a_missing_binary_is_said_to_be_missing() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    trial.upgrade_fails(
        &trial.stage.dir().join("missing"),
        &["missing", "No such file"],
    )?;
    trial.upgrade_fails(trial.stage.dir(), &["no file"])?;
    // The binary that serves is gone from the disk.
    let odp = trial.stage.dir().join("odp");
    let aside = odp.with_extension("aside");
    std::fs::rename(&odp, &aside).map_err(Failure::io("move odp aside"))?;
    trial.restart_fails(&["No such file"])?;
    std::fs::rename(&aside, &odp).map_err(Failure::io("put odp back"))?;
    trial.end()
}

#[test]
fn a_binary_without_the_execute_bit_is_refused() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    let plain = trial.stand_in("plain", "")?;
    set_mode(&plain, 0o644)?;
    trial.upgrade_fails(&plain, &["executable"])?;
    let noise = trial.stage.program("noise", "\u{7f}ELF is not enough\n")?;
    trial.upgrade_fails(&noise, &[])?;
    trial.end()
}

#[test]
fn a_binary_of_another_user_or_open_to_others_is_refused() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    let shared = trial.stand_in("shared", "")?;
    set_mode(&shared, 0o777)?;
    trial.upgrade_fails(&shared, &["written by others"])?;
    // Only root can give a file away; another user cannot make this mistake.
    if rustix::process::geteuid().is_root() {
        let foreign = trial.stand_in("foreign", "")?;
        std::os::unix::fs::chown(&foreign, Some(65_534), None)
            .map_err(Failure::io("give a file away"))?;
        trial.upgrade_fails(&foreign, &["65534"])?;
    }
    trial.end()
}

#[test]
fn a_generation_that_crashes_at_its_start_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    let crash = "echo the stand-in crashes >&2; exit 3";
    trial.stand_in_fails(crash, &["3"])?;
    trial.stand_in_fails("kill -s SEGV $$", &["signal"])?;
    trial.end()
}

#[test]
fn a_generation_that_ends_with_0_at_once_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    trial.stand_in_fails("exit 0", &["0"])?;
    trial.end()
}

#[test]
fn a_generation_that_never_gets_ready_is_given_up_at_the_deadline() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    trial.stand_in_fails("exec sleep 1000", &["ready"])?;
    trial.end()
}

#[test]
fn a_generation_of_an_unknown_protocol_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    // A frame of one byte in version 99, then one that promises more than any frame holds.
    let version = r"printf '\001\000\000\000\143\000\000\000\000' >&0; exec sleep 1000";
    trial.stand_in_fails(version, &["99"])?;
    let endless = r"printf '\377\377\377\377\001\000\000\000' >&0; exec sleep 1000";
    trial.stand_in_fails(endless, &["longer than the limit"])?;
    trial.end()
}

#[test]
fn a_generation_that_does_not_read_the_records_of_the_old_one_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    // Hello of release 9.9.9 with process id 1, which knows records of format 99 only.
    let body = r"\000\0059.9.9\001\001\143";
    let hello = format!(r"printf '\012\000\000\000\001\000\000\000{body}' >&0; exec sleep 1000");
    trial.stand_in_fails(&hello, &["9.9.9", "session records", "99"])?;
    trial.end()
}

#[test]
fn a_generation_without_descriptors_is_given_up() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    trial.stand_in_fails("ulimit -n 8", &["open files"])?;
    trial.end()
}

#[test]
fn a_damaged_snapshot_is_not_used_and_harms_nobody() -> Result<(), Failure> {
    let _timer = Timer::start();
    let trial = Trial::start()?;
    trial.stage.swap_binary()?;
    trial.stage.act(&damaging_relay()?)?;
    // The servers tell anew what the snapshot should have told; the open transaction ends in time.
    let task = trial.stage.restart()?;
    trial.stage.act("")?;
    assert_eq!(task.error(), "");
    let log = trial.stage.proxy.log();
    assert!(log.contains("the snapshot"), "{log}");
    assert_ne!(trial.stage.data_plane()?, trial.data_plane);
    trial.nobody_was_hurt();
    trial.stage.restart()?;
    trial.stage.wait_for_two_processes()
}

#[test]
fn a_damaged_snapshot_and_no_server_to_ask_is_a_failure_with_a_reason() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Arc::new(Sandbox::start()?);
    let stage = Stage::in_front_of(Arc::clone(&cluster), |settings| {
        settings.with("hot_upgrade_exit_timeout", "\"1s\"")
    })?;
    let before = stage.data_plane()?;
    cluster.kill()?;
    stage.swap_binary()?;
    stage.act(&damaging_relay()?)?;
    let task = Task::run(stage.proxy.admin(), "restart", None)?;
    assert_eq!(task.state(), "Failed", "{}", task.body);
    plain(&task.error(), &["snapshot", "no OBServer answers"]);
    assert_eq!(stage.data_plane()?, before);
    stage.act("")?;
    stage.wait_for_two_processes()?;
    stage.restart()?;
    stage.wait_for_two_processes()
}

#[test]
fn a_restart_without_any_server_succeeds() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Arc::new(Sandbox::start()?);
    let stage = Stage::in_front_of(Arc::clone(&cluster), |settings| {
        settings.with("hot_upgrade_exit_timeout", "\"1s\"")
    })?;
    cluster.kill()?;
    let before = stage.data_plane()?;
    stage.restart()?;
    assert_ne!(stage.data_plane()?, before);
    let odp = workspace::odp()?;
    stage.complete("upgrade", Some(&json!({"binary": odp})))?;
    let refused = Connection::login(stage.proxy.port(), "app@demo", "app").err();
    let code = refused.as_ref().and_then(Failure::server_code);
    assert!(code.is_some(), "no error packet but {refused:?}");
    stage.wait_for_two_processes()
}

#[test]
fn a_full_disk_is_said_to_be_full_before_anything_is_started() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage =
        Stage::on_a_small_disk(|settings| settings.with("hot_upgrade_exit_timeout", "\"1s\""))?;
    let trial = Trial::on(stage)?;
    trial.stage.fill_the_disk()?;
    trial.restart_fails(&["state_dir", "space"])?;
    trial.upgrade_fails(&workspace::odp()?, &["state_dir", "space"])?;
    trial.stage.free_the_disk()?;
    trial.end()
}

/// A proxy with a client in a transaction and a loop of connects, which must not notice anything.
struct Trial {
    stage: Stage,
    data_plane: u32,
    session: RefCell<Connection>,
    connects: ConnectLoop,
}

impl Trial {
    fn start() -> Result<Self, Failure> {
        Self::on(Stage::start(|settings| {
            settings
                .with("hot_upgrade_exit_timeout", "\"1s\"")
                .with("hot_restart_ready_timeout", "\"3s\"")
        })?)
    }

    fn on(stage: Stage) -> Result<Self, Failure> {
        let app = stage.app();
        let mut session = Connection::login(app.port, app.user, app.password)?;
        session.query("SET @kept = 42")?;
        session.query("BEGIN")?;
        Ok(Self {
            data_plane: stage.data_plane()?,
            session: RefCell::new(session),
            connects: ConnectLoop::with_logins(app, 1),
            stage,
        })
    }

    /// Writes a binary that runs these lines first when it is to serve clients.
    fn stand_in(&self, name: &str, lines: &str) -> Result<PathBuf, Failure> {
        let file = self.stage.dir().join(format!("{name}.lines"));
        std::fs::write(&file, format!("{lines}\n")).map_err(Failure::io("write lines"))?;
        self.stage.stand_in(name, "data-plane", &file)
    }

    /// As the binary of an upgrade, and as the one on disk at a restart.
    fn stand_in_fails(&self, lines: &str, reasons: &[&str]) -> Result<(), Failure> {
        let binary = self.stand_in("stand-in", lines)?;
        self.upgrade_fails(&binary, reasons)?;
        self.stage.swap_binary()?;
        self.stage.act(lines)?;
        self.restart_fails(reasons)?;
        self.stage.act("")
    }

    fn upgrade_fails(&self, binary: &Path, reasons: &[&str]) -> Result<(), Failure> {
        let body = json!({"binary": binary});
        self.fails("upgrade", Some(&body), reasons)
    }

    fn restart_fails(&self, reasons: &[&str]) -> Result<(), Failure> {
        self.fails("restart", Some(&json!({"mode": "restart"})), reasons)
    }

    fn fails(&self, action: &str, body: Option<&Value>, reasons: &[&str]) -> Result<(), Failure> {
        let stage = &self.stage;
        let task = Task::run(stage.proxy.admin(), action, body)?;
        assert_eq!(
            task.state(),
            "Failed",
            "{}\n{}",
            task.body,
            stage.proxy.evidence()
        );
        plain(&task.error(), reasons);
        assert_eq!(
            stage.proxy.data_plane()?,
            Some(self.data_plane),
            "{}",
            task.body
        );
        assert!(is_alive(self.data_plane));
        assert_eq!(stage.proxy.state()?, "Running");
        assert_eq!(stage.proxy.health()?.status, 200);
        let kept = self.session.borrow_mut().query("SELECT @kept")?;
        assert_eq!(kept, [[Some("42".to_owned())]]);
        self.connects.wait_for(20, MOMENT)?;
        stage.wait_for_two_processes()
    }

    /// Nobody was hurt, and the next command works.
    fn end(self) -> Result<(), Failure> {
        self.session.borrow_mut().query("COMMIT")?;
        self.stage.restart()?;
        assert_ne!(self.stage.data_plane()?, self.data_plane);
        self.nobody_was_hurt();
        self.stage.wait_for_two_processes()
    }

    fn nobody_was_hurt(&self) {
        let seen = self.connects.seen();
        let evidence = self.stage.proxy.evidence();
        assert_eq!(seen.refused, Vec::<String>::new(), "{evidence}");
        assert_eq!(seen.cut, 0, "{evidence}");
    }
}

fn damaging_relay() -> Result<String, Failure> {
    let script = workspace::root().join("tests/python/damaging_relay.py");
    Ok(format!(
        "exec '{}' '{}' '{}'",
        parts::python()?.interpreter.display(),
        script.display(),
        workspace::odp()?.display()
    ))
}

/// A reason that an operator can read: one line, with these words, and no form of a program's own.
fn plain(error: &str, words: &[&str]) {
    assert!(error.len() > 10, "no reason: {error:?}");
    assert!(error.len() < 1000, "a long reason: {error}");
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
    for form in ["Err(", "Os {", "panicked", "RUST_BACKTRACE"] {
        assert!(!error.contains(form), "{error}");
    }
}

fn set_mode(file: &Path, mode: u32) -> Result<(), Failure> {
    std::fs::set_permissions(file, Permissions::from_mode(mode)).map_err(Failure::io(format!(
        "change the mode of {}",
        file.display()
    )))
}

const MOMENT: Duration = Duration::from_secs(15);
