//! What last said something about a server's health.

use crate::{Detected, Observation};
use std::fmt;

/// What it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWord {
    /// A request failed.
    Failed(Observation),
    /// The probes changed their mind.
    Detected(Detected),
    /// A request to the listed server was answered.
    Answered,
    /// It was held against the server before the last restart.
    Inherited,
}

impl fmt::Display for LastWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Failed(Observation::ServerError(code)) => {
                return write!(f, "the server said error {code}");
            }
            Self::Failed(Observation::ConnectFailed) => "no connection could be made",
            Self::Failed(Observation::TimedOut) => "no answer in time",
            // What is left is no failure, or ended the connection.
            Self::Failed(_) => "a connection broke while an answer was due",
            Self::Detected(Detected::Alive) => "it answers probes",
            Self::Detected(Detected::Unreachable) => "no way to it",
            Self::Detected(Detected::Dead) => "it answers no probe",
            Self::Answered => "it answered a request",
            Self::Inherited => "told by the data plane before this one",
        };
        f.write_str(words)
    }
}
