//! How many bytes an entity of a view can take at most.

use crate::accumulator::Accumulator;
use crate::counts::Counts;
use crate::cursors::Cursors;
use crate::decay::Decay;
use crate::entity::{Entity, INDEX_MIN};
use crate::index::Index;
use crate::kind::Kind;
use crate::marks::Marks;
use crate::pass::HORIZON_ROWS;
use crate::peaks::Peaks;
use crate::plan::{Plan, Span, View};
use crate::ranks::Ranks;
use crate::shard::Shard;
use crate::sketch::{Buckets, Registers};
use crate::sum::Cubes;
use crate::summary::{EXACT_MAX, Summary};
use crate::tiles::Tiles;
use crate::types::Type;
use crate::view::SHARDS;
use crate::window::Window;

/// The bound of one view, from how its structures grow: vectors double, and at most half of one is dropped events.
///
/// Left out are texts and keys that are long (each distinct one is kept once), and the limbs of sums of very large or
/// very small values.
///
/// ```
/// use forerun_core::memory::Memory;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let plan = Plan::compile(EXAMPLE).unwrap();
/// let memory = Memory::of(&plan, 0);
/// assert_eq!(memory.span_us, 110); // a window of 100, and a lateness of 10
/// assert!(memory.bytes(1000) < 1000 * 200);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes of an entity with few events, and for each of them.
    pub few: (usize, usize),
    /// The same for one with so many that they are indexed.
    pub many: (usize, usize),
    /// From how many events on.
    pub many_from: usize,
    /// Within how long a time events are kept: the reach of the longest window and the lateness.
    pub span_us: i64,
    /// How many more are kept, however old.
    pub newest: usize,
    /// How many more may be there before it is noticed that they are not needed.
    pub unnoticed: usize,
    /// How long events may wait for a slower stream that reads the view, on top of all.
    pub waits_us: i64,
    /// Bytes of the view itself.
    pub view: usize,
    /// True when long texts come on top.
    pub texts: bool,
}

impl Memory {
    /// The bound of a view, by its index.
    #[must_use]
    pub fn of(plan: &Plan, index: usize) -> Self {
        let view = &plan.views[index];
        let stream = &plan.streams[view.stream];
        let (fixed, event) = entity(view, key(view, plan));
        let (more, each) = indexed(view);
        let waits = view.readers.iter().any(|&reader| reader != view.stream);
        let key_texts = view.key_types(stream).contains(&Type::String);
        Self {
            few: (fixed, event),
            many: (fixed.saturating_add(more), event + each),
            many_from: INDEX_MIN,
            span_us: view.reach_us().saturating_add(stream.lateness_us),
            newest: view.newest(),
            unnoticed: HORIZON_ROWS,
            waits_us: if waits { plan.hold_back_us } else { 0 },
            view: SHARDS * Shard::BYTES_MIN,
            texts: view.has_texts() || key_texts,
        }
    }

    /// Bytes of an entity that never held more than so many events at once.
    #[must_use]
    pub fn bytes(&self, events: usize) -> usize {
        let (fixed, event) = if events < self.many_from {
            self.few
        } else {
            self.many
        };
        fixed.saturating_add(event.saturating_mul(events))
    }
}

/// A vector that grew to some elements, and of which as many again may be dropped ones.
const SLACK: usize = 4;

/// Bytes a key needs beside the entity, when it is of a fixed size.
fn key(view: &View, plan: &Plan) -> usize {
    // Eight bytes, or four of length and the text.
    let bytes = 8 * view.key_types(&plan.streams[view.stream]).len();
    if bytes > crate::key::SHORT { bytes } else { 0 }
}

/// What is there without an index.
fn entity(view: &View, key: usize) -> (usize, usize) {
    let mut fixed = Shard::BYTES_EACH + key;
    let mut event = SLACK * view.width() * size_of::<u64>();
    let texts = view.text_words().count();
    // Each distinct text: a box, its place in a table, and its number when it is gone; twice, until a sweep.
    event += 2 * texts * (16 + 2 * 5 + 2 * 4);
    let kept = view.lifetimes.len() + view.tiled.len();
    if kept + texts > 0 {
        fixed += Entity::OLD_BYTES + 2 * 16 * (16 + 2 * 5 + 2 * 4) * usize::from(texts > 0);
    }
    for &span in &view.lifetimes {
        fixed += size_of::<Accumulator>() + settled(view, span);
    }
    for &span in &view.tiled {
        if let Window::Tiled { over_us, tile_us } = &view.windows[view.spans[span].window] {
            // A thousand years of microseconds are allowed, and more than a number of bytes can say.
            let tiles = (over_us / tile_us) as usize + 3;
            let bytes = tiles.saturating_mul(2 * size_of::<(i64, Accumulator)>());
            fixed = fixed
                .saturating_add(bytes)
                .saturating_add(size_of::<Tiles>());
        }
    }
    (fixed, event)
}

/// What an index adds.
fn indexed(view: &View) -> (usize, usize) {
    // A block of prefixes covers eight events; two more are begun.
    let prefix = SLACK * view.light_words * size_of::<u64>();
    let mut fixed = size_of::<Index>() + view.windows.len() * size_of::<usize>() + 2 * prefix;
    fixed += Marks::new(view.marks).bytes();
    let mut event = prefix / 8;
    for track in &view.tracks {
        fixed += 2 * size_of::<Peaks>();
        for _ in 0..usize::from(track.least) + usize::from(track.greatest) {
            fixed += Peaks::BYTES_EACH * 4;
            event += 2 * Peaks::BYTES_EACH;
        }
        if track.ranked.is_some() {
            fixed += Ranks::BYTES_FIXED;
            event += SLACK * Ranks::BYTES_EACH;
        }
    }
    for window in &view.windows {
        if matches!(window, Window::Session { .. }) {
            fixed += 64;
            event += 2 * size_of::<usize>();
        }
    }
    fixed += 2 * view.spans.len().max(2) * Cursors::BYTES_EACH;
    for span in &view.spans {
        let (more, each) = moving(view, span);
        fixed += more;
        event += each;
    }
    (fixed, event)
}

/// Running totals of a span, on the heap.
fn moving(view: &View, span: &Span) -> (usize, usize) {
    match view.tracks[span.track].needs.kind {
        Kind::Cubes => (size_of::<Cubes>(), 0),
        Kind::Counts | Kind::Distinct(_) | Kind::Registers => match values(view, span) {
            Some(values) => (Counts::bytes_max(values), 0),
            None => (
                Counts::bytes_max(0),
                Counts::bytes_max(1) - Counts::bytes_max(0),
            ),
        },
        Kind::Buckets => (0, Buckets::BYTES_EACH),
        _ => (0, 0),
    }
}

/// What is kept of a lifetime's settled values, on the heap.
fn settled(view: &View, span: usize) -> usize {
    let span = &view.spans[span];
    let track = &view.tracks[span.track];
    let summary = match track.needs.kind {
        Kind::Plain | Kind::Values => return 0,
        Kind::Cubes => return size_of::<Cubes>(),
        Kind::Counts => return Counts::bytes_max(values(view, span).unwrap_or(0)),
        Kind::Distinct(most) => Summary::BYTES_HASH * most,
        Kind::Registers => Registers::BYTES_MAX,
        Kind::Buckets => {
            let most = Buckets::most(track.is_float());
            2 * EXACT_MAX * size_of::<u64>() + most * Buckets::BYTES_EACH
        }
        Kind::Oldest(most) | Kind::Newest(most) => (2 * most + 4) * size_of::<u64>(),
        Kind::Streak => 0,
        Kind::Decay(_) => Decay::BYTES_MAX,
    };
    size_of::<Summary>() + summary
}

/// How many distinct values a span can have, where the plan says it.
fn values(view: &View, span: &Span) -> Option<usize> {
    let of_span = |at: usize| view.spans.get(at) == Some(span);
    let features = view.features.iter().filter(|feature| of_span(feature.span));
    let known = features.map(|feature| match feature.params.values() {
        0 => None,
        values => Some(values),
    });
    // Features that share a span count the same values.
    known.flatten().max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::EXAMPLE;
    use crate::reading::Reading;
    use crate::row::Row;

    /// The example with other features.
    fn plan(features: &[serde_json::Value]) -> Plan {
        let mut plan: serde_json::Value = serde_json::from_str(EXAMPLE).expect("JSON");
        plan["views"][0]["features"] = features.into();
        plan["vectors"] = json!([]);
        Plan::compile(&plan.to_string()).expect("a plan")
    }

    #[test]
    fn many_windows_of_values_of_any_size_keep_the_bound() {
        // One more than a power of two, so that what grows by doubling is nearly twice as long.
        let feature = |over_us: i64| {
            json!({
                "name": format!("f{over_us}"), "agg": "sum", "arg": {"op": "field", "name": "x"}, "where": null,
                "window": {"kind": "sliding", "over_us": over_us, "ago_us": 0},
            })
        };
        let plan = plan(&(1..=129).map(feature).collect::<Vec<_>>());
        let (view, bound) = (&plan.views[0], Memory::of(&plan, 0));
        let mut entity = Entity::new(view, b"");
        let all: Vec<(usize, usize)> = (0..129).map(|at| (at, at)).collect();
        let (mut reading, mut row) = (Reading::new(view, &all), Row::new(129));
        for at in 0..200i64 {
            // Too large for prefixes, so that there are cursors as well as marks.
            entity.insert(view, at, at as u64, &[1, 1e300f64.to_bits()]);
            reading.read(view, Some(&mut entity), at, &mut row);
            let (bytes, most) = (entity.bytes(), bound.bytes(at as usize + 1));
            assert!(bytes <= most, "{bytes} of {most} at {at}");
        }
    }

    #[test]
    fn a_bound_beyond_all_numbers_stays_there() {
        let window = json!({"kind": "tiled", "over_us": 31_557_600_000_000_000i64, "tile_us": 1});
        let feature = |nth: i64| {
            json!({
                "name": format!("f{nth}"), "agg": "mean", "arg": {"op": "field", "name": "x"}, "window": window,
                "where": {"op": "gt", "args": [
                    {"op": "field", "name": "x"}, {"op": "lit", "type": "float", "value": nth},
                ]},
            })
        };
        let plan = plan(&(0..4).map(feature).collect::<Vec<_>>());
        assert!(Memory::of(&plan, 0).bytes(1000) > usize::MAX / 2);
    }
}
