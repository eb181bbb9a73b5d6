//! What can go wrong between the coordinator and a data plane.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An error of the control channel, of a listener or of a child process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be opened; the usual reason is a port that is taken.
    #[error("cannot listen on {addr} ({name}): {source}")]
    Listen {
        /// What the listener is for.
        name: String,
        /// Where it should have listened.
        addr: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The data plane's process could not be started.
    #[error("cannot start {}: {source}", path.display())]
    Spawn {
        /// The binary.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A binary that cannot or must not be run.
    #[error("the binary {} {reason}", path.display())]
    Program {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing the control channel failed.
    #[error("control channel: {0}")]
    Channel(#[from] io::Error),
    /// The other side closed the control channel.
    #[error("control channel: closed by the other side")]
    Closed,
    /// A message is longer than its bound.
    #[error("control channel: a message of {length} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// More descriptors than one message may carry.
    #[error("control channel: {count} descriptors are more than the limit of {limit}")]
    TooManyDescriptors {
        /// How many there are.
        count: usize,
        /// How many may be passed at once.
        limit: usize,
    },
    /// The other side speaks another version of the control protocol.
    #[error("control channel: protocol version {theirs}, expected {ours}")]
    Version {
        /// What the other side speaks.
        theirs: u16,
        /// What this side speaks.
        ours: u16,
    },
    /// A message that does not decode, or arrives in the wrong step.
    #[error("control channel: {0}")]
    Protocol(&'static str),
    /// A message that does not decode.
    #[error("control channel: bad message: {0}")]
    Decode(#[from] postcard::Error),
}

impl Error {
    pub(crate) fn program(path: &Path, reason: &str) -> Self {
        Self::Program {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}
