//! Dates as constants: moved by intervals, and taken apart.

use crate::partition::calendar::{DAY, Moment};
use crate::partition::operand::Operand;
use odp_sql::Unit;

/// A second in microseconds.
const SECOND: i64 = 1_000_000;
/// The farthest that a date is moved at once, in units.
const MAX_COUNT: i64 = 1_000_000;

/// The moment that is written `YYYY-MM-DD` or `YYYY-MM-DD hh:mm:ss`, and whether it is only a date.
pub(super) fn read(operand: &Operand<'_>) -> Option<(Moment, bool)> {
    let text = match operand {
        Operand::Text { bytes, .. } => bytes,
        Operand::Moment(text) => text,
        _ => return None,
    };
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.iter().try_fold(0, |value, byte| {
            byte.is_ascii_digit()
                .then(|| value * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !is(4, b'-') || !is(7, b'-') {
        return None;
    }
    if text.len() == 10 {
        return Some((Moment::new(year, month, day, 0)?, true));
    }
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let is_spelled = text.len() == 19 && is(10, b' ') && is(13, b':') && is(16, b':');
    let is_time = hour < 24 && minute < 60 && second < 60;
    let micros = (hour * 3600 + minute * 60 + second) * SECOND;
    let moment = Moment::new(year, month, day, micros)?;
    (is_spelled && is_time).then_some((moment, false))
}

/// `moment` and so many units; `None` outside the years that dates have.
pub(super) fn moved(moment: Moment, unit: Unit, count: i64) -> Option<Moment> {
    if !(-MAX_COUNT..=MAX_COUNT).contains(&count) {
        return None;
    }
    match unit {
        Unit::Second => behind(moment, count * SECOND),
        Unit::Minute => behind(moment, count * 60 * SECOND),
        Unit::Hour => behind(moment, count * 3600 * SECOND),
        Unit::Day => behind(moment, count * DAY),
        Unit::Week => behind(moment, count * 7 * DAY),
        Unit::Month => months(moment, count),
        Unit::Quarter => months(moment, count * 3),
        Unit::Year => months(moment, count * 12),
    }
}

/// The last day of the month.
pub(super) fn last_day(moment: Moment) -> Option<Moment> {
    let (year, month, _) = moment.date();
    of_month(year, month, 31, 0)
}

/// A part of a date as a number; `name` is the function's, in lower case.
pub(super) fn field<'a>(name: &[u8], operand: &Operand<'_>) -> Option<Operand<'a>> {
    /// Days from the year 0 to 1970.
    const EPOCH: i64 = 719_528;
    let (moment, _) = read(operand)?;
    let (year, month, day) = moment.date();
    Some(Operand::Integer(i128::from(match name {
        b"year" => year,
        b"month" => month,
        b"quarter" => (month + 2) / 3,
        b"to_days" => moment.days + EPOCH,
        _ => day,
    })))
}

fn behind(moment: Moment, micros: i64) -> Option<Moment> {
    let sum = moment.micros + micros;
    let days = moment.days + sum.div_euclid(DAY);
    let moment = Moment {
        days,
        micros: sum.rem_euclid(DAY),
    };
    let (year, month, day) = moment.date();
    Moment::new(year, month, day, moment.micros)
}

fn months(moment: Moment, count: i64) -> Option<Moment> {
    let (year, month, day) = moment.date();
    let months = year * 12 + month - 1 + count;
    of_month(
        months.div_euclid(12),
        months.rem_euclid(12) + 1,
        day,
        moment.micros,
    )
}

/// The day of a month, or its last one.
fn of_month(year: i64, month: i64, day: i64, micros: i64) -> Option<Moment> {
    let mut days = (day.min(28)..=day).rev();
    days.find_map(|day| Moment::new(year, month, day, micros))
}
