//! Whole numbers of any size times a power of two: what exact numerators are computed in.

use super::wide::round;

/// `± limbs * 2^exponent`; limbs least first, neither the lowest nor the highest of them zero.
#[derive(Clone, Debug)]
pub(super) struct Big {
    negative: bool,
    limbs: Vec<u64>,
    exponent: i32,
}

impl Big {
    pub(super) fn new(negative: bool, mut limbs: Vec<u64>, mut exponent: i32) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        let low = limbs.iter().take_while(|&&limb| limb == 0).count();
        limbs.drain(..low);
        exponent += 64 * low as i32;
        if limbs.is_empty() {
            return Self {
                negative: false,
                limbs,
                exponent: 0,
            };
        }
        Self {
            negative,
            limbs,
            exponent,
        }
    }

    pub(super) fn from_u64(value: u64) -> Self {
        Self::new(false, vec![value], 0)
    }

    pub(super) fn from_i128(value: i128, exponent: i32) -> Self {
        let magnitude = value.unsigned_abs();
        let limbs = vec![magnitude as u64, (magnitude >> 64) as u64];
        Self::new(value < 0, limbs, exponent)
    }

    pub(super) fn from_twos_complement(limbs: &[u64], exponent: i32) -> Self {
        let negative = limbs.last().is_some_and(|limb| limb >> 63 == 1);
        let mut magnitude = limbs.to_vec();
        if negative {
            negate(&mut magnitude);
        }
        Self::new(negative, magnitude, exponent)
    }

    /// As `LIMBS` limbs in units of 2^`exponent`, when it is a multiple and fits.
    pub(super) fn to_twos_complement<const LIMBS: usize>(
        &self,
        exponent: i32,
    ) -> Option<[u64; LIMBS]> {
        let mut out = [0; LIMBS];
        if self.is_zero() {
            return Some(out);
        }
        let zeros = self.limbs[0].trailing_zeros() as i32;
        let shift = self.exponent - exponent;
        if shift + zeros < 0 {
            return None;
        }
        // Bits move up by `shift`, which may be a little below zero while the lowest bits are zero.
        let (from, by) = (shift.div_euclid(64), shift.rem_euclid(64) as u32);
        let mut put = |at: i32, word: u64| -> Option<()> {
            if word != 0 {
                *out.get_mut(usize::try_from(at).ok()?)? |= word;
            }
            Some(())
        };
        for (at, &limb) in self.limbs.iter().enumerate() {
            let at = at as i32 + from;
            put(at, limb << by)?;
            if by > 0 {
                put(at + 1, limb >> (64 - by))?;
            }
        }
        if out[LIMBS - 1] >> 63 == 1 {
            return None;
        }
        if self.negative {
            negate(&mut out);
        }
        Some(out)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let mut out = vec![0; self.limbs.len() + other.limbs.len()];
        for (at, &a) in self.limbs.iter().enumerate() {
            let mut carry = 0u128;
            for (by, &b) in other.limbs.iter().enumerate() {
                let term = u128::from(a) * u128::from(b) + u128::from(out[at + by]) + carry;
                out[at + by] = term as u64;
                carry = term >> 64;
            }
            out[at + other.limbs.len()] = carry as u64;
        }
        Self::new(
            self.negative != other.negative,
            out,
            self.exponent + other.exponent,
        )
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        let (mut left, right) = (self.aligned(exponent), other.aligned(exponent));
        left.resize(left.len().max(right.len()) + 1, 0);
        let subtract = self.negative != other.negative;
        let mut carry = false;
        for (at, slot) in left.iter_mut().enumerate() {
            let term = right.get(at).copied().unwrap_or(0);
            let ((once, first), unit) = if subtract {
                (slot.overflowing_sub(term), u64::from(carry))
            } else {
                (slot.overflowing_add(term), u64::from(carry))
            };
            let (twice, second) = if subtract {
                once.overflowing_sub(unit)
            } else {
                once.overflowing_add(unit)
            };
            *slot = twice;
            carry = first | second;
        }
        let mut negative = self.negative;
        if subtract && carry {
            negate(&mut left);
            negative = !negative;
        }
        Self::new(negative, left, exponent)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        if other.is_zero() {
            return self.clone();
        }
        self.plus(&Self {
            negative: !other.negative,
            ..other.clone()
        })
    }

    /// The limbs in units of a smaller power of two.
    fn aligned(&self, exponent: i32) -> Vec<u64> {
        let shift = (self.exponent - exponent) as usize;
        let (limbs, by) = (shift / 64, shift % 64);
        let mut out = vec![0; limbs + self.limbs.len() + 1];
        for (at, &limb) in self.limbs.iter().enumerate() {
            out[limbs + at] |= limb << by;
            if by > 0 {
                out[limbs + at + 1] |= limb >> (64 - by);
            }
        }
        out
    }

    /// A number of magnitude 1 to 2^64 and an exponent of two, rounded once.
    pub(super) fn rounded(&self) -> (f64, i32) {
        let top = self.limbs.len().max(1) - 1;
        let value = round(&self.limbs, -64 * top as i32);
        let signed = if self.negative { -value } else { value };
        (signed, self.exponent + 64 * top as i32)
    }
}

fn negate(limbs: &mut [u64]) {
    let mut carry = true;
    for limb in limbs {
        let (negated, over) = (!*limb).overflowing_add(u64::from(carry));
        *limb = negated;
        carry = over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: i128, exponent: i32) -> Big {
        Big::from_i128(value, exponent)
    }

    fn same(a: &Big, b: &Big) -> bool {
        a.minus(b).is_zero()
    }

    #[test]
    fn sums_and_products_are_those_of_whole_numbers() {
        let numbers = [0, 1, -1, 3 << 70, -(5 << 64), (1 << 100) - 1, 1 << 64];
        for a in numbers {
            for b in numbers {
                assert!(same(&of(a, -9).plus(&of(b, -9)), &of(a + b, -9)));
                assert!(same(&of(a, -9).minus(&of(b, -9)), &of(a - b, -9)));
                assert_eq!(same(&of(a, 3), &of(b, 3)), a == b);
            }
            for b in [-7, 0, 2, 1 << 20] {
                assert!(same(&of(a, 8).times(&of(b, -3)), &of(a * b, 5)));
            }
        }
        assert!(same(
            &of(1, 200).minus(&of(1, 0)).plus(&of(1, 0)),
            &of(1, 200)
        ));
        assert!(same(&of(1 << 40, 0), &of(1, 40)));
    }

    #[test]
    fn limbs_come_back() {
        for value in [0, 1, -1, 1 << 90, -(1 << 126)] {
            let limbs = of(value, -10).to_twos_complement::<3>(-100);
            let back = limbs.map(|limbs| Big::from_twos_complement(&limbs, -100));
            assert_eq!(back.is_some(), value.unsigned_abs() < 1 << 101, "{value}");
            assert!(
                back.is_none_or(|back| same(&back, &of(value, -10))),
                "{value}"
            );
        }
        assert_eq!(of(4, 0).to_twos_complement::<1>(2), Some([1]));
        assert_eq!(of(6, 0).to_twos_complement::<1>(2), None);
    }
}
