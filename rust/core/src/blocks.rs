//! Totals of runs of events, so that cursors can jump.

use std::ops::Range;

use crate::kept::Kept;
use crate::totals::Totals;

/// Events in a block.
const SIZE: usize = 32;

/// Totals of aligned blocks of an entity's events, for each track of its view.
///
/// Adding up a run of n events takes n / 32 merges and at most 62 events; an event that is inserted d events
/// before the end changes d / 32 blocks.
///
/// ```
/// use forerun_core::blocks::{Blocks, Change};
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..100 {
///     events.insert(at as i64, at, &[1, 1f64.to_bits()]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let mut totals = view.tracks[0].totals();
/// Blocks::new(kept).change(kept, 0, 5..95, Change::Add, &mut totals);
/// assert_eq!(totals.count(), 90);
/// ```
#[derive(Clone, Debug)]
pub struct Blocks {
    /// Position of the first block.
    origin: usize,
    /// Per track.
    totals: Vec<Vec<Totals>>,
}

/// What to do with a run of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Count them in.
    Add,
    /// Take them out.
    Remove,
}

impl Blocks {
    /// The blocks of all events kept.
    #[must_use]
    pub fn new(kept: Kept<'_>) -> Self {
        let mut blocks = Self {
            origin: kept.first / SIZE * SIZE,
            totals: vec![Vec::new(); kept.view.tracks.len()],
        };
        (kept.first..kept.end()).for_each(|at| blocks.add(kept, at));
        blocks
    }

    /// Takes account of an event that was put at a position.
    #[inline]
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) {
        self.add(kept, at);
        // The event that each later block now begins with has left the block before it.
        let mut next = (at / SIZE + 1) * SIZE;
        while next < kept.end() {
            for (track, totals) in kept.view.tracks.iter().zip(&mut self.totals) {
                if let Some(value) = track.value(kept.row(next)) {
                    totals[(next - self.origin) / SIZE - 1].sub(value);
                }
            }
            self.add(kept, next);
            next += SIZE;
        }
    }

    #[inline]
    fn add(&mut self, kept: Kept<'_>, at: usize) {
        let block = (at - self.origin) / SIZE;
        for (track, totals) in kept.view.tracks.iter().zip(&mut self.totals) {
            if block == totals.len() {
                totals.push(track.totals());
            }
            if let Some(value) = track.value(kept.row(at)) {
                totals[block].add(value);
            }
        }
    }

    /// Forgets blocks of events that are gone, now and then.
    pub fn dropped(&mut self, first: usize) {
        let gone = (first - self.origin) / SIZE;
        if self
            .totals
            .first()
            .is_some_and(|totals| gone * 2 > totals.len())
        {
            for totals in &mut self.totals {
                totals.drain(..gone.min(totals.len()));
            }
            self.origin += gone * SIZE;
        }
    }

    /// Changes `totals` by the events of a run of positions.
    pub fn change(
        &self,
        kept: Kept<'_>,
        track: usize,
        run: Range<usize>,
        change: Change,
        totals: &mut Totals,
    ) {
        let plan = &kept.view.tracks[track];
        let mut at = run.start;
        while at < run.end {
            if at.is_multiple_of(SIZE) && at + SIZE <= run.end {
                let block = &self.totals[track][(at - self.origin) / SIZE];
                match change {
                    Change::Add => totals.merge(block),
                    Change::Remove => totals.unmerge(block),
                }
                at += SIZE;
                continue;
            }
            match (plan.value(kept.row(at)), change) {
                (Some(value), Change::Add) => totals.add(value),
                (Some(value), Change::Remove) => totals.sub(value),
                (None, _) => {}
            }
            at += 1;
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let totals: usize = self.totals.iter().map(Vec::capacity).sum();
        totals * size_of::<Totals>()
    }
}
