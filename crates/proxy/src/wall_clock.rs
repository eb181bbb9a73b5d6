//! Moments for people: RFC 3339 in UTC.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Translates moments of the monotonic clock, which all of odp reckons with, into wall-clock time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    monotonic: Instant,
    wall: SystemTime,
}

impl WallClock {
    /// The two clocks at this moment.
    pub(crate) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// A moment as text, for example `2026-01-31T23:59:59.250Z`.
    pub(crate) fn rfc3339(&self, moment: Instant) -> String {
        self.rfc3339_of(self.wall_time(moment))
    }

    /// A moment in whole seconds since 1970.
    pub(crate) fn unix_seconds(&self, moment: Instant) -> u64 {
        let since = self.wall_time(moment).duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }

    fn wall_time(&self, moment: Instant) -> SystemTime {
        let ahead = moment.saturating_duration_since(self.monotonic);
        let ago = self.monotonic.saturating_duration_since(moment);
        (self.wall + ahead).checked_sub(ago).unwrap_or(UNIX_EPOCH)
    }

    /// A moment of the wall clock as text.
    #[expect(clippy::unused_self, reason = "both clocks are asked in the same way")]
    pub(crate) fn rfc3339_of(&self, wall: SystemTime) -> String {
        format(wall.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

fn format(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The Gregorian date of a day since 1970, reckoned in years that start in March, so that the leap
/// day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    const MARCH_OF_YEAR_ZERO: u64 = 719_468;
    let days = days + MARCH_OF_YEAR_ZERO;
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year + carry, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_078_012_799, "2004-02-28T23:59:59.000Z"),
            (1_769_903_999, "2026-01-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
        assert!(format(Duration::from_millis(250)).ends_with("00.250Z"));
    }

    #[test]
    fn moments_before_and_after_now_are_told_apart() {
        let clock = WallClock::now();
        let later = clock.rfc3339(clock.monotonic + Duration::from_hours(1));
        assert!(later > clock.rfc3339(clock.monotonic));
        let now = clock.unix_seconds(clock.monotonic);
        let later = clock.unix_seconds(clock.monotonic + Duration::from_hours(1));
        assert_eq!(later - now, 3600);
    }
}
