//! What a session saw after following a route, and what shall be done about it.

use crate::locations::{Confirmation, Doubt, Leaves};
use crate::{Route, RouteReason, Table, TableKey, Unsure};

/// What came of a route. At most one per statement and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// The server answered, with a result or with an error that says nothing about its health.
    Answered {
        /// `ob_proxy_partition_hit` of the extra OK packet, when the server sent it.
        partition_hit: Option<bool>,
        /// `ob_last_schema_version`, when the server reported one: the newest schema that it knows.
        schema_version: Option<i64>,
    },
    /// No connection to the server could be made.
    ConnectFailed,
    /// The connection broke while an answer was due.
    ConnectionLost,
    /// No answer within the session's time limit.
    TimedOut,
    /// The server answered with this error code.
    ServerError(u16),
    /// Nothing: the client left first, or the statement never got there.
    GivenUp,
}

/// Error codes of an `OBServer` that say something about the server or the location
/// (`handle_oceanbase_server_resp_error` of `OBProxy`; `ob_errno.h` of the server).
mod code {
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
    pub(super) const NO_PARTITION_FOR_GIVEN_VALUE: u16 = 1526;
    pub(super) const UNKNOWN_PARTITION: u16 = 1735;
    pub(super) const ALLOCATE_MEMORY_FAILED: u16 = 4013;
    pub(super) const NOT_MASTER: u16 = 4038;
    pub(super) const CONNECT_ERROR: u16 = 4124;
    pub(super) const PARTITION_NOT_EXIST: u16 = 4225;
    pub(super) const LS_NOT_EXIST: u16 = 4719;
    pub(super) const TABLET_NOT_EXIST: u16 = 4725;
    pub(super) const TABLE_NOT_EXIST: u16 = 5019;
    pub(super) const READ_ONLY: u16 = 5081;
    pub(super) const TENANT_NOT_IN_SERVER: u16 = 5150;
    pub(super) const SERVER_IS_INIT: u16 = 8001;
    pub(super) const SERVER_IS_STOPPING: u16 = 8002;
}

impl Observation {
    /// Whether it counts against the server.
    pub(crate) fn is_failure(self) -> bool {
        match self {
            Self::Answered { .. } | Self::GivenUp => false,
            Self::ConnectFailed | Self::ConnectionLost | Self::TimedOut => true,
            Self::ServerError(code) => matches!(
                code,
                code::ALLOCATE_MEMORY_FAILED | code::SERVER_IS_INIT | code::SERVER_IS_STOPPING
            ),
        }
    }

    /// Whether the table is gone: what was known of it is of no use to anybody.
    pub(crate) fn shows_table_gone(self) -> bool {
        matches!(
            self,
            Self::ServerError(code::NO_SUCH_TABLE | code::TABLE_NOT_EXIST)
        )
    }

    /// Whether the server answered from where it was asked, as far as it says.
    pub(crate) fn confirms(self, route: &Route) -> Confirmation {
        match (self, route.reason) {
            (
                Self::Answered {
                    partition_hit: Some(true),
                    ..
                },
                RouteReason::Leader | RouteReason::WeakReplica,
            ) => Confirmation::Yes,
            _ => Confirmation::No,
        }
    }

    /// What it says against the location which led to `route`; `table` is what is known of its table now.
    pub(crate) fn doubt(self, route: &Route, table: Option<&Table>) -> Doubt {
        match self {
            Self::Answered {
                partition_hit,
                schema_version,
            } => {
                let known = table.map(|table| table.schema_version);
                let is_newer = schema_version
                    .zip(known)
                    .is_some_and(|(seen, known)| seen > known);
                if is_newer {
                    return Doubt::Leaves(Leaves::ALL);
                }
                match partition_hit {
                    Some(hit) if Self::is_surprise(hit, route.reason) => Self::miss(route, table),
                    _ => Doubt::None,
                }
            }
            Self::ConnectFailed | Self::ConnectionLost => Doubt::Stale,
            Self::TimedOut | Self::GivenUp => Doubt::None,
            Self::ServerError(code) => match code {
                code::NOT_MASTER
                | code::PARTITION_NOT_EXIST
                | code::LS_NOT_EXIST
                | code::TABLET_NOT_EXIST => Self::miss(route, table),
                code::NO_PARTITION_FOR_GIVEN_VALUE
                | code::UNKNOWN_PARTITION
                | code::CONNECT_ERROR
                | code::READ_ONLY
                | code::TENANT_NOT_IN_SERVER
                | code::SERVER_IS_INIT
                | code::SERVER_IS_STOPPING => Doubt::Stale,
                _ => Doubt::None,
            },
        }
    }

    /// The tablet is not led where the statement was sent. That is no news when the location has
    /// changed since the statement left.
    fn miss(route: &Route, table: Option<&Table>) -> Doubt {
        let (Some(table), Some(tablet), true) = (table, route.tablet, route.is_leader) else {
            return Doubt::Leaves(Leaves::ALL);
        };
        let leaf = table.locations.iter().position(|at| at.tablet == tablet);
        match leaf.and_then(|leaf| Some((leaf, table.locations.get(leaf)?))) {
            Some((leaf, at)) if at.leader() == Some(route.server) => {
                Doubt::Leaves(Leaves::one(leaf))
            }
            _ => Doubt::None,
        }
    }

    /// Whether an answer with or without a hit is not what the rule expected.
    fn is_surprise(hit: bool, reason: RouteReason) -> bool {
        match reason {
            RouteReason::Leader | RouteReason::WeakReplica | RouteReason::DuplicateReplica => !hit,
            RouteReason::NoLeader | RouteReason::LeaderUnusable | RouteReason::WeakElsewhere => hit,
            // The statement succeeded where the metadata has no place for it.
            RouteReason::NoTable
            | RouteReason::Unsure(Unsure::NoPartition | Unsure::PartitionName) => true,
            _ => false,
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
    /// Have the server probed at once: it may be gone.
    pub probe: bool,
}
