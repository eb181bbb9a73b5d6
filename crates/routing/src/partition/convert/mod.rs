//! From a literal to a value of the column's type, as the server converts it.

mod floating;
mod label;
mod number;
mod string;
mod temporal;

use super::column::{Absent, ColumnType, KeyColumn};
use super::operand::{Circumstances, Intent, Operand};
use super::text::Text;
use super::value::Value;
use crate::Unsure;
pub(crate) use label::Labels;
use number::Cut;
use std::cmp::Ordering;

/// A literal in the column's type.
#[derive(Debug, Clone)]
pub(crate) struct Converted<'a> {
    /// The value.
    pub(crate) value: Value<'a>,
    /// How the literal compares with `value`: not equal where a comparison's literal lies between two
    /// values of the column.
    pub(crate) order: Ordering,
}

impl<'a> Converted<'a> {
    fn exact(value: Value<'a>) -> Self {
        Self {
            value,
            order: Ordering::Equal,
        }
    }
}

/// Converts `operand` to the type of `column`.
///
/// # Errors
/// [`Unsure`] when the server may see another value, or none.
pub(crate) fn convert<'a>(
    operand: &Operand<'a>,
    column: &KeyColumn,
    circumstances: Circumstances,
) -> Result<Converted<'a>, Unsure> {
    match operand {
        Operand::Default => match (&column.absent, circumstances.intent) {
            (Absent::Default(value), Intent::Store) => return Ok(Converted::exact(value.clone())),
            _ => return Err(Unsure::NoKey),
        },
        Operand::Null => {
            let null = column.column_type.decimal_value(None);
            return Ok(Converted::exact(null.unwrap_or(Value::Null)));
        }
        Operand::Unknown => return Err(Unsure::Conversion),
        _ => {}
    }
    let converted = match column.column_type {
        ColumnType::Unknown(_) => return Err(Unsure::ColumnType),
        ColumnType::Signed { .. }
        | ColumnType::Unsigned { .. }
        | ColumnType::Bit { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Number { .. } => numeric(operand, column.column_type, circumstances.intent),
        ColumnType::Enum | ColumnType::Set => label::number(operand, column, circumstances.intent)
            .map(|number| Converted::exact(Value::Uint(number))),
        ColumnType::Date(_)
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Time { .. }
        | ColumnType::Year => temporal::convert(operand, column.column_type, circumstances),
        ColumnType::Double => {
            floating::double(operand).map(|value| Converted::exact(Value::Double(value)))
        }
        ColumnType::Float => floating::float(operand, circumstances.intent)
            .map(|value| Converted::exact(Value::Double(value))),
        ColumnType::Text { .. } => text(operand, column.column_type, circumstances.intent),
    };
    converted.ok_or(Unsure::Conversion)
}

fn numeric<'a>(
    operand: &Operand<'a>,
    column_type: ColumnType,
    intent: Intent,
) -> Option<Converted<'a>> {
    let number =
        if let (ColumnType::Bit { .. }, Operand::Text { bytes, .. }) = (column_type, operand) {
            // A string is the field's bytes.
            let fold = |number: i128, byte: &u8| number * 256 + i128::from(*byte);
            let number = (bytes.len() <= 8).then(|| bytes.iter().fold(0, fold))?;
            Cut::new(&Operand::Integer(number), 0)?
        } else {
            Cut::new(operand, column_type.scale())?
        };
    let rounded = number.rounded();
    let value = match (column_type, intent) {
        // A comparison takes place among all integers.
        (ColumnType::Signed { .. }, Intent::Compare) => {
            ColumnType::BIGINT.integer(rounded.to_i128()?)
        }
        (ColumnType::Unsigned { .. }, Intent::Compare) => {
            ColumnType::Unsigned { max: u64::MAX }.integer(rounded.to_i128()?)
        }
        (ColumnType::Decimal { .. }, _) => column_type.decimal_value(Some(rounded)),
        (ColumnType::Number { .. }, _) => column_type.number_value(rounded),
        _ => column_type.integer(rounded.to_i128()?),
    };
    let order = match intent {
        Intent::Store => Ordering::Equal,
        Intent::Compare => number.against_rounded(),
    };
    value.map(|value| Converted { value, order })
}

fn text<'a>(
    operand: &Operand<'a>,
    column_type: ColumnType,
    intent: Intent,
) -> Option<Converted<'a>> {
    let ColumnType::Text {
        collation,
        length,
        fill,
    } = column_type
    else {
        return None;
    };
    string::bytes(operand, intent, collation.encoding())
        .and_then(|bytes| string::fit(bytes, collation, length, fill, intent))
        .and_then(|bytes| Text::new(bytes, collation))
        .map(|text| Converted::exact(Value::Text(text)))
}
