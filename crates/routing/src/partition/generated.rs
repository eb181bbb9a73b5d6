//! Generated key columns: a part of another column's text.

use super::column::{ColumnType, KeyColumn};
use super::convert::convert;
use super::operand::{Circumstances, Operand};
use super::text::Text;
use super::value::Value;
use crate::Unsure;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// `substr(column, start[, length])`, counted in characters from 1, from the end when negative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generated {
    /// The column whose text it is a part of.
    pub(crate) source: Box<KeyColumn>,
    start: i64,
    length: Option<i64>,
}

/// The text of `part_key_extra`, taken apart: the source column's name, start and length.
pub(crate) fn parse(text: &str) -> Option<(&str, i64, Option<i64>)> {
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
    pub(crate) fn new(source: KeyColumn, start: i64, length: Option<i64>) -> Self {
        Self {
            source: Box::new(source),
            start,
            length,
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
        let text = match convert(operand, &self.source, circumstances)?.value {
            Value::Null => return Ok(Value::Null),
            Value::Text(text) => text,
            _ => return Err(Unsure::Expression),
        };
        let part = self.part(&text).ok_or(Unsure::Expression)?;
        let part = Operand::Text {
            bytes: Cow::Owned(part),
            encoding: Some(text.encoding()),
        };
        let converted = convert(&part, column, circumstances)?;
        Ok(converted.value)
    }

    fn part(&self, text: &Text<'_>) -> Option<Vec<u8>> {
        let characters = text.characters()?;
        let count = i64::try_from(characters.len()).ok()?;
        let first = match self.start {
            0 => return Some(Vec::new()),
            start @ 1.. => start - 1,
            start => count + start,
        };
        let (Ok(first), Ok(length)) = (
            usize::try_from(first),
            usize::try_from(self.length.unwrap_or(count)),
        ) else {
            return Some(Vec::new());
        };
        let part = characters.into_iter().skip(first).take(length);
        Some(part.flatten().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_expression_is_read() {
        assert_eq!(parse("substr(`v`,1,4)"), Some(("v", 1, Some(4))));
        assert_eq!(parse("substring(`v`, -2)"), Some(("v", -2, None)));
        for text in [
            "",
            "upper(`v`)",
            "substr(`v`)",
            "substr(`v`,1,2,3)",
            "substr(`v`,a)",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
