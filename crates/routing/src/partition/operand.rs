//! What a statement gives for a key column, before conversion to the column's type.

use super::text::Encoding;
use crate::TimeZone;
use std::borrow::Cow;

/// A literal or bound parameter.
#[derive(Debug, Clone, PartialEq)]
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
        text: Cow<'a, [u8]>,
    },
    /// A number with an exponent, as written, with its sign.
    Float {
        /// Whether a minus stands in front.
        negative: bool,
        /// Digits, point and exponent.
        text: Cow<'a, [u8]>,
    },
    /// A string.
    Text {
        /// Its bytes, without quotes and escapes.
        bytes: Cow<'a, [u8]>,
        /// Their character set; `None` for one of which ASCII alone is known.
        encoding: Option<Encoding>,
    },
    /// The text of a DATE or TIMESTAMP literal or parameter.
    Moment(Cow<'a, [u8]>),
    /// The text of a TIME literal or parameter.
    Duration(Cow<'a, [u8]>),
    /// The digits of a hexadecimal or binary literal.
    Digits {
        /// 16 or 2.
        radix: u32,
        /// The digits, high ones first.
        digits: &'a [u8],
    },
    /// Something whose value is not known here (a function, a variable).
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

/// The circumstances of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// What the value is for.
    pub(crate) intent: Intent,
    /// The session's time zone.
    pub(crate) time_zone: TimeZone,
}
