//! What the endpoint calls: the proxy, seen from its operator.

use crate::{Pools, Status, Task};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The proxy behind the endpoint. What is read comes from memory, so that it takes no time, whatever
/// the data plane does.
pub trait Operations: Send + Sync + 'static {
    /// Whether clients should be sent here.
    fn health(&self) -> Health;

    /// Everything that `/v1/status` tells.
    fn status(&self) -> Status;

    /// Everything that `/v1/pools` tells.
    fn pools(&self) -> Pools;

    /// The metrics in Prometheus' text format.
    fn metrics(&self) -> String;

    /// Has a command carried out; answers when it is accepted or refused.
    ///
    /// # Errors
    /// Why it is refused.
    fn command(
        &self,
        command: Command,
    ) -> impl Future<Output = Result<Task, CommandRefusal>> + Send;

    /// Takes a server out or lets it back; answers when that is kept and the data plane told.
    ///
    /// # Errors
    /// Why nothing has changed.
    fn server(
        &self,
        addr: SocketAddr,
        command: ServerCommand,
    ) -> impl Future<Output = Result<(), ServerRefusal>> + Send;

    /// The tasks that are remembered, newest first.
    fn tasks(&self) -> Vec<Task>;

    /// The task with this number; waits up to `wait` for its end.
    fn task(&self, id: u64, wait: Duration) -> impl Future<Output = Option<Task>> + Send;
}

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The proxy accepts clients and has a server to give them.
    Serving,
    /// It does not, and why, in one line for the operator.
    Unavailable {
        /// The reason.
        reason: String,
    },
}

/// What the operator can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Replace the data plane without an interruption.
    Restart,
    /// End the data plane and start the next one.
    ForceRestart,
    /// End the sessions and close the listeners.
    Stop,
    /// Serve again.
    Start,
    /// Replace data plane and coordinator by this binary.
    Upgrade(PathBuf),
}

/// What the operator can ask for one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCommand {
    /// It gets no request any more, whatever state it is in.
    Drain,
    /// Its state decides again.
    Undrain,
}

/// Why a command for one server is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerRefusal {
    /// The cluster has no such server.
    Unknown,
    /// It cannot be carried out or kept now; why.
    Unavailable(String),
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRefusal {
    /// The state does not admit it; what to say.
    Precondition(String),
    /// This task is under way and cannot be pushed aside.
    TaskRunning(u64),
    /// The proxy is about to end.
    Ending,
}
