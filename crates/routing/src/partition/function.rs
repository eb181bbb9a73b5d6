//! The partition functions: from the key of a row to the number of its partition at one level.

use super::murmur::murmur64a;
use super::value::{Bound, Tuple, Value};
use super::wide::Wide;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The partitions of one level (below one parent): how many, and what tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct List {
    /// Every listed tuple with the number of its partition, ascending.
    rows: Vec<(Vec<Value<'static>>, usize)>,
    /// The partition of all other values.
    default: Option<usize>,
    /// How many partitions there are.
    count: usize,
}

impl List {
    pub(crate) fn new(mut rows: Vec<(Vec<Value<'static>>, usize)>, default: Option<usize>) -> Self {
        rows.sort();
        let parts = rows.iter().map(|&(_, partition)| partition).chain(default);
        let count = parts.max().map_or(0, |last| last + 1);
        Self {
            rows,
            default,
            count,
        }
    }

    /// Every listed tuple with the number of its partition.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &(Vec<Value<'static>>, usize)> {
        self.rows.iter()
    }

    /// The partition of what is not listed.
    pub(crate) fn default(&self) -> Option<usize> {
        self.default
    }

    fn find(&self, key: &[Value<'_>]) -> Option<usize> {
        let found = self
            .rows
            .binary_search_by(|(row, _)| row.iter().cmp(key.iter()));
        match found {
            Ok(at) => self.rows.get(at).map(|&(_, partition)| partition),
            Err(_) => self.default,
        }
    }
}

impl Buckets {
    /// The number of the partition that holds `key`, from 0; `None` when none does (error 1526).
    pub(crate) fn find(&self, key: &Tuple<'_>) -> Option<usize> {
        self.find_values(key.values())
    }

    /// As [`Self::find`], of a key that is no tuple of its own.
    pub(crate) fn find_values(&self, key: &[Value<'_>]) -> Option<usize> {
        match self {
            Self::Hash(count) => modulo(hash(key.first()?)?, *count),
            Self::Key(count) => {
                let hash = key.iter().fold(0, |seed, value| chain(value, seed));
                modulo(hash.cast_signed(), *count)
            }
            Self::Range(bounds) => {
                let below = |bound: &Vec<Bound>| !above(bound, key);
                let at = bounds.partition_point(below);
                (at < bounds.len()).then_some(at)
            }
            Self::List(list) => list.find(key),
        }
    }

    /// How many partitions there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Hash(count) | Self::Key(count) => usize::try_from(*count).unwrap_or_default(),
            Self::Range(bounds) => bounds.len(),
            Self::List(list) => list.count,
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Hash(_) | Self::Key(_) => 0,
            Self::Range(bounds) => bounds
                .iter()
                .map(|bound| size_of_val(bound) + bound.iter().map(Bound::weight).sum::<usize>())
                .sum(),
            Self::List(list) => list
                .rows
                .iter()
                .map(|row| size_of_val(row) + row.0.iter().map(Value::weight).sum::<usize>())
                .sum(),
        }
    }
}

/// MySQL-mode HASH works on the signed 64-bit value; NULL counts as 0.
fn hash(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Null => Some(0),
        Value::Int(value) => Some(*value),
        Value::Uint(value) => Some(value.cast_signed()),
        _ => None,
    }
}

/// KEY chains the columns' hashes: each is the seed of the next.
fn chain(value: &Value<'_>, seed: u64) -> u64 {
    match value {
        Value::Null => murmur64a(&[0; 4], seed),
        Value::Int(value) => murmur64a(&value.to_le_bytes(), seed),
        Value::Uint(value) => murmur64a(&value.to_le_bytes(), seed),
        Value::Double(value) => murmur64a(&value.to_le_bytes(), seed),
        Value::Decimal { unscaled, words } => match unscaled {
            None => murmur64a(&[], seed),
            Some(unscaled) => hash_decimal(*unscaled, *words, seed),
        },
        Value::Number { unscaled, scale } => hash_number(*unscaled, *scale, seed),
        Value::Text(text) => text.hash(seed),
    }
}

/// A decimal is hashed as the little-endian words that it is stored in, without those at the top
/// that only repeat the sign.
fn hash_decimal(unscaled: Wide, words: usize, seed: u64) -> u64 {
    let bytes = unscaled.to_le_bytes();
    let (all, _) = bytes.as_chunks::<4>();
    let mut stored = all.get(..words).unwrap_or(all);
    while let [.., below, top] = stored {
        let sign = if below[3] & 0x80 == 0 { 0 } else { 0xff };
        if *top != [sign; 4] {
            break;
        }
        stored = stored.get(..stored.len() - 1).unwrap_or_default();
    }
    murmur64a(stored.as_flattened(), seed)
}

/// A number is hashed as a byte of sign and exponent, and then its digits to the base of 10^9, of which
/// neither the first nor the last is zero (`ob_number_v2.h`).
fn hash_number(unscaled: Wide, scale: u32, seed: u64) -> u64 {
    /// 76 digits and as many as fill the last group.
    const GROUPS: usize = 10;
    let missing = scale.next_multiple_of(9) - scale;
    let mut rest = unscaled.magnitude().scaled_up(missing).unwrap_or_default();
    let mut groups = [0; GROUPS];
    let mut used = 0;
    for (at, group) in groups.iter_mut().rev().enumerate() {
        (rest, *group) = rest.divided(1_000_000_000);
        if *group != 0 {
            used = at + 1;
        }
    }
    let digits = groups.get(GROUPS - used..).unwrap_or_default();
    let last = digits.iter().rposition(|&digit| digit != 0);
    let digits = digits
        .get(..last.map_or(0, |last| last + 1))
        .unwrap_or_default();
    // The exponent of the first group, to the base of 10^9.
    let exponent = used.wrapping_sub((scale / 9 + u32::from(missing > 0)) as usize + 1);
    let exponent = u8::try_from(exponent.wrapping_add(64) & 0x7f).unwrap_or_default();
    let head = match (digits, unscaled.is_negative()) {
        ([], _) => 0x80,
        (_, false) => 0x80 | exponent,
        (_, true) => (!exponent & 0x7f).wrapping_add(1),
    };
    let mut bytes = [[0; 4]; GROUPS];
    for (bytes, digit) in bytes.iter_mut().zip(digits) {
        *bytes = digit.to_le_bytes();
    }
    let bytes = bytes.get(..digits.len()).unwrap_or_default();
    murmur64a(bytes.as_flattened(), murmur64a(&[head], seed))
}

fn modulo(hash: i64, count: u64) -> Option<usize> {
    let hash = hash.checked_abs().unwrap_or(i64::MAX).cast_unsigned();
    usize::try_from(hash.checked_rem(count)?).ok()
}

/// Whether the exclusive upper bound lies above the key.
fn above(bound: &[Bound], key: &[Value<'_>]) -> bool {
    for (bound, value) in bound.iter().zip(key) {
        let order = match bound {
            Bound::Min => Ordering::Less,
            Bound::Value(bound) => bound.cmp(value),
            Bound::Max => Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order == Ordering::Greater;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(values: &[Value<'a>]) -> Tuple<'a> {
        let mut key = Tuple::new();
        for value in values {
            key.push(value.clone());
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
            let found = buckets.find(&key(&[a.clone(), b.clone()]));
            assert_eq!(found, partition, "{a:?} {b:?}");
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
