//! Literals and parameters as operands of a conversion.

use super::Statement;
use crate::partition::operand::Operand;
use crate::partition::text::Encoding;
use crate::{Parameter, Unsure};
use odp_sql::{Charset, Introducer, Literal, TemporalKind, Unescape};
use std::borrow::Cow;

impl<'a> Statement<'a> {
    pub(super) fn operand(&self, literal: Literal<'a>) -> Result<Operand<'a>, Unsure> {
        Ok(match literal {
            Literal::Null => Operand::Null,
            Literal::Default => Operand::Default,
            Literal::True => Operand::Integer(1),
            Literal::False => Operand::Integer(0),
            Literal::Number { negative, text } => number(negative, text),
            Literal::Hex(digits) => Operand::Digits { radix: 16, digits },
            Literal::Bit(digits) => Operand::Digits { radix: 2, digits },
            Literal::String { body, quote } => self.text(self.string(body, quote)),
            Literal::Introduced {
                introducer,
                body,
                quote,
            } => Operand::Text {
                bytes: self.string(body, quote),
                encoding: Some(introduced(introducer)),
            },
            Literal::Parameter(index) => {
                let parameter = self.request.parameters.get(usize::from(index));
                self.bound(*parameter.ok_or(Unsure::NoKey)?)
            }
            Literal::Temporal {
                kind: TemporalKind::Time,
                body,
            } => Operand::Duration(Cow::Borrowed(body)),
            Literal::Temporal { body, .. } => Operand::Moment(Cow::Borrowed(body)),
            Literal::Expression(expression) => {
                return self.computed(expression).ok_or(Unsure::Statement);
            }
            Literal::UserVariable(_) | Literal::Unsure => return Err(Unsure::Statement),
        })
    }

    /// The string between two quotes.
    fn string(&self, body: &'a [u8], quote: u8) -> Cow<'a, [u8]> {
        let plain = !body.iter().any(|&byte| byte == b'\\' || byte == quote);
        if plain {
            return Cow::Borrowed(body);
        }
        let charset = Charset::from_collation(self.request.client.0);
        let decoded = Unescape::new(body, quote, charset, self.request.backslash);
        Cow::Owned(decoded.collect())
    }

    fn text(&self, bytes: Cow<'a, [u8]>) -> Operand<'a> {
        let client = Encoding::of_collation(self.request.client.0);
        let connection = Encoding::of_collation(self.request.collation.0);
        let is_kept = client == connection || connection.is_some_and(Encoding::holds_everything);
        Operand::Text {
            bytes,
            encoding: client.filter(|_| is_kept),
        }
    }

    fn bound(&self, parameter: Parameter<'a>) -> Operand<'a> {
        match parameter {
            Parameter::Null => Operand::Null,
            Parameter::Int(value) => Operand::Integer(value.into()),
            Parameter::Uint(value) => Operand::Integer(value.into()),
            Parameter::Bytes(bytes) => self.text(Cow::Borrowed(bytes)),
            Parameter::Double(value) if !value.is_finite() => Operand::Unknown,
            Parameter::Double(value) => Operand::Float {
                negative: value.is_sign_negative(),
                text: Cow::Owned(format!("{:e}", value.abs()).into_bytes()),
            },
            Parameter::Moment {
                date: (year, month, day),
                clock: (hour, minute, second),
                micros,
            } => {
                let clock = format!("{hour:02}:{minute:02}:{second:02}.{micros:06}");
                let text = format!("{year:04}-{month:02}-{day:02} {clock}");
                Operand::Moment(Cow::Owned(text.into_bytes()))
            }
            Parameter::Duration {
                negative,
                hours,
                minutes,
                seconds,
                micros,
            } => {
                let sign = if negative { "-" } else { "" };
                let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}");
                Operand::Duration(Cow::Owned(text.into_bytes()))
            }
            Parameter::Other => Operand::Unknown,
        }
    }
}

/// The character set before a string, of which the server takes the bytes as they are.
fn introduced(introducer: Introducer) -> Encoding {
    match introducer {
        Introducer::Binary => Encoding::Binary,
        Introducer::Utf8 => Encoding::Utf8,
        Introducer::Latin1 => Encoding::Latin1,
        Introducer::Ascii => Encoding::Ascii,
        Introducer::Gbk => Encoding::Gbk,
        Introducer::Gb18030 => Encoding::Gb18030,
    }
}

/// So many digits surely fit in 64 bits.
const SHORT: usize = 18;

fn number(negative: bool, text: &[u8]) -> Operand<'_> {
    if text.len() > SHORT {
        return long_number(negative, text);
    }
    let mut value = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return long_number(negative, text);
        }
        value = value * 10 + i64::from(digit);
    }
    Operand::Integer(i128::from(if negative { -value } else { value }))
}

/// A number that has more than a few digits, or a point or an exponent.
#[inline(never)]
fn long_number(negative: bool, text: &[u8]) -> Operand<'_> {
    if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        let text = Cow::Borrowed(text);
        return Operand::Float { negative, text };
    }
    if text.contains(&b'.') {
        let text = Cow::Borrowed(text);
        return Operand::Decimal { negative, text };
    }
    let digits = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i128>().ok();
    match digits(text) {
        Some(value) if negative => Operand::Integer(-value),
        Some(value) => Operand::Integer(value),
        None => {
            let text = Cow::Owned([text, b"."].concat());
            Operand::Decimal { negative, text }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::fixture::Setup;

    fn bound(parameter: Parameter<'_>) -> String {
        let sql = "select * from t where k = ?";
        Setup::new().with_statement(sql, |statement| match statement.bound(parameter) {
            Operand::Float { negative, text } => {
                let sign = if negative { "-" } else { "" };
                format!("{sign}{}", String::from_utf8_lossy(&text))
            }
            Operand::Moment(text) | Operand::Duration(text) => {
                String::from_utf8_lossy(&text).into_owned()
            }
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn bound_doubles_and_moments_are_placed_like_their_literals() {
        let moment = Parameter::Moment {
            date: (2024, 6, 7),
            clock: (10, 11, 12),
            micros: 500_000,
        };
        let duration = Parameter::Duration {
            negative: true,
            hours: 34,
            minutes: 5,
            seconds: 6,
            micros: 7,
        };
        for (parameter, expected) in [
            (Parameter::Double(1.5), "1.5e0"),
            (Parameter::Double(-2500.0), "-2.5e3"),
            (Parameter::Double(f64::INFINITY), "Unknown"),
            (moment, "2024-06-07 10:11:12.500000"),
            (duration, "-34:05:06.000007"),
            (Parameter::Other, "Unknown"),
        ] {
            assert_eq!(bound(parameter), expected);
        }
    }

    #[test]
    fn numbers_of_any_length_are_read() {
        for digits in ["0", "999999999999999999", "9999999999999999999"] {
            let value: i128 = digits.parse().unwrap();
            assert_eq!(number(false, digits.as_bytes()), Operand::Integer(value));
            assert_eq!(number(true, digits.as_bytes()), Operand::Integer(-value));
        }
    }
}
