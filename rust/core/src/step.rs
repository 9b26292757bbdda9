//! What one step decided and read.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array};
use arrow_schema::{DataType, Field, Schema};

use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::expr::{Expr, Node};
use crate::grid::Grid;
use crate::guard::Verdict;
use crate::list::List;
use crate::plan::{Plan, Vector};
use crate::stage::Staged;
use crate::threads::{THREAD_ROWS, shared};

/// The results of one step: verdict per row, rejected rows, vectors read.
///
/// ```
/// use forerun_core::Kernel;
/// use forerun_core::plan::EXAMPLE;
///
/// let step = Kernel::new(EXAMPLE).unwrap().apply(&[]).unwrap();
/// assert_eq!((step.rejected.num_rows(), step.vectors.len()), (0, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Step {
    /// A [`Verdict`] per row, per batch.
    pub verdicts: Vec<Vec<u8>>,
    /// Rows not applied: batch, row, verdict, field, watermark.
    pub rejected: RecordBatch,
    /// Per vector of the plan: batch, row, time and the inputs.
    pub vectors: Vec<RecordBatch>,
    /// Reads served null because they were too old: vector, row, view, `earliest_us`.
    pub stale: RecordBatch,
    /// Values served null because they were beyond the range of their type: vector or emitter, row, feature.
    pub overflow: RecordBatch,
    /// Per emitter of the plan: windows closed, by end and key.
    pub emitted: Vec<RecordBatch>,
}

/// Rows not applied, as they are found.
#[derive(Debug, Default)]
pub(crate) struct Rejected(Vec<RejectedRow>);

#[derive(Debug)]
struct RejectedRow {
    at: (u32, u32),
    verdict: Verdict,
    /// Stream and field.
    field: Option<(usize, usize)>,
    watermark: Option<i64>,
}

impl Rejected {
    pub(crate) fn push(
        &mut self,
        at: (u32, u32),
        verdict: Verdict,
        field: Option<(usize, usize)>,
        watermark: Option<i64>,
    ) {
        self.0.push(RejectedRow {
            at,
            verdict,
            field,
            watermark,
        });
    }

    pub(crate) fn finish(self, plan: &Plan) -> Result<RecordBatch> {
        let name = |(stream, field): (usize, usize)| &*plan.streams[stream].fields[field].name;
        let rows = || self.0.iter();
        let batches: Int32Array = rows().map(|row| Some(row.at.0 as i32)).collect();
        let places: Int32Array = rows().map(|row| Some(row.at.1 as i32)).collect();
        let verdicts: UInt8Array = rows().map(|row| Some(row.verdict as u8)).collect();
        let fields: StringArray = rows().map(|row| row.field.map(name)).collect();
        let watermarks: Int64Array = rows().map(|row| row.watermark).collect();
        batch(vec![
            ("batch", false, Arc::new(batches)),
            ("row", false, Arc::new(places)),
            ("verdict", false, Arc::new(verdicts)),
            ("field", true, Arc::new(fields)),
            ("watermark", true, Arc::new(watermarks)),
        ])
    }
}

/// A read that came too late, and what the earliest in time would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// Index of the vector.
    pub vector: usize,
    /// Row of the vector's batch.
    pub row: usize,
    /// Index of the view.
    pub view: usize,
    /// The earliest time the view can be read at.
    pub earliest_us: i64,
}

/// Reads that came too late, as they are found.
#[derive(Clone, Debug, Default)]
pub(crate) struct StaleReads(pub(crate) Vec<StaleRead>);

impl StaleReads {
    pub(crate) fn push(&mut self, vector: usize, row: usize, view: usize, earliest_us: i64) {
        self.0.push(StaleRead {
            vector,
            row,
            view,
            earliest_us,
        });
    }

    pub(crate) fn finish(self) -> Result<RecordBatch> {
        let column = |pick: fn(&StaleRead) -> usize| -> ArrayRef {
            let column: Int32Array = self.0.iter().map(|read| Some(pick(read) as i32)).collect();
            Arc::new(column)
        };
        let earliest: Int64Array = self.0.iter().map(|read| Some(read.earliest_us)).collect();
        batch(vec![
            ("vector", false, column(|read| read.vector)),
            ("row", false, column(|read| read.row)),
            ("view", false, column(|read| read.view)),
            ("earliest_us", false, Arc::new(earliest)),
        ])
    }
}

/// The reads of one vector, as its events come.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Batch and row of each triggering event.
    pub(crate) at: Vec<(u32, u32)>,
    /// Its event time.
    pub(crate) times: Vec<i64>,
}

impl Reads {
    /// The vector's batch: of events, by so many threads and with their positions; or of requests.
    pub(crate) fn finish(
        self,
        plan: &Plan,
        index: usize,
        grid: &mut Grid,
        staged: &[Option<&Staged>],
        threads: Option<usize>,
    ) -> Result<RecordBatch> {
        let vector = &plan.vectors[index];
        let rows = self.times.len();
        let fields = fields_of(plan, vector, staged, &self.at);
        let lists: Vec<_> = vector
            .lists
            .iter()
            .map(|&slot| (slot, grid.take_lists(slot)))
            .collect();
        let features = grid.take_columns(&vector.slots);
        let list_of = |expr: &Expr| match expr.node {
            Node::Feature(slot, _) => lists.iter().find(|(known, _)| *known == slot),
            _ => None,
        };
        let inputs = Inputs {
            rows,
            fields: &fields,
            features: &features,
        };
        let mut columns: Vec<(&str, bool, ArrayRef)> = Vec::with_capacity(vector.inputs.len() + 3);
        if threads.is_some() {
            let column = |pick: fn(&(u32, u32)) -> u32| -> ArrayRef {
                let numbers = self.at.iter().map(|at| pick(at) as i32);
                Arc::new(Int32Array::from_iter_values(numbers))
            };
            columns.push(("batch", false, column(|at| at.0)));
            columns.push(("row", false, column(|at| at.1)));
        }
        columns.push(("time", false, Arc::new(Int64Array::from(self.times))));
        let input = |expr: &Expr| match list_of(expr) {
            None => inputs.eval(expr).to_floats(),
            Some((_, lists)) => List::array(lists, expr.ty),
        };
        let names = vector.inputs.iter().map(|(name, _)| name.as_str());
        // A column that only changes hands is not worth a second thread.
        let made = |(_, expr): &(_, Expr)| {
            !matches!(expr.node, Node::Feature(..)) || list_of(expr).is_some()
        };
        let worth = rows >= THREAD_ROWS && vector.inputs.iter().any(made);
        let threads = threads.filter(|_| worth).unwrap_or(1);
        let some = shared(threads, |nth| {
            let own = vector.inputs.iter().skip(nth).step_by(threads);
            own.map(|(_, expr)| input(expr)).collect::<Vec<_>>()
        });
        let mut some: Vec<_> = some.into_iter().map(Vec::into_iter).collect();
        for (at, name) in names.enumerate() {
            columns.extend(some[at % threads].next().map(|made| (name, true, made)));
        }
        batch(columns)
    }
}

/// The trigger's fields at the given rows; those no input names stay empty.
fn fields_of(
    plan: &Plan,
    vector: &Vector,
    staged: &[Option<&Staged>],
    at: &[(u32, u32)],
) -> Vec<Column> {
    let stream = &plan.streams[vector.stream];
    let mut used = vec![false; stream.fields.len()];
    for (_, expr) in &vector.inputs {
        expr.walk(&mut |part| {
            if let Node::Field(index, _) = part.node {
                used[index] = true;
            }
        });
    }
    let empty = Column::whole(0, |_| None);
    let pick = |index: usize| {
        if !used[index] {
            return empty.clone();
        }
        let columns: Vec<&Column> = staged
            .iter()
            .map(|staged| staged.map_or(&empty, |staged| &staged.fields[index]))
            .collect();
        Column::gather(stream.fields[index].ty, &columns, at)
    };
    (0..stream.fields.len()).map(pick).collect()
}

/// A record batch of named columns (name, nullable, values).
pub(crate) fn batch(columns: Vec<(&str, bool, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, nullable, array)| {
            Field::new(
                *name,
                array.data_type().clone(),
                *nullable || *array.data_type() == DataType::Null,
            )
        })
        .collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::Batch(error.to_string()))
}
