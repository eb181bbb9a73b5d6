//! The servers that are compared with each other: those of one region, where the way to them is the same.

use super::pace::Steps;
use super::record::Record;
use crate::ClusterView;
use odp_cluster::{RegionName, ServerAddr};
use parking_lot::Mutex;
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
    /// Room for the estimates of one region; whoever has it compares.
    estimates: Mutex<Vec<Steps>>,
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
            estimates: Mutex::default(),
        }
    }

    /// Finds the slow ones anew; of two threads that want to at once, one is enough.
    pub(super) fn weigh(&self, factor: u32, now: Instant) {
        let Some(mut estimates) = self.estimates.try_lock() else {
            return;
        };
        let mut is_any_slow = false;
        for region in &self.regions {
            estimates.clear();
            estimates.extend(region.iter().filter_map(|record| record.estimate(now)));
            let bound = Steps::bound(&mut estimates, factor);
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
