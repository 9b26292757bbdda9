//! Where the sessions of an entity begin, so that the session of an event need not be walked through.

use crate::kept::Kept;

/// Positions of the events that come more than a gap after the one before.
///
/// ```
/// use forerun_core::breaks::Breaks;
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for (at, time) in [10, 15, 40, 44].into_iter().enumerate() {
///     events.insert(time, at as u64, &[1, 0]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let breaks = Breaks::new(kept, 10);
/// assert_eq!((breaks.before(4), breaks.before(2)), (2, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Breaks {
    gap_us: i64,
    /// Ascending; the oldest event kept is not listed.
    at: Vec<usize>,
}

impl Breaks {
    /// The breaks among all events kept.
    #[must_use]
    pub fn new(kept: Kept<'_>, gap_us: i64) -> Self {
        let at = (kept.first + 1..kept.end())
            .filter(|&at| is_break(kept, at, gap_us))
            .collect();
        Self { gap_us, at }
    }

    /// Takes account of an event that was put at a position.
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) {
        let next = self.at.partition_point(|&known| known < at);
        self.at[next..].iter_mut().for_each(|known| *known += 1);
        let around = [at, at + 1];
        let past = self.at.partition_point(|&known| known <= at + 1);
        let found = around.into_iter().filter(|&position| {
            position > kept.first && position < kept.end() && is_break(kept, position, self.gap_us)
        });
        self.at.splice(next..past, found);
    }

    /// Forgets what is gone.
    pub fn dropped(&mut self, first: usize) {
        let gone = self.at.partition_point(|&known| known <= first);
        if gone > 0 {
            self.at.drain(..gone);
        }
    }

    /// Where the session of the event before `end` begins, or 0 when that is before the events kept.
    #[must_use]
    pub fn before(&self, end: usize) -> usize {
        let next = self.at.partition_point(|&known| known < end);
        next.checked_sub(1).map_or(0, |last| self.at[last])
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.at.capacity() * size_of::<usize>()
    }
}

fn is_break(kept: Kept<'_>, at: usize, gap_us: i64) -> bool {
    kept.time(at).saturating_sub(kept.time(at - 1)) > gap_us
}
