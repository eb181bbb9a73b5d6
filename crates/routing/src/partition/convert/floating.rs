//! Literals into FLOAT and DOUBLE columns, and doubles into text.

use super::Converted;
use super::number::{prefix, split_sign};
use crate::partition::operand::{Intent, Operand};
use crate::partition::value::Value;
use std::cmp::Ordering;

/// The double that the server makes of `operand`; `None` when that is not certain.
pub(super) fn double(operand: &Operand<'_>) -> Option<f64> {
    let (negative, text) = match operand {
        Operand::Integer(number) => return parse(number.to_string().as_bytes()),
        Operand::Decimal { negative, text } | Operand::Float { negative, text } => {
            (*negative, text.as_ref())
        }
        Operand::Text { bytes, .. } => split_sign(bytes.trim_ascii()),
        Operand::Digits { radix, digits } => {
            let digits = std::str::from_utf8(digits).ok()?;
            let number = u64::from_str_radix(digits, *radix).ok()?;
            return parse(number.to_string().as_bytes());
        }
        _ => return None,
    };
    let value = parse(text)?;
    Some(if negative { 0.0 - value } else { value })
}

/// The same for a FLOAT column, widened as it is hashed.
pub(super) fn float<'a>(operand: &Operand<'_>, intent: Intent) -> Option<Converted<'a>> {
    let value = double(operand)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a FLOAT column keeps the nearest float"
    )]
    let stored = f64::from(value as f32);
    let order = match intent {
        Intent::Store => Ordering::Equal,
        Intent::Compare => value.total_cmp(&stored),
    };
    stored.is_finite().then_some(Converted {
        value: Value::Double(stored),
        order,
    })
}

/// The text that the server makes of a double where there is room for every digit (`my_gcvt`): plain
/// for up to 15 places before the point, with an exponent beyond.
pub(super) fn text(negative: bool, digits: &[u8]) -> Option<String> {
    let value = parse(digits)?;
    let sign = if negative { "-" } else { "" };
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let plain = value == 0.0 || (-15..15).contains(&exponent);
    Some(if plain {
        format!("{sign}{value}")
    } else {
        format!("{sign}{mantissa}e{exponent}")
    })
}

/// The number that a string begins with; 0 when it begins with none.
pub(super) fn of_prefix(text: &[u8]) -> Option<f64> {
    let (negative, digits) = split_sign(text.trim_ascii_start());
    match prefix(digits) {
        [] => Some(0.0),
        digits => parse(digits).map(|value| if negative { 0.0 - value } else { value }),
    }
}

/// A finite number in digits; words such as `inf` are none.
fn parse(text: &[u8]) -> Option<f64> {
    let digits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|b| digits(&b)))?;
    let value: f64 = text.parse().ok()?;
    // Adding zero turns a negative zero into zero.
    value.is_finite().then_some(value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn quoted(text: &'static str) -> Operand<'static> {
        Operand::Text {
            bytes: Cow::Borrowed(text.as_bytes()),
            encoding: None,
        }
    }

    #[test]
    fn zeros_have_one_sign_and_words_are_no_numbers() {
        assert_eq!(double(&quoted("-0.0")).map(f64::to_bits), Some(0));
        assert_eq!(double(&quoted(" 1.5e1 ")), Some(15.0));
        for text in ["inf", "nan", "", "1e999", "0x10"] {
            assert_eq!(double(&quoted(text)), None);
        }
        let tenth = quoted("0.1");
        let stored = float(&tenth, Intent::Store).unwrap();
        assert_eq!(stored.value, Value::Double(f64::from(0.1_f32)));
        assert!(float(&tenth, Intent::Compare).unwrap().order.is_lt());
    }

    #[test]
    fn doubles_are_written_as_the_server_writes_them() {
        for (digits, written) in [
            ("1e3", "1000"),
            ("1.5e3", "1500"),
            ("1e14", "100000000000000"),
            ("1e15", "1e15"),
            ("1e20", "1e20"),
            ("123456789012345678e0", "1.2345678901234568e17"),
            ("1.23456789012345678e0", "1.2345678901234567"),
            ("1e-5", "0.00001"),
            ("0e0", "0"),
        ] {
            assert_eq!(text(false, digits.as_bytes()).as_deref(), Some(written));
        }
    }
}
