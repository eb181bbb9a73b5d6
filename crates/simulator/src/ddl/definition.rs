//! A table as its DDL defines it: columns, keys and partitions.

use crate::ddl::column_type::ColumnType;
use serde::{Deserialize, Serialize};

/// What a column gets when an INSERT does not name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DefaultValue {
    /// A literal, unquoted.
    Literal(String),
    /// An expression of the dialect (`CURRENT_TIMESTAMP`).
    Expression(String),
    /// NULL, written out.
    Null,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnDef {
    pub(crate) name: String,
    pub(crate) column_type: ColumnType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) auto_increment: bool,
    /// `ON UPDATE CURRENT_TIMESTAMP`.
    pub(crate) on_update_now: bool,
    pub(crate) comment: String,
    /// The expression of a generated column and whether it is stored.
    pub(crate) generated: Option<(String, bool)>,
}

/// A key other than the primary one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyDef {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) unique: bool,
}

/// How rows are spread over partitions; the discriminants are OceanBase 4.x's `part_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Hash = 0,
    Key = 1,
    KeyImplicit = 2,
    Range = 3,
    RangeColumns = 4,
    List = 5,
    ListColumns = 6,
}

impl Method {
    /// The method with this `part_type`.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [
            Self::Hash,
            Self::Key,
            Self::KeyImplicit,
            Self::Range,
            Self::RangeColumns,
            Self::List,
            Self::ListColumns,
        ]
        .into_iter()
        .find(|method| *method as i64 == number)
    }

    /// Whether partitions are counted instead of bounded.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Self::Hash | Self::Key | Self::KeyImplicit)
    }
}

/// One component of an upper bound or of a list value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bound {
    /// `MAXVALUE`, or `DEFAULT` of a list.
    Max,
    /// NULL, of a list.
    Null,
    /// A whole number.
    Number(i128),
    /// A string, unquoted.
    Text(String),
}

/// A partition or subpartition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionDef {
    pub(crate) name: String,
    /// The tuples of the bound: one for a range, several for a list, none for hash and key.
    pub(crate) bounds: Vec<Vec<Bound>>,
    pub(crate) subpartitions: Vec<PartitionDef>,
}

/// One level of partitioning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) method: Method,
    /// The expression as it is written, empty for an implicit key.
    pub(crate) expression: String,
    /// The columns that it reads, in its order.
    pub(crate) columns: Vec<String>,
}

impl Level {
    /// Whether the key is made of columns as they are.
    pub(crate) fn is_plain(&self) -> bool {
        let is_column = |name: &str| {
            let mut columns = self.columns.iter();
            columns.any(|column| column.eq_ignore_ascii_case(name.trim()))
        };
        self.method == Method::KeyImplicit || self.expression.split(',').all(is_column)
    }
}

/// The partition clause of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partitioning {
    pub(crate) first: Level,
    pub(crate) second: Option<Level>,
    /// In the order in which the server reports them.
    pub(crate) partitions: Vec<PartitionDef>,
    /// The clause as it is written, for `SHOW CREATE TABLE`.
    pub(crate) text: String,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TableDef {
    pub(crate) columns: Vec<ColumnDef>,
    pub(crate) primary: Vec<String>,
    pub(crate) keys: Vec<KeyDef>,
    pub(crate) partitioning: Option<Partitioning>,
    pub(crate) auto_increment: Option<u64>,
    pub(crate) comment: String,
    /// The query of a view.
    pub(crate) view: Option<String>,
}

impl TableDef {
    /// The column with this name, whatever its case.
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The position of the column with this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The column with `AUTO_INCREMENT`.
    pub(crate) fn auto_column(&self) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.auto_increment)
    }
}
