//! A real engine behind the nodes: each of their sessions is a session of one seekdb, whose schema the
//! catalogue follows.
//!
//! A node passes the engine's greeting, login and answers on, so that they are the engine's own. What a
//! single server cannot have it adds: who leads a partition, the marks of a miss, the faults.

mod account;
mod answer;
mod client;
mod process;
mod schema;
mod session;
mod statement;
mod wire;

pub use process::{RunningSeekDb, SeekDbCommand, run_seekdb};
pub(crate) use session::serve;

use crate::catalogue::Catalogue;
use crate::config::ClusterConfig;
use crate::error::SimulatorError;
use client::Client;
use parking_lot::Mutex;
use std::net::SocketAddr;

/// The engine's account that the simulator uses for itself; it has no password.
const ROOT: &str = "root";

/// The account that a proxy asks for metadata with: it never reaches the engine, which knows of no other
/// servers.
const METADATA_USER: &str = "proxyro";

/// The engine, as a node or the cluster's process uses it for itself.
#[derive(Debug)]
pub(crate) struct SeekDb {
    addr: SocketAddr,
    /// The tenant that the catalogue lists the engine's tables under: the engine has one tenant only.
    tenant: String,
    client: Mutex<Option<Client>>,
}

/// The engine of a cluster; none for one with the embedded engine.
pub(crate) fn of(catalogue: &Catalogue) -> Result<Option<SeekDb>, SimulatorError> {
    let addr = catalogue.setting("seekdb")?.parse().ok();
    let tenant = catalogue.setting("seekdb_tenant")?;
    Ok(addr.map(|addr| SeekDb {
        addr,
        tenant,
        client: Mutex::default(),
    }))
}

impl SeekDb {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Creates what a cluster promises to have, and reads what is there already.
    pub(crate) fn prepare(
        &self,
        config: &ClusterConfig,
        catalogue: &Catalogue,
    ) -> Result<(), SimulatorError> {
        self.ask(|client| client.query("CREATE DATABASE IF NOT EXISTS test"))?;
        for tenant in &config.tenants {
            for account in &tenant.accounts {
                self.put_account(&account.user, &account.password)?;
            }
        }
        self.follow(catalogue)
    }

    /// Uses the connection, which is opened anew after a failure.
    fn ask<T>(
        &self,
        using: impl FnOnce(&mut Client) -> Result<T, SimulatorError>,
    ) -> Result<T, SimulatorError> {
        let mut kept = self.client.lock();
        let mut client = match kept.take() {
            Some(client) => client,
            None => Client::login(self.addr, ROOT)?,
        };
        let result = using(&mut client);
        if matches!(result, Ok(_) | Err(SimulatorError::Statement(_))) {
            *kept = Some(client);
        }
        result
    }
}
