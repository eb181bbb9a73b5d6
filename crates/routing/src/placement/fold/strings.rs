//! Functions on strings of ASCII, which are the same in every character set.

use super::text;
use crate::partition::operand::Operand;

/// The longest string that is made, in bytes.
const MAX_LENGTH: usize = 4096;

/// What the function of this name, in lower case, makes of its arguments.
pub(super) fn named<'a>(name: &[u8], arguments: &[Operand<'a>]) -> Option<Operand<'a>> {
    if name == b"hex"
        && let [Operand::Integer(number)] = arguments
    {
        let number = i64::try_from(*number).ok()?;
        return Some(text(format!("{number:X}").into_bytes()));
    }
    if name == b"concat" {
        let is_null = arguments.contains(&Operand::Null);
        let mut joined = Vec::new();
        for argument in arguments.iter().filter(|it| **it != Operand::Null) {
            match argument {
                Operand::Integer(number) => joined.extend(number.to_string().into_bytes()),
                argument => joined.extend_from_slice(ascii(argument)?),
            }
        }
        let short = joined.len() <= MAX_LENGTH;
        return short.then(|| if is_null { Operand::Null } else { text(joined) });
    }
    let (first, rest) = arguments.split_first()?;
    let bytes = ascii(first)?;
    let made = match (name, rest) {
        (b"length" | b"octet_length" | b"char_length" | b"character_length", []) => {
            return Some(Operand::Integer(i128::try_from(bytes.len()).ok()?));
        }
        (b"lower" | b"lcase", []) => bytes.to_ascii_lowercase(),
        (b"upper" | b"ucase", []) => bytes.to_ascii_uppercase(),
        (b"trim", []) => trimmed(trimmed_end(bytes)).to_vec(),
        (b"ltrim", []) => trimmed(bytes).to_vec(),
        (b"rtrim", []) => trimmed_end(bytes).to_vec(),
        (b"reverse", []) => bytes.iter().rev().copied().collect(),
        (b"hex", []) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
            digits.collect::<String>().into_bytes()
        }
        (b"left", [Operand::Integer(count)]) => {
            let count = usize::try_from(*count).unwrap_or(0).min(bytes.len());
            bytes.get(..count)?.to_vec()
        }
        (b"right", [Operand::Integer(count)]) => {
            let count = usize::try_from(*count).unwrap_or(0).min(bytes.len());
            bytes.get(bytes.len() - count..)?.to_vec()
        }
        (b"repeat", [Operand::Integer(count)]) => {
            let count = usize::try_from(*count).unwrap_or(0);
            let length = bytes.len().checked_mul(count)?;
            (length <= MAX_LENGTH).then(|| bytes.repeat(count))?
        }
        (b"substr" | b"substring" | b"mid", [Operand::Integer(from)]) => {
            part(bytes, *from, i128::MAX)?.to_vec()
        }
        (b"substr" | b"substring" | b"mid", [Operand::Integer(from), Operand::Integer(length)]) => {
            part(bytes, *from, *length)?.to_vec()
        }
        (b"lpad" | b"rpad", [Operand::Integer(length), pad]) => {
            padded(bytes, *length, ascii(pad)?, name == b"lpad")?
        }
        _ => return None,
    };
    (made.len() <= MAX_LENGTH).then(|| text(made))
}

fn ascii<'o>(operand: &'o Operand<'_>) -> Option<&'o [u8]> {
    match operand {
        Operand::Text { bytes, .. } if bytes.is_ascii() => Some(bytes),
        _ => None,
    }
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b" ") {
        bytes = rest;
    }
    bytes
}

fn trimmed_end(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_suffix(b" ") {
        bytes = rest;
    }
    bytes
}

/// `SUBSTR`: places count from 1, or from the end with a minus; there is no place 0.
fn part(bytes: &[u8], from: i128, length: i128) -> Option<&[u8]> {
    let size = i128::try_from(bytes.len()).ok()?;
    let start = match from {
        1.. => from - 1,
        0 => return Some(b""),
        _ if -from <= size => size + from,
        _ => return Some(b""),
    };
    let end = start.saturating_add(length.max(0)).min(size);
    let range = usize::try_from(start.min(size)).ok()?..usize::try_from(end).ok()?;
    Some(bytes.get(range).unwrap_or_default())
}

fn padded(bytes: &[u8], length: i128, pad: &[u8], in_front: bool) -> Option<Vec<u8>> {
    let length = usize::try_from(length)
        .ok()
        .filter(|it| *it <= MAX_LENGTH)?;
    let Some(missing) = length.checked_sub(bytes.len()) else {
        return Some(bytes.get(..length)?.to_vec());
    };
    if pad.is_empty() {
        return None;
    }
    let pad: Vec<u8> = pad.iter().copied().cycle().take(missing).collect();
    Some(if in_front {
        [&pad, bytes].concat()
    } else {
        [bytes, &pad].concat()
    })
}
