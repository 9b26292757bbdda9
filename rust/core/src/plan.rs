//! The compiled plan: what the kernel computes, with every name resolved and every type checked.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::aggregate::{Aggregate, Needs};
use crate::buffer::FIXED_WORDS;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::spec::{PLAN_FORMAT, PlanSpec};
use crate::types::Type;
use crate::{vector_plan, view_plan};

/// Default of a plan's `hold_back_us`: seven days. Memory of a view whose reader is slow or silent is bounded by it.
pub const HOLD_BACK_US: i64 = 7 * 24 * 3_600_000_000;

/// Streams, views and vectors, ready to run.
///
/// ```
/// use forerun_core::plan::Plan;
///
/// let json = r#"{"format":1,"views":[],"vectors":[],"streams":[{"name":"Tick","fields":[
///     {"name":"at","type":"time","nullable":false}],"time":"at","key":[],"id":null,
///     "lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}]}"#;
/// assert_eq!(Plan::compile(json).unwrap().streams[0].name, "Tick");
/// assert_eq!(
///     Plan::compile(&json.replace("\"time\":\"at\"", "\"time\":\"when\"")).unwrap_err().to_string(),
///     "stream 'Tick': unknown field 'when'; it has: at"
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
    /// Longest time a view keeps events back for a slower stream that reads it.
    pub hold_back_us: i64,
    /// SHA-256 of the canonical JSON; state of another plan is refused.
    pub fingerprint: [u8; 32],
}

/// A stream of events.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Name in the app.
    pub name: String,
    /// Columns of its batches.
    pub fields: Vec<Field>,
    /// Index of the event time field.
    pub time: usize,
    /// Fields that identify an event, when duplicates are looked for.
    pub id: Vec<usize>,
    /// How far behind the newest event an event may be.
    pub lateness_us: i64,
    /// How far ahead of its arrival an event may be.
    pub max_skew_us: Option<i64>,
    /// Silence after which a partition stops holding the watermark back.
    pub idle_us: Option<i64>,
    /// Distance in event time within which an id marks a duplicate.
    pub dedup_us: Option<i64>,
    /// Views of this stream.
    pub views: Vec<usize>,
    /// Vectors its events trigger.
    pub vectors: Vec<usize>,
}

/// A field of a stream.
#[derive(Clone, Debug)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether null is allowed.
    pub nullable: bool,
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
    /// Distinct window lengths, ascending.
    pub windows_us: Vec<i64>,
    /// Tracks with a lifetime feature, in order of [`Track::life`].
    pub lifetimes: Vec<usize>,
    /// Streams whose events read this view.
    pub readers: Vec<usize>,
}

/// When an event counts for a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Must be true.
    pub filter: Option<Expr>,
    /// Must not be null.
    pub arg: Option<Expr>,
}

/// One argument under one condition: the unit of accumulation.
#[derive(Clone, Debug)]
pub struct Track {
    /// Type of the argument; none for events.
    pub ty: Option<Type>,
    /// Index of the argument among [`View::args`].
    pub arg: Option<usize>,
    /// Index of the condition among [`View::conditions`]; none when every event counts.
    pub condition: Option<usize>,
    /// What windows need of it.
    pub needs: Needs,
    /// What the lifetime needs of it, and its place among [`View::lifetimes`].
    pub life: Option<(usize, Needs)>,
}

/// One feature of a view.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Name in the view.
    pub name: String,
    /// How it aggregates.
    pub aggregate: Aggregate,
    /// Type of its value.
    pub ty: Type,
    /// What it aggregates.
    pub track: usize,
    /// Window length; none for the lifetime.
    pub over_us: Option<i64>,
    /// Unit of a rate.
    pub per_us: i64,
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
}

impl Plan {
    /// Compiles the JSON of a plan.
    pub fn compile(json: &str) -> Result<Self> {
        let refuse = |error: serde_json::Error| Error::Plan(format!("plan: {error}"));
        let value: Value = serde_json::from_str(json).map_err(refuse)?;
        let fingerprint = Sha256::digest(value.to_string().as_bytes()).into();
        // From the text and not the value, so that errors say line and column.
        let spec: PlanSpec = serde_json::from_str(json).map_err(refuse)?;
        Self::resolve(spec, fingerprint).map_err(Error::Plan)
    }

    fn resolve(spec: PlanSpec, fingerprint: [u8; 32]) -> std::result::Result<Self, String> {
        if spec.format != PLAN_FORMAT {
            return Err(format!("plan: format {}, this kernel reads format {PLAN_FORMAT}", spec.format));
        }
        let hold_back_us = spec.hold_back_us.unwrap_or(HOLD_BACK_US);
        if hold_back_us < 0 {
            return Err(format!("plan: hold_back_us is {hold_back_us}; it cannot be negative"));
        }
        unique("stream", spec.streams.iter().map(|stream| stream.name.as_str()))?;
        unique("view", spec.views.iter().map(|view| view.name.as_str()))?;
        unique("vector", spec.vectors.iter().map(|vector| vector.name.as_str()))?;
        let mut streams: Vec<Stream> = spec.streams.into_iter().map(Stream::compile).collect::<std::result::Result<_, _>>()?;
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
        Ok(Self { streams, views, vectors, hold_back_us, fingerprint })
    }
}

impl Stream {
    fn compile(spec: crate::spec::StreamSpec) -> std::result::Result<Self, String> {
        let at = format!("stream '{}'", spec.name);
        unique(&format!("{at}: field"), spec.fields.iter().map(|field| field.name.as_str()))?;
        let fields = spec
            .fields
            .into_iter()
            .map(|field| match Type::parse(&field.ty) {
                Some(ty) => Ok(Field { name: field.name, ty, nullable: field.nullable }),
                None => Err(format!("{at}, field '{}': unknown type '{}'", field.name, field.ty)),
            })
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let mut stream = Self {
            name: spec.name,
            fields,
            time: 0,
            id: Vec::new(),
            lateness_us: spec.lateness_us,
            max_skew_us: spec.max_skew_us,
            idle_us: spec.idle_us,
            dedup_us: spec.dedup_us,
            views: Vec::new(),
            vectors: Vec::new(),
        };
        stream.time = stream.find(&spec.time)?;
        let time = &stream.fields[stream.time];
        if time.ty != Type::Time || time.nullable {
            return Err(format!("{at}: its time field '{}' must have type time and not be nullable", time.name));
        }
        for name in &spec.key {
            stream.find(name)?;
        }
        stream.id = match (&spec.id, spec.dedup_us) {
            (_, None) => Vec::new(),
            (Some(id), _) => stream.key(id)?,
            (None, _) => stream.key(&spec.key)?,
        };
        if spec.dedup_us.is_some() && stream.id.is_empty() {
            return Err(format!("{at}: dedup_us needs an id or a key to tell duplicates by"));
        }
        let durations = [
            ("lateness_us", Some(spec.lateness_us)),
            ("max_skew_us", spec.max_skew_us),
            ("idle_us", spec.idle_us),
            ("dedup_us", spec.dedup_us),
        ];
        match durations.into_iter().find(|(_, value)| value.is_some_and(|value| value < 0)) {
            Some((name, value)) => Err(format!("{at}: {name} is {}; it cannot be negative", value.unwrap_or(0))),
            None => Ok(stream),
        }
    }

    /// The index of a field.
    pub fn find(&self, name: &str) -> std::result::Result<usize, String> {
        self.fields.iter().position(|field| field.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
            format!("stream '{}': unknown field '{name}'; it has: {}", self.name, names.join(", "))
        })
    }

    /// The indexes of fields that can make a key.
    pub fn key(&self, names: &[String]) -> std::result::Result<Vec<usize>, String> {
        unique(&format!("stream '{}': key field", self.name), names.iter().map(String::as_str))?;
        let key: Vec<usize> = names.iter().map(|name| self.find(name)).collect::<std::result::Result<_, _>>()?;
        match key.iter().find(|&&field| self.fields[field].ty == Type::Float) {
            Some(&field) => Err(format!(
                "stream '{}': field '{}' is a float and cannot be part of a key; use an int or a string",
                self.name, self.fields[field].name
            )),
            None => Ok(key),
        }
    }
}

impl View {
    /// The longest window, 0 without windows.
    #[must_use]
    pub fn longest_us(&self) -> i64 {
        self.windows_us.last().copied().unwrap_or(0)
    }

    /// Words of a row in an entity's event buffer.
    #[inline]
    #[must_use]
    pub fn width(&self) -> usize {
        FIXED_WORDS + self.staged_words()
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
        self.lifetimes.iter().map(|&index| {
            let track = &self.tracks[index];
            (track.ty, track.life.map_or_else(Needs::default, |(_, needs)| needs))
        })
    }

    /// Types of the key's parts.
    #[must_use]
    pub fn key_types(&self, stream: &Stream) -> Vec<Type> {
        self.by.iter().map(|&field| stream.fields[field].ty).collect()
    }
}

/// Refuses a name that comes twice.
pub(crate) fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> std::result::Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{what} '{name}' is there twice"));
        }
    }
    Ok(())
}
