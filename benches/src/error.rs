//! Why a benchmark could not be run.

use odp_protocol::ProtocolError;
use odp_protocol::stream::StreamError;
use odp_tests::Failure;

/// Why a benchmark could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A process of the harness failed.
    #[error(transparent)]
    Harness(#[from] Failure),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// A connection of the load generator broke.
    #[error("a connection of the load generator broke: {0}")]
    Stream(#[from] StreamError),
    /// What came back is no MySQL.
    #[error("an answer cannot be read: {0}")]
    Protocol(#[from] ProtocolError),
    /// A statement of a workload was refused.
    #[error("a statement of the workload was refused: {0}")]
    Refused(String),
    /// The command line asks for what is not there.
    #[error("{0}")]
    Usage(String),
    /// The driver measures something else than what was put in.
    #[error("the self-test failed: {0}")]
    SelfTest(String),
}

impl Error {
    /// For `map_err`: says what was tried.
    pub fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
