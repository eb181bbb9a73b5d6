//! What the endpoint calls: the proxy, seen from its operator.

use crate::Status;

/// The proxy behind the endpoint. Every answer comes from memory, so that it takes no time, whatever
/// the data plane does.
pub trait Operations: Send + Sync + 'static {
    /// Whether clients should be sent here.
    fn health(&self) -> Health;

    /// Everything that `/v1/status` tells.
    fn status(&self) -> Status;

    /// The metrics in Prometheus' text format.
    fn metrics(&self) -> String;
}

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The proxy accepts clients and has a server to give them.
    Serving,
    /// It does not, and why, in one line for the operator.
    Unavailable {
        /// The reason.
        reason: String,
    },
}
