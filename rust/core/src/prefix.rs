//! Totals of all events before every eighth one or so, so that a window of any length costs two look-ups.

use std::ops::Range;

use crate::kept::Kept;
use crate::light::{Light, Run, bits, is_within, known_root, less, plus, root, square};
use crate::plan::Track;
use crate::prefetch::prefetch_at;

/// Events in a block, as a power of two: at first, and at most.
const SHIFT: u32 = 3;
const SHIFT_MAX: u32 = 7;

/// Blocks that an event may change, on average, before blocks are made larger; and how much more at once.
const CHANGES: u32 = 8;
const STRAIN_MAX: u32 = 2048;

/// Prefix totals of an entity's events, for each light track of its view.
///
/// The totals of a run of events are the difference of two prefixes, exactly, since nothing is rounded. A
/// prefix is that of a block and at most four events. An event inserted d events before the end changes the d / 8
/// prefixes after it; where many are that late, blocks are made longer.
///
/// ```
/// use forerun_core::buffer::Events;
/// use forerun_core::kept::Kept;
/// use forerun_core::light::root;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::prefix::Prefix;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut events = Events::default();
/// for at in 0..100 {
///     events.insert(at as i64, at, &[1, 1f64.to_bits()]);
/// }
/// let kept = Kept { view, events: &events, first: 0 };
/// let prefix = Prefix::new(kept).unwrap();
/// let track = &view.tracks[0];
/// let run = prefix.upto(kept, track, 95).without(&prefix.upto(kept, track, 5));
/// assert_eq!((run.count, run.sum), (90, root(true, 90f64.to_bits()).unwrap()));
/// ```
#[derive(Clone, Debug)]
pub struct Prefix {
    /// Number of the first block whose prefix is held; blocks are counted from the first event ever kept.
    origin: usize,
    /// Per block the totals of all events before it, [`crate::plan::View::light_words`] each.
    words: Vec<u64>,
    /// Most bits of any value so far.
    bits: u32,
    /// A block has two to the power of this many events.
    shift: u32,
    /// How many more blocks than is good have been changed by late events.
    strain: u32,
}

impl Prefix {
    /// The prefixes of all events kept; none when a value does not fit.
    #[must_use]
    pub fn new(kept: Kept<'_>) -> Option<Self> {
        Self::with_blocks(kept, SHIFT)
    }

    fn with_blocks(kept: Kept<'_>, shift: u32) -> Option<Self> {
        let mut prefix = Self {
            origin: kept.first >> shift,
            words: vec![0; kept.view.light_words],
            bits: 0,
            shift,
            strain: 0,
        };
        (kept.first..kept.end())
            .all(|at| prefix.appended(kept, at))
            .then_some(prefix)
    }

    /// Most bits of any value so far: with the number of values it says whether totals fit.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Events in a block.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        1 << self.shift
    }

    /// The same with longer blocks, and another constant, when late events have changed too many.
    #[inline]
    #[must_use]
    pub fn relieved(&self, kept: Kept<'_>) -> Option<Self> {
        if self.strain < STRAIN_MAX || self.shift == SHIFT_MAX {
            return None;
        }
        Self::with_blocks(kept, self.shift + 1)
    }

    /// Asks for the memory of the newest prefix.
    #[inline]
    pub(crate) fn expect_end(&self) {
        prefetch_at(&self.words, self.words.len().wrapping_sub(1));
    }

    /// Takes account of an event that was put at a position; false when its values do not fit.
    #[inline(always)]
    pub fn inserted(&mut self, kept: Kept<'_>, at: usize) -> bool {
        let end = kept.end();
        if at + 1 == end {
            return self.appended(kept, at);
        }
        if !self.measure(kept, at) {
            return false;
        }
        // Each later block begins one event earlier than before: the new event is before it, its first one no longer.
        let (stride, size) = (kept.view.light_words, self.size());
        let first = (at >> self.shift) + 1;
        let blocks = (end.div_ceil(size)).saturating_sub(first);
        for track in &kept.view.tracks {
            let Some(light) = track.light else { continue };
            let mut new = Run::EMPTY;
            change_known(light, track, kept.row(at), 0, false, &mut new);
            for block in first..first + blocks {
                let entry = (block - self.origin) * stride + light.at;
                let Some(slot) = self.words.get_mut(entry..entry + light.words()) else {
                    break;
                };
                let mut run = load(light, slot).with(&new);
                change_known(light, track, kept.row(block * size), 0, true, &mut run);
                store(light, &run, slot);
            }
        }
        self.strain = self.strain.saturating_add(blocks as u32);
        self.close(kept, end);
        true
    }

    #[inline(always)]
    fn appended(&mut self, kept: Kept<'_>, at: usize) -> bool {
        if !self.measure(kept, at) {
            return false;
        }
        self.close(kept, at + 1);
        true
    }

    /// The values of an event must fit.
    #[inline(always)]
    fn measure(&mut self, kept: Kept<'_>, at: usize) -> bool {
        let row = kept.row(at);
        for track in &kept.view.tracks {
            if track.light.is_some_and(|light| light.sums)
                && let Some(value) = track.value(row)
            {
                // Nearly all are no larger than those before, and no smaller than what fits whatever its digits.
                if track.is_float() && is_within(value, self.bits) {
                    continue;
                }
                match root(track.is_float(), value) {
                    Some(root) => self.bits = self.bits.max(bits(root)),
                    None => return false,
                }
            }
        }
        true
    }

    /// When the events up to `end` fill a block, the next one gets its prefix.
    #[inline(always)]
    fn close(&mut self, kept: Kept<'_>, end: usize) {
        let stride = kept.view.light_words;
        let size = self.size();
        if end & (size - 1) != 0 || stride == 0 {
            return;
        }
        self.strain = self.strain.saturating_sub(CHANGES * size as u32);
        let last = self.words.len() - stride;
        self.words.extend_from_within(last..);
        for track in &kept.view.tracks {
            if let Some(light) = track.light {
                let at = last + stride + light.at;
                let mut run = load(light, &self.words[at..]);
                // The first block may begin before the oldest event kept.
                let rows = (end - size).max(kept.first)..end;
                add_up(light, track, kept, rows, &mut run);
                store(light, &run, &mut self.words[at..]);
            }
        }
    }

    /// Before the events up to `first` are dropped: no window begins before it any more.
    pub fn dropping(&mut self, kept: Kept<'_>, first: usize) {
        let stride = kept.view.light_words;
        if stride == 0 {
            self.origin = first >> self.shift;
            return;
        }
        let gone = (first >> self.shift) - self.origin;
        // What is left of the block that `first` is in begins with the events dropped.
        for track in &kept.view.tracks {
            if let Some(light) = track.light {
                let slot = &mut self.words[gone * stride + light.at..][..light.words()];
                let mut run = load(light, slot);
                for row in (first >> self.shift << self.shift).max(kept.first)..first {
                    change(light, track, kept.row(row), false, &mut run);
                }
                store(light, &run, slot);
            }
        }
        if gone * stride * 2 > self.words.len() {
            self.words.drain(..gone * stride);
            self.origin += gone;
        }
    }

    /// The totals of all events before a position, but for a constant.
    #[inline]
    #[must_use]
    pub fn upto(&self, kept: Kept<'_>, track: &Track, at: usize) -> Run {
        let Some(light) = track.light else {
            return Run::EMPTY;
        };
        let (stride, size) = (kept.view.light_words, self.size());
        let (block, over) = (at >> self.shift, at & (size - 1));
        let entry = (block - self.origin) * stride + light.at;
        let next = entry + stride;
        let mut run;
        if over > size / 2 && next < self.words.len() {
            run = load(light, &self.words[next..]);
            let mut rows = Run::EMPTY;
            add_up(light, track, kept, at..(block + 1) * size, &mut rows);
            run = run.without(&rows);
        } else {
            run = load(light, &self.words[entry..]);
            let rows = (block * size).max(kept.first)..at;
            add_up(light, track, kept, rows, &mut run);
        }
        if !light.counts {
            run.count = at as u64;
        }
        run
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes_used(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[inline]
fn load(light: Light, words: &[u64]) -> Run {
    let mut run = Run::EMPTY;
    let mut at = 0;
    if light.counts {
        run.count = words[0];
        at = 1;
    }
    if light.sums {
        run.sum = (u128::from(words[at]) | u128::from(words[at + 1]) << 64) as i128;
        at += 2;
    }
    if light.squares {
        run.squares.copy_from_slice(&words[at..at + 4]);
    }
    run
}

#[inline]
fn store(light: Light, run: &Run, words: &mut [u64]) {
    let mut at = 0;
    if light.counts {
        words[0] = run.count;
        at = 1;
    }
    if light.sums {
        words[at] = run.sum as u64;
        words[at + 1] = (run.sum >> 64) as u64;
        at += 2;
    }
    if light.squares {
        words[at..at + 4].copy_from_slice(&run.squares);
    }
}

/// Adds a few rows to a run: values that fit, for there is a prefix.
#[inline(always)]
pub(crate) fn add_up(
    light: Light,
    track: &Track,
    kept: Kept<'_>,
    rows: Range<usize>,
    run: &mut Run,
) {
    // Nearly all tracks: floats of every event.
    if let (Some(word), None, true) = (track.word, track.condition, track.is_float() && light.sums)
    {
        // Not by chunks, for which lengths are divided.
        let (rows, mut at) = (kept.rows(rows), word);
        while at < rows.len() {
            let root = known_root(rows[at]);
            at += kept.view.width();
            if light.squares {
                run.add(root);
            } else {
                run.add_plain(root);
            }
        }
        return;
    }
    for row in rows {
        change(light, track, kept.row(row), false, run);
    }
}

/// Adds a row to a run, or takes it out.
#[inline]
pub(crate) fn change(light: Light, track: &Track, row: &[u64], remove: bool, run: &mut Run) {
    let Some(value) = track.value(row) else {
        return;
    };
    // What does not fit is never put in.
    let root = if light.sums {
        root(track.is_float(), value).unwrap_or(0)
    } else {
        0
    };
    count_in(light, root, remove, run);
}

/// As [`change`], of the row that begins at a word of some rows of values that fit.
#[inline(always)]
pub(crate) fn change_known(
    light: Light,
    track: &Track,
    rows: &[u64],
    at: usize,
    remove: bool,
    run: &mut Run,
) {
    // Nearly all tracks: floats of every event.
    if let (Some(word), None, true) = (track.word, track.condition, track.is_float() && light.sums)
    {
        count_in(light, known_root(rows[at + word]), remove, run);
        return;
    }
    change(light, track, &rows[at..], remove, run);
}

/// Adds a value to a run, or takes it out.
#[inline(always)]
pub(crate) fn count_in(light: Light, root: i128, remove: bool, run: &mut Run) {
    if remove {
        run.count = run.count.wrapping_sub(1);
        run.sum = run.sum.wrapping_sub(root);
    } else {
        run.count = run.count.wrapping_add(1);
        run.sum = run.sum.wrapping_add(root);
    }
    if light.squares {
        let term = square(root.unsigned_abs());
        run.squares = if remove {
            less(run.squares, term)
        } else {
            plus(run.squares, term)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Events;
    use crate::plan::{EXAMPLE, Plan};

    #[test]
    fn prefixes_are_those_of_adding_up_however_late_events_are() {
        let view = &Plan::compile(EXAMPLE).unwrap().views[0];
        let mut state = 3u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let (mut events, mut first) = (Events::default(), 0);
        let mut prefix: Option<Prefix> = None;
        let mut sizes = std::collections::BTreeSet::new();
        for step in 0..6000u64 {
            // Late by up to 1500 events in the middle of the run.
            let late = random(if (1000..4000).contains(&step) {
                1500
            } else {
                5
            });
            let x = (random(1000) as f64 / 8.0).to_bits();
            let at = events.insert(
                step as i64 - late as i64,
                step,
                &[u64::from(random(4) > 0), x],
            );
            let kept = Kept {
                view,
                events: &events,
                first,
            };
            let built = prefix.get_or_insert_with(|| Prefix::new(kept).unwrap());
            if (3900..3910).contains(&step) {
                // The longest blocks are never relieved.
                let mut strained = built.clone();
                strained.strain = u32::MAX;
                assert!(strained.inserted(kept, first + at));
            }
            if step > 0 {
                assert!(built.inserted(kept, first + at));
            }
            if let Some(relieved) = built.relieved(kept) {
                *built = relieved;
            }
            sizes.insert(built.size());
            for track in &view.tracks {
                let Some(light) = track.light else { continue };
                let start = first + random(kept.end() - first + 1);
                let end = start + random((kept.end() - start).min(40) + 1);
                let mut expected = Run::EMPTY;
                (start..end)
                    .for_each(|row| change(light, track, kept.row(row), false, &mut expected));
                if !light.counts {
                    expected.count = (end - start) as u64;
                }
                let run = built
                    .upto(kept, track, end)
                    .without(&built.upto(kept, track, start));
                assert_eq!(run, expected, "step {step}, {start}..{end}");
            }
            if step % 100 == 99 && step > 2000 {
                let drop = 60 + random(60);
                built.dropping(kept, first + drop);
                events.drop_front(drop, view.width());
                first += drop;
            }
        }
        assert_eq!(sizes, [8, 16, 32, 64].into(), "blocks grow with lateness");
    }
}
