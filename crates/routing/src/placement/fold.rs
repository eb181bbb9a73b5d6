//! Expressions of constants, as far as the server surely computes the same: whatever depends on the
//! session, on time or on rounding stays unknown.

use super::Statement;
use crate::partition::operand::Operand;
use crate::partition::text::Encoding;
use odp_sql::{CastType, Compute, Expression, Function, Literal, Unit, Verb};
use std::borrow::Cow;

mod dates;
mod numbers;
mod strings;

impl<'a> Statement<'a> {
    /// What an expression comes to. NULL counts as unknown: what it is compared with does not matter then.
    pub(super) fn computed(&self, expression: Expression<'a>) -> Option<Operand<'a>> {
        let mut fold = Fold {
            statement: self,
            has_decimal: false,
        };
        let value = expression.compute(&mut fold)?;
        // The server does not look for an integer that is the result of decimals.
        let stores = matches!(self.outline.verb(), Verb::Insert | Verb::Replace);
        let is_vague = fold.has_decimal && !stores && matches!(value, Operand::Decimal { .. });
        (value != Operand::Null && !is_vague).then_some(value)
    }
}

struct Fold<'s, 'a> {
    statement: &'s Statement<'a>,
    /// Whether a decimal literal was met.
    has_decimal: bool,
}

impl<'a> Compute<'a> for Fold<'_, 'a> {
    type Value = Operand<'a>;

    fn literal(&mut self, literal: Literal<'a>) -> Option<Operand<'a>> {
        match self.statement.operand(literal).ok()? {
            Operand::Default | Operand::Unknown => None,
            operand => {
                self.has_decimal |= matches!(operand, Operand::Decimal { .. });
                Some(operand)
            }
        }
    }

    fn apply(
        &mut self,
        function: Function<'a>,
        arguments: Vec<Operand<'a>>,
    ) -> Option<Operand<'a>> {
        match function {
            Function::Named(name) => self.named(name, arguments),
            Function::Cast(to) => cast(to, arguments.first()?),
            Function::AddInterval(unit) => moved(&arguments, unit, 1),
            Function::SubtractInterval(unit) => moved(&arguments, unit, -1),
            Function::Negate => numbers::negated(arguments.first()?),
            operator => match arguments.as_slice() {
                [Operand::Null, Operand::Null | Operand::Integer(_)]
                | [Operand::Integer(_), Operand::Null] => Some(Operand::Null),
                [left, right] => numbers::joined(operator, left, right),
                _ => None,
            },
        }
    }
}

impl<'a> Fold<'_, 'a> {
    fn named(&self, name: &[u8], mut arguments: Vec<Operand<'a>>) -> Option<Operand<'a>> {
        let name = name.to_ascii_lowercase();
        match (name.as_slice(), arguments.as_slice()) {
            (b"coalesce" | b"ifnull" | b"nvl", _) => {
                let first = first_of_one_kind(&arguments)?;
                Some(arguments.swap_remove(first))
            }
            (b"abs", [number]) => numbers::absolute(number),
            (b"mod", [left, right]) => numbers::joined(Function::Modulo, left, right),
            (b"greatest" | b"least", [_, ..]) => numbers::extreme(&arguments, name == b"least"),
            (b"year" | b"month" | b"day" | b"dayofmonth" | b"quarter" | b"to_days", [moment]) => {
                dates::field(&name, moment)
            }
            (b"date" | b"last_day", [moment]) => {
                let (moment, _) = dates::read(moment)?;
                let moment = if name == b"date" {
                    moment
                } else {
                    dates::last_day(moment)?
                };
                Some(Operand::Moment(Cow::Owned(moment.date_text().into_bytes())))
            }
            // These look at the bytes in the connection's character set.
            (b"length" | b"octet_length" | b"hex", _) if !self.speaks_utf8() => None,
            _ => strings::named(&name, &arguments),
        }
    }

    fn speaks_utf8(&self) -> bool {
        Encoding::of_collation(self.statement.request.collation.0) == Some(Encoding::Utf8)
    }
}

/// Which argument is the first that is not NULL, when all others are of its kind: the result's type is
/// that of all.
fn first_of_one_kind<'a>(arguments: &[Operand<'a>]) -> Option<usize> {
    let first = arguments.iter().position(|it| *it != Operand::Null)?;
    let kind = arguments.get(first).map(std::mem::discriminant)?;
    let fits = |it: &Operand<'a>| *it == Operand::Null || std::mem::discriminant(it) == kind;
    let is_plain = matches!(
        arguments.get(first),
        Some(Operand::Integer(_) | Operand::Text { .. })
    );
    (is_plain && arguments.iter().all(fits)).then_some(first)
}

fn cast<'a>(to: CastType, operand: &Operand<'a>) -> Option<Operand<'a>> {
    match (to, operand) {
        (_, Operand::Null) => Some(Operand::Null),
        (CastType::Signed, _) => numbers::whole(operand).map(Operand::Integer),
        (CastType::Unsigned, _) => numbers::whole(operand)
            .filter(|number| *number >= 0)
            .map(Operand::Integer),
        (CastType::Char, Operand::Integer(number)) => Some(text(number.to_string().into_bytes())),
        (CastType::Char, Operand::Text { bytes, .. }) if bytes.is_ascii() => Some(operand.clone()),
        (CastType::Date, _) => {
            let (moment, _) = dates::read(operand)?;
            Some(Operand::Moment(Cow::Owned(moment.date_text().into_bytes())))
        }
        (CastType::Datetime, _) => {
            let (moment, _) = dates::read(operand)?;
            Some(Operand::Moment(Cow::Owned(moment.text().into_bytes())))
        }
        _ => None,
    }
}

/// A date moved by a number of units. It stays a string if it was one.
fn moved<'a>(arguments: &[Operand<'a>], unit: Unit, sign: i64) -> Option<Operand<'a>> {
    let [from, Operand::Integer(count)] = arguments else {
        return None;
    };
    let (moment, is_date) = dates::read(from)?;
    let moment = dates::moved(moment, unit, sign * i64::try_from(*count).ok()?)?;
    let stays_date = !matches!(unit, Unit::Second | Unit::Minute | Unit::Hour);
    let written = if is_date && stays_date {
        moment.date_text()
    } else {
        moment.text()
    };
    Some(match from {
        Operand::Text { .. } => text(written.into_bytes()),
        _ => Operand::Moment(Cow::Owned(written.into_bytes())),
    })
}

/// A string of ASCII.
fn text<'a>(bytes: Vec<u8>) -> Operand<'a> {
    Operand::Text {
        bytes: Cow::Owned(bytes),
        encoding: None,
    }
}

#[cfg(test)]
mod tests;
