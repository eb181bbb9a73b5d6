//! Strings of key columns: how a collation compares and hashes them.
//!
//! A collation whose weights are not all known here computes the strings whose characters it knows
//! (most often ASCII); everything else is unsure.

mod collation;
mod general_ci;
mod uca_ascii;

use super::murmur::murmur64a;
pub(crate) use collation::Collation;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The server hashes weights in pieces of this many bytes.
const PIECE: usize = 128;

/// A string with its collation: UTF-8, or any bytes for `binary`.
#[derive(Debug, Clone)]
pub(crate) struct Text<'a> {
    bytes: Cow<'a, [u8]>,
    collation: Collation,
}

impl<'a> Text<'a> {
    /// `None` when the collation is not computed for this string.
    pub(crate) fn new(bytes: Cow<'a, [u8]>, collation: Collation) -> Option<Self> {
        collation
            .computes(&bytes)
            .then_some(Self { bytes, collation })
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The hash of `PARTITION BY KEY`, chained from `seed`.
    pub(crate) fn hash(&self, seed: u64) -> u64 {
        let text = self.without_trailing_spaces();
        match self.collation {
            Collation::Binary
            | Collation::Utf8Bytes
            | Collation::Utf8Bytes0900
            | Collation::AsciiBytes => murmur64a(text, seed),
            Collation::Utf16Bytes => {
                let units = self.collation.weights(text);
                let bytes: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
                murmur64a(&bytes, seed)
            }
            Collation::ByteCi => self.hash_in_pieces::<1>(text, seed),
            Collation::GeneralCi | Collation::Utf16GeneralCi => {
                self.hash_in_pieces::<2>(text, seed)
            }
            Collation::UnicodeCi => self.hash_in_pieces::<4>(text, seed),
            Collation::Unicode0900AiCi => {
                // Not murmur: FNV-1a over whole weights.
                const BASIS: u64 = 14_695_981_039_346_656_037;
                const PRIME: u64 = 1_099_511_628_211;
                let mix = |hash: u64, weight| (hash ^ u64::from(weight)).wrapping_mul(PRIME);
                self.collation.weights(text).fold(seed ^ BASIS, mix)
            }
        }
    }

    /// Hashes the weights, each as a little-endian number of `WIDTH` bytes, piece by piece.
    fn hash_in_pieces<const WIDTH: usize>(&self, text: &[u8], seed: u64) -> u64 {
        let mut piece = [0; PIECE];
        let mut hash = seed;
        let mut filled = 0;
        for weight in self.collation.weights(text) {
            if filled == PIECE {
                hash = murmur64a(&piece, hash);
                filled = 0;
            }
            let slots = piece.iter_mut().skip(filled).take(WIDTH);
            for (slot, byte) in slots.zip(u32::from(weight).to_le_bytes()) {
                *slot = byte;
            }
            filled += WIDTH;
        }
        if filled > 0 {
            hash = murmur64a(piece.get(..filled).unwrap_or_default(), hash);
        }
        hash
    }

    /// The string without its trailing spaces, where the hash leaves them out.
    fn without_trailing_spaces(&self) -> &[u8] {
        let mut bytes: &[u8] = &self.bytes;
        while let ([rest @ .., b' '], true) = (bytes, self.collation.hash_trims()) {
            bytes = rest;
        }
        bytes
    }
}

impl Ord for Text<'_> {
    /// By weights; where the collation pads, the shorter string is filled up with spaces.
    fn cmp(&self, other: &Self) -> Ordering {
        let mut left = self.collation.weights(&self.bytes);
        let mut right = other.collation.weights(&other.bytes);
        let pad = self.collation.pad();
        loop {
            let (left, right) = match (left.next(), right.next(), pad) {
                (None, None, _) => return Ordering::Equal,
                (None, Some(_), None) => return Ordering::Less,
                (Some(_), None, None) => return Ordering::Greater,
                (left, right, pad) => (left.or(pad), right.or(pad)),
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
        use Collation::{Binary, ByteCi, GeneralCi, Unicode0900AiCi, Utf8Bytes};
        use Ordering::{Equal, Greater, Less};
        for (left, right, collation, order) in [
            ("abc", "ABC  ", GeneralCi, Equal),
            ("é", "E", GeneralCi, Equal),
            ("a_", "az", GeneralCi, Greater),
            ("中", "z", GeneralCi, Greater),
            ("abc", "abc ", Utf8Bytes, Equal),
            ("abc", "ABC", Utf8Bytes, Greater),
            ("abc\t", "abc", Utf8Bytes, Less),
            ("abc", "abc ", Binary, Less),
            ("abc", "abc ", Unicode0900AiCi, Less),
            ("abc", "ABC", Unicode0900AiCi, Equal),
            ("abc ", "ABC", ByteCi, Equal),
        ] {
            let (left, right) = (text(left, collation), text(right, collation));
            assert!(left.is_some() && right.is_some());
            assert_eq!(left.cmp(&right), order, "{left:?} {right:?}");
        }
        assert_eq!(text("é", ByteCi), None);
    }
}
