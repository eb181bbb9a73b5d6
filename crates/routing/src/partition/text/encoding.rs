//! Character sets of string columns and of literals: where characters begin, and how one set's text is
//! written in another.

use super::run_table::RunTable;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

const GBK_CODES: RunTable = RunTable(include_bytes!("../../../tables/gbk_codes.bin"));
const GBK_POINTS: RunTable = RunTable(include_bytes!("../../../tables/gbk_points.bin"));
const GB18030_CODES: RunTable = RunTable(include_bytes!("../../../tables/gb18030_codes.bin"));
const GB18030_POINTS: RunTable = RunTable(include_bytes!("../../../tables/gb18030_points.bin"));
const LATIN1_POINTS: RunTable = RunTable(include_bytes!("../../../tables/latin1_points.bin"));

/// Four-byte characters of GB18030 are counted from here.
const FOUR_BYTES: u32 = 0x1_0000;

/// A character set that is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Encoding {
    /// Bytes without characters.
    Binary,
    /// ASCII.
    Ascii,
    /// Windows code page 1252, as `latin1` is.
    Latin1,
    /// UTF-8, of up to four bytes.
    Utf8,
    /// UTF-16, high byte first.
    Utf16,
    /// GBK.
    Gbk,
    /// GB18030.
    Gb18030,
}

impl Encoding {
    /// The character set of a collation's id (`information_schema.COLLATIONS`); `None` for one that is
    /// not computed.
    pub(crate) fn of_collation(id: u16) -> Option<Self> {
        Some(match id {
            63 => Self::Binary,
            11 | 65 => Self::Ascii,
            5 | 8 | 15 | 31 | 47..=49 | 94 => Self::Latin1,
            33 | 45 | 46 | 76 | 83 | 192..=215 | 223..=247 | 255..=323 => Self::Utf8,
            54 | 55 | 101..=124 => Self::Utf16,
            28 | 87 => Self::Gbk,
            248 | 249 => Self::Gb18030,
            _ => return None,
        })
    }

    /// Whether every character can be written.
    pub(crate) fn holds_everything(self) -> bool {
        matches!(self, Self::Utf8 | Self::Utf16 | Self::Gb18030)
    }

    /// Whether ASCII is written as single bytes.
    fn holds_ascii(self) -> bool {
        self != Self::Utf16
    }

    /// Cuts the first character off: its code in this set and the rest; `None` when none is well formed.
    pub(super) fn split(self, bytes: &[u8]) -> Option<(u32, &[u8])> {
        let (&first, rest) = bytes.split_first()?;
        let alone = Some((u32::from(first), rest));
        match (self, first) {
            (Self::Utf16, _) => split_utf16(bytes),
            (Self::Binary | Self::Latin1, _) | (_, 0..=0x7F) => alone,
            (Self::Utf8, 0x80..) => {
                let length = match first {
                    0xC2..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF4 => 4,
                    _ => return None,
                };
                let (character, rest) = bytes.split_at_checked(length)?;
                let point = std::str::from_utf8(character).ok()?.chars().next()?;
                Some((point.into(), rest))
            }
            (Self::Gbk | Self::Gb18030, 0x81..=0xFE) => match *rest {
                [second @ (0x40..=0x7E | 0x80..=0xFE), ref rest @ ..] => {
                    Some((u32::from(u16::from_be_bytes([first, second])), rest))
                }
                [
                    b @ b'0'..=b'9',
                    c @ 0x81..=0xFE,
                    d @ b'0'..=b'9',
                    ref rest @ ..,
                ] if self == Self::Gb18030 => {
                    let [a, b, c, d] = [first - 0x81, b - b'0', c - 0x81, d - b'0'].map(u32::from);
                    Some((FOUR_BYTES + ((a * 10 + b) * 126 + c) * 10 + d, rest))
                }
                _ => None,
            },
            (Self::Ascii | Self::Gbk | Self::Gb18030, _) => None,
        }
    }

    /// What is left without the first character; `None` when none is well formed.
    pub(crate) fn behind_first(self, bytes: &[u8]) -> Option<&[u8]> {
        self.split(bytes).map(|(_, rest)| rest)
    }

    /// How many characters `bytes` are; `None` when they are no text of this set.
    pub(crate) fn count(self, mut bytes: &[u8]) -> Option<usize> {
        if self == Self::Binary || self.holds_ascii() && bytes.is_ascii() {
            return Some(bytes.len());
        }
        let mut count = 0;
        while !bytes.is_empty() {
            (_, bytes) = self.split(bytes)?;
            count += 1;
        }
        Some(count)
    }

    /// The code point of a code of this set.
    fn point(self, code: u32) -> Option<char> {
        let point = match self {
            Self::Binary => return None,
            Self::Utf8 | Self::Utf16 | Self::Ascii => code,
            Self::Gbk | Self::Gb18030 | Self::Latin1 if code < 0x80 => code,
            Self::Latin1 => LATIN1_POINTS.number(code)?,
            Self::Gbk => GBK_POINTS.number(code)?,
            Self::Gb18030 => GB18030_POINTS.number(code)?,
        };
        char::from_u32(point)
    }

    /// Writes a character; `None` when the set does not have it.
    fn write(self, point: char, out: &mut Vec<u8>) -> Option<()> {
        let code = u32::from(point);
        match self {
            Self::Binary => return None,
            Self::Utf8 => out.extend(point.encode_utf8(&mut [0; 4]).bytes()),
            Self::Utf16 => {
                let units = point.encode_utf16(&mut [0; 2]).to_owned();
                out.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
            }
            _ if code < 0x80 => out.push(u8::try_from(code).ok()?),
            Self::Ascii => return None,
            Self::Latin1 => {
                let is = |byte: &u8| LATIN1_POINTS.number((*byte).into()) == Some(code);
                out.push((0x80..=0xFF).find(is)?);
            }
            Self::Gbk => out.extend(u16::try_from(GBK_CODES.number(code)?).ok()?.to_be_bytes()),
            Self::Gb18030 => write_gb18030(GB18030_CODES.number(code)?, out)?,
        }
        Some(())
    }

    /// The text `bytes` of this set in another one; `None` when it is not well formed or the other set
    /// lacks a character.
    pub(crate) fn transcode(self, bytes: Cow<'_, [u8]>, to: Self) -> Option<Cow<'_, [u8]>> {
        let ascii = self.holds_ascii() && to.holds_ascii() && bytes.is_ascii();
        if self == to || to == Self::Binary || ascii {
            return Some(bytes);
        }
        if self == Self::Binary {
            return Some(align(bytes, to));
        }
        let mut out = Vec::with_capacity(bytes.len() * 2);
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            let (code, behind) = self.split(rest)?;
            to.write(self.point(code)?, &mut out)?;
            rest = behind;
        }
        Some(Cow::Owned(out))
    }
}

/// Bytes become text as they are; half a unit of UTF-16 is filled up in front.
fn align(bytes: Cow<'_, [u8]>, to: Encoding) -> Cow<'_, [u8]> {
    if to != Encoding::Utf16 || bytes.len().is_multiple_of(2) {
        return bytes;
    }
    let mut whole = vec![0];
    whole.extend_from_slice(&bytes);
    Cow::Owned(whole)
}

fn split_utf16(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (unit, rest) = bytes.split_first_chunk::<2>()?;
    let first = u32::from(u16::from_be_bytes(*unit));
    match first {
        0xD800..=0xDBFF => {
            let (unit, rest) = rest.split_first_chunk::<2>()?;
            let second = u32::from(u16::from_be_bytes(*unit));
            let low = second.checked_sub(0xDC00).filter(|&low| low < 0x400)?;
            Some((0x1_0000 + ((first - 0xD800) << 10) + low, rest))
        }
        0xDC00..=0xDFFF => None,
        _ => Some((first, rest)),
    }
}

fn write_gb18030(code: u32, out: &mut Vec<u8>) -> Option<()> {
    let Some(number) = code.checked_sub(FOUR_BYTES) else {
        out.extend(u16::try_from(code).ok()?.to_be_bytes());
        return Some(());
    };
    let byte = |number: u32, base: u8| u8::try_from(number).ok()?.checked_add(base);
    out.push(byte(number / 12_600, 0x81)?);
    out.push(byte(number / 1260 % 10, b'0')?);
    out.push(byte(number / 10 % 126, 0x81)?);
    out.push(byte(number % 10, b'0')?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_written_in_other_sets() {
        let to = |encoding| {
            let text = Cow::Borrowed("aé中".as_bytes());
            Encoding::Utf8
                .transcode(text, encoding)
                .map(Cow::into_owned)
        };
        assert_eq!(to(Encoding::Gbk).unwrap(), b"a\xA8\xA6\xD6\xD0");
        assert_eq!(to(Encoding::Gb18030).unwrap(), b"a\xA8\xA6\xD6\xD0");
        assert_eq!(to(Encoding::Utf16).unwrap(), b"\0a\0\xE9\x4E\x2D");
        assert_eq!(to(Encoding::Latin1), None);
        assert_eq!(to(Encoding::Ascii), None);
        let four = Encoding::Utf8.transcode(Cow::Borrowed("😀".as_bytes()), Encoding::Gb18030);
        assert_eq!(four.unwrap().as_ref(), b"\x94\x39\xFC\x36");
    }

    proptest! {
        #[test]
        fn what_a_set_can_hold_comes_back(text in any::<String>()) {
            for encoding in [Encoding::Utf16, Encoding::Gb18030, Encoding::Gbk, Encoding::Latin1] {
                let there = Encoding::Utf8.transcode(Cow::Borrowed(text.as_bytes()), encoding);
                let Some(there) = there else { continue };
                let back = encoding.transcode(there, Encoding::Utf8).unwrap();
                prop_assert_eq!(back.as_ref(), text.as_bytes());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            for from in [Encoding::Utf16, Encoding::Gb18030, Encoding::Gbk, Encoding::Utf8] {
                from.count(&bytes);
                from.transcode(Cow::Borrowed(&bytes), Encoding::Utf8);
            }
        }
    }
}
