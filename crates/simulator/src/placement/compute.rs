//! From conditions to tablets.

use crate::catalogue::{Part, Table};
use crate::ddl::column_type::{Base, ColumnType};
use crate::ddl::definition::{DefaultValue, Level, Method};
use crate::placement::hash::{hash_index, key_index, murmur};
use crate::placement::order::{is_below, list_index, order_is_known};
use crate::placement::touch::{Keys, Operand, Touch};
use rusqlite::types::Value;

/// The values of a prepared statement's parameters.
pub(crate) type Operands<'a> = &'a [Value];

/// A key column's value as its column stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyValue {
    Null,
    Number(i128),
    /// With whether the column's collation ignores case.
    Text(String, bool),
}

/// The tablets that a touch can reach, in the order of the partitions; `None` when only execution can
/// tell (a generated key).
pub(crate) fn tablets(table: &Table, touch: &Touch, parameters: Operands<'_>) -> Option<Vec<i64>> {
    if table.first.is_none() {
        return Some(vec![table.first_tablet]);
    }
    if let Some(name) = &touch.partition {
        return Some(named(table, name));
    }
    let mut found = Vec::new();
    match &touch.keys {
        Keys::Conditions(conditions) => {
            let lookup = |column: &str| {
                let known = conditions
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(column));
                known.map(|(_, operands)| operands.clone())
            };
            found = leaves(table, &lookup, parameters, Purpose::Search)?;
        }
        Keys::Rows { columns, rows } => {
            for row in rows {
                let lookup = |column: &str| inserted(table, columns.as_deref(), row, column);
                found.extend(leaves(table, &lookup, parameters, Purpose::Store)?);
            }
        }
    }
    let mut distinct = Vec::new();
    for tablet in found {
        if !distinct.contains(&tablet) {
            distinct.push(tablet);
        }
    }
    Some(distinct)
}

/// Searching without a key means everywhere; storing without one means that only the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Search,
    Store,
}

fn named(table: &Table, name: &str) -> Vec<i64> {
    let subs = table.parts.iter().flat_map(|part| &part.subs);
    if let Some(sub) = subs
        .into_iter()
        .find(|sub| sub.name.eq_ignore_ascii_case(name))
    {
        return vec![sub.tablet];
    }
    let part = table
        .parts
        .iter()
        .find(|part| part.name.eq_ignore_ascii_case(name));
    part.map(leaf_tablets).unwrap_or_default()
}

fn leaf_tablets(part: &Part) -> Vec<i64> {
    if part.subs.is_empty() {
        return vec![part.tablet];
    }
    part.subs.iter().map(|sub| sub.tablet).collect()
}

fn inserted(
    table: &Table,
    columns: Option<&[String]>,
    row: &[Operand],
    column: &str,
) -> Option<Vec<Operand>> {
    let position = match columns {
        Some(names) => names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column)),
        None => table.definition.position(column),
    };
    let operand = position
        .and_then(|index| row.get(index))
        .cloned()
        .unwrap_or(Operand::Default);
    if operand != Operand::Default {
        return Some(vec![operand]);
    }
    let definition = table.definition.column(column)?;
    if definition.auto_increment || definition.generated.is_some() {
        return None;
    }
    Some(vec![match &definition.default {
        Some(DefaultValue::Literal(text)) => Operand::Text(text.clone().into_bytes()),
        Some(DefaultValue::Expression(_)) => return None,
        Some(DefaultValue::Null) | None => Operand::Null,
    }])
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<Vec<Operand>>;

fn leaves(
    table: &Table,
    lookup: Lookup<'_>,
    parameters: Operands<'_>,
    purpose: Purpose,
) -> Option<Vec<i64>> {
    let first = table.first.as_ref()?;
    let parts = chosen(table, first, &table.parts, lookup, parameters, purpose)?;
    let mut tablets = Vec::new();
    for part in parts {
        match &table.second {
            Some(second) if !part.subs.is_empty() => {
                let subs = chosen(table, second, &part.subs, lookup, parameters, purpose)?;
                tablets.extend(subs.iter().map(|sub| sub.tablet));
            }
            _ => tablets.push(part.tablet),
        }
    }
    Some(tablets)
}

/// The partitions of one level that the keys leave over.
fn chosen<'p>(
    table: &Table,
    level: &Level,
    parts: &'p [Part],
    lookup: Lookup<'_>,
    parameters: Operands<'_>,
    purpose: Purpose,
) -> Option<Vec<&'p Part>> {
    let found = keys(table, level, lookup, parameters).and_then(|keys| {
        let found = keys.iter().map(|key| index(table, level, parts, key));
        found.collect::<Option<Vec<_>>>()
    });
    let Some(found) = found else {
        return if purpose == Purpose::Search {
            Some(parts.iter().collect())
        } else {
            None
        };
    };
    let mut indexes: Vec<usize> = found.into_iter().flatten().collect();
    indexes.sort_unstable();
    indexes.dedup();
    let chosen: Vec<&Part> = indexes
        .into_iter()
        .filter_map(|index| parts.get(index))
        .collect();
    // A key that no partition takes reads nothing; a real server plans it on the first one.
    if chosen.is_empty() {
        Some(parts.iter().take(1).collect())
    } else {
        Some(chosen)
    }
}

/// Every combination of the key columns' values; none when a column is not fixed.
fn keys(
    table: &Table,
    level: &Level,
    lookup: Lookup<'_>,
    parameters: Operands<'_>,
) -> Option<Vec<Vec<KeyValue>>> {
    if !level.is_plain() {
        return None;
    }
    let mut combinations = vec![Vec::new()];
    for column in &level.columns {
        let column_type = &table.definition.column(column)?.column_type;
        let values: Option<Vec<KeyValue>> = lookup(column)?
            .iter()
            .map(|operand| key_value(column_type, operand, parameters))
            .collect();
        let values = values?;
        combinations = combinations
            .iter()
            .flat_map(|front: &Vec<KeyValue>| {
                values.iter().map(|value| {
                    let mut key = front.clone();
                    key.push(value.clone());
                    key
                })
            })
            .collect();
    }
    Some(combinations)
}

fn key_value(
    column_type: &ColumnType,
    operand: &Operand,
    parameters: Operands<'_>,
) -> Option<KeyValue> {
    // Their numbers are hashed, and compared.
    if matches!(column_type.base, Base::Enum | Base::Set) {
        return None;
    }
    let text = match operand {
        Operand::Null => return Some(KeyValue::Null),
        Operand::Number(text) if column_type.is_text() => text.parse::<i128>().ok()?.to_string(),
        Operand::Number(text) => text.clone(),
        Operand::Text(bytes) => String::from_utf8(bytes.clone()).ok()?,
        Operand::Parameter(index) => match parameters.get(*index)? {
            Value::Null => return Some(KeyValue::Null),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Blob(bytes) => String::from_utf8(bytes.clone()).ok()?,
        },
        Operand::Unknown | Operand::Default => return None,
    };
    if column_type.is_text() {
        return Some(KeyValue::Text(text, column_type.ignores_case()));
    }
    if !column_type.is_integer() {
        return None;
    }
    let text = text.trim();
    if let Ok(number) = text.parse() {
        let is_year = column_type.base == Base::Year;
        let quoted = matches!(operand, Operand::Text(_));
        return Some(KeyValue::Number(if is_year {
            full_year(number, quoted)
        } else {
            number
        }));
    }
    let number: f64 = text.parse().ok()?;
    Some(KeyValue::Number(i128::from(crate::engine::rounded(number))))
}

/// Two digits are a year of 1970 to 2069; a bare 0 is the year 0000 (MySQL manual, "The YEAR Type").
fn full_year(number: i128, quoted: bool) -> i128 {
    match number {
        0 if !quoted => 0,
        0..=69 => number + 2000,
        70..=99 => number + 1900,
        _ => number,
    }
}

/// The partition of a key, or none when no one takes it; `None` when that cannot be worked out here.
fn index(table: &Table, level: &Level, parts: &[Part], key: &[KeyValue]) -> Option<Vec<usize>> {
    let count = parts.len() as u64;
    match level.method {
        Method::Hash => {
            let name = level.columns.first()?;
            let is_year = table.definition.column(name)?.column_type.base == Base::Year;
            let number = match key.first()? {
                KeyValue::Null | KeyValue::Number(0) => 0,
                KeyValue::Number(number) if is_year => number - 1900,
                KeyValue::Number(number) => *number,
                KeyValue::Text(..) => return None,
            };
            let [low, ..] = [number & i128::from(u64::MAX)];
            let value = u64::try_from(low).ok()?.cast_signed();
            Some(vec![usize::try_from(hash_index(value, count)).ok()?])
        }
        Method::Key | Method::KeyImplicit => {
            let mut hash = 0;
            for (value, name) in key.iter().zip(&level.columns) {
                let column_type = &table.definition.column(name)?.column_type;
                hash = hash_value(column_type, value, hash)?;
            }
            Some(vec![usize::try_from(key_index(hash, count)).ok()?])
        }
        _ if !order_is_known(table, level, parts, key) => None,
        Method::Range | Method::RangeColumns => {
            let below = |part: &Part| {
                part.bounds
                    .first()
                    .is_some_and(|bound| is_below(key, bound))
            };
            Some(parts.iter().position(below).into_iter().collect())
        }
        Method::List | Method::ListColumns => Some(list_index(parts, key).into_iter().collect()),
    }
}

fn hash_value(column_type: &ColumnType, value: &KeyValue, seed: u64) -> Option<u64> {
    match value {
        KeyValue::Null if column_type.base == Base::Decimal && !column_type.unsigned => {
            Some(murmur(&[], seed))
        }
        KeyValue::Null => Some(murmur(&[0; 4], seed)),
        KeyValue::Number(number) => {
            let number = if column_type.base == Base::Year && *number > 0 {
                number - 1900
            } else {
                *number
            };
            let low = u64::try_from(number & i128::from(u64::MAX)).ok()?;
            Some(murmur(&low.to_le_bytes(), seed))
        }
        // Only collations that hash the bytes themselves; the weights of the others are not known here.
        KeyValue::Text(text, _) if column_type.collation_number() == 46 => {
            Some(murmur(text.trim_end_matches(' ').as_bytes(), seed))
        }
        KeyValue::Text(text, _) if column_type.collation_number() == 45 => general_ci(text, seed),
        KeyValue::Text(..) => None,
    }
}

/// `utf8mb4_general_ci` for ASCII text: the upper-case letter as 16 bits, hashed in pieces of 128 bytes.
fn general_ci(text: &str, seed: u64) -> Option<u64> {
    let trimmed = text.trim_end_matches(' ');
    if !trimmed.is_ascii() {
        return None;
    }
    let weights: Vec<u8> = trimmed
        .bytes()
        .flat_map(|byte| [byte.to_ascii_uppercase(), 0])
        .collect();
    Some(
        weights
            .chunks(128)
            .fold(seed, |seed, piece| murmur(piece, seed)),
    )
}
