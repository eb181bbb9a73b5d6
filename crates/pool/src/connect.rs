//! Opening the TCP connection to an `OBServer` and reading its greeting.

use crate::PoolError;
use bytes::Bytes;
use odp_cluster::ServerAddr;
use odp_protocol::stream::Stream;
use odp_protocol::{ErrPacket, Greeting, LOGIN_MAX};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// TCP keepalive of a connection (`server_tcp_keepidle`, `_keepintvl`, `_keepcnt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe; zero leaves the kernel's default.
    pub idle: Duration,
    /// Time between probes; zero leaves the kernel's default.
    pub interval: Duration,
    /// Probes without an answer before the connection is dead; 0 leaves the kernel's default.
    pub probes: u32,
}

impl Default for Keepalive {
    /// `OBProxy`'s defaults: 5 s, 5 s, 5 probes.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(5),
            interval: Duration::from_secs(5),
            probes: 5,
        }
    }
}

impl Keepalive {
    /// Switches keepalive and no-delay on for a socket.
    ///
    /// # Errors
    /// What the kernel reports.
    pub fn apply(self, stream: &TcpStream) -> io::Result<()> {
        let mut keepalive = TcpKeepalive::new();
        if !self.idle.is_zero() {
            keepalive = keepalive.with_time(self.idle);
        }
        if !self.interval.is_zero() {
            keepalive = keepalive.with_interval(self.interval);
        }
        if self.probes > 0 {
            keepalive = keepalive.with_retries(self.probes);
        }
        stream.set_nodelay(true)?;
        SockRef::from(stream).set_tcp_keepalive(&keepalive)
    }
}

/// How connections to servers are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The time for the TCP connection and the greeting together.
    pub connect_timeout: Duration,
    /// The time for the login behind the greeting.
    pub login_timeout: Duration,
    /// Keepalive.
    pub keepalive: Keepalive,
}

impl Default for ConnectOptions {
    /// `short_async_task_timeout` (5 s) to connect, `OBProxy`'s 10 s query timeout to log in.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            login_timeout: Duration::from_secs(10),
            keepalive: Keepalive::default(),
        }
    }
}

/// Connects and reads the greeting.
pub(crate) async fn connect(
    addr: ServerAddr,
    options: &ConnectOptions,
) -> Result<(Stream, Greeting), PoolError> {
    let (stream, payload) = connect_raw(addr, options).await?;
    let greeting = Greeting::parse(&payload).map_err(PoolError::protocol(addr))?;
    Ok((stream, greeting))
}

/// Connects and returns the payload of the greeting as the server sent it, for a login that is relayed
/// between client and server.
///
/// # Errors
/// [`PoolError`] when the server cannot be reached in time or refuses the connection.
pub async fn connect_raw(
    addr: ServerAddr,
    options: &ConnectOptions,
) -> Result<(Stream, Bytes), PoolError> {
    let attempt = async {
        let stream = TcpStream::connect(addr.socket_addr())
            .await
            .map_err(|source| PoolError::Connect { addr, source })?;
        options
            .keepalive
            .apply(&stream)
            .map_err(|source| PoolError::Connect { addr, source })?;
        let mut stream = Stream::plain(stream);
        let (_, payload) = stream
            .read_packet(LOGIN_MAX)
            .await
            .map_err(PoolError::broken(addr))?;
        if payload.first() == Some(&0xFF) {
            let error = ErrPacket::parse(&payload).map_err(PoolError::protocol(addr))?;
            return Err(PoolError::Refused { addr, error });
        }
        Ok((stream, payload))
    };
    within(addr, "the connection", options.connect_timeout, attempt).await
}

/// Runs `attempt` for at most `limit`.
pub(crate) async fn within<T>(
    addr: ServerAddr,
    step: &'static str,
    limit: Duration,
    attempt: impl Future<Output = Result<T, PoolError>>,
) -> Result<T, PoolError> {
    let late = |_| {
        Err(PoolError::Timeout {
            addr,
            step,
            limit_ms: limit.as_millis(),
        })
    };
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(late)
}
