//! Reads of windows that closed, and of all values of a window.

use crate::accumulator::Accumulator;
use crate::buffer::Events;
use crate::plan::{Feature, View};
use crate::read_valued::{Value, Window};
use crate::summary::{Summary, number};
use crate::totals::{Overflow, Totals};

/// The value of a feature of a window of which only totals are kept: at its end, `t`.
///
/// `nothing` are the totals of no values.
pub(crate) fn closed(
    view: &View,
    feature: &Feature,
    nothing: &Totals,
    all: &Accumulator,
    t: i64,
) -> Result<Value, Overflow> {
    let events = Events::default();
    let track = &view.tracks[view.spans[feature.span].track];
    let window = Window {
        life: Some(all),
        t,
        ..Window::without_events(view, track, &events, nothing)
    };
    window.value(feature)
}

impl Window<'_> {
    /// What a function makes of all values and their times.
    pub(crate) fn custom(&self, feature: &Feature) -> Value {
        let float = self.track.is_float();
        let settled = match self.life.and_then(Accumulator::summary) {
            Some(Summary::Values(settled)) => &settled[..],
            _ => &[],
        };
        let value = |at| Some((self.kept.time(at), self.track.value(self.kept.row(at))?));
        let all = settled.iter().copied();
        let all = all.chain(self.run.clone().filter_map(value));
        let (values, times): (Vec<f64>, Vec<i64>) =
            all.map(|(time, word)| (number(float, word), time)).unzip();
        match &feature.call {
            Some(call) => match call.value(&values, &times, self.t) {
                Ok(value) => Value::Word(value.map(f64::to_bits)),
                Err(why) => Value::Failed(why.into()),
            },
            None => Value::Word(None),
        }
    }
}
