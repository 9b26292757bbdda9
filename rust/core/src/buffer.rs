//! The events of one entity, sorted, in one piece of memory that all its windows share.

use crate::prefetch::prefetch_at;

/// Words before the staged part of a row: event time and place.
pub const FIXED_WORDS: usize = 2;

/// Events sorted by (event time, partition, offset); all rows have the same number of words.
///
/// A row is `[time, place, conditions..., arguments...]` (see [`place`] and [`crate::stage::StagedView`]).
/// Appending in order and dropping the oldest cost O(1) amortised; an event that comes d rows out of order
/// moves d rows. The row width is the view's and is passed in, to keep a cold entity small.
///
/// ```
/// use forerun_core::buffer::{Events, place};
///
/// let mut events = Events::default();
/// for (time, value) in [(10, 100), (30, 300), (20, 200)] {
///     events.insert(time, place(0, value), &[value]);
/// }
/// assert_eq!([0, 1, 2].map(|at| events.row(at, 3)[2]), [100, 200, 300]);
/// assert_eq!(events.up_to(25, 3), 2);
/// events.drop_front(1, 3);
/// assert_eq!((events.len(), events.time(0, 3)), (2, 20));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Events {
    words: Vec<u64>,
    /// Words at the front that are dropped already.
    head: usize,
    /// Number of events: a division by the width less at every turn.
    rows: usize,
}

/// Partition and offset of an event in one word that orders like the pair.
#[inline]
#[must_use]
pub fn place(partition: u16, offset: u64) -> u64 {
    u64::from(partition) << 48 | offset
}

/// The partition and offset of a [`place`].
#[must_use]
pub fn partition_offset(place: u64) -> (u16, u64) {
    ((place >> 48) as u16, place & OFFSET_MAX)
}

/// The largest offset a [`place`] can hold.
pub const OFFSET_MAX: u64 = (1 << 48) - 1;

impl Events {
    /// Number of events.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True without events.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The words of the event at a position.
    #[inline]
    #[must_use]
    pub fn row(&self, at: usize, width: usize) -> &[u64] {
        let start = self.head + at * width;
        &self.words[start..start + width]
    }

    /// All words, oldest event first.
    #[inline]
    #[must_use]
    pub fn rows(&self) -> &[u64] {
        &self.words[self.head..]
    }

    /// Asks for the memory of an event.
    #[inline]
    pub(crate) fn expect_row(&self, at: usize, width: usize) {
        prefetch_at(&self.words, at.wrapping_mul(width).wrapping_add(self.head));
    }

    /// The event time at a position.
    #[inline]
    #[must_use]
    pub fn time(&self, at: usize, width: usize) -> i64 {
        self.words[self.head + at * width] as i64
    }

    /// Asks for the memory of the newest events.
    #[inline]
    pub(crate) fn expect(&self) {
        prefetch_at(&self.words, self.words.len().wrapping_sub(1));
    }

    /// Asks for the memory of a few events: all there are.
    #[inline]
    pub(crate) fn expect_start(&self) {
        let mut at = self.head;
        while at < self.words.len() {
            prefetch_at(&self.words, at);
            at += 8;
        }
    }

    /// Puts an event in its place and returns its position.
    #[inline]
    pub fn insert(&mut self, time: i64, place: u64, staged: &[u64]) -> usize {
        let width = staged.len() + FIXED_WORDS;
        let rows = self.rows;
        let after = |words: &[u64], at: usize| {
            let start = at * width;
            (words[start] as i64, words[start + 1]) < (time, place)
        };
        let mut at = rows;
        if at > 0 && !after(self.rows(), at - 1) {
            at = self.search(width, |row| (row[0] as i64, row[1]) < (time, place));
        }
        self.words.reserve(width);
        self.words.extend_from_slice(&[time as u64, place]);
        for &word in staged {
            self.words.push(word);
        }
        self.rows += 1;
        if at < rows {
            let start = self.head + at * width;
            self.words[start..].rotate_right(width);
        }
        at
    }

    /// Number of events with time up to and including `t`.
    #[inline]
    #[must_use]
    pub fn up_to(&self, t: i64, width: usize) -> usize {
        let rows = self.rows;
        // Most reads are at or after the newest event.
        if rows == 0 || self.time(rows - 1, width) <= t {
            return rows;
        }
        self.search(width, |row| row[0] as i64 <= t)
    }

    /// Number of rows at the front for which `holds`, found from the back in doubling steps.
    fn search(&self, width: usize, holds: impl Fn(&[u64]) -> bool) -> usize {
        let rows = self.rows;
        let (mut low, mut high, mut step) = (0, rows, 1);
        while step <= rows {
            if holds(self.row(rows - step, width)) {
                low = rows - step + 1;
                break;
            }
            high = rows - step;
            step *= 2;
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if holds(self.row(middle, width)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Drops the oldest events.
    pub fn drop_front(&mut self, rows: usize, width: usize) {
        self.head += rows * width;
        self.rows -= rows;
        if self.head == self.words.len() {
            self.words.clear();
            self.head = 0;
        } else if self.head * 2 > self.words.len() {
            self.words.drain(..self.head);
            self.head = 0;
        }
    }

    /// Gives back memory after a burst has expired.
    pub fn shrink(&mut self) {
        let used = self.words.len() - self.head;
        if self.words.capacity() > 4 * used.max(16) {
            self.words.drain(..self.head);
            self.head = 0;
            self.words.shrink_to(2 * used);
        }
    }

    /// Takes rows as stored by [`Events::rows`].
    #[must_use]
    pub fn from_rows(words: Vec<u64>, width: usize) -> Self {
        Self {
            rows: words.len() / width,
            words,
            head: 0,
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_of_arrival_gives_the_same_rows() {
        let times = [50, 10, 40, 10, 30, 20, 50, 5];
        let mut expected: Vec<(i64, u64)> = times
            .iter()
            .zip(0..)
            .map(|(&time, at)| (time, at))
            .collect();
        let mut events = Events::default();
        for &(time, at) in &expected {
            events.insert(time, place(0, at), &[]);
        }
        expected.sort_unstable();
        let rows: Vec<(i64, u64)> = events
            .rows()
            .chunks(2)
            .map(|row| (row[0] as i64, row[1]))
            .collect();
        assert_eq!(rows, expected);
        for t in 0..60 {
            assert_eq!(
                events.up_to(t, 2),
                expected.iter().filter(|(time, _)| *time <= t).count()
            );
        }
    }

    #[test]
    fn dropping_and_inserting_keep_what_remains() {
        let mut events = Events::default();
        for time in 0..100 {
            events.insert(time, time as u64, &[7]);
            if time >= 10 {
                events.drop_front(1, 3);
            }
            assert_eq!(events.time(0, 3), (time - 9).max(0));
            assert_eq!(events.len(), (time as usize + 1).min(10));
        }
        events.shrink();
        assert_eq!(events.row(9, 3), &[99, 99, 7]);
    }

    #[test]
    fn place_orders_by_partition_then_offset() {
        assert!(place(0, OFFSET_MAX) < place(1, 0));
        assert_eq!(partition_offset(place(65535, 12)), (65535, 12));
    }
}
