//! Extents of runs of events, so that min, max, first and last need not look at every event of a window.

use crate::buffer::Events;
use crate::extent::Extent;
use crate::plan::{Track, View};

/// Blocks of one level in a block of the next.
const FAN: usize = 16;

/// Levels of blocks: of 16, 256, 4,096 and 65,536 events.
const LEVELS: usize = 4;

/// Events in the largest block; the origin moves by as many.
const ORIGIN_STEP: usize = FAN.pow(LEVELS as u32);

/// Extents of aligned blocks of an entity's events, for each ranked track of its view.
///
/// Positions are counted from the first event ever kept, so that dropping events moves nothing. A query of
/// any run of events visits O(log n) blocks. Appending is O(1); an insertion d events before the end renews
/// the blocks of those d. An empty extent says that no event of the block counts for the track, which is how
/// the first and the last one that does are found.
///
/// ```
/// use forerun_core::buffer::{Events, place};
/// use forerun_core::plan::Plan;
/// use forerun_core::ranks::Ranks;
///
/// let json = r#"{"format":1,"vectors":[],"streams":[{"name":"Tick","fields":[
///     {"name":"at","type":"time","nullable":false},{"name":"x","type":"int","nullable":false}],
///     "time":"at","key":[],"id":null,"lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}],
///     "views":[{"name":"Now","stream":0,"by":[],"where":null,"features":[{"name":"top","agg":"max",
///     "arg":{"op":"field","name":"x"},"where":null,"over_us":9,"per_us":null}]}]}"#;
/// let view = &Plan::compile(json).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..1000u64 {
///     events.insert(at as i64, place(0, at), &[at * 7919 % 1000]);
/// }
/// let ranks = Ranks::new(view, &events, 0);
/// let expected = (123..877).map(|at| at * 7919 % 1000).max();
/// assert_eq!(Some(ranks.extent(view, &view.tracks[0], &events, 0, 123..877).max(false)), expected);
/// ```
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Position of the first block of every level.
    origin: usize,
    tracks: Vec<[Vec<Extent>; LEVELS]>,
}

impl Ranks {
    /// The blocks of all events; `first` is the position of the oldest one kept.
    #[must_use]
    pub fn new(view: &View, events: &Events, first: usize) -> Self {
        let count = view
            .tracks
            .iter()
            .filter(|track| track.ranked.is_some())
            .count();
        let origin = first / ORIGIN_STEP * ORIGIN_STEP;
        let mut ranks = Self {
            origin,
            tracks: vec![Default::default(); count],
        };
        ranks.renew(view, events, first, first);
        ranks
    }

    /// Takes account of an event that was put at a position.
    #[inline]
    pub fn inserted(&mut self, view: &View, events: &Events, first: usize, at: usize) {
        let width = view.width();
        if at + 1 < first + events.len(width) {
            self.renew(view, events, first, at);
            return;
        }
        let row = events.row(at - first, width);
        for track in &view.tracks {
            let Some(ranked) = track.ranked else { continue };
            let value = track.value(row);
            let mut block = at - self.origin;
            for level in &mut self.tracks[ranked] {
                block /= FAN;
                if block == level.len() {
                    level.push(Extent::EMPTY);
                }
                if let Some(value) = value {
                    level[block].include(track.is_float(), value);
                }
            }
        }
    }

    /// Forgets blocks of events that are gone, now and then.
    pub fn dropped(&mut self, first: usize) {
        let steps = (first - self.origin) / ORIGIN_STEP;
        if steps == 0 {
            return;
        }
        self.origin += steps * ORIGIN_STEP;
        for track in &mut self.tracks {
            let mut blocks = steps * ORIGIN_STEP;
            for level in track {
                blocks /= FAN;
                level.drain(..blocks.min(level.len()));
            }
        }
    }

    /// Computes all blocks that reach `from` or later.
    fn renew(&mut self, view: &View, events: &Events, first: usize, from: usize) {
        let width = view.width();
        let end = first + events.len(width);
        for track in &view.tracks {
            let Some(ranked) = track.ranked else { continue };
            let levels = &mut self.tracks[ranked];
            let mut block = (from - self.origin) / FAN;
            levels[0].truncate(block);
            // Blocks wholly before the oldest event are never asked for.
            levels[0].resize(block, Extent::EMPTY);
            let mut at = (self.origin + block * FAN).max(first);
            while at < end {
                let stop = (self.origin + (levels[0].len() + 1) * FAN).min(end);
                let mut extent = Extent::EMPTY;
                while at < stop {
                    if let Some(value) = track.value(events.row(at - first, width)) {
                        extent.include(track.is_float(), value);
                    }
                    at += 1;
                }
                levels[0].push(extent);
            }
            for upper in 1..LEVELS {
                block /= FAN;
                let (below, above) = levels.split_at_mut(upper);
                let (below, above) = (&below[upper - 1], &mut above[0]);
                above.truncate(block);
                above.resize(block, Extent::EMPTY);
                for blocks in below[(block * FAN).min(below.len())..].chunks(FAN) {
                    above.push(
                        blocks
                            .iter()
                            .fold(Extent::EMPTY, |all, &extent| all.with(extent)),
                    );
                }
            }
        }
    }

    /// The extent of a track over a run of positions.
    #[must_use]
    pub fn extent(
        &self,
        view: &View,
        track: &Track,
        events: &Events,
        first: usize,
        run: std::ops::Range<usize>,
    ) -> Extent {
        let Some(ranked) = track.ranked else {
            return Extent::EMPTY;
        };
        let width = view.width();
        let mut extent = Extent::EMPTY;
        let mut row = |at: usize| {
            if let Some(value) = track.value(events.row(self.origin + at - first, width)) {
                extent.include(track.is_float(), value);
            }
        };
        let (mut low, mut high) = (
            run.start - self.origin,
            run.end.max(run.start) - self.origin,
        );
        while low < high && low % FAN != 0 {
            row(low);
            low += 1;
        }
        while high > low && high % FAN != 0 {
            high -= 1;
            row(high);
        }
        for (nth, level) in self.tracks[ranked].iter().enumerate() {
            (low, high) = (low / FAN, high / FAN);
            let top = nth + 1 == LEVELS;
            while low < high && (top || low % FAN != 0) {
                extent = extent.with(level[low]);
                low += 1;
            }
            while high > low && high % FAN != 0 {
                high -= 1;
                extent = extent.with(level[high]);
            }
        }
        extent
    }

    /// The value of the oldest event in a run of positions that counts for a track.
    #[must_use]
    pub fn first(
        &self,
        view: &View,
        track: &Track,
        events: &Events,
        first: usize,
        run: std::ops::Range<usize>,
    ) -> Option<u64> {
        let mut at = run.start;
        while at < run.end {
            match self.empty(track, at, |start, size| start == at && at + size <= run.end) {
                Some(size) => at += size,
                None => match track.value(events.row(at - first, view.width())) {
                    None => at += 1,
                    value => return value,
                },
            }
        }
        None
    }

    /// The value of the newest event in a run of positions that counts for a track.
    #[must_use]
    pub fn last(
        &self,
        view: &View,
        track: &Track,
        events: &Events,
        first: usize,
        run: std::ops::Range<usize>,
    ) -> Option<u64> {
        let mut end = run.end;
        while end > run.start {
            match self.empty(track, end - 1, |start, size| {
                start + size == end && start >= run.start
            }) {
                Some(size) => end -= size,
                None => match track.value(events.row(end - 1 - first, view.width())) {
                    None => end -= 1,
                    value => return value,
                },
            }
        }
        None
    }

    /// The size of the largest block around a position that `fits` (its start, its size) and has no event that counts.
    fn empty(
        &self,
        track: &Track,
        at: usize,
        fits: impl Fn(usize, usize) -> bool,
    ) -> Option<usize> {
        // Without a condition every event counts.
        track.condition?;
        let levels = &self.tracks[track.ranked?];
        let mut found = None;
        let mut size = 1;
        for level in levels {
            size *= FAN;
            let block = (at - self.origin) / size;
            if !fits(self.origin + block * size, size) || !level[block].is_empty() {
                break;
            }
            found = Some(size);
        }
        found
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let blocks: usize = self.tracks.iter().flatten().map(Vec::capacity).sum();
        blocks * size_of::<Extent>() + self.tracks.capacity() * size_of::<[Vec<Extent>; LEVELS]>()
    }
}
