//! From a literal to a value of the column's type, as the server converts it.

mod integer;
mod string;

use super::column::{Absent, ColumnType, KeyColumn};
use super::operand::{Intent, Operand};
use super::text::Text;
use super::value::Value;
use crate::Unsure;

/// Converts `operand` to the type of `column`.
///
/// # Errors
/// [`Unsure`] when the server may see another value, or none.
pub(crate) fn convert<'a>(
    operand: Operand<'a>,
    column: &KeyColumn,
    intent: Intent,
) -> Result<Value<'a>, Unsure> {
    match (operand, column.column_type) {
        (Operand::Default, _) => match (&column.absent, intent) {
            (Absent::Default(value), Intent::Store) => Ok(value.clone()),
            _ => Err(Unsure::NoKey),
        },
        (_, ColumnType::Unknown(_)) => Err(Unsure::ColumnType),
        (Operand::Null, _) => Ok(Value::Null),
        (Operand::Unknown, _) => Err(Unsure::Conversion),
        (operand, ColumnType::Signed { .. } | ColumnType::Unsigned { .. }) => {
            let number = integer::number(operand, intent).ok_or(Unsure::Conversion)?;
            column.column_type.integer(number).ok_or(Unsure::Conversion)
        }
        (
            operand,
            ColumnType::Text {
                collation,
                length,
                fill,
            },
        ) => {
            // The digits of a hexadecimal literal are the column's own bytes, not text.
            let raw = matches!(operand, Operand::Digits { .. });
            if raw && !collation.is_ascii_compatible() {
                return Err(Unsure::Conversion);
            }
            let bytes = string::bytes(operand, intent).ok_or(Unsure::Conversion)?;
            let bytes = string::fit(bytes, collation, length, fill, intent);
            let text = bytes.and_then(|bytes| Text::new(bytes, collation));
            text.map(Value::Text).ok_or(Unsure::Conversion)
        }
    }
}
