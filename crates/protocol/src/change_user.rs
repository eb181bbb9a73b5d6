//! `COM_CHANGE_USER`: a login inside a connection.

use crate::{Attributes, CapabilityFlags, ProtocolError, Reader};
use bytes::{BufMut, BytesMut};

/// A `COM_CHANGE_USER` packet (MySQL manual; the layout depends on the login's capabilities).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeUser {
    /// The new user name.
    pub user: Vec<u8>,
    /// The authentication response over the greeting's salt.
    pub auth: Vec<u8>,
    /// The new database; empty for none.
    pub database: Vec<u8>,
    /// The new collation; 0 when the client did not send one.
    pub collation: u16,
    /// The client's plugin; empty when it did not say.
    pub plugin: String,
    /// The connection attributes.
    pub attributes: Attributes,
}

impl ChangeUser {
    /// Reads the payload, command byte included.
    ///
    /// # Errors
    /// [`ProtocolError::Truncated`] for a packet that ends before its database.
    pub fn parse(payload: &[u8], capabilities: CapabilityFlags) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        let user = reader.nul_terminated()?.to_vec();
        let length = usize::from(reader.u8()?);
        let auth = reader.bytes(length)?.to_vec();
        let database = reader.nul_terminated()?.to_vec();
        let collation = reader.u16().unwrap_or(0);
        let mut plugin = String::new();
        if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) && !reader.is_empty() {
            plugin = String::from_utf8_lossy(reader.nul_terminated()?).into_owned();
        }
        let mut attributes = Attributes::default();
        if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !reader.is_empty() {
            attributes = Attributes::parse(&mut reader)?;
        }
        Ok(Self {
            user,
            auth,
            database,
            collation,
            plugin,
            attributes,
        })
    }

    /// Writes the payload, command byte included, for a peer with `PLUGIN_AUTH` and `CONNECT_ATTRS`.
    pub fn put(&self, out: &mut BytesMut) {
        let auth = self.auth.get(..255).unwrap_or(&self.auth);
        out.put_u8(crate::CommandKind::ChangeUser.byte());
        out.put_slice(&self.user);
        out.put_slice(&[0, u8::try_from(auth.len()).unwrap_or(u8::MAX)]);
        out.put_slice(auth);
        out.put_slice(&self.database);
        out.put_u8(0);
        out.put_u16_le(self.collation);
        out.put_slice(self.plugin.as_bytes());
        out.put_u8(0);
        self.attributes.put(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_user_comes_back() {
        let change = ChangeUser {
            user: b"app@demo".to_vec(),
            auth: vec![1; 20],
            database: b"test".to_vec(),
            collation: 45,
            plugin: crate::NATIVE_PASSWORD.to_owned(),
            attributes: Attributes::default(),
        };
        let mut out = BytesMut::new();
        change.put(&mut out);
        let capabilities =
            CapabilityFlags::CLIENT_PLUGIN_AUTH | CapabilityFlags::CLIENT_CONNECT_ATTRS;
        assert_eq!(ChangeUser::parse(&out, capabilities), Ok(change));
        assert!(ChangeUser::parse(&out[..10], capabilities).is_err());
    }
}
