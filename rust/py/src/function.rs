//! Python functions that the kernel calls.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use forerun_core::custom::{CustomAggregate, Functions};
use pyo3::exceptions::{PyException, PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping};

/// What stops a call of the kernel because it is not the function's own mistake: an interrupt, or no memory.
///
/// It is one per kernel, and so also tells which kernels the functions that run in a thread are called by.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Stop>);

#[derive(Default)]
struct Stop {
    /// True when there is an error: asked after every call, and nearly always false.
    raised: AtomicBool,
    error: Mutex<Option<PyErr>>,
}

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
        let held = self.0.error.lock();
        *held.unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.0.raised.store(true, Ordering::Release);
    }

    /// Raises it, once.
    #[inline]
    pub(crate) fn check(&self) -> PyResult<()> {
        if !self.0.raised.load(Ordering::Acquire) {
            return Ok(());
        }
        self.0.raised.store(false, Ordering::Release);
        let error = &self.0.error;
        let mut held = error.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Characters of a message that are kept: it stands in every prediction that lacks the value.
const SAID: usize = 200;

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
            self.call(py, values, times_us, t_us)
                .map_err(|error| self.words(py, error))
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

    /// What an exception says: its type, and the first line of its message.
    fn words(&self, py: Python<'_>, error: PyErr) -> String {
        let kind = error.get_type(py).name();
        let kind = kind.map_or_else(|_| "an exception".into(), |kind| kind.to_string());
        let own = |error: &PyErr| {
            error.is_instance_of::<PyException>(py) && !error.is_instance_of::<PyMemoryError>(py)
        };
        if !own(&error) {
            self.interrupt.set(error);
            return kind;
        }
        let said = match error.value(py).str() {
            Ok(said) => said.to_string_lossy().into_owned(),
            Err(error) => {
                if !own(&error) {
                    self.interrupt.set(error);
                }
                String::new()
            }
        };
        // Nothing that a terminal would take for a command.
        let line = said.lines().next().unwrap_or_default();
        let line = line.replace(char::is_control, " ");
        let line = line.trim();
        match line.char_indices().nth(SAID) {
            _ if line.is_empty() => kind,
            Some((end, _)) => format!("{kind}: {}...", &line[..end]),
            None => format!("{kind}: {line}"),
        }
    }
}
