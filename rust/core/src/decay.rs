//! Exponentially weighted sums that do not depend on order.

use std::collections::VecDeque;

use crate::sum::ExactSum;
use crate::summary::number;
use crate::totals::take;

/// Half-lives after which an event weighs nothing: less than 2^-64.
pub const PERIODS: i64 = 64;

/// Exact sums of `x 2^f` and of `2^f` for each half-life period, f being how far into it an event came.
///
/// An event's weight at t is `2^-((t - time) / half-life)`: what the age does to all events of a period alike
/// is left for the read, and what is left are sums of one rounded term per event, which are exact.
///
/// ```
/// use forerun_core::decay::Decay;
///
/// let mut visits = Decay::new(10, false);
/// [(0, 4), (10, 1)].map(|(time, value)| visits.push(time, value));
/// assert_eq!(visits.count(20), 0.75);
/// assert_eq!(visits.mean(20), Some(2.0)); // (4 / 4 + 1 / 2) / 0.75
/// ```
#[derive(Clone, Debug)]
pub struct Decay {
    half_life_us: i64,
    float: bool,
    /// Oldest first.
    periods: VecDeque<Period>,
}

#[derive(Clone, Debug)]
struct Period {
    number: i64,
    weights: ExactSum,
    values: ExactSum,
}

impl Decay {
    /// The most that [`Decay::bytes`] can be: the periods that weigh anything, in a ring that doubled.
    pub const BYTES_MAX: usize = 2 * (PERIODS as usize + 2) * size_of::<Period>();

    /// Of no events.
    #[must_use]
    pub fn new(half_life_us: i64, float: bool) -> Self {
        Self {
            half_life_us,
            float,
            periods: VecDeque::new(),
        }
    }

    /// Back to no events.
    pub fn clear(&mut self) {
        self.periods.clear();
    }

    /// Adds an event that is not older than the others.
    pub fn push(&mut self, time: i64, word: u64) {
        let period = time.div_euclid(self.half_life_us);
        let weight = libm::exp2(self.fraction(time));
        let value = number(self.float, word);
        // The largest doubles in halves, so that no term is infinite.
        let (term, times) = if value.abs() > 1e300 {
            (0.5 * value * weight, 2)
        } else {
            (value * weight, 1)
        };
        let period = self.period(period);
        period.weights.add(weight);
        (0..times).for_each(|_| period.values.add(term));
    }

    /// The newest period, made when new; periods that no read after its beginning sees are forgotten.
    fn period(&mut self, number: i64) -> &mut Period {
        if self.periods.back().is_none_or(|last| last.number < number) {
            self.periods.push_back(Period {
                number,
                weights: ExactSum::new(),
                values: ExactSum::new(),
            });
            while self
                .periods
                .front()
                .is_some_and(|first| first.number < number.saturating_sub(PERIODS))
            {
                self.periods.pop_front();
            }
        }
        let last = self.periods.len() - 1;
        &mut self.periods[last]
    }

    /// Adds events that are not older than the ones here.
    pub fn append(&mut self, newer: &Self) {
        for more in &newer.periods {
            let period = self.period(more.number);
            period.weights.merge(&more.weights);
            period.values.merge(&more.values);
        }
    }

    fn fraction(&self, time: i64) -> f64 {
        time.rem_euclid(self.half_life_us) as f64 / self.half_life_us as f64
    }

    /// Weights and weighted values as of the beginning of the newest period, and which that is; none when all are too old.
    fn sums(&self, t: i64) -> Option<(f64, f64, i64)> {
        let newest = self.periods.back()?.number;
        let oldest = t.div_euclid(self.half_life_us).saturating_sub(PERIODS);
        let seen = self.periods.iter().filter(|period| period.number >= oldest);
        // Oldest first: the sum is then smallest first.
        let (weights, values) = seen.fold((0.0, 0.0), |(weights, values), period| {
            let scale = libm::scalbn(1.0, (period.number - newest) as i32);
            (
                weights + period.weights.value() * scale,
                values + period.values.value() * scale,
            )
        });
        (weights > 0.0).then_some((weights, values, newest))
    }

    /// The weighted number of events at `t`, which is not before any of them.
    #[must_use]
    pub fn count(&self, t: i64) -> f64 {
        self.sums(t).map_or(0.0, |(weights, _, newest)| {
            let periods = newest - t.div_euclid(self.half_life_us);
            let age = libm::scalbn(1.0, periods as i32);
            weights * age * libm::exp2(-self.fraction(t))
        })
    }

    /// The weighted mean of values at `t`, which is not before any of them; none without events.
    #[must_use]
    pub fn mean(&self, t: i64) -> Option<f64> {
        self.sums(t).map(|(weights, values, _)| values / weights)
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.periods.capacity() * size_of::<Period>()
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.periods.len() as u32).to_le_bytes());
        for period in &self.periods {
            out.extend_from_slice(&period.number.to_le_bytes());
            period.weights.write(out);
            period.values.write(out);
        }
    }

    /// Reads what [`Decay::write`] wrote; `None` when the bytes are not that.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Option<()> {
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let number = i64::from_le_bytes(take(bytes)?);
            if self
                .periods
                .back()
                .is_some_and(|last| last.number >= number)
            {
                return None;
            }
            let weights = ExactSum::read(bytes)?;
            let values = ExactSum::read(bytes)?;
            self.periods.push_back(Period {
                number,
                weights,
                values,
            });
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(events: &[(i64, f64)], half_life: i64, t: i64) -> (f64, f64) {
        let weight = |time: i64| 2f64.powf(-((t - time) as f64) / half_life as f64);
        let count: f64 = events.iter().map(|&(time, _)| weight(time)).sum();
        let sum: f64 = events.iter().map(|&(time, x)| weight(time) * x).sum();
        (count, sum / count)
    }

    #[test]
    fn sums_are_those_of_weighing_every_event() {
        let events: Vec<(i64, f64)> = (0..400)
            .map(|at| (at * 37 - 3000, ((at * 31) % 17) as f64 - 5.5))
            .collect();
        for half_life in [50, 777, 100_000] {
            let mut decay = Decay::new(half_life, true);
            for &(time, x) in &events {
                decay.push(time, x.to_bits());
            }
            for t in [11_763, 11_800, 12_500] {
                let (count, mean) = naive(&events, half_life, t);
                assert!((decay.count(t) - count).abs() <= 1e-13 * count);
                let found = decay.mean(t).expect("events");
                assert!((found - mean).abs() <= 1e-12, "{found} {mean}");
            }
        }
    }

    #[test]
    fn the_first_and_the_last_time_there_is_are_times() {
        let mut decay = Decay::new(1, false);
        decay.push(i64::MIN, 3);
        assert_eq!(
            (decay.count(i64::MIN), decay.mean(i64::MIN)),
            (1.0, Some(3.0))
        );
        decay.push(i64::MIN + 1, 6);
        assert_eq!(decay.count(i64::MIN + 1), 1.5);
        assert_eq!(decay.count(i64::MAX), 0.0);
        decay.push(i64::MAX, 6);
        assert_eq!((decay.count(i64::MAX), decay.periods.len()), (1.0, 1));
    }

    #[test]
    fn what_is_older_than_64_half_lives_weighs_nothing() {
        let mut decay = Decay::new(10, false);
        decay.push(5, 3);
        assert!(decay.count(649) > 0.0);
        assert_eq!((decay.count(650), decay.mean(650)), (0.0, None));
        decay.push(650, 3);
        assert_eq!(decay.periods.len(), 1);
        let mut extreme = Decay::new(10, true);
        extreme.push(0, f64::MAX.to_bits());
        assert_eq!(extreme.mean(9), Some(f64::MAX));
        extreme.push(9, f64::MAX.to_bits());
        extreme.push(9, (-f64::MAX).to_bits());
        assert!(extreme.mean(9).is_some_and(|mean| mean < f64::MAX));
    }
}
