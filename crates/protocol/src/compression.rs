//! The compressed protocol toward clients: frames around the stream of packets, as plain data.
//!
//! A frame has a header of seven bytes (its length, a sequence number of its own, the length before
//! compression or 0 for content that is stored as it is) and holds any part of the stream (MySQL manual,
//! "Compression"). Reading stops and goes on at any byte, in the middle of a deflated frame too; however
//! well a frame is packed, no more of it is unpacked at once than was asked for.

use crate::{FrameHeader, ProtocolError};
use bytes::{Buf, BufMut, BytesMut};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use serde::{Deserialize, Serialize};

/// Bytes of a compressed frame's header.
const HEADER_LEN: usize = 7;

/// Content that is shorter is stored as it is (`MIN_COMPRESS_LENGTH`).
const WORTH_IT: usize = 50;

/// The largest packet that is packed, in bytes. A larger one goes out as it is, because the length of what
/// it is packed into must be known before its first byte.
const FRAME_MAX: usize = 256 << 10;

/// How much of several packets is packed at once, and of a large one passed on, in bytes: more costs memory
/// and saves nothing, because deflate does not look further back than [`WINDOW`].
const BATCH_MAX: usize = 64 << 10;

/// The largest content of a frame, in bytes.
const CONTENT_MAX: usize = 0xFF_FFFF;

/// How hard deflate tries, 1 to 9: the proxy's time costs more than the last tenth of the size.
const LEVEL: i32 = 1;

/// How far deflate looks back.
const WINDOW: usize = 32 << 10;

/// The state of a compressed connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compression {
    /// Read from the peer, not unpacked.
    arrived: BytesMut,
    /// Packed, to be written to the peer.
    ready: BytesMut,
    /// The sequence number of the next frame to the peer.
    sequence: u8,
    /// The frame that is being read.
    frame: Option<Frame>,
    /// The beginning of a packet for the peer that is packed as a whole.
    held: BytesMut,
    /// A packet for the peer that is passed on as it is.
    large: Large,
}

/// What is still to come of a packet that is too large to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Large {
    /// Bytes of the packet.
    packet: usize,
    /// Bytes of the frame that it is in.
    frame: usize,
}

/// A frame of which something is still to come, by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Frame {
    /// So many bytes as they are.
    Stored(usize),
    /// Deflated.
    Deflated {
        /// Bytes still to come.
        left: usize,
        /// Bytes still to be made of them.
        expected: usize,
        inflater: Box<Inflater>,
    },
}

/// An inflate in progress.
#[derive(Clone, Serialize, Deserialize)]
struct Inflater {
    state: DecompressorOxide,
    /// The last [`WINDOW`] bytes that came out, a ring.
    window: Vec<u8>,
    /// Where the next one goes.
    at: usize,
    /// Bytes that went in.
    taken: usize,
}

impl Compression {
    /// A connection whose peer has already sent `arrived` in this form.
    pub(crate) fn new(arrived: BytesMut) -> Self {
        Self {
            arrived,
            ..Self::default()
        }
    }

    /// Where bytes from the peer go.
    pub fn arrived(&mut self) -> &mut BytesMut {
        &mut self.arrived
    }

    /// What is to be written to the peer.
    pub(crate) fn ready(&mut self) -> &mut BytesMut {
        &mut self.ready
    }

    /// Bytes that are to be written to the peer.
    pub(crate) fn unsent(&self) -> usize {
        self.ready.len() + self.held.len()
    }

    /// Whether something of a frame has been read that is not unpacked.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.frame.is_some() || !self.arrived.is_empty()
    }

    /// Gives the memory of empty buffers back.
    pub(crate) fn rest(&mut self) {
        for buffer in [&mut self.arrived, &mut self.ready, &mut self.held] {
            if buffer.is_empty() && buffer.capacity() > 0 {
                *buffer = BytesMut::new();
            }
        }
    }

    /// Takes a first part of `content`, whole packets or a part of one, and says how long it was: at least
    /// one byte. Packets begin where frames begin, and one is in a single frame if it fits: clients rely on
    /// it, as servers do it so.
    pub(crate) fn pack(&mut self, content: &[u8]) -> usize {
        if self.large.packet > 0 {
            return self.pass(content);
        }
        if self.held.is_empty() {
            let whole = content.get(..whole_packets(content)).unwrap_or_default();
            if !whole.is_empty() {
                self.put(whole);
                return whole.len();
            }
        }
        let missing = crate::HEADER_LEN.saturating_sub(self.held.len());
        let (header, behind) = content.split_at(missing.min(content.len()));
        self.held.extend_from_slice(header);
        let Some(packet) = FrameHeader::read(&self.held).map(FrameHeader::frame_len) else {
            return header.len();
        };
        if packet > FRAME_MAX {
            self.large.packet = packet;
            let begun = self.held.split();
            self.pass(&begun);
            return header.len() + self.pass(behind);
        }
        let more = behind.get(..packet - self.held.len()).unwrap_or(behind);
        self.held.extend_from_slice(more);
        if self.held.len() == packet {
            let whole = self.held.split();
            self.put(&whole);
        }
        header.len() + more.len()
    }

    /// Passes a part of a large packet on as it is.
    fn pass(&mut self, content: &[u8]) -> usize {
        let part = content.get(..BATCH_MAX).unwrap_or(content);
        let part = part.get(..self.large.packet).unwrap_or(part);
        let mut rest = part;
        while !rest.is_empty() {
            if self.large.frame == 0 {
                self.large.frame = self.large.packet.min(CONTENT_MAX);
                self.put_header(self.large.frame, 0);
            }
            let (now, later) = rest.split_at(rest.len().min(self.large.frame));
            self.ready.put_slice(now);
            self.large.frame -= now.len();
            self.large.packet -= now.len();
            rest = later;
        }
        part.len()
    }

    /// Packs whole packets into one frame.
    fn put(&mut self, packets: &[u8]) {
        let start = self.ready.len();
        if packets.len() >= WORTH_IT {
            self.put_header(0, packets.len());
            let content = self.ready.len();
            deflate(packets, &mut self.ready);
            let deflated = self.ready.len() - content;
            if deflated < packets.len() {
                let [a, b, c, ..] = deflated.to_le_bytes();
                if let Some(length) = self.ready.get_mut(start..start + 3) {
                    length.copy_from_slice(&[a, b, c]);
                }
                return;
            }
            self.ready.truncate(start);
            self.sequence = self.sequence.wrapping_sub(1);
        }
        self.put_header(packets.len(), 0);
        self.ready.put_slice(packets);
    }

    fn put_header(&mut self, content: usize, unpacked: usize) {
        let [a, b, c, ..] = content.to_le_bytes();
        self.ready.put_slice(&[a, b, c, self.sequence]);
        let [a, b, c, ..] = unpacked.to_le_bytes();
        self.ready.put_slice(&[a, b, c]);
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Unpacks about `limit` bytes (at most one window more) of what has arrived, appends them to `out` and
    /// says how many they were: 0 when more must be read first.
    ///
    /// # Errors
    /// [`ProtocolError::Compression`] for frames that are not what they say; the connection is of no more
    /// use.
    pub fn unpack(&mut self, out: &mut BytesMut, limit: usize) -> Result<usize, ProtocolError> {
        let before = out.len();
        while out.len() - before < limit {
            let frame = match &mut self.frame {
                Some(frame) => frame,
                None => match self.next_frame()? {
                    Some(frame) => self.frame.insert(frame),
                    None => break,
                },
            };
            let more = limit - (out.len() - before);
            if self.arrived.is_empty() && !frame.can_go_on() {
                break;
            }
            if frame.unpack(&mut self.arrived, out, more)? {
                self.frame = None;
            }
        }
        Ok(out.len() - before)
    }

    /// Reads the header of the next frame, when it is there as a whole.
    fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some(&[.., low, middle, high]) = self.arrived.first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        // The first four bytes are as in front of a packet.
        let Some(header) = FrameHeader::read(&self.arrived) else {
            return Ok(None);
        };
        let unpacked = u32::from_le_bytes([low, middle, high, 0]) as usize;
        self.arrived.advance(HEADER_LEN);
        self.sequence = header.sequence.wrapping_add(1);
        match (header.payload, unpacked) {
            (0, _) => Err(ProtocolError::Compression("a frame without content")),
            (length, 0) => Ok(Some(Frame::Stored(length))),
            (left, expected) => Ok(Some(Frame::Deflated {
                left,
                expected,
                inflater: Box::default(),
            })),
        }
    }
}

/// Deflates `content` behind what is in `out`.
fn deflate(content: &[u8], out: &mut BytesMut) {
    const WITH_ZLIB_HEADER: i32 = 1;
    let flags = create_comp_flags_from_zip_params(LEVEL, WITH_ZLIB_HEADER, 0);
    let mut compressor = CompressorOxide::new(flags);
    compress_to_output(&mut compressor, content, TDEFLFlush::Finish, |part| {
        out.put_slice(part);
        true
    });
}

/// The bytes of whole packets at the front of `content` that are packed at once.
fn whole_packets(content: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(header) = content.get(whole..).and_then(FrameHeader::read) {
        let (packet, end) = (header.frame_len(), whole + header.frame_len());
        let is_too_much = packet > FRAME_MAX || (whole > 0 && end > BATCH_MAX);
        if is_too_much || end > content.len() {
            break;
        }
        whole = end;
    }
    whole
}

impl Frame {
    /// Whether something can come out without anything going in.
    fn can_go_on(&self) -> bool {
        matches!(self, Self::Deflated { left: 0, .. })
    }

    /// Unpacks up to `limit` bytes, or what is in one window; says whether the frame is over.
    fn unpack(
        &mut self,
        arrived: &mut BytesMut,
        out: &mut BytesMut,
        limit: usize,
    ) -> Result<bool, ProtocolError> {
        match self {
            Self::Stored(left) => {
                let part = arrived.split_to((*left).min(arrived.len()).min(limit));
                out.extend_from_slice(&part);
                *left -= part.len();
                Ok(*left == 0)
            }
            Self::Deflated {
                left,
                expected,
                inflater,
            } => {
                let input = arrived.get(..*left).unwrap_or(arrived);
                let is_all = input.len() == *left;
                let (taken, made, is_done) = inflater.run(input, is_all, out)?;
                arrived.advance(taken);
                *left -= taken;
                *expected = expected
                    .checked_sub(made)
                    .ok_or(ProtocolError::Compression("a frame longer than it says"))?;
                if is_done && (*left, *expected) != (0, 0) {
                    return Err(ProtocolError::Compression("a frame shorter than it says"));
                }
                Ok(is_done)
            }
        }
    }
}

impl Inflater {
    /// Inflates up to the end of the ring: bytes that went in, bytes that came out, whether it is over.
    fn run(
        &mut self,
        input: &[u8],
        is_all: bool,
        out: &mut BytesMut,
    ) -> Result<(usize, usize, bool), ProtocolError> {
        let more = if is_all { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
        let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | more;
        let (status, taken, made) =
            decompress(&mut self.state, input, &mut self.window, self.at, flags);
        let fresh = self.window.get(self.at..self.at + made);
        out.extend_from_slice(fresh.unwrap_or_default());
        self.at = (self.at + made) % WINDOW;
        self.taken += taken;
        match status {
            TINFLStatus::Done => Ok((taken, made, true)),
            TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => Ok((taken, made, false)),
            _ => Err(ProtocolError::Compression(
                "a frame that cannot be inflated",
            )),
        }
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            state: DecompressorOxide::new(),
            window: vec![0; WINDOW],
            at: 0,
            taken: 0,
        }
    }
}

impl PartialEq for Inflater {
    /// Two that read one stream are alike when they are equally far in it.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            state: _,
            window,
            at,
            taken,
        } = self;
        (at, taken, window) == (&other.at, &other.taken, &other.window)
    }
}

impl Eq for Inflater {}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater")
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
