//! Frames: the 4-byte header in front of every packet, and packets that span several frames.
//!
//! A payload of exactly `0xFF_FFFF` bytes is continued by the next frame (MySQL manual, "Protocol
//! Basics"), so a packet of 16 MiB or more is a chain that ends in a shorter, possibly empty frame.

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

/// Bytes of a frame header: 3 of length, 1 of sequence number.
pub const HEADER_LEN: usize = 4;

/// The longest payload of one frame; exactly this length means "continued".
pub const MAX_FRAME_PAYLOAD: usize = 0xFF_FFFF;

/// The header of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of payload, 0 to [`MAX_FRAME_PAYLOAD`].
    pub payload: usize,
    /// The sequence number, counted from 0 at each command.
    pub sequence: u8,
}

impl FrameHeader {
    /// Reads the header at the front of `bytes`, or `None` when fewer than four bytes are there.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, sequence] = *bytes.first_chunk::<HEADER_LEN>()?;
        Some(Self {
            payload: u32::from_le_bytes([a, b, c, 0]) as usize,
            sequence,
        })
    }

    /// Header and payload together, in bytes.
    #[must_use]
    pub fn frame_len(self) -> usize {
        HEADER_LEN + self.payload
    }

    /// Whether the packet goes on in the next frame.
    #[must_use]
    pub fn is_continued(self) -> bool {
        self.payload == MAX_FRAME_PAYLOAD
    }

    /// Writes the header.
    pub fn put(self, out: &mut BytesMut) {
        out.put_slice(&self.encode());
    }

    fn encode(self) -> [u8; HEADER_LEN] {
        let [a, b, c, ..] = self.payload.to_le_bytes();
        [a, b, c, self.sequence]
    }
}

/// Follows one packet through its frames and says where it ends; plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PacketTracker {
    remaining: usize,
    continued: bool,
    started: bool,
    has_payload: bool,
    sequence: u8,
}

impl PacketTracker {
    /// How many bytes at the front of `bytes` belong to the packet; it moves on by that many. A frame
    /// header counts only when it is whole.
    pub fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while !self.is_done() {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.remaining > 0 {
                let now = self.remaining.min(rest.len());
                self.remaining -= now;
                at += now;
                if self.remaining > 0 {
                    break;
                }
            } else if let Some(header) = FrameHeader::read(rest) {
                at += HEADER_LEN;
                self.remaining = header.payload;
                self.continued = header.is_continued();
                self.started = true;
                self.has_payload |= header.payload > 0;
                self.sequence = header.sequence;
            } else {
                break;
            }
        }
        at
    }

    /// The sequence number that an answer to the packet starts with.
    #[must_use]
    pub fn next_sequence(&self) -> u8 {
        self.sequence.wrapping_add(1)
    }

    /// Whether nothing but headers has been seen of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_payload
    }

    /// Whether the packet has passed as a whole.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.started && self.remaining == 0 && !self.continued
    }
}

/// Leaves room for a header and returns where it is, for [`finish_frame`].
pub fn start_frame(out: &mut BytesMut) -> usize {
    let start = out.len();
    out.put_bytes(0, HEADER_LEN);
    start
}

/// Writes the header for everything that was put behind `start`, splitting a long payload into
/// several frames, and returns the sequence number of the next frame.
///
/// # Panics
/// When `start` does not come from [`start_frame`] on the same buffer.
pub fn finish_frame(out: &mut BytesMut, start: usize, sequence: u8) -> u8 {
    let payload = out.len() - start - HEADER_LEN;
    if payload >= MAX_FRAME_PAYLOAD {
        let tail = out.split_off(start);
        let (_, packet) = tail.split_at(HEADER_LEN);
        return put_packet(out, sequence, packet);
    }
    let header = FrameHeader { payload, sequence }.encode();
    out.get_mut(start..start + HEADER_LEN)
        .expect("start_frame reserved the header")
        .copy_from_slice(&header);
    sequence.wrapping_add(1)
}

/// Writes `payload` as one packet, in as many frames as it needs, and returns the sequence number of
/// the next frame.
pub fn put_packet(out: &mut BytesMut, sequence: u8, payload: &[u8]) -> u8 {
    let mut sequence = sequence;
    let mut rest = payload;
    loop {
        let (now, later) = rest.split_at(rest.len().min(MAX_FRAME_PAYLOAD));
        let header = FrameHeader {
            payload: now.len(),
            sequence,
        };
        out.extend_from_slice(&header.encode());
        out.extend_from_slice(now);
        sequence = sequence.wrapping_add(1);
        if !header.is_continued() {
            return sequence;
        }
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_exactly_the_limit_ends_in_an_empty_frame() {
        let mut out = BytesMut::new();
        let next = put_packet(&mut out, 3, &vec![7; MAX_FRAME_PAYLOAD]);
        assert_eq!(next, 5);
        let first = FrameHeader::read(&out).unwrap();
        assert!(first.is_continued());
        let second = FrameHeader::read(&out[first.frame_len()..]).unwrap();
        assert_eq!(
            second,
            FrameHeader {
                payload: 0,
                sequence: 4
            }
        );
    }

    #[test]
    fn a_packet_is_followed_to_its_end_at_any_split() {
        let mut bytes = BytesMut::new();
        put_packet(&mut bytes, 0, &vec![1; MAX_FRAME_PAYLOAD + 5]);
        let length = bytes.len();
        put_packet(&mut bytes, 0, b"next");
        for split in [
            0,
            2,
            4,
            5,
            MAX_FRAME_PAYLOAD + 4,
            MAX_FRAME_PAYLOAD + 6,
            length - 1,
            length,
        ] {
            let mut tracker = PacketTracker::default();
            let mut at = tracker.advance(&bytes[..split]);
            at += tracker.advance(&bytes[at..]);
            assert_eq!((at, tracker.is_done()), (length, true), "split at {split}");
        }
    }

    #[test]
    fn a_started_frame_gets_its_header_when_it_is_finished() {
        let mut out = BytesMut::from(&b"before"[..]);
        let start = start_frame(&mut out);
        out.put_slice(b"abc");
        assert_eq!(finish_frame(&mut out, start, 9), 10);
        assert_eq!(&out[6..], b"\x03\0\0\x09abc");
    }
}
