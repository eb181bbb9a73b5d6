//! What a data plane tells about itself in every heartbeat; the two releases on either side of a
//! restart may differ, so every part has a default and unknown parts are skipped.

use odp_admin::{Discovery, PoolStatus, ServerStatus, Sessions};
use serde::{Deserialize, Serialize};

/// The state of a data plane at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Snapshot {
    /// The release of the data plane.
    pub(crate) version: String,
    /// The sessions.
    pub(crate) sessions: Sessions,
    /// The sessions that are there, by the kind that they were when a drain began.
    pub(crate) kinds: Kinds,
    /// Sessions that a drain ended between two transactions, since the start.
    pub(crate) drained_sessions: u64,
    /// Those of them by kind.
    pub(crate) drained_kinds: Kinds,
    /// Sessions that the deadline of a drain ended, since the start.
    pub(crate) cut_sessions: u64,
    /// Those of them by kind.
    pub(crate) cut_kinds: Kinds,
    /// The servers.
    pub(crate) servers: Vec<ServerStatus>,
    /// Servers that would get a request now.
    pub(crate) usable_servers: u64,
    /// What is known of the cluster.
    pub(crate) discovery: Discovery,
    /// The busiest pools.
    pub(crate) pools: Vec<PoolStatus>,
    /// How many more there are.
    pub(crate) pools_left_out: u64,
    /// The counters and gauges of `/metrics`.
    pub(crate) families: Vec<Family>,
}

/// How many sessions something keeps; the rest is idle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kinds {
    /// Those inside a transaction.
    pub(crate) in_transaction: u64,
    /// Those that cannot leave their server for another reason.
    pub(crate) pinned: u64,
}

/// Metrics of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Family {
    /// The name without `_total`.
    pub(crate) name: String,
    /// What it counts or shows.
    pub(crate) help: String,
    /// How it is written.
    pub(crate) kind: Kind,
    /// The values by labels.
    pub(crate) samples: Vec<Sample>,
}

/// How a metric is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Only grows; the name on the wire ends in `_total`.
    Counter,
    /// Goes up and down, or only grows under a name that `OBProxy` gave it without `_total`.
    Gauge,
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Label names and values.
    pub(crate) labels: Vec<(String, String)>,
    /// The value.
    pub(crate) value: u64,
}

impl Family {
    pub(crate) fn new(name: &str, help: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            samples: Vec::new(),
        }
    }

    /// Adds a value.
    #[must_use]
    pub(crate) fn with(mut self, labels: &[(&str, &str)], value: u64) -> Self {
        let labels = labels
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.samples.push(Sample { labels, value });
        self
    }
}

impl Snapshot {
    /// The bytes of a heartbeat.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the bytes of a heartbeat; none when they are not readable at all.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_of_another_release_is_read_as_far_as_it_is_known() {
        let old = br#"{"version":"9.9.9","usable_servers":3,"something_new":[1,2]}"#;
        let snapshot = Snapshot::from_bytes(old).unwrap();
        assert_eq!(snapshot.version, "9.9.9");
        assert_eq!(snapshot.usable_servers, 3);
        assert!(snapshot.families.is_empty());
        let copy = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
        assert_eq!(copy, snapshot);
        assert_eq!(Snapshot::from_bytes(b"nonsense"), None);
    }
}
