//! Where the aggregates of a span go, when its totals are in fixed width.

use crate::aggregate::Aggregate;
use crate::extent::Extent;
use crate::light::Run;
use crate::plan::{Track, View};
use crate::reading::Output;
use crate::row::Row;

/// The slots of each aggregate that most features are, and the outputs that are left.
///
/// What several of them are computed from is computed once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    /// Plain aggregates and their slots.
    places: Vec<(u32, u32)>,
    /// One more than the highest slot among them.
    end: usize,
    /// By word of a row's bits the slots among the places, by when they hold a value: the first word, and the others.
    marks: Marks,
    more: Vec<Marks>,
    others: Vec<Output>,
}

/// Slots in one word of a row's bits.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    always: u64,
    /// When there is a value.
    some: u64,
    /// When there are two.
    two: u64,
}

/// Aggregates that are set without a look at the feature.
const PLAIN: usize = 9;

/// The values of a run of events that several aggregates are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    run: Run,
    words: [u64; PLAIN],
    some: bool,
}

/// What the aggregates of a track are computed from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    float: bool,
    total: bool,
    var: bool,
}

const COUNT: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const FIRST: usize = 3;
const LAST: usize = 4;
const SUM: usize = 5;
const MEAN: usize = 6;
const VAR: usize = 7;
const STD: usize = 8;

/// The place of an aggregate, when it is one that is set without a look at the feature.
fn plain(aggregate: Aggregate, float: bool) -> Option<usize> {
    Some(match aggregate {
        Aggregate::Count => COUNT,
        Aggregate::Min => MIN,
        Aggregate::Max => MAX,
        Aggregate::First => FIRST,
        Aggregate::Last => LAST,
        // Of floats only: a narrow total is far from the largest double, so that none of them overflows.
        Aggregate::Sum if float => SUM,
        Aggregate::Mean if float => MEAN,
        Aggregate::Var if float => VAR,
        Aggregate::Std if float => STD,
        _ => return None,
    })
}

impl Wanted {
    /// What the outputs of a track want.
    pub(crate) fn new(view: &View, track: &Track, outputs: &[Output]) -> Self {
        let has = |places: [usize; 2]| {
            outputs.iter().any(|output| {
                let aggregate = view.features[output.feature].aggregate;
                plain(aggregate, track.is_float()).is_some_and(|place| places.contains(&place))
            })
        };
        Self {
            float: track.is_float(),
            total: has([SUM, MEAN]),
            var: has([VAR, STD]),
        }
    }

    /// What both want.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            float: self.float,
            total: self.total || other.total,
            var: self.var || other.var,
        }
    }
}

impl Values {
    /// Of no events.
    pub(crate) const EMPTY: Self = Self {
        run: Run::EMPTY,
        words: [0; PLAIN],
        some: false,
    };

    /// Becomes the values of a run of events; `ends` are its oldest and newest.
    #[inline(always)]
    pub(crate) fn become_of(
        &mut self,
        wanted: Wanted,
        run: &Run,
        extent: Extent,
        ends: (Option<u64>, Option<u64>),
    ) {
        self.run = *run;
        self.some = run.count > 0;
        if !self.some {
            self.words = [0; PLAIN];
            return;
        }
        let words = &mut self.words;
        words[COUNT] = run.count;
        words[MIN] = extent.min(wanted.float);
        words[MAX] = extent.max(wanted.float);
        words[FIRST] = ends.0.unwrap_or(0);
        words[LAST] = ends.1.unwrap_or(0);
        if wanted.total {
            let total = run.total();
            words[SUM] = total.to_bits();
            words[MEAN] = (total / run.count as i64 as f64).to_bits();
        }
        if wanted.var {
            let var = run.var().unwrap_or(0.0);
            words[VAR] = var.to_bits();
            words[STD] = var.sqrt().to_bits();
        }
    }
}

impl Marks {
    /// Sets the bits of these slots.
    #[inline]
    fn set(self, bits: &mut u64, values: &Values) {
        let some = self.some & u64::from(values.some).wrapping_neg();
        let two = self.two & u64::from(values.run.count > 1).wrapping_neg();
        *bits = *bits & !(self.always | self.some | self.two) | self.always | some | two;
    }
}

impl Slots {
    /// The slots of some outputs of a track.
    pub(crate) fn new(view: &View, track: &Track, outputs: &[Output]) -> Self {
        let mut slots = Self::default();
        for output in outputs {
            let Some(place) = plain(view.features[output.feature].aggregate, track.is_float())
            else {
                slots.others.push(*output);
                continue;
            };
            slots.places.push((place as u32, output.slot as u32));
            slots.end = slots.end.max(output.slot + 1);
            let marks = match output.slot / 64 {
                0 => &mut slots.marks,
                limb => {
                    if slots.more.len() < limb {
                        slots.more.resize(limb, Marks::default());
                    }
                    &mut slots.more[limb - 1]
                }
            };
            let bit = 1 << (output.slot % 64);
            match place {
                COUNT => marks.always |= bit,
                VAR | STD => marks.two |= bit,
                _ => marks.some |= bit,
            }
        }
        slots
    }

    /// Sets the values of a run in a row.
    #[inline(always)]
    pub(crate) fn set(&self, view: &View, track: &Track, values: &Values, row: &mut Row) {
        let words = row.words();
        assert!(self.end <= words.len());
        for &(place, slot) in &self.places {
            debug_assert!((place as usize) < PLAIN && (slot as usize) < self.end);
            // SAFETY: places are below PLAIN and slots below the end, from `new` on.
            unsafe {
                *words.get_unchecked_mut(slot as usize) =
                    *values.words.get_unchecked(place as usize);
            }
        }
        let bits = row.valid();
        if let Some(bits) = bits.first_mut() {
            self.marks.set(bits, values);
        }
        for (at, marks) in self.more.iter().enumerate() {
            marks.set(&mut bits[at + 1], values);
        }
        if !self.others.is_empty() {
            self.set_others(view, track, &values.run, row);
        }
    }

    fn set_others(&self, view: &View, track: &Track, run: &Run, row: &mut Row) {
        for output in &self.others {
            let feature = &view.features[output.feature];
            let value = run.value(
                feature.aggregate,
                track.is_float(),
                feature.over_us,
                feature.per_us,
            );
            row.put(output.slot, output.feature, value);
        }
    }
}
