//! What the clients connect to: the server itself, odp, `HAProxy`, a relay or a given address.

use crate::backend::{Backend, own_command, start_and_wait};
use crate::{Error, processes};
use odp_tests::process::{Process, run_to_any_end};
use odp_tests::{http, port, workspace};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Something to connect to.
#[derive(Debug)]
pub struct Target {
    /// How the report names it.
    pub name: String,
    /// Where clients connect; more than one are dealt in turn.
    pub addrs: Vec<SocketAddr>,
    /// The first process of a proxy; `None` for the server itself and for a proxy of elsewhere.
    pub root: Option<u32>,
    /// Kept because it ends when it is dropped.
    _process: Option<Process>,
}

/// The kinds of relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RelayKind {
    /// Two threads a client.
    Blocking,
    /// One tokio thread.
    CurrentThread,
}

/// A proxy by its address, as the command line gives it: `name=host:port` or `name=host:port@pid`.
#[derive(Debug, Clone)]
pub struct Peer {
    name: String,
    addr: SocketAddr,
    pid: Option<u32>,
}

/// The name that ratios refer to.
pub const DIRECT: &str = "direct";
/// The name of odp.
pub const ODP: &str = "odp";
/// The name of `HAProxy`.
pub const HAPROXY: &str = "HAProxy";

/// How long a proxy may take to start.
const BOOT: Duration = Duration::from_secs(30);

impl std::str::FromStr for Peer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let usage = || {
            Error::Usage(format!(
                "{text} is not name=host:port or name=host:port@pid"
            ))
        };
        let (name, place) = text.split_once('=').ok_or_else(usage)?;
        let (addr, pid) = match place.split_once('@') {
            Some((addr, pid)) => (addr, Some(pid.parse().map_err(|_| usage())?)),
            None => (place, None),
        };
        let mut addrs = addr.to_socket_addrs().map_err(|_| usage())?;
        Ok(Self {
            name: name.to_owned(),
            addr: addrs.next().ok_or_else(usage)?,
            pid,
        })
    }
}

impl Target {
    /// The server itself.
    #[must_use]
    pub fn direct(backend: &Backend) -> Self {
        Self {
            name: DIRECT.to_owned(),
            addrs: backend.addrs.clone(),
            root: None,
            _process: None,
        }
    }

    /// A proxy that runs already.
    #[must_use]
    pub fn peer(peer: &Peer) -> Self {
        Self {
            name: peer.name.clone(),
            addrs: vec![peer.addr],
            root: peer.pid,
            _process: None,
        }
    }

    /// odp in front of `backend`; `None` when it does not take the parameters that the server needs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn odp(binary: &Path, backend: &Backend, name: &str) -> Result<Option<Self>, Error> {
        Self::odp_with(binary, backend, name, &[])
    }

    /// The same with parameters besides those that the server needs.
    ///
    /// # Errors
    /// As [`Target::odp`].
    pub fn odp_with(
        binary: &Path,
        backend: &Backend,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<Self>, Error> {
        // It is started in a folder of its own.
        let binary = std::path::absolute(binary).map_err(Error::io("find the odp binary"))?;
        let dir = workspace::run_dir("odp")?;
        let (sql, admin) = (port::free()?, port::free()?);
        let servers: Vec<_> = backend.addrs.iter().map(ToString::to_string).collect();
        let mut config = format!(
            "listen_port = {sql}\nprometheus_listen_port = {admin}\nlocal_bound_ip = \"127.0.0.1\"\n\
             rootservice_list = \"{}\"\nstate_dir = {:?}\nsyslog_level = \"warn\"\n",
            servers.join(";"),
            dir.join("state").display().to_string(),
        );
        for (parameter, value) in &backend.parameters {
            writeln!(config, "{parameter} = {value}").expect("writing to a string does not fail");
        }
        for (parameter, value) in parameters {
            writeln!(config, "{parameter} = {value}").expect("writing to a string does not fail");
        }
        let file = dir.join("odp.toml");
        std::fs::write(&file, config).map_err(Error::io("write the configuration"))?;
        let command = |verb: &str| {
            let mut command = Command::new(&binary);
            command.arg(verb).arg("--config").arg(&file);
            command.current_dir(&dir);
            command
        };
        let (status, _) = run_to_any_end(&mut command("check"), BOOT)?;
        if !status.success() {
            return Ok(None);
        }
        let mut process = Process::start(&mut command("serve"), &dir)?;
        process.wait_until("200 from /health", BOOT, |_| {
            match http::get(admin, "/health") {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.body),
                Err(error) => Err(error.to_string()),
            }
        })?;
        Ok(Some(Self::running(name, sql, process)))
    }

    /// `HAProxy` in TCP mode; `None` where it is not installed.
    ///
    /// # Errors
    /// When it is installed and cannot be started.
    pub fn haproxy(backend: &Backend) -> Result<Option<Self>, Error> {
        let Some(binary) = on_path("haproxy") else {
            return Ok(None);
        };
        let dir = workspace::run_dir("haproxy")?;
        let port = port::free()?;
        let mut config = format!(
            "global\n  maxconn 8000\ndefaults\n  mode tcp\n  timeout connect 5s\n  \
             timeout client 1h\n  timeout server 1h\nfrontend clients\n  bind 127.0.0.1:{port}\n  \
             default_backend servers\nbackend servers\n  balance roundrobin\n"
        );
        for (number, addr) in backend.addrs.iter().enumerate() {
            writeln!(config, "  server s{number} {addr}")
                .expect("writing to a string does not fail");
        }
        let file = dir.join("haproxy.cfg");
        std::fs::write(&file, config).map_err(Error::io("write the configuration"))?;
        let mut command = Command::new(binary);
        command.arg("-db").arg("-f").arg(&file);
        let mut process = Process::start(&mut command, &dir)?;
        process.wait_until("HAProxy's port", BOOT, |_| {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpStream::connect(addr).map_err(|error| error.to_string())
        })?;
        Ok(Some(Self::running(HAPROXY, port, process)))
    }

    /// A relay of our own, slowed down by `spin` for every request.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn relay(
        kind: RelayKind,
        name: &str,
        backend: &Backend,
        spin: Duration,
    ) -> Result<Self, Error> {
        let dir = workspace::run_dir("relay")?;
        let port = port::free()?;
        let kind = match kind {
            RelayKind::Blocking => "blocking",
            RelayKind::CurrentThread => "current-thread",
        };
        let mut command = own_command("relay")?;
        command.args(["--kind", kind, "--port", &port.to_string()]);
        command.args(["--spin-us", &spin.as_micros().to_string()]);
        command.args(backend.addrs.iter().map(ToString::to_string));
        let process = start_and_wait(&mut command, &dir)?;
        Ok(Self::running(name, port, process))
    }

    fn running(name: &str, port: u16, process: Process) -> Self {
        Self {
            name: name.to_owned(),
            addrs: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
            root: Some(process.id()),
            _process: Some(process),
        }
    }

    /// All processes of the proxy; none for the server itself.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.root.map(processes::family).unwrap_or_default()
    }
}

/// A program on the path, or where Debian keeps servers.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut files = dirs.into_iter().map(|dir| dir.join(name));
    files.find(|file| file.is_file())
}
