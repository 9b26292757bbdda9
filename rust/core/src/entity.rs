//! What is kept of one entity of one view.

use crate::accumulator::Accumulator;
use crate::buffer::Events;
use crate::cursors::{Cursors, Place};
use crate::plan::View;

/// The events some read can still see, and lifetime totals of those before.
///
/// *Settled* events are older than any future read or event (the view's horizon): the lifetime totals hold
/// them. Later ones are added to the totals at each read, so that a read before the newest event is exact.
///
/// ```
/// use forerun_core::entity::Entity;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entity = Entity::new(view, b"");
/// entity.insert(view, 50, 0, &[1, 2.5f64.to_bits()]);
/// entity.insert(view, 170, 1, &[0, 0]); // x is null
/// entity.settle(view, Some(150)); // no window read at 150 or later begins at 50
/// assert_eq!(entity.events().len(view.width()), 1);
/// assert_eq!(entity.newest(), (170, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Entity {
    key: Box<[u8]>,
    events: Events,
    settled: usize,
    lives: Box<[Accumulator]>,
    newest: (i64, u64),
    /// Derived: the first horizon at which there is something to settle or drop.
    due: i64,
    /// Derived; made at the first read that is worth it.
    cursors: Option<Box<Cursors>>,
}

/// From this many events on, reads keep running totals; below, adding up costs no more and needs no memory.
const CURSORS_MIN: usize = 48;

impl Entity {
    /// An entity without events.
    #[must_use]
    pub fn new(view: &View, key: &[u8]) -> Self {
        let lives = view.lives().map(|(ty, needs)| Accumulator::new(ty, needs));
        Self {
            key: key.into(),
            events: Events::default(),
            settled: 0,
            lives: lives.collect(),
            newest: (i64::MIN, 0),
            due: i64::MAX,
            cursors: None,
        }
    }

    /// An entity from its parts; the first `settled` events are in the lifetime totals.
    pub(crate) fn from_parts(
        key: &[u8],
        newest: (i64, u64),
        lives: Vec<Accumulator>,
        events: Events,
        settled: usize,
    ) -> Self {
        Self {
            key: key.into(),
            events,
            settled,
            lives: lives.into(),
            newest,
            due: i64::MIN,
            cursors: None,
        }
    }

    /// The key's bytes.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The events kept.
    #[inline]
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// How many of the events kept are in the lifetime totals.
    #[inline]
    #[must_use]
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// A lifetime total.
    #[inline]
    #[must_use]
    pub fn life(&self, place: usize) -> &Accumulator {
        &self.lives[place]
    }

    /// Time and place of the newest event applied.
    #[must_use]
    pub fn newest(&self) -> (i64, u64) {
        self.newest
    }

    /// Applies an event; `staged` are its conditions and arguments.
    #[inline]
    pub fn insert(&mut self, view: &View, time: i64, place: u64, staged: &[u64]) {
        let at = self.events.insert(time, place, staged);
        self.newest = self.newest.max((time, place));
        self.due = self.due.min(self.due_of(view, time));
        if let Some(cursors) = &mut self.cursors {
            cursors.inserted(view, &self.events, at);
        }
    }

    /// Finds the windows of a read at `t`; true when the cursors are the cheaper way to read them.
    ///
    /// With `follow` the cursors come along: for reads whose times mostly go forward.
    #[inline]
    pub fn locate(&mut self, view: &View, t: i64, follow: bool, place: &mut Place) -> bool {
        if self.cursors.is_none() {
            if !follow || self.events.len(view.width()) < CURSORS_MIN {
                return false;
            }
            self.cursors = Some(Box::new(Cursors::new(view, &self.events)));
        }
        let Some(cursors) = &mut self.cursors else {
            return false;
        };
        let kept = cursors.kept(view, &self.events);
        cursors.locate(kept, t, place);
        if follow {
            cursors.follow(kept, self.settled, t, place);
        }
        let oldest = place
            .starts
            .last()
            .copied()
            .unwrap_or(kept.first + self.settled);
        place.distance <= (place.end - oldest.min(place.end)) * view.tracks.len()
    }

    /// The running totals, when the entity has many events.
    #[inline]
    #[must_use]
    pub fn cursors(&self) -> Option<&Cursors> {
        self.cursors.as_deref()
    }

    /// Moves what no future read can miss into the lifetime totals and drops what none can see.
    ///
    /// Invisible to every read at or after `horizon`, so it may happen at any moment.
    #[inline]
    pub fn settle(&mut self, view: &View, horizon: Option<i64>) {
        let Some(horizon) = horizon.filter(|&horizon| horizon >= self.due) else {
            return;
        };
        let width = view.width();
        let rows = self.events.len(width);
        if self.lives.is_empty() {
            self.settled = rows;
        } else {
            while self.settled < rows && self.events.time(self.settled, width) < horizon {
                self.settle_one(view, width, horizon);
            }
        }
        let unseen = horizon.saturating_sub(view.longest_us());
        let mut drop = 0;
        while drop < self.settled && self.events.time(drop, width) <= unseen {
            drop += 1;
        }
        if drop > 0 {
            if let Some(cursors) = &mut self.cursors {
                cursors.pass(view, &self.events, self.settled, horizon);
                cursors.dropped(drop);
            }
            self.events.drop_front(drop, width);
            self.settled -= drop;
        }
        if self.lives.is_empty() {
            self.settled = 0;
        }
        let rows = rows - drop;
        let dropped_next = if rows > 0 {
            self.events.time(0, width).saturating_add(view.longest_us())
        } else {
            i64::MAX
        };
        let settled_next = if self.settled < rows {
            self.due_of(view, self.events.time(self.settled, width))
        } else {
            i64::MAX
        };
        self.due = dropped_next.min(settled_next);
    }

    /// The first horizon at which an event of that time is settled, or without lifetimes dropped.
    fn due_of(&self, view: &View, time: i64) -> i64 {
        let after = if self.lives.is_empty() {
            view.longest_us()
        } else {
            1
        };
        time.saturating_add(after)
    }

    fn settle_one(&mut self, view: &View, width: usize, horizon: i64) {
        if let Some(cursors) = &mut self.cursors {
            cursors.pass(view, &self.events, self.settled, horizon);
            cursors.settled(view, &self.events, self.settled);
        }
        let row = self.events.row(self.settled, width);
        for (life, &span) in self.lives.iter_mut().zip(&view.lifetimes) {
            if let Some(value) = view.tracks[view.spans[span].track].value(row) {
                life.push_newest(value);
            }
        }
        self.settled += 1;
    }

    /// True when no read can tell the entity from an unknown one.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.events.is_empty() && self.lives.is_empty()
    }

    /// Gives back memory after a burst has expired.
    pub fn shrink(&mut self, view: &View) {
        self.events.shrink();
        if self.events.len(view.width()) < CURSORS_MIN / 4 {
            self.cursors = None;
        }
    }

    /// Bytes used, with the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let cursors = self.cursors.as_ref().map_or(0, |cursors| cursors.bytes());
        size_of::<Self>()
            + self.key.len()
            + self.events.bytes()
            + size_of_val(&*self.lives)
            + cursors
    }
}
