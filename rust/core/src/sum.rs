//! Sums that do not depend on order and subtract exactly.
//!
//! A float64 sum is a function of the multiset of its terms, not of the order in which they came or
//! went: parity between hosts and replays rests on that, and float addition does not give it. Every
//! finite double is an integer multiple of 2^-1074, so a wide enough integer holds any sum of them
//! exactly (Kulisch, "Computer Arithmetic and Validity", 2013, chapter 8). Nearly all real values fit
//! a narrow band of exponents, so the common case is one checked 128-bit addition; a value outside the
//! band goes to a wide accumulator that is allocated when first needed. Which of the two a value goes
//! to depends on the value alone, so adding and subtracting it always cancel.

mod big;
mod cubes;
mod moments;
mod variance;
mod wide;

use big::Big;
pub use cubes::Cubes;
pub use moments::Moments;
pub(crate) use variance::variance;
use wide::Wide;

/// Exponent of the unit of the narrow accumulator: it counts multiples of 2^-76, so doubles from 6e-8
/// upwards (and smaller ones with trailing zero bits) fit it exactly.
pub(crate) const UNIT: i32 = -76;

/// Totals below 2^127 units fit 128 bits with their sign.
pub(crate) const ROOT_BITS_MAX: u32 = 127;

/// Values of this many bits above the binary point or more are not narrow: 2^44 = 1.7e13.
const NARROW_BITS: i32 = 44;

/// All doubles: 2^-1074 to 2^1024, plus 64 bits so that 2^63 of the largest can be summed.
type WideSum = Wide<34, -1074>;

/// A finite double as `mantissa * 2^exponent`, mantissa signed and at most 53 bits.
#[inline]
pub(crate) fn decompose(value: f64) -> (i64, i32) {
    let bits = value.to_bits();
    let biased = ((bits >> 52) & 0x7ff) as i32;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let (mantissa, exponent) = if biased == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), biased - 1075)
    };
    (if bits >> 63 == 1 { -mantissa } else { mantissa }, exponent)
}

/// The value as a multiple of 2^[`UNIT`], when it is one and is small enough.
#[inline(always)]
pub(crate) fn narrow(value: f64) -> Option<i128> {
    let (mantissa, exponent) = decompose(value);
    let shift = exponent - UNIT;
    if shift >= 0 {
        // The top bit of a 53-bit mantissa stands at exponent + 52.
        (exponent + 53 <= NARROW_BITS).then(|| i128::from(mantissa) << shift)
    } else if mantissa == 0 {
        Some(0)
    } else {
        (mantissa.trailing_zeros() as i32 >= -shift).then(|| i128::from(mantissa >> -shift))
    }
}

/// As [`narrow`], of a value that is known to be.
#[inline(always)]
pub(crate) fn known_narrow(value: f64) -> i128 {
    let (mantissa, exponent) = decompose(value);
    let shift = exponent - UNIT;
    if shift >= 0 {
        i128::from(mantissa) << shift
    } else {
        // Only zeros are shifted out; zero itself by very much.
        i128::from(mantissa >> (-shift).min(63))
    }
}

/// A narrow total, rounded once to the nearest double.
#[inline(always)]
pub(crate) fn round_i128(narrow: i128) -> f64 {
    let magnitude = narrow.unsigned_abs();
    if magnitude == 0 {
        return 0.0;
    }
    let zeros = magnitude.leading_zeros();
    let normal = magnitude << zeros;
    // What is cut off cannot matter but by being there: the lowest of 63 bits stands for it.
    let top = (normal >> 65) as i64 | i64::from(normal << 63 != 0);
    let value = top as f64 * power(65 - zeros as i32 + UNIT);
    if narrow < 0 { -value } else { value }
}

/// 2 to a power that is a normal double.
#[inline]
pub(crate) fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// An exact, order-free, subtractable sum of float64 values.
///
/// ```
/// use forerun_core::sum::ExactSum;
///
/// let mut sum = ExactSum::new();
/// for value in [1e100, 0.1, -1e100, 0.2] {
///     sum.add(value);
/// }
/// sum.sub(0.2);
/// assert_eq!(sum.value(), 0.1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    narrow: i128,
    wide: Option<Box<WideSum>>,
}

impl ExactSum {
    /// The empty sum, 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finite value. The guard keeps NaN and infinities out; here they would be a bug of ours.
    #[inline]
    pub fn add(&mut self, value: f64) {
        debug_assert!(value.is_finite());
        match narrow(value) {
            Some(term) => self.add_narrow(term),
            None => self.widen().add(value),
        }
    }

    /// Takes out a value that was added before.
    #[inline]
    pub fn sub(&mut self, value: f64) {
        debug_assert!(value.is_finite());
        match narrow(value) {
            Some(term) => self.add_narrow(-term),
            None => self.widen().add(-value),
        }
    }

    /// The sum of both multisets.
    pub fn merge(&mut self, other: &Self) {
        self.add_narrow(other.narrow);
        if let Some(wide) = &other.wide {
            self.widen().merge(wide);
        }
    }

    /// Takes out a multiset that is part of this one.
    pub fn unmerge(&mut self, other: &Self) {
        match other.narrow.checked_neg() {
            Some(term) => self.add_narrow(term),
            None => self.widen().add_i128(other.narrow, UNIT, true),
        }
        if let Some(wide) = &other.wide {
            self.widen().unmerge(wide);
        }
    }

    /// The exact sum, rounded once to the nearest double; infinite when beyond the largest.
    #[inline]
    #[must_use]
    pub fn value(&self) -> f64 {
        match &self.wide {
            None => round_i128(self.narrow),
            Some(_) => self.total().value(),
        }
    }

    /// Appends the canonical bytes: equal sums have equal bytes, however they came about.
    pub fn write(&self, out: &mut Vec<u8>) {
        let exact = match &self.wide {
            None => Some(self.narrow),
            Some(_) => self.total().to_i128(UNIT),
        };
        match exact {
            Some(narrow) => {
                out.push(0);
                out.extend_from_slice(&narrow.to_le_bytes());
            }
            None => {
                out.push(1);
                self.total().write(out);
            }
        }
    }

    /// Reads what [`ExactSum::write`] wrote and moves past it; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        match tag {
            0 => {
                let (word, rest) = bytes.split_first_chunk::<16>()?;
                *bytes = rest;
                Some(Self {
                    narrow: i128::from_le_bytes(*word),
                    wide: None,
                })
            }
            1 => Some(Self {
                narrow: 0,
                wide: Some(Box::new(WideSum::read(bytes)?)),
            }),
            _ => None,
        }
    }

    /// Adds a total in units of 2^[`UNIT`].
    #[inline]
    pub(crate) fn add_narrow_total(&mut self, term: i128) {
        self.add_narrow(term);
    }

    /// The narrow total in units of 2^[`UNIT`], when nothing is wide.
    #[inline]
    pub(crate) fn as_narrow(&self) -> Option<i128> {
        if self.wide.is_none() {
            Some(self.narrow)
        } else {
            None
        }
    }

    /// The exact sum.
    fn to_big(&self) -> Big {
        let narrow = Big::from_i128(self.narrow, UNIT);
        match &self.wide {
            None => narrow,
            Some(wide) => narrow.plus(&wide.to_big()),
        }
    }

    /// Narrow and wide part together.
    fn total(&self) -> WideSum {
        let mut total = self.wide.as_deref().cloned().unwrap_or_default();
        total.add_i128(self.narrow, UNIT, false);
        total
    }

    #[inline]
    fn add_narrow(&mut self, term: i128) {
        match self.narrow.checked_add(term) {
            Some(narrow) => self.narrow = narrow,
            None => self.carry(term),
        }
    }

    /// The narrow accumulator is full: its content moves to the wide one.
    #[cold]
    fn carry(&mut self, term: i128) {
        let full = self.narrow;
        self.narrow = term;
        self.widen().add_i128(full, UNIT, false);
    }

    #[cold]
    fn widen(&mut self) -> &mut WideSum {
        self.wide.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::new();
        values.iter().for_each(|&value| sum.add(value));
        sum
    }

    fn bytes(sum: &ExactSum) -> Vec<u8> {
        let mut out = Vec::new();
        sum.write(&mut out);
        out
    }

    #[test]
    fn rounding_is_that_of_the_language() {
        let mut state = 3u128;
        for shift in 0..120 {
            for _ in 0..50 {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f) + 1;
                for bits in [
                    state >> shift,
                    (state >> shift) & !0xffff,
                    (1 << 127) >> shift,
                    // Halfway between two doubles, but for one bit below.
                    ((1 << 127) | (1 << 74) | (1 << (shift % 74))) >> (shift / 74),
                ] {
                    for narrow in [(bits >> 1) as i128, -((bits >> 1) as i128)] {
                        assert_eq!(round_i128(narrow), narrow as f64 * power(UNIT), "{narrow}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_order_gives_the_same_bits() {
        let mut values = vec![
            0.1,
            1e300,
            -7.5e-310,
            3.0,
            -1e300,
            f64::MIN_POSITIVE,
            2.5e-9,
            1e17,
            -0.3,
        ];
        let expected = of(&values);
        for _ in 0..values.len() {
            values.rotate_left(1);
            assert_eq!(of(&values).value().to_bits(), expected.value().to_bits());
            assert_eq!(bytes(&of(&values)), bytes(&expected));
        }
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let mut sum = of(&[0.25, 1e-300, 1e300, 5e-324, 1e13]);
        for value in [1e300, 5e-324, 1e13, 1e-300] {
            sum.sub(value);
        }
        assert_eq!(sum.value(), 0.25);
        assert_eq!(bytes(&sum), bytes(&of(&[0.25])));
    }

    #[test]
    fn a_full_narrow_accumulator_carries() {
        let big = 1.5e13;
        let mut sum = ExactSum::new();
        (0..1000).for_each(|_| sum.add(big));
        assert_eq!(sum.value(), 1.5e16);
        (0..999).for_each(|_| sum.sub(big));
        assert_eq!(sum.value(), big);
        assert_eq!(bytes(&sum), bytes(&of(&[big])));
    }

    #[test]
    fn extremes_round_once() {
        assert_eq!(
            of(&[1.0, f64::EPSILON / 2.0, 1e-300]).value(),
            1.0 + f64::EPSILON
        );
        assert_eq!(of(&[1.0, f64::EPSILON / 2.0]).value(), 1.0);
        assert_eq!(of(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
        assert_eq!(of(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(of(&[5e-324, 5e-324]).value(), 1e-323);
        assert_eq!(of(&[-5e-324, -1e300]).value(), -1e300);
    }

    #[test]
    fn bytes_read_back_as_the_same_sum() {
        for values in [&[1.5, 2.0][..], &[1e300, 1.0], &[-1e-300], &[]] {
            let sum = of(values);
            let written = bytes(&sum);
            let mut rest = written.as_slice();
            let read = ExactSum::read(&mut rest).expect("own bytes");
            assert!(rest.is_empty());
            assert_eq!(bytes(&read), written);
            assert_eq!(read.value().to_bits(), sum.value().to_bits());
        }
        assert!(ExactSum::read(&mut &[2u8, 0][..]).is_none());
        assert!(ExactSum::read(&mut &[0u8, 0][..]).is_none());
    }
}
