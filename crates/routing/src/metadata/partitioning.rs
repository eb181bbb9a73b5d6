//! Rows of the partition views: kinds, key columns, bounds and the leaves' tablets.

use super::column::{ColumnDetail, read_columns};
use super::datum::{Datum, read_list, read_range};
use super::key::{KeyForm, read_key, value};
use super::{MetadataRow, number, text};
use crate::Unsure;
use crate::partition::column::ColumnType;
use crate::partition::function::{Buckets, List};
use crate::partition::key::Key;
use crate::partition::value::{Bound, Value};
use crate::partition::{Level, Part, Partitioning, Rules, SecondLevel};
use odp_cluster::TabletId;
use std::collections::HashMap;

/// Reads the answers about one table: partition information ordered by key index, the first level's
/// partitions and the second level's, both in the server's order, and the table's rows of
/// `__all_virtual_column` (hidden columns left out, ordered by `column_id`), which hold what the partition
/// views lack: the labels of ENUM and SET keys and the columns that generated keys come from.
///
/// Rules that cannot be computed make every row unsure; `None` is for answers without any partition.
#[must_use]
pub fn read_partitioning<R: MetadataRow>(
    info: &[R],
    first: &[R],
    second: &[R],
    columns: &[R],
) -> Option<Partitioning> {
    let columns = read_columns(columns);
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
    let rules = read_rules(info, first, &leaves, &parts, &columns);
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
    columns: &[ColumnDetail],
) -> Result<Rules, Unsure> {
    let head = info.first().ok_or(Unsure::Metadata)?;
    let two_levels = number(head, "part_level") == Some(2_u8);
    let kind = Kind::from_number(number(head, "part_type"))?;
    let expression = text(head, "part_expr").unwrap_or_default();
    let key = read_key(info, "1", kind.key_form(), expression, columns)?;
    let rows: Vec<&R> = first.iter().collect();
    let buckets = read_buckets(kind, &key, &rows)?;
    let second = if two_levels {
        let kind = Kind::from_number(number(head, "sub_part_type"))?;
        let expression = text(head, "sub_part_expr").unwrap_or_default();
        let key = read_key(info, "2", kind.key_form(), expression, columns)?;
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
    RangeColumns,
    List,
    ListColumns,
}

impl Kind {
    fn from_number(number: Option<u8>) -> Result<Self, Unsure> {
        Ok(match number.ok_or(Unsure::Metadata)? {
            0 => Self::Hash,
            1 | 2 => Self::Key,
            3 => Self::Range,
            4 => Self::RangeColumns,
            5 => Self::List,
            6 => Self::ListColumns,
            _ => return Err(Unsure::Expression),
        })
    }

    fn key_form(self) -> KeyForm {
        match self {
            Self::Hash | Self::Range | Self::List => KeyForm::Expression,
            Self::Key | Self::RangeColumns | Self::ListColumns => KeyForm::Columns,
        }
    }
}

/// A value in a bound. An integer may lie outside the column's range (`VALUES LESS THAN (256)` on a
/// TINYINT).
fn bound_value(datum: &Datum, element: ColumnType) -> Result<Value<'static>, Unsure> {
    let is_integer = matches!(
        element,
        ColumnType::Signed { .. } | ColumnType::Unsigned { .. }
    );
    match datum {
        Datum::Int(number) if is_integer => Ok(Value::Int(*number)),
        Datum::Uint(number) if is_integer => Ok(Value::Uint(*number)),
        other => value(other, element).ok_or(Unsure::ColumnType),
    }
}

fn read_buckets<R: MetadataRow>(kind: Kind, key: &Key, rows: &[&R]) -> Result<Buckets, Unsure> {
    let bounds = || {
        rows.iter()
            .map(|row| row.get("high_bound_val_bin").ok_or(Unsure::Metadata))
    };
    Ok(match kind {
        Kind::Hash if !key.is_integer() => return Err(Unsure::ColumnType),
        Kind::Hash => Buckets::Hash(rows.len() as u64),
        Kind::Key => Buckets::Key(rows.len() as u64),
        Kind::Range | Kind::RangeColumns => {
            let key = key.element_types();
            let read = |bytes| read_range_bound(bytes, &key);
            let bounds: Vec<_> = bounds()
                .map(|bytes| bytes.and_then(read))
                .collect::<Result<_, _>>()?;
            if !bounds.is_sorted_by(|low, high| low < high) {
                return Err(Unsure::Metadata);
            }
            Buckets::Range(bounds)
        }
        Kind::List | Kind::ListColumns => {
            let key = key.element_types();
            let mut list = ListReader::default();
            for (partition, bytes) in bounds().enumerate() {
                list.read(partition, bytes?, &key)?;
            }
            Buckets::List(List::new(list.rows, list.default))
        }
    })
}

fn read_range_bound(bytes: &[u8], key: &[ColumnType]) -> Result<Vec<Bound>, Unsure> {
    let data = read_range(bytes).filter(|data| data.len() == key.len());
    let bound = |(datum, &element): (&Datum, &ColumnType)| match datum {
        Datum::Max => Ok(Bound::Max),
        Datum::Min => Ok(Bound::Min),
        datum => bound_value(datum, element).map(Bound::Value),
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
    fn read(&mut self, partition: usize, bytes: &[u8], key: &[ColumnType]) -> Result<(), Unsure> {
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
                .map(|(datum, &element)| bound_value(datum, element))
                .collect::<Result<_, _>>()?;
            self.rows.push((row, partition));
        }
        Ok(())
    }
}
