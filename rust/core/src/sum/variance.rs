//! The sample variance from narrow totals, in a few instructions.

use super::{UNIT, power};
use crate::light::square;

/// The sample variance of `count` > 1 values from their narrow sum and sum of squares.
#[inline]
pub(crate) fn variance(count: u64, sum: i128, squares: &[u64; 4]) -> f64 {
    let numerator = minus(times(squares, count), &square(sum.unsigned_abs()));
    round_narrow(&numerator) / pairs(count)
}

/// As [`round`], in units of 2^(2 [`UNIT`]), where no result is subnormal or infinite.
#[inline]
fn round_narrow(limbs: &[u64; 5]) -> f64 {
    let Some(top) = limbs.iter().rposition(|&limb| limb != 0) else {
        return 0.0;
    };
    let zeros = limbs[top].leading_zeros();
    let below = if top > 0 { limbs[top - 1] } else { 0 };
    let both = (u128::from(limbs[top]) << 64 | u128::from(below)) << zeros;
    let rest = both as u64 != 0 || limbs[..top.saturating_sub(1)].iter().any(|&limb| limb != 0);
    // What is cut off cannot matter but by being there: the lowest of 64 bits stands for it.
    let leading = (both >> 64) as u64 | u64::from(rest);
    leading as f64 * power(64 * top as i32 - zeros as i32 + 2 * UNIT)
}

#[inline]
pub(super) fn pairs(count: u64) -> f64 {
    count as f64 * (count - 1) as f64
}

/// `limbs * factor` in 320 bits.
#[inline]
fn times(limbs: &[u64; 4], factor: u64) -> [u64; 5] {
    let mut out = [0; 5];
    let mut carry = 0u128;
    for at in 0..4 {
        let term = u128::from(limbs[at]) * u128::from(factor) + carry;
        out[at] = term as u64;
        carry = term >> 64;
    }
    out[4] = carry as u64;
    out
}

/// `left - right`, which Cauchy and Schwarz keep from going below zero.
#[inline]
fn minus(mut left: [u64; 5], right: &[u64; 4]) -> [u64; 5] {
    let mut carry = false;
    for (at, slot) in left.iter_mut().enumerate() {
        let (once, first) = slot.overflowing_sub(right.get(at).copied().unwrap_or(0));
        let (twice, second) = once.overflowing_sub(u64::from(carry));
        *slot = twice;
        carry = first | second;
    }
    debug_assert!(!carry);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::wide::round;

    #[test]
    fn narrow_rounding_is_that_of_any_width() {
        let mut state = 7u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        };
        for case in 0..20_000 {
            let mut limbs = [random(), random(), random(), random(), random()];
            let shift = random() % 64;
            for (at, limb) in limbs.iter_mut().enumerate() {
                match (case + at) % 5 {
                    0 => *limb = 0,
                    1 => *limb = (1 << 63) >> shift,
                    _ => *limb >>= if at == 4 { shift } else { 0 },
                }
            }
            assert_eq!(round_narrow(&limbs), round(&limbs, 2 * UNIT), "{limbs:x?}");
        }
    }
}
