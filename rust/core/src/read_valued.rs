//! Reads of aggregates that are made of the values themselves and not of plain totals.

use std::ops::Range;

use crate::accumulator::Accumulator;
use crate::aggregate::Aggregate;
use crate::buffer::Events;
use crate::counts::{Counts, mix};
use crate::entity::Entity;
use crate::index::Index;
use crate::kept::Kept;
use crate::kind::Kind;
use crate::list::List;
use crate::plan::{Feature, Track, View};
use crate::reading::{Output, Settled, SpanReading, TrackReading};
use crate::row::Row;
use crate::summary::{EXACT_MAX, Summary, number, quantile};
use crate::totals::{Overflow, Totals};

/// What a read finds of one span: the events of its window that are kept, and what is left of those before.
pub(crate) struct Window<'a> {
    pub(crate) kept: Kept<'a>,
    pub(crate) track: &'a Track,
    pub(crate) run: Range<usize>,
    pub(crate) index: Option<&'a Index>,
    pub(crate) totals: &'a Totals,
    pub(crate) life: Option<&'a Accumulator>,
    pub(crate) t: i64,
}

/// A value that is no list, or a list; or what a function said that failed.
pub(crate) enum Value {
    Word(Option<u64>),
    List(List),
    Failed(Box<str>),
}

impl TrackReading {
    /// Sets the values of all spans.
    pub(crate) fn read_valued(
        &mut self,
        view: &View,
        entity: &mut Entity,
        t: i64,
        runs: &[Range<usize>],
        row: &mut Row,
    ) {
        let track = &self.track;
        for span in &self.spans {
            let run = runs[span.window].clone();
            prepare(view, track, entity, span, &run);
            let (index, events) = entity.indexed();
            let kept = index.map_or_else(
                || Kept {
                    view,
                    events,
                    first: 0,
                },
                |index| index.kept(view, events),
            );
            let own;
            let totals = match index.and_then(|index| index.totals(span.span)) {
                Some(totals) if !track.needs.kind.light() => totals,
                _ => {
                    own = added(kept, track, run.clone());
                    &own
                }
            };
            let life = match span.settled {
                Settled::Life(place) => entity.life(place),
                _ => None,
            };
            let window = Window {
                kept,
                track,
                run,
                index,
                totals,
                life,
                t,
            };
            set(view, &window, &span.outputs, row);
        }
    }

    /// Sets the values of an entity without events.
    pub(crate) fn read_valueless(&mut self, view: &View, row: &mut Row) {
        let events = Events::default();
        let totals = self.track.totals();
        for span in &self.spans {
            let window = Window::without_events(view, &self.track, &events, &totals);
            set(view, &window, &span.outputs, row);
        }
    }
}

/// Brings what is derived from many events to the run that will be looked at.
fn prepare(
    view: &View,
    track: &Track,
    entity: &mut Entity,
    span: &SpanReading,
    run: &Range<usize>,
) {
    let kind = track.needs.kind;
    if let Some((index, events)) = entity.index() {
        let kept = index.kept(view, events);
        if !kind.light() {
            index.cursors().totals(kept, span.span, run.clone());
        }
        if kind.skips() && (track.condition.is_some() || kind == Kind::Streak) {
            index.rank(kept);
        }
    }
}

/// Totals of a short run; of kinds that have none, its count is not looked at.
fn added(kept: Kept<'_>, track: &Track, run: Range<usize>) -> Totals {
    let mut totals = track.totals();
    if !track.needs.kind.light() {
        for value in run.filter_map(|at| track.value(kept.row(at))) {
            totals.add(value);
        }
    }
    totals
}

fn set(view: &View, window: &Window<'_>, outputs: &[Output], row: &mut Row) {
    for output in outputs {
        let feature = &view.features[output.feature];
        match window.value(feature) {
            Ok(Value::Word(word)) => {
                let finite = feature.ty != crate::types::Type::Float
                    || word.is_none_or(|word| f64::from_bits(word).is_finite());
                let value = if finite { Ok(word) } else { Err(Overflow) };
                row.put(output.slot, output.feature, value);
            }
            Ok(Value::List(list)) => row.set_list(output.slot, list),
            Ok(Value::Failed(why)) => row.fail(output.slot, output.feature, why),
            Err(overflow) => row.put(output.slot, output.feature, Err(overflow)),
        }
    }
}

impl<'a> Window<'a> {
    pub(crate) fn without_events(
        view: &'a View,
        track: &'a Track,
        events: &'a Events,
        totals: &'a Totals,
    ) -> Self {
        let first = 0;
        Self {
            kept: Kept {
                view,
                events,
                first,
            },
            track,
            run: 0..0,
            index: None,
            totals,
            life: None,
            t: 0,
        }
    }

    pub(crate) fn value(&self, feature: &Feature) -> Result<Value, Overflow> {
        let params = &feature.params;
        let float = |value: Option<f64>| Value::Word(value.map(f64::to_bits));
        Ok(match feature.aggregate {
            Aggregate::Distinct | Aggregate::ApproxDistinct => {
                let distinct = self.distinct();
                let most = params.max.map_or(u64::MAX, |max| max as u64);
                Value::Word(Some(distinct.min(most)))
            }
            Aggregate::Quantile => float(self.quantile(params.q)),
            Aggregate::Streak => Value::Word(Some(self.streak())),
            Aggregate::EwmCount => float(Some(
                self.decayed(|decay, t| Some(decay.count(t))).unwrap_or(0.0),
            )),
            Aggregate::EwmMean => float(self.decayed(crate::decay::Decay::mean)),
            Aggregate::FirstN => Value::List(List::of(self.oldest(params.n))),
            Aggregate::LastN => Value::List(List::of(self.newest(params.n))),
            Aggregate::Custom => self.custom(feature),
            Aggregate::Histogram => {
                let bins = 0..=params.edges.len() as u64;
                Value::List(List::of(bins.map(|bin| self.occurrences(bin)).collect()))
            }
            Aggregate::TopK => Value::List(List::ranked(self.all_counts(), feature)),
            aggregate => Value::Word(self.of_totals(aggregate)?),
        })
    }

    /// An aggregate of totals that are like those of plain tracks but for their kind.
    fn of_totals(&self, aggregate: Aggregate) -> Result<Option<u64>, Overflow> {
        match self.life {
            None => self.totals.value(aggregate, None, 1),
            Some(life) => {
                let mut all = life.totals().clone();
                all.merge(self.totals);
                all.value(aggregate, None, 1)
            }
        }
    }

    fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.totals.counts().into_iter().flat_map(Counts::iter)
    }

    /// How often a value occurs.
    fn occurrences(&self, value: u64) -> u64 {
        let settled = self.life.and_then(|life| life.totals().counts());
        let counts = [self.totals.counts(), settled].into_iter().flatten();
        counts.map(|counts| counts.of(value)).sum()
    }

    fn all_counts(&self) -> Vec<(u64, u64)> {
        match self.life.and_then(|life| life.totals().counts()) {
            None => self.counts().collect(),
            Some(settled) if self.totals.count() == 0 => settled.iter().collect(),
            Some(settled) => {
                let mut all = settled.clone();
                self.totals
                    .counts()
                    .into_iter()
                    .for_each(|more| all.merge(more));
                all.iter().collect()
            }
        }
    }

    /// Number of distinct values: of settled events what their summary tells.
    fn distinct(&self) -> u64 {
        let kept = || self.counts().map(|(value, _)| mix(value));
        match self.life.and_then(Accumulator::summary) {
            Some(Summary::Distinct(max, hashes)) => {
                if hashes.len() == *max {
                    return *max as u64;
                }
                let new = kept().filter(|hash| !hashes.contains(hash)).count();
                (hashes.len() + new) as u64
            }
            Some(Summary::Registers(registers)) => {
                if kept().all(|hash| registers.holds(hash)) {
                    return registers.estimate();
                }
                let mut all = registers.clone();
                kept().for_each(|hash| all.add(hash));
                all.estimate()
            }
            _ => match self.life.and_then(|life| life.totals().counts()) {
                Some(settled) if self.totals.count() == 0 => settled.distinct() as u64,
                Some(_) => self.all_counts().len() as u64,
                None => self.totals.counts().map_or(0, Counts::distinct) as u64,
            },
        }
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        let float = self.track.is_float();
        let count = self.totals.count() + self.life.map_or(0, Accumulator::count);
        let settled = match self.life.and_then(Accumulator::summary) {
            Some(Summary::Quantiles(settled)) => Some(settled),
            _ => None,
        };
        let few = || {
            let old = settled.map_or(&[][..], |settled| settled.few());
            let new = self.newest(EXACT_MAX);
            let words = old.iter().copied().chain(new);
            words.map(|word| number(float, word)).collect()
        };
        let many = |rank| {
            let new = self.totals.buckets()?;
            match settled {
                None => new.nth(rank),
                Some(settled) => settled.both(new, rank),
            }
        };
        quantile(q, count, few, many)
    }

    /// The last value before a position, and where it is.
    fn previous(&self, end: usize) -> Option<(usize, u64)> {
        let run = self.run.start..end;
        if self.track.condition.is_some()
            && let Some(ranks) = self.index.and_then(Index::ranked)
        {
            return ranks.previous(self.kept, self.track, run);
        }
        let mut positions = run.rev();
        positions.find_map(|at| Some((at, self.track.value(self.kept.row(at))?)))
    }

    /// The newest values of the window, oldest first.
    fn newest(&self, most: usize) -> Vec<u64> {
        let mut words = Vec::new();
        let mut end = self.run.end;
        while words.len() < most
            && let Some((at, word)) = self.previous(end)
        {
            words.push(word);
            end = at;
        }
        if let Some(Summary::Newest(_, settled)) = self.life.and_then(Accumulator::summary) {
            let room = most - words.len();
            words.extend(settled.iter().rev().take(room));
        }
        words.reverse();
        words
    }

    /// The oldest values of the window, oldest first.
    fn oldest(&self, most: usize) -> Vec<u64> {
        let mut words = self
            .life
            .and_then(Accumulator::summary)
            .map_or(Vec::new(), Summary::list);
        let mut start = self.run.start;
        let ranks = self.index.and_then(Index::ranked);
        while words.len() < most {
            let run = start..self.run.end;
            let found = match ranks.filter(|_| self.track.condition.is_some()) {
                Some(ranks) => ranks.next(self.kept, self.track, run),
                None => run
                    .into_iter()
                    .find_map(|at| Some((at, self.track.value(self.kept.row(at))?))),
            };
            let Some((at, word)) = found else { break };
            words.push(word);
            start = at + 1;
        }
        words
    }

    /// How many of the newest values are true.
    fn streak(&self) -> u64 {
        let (mut end, mut run) = (self.run.end, 0);
        // Most streaks are short.
        for _ in 0..16 {
            match self.previous(end) {
                Some((at, 1)) => (end, run) = (at, run + 1),
                Some(_) => return run,
                None => return run + self.settled_streak(),
            }
        }
        let Some((index, ranks)) = self.index.and_then(|index| Some((index, index.ranked()?)))
        else {
            while let Some((at, word)) = self.previous(end) {
                if word == 0 {
                    return run;
                }
                (end, run) = (at, run + 1);
            }
            return run + self.settled_streak();
        };
        // The smallest value of a run is 0 when one of them is false: look in doubling steps, then halve.
        let has_false = |from: usize, to: usize| {
            let extent = ranks.extent(self.kept, self.track, from..to);
            !extent.is_empty() && extent.min(false) == 0
        };
        let (mut low, mut high, mut step) = (end, end, 16);
        while low > self.run.start {
            low = low.saturating_sub(step).max(self.run.start);
            if has_false(low, high) {
                break;
            }
            (high, step) = (low, step * 2);
        }
        if low == high {
            return run + self.count(low, end, index) + self.settled_streak();
        }
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if has_false(middle, high) {
                low = middle;
            } else {
                high = middle;
            }
        }
        run + self.count(high, end, index)
    }

    fn settled_streak(&self) -> u64 {
        match self.life.and_then(Accumulator::summary) {
            Some(Summary::Streak(_, run)) => *run,
            _ => 0,
        }
    }

    /// Number of values in a run of positions.
    fn count(&self, start: usize, end: usize, index: &Index) -> u64 {
        if self.track.condition.is_none() {
            return (end - start) as u64;
        }
        match index.prefix() {
            Some(prefix) => {
                let upto = |at| prefix.upto(self.kept, self.track, at);
                upto(end).without(&upto(start)).count
            }
            None => (start..end)
                .filter(|&at| self.track.value(self.kept.row(at)).is_some())
                .count() as u64,
        }
    }

    fn decayed(&self, value: fn(&crate::decay::Decay, i64) -> Option<f64>) -> Option<f64> {
        let Some(Summary::Decay(settled)) = self.life.and_then(Accumulator::summary) else {
            return None;
        };
        if self.run.is_empty() {
            return value(settled, self.t);
        }
        let mut all = settled.clone();
        for at in self.run.clone() {
            if let Some(word) = self.track.value(self.kept.row(at)) {
                all.push(self.kept.time(at), word);
            }
        }
        value(&all, self.t)
    }
}
