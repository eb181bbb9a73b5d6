//! Numeric identities: tables, tablets, proxies and client sessions.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of a table in its tenant (`table_id` of `__all_virtual_proxy_schema`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableId(pub u64);

/// The id of a tablet: the storage of one leaf partition (`OceanBase` 4.x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TabletId(pub u64);

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for TabletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The instance number of a proxy, 0 to 8191 (parameter `proxy_id`, 13 bits of a session id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxyId(u16);

impl ProxyId {
    /// The largest instance number (`OBProxy`'s range of `proxy_id`: 0 to 8191).
    pub const MAX: u16 = 8191;

    /// The proxy with this number, or `None` above [`ProxyId::MAX`].
    #[must_use]
    pub fn new(id: u16) -> Option<Self> {
        (id <= Self::MAX).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// What a client sees as `CONNECTION_ID()`: client-session-id version 2 of `OBProxy`.
///
/// Bit 31 is 0, then 13 bits of proxy id, 1 bit of the generation's parity (so that a generation
/// and its successor never collide), the rest is a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientSessionId(u32);

impl ClientSessionId {
    const SEQUENCE_BITS: u32 = 17;
    const GENERATION_BIT: u32 = 1 << Self::SEQUENCE_BITS;

    /// Builds the id of the `sequence`-th session of `generation` of a proxy; the sequence wraps
    /// after 131,072 sessions, so the caller skips ids that are still in use.
    #[must_use]
    pub fn new(proxy: ProxyId, generation: u64, sequence: u32) -> Self {
        let parity = if generation % 2 == 1 {
            Self::GENERATION_BIT
        } else {
            0
        };
        let proxy = u32::from(proxy.get()) << (Self::SEQUENCE_BITS + 1);
        Self(proxy | parity | (sequence & (Self::GENERATION_BIT - 1)))
    }

    /// The id as it goes on the wire.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for ClientSessionId {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl fmt::Display for ClientSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_of_different_proxies_and_generations_never_collide() {
        let id = |proxy, generation, sequence| {
            ClientSessionId::new(ProxyId::new(proxy).unwrap(), generation, sequence).get()
        };
        assert_ne!(id(1, 0, 7), id(2, 0, 7));
        assert_ne!(id(1, 0, 7), id(1, 1, 7));
        assert_eq!(id(8191, 1, u32::MAX) >> 31, 0, "bit 31 stays clear");
        assert!(ProxyId::new(8192).is_none());
    }
}
