//! What discovery says of itself, for `/health`, `/v1/status` and the metrics.

use odp_cluster::ServerAddr;

/// Discovery's condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoveryState {
    /// How it stands with the cluster's metadata.
    pub metadata: MetadataState,
    /// The newest error, kept until a round succeeds.
    pub last_error: Option<String>,
    /// Rounds over the cluster's state that succeeded.
    pub rounds: u64,
    /// Rounds that failed since the last one that succeeded.
    pub failed_rounds: u64,
}

/// Whether the cluster answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetadataState {
    /// No server has been reached yet.
    #[default]
    Connecting,
    /// There is nothing to ask: plain MySQL servers.
    NotAsked,
    /// This server answered the last round.
    Connected(ServerAddr),
    /// No server answers any more; what was known before stays.
    Lost,
    /// The server answers, but refuses the metadata login or lacks the views of a cluster: the
    /// servers of the rootservice list are served without locations.
    Refused(ServerAddr),
}
