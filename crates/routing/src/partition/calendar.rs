//! Dates and times as the server stores them.
//!
//! The calendar is the proleptic Gregorian one, as in MySQL. Facts: `ob_time_convert.cpp` and the
//! metadata of a live engine.

use serde::{Deserialize, Serialize};

/// A point in the calendar, without time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since 1970-01-01.
    pub(crate) days: i64,
    /// Microseconds since midnight.
    pub(crate) micros: i64,
}

/// How a date or time is stored as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Encoding {
    /// Days or microseconds since 1970 (types 17 and 19).
    Linear,
    /// The fields side by side (the MySQL types 52 and 53).
    Packed,
}

/// 0000-00-00 00:00:00 in microseconds since 1970 (`ob_time_convert.h`).
pub(crate) const ZERO_DATETIME: i64 = -9_223_372_022_400_000_000;

/// A day in microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

impl Moment {
    /// The moment of a date and a time of day; `None` for fields out of range, among them the zero
    /// date, which only some settings of `sql_mode` allow.
    pub(crate) fn new(year: i64, month: i64, day: i64, micros: i64) -> Option<Self> {
        let in_range = (1..=9999).contains(&year) && (1..=12).contains(&month);
        let valid = in_range && (1..=days_in_month(year, month)).contains(&day);
        (valid && (0..DAY).contains(&micros)).then(|| Self {
            days: days_before(year, month) + day - 1,
            micros,
        })
    }

    /// `None` for days outside the years 1 to 9999.
    fn within_calendar(days: i64, micros: i64) -> Option<Self> {
        let years = days_before(1, 1)..days_before(10_000, 1);
        years.contains(&days).then_some(Self { days, micros })
    }

    /// Rounds to `scale` digits behind the second's point, half up; `None` beyond the year 9999.
    pub(crate) fn rounded(self, scale: u32) -> Option<Self> {
        let unit = 10_i64.pow(6_u32.saturating_sub(scale));
        let micros = (self.micros + unit / 2) / unit * unit;
        let days = self.days + micros / DAY;
        (days < days_before(10_000, 1)).then_some(Self {
            days,
            micros: micros % DAY,
        })
    }

    /// Year, month and day.
    pub(crate) fn date(self) -> (i64, i64, i64) {
        // The year of 365.2425 days on average is right or one too high at the turn of a year.
        let mut year = 1970 + (self.days * 400).div_euclid(146_097);
        while days_before(year, 1) > self.days {
            year -= 1;
        }
        while days_before(year + 1, 1) <= self.days {
            year += 1;
        }
        let month = (1..=12)
            .rev()
            .find(|&month| days_before(year, month) <= self.days);
        let month = month.unwrap_or(1);
        (year, month, self.days - days_before(year, month) + 1)
    }

    /// `YYYY-MM-DD`.
    pub(crate) fn date_text(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `YYYY-MM-DD hh:mm:ss`.
    pub(crate) fn text(self) -> String {
        let seconds = self.micros / 1_000_000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{} {hour:02}:{minute:02}:{second:02}", self.date_text())
    }

    /// The number stored in a DATE column.
    pub(crate) fn encode_date(self, encoding: Encoding) -> i64 {
        match encoding {
            Encoding::Linear => self.days,
            Encoding::Packed => {
                let (year, month, day) = self.date();
                (year << 9) | (month << 5) | day
            }
        }
    }

    /// Reads the number stored in a DATE column.
    pub(crate) fn decode_date(number: i64, encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Linear => Self::within_calendar(number, 0),
            Encoding::Packed => Self::new(number >> 9, (number >> 5) & 15, number & 31, 0),
        }
    }

    /// Reads the number stored in a DATETIME column.
    pub(crate) fn decode_datetime(number: i64, encoding: Encoding) -> Option<Self> {
        if encoding == Encoding::Linear {
            return Self::within_calendar(number.div_euclid(DAY), number.rem_euclid(DAY));
        }
        let field = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
        let months = number >> 46;
        let seconds = (field(36, 5) * 60 + field(30, 6)) * 60 + field(24, 6);
        let micros = seconds * 1_000_000 + field(0, 24);
        Self::new(months / 13, months % 13, field(41, 5), micros)
    }

    /// The number stored in a DATETIME column.
    pub(crate) fn encode_datetime(self, encoding: Encoding) -> i64 {
        match encoding {
            Encoding::Linear => self.days * DAY + self.micros,
            Encoding::Packed => {
                let (year, month, day) = self.date();
                let seconds = self.micros / 1_000_000;
                let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                let time = (hour << 36) | (minute << 30) | (second << 24);
                let date = ((year * 13 + month) << 46) | (day << 41);
                date | time | (self.micros % 1_000_000)
            }
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE_1970: i64 = 719_162;
    let past = year - 1;
    let years = past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months - BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_and_packed_as_the_server_does() {
        let moment = |year, month, day| Moment::new(year, month, day, 0).unwrap();
        assert_eq!(moment(1970, 1, 1).days, 0);
        assert_eq!(moment(2024, 3, 4).days, 19_786);
        assert_eq!(moment(2020, 1, 1).encode_date(Encoding::Packed), 0x0f_c821);
        assert_eq!(moment(2020, 1, 1).encode_date(Encoding::Linear), 18_262);
        assert_eq!(Moment::new(2023, 2, 29, 0), None);
        assert_eq!(Moment::new(0, 0, 0, 0), None);
    }

    #[test]
    fn every_day_is_found_again() {
        for days in (-719_162..2_932_897).step_by(13) {
            let (year, month, day) = Moment { days, micros: 0 }.date();
            assert_eq!(Moment::new(year, month, day, 0).unwrap().days, days);
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let moment = Moment::new(2024, 6, 7, 36_672_123_456).unwrap();
        for encoding in [Encoding::Linear, Encoding::Packed] {
            let stored = moment.encode_datetime(encoding);
            assert_eq!(Moment::decode_datetime(stored, encoding), Some(moment));
            let day = Moment::decode_date(moment.encode_date(encoding), encoding).unwrap();
            assert_eq!((day.days, day.micros), (moment.days, 0));
        }
    }

    #[test]
    fn rounding_carries_into_the_next_day() {
        let eve = Moment::new(2023, 12, 31, DAY - 1).unwrap();
        assert_eq!(eve.rounded(0), Moment::new(2024, 1, 1, 0));
        assert_eq!(eve.rounded(6), Some(eve));
    }
}
