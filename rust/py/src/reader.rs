//! `Reader`: reads of one entity at a time, prepared once.

use std::sync::{Arc, Mutex};

use forerun_core::plan::Plan;
use forerun_core::reader::Reader as CoreReader;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::raise;
use crate::kernel::{Shared, held};
use crate::value::{give, give_word, take_all};

/// Some features of a view, ready to be read for one key after the other.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Reader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) prepared: Mutex<CoreReader>,
}

#[pymethods]
impl Reader {
    fn read<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyTuple>,
        t_us: i64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        self.shared.interrupt.is_free()?;
        let mut reader = held(py, &self.prepared)?;
        let key = take_all(key, reader.key_types(), |at| {
            at.map_or("key".into(), |at| format!("key, part {at}"))
        })?;
        self.shared.briefly(py, |kernel| {
            kernel.read(&mut reader, key, t_us).map_err(raise)
        })?;
        let values = (0..reader.width()).map(|at| match reader.word(at) {
            Some((ty, word)) => give_word(py, ty, word),
            None => give(py, &reader.value(&self.plan, at)),
        });
        PyTuple::new(py, values)
    }
}
