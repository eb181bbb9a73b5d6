//! OK packets, in the encoding of ordinary clients and in the one of proxy mode.

use crate::{ProtocolError, Reader, StatusFlags, put_lenenc_bytes, put_lenenc_int};
use bytes::{BufMut, BytesMut};

/// How the end of an OK packet is written; a property of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OkFormat {
    /// Without `SESSION_TRACK`: the text is the rest of the packet.
    Plain,
    /// With `SESSION_TRACK`: a length-encoded text, then the changes if the status says so.
    Tracked,
}

/// An OK packet whose text and changes are borrowed from the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OkPacket<'a> {
    /// Rows affected.
    pub affected_rows: u64,
    /// The first generated id, 0 for none.
    pub last_insert_id: u64,
    /// Status flags; `SERVER_SESSION_STATE_CHANGED` goes with a non-empty `changes`.
    pub status: StatusFlags,
    /// Number of warnings.
    pub warnings: u16,
    /// A text for people (`Rows matched: …`).
    pub info: &'a [u8],
    /// The records of [`crate::SessionChange`].
    pub changes: &'a [u8],
}

impl Default for OkPacket<'_> {
    fn default() -> Self {
        Self {
            affected_rows: 0,
            last_insert_id: 0,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            warnings: 0,
            info: b"",
            changes: b"",
        }
    }
}

impl<'a> OkPacket<'a> {
    /// Reads the payload of an OK packet (first byte 0, or `0xFE` where EOF is deprecated).
    ///
    /// # Errors
    /// [`ProtocolError`] for another first byte or a packet that ends early; an `OBServer`'s bare OK
    /// without text and changes is taken.
    pub fn parse(payload: &'a [u8], format: OkFormat) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        if first != 0 && first != 0xFE {
            return Err(ProtocolError::Unexpected {
                first,
                place: "an OK packet",
            });
        }
        let affected_rows = reader.lenenc_int()?;
        let last_insert_id = reader.lenenc_int()?;
        let status = StatusFlags::from_bits_retain(reader.u16()?);
        let warnings = reader.u16()?;
        let tracked = status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED);
        let (info, changes): (&[u8], &[u8]) = match format {
            OkFormat::Plain => (reader.rest(), b""),
            OkFormat::Tracked if reader.is_empty() => (b"", b""),
            OkFormat::Tracked => {
                let info = reader.lenenc_bytes()?;
                (info, if tracked { reader.lenenc_bytes()? } else { b"" })
            }
        };
        Ok(Self {
            affected_rows,
            last_insert_id,
            status,
            warnings,
            info,
            changes,
        })
    }

    /// Writes the payload. The state-changed bit follows from `changes` and `format`.
    pub fn put(&self, out: &mut BytesMut, format: OkFormat) {
        let changed = !self.changes.is_empty() && format == OkFormat::Tracked;
        let mut status = self.status;
        status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, changed);
        out.put_u8(0);
        put_lenenc_int(out, self.affected_rows);
        put_lenenc_int(out, self.last_insert_id);
        out.put_u16_le(status.bits());
        out.put_u16_le(self.warnings);
        match format {
            OkFormat::Plain => out.put_slice(self.info),
            OkFormat::Tracked => {
                put_lenenc_bytes(out, self.info);
                if changed {
                    put_lenenc_bytes(out, self.changes);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_ok_packet_comes_back(affected: u64, id: u64, warnings: u16, info: Vec<u8>, changes: Vec<u8>) {
            let mut status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
            status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, !changes.is_empty());
            let ok = OkPacket {
                affected_rows: affected, last_insert_id: id, status, warnings,
                info: &info, changes: &changes,
            };
            let mut out = BytesMut::new();
            ok.put(&mut out, OkFormat::Tracked);
            prop_assert_eq!(OkPacket::parse(&out, OkFormat::Tracked), Ok(ok));
            out.clear();
            ok.put(&mut out, OkFormat::Plain);
            let plain = OkPacket::parse(&out, OkFormat::Plain).unwrap();
            prop_assert_eq!(plain.info, &info[..]);
            prop_assert!(plain.changes.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            OkPacket::parse(&bytes, OkFormat::Tracked).ok();
            OkPacket::parse(&bytes, OkFormat::Plain).ok();
        }
    }
}
