//! Count, sum and sum of squares, all exact, for means and variances that cannot go wrong.
//!
//! A running variance from float sums cancels catastrophically and can turn negative; Welford's update
//! is stable but depends on order and drifts under removal. With exact sums the textbook formula
//! `(n Q - S^2) / (n (n - 1))` has an exact numerator, so the result is the true sample variance
//! rounded three times: the numerator, its divisor and the quotient.

use super::big::Big;
use super::variance::{pairs, variance};
use super::wide::{Wide, round};
use super::{ExactSum, UNIT, decompose, narrow};
use crate::light::{Run, square};

/// Squares of all doubles: 2^-2148 to 2^2048, plus 64 bits.
type WideSquares = Wide<67, -2148>;

/// Count, sum and sum of squares of a multiset of float64 values.
///
/// ```
/// use forerun_core::sum::Moments;
///
/// let mut moments = Moments::new();
/// for value in [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0, 1e300] {
///     moments.add(value);
/// }
/// moments.sub(1e300);
/// assert_eq!(moments.mean(), Some(1e9 + 2.0));
/// assert_eq!(moments.var(), Some(1.0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Moments {
    count: u64,
    sum: ExactSum,
    squares: Squares,
}

impl Moments {
    /// Of the empty multiset.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finite value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum.add(value);
        self.squares.update(value, false);
    }

    /// Takes out a value that was added before.
    #[inline]
    pub fn sub(&mut self, value: f64) {
        self.count -= 1;
        self.sum.sub(value);
        self.squares.update(value, true);
    }

    /// The moments of both multisets.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }

    /// Takes out a multiset that is part of this one.
    pub fn unmerge(&mut self, other: &Self) {
        self.count -= other.count;
        self.sum.unmerge(&other.sum);
        self.squares.unmerge(&other.squares);
    }

    /// Number of values.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, rounded once.
    #[inline]
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum.value()
    }

    /// Their mean; `None` when there are none.
    #[inline]
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value() / self.count as f64)
    }

    /// Their sample variance; `None` below two values. Never negative.
    #[must_use]
    pub fn var(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        if let (Some(sum), None) = (self.sum.as_narrow(), &self.squares.wide) {
            return Some(variance(self.count, sum, &self.squares.narrow));
        }
        Some(self.wide_numerator() / pairs(self.count))
    }

    /// The exact sums of the values and of their squares.
    pub(super) fn powers(&self) -> (Big, Big) {
        let squares = Big::new(false, self.squares.narrow.to_vec(), 2 * UNIT);
        let squares = match &self.squares.wide {
            None => squares,
            Some(wide) => squares.plus(&wide.to_big()),
        };
        (self.sum.to_big(), squares)
    }

    /// Adds the values of a run.
    pub(crate) fn merge_run(&mut self, run: &Run) {
        self.count += run.count;
        self.sum.add_narrow_total(run.sum);
        let (total, over) = give(self.squares.narrow, run.squares);
        if over {
            self.squares.carry(false);
        }
        self.squares.narrow = total;
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.count.to_le_bytes());
        self.sum.write(out);
        self.squares.write(out);
    }

    /// Reads what [`Moments::write`] wrote and moves past it; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (word, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        let count = u64::from_le_bytes(*word);
        Some(Self {
            count,
            sum: ExactSum::read(bytes)?,
            squares: Squares::read(bytes)?,
        })
    }

    /// `n Q - S^2` where some value was out of the narrow band; schoolbook and slow.
    #[cold]
    fn wide_numerator(&self) -> f64 {
        let sum = self.sum.total().magnitude();
        let mut numerator = product(&self.squares.total().magnitude(), &[self.count]);
        for (at, &limb) in product(&sum, &sum).iter().enumerate() {
            borrow(&mut numerator, at, limb);
        }
        round(&numerator, -2148)
    }
}

/// An exact sum of squares: 256 bits in units of 2^(2 [`UNIT`]), and a wide one for the rest.
#[derive(Clone, Debug, Default)]
struct Squares {
    narrow: [u64; 4],
    wide: Option<Box<WideSquares>>,
}

impl Squares {
    #[inline]
    fn update(&mut self, value: f64, remove: bool) {
        match narrow(value) {
            Some(root) => {
                let term = square(root.unsigned_abs());
                let (total, over) = if remove {
                    take(self.narrow, term)
                } else {
                    give(self.narrow, term)
                };
                if over {
                    self.carry(remove);
                }
                self.narrow = total;
            }
            None => {
                let (mantissa, exponent) = decompose(value);
                let root = u128::from(mantissa.unsigned_abs());
                self.wide
                    .get_or_insert_default()
                    .add_shifted(root * root, remove, 2 * exponent);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let (total, over) = give(self.narrow, other.narrow);
        if over {
            self.carry(false);
        }
        self.narrow = total;
        if let Some(wide) = &other.wide {
            self.wide.get_or_insert_default().merge(wide);
        }
    }

    fn unmerge(&mut self, other: &Self) {
        let (total, under) = take(self.narrow, other.narrow);
        if under {
            self.carry(true);
        }
        self.narrow = total;
        if let Some(wide) = &other.wide {
            self.wide.get_or_insert_default().unmerge(wide);
        }
    }

    /// The narrow part wrapped around 2^256: the wide one takes that much.
    #[cold]
    fn carry(&mut self, remove: bool) {
        self.wide
            .get_or_insert_default()
            .add_shifted(1, remove, 2 * UNIT + 256);
    }

    fn total(&self) -> WideSquares {
        let mut total = self.wide.as_deref().cloned().unwrap_or_default();
        for (at, &limb) in self.narrow.iter().enumerate() {
            total.add_shifted(u128::from(limb), false, 2 * UNIT + 64 * at as i32);
        }
        total
    }

    fn write(&self, out: &mut Vec<u8>) {
        let narrow = match &self.wide {
            None => Some(self.narrow),
            Some(_) => self.total().to_u256(2 * UNIT),
        };
        match narrow {
            Some(limbs) => {
                out.push(0);
                limbs
                    .iter()
                    .for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
            }
            None => {
                out.push(1);
                self.total().write(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        match tag {
            0 => {
                let mut narrow = [0; 4];
                for limb in &mut narrow {
                    let (word, rest) = bytes.split_first_chunk::<8>()?;
                    *limb = u64::from_le_bytes(*word);
                    *bytes = rest;
                }
                Some(Self { narrow, wide: None })
            }
            1 => Some(Self {
                narrow: [0; 4],
                wide: Some(Box::new(WideSquares::read(bytes)?)),
            }),
            _ => None,
        }
    }
}

#[inline]
fn give(total: [u64; 4], term: [u64; 4]) -> ([u64; 4], bool) {
    let mut out = [0; 4];
    let mut carry = false;
    for at in 0..4 {
        let (once, first) = total[at].overflowing_add(term[at]);
        let (twice, second) = once.overflowing_add(u64::from(carry));
        out[at] = twice;
        carry = first | second;
    }
    (out, carry)
}

#[inline]
fn take(total: [u64; 4], term: [u64; 4]) -> ([u64; 4], bool) {
    let mut out = [0; 4];
    let mut carry = false;
    for at in 0..4 {
        let (once, first) = total[at].overflowing_sub(term[at]);
        let (twice, second) = once.overflowing_sub(u64::from(carry));
        out[at] = twice;
        carry = first | second;
    }
    (out, carry)
}

/// Schoolbook product.
fn product(left: &[u64], right: &[u64]) -> Vec<u64> {
    let mut out = vec![0; left.len() + right.len() + 1];
    for (at, &a) in left.iter().enumerate() {
        let mut carry = 0u128;
        for (by, &b) in right.iter().enumerate() {
            let term = u128::from(a) * u128::from(b) + u128::from(out[at + by]) + carry;
            out[at + by] = term as u64;
            carry = term >> 64;
        }
        out[at + right.len()] = carry as u64;
    }
    out
}

/// Takes `limb` out at position `at`, borrowing upwards; limbs beyond the end are zero.
fn borrow(from: &mut [u64], at: usize, limb: u64) {
    let mut rest = limb;
    for slot in from.iter_mut().skip(at) {
        let (difference, under) = slot.overflowing_sub(rest);
        *slot = difference;
        rest = u64::from(under);
        if rest == 0 {
            return;
        }
    }
    debug_assert_eq!(rest, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::new();
        values.iter().for_each(|&value| moments.add(value));
        moments
    }

    fn bytes(moments: &Moments) -> Vec<u8> {
        let mut out = Vec::new();
        moments.write(&mut out);
        out
    }

    #[test]
    fn variance_of_small_numbers_is_right() {
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]).var(), Some(5.0 / 3.0));
        assert_eq!(of(&[-1.0, 1.0]).var(), Some(2.0));
        assert_eq!(of(&[0.1, 0.1, 0.1]).var(), Some(0.0));
        assert_eq!(of(&[7.0]).var(), None);
        assert_eq!(of(&[]).mean(), None);
    }

    #[test]
    fn variance_survives_a_large_offset() {
        for offset in [1e9, 1e12, 1e15] {
            assert_eq!(of(&[offset, offset + 1.0, offset + 2.0]).var(), Some(1.0));
        }
    }

    #[test]
    fn variance_of_extremes_is_right() {
        assert_eq!(of(&[1e-200, 3e-200]).var(), Some(0.0));
        let (small, large) = (f64::from_bits(523 << 52), f64::from_bits(1523 << 52));
        assert_eq!(of(&[small, 3.0 * small]).var(), Some(2.0 * small * small));
        assert_eq!(of(&[large, -large]).var(), Some(2.0 * large * large));
        assert_eq!(of(&[1e300, -1e300]).var(), Some(f64::INFINITY));
        assert_eq!(of(&[1e20, 1e20 + 16384.0, 0.0]).count(), 3);
    }

    #[test]
    fn a_full_narrow_accumulator_carries_and_comes_back() {
        let big = 1.7e13;
        let mut moments = of(&[1.0, 3.0]);
        (0..200_000).for_each(|_| moments.add(big));
        (0..200_000).for_each(|_| moments.sub(big));
        assert_eq!(moments.var(), Some(2.0));
        assert_eq!(bytes(&moments), bytes(&of(&[1.0, 3.0])));
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let mut moments = of(&[2.0, 1e-300, 1e200, 4.0, 1e14]);
        [1e200, 1e14, 1e-300]
            .iter()
            .for_each(|&value| moments.sub(value));
        assert_eq!(moments.var(), Some(2.0));
        assert_eq!(bytes(&moments), bytes(&of(&[4.0, 2.0])));
    }

    #[test]
    fn bytes_read_back_as_the_same_moments() {
        for values in [&[1.5, 2.0][..], &[1e300, 1.0, 2.0], &[-1e-300], &[]] {
            let written = bytes(&of(values));
            let mut rest = written.as_slice();
            let read = Moments::read(&mut rest).expect("own bytes");
            assert!(rest.is_empty());
            assert_eq!(bytes(&read), written);
            assert_eq!(read.var(), of(values).var());
        }
    }

    #[test]
    fn squares_have_all_their_bits() {
        assert_eq!(square(u128::MAX), [1, 0, u64::MAX - 1, u64::MAX]);
        assert_eq!(square(1 << 64), [0, 0, 1, 0]);
        assert_eq!(square((1 << 127) + 1), [1, 0, 1, 1 << 62]);
    }
}
