//! The nouns of an OceanBase cluster: names, ids, servers, zones, replicas; login-name parsing.
//!
//! Everything here is plain data without I/O, so that every other crate can speak of a tenant, a
//! zone or an `OBServer` in the same words. A name is a newtype: a tenant cannot be passed where a
//! database is meant.

mod id;
mod login_name;
mod name;
mod replica;
mod server;
mod zone;

pub use id::{ClientSessionId, ProxyId, TableId, TabletId};
pub use login_name::{LoginName, LoginNameError, Separators};
pub use name::{
    ClusterName, DatabaseName, IdcName, RegionName, TableName, TenantName, UserName, ZoneName,
};
pub use replica::{Replica, ReplicaType, Role};
pub use server::{Server, ServerAddr, ServerAddrError, ServerState};
pub use zone::{Zone, ZoneState, ZoneType};
