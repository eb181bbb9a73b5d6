//! What a tier asks of a server, in the letters of the tier tables.

/// A set of letters. A server's set describes it; a tier's set is what it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Letters(u16);

/// The letters, one bit each.
const ALPHABET: &[u8] = b"ABCNMRWPTFLD";

impl Letters {
    /// Same IDC.
    pub(crate) const A: Self = Self::read("A");
    /// Same region, another IDC.
    pub(crate) const B: Self = Self::read("B");
    /// Another region, or unknown.
    pub(crate) const C: Self = Self::read("C");
    /// Its zone is not in major compaction.
    pub(crate) const N: Self = Self::read("N");
    /// Its zone is in major compaction.
    pub(crate) const M: Self = Self::read("M");
    /// In a read-only zone.
    pub(crate) const R: Self = Self::read("R");
    /// In a read-write zone.
    pub(crate) const W: Self = Self::read("W");
    /// Holds the partition.
    pub(crate) const P: Self = Self::read("P");
    /// Another server of the tenant.
    pub(crate) const T: Self = Self::read("T");
    /// Follows.
    pub(crate) const F: Self = Self::read("F");
    /// Leads.
    pub(crate) const L: Self = Self::read("L");
    /// Holds a copy of a duplicate table that strong reads may use.
    pub(crate) const D: Self = Self::read("D");

    /// The set that a text spells; letters that are none are left out.
    pub(crate) const fn read(text: &str) -> Self {
        let mut bits = 0;
        let mut text = text.as_bytes();
        while let [letter, rest @ ..] = text {
            text = rest;
            let (mut alphabet, mut bit) = (ALPHABET, 1);
            while let [known, others @ ..] = alphabet {
                if *known == *letter {
                    bits |= bit;
                }
                alphabet = others;
                bit <<= 1;
            }
        }
        Self(bits)
    }

    /// This set and another one.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every letter of `other` is in this set.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, &letter) in ALPHABET.iter().enumerate() {
            if self.0 & 1 << index != 0 {
                write!(f, "{}", char::from(letter))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_a_tier_must_be_met() {
        let follower = Letters::read("ANWPF");
        assert!(follower.has(Letters::read("ANPF")));
        assert!(!follower.has(Letters::read("ANPL")));
        assert_eq!(format!("{:?}", Letters::A.and(Letters::P)), "AP");
    }
}
