//! An engine of the sandbox's own: a process in a directory that goes with it.

use super::ROOT;
use super::client::Client;
use crate::cluster::fresh_dir;
use crate::error::SimulatorError;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long an engine may take to boot; 5 to 25 s are usual.
const BOOT: Duration = Duration::from_mins(2);

/// The time between two looks at an engine.
const PEEK: Duration = Duration::from_millis(100);

/// The least that boots well.
const PARAMETERS: [&str; 5] = [
    "memory_limit=3G",
    "datafile_size=1G",
    "datafile_maxsize=8G",
    "log_disk_size=2G",
    "open_cursors=2000",
];

/// The program that guards an engine: it is given the engine's file and a port behind these arguments,
/// and calls [`run_seekdb`].
#[derive(Debug, Clone)]
pub struct SeekDbCommand {
    /// The executable file.
    pub program: PathBuf,
    /// What comes first on its command line.
    pub arguments: Vec<OsString>,
}

/// An engine that runs until this is dropped.
#[derive(Debug)]
pub struct RunningSeekDb {
    guard: Child,
    addr: SocketAddr,
}

impl SeekDbCommand {
    /// Starts the engine `seekdb` at a free port of the loopback and waits until it serves.
    ///
    /// # Errors
    /// [`SimulatorError::Impossible`] when it ends or takes too long.
    pub fn start(&self, seekdb: &Path) -> Result<RunningSeekDb, SimulatorError> {
        let free = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        let addr = free.local_addr()?;
        drop(free);
        let guard = Command::new(&self.program)
            .args(&self.arguments)
            .arg(seekdb)
            .arg(addr.port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // An interrupt from the terminal is meant for the cluster's process.
            .process_group(0)
            .spawn()?;
        let mut running = RunningSeekDb { guard, addr };
        running.wait(Instant::now() + BOOT)?;
        Ok(running)
    }
}

impl RunningSeekDb {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn wait(&mut self, deadline: Instant) -> Result<(), SimulatorError> {
        loop {
            let Err(error) = Client::login(self.addr, ROOT) else {
                return Ok(());
            };
            if let Some(status) = self.guard.try_wait()? {
                let text = format!("the engine has not started: {status}");
                return Err(SimulatorError::Impossible(text));
            }
            if Instant::now() > deadline {
                let text = format!("the engine does not serve: {error}");
                return Err(SimulatorError::Impossible(text));
            }
            std::thread::sleep(PEEK);
        }
    }
}

impl Drop for RunningSeekDb {
    fn drop(&mut self) {
        // The guard ends the engine when there is nobody to read from; one that has ended itself has too.
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}

/// Runs the engine `seekdb` at a port of the loopback, in a directory of its own, until the process that
/// holds the other end of the standard input has ended.
///
/// # Errors
/// [`SimulatorError`] when it cannot be started or ends by itself.
pub fn run_seekdb(seekdb: &Path, port: u16) -> Result<(), SimulatorError> {
    let dir = fresh_dir()?;
    let outcome = run_in(seekdb, port, &dir);
    // What is left of it is temporary anyway.
    std::fs::remove_dir_all(&dir).ok();
    outcome
}

fn run_in(seekdb: &Path, port: u16, dir: &Path) -> Result<(), SimulatorError> {
    let mut command = Command::new(seekdb);
    command
        .args(["--nodaemon", "--log-level", "ERROR", "--port"])
        .arg(port.to_string())
        .arg("--base-dir")
        .arg(dir.join("engine"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for parameter in PARAMETERS {
        command.args(["--parameter", parameter]);
    }
    let mut engine = command.spawn()?;
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Any end of the input is the end of whom it comes from.
        io::stdin().read_to_end(&mut Vec::new()).ok();
        // Nobody listens any more once the engine has ended.
        said.send(()).ok();
    });
    while heard.recv_timeout(PEEK).is_err() {
        if let Some(status) = engine.try_wait()? {
            let text = format!("the engine has ended: {status}");
            return Err(SimulatorError::Impossible(text));
        }
    }
    engine.kill()?;
    engine.wait()?;
    Ok(())
}
