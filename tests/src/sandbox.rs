//! `odp sandbox`: the simulated cluster with a proxy in front of it.

use crate::clients::Account;
use crate::http::Endpoint;
use crate::process::Process;
use crate::{Engine, Failure, port, workspace};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {
    process: Process,
    sql: u16,
    admin: u16,
    control: u16,
}

/// What the simulator counted on one server.
#[derive(Debug, Clone)]
pub struct ServerCount {
    /// The server.
    pub addr: String,
    /// Its port.
    pub port: u16,
    /// Everything it was asked, metadata included.
    pub statements: u64,
    /// Statements that touch a partition whose leader it is.
    pub leader_hits: u64,
    /// Statements that touch a partition whose leader is another one.
    pub leader_misses: u64,
    /// Its zone.
    pub zone: String,
    /// Its process; none when that is dead.
    pub pid: Option<u32>,
}

impl Sandbox {
    /// Starts three servers and a proxy on free ports, and waits for `ready`.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not ready in time.
    pub fn start() -> Result<Self, Failure> {
        Self::start_with(&[])
    }

    /// The same with parameters of the proxy, as `name=value`.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not ready in time.
    pub fn start_with(parameters: &[&str]) -> Result<Self, Failure> {
        Self::run(&[], None, parameters)
    }

    /// Starts three servers whose SQL runs on a real engine, and a proxy with these parameters.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not ready in time.
    pub fn on_engine(engine: &Engine, parameters: &[&str]) -> Result<Self, Failure> {
        let addr = format!("127.0.0.1:{}", engine.port());
        let options = ["--engine", "seekdb", "--engine-address", &addr];
        Self::run(&options, None, parameters)
    }

    /// Starts three servers over a real engine of the sandbox' own, out of the Python in `path`.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not ready in time.
    pub fn with_engine_of(path: &Path) -> Result<Self, Failure> {
        Self::run(&["--engine", "seekdb"], Some(path), &[])
    }

    fn run(options: &[&str], path: Option<&Path>, parameters: &[&str]) -> Result<Self, Failure> {
        let dir = workspace::run_dir("sandbox")?;
        let (sql, admin, control) = (port::free()?, port::free()?, port::free()?);
        let mut command = Command::new(workspace::odp()?);
        command
            .current_dir(&dir)
            .args(["sandbox", "--servers", "3"])
            .args(options)
            .args(["-p", &sql.to_string()])
            .args(["--admin-port", &admin.to_string()])
            .args(["--control-port", &control.to_string()])
            .args(["-o", "orphan_timeout=2s"])
            .args(
                workspace::pool_mode()
                    .iter()
                    .flat_map(|mode| ["-o".to_owned(), format!("pool_mode={mode}")]),
            )
            .args(parameters.iter().flat_map(|parameter| ["-o", parameter]));
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut process = Process::start(&mut command, &dir)?;
        process.wait_until("the line `ready` of the sandbox", BOOT, |process| {
            let ready = process.stdout().lines().any(|line| line == "ready");
            if ready {
                Ok(())
            } else {
                Err("no such line".to_owned())
            }
        })?;
        Ok(Self {
            process,
            sql,
            admin,
            control,
        })
    }

    /// The account `app` of the tenant `demo`, which owns database `test`.
    #[must_use]
    pub fn app(&self) -> Account<'static> {
        Account {
            port: self.sql,
            user: "app@demo",
            password: "app",
        }
    }

    /// The ports of the simulated servers.
    ///
    /// # Errors
    /// When the control port does not tell their addresses.
    pub fn server_ports(&self) -> Result<Vec<u16>, Failure> {
        let servers = self.servers()?;
        Ok(servers.iter().map(|server| server.port).collect())
    }

    /// Kills the simulated servers, all at once.
    ///
    /// # Errors
    /// When they are dead already.
    pub fn kill(&self) -> Result<(), Failure> {
        self.process.signal(Signal::KILL)
    }

    /// Brings a fault about at a server and gives what is wrong with it now.
    ///
    /// # Errors
    /// [`Failure::Answer`] when the control port refuses.
    pub fn inject(&self, addr: &str, fault: &Value) -> Result<Value, Failure> {
        let path = format!("/chaos/{addr}");
        let answer = Endpoint::open(self.control).request("POST", &path, Some(fault))?;
        if answer.status == 200 {
            return answer.json();
        }
        Err(Failure::answer(
            format!("POST {path} {fault}"),
            format!("{} {}", answer.status, answer.body),
        ))
    }

    /// Undoes every fault of a server.
    ///
    /// # Errors
    /// When the control port refuses.
    pub fn heal(&self, addr: &str) -> Result<(), Failure> {
        self.inject(addr, &json!({"fault": "none"})).map(drop)
    }

    /// The port of the simulated cluster's own endpoint.
    #[must_use]
    pub fn control_port(&self) -> u16 {
        self.control
    }

    /// The admin port.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin
    }

    /// What the sandbox printed, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        self.process.evidence()
    }

    /// The tablets of a table of tenant `demo`, in the order of its partitions, with the addresses of
    /// their leaders.
    ///
    /// # Errors
    /// When the control port does not tell them.
    pub fn tablets(&self, table: &str) -> Result<Vec<(u64, String)>, Failure> {
        let path = format!("/tablets/demo/test/{table}");
        let answer = Endpoint::open(self.control).get(&path)?;
        let list = answer.json()?;
        let tablet = |tablet: &Value| {
            let leader = tablet.get("leader")?.as_str()?.to_owned();
            Some((tablet.get("tablet_id")?.as_u64()?, leader))
        };
        let tablets = list
            .as_array()
            .and_then(|list| list.iter().map(tablet).collect());
        tablets.ok_or_else(|| Failure::answer(format!("GET {path}"), answer.body))
    }

    /// Makes the server at `to` the leader of a tablet.
    ///
    /// # Errors
    /// When the control port refuses.
    pub fn move_leader(&self, tablet: u64, to: &str) -> Result<(), Failure> {
        let path = format!("/tablets/{tablet}/leader/{to}");
        let answer = Endpoint::open(self.control).request("POST", &path, None)?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(Failure::answer(format!("POST {path}"), answer.body))
        }
    }

    /// The simulator's own counts.
    ///
    /// # Errors
    /// When the control port does not answer as DESIGN says.
    pub fn servers(&self) -> Result<Vec<ServerCount>, Failure> {
        let answer = Endpoint::open(self.control).get("/servers")?;
        let list = answer.json()?;
        let pid = |pid: &Value| match pid {
            Value::Null => Some(None),
            pid => Some(Some(u32::try_from(pid.as_u64()?).ok()?)),
        };
        let count = |server: &Value| {
            Some(ServerCount {
                addr: server.get("addr")?.as_str()?.to_owned(),
                port: server
                    .get("addr")?
                    .as_str()?
                    .rsplit(':')
                    .next()?
                    .parse()
                    .ok()?,
                statements: server.get("statements")?.as_u64()?,
                leader_hits: server.get("leader_hits")?.as_u64()?,
                leader_misses: server.get("leader_misses")?.as_u64()?,
                zone: server.get("zone")?.as_str()?.to_owned(),
                pid: pid(server.get("pid")?)?,
            })
        };
        let servers = list
            .as_array()
            .and_then(|list| list.iter().map(count).collect());
        servers.ok_or_else(|| Failure::answer("GET /servers", answer.body))
    }
}

const BOOT: Duration = Duration::from_secs(30);
