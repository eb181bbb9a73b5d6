//! A server session: a connection to an `OBServer` that is logged in for one client.

use crate::client_login::FirstLogin;
use crate::connect::{connect, within};
use crate::{ClientLogin, ConnectOptions, PoolError, ProxyIdentity};
use bytes::{Bytes, BytesMut};
use odp_cluster::ServerAddr;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    ErrPacket, Framing, Greeting, HandshakeResponse, OkFormat, OkPacket, ProtocolError,
    SessionChange, finish_frame, start_frame,
};

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
    /// How its responses end.
    pub framing: Framing,
}

/// What a server answered to a login.
#[derive(Debug, Clone)]
pub struct LoginAnswer {
    /// The whole payload of its OK packet.
    pub ok: Bytes,
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
        let framing = framing(&answer).map_err(PoolError::protocol(addr))?;
        let Greeting { connection_id, .. } = greeting;
        Ok((
            Self {
                stream,
                addr,
                connection_id,
                framing,
            },
            LoginAnswer { ok: answer },
        ))
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

/// How the server frames its responses, by the capabilities that it granted.
fn framing(answer: &[u8]) -> Result<Framing, ProtocolError> {
    const EXTRA_OK_FOR_STATISTICS: u64 = 1 << 9;
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
    Ok(Framing {
        extra_ok: true,
        extra_ok_for_statistics: granted & EXTRA_OK_FOR_STATISTICS != 0,
        deprecate_eof: false,
    })
}
