//! A point in time as calendar fields: read from text, printed, moved by intervals.

#![expect(
    clippy::format_push_string,
    reason = "writing into a String cannot fail, so there is no result to swallow"
)]

use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const MICROS: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400;

/// A point in time as calendar fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) micros: i64,
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant's `days_from_civil`).
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Moment {
    /// The current time by a clock that is off by this many microseconds.
    pub(crate) fn now(offset_micros: i64) -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self::from_micros(i64::try_from(since.as_micros()).unwrap_or(0) + offset_micros)
    }

    /// The moment this many microseconds after 1970.
    pub(crate) fn from_micros(micros: i64) -> Self {
        let seconds = micros.div_euclid(MICROS);
        let of_day = seconds.rem_euclid(DAY);
        let shifted = seconds.div_euclid(DAY) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let month = if month_index < 10 {
            month_index + 3
        } else {
            month_index - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_index + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros: micros.rem_euclid(MICROS),
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn micros_since_epoch(&self) -> i64 {
        let of_day = self.hour * 3600 + self.minute * 60 + self.second;
        (days(self.year, self.month, self.day) * DAY + of_day) * MICROS + self.micros
    }

    /// Reads `YYYY-MM-DD[ hh:mm:ss[.ffffff]]`, other separators, or digits alone.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<i64> = if digits && matches!(value.len(), 8 | 14) {
            let cut =
                |from: usize, to: usize| value.get(from..to).and_then(|part| part.parse().ok());
            [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)]
                .into_iter()
                .map_while(|(from, to)| cut(from, to))
                .collect()
        } else {
            let front = value.split('.').next().unwrap_or(value);
            let numbers = front.split(|character: char| !character.is_ascii_digit());
            numbers.map(str::parse).collect::<Result<_, _>>().ok()?
        };
        let fraction = value.split_once('.').map_or("", |(_, fraction)| fraction);
        let [year, month, day] = *parts.first_chunk::<3>()?;
        let part = |index: usize| parts.get(index).copied().unwrap_or(0);
        let micros: String = format!("{fraction:0<6}").chars().take(6).collect();
        let moment = Self {
            year,
            month,
            day,
            hour: part(3),
            minute: part(4),
            second: part(5),
            micros: micros.parse().unwrap_or(0),
        };
        let valid = (0..=12).contains(&month) && (0..=31).contains(&day) && moment.hour < 24;
        valid.then_some(moment)
    }

    /// `YYYY-MM-DD`.
    pub(crate) fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `hh:mm:ss`.
    pub(super) fn time(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// Date and time, with `digits` of the second's fraction.
    pub(crate) fn text(&self, digits: usize) -> String {
        let mut text = format!("{} {}", self.date(), self.time());
        if digits > 0 {
            let fraction = format!("{:06}", self.micros);
            text.push('.');
            text.extend(fraction.chars().take(digits));
        }
        text
    }

    /// Reads `value` as `STR_TO_DATE` does.
    pub(super) fn parse_format(value: &str, format: &str) -> Option<Self> {
        let mut moment = Self {
            year: 0,
            month: 0,
            day: 0,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
        };
        let mut rest = value;
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                rest = rest
                    .trim_start()
                    .strip_prefix(character)
                    .or(character.is_whitespace().then_some(rest))?;
                continue;
            }
            let (slot, width) = match characters.next()? {
                'Y' => (&mut moment.year, 4),
                'm' | 'c' => (&mut moment.month, 2),
                'd' | 'e' => (&mut moment.day, 2),
                'H' | 'k' => (&mut moment.hour, 2),
                'i' => (&mut moment.minute, 2),
                's' | 'S' => (&mut moment.second, 2),
                'f' => (&mut moment.micros, 6),
                'T' => {
                    let clock = Self::parse(&format!("2000-01-01 {rest}"))?;
                    let Self {
                        hour,
                        minute,
                        second,
                        ..
                    } = clock;
                    return Some(Self {
                        hour,
                        minute,
                        second,
                        ..moment
                    });
                }
                _ => return None,
            };
            let digits = rest
                .bytes()
                .take(width)
                .take_while(u8::is_ascii_digit)
                .count();
            let (number, after) = rest.split_at_checked(digits)?;
            *slot = number.parse().ok()?;
            rest = after;
        }
        Some(moment)
    }

    /// The moment moved by `amount` units.
    pub(super) fn moved(self, amount: i64, unit: &str) -> Option<Self> {
        let months = match unit {
            "month" => amount,
            "quarter" => amount.checked_mul(3)?,
            "year" => amount.checked_mul(12)?,
            _ => {
                let step = match unit {
                    "microsecond" => 1,
                    "second" => MICROS,
                    "minute" => 60 * MICROS,
                    "hour" => 3600 * MICROS,
                    "day" => DAY * MICROS,
                    "week" => 7 * DAY * MICROS,
                    _ => return None,
                };
                let distance = amount.checked_mul(step)?;
                return Some(Self::from_micros(
                    self.micros_since_epoch().checked_add(distance)?,
                ));
            }
        };
        let index = (self.year * 12 + self.month - 1).checked_add(months)?;
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        let (next_year, next_month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        let last = days(next_year, next_month, 1) - days(year, month, 1);
        Some(Self {
            year,
            month,
            day: self.day.min(last),
            ..self
        })
    }

    /// 0 for Monday.
    pub(super) fn weekday(&self) -> i64 {
        (days(self.year, self.month, self.day) + 3).rem_euclid(7)
    }

    pub(super) fn day_of_year(&self) -> i64 {
        days(self.year, self.month, self.day) - days(self.year, 1, 1) + 1
    }

    pub(super) fn field(&self, unit: &str) -> Option<i64> {
        Some(match unit {
            "year" => self.year,
            "quarter" => (self.month + 2) / 3,
            "month" => self.month,
            "week" => (self.day_of_year() + 6 - (self.weekday() + 1) % 7) / 7,
            "day" => self.day,
            "hour" => self.hour,
            "minute" => self.minute,
            "second" => self.second,
            "microsecond" => self.micros,
            _ => return None,
        })
    }

    /// `DATE_FORMAT`.
    pub(super) fn formatted(&self, format: &str) -> String {
        let mut out = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            let hour12 = if self.hour % 12 == 0 {
                12
            } else {
                self.hour % 12
            };
            let half = if self.hour < 12 { "AM" } else { "PM" };
            match characters.next() {
                Some('Y') => out.push_str(&format!("{:04}", self.year)),
                Some('y') => out.push_str(&format!("{:02}", self.year % 100)),
                Some('m') => out.push_str(&format!("{:02}", self.month)),
                Some('c') => out.push_str(&self.month.to_string()),
                Some('d') => out.push_str(&format!("{:02}", self.day)),
                Some('e') => out.push_str(&self.day.to_string()),
                Some('H') => out.push_str(&format!("{:02}", self.hour)),
                Some('k') => out.push_str(&self.hour.to_string()),
                Some('h' | 'I') => out.push_str(&format!("{hour12:02}")),
                Some('l') => out.push_str(&hour12.to_string()),
                Some('i') => out.push_str(&format!("{:02}", self.minute)),
                Some('s' | 'S') => out.push_str(&format!("{:02}", self.second)),
                Some('f') => out.push_str(&format!("{:06}", self.micros)),
                Some('p') => out.push_str(half),
                Some('T') => out.push_str(&self.time()),
                Some('r') => {
                    out.push_str(&format!(
                        "{hour12:02}:{:02}:{:02} {half}",
                        self.minute, self.second
                    ));
                }
                Some('j') => out.push_str(&format!("{:03}", self.day_of_year())),
                Some('w') => out.push_str(&((self.weekday() + 1) % 7).to_string()),
                Some('a') => out.extend(name(&WEEKDAYS, self.weekday()).chars().take(3)),
                Some('W') => out.push_str(name(&WEEKDAYS, self.weekday())),
                Some('b') => out.extend(name(&MONTHS, self.month - 1).chars().take(3)),
                Some('M') => out.push_str(name(&MONTHS, self.month - 1)),
                Some(other) => out.push(other),
                None => {}
            }
        }
        out
    }
}

/// The name at an index, empty beyond the end.
fn name(names: &[&'static str], index: i64) -> &'static str {
    let index = usize::try_from(index).ok();
    index
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or("")
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_text_and_microseconds() {
        for value in [
            "2024-02-29 23:59:59.500000",
            "1970-01-01 00:00:00.000000",
            "1969-12-31 01:02:03.000004",
        ] {
            let moment = Moment::parse(value).unwrap();
            assert_eq!(moment.text(6), value);
            assert_eq!(Moment::from_micros(moment.micros_since_epoch()), moment);
        }
        assert_eq!(Moment::parse("2024-1-5").unwrap().date(), "2024-01-05");
        assert!(Moment::parse("nonsense").is_none());
    }

    #[test]
    fn intervals_keep_to_the_calendar() {
        let leap = Moment::parse("2024-01-31").unwrap();
        assert_eq!(leap.moved(1, "month").unwrap().date(), "2024-02-29");
        assert_eq!(leap.moved(-1, "day").unwrap().date(), "2024-01-30");
        assert_eq!(leap.formatted("%W %d %b %Y"), "Wednesday 31 Jan 2024");
    }
}
