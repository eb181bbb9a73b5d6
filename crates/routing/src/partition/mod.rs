//! Which leaf of a partitioned table a row belongs to: what the `OBServer` computes, or "unsure".

pub(crate) mod absent;
pub(crate) mod calendar;
pub(crate) mod column;
pub(crate) mod convert;
pub(crate) mod expression;
pub(crate) mod function;
pub(crate) mod generated;
pub(crate) mod interval;
pub(crate) mod key;
mod murmur;
pub(crate) mod operand;
mod pruning;
pub(crate) mod text;
pub(crate) mod value;
pub(crate) mod wide;

use crate::Unsure;
use column::KeyColumn;
use function::Buckets;
use key::Key;
use odp_cluster::TabletId;
use operand::{Circumstances, Operand};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partitioning {
    /// The rules, or why they cannot be computed.
    pub(crate) rules: Result<Rules, Unsure>,
    /// The first level's partitions, in the order of the metadata rows.
    pub(crate) parts: Vec<Part>,
    /// The leaves' names.
    pub(crate) leaf_names: Vec<String>,
    /// The leaves' tablets, in the same order.
    pub(crate) tablets: Vec<TabletId>,
}

/// A partition of the first level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) name: String,
    /// Its leaves: itself, or its subpartitions.
    pub(crate) leaves: Range<usize>,
}

/// How partitions are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rules {
    pub(crate) first: Level,
    pub(crate) second: Option<SecondLevel>,
}

/// The first level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) key: Key,
    pub(crate) buckets: Buckets,
}

/// The second level: the parents may have different subpartitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecondLevel {
    pub(crate) key: Key,
    /// One per partition of the first level.
    pub(crate) buckets: Vec<Buckets>,
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
        let second = |rules: &Rules| match &rules.second {
            Some(level) => level.buckets.iter().map(Buckets::weight).sum(),
            None => 0,
        };
        let rules = self.rules.as_ref().map_or(0, |rules| {
            rules.first.buckets.weight() + second(rules) + size_of::<KeyColumn>()
        });
        let name = size_of::<String>() + 8;
        rules + self.tablets.len() * (size_of::<TabletId>() + name) + self.parts.len() * name
    }

    /// The leaf of a row; `operand` gives what the statement says of a key column.
    ///
    /// # Errors
    /// [`Unsure`] when the leaf cannot be computed with certainty.
    pub(crate) fn leaf<'a>(
        &self,
        circumstances: Circumstances,
        operand: impl Fn(&KeyColumn) -> Result<Operand<'a>, Unsure>,
    ) -> Result<usize, Unsure> {
        let rules = self.rules.as_ref().map_err(|&unsure| unsure)?;
        let buckets = &rules.first.buckets;
        let first = rules.first.key.find(buckets, circumstances, &operand)?;
        let leaves = &self.parts.get(first).ok_or(Unsure::Metadata)?.leaves;
        let offset = match &rules.second {
            None => 0,
            Some(level) => {
                let buckets = level.buckets.get(first).ok_or(Unsure::Metadata)?;
                level.key.find(buckets, circumstances, &operand)?
            }
        };
        Some(leaves.start + offset)
            .filter(|leaf| leaves.contains(leaf))
            .ok_or(Unsure::Metadata)
    }

    /// The leaves of the partition with this name: one, or those of a first-level partition.
    pub(crate) fn leaves_named(&self, is: impl Fn(&str) -> bool) -> Option<Range<usize>> {
        let leaf = self.leaf_names.iter().position(|name| is(name));
        let part = || {
            Some(
                self.parts
                    .iter()
                    .find(|part| is(&part.name))?
                    .leaves
                    .clone(),
            )
        };
        leaf.map(|leaf| leaf..leaf + 1).or_else(part)
    }
}
