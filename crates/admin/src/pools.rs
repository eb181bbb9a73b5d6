//! The document that `/v1/pools` answers with.

use serde::{Deserialize, Serialize};

/// The answer of `/v1/pools`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pools {
    /// Seconds since the data plane was last heard; null before the first time.
    pub stale_s: Option<f64>,
    /// The pools that are there.
    pub pools: Vec<PoolStatus>,
    /// How many more there are: the least busy ones are left out.
    pub left_out: u64,
}

/// A pool: the server sessions that clients of one identity share at one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolStatus {
    /// `ip:port` of the server's SQL port.
    pub server: String,
    /// The tenant.
    pub tenant: String,
    /// The user, without tenant.
    pub user: String,
    /// The host patterns of the accounts that the server may have matched.
    pub hosts: Vec<String>,
    /// The clients' address; null where servers are not told (`enable_client_ip_checkout`).
    pub client_ip: Option<String>,
    /// The capability bits of the logins.
    pub capabilities: u32,
    /// The collation of the logins.
    pub collation: u8,
    /// Whether the connections to the server are wrapped in TLS.
    pub tls: bool,
    /// `session` or `transaction`.
    pub mode: String,
    /// Server sessions at rest.
    pub idle: u64,
    /// Server sessions that are lent or being opened.
    pub in_use: u64,
    /// Clients that wait for one.
    pub waiting: u64,
    /// Server sessions that were logged in.
    pub opened: u64,
    /// Of those, the ones that were opened before anybody asked.
    pub opened_ahead: u64,
    /// Server sessions lent again.
    pub reused: u64,
    /// Client logins that needed no login at a server.
    pub saved_logins: u64,
    /// Server sessions put back into the state of a login.
    pub resets: u64,
    /// Server sessions that moved to another thread.
    pub moved: u64,
    /// Waits that ended at their deadline.
    pub wait_timeouts: u64,
    /// Clients that were sent away because too many waited.
    pub refused_waits: u64,
    /// Server sessions that were given up.
    pub retired: PoolRetired,
    /// Waits by their length; the last bucket has no bound.
    pub waits: Vec<PoolWaits>,
}

/// Server sessions that a pool gave up, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolRetired {
    /// Idle for too long.
    pub idle: u64,
    /// Too old.
    pub age: u64,
    /// There were enough.
    pub surplus: u64,
    /// The connection was gone.
    pub dead: u64,
    /// Their state could not be put back, or they may not be shared.
    pub state: u64,
    /// A client left them in the middle of something.
    pub busy: u64,
    /// The account changed.
    pub account: u64,
}

/// Waits of one length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolWaits {
    /// The longest wait in this bucket, in microseconds; null for any.
    pub le_us: Option<u64>,
    /// How many there were, without those of the buckets before.
    pub count: u64,
}
