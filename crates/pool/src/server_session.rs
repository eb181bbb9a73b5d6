//! A server session: a connection to an `OBServer` that is logged in for one client.

use crate::ask::ask;
use crate::client_login::FirstLogin;
use crate::connect::{connect, within};
use crate::{ClientLogin, ConnectOptions, PoolError, ProxyIdentity};
use bytes::{Bytes, BytesMut};
use odp_cluster::ServerAddr;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    CommandKind, ErrPacket, Framing, Greeting, HandshakeResponse, OkFormat, OkPacket,
    ProtocolError, SessionChange, StatusFlags, finish_frame, start_frame,
};
use std::time::Duration;

/// The largest answer to a login, in bytes; 838 variables make about 25 KB.
const LOGIN_ANSWER_MAX: usize = 4 << 20;

/// A connection that is logged in.
#[derive(Debug)]
pub struct ServerSession {
    /// The connection.
    pub stream: Stream,
    /// The server.
    pub addr: ServerAddr,
    /// The id in the server's own greeting.
    pub connection_id: u32,
    /// The id by which the server knows it to its users: in `CONNECTION_ID()`, `SHOW PROCESSLIST` and
    /// `KILL`. The client session id where the server has taken it over, else its own.
    pub visible_id: u32,
    /// How its responses end.
    pub framing: Framing,
}

/// What a server answered to a login.
#[derive(Debug, Clone)]
pub struct LoginAnswer {
    /// The whole payload of its OK packet.
    pub ok: Bytes,
    /// The version in its greeting.
    pub version: String,
}

impl LoginAnswer {
    /// The OK packet.
    ///
    /// # Errors
    /// [`ProtocolError`] when the server sent no proper one; checked once at login.
    pub fn packet(&self) -> Result<OkPacket<'_>, ProtocolError> {
        OkPacket::parse(&self.ok, OkFormat::Tracked)
    }
}

impl ServerSession {
    /// Opens the first session of a client: its login decides whether the client gets in.
    ///
    /// # Errors
    /// [`PoolError::Refused`] with the server's own words; the other variants when the server could
    /// not be asked.
    pub async fn open_first(
        addr: ServerAddr,
        login: &ClientLogin,
        identity: &ProxyIdentity,
        options: &ConnectOptions,
    ) -> Result<(Self, LoginAnswer), PoolError> {
        Self::open(addr, login, identity, options, FirstLogin::Yes).await
    }

    /// Opens a further session for a client that is in ("saved login").
    ///
    /// # Errors
    /// As [`ServerSession::open_first`].
    pub async fn open_further(
        addr: ServerAddr,
        login: &ClientLogin,
        identity: &ProxyIdentity,
        options: &ConnectOptions,
    ) -> Result<(Self, LoginAnswer), PoolError> {
        Self::open(addr, login, identity, options, FirstLogin::No).await
    }

    /// Asks the server whether it still serves this session, for at most a second.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&mut self) -> Result<(), PoolError> {
        const PATIENCE: Duration = Duration::from_secs(1);
        self.command(CommandKind::Ping, b"", PATIENCE).await?;
        Ok(())
    }

    /// Puts the session into the state of a login (`COM_RESET_CONNECTION`), then runs `restore`, which
    /// sets what the login had set but the command does not.
    ///
    /// An `OBServer` rolls back, frees locks, forgets variables of both kinds, prepared statements and
    /// the last insert id; it keeps the current database, and sets character sets to the tenant's and
    /// not to those of the login.
    ///
    /// # Errors
    /// When the server refuses, does not answer in time, or says that a transaction is still open.
    pub async fn reset(&mut self, restore: &[u8], limit: Duration) -> Result<(), PoolError> {
        self.command(CommandKind::ResetConnection, b"", limit)
            .await?;
        let status = self.command(CommandKind::Query, restore, limit).await?;
        let is_clean = !status.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
        if is_clean && self.stream.inbound().is_empty() {
            return Ok(());
        }
        let (first, place) = (0, "a session that was reset");
        let source = StreamError::Protocol(ProtocolError::Unexpected { first, place });
        let addr = self.addr;
        Err(PoolError::Broken { addr, source })
    }

    /// Chooses the current database, as a login that names it does.
    ///
    /// # Errors
    /// [`PoolError::Refused`] with the words in which the server refuses a login.
    pub async fn choose_database(&mut self, name: &str, limit: Duration) -> Result<(), PoolError> {
        let chosen = self.command(CommandKind::InitDb, name.as_bytes(), limit);
        match chosen.await {
            // The command's own refusal does not say which database: that of USE does, as a login's.
            Err(PoolError::Refused { .. }) => {
                let name = name.replace('`', "``");
                self.run(&format!("USE `{name}`"), limit).await
            }
            other => other.map(drop),
        }
    }

    /// Runs a command of the proxy's own whose answer has no rows that matter.
    async fn command(
        &mut self,
        kind: CommandKind,
        argument: &[u8],
        limit: Duration,
    ) -> Result<StatusFlags, PoolError> {
        let Self {
            stream,
            addr,
            framing,
            ..
        } = self;
        let payload = [&[kind.byte()][..], argument].concat();
        let asked = ask(*addr, stream, &payload, *framing, |_| Ok(()));
        within(*addr, "a command of the proxy's own", limit, asked).await
    }

    async fn open(
        addr: ServerAddr,
        login: &ClientLogin,
        identity: &ProxyIdentity,
        options: &ConnectOptions,
        first: FirstLogin,
    ) -> Result<(Self, LoginAnswer), PoolError> {
        let (mut stream, greeting) = connect(addr, options).await?;
        let packet = login.packet(&greeting, identity, first);
        let answer = log_in(addr, &mut stream, &packet, options).await?;
        // The answer was large; what follows is small, or far away.
        stream.rest();
        let granted = granted(&answer).map_err(PoolError::protocol(addr))?;
        let Greeting {
            connection_id,
            version,
            ..
        } = greeting;
        let visible_id = if granted & CLIENT_SESSION_ID == 0 {
            connection_id
        } else {
            login.session_id.get()
        };
        Ok((
            Self {
                stream,
                addr,
                connection_id,
                visible_id,
                framing: framing(granted),
            },
            LoginAnswer {
                ok: answer,
                version,
            },
        ))
    }

    /// Runs one statement of the proxy's own; rows are thrown away.
    ///
    /// # Errors
    /// [`PoolError::Refused`] with the server's words: the session stands.
    pub async fn run(&mut self, sql: &str, limit: Duration) -> Result<(), PoolError> {
        self.command(CommandKind::Query, sql.as_bytes(), limit)
            .await?;
        Ok(())
    }
}

/// Sends a login packet and reads the answer, an OK's payload.
pub(crate) async fn log_in(
    addr: ServerAddr,
    stream: &mut Stream,
    packet: &HandshakeResponse,
    options: &ConnectOptions,
) -> Result<Bytes, PoolError> {
    let attempt = async {
        put_login(stream.outbound(), packet);
        stream.flush().await.map_err(PoolError::io(addr))?;
        let read = stream.read_packet(LOGIN_ANSWER_MAX).await;
        let (_, payload) = read.map_err(PoolError::broken(addr))?;
        match payload.first() {
            Some(0) => Ok(payload),
            Some(0xFF) => {
                let error = ErrPacket::parse(&payload).map_err(PoolError::protocol(addr))?;
                Err(PoolError::Refused { addr, error })
            }
            first => {
                let first = first.copied().unwrap_or_default();
                let place = "the answer to a login";
                let source = StreamError::Protocol(ProtocolError::Unexpected { first, place });
                Err(PoolError::Broken { addr, source })
            }
        }
    };
    within(addr, "the login", options.login_timeout, attempt).await
}

fn put_login(out: &mut BytesMut, packet: &HandshakeResponse) {
    let start = start_frame(out);
    packet.put(out);
    finish_frame(out, start, 1);
}

/// `OB_CAP_PROXY_CLIENT_SESSION_ID`: the server shows its users the client session id.
const CLIENT_SESSION_ID: u64 = 1 << 21;

/// How the server frames its responses, by the capabilities that it granted.
fn framing(granted: u64) -> Framing {
    const EXTRA_OK_FOR_STATISTICS: u64 = 1 << 9;
    Framing {
        extra_ok: true,
        extra_ok_for_statistics: granted & EXTRA_OK_FOR_STATISTICS != 0,
        deprecate_eof: false,
    }
}

/// The proxy capabilities that the server granted (`ob_capability_flag`).
fn granted(answer: &[u8]) -> Result<u64, ProtocolError> {
    let ok = OkPacket::parse(answer, OkFormat::Tracked)?;
    let mut granted = 0_u64;
    SessionChange::parse_all(ok.changes, |change| {
        if let SessionChange::System {
            name: b"ob_capability_flag",
            value,
        } = change
        {
            let text = std::str::from_utf8(value).unwrap_or_default();
            granted = text.parse().unwrap_or_default();
        }
    })?;
    Ok(granted)
}
