//! The values that partition functions work on, in the form the server stores them.

use super::text::Text;
use super::wide::Wide;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A value of a partition key column after conversion to the column's type.
///
/// A new column type is a new variant here, an arm in [`super::column::ColumnType`] and a file in
/// `convert/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Value<'a> {
    /// SQL NULL: below everything.
    Null,
    /// A value of a signed integer column.
    Int(i64),
    /// A value of an unsigned integer column.
    Uint(u64),
    /// A value of a decimal column, times ten to the power of the column's scale; `None` is NULL,
    /// which hashes in its own way.
    Decimal {
        /// The number.
        unscaled: Option<Wide>,
        /// How many 32-bit words the column stores it in.
        words: usize,
    },
    /// A value of a number column.
    Number {
        /// The number times ten to the power of the column's scale.
        unscaled: Wide,
        /// The column's scale.
        scale: u32,
    },
    /// A value of a FLOAT or DOUBLE column; never NaN, never a negative zero.
    Double(f64),
    /// A value of a string column.
    Text(Text<'a>),
}

impl Value<'_> {
    /// The same value, which borrows nothing.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(value),
            Self::Uint(value) => Value::Uint(value),
            Self::Decimal { unscaled, words } => Value::Decimal { unscaled, words },
            Self::Number { unscaled, scale } => Value::Number { unscaled, scale },
            Self::Double(value) => Value::Double(value),
            Self::Text(text) => Value::Text(text.into_owned()),
        }
    }

    /// Whether it is NULL or an integer 0, for which `AUTO_INCREMENT` takes the next number.
    pub(crate) fn asks_for_next(&self) -> bool {
        self.is_null() || self.integer() == Some(0)
    }

    /// Roughly how many bytes it takes in the location cache.
    pub(crate) fn weight(&self) -> usize {
        let heap = match self {
            Self::Text(text) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + heap
    }

    fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some((*value).into()),
            Self::Uint(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// Whether it is SQL NULL.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Decimal { unscaled: None, .. })
    }

    fn decimal(&self) -> Option<Wide> {
        match self {
            Self::Decimal { unscaled, .. } => *unscaled,
            Self::Number { unscaled, .. } => Some(*unscaled),
            _ => None,
        }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value<'_> {}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Double(left), Self::Double(right)) => left.total_cmp(right),
            // A column's values are of one kind, so that this is about NULL.
            (Self::Text(_) | Self::Double(_), _) => Ordering::Greater,
            (_, Self::Text(_) | Self::Double(_)) => Ordering::Less,
            (Self::Int(_) | Self::Uint(_), _) | (_, Self::Int(_) | Self::Uint(_)) => {
                self.integer().cmp(&other.integer())
            }
            _ => self.decimal().cmp(&other.decimal()),
        }
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An end of a range partition in one column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Bound {
    /// MINVALUE.
    Min,
    /// A value.
    Value(Value<'static>),
    /// MAXVALUE.
    Max,
}

impl Bound {
    /// Roughly how many bytes it takes in the location cache.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Value(value) => value.weight(),
            Self::Min | Self::Max => size_of::<Self>(),
        }
    }
}

/// The largest number of partition key columns (`OB_MAX_PARTITION_KEY_COLUMN_NUMBER`).
pub(crate) const MAX_KEY: usize = 16;

/// The key of one row: at most as many values as a table may have key columns.
#[derive(Debug, Clone)]
pub(crate) struct Tuple<'a> {
    values: [Value<'a>; MAX_KEY],
    len: usize,
}

impl<'a> Tuple<'a> {
    pub(crate) fn new() -> Self {
        Self {
            values: [const { Value::Null }; MAX_KEY],
            len: 0,
        }
    }

    /// Appends a value; one beyond [`MAX_KEY`] is dropped, which metadata reading rules out.
    pub(crate) fn push(&mut self, value: Value<'a>) {
        if let Some(slot) = self.values.get_mut(self.len) {
            *slot = value;
            self.len += 1;
        }
    }

    pub(crate) fn values(&self) -> &[Value<'a>] {
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
