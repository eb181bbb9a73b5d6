//! Strings: concatenation, search, padding, digests.

use crate::engine::functions::{Arguments, integer, scalar, text, volatile};
use crate::engine::md5::md5_hex;
use odp_protocol::auth;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};
use std::fmt::Write as _;

/// MySQL's `max_allowed_packet` bounds what REPEAT and its kin may build.
const MAX_LENGTH: usize = 64 << 20;

fn joined(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Blob(error.into_bytes()),
    }
}

fn concat(arguments: &Arguments<'_, '_>) -> Value {
    let parts: Option<Vec<Vec<u8>>> = (0..arguments.len())
        .map(|index| arguments.bytes(index))
        .collect();
    parts.map_or(Value::Null, |parts| joined(parts.concat()))
}

fn hex_digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02X}").unwrap_or_default();
    }
    digits
}

fn hex(arguments: &Arguments<'_, '_>) -> Value {
    match arguments.raw(0) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Text(format!("{number:X}")),
        _ => Value::Text(hex_digits(&arguments.bytes(0).unwrap_or_default())),
    }
}

fn unhex(arguments: &Arguments<'_, '_>) -> Value {
    let Some(digits) = arguments.text(0) else {
        return Value::Null;
    };
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits
    };
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = padded.as_bytes().chunks(2).map(pair).collect();
    bytes.map_or(Value::Null, Value::Blob)
}

fn length(arguments: &Arguments<'_, '_>, index: usize) -> Option<usize> {
    usize::try_from(arguments.integer(index)?)
        .ok()
        .filter(|length| *length <= MAX_LENGTH)
}

fn pad(arguments: &Arguments<'_, '_>, left: bool) -> Value {
    let (Some(value), Some(length), Some(filler)) =
        (arguments.text(0), length(arguments, 1), arguments.text(2))
    else {
        return Value::Null;
    };
    let have = value.chars().count();
    if have >= length {
        return Value::Text(value.chars().take(length).collect());
    }
    if filler.is_empty() {
        return Value::Null;
    }
    let padding: String = filler.chars().cycle().take(length - have).collect();
    Value::Text(if left {
        padding + &value
    } else {
        value + &padding
    })
}

/// The 1-based position of `needle` in `hay` at or behind `from`, 0 for none; case is ignored.
fn locate(needle: &str, hay: &str, from: usize) -> i64 {
    let hay: Vec<char> = hay.to_lowercase().chars().collect();
    let needle: Vec<char> = needle.to_lowercase().chars().collect();
    let start = from.max(1) - 1;
    if needle.is_empty() {
        return i64::try_from(start + 1).unwrap_or(0);
    }
    let windows = hay.windows(needle.len()).enumerate().skip(start);
    let found = windows
        .into_iter()
        .find(|(_, window)| *window == needle.as_slice());
    found.map_or(0, |(index, _)| i64::try_from(index + 1).unwrap_or(0))
}

/// LIKE with MySQL's backslash as escape, case ignored.
pub(crate) fn like(pattern: &str, text: &str, escape: char) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    like_chars(&pattern, &text, escape)
}

fn like_chars(pattern: &[char], text: &[char], escape: char) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let matched = match (pattern.get(p), text.get(t)) {
            (Some('%'), _) => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if *wanted == escape && p + 1 < pattern.len() => {
                p += 1;
                pattern.get(p) == Some(found)
            }
            (Some('_'), Some(_)) => true,
            (Some(wanted), Some(found)) => wanted == found,
            _ => false,
        };
        if matched {
            p += 1;
            t += 1;
        } else {
            let Some((after, start)) = retry.filter(|(_, start)| *start < text.len()) else {
                return false;
            };
            retry = Some((after, start + 1));
            p = after;
            t = start + 1;
        }
    }
}

fn register_search(connection: &Connection) -> Result<()> {
    scalar(connection, "like", 2, |arguments| {
        match (arguments.text(0), arguments.text(1)) {
            (Some(pattern), Some(value)) => Value::Integer(like(&pattern, &value, '\\').into()),
            _ => Value::Null,
        }
    })?;
    scalar(connection, "like", 3, |arguments| {
        let escape = arguments
            .text(2)
            .and_then(|text| text.chars().next())
            .unwrap_or('\0');
        match (arguments.text(0), arguments.text(1)) {
            (Some(pattern), Some(value)) => Value::Integer(like(&pattern, &value, escape).into()),
            _ => Value::Null,
        }
    })?;
    for name in ["locate", "mysql_locate"] {
        scalar(connection, name, -1, |arguments| {
            match (arguments.text(0), arguments.text(1)) {
                (Some(needle), Some(hay)) => {
                    Value::Integer(locate(&needle, &hay, length(arguments, 2).unwrap_or(1)))
                }
                _ => Value::Null,
            }
        })?;
    }
    scalar(connection, "instr", 2, |arguments| {
        match (arguments.text(0), arguments.text(1)) {
            (Some(hay), Some(needle)) => Value::Integer(locate(&needle, &hay, 1)),
            _ => Value::Null,
        }
    })?;
    scalar(connection, "find_in_set", 2, |arguments| {
        let (Some(wanted), Some(list)) = (arguments.text(0), arguments.text(1)) else {
            return Value::Null;
        };
        let position = list
            .split(',')
            .position(|item| item.eq_ignore_ascii_case(&wanted));
        Value::Integer(
            position
                .and_then(|index| i64::try_from(index + 1).ok())
                .unwrap_or(0),
        )
    })?;
    scalar(connection, "field", -1, |arguments| {
        let wanted = arguments.text(0);
        let position =
            (1..arguments.len()).find(|index| wanted.is_some() && arguments.text(*index) == wanted);
        Value::Integer(
            position
                .and_then(|index| i64::try_from(index).ok())
                .unwrap_or(0),
        )
    })?;
    scalar(connection, "strcmp", 2, |arguments| {
        match (arguments.text(0), arguments.text(1)) {
            (Some(a), Some(b)) => Value::Integer(a.to_lowercase().cmp(&b.to_lowercase()) as i64),
            _ => Value::Null,
        }
    })
}

fn register_parts(connection: &Connection) -> Result<()> {
    scalar(connection, "mysql_left", 2, |arguments| {
        let (value, count) = (arguments.text(0), arguments.integer(1));
        let count = count.map(|count| usize::try_from(count).unwrap_or(0));
        text(
            value
                .zip(count)
                .map(|(value, count)| value.chars().take(count).collect::<String>()),
        )
    })?;
    scalar(connection, "mysql_right", 2, |arguments| {
        let (value, count) = (arguments.text(0), arguments.integer(1));
        let count = count.map(|count| usize::try_from(count).unwrap_or(0));
        text(value.zip(count).map(|(value, count)| {
            let skip = value.chars().count().saturating_sub(count);
            value.chars().skip(skip).collect::<String>()
        }))
    })?;
    scalar(connection, "lpad", 3, |arguments| pad(arguments, true))?;
    scalar(connection, "rpad", 3, |arguments| pad(arguments, false))?;
    scalar(connection, "repeat", 2, |arguments| {
        let (Some(value), Some(count)) = (arguments.text(0), arguments.integer(1)) else {
            return Value::Null;
        };
        let count = usize::try_from(count).unwrap_or(0);
        let fits = value.len().saturating_mul(count) <= MAX_LENGTH;
        text(fits.then(|| value.repeat(count)))
    })?;
    scalar(connection, "space", 1, |arguments| {
        text(length(arguments, 0).map(|count| " ".repeat(count)))
    })?;
    scalar(connection, "reverse", 1, |arguments| {
        text(
            arguments
                .text(0)
                .map(|value| value.chars().rev().collect::<String>()),
        )
    })?;
    scalar(connection, "substring_index", 3, |arguments| {
        let (Some(value), Some(mark), Some(count)) =
            (arguments.text(0), arguments.text(1), arguments.integer(2))
        else {
            return Value::Null;
        };
        let parts: Vec<&str> = value.split(&mark).collect();
        let wanted = usize::try_from(count.unsigned_abs())
            .unwrap_or(usize::MAX)
            .min(parts.len());
        let kept = if count >= 0 {
            parts.get(..wanted)
        } else {
            parts.get(parts.len() - wanted..)
        };
        text(kept.map(|kept| kept.join(&mark)))
    })
}

/// Registers the functions.
pub(super) fn register(connection: &Connection) -> Result<()> {
    register_search(connection)?;
    register_parts(connection)?;
    scalar(connection, "concat", -1, concat)?;
    scalar(connection, "hex", 1, hex)?;
    scalar(connection, "unhex", 1, unhex)?;
    scalar(connection, "ascii", 1, |arguments| {
        let bytes = arguments.bytes(0);
        integer(bytes.map(|bytes| bytes.first().map_or(0, |byte| i64::from(*byte))))
    })?;
    scalar(connection, "mysql_isnull", 1, |arguments| {
        Value::Integer(arguments.is_null(0).into())
    })?;
    scalar(connection, "md5", 1, |arguments| {
        text(arguments.bytes(0).map(|bytes| md5_hex(&bytes)))
    })?;
    for name in ["sha1", "sha"] {
        scalar(connection, name, 1, |arguments| {
            let digest = arguments.bytes(0).map(|bytes| auth::stage1(&bytes));
            text(digest.map(|digest| hex_digits(&digest).to_lowercase()))
        })?;
    }
    scalar(connection, "elt", -1, |arguments| {
        let index = arguments
            .integer(0)
            .and_then(|index| usize::try_from(index).ok())
            .unwrap_or(0);
        text((index > 0).then(|| arguments.text(index)).flatten())
    })?;
    scalar(connection, "charset", 1, |_| {
        Value::Text("utf8mb4".to_owned())
    })?;
    scalar(connection, "collation", 1, |_| {
        Value::Text("utf8mb4_general_ci".to_owned())
    })?;
    volatile(connection, "uuid", 0, |_| Value::Text(uuid()))
}

fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    // A machine without a random source still gets a well-formed answer.
    getrandom::fill(&mut bytes).ok();
    let digits = hex_digits(&bytes).to_lowercase();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_wildcards_and_the_backslash() {
        for (pattern, value, matches) in [
            ("a%", "ABC", true),
            ("%b%", "abc", true),
            ("a_c", "abc", true),
            ("a\\_c", "abc", false),
            ("a\\_c", "a_c", true),
            ("%", "", true),
            ("%xyz", "xyxyz", true),
        ] {
            assert_eq!(
                like(pattern, value, '\\'),
                matches,
                "{value} like {pattern}"
            );
        }
    }
}
