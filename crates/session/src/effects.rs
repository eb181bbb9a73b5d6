//! What the success of a request changes in its session: pure, from the outlines of its statements.

use crate::holdings::Change;
use crate::state::PinReason;
use memchr::memchr2_iter;
use odp_sql::{Outline, Uses, Verb};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the success of a request changes in its session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, not a state"
)]
pub(crate) struct Effects {
    /// What it ties the session to the server for.
    pub(crate) pins: BTreeSet<PinReason>,
    /// Why it may leave something in its server session that is not seen here, whether it succeeds or not.
    pub(crate) unseen: Option<PinReason>,
    /// Whether it may end a transaction for good.
    pub(crate) may_commit: bool,
    /// Whether it changes what `FOUND_ROWS()` gives.
    pub(crate) counts_rows: bool,
    /// Whether it changes accounts: not every such statement moves the schema's version.
    pub(crate) changes_accounts: bool,
    /// What it takes or gives back in the server session, when that is certain.
    pub(crate) held: Option<Box<Change>>,
    /// Whether there are several statements: the first of them may have run though the answer is an error.
    pub(crate) are_several: bool,
}

impl Effects {
    /// The effects of the statement of `outline`, whose `uses` have been read, and of all behind it.
    pub(crate) fn of(outline: &Outline<'_>, uses: Uses) -> Self {
        let mut effects = Self::of_one(outline, uses);
        for later in outline.following() {
            effects.add(Self::of_one(&later, later.uses()));
        }
        effects
    }

    fn of_one(outline: &Outline<'_>, uses: Uses) -> Self {
        let verb = outline.verb();
        Self {
            pins: pin_reason(verb, uses).into_iter().collect(),
            unseen: unseen(verb),
            may_commit: may_commit(verb),
            counts_rows: counts_rows(verb, uses),
            changes_accounts: matches!(verb, Verb::Grant | Verb::Ddl)
                || uses.contains(Uses::PASSWORD),
            held: None,
            are_several: false,
        }
    }

    fn add(&mut self, later: Self) {
        self.pins.extend(later.pins);
        self.unseen = self.unseen.or(later.unseen);
        self.counts_rows |= later.counts_rows;
        self.changes_accounts |= later.changes_accounts;
        self.are_several = true;
        // What comes before the one that fails may have committed.
        self.may_commit = true;
    }
}

/// What success ties the session to its server for.
fn pin_reason(verb: Verb, uses: Uses) -> Option<PinReason> {
    match verb {
        Verb::Prepare => Some(PinReason::TextPrepared),
        Verb::LockTables => Some(PinReason::Locks),
        _ if uses.contains(Uses::USER_LOCK) => Some(PinReason::Locks),
        Verb::Set if uses.contains(Uses::ROLE) => Some(PinReason::Role),
        Verb::Ddl if uses.contains(Uses::TEMPORARY_TABLE) => Some(PinReason::TemporaryTable),
        _ => None,
    }
}

/// Why a statement may leave something in its server session that is not seen here.
fn unseen(verb: Verb) -> Option<PinReason> {
    match verb {
        Verb::Xa => Some(PinReason::Xa),
        Verb::Call | Verb::Other => Some(PinReason::Unseen),
        _ => None,
    }
}

/// Whether `NEXTVAL` or `CURRVAL` is in a text, as a name or not.
pub(crate) fn names_sequence(text: &[u8]) -> bool {
    memchr2_iter(b'v', b'V', text).any(|at| {
        let word = at.checked_sub(4).and_then(|start| text.get(start..at + 3));
        word.is_some_and(|word| {
            [b"nextval", b"currval"]
                .iter()
                .any(|name| word.eq_ignore_ascii_case(*name))
        })
    })
}

/// Whether an ASCII word is in a text, in any case, as a name or not.
pub(crate) fn names(text: &[u8], word: &[u8]) -> bool {
    word.first().is_some_and(|first| {
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        memchr2_iter(lower, upper, text).any(|at| {
            let found = text.get(at..at + word.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(word))
        })
    })
}

/// COMMIT, and what commits a transaction on its way, or runs statements that are not seen here.
fn may_commit(verb: Verb) -> bool {
    !matches!(
        verb,
        Verb::Select
            | Verb::Insert
            | Verb::Replace
            | Verb::Update
            | Verb::Delete
            | Verb::Merge
            | Verb::LoadData
            | Verb::Rollback
            | Verb::Savepoint
            | Verb::Use
            | Verb::Show
            | Verb::Describe
            | Verb::Explain
            | Verb::Prepare
            | Verb::Deallocate
            | Verb::Help
            | Verb::Empty
            | Verb::Kill
    )
}

/// Whether the statement's success changes what `FOUND_ROWS()` gives. SHOW WARNINGS does not.
fn counts_rows(verb: Verb, uses: Uses) -> bool {
    match verb {
        Verb::Select | Verb::Call | Verb::Execute | Verb::Describe | Verb::Explain => true,
        Verb::Show => !uses.contains(Uses::DIAGNOSTICS),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_sql::{Charset, outline};

    fn effects(text: &str) -> Effects {
        let outline = outline(text.as_bytes(), Charset::Utf8);
        Effects::of(&outline, outline.uses())
    }

    #[test]
    fn every_statement_of_a_text_counts() {
        use PinReason::{Locks, TemporaryTable, TextPrepared};
        for (text, pins, counts_rows) in [
            ("SELECT 1", &[][..], true),
            ("SELECT 1; SELECT ';GET_LOCK(1)'", &[], true),
            ("INSERT INTO t VALUES (1)", &[], false),
            ("SET @a = 1; SELECT GET_LOCK('a', 1)", &[Locks], true),
            (
                "INSERT INTO t VALUES (';'); LOCK TABLES t READ;",
                &[Locks],
                false,
            ),
            (
                "USE a; CREATE TEMPORARY TABLE t (a INT); PREPARE s FROM 'SELECT 1'",
                &[TemporaryTable, TextPrepared],
                false,
            ),
            ("SET @a = 1;; /* */ DROP TABLE t", &[], false),
        ] {
            let found = effects(text);
            assert!(found.pins.iter().eq(pins), "{text}: {found:?}");
            assert_eq!(found.counts_rows, counts_rows, "{text}");
        }
        assert!(!effects("SELECT 1;").are_several);
        assert!(!effects("SELECT 1;").may_commit);
        assert!(effects("SELECT 1; SELECT 2").may_commit);
    }
}
