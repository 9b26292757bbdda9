//! Reads the windows of a track: what adding up or the index gives for their runs of events.

use std::ops::Range;

use crate::accumulator::Found;
use crate::buffer::Events;
use crate::entity::Entity;
use crate::extent::Extent;
use crate::index::Index;
use crate::kind::Kind;
use crate::light::{Run, fits, root};
use crate::plan::View;
use crate::prefix::Prefix;
use crate::reading::{Settled, TrackReading, emit};
use crate::row::Row;
use crate::slots::Values;

impl TrackReading {
    pub(crate) fn read_nothing(&mut self, view: &View, row: &mut Row) {
        if self.track.needs.kind != Kind::Plain {
            return self.read_valueless(view, row);
        }
        self.scratch.clear();
        for span in &self.spans {
            emit(view, &self.track, &self.scratch.found(), &span.outputs, row);
            for bound in span.outputs.iter().filter_map(|output| output.bound) {
                row.set(bound, Some(0f64.to_bits()));
            }
        }
    }

    #[inline(always)]
    pub(crate) fn read(
        &mut self,
        view: &View,
        entity: &mut Entity,
        t: i64,
        runs: &[Range<usize>],
        row: &mut Row,
    ) {
        if self.track.needs.kind != Kind::Plain {
            return self.read_valued(view, entity, t, runs, row);
        }
        let indexed = entity.index().map(|(index, _)| {
            let prefix = index.prefix().filter(|_| self.track.light.is_some());
            prefix.map(Prefix::bits)
        });
        match indexed {
            None if self.track.light.is_some() => {
                if !self.read_short(view, entity, runs, row) {
                    return self.read_adding(view, entity, t, runs, row);
                }
            }
            None => return self.read_adding(view, entity, t, runs, row),
            Some(bits) => self.read_indexed(view, entity, bits, runs, row),
        }
        if self.settles {
            self.read_settled(view, entity, t, runs, row);
        }
    }

    /// Adds up the events of each window in fixed width, from the newest back; false when a value does not fit.
    #[inline(always)]
    fn read_short(
        &self,
        view: &View,
        entity: &Entity,
        runs: &[Range<usize>],
        row: &mut Row,
    ) -> bool {
        let track = &self.track;
        let (float, width) = (track.is_float(), view.width());
        let rows = entity.events().rows();
        let sums = track.light.is_some_and(|light| light.sums);
        let squares = track.light.is_some_and(|light| light.squares);
        let mut run = Run::EMPTY;
        let (mut extent, mut first, mut last) = (Extent::EMPTY, None, None);
        let (mut at, mut end) = (usize::MAX, usize::MAX);
        let mut values = Values::EMPTY;
        for span in &self.spans {
            if !matches!(span.settled, Settled::None) {
                continue;
            }
            let wanted = &runs[span.window];
            if wanted.end != end || wanted.start > at {
                run = Run::EMPTY;
                (extent, first, last) = (Extent::EMPTY, None, None);
                (at, end) = (wanted.end, wanted.end);
            } else if wanted.start == at {
                // Windows that hold the same events have the same values.
                span.slots.set(view, track, &values, row);
                continue;
            }
            // Not by chunks, for which lengths are divided.
            let mut place = at * width;
            while place > wanted.start * width {
                place -= width;
                let Some(value) = track.value(&rows[place..place + width]) else {
                    continue;
                };
                if sums {
                    match root(float, value) {
                        Some(root) if squares => run.add(root),
                        Some(root) => run.add_plain(root),
                        None => return false,
                    }
                } else {
                    run.count += 1;
                }
                if track.needs.extrema {
                    extent.include(float, value);
                }
                first = Some(value);
                last = last.or(first);
            }
            at = wanted.start;
            values.become_of(self.wanted, &run, extent, (first, last));
            span.slots.set(view, track, &values, row);
        }
        true
    }

    /// Adds up the events of each window, whatever they are.
    fn read_adding(
        &mut self,
        view: &View,
        entity: &mut Entity,
        t: i64,
        runs: &[Range<usize>],
        row: &mut Row,
    ) {
        let (track, width) = (&self.track, view.width());
        let rows = entity.events().rows();
        let (mut at, mut end) = (0, 0);
        for span in &self.spans {
            if !matches!(span.settled, Settled::None) {
                continue;
            }
            let wanted = &runs[span.window];
            if wanted.end != end || wanted.start > at {
                self.scratch.clear();
                (at, end) = (wanted.end, wanted.end);
            }
            for event in rows[wanted.start * width..at * width].rchunks_exact(width) {
                if let Some(value) = track.value(event) {
                    self.scratch.push_oldest(value);
                }
            }
            at = wanted.start;
            emit(view, track, &self.scratch.found(), &span.outputs, row);
        }
        self.read_settled(view, entity, t, runs, row);
    }

    /// Takes totals from the index: prefixes where values fit in `bits`, else running totals.
    #[inline(always)]
    fn read_indexed(
        &self,
        view: &View,
        entity: &mut Entity,
        bits: Option<u32>,
        runs: &[Range<usize>],
        row: &mut Row,
    ) {
        let Some((index, events)) = entity.index() else {
            return;
        };
        let kept = index.kept(view, events);
        let track = &self.track;
        let (mut head, mut known, mut values) = (
            (usize::MAX, Run::EMPTY),
            usize::MAX..usize::MAX,
            Values::EMPTY,
        );
        for span in &self.spans {
            if !matches!(span.settled, Settled::None) {
                continue;
            }
            let run = &runs[span.window];
            // Windows that hold the same events have the same values.
            if known.start == run.start && known.end == run.end {
                span.slots.set(view, track, &values, row);
                continue;
            }
            let (extent, ends) = self.extremes(view, index, events, run);
            let (first, last) =
                ends.map_or((None, None), |(first, last)| (Some(first), Some(last)));
            if let (Some(light), true) =
                (track.light, bits.is_some_and(|bits| fits(run.len(), bits)))
            {
                if head.0 != run.end {
                    head = (run.end, *index.upto(kept, track, light.mark, run.end));
                }
                let start = index.upto(kept, track, span.mark, run.start);
                values.become_of(self.wanted, &head.1.without(start), extent, (first, last));
                span.slots.set(view, track, &values, row);
                known = run.clone();
                continue;
            }
            let found = Found {
                totals: index.cursors().totals(kept, span.span, run.clone()),
                extent,
                first,
                last,
            };
            emit(view, track, &found, &span.outputs, row);
        }
    }

    /// As [`TrackReading::read_indexed`] of windows up to the newest event read whose prefix totals all fit.
    #[inline(always)]
    pub(crate) fn read_sliding(
        &self,
        view: &View,
        index: &mut Index,
        events: &Events,
        (t, newest): (i64, usize),
        row: &mut Row,
    ) {
        let track = &self.track;
        let (Some(light), Some(lengths)) = (track.light, &view.lengths) else {
            return;
        };
        let kept = index.kept(view, events);
        let head = *index.upto(kept, track, light.mark, newest);
        let (mut known, mut values) = (usize::MAX, Values::EMPTY);
        let moved = t.wrapping_sub(index.read_at) as f64;
        for span in &self.spans {
            let after = t.saturating_sub(lengths[span.window]);
            let window = (after, newest, moved * view.paces[span.mark]);
            let (start, before) = index.slide(kept, track, span.mark, window);
            // Windows that hold the same events have the same values.
            if start != known {
                let run = head.without(before);
                let (extent, ends) = self.extremes(view, index, events, &(start..newest));
                let (first, last) =
                    ends.map_or((None, None), |(first, last)| (Some(first), Some(last)));
                values.become_of(self.wanted, &run, extent, (first, last));
                known = start;
            }
            span.slots.set(view, track, &values, row);
        }
    }

    #[inline(always)]
    pub(crate) fn extremes(
        &self,
        view: &View,
        index: &mut Index,
        events: &Events,
        run: &Range<usize>,
    ) -> (Extent, Option<(u64, u64)>) {
        let kept = index.kept(view, events);
        let extent = if self.track.needs.extrema {
            index.extent(kept, self.index, run.clone())
        } else {
            Extent::EMPTY
        };
        let ends = if self.track.needs.ends {
            let first = index.first(kept, &self.track, run.clone());
            first.zip(index.last(kept, &self.track, run.clone()))
        } else {
            None
        };
        (extent, ends)
    }
}
