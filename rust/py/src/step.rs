//! The result of a step.

use std::sync::Arc;

use arrow_array::UInt8Array;
use forerun_core::step::Step;
use pyo3::prelude::*;

use crate::arrow::{Array, Batch};

/// What one `Kernel.apply` decided and read.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct StepResult {
    #[pyo3(get)]
    verdicts: Vec<Py<Array>>,
    #[pyo3(get)]
    rejected: Py<Batch>,
    #[pyo3(get)]
    vectors: Vec<Py<Batch>>,
    #[pyo3(get)]
    stale: Py<Batch>,
    #[pyo3(get)]
    overflow: Py<Batch>,
    #[pyo3(get)]
    emitted: Vec<Py<Batch>>,
}

impl StepResult {
    pub(crate) fn new(py: Python<'_>, step: Step) -> PyResult<Self> {
        let verdicts = step
            .verdicts
            .into_iter()
            .map(|verdicts| Array(Arc::new(UInt8Array::from(verdicts))));
        Ok(Self {
            verdicts: verdicts
                .map(|array| Py::new(py, array))
                .collect::<PyResult<_>>()?,
            rejected: Py::new(py, Batch(step.rejected))?,
            vectors: step
                .vectors
                .into_iter()
                .map(|batch| Py::new(py, Batch(batch)))
                .collect::<PyResult<_>>()?,
            stale: Py::new(py, Batch(step.stale))?,
            overflow: Py::new(py, Batch(step.overflow))?,
            emitted: step
                .emitted
                .into_iter()
                .map(|batch| Py::new(py, Batch(batch)))
                .collect::<PyResult<_>>()?,
        })
    }
}
