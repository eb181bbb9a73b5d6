//! Literals into integer and decimal columns: rounded half away from zero, as the server stores them.

use crate::partition::operand::{Intent, Operand};
use std::cmp::Ordering;

/// The longest run of digits that surely fits.
const MAX_DIGITS: usize = 60;
/// The largest decimal exponent that is computed.
const MAX_EXPONENT: i64 = 20;
/// Above this a double does not hold every integer.
const EXACT_IN_DOUBLE: u128 = 1 << 53;

/// The integer that the server makes of `operand`; `None` when that is not certain.
pub(super) fn number(operand: Operand<'_>, intent: Intent) -> Option<i128> {
    scaled(operand, 0, intent)
}

/// The decimal that the server makes of `operand`, times ten to the power of `scale`; `None` when
/// that is not certain.
pub(super) fn scaled(operand: Operand<'_>, scale: u32, intent: Intent) -> Option<i128> {
    let unit = 10_i128.checked_pow(scale)?;
    let (negative, scaled, float) = match operand {
        Operand::Integer(number) => return number.checked_mul(unit),
        Operand::Digits { radix, digits } => {
            let digits = std::str::from_utf8(digits).ok()?;
            let number = u64::from_str_radix(digits, radix).ok()?;
            return i128::from(number).checked_mul(unit);
        }
        Operand::Decimal { negative, text } => (negative, Scaled::parse(text, scale)?, false),
        Operand::Float { negative, text } => (negative, Scaled::parse(text, scale)?, true),
        Operand::Text(text) => {
            let (negative, digits) = split_sign(text.trim_ascii());
            (negative, Scaled::parse(digits, scale)?, false)
        }
        Operand::Null | Operand::Default | Operand::Temporal(_) | Operand::Unknown => return None,
    };
    let magnitude = match (scaled.rounding(), intent) {
        (Rounding::Exact, _) | (Rounding::Down, Intent::Store) => scaled.truncated,
        // A double rounds its halves to even, a decimal away from zero.
        (Rounding::Half, Intent::Store) if float => return None,
        (Rounding::Half | Rounding::Up, Intent::Store) => scaled.truncated.checked_add(1)?,
        (_, Intent::Compare) => return None,
    };
    if float && magnitude > EXACT_IN_DOUBLE {
        return None;
    }
    let magnitude = i128::try_from(magnitude).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A non-negative decimal number, split at the point after its exponent has been applied.
struct Scaled {
    truncated: u128,
    /// The first digit behind the point.
    tenth: u8,
    /// Whether any digit behind the first one is not 0.
    more: bool,
}

enum Rounding {
    Exact,
    Down,
    Half,
    Up,
}

impl Scaled {
    /// Reads `digits[.digits][e[+-]digits]`, times ten to the power of `scale`.
    fn parse(text: &[u8], scale: u32) -> Option<Self> {
        let at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = match at {
            Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
            None => (text, None),
        };
        let exponent = exponent.map_or(Some(0), parse_exponent)?;
        let mut parts = mantissa.splitn(2, |&byte| byte == b'.');
        let (whole, fraction) = (parts.next()?, parts.next().unwrap_or_default());
        let digits = whole.len() + fraction.len();
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if digits == 0 || digits > MAX_DIGITS || !all_digits {
            return None;
        }
        let point = i64::try_from(whole.len()).ok()? + exponent + i64::from(scale);
        let mut scaled = Self {
            truncated: 0,
            tenth: 0,
            more: false,
        };
        let end = i64::try_from(digits).ok()?.max(point);
        for place in point.min(0)..end {
            let digit = usize::try_from(place)
                .ok()
                .and_then(|place| whole.iter().chain(fraction).nth(place))
                .map_or(0, |digit| digit - b'0');
            match place.cmp(&point) {
                Ordering::Less => {
                    let shifted = scaled.truncated.checked_mul(10)?;
                    scaled.truncated = shifted.checked_add(digit.into())?;
                }
                Ordering::Equal => scaled.tenth = digit,
                Ordering::Greater => scaled.more |= digit != 0,
            }
        }
        Some(scaled)
    }

    fn rounding(&self) -> Rounding {
        match (self.tenth, self.more) {
            (0, false) => Rounding::Exact,
            (0..5, _) => Rounding::Down,
            (5, false) => Rounding::Half,
            _ => Rounding::Up,
        }
    }
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let fold = |value, digit: &u8| value * 10 + i64::from(digit - b'0');
    let exponent = digits.iter().fold(0, fold);
    (exponent <= MAX_EXPONENT).then_some(if negative { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_rounded_as_the_server_stores_them() {
        let text = |text: &'static str| Operand::Text(text.as_bytes());
        let decimal = |negative, text: &'static str| Operand::Decimal {
            negative,
            text: text.as_bytes(),
        };
        let float = |text: &'static str| Operand::Float {
            negative: false,
            text: text.as_bytes(),
        };
        for (operand, stored, compared) in [
            (Operand::Integer(-7), Some(-7), Some(-7)),
            (decimal(false, "1.4"), Some(1), None),
            (decimal(false, "2.5"), Some(3), None),
            (decimal(true, "1.5"), Some(-2), None),
            (decimal(false, "15.0"), Some(15), Some(15)),
            (decimal(false, ".5"), Some(1), None),
            (text("014"), Some(14), Some(14)),
            (text(" 13"), Some(13), Some(13)),
            (text("-9"), Some(-9), Some(-9)),
            (text("1.9e1"), Some(19), Some(19)),
            (text("3.6"), Some(4), None),
            (text(""), None, None),
            (text("12abc"), None, None),
            (text("1e999"), None, None),
            (float("1e1"), Some(10), Some(10)),
            (float("25e-1"), None, None),
            (float("26e-1"), Some(3), None),
            (float("5e-3"), Some(0), None),
            (float("1e19"), None, None),
            (Operand::Unknown, None, None),
        ] {
            assert_eq!(number(operand, Intent::Store), stored, "{operand:?}");
            assert_eq!(number(operand, Intent::Compare), compared, "{operand:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..40)) {
            number(Operand::Text(&text), Intent::Store);
        }

        #[test]
        fn every_integer_survives_being_quoted(value in any::<i64>()) {
            let text = value.to_string();
            let read = number(Operand::Text(text.as_bytes()), Intent::Compare);
            prop_assert_eq!(read, Some(i128::from(value)));
        }
    }
}
