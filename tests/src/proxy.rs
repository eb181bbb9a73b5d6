//! `odp serve` with a configuration of the test's own.

use crate::clients::Account;
use crate::process::Process;
use crate::{Failure, http, port, workspace};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// What the configuration file says besides ports and folders.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    servers: Vec<u16>,
    extra: Vec<(&'static str, String)>,
}

impl Settings {
    /// In front of these servers on the loopback.
    #[must_use]
    pub fn in_front_of(servers: &[u16]) -> Self {
        Self {
            servers: servers.to_vec(),
            extra: Vec::new(),
        }
    }

    /// With one more parameter; the value as TOML writes it.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, toml: impl Into<String>) -> Self {
        self.extra.push((parameter, toml.into()));
        self
    }

    fn toml(&self, sql: u16, admin: u16, dir: &std::path::Path) -> String {
        let servers: Vec<_> = self
            .servers
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let mut text = format!(
            "listen_port = {sql}\nprometheus_listen_port = {admin}\nlocal_bound_ip = \"127.0.0.1\"\n\
             rootservice_list = \"{}\"\nstate_dir = {:?}\n",
            servers.join(";"),
            dir.join("state").display().to_string(),
        );
        for (parameter, value) in &self.extra {
            // Writing to a string cannot fail.
            writeln!(text, "{parameter} = {value}").ok();
        }
        text
    }
}

/// A running `odp serve`.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    sql: u16,
    admin: u16,
    started: Instant,
    config: PathBuf,
}

impl Proxy {
    /// Starts it and waits until `/health` says 200.
    ///
    /// # Errors
    /// When it cannot be built, ends, or is not healthy in time; with its log.
    pub fn start(settings: &Settings) -> Result<Self, Failure> {
        let mut proxy = Self::spawn(settings)?;
        proxy.wait_for_health(200)?;
        Ok(proxy)
    }

    /// Starts it without waiting for anything.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub fn spawn(settings: &Settings) -> Result<Self, Failure> {
        let odp = workspace::odp()?;
        let dir = workspace::run_dir("proxy")?;
        let (sql, admin) = (port::free()?, port::free()?);
        let config = dir.join("odp.toml");
        std::fs::write(&config, settings.toml(sql, admin, &dir))
            .map_err(Failure::io("write the configuration"))?;
        let mut command = Command::new(odp);
        command
            .current_dir(&dir)
            .arg("serve")
            .arg("--config")
            .arg(&config);
        let started = Instant::now();
        let process = Process::start(&mut command, &dir)?;
        Ok(Self {
            process,
            sql,
            admin,
            started,
            config,
        })
    }

    /// Waits until `/health` answers with this status, and gives the time since the start.
    ///
    /// # Errors
    /// When it does not in time, or the process ends; with its log.
    pub fn wait_for_health(&mut self, status: u16) -> Result<Duration, Failure> {
        let (admin, started) = (self.admin, self.started);
        let what = format!("{status} from /health");
        self.process.wait_until(&what, BOOT, |_| {
            let answer = http::get(admin, "/health").map_err(|error| error.to_string())?;
            let refused = format!("{} {}", answer.status, answer.body);
            if answer.status == status {
                Ok(started.elapsed())
            } else {
                Err(refused)
            }
        })
    }

    /// The SQL port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.sql
    }

    /// The admin port.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin
    }

    /// The configuration file that it runs with.
    #[must_use]
    pub fn config(&self) -> &std::path::Path {
        &self.config
    }

    /// An account behind this proxy.
    #[must_use]
    pub fn account<'a>(&self, user: &'a str, password: &'a str) -> Account<'a> {
        Account {
            port: self.sql,
            user,
            password,
        }
    }

    /// `GET /health`: the status and the body.
    ///
    /// # Errors
    /// When the admin endpoint does not answer.
    pub fn health(&self) -> Result<http::Answer, Failure> {
        http::get(self.admin, "/health")
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// When the admin endpoint does not answer with JSON.
    pub fn status(&self) -> Result<Value, Failure> {
        http::get(self.admin, "/v1/status")?.json()
    }

    /// The process id of the coordinator.
    #[must_use]
    pub fn coordinator(&self) -> u32 {
        self.process.id()
    }

    /// The process id of the data plane, when one serves.
    ///
    /// # Errors
    /// When the admin endpoint does not answer with JSON.
    pub fn data_plane(&self) -> Result<Option<u32>, Failure> {
        let status = self.status()?;
        let pid = status.pointer("/pids/data_plane").and_then(Value::as_u64);
        Ok(pid.and_then(|pid| u32::try_from(pid).ok()))
    }

    /// The number of client sessions.
    ///
    /// # Errors
    /// When `/v1/status` does not say it.
    pub fn client_sessions(&self) -> Result<u64, Failure> {
        let status = self.status()?;
        let count = status.pointer("/sessions/client").and_then(Value::as_u64);
        count.ok_or_else(|| Failure::answer("sessions.client", status.to_string()))
    }

    /// Everything it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// The end of its log, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        self.process.evidence()
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.process.signal(Signal::TERM)?;
        self.process.wait_for_end(limit)
    }
}

const BOOT: Duration = Duration::from_secs(30);
