//! Why the harness could not do what a test asked of it.

use std::fmt;
use std::time::Duration;

/// An error of the harness; a test returns it, so its `Debug` form is written for people.
#[derive(thiserror::Error)]
pub enum Failure {
    /// A real part (engine, client, tool) could not be had on this machine.
    #[error("a real part is missing: {part}: {why}")]
    Part {
        /// What is missing.
        part: &'static str,
        /// What was tried and how it ended.
        why: String,
    },
    /// A process ended in another way than expected.
    #[error("{program} ended with {status}; its output:\n{output}")]
    Process {
        /// The command line.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {limit:?}\n{evidence}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was seen instead: a log or the last error.
        evidence: String,
    },
    /// An answer that does not read as the protocol or the contract says.
    #[error("{what}: unexpected answer: {got}")]
    Answer {
        /// What was asked.
        what: String,
        /// What came.
        got: String,
    },
    /// The server answered with an error packet.
    #[error("server error {code} ({state}): {text}")]
    Server {
        /// The error number.
        code: u16,
        /// The SQLSTATE.
        state: String,
        /// The message.
        text: String,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        source: std::io::Error,
    },
}

impl Failure {
    /// For `map_err`: says what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// An answer that does not fit.
    pub fn answer(what: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Answer {
            what: what.into(),
            got: got.into(),
        }
    }

    /// The error number, when a server sent an error packet.
    #[must_use]
    pub fn server_code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
