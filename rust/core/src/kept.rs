//! The events kept of one entity, by positions that never change.

use crate::buffer::Events;
use crate::plan::View;

/// An entity's events, each at its position counted from the first event ever kept.
///
/// Dropping old events moves no position, so what is derived from events can refer to them.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::Plan;
///
/// let json = r#"{"format":1,"vectors":[],"streams":[{"name":"Tick","fields":[
///     {"name":"at","type":"time","nullable":false}],"time":"at","key":[],"id":null,"lateness_us":0,
///     "max_skew_us":null,"idle_us":null,"dedup_us":null}],"views":[{"name":"Pace","stream":0,"by":[],
///     "where":null,"features":[]}]}"#;
/// let view = &Plan::compile(json).unwrap().views[0];
/// let mut events = Events::default();
/// (0..3).for_each(|at| drop(events.insert(10 * at, at as u64, &[])));
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
        self.first + self.events.len(self.view.width())
    }

    /// The words of the event at a position.
    #[inline]
    #[must_use]
    pub fn row(&self, at: usize) -> &'a [u64] {
        self.events.row(at - self.first, self.view.width())
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
