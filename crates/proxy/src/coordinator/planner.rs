//! What the next generation is started from: the configuration and the binary as they are on disk.

use super::{BACKLOG, MYSQL_LISTENER};
use crate::config::{Config, Problems, Settings};
use odp_restart::{Launch, ListenerSpec, Plan, Planner, Program, Timing};
use std::ffi::OsString;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Where the configuration of the next generation comes from.
pub(crate) type ReadConfig = Box<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// The planner of a real coordinator.
pub(crate) struct DiskPlanner {
    /// Reads the configuration anew.
    pub(crate) read: ReadConfig,
    /// How a new binary is asked to check it.
    pub(crate) check: Vec<OsString>,
    /// Where the state is kept, for the data plane to wait in when it has lost its coordinator.
    pub(crate) state_dir: Option<PathBuf>,
    /// Where clients connect: a port that the kernel chose is kept.
    pub(crate) mysql: SocketAddr,
    /// Told of listeners that are opened and closed.
    pub(crate) keeper: super::notify::Notifier,
}

/// How long a new binary may take to check the configuration.
const CHECK_TIMEOUT: Duration = Duration::from_secs(8);
const PEEK: Duration = Duration::from_millis(10);
/// How much of a new binary's complaint is told, in bytes.
const COMPLAINT: u64 = 2048;

impl Planner for DiskPlanner {
    fn plan(&self, launch: &Launch, current: &Plan) -> Result<Plan, String> {
        let config = (self.read)().map_err(|problems| problems.to_string())?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let path = match launch {
            Launch::Disk => current.program.path(),
            Launch::Binary(path) => path,
        };
        let program = Program::open(path).map_err(|error| error.to_string())?;
        if let Launch::Binary(_) = launch {
            if self.state_dir.is_none() {
                return Err("a proxy without state_dir cannot be upgraded in place".to_owned());
            }
            program.check_owner().map_err(|error| error.to_string())?;
            program.check_native().map_err(|error| error.to_string())?;
            check_name(&program)?;
            run_check(&program, &self.check)?;
        }
        plan(
            config.settings,
            program,
            self.state_dir.as_deref(),
            self.mysql,
        )
    }

    fn listening(&self, listeners: &odp_restart::Listeners) {
        self.keeper.listening(listeners);
    }
}

/// The plan of a generation with these settings.
pub(crate) fn plan(
    mut settings: Settings,
    program: Program,
    state_dir: Option<&Path>,
    mysql: SocketAddr,
) -> Result<Plan, String> {
    settings.state_dir = state_dir
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    Ok(Plan {
        program,
        config: settings.to_bytes().map_err(|error| error.to_string())?,
        timing: Timing {
            ready_timeout: settings.hot_restart_ready_timeout.0,
            hang_timeout: settings.data_plane_hang_timeout.0,
            exit_delay: settings.graceful_exit_delay.0,
            drain_timeout: settings.hot_upgrade_exit_timeout.0,
        },
        listeners: vec![mysql_listener(&settings, mysql)],
    })
}

/// Where clients connect by these settings; port 0 means the one that was chosen before.
pub(crate) fn mysql_listener(settings: &Settings, before: SocketAddr) -> ListenerSpec {
    let port = match settings.listen_port.0 {
        0 => before.port(),
        port => port,
    };
    ListenerSpec {
        name: MYSQL_LISTENER.to_owned(),
        addr: SocketAddr::new(settings.local_bound_ip, port),
        backlog: BACKLOG,
    }
}

/// Another program might understand everything that it is asked.
fn check_name(program: &Program) -> Result<(), String> {
    let path = program.path().display();
    let answer = run(program, &["--version".into()])?;
    let name = answer.stdout.split(' ').next();
    match name {
        Some("odp") if answer.status.success() => Ok(()),
        _ => Err(format!("{path} is not odp: it does not say its version")),
    }
}

fn run_check(program: &Program, arguments: &[OsString]) -> Result<(), String> {
    let answer = run(program, arguments)?;
    if answer.status.success() {
        return Ok(());
    }
    Err(format!(
        "{} refuses the configuration ({}): {}",
        program.path().display(),
        answer.status,
        answer.stderr.trim()
    ))
}

/// What a binary said.
struct Answer {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

fn run(program: &Program, arguments: &[OsString]) -> Result<Answer, String> {
    let path = program.path().display();
    let failed = |error: std::io::Error| format!("{path} cannot be run: {error}");
    let mut command: Command = program.command(arguments);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + CHECK_TIMEOUT;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(PEEK),
            None => {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                let limit = CHECK_TIMEOUT.as_secs();
                return Err(format!(
                    "{path} did not check the configuration in {limit} s"
                ));
            }
        }
    };
    Ok(Answer {
        status,
        stdout: text(child.stdout.take()),
        stderr: text(child.stderr.take()),
    })
}

/// The beginning of what was said, which is a help and not a need.
fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(COMPLAINT).read_to_end(&mut bytes).ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, from_option};
    use std::os::unix::fs::PermissionsExt;

    fn script(name: &str, text: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("odp-planner-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn planner(options: &'static str) -> DiskPlanner {
        DiskPlanner {
            read: Box::new(move || {
                let mut sources = Sources::default();
                sources.add(from_option(options));
                sources.check()
            }),
            check: vec!["check".into()],
            state_dir: Some("/nonexistent".into()),
            mysql: "127.0.0.1:2883".parse().unwrap(),
            keeper: super::super::notify::Notifier::none(),
        }
    }

    fn current() -> Plan {
        let mut sources = Sources::default();
        sources.add(from_option("rootservice_list=127.0.0.1:2881"));
        let settings = sources.check().unwrap().settings;
        let program = Program::open(&script("current", "#!/bin/sh\n")).unwrap();
        plan(settings, program, None, "0.0.0.0:2883".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_new_binary_is_asked_first_and_its_answer_told() {
        let ask = |path: &Path| run_check(&Program::open(path).unwrap(), &["check".into()]);
        assert!(ask(&script("good", "#!/bin/sh\n[ \"$1\" = check ]\n")).is_ok());
        let bad = "#!/bin/sh\necho listen_port is wrong >&2\nexit 1\n";
        let error = ask(&script("bad", bad)).unwrap_err();
        assert!(error.contains("listen_port is wrong"), "{error}");
    }

    #[test]
    fn what_is_not_odp_is_refused_before_it_is_asked_to_serve() {
        let planner = planner("rootservice_list=127.0.0.1:2881");
        for (path, reason) in [
            (PathBuf::from("/nonexistent"), "No such file"),
            (script("shell", "#!/bin/sh\nexit 0\n"), "is a script"),
            ("/bin/true".into(), "is not odp"),
        ] {
            let error = planner.plan(&Launch::Binary(path), &current()).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_bad_configuration_is_told_before_anything_is_started() {
        let error = planner("listen_port=70000")
            .plan(&Launch::Disk, &current())
            .unwrap_err();
        assert!(error.contains("listen_port"), "{error}");
    }

    #[test]
    fn a_port_that_the_kernel_chose_is_kept() {
        let planner = planner("rootservice_list=127.0.0.1:2881,listen_port=0");
        let plan = planner.plan(&Launch::Disk, &current()).unwrap();
        assert_eq!(plan.listeners[0].addr.port(), 2883);
    }
}
