//! Changes to the cluster's own view: states, leaders, servers that come and go.

use crate::catalogue::{Catalogue, found};
use crate::error::SimulatorError;
use rusqlite::{Connection, params};
use std::net::SocketAddr;

/// A server's state, apart from its leaders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerView {
    /// `STATUS`.
    pub(crate) status: &'static str,
    /// `START_SERVICE_TIME` is set.
    pub(crate) in_service: bool,
    /// `STOP_TIME` is set.
    pub(crate) stopped: bool,
}

/// A zone's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZoneView {
    /// The operator has stopped it.
    pub(crate) stopped: bool,
    /// It is in major compaction.
    pub(crate) compacting: bool,
}

impl Catalogue {
    /// Shows a server as the cluster sees it.
    pub(crate) fn set_server(&self, id: i64, view: ServerView) -> Result<(), SimulatorError> {
        self.store.lock().execute(
            "UPDATE DBA_OB_SERVERS SET STATUS = ?2, START_SERVICE_TIME = ?3, STOP_TIME = ?4 WHERE ID = ?1",
            params![
                id,
                view.status,
                view.in_service.then_some(found::STARTED),
                view.stopped.then_some(found::STARTED)
            ],
        )?;
        self.changed()
    }

    /// Shows a zone as the cluster sees it.
    pub(crate) fn set_zone(&self, zone: &str, view: ZoneView) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction = store.transaction()?;
        let status = if view.stopped { "INACTIVE" } else { "ACTIVE" };
        transaction.execute(
            "UPDATE DBA_OB_ZONES SET STATUS = ?2 WHERE ZONE = ?1",
            [zone, status],
        )?;
        transaction.execute(
            "DELETE FROM CDB_OB_ZONE_MAJOR_COMPACTION WHERE ZONE = ?1",
            [zone],
        )?;
        let state = if view.compacting {
            "COMPACTING"
        } else {
            "IDLE"
        };
        transaction.execute(
            "INSERT INTO CDB_OB_ZONE_MAJOR_COMPACTION SELECT TENANT_ID, ?1, 1, 1, ?2, ?2, ?3 FROM \
             DBA_OB_TENANTS",
            [zone, found::STARTED, state],
        )?;
        transaction.commit()?;
        drop(store);
        self.changed()
    }

    /// Enters one more server and gives its id and its zone.
    pub(crate) fn add_server(&self, addr: SocketAddr) -> Result<(i64, String), SimulatorError> {
        let mut store = self.store.lock();
        let transaction = store.transaction()?;
        let id: i64 =
            transaction.query_row("SELECT max(ID) + 1 FROM DBA_OB_SERVERS", [], |row| {
                row.get(0)
            })?;
        let zone = found::zone_of(usize::try_from(id - 1).unwrap_or(0));
        found::server(&transaction, id, addr, &zone)?;
        locations(&transaction, addr, &zone)?;
        transaction.commit()?;
        drop(store);
        self.changed()?;
        Ok((id, zone))
    }

    /// Enters a server again that was removed.
    pub(crate) fn restore_server(
        &self,
        id: i64,
        addr: SocketAddr,
        zone: &str,
    ) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction = store.transaction()?;
        found::server(&transaction, id, addr, zone)?;
        locations(&transaction, addr, zone)?;
        transaction.commit()?;
        drop(store);
        self.changed()
    }

    /// Forgets a server and its replicas; its leaders must have moved before.
    pub(crate) fn remove_server(&self, id: i64, addr: SocketAddr) -> Result<(), SimulatorError> {
        let mut store = self.store.lock();
        let transaction = store.transaction()?;
        transaction.execute("DELETE FROM DBA_OB_SERVERS WHERE ID = ?1", [id])?;
        transaction.execute("DELETE FROM sim_replica WHERE server_id = ?1", [id])?;
        transaction.execute(
            "DELETE FROM CDB_OB_LS_LOCATIONS WHERE SVR_IP = ?1 AND SQL_PORT = ?2",
            params![addr.ip().to_string(), addr.port()],
        )?;
        transaction.commit()?;
        drop(store);
        self.changed()
    }
}

/// A follower of every log stream on a server.
fn locations(store: &Connection, addr: SocketAddr, zone: &str) -> Result<(), rusqlite::Error> {
    store
        .execute(
            "INSERT INTO CDB_OB_LS_LOCATIONS SELECT DISTINCT TENANT_ID, LS_ID, ?1, ?2, ?3, ?4, \
             'FOLLOWER', 'FULL' FROM CDB_OB_LS_LOCATIONS",
            params![
                addr.ip().to_string(),
                found::rpc_port(addr),
                addr.port(),
                zone
            ],
        )
        .map(drop)
}
