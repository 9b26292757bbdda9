//! A Python function as the store of entities that are not in memory.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array as _, RecordBatch};
use forerun_core::Error;
use forerun_core::spill::{Store, Stored};
use pyo3::prelude::*;

use crate::arrow::{Batch, Columns};
use crate::function::Interrupt;

/// Calls a function with a batch of (view, key); it returns one of (view, key, state).
pub(crate) struct PyStore {
    pub(crate) load: Py<PyAny>,
    pub(crate) interrupt: Interrupt,
}

impl fmt::Debug for PyStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PyStore").finish_non_exhaustive()
    }
}

impl Store for PyStore {
    fn load(&self, keys: RecordBatch) -> Result<Vec<Stored>, Error> {
        // The kernel is held, and nobody waits for it with the GIL in hand.
        let columns = Python::attach(|py| {
            let keys = Py::new(py, Batch(keys))?;
            Columns::import(&self.load.bind(py).call1((keys,))?)
        });
        let columns = columns.map_err(|error| {
            let text = error.to_string();
            self.interrupt.set(error);
            Error::Store(text)
        })?;
        let refuse =
            || Error::State("stored entities are (view int32, key binary, state binary)".into());
        let [views, keys, states] = columns.arrays.as_slice() else {
            return Err(refuse());
        };
        let (Some(views), Some(keys), Some(states)) = (
            views.as_primitive_opt::<Int32Type>(),
            keys.as_binary_opt::<i32>(),
            states.as_binary_opt::<i32>(),
        ) else {
            return Err(refuse());
        };
        let rows = (0..columns.rows).filter(|&row| states.is_valid(row));
        Ok(rows
            .map(|row| {
                let (key, state) = (keys.value(row).to_vec(), states.value(row).to_vec());
                (views.value(row) as usize, key, state)
            })
            .collect())
    }
}
