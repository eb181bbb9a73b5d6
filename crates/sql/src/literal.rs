//! Constant operands, still in the statement's bytes.

use crate::name::Name;

/// An operand that is a constant, or [`Literal::Unsure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal<'a> {
    /// NULL.
    Null,
    /// A number as written: digits, point, exponent.
    Number {
        /// Whether an odd number of minus signs stands before it.
        negative: bool,
        /// The number without sign.
        text: &'a [u8],
    },
    /// A character string.
    String {
        /// The bytes between the quotes, escapes and doubled quotes not yet decoded; see [`crate::Unescape`].
        body: &'a [u8],
        /// `'` or `"`.
        quote: u8,
    },
    /// The digits of `x'4D'` or `0x4D`, an even number of them in the first form.
    Hex(&'a [u8]),
    /// The digits of `b'01'` or `0b01`.
    Bit(&'a [u8]),
    /// `DATE '…'`, `TIME '…'`, `TIMESTAMP '…'`.
    Temporal {
        /// The keyword before the string.
        kind: TemporalKind,
        /// The bytes between the quotes.
        body: &'a [u8],
    },
    /// TRUE, in comparisons the number 1.
    True,
    /// FALSE, in comparisons the number 0.
    False,
    /// `?`, counted from 0 at the start of the text given to [`crate::outline`].
    Parameter(u16),
    /// `@name`, in text-protocol EXECUTE and conditions.
    UserVariable(Name<'a>),
    /// DEFAULT, as a value of INSERT.
    Default,
    /// An expression that is not read here.
    Unsure,
}

/// The keyword of a temporal literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporalKind {
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// TIMESTAMP (a DATETIME value in MySQL mode).
    Timestamp,
}

/// The members of an IN list, or the values of one INSERT row.
#[derive(Clone, Debug)]
pub struct LiteralList<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for LiteralList<'a> {
    type Item = Literal<'a>;

    fn next(&mut self) -> Option<Literal<'a>> {
        self.rest = &[];
        None
    }
}
