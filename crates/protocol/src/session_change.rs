//! Session state in an OK packet: what a statement changed on its server session.
//!
//! In proxy mode an `OBServer` puts all variables into one record: pairs of system variables, then,
//! behind a pair of `__NULL`, pairs of user variables (`ompk_ok.cpp`). An ordinary client gets one
//! record a variable.

use crate::{ProtocolError, Reader, put_lenenc_bytes, put_lenenc_int};
use bytes::{BufMut, BytesMut};

/// The name and value that separate system from user variables in proxy mode.
pub const USER_VARIABLES_MARK: &[u8] = b"__NULL";

const SYSTEM_VARIABLES: u8 = 0;
const SCHEMA: u8 = 1;
const STATE_CHANGE: u8 = 2;

/// One change that an OK packet reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// A system variable's new value as plain text.
    System {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// A user variable's new value as an SQL literal (proxy mode only).
    User {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The new current database; empty when it was dropped.
    Schema(&'a [u8]),
}

impl<'a> SessionChange<'a> {
    /// Calls `each` for every change in `records` (the block behind the info string of an OK packet).
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] when a length leads beyond the end.
    pub fn parse_all(
        records: &'a [u8],
        mut each: impl FnMut(SessionChange<'a>),
    ) -> Result<(), ProtocolError> {
        let mut reader = Reader::new(records);
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let mut body = Reader::new(reader.lenenc_bytes()?);
            match kind {
                SYSTEM_VARIABLES => Self::parse_variables(&mut body, &mut each)?,
                SCHEMA => each(SessionChange::Schema(body.lenenc_bytes()?)),
                // State changes carry no content, transaction trackers none that a proxy needs.
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_variables(
        body: &mut Reader<'a>,
        each: &mut impl FnMut(SessionChange<'a>),
    ) -> Result<(), ProtocolError> {
        let mut user = false;
        while !body.is_empty() {
            let name = body.lenenc_bytes()?;
            let value = body.lenenc_bytes()?;
            if name == USER_VARIABLES_MARK && value == USER_VARIABLES_MARK {
                user = true;
            } else if user {
                each(SessionChange::User { name, value });
            } else {
                each(SessionChange::System { name, value });
            }
        }
        Ok(())
    }

    /// Writes `changes` as an `OBServer` does for a proxy: a state-change mark, the schema, then one
    /// record of variables, system ones first. System variables must precede user variables.
    pub fn put_for_proxy(changes: &[SessionChange<'_>], out: &mut BytesMut) {
        out.put_slice(&[STATE_CHANGE, 2, 1, b'1']);
        put_schemas(changes, out);
        let mut pairs = BytesMut::new();
        let mut user = false;
        for change in changes {
            match *change {
                SessionChange::System { name, value } => put_pair(&mut pairs, name, value),
                SessionChange::User { name, value } => {
                    if !user {
                        put_pair(&mut pairs, USER_VARIABLES_MARK, USER_VARIABLES_MARK);
                        user = true;
                    }
                    put_pair(&mut pairs, name, value);
                }
                SessionChange::Schema(_) => {}
            }
        }
        if !pairs.is_empty() {
            out.put_u8(SYSTEM_VARIABLES);
            put_lenenc_bytes(out, &pairs);
        }
    }

    /// Writes `changes` as an `OBServer` does for a client with session tracking: one record a system
    /// variable, then the schema, and no user variables. The mark behind them, that something has
    /// changed, is left out: MySQL sends none unless it is asked to (`session_track_state_change`), and its C
    /// library takes the `OBServer`'s form of it for a malformed packet.
    pub fn put_for_client(changes: &[SessionChange<'_>], out: &mut BytesMut) {
        for change in changes {
            if let SessionChange::System { name, value } = *change {
                let mut pair = BytesMut::new();
                put_pair(&mut pair, name, value);
                out.put_u8(SYSTEM_VARIABLES);
                put_lenenc_bytes(out, &pair);
            }
        }
        put_schemas(changes, out);
    }
}

fn put_schemas(changes: &[SessionChange<'_>], out: &mut BytesMut) {
    for change in changes {
        if let SessionChange::Schema(name) = *change {
            let mut body = BytesMut::new();
            put_lenenc_bytes(&mut body, name);
            out.put_u8(SCHEMA);
            put_lenenc_int(out, body.len() as u64);
            out.put_slice(&body);
        }
    }
}

fn put_pair(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    put_lenenc_bytes(out, name);
    put_lenenc_bytes(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_from_both_encodings() {
        let system = SessionChange::System {
            name: b"autocommit",
            value: b"OFF",
        };
        let user = SessionChange::User {
            name: b"a",
            value: b"'x'",
        };
        let schema = SessionChange::Schema(b"test");
        let mut proxy = BytesMut::new();
        SessionChange::put_for_proxy(&[schema, system, user], &mut proxy);
        let mut seen = Vec::new();
        SessionChange::parse_all(&proxy, |change| seen.push(change)).unwrap();
        assert_eq!(seen, [schema, system, user]);

        let mut client = BytesMut::new();
        SessionChange::put_for_client(&[schema, system, user], &mut client);
        let mut seen = Vec::new();
        SessionChange::parse_all(&client, |change| seen.push(change)).unwrap();
        assert_eq!(
            seen,
            [system, schema],
            "ordinary clients learn no user variables"
        );
    }
}
