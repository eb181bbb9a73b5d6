//! Literals into integer and decimal columns: rounded half away from zero, as the server stores them.

use crate::partition::operand::Operand;
use crate::partition::wide::Wide;
use std::cmp::Ordering;

/// The longest run of digits that surely fits.
const MAX_DIGITS: usize = 100;
/// The largest decimal exponent that is computed.
const MAX_EXPONENT: i64 = 60;
/// A double holds every integer of so many digits.
const EXACT_IN_DOUBLE: usize = 15;

/// A number that was cut at some decimal place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// The number without what was cut off.
    truncated: Wide,
    negative: bool,
    /// What was cut off, compared with a half.
    rest: Rest,
    /// Whether it was written with an exponent, and therefore is a double.
    is_double: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    BelowHalf,
    Half,
    AboveHalf,
}

impl Cut {
    /// Cuts `operand` behind the `scale`-th decimal place; `None` when it is no number, or one whose
    /// conversion is not certain.
    pub(super) fn new(operand: &Operand<'_>, scale: u32) -> Option<Self> {
        let exact = |number: Wide, negative| Self {
            truncated: number,
            negative,
            rest: Rest::Nothing,
            is_double: false,
        };
        Some(match operand {
            Operand::Integer(number) => {
                let magnitude = Wide::from(*number).magnitude().scaled_up(scale)?;
                exact(magnitude, *number < 0)
            }
            Operand::Digits { radix, digits } => {
                let digits = std::str::from_utf8(digits).ok()?;
                let number = match digits {
                    "" => 0,
                    digits => u64::from_str_radix(digits, *radix).ok()?,
                };
                exact(Wide::from(i128::from(number)).scaled_up(scale)?, false)
            }
            Operand::Decimal { negative, text } => Self::parse(*negative, text, scale)?,
            Operand::Float { negative, text } => {
                let mut cut = Self::parse(*negative, text, scale)?;
                let digits = text
                    .iter()
                    .take_while(|byte| !byte.eq_ignore_ascii_case(&b'e'));
                let digits = digits.filter(|byte| byte.is_ascii_digit()).count();
                cut.is_double = true;
                (digits <= EXACT_IN_DOUBLE).then_some(cut)?
            }
            Operand::Text { bytes, .. } => {
                let (negative, digits) = split_sign(bytes.trim_ascii());
                Self::parse(negative, digits, scale)?
            }
            _ => return None,
        })
    }

    /// Cuts the number that a string begins with, as a comparison reads it: 0 when it begins with none.
    pub(super) fn of_prefix(text: &[u8], scale: u32) -> Option<Self> {
        let (negative, digits) = split_sign(text.trim_ascii_start());
        let number = prefix(digits);
        if number.is_empty() {
            return Self::parse(false, b"0", scale);
        }
        Self::parse(negative, number, scale)
    }

    /// Without what was cut off.
    pub(super) fn truncated(self) -> Wide {
        if self.negative {
            self.truncated.negated()
        } else {
            self.truncated
        }
    }

    /// Rounded half away from zero, doubles half to even (`rint`).
    pub(super) fn rounded(self) -> Wide {
        let up = match self.rest {
            Rest::Nothing | Rest::BelowHalf => false,
            Rest::Half if self.is_double => self.truncated.is_odd(),
            Rest::Half | Rest::AboveHalf => true,
        };
        let magnitude = if up {
            self.truncated.successor()
        } else {
            self.truncated
        };
        if self.negative {
            magnitude.negated()
        } else {
            magnitude
        }
    }

    /// How the number itself compares with [`Self::rounded`].
    pub(super) fn against_rounded(self) -> Ordering {
        if self.rest == Rest::Nothing {
            return Ordering::Equal;
        }
        let magnitude = if self.rounded().magnitude() == self.truncated {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        if self.negative {
            magnitude.reverse()
        } else {
            magnitude
        }
    }

    /// Reads `digits[.digits][e[+-]digits]`, times ten to the power of `scale`.
    fn parse(negative: bool, text: &[u8], scale: u32) -> Option<Self> {
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
        let end = i64::try_from(digits).ok()?.max(point);
        let mut truncated = Wide::default();
        let mut rest = Rest::Nothing;
        for place in point.min(0)..end {
            let digit = usize::try_from(place)
                .ok()
                .and_then(|place| whole.iter().chain(fraction).nth(place))
                .map_or(0, |digit| digit - b'0');
            match place.cmp(&point) {
                Ordering::Less => truncated = truncated.push_digit(digit)?,
                Ordering::Equal => {
                    rest = match digit {
                        0 => Rest::Nothing,
                        1..5 => Rest::BelowHalf,
                        5 => Rest::Half,
                        _ => Rest::AboveHalf,
                    }
                }
                Ordering::Greater if digit == 0 => {}
                Ordering::Greater => {
                    rest = match rest {
                        Rest::Nothing => Rest::BelowHalf,
                        Rest::Half => Rest::AboveHalf,
                        other => other,
                    }
                }
            }
        }
        Some(Self {
            truncated,
            negative,
            rest,
            is_double: false,
        })
    }
}

/// Cuts a sign off.
pub(super) fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The number that digits begin with, with its point and exponent.
pub(super) fn prefix(digits: &[u8]) -> &[u8] {
    let run = |from: usize| {
        let rest = digits.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = run(0);
    let mut end = whole;
    if digits.get(end) == Some(&b'.') && whole + run(end + 1) > 0 {
        end += 1 + run(end + 1);
    }
    if end > 0 && matches!(digits.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(digits.get(end + 1), Some(b'+' | b'-')));
        let exponent = run(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    digits.get(..end).unwrap_or_default()
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
    use std::borrow::Cow;

    fn text(text: &'static str) -> Operand<'static> {
        Operand::Text {
            bytes: Cow::Borrowed(text.as_bytes()),
            encoding: None,
        }
    }

    #[test]
    fn numbers_are_rounded_as_the_server_stores_them() {
        use Ordering::{Equal, Greater, Less};
        let decimal = |negative, text: &'static str| Operand::Decimal {
            negative,
            text: Cow::Borrowed(text.as_bytes()),
        };
        let float = |text: &'static str| Operand::Float {
            negative: false,
            text: Cow::Borrowed(text.as_bytes()),
        };
        for (operand, stored) in [
            (Operand::Integer(-7), Some((-7, Equal))),
            (decimal(false, "1.4"), Some((1, Greater))),
            (decimal(false, "2.5"), Some((3, Less))),
            (decimal(true, "1.5"), Some((-2, Greater))),
            (decimal(false, "15.0"), Some((15, Equal))),
            (decimal(false, ".5"), Some((1, Less))),
            (text("014"), Some((14, Equal))),
            (text(" 13"), Some((13, Equal))),
            (text("-9"), Some((-9, Equal))),
            (text("1.9e1"), Some((19, Equal))),
            (text("3.6"), Some((4, Less))),
            (text(""), None),
            (text("12abc"), None),
            (text("1e999"), None),
            (float("1e1"), Some((10, Equal))),
            (float("25e-1"), Some((2, Greater))),
            (float("35e-1"), Some((4, Less))),
            (float("26e-1"), Some((3, Less))),
            (float("5e-3"), Some((0, Greater))),
            (float("1234567890123456789e1"), None),
            (Operand::Unknown, None),
        ] {
            let cut = Cut::new(&operand, 0);
            let found = cut.map(|cut| (cut.rounded().to_i128().unwrap(), cut.against_rounded()));
            assert_eq!(found, stored, "{operand:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..40), scale in 0_u32..40) {
            let bytes = Cow::Borrowed(text.as_slice());
            Cut::new(&Operand::Text { bytes, encoding: None }, scale).map(Cut::rounded);
        }

        #[test]
        fn every_integer_survives_being_quoted(value in any::<i64>()) {
            let bytes = Cow::Owned(value.to_string().into_bytes());
            let read = Cut::new(&Operand::Text { bytes, encoding: None }, 0).unwrap();
            prop_assert_eq!(read.rounded().to_i128(), Some(i128::from(value)));
        }
    }
}
