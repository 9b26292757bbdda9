//! The sample variance from narrow totals, in a few instructions.

use super::{UNIT, power};
use crate::light::square;

/// The sample variance of `count` > 1 values from their narrow sum and sum of squares.
#[inline(always)]
pub(crate) fn variance(count: u64, sum: i128, squares: &[u64; 4]) -> f64 {
    let numerator = minus(times(squares, count), square(sum.unsigned_abs()));
    round_narrow(&numerator) / pairs(count)
}

/// As [`round`], in units of 2^(2 [`UNIT`]), where no result is subnormal or infinite.
#[inline(always)]
fn round_narrow(limbs: &[u64; 5]) -> f64 {
    let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
    // The two highest limbs that are not all zero, and whether there is anything below.
    let (both, below, at) = if limbs[4] != 0 {
        (join(limbs[3], limbs[4]), limbs[0] | limbs[1] | limbs[2], 3)
    } else if limbs[3] != 0 {
        (join(limbs[2], limbs[3]), limbs[0] | limbs[1], 2)
    } else if limbs[2] != 0 {
        (join(limbs[1], limbs[2]), limbs[0], 1)
    } else {
        (join(limbs[0], limbs[1]), 0, 0)
    };
    if both == 0 {
        return 0.0;
    }
    let zeros = both.leading_zeros();
    let normal = both << zeros;
    // What is cut off cannot matter but by being there: the lowest of 63 bits stands for it.
    let leading = (normal >> 65) as i64 | i64::from(normal << 63 != 0 || below != 0);
    leading as f64 * power(64 * at + 65 - zeros as i32 + 2 * UNIT)
}

#[inline]
pub(super) fn pairs(count: u64) -> f64 {
    // Counts are far below 2^63.
    count as i64 as f64 * (count as i64 - 1) as f64
}

/// `limbs * factor` in 320 bits.
#[inline(always)]
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
#[inline(always)]
fn minus(left: [u64; 5], right: [u64; 4]) -> [u64; 5] {
    let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
    let (low, borrow) = join(left[0], left[1]).overflowing_sub(join(right[0], right[1]));
    let (high, first) = join(left[2], left[3]).overflowing_sub(join(right[2], right[3]));
    let (high, second) = high.overflowing_sub(borrow.into());
    debug_assert!(left[4] >= u64::from(first | second));
    [
        low as u64,
        (low >> 64) as u64,
        high as u64,
        (high >> 64) as u64,
        left[4].wrapping_sub(u64::from(first | second)),
    ]
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

    #[test]
    fn the_smallest_bit_decides_a_tie() {
        // Halfway between two doubles, but for one bit in any limb below.
        let half = (1 << 63) | (1 << 10);
        let tie = round_narrow(&[0, 0, 0, 0, half]);
        for limb in 0..4 {
            for bit in [0, 1, 63] {
                let mut limbs = [0, 0, 0, 0, half];
                limbs[limb] = 1 << bit;
                assert!(round_narrow(&limbs) > tie, "limb {limb}, bit {bit}");
                assert_eq!(round_narrow(&limbs), round(&limbs, 2 * UNIT));
            }
        }
    }
}
