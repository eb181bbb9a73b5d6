//! A connection as two buffers and a transport: the one place of this crate that knows tokio.
//!
//! Reading and writing are cancel-safe: whatever has been read or is still to be written is in
//! [`Buffers`], which is plain data. So an exchange can be stopped between any two reads, and its
//! bytes and its socket handed to another thread or process. A connection at rest holds no buffer.

use crate::{Compression, FrameHeader, ProtocolError, put_packet};
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

/// The smallest and the largest room made for one read, in bytes. A read that fills its room doubles
/// the next one, so that large results move in large pieces and small ones cost little memory.
const READ_MIN: usize = 4 << 10;
const READ_MAX: usize = 256 << 10;

/// An empty buffer that is larger is given back, in bytes: the next large packet may go the other way.
const KEPT_MAX: usize = 64 << 10;

/// What carries the bytes. Wrapped TLS becomes a variant here.
#[derive(Debug)]
pub enum Transport {
    /// A TCP connection.
    Plain(TcpStream),
    /// An in-memory pipe, for tests of sessions without ports.
    Duplex(DuplexStream),
}

/// The bytes of a connection that are neither here nor there: read but not consumed, produced but
/// not sent.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Buffers {
    /// Read from the peer, not consumed.
    pub inbound: BytesMut,
    /// To be written to the peer.
    pub outbound: BytesMut,
    /// What lies between these two and the transport, for a peer that speaks the compressed protocol.
    pub compression: Option<Box<Compression>>,
}

/// A connection.
#[derive(Debug)]
pub struct Stream {
    transport: Transport,
    buffers: Buffers,
    room: usize,
}

/// A read that failed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer closed the connection.
    #[error("the connection was closed by the peer")]
    Closed,
    /// The socket failed.
    #[error("{0}")]
    Io(io::Error),
    /// The peer broke the protocol.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
}

impl From<io::Error> for StreamError {
    /// Streams report compressed frames that cannot be read as errors of the socket.
    fn from(error: io::Error) -> Self {
        match error.downcast::<ProtocolError>() {
            Ok(error) => Self::Protocol(error),
            Err(error) => Self::Io(error),
        }
    }
}

impl Transport {
    /// Reads once and appends to `buffer`: 0 bytes mean that the peer closed its side.
    async fn read_some(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Duplex(stream) => stream.read_buf(buffer).await,
            Self::Plain(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Writes a first part of `bytes` and says how long it was: at least one byte.
    async fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Duplex(stream) => stream.write(bytes).await?,
            Self::Plain(stream) => stream.write(bytes).await?,
        };
        if written == 0 {
            Err(io::ErrorKind::WriteZero.into())
        } else {
            Ok(written)
        }
    }
}

impl Stream {
    /// A connection over `transport` that goes on with `buffers`.
    #[must_use]
    pub fn new(transport: Transport, buffers: Buffers) -> Self {
        Self {
            transport,
            buffers,
            room: READ_MIN,
        }
    }

    /// A fresh connection over TCP.
    #[must_use]
    pub fn plain(stream: TcpStream) -> Self {
        Self::new(Transport::Plain(stream), Buffers::default())
    }

    /// Takes the connection apart, to be put together elsewhere.
    #[must_use]
    pub fn into_parts(self) -> (Transport, Buffers) {
        (self.transport, self.buffers)
    }

    /// The TCP socket, when there is one: for questions to the kernel about the connection.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        match &self.transport {
            Transport::Plain(stream) => Some(stream.as_fd()),
            Transport::Duplex(_) => None,
        }
    }

    /// From here on both sides speak the compressed protocol. What is still to be sent goes out before.
    pub fn compress(&mut self) {
        let Buffers {
            inbound,
            outbound,
            compression,
        } = &mut self.buffers;
        let mut begun = Compression::new(inbound.split());
        begun.ready().unsplit(outbound.split());
        *compression = Some(Box::new(begun));
    }

    /// Whether a part of something has been read that is not consumed.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        let Buffers {
            inbound,
            compression,
            ..
        } = &self.buffers;
        !inbound.is_empty() || compression.as_ref().is_some_and(|c| c.has_unread())
    }

    /// What has been read and not consumed.
    #[must_use]
    pub fn inbound(&self) -> &[u8] {
        &self.buffers.inbound
    }

    /// Where packets to the peer are written; [`Stream::flush`] sends them.
    pub fn outbound(&mut self) -> &mut BytesMut {
        &mut self.buffers.outbound
    }

    /// Bytes waiting to be sent.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let packed = self.buffers.compression.as_ref();
        self.buffers.outbound.len() + packed.map_or(0, |packed| packed.unsent())
    }

    /// Takes the first `count` bytes of what was read, without copying.
    pub fn take(&mut self, count: usize) -> BytesMut {
        let count = count.min(self.buffers.inbound.len());
        self.buffers.inbound.split_to(count)
    }

    /// Drops the first `count` bytes of what was read.
    pub fn consume(&mut self, count: usize) {
        self.buffers
            .inbound
            .advance(count.min(self.buffers.inbound.len()));
    }

    /// Gives the memory of what was read back, when it was much and is consumed: for a connection whose
    /// peer has said what it had to say.
    pub fn shed(&mut self) {
        let inbound = &mut self.buffers.inbound;
        if inbound.is_empty() && inbound.capacity() > KEPT_MAX {
            *inbound = BytesMut::new();
        }
    }

    /// Gives the memory of empty buffers back: for a connection that goes to rest.
    pub fn rest(&mut self) {
        self.room = READ_MIN;
        for buffer in [&mut self.buffers.inbound, &mut self.buffers.outbound] {
            if buffer.is_empty() && buffer.capacity() > 0 {
                *buffer = BytesMut::new();
            }
        }
        if let Some(compression) = &mut self.buffers.compression {
            compression.rest();
        }
    }

    /// Reads once and appends to what was read: 0 bytes mean that the peer closed its side.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn read_more(&mut self) -> io::Result<usize> {
        let Buffers {
            inbound,
            compression,
            ..
        } = &mut self.buffers;
        let Some(compression) = compression else {
            return Self::read_once(&mut self.transport, inbound, &mut self.room).await;
        };
        loop {
            let unpacked = compression.unpack(inbound, READ_MAX);
            let count =
                unpacked.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if count > 0 {
                return Ok(count);
            }
            let arrived = compression.arrived();
            if Self::read_once(&mut self.transport, arrived, &mut self.room).await? == 0 {
                return Ok(0);
            }
        }
    }

    async fn read_once(
        transport: &mut Transport,
        buffer: &mut BytesMut,
        next_room: &mut usize,
    ) -> io::Result<usize> {
        // What is left in front counts: a buffer that grew for it would be twice as large for good.
        buffer.reserve(next_room.saturating_sub(buffer.len()).max(READ_MIN));
        let room = buffer.capacity() - buffer.len();
        let count = transport.read_some(buffer).await?;
        if count == room {
            *next_room = (*next_room * 2).min(READ_MAX);
        } else if count < *next_room / 4 {
            *next_room = (*next_room / 2).max(READ_MIN);
        }
        Ok(count)
    }

    /// Whether a connection that should be silent has closed or sent something, as far as can be told
    /// without waiting.
    pub fn has_stirred(&mut self) -> bool {
        if !self.buffers.inbound.is_empty() {
            return true;
        }
        match &mut self.transport {
            Transport::Duplex(_) => false,
            Transport::Plain(stream) => {
                let silent = stream.try_read_buf(&mut self.buffers.inbound);
                !matches!(silent, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
        }
    }

    /// Hands the socket to the runtime of the calling thread, which drives it from now on.
    ///
    /// # Errors
    /// What the runtime reports; the connection is closed then.
    pub fn move_to_this_thread(&mut self) -> io::Result<()> {
        if let Transport::Plain(_) = self.transport {
            let (nowhere, _) = tokio::io::duplex(1);
            let before = std::mem::replace(&mut self.transport, Transport::Duplex(nowhere));
            if let Transport::Plain(stream) = before {
                self.transport = Transport::Plain(TcpStream::from_std(stream.into_std()?)?);
            }
        }
        Ok(())
    }

    /// Waits until a connection that should be silent has closed or sent something; what it sent is in
    /// [`Stream::inbound`] then. Cancel-safe, and without memory for a read that may never come.
    pub async fn stirred(&mut self) {
        while !self.has_stirred() {
            match &mut self.transport {
                // Errors show in what follows, too.
                Transport::Duplex(stream) => {
                    stream.read_buf(&mut self.buffers.inbound).await.ok();
                    return;
                }
                Transport::Plain(stream) => {
                    if stream.readable().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Writes everything that is to be sent. Cancel-safe: what was not written stays.
    ///
    /// # Errors
    /// What the socket reports.
    pub async fn flush(&mut self) -> io::Result<()> {
        let Buffers {
            outbound,
            compression,
            ..
        } = &mut self.buffers;
        if let Some(compression) = compression {
            loop {
                Self::write_all(&mut self.transport, compression.ready()).await?;
                if outbound.is_empty() {
                    return Ok(());
                }
                let packed = compression.pack(outbound);
                outbound.advance(packed);
            }
        }
        Self::write_all(&mut self.transport, outbound).await
    }

    async fn write_all(transport: &mut Transport, buffer: &mut BytesMut) -> io::Result<()> {
        while !buffer.is_empty() {
            let written = transport.write_some(buffer).await?;
            buffer.advance(written);
        }
        if buffer.capacity() > KEPT_MAX {
            *buffer = BytesMut::new();
        }
        Ok(())
    }

    /// Writes the first `count` bytes that were read from `from` to this connection, behind what is
    /// still to be sent, without copying them unless they are packed on the way. `count` falls as they leave.
    ///
    /// Cancel-safe: `count` and the buffers always say what is still to do.
    ///
    /// # Errors
    /// What this connection's socket reports.
    pub async fn forward(&mut self, from: &mut Stream, count: &mut usize) -> io::Result<()> {
        self.flush().await?;
        while *count > 0 {
            let chunk = from
                .buffers
                .inbound
                .get(..*count)
                .unwrap_or(&from.buffers.inbound);
            let taken = match &mut self.buffers.compression {
                None => self.transport.write_some(chunk).await?,
                Some(compression) => compression.pack(chunk),
            };
            from.consume(taken);
            *count -= taken;
            if self.buffers.compression.is_some() {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Puts a packet behind what is to be sent and returns the next sequence number.
    pub fn put_packet(&mut self, sequence: u8, payload: &[u8]) -> u8 {
        put_packet(&mut self.buffers.outbound, sequence, payload)
    }

    /// Reads until a whole packet of at most `limit` bytes is there and takes it, its frames joined.
    /// Returns the sequence number of its last frame and the payload.
    ///
    /// # Errors
    /// [`StreamError::Closed`] at the end of the stream, [`ProtocolError::TooLarge`] before reading a
    /// packet that is larger than `limit`.
    pub async fn read_packet(&mut self, limit: usize) -> Result<(u8, Bytes), StreamError> {
        loop {
            match whole_packet(&self.buffers.inbound, limit)? {
                Some((frames, sequence)) => return Ok((sequence, self.take_packet(frames))),
                None if self.read_more().await? == 0 => return Err(StreamError::Closed),
                None => {}
            }
        }
    }

    fn take_packet(&mut self, frames: usize) -> Bytes {
        let mut packet = BytesMut::new();
        for frame in 0..frames {
            let header = FrameHeader::read(&self.buffers.inbound).expect("the packet is whole");
            self.buffers.inbound.advance(crate::HEADER_LEN);
            let payload = self.buffers.inbound.split_to(header.payload);
            if frame == 0 {
                packet = payload;
            } else {
                packet.extend_from_slice(&payload);
            }
        }
        packet.freeze()
    }
}

/// Whether `bytes` start with a whole packet: its number of frames and its last sequence number.
fn whole_packet(bytes: &[u8], limit: usize) -> Result<Option<(usize, u8)>, ProtocolError> {
    let (mut at, mut payload, mut frames) = (0, 0, 0);
    loop {
        let Some(header) = bytes.get(at..).and_then(FrameHeader::read) else {
            return Ok(None);
        };
        payload += header.payload;
        frames += 1;
        if payload > limit {
            return Err(ProtocolError::TooLarge {
                size: payload,
                limit,
            });
        }
        at += header.frame_len();
        if !header.is_continued() {
            return Ok((at <= bytes.len()).then_some((frames, header.sequence)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Stream, Stream) {
        let (a, b) = tokio::io::duplex(64);
        let stream = |end| Stream::new(Transport::Duplex(end), Buffers::default());
        (stream(a), stream(b))
    }

    #[tokio::test]
    async fn packets_cross_a_pipe_that_is_smaller_than_they_are() {
        let (mut writer, mut reader) = pair();
        let send = async {
            writer.put_packet(0, &[5; 1000]);
            writer.put_packet(1, b"");
            writer.flush().await.unwrap();
            drop(writer);
        };
        let receive = async {
            assert_eq!(
                reader.read_packet(1000).await.unwrap(),
                (0, Bytes::from(vec![5; 1000]))
            );
            assert_eq!(reader.read_packet(1000).await.unwrap(), (1, Bytes::new()));
            assert!(matches!(
                reader.read_packet(1000).await,
                Err(StreamError::Closed)
            ));
        };
        tokio::join!(send, receive);
    }

    #[tokio::test]
    async fn a_packet_above_the_limit_is_refused_by_its_header() {
        let (mut writer, mut reader) = pair();
        writer.outbound().extend_from_slice(b"\xFF\xFF\x7F\0");
        writer.flush().await.unwrap();
        let refused = reader.read_packet(1 << 20).await;
        assert!(matches!(
            refused,
            Err(StreamError::Protocol(ProtocolError::TooLarge { .. }))
        ));
    }
}
