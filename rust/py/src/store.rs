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
        let columns = self.interrupt.during(|py| {
            let keys = Py::new(py, Batch(keys))?;
            Columns::import(&self.load.bind(py).call1((keys,))?)
        });
        let columns = columns.map_err(|error| {
            let text = error.to_string();
            self.interrupt.set(error);
            Error::Store(text)
        })?;
        let rows = stored_rows(&columns)?;
        Ok(rows
            .map(|(view, key, state)| (view, key.to_vec(), state.to_vec()))
            .collect())
    }
}

/// The rows of stored entities, (view int32, key binary, state binary); those whose state is null are gone.
pub(crate) fn stored_rows(
    columns: &Columns,
) -> Result<impl Iterator<Item = (usize, &[u8], &[u8])>, Error> {
    if let [views, keys, states] = columns.arrays.as_slice()
        && let Some(views) = views.as_primitive_opt::<Int32Type>()
        && let Some(keys) = keys.as_binary_opt::<i32>()
        && let Some(states) = states.as_binary_opt::<i32>()
    {
        let rows = (0..columns.rows).filter(|&row| states.is_valid(row));
        return Ok(rows.map(|row| {
            (
                views.value(row) as usize,
                keys.value(row),
                states.value(row),
            )
        }));
    }
    let names: Vec<&str> = columns
        .fields
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    Err(Error::State(format!(
        "entities are (view int32, key binary, state binary), got {names:?}"
    )))
}
