//! Running totals of an entity's windows: each read moves them a little instead of adding up again.

use std::ops::Range;

use crate::kept::Kept;
use crate::totals::Totals;

/// Totals of spans, for one entity with many events: of kinds of totals that have no [`crate::prefix::Prefix`].
///
/// Everything here can be derived from the events and is not part of the state.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::cursors::Cursors;
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..500 {
///     events.insert(at as i64, at, &[1, 1f64.to_bits()]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let mut cursors = Cursors::default();
/// assert_eq!(cursors.totals(kept, 0, 200..300).count(), 100);
/// assert_eq!(cursors.totals(kept, 0, 201..305).count(), 104);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cursors {
    spans: Vec<Cursor>,
}

/// The totals of a span over a run of positions.
#[derive(Clone, Debug)]
struct Cursor {
    span: usize,
    start: usize,
    end: usize,
    totals: Totals,
}

impl Cursors {
    /// Bytes of the cursor of one span.
    pub(crate) const BYTES_EACH: usize = size_of::<Cursor>();

    /// The totals of a span over a run of positions; the cursor moves there.
    pub fn totals(&mut self, kept: Kept<'_>, span: usize, run: Range<usize>) -> &Totals {
        let found = self.spans.iter().position(|cursor| cursor.span == span);
        let at = found.unwrap_or_else(|| {
            let track = &kept.view.tracks[kept.view.spans[span].track];
            self.spans.push(Cursor {
                span,
                start: run.start,
                end: run.start,
                totals: track.totals(),
            });
            self.spans.len() - 1
        });
        let cursor = &mut self.spans[at];
        cursor.move_to(kept, run);
        &cursor.totals
    }

    /// The totals of a span where its cursor is.
    #[must_use]
    pub fn found(&self, span: usize) -> Option<&Totals> {
        let cursor = self.spans.iter().find(|cursor| cursor.span == span);
        cursor.map(|cursor| &cursor.totals)
    }

    /// Takes account of an event that was put at a position.
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) {
        for cursor in &mut self.spans {
            if at <= cursor.start {
                cursor.start += 1;
                cursor.end += 1;
            } else if at < cursor.end {
                cursor.end += 1;
                let track = &kept.view.tracks[kept.view.spans[cursor.span].track];
                if let Some(value) = track.value(kept.row(at)) {
                    cursor.totals.add(value);
                }
            }
        }
    }

    /// Before the events up to `first` are dropped: no run begins before it any more.
    pub fn dropping(&mut self, kept: Kept<'_>, first: usize) {
        for cursor in &mut self.spans {
            if cursor.start < first {
                cursor.move_to(kept, first..cursor.end.max(first));
            }
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let totals: usize = self.spans.iter().map(|cursor| cursor.totals.bytes()).sum();
        self.spans.capacity() * size_of::<Cursor>() + totals
    }
}

impl Cursor {
    fn move_to(&mut self, kept: Kept<'_>, run: Range<usize>) {
        let track = &kept.view.tracks[kept.view.spans[self.span].track];
        let (start, end) = (self.start, self.end);
        if run.start >= end || run.end <= start {
            // Nothing in common: begin anew.
            self.totals = track.totals();
            (self.start, self.end) = (run.start, run.start);
            return self.extend(kept, run.start..run.end);
        }
        let values = |range: Range<usize>| range.filter_map(|at| track.value(kept.row(at)));
        // Additions first: nothing is taken out before it is in.
        for value in values(run.start..start).chain(values(end..run.end)) {
            self.totals.add(value);
        }
        for value in values(start..run.start).chain(values(run.end..end)) {
            self.totals.sub(value);
        }
        (self.start, self.end) = (run.start, run.end);
    }

    fn extend(&mut self, kept: Kept<'_>, run: Range<usize>) {
        let track = &kept.view.tracks[kept.view.spans[self.span].track];
        for at in run {
            if let Some(value) = track.value(kept.row(at)) {
                self.totals.add(value);
            }
            self.end = at + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Events;
    use crate::plan::{EXAMPLE, Plan};

    #[test]
    fn wherever_a_cursor_goes_its_totals_are_those_of_the_run() {
        let view = &Plan::compile(EXAMPLE).unwrap().views[0];
        let (mut events, mut cursors, mut first) = (Events::default(), Cursors::default(), 0);
        let mut state = 5u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        for step in 0..3000u64 {
            let late = random(20) as i64;
            let at = events.insert(step as i64 - late, step, &[u64::from(random(3) > 0), 0]);
            let kept = Kept {
                view,
                events: &events,
                first,
            };
            cursors.inserted(kept, first + at);
            let start = first + random(kept.end() - first + 1);
            let end = start + random(kept.end() - start + 1);
            let span = random(view.spans.len());
            let track = &view.tracks[view.spans[span].track];
            let expected = (start..end).filter(|&at| track.value(kept.row(at)).is_some());
            let totals = cursors.totals(kept, span, start..end);
            assert_eq!(totals.count(), expected.count() as u64);
            if step % 50 == 49 {
                cursors.dropping(kept, first + 30);
                events.drop_front(30, view.width());
                first += 30;
            }
        }
    }
}
