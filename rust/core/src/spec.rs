//! The JSON of a plan, as it comes; [`crate::plan::Plan`] is what it compiles to.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The version of the plan format this kernel reads.
pub const PLAN_FORMAT: u32 = 2;

/// A whole plan.
///
/// ```
/// use forerun_core::plan::EXAMPLE;
/// use forerun_core::spec::PlanSpec;
///
/// let spec: PlanSpec = serde_json::from_str(EXAMPLE).unwrap();
/// assert_eq!(spec.views[0].by, ["k"]);
/// ```
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// Streams, referred to by position.
    pub streams: Vec<StreamSpec>,
    /// Views, referred to by position.
    pub views: Vec<ViewSpec>,
    /// Vectors, referred to by position.
    pub vectors: Vec<VectorSpec>,
    /// Windows emitted when they close; absent for none.
    #[serde(default)]
    pub emitters: Vec<EmitterSpec>,
    /// Longest time a view keeps events back for a slower stream that reads it, in microseconds.
    pub hold_back_us: Option<i64>,
}

/// One stream of events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSpec {
    /// Unique among streams.
    pub name: String,
    /// Columns of its batches.
    pub fields: Vec<FieldSpec>,
    /// Name of the event time field.
    pub time: String,
    /// Names of the fields that identify the entity a label is joined by.
    pub key: Vec<String>,
    /// Names of the fields that identify an event among duplicates.
    pub id: Option<Vec<String>>,
    /// How far behind the newest event an event may be.
    pub lateness_us: i64,
    /// How far ahead of its arrival an event may be; null for no limit.
    pub max_skew_us: Option<i64>,
    /// Silence after which a partition stops holding the watermark back; null for never.
    pub idle_us: Option<i64>,
    /// Distance in event time within which an id marks a duplicate; null for no check.
    pub dedup_us: Option<i64>,
}

/// One field of a stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// Unique in its stream.
    pub name: String,
    /// A type name.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether null is allowed.
    pub nullable: bool,
}

/// Features of one entity from one stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewSpec {
    /// Unique among views.
    pub name: String,
    /// Index of the stream.
    pub stream: usize,
    /// Names of the fields that make the entity's key.
    pub by: Vec<String>,
    /// Which events count; null for all.
    #[serde(rename = "where")]
    pub filter: Option<Value>,
    /// Features, referred to by position.
    pub features: Vec<FeatureSpec>,
}

/// Aggregates of one entity over windows that are emitted when they close.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmitterSpec {
    /// Unique among emitters.
    pub name: String,
    /// Index of the stream.
    pub stream: usize,
    /// Names of the fields that make the entity's key.
    pub by: Vec<String>,
    /// Which events count; null for all.
    #[serde(rename = "where")]
    pub filter: Option<Value>,
    /// A hopping or session window.
    pub window: Value,
    /// Features without windows of their own.
    pub features: Vec<FeatureSpec>,
}

/// One feature of a view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Unique in its view.
    pub name: String,
    /// Name of the aggregate; absent when the feature is made of others.
    pub agg: Option<String>,
    /// What it is made of, when that is features before it.
    pub expr: Option<Value>,
    /// What is aggregated; null for events.
    pub arg: Option<Value>,
    /// Which events count; null for all of the view.
    #[serde(rename = "where")]
    pub filter: Option<Value>,
    /// Which of the entity's events it is made of (see [`crate::window::Window`]); absent when the feature is made
    /// of others, and in an emitter.
    pub window: Option<Value>,
    /// Settings of the aggregate.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// The inputs of one model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorSpec {
    /// Unique among vectors.
    pub name: String,
    /// Index of the stream whose events trigger it.
    pub on: usize,
    /// Inputs in order.
    pub inputs: Vec<InputSpec>,
}

/// One input of a vector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Unique in its vector.
    pub name: String,
    /// An expression over the event's fields and features.
    pub expr: Value,
}
