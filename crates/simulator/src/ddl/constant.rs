//! Constants of a DDL: converted as the server stores them, functions over them worked out.

use crate::cursor::Cursor;
use crate::ddl::column_type::ColumnType;
use crate::engine::moment::Moment;
use encoding_rs::{GB18030, GBK};

/// OceanBase's default `time_zone` is `+08:00`; a DDL's moments are read in it.
const ZONE_S: i64 = 8 * 3600;
const MICROS: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
/// `TO_DAYS('1970-01-01')`.
const DAYS_TO_1970: i64 = 719_528;

/// The value of a function over a date or a moment, as in `VALUES LESS THAN (to_days('2024-01-01'))`.
pub(super) fn call(item: &Cursor<'_>) -> Option<i128> {
    let mut item = *item;
    let function = item.name().ok()?.to_ascii_lowercase();
    let argument = item.brackets().ok()?.scalar().ok()?;
    if !item.at_end() {
        return None;
    }
    let moment = Moment::parse(&argument)?;
    let seconds = moment.micros_since_epoch().div_euclid(MICROS);
    let value = match function.as_str() {
        "to_days" => seconds.div_euclid(DAY_S) + DAYS_TO_1970,
        "to_seconds" => seconds + DAYS_TO_1970 * DAY_S,
        "unix_timestamp" => seconds - ZONE_S,
        "year" => moment.year,
        "month" => moment.month,
        "day" | "dayofmonth" => moment.day,
        _ => return None,
    };
    Some(value.into())
}

/// Text in the character set of a column.
pub(super) fn encoded(of: &ColumnType, text: &str) -> Vec<u8> {
    match of.collation_number() {
        28 | 87 => GBK.encode(text).0.into_owned(),
        248 | 249 => GB18030.encode(text).0.into_owned(),
        54 | 55 | 101 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        // Latin-1 has the characters of its first 256 code points.
        8 | 47 => text
            .chars()
            .map(|character| u8::try_from(character).unwrap_or(b'?'))
            .collect(),
        _ => text.as_bytes().to_vec(),
    }
}

/// A decimal number times ten to the power of `scale`; digits beyond are rounded half away from zero.
pub(super) fn scaled(text: &str, scale: usize) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = whole.to_owned();
    digits.extend(fraction.chars().chain(std::iter::repeat('0')).take(scale));
    let value: i128 = digits.parse().ok()?;
    let next = fraction.chars().nth(scale);
    let value = value + i128::from(next.is_some_and(|digit| digit >= '5'));
    Some(if negative { -value } else { value })
}

/// The text of such a number.
pub(super) fn decimal(value: i128, scale: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let width = scale + 1;
    let digits = format!("{:0width$}", value.unsigned_abs());
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, fraction)) if scale > 0 => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

/// `[-]hours:minutes:seconds[.fraction]` in microseconds.
pub(super) fn duration_micros(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let [hours, minutes, seconds] = [parts.next()??, parts.next()??, parts.next()??];
    let fraction: String = format!("{fraction:0<6}").chars().take(6).collect();
    let fraction: i64 = fraction.parse().ok()?;
    Some(sign * (((hours * 60 + minutes) * 60 + seconds) * MICROS + fraction))
}

/// A moment of the default time zone in microseconds since 1970 in UTC.
pub(super) fn utc_micros(moment: &Moment) -> i64 {
    moment.micros_since_epoch() - ZONE_S * MICROS
}

/// `ObMySQLDate`: five bits of day, four of month, then the year.
pub(super) fn packed_date(moment: &Moment) -> u64 {
    (moment.year << 9 | moment.month << 5 | moment.day).cast_unsigned()
}

/// `ObMySQLDateTime`: microseconds, seconds, minutes, hours, day, and thirteen months a year.
pub(super) fn packed_moment(moment: &Moment) -> u64 {
    let months = moment.year * 13 + moment.month;
    let date = months << 46 | moment.day << 41 | moment.hour << 36;
    (date | moment.minute << 30 | moment.second << 24 | moment.micros).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::lex;

    #[test]
    fn functions_over_constants_are_worked_out() {
        for (text, value) in [
            ("to_days('2020-01-01')", Some(737_790)),
            ("unix_timestamp('2024-06-07 10:11:12')", Some(1_717_726_272)),
            ("year('2024-06-07')", Some(2024)),
            ("abs(1)", None),
            ("to_days('2020-01-01') + 1", None),
        ] {
            let lexed = lex(text.as_bytes()).unwrap();
            let item = Cursor::new(text.as_bytes(), &lexed.tokens);
            assert_eq!(call(&item), value, "{text}");
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (text, scale, value, shown) in [
            ("-1", 2, -100, "-1.00"),
            ("1.505", 2, 151, "1.51"),
            ("-0.5", 0, -1, "-1"),
            ("0.05", 2, 5, "0.05"),
        ] {
            assert_eq!(scaled(text, scale), Some(value), "{text}");
            assert_eq!(decimal(value, scale), shown);
        }
        assert_eq!(scaled("x", 2), None);
    }
}
