//! The picture of the cluster that discovery publishes: servers, zones and tenants.

use odp_cluster::{ClusterName, Server, ServerAddr, TenantName, Zone, ZoneName, ZoneState};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What is known about the cluster; replaced as a whole by every refresh.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterView {
    /// The cluster's name, empty until an `OBServer` has told it.
    pub name: ClusterName,
    /// Every server of the cluster.
    pub servers: Vec<Server>,
    /// Every zone of the cluster.
    pub zones: Vec<Zone>,
    /// The tenants by name; empty while nothing can be asked.
    pub tenants: HashMap<TenantName, Tenant>,
    /// Whether the cluster answers questions about locations.
    pub metadata: Metadata,
    /// Counts the views of a discovery, from 1; 0 is the empty view of the start.
    pub version: u64,
}

/// A server that says it belongs to another cluster than the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignServer {
    /// The server.
    pub server: ServerAddr,
    /// The name of its cluster.
    pub found: ClusterName,
    /// The configured name.
    pub expected: ClusterName,
}

/// Whether locations can be asked for at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Metadata {
    /// No: the metadata login failed, or the server lacks the views of a cluster. Every statement
    /// goes to any of the servers.
    #[default]
    Unavailable,
    /// Yes.
    Available,
}

/// A tenant as the cluster lists it (`DBA_OB_TENANTS`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// `primary_zone`, for example `z1;z2,z3` or `RANDOM`.
    pub primary_zone: String,
    /// The server that leads all of the tenant's log streams, when it is a single one.
    pub single_leader: Option<ServerAddr>,
}

impl ClusterView {
    /// The zone with this name.
    #[must_use]
    pub fn zone(&self, name: &ZoneName) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.name == *name)
    }

    /// The server with this address.
    #[must_use]
    pub fn server(&self, addr: ServerAddr) -> Option<&Server> {
        self.servers.iter().find(|server| server.addr == addr)
    }

    /// Whether the cluster's own view lets `server` take requests: its state and its zone's.
    #[must_use]
    pub fn serves(&self, server: &Server) -> bool {
        let zone = self.zone(&server.zone).map(|zone| zone.state);
        server.state.serves() && zone != Some(ZoneState::Upgrade)
    }
}
