//! Rows of `__all_virtual_column`: what the partition views do not tell of a table's columns.

use super::cursor::Cursor;
use super::{MetadataRow, number, text};
use crate::partition::column::ColumnType;
use crate::partition::convert::Labels;
use crate::partition::text::{Collation, Encoding, Text};
use std::borrow::Cow;

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct ColumnDetail {
    pub(super) name: String,
    /// Its place among the visible columns, from 0.
    pub(super) position: usize,
    pub(super) column_type: ColumnType,
    /// The labels of an ENUM or SET.
    pub(super) labels: Option<Labels>,
    pub(super) nullable: bool,
    pub(super) default: Declared,
}

/// The default that a column is declared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    Nothing,
    Value,
    /// The partition views hold its text.
    Expression,
    /// `AUTO_INCREMENT`
    Count,
}

/// A bit of `column_flags`: the default is an expression (`DEFAULT_EXPR_COLUMN_FLAG`).
const COMPUTES_DEFAULT: u64 = 1 << 3;

impl ColumnDetail {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Reads a table's columns in their order; those that are not understood are left out.
pub(super) fn read_columns<R: MetadataRow>(rows: &[R]) -> Vec<ColumnDetail> {
    let detail = |(position, row): (usize, &R)| {
        let kind = number(row, "data_type")?;
        let collation = number(row, "collation_type").unwrap_or(0);
        let labels = row
            .get("extended_type_info")
            .and_then(|bytes| read_labels(bytes, Collation::from_id(collation)?));
        let column_type = match kind {
            22 | 23 => ColumnType::text(kind, collation, number(row, "data_length")?),
            17 | 18 | 20 | 42 | 53 => {
                ColumnType::with_scale(kind, number(row, "data_scale").unwrap_or(u32::MAX))
            }
            _ => ColumnType::from_number(kind),
        };
        Some(ColumnDetail {
            name: text(row, "column_name")?.to_owned(),
            position,
            column_type,
            labels,
            nullable: number(row, "nullable") != Some(0),
            default: read_default(row),
        })
    };
    rows.iter().enumerate().filter_map(detail).collect()
}

fn read_default(row: &impl MetadataRow) -> Declared {
    let flags: u64 = number(row, "column_flags").unwrap_or(0);
    if number(row, "autoincrement") == Some(1) {
        Declared::Count
    } else if flags & COMPUTES_DEFAULT != 0 {
        Declared::Expression
    } else if number(row, "has_default") == Some(0) {
        Declared::Nothing
    } else {
        Declared::Value
    }
}

/// Reads the labels of an ENUM or SET: a count, and each with its length and a zero byte. They are in
/// the column's character set.
fn read_labels(bytes: &[u8], collation: Collation) -> Option<Labels> {
    let mut cursor = Cursor::new(bytes);
    let mut texts = Vec::new();
    for _ in 0..cursor.varint()? {
        let length = cursor.length()?;
        let label = cursor.bytes(length)?;
        (cursor.byte()? == 0).then_some(())?;
        texts.push(Text::new(Cow::Owned(label.to_vec()), collation)?);
    }
    // A label is never empty of meaning: without any there is nothing to find.
    (cursor.is_empty() && !texts.is_empty() && collation.encoding() != Encoding::Binary)
        .then_some(Labels { collation, texts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_live_engine_are_decoded() {
        let bytes = b"\x04\x01a\0\x01B\0\x03c,d\0\x03e'f\0";
        let labels = read_labels(bytes, Collation::GbkChineseCi).unwrap();
        assert_eq!(labels.texts.len(), 4);
        assert!(read_labels(&bytes[..5], Collation::GbkChineseCi).is_none());
        assert!(read_labels(b"\0", Collation::GbkChineseCi).is_none());
    }
}
