//! Windows of many panes: what the panes of a key add up to, brought along from one window to the next.

use std::collections::BTreeMap;

use crate::accumulator::Accumulator;
use crate::groups::bytes;

/// What is accumulated of a key in one pane, per track.
pub type Cells = Box<[Accumulator]>;

/// The panes of each key that are in the window, by key.
///
/// Two stacks per key: of the older panes each with the totals of all older ones after it, and the totals of the
/// newer ones. A window is the top of the first and the second together; when the first runs empty, it is filled
/// from the second. So a pane is added twice, whatever the number of windows that hold it (Tangwongsan, Hirzel,
/// Schneider, "Low-latency sliding-window aggregation in worst-case constant time", DEBS 2017, section 2).
///
/// ```
/// use forerun_core::accumulator::Accumulator;
/// use forerun_core::aggregate::Needs;
/// use forerun_core::slides::Slides;
///
/// let mut count = Accumulator::new(None, Needs::default());
/// count.push_newest(0);
/// let cells = [count];
/// let mut slides = Slides::default();
/// slides.push(b"a", 0, 0, &cells);
/// slides.push(b"a", 20, 0, &cells);
/// let mut seen = Vec::new();
/// for start in [0, 20, 40] {
///     slides.each(start, |_, _| &cells, |_, totals| seen.push(totals[0].count()));
/// }
/// assert_eq!((seen, slides.is_empty()), (vec![2, 1], true));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Slides {
    keys: BTreeMap<Box<[u8]>, Slide>,
}

#[derive(Clone, Debug)]
struct Slide {
    /// The starts of the older panes, newest first, each with its totals and those of all below.
    older: Vec<(i64, Cells)>,
    /// The starts of the newer panes, oldest first, and the key's place in each.
    newer: Vec<(i64, u32)>,
    /// The totals of the newer panes.
    total: Cells,
}

impl Slides {
    /// True without panes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let each = self.keys.iter().map(|(key, slide)| {
            let older = slide.older.iter().map(|(_, cells)| bytes(cells) + 24);
            let newer = slide.newer.capacity() * size_of::<(i64, u32)>();
            let own = key.len() + size_of::<Slide>() + 16;
            own + older.sum::<usize>() + newer + bytes(&slide.total)
        });
        each.sum()
    }

    /// Adds a pane of a key after all others of that key: its start, the key's place in it, and what it holds.
    pub fn push(&mut self, key: &[u8], start: i64, at: u32, cells: &[Accumulator]) {
        let Some(slide) = self.keys.get_mut(key) else {
            let slide = Slide {
                older: Vec::new(),
                newer: vec![(start, at)],
                total: cells.into(),
            };
            self.keys.insert(key.into(), slide);
            return;
        };
        slide.newer.push((start, at));
        append(&mut slide.total, cells);
    }

    /// Forgets panes that start before a window, and hands out each key that is left with its totals, by key.
    ///
    /// `pane` gives what a pane holds at a place.
    pub fn each<'a>(
        &mut self,
        start: i64,
        pane: impl Fn(i64, u32) -> &'a [Accumulator],
        mut take: impl FnMut(&[u8], &[Accumulator]),
    ) {
        self.keys.retain(|key, slide| {
            slide.expire(start, &pane);
            match (slide.older.last(), slide.newer.is_empty()) {
                (None, true) => return false,
                (None, false) => take(key, &slide.total),
                (Some((_, older)), true) => take(key, older),
                (Some((_, older)), false) => {
                    let mut all = older.clone();
                    append(&mut all, &slide.total);
                    take(key, &all);
                }
            }
            true
        });
    }
}

impl Slide {
    fn expire<'a>(&mut self, start: i64, pane: &impl Fn(i64, u32) -> &'a [Accumulator]) {
        let expired = |&(pane, _): &(i64, Cells)| pane < start;
        while self.older.pop_if(|pane| expired(pane)).is_some() {}
        let Some(&(oldest, _)) = self.newer.first() else {
            return;
        };
        if !self.older.is_empty() || oldest >= start {
            return;
        }
        for &(at, place) in self.newer.iter().rev().take_while(|pane| pane.0 >= start) {
            let mut cells: Cells = pane(at, place).into();
            if let Some((_, newer)) = self.older.last() {
                append(&mut cells, newer);
            }
            self.older.push((at, cells));
        }
        self.newer.clear();
        self.total.iter_mut().for_each(Accumulator::clear);
    }
}

/// Adds what comes after, track by track.
fn append(cells: &mut [Accumulator], newer: &[Accumulator]) {
    for (cell, more) in cells.iter_mut().zip(newer) {
        cell.append(more);
    }
}
