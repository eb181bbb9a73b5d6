//! From a literal to a value of the column's type, as the server converts it.

mod floating;
mod integer;
mod string;
mod temporal;

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
    match operand {
        Operand::Default => match (&column.absent, intent) {
            (Absent::Default(value), Intent::Store) => return Ok(value.clone()),
            _ => return Err(Unsure::NoKey),
        },
        Operand::Null => {
            let null = column.column_type.decimal_value(None);
            return Ok(null.unwrap_or(Value::Null));
        }
        Operand::Unknown => return Err(Unsure::Conversion),
        _ => {}
    }
    let value = match column.column_type {
        ColumnType::Unknown(_) => return Err(Unsure::ColumnType),
        ColumnType::Signed { .. } | ColumnType::Unsigned { .. } => {
            let number = integer::number(operand, intent);
            number.and_then(|number| column.column_type.integer(number))
        }
        ColumnType::Bit { .. } => match operand {
            Operand::Integer(_) | Operand::Digits { .. } => {
                let number = integer::number(operand, intent);
                number.and_then(|number| column.column_type.integer(number))
            }
            _ => None,
        },
        ColumnType::Date(encoding) => {
            let date = temporal::date(operand, intent);
            date.map(|date| Value::Int(date.encode_date(encoding)))
        }
        ColumnType::Datetime { scale, encoding } => {
            let moment = temporal::datetime(operand, scale, intent);
            moment.map(|moment| Value::Int(moment.encode_datetime(encoding)))
        }
        ColumnType::Decimal { scale, .. } => {
            let unscaled = integer::scaled(operand, scale, intent);
            unscaled.and_then(|unscaled| column.column_type.decimal_value(Some(unscaled)))
        }
        ColumnType::Double => floating::double(operand).map(Value::Double),
        ColumnType::Float => floating::float(operand, intent).map(Value::Double),
        ColumnType::Time { scale } => temporal::time(operand, scale, intent).map(Value::Int),
        ColumnType::Year => temporal::year(operand).map(Value::Int),
        ColumnType::Text {
            collation,
            length,
            fill,
        } => {
            // The digits of a hexadecimal literal are the column's own bytes, not text.
            let raw = matches!(operand, Operand::Digits { .. });
            string::bytes(operand, intent)
                .filter(|_| !raw || collation.is_ascii_compatible())
                .and_then(|bytes| string::fit(bytes, collation, length, fill, intent))
                .and_then(|bytes| Text::new(bytes, collation))
                .map(Value::Text)
        }
    };
    value.ok_or(Unsure::Conversion)
}
