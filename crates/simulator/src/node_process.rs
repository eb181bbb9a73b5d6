//! A node as a process of its own: started, killed, stopped, asked.

use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::link::{Counts, Link, Order, Reply};
use crate::node::{Port, bind};
use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, kill_process};
use socket2::Socket;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a node may take to listen.
const BOOT: Duration = Duration::from_secs(20);

/// How long a node may take to carry out an order.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a node may take to tell its counts; then the last ones count.
const GLANCE: Duration = Duration::from_millis(300);

/// The program that runs one node: it is given the data directory, the node's id and its address behind
/// these arguments, and calls [`run_node`](crate::run_node).
#[derive(Debug, Clone)]
pub struct NodeCommand {
    /// The executable file.
    pub program: PathBuf,
    /// What comes first on its command line.
    pub arguments: Vec<OsString>,
}

/// A node's process, or the place of one.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    command: NodeCommand,
    dir: PathBuf,
    id: i64,
    addr: SocketAddr,
    /// Keeps the port while the process is dead.
    _port: Socket,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// By SIGSTOP.
    stopped: bool,
    /// The counts of the processes before.
    before: Counts,
    /// The last counts of this one.
    last: Counts,
    /// The node's own faults, as they were last known.
    faults: Vec<Fault>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    link: Link,
}

impl NodeProcess {
    /// Starts node `id`; `port` is bound to the address that it will listen on.
    pub(crate) fn start(
        command: NodeCommand,
        dir: &Path,
        id: i64,
        port: Socket,
    ) -> Result<Self, SimulatorError> {
        let addr = port.local_addr()?.as_socket();
        let addr = addr.ok_or_else(|| SimulatorError::NoSuchServer(format!("number {id}")))?;
        let process = Self {
            command,
            dir: dir.to_owned(),
            id,
            addr,
            _port: port,
            state: Mutex::default(),
        };
        process.start_again()?;
        Ok(process)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process, when one lives.
    pub(crate) fn pid(&self) -> Option<u32> {
        let mut state = self.state.lock();
        state.reap();
        state.running.as_ref().map(|running| running.child.id())
    }

    /// Starts the process, unless it runs.
    pub(crate) fn start_again(&self) -> Result<(), SimulatorError> {
        let mut state = self.state.lock();
        state.reap();
        if state.running.is_some() {
            return Ok(());
        }
        let (own, its) = UnixStream::pair()?;
        let child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .arg(&self.dir)
            .arg(self.id.to_string())
            .arg(self.addr.to_string())
            .stdin(OwnedFd::from(its))
            .stdout(Stdio::null())
            // An interrupt from the terminal is meant for the cluster's process.
            .process_group(0)
            .spawn()?;
        let running = Running {
            child,
            link: Link::new(own),
        };
        let running = state.running.insert(running);
        if let Err(error) = running.link.wait_for_start(BOOT) {
            state.kill();
            return Err(self.silent(&error));
        }
        state.stopped = false;
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        self.state.lock().kill();
    }

    /// SIGSTOP, while no transaction of this node keeps the others from the storage.
    pub(crate) fn stop(&self) -> Result<(), SimulatorError> {
        let mut state = self.state.lock();
        if state.stopped {
            return Ok(());
        }
        self.order(&mut state, Order::Hold, PATIENCE)?;
        state.signal(Signal::STOP)?;
        state.stopped = true;
        Ok(())
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) -> Result<(), SimulatorError> {
        let mut state = self.state.lock();
        if state.running.is_some() {
            state.signal(Signal::CONT)?;
            self.order(&mut state, Order::Release, PATIENCE)?;
        }
        state.stopped = false;
        Ok(())
    }

    /// Ends the sessions that keep the storage locked.
    pub(crate) fn fence(&self) -> Result<(), SimulatorError> {
        self.order(&mut self.state.lock(), Order::Fence, PATIENCE)
            .map(drop)
    }

    /// Has the node have these faults of its own.
    pub(crate) fn set_faults(&self, faults: Vec<Fault>) -> Result<(), SimulatorError> {
        let mut state = self.state.lock();
        let reply = self.order(&mut state, Order::Faults(faults), PATIENCE)?;
        state.faults = reply.faults;
        Ok(())
    }

    /// The node's own faults and what it has counted, all its processes together.
    pub(crate) fn look(&self) -> (Vec<Fault>, Counts) {
        let mut state = self.state.lock();
        state.reap();
        if !state.stopped
            && state.running.is_some()
            && let Ok(reply) = self.order(&mut state, Order::Report, GLANCE)
        {
            state.last = reply.counts;
            state.faults = reply.faults;
        }
        (state.faults.clone(), state.before.plus(state.last))
    }

    fn order(
        &self,
        state: &mut MutexGuard<'_, State>,
        order: Order,
        limit: Duration,
    ) -> Result<Reply, SimulatorError> {
        let Some(running) = state.running.as_mut() else {
            return Err(SimulatorError::Impossible("its process is dead".to_owned()));
        };
        running.link.ask(order, limit).map_err(|error| match error {
            SimulatorError::Impossible(text) => SimulatorError::Impossible(text),
            error => self.silent(&error),
        })
    }

    fn silent(&self, error: &SimulatorError) -> SimulatorError {
        SimulatorError::Silent(self.addr.to_string(), error.to_string())
    }
}

impl State {
    fn signal(&self, signal: Signal) -> Result<(), SimulatorError> {
        let id = self.running.as_ref().map(|running| running.child.id());
        let pid = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let pid =
            pid.ok_or_else(|| SimulatorError::Impossible("its process is dead".to_owned()))?;
        kill_process(pid, signal).map_err(|error| SimulatorError::Io(error.into()))
    }

    /// Notices a process that has ended, by itself or by somebody's signal.
    fn reap(&mut self) {
        let ended = |running: &mut Running| !matches!(running.child.try_wait(), Ok(None));
        if self.running.as_mut().is_some_and(ended) {
            self.forget();
        }
    }

    fn kill(&mut self) {
        if let Some(running) = self.running.as_mut() {
            // One that has just ended by itself is what is wanted.
            running.child.kill().ok();
            running.child.wait().ok();
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.running = None;
        self.stopped = false;
        self.faults.clear();
        self.before = self.before.plus(self.last);
        self.last = Counts::default();
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.state.get_mut().kill();
    }
}

/// A socket that keeps a port of the loopback for a node; `port` 0 takes any free one.
pub(crate) fn keep_port(addr: SocketAddr) -> Result<Socket, SimulatorError> {
    // A shared port lets two clusters bind the same one: only a bind of the usual kind sees that.
    drop(bind(addr, Port::Alone)?);
    bind(addr, Port::Kept)
}
