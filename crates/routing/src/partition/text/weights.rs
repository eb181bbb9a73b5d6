//! The weights of a string, in the order in which its collation compares them.

use super::collation::Collation;
use super::general_ci;
use super::run_table::{Numbers, RunTable};

const ASCII_GENERAL_CI: RunTable = RunTable(include_bytes!("../../../tables/ascii_general_ci.bin"));
const LATIN1_SWEDISH_CI: RunTable =
    RunTable(include_bytes!("../../../tables/latin1_swedish_ci.bin"));
const GBK_CHINESE_CI: RunTable = RunTable(include_bytes!("../../../tables/gbk_chinese_ci.bin"));
const GB18030_CHINESE_CI: RunTable =
    RunTable(include_bytes!("../../../tables/gb18030_chinese_ci.bin"));
const UNICODE_CI: RunTable = RunTable(include_bytes!("../../../tables/unicode_ci.bin"));
const UCA_0900: [RunTable; 3] = [
    RunTable(include_bytes!("../../../tables/uca_0900_primary.bin")),
    RunTable(include_bytes!("../../../tables/uca_0900_secondary.bin")),
    RunTable(include_bytes!("../../../tables/uca_0900_tertiary.bin")),
];

/// Iterator over the weights of a string; see [`weights`].
#[derive(Debug, Clone)]
pub(super) struct Weights<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    collation: Collation,
    level: usize,
    pending: Numbers,
}

/// The weights of a string. Levels are separated by 0; what is not known is left out, which
/// [`knows`] rules out.
pub(super) fn weights(bytes: &[u8], collation: Collation) -> Weights<'_> {
    Weights {
        all: bytes,
        rest: bytes,
        collation,
        level: 0,
        pending: Numbers::default(),
    }
}

/// Whether the string is well formed and all its weights are known.
pub(super) fn knows(bytes: &[u8], collation: Collation) -> bool {
    let mut rest = bytes;
    while let Some((code, behind)) = collation.encoding().split(rest) {
        let known = match collation {
            Collation::GbkChineseCi | Collation::Gb18030ChineseCi => {
                single(code, collation).is_some()
            }
            Collation::UnicodeCi => UNICODE_CI.get(code).is_some(),
            Collation::AiCi0900 | Collation::AsCs0900 => {
                UCA_0900.iter().all(|level| level.get(code).is_some())
            }
            _ => true,
        };
        if !known {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

/// The weight of a byte in a hash that goes by bytes.
pub(super) fn of_byte(byte: u8, collation: Collation) -> u8 {
    if collation == Collation::GbkChineseCi && byte >= 0x80 {
        return byte;
    }
    let weight = single(byte.into(), collation);
    weight.map_or(byte, |weight| u8::try_from(weight).unwrap_or(byte))
}

/// The weight of a space, which fills shorter strings up.
pub(super) fn of_space(collation: Collation) -> Option<u32> {
    weights(b" ", Collation::on_utf8(collation)).next()
}

/// The weight of a code where each has exactly one.
fn single(code: u32, collation: Collation) -> Option<u32> {
    match collation {
        Collation::GeneralCi(_) => {
            let character = char::from_u32(code)?;
            Some(general_ci::weight(character).into())
        }
        Collation::AsciiGeneralCi => ASCII_GENERAL_CI.number(code),
        Collation::Latin1SwedishCi => LATIN1_SWEDISH_CI.number(code),
        Collation::GbkChineseCi => GBK_CHINESE_CI.number(code),
        Collation::Gb18030ChineseCi => GB18030_CHINESE_CI.number(code),
        _ => Some(code),
    }
}

impl Collation {
    /// The same weights over a set in which a space is one byte.
    fn on_utf8(self) -> Self {
        use super::encoding::Encoding;
        match self {
            Self::Codes(Encoding::Utf16) => Self::Codes(Encoding::Utf8),
            Self::GeneralCi(_) => Self::GeneralCi(Encoding::Utf8),
            other => other,
        }
    }
}

impl Iterator for Weights<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(weight) = self.pending.next() {
                return Some(weight.into());
            }
            let Some((code, rest)) = self.collation.encoding().split(self.rest) else {
                if self.collation != Collation::AsCs0900 || self.level == 2 {
                    return None;
                }
                self.level += 1;
                self.rest = self.all;
                return Some(0);
            };
            self.rest = rest;
            let table = match self.collation {
                Collation::UnicodeCi => &UNICODE_CI,
                Collation::AiCi0900 | Collation::AsCs0900 => UCA_0900.get(self.level)?,
                _ => return single(code, self.collation),
            };
            self.pending = table.get(code).unwrap_or_default();
        }
    }
}
