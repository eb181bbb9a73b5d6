//! The real `OceanBase` engine: the `seekdb` server of the pinned wheel, one for each test binary.

use crate::mysql::Connection;
use crate::process::Process;
use crate::{Failure, parts, port, workspace};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running engine; `root` has no password, the only tenant is `sys`.
#[derive(Debug)]
pub struct Engine {
    process: Mutex<Process>,
    port: u16,
}

impl Engine {
    /// The engine of this test binary, started by whoever asks first. The watchdog ends it.
    ///
    /// # Errors
    /// When the wheel cannot be had or the engine does not boot.
    pub fn shared() -> Result<Arc<Self>, Failure> {
        static SHARED: Mutex<Option<Arc<Engine>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.as_ref() {
            return Ok(Arc::clone(engine));
        }
        let engine = Arc::new(Self::start_on(port::free()?)?);
        *shared = Some(Arc::clone(&engine));
        Ok(engine)
    }

    /// Boots an engine of one's own on a port (3 to 25 s, 1.2 GB of disk, about as much memory).
    ///
    /// # Errors
    /// When the wheel cannot be had or the engine does not boot.
    pub fn start_on(port: u16) -> Result<Self, Failure> {
        let python = parts::python()?;
        let dir = workspace::run_dir("seekdb")?;
        let mut command = Command::new(python.package("pylibseekdb")?.join("seekdb"));
        command
            .args([
                "--nodaemon",
                "--log-level",
                "ERROR",
                "--port",
                &port.to_string(),
            ])
            .arg("--base-dir")
            .arg(&dir);
        for parameter in PARAMETERS {
            command.args(["--parameter", parameter]);
        }
        let mut process = Process::start(&mut command, &dir)?;
        process.wait_until("a login to the engine", BOOT, |_| {
            let mut connection = Connection::login(port, "root", "").map_err(|e| e.to_string())?;
            connection
                .query("CREATE DATABASE IF NOT EXISTS test")
                .map_err(|e| e.to_string())
        })?;
        Ok(Self {
            process: Mutex::new(process),
            port,
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .id()
    }

    /// The end of what it wrote, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        self.process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .evidence()
    }
}

const BOOT: Duration = Duration::from_mins(2);
/// The least that boots well, and enough prepared statements for the clients' suites.
const PARAMETERS: [&str; 5] = [
    "memory_limit=3G",
    "datafile_size=1G",
    "datafile_maxsize=8G",
    "log_disk_size=2G",
    "open_cursors=2000",
];
