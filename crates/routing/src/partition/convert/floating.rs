//! Literals into FLOAT and DOUBLE columns.

use crate::partition::operand::{Intent, Operand};

/// The double that the server makes of `operand`; `None` when that is not certain.
pub(super) fn double(operand: Operand<'_>) -> Option<f64> {
    let (negative, text) = match operand {
        Operand::Integer(number) => return parse(number.to_string().as_bytes()),
        Operand::Decimal { negative, text } | Operand::Float { negative, text } => (negative, text),
        Operand::Text(text) => match text.trim_ascii() {
            [b'-', rest @ ..] => (true, rest),
            text => (false, text),
        },
        _ => return None,
    };
    let value = parse(text)?;
    Some(if negative { 0.0 - value } else { value })
}

/// The same for a FLOAT column, widened as it is hashed. Few decimal numbers equal a float, so that a
/// comparison with one is not certain.
pub(super) fn float(operand: Operand<'_>, intent: Intent) -> Option<f64> {
    let value = double(operand)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a FLOAT column keeps the nearest float"
    )]
    let stored = f64::from(value as f32);
    let same = stored.total_cmp(&value).is_eq();
    (stored.is_finite() && (intent == Intent::Store || same)).then_some(stored)
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

    #[test]
    fn zeros_have_one_sign_and_words_are_no_numbers() {
        let minus_zero = Operand::Text(b"-0.0");
        assert_eq!(double(minus_zero).map(f64::to_bits), Some(0));
        assert_eq!(double(Operand::Text(b" 1.5e1 ")), Some(15.0));
        for text in [&b"inf"[..], b"nan", b"", b"1e999", b"0x10"] {
            assert_eq!(double(Operand::Text(text)), None);
        }
        let tenth = Operand::Text(b"0.1");
        assert_eq!(float(tenth, Intent::Store), Some(f64::from(0.1_f32)));
        assert_eq!(float(tenth, Intent::Compare), None);
    }
}
