//! What ends the process with an error.

use crate::config::Problems;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why odp ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(#[from] Problems),
    /// A listener, a child or the control channel.
    #[error("{0}")]
    Coordinator(#[from] odp_restart::Error),
    /// Threads, timers, signals.
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
    /// The configuration does not encode.
    #[error("cannot encode the configuration: {0}")]
    Encode(#[from] serde_json::Error),
    /// The folder of the state cannot be used.
    #[error("state_dir {}: {source}", path.display())]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A task ended without success.
    #[error("task {id} failed: {reason}")]
    TaskFailed {
        /// Its number.
        id: u64,
        /// Why.
        reason: String,
    },
    /// The state of the proxy does not admit a command.
    #[error("{0}")]
    Precondition(String),
    /// An HTTP listener could not be opened.
    #[error("cannot listen on {addr} ({name}): {source}")]
    Listen {
        /// What it is for.
        name: &'static str,
        /// Where it should have listened.
        addr: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The admin endpoint does not answer.
    #[error("cannot reach the admin endpoint at {url}: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The admin endpoint answers with an error.
    #[error("the admin endpoint answered {status}: {message}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Wrong arguments that clap cannot see.
    #[error("{0}")]
    Usage(String),
    /// A data plane, or the sandbox' proxy, did not become ready.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The simulated cluster.
    #[error("sandbox: {0}")]
    Sandbox(String),
}
