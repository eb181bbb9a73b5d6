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
}

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
            _ => ColumnType::from_number(kind),
        };
        Some(ColumnDetail {
            name: text(row, "column_name")?.to_owned(),
            position,
            column_type,
            labels,
        })
    };
    rows.iter().enumerate().filter_map(detail).collect()
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
