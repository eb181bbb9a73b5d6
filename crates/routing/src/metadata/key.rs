//! Rows of `__all_virtual_proxy_partition_info`: the key of a level and its columns.

use super::column::ColumnDetail;
use super::datum::{Datum, read_single};
use super::{MetadataRow, number, text};
use crate::Unsure;
use crate::partition::column::{Absent, ColumnType, KeyColumn};
use crate::partition::expression::Expression;
use crate::partition::generated::{self, Generated};
use crate::partition::key::Key;
use crate::partition::text::Text;
use crate::partition::value::{MAX_KEY, Value};
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
    let column_type = read_type(row).ok_or(Unsure::Metadata)?;
    let generated = text(row, "part_key_extra").filter(|text| !text.is_empty());
    // Without a declared default the server may store NULL or count up (AUTO_INCREMENT).
    let default = row.get("part_key_default_value");
    let absent = match generated {
        Some(expression) => read_generated(expression, details),
        None => default
            .and_then(read_single)
            .and_then(|datum| value(&datum, column_type))
            .map(Absent::Default),
    };
    let name = text(row, "part_key_name").ok_or(Unsure::Metadata)?;
    let labels = details.iter().find(|detail| detail.is(name));
    Ok(KeyColumn {
        name: name.to_owned(),
        position: number(row, "part_key_idx").ok_or(Unsure::Metadata)?,
        column_type,
        absent: absent.unwrap_or(Absent::Unknown),
        nullable: number(row, "part_key_rowkey_idx").is_none_or(|at: i64| at < 0),
        labels: labels.and_then(|detail| detail.labels.clone()),
    })
}

/// A column generated from a string column that is known.
fn read_generated(expression: &str, details: &[ColumnDetail]) -> Option<Absent> {
    let (source, start, length) = generated::parse(expression)?;
    let source = details.iter().find(|detail| detail.is(source))?;
    let source = KeyColumn {
        name: source.name.clone(),
        position: source.position,
        column_type: source.column_type,
        absent: Absent::Unknown,
        labels: None,
        nullable: true,
    };
    matches!(source.column_type, ColumnType::Text { .. })
        .then(|| Absent::Generated(Generated::new(source, start, length)))
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
        Datum::Uint(number) => column_type.integer((*number).into()),
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
