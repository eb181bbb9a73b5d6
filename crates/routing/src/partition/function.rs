//! The partition functions: from the key of a row to the number of its partition at one level.

use super::murmur::murmur64a;
use super::value::{Bound, Tuple, Value};

/// The partitions of one level (below one parent): how many, and what tells them apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Buckets {
    /// PARTITION BY HASH into this many.
    Hash(u64),
    /// PARTITION BY KEY into this many.
    Key(u64),
    /// PARTITION BY RANGE [COLUMNS]: the upper bounds, each exclusive, ascending.
    Range(Vec<Vec<Bound>>),
    /// PARTITION BY LIST [COLUMNS].
    List(List),
}

/// The values of list partitions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct List {
    /// Every listed tuple with the number of its partition, ascending.
    rows: Vec<(Vec<Value>, usize)>,
    /// The partition of all other values.
    default: Option<usize>,
}

impl List {
    pub(crate) fn new(mut rows: Vec<(Vec<Value>, usize)>, default: Option<usize>) -> Self {
        rows.sort();
        Self { rows, default }
    }

    fn find(&self, key: &[Value]) -> Option<usize> {
        let found = self
            .rows
            .binary_search_by(|(row, _)| row.as_slice().cmp(key));
        match found {
            Ok(at) => self.rows.get(at).map(|&(_, partition)| partition),
            Err(_) => self.default,
        }
    }
}

impl Buckets {
    /// The number of the partition that holds `key`, from 0; `None` when none does (error 1526).
    pub(crate) fn find(&self, key: &Tuple) -> Option<usize> {
        match self {
            Self::Hash(count) => modulo(hash(*key.values().first()?), *count),
            Self::Key(count) => {
                let hash = key
                    .values()
                    .iter()
                    .fold(0, |seed, &value| chain(value, seed));
                modulo(hash.cast_signed(), *count)
            }
            Self::Range(bounds) => {
                let below = |bound: &Vec<Bound>| !above(bound, key.values());
                let at = bounds.partition_point(below);
                (at < bounds.len()).then_some(at)
            }
            Self::List(list) => list.find(key.values()),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Hash(_) | Self::Key(_) => 0,
            Self::Range(bounds) => bounds
                .iter()
                .map(|bound| size_of_val(bound) + size_of_val(bound.as_slice()))
                .sum(),
            Self::List(list) => list
                .rows
                .iter()
                .map(|row| size_of_val(row) + size_of_val(row.0.as_slice()))
                .sum(),
        }
    }
}

/// MySQL-mode HASH works on the signed 64-bit value; NULL counts as 0.
fn hash(value: Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::Int(value) => value,
        Value::Uint(value) => value.cast_signed(),
    }
}

/// KEY chains the columns' hashes: each is the seed of the next.
fn chain(value: Value, seed: u64) -> u64 {
    match value {
        Value::Null => murmur64a(&[0; 4], seed),
        Value::Int(value) => murmur64a(&value.to_le_bytes(), seed),
        Value::Uint(value) => murmur64a(&value.to_le_bytes(), seed),
    }
}

fn modulo(hash: i64, count: u64) -> Option<usize> {
    let hash = hash.checked_abs().unwrap_or(i64::MAX).cast_unsigned();
    usize::try_from(hash.checked_rem(count)?).ok()
}

/// Whether the exclusive upper bound lies above the key.
fn above(bound: &[Bound], key: &[Value]) -> bool {
    bound
        .iter()
        .copied()
        .gt(key.iter().map(|&value| Bound::Value(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[Value]) -> Tuple {
        let mut key = Tuple::new();
        for &value in values {
            key.push(value);
        }
        key
    }

    #[test]
    fn hash_takes_the_absolute_value_and_bends_the_smallest_integer() {
        let find = |value| Buckets::Hash(7).find(&key(&[value]));
        assert_eq!(find(Value::Null), Some(0));
        assert_eq!(find(Value::Int(-128)), Some(2));
        let largest = usize::try_from(i64::MAX % 7).unwrap();
        assert_eq!(find(Value::Int(i64::MIN)), Some(largest));
        assert_eq!(find(Value::Uint(u64::MAX)), Some(1));
        assert_eq!(Buckets::Hash(0).find(&key(&[Value::Null])), None);
    }

    #[test]
    fn ranges_are_open_above_and_compare_column_by_column() {
        use Bound::{Max, Value as V};
        let int = Value::Int;
        let buckets = Buckets::Range(vec![
            vec![V(int(0)), V(int(10))],
            vec![V(int(10)), Max],
            vec![V(int(100)), V(int(-5))],
        ]);
        for (a, b, partition) in [
            (int(0), int(9), Some(0)),
            (int(0), int(10), Some(1)),
            (int(10), int(i64::MAX), Some(1)),
            (int(11), int(0), Some(2)),
            (int(100), int(-5), None),
            (Value::Null, int(0), Some(0)),
        ] {
            assert_eq!(buckets.find(&key(&[a, b])), partition, "{a:?} {b:?}");
        }
    }

    #[test]
    fn lists_find_equal_tuples_and_fall_to_the_default() {
        let rows = vec![(vec![Value::Int(5)], 1), (vec![Value::Null], 0)];
        let list = |default| Buckets::List(List::new(rows.clone(), default));
        assert_eq!(list(None).find(&key(&[Value::Null])), Some(0));
        assert_eq!(list(None).find(&key(&[Value::Int(5)])), Some(1));
        assert_eq!(list(None).find(&key(&[Value::Int(6)])), None);
        assert_eq!(list(Some(2)).find(&key(&[Value::Int(6)])), Some(2));
    }
}
