//! What can be wrong with bytes from a client or a server.

use crate::cursor::Truncated;

/// A peer broke the protocol; the connection it came from cannot be trusted any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A packet ends before its contents do.
    #[error("a packet ends before its contents do")]
    Truncated,
    /// A packet whose first byte has no meaning where it came.
    #[error("unexpected packet 0x{first:02x} in {place}")]
    Unexpected {
        /// The packet's first byte.
        first: u8,
        /// Where in the exchange it came.
        place: &'static str,
    },
    /// A client or server that does not speak protocol 4.1.
    #[error("the peer does not speak the MySQL protocol 4.1")]
    Version,
    /// A packet that must be held as a whole is larger than the limit.
    #[error("a packet of {size} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Bytes announced.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A frame of the compressed protocol that is not what it says.
    #[error("compressed protocol: {0}")]
    Compression(&'static str),
    /// A packet number that does not follow the last one.
    #[error("packets out of order")]
    OutOfOrder,
}

impl From<Truncated> for ProtocolError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}
