//! Exact sums of the first three powers, for a skewness that cannot go wrong.
//!
//! With `S1`, `S2` and `S3` exact, so are `M2 = n S2 - S1^2` and `M3 = n^2 S3 - 3 n S1 S2 + 2 S1^3`, and the
//! adjusted Fisher-Pearson coefficient is `sqrt(n (n - 1)) / (n - 2) * M3 / M2^(3/2)`: nothing cancels
//! but in whole numbers (Joanes and Gill, "Comparing measures of sample skewness and kurtosis", 1998, G1).

use super::big::Big;
use super::wide::Wide;
use super::{Moments, UNIT, decompose, narrow};
use crate::light::square;

/// Limbs of the narrow sum: cubes of 2^120, 2^64 of them, and the sign.
const NARROW: usize = 7;

/// Cubes of all doubles: 2^-3222 to 2^3072, plus 64 bits and the sign.
type WideCubes = Wide<WIDE, BASE>;
const WIDE: usize = 100;
const BASE: i32 = -3222;

/// Count and sums of values, squares and cubes of a multiset of float64 values.
///
/// ```
/// use forerun_core::sum::Cubes;
///
/// let mut cubes = Cubes::new();
/// for minutes in [0.0, 0.0, 6.0, 1e300] {
///     cubes.add(minutes);
/// }
/// cubes.sub(1e300);
/// assert_eq!(cubes.skew(), Some(3f64.sqrt())); // sqrt(6) * 16 / 8^1.5
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cubes {
    moments: Moments,
    /// Two's complement, in units of 2^(3 [`UNIT`]), least limb first.
    narrow: [u64; NARROW],
    wide: Option<Box<WideCubes>>,
}

impl Cubes {
    /// Of the empty multiset.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finite value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.moments.add(value);
        self.update(value, false);
    }

    /// Takes out a value that was added before.
    #[inline]
    pub fn sub(&mut self, value: f64) {
        self.moments.sub(value);
        self.update(value, true);
    }

    #[inline]
    fn update(&mut self, value: f64, remove: bool) {
        if let Some(root) = narrow(value) {
            let term = cube(root.unsigned_abs());
            shift(&mut self.narrow, &term, (root < 0) != remove);
            return;
        }
        let (mantissa, exponent) = decompose(value);
        let root = u128::from(mantissa.unsigned_abs());
        let (squared, negative) = (root * root, (mantissa < 0) != remove);
        let wide = self.wide.get_or_insert_default();
        // A cube has 159 bits: it goes in as two parts.
        let (low, high) = (squared & u128::from(u64::MAX), squared >> 64);
        wide.add_shifted(low * root, negative, 3 * exponent);
        wide.add_shifted(high * root, negative, 3 * exponent + 64);
    }

    /// The power sums of both multisets.
    pub fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
        shift(&mut self.narrow, &other.narrow, false);
        if let Some(wide) = &other.wide {
            self.wide.get_or_insert_default().merge(wide);
        }
    }

    /// Takes out a multiset that is part of this one.
    pub fn unmerge(&mut self, other: &Self) {
        self.moments.unmerge(&other.moments);
        shift(&mut self.narrow, &other.narrow, true);
        if let Some(wide) = &other.wide {
            self.wide.get_or_insert_default().unmerge(wide);
        }
    }

    /// The adjusted Fisher-Pearson skewness; `None` below three values or when all are equal.
    #[must_use]
    pub fn skew(&self) -> Option<f64> {
        let n = self.moments.count();
        if n < 3 {
            return None;
        }
        let count = Big::from_u64(n);
        let (sum, squares) = self.moments.powers();
        let second = count.times(&squares).minus(&sum.times(&sum));
        if second.is_zero() {
            return None;
        }
        // n^2 S3 + S1 (2 S1^2 - 3 n S2)
        let inner = Big::from_u64(2)
            .times(&sum.times(&sum))
            .minus(&Big::from_u64(3).times(&count.times(&squares)));
        let third = count
            .times(&count.times(&self.total()))
            .plus(&sum.times(&inner));
        let ((m2, e2), (m3, e3)) = (second.rounded(), third.rounded());
        // m2 2^e2 to the power of 3/2, with an even exponent so that nothing is lost.
        let (m2, e2) = if e2 % 2 == 0 {
            (m2, e2)
        } else {
            (m2 * 2.0, e2 - 1)
        };
        let scale = libm::scalbn(1.0, e3 - e2 / 2 * 3);
        let factor = (n as f64 * (n - 1) as f64).sqrt() / (n - 2) as f64;
        Some(factor * (m3 / (m2 * m2.sqrt()) * scale))
    }

    /// The sum of cubes.
    fn total(&self) -> Big {
        let narrow = Big::from_twos_complement(&self.narrow, 3 * UNIT);
        match &self.wide {
            None => narrow,
            Some(wide) => narrow.plus(&wide.to_big()),
        }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.moments.write(out);
        let total = self.total();
        match total.to_twos_complement::<NARROW>(3 * UNIT) {
            Some(limbs) => {
                out.push(0);
                limbs
                    .iter()
                    .for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
            }
            None => {
                out.push(1);
                total
                    .to_twos_complement::<WIDE>(BASE)
                    .unwrap_or([0; WIDE])
                    .iter()
                    .for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
            }
        }
    }

    /// Reads what [`Cubes::write`] wrote and moves past it; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let moments = Moments::read(bytes)?;
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        let mut cubes = Self {
            moments,
            ..Self::default()
        };
        match tag {
            0 => {
                for limb in &mut cubes.narrow {
                    let (word, rest) = bytes.split_first_chunk::<8>()?;
                    *limb = u64::from_le_bytes(*word);
                    *bytes = rest;
                }
            }
            1 => cubes.wide = Some(Box::new(WideCubes::read(bytes)?)),
            _ => return None,
        }
        Some(cubes)
    }
}

/// `root^3` of at most 120 bits.
#[inline]
fn cube(root: u128) -> [u64; NARROW] {
    let squared = square(root);
    let factors = [root as u64, (root >> 64) as u64];
    let mut out = [0u64; NARROW];
    for (by, &factor) in factors.iter().enumerate() {
        let mut carry = 0u128;
        for (at, &limb) in squared.iter().enumerate() {
            let term = u128::from(limb) * u128::from(factor) + u128::from(out[at + by]) + carry;
            out[at + by] = term as u64;
            carry = term >> 64;
        }
        out[by + 4] = carry as u64;
    }
    out
}

/// Adds or takes out, wrapping around.
#[inline]
fn shift(total: &mut [u64; NARROW], term: &[u64; NARROW], remove: bool) {
    let mut carry = false;
    for (slot, &limb) in total.iter_mut().zip(term) {
        let (once, first) = if remove {
            slot.overflowing_sub(limb)
        } else {
            slot.overflowing_add(limb)
        };
        let unit = u64::from(carry);
        let (twice, second) = if remove {
            once.overflowing_sub(unit)
        } else {
            once.overflowing_add(unit)
        };
        *slot = twice;
        carry = first | second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Cubes {
        let mut cubes = Cubes::new();
        values.iter().for_each(|&value| cubes.add(value));
        cubes
    }

    fn bytes(cubes: &Cubes) -> Vec<u8> {
        let mut out = Vec::new();
        cubes.write(&mut out);
        out
    }

    fn close(actual: Option<f64>, expected: f64) {
        let actual = actual.expect("a value");
        assert!(
            (actual - expected).abs() <= 1e-14 * expected.abs().max(1.0),
            "{actual} {expected}"
        );
    }

    #[test]
    fn skewness_of_small_numbers_is_right() {
        // From the definition, with Python's fractions.
        close(
            of(&[2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0]).skew(),
            0.330_582_180_407_974_6,
        );
        assert_eq!(of(&[1.0, 2.0, 3.0]).skew(), Some(0.0));
        close(of(&[-6.0, 0.0, 0.0]).skew(), -(3f64.sqrt()));
        assert_eq!(of(&[1.0, 2.0]).skew(), None);
        assert_eq!(of(&[0.1, 0.1, 0.1, 0.1]).skew(), None);
    }

    #[test]
    fn neither_scale_nor_offset_matters() {
        let values = [2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0];
        let expected = of(&values).skew().expect("a value");
        for scale in [1e-300, 1e-90, 1e-5, 1e20, 1e150, 1e300] {
            close(of(&values.map(|value| value * scale)).skew(), expected);
        }
        for offset in [1e6, -1e12, 1e15] {
            close(of(&values.map(|value| value + offset)).skew(), expected);
        }
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let mut cubes = of(&[2.0, 1e-300, 1e300, 4.0, -1e14, 7.0]);
        let mut more = of(&[1e200, -3.0]);
        cubes.merge(&more);
        [1e-300, 1e300, -1e14]
            .into_iter()
            .for_each(|value| cubes.sub(value));
        cubes.unmerge(&more);
        assert_eq!(bytes(&cubes), bytes(&of(&[7.0, 4.0, 2.0])));
        assert_eq!(cubes.skew(), of(&[2.0, 4.0, 7.0]).skew());
        more.unmerge(&of(&[1e200, -3.0]));
        assert_eq!(bytes(&more), bytes(&Cubes::new()));
    }

    #[test]
    fn bytes_read_back_as_the_same_sums() {
        for values in [&[1.5, 2.0, -7.0][..], &[1e300, 1.0, 2.0], &[-1e-300], &[]] {
            let written = bytes(&of(values));
            let mut rest = written.as_slice();
            let read = Cubes::read(&mut rest).expect("own bytes");
            assert!(rest.is_empty());
            assert_eq!(bytes(&read), written);
            assert_eq!(read.skew(), of(values).skew());
        }
        assert!(Cubes::read(&mut &[0u8; 5][..]).is_none());
    }
}
