//! Logging in at a server for a client whose password the proxy does not know.
//!
//! Facts: `reference` of the wire format 1.3 to 1.6; `ob_mysql_packet_rewriter.cpp` of `OBProxy`,
//! `obmp_connect.cpp` of `OceanBase`.

use odp_cluster::{ClientSessionId, ClusterName};
use odp_protocol::auth::Salt;
use odp_protocol::{
    Attribute, Attributes, CapabilityFlags, Greeting, HandshakeResponse, NATIVE_PASSWORD,
};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Proxy capabilities offered to a server (`ObCapabilityFlagShift`): those of `OBProxy`'s defaults that
/// work in plain framing. 0 partition table, 1 change user, 2 weak read, 4 safe weak read, 6 checksum
/// switch, 9 extra OK behind statistics, 11 PL route, 17 stale feedback, 19 repeated session info,
/// 20 local files, 21 client session id.
const PROXY_CAPABILITIES: u64 = bits(&[0, 1, 2, 4, 6, 9, 11, 17, 19, 20, 21]);

const fn bits(positions: &[u32]) -> u64 {
    let (mut flags, mut rest) = (0, positions);
    while let [position, tail @ ..] = rest {
        flags |= 1 << *position;
        rest = tail;
    }
    flags
}

/// What the proxy says of itself in every login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyIdentity {
    /// The version that servers see; 4.3.3 and later make a server switch authentication over the
    /// proxy's salt.
    pub version: String,
    /// The cluster's name, checked by the server (error 4666); `None` sends none.
    pub cluster: Option<ClusterName>,
    /// Whether servers learn the client's address (`enable_client_ip_checkout`).
    pub tell_client_addr: bool,
}

/// Everything needed to log a client in at any server, any number of times. Plain data; it holds no
/// password, but an answer that is worth one together with `proxy_salt`, so it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientLogin {
    /// The client's own login packet; its user is rewritten to `user@tenant`.
    pub response: HandshakeResponse,
    /// The salt that the client answered.
    pub proxy_salt: Salt,
    /// What the client sees as `CONNECTION_ID()`.
    pub session_id: ClientSessionId,
    /// `__proxy_connection_id`: unique for this client of this proxy.
    pub proxy_connection_id: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// When the client connected, microseconds since 1970.
    pub connected_at_us: i64,
}

impl std::fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLogin")
            .field("user", &String::from_utf8_lossy(&self.response.user))
            .field("session_id", &self.session_id)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl ClientLogin {
    /// The login packet for the server that sent `greeting`. Only the first login names the database;
    /// later sessions get it as a statement of their own, so that a dropped one is no failed login.
    pub(crate) fn packet(
        &self,
        greeting: &Greeting,
        identity: &ProxyIdentity,
        first: FirstLogin,
    ) -> HandshakeResponse {
        let mut capabilities =
            odp_protocol::capability::for_server_login(self.response.capabilities);
        let database = match first {
            FirstLogin::Yes => self.response.database.clone(),
            FirstLogin::No => None,
        };
        capabilities.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, database.is_some());
        HandshakeResponse {
            capabilities,
            max_packet: self.response.max_packet,
            collation: self.response.collation,
            user: self.response.user.clone(),
            auth: self.response.auth.clone(),
            database,
            plugin: NATIVE_PASSWORD.to_owned(),
            attributes: self.attributes(greeting, identity),
        }
    }

    fn attributes(&self, greeting: &Greeting, identity: &ProxyIdentity) -> Attributes {
        let mut attributes = Attributes::default();
        let mut number = |key, value: i128| attributes.push(key, value.to_string());
        number("__connection_id", greeting.connection_id.into());
        number("__proxy_connection_id", self.proxy_connection_id.into());
        number("__global_vars_version", 0);
        number("__proxy_capability_flag", PROXY_CAPABILITIES.into());
        number("__client_session_id", self.session_id.get().into());
        number("__client_connect_time", self.connected_at_us.into());
        attributes.push("__mysql_client_type", "__ob_proxy");
        attributes.push("__proxy_version", identity.version.as_str());
        if let Some(cluster) = &identity.cluster {
            attributes.push("__cluster_name", cluster.as_str());
        }
        if !self.response.auth.is_empty() {
            attributes.push("__proxy_scramble", self.proxy_salt.xor(&greeting.salt));
        }
        if identity.tell_client_addr {
            self.push_client_addr(&mut attributes);
        }
        for Attribute { key, value } in self.response.attributes.iter() {
            if key.starts_with("__ob_client") {
                attributes.push(key, value.clone());
            }
        }
        attributes
    }

    /// The client's address; one that the client itself brings (a proxy in front of this one) counts
    /// more.
    fn push_client_addr(&self, attributes: &mut Attributes) {
        let own = self.peer.ip().to_canonical().to_string().into_bytes();
        let brought = self
            .response
            .attributes
            .get("__client_ip")
            .map(<[u8]>::to_vec);
        attributes.push("__client_ip", brought.unwrap_or(own));
        attributes.push("__client_addr_port", self.peer.port().to_string());
    }
}

/// Whether this is the client's own login or a further session of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLogin {
    Yes,
    No,
}
