//! A simulated OBServer cluster for the sandbox, the tests and the benches.
//!
//! Every node is a listener with a thread a session. What the cluster knows of itself and the data of
//! its tenants are SQLite files in one directory, so nodes may be threads of one process
//! ([`Cluster::start`]) or processes of their own ([`Cluster::prepare`], [`Node::run`]). All nodes can run
//! every statement; each counts whether it leads the partition that a statement touches.

mod answer;
mod catalogue;
mod cluster;
mod config;
mod cursor;
mod ddl;
mod engine;
mod error;
mod lexer;
mod node;
#[cfg(test)]
mod oracle;
mod placement;
mod registry;
mod results;
mod session;
mod translate;
mod variables;

pub use cluster::{Cluster, ServerReport, TabletReport};
pub use config::{AccountConfig, ClusterConfig, TenantConfig};
pub use error::{SimulatorError, SqlError};
pub use node::Node;
