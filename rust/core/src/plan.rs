//! The compiled plan: what the kernel computes, with every name resolved and every type checked.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::accumulator::Accumulator;
use crate::aggregate::Needs;
use crate::buffer::FIXED_WORDS;
use crate::custom::Functions;
use crate::emitter_plan::{self, Emitter};
use crate::error::{Error, Result};
use crate::expr::Expr;
pub use crate::feature::Feature;
use crate::light::Light;
use crate::packing::Shape;
use crate::spec::{PLAN_FORMAT, PlanSpec};
use crate::staging::Staging;
use crate::stream_plan::{self, Stream};
use crate::totals::Totals;
use crate::types::Type;
use crate::window::Window;
use crate::{vector_plan, view_plan};

/// Default of a plan's `hold_back_us`: seven days. Memory of a view whose reader is slow or silent is bounded by it.
pub const HOLD_BACK_US: i64 = 7 * 24 * 3_600_000_000;

/// A small plan, for the examples of this crate: `Tick` events of a key `k` at a time `at` with a value `x`,
/// of which the view `Now` has the features `events`, `top` and `total`.
pub const EXAMPLE: &str = include_str!("example.json");

/// The same stream with emitters: `Hop` counts in windows of 60 that hop by 20, and `Visit` in sessions with a
/// gap of 30.
pub const EMITTERS: &str = include_str!("emitters.json");

/// Streams, views and vectors, ready to run.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// assert_eq!(Plan::compile(EXAMPLE).unwrap().streams[0].name, "Tick");
/// assert_eq!(
///     Plan::compile(&EXAMPLE.replace("\"time\": \"at\"", "\"time\": \"when\"")).unwrap_err().to_string(),
///     "stream 'Tick': unknown field 'when'; it has: k, at, x"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    /// Streams by index.
    pub streams: Vec<Stream>,
    /// Views by index.
    pub views: Vec<View>,
    /// Vectors by index.
    pub vectors: Vec<Vector>,
    /// Emitters by index.
    pub emitters: Vec<Emitter>,
    /// What is computed of the rows of each stream.
    pub staging: Vec<Staging>,
    /// Longest time a view keeps events back for a slower stream that reads it.
    pub hold_back_us: i64,
    /// SHA-256 of the canonical JSON; state of another plan is refused.
    pub fingerprint: [u8; 32],
}

/// Features of one entity from one stream.
#[derive(Clone, Debug)]
pub struct View {
    /// Name in the app.
    pub name: String,
    /// Index of the stream.
    pub stream: usize,
    /// Fields that make the key.
    pub by: Vec<usize>,
    /// Which events count.
    pub filter: Option<Expr>,
    /// Distinct arguments that are stored with an event, a word each.
    pub args: Vec<Expr>,
    /// Distinct conditions under which an event counts for a track, a bit each.
    pub conditions: Vec<Condition>,
    /// Distinct pairs of argument and condition.
    pub tracks: Vec<Track>,
    /// Features by index.
    pub features: Vec<Feature>,
    /// Distinct windows: those that end at the read first, by how far back they reach.
    pub windows: Vec<Window>,
    /// Their lengths, when all of them are sliding and end at the read.
    pub lengths: Option<Vec<i64>>,
    /// Per mark 1 / the length of its window in microseconds; 0 of marks at the end of windows.
    pub paces: Vec<f64>,
    /// Distinct pairs of track and window, by track and then window.
    pub spans: Vec<Span>,
    /// The spans that are lifetimes.
    pub lifetimes: Vec<usize>,
    /// The spans that are tiled.
    pub tiled: Vec<usize>,
    /// Whether texts are among the arguments.
    pub texts: bool,
    /// What each word of a row is.
    pub shapes: Vec<Shape>,
    /// Words per block of an entity's prefix totals.
    pub light_words: usize,
    /// Marks of an entity that has many events (see [`crate::marks::Marks`]).
    pub marks: usize,
    /// What of the above is asked for with every event.
    pub sizes: Sizes,
    /// Streams whose events read this view.
    pub readers: Vec<usize>,
}

/// What of a view's windows and arguments is asked for with every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    width: usize,
    reach_us: i64,
    newest: usize,
    settles: bool,
}

impl Sizes {
    /// Of a view that is laid out otherwise.
    pub(crate) fn of(view: &View) -> Self {
        let newest = view.windows.iter().map(Window::newest).max().unwrap_or(0);
        Self {
            width: FIXED_WORDS + view.staged_words(),
            reach_us: view.windows.iter().map(Window::reach_us).max().unwrap_or(0),
            newest,
            settles: !view.lifetimes.is_empty() || !view.tiled.is_empty() || newest > 0,
        }
    }
}

/// When an event counts for a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Must be true.
    pub filter: Option<Expr>,
    /// Must not be null.
    pub arg: Option<Expr>,
}

/// One argument under one condition.
#[derive(Clone, Debug)]
pub struct Track {
    /// Type of the argument; none for events.
    pub ty: Option<Type>,
    /// Index of the argument among [`View::args`].
    pub arg: Option<usize>,
    /// Where the argument stands in a row.
    pub word: Option<usize>,
    /// Index of the condition among [`View::conditions`]; none when every event counts.
    pub condition: Option<usize>,
    /// What its features need, over all windows: totals of different lengths can then be merged.
    pub needs: Needs,
    /// Place among the tracks whose order or extent is looked up, when it is.
    pub ranked: Option<usize>,
    /// Whether smallest values are asked for.
    pub least: bool,
    /// Whether largest values are asked for.
    pub greatest: bool,
    /// Where its prefix totals stand in a block, unless they are of a kind that has none.
    pub light: Option<Light>,
}

/// One track over one window: the unit of accumulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Index of the track.
    pub track: usize,
    /// Index of the window among [`View::windows`].
    pub window: usize,
}

/// The inputs of one model.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Name in the app.
    pub name: String,
    /// Index of the triggering stream.
    pub stream: usize,
    /// Names and expressions, in order.
    pub inputs: Vec<(String, Expr)>,
    /// What is read before the inputs are evaluated.
    pub lookups: Vec<Lookup>,
    /// Type of each feature slot the inputs refer to.
    pub slots: Vec<Type>,
    /// The slots that are whole lists.
    pub lists: Vec<usize>,
}

/// Features of one entity of one view.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Index of the view.
    pub view: usize,
    /// The key, over the triggering event.
    pub key: Vec<Expr>,
    /// Which features of the view, and the slot each goes to.
    pub features: Vec<(usize, usize)>,
    /// Slots that are elements of a list, and which.
    pub elements: Vec<(usize, usize)>,
}

impl Vector {
    /// The slots that each lookup fills.
    #[must_use]
    pub fn parts(&self) -> Vec<Vec<usize>> {
        let slots = |lookup: &Lookup| lookup.features.iter().map(|&(_, slot)| slot).collect();
        self.lookups.iter().map(slots).collect()
    }

    /// The slots whose values no word holds: whole lists, and texts.
    #[must_use]
    pub fn wide(&self) -> Vec<usize> {
        let text = |slot: &usize| self.slots[*slot] == Type::String;
        let texts = (0..self.slots.len()).filter(text);
        texts.chain(self.lists.iter().copied()).collect()
    }
}

impl Plan {
    /// Compiles the JSON of a plan.
    pub fn compile(json: &str) -> Result<Self> {
        let refuse = |error: serde_json::Error| Error::Plan(format!("plan: {error}"));
        let value: Value = serde_json::from_str(json).map_err(refuse)?;
        // Before anything else: what a plan of another format says is none of this one's business.
        let format = value.get("format").and_then(Value::as_u64);
        if let Some(other) = format.filter(|&format| format != u64::from(PLAN_FORMAT)) {
            return Err(Error::Plan(format!(
                "plan: format {other}, this kernel reads format {PLAN_FORMAT}"
            )));
        }
        let fingerprint = Sha256::digest(value.to_string().as_bytes()).into();
        // From the text and not the value, so that errors say line and column.
        let spec: PlanSpec = serde_json::from_str(json).map_err(refuse)?;
        Self::resolve(spec, fingerprint).map_err(Error::Plan)
    }

    /// The same with the functions that its features call.
    pub fn bound(mut self, functions: &Functions) -> Result<Self> {
        let emitted = self.emitters.iter_mut().map(|emitter| &mut emitter.view);
        for view in self.views.iter_mut().chain(emitted) {
            for feature in &mut view.features {
                if let Some(call) = &mut feature.call {
                    call.bind(functions).map_err(|error| {
                        Error::Plan(format!(
                            "view '{}', feature '{}': {error}",
                            view.name, feature.name
                        ))
                    })?;
                }
            }
        }
        Ok(self)
    }

    fn resolve(spec: PlanSpec, fingerprint: [u8; 32]) -> std::result::Result<Self, String> {
        let hold_back_us = spec.hold_back_us.unwrap_or(HOLD_BACK_US);
        if hold_back_us < 0 {
            return Err(format!(
                "plan: hold_back_us is {hold_back_us}; it cannot be negative"
            ));
        }
        unique(
            "stream",
            spec.streams.iter().map(|stream| stream.name.as_str()),
        )?;
        unique("view", spec.views.iter().map(|view| view.name.as_str()))?;
        unique(
            "vector",
            spec.vectors.iter().map(|vector| vector.name.as_str()),
        )?;
        let mut streams: Vec<Stream> = spec
            .streams
            .into_iter()
            .map(stream_plan::compile)
            .collect::<std::result::Result<_, _>>()?;
        let mut views = Vec::with_capacity(spec.views.len());
        for (index, view) in spec.views.into_iter().enumerate() {
            let view = view_plan::compile(view, &streams)?;
            streams[view.stream].views.push(index);
            views.push(view);
        }
        let mut vectors = Vec::with_capacity(spec.vectors.len());
        for (index, vector) in spec.vectors.into_iter().enumerate() {
            let vector = vector_plan::compile(vector, &streams, &views)?;
            streams[vector.stream].vectors.push(index);
            for lookup in &vector.lookups {
                let readers = &mut views[lookup.view].readers;
                if !readers.contains(&vector.stream) {
                    readers.push(vector.stream);
                }
            }
            vectors.push(vector);
        }
        unique(
            "emitter",
            spec.emitters.iter().map(|emitter| emitter.name.as_str()),
        )?;
        let mut emitters = Vec::with_capacity(spec.emitters.len());
        for (index, emitter) in spec.emitters.into_iter().enumerate() {
            let emitter = emitter_plan::compile(emitter, &streams)?;
            streams[emitter.view.stream].emitters.push(index);
            emitters.push(emitter);
        }
        let staging = streams.iter();
        let staging = staging.map(|stream| Staging::new(stream, &views, &vectors, &emitters));
        Ok(Self {
            staging: staging.collect(),
            streams,
            views,
            vectors,
            emitters,
            hold_back_us,
            fingerprint,
        })
    }
}

impl Track {
    /// True when its values are floats.
    #[inline]
    #[must_use]
    pub fn is_float(&self) -> bool {
        self.ty == Some(Type::Float)
    }

    /// Totals, extent and ends of no values.
    #[must_use]
    pub fn accumulator(&self) -> Accumulator {
        Accumulator::new(self.ty, self.needs)
    }

    /// Totals of no values.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals::new(self.ty, self.needs)
    }

    /// Its value in a row of events, or none when the event does not count for it.
    #[inline]
    #[must_use]
    pub fn value(&self, row: &[u64]) -> Option<u64> {
        if let Some(bit) = self.condition
            && row[FIXED_WORDS + bit / 64] >> (bit % 64) & 1 == 0
        {
            return None;
        }
        Some(self.word.map_or(0, |word| row[word]))
    }
}

impl View {
    /// True when texts are kept.
    #[inline]
    #[must_use]
    pub fn has_texts(&self) -> bool {
        self.texts
    }

    /// Where texts stand in a row.
    pub fn text_words(&self) -> impl Iterator<Item = usize> {
        let texts = (0..self.args.len()).filter(|&arg| self.args[arg].ty == Type::String);
        texts.map(|arg| self.arg_word(arg))
    }

    /// How far before a read events may lie that must be kept one by one.
    #[inline]
    #[must_use]
    pub fn reach_us(&self) -> i64 {
        self.sizes.reach_us
    }

    /// How many of the newest events must be kept, however old.
    #[inline]
    #[must_use]
    pub fn newest(&self) -> usize {
        self.sizes.newest
    }

    /// True when it must be known which events are settled.
    #[inline]
    #[must_use]
    pub fn settles(&self) -> bool {
        self.sizes.settles
    }

    /// Words of a row in an entity's event buffer.
    #[inline]
    #[must_use]
    pub fn width(&self) -> usize {
        self.sizes.width
    }

    /// Words of a row that come from the event's fields: conditions, then arguments.
    #[inline]
    #[must_use]
    pub fn staged_words(&self) -> usize {
        self.conditions.len().div_ceil(64) + self.args.len()
    }

    /// Where an argument stands in a row.
    #[inline]
    #[must_use]
    pub fn arg_word(&self, arg: usize) -> usize {
        FIXED_WORDS + self.conditions.len().div_ceil(64) + arg
    }

    /// Type and needs of each lifetime total.
    pub fn lives(&self) -> impl Iterator<Item = (Option<Type>, Needs)> {
        self.lifetimes.iter().map(|&span| {
            let track = &self.tracks[self.spans[span].track];
            (track.ty, track.needs)
        })
    }

    /// Types of the key's parts.
    #[must_use]
    pub fn key_types(&self, stream: &Stream) -> Vec<Type> {
        self.by
            .iter()
            .map(|&field| stream.fields[field].ty)
            .collect()
    }
}

/// Refuses a name that comes twice.
pub(crate) fn unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a str>,
) -> std::result::Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{what} '{name}' is there twice"));
        }
    }
    Ok(())
}
