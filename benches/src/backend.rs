//! What stands behind the proxies: the fake OBServer, the real engine or MariaDB.

use crate::client::Login;
use crate::{Error, mariadb, observer};
use odp_tests::mysql::Connection;
use odp_tests::process::Process;
use odp_tests::{Engine, port, workspace};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

/// A server, or a cluster of them.
#[derive(Debug)]
pub struct Backend {
    /// How the report names it.
    pub name: &'static str,
    /// Where it listens.
    pub addrs: Vec<SocketAddr>,
    /// Whom the clients log in as.
    pub login: Login,
    /// What `odp` must be told about it: parameters and values as TOML writes them.
    pub parameters: Vec<(&'static str, String)>,
    server: Server,
}

/// What ends with its [`Backend`].
#[derive(Debug)]
enum Server {
    Process(Process),
    Engine(Box<Engine>),
}

/// How long a server may take to start.
const BOOT: Duration = Duration::from_mins(1);

impl Backend {
    /// The process of the server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        match &self.server {
            Server::Process(process) => process.id(),
            Server::Engine(engine) => engine.pid(),
        }
    }

    /// The fake OBServer on `ports`, as many of them as are missing chosen freely.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn observer(ports: &[u16]) -> Result<Self, Error> {
        let mut ports = ports.to_vec();
        while ports.len() < observer::SERVERS {
            ports.push(port::free()?);
        }
        let dir = workspace::run_dir("observer")?;
        let mut command = own_command("observer")?;
        command.args(ports.iter().map(u16::to_string));
        let process = start_and_wait(&mut command, &dir)?;
        Ok(Self {
            name: "fake OBServer",
            addrs: observer::addresses(&ports),
            login: Login {
                user: "app@demo".to_owned(),
                password: "app".to_owned(),
                database: "test".to_owned(),
            },
            parameters: vec![(
                "rootservice_cluster_name",
                format!("{:?}", observer::CLUSTER),
            )],
            server: Server::Process(process),
        })
    }

    /// The real engine with an account and an empty database.
    ///
    /// # Errors
    /// When it cannot be had or does not boot.
    pub fn seekdb() -> Result<Self, Error> {
        let port = port::free()?;
        let engine = Engine::start_on(port)?;
        let login = Login {
            user: "app".to_owned(),
            password: "app".to_owned(),
            database: "test".to_owned(),
        };
        let mut root = Connection::login(port, "root", "")?;
        for statement in [
            format!(
                "CREATE USER {} IDENTIFIED BY '{}'",
                login.user, login.password
            ),
            format!("GRANT ALL ON *.* TO {}", login.user),
        ] {
            root.query(&statement)?;
        }
        Ok(Self {
            name: "seekdb",
            addrs: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
            login,
            parameters: vec![
                ("metadata_user", "\"root@sys\"".to_owned()),
                ("observer_sys_password", "\"\"".to_owned()),
            ],
            server: Server::Engine(Box::new(engine)),
        })
    }

    /// MariaDB with the tables of the workloads; `None` where it is not installed.
    ///
    /// # Errors
    /// When it is installed and cannot be started or filled.
    pub fn mariadb() -> Result<Option<Self>, Error> {
        let Some(server) = mariadb::start(BOOT)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: "MariaDB",
            addrs: vec![server.addr],
            login: server.login,
            parameters: vec![("server_routing_mode", "\"mysql\"".to_owned())],
            server: Server::Process(server.process),
        }))
    }
}

/// This program in another role.
///
/// # Errors
/// When it does not know its own path.
pub fn own_command(role: &str) -> Result<Command, Error> {
    let own = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new(own);
    command.arg(role);
    Ok(command)
}

/// Starts this program in another role and waits until it serves.
///
/// # Errors
/// When it ends or does not serve in time.
pub fn start_and_wait(command: &mut Command, dir: &std::path::Path) -> Result<Process, Error> {
    let mut process = Process::start(command, dir)?;
    process.wait_until("its ready line", BOOT, |process| {
        let ready = process.stdout().lines().any(|line| line == observer::READY);
        ready.then_some(()).ok_or_else(|| "not yet".to_owned())
    })?;
    Ok(process)
}
