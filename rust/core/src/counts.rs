//! How often each value occurs.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::totals::take;

/// Counts of the distinct values of a multiset; values are words and tell apart by their bits.
///
/// ```
/// use forerun_core::counts::Counts;
///
/// let mut counts = Counts::default();
/// [7, 7, 9].map(|value| counts.add(value));
/// counts.sub(9);
/// assert_eq!((counts.distinct(), counts.of(7)), (1, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counts {
    counts: HashMap<u64, u64, BuildHasherDefault<Mixed>>,
}

/// Hashes a word by mixing it.
#[derive(Clone, Copy, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = crate::hash::hash(bytes);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(word);
    }
}

/// A word with its bits well mixed: each word has one of its own, on every host (the finaliser of splitmix64).
#[inline]
#[must_use]
pub fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Counts {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        *self.counts.entry(value).or_insert(0) += 1;
    }

    /// Takes out a value that was added before.
    #[inline]
    pub fn sub(&mut self, value: u64) {
        self.take(value, 1);
    }

    #[inline]
    fn take(&mut self, value: u64, less: u64) {
        if let Some(count) = self.counts.get_mut(&value) {
            *count -= less;
            if *count == 0 {
                self.counts.remove(&value);
            }
        }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        for (&value, &count) in &other.counts {
            *self.counts.entry(value).or_insert(0) += count;
        }
    }

    /// Takes out all values of another, which are part of this.
    pub fn unmerge(&mut self, other: &Self) {
        for (&value, &count) in &other.counts {
            self.take(value, count);
        }
    }

    /// Calls `change` on every value.
    pub fn each_word(&mut self, change: &mut dyn FnMut(&mut u64)) {
        let counts = std::mem::take(&mut self.counts).into_iter();
        self.counts.extend(counts.map(|(mut value, count)| {
            change(&mut value);
            (value, count)
        }));
    }

    /// Back to no values.
    pub fn clear(&mut self) {
        self.counts.clear();
    }

    /// Number of distinct values.
    #[inline]
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// How often a value occurs.
    #[must_use]
    pub fn of(&self, value: u64) -> u64 {
        self.counts.get(&value).copied().unwrap_or(0)
    }

    /// The distinct values with their counts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter().map(|(&value, &count)| (value, count))
    }

    /// The most that [`Counts::bytes`] can be with so many distinct values at once: tables double, and so may what
    /// was removed from them.
    #[must_use]
    pub const fn bytes_max(distinct: usize) -> usize {
        17 * (4 * distinct + 4)
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.capacity() * 17
    }

    /// Appends the canonical bytes: by value.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut sorted: Vec<(u64, u64)> = self.iter().collect();
        sorted.sort_unstable();
        out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
        for (value, count) in sorted {
            out.extend_from_slice(&value.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    /// Reads what [`Counts::write`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut counts = Self::default();
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let value = u64::from_le_bytes(take(bytes)?);
            let count = u64::from_le_bytes(take(bytes)?);
            if count == 0 || counts.counts.insert(value, count).is_some() {
                return None;
            }
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(counts: &Counts) -> Vec<u8> {
        let mut out = Vec::new();
        counts.write(&mut out);
        out
    }

    #[test]
    fn order_leaves_no_trace() {
        let (mut left, mut right) = (Counts::default(), Counts::default());
        (0..500u64).for_each(|at| left.add(at * 7 % 31));
        (0..500u64).rev().for_each(|at| right.add(at * 7 % 31));
        (100..200).for_each(|value| right.add(value));
        (100..200).for_each(|value| right.sub(value));
        assert_eq!(bytes(&left), bytes(&right));
        assert_eq!(left.distinct(), 31);
        let mut merged = left.clone();
        merged.merge(&right);
        merged.unmerge(&left);
        assert_eq!(bytes(&merged), bytes(&right));
        let written = bytes(&left);
        let read = Counts::read(&mut written.as_slice()).expect("own bytes");
        assert_eq!(bytes(&read), written);
    }
}
