//! A server's standing as shown to an operator.

use odp_cluster::{Server, ServerAddr};
use std::time::Instant;

/// On which list a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// On none: it gets requests.
    Ok,
    /// The cluster itself says that the server or its zone is not in service.
    Status,
    /// Probes found it dead.
    Detect,
    /// Too many requests failed there.
    Alive,
    /// The operator took it out.
    Drained,
}

impl Standing {
    /// The word for it in `/v1/status`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Status => "status",
            Self::Detect => "detect",
            Self::Alive => "alive",
            Self::Drained => "drained",
        }
    }
}

/// One server's line in `/v1/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStanding {
    /// The server as the cluster lists it: address, zone, state.
    pub server: Server,
    /// On which list it is.
    pub standing: Standing,
    /// The failures counted within the window.
    pub strikes: u32,
    /// When the last failure was seen.
    pub last_evidence: Option<Instant>,
    /// When one request may probe the listed server.
    pub next_probe_at: Option<Instant>,
}

impl ServerStanding {
    /// The server's address.
    #[must_use]
    pub fn addr(&self) -> ServerAddr {
        self.server.addr
    }
}
