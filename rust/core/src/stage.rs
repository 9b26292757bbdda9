//! Everything about a batch that does not depend on state, computed column by column before its rows are applied.

use arrow_array::ArrayRef;
use arrow_schema::Fields;
use std::sync::Arc;

use crate::buffer::OFFSET_MAX;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::expr::Expr;
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
    /// Each key there is, as the plan's staging has them; and those of the event before, whose memory serves the next.
    keys: [Vec<Arc<Keys>>; 2],
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
        Self::events_by(plan, batch, 1)
    }

    /// The same by so many threads.
    pub(crate) fn events_by(plan: &Plan, batch: &Batch, threads: usize) -> Result<Self> {
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
        staged.prepare(plan, batch.stream, threads);
        Ok(staged)
    }

    /// Room for one event of a stream after the other, without one so far.
    pub(crate) fn room(stream: &Stream) -> Self {
        Self::of_fields(stream, Vec::new(), 1)
    }

    /// The same of one event, whose fields are columns of a single row and there already.
    pub(crate) fn event(&mut self, plan: &Plan, stream: usize, arrival_us: i64) {
        self.invalid = invalid(&plan.streams[stream], &self.fields, 1);
        self.arrivals.clear();
        self.arrivals.push(arrival_us);
        self.prepare(plan, stream, 1);
    }

    /// Computes what views, vectors, emitters and the duplicate check need of every row.
    fn prepare(&mut self, plan: &Plan, stream: usize, threads: usize) {
        let (own, staging) = (&plan.streams[stream], &plan.staging[stream]);
        let inputs = Inputs {
            rows: self.rows,
            fields: &self.fields,
            features: &[],
        };
        self.keys.reverse();
        let keys = &mut self.keys[0];
        for (at, key) in staging.keys.iter().enumerate() {
            match keys.get_mut(at) {
                None => keys.push(Arc::new(encode(&inputs, key, threads))),
                Some(held) => match Arc::get_mut(held) {
                    Some(own) => encode_again(own, &inputs, key),
                    None => *held = Arc::new(encode(&inputs, key, threads)),
                },
            }
        }
        let keys = &self.keys[0];
        let views = own.views.iter().map(|&view| &plan.views[view]);
        let views = views.zip(staging.views.iter().map(|&key| &keys[key]));
        StagedView::fill(&mut self.views, views, &inputs);
        let emitters = own.emitters.iter().map(|&at| &plan.emitters[at].view);
        let emitters = emitters.zip(staging.emitters.iter().map(|&key| &keys[key]));
        StagedView::fill(&mut self.emitters, emitters, &inputs);
        let shared = |&key: &usize| Arc::clone(&keys[key]);
        self.lookups.resize_with(staging.lookups.len(), Vec::new);
        for (own, keys) in self.lookups.iter_mut().zip(&staging.lookups) {
            own.clear();
            own.extend(keys.iter().map(shared));
        }
        self.ids = staging.id.as_ref().map(shared);
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
        let staged = Self::of_fields(stream, fields, batch.rows);
        if strict && let Some(row) = staged.invalid.iter().position(|&field| field != VALID) {
            let name = &stream.fields[staged.invalid[row] as usize].name;
            return Err(refuse(
                stream,
                &format!("row {row}: field '{name}' is missing or not finite"),
            ));
        }
        Ok(staged)
    }

    fn of_fields(stream: &Stream, fields: Vec<Column>, rows: usize) -> Self {
        Self {
            invalid: invalid(stream, &fields, rows),
            fields,
            arrivals: Vec::new(),
            rows,
            views: Vec::new(),
            emitters: Vec::new(),
            ids: None,
            lookups: Vec::new(),
            keys: Default::default(),
            time: stream.time,
        }
    }

    /// The keys of one lookup, for requests.
    #[must_use]
    pub fn keys(&self, key: &[Expr]) -> Keys {
        let inputs = Inputs {
            rows: self.rows,
            fields: &self.fields,
            features: &[],
        };
        encode(&inputs, key, 1)
    }

    /// Event time of a valid row.
    #[inline]
    #[must_use]
    pub fn time(&self, row: usize) -> i64 {
        self.times()[row]
    }

    /// The event times of all rows, whatever those of invalid ones are.
    #[inline]
    pub(crate) fn times(&self) -> &[i64] {
        self.fields[self.time].wholes()
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
    /// What some views need, in the memory of what they needed before.
    fn fill<'a>(
        held: &mut Vec<Self>,
        views: impl Iterator<Item = (&'a View, &'a Arc<Keys>)>,
        inputs: &Inputs<'_>,
    ) {
        for (at, (view, keys)) in views.enumerate() {
            if held.len() == at {
                held.push(Self {
                    keys: Arc::clone(keys),
                    texts: Vec::new(),
                    passes: None,
                    words: Vec::new(),
                    width: view.staged_words(),
                });
            }
            held[at].refill(view, inputs, keys);
        }
    }

    fn refill(&mut self, view: &View, inputs: &Inputs<'_>, keys: &Arc<Keys>) {
        self.keys.clone_from(keys);
        let (width, words) = (self.width, &mut self.words);
        if words.is_empty() {
            *words = vec![0; width * inputs.rows];
        } else {
            words.clear();
            words.resize(width * inputs.rows, 0);
        }
        for (bit, condition) in view.conditions.iter().enumerate() {
            let words = words.get_mut(bit / 64..).unwrap_or_default();
            set_bits(condition, inputs, words, width, bit % 64);
        }
        let first = view.conditions.len().div_ceil(64);
        self.texts.clear();
        for (at, arg) in view.args.iter().enumerate() {
            let column = inputs.look(arg);
            if arg.ty == Type::String {
                self.texts.push((first + at, column.into_owned()));
                continue;
            }
            let words = words.get_mut(first + at..).unwrap_or_default();
            column.copy_words(words, width);
        }
        self.passes = view.filter.as_ref().map(|filter| inputs.eval(filter));
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
        self.passes(row).then(|| self.words(row))
    }

    /// The row's words, whether it passes or not.
    #[inline]
    pub(crate) fn words(&self, row: usize) -> &[u64] {
        &self.words[row * self.width..(row + 1) * self.width]
    }
}

/// The keys of all rows.
fn encode(inputs: &Inputs<'_>, key: &[Expr], threads: usize) -> Keys {
    if let [part] = key {
        return Keys::encode_by(&[(part.ty, &*inputs.look(part))], inputs.rows, threads);
    }
    let columns: Vec<_> = key.iter().map(|part| inputs.look(part)).collect();
    let parts = key.iter().zip(&columns);
    let parts: Vec<(Type, &Column)> = parts.map(|(part, column)| (part.ty, &**column)).collect();
    Keys::encode_by(&parts, inputs.rows, threads)
}

/// The same in the memory of other keys.
fn encode_again(keys: &mut Keys, inputs: &Inputs<'_>, key: &[Expr]) {
    if let [part] = key {
        return keys.refill(&[(part.ty, &*inputs.look(part))], inputs.rows);
    }
    let columns: Vec<_> = key.iter().map(|part| inputs.look(part)).collect();
    let parts = key.iter().zip(&columns);
    let parts: Vec<(Type, &Column)> = parts.map(|(part, column)| (part.ty, &**column)).collect();
    keys.refill(&parts, inputs.rows);
}

fn set_bits(
    condition: &Condition,
    inputs: &Inputs<'_>,
    words: &mut [u64],
    width: usize,
    bit: usize,
) {
    let filter = condition.filter.as_ref().map(|filter| inputs.eval(filter));
    let arg = condition.arg.as_ref().map(|arg| inputs.look(arg));
    let all = words.iter_mut().step_by(width);
    if filter.is_none() && arg.as_ref().is_none_or(|arg| !arg.has_nulls()) {
        return all.for_each(|word| *word |= 1 << bit);
    }
    for (row, word) in all.enumerate() {
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
