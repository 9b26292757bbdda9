//! A compiled stream: its fields, and the rules its events are judged by.

use crate::plan::unique;
use crate::spec::StreamSpec;
use crate::types::Type;

/// A stream of events.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let stream = &Plan::compile(EXAMPLE).unwrap().streams[0];
/// assert_eq!(stream.find("x"), Ok(2));
/// assert!(stream.key(&["x".into()]).is_err()); // a float
/// ```
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
    /// Emitters of this stream.
    pub emitters: Vec<usize>,
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

/// Compiles one stream.
pub(crate) fn compile(spec: StreamSpec) -> Result<Stream, String> {
    let at = format!("stream '{}'", spec.name);
    unique(
        &format!("{at}: field"),
        spec.fields.iter().map(|field| field.name.as_str()),
    )?;
    let fields = spec
        .fields
        .into_iter()
        .map(|field| match Type::parse(&field.ty) {
            Some(ty) => Ok(Field {
                name: field.name,
                ty,
                nullable: field.nullable,
            }),
            None => Err(format!(
                "{at}, field '{}': unknown type '{}'",
                field.name, field.ty
            )),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut stream = Stream {
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
        emitters: Vec::new(),
    };
    stream.time = stream.find(&spec.time)?;
    let time = &stream.fields[stream.time];
    if time.ty != Type::Time || time.nullable {
        return Err(format!(
            "{at}: its time field '{}' must have type time and not be nullable",
            time.name
        ));
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
        return Err(format!(
            "{at}: dedup_us needs an id or a key to tell duplicates by"
        ));
    }
    let durations = [
        ("lateness_us", Some(spec.lateness_us)),
        ("max_skew_us", spec.max_skew_us),
        ("idle_us", spec.idle_us),
        ("dedup_us", spec.dedup_us),
    ];
    match durations
        .into_iter()
        .find(|(_, value)| value.is_some_and(|value| value < 0))
    {
        Some((name, value)) => Err(format!(
            "{at}: {name} is {}; it cannot be negative",
            value.unwrap_or(0)
        )),
        None => Ok(stream),
    }
}

impl Stream {
    /// The index of a field.
    pub fn find(&self, name: &str) -> Result<usize, String> {
        self.fields
            .iter()
            .position(|field| field.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self
                    .fields
                    .iter()
                    .map(|field| field.name.as_str())
                    .collect();
                format!(
                    "stream '{}': unknown field '{name}'; it has: {}",
                    self.name,
                    names.join(", ")
                )
            })
    }

    /// The indexes of fields that can make a key.
    pub fn key(&self, names: &[String]) -> Result<Vec<usize>, String> {
        unique(
            &format!("stream '{}': key field", self.name),
            names.iter().map(String::as_str),
        )?;
        let key: Vec<usize> = names
            .iter()
            .map(|name| self.find(name))
            .collect::<Result<_, _>>()?;
        match key
            .iter()
            .find(|&&field| self.fields[field].ty == Type::Float)
        {
            Some(&field) => Err(format!(
                "stream '{}': field '{}' is a float and cannot be part of a key; use an int or a string",
                self.name, self.fields[field].name
            )),
            None => Ok(key),
        }
    }
}
