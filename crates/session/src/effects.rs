//! What the success of a statement changes in its session: pure, from the outline.

use crate::state::PinReason;
use odp_sql::{Outline, Uses, Verb};

/// What success ties the session to its server for.
pub(crate) fn pin_reason(verb: Verb, uses: Uses) -> Option<PinReason> {
    match verb {
        Verb::Prepare => Some(PinReason::TextPrepared),
        Verb::LockTables => Some(PinReason::Locks),
        _ if uses.contains(Uses::USER_LOCK) => Some(PinReason::Locks),
        Verb::Ddl if uses.contains(Uses::TEMPORARY_TABLE) => Some(PinReason::TemporaryTable),
        _ => None,
    }
}

/// COMMIT, and what commits a transaction on its way, or runs statements that are not seen here.
pub(crate) fn may_commit(outline: &Outline<'_>) -> bool {
    match outline.verb() {
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
        | Verb::Kill => outline.is_multi_statement(),
        _ => true,
    }
}

/// Whether the statement's success changes what `FOUND_ROWS()` gives. SHOW WARNINGS does not.
pub(crate) fn counts_rows(outline: &Outline<'_>, uses: Uses) -> bool {
    match outline.verb() {
        Verb::Select | Verb::Call | Verb::Execute | Verb::Describe | Verb::Explain => true,
        Verb::Show => !uses.contains(Uses::DIAGNOSTICS),
        _ => outline.is_multi_statement(),
    }
}
