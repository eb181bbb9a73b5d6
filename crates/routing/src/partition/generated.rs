//! Generated key columns: a part of another column's text, or a number computed from it.

use super::column::{Absent, ColumnType, KeyColumn};
use super::convert::convert;
use super::expression::{Expression, Number};
use super::operand::{Circumstances, Operand};
use super::text::Text;
use super::value::Value;
use crate::Unsure;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::RefCell;

/// A column that is computed from another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generated {
    /// The column that it is computed from.
    pub(crate) source: Box<KeyColumn>,
    way: Way,
}

/// How it is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Way {
    /// `substr(column, start[, length])`, counted in characters from 1, from the end when negative.
    Part { start: i64, length: Option<i64> },
    /// An integer, as partition expressions are.
    Number(Expression),
}

/// `substr(…)` taken apart: the source column's name, start and length.
fn part(text: &str) -> Option<(&str, i64, Option<i64>)> {
    let (function, rest) = text.trim().split_once('(')?;
    let known = ["substr", "substring", "mid"];
    known
        .iter()
        .find(|known| known.eq_ignore_ascii_case(function.trim()))?;
    let mut arguments = rest.strip_suffix(')')?.split(',').map(str::trim);
    let name = arguments.next()?.strip_prefix('`')?.strip_suffix('`')?;
    let start = arguments.next()?.parse().ok()?;
    let length = arguments.next().map(str::parse).transpose().ok()?;
    arguments.next().is_none().then_some((name, start, length))
}

impl Generated {
    /// Reads the text of `part_key_extra`; `source` gives the column of a name.
    pub(crate) fn parse(text: &str, source: impl Fn(&str) -> Option<KeyColumn>) -> Option<Self> {
        if let Some((name, start, length)) = part(text) {
            let source = source(name)?;
            return matches!(source.column_type, ColumnType::Text { .. })
                .then(|| Self::part(source, start, length));
        }
        let name = RefCell::new(None);
        let expression = Expression::parse(text, |column| {
            let mut name = name.borrow_mut();
            let first = name.get_or_insert_with(|| column.to_owned());
            // Of one column only.
            first.eq_ignore_ascii_case(column).then_some(0)
        });
        Some(Self {
            source: Box::new(source(&name.into_inner()?)?),
            way: Way::Number(expression.ok()?),
        })
    }

    /// A part of the text of `source`.
    pub(crate) fn part(source: KeyColumn, start: i64, length: Option<i64>) -> Self {
        Self {
            source: Box::new(source),
            way: Way::Part { start, length },
        }
    }

    /// Whether equal sources give equal values of `column`.
    pub(crate) fn keeps_equality(&self, column: &KeyColumn) -> bool {
        match (self.source.column_type, column.column_type) {
            (
                ColumnType::Text {
                    collation: of_source,
                    ..
                },
                ColumnType::Text { collation, .. },
            ) => of_source == collation,
            _ => false,
        }
    }

    /// The value that `column` gets when its source gets `operand`.
    ///
    /// # Errors
    /// [`Unsure`] when it is not certain.
    pub(crate) fn value<'a>(
        &self,
        operand: &Operand<'a>,
        column: &KeyColumn,
        circumstances: Circumstances,
    ) -> Result<Value<'a>, Unsure> {
        let given = convert(operand, &self.source, circumstances)?.value;
        if self.source.absent == Absent::Counted && given.asks_for_next() {
            return Err(Unsure::NoKey);
        }
        match (&self.way, &given) {
            (Way::Part { .. }, Value::Null) => Ok(Value::Null),
            (Way::Part { start, length }, Value::Text(text)) => {
                let part = Operand::Text {
                    bytes: Cow::Owned(cut(text, *start, *length).ok_or(Unsure::Expression)?),
                    encoding: Some(text.encoding()),
                };
                Ok(convert(&part, column, circumstances)?.value)
            }
            (Way::Part { .. }, _) => Err(Unsure::Expression),
            (Way::Number(expression), given) => {
                let given = Number::of_column(given, self.source.column_type);
                let number = expression.evaluate(|_| given.ok_or(Unsure::Expression))?;
                let number = match number {
                    Value::Null => Operand::Null,
                    Value::Int(number) => Operand::Integer(number.into()),
                    Value::Uint(number) => Operand::Integer(number.into()),
                    _ => return Err(Unsure::Expression),
                };
                Ok(convert(&number, column, circumstances)?.value)
            }
        }
    }
}

/// The characters of a text from `start` on.
fn cut(text: &Text<'_>, start: i64, length: Option<i64>) -> Option<Vec<u8>> {
    let characters = text.characters()?;
    let count = i64::try_from(characters.len()).ok()?;
    let first = match start {
        0 => return Some(Vec::new()),
        start @ 1.. => start - 1,
        start => count + start,
    };
    let (Ok(first), Ok(length)) = (
        usize::try_from(first),
        usize::try_from(length.unwrap_or(count)),
    ) else {
        return Some(Vec::new());
    };
    let part = characters.into_iter().skip(first).take(length);
    Some(part.flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_expression_is_read() {
        assert_eq!(part("substr(`v`,1,4)"), Some(("v", 1, Some(4))));
        assert_eq!(part("substring(`v`, -2)"), Some(("v", -2, None)));
        for text in [
            "",
            "upper(`v`)",
            "substr(`v`)",
            "substr(`v`,1,2,3)",
            "substr(`v`,a)",
        ] {
            assert_eq!(part(text), None, "{text}");
        }
    }
}
