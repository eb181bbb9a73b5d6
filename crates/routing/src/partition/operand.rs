//! What a statement gives for a key column, before conversion to the column's type.

/// A literal or bound parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operand<'a> {
    /// NULL.
    Null,
    /// DEFAULT, or a column that the INSERT leaves out.
    Default,
    /// An integer.
    Integer(i128),
    /// A number with a point and without exponent, as written, with its sign.
    Decimal {
        /// Whether a minus stands in front.
        negative: bool,
        /// Digits and point.
        text: &'a [u8],
    },
    /// A number with an exponent, as written, with its sign.
    Float {
        /// Whether a minus stands in front.
        negative: bool,
        /// Digits, point and exponent.
        text: &'a [u8],
    },
    /// A string without escapes: ASCII or UTF-8.
    Text(&'a [u8]),
    /// The text of a DATE, TIME or TIMESTAMP literal.
    Temporal(&'a [u8]),
    /// The digits of a hexadecimal or binary literal.
    Digits {
        /// 16 or 2.
        radix: u32,
        /// The digits, high ones first.
        digits: &'a [u8],
    },
    /// Something whose value is not known here (a function, a string with escapes).
    Unknown,
}

/// What the value is for: the server converts differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It is stored in the column: rounded to its type.
    Store,
    /// It is compared with the column: a value that the column cannot hold equals no row.
    Compare,
}
