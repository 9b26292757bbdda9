//! Quantiles of any number of values with a relative error of 1 %.

use std::collections::BTreeMap;

use crate::totals::take;

/// Growth from one bucket to the next, (1 + 0.01) / (1 - 0.01), as a natural logarithm.
const LOG_GROWTH: f64 = 0.020_000_666_706_669_524;

/// The largest value of a bucket, times this, is at most 1 % from every value of it: 2 / (1 + growth).
const CENTRE: f64 = 0.99;

/// Added to the number of a bucket of positive values: above 0, which is the bucket of zero.
const OFFSET: i32 = 1 << 16;

/// Counts of values by bucket of a geometric scale: a sketch that is a function of the multiset, and subtracts.
///
/// Bucket i holds values above `g^(i-1)` up to `g^i` with g = 1.01 / 0.99, negative ones mirrored (Masson, Rim and
/// Lee, "`DDSketch`: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019).
///
/// ```
/// use forerun_core::sketch::Buckets;
///
/// let mut buckets = Buckets::default();
/// (1..=1000).for_each(|at| buckets.add(f64::from(at)));
/// let median = buckets.nth(499).unwrap();
/// assert!((median - 500.0).abs() <= 5.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    counts: BTreeMap<i32, u64>,
}

impl Buckets {
    /// Bytes of a bucket.
    pub const BYTES_EACH: usize = 20;

    /// The most buckets there can be, of floats or of ints: each is 2 % wide, and there are two signs.
    #[must_use]
    pub const fn most(float: bool) -> usize {
        2 * if float { 72_712 } else { 2_185 } + 1
    }

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        *self.counts.entry(bucket(value)).or_default() += 1;
    }

    /// Takes out a value that was added before.
    pub fn sub(&mut self, value: f64) {
        self.take(bucket(value), 1);
    }

    fn take(&mut self, bucket: i32, less: u64) {
        if let Some(count) = self.counts.get_mut(&bucket) {
            *count -= less;
            if *count == 0 {
                self.counts.remove(&bucket);
            }
        }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        for (&bucket, &count) in &other.counts {
            *self.counts.entry(bucket).or_default() += count;
        }
    }

    /// Takes out all values of another, which are part of this.
    pub fn unmerge(&mut self, other: &Self) {
        for (&bucket, &count) in &other.counts {
            self.take(bucket, count);
        }
    }

    /// Back to no values.
    pub fn clear(&mut self) {
        self.counts.clear();
    }

    /// The value at a rank, counted from 0 at the smallest, to 1 %; none when there are not that many.
    #[must_use]
    pub fn nth(&self, rank: u64) -> Option<f64> {
        let mut seen = 0;
        for (&bucket, &count) in &self.counts {
            seen += count;
            if seen > rank {
                return Some(centre(bucket));
            }
        }
        None
    }

    /// The value at a rank in two sketches together.
    #[must_use]
    pub fn nth_of_both(&self, other: &Self, rank: u64) -> Option<f64> {
        let (mut left, mut right) = (
            self.counts.iter().peekable(),
            other.counts.iter().peekable(),
        );
        let mut seen = 0;
        loop {
            let from_left = match (left.peek(), right.peek()) {
                (Some((a, _)), Some((b, _))) => a <= b,
                (found, _) => found.is_some(),
            };
            let (&bucket, &count) = if from_left {
                left.next()?
            } else {
                right.next()?
            };
            seen += count;
            if seen > rank {
                return Some(centre(bucket));
            }
        }
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.len() * Self::BYTES_EACH
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.counts.len() as u32).to_le_bytes());
        for (bucket, count) in &self.counts {
            out.extend_from_slice(&bucket.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    /// Reads what [`Buckets::write`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut counts = BTreeMap::new();
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let bucket = i32::from_le_bytes(take(bytes)?);
            let count = u64::from_le_bytes(take(bytes)?);
            if count == 0
                || counts
                    .last_key_value()
                    .is_some_and(|(&last, _)| last >= bucket)
            {
                return None;
            }
            counts.insert(bucket, count);
        }
        Some(Self { counts })
    }
}

/// The bucket of a value; buckets order like values.
fn bucket(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    // libm and not the platform's: the same bucket on every host.
    let number = libm::ceil(libm::log(value.abs()) / LOG_GROWTH) as i32 + OFFSET;
    if value < 0.0 { -number } else { number }
}

/// The value that stands for a bucket.
fn centre(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let number = f64::from(bucket.abs() - OFFSET);
    // In two factors: the end of the last bucket is beyond the largest double.
    let half = libm::exp(number * LOG_GROWTH / 2.0);
    let value = (half * CENTRE * half).min(f64::MAX);
    if bucket < 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_to_one_percent() {
        let mut value = 5e-324;
        while value < f64::MAX / 1.5 {
            for signed in [value, -value] {
                let found = centre(bucket(signed));
                let tiny = value < f64::MIN_POSITIVE;
                let allowed = value * 0.01 * (1.0 + 1e-9) + if tiny { 5e-324 } else { 0.0 };
                assert!((found - signed).abs() <= allowed, "{signed} {found}");
            }
            value *= 1.000_7 + 5e-324;
            value += 5e-324;
        }
        assert_eq!(
            centre(bucket(f64::MAX)),
            f64::MAX.min(centre(bucket(f64::MAX)))
        );
        assert_eq!(centre(bucket(-0.0)), 0.0);
    }

    #[test]
    fn buckets_order_like_values() {
        let values = [
            -1e300, -2.0, -1e-300, 0.0, 1e-300, 0.5, 0.52, 1.0, 2.0, 1e300,
        ];
        assert!(values.map(bucket).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let (mut all, mut part) = (Buckets::default(), Buckets::default());
        for value in [-7.5, 0.0, 3.0, 3.0, 1e9] {
            all.add(value);
            part.add(value);
        }
        all.add(42.0);
        all.unmerge(&part);
        let mut expected = Buckets::default();
        expected.add(42.0);
        assert_eq!(all, expected);
        all.merge(&part);
        part.sub(3.0);
        part.add(42.0);
        part.add(3.0);
        assert_eq!(all, part);
        assert_eq!(part.nth_of_both(&expected, 5), expected.nth(0));
        assert_eq!(part.nth_of_both(&expected, 6), part.nth(5));
        assert_eq!(part.nth(6), None);
    }
}
