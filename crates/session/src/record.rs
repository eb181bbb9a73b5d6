//! A session written down, to be taken up by another thread or process.
//!
//! The sockets travel beside the record, in its order. Both directions take the session apart field by
//! field, so that a field that is missing here does not compile.

use crate::borrow::Origin;
use crate::change_user::UserChange;
use crate::exchange::{Exchange, Stage};
use crate::kind::Kind;
use crate::leases::{Lease, Leases, Synced};
use crate::login_variables::{VariableSetId, VariableSets};
use crate::oversize::Oversize;
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
    user_change: Option<UserChange>,
    oversize: Option<Oversize>,
    leases: Vec<LeaseRecord>,
    /// Whether somebody has killed it and it has not ended yet.
    is_killed: bool,
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

/// What a session was doing when it was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amid {
    /// Nothing: it waited for a command.
    Nothing,
    /// A part of a command had come.
    Command,
    /// A server session was being told what it had to know first.
    Sync,
    /// A request was on its way to the server.
    Request,
    /// Its answer was due, or on its way to the client.
    Response,
    /// The client was sending a local file.
    Upload,
    /// The client was becoming another user.
    UserChange,
}

/// Why a session could not be taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The record is written in a format that this release does not read.
    #[error("the session's record is in format {0}, which is not known here")]
    Format(u16),
    /// The record is not what its format says.
    #[error("the session's record cannot be read: {0}")]
    Record(#[from] postcard::Error),
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

impl SessionRecord {
    /// The formats that this release reads; it writes the first. Another layout of anything in a record is
    /// another format: releases take sessions over from each other.
    pub const FORMATS: [u16; 1] = [1];

    /// The record as bytes: two of its format, low byte first, then what `postcard` makes of it.
    ///
    /// # Errors
    /// [`RestoreError::Record`] when there is not enough memory for it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RestoreError> {
        let [format] = Self::FORMATS;
        Ok(postcard::to_extend(self, format.to_le_bytes().to_vec())?)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`RestoreError::Format`] and [`RestoreError::Record`] when these bytes are none, or not only one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let unfinished = postcard::Error::DeserializeUnexpectedEnd;
        let (format, body) = bytes.split_first_chunk().ok_or(unfinished)?;
        let format = u16::from_le_bytes(*format);
        if !Self::FORMATS.contains(&format) {
            return Err(RestoreError::Format(format));
        }
        match postcard::take_from_bytes(body)? {
            (record, []) => Ok(record),
            _ => Err(postcard::Error::DeserializeBadEncoding.into()),
        }
    }

    /// What the session was doing.
    #[must_use]
    pub fn amid(&self) -> Amid {
        let stage = self.exchange.as_ref().map(|exchange| &exchange.stage);
        match stage {
            _ if self.user_change.is_some() => Amid::UserChange,
            _ if self.oversize.is_some() => Amid::Command,
            None if self.client.inbound.is_empty() => Amid::Nothing,
            None => Amid::Command,
            Some(Stage::Ready | Stage::Sync { .. }) => Amid::Sync,
            Some(Stage::Request { .. }) => Amid::Request,
            Some(Stage::Response { .. } | Stage::Done) => Amid::Response,
            Some(Stage::Upload { .. }) => Amid::Upload,
        }
    }
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

    fn into_leases(
        records: Vec<Self>,
        servers: Vec<Transport>,
        ids: &Arc<SessionIds>,
        client: ClientSessionId,
    ) -> Result<Leases, RestoreError> {
        let (expected, found) = (records.len(), servers.len());
        if expected != found {
            return Err(RestoreError::Sockets { expected, found });
        }
        let mut leases = Leases::default();
        for (record, transport) in records.into_iter().zip(servers) {
            leases.add(record.into_lease(transport, ids, client));
        }
        Ok(leases)
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
            id,
            state,
            leases,
            exchange,
            user_change,
            oversize,
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
            user_change,
            oversize,
            leases: records,
            is_killed: id.is_killed(),
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
            user_change,
            oversize,
            leases: records,
            is_killed,
        } = record;
        let Transports {
            client: client_transport,
            servers,
        } = transports;
        let set = sets.get(variable_set).ok_or(RestoreError::VariableSet)?;
        let leases = LeaseRecord::into_leases(records, servers, ids, login.session_id)?;
        let mut id = ids.adopt(login.session_id);
        if is_killed {
            ids.kill(login.session_id);
        }
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
            user_change,
            oversize,
            kind: Kind::default(),
        })
    }
}
