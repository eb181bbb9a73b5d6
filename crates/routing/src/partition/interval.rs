//! What a condition leaves of the values of a key: intervals, and unions of their products.

use super::value::Value;
use std::cmp::Ordering;

/// An end of an interval.
#[derive(Debug, Clone)]
pub(crate) struct End<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) includes: bool,
}

/// A set of values without gaps; NULL is the smallest value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interval<'a> {
    /// `None`: from NULL on.
    pub(crate) low: Option<End<'a>>,
    /// `None`: without end.
    pub(crate) high: Option<End<'a>>,
}

impl<'a> Interval<'a> {
    pub(crate) fn point(value: Value<'a>) -> Self {
        let end = End {
            value,
            includes: true,
        };
        Self {
            low: Some(end.clone()),
            high: Some(end),
        }
    }

    /// What lies below, NULL left out.
    pub(crate) fn below(value: Value<'a>, includes: bool) -> Self {
        let null = End {
            value: Value::Null,
            includes: false,
        };
        Self {
            low: Some(null),
            high: Some(End { value, includes }),
        }
    }

    /// What lies above.
    pub(crate) fn above(value: Value<'a>, includes: bool) -> Self {
        Self {
            low: Some(End { value, includes }),
            high: None,
        }
    }

    /// The only value, if there is one only.
    pub(crate) fn only(&self) -> Option<&Value<'a>> {
        let (low, high) = (self.low.as_ref()?, self.high.as_ref()?);
        (low.includes && high.includes && low.value == high.value).then_some(&low.value)
    }

    /// What both hold; `None` when that is nothing.
    fn intersection(&self, other: &Self) -> Option<Self> {
        let low = tighter(self.low.as_ref(), other.low.as_ref(), Ordering::Greater);
        let high = tighter(self.high.as_ref(), other.high.as_ref(), Ordering::Less);
        if let (Some(low), Some(high)) = (&low, &high) {
            match low.value.cmp(&high.value) {
                Ordering::Less => {}
                Ordering::Equal if low.includes && high.includes => {}
                _ => return None,
            }
        }
        Some(Self { low, high })
    }
}

/// The end that leaves less; of two at one value the one that leaves it out.
fn tighter<'a>(
    left: Option<&End<'a>>,
    right: Option<&End<'a>>,
    tight: Ordering,
) -> Option<End<'a>> {
    let (Some(one), Some(other)) = (left, right) else {
        return left.or(right).cloned();
    };
    let order = one.value.cmp(&other.value);
    let first = order == tight || order.is_eq() && !one.includes;
    Some(if first { one } else { other }.clone())
}

/// One interval per key column.
pub(crate) type Area<'a> = Vec<Interval<'a>>;

/// The most areas of a union; what has more counts as everything.
const MAX_AREAS: usize = 1024;

/// A set of keys.
#[derive(Debug, Clone)]
pub(crate) enum Region<'a> {
    /// Every key.
    Everything,
    /// A union; nothing without areas.
    Areas(Vec<Area<'a>>),
}

impl<'a> Region<'a> {
    pub(crate) const NOTHING: Self = Self::Areas(Vec::new());

    /// How many areas it is made of.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Everything => 0,
            Self::Areas(areas) => areas.len(),
        }
    }

    /// The keys of `columns` columns whose `at`-th lies in `interval`.
    pub(crate) fn slice(columns: usize, at: usize, interval: Interval<'a>) -> Self {
        let mut area = vec![Interval::default(); columns];
        if let Some(slot) = area.get_mut(at) {
            *slot = interval;
        }
        Self::Areas(vec![area])
    }

    /// What both hold.
    pub(crate) fn and(self, other: Self) -> Self {
        self.and_within(other, MAX_AREAS)
    }

    /// As [`Self::and`], and perhaps more keys, so that no more than `most` areas are made.
    pub(crate) fn and_within(self, other: Self, most: usize) -> Self {
        let (left, right) = match (self, other) {
            (Self::Everything, region) | (region, Self::Everything) => return region,
            (Self::Areas(left), Self::Areas(right)) => (left, right),
        };
        if left.len().saturating_mul(right.len()) > most.min(MAX_AREAS) {
            return Self::Areas(if left.len() < right.len() {
                left
            } else {
                right
            });
        }
        let pairs = left
            .iter()
            .flat_map(|left| right.iter().map(move |right| (left, right)));
        let both = |(left, right): (&Area<'a>, &Area<'a>)| {
            let intervals = left.iter().zip(right);
            intervals
                .map(|(left, right)| left.intersection(right))
                .collect()
        };
        Self::Areas(pairs.filter_map(both).collect())
    }

    /// What either holds.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Areas(mut left), Self::Areas(right))
                if left.len() + right.len() <= MAX_AREAS =>
            {
                left.extend(right);
                Self::Areas(left)
            }
            _ => Self::Everything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(interval: &Interval<'_>, value: &Value<'_>) -> bool {
        let point = Interval::point(value.clone());
        interval.intersection(&point).is_some()
    }

    fn within(region: &Region<'_>, values: &[i64]) -> bool {
        let value = |value: &i64| Value::Int(*value);
        match region {
            Region::Everything => true,
            Region::Areas(areas) => areas.iter().any(|area| {
                let mut pairs = area.iter().zip(values.iter().map(value));
                pairs.all(|(interval, value)| contains(interval, &value))
            }),
        }
    }

    #[test]
    fn regions_hold_what_their_conditions_hold() {
        let slice = |at, interval| Region::slice(2, at, interval);
        let int = Value::Int;
        let low = slice(0, Interval::above(int(3), true));
        let high = slice(0, Interval::below(int(5), false));
        let both = low.clone().and(high.clone());
        for (value, inside) in [(2, false), (3, true), (4, true), (5, false)] {
            assert_eq!(within(&both, &[value, 0]), inside, "{value}");
            assert!(within(&low.clone().or(high.clone()), &[value, 0]));
        }
        let second = slice(1, Interval::point(int(7)));
        let pair = both.and(second.clone());
        assert!(within(&pair, &[4, 7]) && !within(&pair, &[4, 8]));
        let never = slice(0, Interval::above(int(9), false)).and(high.clone());
        assert!(!within(&never, &[9, 0]));
        assert!(within(&Region::Everything.and(second), &[1, 7]));
        assert!(!contains(&Interval::below(int(5), true), &Value::Null));
        assert!(contains(&Interval::default(), &Value::Null));
    }
}
