//! Python functions that the kernel calls.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use forerun_core::custom::{CustomAggregate, Functions};
use pyo3::exceptions::{PyException, PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping};

/// What stops a call of the kernel because it is not the function's own mistake: an interrupt, or no memory.
///
/// It is one per kernel, and so also tells which kernels the functions that run in a thread are called by.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Option<PyErr>>>);

thread_local! {
    /// The kernels that wait in this thread for what they have called.
    static WAITING: RefCell<Vec<Interrupt>> = const { RefCell::new(Vec::new()) };
}

/// A kernel waits as long as this lives.
struct Waits;

impl Drop for Waits {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(Vec::pop);
    }
}

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

    /// Calls Python while the kernel waits.
    pub(crate) fn during<T>(&self, call: impl FnOnce(Python<'_>) -> T) -> T {
        WAITING.with_borrow_mut(|waiting| waiting.push(self.clone()));
        let _waits = Waits;
        Python::attach(call)
    }

    /// Refuses what would wait for itself: a call of the kernel by what it has called.
    #[inline]
    pub(crate) fn is_free(&self) -> PyResult<()> {
        let waits =
            WAITING.with_borrow(|waiting| waiting.iter().any(|one| Arc::ptr_eq(&one.0, &self.0)));
        if waits {
            return Err(PyRuntimeError::new_err(
                "a function that the kernel calls cannot call the same kernel",
            ));
        }
        Ok(())
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
        self.interrupt.during(|py| {
            self.call(py, values, times_us, t_us).map_err(|error| {
                let own = error.is_instance_of::<PyException>(py)
                    && !error.is_instance_of::<PyMemoryError>(py);
                if !own {
                    self.interrupt.set(error);
                }
                "the Python function raised an exception".into()
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
