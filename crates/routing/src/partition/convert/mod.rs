//! From a literal to a value of the column's type, as the server converts it.

mod integer;

use super::column::{Absent, ColumnType, KeyColumn};
use super::operand::{Intent, Operand};
use super::value::Value;
use crate::Unsure;

/// Converts `operand` to the type of `column`.
///
/// # Errors
/// [`Unsure`] when the server may see another value, or none.
pub(crate) fn convert(
    operand: Operand<'_>,
    column: &KeyColumn,
    intent: Intent,
) -> Result<Value, Unsure> {
    match (operand, column.column_type) {
        (Operand::Default, _) => match (column.absent, intent) {
            (Absent::Default(value), Intent::Store) => Ok(value),
            _ => Err(Unsure::NoKey),
        },
        (_, ColumnType::Unknown(_)) => Err(Unsure::ColumnType),
        (Operand::Null, _) => Ok(Value::Null),
        (Operand::Unknown, _) => Err(Unsure::Conversion),
        (operand, ColumnType::Signed { .. } | ColumnType::Unsigned { .. }) => {
            let number = integer::number(operand, intent).ok_or(Unsure::Conversion)?;
            column.column_type.integer(number).ok_or(Unsure::Conversion)
        }
    }
}
