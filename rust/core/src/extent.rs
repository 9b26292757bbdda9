//! Smallest and largest of a set of values.

use std::ops::Range;

use crate::kept::Kept;
use crate::plan::Track;
use crate::totals::take;

/// The range of values seen, as ranks: integers that order like the values.
///
/// Floats are ranked by their total order, in which -0.0 is below 0.0, so that no tie is left to chance.
///
/// ```
/// use forerun_core::extent::Extent;
///
/// let mut extent = Extent::EMPTY;
/// for minutes in [2.5f64, -0.0, 0.0] {
///     extent.include(true, minutes.to_bits());
/// }
/// assert_eq!(f64::from_bits(extent.min(true)).to_bits(), (-0.0f64).to_bits());
/// assert_eq!(f64::from_bits(extent.max(true)), 2.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    least: i64,
    greatest: i64,
}

impl Extent {
    /// Of no values.
    pub const EMPTY: Self = Self {
        least: i64::MAX,
        greatest: i64::MIN,
    };

    /// From the ranks of the smallest and the largest value.
    #[inline]
    #[must_use]
    pub fn of(least: i64, greatest: i64) -> Self {
        Self { least, greatest }
    }

    /// Of a track over a run of positions, event by event.
    #[inline]
    #[must_use]
    pub fn of_run(kept: Kept<'_>, track: &Track, run: Range<usize>) -> Self {
        let mut extent = Self::EMPTY;
        for at in run {
            if let Some(value) = track.value(kept.row(at)) {
                extent.include(track.is_float(), value);
            }
        }
        extent
    }

    /// An integer that orders like a value given as a word.
    #[inline]
    #[must_use]
    pub fn rank(float: bool, word: u64) -> i64 {
        rank(float, word)
    }

    /// True when no value is included.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.least > self.greatest
    }

    /// Includes a value given as a word.
    #[inline]
    pub fn include(&mut self, float: bool, word: u64) {
        let rank = rank(float, word);
        self.least = self.least.min(rank);
        self.greatest = self.greatest.max(rank);
    }

    /// The extent of both sets.
    #[inline]
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
        }
    }

    /// The smallest value, as a word.
    #[inline]
    #[must_use]
    pub fn min(self, float: bool) -> u64 {
        rank(float, self.least as u64) as u64
    }

    /// The largest value, as a word.
    #[inline]
    #[must_use]
    pub fn max(self, float: bool) -> u64 {
        rank(float, self.greatest as u64) as u64
    }

    /// Appends the canonical bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.least.to_le_bytes());
        out.extend_from_slice(&self.greatest.to_le_bytes());
    }

    /// Reads what [`Extent::write`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let least = i64::from_le_bytes(take(bytes)?);
        let greatest = i64::from_le_bytes(take(bytes)?);
        Some(Self { least, greatest })
    }
}

/// The rank of a word, and the word of a rank: for floats all bits but the sign flip when it is set.
#[inline]
fn rank(float: bool, word: u64) -> i64 {
    let bits = word as i64;
    if float {
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    } else {
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_like_floats_and_come_back() {
        let values = [f64::MIN, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX];
        let ranks = values.map(|value| rank(true, value.to_bits()));
        assert!(ranks.is_sorted_by(|a, b| a < b));
        for value in values {
            let mut extent = Extent::EMPTY;
            extent.include(true, value.to_bits());
            assert_eq!(extent.min(true), value.to_bits());
            assert_eq!(extent.max(true), value.to_bits());
        }
    }
}
