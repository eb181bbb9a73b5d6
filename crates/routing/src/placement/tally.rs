//! Counts what a statement touches by the server that leads it.

use super::Placement;
use crate::{Location, Table, Unsure};
use odp_cluster::ServerAddr;

/// The most leaders that are told apart.
const MAX_LEADERS: usize = 16;

/// Counts rows by the server that leads them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    leaders: [Option<(ServerAddr, u32)>; MAX_LEADERS],
    /// The leaf of the first row.
    first: Option<usize>,
    /// Whether another row lies in another leaf.
    several: bool,
}

impl Tally {
    /// Counts each leaf once.
    pub(super) fn of(table: &Table, leaves: impl IntoIterator<Item = usize>) -> Self {
        let mut tally = Self::default();
        leaves.into_iter().for_each(|leaf| tally.count(table, leaf));
        tally
    }

    /// The leaf of all rows, or the server that leads most of them.
    pub(super) fn placement(&self) -> Result<Placement, Unsure> {
        match self.first {
            Some(leaf) if !self.several => Ok(Placement::Leaf(leaf)),
            _ => self.most().map(Placement::MostRows).ok_or(Unsure::Several),
        }
    }

    pub(super) fn count(&mut self, table: &Table, leaf: usize) {
        self.several |= *self.first.get_or_insert(leaf) != leaf;
        let Some(leader) = table.locations.get(leaf).and_then(Location::leader) else {
            return;
        };
        for slot in &mut self.leaders {
            match slot {
                Some((server, rows)) if *server == leader => *rows += 1,
                Some(_) => continue,
                None => *slot = Some((leader, 1)),
            }
            return;
        }
    }

    /// The server with the most rows; the first of equals, so that equal statements go one way.
    fn most(&self) -> Option<ServerAddr> {
        let counts = self.leaders.iter().flatten();
        let most = counts.clone().map(|&(_, rows)| rows).max()?;
        counts
            .clone()
            .find(|&&(_, rows)| rows == most)
            .map(|&(server, _)| server)
    }
}
