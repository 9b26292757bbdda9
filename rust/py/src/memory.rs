//! `memory`: how many bytes an entity of each view can take at most.

use forerun_core::memory::Memory;
use forerun_core::plan::Plan;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::raise;

/// The bound of every view of a plan.
#[pyfunction]
pub(crate) fn memory<'py>(py: Python<'py>, plan_json: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let plan = Plan::compile(plan_json).map_err(raise)?;
    (0..plan.views.len())
        .map(|index| {
            let bound = Memory::of(&plan, index);
            let out = PyDict::new(py);
            out.set_item("few", bound.few)?;
            out.set_item("many", bound.many)?;
            out.set_item("many_from", bound.many_from)?;
            out.set_item("span_us", bound.span_us)?;
            out.set_item("newest", bound.newest)?;
            out.set_item("unnoticed", bound.unnoticed)?;
            out.set_item("waits_us", bound.waits_us)?;
            out.set_item("view", bound.view)?;
            out.set_item("texts", bound.texts)?;
            Ok(out)
        })
        .collect()
}
