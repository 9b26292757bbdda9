//! What is kept of values that are gone, in bounded memory.

use std::collections::{BTreeSet, VecDeque};

use crate::counts::mix;
use crate::decay::Decay;
use crate::kind::Kind;
use crate::sketch::{Buckets, Registers};
use crate::totals::take;

/// Values up to which quantiles are exact.
pub const EXACT_MAX: usize = 64;

/// A summary of values that came in order: the part of an [`crate::accumulator::Accumulator`] that its kind adds.
///
/// ```
/// use forerun_core::kind::Kind;
/// use forerun_core::summary::Summary;
///
/// let mut visits = Summary::new(Kind::Newest(2), false).unwrap();
/// [7, 5, 6].map(|value| visits.push(0, value));
/// assert_eq!(visits.list(), [5, 6]);
/// assert!(Summary::new(Kind::Plain, false).is_none());
/// ```
#[derive(Clone, Debug)]
pub enum Summary {
    /// The smallest hashes, at most so many.
    Distinct(usize, BTreeSet<u64>),
    /// About how many distinct values.
    Registers(Registers),
    /// For quantiles.
    Quantiles(Quantiles),
    /// The oldest values, at most so many, oldest first.
    Oldest(usize, Vec<u64>),
    /// The newest values, at most so many, oldest first.
    Newest(usize, VecDeque<u64>),
    /// Number of values, and of true ones at the end.
    Streak(u64, u64),
    /// Weighted sums.
    Decay(Decay),
    /// All values with their times.
    Values(Vec<(i64, u64)>),
}

impl Summary {
    /// Most bytes of a hash: a leaf of the tree has five of them at least, and a node above six leaves.
    pub(crate) const BYTES_HASH: usize = 28;

    /// Of no values; none for kinds whose totals are bounded already.
    #[must_use]
    pub fn new(kind: Kind, float: bool) -> Option<Self> {
        Some(match kind {
            Kind::Plain | Kind::Cubes | Kind::Counts => return None,
            Kind::Values => Self::Values(Vec::new()),
            Kind::Distinct(max) => Self::Distinct(max, BTreeSet::new()),
            Kind::Registers => Self::Registers(Registers::default()),
            Kind::Buckets => Self::Quantiles(Quantiles::new(float)),
            Kind::Oldest(most) => Self::Oldest(most, Vec::new()),
            Kind::Newest(most) => Self::Newest(most, VecDeque::new()),
            Kind::Streak => Self::Streak(0, 0),
            Kind::Decay(half_life_us) => Self::Decay(Decay::new(half_life_us, float)),
        })
    }

    /// Back to no values.
    pub fn clear(&mut self) {
        match self {
            Self::Distinct(_, hashes) => hashes.clear(),
            Self::Registers(registers) => *registers = Registers::default(),
            Self::Quantiles(quantiles) => *quantiles = Quantiles::new(quantiles.float),
            Self::Oldest(_, values) => values.clear(),
            Self::Newest(_, values) => values.clear(),
            Self::Streak(count, run) => (*count, *run) = (0, 0),
            Self::Decay(decay) => decay.clear(),
            Self::Values(values) => values.clear(),
        }
    }

    /// Adds a value after all others.
    pub fn push(&mut self, time: i64, word: u64) {
        match self {
            Self::Distinct(max, hashes) => {
                hashes.insert(mix(word));
                if hashes.len() > *max {
                    hashes.pop_last();
                }
            }
            Self::Registers(registers) => registers.add(mix(word)),
            Self::Quantiles(quantiles) => quantiles.add(word),
            Self::Oldest(most, values) => {
                if values.len() < *most {
                    values.push(word);
                }
            }
            Self::Newest(most, values) => {
                if values.len() == *most {
                    values.pop_front();
                }
                values.push_back(word);
            }
            Self::Streak(count, run) => {
                *count += 1;
                *run = if word == 0 { 0 } else { *run + 1 };
            }
            Self::Decay(decay) => decay.push(time, word),
            Self::Values(values) => values.push((time, word)),
        }
    }

    /// Adds the values of another of the same kind, which all come after the ones here.
    pub fn append(&mut self, newer: &Self) {
        match (self, newer) {
            (Self::Distinct(max, hashes), Self::Distinct(_, more)) => {
                hashes.extend(more);
                while hashes.len() > *max {
                    hashes.pop_last();
                }
            }
            (Self::Registers(registers), Self::Registers(more)) => registers.merge(more),
            (Self::Quantiles(quantiles), Self::Quantiles(more)) => quantiles.merge(more),
            (Self::Oldest(most, values), Self::Oldest(_, more)) => {
                let room = most.saturating_sub(values.len());
                values.extend(more.iter().take(room));
            }
            (Self::Newest(most, values), Self::Newest(_, more)) => {
                values.extend(more);
                values.drain(..values.len().saturating_sub(*most));
            }
            (Self::Streak(count, run), Self::Streak(more, newest)) => {
                *run = if more == newest {
                    *run + newest
                } else {
                    *newest
                };
                *count += more;
            }
            (Self::Decay(decay), Self::Decay(more)) => decay.append(more),
            (Self::Values(values), Self::Values(more)) => values.extend(more),
            _ => debug_assert!(false, "summaries of one track are of one kind"),
        }
    }

    /// The values of a list, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<u64> {
        match self {
            Self::Oldest(_, values) => values.clone(),
            Self::Newest(_, values) => values.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Calls `change` on every value that is kept as it came.
    pub fn each_word(&mut self, change: &mut dyn FnMut(&mut u64)) {
        match self {
            Self::Oldest(_, values) => values.iter_mut().for_each(change),
            Self::Newest(_, values) => values.iter_mut().for_each(change),
            _ => {}
        }
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Distinct(_, hashes) => hashes.len() * Self::BYTES_HASH,
                Self::Registers(registers) => registers.bytes(),
                Self::Quantiles(quantiles) => quantiles.few.capacity() * 8 + quantiles.many.bytes(),
                Self::Oldest(_, values) => values.capacity() * 8,
                Self::Newest(_, values) => values.capacity() * 8,
                Self::Streak(..) => 0,
                Self::Decay(decay) => decay.bytes(),
                Self::Values(values) => values.capacity() * 16,
            }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        fn words<'a>(values: impl ExactSizeIterator<Item = &'a u64>, out: &mut Vec<u8>) {
            out.extend_from_slice(&(values.len() as u32).to_le_bytes());
            values.for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        }
        match self {
            Self::Distinct(_, hashes) => words(hashes.iter(), out),
            Self::Registers(registers) => registers.write(out),
            Self::Quantiles(quantiles) => {
                words(quantiles.few.iter(), out);
                quantiles.many.write(out);
            }
            Self::Oldest(_, values) => words(values.iter(), out),
            Self::Newest(_, values) => words(values.iter(), out),
            Self::Streak(count, run) => words([*count, *run].iter(), out),
            Self::Decay(decay) => decay.write(out),
            Self::Values(values) => {
                out.extend_from_slice(&(values.len() as u64).to_le_bytes());
                for (time, word) in values {
                    out.extend_from_slice(&time.to_le_bytes());
                    out.extend_from_slice(&word.to_le_bytes());
                }
            }
        }
    }

    /// Reads what [`Summary::write`] wrote into an empty summary; `None` when the bytes are not that.
    #[must_use]
    pub fn read(mut self, bytes: &mut &[u8]) -> Option<Self> {
        fn words(most: usize, bytes: &mut &[u8]) -> Option<Vec<u64>> {
            let length = u32::from_le_bytes(take(bytes)?) as usize;
            if length > most {
                return None;
            }
            (0..length)
                .map(|_| take(bytes).map(u64::from_le_bytes))
                .collect()
        }
        match &mut self {
            Self::Distinct(max, hashes) => {
                let read = words(*max, bytes)?;
                if !read.is_sorted_by(|a, b| a < b) {
                    return None;
                }
                hashes.extend(read);
            }
            Self::Registers(registers) => *registers = Registers::read(bytes)?,
            Self::Quantiles(quantiles) => {
                quantiles.few = words(EXACT_MAX, bytes)?;
                quantiles.many = Buckets::read(bytes)?;
            }
            Self::Oldest(most, values) => *values = words(*most, bytes)?,
            Self::Newest(most, values) => *values = words(*most, bytes)?.into(),
            Self::Streak(count, run) => {
                let read = words(2, bytes)?;
                (*count, *run) = (*read.first()?, *read.get(1)?);
            }
            Self::Decay(decay) => decay.read(bytes)?,
            Self::Values(values) => {
                for _ in 0..u64::from_le_bytes(take(bytes)?) {
                    let time = i64::from_le_bytes(take(bytes)?);
                    values.push((time, u64::from_le_bytes(take(bytes)?)));
                }
            }
        }
        Some(self)
    }
}

/// Values for quantiles: up to 64 as they are, from then on in buckets.
#[derive(Clone, Debug)]
pub struct Quantiles {
    float: bool,
    /// Words by value; empty when there are more than 64.
    few: Vec<u64>,
    many: Buckets,
}

impl Quantiles {
    fn new(float: bool) -> Self {
        Self {
            float,
            few: Vec::new(),
            many: Buckets::default(),
        }
    }

    fn add(&mut self, word: u64) {
        let value = number(self.float, word);
        if self.is_many() {
            return self.many.add(value);
        }
        let at = self
            .few
            .partition_point(|&known| number(self.float, known).total_cmp(&value).is_lt());
        self.few.insert(at, word);
        if self.few.len() > EXACT_MAX {
            self.spill();
        }
    }

    fn spill(&mut self) {
        for word in std::mem::take(&mut self.few) {
            self.many.add(number(self.float, word));
        }
    }

    fn is_many(&self) -> bool {
        self.few.is_empty() && self.many.nth(0).is_some()
    }

    fn merge(&mut self, other: &Self) {
        if other.is_many() && !self.is_many() {
            self.spill();
        }
        other.few.iter().for_each(|&word| self.add(word));
        self.many.merge(&other.many);
    }

    /// The values, when there are at most 64.
    #[must_use]
    pub fn few(&self) -> &[u64] {
        &self.few
    }

    /// The value at a rank among these and more, when there are more than 64.
    #[must_use]
    pub fn both(&self, more: &Buckets, rank: u64) -> Option<f64> {
        if self.few.is_empty() {
            return self.many.nth_of_both(more, rank);
        }
        let mut own = Buckets::default();
        for &word in &self.few {
            own.add(number(self.float, word));
        }
        own.nth_of_both(more, rank)
    }
}

/// A word as a number.
#[inline]
#[must_use]
pub fn number(float: bool, word: u64) -> f64 {
    if float {
        f64::from_bits(word)
    } else {
        word as i64 as f64
    }
}

/// The quantile of values: exact up to 64, else from `many`, which has all of them.
#[must_use]
pub fn quantile(
    q: f64,
    count: u64,
    few: impl FnOnce() -> Vec<f64>,
    many: impl FnOnce(u64) -> Option<f64>,
) -> Option<f64> {
    if count == 0 {
        return None;
    }
    let rank = ((q * count as f64).ceil() as u64).clamp(1, count) - 1;
    if count > EXACT_MAX as u64 {
        return many(rank);
    }
    let mut values = few();
    values.sort_unstable_by(f64::total_cmp);
    values.get(rank as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 9] = [
        Kind::Distinct(20),
        Kind::Registers,
        Kind::Buckets,
        Kind::Oldest(3),
        Kind::Newest(3),
        Kind::Newest(1),
        Kind::Streak,
        Kind::Decay(10),
        Kind::Values,
    ];

    fn bytes(summary: &Summary) -> Vec<u8> {
        let mut out = Vec::new();
        summary.write(&mut out);
        out
    }

    fn of(kind: Kind, values: &[u64]) -> Summary {
        let mut summary = Summary::new(kind, false).expect("a kind with a summary");
        for (at, &value) in values.iter().enumerate() {
            summary.push(at as i64, value);
        }
        summary
    }

    #[test]
    fn appending_is_pushing_and_bytes_read_back() {
        let values: Vec<u64> = (0..150).map(|at| at * 37 % 101 % 7).collect();
        let wide: Vec<u64> = (0..150).map(|at| at * 37 % 101).collect();
        for kind in KINDS {
            for values in [&values, &wide] {
                for split in [0, 1, 2, 63, 64, 65, 66, 149, 150] {
                    let mut left = of(kind, &values[..split]);
                    let mut right = Summary::new(kind, false).expect("the same");
                    for (at, &value) in values.iter().enumerate().skip(split) {
                        right.push(at as i64, value);
                    }
                    left.append(&right);
                    let written = bytes(&of(kind, values));
                    assert_eq!(bytes(&left), written, "{kind:?} at {split}");
                    let empty = Summary::new(kind, false).expect("the same");
                    let mut rest = written.as_slice();
                    let read = empty.read(&mut rest).expect("own bytes");
                    assert_eq!((bytes(&read), rest.len()), (written, 0));
                }
                let mut cleared = of(kind, values);
                cleared.clear();
                assert_eq!(bytes(&cleared), bytes(&of(kind, &[])));
            }
        }
    }

    #[test]
    fn order_does_not_matter_where_it_must_not() {
        let values: Vec<u64> = (0..90).map(|at| at * 37 % 101).collect();
        let backwards: Vec<u64> = values.iter().rev().copied().collect();
        for kind in [Kind::Distinct(20), Kind::Registers, Kind::Buckets] {
            assert_eq!(bytes(&of(kind, &values)), bytes(&of(kind, &backwards)));
        }
    }

    #[test]
    fn a_quantile_is_the_value_at_its_rank() {
        let few = || vec![30.0, 10.0, 20.0, 40.0];
        let at = |q| quantile(q, 4, few, |_| None);
        assert_eq!(
            [0.0, 0.25, 0.26, 0.5, 1.0].map(at),
            [10.0, 10.0, 20.0, 20.0, 40.0].map(Some)
        );
        assert_eq!(quantile(0.5, 0, Vec::new, |_| None), None);
        assert_eq!(
            quantile(0.5, 100, Vec::new, |rank| Some(rank as f64)),
            Some(49.0)
        );
    }
}
