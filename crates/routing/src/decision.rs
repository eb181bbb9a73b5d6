//! What the router answers: a server with the reason for it, or what is missing.

use crate::{RouteReason, TableKey};
use odp_cluster::{ServerAddr, TabletId, TenantName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The answer to a [`crate::Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send the statement there.
    Route(Route),
    /// The location is not known: look this table up, then ask again with
    /// [`crate::LookupPhase::Done`].
    Lookup(TableKey),
    /// The partition is no longer where its location says, and a refresh is about to tell where it is:
    /// wait for that, then ask again.
    Wait(Wait),
    /// There is no server to try.
    NoServer(NoServerReason),
}

/// A short wait for a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Whose.
    pub table: TableKey,
    /// Who has it refreshed.
    pub refresh: Refresh,
    /// How long at most.
    pub limit: Duration,
}

/// Who has a location refreshed that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Somebody else does.
    UnderWay,
    /// The caller shall, now.
    Claimed,
}

/// A chosen server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The server.
    pub server: ServerAddr,
    /// The rule that chose it.
    pub reason: RouteReason,
    /// The table whose location was used, if any.
    pub table: Option<TableKey>,
    /// The tablet that the statement was placed in, if one was computed.
    pub tablet: Option<TabletId>,
    /// Whether `server` leads `tablet`.
    pub is_leader: bool,
    /// Whether discovery shall fetch `table` anew in the background: its location is stale, and
    /// this caller is the one to have it refreshed.
    pub refresh: bool,
    /// Whether the statement is the one probe of a listed server: what comes of it decides.
    #[serde(default)]
    pub is_probe: bool,
    /// What the statement changes the schema of; `None` for a statement that is no DDL.
    pub alters: Option<Box<Altered>>,
}

/// What a DDL changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Altered {
    /// This table.
    Table(TableKey),
    /// Anything of this tenant.
    Tenant(TenantName),
}

/// Why there is no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoServerReason {
    /// Discovery has not reached the cluster yet.
    NoCluster,
    /// The cluster does not know the session's tenant.
    UnknownTenant,
    /// Every server that could run the statement is in [`crate::Request::excluded`].
    AllTried,
}
