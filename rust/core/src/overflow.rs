//! Values that cannot be computed, most of them beyond the range of their type: served null, and the step says which.

use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch, StringArray};

use crate::error::Result;
use crate::plan::{Plan, View};
use crate::row::Row;
use crate::step::batch;

/// Where a value that could not be computed was served null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Of a read, the vector.
    pub vector: Option<usize>,
    /// Of a closed window, its emitter.
    pub emitter: Option<usize>,
    /// The row of that vector's or emitter's batch.
    pub row: usize,
    /// View and feature, by the names that people know: a hidden feature goes by that of the one made from it, a
    /// part of a view over several streams by that of the view.
    pub feature: String,
    /// What a function that failed said.
    pub why: Option<Box<str>>,
}

/// All of them, as they are found.
///
/// ```
/// use forerun_core::overflow::Overflows;
/// use forerun_core::plan::{EMITTERS, Plan};
///
/// let mut overflows = Overflows::default();
/// overflows.windows(0, vec![(3, 0, None)]);
/// let plan = Plan::compile(EMITTERS).unwrap();
/// assert_eq!(overflows.listed(&plan)[0].row, 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Overflows {
    /// Vector, row, view, feature; and what a function that failed said.
    reads: Vec<([usize; 4], Option<Box<str>>)>,
    /// Emitter, row, feature; and the same.
    windows: Vec<([usize; 3], Option<Box<str>>)>,
}

impl Overflows {
    /// Takes in what a read of a vector's lookup found.
    #[cold]
    pub(crate) fn read(&mut self, vector: usize, row: usize, view: usize, values: &mut Row) {
        let features = values.take_overflown().into_iter();
        self.reads
            .extend(features.map(|(feature, why)| ([vector, row, view, feature], why)));
    }

    /// Takes in what the closed windows of an emitter have, by row and feature, with what a function said.
    pub fn windows(&mut self, emitter: usize, found: Vec<(usize, usize, Option<Box<str>>)>) {
        let found = found.into_iter();
        self.windows
            .extend(found.map(|(row, feature, why)| ([emitter, row, feature], why)));
    }

    /// Takes what another thread found.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.reads.append(&mut other.reads);
        self.windows.append(&mut other.windows);
    }

    /// All of them, in an order that does not depend on who found what first.
    #[must_use]
    pub fn listed(mut self, plan: &Plan) -> Vec<Overflow> {
        if self.reads.is_empty() && self.windows.is_empty() {
            return Vec::new();
        }
        self.reads.sort_unstable();
        self.windows.sort_unstable();
        let name = |view: &View, feature: usize| {
            let known = |name: &str| name.split('#').next().unwrap_or_default().to_owned();
            let feature = &view.features[feature].name;
            format!("{}.{}", known(&view.name), known(feature))
        };
        let reads = self
            .reads
            .into_iter()
            .map(|([vector, row, view, feature], why)| Overflow {
                vector: Some(vector),
                emitter: None,
                row,
                feature: name(&plan.views[view], feature),
                why,
            });
        let windows = self
            .windows
            .into_iter()
            .map(|([emitter, row, feature], why)| Overflow {
                vector: None,
                emitter: Some(emitter),
                row,
                feature: name(&plan.emitters[emitter].view, feature),
                why,
            });
        let mut all: Vec<_> = reads.chain(windows).collect();
        // Several hidden features may go by one name: it is told once, with what any of them says.
        all.dedup_by(|one, kept| {
            let place = |one: &Overflow| (one.vector, one.emitter, one.row);
            let same = place(one) == place(kept) && one.feature == kept.feature;
            if same && kept.why.is_none() {
                kept.why = one.why.take();
            }
            same
        });
        all
    }

    /// The same as a batch: vector, emitter, row, feature, why.
    pub fn finish(self, plan: &Plan) -> Result<RecordBatch> {
        let rows = self.listed(plan);
        let column = |pick: fn(&Overflow) -> Option<usize>| {
            let numbers = rows.iter().map(|row| pick(row).map(|number| number as i32));
            Arc::new(numbers.collect::<Int32Array>())
        };
        let names = rows.iter().map(|row| Some(&row.feature));
        let whys = rows.iter().map(|row| row.why.as_deref());
        batch(vec![
            ("vector", true, column(|row| row.vector)),
            ("emitter", true, column(|row| row.emitter)),
            ("row", false, column(|row| Some(row.row))),
            ("feature", false, Arc::new(names.collect::<StringArray>())),
            ("why", true, Arc::new(whys.collect::<StringArray>())),
        ])
    }
}
