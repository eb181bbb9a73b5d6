//! Why a server was chosen, and how often: the labels of the routing metrics.

use crate::Decision;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rule that chose a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum RouteReason {
    /// The leader of the statement's partition.
    Leader,
    /// The leader of most of the partitions that the statement's rows fall into.
    MostRows,
    /// The server that leads everything of the tenant.
    SingleLeader,
    /// A replica, for a weak read.
    WeakReplica,
    /// A server that does not hold the partition, for a weak read: the policy prefers it.
    WeakElsewhere,
    /// A copy of a duplicate table, for a strong read.
    DuplicateReplica,
    /// One of `target_db_server`.
    TargetServer,
    /// A server of `proxy_primary_zone_name`.
    ProxyPrimaryZone,
    /// The statement names no table: the session's last server.
    LastServer,
    /// The statement names no table, and the session has no usable last server.
    AnyServer,
    /// The cluster cannot be asked for locations.
    NoMetadata,
    /// The location could not be had in time.
    NoLocation,
    /// The cluster does not know the table (or it is a virtual one).
    NoTable,
    /// The partition's leader is not known.
    NoLeader,
    /// The partition's leader is on the blacklist or was tried already.
    LeaderUnusable,
    /// Every server is on the blacklist: one of them all the same.
    Forced,
    /// The partition could not be computed.
    Unsure(Unsure),
}

/// Why a partition could not be computed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, thiserror::Error,
)]
pub enum Unsure {
    /// The statement gives no value for a partition key column.
    #[error("no value for a partition key column")]
    NoKey,
    /// The statement was not understood far enough.
    #[error("the statement was not understood")]
    Statement,
    /// A key column has a type or collation that is not computed.
    #[error("a key column's type is not computed")]
    ColumnType,
    /// The table is partitioned by an expression or a kind that is not computed.
    #[error("the partition expression is not computed")]
    Expression,
    /// A literal whose conversion to the column's type is not certain.
    #[error("a literal's conversion is not certain")]
    Conversion,
    /// The value fits no partition (the server answers 1526).
    #[error("the value fits no partition")]
    NoPartition,
    /// The named partition does not exist in the metadata.
    #[error("the named partition is not known")]
    PartitionName,
    /// The partition metadata was not understood.
    #[error("the partition metadata was not understood")]
    Metadata,
    /// The statement touches several partitions, of which none stands out.
    #[error("several partitions")]
    Several,
}

impl Unsure {
    const ALL: [Self; 9] = [
        Self::NoKey,
        Self::Statement,
        Self::ColumnType,
        Self::Expression,
        Self::Conversion,
        Self::NoPartition,
        Self::PartitionName,
        Self::Metadata,
        Self::Several,
    ];
}

impl RouteReason {
    /// Every reason, in the order of the metrics.
    pub const ALL: [Self; 25] = [
        Self::Leader,
        Self::MostRows,
        Self::SingleLeader,
        Self::WeakReplica,
        Self::WeakElsewhere,
        Self::DuplicateReplica,
        Self::TargetServer,
        Self::ProxyPrimaryZone,
        Self::LastServer,
        Self::AnyServer,
        Self::NoMetadata,
        Self::NoLocation,
        Self::NoTable,
        Self::NoLeader,
        Self::LeaderUnusable,
        Self::Forced,
        Self::Unsure(Unsure::ALL[0]),
        Self::Unsure(Unsure::ALL[1]),
        Self::Unsure(Unsure::ALL[2]),
        Self::Unsure(Unsure::ALL[3]),
        Self::Unsure(Unsure::ALL[4]),
        Self::Unsure(Unsure::ALL[5]),
        Self::Unsure(Unsure::ALL[6]),
        Self::Unsure(Unsure::ALL[7]),
        Self::Unsure(Unsure::ALL[8]),
    ];

    /// The label of the metric, for example `leader` or `unsure_no_key`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::MostRows => "most_rows",
            Self::SingleLeader => "single_leader",
            Self::WeakReplica => "weak_replica",
            Self::WeakElsewhere => "weak_elsewhere",
            Self::DuplicateReplica => "duplicate_replica",
            Self::TargetServer => "target_server",
            Self::ProxyPrimaryZone => "proxy_primary_zone",
            Self::LastServer => "last_server",
            Self::AnyServer => "any_server",
            Self::NoMetadata => "no_metadata",
            Self::NoLocation => "no_location",
            Self::NoTable => "no_table",
            Self::NoLeader => "no_leader",
            Self::LeaderUnusable => "leader_unusable",
            Self::Forced => "forced",
            Self::Unsure(Unsure::NoKey) => "unsure_no_key",
            Self::Unsure(Unsure::Statement) => "unsure_statement",
            Self::Unsure(Unsure::ColumnType) => "unsure_column_type",
            Self::Unsure(Unsure::Expression) => "unsure_expression",
            Self::Unsure(Unsure::Conversion) => "unsure_conversion",
            Self::Unsure(Unsure::NoPartition) => "unsure_no_partition",
            Self::Unsure(Unsure::PartitionName) => "unsure_partition_name",
            Self::Unsure(Unsure::Metadata) => "unsure_metadata",
            Self::Unsure(Unsure::Several) => "unsure_several",
        }
    }

    fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|&reason| reason == self)
            .unwrap_or_default()
    }
}

/// How often each reason chose a server. Aligned so that two threads' counters share no cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ReasonCounters([AtomicU64; RouteReason::ALL.len()]);

impl ReasonCounters {
    fn count(&self, reason: RouteReason) {
        if let Some(counter) = self.0.get(reason.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_decision(&self, decision: &Decision) {
        if let Decision::Route(route) = decision {
            self.count(route.reason);
        }
    }

    pub(crate) fn read(&self) -> Vec<(RouteReason, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        RouteReason::ALL.into_iter().zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_and_a_label_of_its_own() {
        let counters = ReasonCounters::default();
        for reason in RouteReason::ALL {
            counters.count(reason);
        }
        let counts = counters.read();
        assert!(counts.iter().all(|&(_, count)| count == 1), "{counts:?}");
        let labels: std::collections::HashSet<_> =
            counts.iter().map(|(reason, _)| reason.label()).collect();
        assert_eq!(labels.len(), RouteReason::ALL.len());
    }
}
