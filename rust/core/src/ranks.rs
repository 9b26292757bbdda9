//! Extents of runs of events, so that min, max, first and last need not look at every event of a window.

use std::ops::Range;

use crate::extent::Extent;
use crate::kept::Kept;
use crate::plan::Track;

/// Blocks of one level in a block of the next.
const FAN: usize = 8;

/// Levels of blocks: of 8, 64, 512, 4,096, 32,768 and 262,144 events.
const LEVELS: usize = 6;

/// Events in the largest block; the origin moves by as many.
const ORIGIN_STEP: usize = FAN.pow(LEVELS as u32);

/// Extents of aligned blocks of an entity's events, for each ranked track of its view.
///
/// A query of any run of events visits O(log n) blocks. Appending is O(1); an insertion d events before the end renews
/// the blocks of those d. An empty extent says that no event of the block counts for the track, which is how
/// the first and the last one that does are found.
///
/// ```
/// use forerun_core::buffer::{Events, place};
/// use forerun_core::kept::Kept;
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
/// let kept = Kept { view, events: &events, first: 0 };
/// let ranks = Ranks::new(kept);
/// let expected = (123..877).map(|at| at * 7919 % 1000).max();
/// assert_eq!(Some(ranks.extent(kept, &view.tracks[0], 123..877).max(false)), expected);
/// ```
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Position of the first block of every level.
    origin: usize,
    tracks: Vec<[Vec<Extent>; LEVELS]>,
}

impl Ranks {
    /// The blocks of all events kept.
    #[must_use]
    pub fn new(kept: Kept<'_>) -> Self {
        let ranked = kept
            .view
            .tracks
            .iter()
            .filter(|track| track.ranked.is_some());
        let origin = kept.first / ORIGIN_STEP * ORIGIN_STEP;
        let mut ranks = Self {
            origin,
            tracks: vec![Default::default(); ranked.count()],
        };
        ranks.renew(kept, kept.first);
        ranks
    }

    /// Takes account of an event that was put at a position.
    #[inline]
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) {
        if at + 1 < kept.end() {
            self.renew(kept, at);
            return;
        }
        for track in &kept.view.tracks {
            let Some(ranked) = track.ranked else { continue };
            let value = track.value(kept.row(at));
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
    fn renew(&mut self, kept: Kept<'_>, from: usize) {
        for track in &kept.view.tracks {
            let Some(ranked) = track.ranked else { continue };
            let levels = &mut self.tracks[ranked];
            let mut block = (from - self.origin) / FAN;
            levels[0].truncate(block);
            // Blocks wholly before the oldest event are never asked for.
            levels[0].resize(block, Extent::EMPTY);
            let mut at = (self.origin + block * FAN).max(kept.first);
            while at < kept.end() {
                let stop = (self.origin + (levels[0].len() + 1) * FAN).min(kept.end());
                levels[0].push(run(kept, track, at..stop));
                at = stop;
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
    pub fn extent(&self, kept: Kept<'_>, track: &Track, range: Range<usize>) -> Extent {
        let Some(ranked) = track.ranked else {
            return Extent::EMPTY;
        };
        let (start, end) = (range.start, range.end.max(range.start));
        // The part that consists of whole blocks, between ragged edges.
        let (inner, outer) = (start.next_multiple_of(FAN), end / FAN * FAN);
        if inner >= outer {
            return run(kept, track, start..end);
        }
        let mut extent = run(kept, track, start..inner).with(run(kept, track, outer..end));
        let (mut low, mut high) = (inner - self.origin, outer - self.origin);
        for (nth, level) in self.tracks[ranked].iter().enumerate() {
            (low, high) = (low / FAN, high / FAN);
            while low < high && (nth + 1 == LEVELS || !low.is_multiple_of(FAN)) {
                extent = extent.with(level[low]);
                low += 1;
            }
            while high > low && !high.is_multiple_of(FAN) {
                high -= 1;
                extent = extent.with(level[high]);
            }
        }
        extent
    }

    /// The value of the oldest event in a run of positions that counts for a track.
    #[must_use]
    pub fn first(&self, kept: Kept<'_>, track: &Track, range: Range<usize>) -> Option<u64> {
        let mut at = range.start;
        while at < range.end {
            match self.empty(track, at, |start, size| {
                start == at && at + size <= range.end
            }) {
                Some(size) => at += size,
                None => match track.value(kept.row(at)) {
                    None => at += 1,
                    value => return value,
                },
            }
        }
        None
    }

    /// The value of the newest event in a run of positions that counts for a track.
    #[must_use]
    pub fn last(&self, kept: Kept<'_>, track: &Track, range: Range<usize>) -> Option<u64> {
        let mut end = range.end;
        while end > range.start {
            match self.empty(track, end - 1, |start, size| {
                start + size == end && start >= range.start
            }) {
                Some(size) => end -= size,
                None => match track.value(kept.row(end - 1)) {
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

/// The extent of a short run, event by event.
#[inline]
fn run(kept: Kept<'_>, track: &Track, range: Range<usize>) -> Extent {
    let mut extent = Extent::EMPTY;
    for at in range {
        if let Some(value) = track.value(kept.row(at)) {
            extent.include(track.is_float(), value);
        }
    }
    extent
}
