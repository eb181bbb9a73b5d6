//! What the server stores in a column that an INSERT gives no value.

use super::column::{Absent, ColumnType, KeyColumn};
use super::convert::convert;
use super::operand::{Circumstances, Intent, Operand};
use super::text::Encoding;
use super::value::Value;
use crate::TimeZone;
use std::borrow::Cow;

/// Of a column without a declared default. One that takes no NULL gets its type's zero; a server in strict
/// mode refuses the row instead, wherever it is sent.
pub(crate) fn undeclared(column: &KeyColumn, nullable: bool) -> Option<Absent> {
    if nullable {
        let null = column.column_type.decimal_value(None);
        return Some(Absent::Default(null.unwrap_or(Value::Null)));
    }
    let zero = match column.column_type {
        // The first label, even in strict mode.
        ColumnType::Enum => Operand::Integer(1),
        ColumnType::Text { .. } => Operand::Text {
            bytes: Cow::Borrowed(b""),
            encoding: Some(Encoding::Utf8),
        },
        _ => Operand::Integer(0),
    };
    default(&zero, column)
}

/// Of a column with this default.
pub(crate) fn default(operand: &Operand<'_>, column: &KeyColumn) -> Option<Absent> {
    let circumstances = Circumstances {
        intent: Intent::Store,
        time_zone: TimeZone::Unknown,
    };
    let converted = convert(operand, column, circumstances).ok()?;
    Some(Absent::Default(converted.value.into_owned()))
}
