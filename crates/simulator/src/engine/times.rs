//! Dates and times: kept as text, as MySQL prints them; the session's time zone is UTC.

use crate::conditions::Clock;
use crate::engine::functions::{Arguments, integer, scalar, text, volatile};
use crate::engine::moment::{DAY, MICROS, Moment, days};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

fn moment(arguments: &Arguments<'_, '_>, index: usize) -> Option<Moment> {
    Moment::parse(&arguments.text(index)?)
}

/// Adds an interval; a date stays a date as long as the unit is a day or more.
fn shifted(arguments: &Arguments<'_, '_>, sign: i64) -> Value {
    let (Some(from), Some(amount), Some(unit)) = (
        moment(arguments, 0),
        arguments.integer(1),
        arguments.text(2),
    ) else {
        return Value::Null;
    };
    let is_date = arguments
        .text(0)
        .is_some_and(|text| text.trim().len() <= 10);
    let coarse = ["day", "week", "month", "quarter", "year"].contains(&unit.as_str());
    text(
        amount
            .checked_mul(sign)
            .and_then(|amount| from.moved(amount, &unit))
            .map(|to| {
                let digits = if to.micros == 0 { 0 } else { 6 };
                if is_date && coarse {
                    to.date()
                } else {
                    to.text(digits)
                }
            }),
    )
}

fn difference(arguments: &Arguments<'_, '_>) -> Value {
    let (Some(unit), Some(from), Some(to)) = (
        arguments.text(0),
        moment(arguments, 1),
        moment(arguments, 2),
    ) else {
        return Value::Null;
    };
    let micros = to.micros_since_epoch() - from.micros_since_epoch();
    let mut months = (to.year - from.year) * 12 + to.month - from.month;
    let rest = |moment: &Moment| {
        moment.day * DAY * MICROS + moment.micros_since_epoch().rem_euclid(DAY * MICROS)
    };
    if months > 0 && rest(&to) < rest(&from) {
        months -= 1;
    } else if months < 0 && rest(&to) > rest(&from) {
        months += 1;
    }
    integer(Some(match unit.as_str() {
        "microsecond" => micros,
        "second" => micros / MICROS,
        "minute" => micros / (60 * MICROS),
        "hour" => micros / (3600 * MICROS),
        "day" => micros / (DAY * MICROS),
        "week" => micros / (7 * DAY * MICROS),
        "month" => months,
        "quarter" => months / 3,
        "year" => months / 12,
        _ => return Value::Null,
    }))
}

fn register_now(connection: &Connection, clock: &Clock) -> Result<()> {
    let with = |name: &str, arguments, read: fn(&Arguments<'_, '_>, Moment) -> Value| {
        let clock = clock.clone();
        volatile(connection, name, arguments, move |arguments| {
            read(arguments, Moment::now(clock.offset_micros()))
        })
    };
    for name in ["now", "sysdate"] {
        with(name, -1, |arguments, now| {
            let digits = arguments
                .integer(0)
                .and_then(|digits| usize::try_from(digits).ok());
            Value::Text(now.text(digits.unwrap_or(0).min(6)))
        })?;
    }
    with("curdate", 0, |_, now| Value::Text(now.date()))?;
    with("curtime", -1, |_, now| Value::Text(now.time()))?;
    with("unix_timestamp", -1, |arguments, now| {
        if arguments.len() == 0 {
            return Value::Integer(now.micros_since_epoch() / MICROS);
        }
        integer(moment(arguments, 0).map(|moment| moment.micros_since_epoch() / MICROS))
    })
}

/// Functions that take a field out of a date.
fn register_fields(connection: &Connection) -> Result<()> {
    for (name, unit) in [
        ("year", "year"),
        ("quarter", "quarter"),
        ("month", "month"),
        ("week", "week"),
        ("day", "day"),
        ("dayofmonth", "day"),
        ("hour", "hour"),
        ("minute", "minute"),
        ("second", "second"),
        ("microsecond", "microsecond"),
    ] {
        scalar(connection, name, 1, move |arguments| {
            integer(moment(arguments, 0).and_then(|moment| moment.field(unit)))
        })?;
    }
    scalar(connection, "mysql_extract", 2, |arguments| {
        let unit = arguments.text(0).unwrap_or_default();
        integer(moment(arguments, 1).and_then(|moment| moment.field(&unit)))
    })?;
    scalar(connection, "dayofweek", 1, |arguments| {
        integer(moment(arguments, 0).map(|moment| (moment.weekday() + 1) % 7 + 1))
    })?;
    scalar(connection, "weekday", 1, |arguments| {
        integer(moment(arguments, 0).map(|moment| moment.weekday()))
    })?;
    scalar(connection, "dayofyear", 1, |arguments| {
        integer(moment(arguments, 0).map(|moment| moment.day_of_year()))
    })
}

/// Registers the functions.
pub(super) fn register(connection: &Connection, clock: &Clock) -> Result<()> {
    register_now(connection, clock)?;
    scalar(connection, "from_unixtime", -1, |arguments| {
        let micros = match arguments.raw(0) {
            ValueRef::Integer(seconds) => seconds.checked_mul(MICROS),
            _ => arguments
                .real(0)
                .map(|seconds| super::numbers::rounded(seconds * 1e6)),
        };
        let moment = micros.map(Moment::from_micros);
        text(moment.map(|moment| match arguments.text(1) {
            Some(format) => moment.formatted(&format),
            None => moment.text(if moment.micros == 0 { 0 } else { 6 }),
        }))
    })?;
    register_fields(connection)?;
    scalar(connection, "to_days", 1, |arguments| {
        integer(
            moment(arguments, 0)
                .map(|moment| days(moment.year, moment.month, moment.day) + 719_528),
        )
    })?;
    scalar(connection, "datediff", 2, |arguments| {
        let day = |index| {
            moment(arguments, index).map(|moment| days(moment.year, moment.month, moment.day))
        };
        integer(day(0).zip(day(1)).map(|(a, b)| a - b))
    })?;
    scalar(connection, "date_format", 2, |arguments| {
        text(
            moment(arguments, 0)
                .zip(arguments.text(1))
                .map(|(moment, format)| moment.formatted(&format)),
        )
    })?;
    scalar(connection, "str_to_date", 2, |arguments| {
        let (Some(value), Some(format)) = (arguments.text(0), arguments.text(1)) else {
            return Value::Null;
        };
        let has_clock = ["%H", "%T", "%k", "%i"]
            .iter()
            .any(|part| format.contains(part));
        let moment = Moment::parse_format(&value, &format);
        text(moment.map(|moment| {
            if has_clock {
                moment.text(0)
            } else {
                moment.date()
            }
        }))
    })?;
    scalar(connection, "date_add", 3, |arguments| shifted(arguments, 1))?;
    scalar(connection, "date_sub", 3, |arguments| {
        shifted(arguments, -1)
    })?;
    scalar(connection, "timestampdiff", 3, difference)
}
