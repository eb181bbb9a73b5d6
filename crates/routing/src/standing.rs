//! A server's standing as shown to an operator.

use crate::{Detected, LastWord};
use odp_cluster::{Server, ServerAddr};
use std::time::{Duration, Instant};

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
    /// When something last said how it is.
    pub last_evidence: Option<Instant>,
    /// What that was.
    pub evidence: Option<LastWord>,
    /// When one request may probe the listed server; `None` also while one does.
    pub next_probe_at: Option<Instant>,
    /// Since when it has been listed for failed requests, whatever else it is listed for.
    pub alive_listed_at: Option<Instant>,
    /// What the probes said last.
    pub detected: Detected,
    /// What a quarter of its plain reads take at most, while there are enough of them.
    pub response_time: Option<Duration>,
    /// Whether that is far above the other servers of its region: reads that others can serve go there
    /// last.
    pub is_slow: bool,
    /// Whether it is listed for failed requests, whatever else it is listed for.
    pub is_alive_listed: bool,
    /// All failures of requests there.
    pub failures: Failures,
    /// Those of them that were connections which could not be made.
    pub unconnected: Failures,
    /// When it came onto each list last.
    pub last_listed: LastListed,
}

/// How often something failed at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Since this process knows the server.
    pub total: u64,
    /// Within `congestion_fail_window`, and since it was forgiven last.
    pub recent: u32,
    /// The last time.
    pub last: Option<Instant>,
}

/// When a server came onto each list last; it may have left it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastListed {
    /// Out of service by the cluster's own word.
    pub status: Option<Instant>,
    /// No answer to probes.
    pub detect: Option<Instant>,
    /// Too many failed requests.
    pub alive: Option<Instant>,
}

impl ServerStanding {
    /// The server's address.
    #[must_use]
    pub fn addr(&self) -> ServerAddr {
        self.server.addr
    }
}

/// What an earlier router, perhaps of another process, held against a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FormerStanding {
    /// The server.
    pub server: ServerAddr,
    /// The failures counted within the window.
    pub strikes: u32,
    /// When one request may probe it, reckoned from then; `None` when it was not listed for failures.
    pub probe_in: Option<Duration>,
    /// Whether the probes found no way to it.
    #[serde(default)]
    pub is_unreachable: bool,
}

impl FormerStanding {
    /// Takes down a standing; `None` when nothing is held against the server. What the cluster itself
    /// says of it is part of the view.
    #[must_use]
    pub fn of(standing: &ServerStanding, now: Instant) -> Option<Self> {
        let probe_in = standing.alive_listed_at.map(|_| {
            let probe_at = standing.next_probe_at;
            probe_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
        });
        let former = Self {
            server: standing.addr(),
            strikes: standing.strikes,
            probe_in,
            is_unreachable: standing.detected != Detected::Alive,
        };
        let holds = former.strikes > 0 || former.probe_in.is_some() || former.is_unreachable;
        holds.then_some(former)
    }
}
