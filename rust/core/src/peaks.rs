//! The events that are larger (or smaller) than all after them, for the extremes of windows that end at the newest.

use crate::prefetch::prefetch;

/// Positions and ranks of the values that no later one reaches: each is the peak of all windows that begin
/// after the one before it and end at the newest event.
///
/// All windows of a track share it. Few values are peaks (of n in random order about ln n), so that a look-up
/// costs next to nothing; an event inserted d events before the end costs O(d) at most.
///
/// ```
/// use forerun_core::peaks::{Peak, Peaks};
///
/// let mut peaks = Peaks::default();
/// for (at, rank) in [(0, 5), (1, 9), (2, 4), (3, 6)] {
///     peaks.inserted(at, Some(rank));
/// }
/// assert_eq!(peaks.within(0, 4), Peak::At(9));
/// assert_eq!(peaks.within(2, 4), Peak::At(6));
/// assert_eq!(peaks.within(2, 3), Peak::Unknown); // a later one hides it
/// assert_eq!(peaks.within(4, 4), Peak::None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Peaks {
    /// Positions ascending, ranks descending.
    stack: Vec<(usize, i64)>,
    /// How many at the front are gone.
    head: usize,
}

/// The peak of a run of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peak {
    /// No value counts.
    None,
    /// Its rank.
    At(i64),
    /// It is hidden by an event after the run.
    Unknown,
}

impl Peaks {
    /// Bytes of a peak.
    pub(crate) const BYTES_EACH: usize = size_of::<(usize, i64)>();

    /// Asks for the memory of the newest peaks.
    #[inline]
    pub(crate) fn expect(&self) {
        if let Some(newest) = self.stack.last() {
            prefetch(newest);
        }
    }

    /// Takes account of an event that was put at a position; without a rank it does not count.
    #[inline(always)]
    pub fn inserted(&mut self, at: usize, rank: Option<i64>) {
        let mut next = self.stack.len();
        while next > self.head && self.stack[next - 1].0 >= at {
            self.stack[next - 1].0 += 1;
            next -= 1;
        }
        let Some(rank) = rank else { return };
        if next < self.stack.len() && self.stack[next].1 >= rank {
            return;
        }
        let mut keep = next;
        while keep > self.head && self.stack[keep - 1].1 <= rank {
            keep -= 1;
        }
        if keep == self.stack.len() {
            self.stack.push((at, rank));
        } else if keep < next {
            self.stack[keep] = (at, rank);
            if keep + 1 < next {
                self.stack.drain(keep + 1..next);
            }
        } else {
            self.stack.insert(keep, (at, rank));
        }
    }

    /// Forgets what is gone.
    #[inline]
    pub fn dropped(&mut self, first: usize) {
        while self.head < self.stack.len() && self.stack[self.head].0 < first {
            self.head += 1;
        }
        if 2 * self.head > self.stack.len() {
            self.stack.drain(..self.head);
            self.head = 0;
        }
    }

    /// The peak of the events at `start..end`.
    #[inline(always)]
    #[must_use]
    pub fn within(&self, start: usize, end: usize) -> Peak {
        let peaks = &self.stack[self.head..];
        // Few are counted without a branch, whose outcome would be anybody's guess.
        let older = if peaks.len() <= 16 {
            peaks.iter().map(|&(at, _)| usize::from(at < start)).sum()
        } else {
            peaks.partition_point(|&(at, _)| at < start)
        };
        let found = peaks.get(older);
        match found {
            Some(&(at, rank)) if at < end => Peak::At(rank),
            Some(_) => Peak::Unknown,
            None => Peak::None,
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.stack.capacity() * size_of::<(usize, i64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_that_of_looking_at_every_value() {
        let mut state = 9u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        for case in 0..300 {
            let (mut peaks, mut values, mut first) = (Peaks::default(), Vec::new(), 0);
            for _ in 0..60 {
                let at = values.len() - random(values.len().min(5) + 1);
                let rank = (random(4) > 0).then(|| random(10) as i64);
                values.insert(at.max(first), rank);
                peaks.inserted(at.max(first), rank);
                if random(6) == 0 && first + 5 < values.len() {
                    first += random(3);
                    peaks.dropped(first);
                }
                let start = first + random(values.len() - first);
                let end = start + random(values.len() - start + 1);
                let expected = values[start..end].iter().flatten().max();
                match peaks.within(start, end) {
                    Peak::None => assert_eq!(None, expected, "case {case}"),
                    Peak::At(rank) => assert_eq!(Some(&rank), expected, "case {case}"),
                    Peak::Unknown => {
                        let after = values[end..].iter().flatten().max();
                        assert!(after.is_some() && after >= expected, "case {case}");
                    }
                }
            }
        }
    }
}
