//! A session written down, to be taken up by another thread or process.
//!
//! The sockets travel beside the record, in its order. Both directions take the session apart field by
//! field, so that a field that is missing here does not compile.

use crate::borrow::Origin;
use crate::exchange::Exchange;
use crate::kind::Kind;
use crate::leases::{Lease, Leases, Synced};
use crate::login_variables::{VariableSetId, VariableSets};
use crate::pooling::{Pooling, PoolingRecord};
use crate::prepared::PreparedStatements;
use crate::session::Session;
use crate::session_ids::{LiveId, SessionIds};
use crate::settings::RoutingMode;
use crate::state::{Pin, SessionState, Transaction};
use crate::variables::{Difference, Variables};
use odp_cluster::{ClientSessionId, DatabaseName, ServerAddr, TenantName};
use odp_pool::{ClientLogin, ServerSession};
use odp_protocol::stream::{Buffers, Stream, Transport};
use odp_protocol::{Framing, StatusFlags};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A session as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    mode: RoutingMode,
    login: ClientLogin,
    tenant: TenantName,
    database: DatabaseName,
    variable_set: VariableSetId,
    variables: Difference,
    transaction: Transaction,
    prepared: PreparedStatements,
    pin: Option<Pin>,
    pooling: Option<PoolingRecord>,
    keeps_last: bool,
    leaves_more: bool,
    last_server: Option<ServerAddr>,
    found_rows_at: Option<ServerAddr>,
    row_count_at: Option<ServerAddr>,
    status: u16,
    client: Buffers,
    exchange: Option<Exchange>,
    leases: Vec<LeaseRecord>,
}

/// A server session as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseRecord {
    addr: ServerAddr,
    connection_id: u32,
    visible_id: u32,
    framing: Framing,
    synced: Synced,
    /// The id that it was opened with, when it is not the client's: one of a pool. It ends with its
    /// client then, wherever that is.
    own_id: Option<ClientSessionId>,
    buffers: Buffers,
}

/// The sockets of a session: the client's, then those of its server sessions in the record's order.
#[derive(Debug)]
pub struct Transports {
    /// The client's.
    pub client: Transport,
    /// The servers'.
    pub servers: Vec<Transport>,
}

/// Why a session could not be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The record names a set of login variables that was not handed over.
    #[error("the session's login variables are missing")]
    VariableSet,
    /// There are more or fewer sockets than server sessions.
    #[error("the session has {expected} server sessions, but {found} sockets came with it")]
    Sockets {
        /// Server sessions in the record.
        expected: usize,
        /// Sockets beside it.
        found: usize,
    },
}

impl LeaseRecord {
    fn of(lease: Lease) -> (Self, Transport) {
        let Lease {
            session,
            synced,
            origin,
        } = lease;
        let ServerSession {
            stream,
            addr,
            connection_id,
            visible_id,
            framing,
        } = session;
        let own_id = origin.own_id().map(LiveId::get);
        let (transport, buffers) = stream.into_parts();
        let record = Self {
            addr,
            connection_id,
            visible_id,
            framing,
            synced,
            own_id,
            buffers,
        };
        (record, transport)
    }

    fn into_lease(
        self,
        transport: Transport,
        ids: &Arc<SessionIds>,
        client: ClientSessionId,
    ) -> Lease {
        let Self {
            addr,
            connection_id,
            visible_id,
            framing,
            synced,
            own_id,
            buffers,
        } = self;
        let session = ServerSession {
            stream: Stream::new(transport, buffers),
            addr,
            connection_id,
            visible_id,
            framing,
        };
        let adopted = |id| Origin::Adopted(ids.adopt_for_server(id));
        let origin = own_id.map_or(Origin::Own, adopted);
        Lease {
            synced,
            ..Lease::new(session, origin, client)
        }
    }
}

impl Session {
    /// Writes the session down. `sets` must be those it was made with.
    ///
    /// # Errors
    /// [`RestoreError::VariableSet`] when they are not.
    pub fn into_record(
        self,
        sets: &VariableSets,
    ) -> Result<(SessionRecord, Transports), RestoreError> {
        let Self {
            client,
            id: _,
            state,
            leases,
            exchange,
            kind: _,
        } = self;
        let SessionState {
            mode,
            login,
            tenant,
            database,
            variables,
            transaction,
            prepared,
            pin,
            pooling,
            keeps_last,
            leaves_more,
            last_server,
            found_rows_at,
            row_count_at,
            status,
        } = state;
        let variable_set = sets
            .id_of(variables.login())
            .ok_or(RestoreError::VariableSet)?;
        let (client_transport, client) = client.into_parts();
        let mut servers = Vec::with_capacity(leases.len());
        let mut records = Vec::with_capacity(leases.len());
        for lease in leases.into_vec() {
            let (record, transport) = LeaseRecord::of(lease);
            servers.push(transport);
            records.push(record);
        }
        let record = SessionRecord {
            mode,
            login,
            tenant,
            database,
            variable_set,
            variables: variables.difference().clone(),
            transaction,
            prepared,
            pin,
            pooling: pooling.as_ref().map(Pooling::to_record),
            keeps_last,
            leaves_more,
            last_server,
            found_rows_at,
            row_count_at,
            status: status.bits(),
            client,
            exchange: exchange.map(Exchange::unmeasured),
            leases: records,
        };
        Ok((
            record,
            Transports {
                client: client_transport,
                servers,
            },
        ))
    }

    /// Takes a session up where its record left it.
    ///
    /// # Errors
    /// [`RestoreError`] when something that belongs to it is missing.
    pub fn from_record(
        record: SessionRecord,
        transports: Transports,
        sets: &VariableSets,
        ids: &Arc<SessionIds>,
    ) -> Result<Self, RestoreError> {
        let SessionRecord {
            mode,
            login,
            tenant,
            database,
            variable_set,
            variables,
            transaction,
            prepared,
            pin,
            pooling,
            keeps_last,
            leaves_more,
            last_server,
            found_rows_at,
            row_count_at,
            status,
            client,
            exchange,
            leases: records,
        } = record;
        let Transports {
            client: client_transport,
            servers,
        } = transports;
        let (expected, found) = (records.len(), servers.len());
        if expected != found {
            return Err(RestoreError::Sockets { expected, found });
        }
        let set = sets.get(variable_set).ok_or(RestoreError::VariableSet)?;
        let mut leases = Leases::default();
        for (record, transport) in records.into_iter().zip(servers) {
            leases.add(record.into_lease(transport, ids, login.session_id));
        }
        let mut id = ids.adopt(login.session_id);
        // It was within its tenant's limit when it came in.
        id.join_tenant(&tenant, 0);
        if mode == RoutingMode::MySql {
            id.join_server(last_server.as_slice());
        }
        let state = SessionState {
            mode,
            login,
            tenant,
            database,
            variables: Variables::restore(set, variables),
            transaction,
            prepared,
            pin,
            pooling: pooling.map(Pooling::from),
            keeps_last,
            leaves_more,
            last_server,
            found_rows_at,
            row_count_at,
            status: StatusFlags::from_bits_retain(status),
        };
        Ok(Self {
            client: Stream::new(client_transport, client),
            id,
            state,
            leases,
            exchange,
            kind: Kind::default(),
        })
    }
}
