//! The connection to the engine, in packets.

use crate::conditions::has_ended;
use crate::session::wire::Wire;
use bytes::{Bytes, BytesMut};
use odp_protocol::{FrameHeader, HEADER_LEN, MAX_FRAME_PAYLOAD, put_packet};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long the engine may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a session that waits for the engine looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(50);

/// How long the engine may take to answer the simulator itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the engine with what was read of it.
#[derive(Debug)]
pub(super) struct EngineWire {
    pub(super) stream: TcpStream,
    unread: BytesMut,
    /// The connection of the client that is waited for as well.
    client: Option<TcpStream>,
}

impl EngineWire {
    pub(super) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self {
            stream,
            unread: BytesMut::new(),
            client: None,
        })
    }

    /// Gives up waiting once this client has gone away.
    pub(super) fn wait_with(&mut self, client: &TcpStream) -> io::Result<()> {
        self.client = Some(client.try_clone()?);
        Ok(())
    }

    /// Sends one packet, in as many frames as it needs.
    pub(super) fn send(&mut self, sequence: u8, payload: &[u8]) -> io::Result<()> {
        let mut bytes = BytesMut::with_capacity(payload.len() + HEADER_LEN);
        put_packet(&mut bytes, sequence, payload);
        self.stream.write_all(&bytes)
    }

    /// Sends a packet that has just been read from a client, with the numbers that it came with.
    pub(super) fn forward(&mut self, client: &Wire, payload: &[u8]) -> io::Result<()> {
        let frames = u8::try_from(payload.len() / MAX_FRAME_PAYLOAD + 1).unwrap_or(u8::MAX);
        self.send(client.next_sequence().wrapping_sub(frames), payload)
    }

    /// What was read and not taken yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Takes bytes off the front of what was read.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        self.unread.split_to(count).freeze()
    }

    /// Reads more.
    ///
    /// # Errors
    /// When the engine has closed, or the client, or the simulator has waited long enough for itself.
    pub(super) fn more(&mut self) -> io::Result<()> {
        let mut chunk = [0_u8; 16 << 10];
        let began = Instant::now();
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    let read = chunk.get(..count).unwrap_or_default();
                    self.unread.extend_from_slice(read);
                    return Ok(());
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    match &self.client {
                        Some(client) if has_ended(client) => {
                            return Err(ErrorKind::ConnectionAborted.into());
                        }
                        None if began.elapsed() > PATIENCE => return Err(error),
                        _ => {}
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next packet of less than 16 MB, as it came and without its header.
    pub(super) fn packet(&mut self) -> io::Result<(FrameHeader, Bytes)> {
        loop {
            if let Some(header) = FrameHeader::read(&self.unread)
                && self.unread.len() >= header.frame_len()
            {
                let frame = self.take(header.frame_len());
                return Ok((header, frame));
            }
            self.more()?;
        }
    }
}
