//! Replicas: which server holds a copy of a partition, and in what role.

use crate::ServerAddr;
use serde::{Deserialize, Serialize};

/// The role of a replica (`role` of `__all_virtual_proxy_schema`: 1 leader, 2 follower).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Runs strong reads and writes.
    Leader,
    /// Runs weak reads.
    Follower,
}

impl Role {
    /// Reads the number that an `OBServer` reports; any other number is no role.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Leader),
            2 => Some(Self::Follower),
            _ => None,
        }
    }
}

/// What a replica stores (`replica_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplicaType {
    /// Data and log: may lead.
    Full,
    /// Log only: never runs a statement.
    LogOnly,
    /// A read-only copy.
    ReadOnly,
    /// A read-only copy in columns (1040 of newer servers, which `OBProxy` 4.3.1 ignores).
    ColumnStore,
    /// A type that this proxy does not know; used for nothing.
    Unknown,
}

impl ReplicaType {
    /// Reads the number that an `OBServer` reports (`ob_define.h`, `ObReplicaType`).
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Full,
            5 | 261 => Self::LogOnly,
            16 => Self::ReadOnly,
            1040 => Self::ColumnStore,
            _ => Self::Unknown,
        }
    }
}

/// One copy of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica {
    /// The server that holds it (its SQL port).
    pub server: ServerAddr,
    /// Leader or follower.
    pub role: Role,
    /// What it stores.
    pub replica_type: ReplicaType,
    /// Whether it is a copy of a duplicate table, which strong reads may use too.
    pub is_duplicate: bool,
}
