//! Count, sum and sum of squares in fixed width: the fast form of [`crate::totals::Totals`].

use crate::aggregate::Aggregate;
use crate::ratio::ratio;
use crate::sum::{ROOT_BITS_MAX, UNIT, known_narrow, narrow, round_i128, variance};
use crate::totals::Overflow;

/// Which prefix totals a track has, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// The first word of its totals in a block.
    pub at: usize,
    /// Whether its values are counted: otherwise every event counts.
    pub counts: bool,
    /// Whether they are added up.
    pub sums: bool,
    /// Whether their squares are.
    pub squares: bool,
    /// Place of its mark at the end of windows among the view's (see [`crate::marks::Marks`]); those where its
    /// windows begin follow.
    pub mark: usize,
}

impl Light {
    /// Words of its totals.
    #[must_use]
    pub fn words(self) -> usize {
        usize::from(self.counts) + 2 * usize::from(self.sums) + 4 * usize::from(self.squares)
    }
}

/// Exact totals of values that fit a narrow band of exponents, in units of 2^-76 and 2^-152.
///
/// Everything wraps around: a difference of two runs is right whenever its own value fits, whatever was
/// added before. [`fits`] says when it does. The values are the same bits as those of
/// [`crate::totals::Totals`], which takes over where they do not fit.
///
/// ```
/// use forerun_core::aggregate::Aggregate;
/// use forerun_core::light::{Run, root};
///
/// let mut run = Run::EMPTY;
/// for minutes in [0.5f64, 0.25, 0.75] {
///     run.add(root(true, minutes.to_bits()).unwrap());
/// }
/// assert_eq!(run.value(Aggregate::Mean, true, None, 1), Ok(Some(0.5f64.to_bits())));
/// assert_eq!(run.value(Aggregate::Var, true, None, 1), Ok(Some(0.0625f64.to_bits())));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
// Without room between: with a position it fills a line of the cache.
#[repr(C, packed(8))]
pub struct Run {
    /// Number of values.
    pub count: u64,
    /// Their sum.
    pub sum: i128,
    /// The sum of their squares, least limb first.
    pub squares: [u64; 4],
}

/// A value as a multiple of 2^-76, when it is one of moderate size; ints likewise.
#[inline(always)]
#[must_use]
pub fn root(float: bool, word: u64) -> Option<i128> {
    if float {
        return narrow(f64::from_bits(word));
    }
    let whole = word as i64;
    // The same limit as for floats, so that an int's float is exact and narrow.
    (whole.unsigned_abs() < 1 << 44).then(|| i128::from(whole) << -UNIT)
}

/// As [`root`] of a float that has one.
#[inline(always)]
#[must_use]
pub fn known_root(word: u64) -> i128 {
    known_narrow(f64::from_bits(word))
}

/// True when a float's root is sure to have at most so many bits, from a look at its exponent.
#[inline(always)]
#[must_use]
pub fn is_within(word: u64, bits: u32) -> bool {
    // A mantissa of 53 bits whose lowest stands at `UNIT` or above is a root.
    let exponent = (word >> 52 & 0x7ff) as i32 - 1023 - UNIT;
    (52..bits as i32).contains(&exponent)
}

/// Bits of a root's magnitude.
#[inline]
#[must_use]
pub fn bits(root: i128) -> u32 {
    128 - root.unsigned_abs().leading_zeros()
}

/// True when totals of `count` values of at most `bits` bits fit a [`Run`].
#[inline]
#[must_use]
pub fn fits(count: usize, bits: u32) -> bool {
    64 - (count as u64).leading_zeros() + bits < ROOT_BITS_MAX
}

impl Run {
    /// Of no values.
    pub const EMPTY: Self = Self {
        count: 0,
        sum: 0,
        squares: [0; 4],
    };

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, root: i128) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(root);
        self.squares = plus(self.squares, square(root.unsigned_abs()));
    }

    /// Adds a value whose square nobody needs.
    #[inline]
    pub fn add_plain(&mut self, root: i128) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(root);
    }

    /// What is in this run and not in `other`, which is part of it.
    #[inline]
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            count: self.count.wrapping_sub(other.count),
            sum: self.sum.wrapping_sub(other.sum),
            squares: less(self.squares, other.squares),
        }
    }

    /// Both runs together.
    #[inline]
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            count: self.count.wrapping_add(other.count),
            sum: self.sum.wrapping_add(other.sum),
            squares: plus(self.squares, other.squares),
        }
    }

    /// The aggregate as a word, null when there is nothing to aggregate. Rates need the window's length.
    #[inline]
    pub fn value(
        &self,
        aggregate: Aggregate,
        float: bool,
        over_us: Option<i64>,
        per_us: i64,
    ) -> Result<Option<u64>, Overflow> {
        let over = over_us.unwrap_or(1).unsigned_abs();
        if aggregate == Aggregate::Count {
            return Ok(Some(self.count));
        }
        if self.count == 0 {
            return Ok(None);
        }
        let value = match aggregate {
            Aggregate::Sum if float => self.total(),
            Aggregate::Sum => {
                return i64::try_from(self.whole())
                    .map(|sum| Some(sum as u64))
                    .map_err(|_| Overflow);
            }
            Aggregate::Mean if float => self.total() / self.count as f64,
            Aggregate::Mean => ratio(self.whole(), self.count),
            Aggregate::CountRate => ratio(i128::from(self.count) * i128::from(per_us), over),
            Aggregate::Rate if float => {
                self.total() / (over_us.unwrap_or(1) as f64 / per_us as f64)
            }
            Aggregate::Rate => match self.whole().checked_mul(per_us.into()) {
                Some(scaled) => ratio(scaled, over),
                None => self.whole() as f64 / (over_us.unwrap_or(1) as f64 / per_us as f64),
            },
            Aggregate::Var | Aggregate::Std => match self.var() {
                None => return Ok(None),
                Some(var) if aggregate == Aggregate::Std => var.sqrt(),
                Some(var) => var,
            },
            _ => return Ok(None),
        };
        if value.is_finite() {
            Ok(Some(value.to_bits()))
        } else {
            Err(Overflow)
        }
    }

    /// The sample variance; none below two values.
    #[inline]
    #[must_use]
    pub fn var(&self) -> Option<f64> {
        (self.count > 1).then(|| variance(self.count, self.sum, &self.squares))
    }

    /// The sum of floats, rounded once.
    #[inline]
    #[must_use]
    pub fn total(&self) -> f64 {
        round_i128(self.sum)
    }

    /// The sum of ints.
    #[inline]
    fn whole(&self) -> i128 {
        self.sum >> -UNIT
    }
}

/// `root^2` in 256 bits, least limb first.
#[inline(always)]
#[must_use]
pub fn square(root: u128) -> [u64; 4] {
    let (low, high) = (u128::from(root as u64), root >> 64);
    let (ll, lh, hh) = (low * low, low * high, high * high);
    // 2 lh may need 129 bits: its top bit goes to the third limb's carry.
    let middle = (ll >> 64) + u128::from((lh << 1) as u64);
    let upper = hh + (lh >> 63) + (middle >> 64);
    [ll as u64, middle as u64, upper as u64, (upper >> 64) as u64]
}

/// The two halves of 256 bits.
#[inline]
fn halves(limbs: [u64; 4]) -> (u128, u128) {
    let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
    (join(limbs[0], limbs[1]), join(limbs[2], limbs[3]))
}

#[inline]
fn limbs(low: u128, high: u128) -> [u64; 4] {
    [
        low as u64,
        (low >> 64) as u64,
        high as u64,
        (high >> 64) as u64,
    ]
}

/// Sum of 256-bit numbers, wrapping around.
#[inline(always)]
#[must_use]
pub fn plus(left: [u64; 4], right: [u64; 4]) -> [u64; 4] {
    let ((a, b), (c, d)) = (halves(left), halves(right));
    let (low, carry) = a.overflowing_add(c);
    limbs(low, b.wrapping_add(d).wrapping_add(carry.into()))
}

/// Difference of 256-bit numbers, wrapping around.
#[inline(always)]
#[must_use]
pub fn less(left: [u64; 4], right: [u64; 4]) -> [u64; 4] {
    let ((a, b), (c, d)) = (halves(left), halves(right));
    let (low, borrow) = a.overflowing_sub(c);
    limbs(low, b.wrapping_sub(d).wrapping_sub(borrow.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Needs;
    use crate::totals::Totals;
    use crate::types::Type;

    /// Every aggregate of a run is the same bits as that of the general totals.
    #[test]
    fn the_fast_form_gives_the_bits_of_the_general_one() {
        let needs = Needs {
            sum: true,
            moments: true,
            ..Needs::default()
        };
        let mut state = 1u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(3);
            state >> 11
        };
        for case in 0..2000 {
            let float = case % 2 == 0;
            let ty = if float { Type::Float } else { Type::Int };
            let mut totals = Totals::new(Some(ty), needs);
            let mut run = Run::EMPTY;
            let mut outside = Run::EMPTY;
            let scale = 10f64.powi((random() % 14) as i32 - 4);
            for at in 0..random() % 40 {
                let x = (random() % 2_000_001) as f64 / 1000.0 - 1000.0;
                let word = if float {
                    (x * scale).to_bits()
                } else {
                    (x * 1000.0) as i64 as u64
                };
                let root = root(float, word).expect("a narrow value");
                assert!(!float || known_root(word) == root);
                run.add(root);
                if at % 3 == 0 {
                    outside.add(root);
                } else {
                    totals.add(word);
                }
            }
            let run = run.without(&outside);
            assert_eq!(run.with(&outside).without(&run), outside);
            for aggregate in [
                Aggregate::Count,
                Aggregate::Sum,
                Aggregate::Mean,
                Aggregate::Var,
                Aggregate::Std,
                Aggregate::Rate,
                Aggregate::CountRate,
            ] {
                assert_eq!(
                    run.value(aggregate, float, Some(60_000_000), 1_000_000),
                    totals.value(aggregate, Some(60_000_000), 1_000_000),
                    "{aggregate:?}, case {case}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_known_before() {
        assert_eq!(root(true, 1e14f64.to_bits()), None);
        assert_eq!(root(true, 1e-30f64.to_bits()), None);
        assert_eq!(root(false, 1 << 44), None);
        let largest = root(false, (1 << 44) - 1).expect("fits");
        assert!(fits(63, bits(largest)) && !fits(64, bits(largest)));
    }
}
