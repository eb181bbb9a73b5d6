//! What a simulated cluster is made of.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// An account of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountConfig {
    /// The user name.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
}

/// A tenant with its accounts; every tenant owns a database `test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantConfig {
    /// The tenant's name.
    pub name: String,
    /// Who may log in.
    pub accounts: Vec<AccountConfig>,
}

/// A simulated cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfig {
    /// How many servers, 1 to 100; they are dealt round robin to the zones `z1`, `z2` and `z3`.
    pub servers: u16,
    /// The SQL port of the first server, the others follow; 0 takes any free ports.
    pub base_port: u16,
    /// The cluster's name (server parameter `cluster`).
    pub name: String,
    /// The cluster's id (server parameter `cluster_id`).
    pub id: i64,
    /// The tenants; `sys` must be among them.
    pub tenants: Vec<TenantConfig>,
    /// Where the data lives; none takes a directory of its own that goes with the cluster.
    pub data_dir: Option<PathBuf>,
    /// How long a statement waits for another transaction before error 1205.
    pub lock_wait_timeout: Duration,
    /// The address of a running seekdb whose `root` has no password: it runs the SQL of all tenants
    /// instead of the embedded engine. Its tables are listed as those of the last tenant.
    pub seekdb: Option<SocketAddr>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        let account = |user: &str, password: &str| AccountConfig {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        let tenant = |name: &str, accounts| TenantConfig {
            name: name.to_owned(),
            accounts,
        };
        Self {
            servers: 3,
            base_port: 0,
            name: "sandbox".to_owned(),
            id: 1,
            tenants: vec![
                tenant("sys", vec![account("root", ""), account("proxyro", "")]),
                tenant("demo", vec![account("app", "app")]),
            ],
            data_dir: None,
            lock_wait_timeout: Duration::from_secs(50),
            seekdb: None,
        }
    }
}
