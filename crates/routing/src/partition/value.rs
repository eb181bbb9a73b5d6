//! The values that partition functions work on, in the form the server stores them.

use std::cmp::Ordering;

/// A value of a partition key column after conversion to the column's type.
///
/// A new column type is a new variant here, an arm in [`super::column::ColumnType`] and a file in
/// `convert/`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// SQL NULL: below everything.
    Null,
    /// A value of a signed integer column.
    Int(i64),
    /// A value of an unsigned integer column.
    Uint(u64),
}

impl Value {
    fn number(self) -> Option<i128> {
        match self {
            Self::Null => None,
            Self::Int(value) => Some(value.into()),
            Self::Uint(value) => Some(value.into()),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An end of a range partition in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    /// MINVALUE.
    Min,
    /// A value.
    Value(Value),
    /// MAXVALUE.
    Max,
}

/// The key of one row: at most as many values as a table may have key columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuple {
    values: [Value; Self::MAX],
    len: usize,
}

impl Tuple {
    /// The largest number of partition key columns (`OB_MAX_PARTITION_KEY_COLUMN_NUMBER`).
    pub(crate) const MAX: usize = 16;

    pub(crate) fn new() -> Self {
        Self {
            values: [Value::Null; Self::MAX],
            len: 0,
        }
    }

    /// Appends a value; one beyond [`Self::MAX`] is dropped, which metadata reading rules out.
    pub(crate) fn push(&mut self, value: Value) {
        if let Some(slot) = self.values.get_mut(self.len) {
            *slot = value;
            self.len += 1;
        }
    }

    pub(crate) fn values(&self) -> &[Value] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_both_signs_compare_by_value_and_null_is_lowest() {
        assert!(Value::Int(-1) < Value::Uint(0));
        assert!(Value::Uint(u64::MAX) > Value::Int(i64::MAX));
        assert!(Value::Null < Value::Int(i64::MIN));
        assert!(Bound::Min < Bound::Value(Value::Null));
        assert!(Bound::Value(Value::Uint(u64::MAX)) < Bound::Max);
    }
}
