//! Rows of `__all_virtual_proxy_partition_info`: the key of a level and its columns.

use super::column::{ColumnDetail, Declared};
use super::datum::{Datum, read_single};
use super::{MetadataRow, number, text};
use crate::Unsure;
use crate::partition::absent;
use crate::partition::column::{Absent, ColumnType, KeyColumn};
use crate::partition::expression::Expression;
use crate::partition::generated::Generated;
use crate::partition::key::Key;
use crate::partition::text::Text;
use crate::partition::value::{MAX_KEY, Value};
use crate::placement::constant;
use std::borrow::Cow;

/// What a level's expression text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// A list of columns; for `KEY()` empty: the columns in the table's order.
    Columns,
    /// An expression over columns, most often a single column.
    Expression,
}

/// The key of the level `level`, `1` or `2`.
pub(super) fn read_key<R: MetadataRow>(
    info: &[R],
    level: &str,
    form: KeyForm,
    expression: &str,
    details: &[ColumnDetail],
) -> Result<Key, Unsure> {
    let of_level = |row: &&R| row.get("part_key_level") == Some(level.as_bytes());
    let rows: Vec<&R> = info.iter().filter(of_level).collect();
    let find = |name: &str| {
        let name = name.trim().trim_matches('`');
        let is = |row: &&R| {
            text(*row, "part_key_name").is_some_and(|have| have.eq_ignore_ascii_case(name))
        };
        rows.iter().position(is)
    };
    let all = || rows.iter().map(|row| read_column(*row, details));
    let named: Option<Vec<usize>> = expression.split(',').map(find).collect();
    let key = match (named, form) {
        (Some(named), _) => Key {
            columns: named
                .iter()
                .filter_map(|&at| rows.get(at))
                .map(|row| read_column(*row, details))
                .collect::<Result<_, _>>()?,
            expression: None,
        },
        (None, KeyForm::Columns) if expression.is_empty() => Key {
            columns: all().collect::<Result<_, _>>()?,
            expression: None,
        },
        (None, KeyForm::Columns) => return Err(Unsure::Expression),
        (None, KeyForm::Expression) => Key {
            columns: all().collect::<Result<_, _>>()?,
            expression: Some(Expression::parse(expression, find)?),
        },
    };
    let unknown = |column: &KeyColumn| matches!(column.column_type, ColumnType::Unknown(_));
    if key.columns.is_empty() || key.columns.len() > MAX_KEY {
        Err(Unsure::Metadata)
    } else if key.columns.iter().any(unknown) {
        Err(Unsure::ColumnType)
    } else {
        Ok(key)
    }
}

fn read_column(row: &impl MetadataRow, details: &[ColumnDetail]) -> Result<KeyColumn, Unsure> {
    let name = text(row, "part_key_name").ok_or(Unsure::Metadata)?;
    let detail = details.iter().find(|detail| detail.is(name));
    let mut column = KeyColumn {
        name: name.to_owned(),
        position: number(row, "part_key_idx").ok_or(Unsure::Metadata)?,
        column_type: read_type(row).ok_or(Unsure::Metadata)?,
        absent: Absent::Unknown,
        nullable: number(row, "part_key_rowkey_idx").is_none_or(|at: i64| at < 0)
            && detail.is_none_or(|detail| detail.nullable),
        labels: detail.and_then(|detail| detail.labels.clone()),
    };
    let generated = text(row, "part_key_extra").filter(|text| !text.is_empty());
    let default = detail.map(|detail| detail.default);
    let absent = match (generated, row.get("part_key_default_value")) {
        (Some(expression), _) => read_generated(expression, details).map(Absent::Generated),
        _ if default == Some(Declared::Count) => Some(Absent::Counted),
        (None, Some(bytes)) => declared(bytes, &column, default),
        (None, None) => detail.and_then(|detail| absent::undeclared(&column, detail.nullable)),
    };
    column.absent = absent.unwrap_or(Absent::Unknown);
    Ok(column)
}

/// What a column holds by its declared default.
fn declared(bytes: &[u8], column: &KeyColumn, default: Option<Declared>) -> Option<Absent> {
    let datum = read_single(bytes)?;
    match &datum {
        Datum::Text(expression) if default == Some(Declared::Expression) => {
            constant::by_expression(str::from_utf8(expression).ok()?, column)
        }
        _ => value(&datum, column.column_type).map(Absent::Default),
    }
}

/// A column generated from another one that is known.
fn read_generated(expression: &str, details: &[ColumnDetail]) -> Option<Generated> {
    Generated::parse(expression, |name| {
        let detail = details.iter().find(|detail| detail.is(name))?;
        let mut source = KeyColumn {
            name: detail.name.clone(),
            position: detail.position,
            column_type: detail.column_type,
            absent: Absent::Unknown,
            labels: None,
            nullable: true,
        };
        let absent = match detail.default {
            Declared::Count => Some(Absent::Counted),
            Declared::Nothing => absent::undeclared(&source, detail.nullable),
            Declared::Value | Declared::Expression => None,
        };
        source.absent = absent.unwrap_or(Absent::Unknown);
        Some(source)
    })
}

fn read_type(row: &impl MetadataRow) -> Option<ColumnType> {
    let kind: u8 = number(row, "part_key_type")?;
    Some(match kind {
        22 | 23 => {
            let collation = number(row, "part_key_collation_type").unwrap_or(0);
            // Without a length (-1) nothing is known to fit.
            let length = number(row, "part_key_length").unwrap_or(0);
            ColumnType::text(kind, collation, length)
        }
        17 | 18 | 20 | 42 | 53 => ColumnType::with_scale(kind, number(row, "part_key_scale")?),
        11..=14 => match number::<i64>(row, "part_key_scale") {
            None | Some(-1) => ColumnType::floating(kind),
            Some(_) => ColumnType::Unknown(kind),
        },
        15 | 16 | 39 | 50 => {
            let precision = number(row, "part_key_precision")?;
            ColumnType::decimal(kind, precision, number(row, "part_key_scale")?)
        }
        31 => ColumnType::bit(number(row, "part_key_precision")?),
        _ => ColumnType::from_number(kind),
    })
}

/// A decoded value in a column of this type; `None` for a value that the column cannot hold.
pub(super) fn value(datum: &Datum, column_type: ColumnType) -> Option<Value<'static>> {
    match datum {
        Datum::Null => Some(column_type.decimal_value(None).unwrap_or(Value::Null)),
        Datum::Decimal { unscaled, scale } => match column_type {
            ColumnType::Decimal { scale: wanted, .. } => {
                let missing = wanted.checked_sub(u32::from(*scale))?;
                let unscaled = unscaled.scaled_up(missing)?;
                column_type.decimal_value(Some(unscaled))
            }
            _ => None,
        },
        Datum::Int(number) => column_type.integer((*number).into()),
        Datum::Uint(number) => match column_type {
            ColumnType::Enum | ColumnType::Set => Some(Value::Uint(*number)),
            _ => column_type.integer((*number).into()),
        },
        Datum::Text(bytes) => match column_type {
            ColumnType::Text { collation, .. } => {
                Text::new(Cow::Owned(bytes.clone()), collation).map(Value::Text)
            }
            _ => None,
        },
        Datum::Double(value) if value.is_finite() => match column_type {
            ColumnType::Float | ColumnType::Double => Some(Value::Double(value + 0.0)),
            _ => None,
        },
        Datum::Temporal(number) => match column_type {
            ColumnType::Date(_)
            | ColumnType::Datetime { .. }
            | ColumnType::Timestamp { .. }
            | ColumnType::Time { .. }
            | ColumnType::Year => Some(Value::Int(*number)),
            _ => None,
        },
        Datum::Double(_) | Datum::Max | Datum::Min | Datum::Other => None,
    }
}
