//! What a client leaves in a server session that goes to the next one between two transactions, and what
//! the next one must set before its first statement.

use crate::leases::{ServerStatement, Synced};
use crate::prepared::{Prepared, StatementContext};
use crate::state::SessionState;
use crate::variables::Difference;
use bytes::Bytes;
use odp_cluster::DatabaseName;
use std::collections::{HashMap, HashSet};

/// The most statements that are kept prepared in one server session; an `OBServer` allows 50
/// (`open_cursors`).
const STATEMENTS_MAX: usize = 32;

/// The state of a server session that was not reset.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    difference: Difference,
    database: DatabaseName,
    statements: SharedStatements,
}

impl Remains {
    /// How far the session has followed the client with this `state`, which it has never seen.
    pub(crate) fn synced_for(&mut self, state: &SessionState) -> Synced {
        let (theirs, ours) = (&self.difference, state.variables.difference());
        let corrections = theirs.system_unlike(ours);
        let strangers = theirs.user_beyond(ours);
        let is_same = corrections.is_empty() && strangers.is_empty() && theirs.has_user_of(ours);
        let mut prepared = HashMap::new();
        let mut taken = HashSet::new();
        for (id, statement) in state.prepared.iter() {
            // Parameter types are the server statement's, so two of a client's cannot share one.
            if let Some(known) = self.statements.find(statement)
                && taken.insert(known)
            {
                prepared.insert(id, ServerStatement::new(known, true));
            }
        }
        Synced {
            variables: if is_same {
                state.variables.version()
            } else {
                0
            },
            corrections,
            strangers,
            database: self.database.clone(),
            prepared,
            statements_max: None,
            uses: 0,
        }
    }

    /// Notes what the client leaves; answers the statements of the server's that are to be closed.
    pub(crate) fn leave(&mut self, synced: Synced, state: &SessionState) -> Vec<u32> {
        // A client that has not run anything there has not been followed either.
        let is_clean = synced.corrections.is_empty() && synced.strangers.is_empty();
        if is_clean && synced.variables >= state.variables.version() {
            self.difference.clone_from(state.variables.difference());
        }
        self.database = synced.database;
        let mut closed = Vec::new();
        for (id, known) in synced.prepared {
            if let Some(statement) = state.prepared.get(id).filter(|_| known.is_as_prepared) {
                closed.extend(self.statements.keep(statement, known.id));
            } else {
                self.statements.forget(known.id);
                closed.push(known.id);
            }
        }
        // Once all of them are there: what is closed must not be kept behind that.
        closed.extend(self.statements.trim(|_| false));
        closed
    }

    /// Makes room for a statement that is about to be prepared in the session: closed first are one of
    /// the same text, whose place it takes, and as many as would be too many, the one that was not used
    /// for longest first. Those that the client uses stay.
    pub(crate) fn make_room(&mut self, statement: &Prepared, synced: &Synced) -> Vec<u32> {
        let taken: HashSet<u32> = synced.prepared.values().map(|known| known.id).collect();
        self.statements.make_room(statement, &taken)
    }

    /// Forgets a server's statement that is being closed.
    pub(crate) fn forget(&mut self, id: u32) {
        self.statements.forget(id);
    }

    /// Keeps the server's statement of one that its client closes; answers what is to be closed there:
    /// nothing that the client, which is `synced`, still uses.
    pub(crate) fn keep(
        &mut self,
        statement: &Prepared,
        known: ServerStatement,
        synced: &Synced,
    ) -> Vec<u32> {
        if !known.is_as_prepared || statement.cursor.is_some() {
            self.statements.forget(known.id);
            return vec![known.id];
        }
        let second = self.statements.keep(statement, known.id);
        let is_taken = |id| synced.prepared.values().any(|known| known.id == id);
        let closed = self.statements.trim(is_taken);
        closed.into_iter().chain(second).collect()
    }
}

/// The statements that are prepared in a server session, for whoever has the same: by text and by all
/// that decides what a text means.
#[derive(Debug, Default)]
struct SharedStatements {
    known: HashMap<(Bytes, StatementContext), Shared>,
    clock: u64,
}

#[derive(Debug)]
struct Shared {
    id: u32,
    used: u64,
}

impl SharedStatements {
    fn find(&mut self, statement: &Prepared) -> Option<u32> {
        let key = (statement.text.clone(), statement.context.clone());
        let shared = self.known.get_mut(&key)?;
        self.clock += 1;
        shared.used = self.clock;
        Some(shared.id)
    }

    /// Keeps a server statement; answers it when it must be closed instead: a second one of the same text.
    fn keep(&mut self, statement: &Prepared, id: u32) -> Option<u32> {
        self.clock += 1;
        let used = self.clock;
        let key = (statement.text.clone(), statement.context.clone());
        let shared = self.known.entry(key).or_insert(Shared { id, used });
        shared.used = used;
        (shared.id != id).then_some(id)
    }

    /// Forgets as many as are too many, and answers them, to be closed: those that were not used for
    /// longest, but none that is taken.
    fn trim(&mut self, is_taken: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut closed = Vec::new();
        while self.known.len() > STATEMENTS_MAX {
            let free = self.known.values().filter(|shared| !is_taken(shared.id));
            let Some(oldest) = free.min_by_key(|shared| shared.used) else {
                break;
            };
            let oldest = oldest.id;
            self.forget(oldest);
            closed.push(oldest);
        }
        closed
    }

    fn make_room(&mut self, statement: &Prepared, taken: &HashSet<u32>) -> Vec<u32> {
        let mut closed = Vec::new();
        if let Some(known) = self.find(statement).filter(|known| !taken.contains(known)) {
            self.forget(known);
            closed.push(known);
        }
        let is_free = |shared: &&Shared| !taken.contains(&shared.id);
        let mut free = self.known.values().filter(is_free).count();
        while free > 0 && free + taken.len() >= STATEMENTS_MAX {
            let free_ones = self.known.values().filter(is_free);
            let Some(oldest) = free_ones.min_by_key(|shared| shared.used) else {
                break;
            };
            let oldest = oldest.id;
            self.forget(oldest);
            closed.push(oldest);
            free -= 1;
        }
        closed
    }

    fn forget(&mut self, id: u32) {
        self.known.retain(|_, shared| shared.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str, database: &str) -> Prepared {
        let context = StatementContext {
            database: DatabaseName::new(database),
            settings: Vec::new(),
        };
        Prepared::new(Bytes::copy_from_slice(text.as_bytes()), 0, context)
    }

    #[test]
    fn a_statement_is_shared_by_text_and_by_what_the_text_means() {
        let mut shared = SharedStatements::default();
        assert_eq!(shared.keep(&statement("SELECT 1", "a"), 1), None);
        assert_eq!(shared.keep(&statement("SELECT 1", "b"), 2), None);
        assert_eq!(shared.find(&statement("SELECT 1", "a")), Some(1));
        assert_eq!(shared.find(&statement("SELECT 1", "b")), Some(2));
        assert_eq!(shared.find(&statement("SELECT 2", "a")), None);
        assert_eq!(
            shared.keep(&statement("SELECT 1", "a"), 3),
            Some(3),
            "a second one"
        );
        assert_eq!(shared.find(&statement("SELECT 1", "a")), Some(1));
    }

    #[test]
    fn a_statement_that_is_prepared_anew_takes_the_place_of_the_old_one_and_of_the_oldest() {
        let mut shared = SharedStatements::default();
        for id in 0..32 {
            shared.keep(&statement(&format!("SELECT {id}"), ""), id);
        }
        let nobody = HashSet::new();
        assert_eq!(shared.make_room(&statement("SELECT 7", ""), &nobody), [7]);
        assert!(
            shared
                .make_room(&statement("SELECT 99", ""), &nobody)
                .is_empty()
        );
        let taken: HashSet<u32> = [0, 1, 100, 101].into();
        let closed = shared.make_room(&statement("SELECT 98", ""), &taken);
        assert_eq!(
            closed,
            [2, 3],
            "31 of which 2 are taken, 2 of the client's own"
        );
        let all: HashSet<u32> = (0..99).collect();
        assert!(
            shared
                .make_room(&statement("SELECT 8", ""), &all)
                .is_empty()
        );
    }

    #[test]
    fn the_statement_that_was_not_used_for_longest_makes_room() {
        let mut shared = SharedStatements::default();
        for id in 0..32 {
            assert_eq!(
                shared.keep(&statement(&format!("SELECT {id}"), ""), id),
                None
            );
        }
        shared.find(&statement("SELECT 0", ""));
        assert_eq!(shared.keep(&statement("SELECT 32", ""), 32), None);
        assert_eq!(shared.trim(|id| id == 1), [2], "1 is taken");
        assert_eq!(shared.find(&statement("SELECT 2", "")), None);
        assert_eq!(shared.find(&statement("SELECT 0", "")), Some(0));
        for id in 33..40 {
            shared.keep(&statement(&format!("SELECT {id}"), ""), id);
        }
        assert_eq!(shared.trim(|_| false), [1, 3, 4, 5, 6, 7, 8]);
        assert!(shared.trim(|_| false).is_empty());
        shared.keep(&statement("SELECT 40", ""), 40);
        assert!(shared.trim(|_| true).is_empty(), "all of them are in use");
    }
}
