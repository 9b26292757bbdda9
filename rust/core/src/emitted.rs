//! Closed windows, as they are found, and the batch they make.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use crate::accumulator::Accumulator;
use crate::cells::Cells;
use crate::column::Column;
use crate::emitter_plan::Emitter;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::kind::Kind;
use crate::list::List;
use crate::plan::Track;
use crate::read_closed::closed;
use crate::read_valued::Value;
use crate::step::batch;
use crate::stream_plan::Stream;
use crate::text::Lexicon;
use crate::totals::Totals;
use crate::types::Type;

/// Rows of one emitter: a key, a window, and its features.
///
/// ```
/// use forerun_core::accumulator::Accumulator;
/// use forerun_core::aggregate::Needs;
/// use forerun_core::emitted::Rows;
/// use forerun_core::plan::{EMITTERS, Plan};
/// use forerun_core::text::Lexicon;
///
/// let plan = Plan::compile(EMITTERS).unwrap();
/// let mut count = Accumulator::new(None, Needs::default());
/// count.push_newest(0);
/// let mut rows = Rows::new(&plan.emitters[0]);
/// rows.push(b"\x01\0\0\0a", (0, 60), &[count], &Lexicon::default());
/// let batch = rows.finish(&plan.streams[0]).unwrap();
/// assert_eq!((batch.num_rows(), batch.num_columns()), (1, 4)); // k, start, end, events
/// ```
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    plan: &'a Emitter,
    keys: Vec<u8>,
    key_ends: Vec<usize>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    /// By feature.
    cells: Vec<Cells>,
    /// By feature, of those that are lists or texts.
    lists: Vec<Vec<Option<Box<List>>>>,
    /// By track, the totals of no values.
    nothing: Vec<Totals>,
    /// Row and feature of values beyond the range of their type.
    overflown: Vec<(usize, usize, Option<Box<str>>)>,
}

impl<'a> Rows<'a> {
    /// No rows yet.
    #[must_use]
    pub fn new(plan: &'a Emitter) -> Self {
        let features = plan.view.features.len();
        Self {
            plan,
            keys: Vec::new(),
            key_ends: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            cells: vec![Cells::default(); features],
            lists: vec![Vec::new(); features],
            nothing: plan.view.tracks.iter().map(Track::totals).collect(),
            overflown: Vec::new(),
        }
    }

    /// Adds a window of a key, with what was accumulated per track and the texts that its words stand for.
    ///
    /// A value beyond its type's range is null.
    #[inline]
    pub fn push(
        &mut self,
        key: &[u8],
        window: (i64, i64),
        totals: &[Accumulator],
        lexicon: &Lexicon,
    ) {
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len());
        self.starts.push(window.0);
        self.ends.push(window.1);
        let view = &self.plan.view;
        let columns = view.features.iter().zip(&mut self.cells);
        for (nth, (feature, cells)) in columns.enumerate() {
            let Some(span) = view.spans.get(feature.span) else {
                continue; // made of others, when all rows are there
            };
            let all = &totals[span.track];
            let value = if view.tracks[span.track].needs.kind == Kind::Plain {
                all.value(feature.aggregate, feature.over_us, feature.per_us)
                    .map(Value::Word)
            } else {
                closed(view, feature, &self.nothing[span.track], all, window.1)
            };
            if value.is_err() {
                self.overflown.push((self.starts.len() - 1, nth, None));
            }
            let list = match value.unwrap_or(Value::Word(None)) {
                Value::List(list) => Some(list),
                Value::Failed(why) => {
                    self.overflown.push((self.starts.len() - 1, nth, Some(why)));
                    cells.push(None);
                    None
                }
                Value::Word(word) => {
                    cells.push(word);
                    word.filter(|_| feature.is_text())
                        .map(|word| List::of(vec![word]))
                }
            };
            if feature.is_list() || feature.is_text() {
                let list = list.map(|mut list| {
                    if feature.holds_words_of_texts() {
                        let most = feature.params.n.max(1);
                        list.resolve(most, |word| lexicon.text(word));
                    }
                    Box::new(list)
                });
                self.lists[nth].push(list);
            }
        }
    }

    /// Takes row and feature of the values that are null because they cannot be computed, with what a function said.
    #[must_use]
    pub fn take_overflown(&mut self) -> Vec<(usize, usize, Option<Box<str>>)> {
        std::mem::take(&mut self.overflown)
    }

    /// The rows as a batch: the key's fields, `start`, `end`, then the features.
    pub fn finish(self, stream: &Stream) -> Result<RecordBatch> {
        let plan = self.plan;
        let mut columns: Vec<(&str, bool, ArrayRef)> = Vec::new();
        let keys = self.key_columns(&plan.key_types)?;
        for (&field, column) in plan.view.by.iter().zip(keys) {
            columns.push((&stream.fields[field].name, false, column));
        }
        let rows = self.starts.len();
        let now = [Column::whole(rows, |row| Some(self.ends[row]))];
        columns.push(("start", false, Arc::new(Int64Array::from(self.starts))));
        columns.push(("end", false, Arc::new(Int64Array::from(self.ends.clone()))));
        let mut values: Vec<Column> = Vec::with_capacity(self.cells.len());
        for ((feature, cells), lists) in plan.view.features.iter().zip(self.cells).zip(&self.lists)
        {
            values.push(match &feature.derived {
                Some(expr) => {
                    let inputs = Inputs {
                        rows,
                        fields: &now,
                        features: &values,
                    };
                    inputs.eval(expr)
                }
                None if feature.is_text() => List::texts(lists),
                None => cells.into_column(feature.ty),
            });
        }
        let features = plan.view.features.iter().zip(values).zip(&self.lists);
        for ((feature, column), lists) in features.filter(|((feature, _), _)| !feature.is_hidden())
        {
            let column = if feature.is_list() {
                List::array(lists, feature.ty)
            } else {
                column.to_array(feature.ty)
            };
            columns.push((&feature.name, true, column));
        }
        batch(columns)
    }

    /// The parts of the keys (see [`crate::key::Keys`]) as columns.
    fn key_columns(&self, types: &[Type]) -> Result<Vec<ArrayRef>> {
        let rows = self.key_ends.len();
        // Where the next part of each row's key begins.
        let mut at: Vec<usize> = (0..rows)
            .map(|row| if row == 0 { 0 } else { self.key_ends[row - 1] })
            .collect();
        types
            .iter()
            .map(|&ty| match ty {
                Type::String => self.texts(&mut at),
                Type::Bool => Ok(Column::bools(rows, |row| {
                    at[row] += 1;
                    Some(self.keys[at[row] - 1] != 0)
                })
                .to_array(ty)),
                _ => Ok(Column::whole(rows, |row| {
                    at[row] += 8;
                    self.keys[at[row] - 8..]
                        .first_chunk()
                        .map(|word| i64::from_le_bytes(*word))
                })
                .to_array(ty)),
            })
            .collect()
    }

    fn texts(&self, at: &mut [usize]) -> Result<ArrayRef> {
        let mut bytes = Vec::with_capacity(self.keys.len());
        let mut ends = Vec::with_capacity(at.len() + 1);
        ends.push(0i32);
        for at in at {
            let length = self.keys[*at..]
                .first_chunk()
                .map_or(0, |n| u32::from_le_bytes(*n));
            *at += 4 + length as usize;
            bytes.extend_from_slice(&self.keys[*at - length as usize..*at]);
            ends.push(i32::try_from(bytes.len()).map_err(|_| {
                Error::Batch("a step closes windows with 2 GiB of keys; take smaller steps".into())
            })?);
        }
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        StringArray::try_new(ends, Buffer::from_vec(bytes), None)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| Error::Batch(error.to_string()))
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}
