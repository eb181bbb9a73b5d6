//! How much of what is known of a table an answer speaks against.

use crate::Table;

/// What an observation says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing against it.
    None,
    /// It shall be fetched anew, and serves meanwhile.
    Stale,
    /// These leaves are elsewhere, and others may be: who needs the table had better wait for the refresh
    /// a moment.
    Leaves(Leaves),
}

/// A set of leaves, in which those 64 apart are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaves(pub(super) u64);

impl Leaves {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(u64::MAX);

    pub(crate) fn one(leaf: usize) -> Self {
        Self(1 << (leaf % 64))
    }

    /// The leaves that are led by others now.
    pub(super) fn moved(before: &Table, now: &Table) -> Self {
        if (before.id, before.schema_version) != (now.id, now.schema_version) {
            return Self::ALL;
        }
        let pairs = before.locations.iter().zip(&now.locations).enumerate();
        let moved = pairs.filter(|(_, (before, now))| before.leader() != now.leader());
        moved.fold(Self::NONE, |all, (leaf, _)| Self(all.0 | Self::one(leaf).0))
    }

    pub(super) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}
