//! The order in which the rows of several batches are processed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::stage::{Batch, Staged};

/// Where a row stands among all: arrival, stream, partition, offset, and the batch it is in.
type Position = (i64, usize, u16, u64, usize);

/// Yields (batch, next rows of it) of all batches by (arrival, stream, partition, offset).
///
/// The order depends on the rows alone and not on how they are cut into batches, which is what makes a
/// replay give the same bits.
pub(crate) struct Interleaved<'a> {
    batches: &'a [Batch],
    staged: &'a [Staged],
    next: BinaryHeap<Reverse<Position>>,
    rows: Vec<usize>,
    /// All rows of the only batch there is, until they are taken.
    only: Option<Range<usize>>,
}

impl<'a> Interleaved<'a> {
    pub(crate) fn new(batches: &'a [Batch], staged: &'a [Staged]) -> Self {
        let mut order = Self {
            batches,
            staged,
            next: BinaryHeap::with_capacity(batches.len()),
            rows: vec![0; batches.len()],
            only: (batches.len() == 1).then(|| 0..batches[0].rows),
        };
        if order.only.is_none() {
            (0..batches.len()).for_each(|batch| order.push(batch));
        }
        order
    }

    fn head(&self, batch: usize) -> Option<Position> {
        let row = self.rows[batch];
        let from = &self.batches[batch];
        let arrival = *self.staged[batch].arrivals.get(row)?;
        Some((
            arrival,
            from.stream,
            from.partition,
            from.base_offset + row as u64,
            batch,
        ))
    }

    fn push(&mut self, batch: usize) {
        if let Some(position) = self.head(batch) {
            self.next.push(Reverse(position));
        }
    }
}

impl Iterator for Interleaved<'_> {
    type Item = (usize, Range<usize>);

    #[inline]
    fn next(&mut self) -> Option<(usize, Range<usize>)> {
        if let Some(rows) = self.only.take() {
            return Some((0, rows));
        }
        let &Reverse((_, _, _, _, batch)) = self.next.peek()?;
        let row = self.rows[batch];
        self.rows[batch] += 1;
        match self.head(batch) {
            // One sift down at most, and none while the same batch leads.
            Some(position) => {
                if let Some(mut top) = self.next.peek_mut() {
                    *top = Reverse(position);
                }
            }
            None => {
                self.next.pop();
            }
        }
        Some((batch, row..row + 1))
    }
}
