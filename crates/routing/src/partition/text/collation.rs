//! The collations that are computed: their character sets and how their hash goes.

use super::encoding::Encoding;
use serde::{Deserialize, Serialize};

/// A collation whose strings are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Collation {
    /// `binary`: bytes; trailing spaces count.
    Binary,
    /// `utf8mb4_bin`, `gbk_bin`, `gb18030_bin`, `latin1_bin`, `ascii_bin`, `utf16_bin`: codes.
    Codes(Encoding),
    /// `utf8mb4_0900_bin`: codes; trailing spaces count, but not in the hash.
    Codes0900,
    /// `utf8mb4_general_ci`, `utf16_general_ci`: a 16-bit weight per character.
    GeneralCi(Encoding),
    /// `ascii_general_ci`: a weight per byte.
    AsciiGeneralCi,
    /// `latin1_swedish_ci`: a weight per byte.
    Latin1SwedishCi,
    /// `gbk_chinese_ci`: compared by a weight per character, hashed by one per byte.
    GbkChineseCi,
    /// `gb18030_chinese_ci`: a 32-bit weight per character.
    Gb18030ChineseCi,
    /// `utf8mb4_unicode_ci`: UCA 4.0.
    UnicodeCi,
    /// `utf8mb4_0900_ai_ci`: the first level of UCA 9.0; trailing spaces count.
    AiCi0900,
    /// `utf8mb4_0900_as_cs`: three levels of UCA 9.0; trailing spaces count.
    AsCs0900,
}

/// How the weights of a string go into the hash of `PARTITION BY KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    /// The bytes at once.
    Bytes,
    /// A weight for every byte, in pieces.
    ByteWeights,
    /// The weights in pieces, each with so many bytes.
    Weights2,
    /// As [`Self::Weights2`] with four bytes.
    Weights4,
    /// As [`Self::Weights4`], without the weights of spaces at the end.
    Weights4WithoutSpaces,
    /// Not murmur: FNV over whole weights.
    Fnv,
}

impl Collation {
    /// `utf8mb4_general_ci`.
    pub(crate) const DEFAULT: Self = Self::GeneralCi(Encoding::Utf8);

    /// The collation with this id (`part_key_collation_type`); 0 stands for the default.
    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Some(match id {
            63 => Self::Binary,
            46 | 47 | 55 | 65 | 87 | 249 => Self::Codes(Encoding::of_collation(id)?),
            309 => Self::Codes0900,
            0 | 45 => Self::GeneralCi(Encoding::Utf8),
            54 => Self::GeneralCi(Encoding::Utf16),
            8 => Self::Latin1SwedishCi,
            11 => Self::AsciiGeneralCi,
            28 => Self::GbkChineseCi,
            248 => Self::Gb18030ChineseCi,
            224 => Self::UnicodeCi,
            255 => Self::AiCi0900,
            278 => Self::AsCs0900,
            _ => return None,
        })
    }

    /// The character set of its strings.
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Binary => Encoding::Binary,
            Self::Codes(encoding) | Self::GeneralCi(encoding) => encoding,
            Self::AsciiGeneralCi => Encoding::Ascii,
            Self::Latin1SwedishCi => Encoding::Latin1,
            Self::GbkChineseCi => Encoding::Gbk,
            Self::Gb18030ChineseCi => Encoding::Gb18030,
            Self::Codes0900 | Self::UnicodeCi | Self::AiCi0900 | Self::AsCs0900 => Encoding::Utf8,
        }
    }

    pub(super) fn hashing(self) -> Hashing {
        match self {
            Self::Binary | Self::Codes(_) | Self::Codes0900 => Hashing::Bytes,
            Self::AsciiGeneralCi | Self::Latin1SwedishCi | Self::GbkChineseCi => {
                Hashing::ByteWeights
            }
            Self::GeneralCi(_) => Hashing::Weights2,
            Self::Gb18030ChineseCi => Hashing::Weights4,
            Self::UnicodeCi => Hashing::Weights4WithoutSpaces,
            Self::AiCi0900 | Self::AsCs0900 => Hashing::Fnv,
        }
    }

    /// Whether the hash leaves trailing spaces out.
    pub(super) fn hash_trims(self) -> bool {
        !matches!(self, Self::Binary | Self::AiCi0900 | Self::AsCs0900)
    }

    /// Whether the shorter of two strings is filled up with spaces when they are compared.
    pub(super) fn pads(self) -> bool {
        self.hash_trims() && self != Self::Codes0900
    }
}
