//! Literals into DATE, DATETIME, TIMESTAMP, TIME and YEAR columns.
//!
//! A date with punctuation is read as the server does: up to seven runs of digits with any punctuation
//! between them. What follows them is not certain.

use super::Converted;
use super::number::{Cut, split_sign};
use crate::partition::calendar::{DAY, Encoding, Moment, ZERO_DATETIME};
use crate::partition::column::ColumnType;
use crate::partition::operand::{Circumstances, Intent, Operand};
use crate::partition::value::Value;
use std::cmp::Ordering;

/// The largest TIME, 838:59:59, in microseconds.
const MAX_TIME: i64 = (838 * 3600 + 59 * 60 + 59) * SECOND;
/// A second in microseconds.
const SECOND: i64 = 1_000_000;

/// The value of `operand` in a column of a temporal type. A comparison keeps all digits of a second.
pub(super) fn convert<'a>(
    operand: &Operand<'a>,
    column_type: ColumnType,
    circumstances: Circumstances,
) -> Option<Converted<'a>> {
    if is_zero(operand, circumstances.intent)
        && let Some(zero) = zero_date(column_type)
    {
        return Some(Converted::exact(Value::Int(zero)));
    }
    let kept = |scale| match circumstances.intent {
        Intent::Store => scale,
        Intent::Compare => 6,
    };
    Some(match column_type {
        ColumnType::Date(encoding) => {
            let moment = moment(operand)?.rounded(6)?;
            let order = match (circumstances.intent, operand) {
                // A number is cut to its day.
                (Intent::Store, _) | (_, Operand::Integer(_) | Operand::Decimal { .. }) => {
                    Ordering::Equal
                }
                (Intent::Compare, _) => moment.micros.cmp(&0),
            };
            Converted {
                value: Value::Int(moment.encode_date(encoding)),
                order,
            }
        }
        ColumnType::Datetime { scale, encoding } => {
            let moment = moment(operand)?.rounded(kept(scale))?;
            Converted::exact(Value::Int(moment.encode_datetime(encoding)))
        }
        ColumnType::Timestamp { scale } => {
            let moment = moment(operand)?.rounded(kept(scale))?;
            let offset = circumstances.time_zone.offset_s()? * SECOND;
            Converted::exact(Value::Int(moment.days * DAY + moment.micros - offset))
        }
        ColumnType::Time { scale } => Converted::exact(Value::Int(time(operand, kept(scale))?)),
        ColumnType::Year => {
            let (year, order) = year(operand, circumstances.intent)?;
            // Decimals are rounded even for a comparison.
            let is_decimal = matches!(operand, Operand::Decimal { .. });
            if order != Ordering::Equal && circumstances.intent == Intent::Compare && !is_decimal {
                return None;
            }
            Converted::exact(Value::Int(year))
        }
        _ => return None,
    })
}

/// Whether the literal is the zero date. A comparison reads it in a string that begins like no date too.
fn is_zero(operand: &Operand<'_>, intent: Intent) -> bool {
    let text: &[u8] = match operand {
        Operand::Integer(number) => return *number == 0,
        Operand::Text { bytes, .. } => bytes.trim_ascii(),
        Operand::Moment(text) => text.trim_ascii(),
        _ => return false,
    };
    let spelled = text.starts_with(b"0000") && text.len() >= 8;
    let zeros = || {
        text.iter()
            .all(|&byte| byte == b'0' || !byte.is_ascii_alphanumeric())
    };
    match text.first() {
        Some(b'0') => spelled && zeros(),
        Some(first) => intent == Intent::Compare && first.is_ascii_alphabetic(),
        None => intent == Intent::Compare,
    }
}

/// The zero date as a column stores it (`ob_time_convert.h`).
fn zero_date(column_type: ColumnType) -> Option<i64> {
    Some(match column_type {
        ColumnType::Date(Encoding::Packed)
        | ColumnType::Datetime {
            encoding: Encoding::Packed,
            ..
        } => 0,
        ColumnType::Date(Encoding::Linear) => -106_751_991,
        ColumnType::Datetime { .. } | ColumnType::Timestamp { .. } => ZERO_DATETIME,
        _ => return None,
    })
}

fn moment(operand: &Operand<'_>) -> Option<Moment> {
    match operand {
        Operand::Integer(number) => {
            let digits = number.to_string();
            // Leading zeros were lost: a number of less than six digits is a date of the year 2000.
            let width = match digits.len() {
                3..=6 => 6,
                7 | 8 => 8,
                9..=12 => 12,
                _ => 14,
            };
            compact(format!("{digits:0>width$}").as_bytes(), 0)
        }
        Operand::Decimal {
            negative: false,
            text,
        } => compact_with_fraction(text),
        Operand::Text { bytes, .. } => spelled_or_compact(bytes),
        Operand::Moment(text) => spelled_or_compact(text),
        _ => None,
    }
}

fn spelled_or_compact(text: &[u8]) -> Option<Moment> {
    let text = text.trim_ascii();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match text.get(digits..)? {
        [] => compact(text, 0),
        [b'.', rest @ ..] if matches!(digits, 12 | 14) && rest.iter().all(u8::is_ascii_digit) => {
            compact_with_fraction(text)
        }
        _ => spelled(text),
    }
}

fn compact_with_fraction(text: &[u8]) -> Option<Moment> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let (whole, digits) = (parts.next()?, parts.next()?);
    compact(whole, fraction(digits)?)
}

/// `YYYYMMDD`, `YYMMDD` and both with `hhmmss`; `micros` are added.
fn compact(digits: &[u8], micros: i64) -> Option<Moment> {
    let years = match digits.len() {
        8 | 14 => 4,
        6 | 12 => 2,
        _ => return None,
    };
    let (year, rest) = digits.split_at_checked(years)?;
    let part = |at: usize| number(rest.get(at..at + 2)?);
    let mut of_day = 0;
    if rest.len() > 4 {
        of_day = time_of_day(part(4)?, part(6)?, part(8)?)?;
    }
    if micros > 0 && rest.len() <= 4 {
        return None;
    }
    joined(full_year(year)?, part(0)?, part(2)?, of_day + micros)
}

/// `YYYY-MM-DD`, `YYYY-MM-DD hh:mm:ss[.ffffff]` and all between, with any punctuation; the year may have
/// two digits.
fn spelled(text: &[u8]) -> Option<Moment> {
    let mut fields: [&[u8]; 7] = [&[]; 7];
    let mut count = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = rest.split_at_checked(length)?;
        *fields.get_mut(count)? = digits;
        count += 1;
        let separators = behind
            .iter()
            .take_while(|byte| separates(**byte, count))
            .count();
        rest = behind.get(separators..)?;
        let ends = rest.is_empty() && separators > 0;
        let is_fraction = behind.first() == Some(&b'.');
        if length == 0 || ends || count == 6 && !rest.is_empty() && !is_fraction {
            return None;
        }
    }
    let [year, month, day, hour, minute, second, digits] = fields;
    if count < 3 {
        return None;
    }
    let or_zero = |field: &[u8]| match field {
        [] => Some(0),
        [_] | [_, _] => number(field),
        _ => None,
    };
    let of_day = time_of_day(or_zero(hour)?, or_zero(minute)?, or_zero(second)?)?;
    let short = |field: &[u8]| number(field).filter(|_| field.len() <= 2);
    joined(
        full_year(year)?,
        short(month)?,
        short(day)?,
        of_day + fraction(digits)?,
    )
}

/// Whether a byte stands between fields; a `T` does between date and time alone.
fn separates(byte: u8, fields: usize) -> bool {
    byte.is_ascii_punctuation() || byte.is_ascii_whitespace() || byte == b'T' && fields == 3
}

/// A moment whose time of day may reach into the next day by rounding.
fn joined(year: i64, month: i64, day: i64, micros: i64) -> Option<Moment> {
    let moment = Moment::new(year, month, day, 0)?;
    Some(Moment {
        days: moment.days + micros / DAY,
        micros: micros % DAY,
    })
}

fn full_year(digits: &[u8]) -> Option<i64> {
    match (digits.len(), number(digits)?) {
        (4, year) => Some(year),
        (2, year @ 70..) => Some(year + 1900),
        (2, year) => Some(year + 2000),
        _ => None,
    }
}

/// The microseconds of the digits behind a second's point; the seventh rounds them.
fn fraction(digits: &[u8]) -> Option<i64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let place = |at: usize| i64::from(digits.get(at).map_or(0, |digit| digit - b'0'));
    let micros = (0..6).fold(0, |sum, at| sum * 10 + place(at));
    Some(micros + i64::from(place(6) >= 5))
}

fn time_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24)
        .then(|| duration(hour, minute, second))
        .flatten()
}

fn duration(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * SECOND)
}

/// The microseconds that a TIME column with `scale` digits gets.
fn time(operand: &Operand<'_>, scale: u32) -> Option<i64> {
    let (negative, micros) = match operand {
        Operand::Integer(number) => {
            let digits = number.unsigned_abs().to_string();
            (*number < 0, hhmmss(digits.as_bytes())?)
        }
        Operand::Decimal { negative, text } => (*negative, hhmmss(text)?),
        Operand::Text { bytes, .. } => signed_clock(bytes)?,
        Operand::Duration(text) => signed_clock(text)?,
        _ => return None,
    };
    let unit = 10_i64.pow(6_u32.saturating_sub(scale));
    let signed = if negative { -micros } else { micros };
    // Halves go up, of negative times too.
    let rounded = (signed + unit / 2).div_euclid(unit) * unit;
    (rounded.abs() <= MAX_TIME).then_some(rounded)
}

fn signed_clock(text: &[u8]) -> Option<(bool, i64)> {
    let (negative, text) = match text.trim_ascii() {
        [b'-', rest @ ..] => (true, rest),
        text => (false, text),
    };
    let micros = if text.contains(&b':') {
        clock(text)?
    } else {
        hhmmss(text)?
    };
    Some((negative, micros))
}

/// `[[[h]hh]mm]ss[.ffffff]` without colons.
fn hhmmss(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let number = number(parts.next().filter(|whole| whole.len() <= 7)?)?;
    let micros = duration(number / 10_000, number / 100 % 100, number % 100)?;
    Some(micros + fraction(parts.next().unwrap_or_default())?)
}

/// `[D ]h:mm[:ss[.ffffff]]`.
fn clock(text: &[u8]) -> Option<i64> {
    let mut halves = text.rsplitn(2, |&byte| byte == b' ');
    let time = halves.next()?;
    let days = match halves.next() {
        Some(days) if days.len() <= 2 => number(days)?,
        Some(_) => return None,
        None => 0,
    };
    let mut parts = time.splitn(2, |&byte| byte == b'.');
    let mut fields = parts.next()?.split(|&byte| byte == b':');
    let hour = fields.next().filter(|hour| hour.len() <= 3)?;
    let short = |field: &[u8]| number(field).filter(|_| field.len() <= 2);
    let minute = short(fields.next()?)?;
    let second = fields.next().map_or(Some(0), short)?;
    if fields.next().is_some() {
        return None;
    }
    let micros = fraction(parts.next().unwrap_or_default())?;
    Some(duration(days * 24 + number(hour)?, minute, second)? + micros)
}

/// The number that a YEAR column stores (years since 1900, 0 for the year 0000), and how the literal
/// compares with it.
fn year(operand: &Operand<'_>, intent: Intent) -> Option<(i64, Ordering)> {
    if matches!(operand, Operand::Digits { digits: b"", .. }) {
        return None;
    }
    let cut = Cut::new(operand, 0)?;
    let year = i64::try_from(cut.rounded().to_i128()?).ok()?;
    let year = match operand {
        // The number 0 is the year 0000; the text '0' is 2000, as is what the server takes for a text.
        Operand::Text { bytes, .. } if year == 0 => match split_sign(bytes).1.len() {
            1..=3 => Some(100),
            4 => Some(0),
            _ => None,
        },
        Operand::Digits { .. } if year == 0 => Some(100),
        Operand::Decimal { .. } if year == 0 && intent == Intent::Store => Some(100),
        _ if year == 0 => Some(0),
        _ => match year {
            1..=69 => Some(year + 100),
            70..=99 => Some(year),
            1901..=2155 => Some(year - 1900),
            _ => None,
        },
    }?;
    Some((year, cut.against_rounded()))
}

/// A run of at most nine digits.
fn number(digits: &[u8]) -> Option<i64> {
    let valid = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let fold = |value, digit: &u8| value * 10 + i64::from(digit - b'0');
    valid.then(|| digits.iter().fold(0, fold))
}

#[cfg(test)]
mod tests;
