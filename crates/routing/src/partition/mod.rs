//! Which leaf of a partitioned table a row belongs to: what the `OBServer` computes, or "unsure".

use odp_cluster::TabletId;

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq)]
pub struct Partitioning {
    tablets: Vec<TabletId>,
}

impl Partitioning {
    /// The leaves' tablets, in the order of the metadata rows.
    #[must_use]
    pub fn tablets(&self) -> &[TabletId] {
        &self.tablets
    }

    /// Roughly how many bytes it takes in the location cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.tablets.len() * size_of::<TabletId>()
    }
}
