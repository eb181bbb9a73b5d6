//! A connection that the proxy opens for itself, to ask the cluster about the cluster.

use crate::ask::ask;
use crate::connect::{connect, within};
use crate::server_session::log_in;
use crate::{ConnectOptions, PoolError};
use bytes::BytesMut;
use odp_cluster::ServerAddr;
use odp_protocol::auth::native_response;
use odp_protocol::stream::Stream;
use odp_protocol::{
    Attributes, CapabilityFlags, Column, CommandKind, FrameHeader, Framing, HEADER_LEN,
    HandshakeResponse, NATIVE_PASSWORD, ProtocolError, TextRow,
};
use std::time::Duration;

/// The largest answer to a metadata query, in bytes.
const ANSWER_MAX: usize = 64 << 20;

/// Who the proxy is at the servers (`metadata_user`, `observer_sys_password`).
#[derive(Clone)]
pub struct MetaLogin {
    /// The user as the server knows it, for example `proxyro@sys`.
    pub user: String,
    /// `SHA1(password)`; `None` for an account without password.
    pub password_stage1: Option<[u8; 20]>,
    /// The database to start in; empty for none.
    pub database: String,
    /// How to connect.
    pub options: ConnectOptions,
}

impl std::fmt::Debug for MetaLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetaLogin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The rows of a query, as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryResult {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values, in the columns' order; `None` is NULL.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
}

/// A connection of the proxy's own.
#[derive(Debug)]
pub struct MetaConnection {
    stream: Stream,
    addr: ServerAddr,
}

impl MetaConnection {
    /// Connects and logs in within the time limits of `login`.
    ///
    /// # Errors
    /// [`PoolError::Refused`] when the server does not take the login, else why it was not asked.
    pub async fn open(addr: ServerAddr, login: &MetaLogin) -> Result<Self, PoolError> {
        let (mut stream, greeting) = connect(addr, &login.options).await?;
        let proof = login.password_stage1.as_ref();
        let auth = proof.map(|stage1| native_response(stage1, &greeting.salt).to_vec());
        let database = Some(login.database.as_bytes().to_vec()).filter(|name| !name.is_empty());
        let mut capabilities = CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_PLUGIN_AUTH
            | CapabilityFlags::CLIENT_TRANSACTIONS;
        capabilities.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, database.is_some());
        let packet = HandshakeResponse {
            capabilities,
            max_packet: 1 << 24,
            collation: 45,
            user: login.user.clone().into_bytes(),
            auth: auth.unwrap_or_default(),
            database,
            plugin: NATIVE_PASSWORD.to_owned(),
            attributes: Attributes::default(),
        };
        log_in(addr, &mut stream, &packet, &login.options).await?;
        Ok(Self { stream, addr })
    }

    /// Runs one statement and reads its whole answer (at most 64 MiB) within `limit`.
    ///
    /// After an error other than [`PoolError::Refused`] the connection is of no more use.
    ///
    /// # Errors
    /// [`PoolError::Refused`] with the server's words, else what broke.
    pub async fn query(&mut self, sql: &str, limit: Duration) -> Result<QueryResult, PoolError> {
        let addr = self.addr;
        // Boxed: callers hold many of these side by side, and a round trip costs far more.
        within(addr, "a metadata query", limit, Box::pin(self.run(sql))).await
    }

    async fn run(&mut self, sql: &str) -> Result<QueryResult, PoolError> {
        let addr = self.addr;
        let command = [&[CommandKind::Query.byte()][..], sql.as_bytes()].concat();
        let mut content = Vec::new();
        let keep = |chunk: BytesMut| {
            let size = content.len() + chunk.len();
            if size > ANSWER_MAX {
                let limit = ANSWER_MAX;
                return Err(ProtocolError::TooLarge { size, limit });
            }
            content.extend_from_slice(&chunk);
            Ok(())
        };
        ask(addr, &mut self.stream, &command, Framing::default(), keep).await?;
        parse_result(&content).map_err(PoolError::protocol(addr))
    }
}

/// Reads one text result set: count, columns, EOF, rows, EOF. No content is the answer of a
/// statement without rows.
fn parse_result(content: &[u8]) -> Result<QueryResult, ProtocolError> {
    let mut result = QueryResult::default();
    let mut rest = content;
    let mut packets = std::iter::from_fn(|| {
        let header = FrameHeader::read(rest)?;
        let frame = rest.get(HEADER_LEN..header.frame_len());
        rest = rest.get(header.frame_len()..).unwrap_or_default();
        Some(frame.ok_or(ProtocolError::Truncated))
    });
    let Some(count) = packets.next() else {
        return Ok(result);
    };
    let count = usize::from(*count?.first().ok_or(ProtocolError::Truncated)?);
    for _ in 0..count {
        let column = Column::parse(packets.next().ok_or(ProtocolError::Truncated)??)?;
        result
            .columns
            .push(String::from_utf8_lossy(&column.name).into_owned());
    }
    packets.next().ok_or(ProtocolError::Truncated)??;
    for packet in packets {
        let payload = packet?;
        if payload.first() == Some(&0xFE) && payload.len() < 9 {
            break;
        }
        let row: Result<Vec<_>, _> = TextRow::new(payload)
            .map(|value| value.map(|value| value.map(<[u8]>::to_vec)))
            .collect();
        result.rows.push(row?);
    }
    Ok(result)
}
