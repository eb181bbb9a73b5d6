//! The real engine of a sandbox: one that runs already, or one of its own out of a Python package.

use super::simulation;
use crate::command_line::{Engine, Sandbox};
use crate::error::Error;
use odp_simulator::{RunningSeekDb, SeekDbCommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// Asks a Python where it has the package, without running any of it.
const FIND: &str = "import importlib.util as u; s = u.find_spec('pylibseekdb'); \
                    print(s.submodule_search_locations[0] if s else '')";

/// An engine behind the simulated servers; one of the sandbox' own ends with this.
pub(super) enum SandboxEngine {
    Running(SocketAddr),
    Own(RunningSeekDb),
}

impl SandboxEngine {
    pub(super) fn addr(&self) -> SocketAddr {
        match self {
            Self::Running(addr) => *addr,
            Self::Own(running) => running.addr(),
        }
    }
}

/// The engine that is asked for; none for the embedded one.
pub(super) fn of(arguments: &Sandbox) -> Result<Option<SandboxEngine>, Error> {
    match (arguments.engine, arguments.engine_address) {
        (Engine::Embedded, None) => Ok(None),
        (Engine::Embedded, Some(_)) => Err(Error::Sandbox(
            "--engine-address goes with --engine seekdb only".to_owned(),
        )),
        (Engine::Seekdb, Some(addr)) => Ok(Some(SandboxEngine::Running(addr))),
        (Engine::Seekdb, None) => {
            let command = SeekDbCommand {
                program: std::env::current_exe().map_err(Error::Runtime)?,
                arguments: vec!["sandbox-engine".into()],
            };
            let running = command
                .start(&program()?)
                .map_err(|error| simulation(&error))?;
            Ok(Some(SandboxEngine::Own(running)))
        }
    }
}

/// The engine inside the package of the `python3` of the environment.
fn program() -> Result<PathBuf, Error> {
    let missing = |why: String| {
        Error::Sandbox(format!(
            "no seekdb: {why}; run `pip install pylibseekdb==1.3.0.post5` for the python3 of PATH, or name \
             a running engine by --engine-address"
        ))
    };
    let asked = Command::new("python3").args(["-c", FIND]).output();
    let asked = asked.map_err(|error| missing(format!("python3 cannot be run: {error}")))?;
    let package = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    if package.is_empty() {
        return Err(missing("python3 has no package pylibseekdb".to_owned()));
    }
    let program = PathBuf::from(package).join("seekdb");
    if program.is_file() {
        Ok(program)
    } else {
        Err(missing(format!("there is no {}", program.display())))
    }
}
