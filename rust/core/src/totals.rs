//! Count and sums of a multiset of values: the part that can be taken back exactly.

use crate::aggregate::{Aggregate, Needs};
use crate::counts::Counts;
use crate::kind::Kind;
use crate::light::Run;
use crate::ratio::ratio;
use crate::sketch::Buckets;
use crate::sum::{Cubes, ExactSum, Moments, UNIT};
use crate::summary::number;
use crate::types::Type;

/// A sum beyond the range of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Running count and sums of values given as 64-bit words (see [`crate::column::Column::word`]).
///
/// A function of the multiset alone: adding and taking out commute exactly.
///
/// ```
/// use forerun_core::aggregate::{Aggregate, Needs};
/// use forerun_core::totals::Totals;
/// use forerun_core::types::Type;
///
/// let mut totals = Totals::new(Some(Type::Float), Needs { sum: true, ..Needs::default() });
/// [0.5f64, 0.25, 7.0].map(|minutes| totals.add(minutes.to_bits()));
/// totals.sub(7f64.to_bits());
/// assert_eq!(totals.value(Aggregate::Mean, None, 1), Ok(Some(0.375f64.to_bits())));
/// ```
#[derive(Clone, Debug)]
pub struct Totals {
    count: u64,
    sums: Sums,
}

/// The sums kept, by type of value and need.
#[derive(Clone, Debug)]
enum Sums {
    None,
    Whole(i128),
    WholeMoments(i128, Moments),
    Float(ExactSum),
    Moments(Moments),
    Cubes(bool, Box<Cubes>),
    Counts(Counts),
    Buckets(bool, Buckets),
}

impl Totals {
    /// Of no values, for counting only.
    pub const EMPTY: Self = Self {
        count: 0,
        sums: Sums::None,
    };

    /// Of no values of type `ty` (`None`: of events), of which none will be forgotten: in bounded memory.
    #[must_use]
    pub fn bounded(ty: Option<Type>, needs: Needs) -> Self {
        match needs.kind {
            // What is kept of them is their summary.
            Kind::Distinct(_) | Kind::Registers | Kind::Buckets => Self::EMPTY,
            _ => Self::new(ty, needs),
        }
    }

    /// Of no values of type `ty` (`None`: of events).
    #[must_use]
    pub fn new(ty: Option<Type>, needs: Needs) -> Self {
        let float = ty == Some(Type::Float);
        let sums = match needs.kind {
            Kind::Cubes => Some(Sums::Cubes(float, Box::default())),
            Kind::Counts | Kind::Distinct(_) | Kind::Registers => {
                Some(Sums::Counts(Counts::default()))
            }
            Kind::Buckets => Some(Sums::Buckets(float, Buckets::default())),
            _ => None,
        };
        if let Some(sums) = sums {
            return Self { count: 0, sums };
        }
        let sums = match (ty == Some(Type::Float), needs.sum, needs.moments) {
            (_, false, false) => Sums::None,
            (true, _, true) => Sums::Moments(Moments::new()),
            (true, _, false) => Sums::Float(ExactSum::new()),
            (false, _, true) => Sums::WholeMoments(0, Moments::new()),
            (false, _, false) => Sums::Whole(0),
        };
        Self { count: 0, sums }
    }

    /// Number of values.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Back to no values.
    #[inline]
    pub fn clear(&mut self) {
        self.count = 0;
        match &mut self.sums {
            Sums::None => {}
            Sums::Whole(sum) => *sum = 0,
            Sums::WholeMoments(sum, moments) => (*sum, *moments) = (0, Moments::new()),
            Sums::Float(sum) => *sum = ExactSum::new(),
            Sums::Moments(moments) => *moments = Moments::new(),
            Sums::Cubes(_, cubes) => **cubes = Cubes::new(),
            Sums::Counts(counts) => counts.clear(),
            Sums::Buckets(_, buckets) => buckets.clear(),
        }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.count += 1;
        match &mut self.sums {
            Sums::None => {}
            Sums::Whole(sum) => *sum += i128::from(word as i64),
            Sums::WholeMoments(sum, moments) => {
                *sum += i128::from(word as i64);
                moments.add(word as i64 as f64);
            }
            Sums::Float(sum) => sum.add(f64::from_bits(word)),
            Sums::Moments(moments) => moments.add(f64::from_bits(word)),
            Sums::Cubes(float, cubes) => cubes.add(number(*float, word)),
            Sums::Counts(counts) => counts.add(word),
            Sums::Buckets(float, buckets) => buckets.add(number(*float, word)),
        }
    }

    /// Takes out a value that was added before.
    #[inline]
    pub fn sub(&mut self, word: u64) {
        self.count -= 1;
        match &mut self.sums {
            Sums::None => {}
            Sums::Whole(sum) => *sum -= i128::from(word as i64),
            Sums::WholeMoments(sum, moments) => {
                *sum -= i128::from(word as i64);
                moments.sub(word as i64 as f64);
            }
            Sums::Float(sum) => sum.sub(f64::from_bits(word)),
            Sums::Moments(moments) => moments.sub(f64::from_bits(word)),
            Sums::Cubes(float, cubes) => cubes.sub(number(*float, word)),
            Sums::Counts(counts) => counts.sub(word),
            Sums::Buckets(float, buckets) => buckets.sub(number(*float, word)),
        }
    }

    /// Adds all values of another multiset of the same type and needs.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        match (&mut self.sums, &other.sums) {
            (Sums::Whole(sum), Sums::Whole(term)) => *sum += term,
            (Sums::WholeMoments(sum, moments), Sums::WholeMoments(term, more)) => {
                *sum += term;
                moments.merge(more);
            }
            (Sums::Float(sum), Sums::Float(term)) => sum.merge(term),
            (Sums::Moments(moments), Sums::Moments(more)) => moments.merge(more),
            (Sums::Cubes(_, cubes), Sums::Cubes(_, more)) => cubes.merge(more),
            (Sums::Counts(counts), Sums::Counts(more)) => counts.merge(more),
            (Sums::Buckets(_, buckets), Sums::Buckets(_, more)) => buckets.merge(more),
            (_, theirs) => debug_assert!(matches!(theirs, Sums::None)),
        }
    }

    /// Adds the values of a run.
    pub fn merge_run(&mut self, run: &Run) {
        self.count += run.count;
        match &mut self.sums {
            Sums::None => {}
            Sums::Whole(sum) => *sum += run.sum >> -UNIT,
            Sums::WholeMoments(sum, moments) => {
                *sum += run.sum >> -UNIT;
                moments.merge_run(run);
            }
            Sums::Float(sum) => sum.add_narrow_total(run.sum),
            Sums::Moments(moments) => moments.merge_run(run),
            Sums::Cubes(..) | Sums::Counts(_) | Sums::Buckets(..) => {
                debug_assert!(false, "no run is made of these");
            }
        }
    }

    /// Takes out all values of another multiset that is part of this one.
    pub fn unmerge(&mut self, other: &Self) {
        self.count -= other.count;
        match (&mut self.sums, &other.sums) {
            (Sums::Whole(sum), Sums::Whole(term)) => *sum -= term,
            (Sums::WholeMoments(sum, moments), Sums::WholeMoments(term, less)) => {
                *sum -= term;
                moments.unmerge(less);
            }
            (Sums::Float(sum), Sums::Float(term)) => sum.unmerge(term),
            (Sums::Moments(moments), Sums::Moments(less)) => moments.unmerge(less),
            (Sums::Cubes(_, cubes), Sums::Cubes(_, less)) => cubes.unmerge(less),
            (Sums::Counts(counts), Sums::Counts(less)) => counts.unmerge(less),
            (Sums::Buckets(_, buckets), Sums::Buckets(_, less)) => buckets.unmerge(less),
            (ours, theirs) => debug_assert!(matches!((ours, theirs), (Sums::None, Sums::None))),
        }
    }

    /// The aggregate as a word, null when there is nothing to aggregate. Rates need the window's length.
    pub fn value(
        &self,
        aggregate: Aggregate,
        over_us: Option<i64>,
        per_us: i64,
    ) -> Result<Option<u64>, Overflow> {
        if aggregate == Aggregate::Count {
            return Ok(Some(self.count));
        }
        if self.count == 0 {
            return Ok(None);
        }
        let float = match aggregate {
            Aggregate::Sum => match &self.sums {
                Sums::Whole(sum) | Sums::WholeMoments(sum, _) => {
                    return i64::try_from(*sum)
                        .map(|sum| Some(sum as u64))
                        .map_err(|_| Overflow);
                }
                _ => Some(self.float_sum()),
            },
            Aggregate::Mean => Some(match &self.sums {
                Sums::Whole(sum) | Sums::WholeMoments(sum, _) => ratio(*sum, self.count),
                _ => self.float_sum() / self.count as f64,
            }),
            Aggregate::Skew => match &self.sums {
                Sums::Cubes(_, cubes) => cubes.skew(),
                _ => None,
            },
            Aggregate::Var => self.moments().and_then(Moments::var),
            Aggregate::Std => self.moments().and_then(Moments::var).map(f64::sqrt),
            Aggregate::CountRate => {
                let scaled = i128::from(self.count) * i128::from(per_us);
                Some(ratio(scaled, over_us.unwrap_or(1).unsigned_abs()))
            }
            Aggregate::Rate => Some(self.rate(over_us.unwrap_or(1), per_us)),
            // These are not made of sums.
            _ => None,
        };
        match float {
            Some(value) if !value.is_finite() => Err(Overflow),
            value => Ok(value.map(f64::to_bits)),
        }
    }

    /// `sum / (over / per)`, rounded once for ints.
    fn rate(&self, over_us: i64, per_us: i64) -> f64 {
        let whole = match &self.sums {
            Sums::Whole(sum) | Sums::WholeMoments(sum, _) => Some(*sum),
            _ => None,
        };
        match whole.and_then(|sum| sum.checked_mul(per_us.into())) {
            Some(scaled) => ratio(scaled, over_us.unsigned_abs()),
            None => {
                let sum = whole.map_or_else(|| self.float_sum(), |sum| sum as f64);
                sum / (over_us as f64 / per_us as f64)
            }
        }
    }

    fn float_sum(&self) -> f64 {
        match &self.sums {
            Sums::Float(sum) => sum.value(),
            Sums::Moments(moments) => moments.sum(),
            _ => 0.0,
        }
    }

    fn moments(&self) -> Option<&Moments> {
        match &self.sums {
            Sums::WholeMoments(_, moments) | Sums::Moments(moments) => Some(moments),
            _ => None,
        }
    }

    /// Calls `change` on every value that is kept as it came.
    pub fn each_word(&mut self, change: &mut dyn FnMut(&mut u64)) {
        if let Sums::Counts(counts) = &mut self.sums {
            counts.each_word(change);
        }
    }

    /// How often each value occurs, when that is kept.
    #[must_use]
    pub fn counts(&self) -> Option<&Counts> {
        match &self.sums {
            Sums::Counts(counts) => Some(counts),
            _ => None,
        }
    }

    /// Values by bucket, when they are kept so.
    #[must_use]
    pub fn buckets(&self) -> Option<&Buckets> {
        match &self.sums {
            Sums::Buckets(_, buckets) => Some(buckets),
            _ => None,
        }
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.sums {
            Sums::Cubes(..) => size_of::<Cubes>(),
            Sums::Counts(counts) => counts.bytes(),
            Sums::Buckets(_, buckets) => buckets.bytes(),
            _ => 0,
        }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.count.to_le_bytes());
        match &self.sums {
            Sums::None => {}
            Sums::Whole(sum) => out.extend_from_slice(&sum.to_le_bytes()),
            Sums::WholeMoments(sum, moments) => {
                out.extend_from_slice(&sum.to_le_bytes());
                moments.write(out);
            }
            Sums::Float(sum) => sum.write(out),
            Sums::Moments(moments) => moments.write(out),
            Sums::Cubes(_, cubes) => cubes.write(out),
            Sums::Counts(counts) => counts.write(out),
            Sums::Buckets(_, buckets) => buckets.write(out),
        }
    }

    /// Reads what [`Totals::write`] wrote for the same type and needs; `None` when the bytes are not that.
    #[must_use]
    pub fn read(ty: Option<Type>, needs: Needs, bytes: &mut &[u8]) -> Option<Self> {
        let mut totals = Self::bounded(ty, needs);
        totals.count = u64::from_le_bytes(take(bytes)?);
        match &mut totals.sums {
            Sums::None => {}
            Sums::Whole(sum) => *sum = i128::from_le_bytes(take(bytes)?),
            Sums::WholeMoments(sum, moments) => {
                *sum = i128::from_le_bytes(take(bytes)?);
                *moments = Moments::read(bytes)?;
            }
            Sums::Float(sum) => *sum = ExactSum::read(bytes)?,
            Sums::Moments(moments) => *moments = Moments::read(bytes)?,
            Sums::Cubes(_, cubes) => **cubes = Cubes::read(bytes)?,
            Sums::Counts(counts) => *counts = Counts::read(bytes)?,
            Sums::Buckets(_, buckets) => *buckets = Buckets::read(bytes)?,
        }
        Some(totals)
    }
}

/// The next `N` bytes.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*chunk)
}
