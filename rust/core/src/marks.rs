//! Totals of all events before the places where windows begin and end, moved along from read to read.

use crate::kept::Kept;
use crate::light::{Light, Run};
use crate::plan::Track;
use crate::prefix::{Prefix, add_up, change_known};

/// Per light track of a view a mark at the end of its windows, and one where each begins.
///
/// A window that moves by an event costs one addition here; where it jumps, [`Prefix`] is asked.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::marks::Marks;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::prefix::Prefix;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..100 {
///     events.insert(at as i64, at, &[1, 1f64.to_bits()]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let prefix = Prefix::new(kept).unwrap();
/// let (mut marks, track) = (Marks::new(view.marks), &view.tracks[0]);
/// for at in [50, 51, 49, 99] {
///     assert_eq!(*marks.upto(kept, &prefix, track, 0, at), prefix.upto(kept, track, at));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Marks {
    marks: Box<[Mark]>,
}

/// The totals of all events before a position, but for a constant: as long as a line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Mark {
    at: usize,
    run: Run,
}

const _: () = assert!(size_of::<Mark>() == 64);

/// Steps that are tried whatever is guessed: so many at most while blocks are short.
const NEAR: usize = 4;

/// No position: far from all.
const NOWHERE: usize = usize::MAX / 2;

impl Marks {
    /// Marks that are nowhere yet.
    #[must_use]
    pub fn new(marks: usize) -> Self {
        let mark = Mark {
            at: NOWHERE,
            run: Run::EMPTY,
        };
        Self {
            marks: vec![mark; marks].into(),
        }
    }

    /// The totals of a track before a position, as [`Prefix::upto`] gives them; the mark moves there.
    #[inline(always)]
    pub fn upto(
        &mut self,
        kept: Kept<'_>,
        prefix: &Prefix,
        track: &Track,
        mark: usize,
        at: usize,
    ) -> &Run {
        let (Some(light), Some(mark)) = (track.light, self.marks.get_mut(mark)) else {
            return &Run::EMPTY;
        };
        let from = mark.at;
        // The prefix adds up half as many on average, and looks somewhere else.
        let far = prefix.size() / 2;
        if from == at {
            return &mark.run;
        }
        if !light.sums && !light.counts {
            // The position says it all.
        } else if at.wrapping_sub(from) <= far {
            add_up(light, track, kept, from..at, &mut mark.run);
        } else if from.wrapping_sub(at) <= far {
            let mut run = Run::EMPTY;
            add_up(light, track, kept, at..from, &mut run);
            mark.run = mark.run.without(&run);
        } else {
            mark.run = prefix.upto(kept, track, at);
        }
        if !light.counts {
            mark.run.count = at as u64;
        }
        mark.at = at;
        &mark.run
    }

    /// Moves a mark to the first event after a time, of those before a position: where that is, and the totals of a
    /// track before it, as [`Prefix::upto`] gives them.
    ///
    /// In one loop: mostly a window moves by few events, and nobody can guess by how many. `part` is by how much of its
    /// length it has moved, about: only how long this takes depends on it.
    #[inline(always)]
    pub fn slide(
        &mut self,
        kept: Kept<'_>,
        prefix: &Prefix,
        track: &Track,
        mark: usize,
        (after, end, part): (i64, usize, f64),
    ) -> (usize, &Run) {
        let (Some(light), Some(mark)) = (track.light, self.marks.get_mut(mark)) else {
            return (end, &Run::EMPTY);
        };
        let far = prefix.size() / 2;
        // In its length as many events leave a window as it holds: where more than a long block of them would, no step
        // is tried.
        let mut moved = 0;
        if far > NEAR {
            moved = (part * end.saturating_sub(mark.at) as f64) as isize;
        }
        let near = moved.unsigned_abs() <= prefix.size()
            && mark.step(light, track, kept, far, (after, end));
        if !near {
            let guess = mark.at.saturating_add_signed(moved);
            mark.at = kept.seek_far(guess, after, end);
            mark.run = prefix.upto(kept, track, mark.at);
        }
        if !light.counts {
            mark.run.count = mark.at as u64;
        }
        (mark.at, &mark.run)
    }

    /// Takes account of an event that was put at a position.
    #[inline]
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) {
        if at + 1 == kept.end() {
            return;
        }
        for (index, track) in kept.view.tracks.iter().enumerate() {
            let Some(light) = track.light else {
                continue;
            };
            let spans = kept.view.spans.iter().filter(|span| span.track == index);
            for mark in &mut self.marks[light.mark..=light.mark + spans.count()] {
                if mark.at > at && mark.at != NOWHERE {
                    change_known(light, track, kept.row(at), 0, false, &mut mark.run);
                    mark.at += 1;
                    if !light.counts {
                        mark.run.count = mark.at as u64;
                    }
                }
            }
        }
    }

    /// Before the events up to `first` are dropped: marks among them are gone.
    pub fn dropping(&mut self, first: usize) {
        for mark in &mut self.marks {
            if mark.at < first {
                mark.at = NOWHERE;
            }
        }
    }

    /// True when no track has prefix totals.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Asks for the memory of the events where the marks are.
    #[inline]
    pub(crate) fn expect_events(&self, kept: Kept<'_>) {
        for mark in &self.marks {
            kept.expect(mark.at);
        }
    }

    /// Asks for their memory.
    #[inline]
    pub(crate) fn expect(&self) {
        self.marks.iter().for_each(crate::prefetch::prefetch);
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.marks)
    }
}

impl Mark {
    /// Moves to the first event after a time, of those before a position, one by one; false when that is too far.
    #[inline(always)]
    fn step(
        &mut self,
        light: Light,
        track: &Track,
        kept: Kept<'_>,
        far: usize,
        (after, end): (i64, usize),
    ) -> bool {
        let from = self.at;
        if from > end {
            return false;
        }
        let (rows, width) = (kept.rows(kept.first..end), kept.view.width());
        let start = (from - kept.first) * width;
        let mut row = start;
        let limit = start + far * width;
        while row < rows.len() && rows[row] as i64 <= after {
            if row == limit {
                return false;
            }
            change_known(light, track, rows, row, false, &mut self.run);
            row += width;
            self.at += 1;
        }
        if row > start {
            return true;
        }
        let limit = start.saturating_sub(far * width);
        while row > 0 && rows[row - width] as i64 > after {
            if row == limit {
                return false;
            }
            row -= width;
            change_known(light, track, rows, row, true, &mut self.run);
            self.at -= 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Events;
    use crate::plan::{EXAMPLE, Plan};

    #[test]
    fn a_mark_is_where_seeking_finds_it_whatever_is_guessed() {
        let view = &Plan::compile(EXAMPLE).unwrap().views[0];
        let mut state = 5u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let (mut events, mut first, mut longest) = (Events::default(), 0, 0);
        let mut marks = Marks::new(view.marks);
        let mut built: Option<Prefix> = None;
        for step in 0..6000u64 {
            let late = random(if step % 2 == 0 { 1500 } else { 5 });
            let row = [
                u64::from(random(4) > 0),
                (random(1000) as f64 / 8.0).to_bits(),
            ];
            let at = events.insert(step as i64 - late as i64, step, &row);
            let kept = Kept {
                view,
                events: &events,
                first,
            };
            match &mut built {
                None => built = Some(Prefix::new(kept).unwrap()),
                Some(prefix) => assert!(prefix.inserted(kept, first + at)),
            }
            let prefix = built.as_mut().unwrap();
            marks.inserted(kept, first + at);
            if let Some(relieved) = prefix.relieved(kept) {
                *prefix = relieved;
                marks = Marks::new(view.marks);
            }
            longest = longest.max(prefix.size());
            for track in &view.tracks {
                let Some(light) = track.light else { continue };
                let end = first + random(kept.end() - first + 1);
                let after = kept.time(first) - 2 + random(events.len() + 4) as i64;
                let parts = [0.0, 0.01, -0.3, 1e30, -1e30, f64::INFINITY, f64::NAN];
                let window = (after, end, parts[random(parts.len())]);
                let place = kept.seek_far(first, after, end);
                let mut expected = prefix.upto(kept, track, place);
                if !light.counts {
                    expected.count = place as u64;
                }
                let (found, run) = marks.slide(kept, prefix, track, light.mark, window);
                assert_eq!((found, *run), (place, expected), "step {step}, {window:?}");
            }
            if step % 100 == 99 && step > 2000 {
                let gone = 60 + random(60);
                prefix.dropping(kept, first + gone);
                marks.dropping(first + gone);
                first += gone;
                events.drop_front(gone, view.width());
            }
        }
        assert!(longest >= 32, "blocks of {longest}");
    }
}
