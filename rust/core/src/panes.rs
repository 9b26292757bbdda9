//! Hopping windows by panes: what is accumulated between two places where a window begins or ends, once for all
//! windows that hold it (Li, Maier, Tufte, Papadimos, Tucker, "No pane, no gain", SIGMOD Record 34(1), 2005).

use std::cmp::Ordering;

use crate::accumulator::Accumulator;
use crate::emitted::Rows;
use crate::emitter_plan::Emitter;
use crate::emitter_state::{read_cells, read_texts, texts_of, write_cells, write_texts};
use crate::groups::{Groups, Sorted};
use crate::key::is_key;
use crate::slides::Slides;
use crate::text::Lexicon;
use crate::totals::take;

/// Panes of a window up to which reading them side by side is faster.
const FEW: i64 = 24;

/// The panes of one emitter.
///
/// ```
/// use forerun_core::emitted::Rows;
/// use forerun_core::panes::Panes;
/// use forerun_core::plan::{EMITTERS, Plan};
/// use forerun_core::text::Lexicon;
///
/// let emitter = &Plan::compile(EMITTERS).unwrap().emitters[0]; // 60 long, every 20
/// let mut panes = Panes::new(60, 20);
/// panes.add(emitter, 5, b"\x01\0\0\0a", 1, &[]);
/// panes.add(emitter, 25, b"\x01\0\0\0a", 1, &[]);
/// let texts = Lexicon::default();
/// let mut rows = Rows::new(emitter, &texts);
/// panes.close(emitter, None, 60, &mut rows); // [-40, 20), [-20, 40) and [0, 60)
/// assert_eq!(rows.len(), 3);
/// panes.close(emitter, Some(60), 1000, &mut rows); // [20, 80)
/// assert_eq!((rows.len(), panes.is_empty()), (4, true));
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
    /// Starts of panes dropped since the last take.
    gone: Vec<i64>,
    /// False until the first take: everything counts as changed, nothing as gone.
    tracking: bool,
}

#[derive(Clone, Debug)]
struct Pane {
    start: i64,
    changed: bool,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Open(Groups),
    Closed(Sorted),
}

impl Content {
    /// Sorted, for reading; it is opened again should an event come.
    fn sort(&mut self) -> &Sorted {
        if let Self::Open(groups) = self {
            *self = Self::Closed(std::mem::take(groups).sorted());
        }
        match self {
            Self::Closed(sorted) => sorted,
            Self::Open(_) => unreachable!("it was just sorted"),
        }
    }

    #[inline]
    fn open(&mut self) -> &mut Groups {
        if let Self::Closed(sorted) = self {
            *self = Self::Open(std::mem::take(sorted).open());
        }
        match self {
            Self::Open(groups) => groups,
            Self::Closed(_) => unreachable!("it was just opened"),
        }
    }
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
                let content = Content::Open(Groups::default());
                let changed = true;
                self.by_start.insert(
                    after,
                    Pane {
                        start,
                        changed,
                        content,
                    },
                );
                after
            }
        };
        let pane = &mut self.by_start[at];
        pane.changed = true;
        pane.content.open().add(plan, time, key, hash, words);
    }

    /// Emits the windows that end after one watermark and not after another, by end and key.
    pub fn close(
        &mut self,
        plan: &Emitter,
        before: Option<i64>,
        watermark: i64,
        rows: &mut Rows<'_>,
    ) {
        let mut after = before;
        while let Some(end) = self.next_end(after).filter(|&end| end <= watermark) {
            if self.size_us / self.pane_us > FEW {
                self.slide(plan, end, rows);
            } else {
                self.emit(plan, end, rows);
            }
            after = Some(end);
        }
        let (size_us, hop_us) = (self.size_us, self.hop_us);
        // The last window that holds a pane ends before the pane's start and a size have passed.
        let done = |pane: &Pane| floor(pane.start.saturating_add(size_us), hop_us) <= watermark;
        let dropped = self.by_start.iter().take_while(|pane| done(pane)).count();
        for pane in self.by_start.drain(..dropped) {
            if self.tracking {
                self.gone.push(pane.start);
            }
        }
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

    /// Emits one window: its panes are lists in the order of keys, read side by side.
    fn emit(&mut self, plan: &Emitter, end: i64, rows: &mut Rows<'_>) {
        let start = end.saturating_sub(self.size_us);
        let from = self.by_start.partition_point(|pane| pane.start < start);
        let to = self.by_start.partition_point(|pane| pane.start < end);
        let mut lists: Vec<(&Sorted, usize)> = self.by_start[from..to]
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
                rows.push(list.key(at), (start, end), list.cells(at, tracks));
            } else {
                merged.iter_mut().for_each(Accumulator::clear);
                for &index in &least {
                    let (list, at) = lists[index];
                    for (into, cell) in merged.iter_mut().zip(list.cells(at, tracks)) {
                        into.append(cell);
                    }
                }
                rows.push(list.key(at), (start, end), &merged);
            }
            least.iter().for_each(|&index| lists[index].1 += 1);
        }
    }

    /// Emits one window of many panes.
    ///
    /// Its panes get no more events: none that is accepted is older than the watermark, which has passed them.
    fn slide(&mut self, plan: &Emitter, end: i64, rows: &mut Rows<'_>) {
        let start = end.saturating_sub(self.size_us);
        let from = self.slid.max(start);
        let place =
            |by_start: &[Pane], time: i64| by_start.partition_point(|pane| pane.start < time);
        let new = place(&self.by_start, from)..place(&self.by_start, end);
        let tracks = plan.sources.len();
        for pane in &mut self.by_start[new] {
            let sorted = pane.content.sort();
            for at in 0..sorted.len() {
                let cells = sorted.cells(at, tracks);
                self.slides
                    .push(sorted.key(at), pane.start, at as u32, cells);
            }
        }
        self.slid = end;
        let panes = &self.by_start;
        let cells = |start: i64, at: u32| match &panes[place(panes, start)].content {
            Content::Closed(sorted) => sorted.cells(at as usize, tracks),
            Content::Open(_) => unreachable!("it was sorted, and has got no event since"),
        };
        self.slides.each(start, cells, |key, totals| {
            rows.push(key, (start, end), totals);
        });
    }

    /// The panes changed since the last take, and the starts of those dropped, by start.
    pub fn take_changed(
        &mut self,
        plan: &Emitter,
        lexicon: &Lexicon,
    ) -> Vec<(i64, Option<Vec<u8>>)> {
        let mut taken: Vec<(i64, Option<Vec<u8>>)> = std::mem::take(&mut self.gone)
            .into_iter()
            .map(|start| (start, None))
            .collect();
        for pane in &mut self.by_start {
            if pane.changed || !self.tracking {
                pane.changed = false;
                taken.push((
                    pane.start,
                    Some(written(pane.content.sort(), plan, lexicon)),
                ));
            }
        }
        self.tracking = true;
        taken.sort_unstable_by_key(|(start, _)| *start);
        taken
    }

    /// Everything that is accumulated: for each pane and key a cell per track.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [Accumulator]> {
        self.by_start
            .iter_mut()
            .map(|pane| match &mut pane.content {
                Content::Open(groups) => groups.cells_mut(),
                Content::Closed(sorted) => sorted.cells_mut(),
            })
    }

    /// All panes, by start.
    pub fn all(&mut self, plan: &Emitter, lexicon: &Lexicon) -> Vec<(i64, Vec<u8>)> {
        self.by_start
            .iter_mut()
            .map(|pane| (pane.start, written(pane.content.sort(), plan, lexicon)))
            .collect()
    }

    /// Puts a pane back that was taken; false when the bytes are not one.
    pub fn put(&mut self, plan: &Emitter, lexicon: &mut Lexicon, start: i64, bytes: &[u8]) -> bool {
        let Some(sorted) = read(plan, lexicon, bytes) else {
            return false;
        };
        let at = self.by_start.partition_point(|pane| pane.start < start);
        if self
            .by_start
            .get(at)
            .is_some_and(|pane| pane.start == start)
        {
            return false;
        }
        let content = Content::Closed(sorted);
        let changed = false;
        self.by_start.insert(
            at,
            Pane {
                start,
                changed,
                content,
            },
        );
        self.tracking = true;
        true
    }
}

fn written(sorted: &Sorted, plan: &Emitter, lexicon: &Lexicon) -> Vec<u8> {
    let mut out = Vec::new();
    let tracks = plan.sources.len();
    let keys = (0..sorted.len()).map(|at| sorted.cells(at, tracks));
    let texts = texts_of(plan, lexicon, keys);
    write_texts(plan, &texts, &mut out);
    out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
    for at in 0..sorted.len() {
        let key = sorted.key(at);
        out.extend_from_slice(&(key.len() as u32).to_le_bytes());
        out.extend_from_slice(key);
        write_cells(plan, &texts, sorted.cells(at, tracks), &mut out);
    }
    out
}

fn read(plan: &Emitter, lexicon: &mut Lexicon, mut bytes: &[u8]) -> Option<Sorted> {
    let mut sorted = Sorted::default();
    let texts = read_texts(plan, lexicon, &mut bytes)?;
    let keys = u32::from_le_bytes(take(&mut bytes)?);
    for at in 0..keys as usize {
        let length = u32::from_le_bytes(take(&mut bytes)?) as usize;
        let (key, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        if at > 0 && sorted.key(at - 1) >= key || !is_key(&plan.key_types, key) {
            return None;
        }
        let cells = read_cells(plan, &texts, &mut bytes)?;
        sorted.push(key, cells.into_iter());
    }
    bytes.is_empty().then_some(sorted)
}

/// The greatest multiple of a step at or before a time.
#[inline]
fn floor(time: i64, step: i64) -> i64 {
    time.div_euclid(step).saturating_mul(step)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
