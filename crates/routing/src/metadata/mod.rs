//! From the rows of the server's metadata views to a [`crate::Table`].
//!
//! Facts: `ob_route_utils.cpp` of `OBProxy` for the columns, a live engine for their values. The views
//! are `__all_virtual_proxy_schema`, `…_partition_info`, `…_partition` and `…_sub_partition`.

mod column;
mod cursor;
mod datum;
mod key;
mod location;
mod partitioning;

pub use location::{Schema, SchemaRow};
pub use partitioning::read_partitioning;

/// One row of a metadata query, whatever protocol it came by.
pub trait MetadataRow {
    /// The text of a column; `None` for NULL and for a column that the row has not.
    fn get(&self, column: &str) -> Option<&[u8]>;
}

fn text<'a>(row: &'a impl MetadataRow, column: &str) -> Option<&'a str> {
    std::str::from_utf8(row.get(column)?).ok()
}

fn number<N: std::str::FromStr>(row: &impl MetadataRow, column: &str) -> Option<N> {
    text(row, column)?.parse().ok()
}

#[cfg(test)]
mod tests;
