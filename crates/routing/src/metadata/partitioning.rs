//! Rows of the partition views: kinds, key columns, bounds and the leaves' tablets.

use super::datum::{Datum, read_list, read_range, read_single};
use super::{MetadataRow, number, text};
use crate::Unsure;
use crate::partition::column::{Absent, ColumnType, KeyColumn};
use crate::partition::function::{Buckets, List};
use crate::partition::text::Text;
use crate::partition::value::{Bound, MAX_KEY, Value};
use crate::partition::{Level, Part, Partitioning, Rules, SecondLevel};
use odp_cluster::TabletId;
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads the answers about one table: partition information ordered by key index, the first level's
/// partitions and the second level's, both in the server's order. Rules that cannot be computed make
/// every row unsure; `None` is for answers without any partition.
#[must_use]
pub fn read_partitioning<R: MetadataRow>(
    info: &[R],
    first: &[R],
    second: &[R],
) -> Option<Partitioning> {
    let head = info.first()?;
    let two_levels = number(head, "part_level") == Some(2_u8);
    let mut parts = Vec::with_capacity(first.len());
    let mut leaves: Vec<&R> = Vec::new();
    let mut children: HashMap<&[u8], Vec<&R>> = HashMap::new();
    for row in second {
        children.entry(row.get("part_id")?).or_default().push(row);
    }
    for row in first {
        let start = leaves.len();
        if two_levels {
            leaves.extend(children.remove(row.get("part_id")?).unwrap_or_default());
        } else {
            leaves.push(row);
        }
        parts.push(Part {
            name: part_name(row),
            leaves: start..leaves.len(),
        });
    }
    let tablet = |row: &&R| number(*row, "tablet_id").map(TabletId);
    let tablets: Vec<TabletId> = leaves.iter().map(tablet).collect::<Option<_>>()?;
    let rules = read_rules(info, first, &leaves, &parts, two_levels);
    (!tablets.is_empty()).then(|| Partitioning {
        rules,
        leaf_names: leaves.iter().map(|row| part_name(*row)).collect(),
        parts,
        tablets,
    })
}

fn part_name(row: &impl MetadataRow) -> String {
    text(row, "part_name").unwrap_or_default().to_owned()
}

fn read_rules<R: MetadataRow>(
    info: &[R],
    first: &[R],
    leaves: &[&R],
    parts: &[Part],
    two_levels: bool,
) -> Result<Rules, Unsure> {
    let head = info.first().ok_or(Unsure::Metadata)?;
    let kind = Kind::from_number(number(head, "part_type"))?;
    let key = read_key(info, "1", kind, text(head, "part_expr").unwrap_or_default())?;
    let rows: Vec<&R> = first.iter().collect();
    let buckets = read_buckets(kind, &key, &rows)?;
    let second = if two_levels {
        let kind = Kind::from_number(number(head, "sub_part_type"))?;
        let expression = text(head, "sub_part_expr").unwrap_or_default();
        let key = read_key(info, "2", kind, expression)?;
        let children = |part: &Part| {
            let rows = leaves.get(part.leaves.clone()).unwrap_or_default();
            read_buckets(kind, &key, rows)
        };
        let buckets = parts.iter().map(children).collect::<Result<_, _>>()?;
        Some(SecondLevel { key, buckets })
    } else {
        None
    };
    let first = Level { key, buckets };
    Ok(Rules { first, second })
}

/// The kinds of partitioning (`part_type` of 4.x, `ob_part_mgr_util.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hash,
    Key,
    Range,
    List,
}

impl Kind {
    fn from_number(number: Option<u8>) -> Result<Self, Unsure> {
        Ok(match number.ok_or(Unsure::Metadata)? {
            0 => Self::Hash,
            1 | 2 => Self::Key,
            3 | 4 => Self::Range,
            5 | 6 => Self::List,
            _ => return Err(Unsure::Expression),
        })
    }
}

/// The key columns of one level, in the order of the expression; `KEY()` takes the columns in the
/// table's order.
fn read_key<R: MetadataRow>(
    info: &[R],
    level: &str,
    kind: Kind,
    expression: &str,
) -> Result<Vec<KeyColumn>, Unsure> {
    let columns = || {
        let of_level = |row: &&R| row.get("part_key_level") == Some(level.as_bytes());
        info.iter().filter(of_level)
    };
    let key: Vec<KeyColumn> = if expression.is_empty() && kind == Kind::Key {
        columns().map(read_column).collect::<Result<_, _>>()?
    } else {
        let find = |name: &str| {
            let name = name.trim().trim_matches('`');
            let is = |row: &&R| {
                text(*row, "part_key_name").is_some_and(|have| have.eq_ignore_ascii_case(name))
            };
            read_column(columns().find(is).ok_or(Unsure::Expression)?)
        };
        expression.split(',').map(find).collect::<Result<_, _>>()?
    };
    let unknown = |column: &KeyColumn| matches!(column.column_type, ColumnType::Unknown(_));
    if key.is_empty() || key.len() > MAX_KEY {
        Err(Unsure::Metadata)
    } else if key.iter().any(unknown) {
        Err(Unsure::ColumnType)
    } else {
        Ok(key)
    }
}

fn read_column(row: &impl MetadataRow) -> Result<KeyColumn, Unsure> {
    let column_type = read_type(row).ok_or(Unsure::Metadata)?;
    let generated = row
        .get("part_key_extra")
        .is_some_and(|text| !text.is_empty());
    // Without a declared default the server may store NULL or count up (AUTO_INCREMENT).
    let default = row.get("part_key_default_value").filter(|_| !generated);
    let default = default
        .and_then(read_single)
        .and_then(|datum| value(&datum, column_type));
    Ok(KeyColumn {
        name: text(row, "part_key_name")
            .ok_or(Unsure::Metadata)?
            .to_owned(),
        position: number(row, "part_key_idx").ok_or(Unsure::Metadata)?,
        column_type,
        absent: default.map_or(Absent::Unknown, Absent::Default),
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
        17 | 20 | 42 | 53 => ColumnType::with_scale(kind, number(row, "part_key_scale")?),
        31 => ColumnType::bit(number(row, "part_key_precision")?),
        _ => ColumnType::from_number(kind),
    })
}

/// A decoded value in a column of this type; `None` for a value that the column cannot hold.
fn value(datum: &Datum, column_type: ColumnType) -> Option<Value<'static>> {
    match datum {
        Datum::Null => Some(Value::Null),
        Datum::Int(number) => column_type.integer((*number).into()),
        Datum::Uint(number) => column_type.integer((*number).into()),
        Datum::Text(bytes) => match column_type {
            ColumnType::Text { collation, .. } => {
                Text::new(Cow::Owned(bytes.clone()), collation).map(Value::Text)
            }
            _ => None,
        },
        Datum::Temporal(number) => match column_type {
            ColumnType::Date(_)
            | ColumnType::Datetime { .. }
            | ColumnType::Time { .. }
            | ColumnType::Year => Some(Value::Int(*number)),
            _ => None,
        },
        Datum::Max | Datum::Min | Datum::Other => None,
    }
}

/// A value in a bound. An integer may lie outside the column's range (`VALUES LESS THAN (256)` on a
/// TINYINT).
fn bound_value(datum: &Datum, column: &KeyColumn) -> Result<Value<'static>, Unsure> {
    let is_integer = matches!(
        column.column_type,
        ColumnType::Signed { .. } | ColumnType::Unsigned { .. }
    );
    match datum {
        Datum::Int(number) if is_integer => Ok(Value::Int(*number)),
        Datum::Uint(number) if is_integer => Ok(Value::Uint(*number)),
        other => value(other, column.column_type).ok_or(Unsure::ColumnType),
    }
}

fn read_buckets<R: MetadataRow>(
    kind: Kind,
    key: &[KeyColumn],
    rows: &[&R],
) -> Result<Buckets, Unsure> {
    let bounds = || {
        rows.iter()
            .map(|row| row.get("high_bound_val_bin").ok_or(Unsure::Metadata))
    };
    Ok(match kind {
        Kind::Hash if key.len() != 1 => return Err(Unsure::Expression),
        Kind::Hash => Buckets::Hash(rows.len() as u64),
        Kind::Key => Buckets::Key(rows.len() as u64),
        Kind::Range => {
            let read = |bytes| read_range_bound(bytes, key);
            let bounds: Vec<_> = bounds()
                .map(|bytes| bytes.and_then(read))
                .collect::<Result<_, _>>()?;
            if !bounds.is_sorted_by(|low, high| low < high) {
                return Err(Unsure::Metadata);
            }
            Buckets::Range(bounds)
        }
        Kind::List => {
            let mut list = ListReader::default();
            for (partition, bytes) in bounds().enumerate() {
                list.read(partition, bytes?, key)?;
            }
            Buckets::List(List::new(list.rows, list.default))
        }
    })
}

fn read_range_bound(bytes: &[u8], key: &[KeyColumn]) -> Result<Vec<Bound>, Unsure> {
    let data = read_range(bytes).filter(|data| data.len() == key.len());
    let bound = |(datum, column): (&Datum, &KeyColumn)| match datum {
        Datum::Max => Ok(Bound::Max),
        Datum::Min => Ok(Bound::Min),
        datum => bound_value(datum, column).map(Bound::Value),
    };
    let data = data.ok_or(Unsure::Metadata)?;
    data.iter().zip(key).map(bound).collect()
}

/// Collects the rows of a table's list partitions.
#[derive(Debug, Default)]
struct ListReader {
    rows: Vec<(Vec<Value<'static>>, usize)>,
    default: Option<usize>,
}

impl ListReader {
    fn read(&mut self, partition: usize, bytes: &[u8], key: &[KeyColumn]) -> Result<(), Unsure> {
        let rows = read_list(bytes).ok_or(Unsure::Metadata)?;
        if let [row] = rows.as_slice()
            && matches!(row.as_slice(), [Datum::Max])
        {
            self.default = Some(partition);
            return Ok(());
        }
        for row in rows {
            if row.len() != key.len() {
                return Err(Unsure::Metadata);
            }
            let elements = row.iter().zip(key);
            let row = elements
                .map(|(datum, column)| bound_value(datum, column))
                .collect::<Result<_, _>>()?;
            self.rows.push((row, partition));
        }
        Ok(())
    }
}
