//! Medians and percentiles.

use std::time::Duration;

/// Latencies of many units of work.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    nanoseconds: Vec<u32>,
}

impl Latencies {
    /// Adds one; 4.2 s and longer count as 4.2 s.
    pub fn note(&mut self, latency: Duration) {
        let nanoseconds = u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX);
        self.nanoseconds.push(nanoseconds);
    }

    /// Adds all of another client.
    pub fn add(&mut self, mut other: Self) {
        self.nanoseconds.append(&mut other.nanoseconds);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nanoseconds.len()
    }

    /// The percentiles asked for, in microseconds; 0 when there is no latency at all.
    #[must_use]
    pub fn percentiles<const N: usize>(mut self, percents: [usize; N]) -> [f64; N] {
        self.nanoseconds.sort_unstable();
        let last = self.nanoseconds.len().saturating_sub(1);
        percents.map(|percent| {
            let at = last * percent / 100;
            self.nanoseconds
                .get(at)
                .map_or(0.0, |&nanoseconds| f64::from(nanoseconds) / 1000.0)
        })
    }
}

/// The median; `None` of nothing. Of an even count the mean of the two in the middle.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let high = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(high);
    }
    let low = *values.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let mut latencies = Latencies::default();
        for microseconds in (0..=100).rev() {
            latencies.note(Duration::from_micros(microseconds));
        }
        let [middle, high] = latencies.percentiles([50, 99]);
        assert!((middle - 50.0).abs() < 1e-9, "{middle}");
        assert!((high - 99.0).abs() < 1e-9, "{high}");
    }
}
