//! Integers of 256 bits: DECIMAL has up to 65 digits.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A signed integer of at most 65 decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Wide {
    /// Little-endian two's complement.
    limbs: [u64; 4],
}

impl Wide {
    /// The sum of ten times this non-negative number and a digit; `None` when it does not fit.
    pub(crate) fn push_digit(self, digit: u8) -> Option<Self> {
        let mut carry = u128::from(digit);
        let mut limbs = self.limbs;
        for limb in &mut limbs {
            let product = u128::from(*limb) * 10 + carry;
            *limb = low_half(product);
            carry = product >> 64;
        }
        let sum = Self { limbs };
        (carry == 0 && !sum.is_negative()).then_some(sum)
    }

    /// This non-negative number plus one.
    pub(crate) fn successor(self) -> Self {
        let mut limbs = self.limbs;
        for limb in &mut limbs {
            let (sum, overflowed) = limb.overflowing_add(1);
            *limb = sum;
            if !overflowed {
                break;
            }
        }
        Self { limbs }
    }

    /// The number with the other sign.
    pub(crate) fn negated(self) -> Self {
        let limbs = self.limbs.map(|limb| !limb);
        Self { limbs }.successor()
    }

    pub(crate) fn is_odd(self) -> bool {
        self.limbs[0] & 1 == 1
    }

    pub(crate) fn is_negative(self) -> bool {
        self.limbs[3] >> 63 == 1
    }

    /// The number without its sign.
    pub(crate) fn magnitude(self) -> Self {
        if self.is_negative() {
            self.negated()
        } else {
            self
        }
    }

    /// Ten to the power of `exponent`; `None` above 76.
    pub(crate) fn power_of_ten(exponent: u32) -> Option<Self> {
        let one = Self::from(1);
        (0..exponent).try_fold(one, |power, _| power.push_digit(0))
    }

    /// Ten times itself so many times, sign kept.
    pub(crate) fn scaled_up(self, exponent: u32) -> Option<Self> {
        let magnitude = (0..exponent).try_fold(self.magnitude(), |sum, _| sum.push_digit(0))?;
        Some(if self.is_negative() {
            magnitude.negated()
        } else {
            magnitude
        })
    }

    /// Divides a non-negative number; gives quotient and remainder.
    pub(crate) fn divided(self, divisor: u32) -> (Self, u32) {
        let divisor = u128::from(divisor.max(1));
        let mut rest = 0;
        let mut limbs = self.limbs;
        for limb in limbs.iter_mut().rev() {
            let dividend = (rest << 64) | u128::from(*limb);
            *limb = low_half(dividend / divisor);
            rest = dividend % divisor;
        }
        (Self { limbs }, u32::try_from(rest).unwrap_or_default())
    }

    /// Reads a little-endian two's complement of up to 32 bytes.
    pub(crate) fn from_le_bytes(bytes: &[u8]) -> Option<Self> {
        let sign = bytes.last().is_some_and(|&top| top & 0x80 != 0);
        let mut all = if sign { [0xff; 32] } else { [0; 32] };
        all.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let mut limbs = [0; 4];
        let (chunks, _) = all.as_chunks::<8>();
        for (limb, chunk) in limbs.iter_mut().zip(chunks) {
            *limb = u64::from_le_bytes(*chunk);
        }
        Some(Self { limbs })
    }

    /// The little-endian two's complement.
    pub(crate) fn to_le_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, limb) in chunks.iter_mut().zip(self.limbs) {
            *chunk = limb.to_le_bytes();
        }
        bytes
    }

    /// The number as `i128`, if it fits.
    pub(crate) fn to_i128(self) -> Option<i128> {
        let [low, high, above @ ..] = self.limbs;
        let number = i128::from(low) | (i128::from(high.cast_signed()) << 64);
        let fill = if number < 0 { u64::MAX } else { 0 };
        (above == [fill; 2]).then_some(number)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the other half is carried")]
fn low_half(number: u128) -> u64 {
    number as u64
}

impl From<i128> for Wide {
    fn from(number: i128) -> Self {
        let fill = if number < 0 { u64::MAX } else { 0 };
        let bits = number.cast_unsigned();
        Self {
            limbs: [low_half(bits), low_half(bits >> 64), fill, fill],
        }
    }
}

impl Ord for Wide {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |number: &Self| {
            let [a, b, c, d] = number.limbs;
            (d.cast_signed(), c, b, a)
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sixty_five_digits_fit() {
        let digits = (0..65).try_fold(Wide::default(), |sum, _| sum.push_digit(9));
        let most = digits.unwrap();
        assert_eq!(Some(most.successor()), Wide::power_of_ten(65));
        assert!(most.negated() < Wide::from(i128::MIN));
        assert_eq!(most.to_i128(), None);
        assert!((0..80).try_fold(most, |sum, _| sum.push_digit(9)).is_none());
    }

    proptest! {
        #[test]
        fn small_numbers_behave_as_usual(left in any::<i64>(), right in any::<i64>()) {
            let (wide, other) = (Wide::from(i128::from(left)), Wide::from(i128::from(right)));
            prop_assert_eq!(wide.cmp(&other), left.cmp(&right));
            prop_assert_eq!(wide.negated().to_i128(), Some(-i128::from(left)));
            prop_assert_eq!(Wide::from_le_bytes(&wide.to_le_bytes()), Some(wide));
            prop_assert_eq!(wide.scaled_up(3).unwrap().to_i128(), Some(i128::from(left) * 1000));
            let (quotient, rest) = wide.magnitude().divided(1000);
            let magnitude = i128::from(left).abs();
            prop_assert_eq!(quotient.to_i128(), Some(magnitude / 1000));
            prop_assert_eq!(i128::from(rest), magnitude % 1000);
        }
    }
}
