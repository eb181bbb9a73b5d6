//! The two small control packets, ERR and EOF.

use crate::{ProtocolError, Reader, StatusFlags};
use bytes::{BufMut, BytesMut};
use std::fmt;

/// An ERR packet: a code, an SQLSTATE and a text (MySQL manual, "`ERR_Packet`").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrPacket {
    /// The error number.
    pub code: u16,
    /// Five characters; `HY000` when the server sent none.
    pub sql_state: [u8; 5],
    /// The text as sent, in the connection's character set.
    pub message: Vec<u8>,
}

impl ErrPacket {
    /// An error with this code, state and text.
    #[must_use]
    pub fn new(code: u16, sql_state: &[u8; 5], message: impl Into<Vec<u8>>) -> Self {
        Self {
            code,
            sql_state: *sql_state,
            message: message.into(),
        }
    }

    /// Reads a payload that starts with `0xFF`.
    ///
    /// # Errors
    /// [`ProtocolError`] for another first byte or a packet without a code. A missing SQLSTATE is
    /// taken as `HY000`, as it is missing before login.
    pub fn parse(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        if first != 0xFF {
            return Err(ProtocolError::Unexpected {
                first,
                place: "an ERR packet",
            });
        }
        let code = reader.u16()?;
        let mut sql_state = *b"HY000";
        if reader.rest().first() == Some(&b'#')
            && let Some(state) = reader.rest().get(1..6)
        {
            sql_state.copy_from_slice(state);
            reader.bytes(6)?;
        }
        Ok(Self {
            code,
            sql_state,
            message: reader.rest().to_vec(),
        })
    }

    /// Writes the payload.
    pub fn put(&self, out: &mut BytesMut) {
        out.put_u8(0xFF);
        out.put_u16_le(self.code);
        out.put_u8(b'#');
        out.put_slice(&self.sql_state);
        out.put_slice(&self.message);
    }

    /// Writes the payload for a client that gets it in place of the greeting: without SQLSTATE, as the two
    /// have not agreed on a protocol with one yet. The C client of MySQL would take it for text.
    pub fn put_in_place_of_greeting(&self, out: &mut BytesMut) {
        out.put_u8(0xFF);
        out.put_u16_le(self.code);
        out.put_slice(&self.message);
    }
}

impl fmt::Display for ErrPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error {}: {}",
            self.code,
            String::from_utf8_lossy(&self.message)
        )
    }
}

/// Writes the payload of an EOF packet.
pub fn put_eof(out: &mut BytesMut, status: StatusFlags, warnings: u16) {
    out.put_u8(0xFE);
    out.put_u16_le(warnings);
    out.put_u16_le(status.bits());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_and_a_missing_state_is_hy000() {
        let error = ErrPacket::new(1045, b"28000", "no");
        let mut out = BytesMut::new();
        error.put(&mut out);
        assert_eq!(ErrPacket::parse(&out), Ok(error));
        assert_eq!(
            ErrPacket::parse(b"\xFF\x10\x04Too many").unwrap().sql_state,
            *b"HY000"
        );
        assert!(ErrPacket::parse(b"\xFF\x10").is_err());
    }
}
