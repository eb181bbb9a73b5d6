//! A table as the router knows it: how it is partitioned and where its tablets are.

use crate::Partitioning;
use odp_cluster::{Replica, Role, ServerAddr, TableId, TabletId};
use serde::{Deserialize, Serialize};

/// A table's partitioning and locations, fetched in one go and replaced as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its id.
    pub id: TableId,
    /// The version of its schema; a DDL changes it.
    pub schema_version: i64,
    /// How it is partitioned; `None` for a table with a single tablet.
    pub partitioning: Option<Partitioning>,
    /// The locations: a single one for a table without partitions, else one per leaf in the order of
    /// [`Partitioning::tablets`].
    pub locations: Vec<Location>,
}

/// Where a tablet is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The tablet; 0 for the single tablet of a table without partitions.
    pub tablet: TabletId,
    /// Its replicas.
    pub replicas: Vec<Replica>,
}

/// What discovery found for a [`crate::TableKey`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Lookup {
    /// The table.
    Table(Box<Table>),
    /// The routine, for the key of one.
    Routine {
        /// The database in which its statements name tables.
        database: String,
        /// Its first statement; empty when it begins with none that has a table.
        statement: String,
    },
    /// The cluster knows no such table, or a virtual one without location.
    Missing,
    /// No answer: what was known before stays.
    Failed,
}

impl Location {
    /// The server that leads the tablet.
    #[must_use]
    pub fn leader(&self) -> Option<ServerAddr> {
        let leads = |replica: &&Replica| replica.role == Role::Leader;
        self.replicas
            .iter()
            .find(leads)
            .map(|replica| replica.server)
    }
}

impl Table {
    /// Roughly how many bytes the table takes in the location cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        let replicas: usize = self.locations.iter().map(|at| at.replicas.len()).sum();
        let partitioning = self.partitioning.as_ref().map_or(0, Partitioning::weight);
        size_of::<Self>()
            + self.locations.len() * size_of::<Location>()
            + replicas * size_of::<Replica>()
            + partitioning
    }
}
