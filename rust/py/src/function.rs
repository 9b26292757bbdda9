//! Python functions that the kernel calls.

use std::sync::{Arc, Mutex, PoisonError};

use forerun_core::custom::{CustomAggregate, Functions};
use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping};

/// What the text of an error may have, so that a log of many stays readable.
const CHARS_MAX: usize = 200;

/// What stops a call of the kernel because it is not the function's own mistake: an interrupt, or no memory.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Option<PyErr>>>);

impl Interrupt {
    /// Notes what stops it.
    pub(crate) fn set(&self, error: PyErr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Raises it, once.
    pub(crate) fn check(&self) -> PyResult<()> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.take().map_or(Ok(()), Err)
    }
}

/// A Python function, called with lists and a time.
struct Function {
    function: Py<PyAny>,
    interrupt: Interrupt,
}

/// The functions of a mapping from names.
pub(crate) fn functions(
    given: Option<&Bound<'_, PyMapping>>,
    interrupt: &Interrupt,
) -> PyResult<Functions> {
    let mut functions = Functions::default();
    let Some(given) = given else {
        return Ok(functions);
    };
    for item in given.items()? {
        let (name, function): (String, Py<PyAny>) = item.extract()?;
        let interrupt = interrupt.clone();
        functions = functions.with(
            &name,
            Function {
                function,
                interrupt,
            },
        );
    }
    Ok(functions)
}

impl CustomAggregate for Function {
    fn value(&self, values: &[f64], times_us: &[i64], t_us: i64) -> Result<Option<f64>, String> {
        Python::attach(|py| {
            self.call(py, values, times_us, t_us).map_err(|error| {
                let own = error.is_instance_of::<PyException>(py)
                    && !error.is_instance_of::<PyMemoryError>(py);
                let text = said(py, &error);
                if !own {
                    self.interrupt.set(error);
                }
                text
            })
        })
    }
}

impl Function {
    fn call(
        &self,
        py: Python<'_>,
        values: &[f64],
        times_us: &[i64],
        t_us: i64,
    ) -> PyResult<Option<f64>> {
        let arguments = (PyList::new(py, values)?, PyList::new(py, times_us)?, t_us);
        self.function.bind(py).call1(arguments)?.extract()
    }
}

/// An error in one line.
fn said(py: Python<'_>, error: &PyErr) -> String {
    let value = error.value(py);
    let name = value
        .get_type()
        .name()
        .map_or_else(|_| "an error".into(), |name| name.to_string());
    let text = value
        .str()
        .map_or_else(|_| String::new(), |text| text.to_string());
    let line = format!("{name}: {text}");
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
