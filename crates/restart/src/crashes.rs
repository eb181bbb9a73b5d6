//! When to start the next generation after one has died: at once, unless they die in a row.

use std::time::{Duration, Instant};

/// How many generations in a row died young.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Crashes {
    in_a_row: u32,
}

impl Crashes {
    /// A generation that served this long is no part of a crash loop.
    const YOUNG: Duration = Duration::from_secs(1);
    /// Deaths in a row that are followed at once.
    const FREE: u32 = 3;
    const FIRST_DELAY: Duration = Duration::from_millis(100);
    const LONGEST_DELAY: Duration = Duration::from_secs(5);

    /// Takes the death of a generation that served from `since` (none: it never became ready).
    #[must_use]
    pub(crate) fn after_death(self, since: Option<Instant>, now: Instant) -> Self {
        let old = since.is_some_and(|since| now.saturating_duration_since(since) >= Self::YOUNG);
        let in_a_row = if old {
            0
        } else {
            self.in_a_row.saturating_add(1)
        };
        Self { in_a_row }
    }

    /// How long to wait before the next start; zero while there is no crash loop.
    #[must_use]
    pub(crate) fn delay(self) -> Duration {
        match self.in_a_row.checked_sub(Self::FREE + 1) {
            None => Duration::ZERO,
            Some(doublings) => Self::FIRST_DELAY
                .saturating_mul(1 << doublings.min(16))
                .min(Self::LONGEST_DELAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_after_a_while_of_service_are_always_followed_at_once() {
        let start = Instant::now();
        let mut crashes = Crashes::default();
        for _ in 0..20 {
            crashes = crashes.after_death(Some(start), start + Duration::from_secs(2));
            assert_eq!(crashes.delay(), Duration::ZERO);
        }
    }

    #[test]
    fn a_crash_loop_is_slowed_down_to_one_start_in_five_seconds() {
        let mut crashes = Crashes::default();
        let delays: Vec<_> = (0..12)
            .map(|_| {
                crashes = crashes.after_death(None, Instant::now());
                crashes.delay().as_millis()
            })
            .collect();
        assert_eq!(
            delays,
            [0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
        );
    }
}
