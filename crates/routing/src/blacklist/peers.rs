//! The servers that are compared with each other: those of one region, where the way to them is the same.

use super::pace::Steps;
use super::record::Record;
use crate::ClusterView;
use odp_cluster::{RegionName, ServerAddr};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The servers of a view by region.
#[derive(Debug, Default)]
pub(super) struct Peers {
    regions: Vec<Vec<Arc<Record>>>,
    is_any_slow: AtomicBool,
}

impl Peers {
    /// Groups the records of a view's servers; they keep what was found of them.
    pub(super) fn of<S: BuildHasher>(
        view: &ClusterView,
        records: &HashMap<ServerAddr, Arc<Record>, S>,
    ) -> Self {
        let mut regions: HashMap<Option<&RegionName>, Vec<Arc<Record>>> = HashMap::new();
        for server in &view.servers {
            let region = view.zone(&server.zone).map(|zone| &zone.region);
            let record = records.get(&server.addr).map(Arc::clone);
            regions.entry(region).or_default().extend(record);
        }
        Self {
            regions: regions.into_values().collect(),
            // Until the next answer, what was found holds.
            is_any_slow: AtomicBool::new(true),
        }
    }

    /// Finds the slow ones anew.
    pub(super) fn weigh(&self, factor: u32, now: Instant) {
        let mut is_any_slow = false;
        for region in &self.regions {
            let known = region.iter().filter_map(|record| record.estimate(now));
            let bound = Steps::bound(known.collect(), factor);
            for record in region {
                is_any_slow |= record.weigh(bound, now);
            }
        }
        self.is_any_slow.store(is_any_slow, Ordering::Relaxed);
    }

    /// Whether the last comparison found one.
    pub(super) fn is_any_slow(&self) -> bool {
        self.is_any_slow.load(Ordering::Relaxed)
    }
}
