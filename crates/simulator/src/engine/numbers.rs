//! Numbers: rounding, conversion and the few functions that SQLite's build may lack.

use crate::engine::functions::{Arguments, integer, scalar, volatile};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

/// The number that a text begins with, 0 when there is none.
pub(crate) fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    for (index, character) in text.char_indices() {
        let taken = character.is_ascii_digit()
            || character == '.'
            || (index == 0 && matches!(character, '-' | '+'))
            || matches!(character, 'e' | 'E');
        if !taken {
            break;
        }
        end = index + 1;
    }
    let mut candidate = text.get(..end).unwrap_or_default();
    loop {
        if candidate.is_empty() {
            return 0.0;
        }
        if let Ok(number) = candidate.parse() {
            return number;
        }
        candidate = candidate.get(..candidate.len() - 1).unwrap_or_default();
    }
}

/// The nearest whole number, halves away from zero.
#[expect(
    clippy::cast_possible_truncation,
    reason = "out of range saturates, as in MySQL"
)]
pub(crate) fn rounded(number: f64) -> i64 {
    number.round() as i64
}

fn digits(arguments: &Arguments<'_, '_>, index: usize) -> i32 {
    i32::try_from(arguments.integer(index).unwrap_or(0).clamp(-30, 30)).unwrap_or(0)
}

fn round_with(arguments: &Arguments<'_, '_>, rounder: impl Fn(f64) -> f64) -> Value {
    let Some(number) = arguments.real(0) else {
        return Value::Null;
    };
    if let ValueRef::Integer(number) = arguments.raw(0)
        && digits(arguments, 1) >= 0
    {
        return Value::Integer(number);
    }
    if arguments.len() < 2 || digits(arguments, 1) == 0 {
        return Value::Integer(rounded(rounder(number)));
    }
    let scale = 10_f64.powi(digits(arguments, 1));
    // Nudging by an ulp makes 1.005 round as its decimal form does.
    Value::Real(rounder(number * scale * (1.0 + f64::EPSILON)) / scale)
}

fn remainder(arguments: &Arguments<'_, '_>) -> Value {
    if let (ValueRef::Integer(a), ValueRef::Integer(b)) = (arguments.raw(0), arguments.raw(1)) {
        return integer(a.checked_rem(b));
    }
    match (arguments.real(0), arguments.real(1)) {
        (Some(a), Some(b)) if b != 0.0 => Value::Real(a % b),
        _ => Value::Null,
    }
}

fn unary(function: fn(f64) -> f64) -> impl Fn(&Arguments<'_, '_>) -> Value {
    move |arguments| match arguments.real(0).map(function) {
        Some(result) if result.is_finite() => Value::Real(result),
        _ => Value::Null,
    }
}

/// A number between 0 and 1 out of 53 random bits.
fn random() -> f64 {
    let mut bytes = [0_u8; 8];
    // Without a random source, a constant is as good a number as any other for SQL.
    getrandom::fill(&mut bytes).ok();
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    let bits = (u64::from_le_bytes(bytes) >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

fn decimal(arguments: &Arguments<'_, '_>) -> Value {
    let Some(number) = arguments.real(0) else {
        return Value::Null;
    };
    let scale = usize::try_from(arguments.integer(1).unwrap_or(0)).unwrap_or(0);
    Value::Text(format!("{number:.scale$}"))
}

/// Registers the functions.
pub(super) fn register(connection: &Connection) -> Result<()> {
    scalar(connection, "round", -1, |arguments| {
        round_with(arguments, f64::round)
    })?;
    scalar(connection, "truncate", 2, |arguments| {
        round_with(arguments, f64::trunc)
    })?;
    for name in ["ceil", "ceiling"] {
        scalar(connection, name, 1, |arguments| {
            integer(arguments.real(0).map(|number| rounded(number.ceil())))
        })?;
    }
    scalar(connection, "floor", 1, |arguments| {
        integer(arguments.real(0).map(|number| rounded(number.floor())))
    })?;
    scalar(connection, "mod", 2, remainder)?;
    for name in ["pow", "power"] {
        scalar(connection, name, 2, |arguments| {
            match (arguments.real(0), arguments.real(1)) {
                (Some(base), Some(exponent)) => Value::Real(base.powf(exponent)),
                _ => Value::Null,
            }
        })?;
    }
    scalar(connection, "sqrt", 1, unary(f64::sqrt))?;
    scalar(connection, "exp", 1, unary(f64::exp))?;
    scalar(connection, "ln", 1, unary(f64::ln))?;
    scalar(connection, "log2", 1, unary(f64::log2))?;
    scalar(connection, "log10", 1, unary(f64::log10))?;
    scalar(connection, "mysql_integer", 1, |arguments| {
        integer(arguments.integer(0))
    })?;
    scalar(connection, "mysql_decimal", 2, decimal)?;
    scalar(connection, "bit_count", 1, |arguments| {
        integer(
            arguments
                .integer(0)
                .map(|number| i64::from(number.count_ones())),
        )
    })?;
    scalar(connection, "crc32", 1, |arguments| {
        integer(arguments.bytes(0).map(|bytes| i64::from(crc32(&bytes))))
    })?;
    scalar(connection, "mysql_format", 2, |arguments| {
        let Some(number) = arguments.real(0) else {
            return Value::Null;
        };
        let scale = usize::try_from(arguments.integer(1).unwrap_or(0)).unwrap_or(0);
        Value::Text(grouped(&format!("{number:.scale$}")))
    })?;
    scalar(connection, "bin", 1, |arguments| {
        arguments
            .integer(0)
            .map_or(Value::Null, |number| Value::Text(format!("{number:b}")))
    })?;
    scalar(connection, "oct", 1, |arguments| {
        arguments
            .integer(0)
            .map_or(Value::Null, |number| Value::Text(format!("{number:o}")))
    })?;
    volatile(connection, "rand", -1, |_| Value::Real(random()))
}

/// A decimal number with commas between thousands.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number
        .split_once('.')
        .map_or((number, None), |(a, b)| (a, Some(b)));
    let digits: Vec<char> = whole.chars().collect();
    let mut text = String::new();
    for (index, digit) in digits.iter().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && text != "-" {
            text.push(',');
        }
        text.push(*digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// CRC-32 as in IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xEDB8_8320
        } else {
            crc >> 1
        }
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_front_of_a_text() {
        for (text, number) in [
            ("12abc", 12.0),
            ("-1.5e2x", -150.0),
            ("x", 0.0),
            ("", 0.0),
            ("1e", 1.0),
        ] {
            assert!((leading_number(text) - number).abs() < 1e-9, "{text}");
        }
        assert_eq!(rounded(2.5), 3);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
