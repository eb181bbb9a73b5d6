//! A real `MariaDB` server, for everything that needs a mature server behind the proxy.

use crate::mysql::Connection;
use crate::process::{Process, run_to_end};
use crate::{Failure, parts, port, workspace};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// A running server; `root` has no password, there is no anonymous user, database `test` exists.
#[derive(Debug)]
pub struct MariadbServer {
    process: Process,
    port: u16,
}

impl MariadbServer {
    /// Makes a data directory of its own and starts a server on a free port.
    ///
    /// # Errors
    /// When the package cannot be had or the server does not start.
    pub fn start() -> Result<Self, Failure> {
        let dir = workspace::run_dir("mariadb")?;
        let data = dir.join("data");
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(template()?).arg(&data);
        run_to_end(&mut copy, BOOT)?;
        let port = port::free()?;
        let server = parts::program(PACKAGE, "mariadbd")?;
        let mut command = server.command();
        command
            .env("TMPDIR", &dir)
            .args(["--no-defaults", "--user=root", "--skip-name-resolve"])
            .args(["--bind-address=127.0.0.1", "--local-infile=1"])
            .args(["--max-allowed-packet=64M", "--character-set-server=utf8mb4"])
            // The data is thrown away: nothing is won by waiting for the disk.
            .args([
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-fast-shutdown=2",
            ])
            .arg(format!("--basedir={}", server.file("/usr").display()))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", dir.join("socket").display()))
            .arg(format!("--port={port}"));
        let mut process = Process::start(&mut command, &dir)?;
        process.wait_until("a login to MariaDB", BOOT, |_| {
            let mut root = Connection::login(port, "root", "").map_err(|e| e.to_string())?;
            for sql in [
                "DELETE FROM mysql.global_priv WHERE User = ''",
                "FLUSH PRIVILEGES",
            ] {
                root.query(sql).map_err(|e| e.to_string())?;
            }
            root.query("CREATE DATABASE IF NOT EXISTS test")
                .map_err(|e| e.to_string())
        })?;
        Ok(Self { process, port })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has ended, by itself or by a signal.
    ///
    /// # Errors
    /// When it has not within the limit.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.process.wait_for_end(limit)
    }

    /// The end of what it wrote, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        self.process.evidence()
    }
}

/// A data directory with the system tables, made once: that takes seconds, and fails now and then
/// when it is done twice at the same time.
fn template() -> Result<PathBuf, Failure> {
    let installer = parts::program(PACKAGE, "mariadb-install-db")?;
    let real = workspace::real_dir()?;
    let data = real.join("mariadb-data");
    let _lock = parts::lock(&real)?;
    let stamp = real.join("mariadb-data.stamp");
    if stamp.is_file() {
        return Ok(data);
    }
    // Whatever an interrupted run has left.
    std::fs::remove_dir_all(&data).ok();
    let mut command = installer.command();
    command
        .env("TMPDIR", &real)
        .args(["--no-defaults", "--user=root", "--skip-test-db"])
        .arg("--auth-root-authentication-method=normal")
        .arg(format!("--basedir={}", installer.file("/usr").display()))
        .arg(format!("--datadir={}", data.display()));
    run_to_end(&mut command, BOOT)?;
    std::fs::write(&stamp, "").map_err(Failure::io("write a stamp"))?;
    Ok(data)
}

const PACKAGE: &str = "mariadb-server";
const BOOT: Duration = Duration::from_mins(2);
