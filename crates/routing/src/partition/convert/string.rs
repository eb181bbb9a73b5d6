//! Literals into string columns.

use crate::partition::column::Fill;
use crate::partition::operand::{Intent, Operand};
use crate::partition::text::Collation;
use std::borrow::Cow;

/// The bytes that the server makes of `operand`, before they are fitted into the column; `None` when
/// that is not certain. A comparison with a number is one of numbers, so it names no string.
pub(super) fn bytes(operand: Operand<'_>, intent: Intent) -> Option<Cow<'_, [u8]>> {
    match (operand, intent) {
        (Operand::Text(text), _) => Some(Cow::Borrowed(text)),
        (Operand::Integer(number), Intent::Store) => {
            Some(Cow::Owned(number.to_string().into_bytes()))
        }
        (
            Operand::Decimal {
                negative: false,
                text,
            },
            Intent::Store,
        ) if text.first().is_some_and(u8::is_ascii_digit) => Some(Cow::Borrowed(text)),
        (Operand::Digits { radix: 16, digits }, Intent::Store) => unhex(digits).map(Cow::Owned),
        _ => None,
    }
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |&digit: &u8| char::from(digit).to_digit(16);
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(high)? * 16 + digit(low)?).ok())
        .collect()
}

/// The bytes as the column holds them; `None` when they do not fit, or are no text of its character
/// set.
pub(super) fn fit(
    bytes: Cow<'_, [u8]>,
    collation: Collation,
    length: usize,
    fill: Fill,
    intent: Intent,
) -> Option<Cow<'_, [u8]>> {
    if collation == Collation::Binary {
        let missing = length.checked_sub(bytes.len())?;
        // A comparison fills nothing up: a shorter value equals no row.
        if fill == Fill::Varying || missing == 0 || intent == Intent::Compare {
            return Some(bytes);
        }
        let mut bytes = bytes.into_owned();
        bytes.resize(length, 0);
        return Some(Cow::Owned(bytes));
    }
    let characters = std::str::from_utf8(&bytes).ok()?.chars().count();
    (characters <= length).then_some(bytes)
}
