//! What is known of a run of values: everything any aggregate is computed from.

use crate::aggregate::{Aggregate, Needs};
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
    least: i64,
    greatest: i64,
    first: u64,
    last: u64,
}

impl Accumulator {
    /// Of no values of type `ty` (`None`: of events).
    #[must_use]
    pub fn new(ty: Option<Type>, needs: Needs) -> Self {
        Self {
            totals: Totals::new(ty, needs),
            float: ty == Some(Type::Float),
            needs,
            least: i64::MAX,
            greatest: i64::MIN,
            first: 0,
            last: 0,
        }
    }

    /// Back to no values.
    #[inline]
    pub fn clear(&mut self) {
        self.totals.clear();
        (self.least, self.greatest, self.first, self.last) = (i64::MAX, i64::MIN, 0, 0);
    }

    /// Adds a value after all others.
    #[inline]
    pub fn push_newest(&mut self, word: u64) {
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
            let rank = rank(self.float, word);
            self.least = self.least.min(rank);
            self.greatest = self.greatest.max(rank);
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
        let some = self.totals.count() > 0;
        match aggregate {
            Aggregate::Min => Ok(some.then(|| word(self.float, self.least))),
            Aggregate::Max => Ok(some.then(|| word(self.float, self.greatest))),
            Aggregate::First => Ok(some.then_some(self.first)),
            Aggregate::Last => Ok(some.then_some(self.last)),
            _ => self.totals.value(aggregate, over_us, per_us),
        }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.totals.write(out);
        if self.needs.extrema {
            out.extend_from_slice(&self.least.to_le_bytes());
            out.extend_from_slice(&self.greatest.to_le_bytes());
        }
        if self.needs.ends {
            out.extend_from_slice(&self.first.to_le_bytes());
            out.extend_from_slice(&self.last.to_le_bytes());
        }
    }

    /// Reads what [`Accumulator::write`] wrote for the same type and needs; `None` when the bytes are not that.
    #[must_use]
    pub fn read(ty: Option<Type>, needs: Needs, bytes: &mut &[u8]) -> Option<Self> {
        let mut read = Self::new(ty, needs);
        read.totals = Totals::read(ty, needs, bytes)?;
        if needs.extrema {
            read.least = i64::from_le_bytes(take(bytes)?);
            read.greatest = i64::from_le_bytes(take(bytes)?);
        }
        if needs.ends {
            read.first = u64::from_le_bytes(take(bytes)?);
            read.last = u64::from_le_bytes(take(bytes)?);
        }
        Some(read)
    }
}

/// An integer that orders like the value: floats in total order, so -0.0 is below 0.0 and ties are defined.
#[inline]
#[must_use]
pub fn rank(float: bool, word: u64) -> i64 {
    let bits = word as i64;
    if float { bits ^ ((bits >> 63) as u64 >> 1) as i64 } else { bits }
}

/// The value of a rank; [`rank`] is its own inverse.
#[inline]
#[must_use]
pub fn word(float: bool, rank: i64) -> u64 {
    self::rank(float, rank as u64) as u64
}
