//! Literals and parameters as operands of a conversion.

use super::Statement;
use crate::partition::operand::Operand;
use crate::partition::text::Encoding;
use crate::{Parameter, Unsure};
use odp_sql::{Charset, Literal, TemporalKind, Unescape};
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
            Literal::String { body, quote } => self.string(body, quote),
            Literal::Parameter(index) => {
                let parameter = self.request.parameters.get(usize::from(index));
                self.bound(*parameter.ok_or(Unsure::NoKey)?)
            }
            Literal::Temporal {
                kind: TemporalKind::Time,
                body,
            } => Operand::Duration(body),
            Literal::Temporal { body, .. } => Operand::Moment(body),
            Literal::UserVariable(_) | Literal::Unsure => return Err(Unsure::Statement),
        })
    }

    /// The string between two quotes.
    fn string(&self, body: &'a [u8], quote: u8) -> Operand<'a> {
        let plain = !body.iter().any(|&byte| byte == b'\\' || byte == quote);
        if plain {
            return self.text(Cow::Borrowed(body));
        }
        let charset = Charset::from_collation(self.request.collation.0);
        let decoded = Unescape::new(body, quote, charset, self.request.backslash);
        self.text(Cow::Owned(decoded.collect()))
    }

    fn text(&self, bytes: Cow<'a, [u8]>) -> Operand<'a> {
        Operand::Text {
            bytes,
            encoding: Encoding::of_collation(self.request.collation.0),
        }
    }

    fn bound(&self, parameter: Parameter<'a>) -> Operand<'a> {
        match parameter {
            Parameter::Null => Operand::Null,
            Parameter::Int(value) => Operand::Integer(value.into()),
            Parameter::Uint(value) => Operand::Integer(value.into()),
            Parameter::Bytes(bytes) => self.text(Cow::Borrowed(bytes)),
            Parameter::Double(_) | Parameter::Other => Operand::Unknown,
        }
    }
}

fn number(negative: bool, text: &[u8]) -> Operand<'_> {
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
