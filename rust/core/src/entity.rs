//! What is kept of one entity of one view.

use std::ops::Range;

use crate::accumulator::Accumulator;
use crate::buffer::Events;
use crate::index::Index;
use crate::key::Key;
use crate::locate::locate;
use crate::plan::View;
use crate::text::Lexicon;
use crate::tiles::Tiles;
use crate::types::Type;
use crate::window::Window;

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
/// entity.settle(view, 150); // no window read at 150 or later begins at 50
/// assert_eq!(entity.events().len(), 1);
/// assert_eq!(entity.newest(), (170, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Entity {
    key: Key,
    events: Events,
    settled: usize,
    /// Derived: the first horizon at which there is something to settle or drop.
    due: i64,
    newest: (i64, u64),
    /// Derived; made when there are enough events for it to pay.
    index: Option<Box<Index>>,
    /// Lifetime totals, and tiles of each tiled span; most views have none.
    old: Option<Box<Old>>,
}

/// What is kept of settled events.
#[derive(Clone, Debug)]
struct Old {
    lives: Box<[Accumulator]>,
    tiles: Box<[Tiles]>,
    /// Texts of all events kept and of the totals.
    lexicon: Lexicon,
}

/// From this many events on there is an index; below, adding up costs no more and needs no memory.
pub(crate) const INDEX_MIN: usize = 32;

impl Entity {
    /// Bytes of what is kept of settled events, without the totals themselves.
    pub(crate) const OLD_BYTES: usize = size_of::<Old>();

    /// An entity without events.
    #[must_use]
    pub fn new(view: &View, key: &[u8]) -> Self {
        let lives = view.lives().map(|(ty, needs)| Accumulator::new(ty, needs));
        let tiles = vec![Tiles::default(); view.tiled.len()];
        Self::from_parts(
            view,
            key,
            (i64::MIN, 0),
            lives.collect(),
            tiles,
            (Lexicon::default(), Events::default()),
            0,
        )
    }

    /// An entity from its parts; the first `settled` events are in the lifetime totals and tiles.
    pub(crate) fn from_parts(
        view: &View,
        key: &[u8],
        newest: (i64, u64),
        lives: Vec<Accumulator>,
        tiles: Vec<Tiles>,
        (lexicon, events): (Lexicon, Events),
        settled: usize,
    ) -> Self {
        let nothing_due = events.is_empty() && tiles.iter().all(Tiles::is_empty);
        let old = (!lives.is_empty() || !tiles.is_empty() || view.has_texts()).then(|| {
            Box::new(Old {
                lives: lives.into(),
                tiles: tiles.into(),
                lexicon,
            })
        });
        let index = (events.len() >= INDEX_MIN).then(|| Box::new(Index::new(view, &events)));
        Self {
            key: Key::new(key),
            due: if nothing_due { i64::MAX } else { i64::MIN },
            events,
            settled,
            newest,
            index,
            old,
        }
    }

    /// The key's bytes.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.key.bytes()
    }

    /// The events kept.
    #[inline]
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// How many of the events kept are in the lifetime totals and tiles.
    #[inline]
    #[must_use]
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// A lifetime total.
    #[inline]
    #[must_use]
    pub fn life(&self, place: usize) -> Option<&Accumulator> {
        self.old.as_ref()?.lives.get(place)
    }

    /// The tiles of a tiled span.
    #[inline]
    #[must_use]
    pub fn tiles(&self, place: usize) -> Option<&Tiles> {
        self.old.as_ref()?.tiles.get(place)
    }

    /// Time and place of the newest event applied.
    #[must_use]
    pub fn newest(&self) -> (i64, u64) {
        self.newest
    }

    /// The index, when there are many events.
    #[inline]
    pub fn index(&mut self) -> Option<(&mut Index, &Events)> {
        self.index.as_deref_mut().map(|index| (index, &self.events))
    }

    /// The index, when there are many events, and the events.
    #[must_use]
    pub fn indexed(&self) -> (Option<&Index>, &Events) {
        (self.index.as_deref(), &self.events)
    }

    /// Asks for the memory that an insertion and a read at about the newest event will need.
    #[inline]
    pub(crate) fn expect(&self) {
        self.events.expect();
        if let Some(index) = &self.index {
            index.expect();
        }
    }

    /// As [`Entity::expect`], one step further: what its index points to.
    #[inline]
    pub(crate) fn expect_more(&self) {
        match &self.index {
            Some(index) => index.expect_more(),
            None => self.events.expect_start(),
        }
    }

    /// One step further still.
    #[inline]
    pub(crate) fn expect_most(&self, view: &View) {
        if let Some(index) = &self.index {
            index.expect_most(view, &self.events);
        }
    }

    /// Applies an event; `staged` are its conditions and arguments.
    #[inline(always)]
    pub fn insert(&mut self, view: &View, time: i64, place: u64, staged: &[u64]) {
        let at = self.events.insert(time, place, staged);
        self.newest = self.newest.max((time, place));
        self.due = self.due.min(due_of(view, time));
        if let Some(index) = &mut self.index {
            index.inserted(view, &self.events, at);
        } else if self.events.len() >= INDEX_MIN {
            self.index = Some(Box::new(Index::new(view, &self.events)));
        }
    }

    /// Applies an event whose arguments are partly text (word, text), found by their place in `staged`.
    pub(crate) fn insert_texts(
        &mut self,
        view: &View,
        time: i64,
        place: u64,
        mut staged: Vec<u64>,
        texts: impl Iterator<Item = (usize, Vec<u8>)>,
    ) {
        if let Some(old) = &mut self.old {
            for (word, text) in texts {
                staged[word] = old.lexicon.word(&text);
            }
        }
        self.insert(view, time, place, &staged);
        let rows = self.events.len();
        if let Some(old) = &mut self.old
            && old.lexicon.sweep_is_due(rows)
        {
            old.sweep(view, &self.events);
        }
    }

    /// The text of a word of this entity's.
    #[must_use]
    pub fn text(&self, word: u64) -> Vec<u8> {
        let old = self.old.as_ref();
        old.map_or(Vec::new(), |old| old.lexicon.text(word))
    }

    /// Finds the run of events of each window for a read at `t`, by position in the index or else in the buffer.
    #[inline(always)]
    pub fn locate(&mut self, view: &View, t: i64, runs: &mut Vec<Range<usize>>) {
        match &mut self.index {
            Some(index) => index.locate(view, &self.events, self.settled, t, runs),
            None => locate(view, &self.events, self.settled, t, runs),
        }
    }

    /// Position of the first event after a time.
    #[must_use]
    pub fn position_after(&self, view: &View, time: i64) -> usize {
        match &self.index {
            Some(index) => index.kept(view, &self.events).up_to(time),
            None => self.events.up_to(time, view.width()),
        }
    }

    /// Moves what no future read can miss into the totals and drops what none can see.
    ///
    /// Invisible to every read at or after `horizon`, so it may happen at any moment.
    #[inline]
    pub fn settle(&mut self, view: &View, horizon: i64) {
        if horizon >= self.due {
            self.settle_now(view, horizon);
        }
    }

    fn settle_now(&mut self, view: &View, horizon: i64) {
        let width = view.width();
        let rows = self.events.len();
        if view.settles() {
            // First what is forgotten: so there are never more tiles than a window has.
            if let Some(old) = &mut self.old {
                for (tiles, &span) in old.tiles.iter_mut().zip(&view.tiled) {
                    tiles.forget(oldest_tile(&view.windows[view.spans[span].window], horizon));
                }
            }
            while self.settled < rows && self.events.time(self.settled, width) < horizon {
                self.settle_one(view, width, horizon);
            }
        } else {
            self.settled = rows;
        }
        let unseen = horizon.saturating_sub(view.reach_us());
        let spare = self.settled.saturating_sub(view.newest());
        let mut drop = 0;
        while drop < spare && self.events.time(drop, width) <= unseen {
            drop += 1;
        }
        if drop > 0 {
            if let Some(index) = &mut self.index {
                index.dropping(view, &self.events, drop);
            }
            self.events.drop_front(drop, width);
            self.settled -= drop;
        }
        if !view.settles() {
            self.settled = 0;
        }
        let rows = rows - drop;
        let dropped_next = if rows > view.newest() {
            self.events.time(0, width).saturating_add(view.reach_us())
        } else {
            i64::MAX
        };
        let settled_next = if self.settled < rows {
            due_of(view, self.events.time(self.settled, width))
        } else {
            i64::MAX
        };
        self.due = dropped_next
            .max(horizon.saturating_add(1))
            .min(settled_next);
        if let Some(old) = &self.old {
            for (tiles, &span) in old.tiles.iter().zip(&view.tiled) {
                if let (Some(oldest), Window::Tiled { over_us, tile_us }) =
                    (tiles.oldest(), &view.windows[view.spans[span].window])
                {
                    let ends = oldest.saturating_add(1).saturating_mul(*tile_us);
                    self.due = self.due.min(ends.saturating_add(*over_us));
                }
            }
        }
    }

    fn settle_one(&mut self, view: &View, width: usize, horizon: i64) {
        let row = self.events.row(self.settled, width);
        if let Some(old) = &mut self.old {
            let value = |span: usize| view.tracks[view.spans[span].track].value(row);
            for (life, &span) in old.lives.iter_mut().zip(&view.lifetimes) {
                if let Some(value) = value(span) {
                    life.push_at(row[0] as i64, value);
                }
            }
            for (tiles, &span) in old.tiles.iter_mut().zip(&view.tiled) {
                let span_plan = &view.spans[span];
                if let (Some(value), Window::Tiled { tile_us, .. }) =
                    (value(span), &view.windows[span_plan.window])
                {
                    let tile = (row[0] as i64).div_euclid(*tile_us);
                    if tile >= oldest_tile(&view.windows[span_plan.window], horizon) {
                        tiles.add(&view.tracks[span_plan.track], tile, value);
                    }
                }
            }
        }
        self.settled += 1;
    }

    /// True when no read can tell the entity from an unknown one.
    #[must_use]
    pub fn is_dead(&self, view: &View) -> bool {
        self.events.is_empty()
            && view.lifetimes.is_empty()
            && self
                .old
                .as_ref()
                .is_none_or(|old| old.tiles.iter().all(Tiles::is_empty))
    }

    /// Gives back memory after a burst has expired.
    pub fn shrink(&mut self) {
        self.events.shrink();
        if self.events.len() < INDEX_MIN / 4 {
            self.index = None;
        }
    }

    /// Bytes used, with the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.bytes());
        let old = self.old.as_ref().map_or(0, |old| {
            let tiles: usize = old.tiles.iter().map(Tiles::bytes).sum();
            let lives: usize = old.lives.iter().map(Accumulator::bytes).sum();
            let held = size_of_val(&*old.lives) + size_of_val(&*old.tiles);
            held + lives + tiles + old.lexicon.bytes()
        });
        size_of::<Self>() + self.key.bytes_used() + self.events.bytes() + index + old
    }
}

impl Old {
    /// Forgets texts that nothing has any more.
    fn sweep(&mut self, view: &View, events: &Events) {
        let Self { lives, lexicon, .. } = self;
        let words: Vec<usize> = view.text_words().collect();
        lexicon.sweep(|see| {
            for row in events.rows().chunks_exact(view.width()) {
                words.iter().for_each(|&word| see(row[word]));
            }
            for (life, &span) in lives.iter_mut().zip(&view.lifetimes) {
                if view.tracks[view.spans[span].track].ty == Some(Type::String) {
                    life.each_word(&mut |word| see(*word));
                }
            }
        });
    }
}

/// Number of the oldest tile that a read at the horizon or later can see.
fn oldest_tile(window: &Window, horizon: i64) -> i64 {
    match window {
        Window::Tiled { tile_us, .. } => {
            window.after(horizon).saturating_add(1).div_euclid(*tile_us)
        }
        _ => i64::MIN,
    }
}

/// The first horizon at which an event of that time is settled, or dropped where nothing settles.
#[inline]
fn due_of(view: &View, time: i64) -> i64 {
    let after = if view.settles() { 1 } else { view.reach_us() };
    time.saturating_add(after)
}
