//! A connection that the proxy opens for itself, to ask the cluster about the cluster.

use crate::connect::{connect, within};
use crate::server_session::log_in;
use crate::{ConnectOptions, PoolError};
use odp_cluster::ServerAddr;
use odp_protocol::auth::native_response;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    Attributes, CapabilityFlags, Column, CommandKind, Control, ErrPacket, FrameHeader, Framing,
    HEADER_LEN, HandshakeResponse, NATIVE_PASSWORD, ProtocolError, ResponseTracker, Step, TextRow,
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
        within(self.addr, "a metadata query", limit, self.run(sql)).await
    }

    async fn run(&mut self, sql: &str) -> Result<QueryResult, PoolError> {
        let addr = self.addr;
        let command = [&[CommandKind::Query.byte()][..], sql.as_bytes()].concat();
        self.stream.put_packet(0, &command);
        self.stream.flush().await.map_err(PoolError::io(addr))?;
        let mut tracker = ResponseTracker::new(CommandKind::Query, Framing::default());
        let mut content = Vec::new();
        let mut refusal = None;
        loop {
            match tracker
                .next(self.stream.inbound())
                .map_err(PoolError::protocol(addr))?
            {
                Step::Done => break,
                Step::Forward(count) => {
                    let chunk = self.stream.take(count);
                    if content.len() + chunk.len() > ANSWER_MAX {
                        let size = content.len() + chunk.len();
                        let source = ProtocolError::TooLarge {
                            size,
                            limit: ANSWER_MAX,
                        };
                        return Err(PoolError::protocol(addr)(source));
                    }
                    content.extend_from_slice(&chunk);
                }
                Step::Packet(control, count) => {
                    let packet = self.stream.take(count);
                    if control == Control::Err {
                        let payload = packet.get(HEADER_LEN..).unwrap_or_default();
                        refusal =
                            Some(ErrPacket::parse(payload).map_err(PoolError::protocol(addr))?);
                    }
                }
                Step::More(_) => {
                    let read = self.stream.read_more().await.map_err(PoolError::io(addr))?;
                    if read == 0 {
                        return Err(PoolError::broken(addr)(StreamError::Closed));
                    }
                }
            }
        }
        match refusal {
            Some(error) => Err(PoolError::Refused { addr, error }),
            None => parse_result(&content).map_err(PoolError::protocol(addr)),
        }
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
