//! The events kept of one entity, by positions that never change.

use std::ops::Range;

use crate::buffer::Events;
use crate::plan::View;

/// An entity's events, each at its position counted from the first event ever kept.
///
/// Dropping old events moves no position, so what is derived from events can refer to them.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..3 {
///     events.insert(10 * at, at as u64, &[1, 0]);
/// }
/// events.drop_front(1, view.width());
/// let kept = Kept { view, events: &events, first: 1 };
/// assert_eq!((kept.time(2), kept.end()), (20, 3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The entity's view.
    pub view: &'a View,
    /// The events.
    pub events: &'a Events,
    /// Position of the oldest one.
    pub first: usize,
}

/// Steps one by one before they are doubled.
const NEAR: usize = 8;

impl<'a> Kept<'a> {
    /// Position after the newest event.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        self.first + self.events.len()
    }

    /// The words of the event at a position.
    #[inline]
    #[must_use]
    pub fn row(&self, at: usize) -> &'a [u64] {
        self.events.row(at - self.first, self.view.width())
    }

    /// The words of a run of events.
    #[inline]
    #[must_use]
    pub fn rows(&self, run: Range<usize>) -> &'a [u64] {
        let width = self.view.width();
        &self.events.rows()[(run.start - self.first) * width..(run.end - self.first) * width]
    }

    /// Its event time.
    #[inline]
    #[must_use]
    pub fn time(&self, at: usize) -> i64 {
        self.events.time(at - self.first, self.view.width())
    }

    /// Asks for the memory of the event at a position, if there is one.
    #[inline]
    pub(crate) fn expect(&self, at: usize) {
        let place = at.wrapping_sub(self.first);
        self.events.expect_row(place, self.view.width());
    }

    /// Position of the first event after a time, of those before `end`, looked for around a hint.
    #[inline(always)]
    #[must_use]
    pub fn seek(&self, hint: usize, after: i64, end: usize) -> usize {
        let hint = hint.clamp(self.first, end);
        let mut at = hint;
        if at < end && self.time(at) <= after {
            while at < end && self.time(at) <= after {
                at += 1;
                if at - hint == NEAR {
                    return self.seek_far(at, after, end);
                }
            }
        } else {
            while at > self.first && self.time(at - 1) > after {
                at -= 1;
                if hint - at == NEAR {
                    return self.seek_far(at, after, end);
                }
            }
        }
        at
    }

    /// As [`Kept::seek`], in doubling steps.
    #[must_use]
    pub fn seek_far(&self, hint: usize, after: i64, end: usize) -> usize {
        let hint = hint.clamp(self.first, end);
        let (mut low, mut high, mut step) = (hint, hint, 1);
        if hint < end && self.time(hint) <= after {
            // Forward: low is too old, high is not.
            high += 1;
            while high < end && self.time(high) <= after {
                low = high;
                step *= 2;
                high = (high + step).min(end);
            }
        } else {
            loop {
                if high == self.first {
                    return high;
                }
                low = low.saturating_sub(step).max(self.first);
                if self.time(low) <= after {
                    break;
                }
                high = low;
                step *= 2;
            }
        }
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if self.time(middle) <= after {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// Position after the newest event with time up to and including `t`.
    #[inline]
    #[must_use]
    pub fn up_to(&self, t: i64) -> usize {
        self.first + self.events.up_to(t, self.view.width())
    }
}
