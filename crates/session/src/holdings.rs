//! What a client is known to hold in the server session that it is tied to, so that the tie ends with it.
//!
//! A tie too many costs a route, one too few a lock: what is not certain is held until the session is
//! reset.

use crate::effects::Effects;
use crate::state::PinReason;
use odp_cluster::DatabaseName;
use odp_sql::{Dialect, Held, Name, TableRef, Uses, held, outline};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many names are remembered; a client that holds more keeps its tie.
const NAMES_MAX: usize = 256;

/// What is taken or given back by the success of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// A text was prepared that ties its client to nothing when it runs.
    Prepared(Vec<u8>),
    /// No text is prepared under this name any more.
    Deallocated(Vec<u8>),
    /// This lock was got, perhaps.
    Locked(Vec<u8>),
    /// It was given back once.
    Unlocked(Vec<u8>),
    /// All locks by name were given back.
    UnlockedAll,
    /// Tables were locked.
    LockedTables,
    /// None are any more.
    UnlockedTables,
    /// There is a temporary table of this database and name.
    CreatedTemporary(DatabaseName, Vec<u8>),
    /// There is none.
    Dropped(DatabaseName, Vec<u8>),
    /// Nothing that is held comes or goes.
    Kept,
}

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Holdings {
    statements: BTreeSet<Vec<u8>>,
    /// How often each was got, at most.
    locks: BTreeMap<Vec<u8>, u32>,
    has_locked_tables: bool,
    tables: BTreeSet<(DatabaseName, Vec<u8>)>,
    /// Reasons for which more may be held than is known here.
    unsure: BTreeSet<PinReason>,
}

impl Change {
    /// What the statement in `text` takes or gives back; `None` when that is not certain.
    pub(crate) fn read(text: &[u8], dialect: Dialect, database: &DatabaseName) -> Option<Self> {
        let of = |name: Name<'_>| name.as_bytes().map(<[u8]>::to_vec);
        let place = |table: TableRef<'_>| {
            let named = match table.database {
                None => Some(database.clone()),
                Some(name) => {
                    let name = std::str::from_utf8(name.as_bytes()?).ok()?;
                    Some(DatabaseName::new(name))
                }
            };
            Some((named?, of(table.name)?))
        };
        Some(match held(text, dialect)? {
            Held::Prepared { name, text } if is_free(text, dialect) => Self::Prepared(of(name)?),
            Held::Prepared { .. } => return None,
            Held::Deallocated(name) => Self::Deallocated(of(name)?),
            Held::Locked(name) => Self::Locked(name.to_vec()),
            Held::Unlocked(name) => Self::Unlocked(name.to_vec()),
            Held::UnlockedAll => Self::UnlockedAll,
            Held::LockedTables => Self::LockedTables,
            Held::UnlockedTables => Self::UnlockedTables,
            Held::CreatedTemporary(table) => {
                let (database, name) = place(table)?;
                Self::CreatedTemporary(database, name)
            }
            Held::Dropped(table) => {
                let (database, name) = place(table)?;
                Self::Dropped(database, name)
            }
            Held::Kept => Self::Kept,
        })
    }

    /// The reason for which it ties, when all of that is told by this change.
    pub(crate) fn explains(&self, reason: PinReason) -> bool {
        match self {
            Self::Prepared(_) | Self::Deallocated(_) => reason == PinReason::TextPrepared,
            Self::Locked(_)
            | Self::Unlocked(_)
            | Self::UnlockedAll
            | Self::LockedTables
            | Self::UnlockedTables => reason == PinReason::Locks,
            Self::CreatedTemporary(..) | Self::Dropped(..) => reason == PinReason::TemporaryTable,
            Self::Kept => false,
        }
    }
}

/// Whether a text does nothing when it runs that ties its client to a server session.
fn is_free(text: &[u8], dialect: Dialect) -> bool {
    let outline = outline(text, dialect);
    let effects = Effects::of(&outline, outline.uses());
    effects.pins.is_empty() && effects.unseen.is_none() && !effects.changes_accounts
}

/// Whether the text of a request is worth reading for what it takes or gives back.
pub(crate) fn is_concerned(effects: &Effects, uses: Uses, is_tied: bool) -> bool {
    is_tied || !effects.pins.is_empty() || uses.intersects(Uses::USER_LOCK)
}

impl Holdings {
    /// Takes in a request that has succeeded, as far as its text is known for certain.
    pub(crate) fn note(&mut self, change: Change) {
        match change {
            Change::Prepared(name) => {
                self.statements.insert(name);
            }
            Change::Deallocated(name) => {
                self.statements.remove(&name);
            }
            Change::Locked(name) => *self.locks.entry(name).or_default() += 1,
            Change::Unlocked(name) => {
                let count = self.locks.get(&name).copied().unwrap_or_default();
                if count <= 1 {
                    self.locks.remove(&name);
                } else {
                    self.locks.insert(name, count - 1);
                }
            }
            Change::UnlockedAll => {
                self.locks.clear();
                self.unsure.remove(&PinReason::Locks);
            }
            Change::LockedTables => self.has_locked_tables = true,
            Change::UnlockedTables => self.has_locked_tables = false,
            Change::CreatedTemporary(database, name) => {
                self.tables.insert((database, name));
            }
            Change::Dropped(database, name) => {
                self.tables.remove(&(database, name));
            }
            Change::Kept => {}
        }
        for (count, reason) in [
            (self.statements.len(), PinReason::TextPrepared),
            (self.locks.len(), PinReason::Locks),
            (self.tables.len(), PinReason::TemporaryTable),
        ] {
            if count > NAMES_MAX {
                self.lose_sight(reason);
            }
        }
    }

    /// More is held for this reason from now on than is known.
    pub(crate) fn lose_sight(&mut self, reason: PinReason) {
        self.unsure.insert(reason);
    }

    /// A server has said that nothing is held for this reason.
    pub(crate) fn clear(&mut self, reason: PinReason) {
        self.unsure.remove(&reason);
        if reason == PinReason::TemporaryTable {
            self.tables.clear();
        }
    }

    /// Whether there are temporary tables.
    pub(crate) fn has_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// The reasons of a tie for which nothing is held any more, for certain.
    pub(crate) fn over(&self) -> impl Iterator<Item = PinReason> + use<'_> {
        let nothing = [
            (PinReason::TextPrepared, self.statements.is_empty()),
            (
                PinReason::Locks,
                self.locks.is_empty() && !self.has_locked_tables,
            ),
            (PinReason::TemporaryTable, self.tables.is_empty()),
        ];
        // A text that was not read may have done anything when it ran.
        let is_blind = self.unsure.contains(&PinReason::TextPrepared);
        nothing.into_iter().filter_map(move |(reason, is_over)| {
            (is_over && !is_blind && !self.unsure.contains(&reason)).then_some(reason)
        })
    }
}

#[cfg(test)]
mod tests;
