//! The file that a client sends for LOAD DATA LOCAL: packets up to an empty one.

use crate::PacketTracker;
use serde::{Deserialize, Serialize};

/// Follows the packets of a LOCAL INFILE upload and says where it ends.
///
/// The end is an empty packet; an empty frame behind one of exactly 16 MiB − 1 only ends that packet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InfileTracker {
    packet: PacketTracker,
    done: bool,
}

impl InfileTracker {
    /// How many bytes at the front of `bytes` belong to the upload and may be passed on; 0 means that
    /// more must be read first (or that the upload is over).
    pub fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while !self.done {
            at += self.packet.advance(bytes.get(at..).unwrap_or_default());
            if !self.packet.is_done() {
                break;
            }
            self.done = self.packet.is_empty();
            self.packet = PacketTracker::default();
        }
        at
    }

    /// Whether the empty packet has been passed on.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_ends_at_its_empty_packet_at_any_split() {
        let upload = b"\x03\0\0\x02abc\x01\0\0\x03x\0\0\0\x04";
        for split in 0..=upload.len() {
            let mut tracker = InfileTracker::default();
            let mut at = tracker.advance(&upload[..split]);
            at += tracker.advance(&upload[at..]);
            assert_eq!(
                (at, tracker.is_done()),
                (upload.len(), true),
                "split at {split}"
            );
        }
        let mut tracker = InfileTracker::default();
        let with_next = [&upload[..], b"\x01\0\0\0\x0e"].concat();
        assert_eq!(
            tracker.advance(&with_next),
            upload.len(),
            "the next command is not eaten"
        );
    }
}
