//! Strings of key columns: how a collation compares and hashes them.
//!
//! A string that is not well formed, or holds a character whose weight is not known, is not computed.

mod collation;
mod encoding;
mod general_ci;
mod run_table;
mod weights;

use super::murmur::murmur64a;
pub(crate) use collation::Collation;
use collation::Hashing;
pub(crate) use encoding::Encoding;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use weights::weights;

/// The server hashes weights in pieces of this many bytes.
const PIECE: usize = 128;

/// A string in its collation's character set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Text<'a> {
    bytes: Cow<'a, [u8]>,
    collation: Collation,
}

impl<'a> Text<'a> {
    /// `None` when the collation is not computed for this string.
    pub(crate) fn new(bytes: Cow<'a, [u8]>, collation: Collation) -> Option<Self> {
        weights::knows(&bytes, collation).then_some(Self { bytes, collation })
    }

    /// The same text, which borrows nothing.
    pub(crate) fn into_owned(self) -> Text<'static> {
        Text {
            bytes: Cow::Owned(self.bytes.into_owned()),
            collation: self.collation,
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its character set.
    pub(crate) fn encoding(&self) -> Encoding {
        self.collation.encoding()
    }

    /// Its characters; `None` when it is not well formed.
    pub(crate) fn characters(&self) -> Option<Vec<&[u8]>> {
        let mut characters = Vec::new();
        let mut rest: &[u8] = &self.bytes;
        while !rest.is_empty() {
            let (_, behind) = self.encoding().split(rest)?;
            characters.push(rest.get(..rest.len() - behind.len())?);
            rest = behind;
        }
        Some(characters)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The hash of `PARTITION BY KEY`, chained from `seed`.
    pub(crate) fn hash(&self, seed: u64) -> u64 {
        let text = self.without_trailing_spaces();
        match self.collation.hashing() {
            Hashing::Bytes => murmur64a(text, seed),
            Hashing::ByteWeights => {
                let weight = |&byte| weights::of_byte(byte, self.collation).into();
                hash_in_pieces::<1>(text.iter().map(weight), seed)
            }
            Hashing::Weights2 => hash_in_pieces::<2>(weights(text, self.collation), seed),
            Hashing::Weights4 => hash_in_pieces::<4>(weights(text, self.collation), seed),
            Hashing::Weights4WithoutSpaces => {
                let space = weights::of_space(self.collation);
                let all = weights(text, self.collation);
                let is_space = |weight: u32| Some(weight) == space;
                let behind = |(at, weight)| (!is_space(weight)).then_some(at + 1);
                let length = all.clone().enumerate().filter_map(behind).last();
                hash_in_pieces::<4>(all.take(length.unwrap_or(0)), seed)
            }
            Hashing::Fnv => {
                const BASIS: u64 = 14_695_981_039_346_656_037;
                const PRIME: u64 = 1_099_511_628_211;
                let mix = |hash: u64, weight| (hash ^ u64::from(weight)).wrapping_mul(PRIME);
                weights(text, self.collation).fold(seed ^ BASIS, mix)
            }
        }
    }

    /// The string without its trailing spaces, where the hash leaves them out.
    fn without_trailing_spaces(&self) -> &[u8] {
        let mut bytes: &[u8] = &self.bytes;
        if !self.collation.hash_trims() {
            return bytes;
        }
        loop {
            bytes = match (self.collation.encoding(), bytes) {
                (Encoding::Utf16, [rest @ .., 0, b' ']) => rest,
                (Encoding::Utf16, _) => return bytes,
                (_, [rest @ .., b' ']) => rest,
                _ => return bytes,
            };
        }
    }
}

/// Hashes the weights, each as a little-endian number of `WIDTH` bytes, piece by piece.
fn hash_in_pieces<const WIDTH: usize>(weights: impl Iterator<Item = u32>, seed: u64) -> u64 {
    let mut piece = [0; PIECE];
    let mut hash = seed;
    let mut filled = 0;
    for weight in weights {
        if filled == PIECE {
            hash = murmur64a(&piece, hash);
            filled = 0;
        }
        let slots = piece.iter_mut().skip(filled).take(WIDTH);
        for (slot, byte) in slots.zip(weight.to_le_bytes()) {
            *slot = byte;
        }
        filled += WIDTH;
    }
    if filled > 0 {
        hash = murmur64a(piece.get(..filled).unwrap_or_default(), hash);
    }
    hash
}

impl Ord for Text<'_> {
    /// By weights; where the collation pads, the shorter string is filled up with spaces.
    fn cmp(&self, other: &Self) -> Ordering {
        let mut left = weights(&self.bytes, self.collation);
        let mut right = weights(&other.bytes, other.collation);
        let pads = self.collation.pads();
        loop {
            let (left, right) = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) if !pads => return Ordering::Less,
                (Some(_), None) if !pads => return Ordering::Greater,
                (left, right) => {
                    let space = || weights::of_space(self.collation);
                    (left.or_else(space), right.or_else(space))
                }
            };
            if left != right {
                return left.cmp(&right);
            }
        }
    }
}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Text<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &str, collation: Collation) -> Option<Text<'_>> {
        Text::new(Cow::Borrowed(bytes.as_bytes()), collation)
    }

    #[test]
    fn collations_compare_with_and_without_case_accents_and_spaces() {
        use Collation::{
            AiCi0900, AsCs0900, AsciiGeneralCi, Binary, Codes, GbkChineseCi, GeneralCi,
            Latin1SwedishCi, UnicodeCi,
        };
        use Ordering::{Equal, Greater, Less};
        let (general, bin) = (GeneralCi(Encoding::Utf8), Codes(Encoding::Utf8));
        for (left, right, collation, order) in [
            ("abc", "ABC  ", general, Equal),
            ("é", "E", general, Equal),
            ("a_", "az", general, Greater),
            ("中", "z", general, Greater),
            ("abc", "abc ", bin, Equal),
            ("abc", "ABC", bin, Greater),
            ("abc\t", "abc", bin, Less),
            ("abc", "abc ", Binary, Less),
            ("abc", "abc ", AiCi0900, Less),
            ("abc", "ÁBC", AiCi0900, Equal),
            ("abc", "ABC", AsCs0900, Less),
            ("abd", "ABC", AsCs0900, Greater),
            ("ﬁ", "FI", UnicodeCi, Equal),
            ("abc ", "ABC", AsciiGeneralCi, Equal),
            ("abc ", "ABC", Latin1SwedishCi, Equal),
            ("~", "z", GbkChineseCi, Less),
        ] {
            let (left, right) = (text(left, collation), text(right, collation));
            assert!(left.is_some() && right.is_some());
            assert_eq!(left.cmp(&right), order, "{left:?} {right:?}");
        }
        assert_eq!(text("é", AsciiGeneralCi), None);
        assert_eq!(text("\u{30000}", AiCi0900), None);
    }
}
