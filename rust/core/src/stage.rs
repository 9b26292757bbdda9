//! Everything about a batch that does not depend on state, computed column by column before its rows are applied.

use arrow_array::ArrayRef;
use arrow_schema::Fields;
use std::sync::Arc;

use crate::buffer::OFFSET_MAX;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::expr::{Expr, Node};
use crate::key::Keys;
use crate::plan::{Condition, Plan, View};
use crate::stream_plan::Stream;
use crate::types::Type;

/// A batch as it comes: named Arrow columns of one partition, with consecutive offsets.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Index of the stream.
    pub stream: usize,
    /// Partition of the stream.
    pub partition: u16,
    /// Offset of the first row.
    pub base_offset: u64,
    /// Names of the columns.
    pub fields: Fields,
    /// The columns.
    pub columns: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
}

/// Name of the arrival column, the last of an applied batch.
pub const ARRIVAL: &str = "_arrival";

/// Marks a row without an invalid field.
const VALID: u16 = u16::MAX;

/// A batch whose columns are checked, with what its views and vectors need of every row.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::stage::{Batch, Staged};
///
/// let plan = Plan::compile(EXAMPLE).unwrap();
/// let batch = Batch { stream: 0, partition: 0, base_offset: 0, fields: [].into(), columns: vec![], rows: 0 };
/// let error = Staged::events(&plan, &batch).unwrap_err().to_string();
/// assert_eq!(error, "stream 'Tick': 0 columns, expected its 3 fields and '_arrival'");
/// ```
#[derive(Clone, Debug)]
pub struct Staged {
    /// Columns of the stream's fields.
    pub fields: Vec<Column>,
    /// Arrival time of each row; empty for requests.
    pub arrivals: Vec<i64>,
    /// Number of rows.
    pub rows: usize,
    /// Per view of the stream, in order.
    pub views: Vec<StagedView>,
    /// Per emitter of the stream, in order.
    pub emitters: Vec<StagedView>,
    /// Ids for the duplicate check; none without one.
    pub ids: Option<Arc<Keys>>,
    /// Keys of each lookup of each vector of the stream.
    pub lookups: Vec<Vec<Arc<Keys>>>,
    time: usize,
    invalid: Vec<u16>,
}

/// What one view needs of every row.
#[derive(Clone, Debug)]
pub struct StagedView {
    /// Entity keys.
    pub keys: Arc<Keys>,
    /// Arguments that are text: their place in a row, and the texts.
    pub(crate) texts: Vec<(usize, Column)>,
    passes: Option<Column>,
    words: Vec<u64>,
    width: usize,
}

impl Staged {
    /// Checks a batch of events against its stream and computes what can be computed up front.
    pub fn events(plan: &Plan, batch: &Batch) -> Result<Self> {
        let Some(stream) = plan.streams.get(batch.stream) else {
            return Err(Error::Batch(format!("there is no stream {}", batch.stream)));
        };
        let mut staged = Self::requests(plan, batch, false)?;
        let Some(arrival) = batch.columns.get(stream.fields.len()) else {
            return Err(refuse(
                stream,
                &format!("the last column must be '{ARRIVAL}' int64"),
            ));
        };
        let arrival = Column::from_array(arrival, Type::Time)
            .map_err(|error| refuse(stream, &format!("column '{ARRIVAL}': {error}")))?;
        if arrival.has_nulls() {
            return Err(refuse(stream, &format!("column '{ARRIVAL}' has nulls")));
        }
        staged.arrivals = arrival.wholes().to_vec();
        if let Some(at) = staged
            .arrivals
            .windows(2)
            .position(|pair| pair[1] < pair[0])
        {
            return Err(refuse(
                stream,
                &format!("'{ARRIVAL}' goes back after row {at}"),
            ));
        }
        if batch
            .base_offset
            .checked_add(batch.rows as u64)
            .is_none_or(|end| end > OFFSET_MAX)
        {
            return Err(refuse(
                stream,
                &format!(
                    "offset {} is beyond the largest, {OFFSET_MAX}",
                    batch.base_offset
                ),
            ));
        }
        let inputs = Inputs {
            rows: staged.rows,
            fields: &staged.fields,
            features: &[],
        };
        let mut keys = KeyCache {
            inputs,
            known: Vec::new(),
        };
        staged.views = stream
            .views
            .iter()
            .map(|&view| StagedView::new(&plan.views[view], stream, &mut keys))
            .collect();
        staged.emitters = stream
            .emitters
            .iter()
            .map(|&emitter| StagedView::new(&plan.emitters[emitter].view, stream, &mut keys))
            .collect();
        staged.ids = stream.dedup_us.map(|_| keys.fields(stream, &stream.id));
        staged.lookups = stream
            .vectors
            .iter()
            .map(|&vector| {
                plan.vectors[vector]
                    .lookups
                    .iter()
                    .map(|lookup| keys.get(&lookup.key))
                    .collect()
            })
            .collect();
        Ok(staged)
    }

    /// Checks a batch of requests: the fields, without arrival; strictly, no row may be invalid.
    pub fn requests(plan: &Plan, batch: &Batch, strict: bool) -> Result<Self> {
        let stream = &plan.streams[batch.stream];
        let extra = batch.columns.len().saturating_sub(stream.fields.len());
        if batch.columns.len() < stream.fields.len() || extra > 1 {
            return Err(refuse(
                stream,
                &format!(
                    "{} columns, expected its {} fields and '{ARRIVAL}'",
                    batch.columns.len(),
                    stream.fields.len()
                ),
            ));
        }
        if extra == 1 && batch.fields[stream.fields.len()].name() != ARRIVAL {
            let found = batch.fields[stream.fields.len()].name();
            return Err(refuse(
                stream,
                &format!(
                    "column {} is '{found}', expected '{ARRIVAL}'",
                    stream.fields.len()
                ),
            ));
        }
        let mut fields = Vec::with_capacity(stream.fields.len());
        for (at, field) in stream.fields.iter().enumerate() {
            let found = batch.fields[at].name();
            if *found != field.name {
                return Err(refuse(
                    stream,
                    &format!("column {at} is '{found}', expected '{}'", field.name),
                ));
            }
            let column = Column::from_array(&batch.columns[at], field.ty)
                .map_err(|error| refuse(stream, &format!("column '{}': {error}", field.name)))?;
            fields.push(column);
        }
        let invalid = invalid(stream, &fields, batch.rows);
        if strict && let Some(row) = invalid.iter().position(|&field| field != VALID) {
            let name = &stream.fields[invalid[row] as usize].name;
            return Err(refuse(
                stream,
                &format!("row {row}: field '{name}' is missing or not finite"),
            ));
        }
        Ok(Self {
            fields,
            arrivals: Vec::new(),
            rows: batch.rows,
            views: Vec::new(),
            emitters: Vec::new(),
            ids: None,
            lookups: Vec::new(),
            time: stream.time,
            invalid,
        })
    }

    /// The keys of one lookup, for requests.
    #[must_use]
    pub fn keys(&self, key: &[Expr]) -> Arc<Keys> {
        let inputs = Inputs {
            rows: self.rows,
            fields: &self.fields,
            features: &[],
        };
        KeyCache {
            inputs,
            known: Vec::new(),
        }
        .get(key)
    }

    /// Event time of a valid row.
    #[inline]
    #[must_use]
    pub fn time(&self, row: usize) -> i64 {
        self.fields[self.time].wholes()[row]
    }

    /// The first invalid field of a row: null where it may not be, or NaN or infinite.
    #[inline]
    #[must_use]
    pub fn invalid(&self, row: usize) -> Option<usize> {
        let field = *self.invalid.get(row)?;
        (field != VALID).then_some(field.into())
    }
}

impl StagedView {
    fn new(view: &View, stream: &Stream, keys: &mut KeyCache<'_>) -> Self {
        let inputs = keys.inputs;
        let width = view.staged_words();
        let mut words = vec![0u64; width * inputs.rows];
        for (bit, condition) in view.conditions.iter().enumerate() {
            set_bits(condition, &inputs, &mut words[bit / 64..], width, bit % 64);
        }
        let first = view.conditions.len().div_ceil(64);
        let mut texts = Vec::new();
        for (at, arg) in view.args.iter().enumerate() {
            let column = inputs.eval(arg);
            if arg.ty == Type::String {
                texts.push((first + at, column));
                continue;
            }
            for (row, slot) in words[first + at..].iter_mut().step_by(width).enumerate() {
                *slot = column.word(row);
            }
        }
        let passes = view.filter.as_ref().map(|filter| inputs.eval(filter));
        Self {
            keys: keys.fields(stream, &view.by),
            texts,
            passes,
            words,
            width,
        }
    }

    /// The texts of a row, and where their words stand; none for nulls.
    pub(crate) fn texts(&self, row: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
        let texts = self.texts.iter();
        texts.filter_map(move |(at, column)| Some((*at, column.text(row)?.to_vec())))
    }

    /// True when the view's filter lets the row pass.
    #[inline]
    #[must_use]
    pub fn passes(&self, row: usize) -> bool {
        self.passes
            .as_ref()
            .is_none_or(|passes| passes.as_bool(row) == Some(true))
    }

    /// The row's words, or none when the view's filter does not let it pass.
    #[inline]
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&[u64]> {
        let words = || &self.words[row * self.width..(row + 1) * self.width];
        self.passes(row).then(words)
    }
}

/// Keys already encoded for this batch: views and vectors mostly share a few.
struct KeyCache<'a> {
    inputs: Inputs<'a>,
    known: Vec<(Vec<Expr>, Arc<Keys>)>,
}

impl KeyCache<'_> {
    fn get(&mut self, key: &[Expr]) -> Arc<Keys> {
        if let Some((_, keys)) = self.known.iter().find(|(known, _)| known == key) {
            return Arc::clone(keys);
        }
        let columns: Vec<(Type, Column)> = key
            .iter()
            .map(|part| (part.ty, self.inputs.eval(part)))
            .collect();
        let parts: Vec<(Type, &Column)> =
            columns.iter().map(|(ty, column)| (*ty, column)).collect();
        let keys = Arc::new(Keys::encode(&parts, self.inputs.rows));
        self.known.push((key.to_vec(), Arc::clone(&keys)));
        keys
    }

    fn fields(&mut self, stream: &Stream, fields: &[usize]) -> Arc<Keys> {
        let key: Vec<Expr> = fields
            .iter()
            .map(|&index| {
                let field = &stream.fields[index];
                Expr {
                    ty: field.ty,
                    nullable: field.nullable,
                    node: Node::Field(index, field.name.clone()),
                }
            })
            .collect();
        self.get(&key)
    }
}

fn set_bits(
    condition: &Condition,
    inputs: &Inputs<'_>,
    words: &mut [u64],
    width: usize,
    bit: usize,
) {
    let filter = condition.filter.as_ref().map(|filter| inputs.eval(filter));
    let arg = condition.arg.as_ref().map(|arg| inputs.eval(arg));
    for (row, word) in words.iter_mut().step_by(width).enumerate() {
        let passes = filter
            .as_ref()
            .is_none_or(|filter| filter.as_bool(row) == Some(true));
        let valid = arg.as_ref().is_none_or(|arg| arg.is_valid(row));
        *word |= u64::from(passes && valid) << bit;
    }
}

fn invalid(stream: &Stream, fields: &[Column], rows: usize) -> Vec<u16> {
    let mut invalid = Vec::new();
    let mut mark = |row: usize, field: usize| {
        if invalid.is_empty() {
            invalid = vec![VALID; rows];
        }
        // Fields are visited in order, so the first one stays.
        if invalid[row] == VALID {
            invalid[row] = field as u16;
        }
    };
    for (at, (field, column)) in stream.fields.iter().zip(fields).enumerate() {
        if !field.nullable && column.has_nulls() {
            (0..rows)
                .filter(|&row| !column.is_valid(row))
                .for_each(|row| mark(row, at));
        }
        let mut from = 0;
        while let Some(row) = column.not_finite(from) {
            mark(row, at);
            from = row + 1;
        }
    }
    invalid
}

fn refuse(stream: &Stream, what: &str) -> Error {
    Error::Batch(format!("stream '{}': {what}", stream.name))
}
