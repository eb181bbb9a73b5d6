//! Literals into string columns.

use super::floating;
use crate::partition::column::Fill;
use crate::partition::operand::{Intent, Operand};
use crate::partition::text::{Collation, Encoding};
use std::borrow::Cow;

/// The bytes that the server makes of `operand` in the character set of the column, before they are
/// fitted into it; `None` when that is not certain. A comparison with a number is one of numbers, so
/// it names no string.
pub(super) fn bytes<'a>(
    operand: &Operand<'a>,
    intent: Intent,
    to: Encoding,
) -> Option<Cow<'a, [u8]>> {
    let number = |text: String| Encoding::Ascii.transcode(Cow::Owned(text.into_bytes()), to);
    match (operand, intent) {
        (Operand::Text { bytes, encoding }, _) => {
            let from = match encoding {
                Some(encoding) => *encoding,
                None if bytes.is_ascii() => Encoding::Ascii,
                None => return None,
            };
            from.transcode(bytes.clone(), to)
        }
        (Operand::Digits { radix, digits }, _) => {
            Encoding::Binary.transcode(Cow::Owned(unpack(digits, *radix)?), to)
        }
        (Operand::Integer(value), Intent::Store) => number(value.to_string()),
        (Operand::Decimal { negative, text }, Intent::Store) => number(plain(*negative, text)?),
        (Operand::Float { negative, text }, Intent::Store) => {
            number(floating::text(*negative, text)?)
        }
        _ => None,
    }
}

/// A decimal with exactly one digit or more before the point, and without superfluous zeros there.
fn plain(negative: bool, text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.')?;
    let whole = whole.trim_start_matches('0');
    let is_zero = whole.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// The bytes of a hexadecimal or binary literal; a half byte is filled up in front.
fn unpack(digits: &[u8], radix: u32) -> Option<Vec<u8>> {
    let per_byte = if radix == 16 { 2 } else { 8 };
    let byte = |digits: &[u8]| {
        let text = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(text, radix).ok()
    };
    let mut bytes: Vec<u8> = digits.rchunks(per_byte).map(byte).collect::<Option<_>>()?;
    bytes.reverse();
    Some(bytes)
}

/// The bytes as the column holds them; `None` when they are no text of its character set. What is too long is
/// cut off; a server in strict mode refuses it instead, unless it is spaces, wherever it is sent.
pub(super) fn fit(
    bytes: Cow<'_, [u8]>,
    collation: Collation,
    length: usize,
    fill: Fill,
    intent: Intent,
) -> Option<Cow<'_, [u8]>> {
    if intent == Intent::Compare {
        return Some(bytes);
    }
    let encoding = collation.encoding();
    if encoding.count(&bytes)? > length {
        let mut behind = bytes.as_ref();
        for _ in 0..length {
            behind = encoding.behind_first(behind)?;
        }
        let kept = bytes.len() - behind.len();
        let mut bytes = bytes.into_owned();
        bytes.truncate(kept);
        return Some(Cow::Owned(bytes));
    }
    if collation == Collation::Binary && fill == Fill::Fixed {
        let mut bytes = bytes.into_owned();
        bytes.resize(length, 0);
        return Some(Cow::Owned(bytes));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text_as_the_server_writes_them() {
        let decimal = |negative, text: &'static str| Operand::Decimal {
            negative,
            text: Cow::Borrowed(text.as_bytes()),
        };
        for (operand, text) in [
            (Operand::Integer(-5), "-5"),
            (decimal(false, ".5"), "0.5"),
            (decimal(true, "00.50"), "-0.50"),
            (decimal(true, "0.0"), "0.0"),
            (decimal(false, "1."), "1"),
        ] {
            let found = bytes(&operand, Intent::Store, Encoding::Utf8).unwrap();
            assert_eq!(found.as_ref(), text.as_bytes());
            assert_eq!(bytes(&operand, Intent::Compare, Encoding::Utf8), None);
        }
        assert_eq!(unpack(b"ABC", 16), Some(vec![0x0A, 0xBC]));
        assert_eq!(unpack(b"101000001", 2), Some(vec![1, 0x41]));
    }

    #[test]
    fn what_is_too_long_is_cut_off() {
        let utf8 = Collation::from_id(45).unwrap();
        let fit = |text: &'static str| {
            let bytes = Cow::Borrowed(text.as_bytes());
            fit(bytes, utf8, 4, Fill::Varying, Intent::Store)
        };
        assert_eq!(fit("a    ").unwrap().as_ref(), b"a   ");
        assert_eq!(fit("éééé ").unwrap().as_ref(), "éééé".as_bytes());
        assert_eq!(fit("abcdé").unwrap().as_ref(), b"abcd");
        assert_eq!(fit("abéde").unwrap().as_ref(), "abéd".as_bytes());
    }
}
