//! Literals into DATE, DATETIME, TIME and YEAR columns.
//!
//! Read are the forms that every server reads alike; an odd one is not certain.

use crate::partition::calendar::Moment;
use crate::partition::operand::{Intent, Operand};

/// The largest TIME, 838:59:59, in microseconds.
const MAX_TIME: i64 = (838 * 3600 + 59 * 60 + 59) * 1_000_000;

/// The calendar day that a DATE column gets.
pub(super) fn date(operand: Operand<'_>, intent: Intent) -> Option<Moment> {
    let moment = moment(operand)?;
    // A comparison with a time of day names no day; a fraction may round the day up.
    let whole = moment.micros == 0 || intent == Intent::Store && moment.micros % 1_000_000 == 0;
    whole.then_some(moment)
}

/// The moment that a DATETIME column with `scale` digits gets.
pub(super) fn datetime(operand: Operand<'_>, scale: u32, intent: Intent) -> Option<Moment> {
    let moment = moment(operand)?;
    let rounded = moment.rounded(scale);
    (intent == Intent::Store || rounded == moment).then_some(rounded)
}

fn moment(operand: Operand<'_>) -> Option<Moment> {
    match operand {
        Operand::Integer(number) => compact(number.to_string().as_bytes()),
        Operand::Text(text) | Operand::Temporal(text) => {
            if text.iter().all(u8::is_ascii_digit) {
                compact(text)
            } else {
                spelled(text)
            }
        }
        _ => None,
    }
}

/// `YYYYMMDD` and `YYYYMMDDhhmmss`.
fn compact(digits: &[u8]) -> Option<Moment> {
    let part = |from: usize, to: usize| number(digits.get(from..to)?);
    let micros = match digits.len() {
        8 => 0,
        14 => time_of_day(part(8, 10)?, part(10, 12)?, part(12, 14)?, 0)?,
        _ => return None,
    };
    Moment::new(part(0, 4)?, part(4, 6)?, part(6, 8)?, micros)
}

/// `YYYY-MM-DD` and `YYYY-MM-DD hh:mm:ss[.ffffff]`; `/` may stand for `-`, `T` for the blank, and the
/// year may have two digits.
fn spelled(text: &[u8]) -> Option<Moment> {
    let mut halves = text.splitn(2, |byte| matches!(byte, b' ' | b'T'));
    let mut fields = halves.next()?.split(|byte| matches!(byte, b'-' | b'/'));
    let year = full_year(fields.next()?)?;
    let (month, day) = (
        fields.next().filter(is_short)?,
        fields.next().filter(is_short)?,
    );
    if fields.next().is_some() {
        return None;
    }
    let micros = match halves.next() {
        None => 0,
        Some(time) => {
            let (hour, minute, second, micros) = dotted(time).or_else(|| clock(time))?;
            time_of_day(hour, minute, second, micros)?
        }
    };
    Moment::new(year, number(month)?, number(day)?, micros)
}

fn full_year(digits: &[u8]) -> Option<i64> {
    match (digits.len(), number(digits)?) {
        (4, year) => Some(year),
        (2, year @ 70..) => Some(year + 1900),
        (2, year) => Some(year + 2000),
        _ => None,
    }
}

/// `hh.mm.ss`.
fn dotted(text: &[u8]) -> Option<(i64, i64, i64, i64)> {
    let mut fields = text.split(|&byte| byte == b'.').filter(is_short);
    let (hour, minute, second) = (fields.next()?, fields.next()?, fields.next()?);
    let whole = hour.len() + minute.len() + second.len() + 2 == text.len();
    let time = (number(hour)?, number(minute)?, number(second)?, 0);
    whole.then_some(time)
}

/// `h:mm:ss[.ffffff]`: hours, minutes, seconds, microseconds.
fn clock(text: &[u8]) -> Option<(i64, i64, i64, i64)> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let mut fields = parts.next()?.split(|&byte| byte == b':');
    let hour = fields.next().filter(|hour| hour.len() <= 3)?;
    let minute = fields.next().filter(is_short)?;
    let second = match fields.next() {
        Some(second) if is_short(&second) => number(second)?,
        // `hh:mm`, which a TIME has without fraction.
        None if text.len() == hour.len() + minute.len() + 1 => 0,
        _ => return None,
    };
    if fields.next().is_some() {
        return None;
    }
    let micros = match parts.next() {
        None => 0,
        Some(digits) if (1..=6).contains(&digits.len()) => {
            let missing = 6 - u32::try_from(digits.len()).ok()?;
            number(digits)? * 10_i64.pow(missing)
        }
        Some(_) => return None,
    };
    Some((number(hour)?, number(minute)?, second, micros))
}

fn time_of_day(hour: i64, minute: i64, second: i64, micros: i64) -> Option<i64> {
    (hour < 24)
        .then(|| duration(hour, minute, second, micros))
        .flatten()
}

fn duration(hour: i64, minute: i64, second: i64, micros: i64) -> Option<i64> {
    let valid = minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// The microseconds that a TIME column with `scale` digits gets.
pub(super) fn time(operand: Operand<'_>, scale: u32, intent: Intent) -> Option<i64> {
    let (negative, micros) = match operand {
        Operand::Integer(number) => {
            let hhmmss = i64::try_from(number).ok()?;
            let absolute = hhmmss.checked_abs()?;
            let (hour, minute, second) = (absolute / 10_000, absolute / 100 % 100, absolute % 100);
            (hhmmss < 0, duration(hour, minute, second, 0)?)
        }
        Operand::Text(text) | Operand::Temporal(text) => {
            let (negative, text) = match text {
                [b'-', rest @ ..] => (true, rest),
                _ => (false, text),
            };
            let (hour, minute, second, micros) = clock(text)?;
            (negative, duration(hour, minute, second, micros)?)
        }
        _ => return None,
    };
    let unit = 10_i64.pow(6_u32.saturating_sub(scale));
    let rounded = (micros + unit / 2) / unit * unit;
    if rounded > MAX_TIME || intent == Intent::Compare && rounded != micros {
        return None;
    }
    Some(if negative { -rounded } else { rounded })
}

/// The number that a YEAR column stores: years since 1900, 0 for the year 0000.
pub(super) fn year(operand: Operand<'_>) -> Option<i64> {
    let (year, is_text) = match operand {
        Operand::Integer(number) => (i64::try_from(number).ok()?, false),
        Operand::Text(text) if matches!(text.len(), 1 | 2 | 4) => (number(text)?, true),
        _ => return None,
    };
    match year {
        // The number 0 is the year 0000; the text '0' is 2000.
        0 if is_text => Some(100),
        0 => Some(0),
        1..=69 => Some(year + 100),
        70..=99 => Some(year),
        1901..=2155 => Some(year - 1900),
        _ => None,
    }
}

fn is_short(field: &&[u8]) -> bool {
    matches!(field.len(), 1 | 2)
}

/// A run of at most nine digits.
fn number(digits: &[u8]) -> Option<i64> {
    let valid = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let fold = |value, digit: &u8| value * 10 + i64::from(digit - b'0');
    valid.then(|| digits.iter().fold(0, fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_forms_are_not_read() {
        for text in [
            "",
            "2024",
            "224-01-01",
            "2024-13-01",
            "2023-02-29",
            "2024-01-01 ",
            "2024-1-1x",
            "2024-01-01 24:00:00",
            "2024-01-01 1:2:3.1234567",
            "0000-00-00",
            "2024-01",
        ] {
            let operand = Operand::Text(text.as_bytes());
            assert_eq!(datetime(operand, 6, Intent::Store), None, "{text}");
        }
    }

    #[test]
    fn the_usual_forms_are_read_alike() {
        let expected = Moment::new(2024, 3, 4, 18_367_000_000);
        for text in [
            "2024-03-04 05:06:07",
            "24-3-4 05.06.07",
            "2024/3/4T5:06:07",
            "20240304050607",
        ] {
            let operand = Operand::Text(text.as_bytes());
            assert_eq!(datetime(operand, 0, Intent::Compare), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-0-9:./T ]{0,24}", scale in 0_u32..7) {
            let operand = Operand::Text(text.as_bytes());
            datetime(operand, scale, Intent::Store);
            date(operand, Intent::Store);
            time(operand, scale, Intent::Store);
            year(operand);
        }
    }
}
