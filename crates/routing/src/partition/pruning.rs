//! From a set of keys to the leaves that hold them: what the server's `ObTableLocation` computes.

use super::column::ColumnType;
use super::function::{Buckets, List};
use super::interval::{End, Interval, Region};
use super::key::Key;
use super::value::{Bound, Tuple, Value};
use super::{Partitioning, Rules};
use std::cmp::Ordering;

/// The server takes a range of fewer integers apart.
const MAX_SPLIT: i128 = 32;

/// Some of the partitions of one level, by number.
type Parts = Vec<usize>;

impl Partitioning {
    /// The leaves that hold keys of both levels' regions, ascending. Their areas have the first level's key
    /// columns in front of the second's; of each only its own level's count. `fits` tells whether the condition may hold for a row of a list partition;
    /// it is asked for the columns of one level, from the given one on.
    pub(crate) fn leaves_of(
        &self,
        rules: &Rules,
        regions: [&Region<'_>; 2],
        fits: &dyn Fn(usize, &[Value<'_>]) -> bool,
    ) -> Vec<usize> {
        let first = rules.first.key.columns.len();
        let second = rules.second.as_ref();
        let everything = [vec![
            Interval::default();
            first
                + second.map_or(0, |level| level.key.columns.len())
        ]];
        let areas = regions.map(|region| match region {
            Region::Everything => &everything[..],
            Region::Areas(areas) => areas,
        });
        let [areas_of_first, areas_of_second] = areas;
        // As in the server, each level is looked at on its own.
        let union = |key: &Key, buckets: &Buckets, areas: &[Vec<Interval<'_>>], from: usize| {
            let mut marked = vec![false; buckets.len()];
            let fits = |row: &[Value<'_>]| fits(from, row);
            for area in areas {
                let area = area.get(from..from + key.columns.len()).unwrap_or_default();
                for part in parts(key, buckets, area, &fits) {
                    if let Some(slot) = marked.get_mut(part) {
                        *slot = true;
                    }
                }
            }
            let numbered = marked.into_iter().enumerate();
            numbered.filter_map(|(part, marked)| marked.then_some(part))
        };
        let mut leaves = Vec::new();
        for part in union(&rules.first.key, &rules.first.buckets, areas_of_first, 0) {
            let Some(within) = self.parts.get(part).map(|part| part.leaves.clone()) else {
                continue;
            };
            match second.and_then(|level| Some((&level.key, level.buckets.get(part)?))) {
                None => leaves.extend(within),
                Some((key, buckets)) => {
                    let inner = union(key, buckets, areas_of_second, first);
                    leaves.extend(inner.map(|offset| within.start + offset));
                }
            }
        }
        leaves.retain(|&leaf| leaf < self.tablets.len());
        leaves
    }
}

impl Rules {
    /// Whether the server looks at each row value of an IN list in both levels at once: where each
    /// level's key is a column as it is.
    pub(crate) fn pairs_levels(&self) -> bool {
        let plain = |key: &Key, buckets: Option<&Buckets>| {
            let is_column = key.expression.is_none() && key.columns.len() == 1;
            is_column && !matches!(buckets, Some(Buckets::Key(_)))
        };
        let name = |key: &Key| key.columns.first().map(|column| column.name.clone());
        self.second.as_ref().is_some_and(|second| {
            name(&self.first.key) != name(&second.key)
                && plain(&self.first.key, Some(&self.first.buckets))
                && plain(&second.key, second.buckets.first())
        })
    }
}

/// The partitions of a level that hold keys of an area.
fn parts(
    key: &Key,
    buckets: &Buckets,
    area: &[Interval<'_>],
    fits: &dyn Fn(&[Value<'_>]) -> bool,
) -> Parts {
    let all = || (0..buckets.len()).collect();
    let points: Option<Vec<&Value<'_>>> = area.iter().map(Interval::only).collect();
    if let Some(points) = points.filter(|points| !points.is_empty()) {
        return match key.of_values(points.into_iter()) {
            Some(tuple) => buckets.find(&tuple).into_iter().collect(),
            None => all(),
        };
    }
    let in_range = match buckets {
        Buckets::Range(bounds) if key.expression.is_none() => {
            return range_parts(bounds, &low_end(area), &high_end(area));
        }
        _ => computed(key, buckets, area),
    };
    match buckets {
        Buckets::List(list) if key.expression.is_none() => {
            let listed = list.parts(fits);
            match in_range {
                None => listed,
                Some(parts) => parts
                    .into_iter()
                    .filter(|part| listed.contains(part))
                    .collect(),
            }
        }
        _ => in_range.unwrap_or_else(all),
    }
}

/// The partitions of an interval of a single column, where they can be computed.
fn computed(key: &Key, buckets: &Buckets, area: &[Interval<'_>]) -> Option<Parts> {
    let [interval] = area else { return None };
    if key.is_monotonic() {
        return followed(key, buckets, interval);
    }
    let [column] = key.columns.as_slice() else {
        return None;
    };
    let is_integer = matches!(
        column.column_type,
        ColumnType::Signed { .. } | ColumnType::Unsigned { .. }
    );
    let numbers = integers(interval).filter(|_| is_integer)?;
    let mut parts = Parts::new();
    for number in numbers {
        let value = Value::Int(i64::try_from(number).ok()?);
        parts.extend(buckets.find(&key.of_values(std::iter::once(&value))?));
    }
    parts.sort_unstable();
    parts.dedup();
    Some(parts)
}

/// The partitions between the keys of an interval's ends, which belong to it then.
fn followed(key: &Key, buckets: &Buckets, interval: &Interval<'_>) -> Option<Parts> {
    let low = edge(key, interval.low.as_ref(), Edge::Below)?;
    let high = edge(key, interval.high.as_ref(), Edge::Above)?;
    if let Buckets::Range(bounds) = buckets {
        return Some(range_parts(bounds, &(vec![low], true), &(vec![high], true)));
    }
    match (low, high) {
        (Edge::At(low), Edge::At(high)) if low == high => {
            let mut tuple = Tuple::new();
            tuple.push(low);
            Some(buckets.find(&tuple).into_iter().collect())
        }
        _ => None,
    }
}

/// The key at an end of an interval.
fn edge<'a>(key: &Key, end: Option<&End<'a>>, open: Edge<'a>) -> Option<Edge<'a>> {
    let Some(end) = end else { return Some(open) };
    let tuple = key.of_values(std::iter::once(&end.value))?;
    tuple.values().first().cloned().map(Edge::At)
}

/// The integers of an interval, when they are few.
fn integers(interval: &Interval<'_>) -> Option<std::ops::RangeInclusive<i128>> {
    let number = |value: &Value<'_>| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => i64::try_from(*value).ok().map(i128::from),
        _ => None,
    };
    let (low, high) = (interval.low.as_ref()?, interval.high.as_ref()?);
    let first = number(&low.value)? + i128::from(!low.includes);
    let last = number(&high.value)? - i128::from(!high.includes);
    (0..MAX_SPLIT)
        .contains(&(last - first))
        .then_some(first..=last)
}

/// A place among the keys of range partitions.
#[derive(Debug, Clone)]
enum Edge<'a> {
    Below,
    At(Value<'a>),
    Above,
}

/// The smallest key of an area, and whether it belongs to it.
fn low_end<'a>(area: &[Interval<'a>]) -> (Vec<Edge<'a>>, bool) {
    end_of(
        area,
        Edge::Below,
        |interval| interval.low.as_ref(),
        &Edge::Above,
    )
}

/// The largest key of an area, and whether it belongs to it.
fn high_end<'a>(area: &[Interval<'a>]) -> (Vec<Edge<'a>>, bool) {
    end_of(
        area,
        Edge::Above,
        |interval| interval.high.as_ref(),
        &Edge::Below,
    )
}

/// An end in the order of tuples: a column that has none, or leaves its own out, decides for the rest.
fn end_of<'a, 'b>(
    area: &'b [Interval<'a>],
    open: Edge<'a>,
    end: impl Fn(&'b Interval<'a>) -> Option<&'b End<'a>>,
    beyond: &Edge<'a>,
) -> (Vec<Edge<'a>>, bool) {
    let mut edges = Vec::with_capacity(area.len());
    let last = area.len().saturating_sub(1);
    for (at, interval) in area.iter().enumerate() {
        match end(interval) {
            None => {
                edges.resize(area.len(), open);
                return (edges, false);
            }
            Some(end) => {
                edges.push(Edge::At(end.value.clone()));
                if !end.includes {
                    edges.resize(area.len(), beyond.clone());
                    return (edges, at != last);
                }
            }
        }
    }
    (edges, true)
}

/// The range partitions between two keys.
fn range_parts(
    bounds: &[Vec<Bound>],
    low: &(Vec<Edge<'_>>, bool),
    high: &(Vec<Edge<'_>>, bool),
) -> Parts {
    // A partition's bound is exclusive: it lies above the keys that the partition holds.
    let first = bounds.partition_point(|bound| against(bound, &low.0).is_le());
    let last = bounds.partition_point(|bound| match against(bound, &high.0) {
        Ordering::Less => true,
        Ordering::Equal => high.1,
        Ordering::Greater => false,
    });
    let last = last.min(bounds.len().saturating_sub(1));
    (first..=last).filter(|&part| part < bounds.len()).collect()
}

/// How a bound compares with a key.
fn against(bound: &[Bound], key: &[Edge<'_>]) -> Ordering {
    for (bound, edge) in bound.iter().zip(key) {
        let order = match (bound, edge) {
            (Bound::Min, Edge::Below) | (Bound::Max, Edge::Above) => Ordering::Equal,
            (Bound::Max, _) | (_, Edge::Below) => Ordering::Greater,
            (Bound::Min, _) | (_, Edge::Above) => Ordering::Less,
            (Bound::Value(bound), Edge::At(value)) => bound.cmp(value),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

impl List {
    /// The partitions with a row for which `fits` holds, and the default one.
    fn parts(&self, fits: &dyn Fn(&[Value<'_>]) -> bool) -> Parts {
        let fitting = self.rows().filter(|(row, _)| fits(row));
        let mut parts: Parts = fitting
            .map(|&(_, part)| part)
            .chain(self.default())
            .collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }
}

impl Key {
    /// The key of the given column values; `None` when it cannot be computed.
    fn of_values<'v, 'a: 'v>(
        &self,
        values: impl Iterator<Item = &'v Value<'a>>,
    ) -> Option<Tuple<'a>> {
        let mut tuple = Tuple::new();
        values.for_each(|value| tuple.push(value.clone()));
        self.evaluate(tuple)
    }
}
