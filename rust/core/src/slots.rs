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
    counts: Vec<usize>,
    least: Vec<usize>,
    greatest: Vec<usize>,
    first: Vec<usize>,
    last: Vec<usize>,
    /// Of floats only: a narrow total is far from the largest double, so that none of them overflows.
    sums: Vec<usize>,
    means: Vec<usize>,
    vars: Vec<usize>,
    stds: Vec<usize>,
    others: Vec<Output>,
    float: bool,
}

impl Slots {
    /// The slots of some outputs of a track.
    pub(crate) fn new(view: &View, track: &Track, outputs: &[Output]) -> Self {
        let mut slots = Self {
            float: track.is_float(),
            ..Self::default()
        };
        for output in outputs {
            let place = match view.features[output.feature].aggregate {
                Aggregate::Count => &mut slots.counts,
                Aggregate::Min => &mut slots.least,
                Aggregate::Max => &mut slots.greatest,
                Aggregate::First => &mut slots.first,
                Aggregate::Last => &mut slots.last,
                Aggregate::Sum if slots.float => &mut slots.sums,
                Aggregate::Mean if slots.float => &mut slots.means,
                Aggregate::Var if slots.float => &mut slots.vars,
                Aggregate::Std if slots.float => &mut slots.stds,
                _ => {
                    slots.others.push(*output);
                    continue;
                }
            };
            place.push(output.slot);
        }
        slots
    }

    /// Sets the values of a run in a row.
    #[inline]
    pub(crate) fn set(
        &self,
        view: &View,
        run: &Run,
        extent: Extent,
        ends: (Option<u64>, Option<u64>),
        row: &mut Row,
    ) {
        let mut set = |slots: &[usize], value: Option<u64>| {
            for &slot in slots {
                row.set(slot, value);
            }
        };
        let some = !extent.is_empty();
        set(&self.counts, Some(run.count));
        set(&self.least, some.then(|| extent.min(self.float)));
        set(&self.greatest, some.then(|| extent.max(self.float)));
        set(&self.first, ends.0);
        set(&self.last, ends.1);
        if !(self.sums.is_empty() && self.means.is_empty()) {
            let total = (run.count > 0).then(|| run.total());
            set(&self.sums, total.map(f64::to_bits));
            let mean = total.map(|total| total / run.count as f64);
            set(&self.means, mean.map(f64::to_bits));
        }
        if !(self.vars.is_empty() && self.stds.is_empty()) {
            let var = run.var();
            set(&self.vars, var.map(f64::to_bits));
            set(&self.stds, var.map(|var| var.sqrt().to_bits()));
        }
        for output in &self.others {
            let feature = &view.features[output.feature];
            let value = run.value(
                feature.aggregate,
                self.float,
                feature.over_us,
                feature.per_us,
            );
            row.put(output.slot, output.feature, value);
        }
    }
}
