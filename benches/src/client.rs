//! One client of the load generator: logs in, sends a command, reads its answer to the end.

use crate::Error;
use bytes::BytesMut;
use odp_protocol::auth::{native_response, stage1};
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{
    Attributes, CapabilityFlags, CommandKind, Control, ErrPacket, Framing, Greeting, HEADER_LEN,
    HandshakeResponse, LOGIN_MAX, NATIVE_PASSWORD, PrepareOk, ResponseTracker, Step,
};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Whom to log in as.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user name, with its tenant where there are tenants.
    pub user: String,
    /// The password.
    pub password: String,
    /// The database.
    pub database: String,
}

/// A connection that is logged in.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When the server or proxy does not take the login.
    pub async fn connect(addr: SocketAddr, login: &Login) -> Result<Self, Error> {
        let stream = TcpStream::connect(addr)
            .await
            .map_err(Error::io("connect"))?;
        stream.set_nodelay(true).map_err(Error::io("connect"))?;
        let mut stream = Stream::plain(stream);
        let (_, greeting) = stream.read_packet(LOGIN_MAX).await?;
        if greeting.first() == Some(&0xFF) {
            return Err(refused(&greeting));
        }
        let greeting = Greeting::parse(&greeting)?;
        let mut payload = BytesMut::new();
        answer(&greeting, login).put(&mut payload);
        stream.put_packet(1, &payload);
        stream.flush().await.map_err(StreamError::from)?;
        let (_, answer) = stream.read_packet(LOGIN_MAX).await?;
        match answer.first() {
            Some(0) => Ok(Self { stream }),
            _ => Err(refused(&answer)),
        }
    }

    /// Runs a command to the end of its answer.
    ///
    /// # Errors
    /// When the answer is an error, or none comes.
    pub async fn run(&mut self, kind: CommandKind, argument: &[u8]) -> Result<(), Error> {
        self.send(kind, argument).await?;
        self.receive(kind, |_| Ok(())).await
    }

    /// Prepares a statement and gives its id.
    ///
    /// # Errors
    /// As [`Client::run`].
    pub async fn prepare(&mut self, text: &[u8]) -> Result<u32, Error> {
        let kind = CommandKind::StmtPrepare;
        self.send(kind, text).await?;
        let mut id = 0;
        let note = |payload: &[u8]| {
            id = PrepareOk::parse(payload)?.statement;
            Ok(())
        };
        self.receive(kind, note).await?;
        Ok(id)
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// When the connection is broken already.
    pub async fn quit(&mut self) -> Result<(), Error> {
        self.send(CommandKind::Quit, b"").await
    }

    async fn send(&mut self, kind: CommandKind, argument: &[u8]) -> Result<(), Error> {
        let out = self.stream.outbound();
        let start = odp_protocol::start_frame(out);
        out.extend_from_slice(&[kind.byte()]);
        out.extend_from_slice(argument);
        odp_protocol::finish_frame(out, start, 0);
        self.stream.flush().await.map_err(StreamError::from)?;
        Ok(())
    }

    async fn receive(
        &mut self,
        kind: CommandKind,
        mut prepared: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut tracker = ResponseTracker::new(kind, Framing::default());
        let mut error = None;
        loop {
            match tracker.next(self.stream.inbound())? {
                Step::Forward(count) => self.stream.consume(count),
                Step::Packet(control, count) => {
                    let packet = self.stream.inbound().get(HEADER_LEN..count);
                    let payload = packet.unwrap_or_default();
                    match control {
                        Control::Err => error = Some(refused(payload)),
                        Control::PrepareOk => prepared(payload)?,
                        _ => {}
                    }
                    self.stream.consume(count);
                }
                Step::More(_) => {
                    let read = self.stream.read_more().await;
                    if read.map_err(StreamError::from)? == 0 {
                        return Err(StreamError::Closed.into());
                    }
                }
                Step::Done => return error.map_or(Ok(()), Err),
            }
        }
    }
}

fn answer(greeting: &Greeting, login: &Login) -> HandshakeResponse {
    let proof = native_response(&stage1(login.password.as_bytes()), &greeting.salt);
    HandshakeResponse {
        capabilities: CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_PLUGIN_AUTH
            | CapabilityFlags::CLIENT_TRANSACTIONS
            | CapabilityFlags::CLIENT_CONNECT_WITH_DB,
        max_packet: 1 << 24,
        collation: 45,
        user: login.user.clone().into_bytes(),
        auth: proof.to_vec(),
        database: Some(login.database.clone().into_bytes()),
        plugin: NATIVE_PASSWORD.to_owned(),
        attributes: Attributes::default(),
    }
}

fn refused(payload: &[u8]) -> Error {
    match ErrPacket::parse(payload) {
        Ok(error) => Error::Refused(error.to_string()),
        Err(error) => error.into(),
    }
}
