//! The WHERE condition as a postfix stream.

use crate::literal::{Literal, LiteralList};
use crate::name::ColumnRef;

/// A comparison operator with the column on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<=>`
    NullSafeEq,
    /// `<>`, `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// One step of the postfix stream: an operand pushes one truth value, And/Or take two and push one, Not replaces one.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// `column op value`.
    Compare {
        /// The column, also when it stood on the right.
        column: ColumnRef<'a>,
        /// The operator, mirrored when the column stood on the right.
        op: CompareOp,
        /// The other side.
        value: Literal<'a>,
    },
    /// `column IN (list)`.
    In {
        /// The column.
        column: ColumnRef<'a>,
        /// The members.
        list: LiteralList<'a>,
    },
    /// `column BETWEEN low AND high`, both ends included.
    Between {
        /// The column.
        column: ColumnRef<'a>,
        /// The lower end.
        low: Literal<'a>,
        /// The upper end.
        high: Literal<'a>,
    },
    /// `column IS NULL`.
    IsNull(ColumnRef<'a>),
    /// Both of the two values before.
    And,
    /// Either of the two values before.
    Or,
    /// The opposite of the value before.
    Not,
    /// A condition that is not read here: it may be true or false for any row.
    Unsure,
}

/// Iterator over a condition; see [`Item`]. Empty when the statement has no condition; otherwise the
/// stream leaves exactly one value.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    rest: &'a [u8],
}

impl Filter<'_> {
    /// A condition known to be there and not read.
    pub(crate) const fn unsure() -> Self {
        Self { rest: b"?" }
    }
}

impl<'a> Iterator for Filter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let was_empty = self.rest.is_empty();
        self.rest = &[];
        (!was_empty).then_some(Item::Unsure)
    }
}
