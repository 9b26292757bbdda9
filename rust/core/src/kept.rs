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

    /// Position after the newest event with time up to and including `t`.
    #[inline]
    #[must_use]
    pub fn up_to(&self, t: i64) -> usize {
        self.first + self.events.up_to(t, self.view.width())
    }
}
