//! `Formula`: one expression by itself, and what there is of time zones.

use forerun_core::formula::Formula as Compiled;
use forerun_core::types::Type;
use forerun_core::zone::Zone;
use pyo3::prelude::*;

use crate::arrow::{Array, Columns};
use crate::errors::{PlanError, raise};

/// One expression over the columns of a table.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Formula(Compiled);

#[pymethods]
impl Formula {
    #[new]
    fn new(expr_json: &str, columns: Vec<(String, String)>) -> PyResult<Self> {
        let typed = columns
            .into_iter()
            .map(|(name, ty)| match Type::parse(&ty) {
                Some(ty) => Ok((name, ty)),
                None => Err(PlanError::new_err(format!("column of unknown type '{ty}'"))),
            });
        let columns = typed.collect::<PyResult<_>>()?;
        Compiled::compile(expr_json, columns)
            .map(Self)
            .map_err(raise)
    }

    fn evaluate(&self, py: Python<'_>, batch: &Bound<'_, PyAny>) -> PyResult<Array> {
        let columns = Columns::import(batch)?;
        py.detach(|| self.0.evaluate(&columns.arrays, columns.rows))
            .map(Array)
            .map_err(raise)
    }
}

/// The names of all time zones, sorted.
#[pyfunction]
pub(crate) fn zone_names() -> Vec<&'static str> {
    Zone::names()
}

/// A zone as the tz database has it.
#[pyfunction]
pub(crate) fn zone_data(name: &str) -> PyResult<&'static [u8]> {
    Zone::data(name).ok_or_else(|| PlanError::new_err(format!("unknown time zone '{name}'")))
}
