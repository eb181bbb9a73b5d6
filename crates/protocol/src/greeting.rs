//! The greeting (protocol 10) that opens every connection.

use crate::auth::Salt;
use crate::{CapabilityFlags, ProtocolError, Reader, StatusFlags};
use bytes::{BufMut, BytesMut};

/// The only authentication plugin of `OceanBase`.
pub const NATIVE_PASSWORD: &str = "mysql_native_password";

/// A server's first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The version text, for example `5.6.25`.
    pub version: String,
    /// The connection id.
    pub connection_id: u32,
    /// What the server can do.
    pub capabilities: CapabilityFlags,
    /// The default collation, low byte.
    pub collation: u8,
    /// Status flags.
    pub status: StatusFlags,
    /// What the client's password response is computed over.
    pub salt: Salt,
    /// The plugin that the server proposes.
    pub plugin: String,
}

impl Greeting {
    /// Bytes of salt in the first part of the packet.
    const SALT_HEAD: usize = 8;

    /// Writes the payload (MySQL manual, "`Protocol::HandshakeV10`").
    pub fn put(&self, out: &mut BytesMut) {
        let (head, tail) = self.salt.as_bytes().split_at(Self::SALT_HEAD);
        let [low_0, low_1, high_0, high_1] = self.capabilities.bits().to_le_bytes();
        out.put_u8(10);
        out.put_slice(self.version.as_bytes());
        out.put_u8(0);
        out.put_u32_le(self.connection_id);
        out.put_slice(head);
        out.put_slice(&[0, low_0, low_1, self.collation]);
        out.put_u16_le(self.status.bits());
        out.put_slice(&[high_0, high_1, 21]);
        out.put_bytes(0, 10);
        out.put_slice(tail);
        out.put_u8(0);
        out.put_slice(self.plugin.as_bytes());
        out.put_u8(0);
    }

    /// Takes out of a server's greeting what the proxy does not follow, before a client sees it:
    /// [`crate::capability::not_followed`] and most of MariaDB's extended bits, which stand in the last
    /// four bytes of the filler. Compression, which the proxy speaks itself, is offered always.
    ///
    /// # Errors
    /// [`ProtocolError`] when it is no greeting of protocol 10.
    pub fn restrict(payload: &mut [u8]) -> Result<(), ProtocolError> {
        let version_end = memchr::memchr(0, payload).ok_or(ProtocolError::Truncated)?;
        if payload.first() != Some(&10) {
            return Err(ProtocolError::Version);
        }
        // Behind the version: connection id, head of the salt, a zero byte.
        let low = version_end + 1 + 4 + Self::SALT_HEAD + 1;
        // Between the halves: collation and status. Behind the upper one: a length, six bytes of filler.
        let (high, extended) = (low + 2 + 3, low + 2 + 3 + 2 + 1 + 6);
        let [low_0, low_1, high_0, high_1] = crate::capability::not_followed().bits().to_le_bytes();
        let masks = [
            (low, low_0),
            (low + 1, low_1),
            (high, high_0),
            (high + 1, high_1),
        ];
        let followed = crate::capability::FOLLOWED_OF_MARIADB.to_le_bytes();
        let extended = (extended..).zip(followed.map(|kept| !kept));
        for (at, mask) in masks.into_iter().chain(extended) {
            *payload.get_mut(at).ok_or(ProtocolError::Truncated)? &= !mask;
        }
        // Compression is the proxy's own.
        let compress = CapabilityFlags::CLIENT_COMPRESS.bits().to_le_bytes();
        if let (Some(byte), [own, ..]) = (payload.get_mut(low), compress) {
            *byte |= own;
        }
        Ok(())
    }

    /// Reads the payload of a greeting. The caller has made sure that it is no ERR packet.
    ///
    /// # Errors
    /// [`ProtocolError::Version`] for another protocol or a salt that is not 20 bytes.
    pub fn parse(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != 10 {
            return Err(ProtocolError::Version);
        }
        let version = String::from_utf8_lossy(reader.nul_terminated()?).into_owned();
        let connection_id = reader.u32()?;
        let mut salt = reader.bytes(Self::SALT_HEAD)?.to_vec();
        reader.u8()?;
        let low = u32::from(reader.u16()?);
        let collation = reader.u8()?;
        let status = StatusFlags::from_bits_retain(reader.u16()?);
        let high = u32::from(reader.u16()?);
        reader.bytes(11)?;
        salt.extend_from_slice(reader.bytes(12)?);
        reader.u8()?;
        let rest = reader.rest();
        let plugin = rest.split(|&byte| byte == 0).next().unwrap_or(rest);
        Ok(Self {
            version,
            connection_id,
            capabilities: CapabilityFlags::from_bits_retain(high << 16 | low),
            collation,
            status,
            salt: Salt::from_wire(&salt).ok_or(ProtocolError::Version)?,
            plugin: String::from_utf8_lossy(plugin).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_greeting_offers_nothing_that_is_not_followed() {
        let greeting = Greeting {
            version: "5.5.5-10.11.6-MariaDB".to_owned(),
            connection_id: 5,
            capabilities: CapabilityFlags::all(),
            collation: 45,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            salt: Salt::from_random([5; 20]),
            plugin: "caching_sha2_password".to_owned(),
        };
        let mut out = BytesMut::new();
        greeting.put(&mut out);
        let extended = out.len() - "caching_sha2_password".len() - 1 - 13 - 4;
        out[extended..extended + 4].copy_from_slice(&[0xFF; 4]);
        Greeting::restrict(&mut out).unwrap();
        assert_eq!(
            out[extended..extended + 4],
            [8, 0, 0, 0],
            "longer column definitions"
        );
        let followed = CapabilityFlags::all() - crate::capability::not_followed();
        let capabilities = followed | CapabilityFlags::CLIENT_COMPRESS;
        assert_eq!(
            Greeting::parse(&out),
            Ok(Greeting {
                capabilities,
                ..greeting
            })
        );
    }

    #[test]
    fn a_greeting_comes_back_and_a_cut_one_is_an_error() {
        let greeting = Greeting {
            version: "5.6.25".to_owned(),
            connection_id: 77,
            capabilities: crate::capability::offered_to_clients(),
            collation: 46,
            status: StatusFlags::empty(),
            salt: Salt::from_random([5; 20]),
            plugin: NATIVE_PASSWORD.to_owned(),
        };
        let mut out = BytesMut::new();
        greeting.put(&mut out);
        assert_eq!(Greeting::parse(&out).as_ref(), Ok(&greeting));
        for cut in 0..out.len() - NATIVE_PASSWORD.len() - 2 {
            assert!(Greeting::parse(&out[..cut]).is_err(), "cut at {cut}");
        }
    }
}
