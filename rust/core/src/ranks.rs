//! Extents of runs of events, so that min, max, first and last need not look at every event of a window.

use std::ops::Range;

use crate::extent::Extent;
use crate::kept::Kept;
use crate::plan::Track;

/// Blocks of one level in a block of the next.
const FAN: usize = 8;

/// Levels of blocks: of 8, 64, 512, 4,096, 32,768 and 262,144 events.
const LEVELS: usize = 6;

/// Extents of aligned blocks of an entity's events, for each ranked track of its view.
///
/// A query of any run of events visits O(log n) blocks, after those that have changed since the query before are made
/// anew: queries are few, so that an event costs next to nothing. An empty extent says that no event of the block
/// counts for the track, which is how the first and the last one that does are found.
///
/// ```
/// use forerun_core::buffer::{Events, place};
/// use forerun_core::kept::Kept;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::ranks::Ranks;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// let x = |at: u64| (at * 7919 % 1000) as f64;
/// for at in 0..1000 {
///     events.insert(at as i64, place(0, at), &[1, x(at).to_bits()]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let ranks = Ranks::new(kept);
/// let expected = (123..877).map(x).fold(0.0, f64::max);
/// assert_eq!(ranks.extent(kept, &view.tracks[0], 123..877).max(true), expected.to_bits());
/// ```
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Per ranked track, smallest blocks first.
    tracks: Vec<[Level; LEVELS]>,
    /// Blocks are those of the events before this position.
    fresh: usize,
}

/// The blocks of one size.
#[derive(Clone, Debug, Default)]
struct Level {
    /// Number of the first block held: blocks are counted from the first event ever kept.
    base: usize,
    blocks: Vec<Extent>,
}

impl Level {
    #[inline]
    fn get(&self, block: usize) -> Extent {
        self.blocks[block - self.base]
    }

    /// Forgets blocks from `block` on.
    fn cut(&mut self, block: usize) {
        self.blocks.truncate(block.saturating_sub(self.base));
    }
}

impl Ranks {
    /// Bytes of a track's levels with their first blocks.
    pub(crate) const BYTES_FIXED: usize =
        size_of::<[Level; LEVELS]>() + LEVELS * 8 * size_of::<Extent>() + size_of::<Self>();

    /// Bytes an event needs of a track's blocks, of all levels together.
    pub(crate) const BYTES_EACH: usize = (size_of::<Extent>()).div_ceil(FAN - 1);

    /// The blocks of all events kept.
    #[must_use]
    pub fn new(kept: Kept<'_>) -> Self {
        let ranked = kept
            .view
            .tracks
            .iter()
            .filter(|track| track.ranked.is_some())
            .count();
        let mut ranks = Self {
            tracks: vec![<[Level; LEVELS]>::default(); ranked],
            fresh: kept.first,
        };
        for levels in &mut ranks.tracks {
            let mut first = kept.first;
            for level in levels {
                first /= FAN;
                level.base = first;
            }
        }
        ranks.renew(kept, kept.first);
        ranks
    }

    /// Takes account of an event that was put at a position.
    #[inline]
    pub fn inserted(&mut self, at: usize) {
        self.fresh = self.fresh.min(at);
    }

    /// Makes the blocks those of all events.
    pub fn refresh(&mut self, kept: Kept<'_>) {
        if self.fresh < kept.end() {
            self.renew(kept, self.fresh.max(kept.first));
        }
    }

    /// Forgets blocks of events that are gone, now and then.
    pub fn dropped(&mut self, first: usize) {
        for levels in &mut self.tracks {
            let mut gone = first;
            for level in levels {
                gone /= FAN;
                if (gone - level.base) * 2 > level.blocks.len() {
                    level
                        .blocks
                        .drain(..(gone - level.base).min(level.blocks.len()));
                    level.base = gone;
                }
            }
        }
    }

    /// Computes all blocks that reach `from` or later.
    fn renew(&mut self, kept: Kept<'_>, from: usize) {
        self.fresh = kept.end();
        for track in &kept.view.tracks {
            let Some(ranked) = track.ranked else { continue };
            let levels = &mut self.tracks[ranked];
            levels[0].cut(from / FAN);
            let mut at = ((levels[0].base + levels[0].blocks.len()) * FAN).max(kept.first);
            while at < kept.end() {
                let stop = (at + 1).next_multiple_of(FAN).min(kept.end());
                levels[0].blocks.push(Extent::of_run(kept, track, at..stop));
                at = stop;
            }
            let mut size = FAN;
            for upper in 1..LEVELS {
                size *= FAN;
                let (below, above) = levels.split_at_mut(upper);
                let (below, above) = (&below[upper - 1], &mut above[0]);
                above.cut(from / size);
                let end = below.base + below.blocks.len();
                let mut block = (above.base + above.blocks.len()) * FAN;
                while block < end {
                    let members = block.max(below.base)..(block + FAN).min(end);
                    let extents = members.map(|member| below.get(member));
                    above.blocks.push(extents.fold(Extent::EMPTY, Extent::with));
                    block += FAN;
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
            return Extent::of_run(kept, track, start..end);
        }
        let mut extent =
            Extent::of_run(kept, track, start..inner).with(Extent::of_run(kept, track, outer..end));
        let (mut low, mut high) = (inner, outer);
        for (nth, level) in self.tracks[ranked].iter().enumerate() {
            (low, high) = (low / FAN, high / FAN);
            while low < high && (nth + 1 == LEVELS || !low.is_multiple_of(FAN)) {
                extent = extent.with(level.get(low));
                low += 1;
            }
            while high > low && !high.is_multiple_of(FAN) {
                high -= 1;
                extent = extent.with(level.get(high));
            }
        }
        extent
    }

    /// The oldest event in a run of positions that counts for a track: where it is, and its value.
    #[must_use]
    pub fn next(&self, kept: Kept<'_>, track: &Track, range: Range<usize>) -> Option<(usize, u64)> {
        let mut at = range.start;
        while at < range.end {
            match self.empty(track, at, |start, size| {
                start == at && at + size <= range.end
            }) {
                Some(size) => at += size,
                None => match track.value(kept.row(at)) {
                    None => at += 1,
                    Some(value) => return Some((at, value)),
                },
            }
        }
        None
    }

    /// The newest event in a run of positions that counts for a track: where it is, and its value.
    #[must_use]
    pub fn previous(
        &self,
        kept: Kept<'_>,
        track: &Track,
        range: Range<usize>,
    ) -> Option<(usize, u64)> {
        let mut end = range.end;
        while end > range.start {
            match self.empty(track, end - 1, |start, size| {
                start + size == end && start >= range.start
            }) {
                Some(size) => end -= size,
                None => match track.value(kept.row(end - 1)) {
                    None => end -= 1,
                    Some(value) => return Some((end - 1, value)),
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
            let block = at / size;
            if !fits(block * size, size) || !level.get(block).is_empty() {
                break;
            }
            found = Some(size);
        }
        found
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let blocks: usize = self
            .tracks
            .iter()
            .flatten()
            .map(|level| level.blocks.capacity())
            .sum();
        blocks * size_of::<Extent>() + self.tracks.capacity() * size_of::<[Level; LEVELS]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{Events, place};
    use crate::plan::{EXAMPLE, Plan};

    #[test]
    fn a_long_history_leaves_only_what_is_kept() {
        let view = &Plan::compile(EXAMPLE).unwrap().views[0];
        let (track, kept_rows) = (&view.tracks[0], 1500);
        let x = |at: usize| (at * 7919 % 100_003) as f64;
        let mut events = Events::default();
        let mut first = 0;
        let mut ranks = Ranks::new(Kept {
            view,
            events: &events,
            first,
        });
        for at in 0..300_000 {
            events.insert(at as i64, place(0, at as u64), &[1, x(at).to_bits()]);
            ranks.inserted(at);
            if at + 1 == first + 2 * kept_rows {
                events.drop_front(kept_rows, view.width());
                first += kept_rows;
                ranks.dropped(first);
            }
            if at % 1009 == 0 {
                let kept = Kept {
                    view,
                    events: &events,
                    first,
                };
                let expected = (first..kept.end()).map(x).fold(f64::MIN, f64::max);
                ranks.refresh(kept);
                let extent = ranks.extent(kept, track, first..kept.end());
                assert_eq!(extent.max(true), expected.to_bits(), "after event {at}");
            }
        }
        assert!(ranks.bytes() < 40_000, "{}", ranks.bytes());
    }
}
