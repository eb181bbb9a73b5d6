//! A location as an earlier router, perhaps of another process, knew it.

use crate::{Lookup, TableKey};
use serde::{Deserialize, Serialize};

/// An entry of a location cache, to be put into another one.
///
/// Its form is that of this release's own types, so that whoever reads one must know its
/// [`FormerLocation::FORMAT`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormerLocation {
    /// The table.
    pub key: TableKey,
    /// What is known of it; never [`Lookup::Failed`].
    pub answer: Lookup,
    /// Whether something spoke against it.
    pub stale: bool,
}

impl FormerLocation {
    /// The number of the form in which locations are written without names of their members; raised with
    /// every change of a type that lies in one.
    pub const FORMAT: u16 = 2;
}

#[cfg(test)]
mod tests;
