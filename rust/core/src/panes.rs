//! Hopping windows by panes: what is accumulated between two places where a window begins or ends, once for all
//! windows that hold it (Li, Maier, Tufte, Papadimos, Tucker, "No pane, no gain", SIGMOD Record 34(1), 2005).

use std::cmp::Ordering;

use crate::accumulator::Accumulator;
use crate::depot::Depot;
use crate::emitted::Rows;
use crate::emitter::Taken;
use crate::emitter_plan::Emitter;
use crate::error::Result;
use crate::groups::Sorted;
use crate::hashing::Hashing;
use crate::merge::{hash, merge};
use crate::pane::{Pane, parse_row, read};
use crate::slides::Slides;
use crate::text::Lexicon;

/// Panes of a window up to which reading them side by side is faster.
const FEW: i64 = 24;

/// The panes of one emitter.
///
/// ```
/// use forerun_core::panes::Panes;
/// use forerun_core::plan::{EMITTERS, Plan};
///
/// let emitter = &Plan::compile(EMITTERS).unwrap().emitters[0]; // 60 long, every 20
/// let mut panes = Panes::new(60, 20);
/// panes.add(emitter, 5, b"\x01\0\0\0a", 1, &[]);
/// panes.add(emitter, 25, b"\x01\0\0\0a", 1, &[]);
/// assert!(!panes.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Panes {
    size_us: i64,
    hop_us: i64,
    pane_us: i64,
    by_start: Vec<Pane>,
    /// Of windows of many panes, those that are closed, by key.
    slides: Slides,
    /// Panes before this time are among them.
    slid: i64,
    /// What the store has of panes that were dropped since the last take.
    gone: Vec<Vec<u8>>,
    /// False until the first take: everything counts as changed, nothing as gone.
    tracking: bool,
}

impl Panes {
    /// No panes, for windows of a size and a hop.
    #[must_use]
    pub fn new(size_us: i64, hop_us: i64) -> Self {
        Self {
            size_us,
            hop_us,
            pane_us: gcd(size_us, hop_us),
            by_start: Vec::new(),
            slides: Slides::default(),
            slid: i64::MIN,
            gone: Vec::new(),
            tracking: false,
        }
    }

    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    /// Adds an event, given as a staged row.
    #[inline]
    pub fn add(&mut self, plan: &Emitter, time: i64, key: &[u8], hash: u64, words: &[u64]) {
        let start = floor(time, self.pane_us);
        // Most events are in the newest pane, or in one just before.
        let after = self
            .by_start
            .iter()
            .rposition(|pane| pane.start <= start)
            .map_or(0, |at| at + 1);
        let at = match self.by_start[..after].last() {
            Some(pane) if pane.start == start => after - 1,
            _ => {
                self.by_start.insert(after, Pane::new(start));
                after
            }
        };
        let pane = &mut self.by_start[at];
        pane.changed = true;
        pane.content.open().add(plan, time, key, hash, words);
    }

    /// Emits the windows that end after one watermark and not after another, by end and key.
    pub(crate) fn close(
        &mut self,
        plan: &Emitter,
        before: Option<i64>,
        watermark: i64,
        lexicon: &mut Lexicon,
        depot: Option<&Depot>,
        rows: &mut Rows<'_>,
    ) -> Result<()> {
        let mut after = before;
        while let Some(end) = self.next_end(after).filter(|&end| end <= watermark) {
            let start = end.saturating_sub(self.size_us);
            let panes = self.place(start)..self.place(end);
            let panes = &mut self.by_start[panes];
            let (size_us, hop_us) = (self.size_us, self.hop_us);
            let stays = |pane: &Pane| floor(pane.start.saturating_add(size_us), hop_us) > end;
            if panes.iter().any(|pane| !pane.parts().is_empty()) {
                merge(
                    plan,
                    panes,
                    lexicon,
                    depot,
                    &stays,
                    &mut |lexicon, key, cells| {
                        rows.push(key, (start, end), cells, lexicon);
                    },
                )?;
            } else if self.size_us / self.pane_us > FEW {
                self.slide(plan, (start, end), lexicon, rows);
            } else {
                emit(plan, (start, end), panes, lexicon, rows);
            }
            after = Some(end);
        }
        let (size_us, hop_us) = (self.size_us, self.hop_us);
        // The last window that holds a pane ends before the pane's start and a size have passed.
        let done = |pane: &Pane| floor(pane.start.saturating_add(size_us), hop_us) <= watermark;
        let dropped = self.by_start.iter().take_while(|pane| done(pane)).count();
        for pane in self.by_start.drain(..dropped) {
            if self.tracking {
                self.gone.extend(pane.rows());
            }
        }
        Ok(())
    }

    /// Number of panes that start before a time.
    fn place(&self, time: i64) -> usize {
        self.by_start.partition_point(|pane| pane.start < time)
    }

    /// The first end after a time of a window that holds a pane.
    fn next_end(&self, after: Option<i64>) -> Option<i64> {
        let next = |time: i64| floor(time, self.hop_us).saturating_add(self.hop_us);
        let earliest = after.map_or(i64::MIN, next);
        // At the end of time there is no next one.
        if after.is_some_and(|after| earliest <= after) {
            return None;
        }
        let from = earliest.saturating_sub(self.size_us);
        let first = self.by_start.partition_point(|pane| pane.start < from);
        let pane = self.by_start.get(first)?;
        Some(earliest.max(next(pane.start)))
    }

    /// Emits one window of many panes.
    ///
    /// Its panes get no more events: none that is accepted is older than the watermark, which has passed them.
    fn slide(
        &mut self,
        plan: &Emitter,
        window: (i64, i64),
        lexicon: &Lexicon,
        rows: &mut Rows<'_>,
    ) {
        let new = self.place(self.slid.max(window.0))..self.place(window.1);
        let tracks = plan.sources.len();
        for pane in &mut self.by_start[new] {
            let sorted = pane.content.sort();
            for at in 0..sorted.len() {
                let cells = sorted.cells(at, tracks);
                self.slides
                    .push(sorted.key(at), pane.start, at as u32, cells);
            }
        }
        self.slid = window.1;
        let panes = &self.by_start;
        let place = |time: i64| panes.partition_point(|pane| pane.start < time);
        let cells = |start: i64, at: u32| {
            let sorted = panes[place(start)].content.sorted();
            sorted.cells(at as usize, tracks)
        };
        self.slides.each(window.0, cells, |key, totals| {
            rows.push(key, window, totals, lexicon);
        });
    }

    /// What changed since the last take, by its key in the store; with `apart` it is ready to leave memory.
    pub(crate) fn take_changed(
        &mut self,
        plan: &Emitter,
        lexicon: &Lexicon,
        apart: bool,
    ) -> Vec<Taken> {
        let gone = std::mem::take(&mut self.gone);
        let mut taken: Vec<Taken> = gone.into_iter().map(|row| (row, None)).collect();
        let how = (!self.tracking, apart);
        for pane in &mut self.by_start {
            pane.take(plan, lexicon, how, &mut taken);
        }
        self.tracking = true;
        taken.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        taken
    }

    /// Everything that is accumulated in memory: for each pane and key a cell per track.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [Accumulator]> {
        self.by_start.iter_mut().flat_map(Pane::cells_mut)
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.by_start.iter().map(Pane::bytes).sum::<usize>() + self.slides.bytes()
    }

    /// Number of parts of panes that are not in memory.
    pub(crate) fn asleep(&self) -> usize {
        self.by_start.iter().map(Pane::asleep).sum()
    }

    /// Takes out of memory what is stored, oldest first, until so many bytes are free; gives how many are.
    pub(crate) fn evict(&mut self, wanted: usize) -> usize {
        if wanted == 0 {
            return 0;
        }
        // What windows of many panes bring along is added up again when it is needed.
        let mut freed = self.slides.bytes();
        (self.slides, self.slid) = (Slides::default(), i64::MIN);
        for pane in &mut self.by_start {
            if freed >= wanted {
                break;
            }
            freed += pane.evict();
        }
        freed
    }

    /// Hashes all panes, by start, with the bytes that they have when nothing is set apart.
    pub(crate) fn hash(
        &mut self,
        plan: &Emitter,
        lexicon: &mut Lexicon,
        depot: Option<&Depot>,
        hashing: &mut Hashing<'_>,
    ) -> Result<()> {
        let mut panes = self.by_start.iter_mut();
        panes.try_for_each(|pane| hash(plan, pane, lexicon, depot, hashing))
    }

    /// Puts something back that was taken, or notes that it sleeps; false when it is not that.
    pub(crate) fn put(
        &mut self,
        plan: &Emitter,
        lexicon: &mut Lexicon,
        row: &[u8],
        bytes: Option<&[u8]>,
    ) -> bool {
        self.tracking = true;
        let Some((start, number, from)) = parse_row(plan, row) else {
            return false;
        };
        let content = match bytes.map(|bytes| read(plan, lexicon, bytes)) {
            Some(None) => return false,
            content => content.flatten(),
        };
        let at = self.place(start);
        if self.by_start.get(at).is_none_or(|pane| pane.start != start) {
            self.by_start.insert(at, Pane::new(start));
        }
        self.by_start[at].put(number, from, content)
    }
}

/// Emits one window: its panes are lists in the order of keys, read side by side.
fn emit(
    plan: &Emitter,
    window: (i64, i64),
    panes: &mut [Pane],
    lexicon: &Lexicon,
    rows: &mut Rows<'_>,
) {
    let mut lists: Vec<(&Sorted, usize)> = panes
        .iter_mut()
        .map(|pane| (pane.content.sort(), 0))
        .collect();
    let tracks = plan.sources.len();
    let mut merged: Vec<Accumulator> = plan
        .totals()
        .map(|(ty, needs)| Accumulator::new(ty, needs))
        .collect();
    let mut least: Vec<usize> = Vec::with_capacity(lists.len());
    loop {
        least.clear();
        for (index, (list, at)) in lists.iter().enumerate() {
            if *at == list.len() {
                continue;
            }
            let order = least.first().map_or(Ordering::Less, |&other| {
                list.compare(*at, lists[other].0, lists[other].1)
            });
            if order == Ordering::Less {
                least.clear();
            }
            if order != Ordering::Greater {
                least.push(index);
            }
        }
        let Some(&one) = least.first() else {
            return;
        };
        let (list, at) = lists[one];
        if least.len() == 1 {
            rows.push(list.key(at), window, list.cells(at, tracks), lexicon);
        } else {
            merged.iter_mut().for_each(Accumulator::clear);
            for &index in &least {
                let (list, at) = lists[index];
                for (into, cell) in merged.iter_mut().zip(list.cells(at, tracks)) {
                    into.append(cell);
                }
            }
            rows.push(list.key(at), window, &merged, lexicon);
        }
        least.iter().for_each(|&index| lists[index].1 += 1);
    }
}

/// The greatest multiple of a step at or before a time.
#[inline]
fn floor(time: i64, step: i64) -> i64 {
    time.div_euclid(step).saturating_mul(step)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
