//! The document that `/v1/status` answers with.

use crate::Task;
use serde::{Deserialize, Serialize};
use std::ops::Add;

/// What the proxy is doing, in OCP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The first data plane, or one after a crash, is coming up.
    Starting,
    /// A data plane serves.
    Running,
    /// A data plane is being replaced.
    Restarting,
    /// Data plane and coordinator are being replaced by another binary.
    Upgrading,
    /// Sessions are being ended.
    Stopping,
    /// No data plane runs, as the operator wants it.
    Stopped,
    /// No data plane stays alive.
    Unavailable,
}

/// The answer of `/v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub state: State,
    /// The number of the data plane's generation; grows by one with every start of one.
    pub generation: u64,
    /// The processes.
    pub pids: Pids,
    /// The release of the coordinator.
    pub version: String,
    /// Seconds since the coordinator started.
    pub uptime_s: u64,
    /// Seconds since the data plane was last heard; null before the first time.
    pub stale_s: Option<f64>,
    /// Where clients connect.
    pub listen: Option<String>,
    /// The sessions.
    pub sessions: Sessions,
    /// The servers of the cluster.
    pub servers: Vec<ServerStatus>,
    /// What is known of the cluster, and why not more.
    pub discovery: Discovery,
    /// How the last data plane ended that was not asked to; null when none did.
    pub last_exit: Option<String>,
    /// The last lines that it wrote to its log.
    #[serde(default)]
    pub last_log: Vec<String>,
    /// The last task; null before the first.
    pub last_task: Option<Task>,
}

/// The process ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pids {
    /// The process that the user started; never changes.
    pub coordinator: u32,
    /// The process that serves clients; null while none runs.
    pub data_plane: Option<u32>,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// Clients that are connected.
    pub client: u64,
    /// Connections to servers.
    pub server: u64,
    /// Client sessions inside a transaction.
    pub in_transaction: u64,
    /// Client sessions that cannot leave their server for another reason.
    pub pinned: u64,
    /// The same by reason.
    #[serde(default)]
    pub pinned_by: PinnedBy,
}

/// Client sessions that cannot leave their server, by what keeps them there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PinnedBy {
    /// `SET TRANSACTION`, until the next transaction is over.
    pub transaction_characteristics: u64,
    /// A temporary table.
    pub temporary_table: u64,
    /// A statement that was prepared by text.
    pub text_prepared: u64,
    /// Locks.
    pub locks: u64,
    /// A role that was chosen.
    #[serde(default)]
    pub role: u64,
    /// Several statements in one text were forbidden.
    #[serde(default)]
    pub multi_statements: u64,
    /// An XA transaction (transaction pooling).
    #[serde(default)]
    pub xa: u64,
    /// The number that a sequence has given (transaction pooling).
    #[serde(default)]
    pub sequence: u64,
    /// The statements of a routine (transaction pooling).
    #[serde(default)]
    pub unseen: u64,
    /// The next statement may ask about the last one (transaction pooling).
    #[serde(default)]
    pub last_statement: u64,
}

impl Add for Sessions {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            client: self.client + other.client,
            server: self.server + other.server,
            in_transaction: self.in_transaction + other.in_transaction,
            pinned: self.pinned + other.pinned,
            pinned_by: self.pinned_by + other.pinned_by,
        }
    }
}

impl Add for PinnedBy {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            transaction_characteristics: self.transaction_characteristics
                + other.transaction_characteristics,
            temporary_table: self.temporary_table + other.temporary_table,
            text_prepared: self.text_prepared + other.text_prepared,
            locks: self.locks + other.locks,
            role: self.role + other.role,
            multi_statements: self.multi_statements + other.multi_statements,
            xa: self.xa + other.xa,
            sequence: self.sequence + other.sequence,
            unseen: self.unseen + other.unseen,
            last_statement: self.last_statement + other.last_statement,
        }
    }
}

/// A server and its standing on the blacklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// `ip:port` of its SQL port.
    pub addr: String,
    /// Its zone; empty when unknown.
    pub zone: String,
    /// Its role; `unknown` while no location says otherwise.
    pub role: String,
    /// `ok`, `status`, `detect`, `alive` or `drained`.
    pub standing: String,
    /// What a quarter of its plain reads take at most, in milliseconds; null without enough of them in the
    /// last ten seconds.
    #[serde(default)]
    pub response_ms: Option<f64>,
    /// Whether that is far above the other servers of its region, so that reads which others can serve go
    /// there last.
    #[serde(default)]
    pub is_slow: bool,
    /// Failures that count against it at the moment.
    pub strikes: u32,
    /// When something last said how it is, RFC 3339 in UTC; null while nothing did.
    pub last_evidence: Option<String>,
    /// What that was, in words.
    #[serde(default)]
    pub evidence: Option<String>,
    /// When it is tried again, RFC 3339 in UTC; null while it is not listed.
    pub next_probe_at: Option<String>,
}

/// What discovery knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// Whether metadata can be read at the moment.
    pub connected: bool,
    /// What keeps it from being read; null while nothing does.
    pub error: Option<String>,
}
