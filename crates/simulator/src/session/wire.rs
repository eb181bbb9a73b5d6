//! Packets over a blocking socket.

use crate::conditions::{Conditions, Spent};
use bytes::BytesMut;
use odp_protocol::{FrameHeader, HEADER_LEN, finish_frame, start_frame};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Written bytes that are kept back before they are sent.
const FLUSH_AT: usize = 64 << 10;

/// The largest packet taken from a client, in bytes (`max_allowed_packet`).
const MAX_PACKET: usize = 64 << 20;

/// A connection with its buffers.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    conditions: Arc<Conditions>,
    spent: Spent,
    unread: BytesMut,
    unsent: BytesMut,
    sequence: u8,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, conditions: Arc<Conditions>) -> Self {
        Self {
            stream,
            conditions,
            spent: Spent::default(),
            unread: BytesMut::new(),
            unsent: BytesMut::new(),
            sequence: 0,
        }
    }

    /// The next packet, or none when the client has closed.
    pub(crate) fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = Vec::new();
        loop {
            if !self.fill(HEADER_LEN)? {
                return Ok(None);
            }
            let Some(header) = FrameHeader::read(&self.unread) else {
                return Ok(None);
            };
            if packet.len() + header.payload > MAX_PACKET {
                return Err(io::Error::other(
                    "a packet is longer than max_allowed_packet",
                ));
            }
            if !self.fill(header.frame_len())? {
                return Ok(None);
            }
            let frame = self.unread.split_to(header.frame_len());
            packet.extend_from_slice(frame.get(HEADER_LEN..).unwrap_or_default());
            self.sequence = header.sequence.wrapping_add(1);
            if !header.is_continued() {
                return Ok(Some(packet));
            }
        }
    }

    /// Reads until `wanted` bytes are there; false at the end of the stream.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        let mut chunk = [0_u8; 16 << 10];
        while self.unread.len() < wanted {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Ok(false);
            }
            self.unread
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
        Ok(true)
    }

    /// Writes one packet.
    pub(crate) fn packet(&mut self, write: impl FnOnce(&mut BytesMut)) -> io::Result<()> {
        let start = start_frame(&mut self.unsent);
        write(&mut self.unsent);
        self.sequence = finish_frame(&mut self.unsent, start, self.sequence);
        if self.unsent.len() >= FLUSH_AT {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes frames that have their headers already.
    pub(crate) fn pass(&mut self, frames: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(frames);
        if self.unsent.len() >= FLUSH_AT {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// The sequence number behind the last packet.
    pub(crate) fn next_sequence(&self) -> u8 {
        self.sequence
    }

    /// Sends what was written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let wanted = self.unsent.len();
            let admitted = self
                .conditions
                .admit(&mut self.spent, wanted, &self.stream)?;
            self.stream.write_all(&self.unsent.split_to(admitted))?;
        }
        Ok(())
    }
}
