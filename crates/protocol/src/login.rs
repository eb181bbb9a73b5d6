//! `HandshakeResponse41`: who logs in, with which capabilities and attributes.

use crate::{CapabilityFlags, ProtocolError, Reader, put_lenenc_bytes, put_lenenc_int};
use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The largest login packet that is taken, in bytes: MySQL allows 64 KiB of attributes.
pub const LOGIN_MAX: usize = 96 << 10;

/// One connection attribute; values are bytes, because `__proxy_scramble` is binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its key, for example `_client_name`.
    pub key: SmolStr,
    /// Its value.
    pub value: Vec<u8>,
}

/// The connection attributes of a login, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Adds an attribute behind the others.
    pub fn push(&mut self, key: impl AsRef<str>, value: impl Into<Vec<u8>>) {
        self.0.push(Attribute {
            key: SmolStr::new(key),
            value: value.into(),
        });
    }

    /// The value of the first attribute with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.iter()
            .find(|attribute| attribute.key == key)
            .map(|attribute| &attribute.value[..])
    }

    /// All attributes.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// Keeps only the attributes that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&Attribute) -> bool) {
        self.0.retain(keep);
    }

    pub(crate) fn put(&self, out: &mut BytesMut) {
        let mut pairs = BytesMut::new();
        for Attribute { key, value } in &self.0 {
            put_lenenc_bytes(&mut pairs, key.as_bytes());
            put_lenenc_bytes(&mut pairs, value);
        }
        put_lenenc_int(out, pairs.len() as u64);
        out.put_slice(&pairs);
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let mut pairs = Reader::new(reader.lenenc_bytes()?);
        let mut attributes = Self::default();
        while !pairs.is_empty() {
            let key = String::from_utf8_lossy(pairs.lenenc_bytes()?);
            let value = pairs.lenenc_bytes()?;
            attributes.push(key, value);
        }
        Ok(attributes)
    }
}

/// A client's answer to the greeting (MySQL manual, "`Protocol::HandshakeResponse41`").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandshakeResponse {
    /// The capability bits that the client sent.
    #[serde(with = "bits")]
    pub capabilities: CapabilityFlags,
    /// The largest packet that the client takes, in bytes.
    pub max_packet: u32,
    /// The client's collation, low byte.
    pub collation: u8,
    /// The user name as it was sent, `user@tenant#cluster` and all; not always UTF-8.
    pub user: Vec<u8>,
    /// The authentication response.
    pub auth: Vec<u8>,
    /// The database to start in, when one was sent.
    pub database: Option<Vec<u8>>,
    /// The client's plugin; empty when it did not say.
    pub plugin: String,
    /// The connection attributes.
    pub attributes: Attributes,
}

impl HandshakeResponse {
    /// Reads the payload of a login packet.
    ///
    /// # Errors
    /// [`ProtocolError::Version`] for a client of the protocol before 4.1, [`ProtocolError::Truncated`]
    /// for a packet that ends early.
    pub fn parse(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        let capabilities = CapabilityFlags::from_bits_retain(reader.u32()?);
        if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            return Err(ProtocolError::Version);
        }
        let max_packet = reader.u32()?;
        let collation = reader.u8()?;
        reader.bytes(23)?;
        let user = reader.nul_terminated()?.to_vec();
        let auth = Self::parse_auth(&mut reader, capabilities)?.to_vec();
        let has = |flag| capabilities.contains(flag);
        // Clients leave out the tail when nothing follows, so an empty rest is no error here.
        let database = (has(CapabilityFlags::CLIENT_CONNECT_WITH_DB) && !reader.is_empty())
            .then(|| Self::text(&mut reader).to_vec())
            .filter(|database| !database.is_empty());
        let mut plugin = String::new();
        if has(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
            plugin = String::from_utf8_lossy(Self::text(&mut reader)).into_owned();
        }
        let mut attributes = Attributes::default();
        if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !reader.is_empty() {
            attributes = Attributes::parse(&mut reader)?;
        }
        Ok(Self {
            capabilities,
            max_packet,
            collation,
            user,
            auth,
            database,
            plugin,
            attributes,
        })
    }

    fn parse_auth<'a>(
        reader: &mut Reader<'a>,
        capabilities: CapabilityFlags,
    ) -> Result<&'a [u8], ProtocolError> {
        if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            Ok(reader.lenenc_bytes()?)
        } else if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
            let length = usize::from(reader.u8()?);
            Ok(reader.bytes(length)?)
        } else {
            Ok(reader.nul_terminated()?)
        }
    }

    /// A zero-terminated text, or the whole rest when the terminator is missing (as some clients
    /// send the last field).
    fn text<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
        reader.nul_terminated().unwrap_or_else(|_| {
            let rest = reader.rest();
            *reader = Reader::new(&[]);
            rest
        })
    }

    /// Writes the payload. Which parts follow the user is said by the capability bits, as on the
    /// way in; the answer to the salt always has its length in front, and the bit that says so.
    pub fn put(&self, out: &mut BytesMut) {
        let capabilities = self.capabilities | CapabilityFlags::CLIENT_SECURE_CONNECTION;
        let has = |flag| capabilities.contains(flag);
        out.put_u32_le(capabilities.bits());
        out.put_u32_le(self.max_packet);
        out.put_u8(self.collation);
        out.put_bytes(0, 23);
        out.put_slice(&self.user);
        out.put_u8(0);
        if has(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            put_lenenc_bytes(out, &self.auth);
        } else {
            let auth = self.auth.get(..255).unwrap_or(&self.auth);
            out.put_u8(u8::try_from(auth.len()).unwrap_or(u8::MAX));
            out.put_slice(auth);
        }
        if has(CapabilityFlags::CLIENT_CONNECT_WITH_DB) {
            out.put_slice(self.database.as_deref().unwrap_or_default());
            out.put_u8(0);
        }
        if has(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
            out.put_slice(self.plugin.as_bytes());
            out.put_u8(0);
        }
        if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
            self.attributes.put(out);
        }
    }

    /// Takes out of a client's login what the proxy does not follow, before a server sees it; see
    /// [`Greeting::restrict`](crate::Greeting::restrict). Answers the capability bits that the client sent.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] for a packet that is shorter than its fixed part.
    pub fn restrict(payload: &mut [u8]) -> Result<CapabilityFlags, ProtocolError> {
        let (bits, rest) = payload
            .split_first_chunk_mut::<4>()
            .ok_or(ProtocolError::Truncated)?;
        let capabilities = u32::from_le_bytes(*bits);
        let kept = capabilities & !crate::capability::not_followed().bits();
        *bits = kept.to_le_bytes();
        // Behind the bits: the packet limit, the collation, 19 bytes of filler, MariaDB's bits.
        let extended = rest.get_mut(24..28).ok_or(ProtocolError::Truncated)?;
        let followed = crate::capability::FOLLOWED_OF_MARIADB.to_le_bytes();
        for (bits, kept) in extended.iter_mut().zip(followed) {
            *bits &= kept;
        }
        Ok(CapabilityFlags::from_bits_retain(capabilities))
    }

    /// Whether `payload` is an `SSLRequest`: the fixed head of a login, alone, with the TLS bit.
    #[must_use]
    pub fn is_ssl_request(payload: &[u8]) -> bool {
        let asks = Reader::new(payload).u32().is_ok_and(|bits| {
            CapabilityFlags::from_bits_retain(bits).contains(CapabilityFlags::CLIENT_SSL)
        });
        payload.len() == 32 && asks
    }
}

mod bits {
    //! Capability bits as a plain number in serialised records.
    use crate::CapabilityFlags;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's `with` gives a reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        flags: &CapabilityFlags,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        flags.bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<CapabilityFlags, D::Error> {
        u32::deserialize(from).map(CapabilityFlags::from_bits_retain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn login(database: Option<&str>) -> HandshakeResponse {
        let mut capabilities = crate::capability::for_server_login(CapabilityFlags::all());
        capabilities.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, database.is_some());
        let mut attributes = Attributes::default();
        attributes.push("__mysql_client_type", "__ob_proxy");
        attributes.push("__proxy_scramble", [0, 1, 2, 255]);
        HandshakeResponse {
            capabilities,
            max_packet: 1 << 24,
            collation: 45,
            user: b"app@demo".to_vec(),
            auth: vec![7; 20],
            database: database.map(|name| name.as_bytes().to_vec()),
            plugin: crate::NATIVE_PASSWORD.to_owned(),
            attributes,
        }
    }

    #[test]
    fn a_login_comes_back_with_its_attributes() {
        for database in [None, Some("test")] {
            let mut out = BytesMut::new();
            login(database).put(&mut out);
            assert_eq!(HandshakeResponse::parse(&out), Ok(login(database)));
        }
    }

    #[test]
    fn an_ssl_request_is_told_from_a_login() {
        let mut out = BytesMut::new();
        login(None).put(&mut out);
        assert!(!HandshakeResponse::is_ssl_request(&out));
        let mut request = [0; 32];
        request[..4].copy_from_slice(&CapabilityFlags::CLIENT_SSL.bits().to_le_bytes());
        assert!(HandshakeResponse::is_ssl_request(&request));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            HandshakeResponse::parse(&bytes).ok();
        }
    }
}
