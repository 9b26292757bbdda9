//! The result of a step of one event.

use forerun_core::guard::Verdict;
use forerun_core::plan::Plan;
use forerun_core::single::Outcome;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyTuple};

use crate::arrow::Batch;
use crate::value::give_list;

/// Of a value that could not be computed: vector, emitter, row, feature, and what its function said.
type Missing = (Option<usize>, Option<usize>, usize, String, Option<String>);

/// What one `Kernel.event` decided and read.
#[pyclass(frozen, get_all, module = "forerun._core._rust")]
pub(crate) struct EventResult {
    verdict: u8,
    field: Option<String>,
    watermark: Option<i64>,
    vectors: Vec<Option<Py<PyTuple>>>,
    stale: Vec<(usize, usize, i64)>,
    overflow: Vec<Missing>,
    emitted: Vec<Py<Batch>>,
}

impl EventResult {
    pub(crate) fn new(
        py: Python<'_>,
        plan: &Plan,
        stream: usize,
        outcome: &Outcome,
    ) -> PyResult<Self> {
        let field = |at: usize| plan.streams[stream].fields[at].name.clone();
        let applied = outcome.verdict == Verdict::Applied;
        let vectors = outcome.vectors.iter().enumerate().map(|(index, inputs)| {
            if !applied || plan.vectors[index].stream != stream {
                return Ok(None);
            }
            let numbers = inputs.numbers.iter().enumerate();
            let values = numbers.map(|(at, number)| match number {
                Some(number) => PyFloat::new(py, *number).into_any(),
                None => match inputs.lists.iter().find(|(place, _)| *place == at) {
                    Some((_, list)) => give_list(py, list),
                    None => py.None().into_bound(py),
                },
            });
            PyTuple::new(py, values).map(|inputs| Some(inputs.unbind()))
        });
        let stale = outcome.stale.iter();
        let overflow = outcome.overflow.iter();
        let emitted = outcome.emitted.iter();
        Ok(Self {
            verdict: outcome.verdict as u8,
            field: outcome.field.map(field),
            watermark: outcome.watermark,
            vectors: vectors.collect::<PyResult<_>>()?,
            stale: stale
                .map(|read| (read.vector, read.view, read.earliest_us))
                .collect(),
            overflow: overflow
                .map(|one| {
                    let why = one.why.as_deref().map(str::to_owned);
                    (one.vector, one.emitter, one.row, one.feature.clone(), why)
                })
                .collect(),
            emitted: emitted
                .map(|batch| Py::new(py, Batch(batch.clone())))
                .collect::<PyResult<_>>()?,
        })
    }
}
