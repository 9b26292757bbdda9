//! The kernel's errors as Python exceptions.

use forerun_core::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyLookupError, PyRuntimeError, PyValueError};

pyo3::create_exception!(
    forerun._core._rust,
    PlanError,
    PyValueError,
    "A plan that cannot be compiled."
);
pyo3::create_exception!(
    forerun._core._rust,
    BatchError,
    PyValueError,
    "A batch that does not fit its stream's declaration or its place in the log; nothing was applied."
);
pyo3::create_exception!(
    forerun._core._rust,
    StateFormatError,
    PyValueError,
    "State bytes of another format version or another plan, or damaged ones."
);
pyo3::create_exception!(
    forerun._core._rust,
    StaleReadError,
    PyLookupError,
    "A read at a time whose events may have been dropped."
);

/// The Python exception of a kernel error.
pub(crate) fn raise(error: Error) -> PyErr {
    match error {
        Error::Plan(text) => PlanError::new_err(text),
        Error::Batch(text) => BatchError::new_err(text),
        Error::State(text) => StateFormatError::new_err(text),
        Error::Stale(text) => StaleReadError::new_err(text),
        // What the store itself raised is raised in its place, once.
        Error::Store(text) => PyRuntimeError::new_err(text),
    }
}
