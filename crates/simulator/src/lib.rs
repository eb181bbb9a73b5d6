//! A simulated OBServer cluster for the sandbox, the tests and the benches.
//!
//! Every node is a listener with a thread a session. What the cluster knows of itself and the data of
//! its tenants are SQLite files in one directory, so nodes may be threads of one process
//! ([`Cluster::start`]) or processes of their own ([`Cluster::start_processes`], [`run_node`]). All nodes
//! can run every statement; each counts whether it leads the partition that a statement touches. What can
//! be wrong with a node is a [`Fault`] ([`Cluster::inject`]). A real engine can run the SQL instead
//! ([`ClusterConfig::seekdb`]); the nodes then only pass it on.

mod answer;
mod catalogue;
mod chaos;
mod cluster;
mod conditions;
mod config;
mod cursor;
mod ddl;
mod engine;
mod error;
mod fault;
mod lexer;
mod link;
mod member;
mod node;
mod node_process;
#[cfg(test)]
mod oracle;
mod packets;
mod peers;
mod placement;
mod registry;
mod results;
mod seekdb;
mod session;
mod translate;
mod variables;

pub use chaos::FaultReport;
pub use cluster::{Cluster, ServerReport, TabletReport};
pub use config::{AccountConfig, ClusterConfig, TenantConfig};
pub use error::{SimulatorError, SqlError};
pub use fault::{ErrorsOn, Fault, Status};
pub use link::run_node;
pub use node_process::NodeCommand;
pub use seekdb::{RunningSeekDb, SeekDbCommand, run_seekdb};
