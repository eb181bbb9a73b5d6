//! Capability and status bits, and which of them the proxy offers or asks for.
//!
//! Facts: MySQL manual "Capabilities Flags"; `OBProxy` `ompk_handshake.h` (`0x009F_F7DF`).

pub use mysql_common::constants::{CapabilityFlags, StatusFlags};

/// What the proxy's greeting offers: `OBProxy`'s set, without TLS and `DEPRECATE_EOF`, which an
/// `OBServer` does not support. `PLUGIN_AUTH_LENENC` is offered as well, so that a long auth response is
/// never ambiguous, and compression, which the proxy speaks itself.
#[must_use]
pub fn offered_to_clients() -> CapabilityFlags {
    CapabilityFlags::from_bits_retain(0x009F_F7DF)
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_COMPRESS
}

/// Bits that the proxy sets or clears itself when it logs in for a client, whatever the client said.
const OWNED_BY_PROXY: CapabilityFlags = CapabilityFlags::CLIENT_CONNECT_WITH_DB
    .union(CapabilityFlags::CLIENT_COMPRESS)
    .union(CapabilityFlags::CLIENT_SSL)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    .union(CapabilityFlags::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS);

/// The bits for a login at a server on behalf of a client with `client` bits: the client's own wishes
/// (`FOUND_ROWS`, `LOCAL_FILES`, `MULTI_STATEMENTS` …) plus what proxy mode needs.
#[must_use]
pub fn for_server_login(client: CapabilityFlags) -> CapabilityFlags {
    let wishes = client
        .intersection(offered_to_clients())
        .difference(OWNED_BY_PROXY);
    wishes
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_ATTRS
        | CapabilityFlags::CLIENT_SESSION_TRACK
        | CapabilityFlags::CLIENT_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PS_MULTI_RESULTS
}

/// Bits that are cleared both ways between a client and a MySQL or MariaDB server whose login is
/// relayed, because the proxy does not follow what they change, or does it itself: compression, TLS, the end of rows
/// without EOF, results without metadata, MariaDB's progress reports.
#[must_use]
pub fn not_followed() -> CapabilityFlags {
    CapabilityFlags::CLIENT_COMPRESS
        | CapabilityFlags::CLIENT_SSL
        | CapabilityFlags::CLIENT_DEPRECATE_EOF
        | CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA
        | CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM
        | CapabilityFlags::CLIENT_PROGRESS_OBSOLETE
}

/// MariaDB's extended bits (32 and up, as the upper half of a word) that are left between a client and
/// a server whose login is relayed: longer column definitions, which are passed on as they are
/// (`MARIADB_CLIENT_EXTENDED_METADATA`). Progress reports, bulk operations and their results, several
/// commands in one packet and results without metadata would have to be followed.
pub(crate) const FOLLOWED_OF_MARIADB: u32 = 1 << 3;
