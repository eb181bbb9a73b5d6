//! The outline of a statement: what routing needs to know of it.

use crate::charset::Charset;
use crate::filter::Filter;
use crate::name::{Name, TableRef};
use crate::rows::Rows;
use crate::uses::Uses;
use crate::verb::Verb;

/// The consistency that a `READ_CONSISTENCY` hint asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// STRONG.
    Strong,
    /// WEAK, and FROZEN (the last major freeze), which is routed alike.
    Weak,
}

/// What [`outline`] found. Small and `Copy`; borrows the statement's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    text: &'a [u8],
    verb: Verb,
}

/// Reads the first statement of `text`. Never fails: what is not understood is left out or unsure.
#[must_use]
pub fn outline(text: &[u8], charset: Charset) -> Outline<'_> {
    let _ = charset;
    Outline {
        text,
        verb: Verb::Other,
    }
}

impl<'a> Outline<'a> {
    /// The verb, of the inner statement for EXPLAIN.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether the statement is an EXPLAIN, DESC or DESCRIBE of another statement.
    #[must_use]
    pub const fn is_explain(&self) -> bool {
        false
    }

    /// The first table of the outer query block.
    #[must_use]
    pub const fn table(&self) -> Option<TableRef<'a>> {
        None
    }

    /// The name in `PARTITION (p)` behind the table, when there is exactly one.
    #[must_use]
    pub const fn partition(&self) -> Option<Name<'a>> {
        None
    }

    /// The `READ_CONSISTENCY` hint.
    #[must_use]
    pub const fn consistency_hint(&self) -> Option<Consistency> {
        None
    }

    /// The `QUERY_TIMEOUT` hint, microseconds.
    #[must_use]
    pub const fn query_timeout_us(&self) -> Option<u64> {
        None
    }

    /// Whether rows are locked: FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
    #[must_use]
    pub const fn is_for_update(&self) -> bool {
        false
    }

    /// Features that tie the statement to a session or server.
    #[must_use]
    pub const fn uses(&self) -> Uses {
        Uses::NONE
    }

    /// Whether another non-empty statement follows behind a `;`.
    #[must_use]
    pub const fn is_multi_statement(&self) -> bool {
        false
    }

    /// Length in bytes of the first statement, without its `;`.
    #[must_use]
    pub const fn first_length(&self) -> usize {
        self.text.len()
    }

    /// The WHERE condition of the block that holds [`Self::table`].
    #[must_use]
    pub const fn filter(&self) -> Filter<'a> {
        Filter::unsure()
    }

    /// The rows of INSERT and REPLACE.
    #[must_use]
    pub const fn rows(&self) -> Rows<'a> {
        Rows::none()
    }

    /// The name in USE, PREPARE, EXECUTE, DEALLOCATE, SAVEPOINT and their relatives.
    #[must_use]
    pub const fn name_argument(&self) -> Option<Name<'a>> {
        None
    }
}
