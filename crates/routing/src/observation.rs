//! What a session saw after following a route, and what shall be done about it.

use crate::{Route, RouteReason, TableKey};

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

/// Error codes of an `OBServer` that say something about the server or the location
/// (`handle_oceanbase_server_resp_error` of `OBProxy`).
mod code {
    pub(super) const ALLOCATE_MEMORY_FAILED: u16 = 4013;
    pub(super) const NOT_MASTER: u16 = 4038;
    pub(super) const CONNECT_ERROR: u16 = 4124;
    pub(super) const READ_ONLY: u16 = 5081;
    pub(super) const TENANT_NOT_IN_SERVER: u16 = 5150;
    pub(super) const SERVER_IS_INIT: u16 = 8001;
    pub(super) const SERVER_IS_STOPPING: u16 = 8002;
}

impl Observation {
    /// Whether it counts against the server.
    pub(crate) fn is_failure(self) -> bool {
        match self {
            Self::Answered { .. } => false,
            Self::ConnectFailed | Self::ConnectionLost | Self::TimedOut => true,
            Self::ServerError(code) => matches!(
                code,
                code::ALLOCATE_MEMORY_FAILED | code::SERVER_IS_INIT | code::SERVER_IS_STOPPING
            ),
        }
    }

    /// Whether it shows that the location which led to `route` is no longer right.
    pub(crate) fn outdates(self, route: &Route) -> bool {
        match self {
            Self::Answered {
                partition_hit: Some(hit),
            } => match route.reason {
                RouteReason::Leader | RouteReason::WeakReplica => !hit,
                RouteReason::NoLeader | RouteReason::LeaderUnusable => hit,
                RouteReason::NoTable => true,
                _ => false,
            },
            Self::ConnectFailed | Self::ConnectionLost => true,
            Self::Answered {
                partition_hit: None,
            }
            | Self::TimedOut => false,
            Self::ServerError(code) => matches!(
                code,
                code::NOT_MASTER
                    | code::CONNECT_ERROR
                    | code::READ_ONLY
                    | code::TENANT_NOT_IN_SERVER
                    | code::SERVER_IS_INIT
                    | code::SERVER_IS_STOPPING
            ),
        }
    }
}

/// What the caller passes on to discovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// Fetch this table anew in the background.
    pub refresh: Option<TableKey>,
    /// Ask for the state of the servers before the next regular round.
    pub refresh_cluster: bool,
}
