//! `odp serve` with a configuration of the test's own.

use crate::clients::Account;
use crate::http::{Answer, Endpoint};
use crate::process::{self, Process};
use crate::{Engine, Failure, port, wait, workspace};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What the configuration file says besides ports and folders.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    servers: Vec<u16>,
    extra: Vec<(&'static str, String)>,
    token: Option<&'static str>,
}

impl Settings {
    /// In front of these servers on the loopback.
    #[must_use]
    pub fn in_front_of(servers: &[u16]) -> Self {
        Self {
            servers: servers.to_vec(),
            ..Self::default()
        }
    }

    /// In front of the real engine, whose accounts it may read, with this `pool_mode`. It asks for the state
    /// of the servers only once: tests count what the engine is asked.
    #[must_use]
    pub fn sharing(engine: &Engine, mode: &str) -> Self {
        Self::in_front_of(&[engine.port()])
            .with("metadata_user", "\"root@sys\"")
            .with("observer_sys_password", "\"\"")
            .with("server_state_refresh_interval", "\"1h\"")
            .with("pool_mode", format!("\"{mode}\""))
    }

    /// With a parameter at this value, as TOML writes it; the last one counts.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, toml: impl Into<String>) -> Self {
        self.extra.retain(|(key, _)| *key != parameter);
        self.extra.push((parameter, toml.into()));
        self
    }

    /// With a token for the admin endpoint, which the harness then sends.
    #[must_use]
    pub fn with_token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    fn toml(&self, sql: u16, admin: u16, dir: &Path) -> String {
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
        if let Some(token) = self.token {
            writeln!(text, "admin_token = \"{token}\"").ok();
        }
        let has_own = |parameter| self.extra.iter().any(|(key, _)| *key == parameter);
        if !has_own("orphan_timeout") {
            // A killed coordinator leaves its data plane behind: not for longer than a test lasts.
            writeln!(text, "orphan_timeout = \"5s\"").ok();
        }
        if let Some(mode) = workspace::pool_mode().filter(|_| !has_own("pool_mode")) {
            writeln!(text, "pool_mode = \"{mode}\"").ok();
        }
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
    admin: Endpoint,
    started: Instant,
    dir: PathBuf,
    binary: PathBuf,
    /// Coordinators that were replaced; their groups end with this.
    former: Vec<Process>,
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
        Self::spawn_in(&workspace::run_dir("proxy")?, &workspace::odp()?, settings)
    }

    /// Starts a binary of the test's own in a folder of the test's own, without waiting.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_in(dir: &Path, binary: &Path, settings: &Settings) -> Result<Self, Failure> {
        let (sql, admin) = (port::free()?, port::free()?);
        std::fs::write(dir.join(CONFIG), settings.toml(sql, admin, dir))
            .map_err(Failure::io("write the configuration"))?;
        let mut admin = Endpoint::open(admin);
        if let Some(token) = settings.token {
            admin = admin.with_token(token);
        }
        let started = Instant::now();
        Ok(Self {
            process: serve(Stdio::null(), dir, binary)?,
            sql,
            admin,
            started,
            dir: dir.to_owned(),
            binary: binary.to_owned(),
            former: Vec::new(),
        })
    }

    /// Starts `odp serve` once more in the same folder, as a supervisor does after the first one has
    /// ended. Its log begins anew.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn serve_again(&mut self) -> Result<(), Failure> {
        self.serve_again_with(Stdio::null())
    }

    /// Likewise, with something to read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn serve_again_with(&mut self, stdin: Stdio) -> Result<(), Failure> {
        let process = serve(stdin, &self.dir, &self.binary)?;
        self.former
            .push(std::mem::replace(&mut self.process, process));
        self.started = Instant::now();
        Ok(())
    }

    /// Waits until the coordinator has ended, by itself or by a signal.
    ///
    /// # Errors
    /// When it has not in time.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.process.wait_for_end(limit)
    }

    /// Waits until `/health` answers with this status, and gives the time since the start.
    ///
    /// # Errors
    /// When it does not in time, or the process ends; with its log.
    pub fn wait_for_health(&mut self, status: u16) -> Result<Duration, Failure> {
        let (admin, started) = (self.admin.clone(), self.started);
        let what = format!("{status} from /health");
        self.process.wait_until(&what, BOOT, |_| {
            let answer = admin.get("/health").map_err(|error| error.to_string())?;
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

    /// The admin endpoint.
    #[must_use]
    pub fn admin(&self) -> &Endpoint {
        &self.admin
    }

    /// The configuration file that it runs with.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join(CONFIG)
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
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
    pub fn health(&self) -> Result<Answer, Failure> {
        self.admin.get("/health")
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// When the admin endpoint does not answer with JSON.
    pub fn status(&self) -> Result<Value, Failure> {
        self.admin.get("/v1/status")?.json()
    }

    /// The state in `/v1/status`.
    ///
    /// # Errors
    /// When `/v1/status` does not say it.
    pub fn state(&self) -> Result<String, Failure> {
        let status = self.status()?;
        let state = status.get("state").and_then(Value::as_str);
        let state = state.map(str::to_owned);
        state.ok_or_else(|| Failure::answer("state", status.to_string()))
    }

    /// Waits until `/v1/status` shows this state.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn wait_for_state(&self, state: &str) -> Result<(), Failure> {
        wait::until(&format!("state {state}"), BOOT, || {
            match self.state().map_err(|error| error.to_string())? {
                now if now == state => Ok(()),
                now => Err(format!("{now}\n{}", self.evidence())),
            }
        })
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

    /// The value of the first metric whose line begins with `name`.
    ///
    /// # Errors
    /// When `/metrics` has none.
    pub fn metric(&self, name: &str) -> Result<u64, Failure> {
        let text = self.admin().get("/metrics")?.body;
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.ok_or_else(|| Failure::answer(name, text))
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

impl Drop for Proxy {
    fn drop(&mut self) {
        // Data planes lead groups of their own and outlive a killed coordinator for a while.
        for id in process::in_folder(&self.dir) {
            // One that has just ended is what is wanted.
            process::send(id, Signal::KILL).ok();
        }
    }
}

fn serve(stdin: Stdio, dir: &Path, binary: &Path) -> Result<Process, Failure> {
    let mut command = Command::new(binary);
    command.current_dir(dir).args(["serve", "--config", CONFIG]);
    Process::start_with(stdin, &mut command, dir)
}

const CONFIG: &str = "odp.toml";
const BOOT: Duration = Duration::from_secs(30);
