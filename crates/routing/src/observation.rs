//! What a session saw after following a route, and what shall be done about it.

use crate::TableKey;

/// What came of a route. At most one per statement and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// The server answered, with a result or with an error that says nothing about its health.
    Answered {
        /// `ob_proxy_partition_hit` of the extra OK packet, when the server sent it.
        partition_hit: Option<bool>,
    },
    /// No connection to the server could be made.
    ConnectFailed,
    /// The connection broke while an answer was due.
    ConnectionLost,
    /// No answer within the session's time limit.
    TimedOut,
    /// The server answered with this error code.
    ServerError(u16),
}

/// What the caller passes on to discovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// Fetch this table anew in the background.
    pub refresh: Option<TableKey>,
    /// Ask for the state of the servers before the next regular round.
    pub refresh_cluster: bool,
}
