//! Running totals of an entity's windows: each read moves them a little instead of adding up again.

use std::ops::Range;

use crate::blocks::{Blocks, Change};
use crate::buffer::Events;
use crate::kept::Kept;
use crate::plan::{Span, View};
use crate::ranks::Ranks;
use crate::totals::Totals;

/// Totals of every span of a view as of one time, for one entity with many events.
///
/// All windows end at the same event (`end`) and begin at their own (`starts`); the lifetime begins where the
/// settled events end. Everything here can be derived from the events and is not part of the state.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::cursors::{Cursors, Place};
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0]; // a window of 100
/// let mut events = Events::default();
/// for at in 0..500 {
///     events.insert(at as i64, at, &[1, 1f64.to_bits()]);
/// }
/// let (mut cursors, mut place) = (Cursors::new(view, &events), Place::default());
/// let kept = cursors.kept(view, &events);
/// cursors.locate(kept, 300, &mut place);
/// cursors.follow(kept, 0, 300, &mut place);
/// assert_eq!((place.starts[0], place.end), (201, 301));
/// assert_eq!(cursors.totals(0).count(), 100);
/// ```
#[derive(Clone, Debug)]
pub struct Cursors {
    /// Position of the oldest event kept.
    first: usize,
    /// The time the totals are as of.
    t: i64,
    end: usize,
    starts: Box<[usize]>,
    totals: Box<[Totals]>,
    ranks: Ranks,
    blocks: Blocks,
    /// Events passed by reads before `t` since the last move.
    debt: usize,
}

/// Where the windows of a read lie.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Position after the newest event.
    pub end: usize,
    /// Position of the oldest event of each window.
    pub starts: Vec<usize>,
    /// Events between this and the cursors, over all windows.
    pub distance: usize,
}

/// A read that is as far from the cursors as this many reads passed moves them back there.
const PATIENCE: usize = 8;

impl Cursors {
    /// Cursors before all events.
    #[must_use]
    pub fn new(view: &View, events: &Events) -> Self {
        let kept = Kept {
            view,
            events,
            first: 0,
        };
        let totals = view
            .spans
            .iter()
            .map(|span| view.tracks[span.track].totals());
        Self {
            first: 0,
            t: i64::MIN,
            end: 0,
            starts: vec![0; view.windows_us.len()].into(),
            totals: totals.collect(),
            ranks: Ranks::new(kept),
            blocks: Blocks::new(kept),
            debt: 0,
        }
    }

    /// The events by position.
    #[inline]
    #[must_use]
    pub fn kept<'a>(&self, view: &'a View, events: &'a Events) -> Kept<'a> {
        Kept {
            view,
            events,
            first: self.first,
        }
    }

    /// Extents of the events.
    #[inline]
    #[must_use]
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Finds the windows of a read at `t` without moving.
    #[inline]
    pub fn locate(&self, kept: Kept<'_>, t: i64, place: &mut Place) {
        place.starts.clear();
        if t == self.t {
            place.end = self.end;
            place.starts.extend_from_slice(&self.starts);
            place.distance = 0;
            return;
        }
        place.end = kept.up_to(t);
        place.distance = place.end.abs_diff(self.end) * self.starts.len().max(1);
        for (&start, &over) in self.starts.iter().zip(&kept.view.windows_us) {
            let after = t.saturating_sub(over);
            let mut at = start;
            // Reads mostly go forward in small steps: look at a few events before searching.
            if t > self.t {
                let near = place.end.min(start + PATIENCE);
                while at < near && kept.time(at) <= after {
                    at += 1;
                }
            }
            if t < self.t || at == start + PATIENCE {
                at = kept.up_to(after);
            }
            place.distance += at.abs_diff(start);
            place.starts.push(at);
        }
    }

    /// Moves to a place found for time `t`, or back to it when reads before the cursors have become the rule.
    #[inline]
    pub fn follow(&mut self, kept: Kept<'_>, settled: usize, t: i64, place: &mut Place) {
        if t < self.t {
            self.debt += place.distance;
            if self.debt <= PATIENCE * place.distance {
                return;
            }
        }
        self.move_to(kept, settled, t, place);
        place.distance = 0;
    }

    fn move_to(&mut self, kept: Kept<'_>, settled: usize, t: i64, place: &Place) {
        for (index, span) in kept.view.spans.iter().enumerate() {
            let mut totals = std::mem::replace(&mut self.totals[index], Totals::EMPTY);
            self.shift(kept, settled, span, place, &mut totals);
            self.totals[index] = totals;
        }
        self.t = t;
        self.end = place.end;
        self.starts.copy_from_slice(&place.starts);
        self.debt = 0;
    }

    /// Makes the totals of a span as of the cursors those of a place.
    fn shift(
        &self,
        kept: Kept<'_>,
        settled: usize,
        span: &Span,
        place: &Place,
        totals: &mut Totals,
    ) {
        let mut change = |run: Range<usize>, change: Change| {
            self.blocks.change(kept, span.track, run, change, totals);
        };
        // Additions first: nothing is taken out before it is in.
        match span.window {
            Some(window) => {
                let (old, new) = (self.starts[window], place.starts[window]);
                change(self.end..place.end, Change::Add);
                change(new..old, Change::Add);
                change(place.end..self.end, Change::Remove);
                change(old..new, Change::Remove);
            }
            None => {
                let floor = self.first + settled;
                let (old, new) = (self.end.max(floor), place.end.max(floor));
                change(old..new, Change::Add);
                change(new..old, Change::Remove);
            }
        }
    }

    /// The totals of a span where the cursors are.
    #[inline]
    #[must_use]
    pub fn totals(&self, span: usize) -> &Totals {
        &self.totals[span]
    }

    /// The events between the ends of the cursors and of another place, which all spans of a track share.
    #[must_use]
    pub fn edge(&self, kept: Kept<'_>, track: usize, place: &Place) -> Totals {
        let mut edge = kept.view.tracks[track].totals();
        let run = place.end.min(self.end)..place.end.max(self.end);
        self.blocks.change(kept, track, run, Change::Add, &mut edge);
        edge
    }

    /// The totals of a span at another place, which is `edge` away.
    #[must_use]
    pub fn totals_at(&self, kept: Kept<'_>, span: usize, place: &Place, edge: &Totals) -> Totals {
        let mut totals = self.totals[span].clone();
        let plan = &kept.view.spans[span];
        let (old, new) = plan
            .window
            .map_or((0, 0), |window| (self.starts[window], place.starts[window]));
        // Additions first: nothing is taken out before it is in.
        self.blocks
            .change(kept, plan.track, new..old, Change::Add, &mut totals);
        if place.end > self.end {
            totals.merge(edge);
        } else {
            totals.unmerge(edge);
        }
        self.blocks
            .change(kept, plan.track, old..new, Change::Remove, &mut totals);
        totals
    }

    /// Takes account of an event that was put at a position of the buffer.
    #[inline]
    pub fn inserted(&mut self, view: &View, events: &Events, at: usize) {
        let kept = self.kept(view, events);
        let at = self.first + at;
        let (row, time) = (kept.row(at), kept.time(at));
        if time <= self.t {
            self.end += 1;
            for (start, &over) in self.starts.iter_mut().zip(&view.windows_us) {
                *start += usize::from(time <= self.t.saturating_sub(over));
            }
            for (span, totals) in view.spans.iter().zip(&mut self.totals) {
                let after = span
                    .window
                    .map(|window| self.t.saturating_sub(view.windows_us[window]));
                if after.is_none_or(|after| time > after)
                    && let Some(value) = view.tracks[span.track].value(row)
                {
                    totals.add(value);
                }
            }
        }
        self.ranks.inserted(kept, at);
        self.blocks.inserted(kept, at);
    }

    /// Before events up to a horizon are settled or dropped: no window may begin before it any more.
    pub fn pass(&mut self, view: &View, events: &Events, settled: usize, horizon: i64) {
        if self.t < horizon {
            let kept = self.kept(view, events);
            let mut place = Place::default();
            self.locate(kept, horizon, &mut place);
            self.move_to(kept, settled, horizon, &place);
        }
    }

    /// The event at a position of the buffer, which the lifetimes held until now, is settled.
    pub fn settled(&mut self, view: &View, events: &Events, at: usize) {
        let row = events.row(at, view.width());
        for &index in &view.lifetimes {
            if let Some(value) = view.tracks[view.spans[index].track].value(row) {
                self.totals[index].sub(value);
            }
        }
    }

    /// The oldest events were dropped.
    pub fn dropped(&mut self, rows: usize) {
        self.first += rows;
        self.ranks.dropped(self.first);
        self.blocks.dropped(self.first);
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let derived = self.ranks.bytes() + self.blocks.bytes();
        size_of::<Self>() + size_of_val(&*self.starts) + size_of_val(&*self.totals) + derived
    }
}
