//! What is known of a run of values: everything any aggregate is computed from.

use crate::aggregate::{Aggregate, Needs};
use crate::extent::Extent;
use crate::light::Run;
use crate::summary::Summary;
use crate::totals::{Overflow, Totals, take};
use crate::types::Type;

/// Totals, extremes and ends of values that come in order of (event time, partition, offset).
///
/// ```
/// use forerun_core::accumulator::Accumulator;
/// use forerun_core::aggregate::{Aggregate, Needs};
/// use forerun_core::types::Type;
///
/// let needs = Needs { extrema: true, ends: true, ..Needs::default() };
/// let mut visits = Accumulator::new(Some(Type::Int), needs);
/// visits.push_newest(7);
/// visits.push_newest(5);
/// visits.push_oldest(6);
/// assert_eq!(visits.value(Aggregate::Max, None, 1), Ok(Some(7)));
/// assert_eq!(visits.value(Aggregate::First, None, 1), Ok(Some(6)));
/// assert_eq!(visits.value(Aggregate::Last, None, 1), Ok(Some(5)));
/// ```
#[derive(Clone, Debug)]
pub struct Accumulator {
    totals: Totals,
    float: bool,
    needs: Needs,
    extent: Extent,
    first: u64,
    last: u64,
    summary: Option<Box<Summary>>,
}

/// Totals, extent and ends of some values, wherever they were found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Count and sums.
    pub totals: &'a Totals,
    /// Smallest and largest.
    pub extent: Extent,
    /// Oldest value.
    pub first: Option<u64>,
    /// Newest value.
    pub last: Option<u64>,
}

impl Found<'_> {
    /// The aggregate as a word, null when there is nothing to aggregate.
    #[inline]
    pub fn value(
        &self,
        aggregate: Aggregate,
        float: bool,
        over_us: Option<i64>,
        per_us: i64,
    ) -> Result<Option<u64>, Overflow> {
        match aggregate {
            Aggregate::Min => Ok((!self.extent.is_empty()).then(|| self.extent.min(float))),
            Aggregate::Max => Ok((!self.extent.is_empty()).then(|| self.extent.max(float))),
            Aggregate::First => Ok(self.first),
            Aggregate::Last => Ok(self.last),
            _ => self.totals.value(aggregate, over_us, per_us),
        }
    }
}

impl Accumulator {
    /// Of no values of type `ty` (`None`: of events).
    #[must_use]
    pub fn new(ty: Option<Type>, needs: Needs) -> Self {
        Self {
            totals: Totals::bounded(ty, needs),
            float: ty == Some(Type::Float),
            needs,
            extent: Extent::EMPTY,
            first: 0,
            last: 0,
            summary: Summary::new(needs.kind, ty == Some(Type::Float)).map(Box::new),
        }
    }

    /// Back to no values.
    #[inline]
    pub fn clear(&mut self) {
        self.totals.clear();
        (self.extent, self.first, self.last) = (Extent::EMPTY, 0, 0);
        if let Some(summary) = &mut self.summary {
            summary.clear();
        }
    }

    /// Adds the value of an event at a time, after all others.
    #[inline]
    pub fn push_at(&mut self, time: i64, word: u64) {
        if let Some(summary) = &mut self.summary {
            summary.push(time, word);
        }
        self.push_last(word);
    }

    /// Adds a value after all others, where it does not matter when.
    #[inline]
    pub fn push_newest(&mut self, word: u64) {
        self.push_at(0, word);
    }

    #[inline]
    fn push_last(&mut self, word: u64) {
        if self.needs.ends {
            if self.totals.count() == 0 {
                self.first = word;
            }
            self.last = word;
        }
        self.push(word);
    }

    /// Adds a value before all others.
    #[inline]
    pub fn push_oldest(&mut self, word: u64) {
        if self.needs.ends {
            if self.totals.count() == 0 {
                self.last = word;
            }
            self.first = word;
        }
        self.push(word);
    }

    #[inline]
    fn push(&mut self, word: u64) {
        self.totals.add(word);
        if self.needs.extrema {
            self.extent.include(self.float, word);
        }
    }

    /// Number of values.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.totals.count()
    }

    /// Smallest and largest.
    #[inline]
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Adds a run of values that all come after the ones here: its totals, extent, and ends (if there are any).
    pub fn extend_run(&mut self, run: &Run, extent: Extent, ends: Option<(u64, u64)>) {
        self.extend(&Totals::EMPTY, extent, ends);
        self.totals.merge_run(run);
    }

    /// Adds values that all come after the ones here: their totals, extent, and ends (if there are any).
    pub fn extend(&mut self, totals: &Totals, extent: Extent, ends: Option<(u64, u64)>) {
        if let Some((first, last)) = ends {
            if self.totals.count() == 0 {
                self.first = first;
            }
            self.last = last;
        }
        self.totals.merge(totals);
        self.extent = self.extent.with(extent);
    }

    /// Adds the values of another of the same type and needs, which all come after the ones here.
    pub fn append(&mut self, newer: &Self) {
        let some = newer.totals.count() > 0;
        let ends = some.then_some((newer.first, newer.last));
        self.extend(&newer.totals, newer.extent, ends);
        if let (Some(summary), Some(more)) = (&mut self.summary, &newer.summary) {
            summary.append(more);
        }
    }

    /// Totals of the values.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What else is known of them.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_deref()
    }

    /// Calls `change` on every value that is kept as it came.
    pub fn each_word(&mut self, change: &mut dyn FnMut(&mut u64)) {
        if self.needs.ends {
            change(&mut self.first);
            change(&mut self.last);
        }
        self.totals.each_word(change);
        if let Some(summary) = &mut self.summary {
            summary.each_word(change);
        }
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.totals.bytes() + self.summary.as_ref().map_or(0, |summary| summary.bytes())
    }

    /// What aggregates are computed from.
    #[inline]
    #[must_use]
    pub fn found(&self) -> Found<'_> {
        let some = self.totals.count() > 0;
        Found {
            totals: &self.totals,
            extent: self.extent,
            first: some.then_some(self.first),
            last: some.then_some(self.last),
        }
    }

    /// The aggregate as a word, null when there is nothing to aggregate.
    #[inline]
    pub fn value(
        &self,
        aggregate: Aggregate,
        over_us: Option<i64>,
        per_us: i64,
    ) -> Result<Option<u64>, Overflow> {
        self.found().value(aggregate, self.float, over_us, per_us)
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.totals.write(out);
        if self.needs.extrema {
            self.extent.write(out);
        }
        if self.needs.ends {
            out.extend_from_slice(&self.first.to_le_bytes());
            out.extend_from_slice(&self.last.to_le_bytes());
        }
        if let Some(summary) = &self.summary {
            summary.write(out);
        }
    }

    /// Reads what [`Accumulator::write`] wrote for the same type and needs; `None` when the bytes are not that.
    #[must_use]
    pub fn read(ty: Option<Type>, needs: Needs, bytes: &mut &[u8]) -> Option<Self> {
        let mut read = Self::new(ty, needs);
        read.totals = Totals::read(ty, needs, bytes)?;
        if needs.extrema {
            read.extent = Extent::read(bytes)?;
        }
        if needs.ends {
            read.first = u64::from_le_bytes(take(bytes)?);
            read.last = u64::from_le_bytes(take(bytes)?);
        }
        if let Some(summary) = read.summary.take() {
            read.summary = Some(Box::new(summary.read(bytes)?));
        }
        Some(read)
    }
}
