//! The collations that are computed, and their weights.

use super::{general_ci, uca_ascii};

/// A collation whose strings are computed, at least in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collation {
    /// `binary`: bytes; trailing spaces count.
    Binary,
    /// `utf8mb4_bin`: bytes.
    Utf8Bytes,
    /// `utf8mb4_0900_bin`: bytes; trailing spaces count, but not in the hash.
    Utf8Bytes0900,
    /// `gbk_bin`, `latin1_bin`, `gb18030_bin`, `ascii_bin`: bytes, of which ASCII is known here.
    AsciiBytes,
    /// `utf16_bin`: 16-bit units.
    Utf16Bytes,
    /// `utf8mb4_general_ci`: a 16-bit weight per character.
    GeneralCi,
    /// `utf16_general_ci`: the same weights.
    Utf16GeneralCi,
    /// `gbk_chinese_ci`, `latin1_swedish_ci`, `ascii_general_ci`: a weight per byte.
    ByteCi,
    /// `utf8mb4_unicode_ci`.
    UnicodeCi,
    /// `utf8mb4_0900_ai_ci`; trailing spaces count.
    Unicode0900AiCi,
}

impl Collation {
    /// The collation with this id (`part_key_collation_type`); 0 stands for the default.
    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Some(match id {
            63 => Self::Binary,
            46 => Self::Utf8Bytes,
            309 => Self::Utf8Bytes0900,
            47 | 65 | 87 | 249 => Self::AsciiBytes,
            55 => Self::Utf16Bytes,
            0 | 45 => Self::GeneralCi,
            54 => Self::Utf16GeneralCi,
            8 | 11 | 28 => Self::ByteCi,
            224 => Self::UnicodeCi,
            255 => Self::Unicode0900AiCi,
            _ => return None,
        })
    }

    /// Whether a column of this collation holds ASCII as single bytes.
    pub(crate) fn is_ascii_compatible(self) -> bool {
        !matches!(self, Self::Utf16Bytes | Self::Utf16GeneralCi)
    }

    /// Whether the weights of this string are known.
    pub(super) fn computes(self, bytes: &[u8]) -> bool {
        match self {
            Self::Binary => true,
            Self::Utf8Bytes
            | Self::Utf8Bytes0900
            | Self::Utf16Bytes
            | Self::GeneralCi
            | Self::Utf16GeneralCi => std::str::from_utf8(bytes).is_ok(),
            Self::AsciiBytes | Self::UnicodeCi | Self::Unicode0900AiCi => bytes.is_ascii(),
            // Some of these have odd weights behind `z`.
            Self::ByteCi => bytes.iter().all(|&byte| byte <= b'z'),
        }
    }

    /// Whether the hash leaves trailing spaces out.
    pub(super) fn hash_trims(self) -> bool {
        !matches!(self, Self::Binary | Self::Unicode0900AiCi)
    }

    /// What the shorter of two strings is filled up with when they are compared.
    pub(super) fn pad(self) -> Option<u16> {
        match self {
            Self::Binary | Self::Utf8Bytes0900 | Self::Unicode0900AiCi => None,
            _ => self.byte_weight(b' '),
        }
    }

    /// The weights of a string, in order.
    pub(super) fn weights(self, bytes: &[u8]) -> impl Iterator<Item = u16> {
        let by_character = matches!(
            self,
            Self::GeneralCi | Self::Utf16GeneralCi | Self::Utf16Bytes
        );
        let text = std::str::from_utf8(bytes).ok().filter(|_| by_character);
        let bytes = if by_character { &[] } else { bytes };
        let characters = text.unwrap_or_default().chars();
        let of_characters = characters.flat_map(move |character| self.character_weights(character));
        let of_bytes = bytes.iter().filter_map(move |&byte| self.byte_weight(byte));
        of_bytes.chain(of_characters)
    }

    fn byte_weight(self, byte: u8) -> Option<u16> {
        let in_table = |table: &[u16; 128]| {
            let weight = table.get(usize::from(byte)).copied();
            weight.filter(|&weight| weight != 0)
        };
        match self {
            Self::GeneralCi | Self::Utf16GeneralCi | Self::ByteCi => {
                Some(byte.to_ascii_uppercase().into())
            }
            Self::UnicodeCi => in_table(&uca_ascii::UNICODE),
            Self::Unicode0900AiCi => in_table(&uca_ascii::UNICODE_0900),
            _ => Some(byte.into()),
        }
    }

    fn character_weights(self, character: char) -> impl Iterator<Item = u16> {
        let mut units = [0; 2];
        let count = if self == Self::Utf16Bytes {
            character.encode_utf16(&mut units).len()
        } else {
            units = [general_ci::weight(character), 0];
            1
        };
        units.into_iter().take(count)
    }
}
