//! What is derived from the events of an entity that has many, so that no read looks at all of them.

use std::ops::Range;

use crate::breaks::Breaks;
use crate::buffer::Events;
use crate::cursors::Cursors;
use crate::extent::Extent;
use crate::kept::Kept;
use crate::light::Run;
use crate::marks::Marks;
use crate::peaks::{Peak, Peaks};
use crate::plan::{Track, View};
use crate::prefetch::{prefetch, prefetch_all, prefetch_at};
use crate::prefix::Prefix;
use crate::ranks::Ranks;
use crate::totals::Totals;
use crate::window::Window;

/// Prefix totals, peaks and edges of windows of one entity. None of it is part of the state.
#[derive(Clone, Debug)]
pub struct Index {
    /// Position of the oldest event kept.
    first: usize,
    /// Position after the event inserted last.
    recent: usize,
    /// Time of the read before.
    pub(crate) read_at: i64,
    /// Where each window began at the read before.
    hints: Box<[usize]>,
    /// None when a value does not fit.
    prefix: Option<Prefix>,
    /// Per track the smallest (negated) and largest values, where they are asked for.
    peaks: Box<[(Peaks, Peaks)]>,
    /// Per session window.
    breaks: Vec<(usize, Breaks)>,
    /// Made at the first read that needs them.
    ranks: Option<Box<Ranks>>,
    cursors: Cursors,
    marks: Marks,
}

/// Up to this many events are looked at one by one.
const SHORT: usize = 24;

impl Index {
    /// The index of all events kept.
    #[must_use]
    pub fn new(view: &View, events: &Events) -> Self {
        let kept = Kept {
            view,
            events,
            first: 0,
        };
        let session = |(at, window): (usize, &Window)| match window {
            Window::Session { gap_us, .. } => Some((at, Breaks::new(kept, *gap_us))),
            _ => None,
        };
        let mut index = Self {
            first: 0,
            recent: 0,
            read_at: 0,
            hints: vec![0; view.windows.len()].into(),
            prefix: Prefix::new(kept),
            peaks: vec![<(Peaks, Peaks)>::default(); view.tracks.len()].into(),
            breaks: view
                .windows
                .iter()
                .enumerate()
                .filter_map(session)
                .collect(),
            ranks: None,
            cursors: Cursors::default(),
            marks: Marks::new(view.marks),
        };
        (0..kept.end()).for_each(|at| index.peak(kept, at));
        index
    }

    /// Asks for its own memory.
    #[inline]
    pub(crate) fn expect(&self) {
        prefetch_all(self);
    }

    /// Asks for the memory it points to.
    #[inline]
    pub(crate) fn expect_more(&self) {
        prefetch_at(&self.hints, 0);
        prefetch_at(&self.peaks, 0);
        self.marks.expect();
        if let Some(ranks) = &self.ranks {
            prefetch(&**ranks);
        }
        if let Some(prefix) = &self.prefix {
            prefix.expect_end();
        }
    }

    /// Asks for the memory that is looked for there, when a read is not far from the one before.
    #[inline]
    pub(crate) fn expect_most(&self, view: &View, events: &Events) {
        let kept = self.kept(view, events);
        if self.marks.is_empty() {
            self.hints.iter().for_each(|&hint| kept.expect(hint));
        } else {
            self.marks.expect_events(kept);
        }
        for (least, greatest) in &self.peaks {
            least.expect();
            greatest.expect();
        }
    }

    /// The events by position.
    #[inline]
    #[must_use]
    pub fn kept<'a>(&self, view: &'a View, events: &'a Events) -> Kept<'a> {
        Kept {
            view,
            events,
            first: self.first,
        }
    }

    /// Prefix totals; none when a value does not fit.
    #[inline]
    #[must_use]
    pub fn prefix(&self) -> Option<&Prefix> {
        self.prefix.as_ref()
    }

    /// The totals of a track before a position, where there are prefix totals; one of its marks moves there.
    #[inline(always)]
    pub fn upto(&mut self, kept: Kept<'_>, track: &Track, mark: usize, at: usize) -> &Run {
        match &self.prefix {
            Some(prefix) => self.marks.upto(kept, prefix, track, mark, at),
            None => &Run::EMPTY,
        }
    }

    /// The start of a window that ends at `end`, and the totals of a track before it, where there are prefix totals;
    /// one of its marks moves there.
    #[inline(always)]
    pub fn slide(
        &mut self,
        kept: Kept<'_>,
        track: &Track,
        mark: usize,
        window: (i64, usize, f64),
    ) -> (usize, &Run) {
        match &self.prefix {
            Some(prefix) => self.marks.slide(kept, prefix, track, mark, window),
            None => (window.1, &Run::EMPTY),
        }
    }

    /// Running totals.
    #[inline]
    pub fn cursors(&mut self) -> &mut Cursors {
        &mut self.cursors
    }

    /// Takes account of an event that was put at a place of the buffer.
    #[inline(always)]
    pub fn inserted(&mut self, view: &View, events: &Events, at: usize) {
        let kept = self.kept(view, events);
        let at = self.first + at;
        self.recent = at + 1;
        if let Some(prefix) = &mut self.prefix
            && !prefix.inserted(kept, at)
        {
            self.prefix = None;
        }
        self.peak(kept, at);
        for (_, breaks) in &mut self.breaks {
            breaks.inserted(kept, at);
        }
        if let Some(ranks) = &mut self.ranks {
            ranks.inserted(at);
        }
        self.cursors.inserted(kept, at);
        if self.prefix.is_some() {
            self.marks.inserted(kept, at);
        }
        if let Some(relieved) = self
            .prefix
            .as_ref()
            .and_then(|prefix| prefix.relieved(kept))
        {
            self.prefix = Some(relieved);
            self.marks = Marks::new(view.marks);
        }
    }

    #[inline(always)]
    fn peak(&mut self, kept: Kept<'_>, at: usize) {
        for (track, (least, greatest)) in kept.view.tracks.iter().zip(&mut self.peaks) {
            if !track.least && !track.greatest {
                continue;
            }
            let value = track.value(kept.row(at));
            let rank = value.map(|value| Extent::rank(track.is_float(), value));
            if track.least {
                // Upside down: the complement orders the other way round.
                least.inserted(at, rank.map(|rank| !rank));
            }
            if track.greatest {
                greatest.inserted(at, rank);
            }
        }
    }

    /// Before the oldest `rows` events are dropped: no window begins among them any more.
    pub fn dropping(&mut self, view: &View, events: &Events, rows: usize) {
        let kept = self.kept(view, events);
        let first = self.first + rows;
        if let Some(prefix) = &mut self.prefix {
            prefix.dropping(kept, first);
        }
        self.cursors.dropping(kept, first);
        self.marks.dropping(first);
        for (least, greatest) in &mut self.peaks {
            least.dropped(first);
            greatest.dropped(first);
        }
        for (_, breaks) in &mut self.breaks {
            breaks.dropped(first);
        }
        if let Some(ranks) = &mut self.ranks {
            ranks.dropped(first);
        }
        self.first = first;
    }

    /// Position after the newest event with time up to and including `t`: mostly the one inserted last, which reads.
    #[inline(always)]
    #[must_use]
    pub fn up_to(&self, view: &View, events: &Events, t: i64) -> usize {
        let (kept, recent) = (self.kept(view, events), self.recent);
        let is_it = recent > kept.first
            && recent <= kept.end()
            && kept.time(recent - 1) <= t
            && (recent == kept.end() || kept.time(recent) > t);
        if is_it { recent } else { kept.up_to(t) }
    }

    /// Finds the run of positions of each window for a read at `t`.
    #[inline(always)]
    pub fn locate(
        &mut self,
        view: &View,
        events: &Events,
        settled: usize,
        t: i64,
        runs: &mut Vec<Range<usize>>,
    ) {
        let kept = self.kept(view, events);
        let newest = self.up_to(view, events, t);
        if let Some(lengths) = &view.lengths {
            runs.resize(lengths.len(), 0..0);
            for ((hint, length), run) in self.hints.iter_mut().zip(lengths).zip(runs) {
                *hint = kept.seek(*hint, t.saturating_sub(*length), newest);
                *run = *hint..newest;
            }
            return;
        }
        runs.clear();
        self.locate_any(kept, settled, t, runs);
    }

    fn locate_any(&mut self, kept: Kept<'_>, settled: usize, t: i64, runs: &mut Vec<Range<usize>>) {
        let settled = self.first + settled;
        let newest = self.up_to(kept.view, kept.events, t);
        for (at, window) in kept.view.windows.iter().enumerate() {
            let upto = window.upto(t);
            let end = if upto == t { newest } else { kept.up_to(upto) };
            let start = match window {
                Window::Lifetime => settled.min(end),
                Window::Last { events } => end.saturating_sub(*events).max(self.first),
                _ => {
                    self.hints[at] = kept.seek(self.hints[at], window.after(t), end);
                    self.hints[at]
                }
            };
            let start = match window {
                Window::Tiled { .. } => start.max(settled).min(end),
                Window::Session { gap_us, .. } => {
                    if end == self.first || t.saturating_sub(kept.time(end - 1)) > *gap_us {
                        end
                    } else {
                        let breaks = self.breaks.iter().find(|(window, _)| *window == at);
                        start.max(breaks.map_or(0, |(_, breaks)| breaks.before(end)))
                    }
                }
                _ => start,
            };
            runs.push(start..end);
        }
    }

    /// Smallest and largest value of a track over a run of positions.
    #[inline(always)]
    pub fn extent(&mut self, kept: Kept<'_>, index: usize, run: Range<usize>) -> Extent {
        let track = &kept.view.tracks[index];
        let (least, greatest) = &self.peaks[index];
        let look = |wanted: bool, peaks: &Peaks| {
            if wanted {
                peaks.within(run.start, run.end)
            } else {
                Peak::At(i64::MIN)
            }
        };
        let (low, high) = (look(track.least, least), look(track.greatest, greatest));
        match (low, high) {
            (Peak::At(low), Peak::At(high)) => Extent::of(
                if track.least { !low } else { i64::MIN },
                if track.greatest { high } else { i64::MAX },
            ),
            (Peak::None, _) | (_, Peak::None) => Extent::EMPTY,
            _ if run.len() <= SHORT => Extent::of_run(kept, track, run),
            _ => self.ranks(kept).extent(kept, track, run),
        }
    }

    /// The value of the oldest event in a run of positions that counts for a track.
    pub fn first(&mut self, kept: Kept<'_>, track: &Track, mut run: Range<usize>) -> Option<u64> {
        if track.condition.is_none() {
            return run.next().and_then(|at| track.value(kept.row(at)));
        }
        let found = self.ranks(kept).next(kept, track, run);
        found.map(|(_, value)| value)
    }

    /// The value of the newest event in a run of positions that counts for a track.
    pub fn last(&mut self, kept: Kept<'_>, track: &Track, mut run: Range<usize>) -> Option<u64> {
        if track.condition.is_none() {
            return run.next_back().and_then(|at| track.value(kept.row(at)));
        }
        let found = self.ranks(kept).previous(kept, track, run);
        found.map(|(_, value)| value)
    }

    /// Makes ready what [`Index::ranked`] gives.
    pub fn rank(&mut self, kept: Kept<'_>) {
        self.ranks(kept);
    }

    /// Extents of blocks of events, once they are made.
    #[must_use]
    pub fn ranked(&self) -> Option<&Ranks> {
        self.ranks.as_deref()
    }

    /// The running totals of a span where they were moved last.
    #[must_use]
    pub fn totals(&self, span: usize) -> Option<&Totals> {
        self.cursors.found(span)
    }

    fn ranks(&mut self, kept: Kept<'_>) -> &Ranks {
        let ranks = self.ranks.get_or_insert_with(|| Box::new(Ranks::new(kept)));
        ranks.refresh(kept);
        ranks
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let peaks: usize = self.peaks.iter().map(|(a, b)| a.bytes() + b.bytes()).sum();
        let breaks: usize = self.breaks.iter().map(|(_, breaks)| breaks.bytes()).sum();
        size_of::<Self>()
            + size_of_val(&*self.hints)
            + size_of_val(&*self.peaks)
            + self.prefix.as_ref().map_or(0, Prefix::bytes_used)
            + self.ranks.as_ref().map_or(0, |ranks| ranks.bytes())
            + self.cursors.bytes()
            + self.marks.bytes()
            + peaks
            + breaks
    }
}
