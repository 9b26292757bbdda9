//! Single values in and out, as Python has them: nothing but the value is made.

use forerun_core::one::{One, Value};
use forerun_core::types::Type;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors::BatchError;

/// A value of a type; `what` names it for the message.
pub(crate) fn take(value: &Bound<'_, PyAny>, ty: Type, what: impl Fn() -> String) -> PyResult<One> {
    if value.is_none() {
        return Ok(One::Null);
    }
    let taken = match ty {
        Type::String => match value.cast::<PyString>() {
            Ok(text) => Some(One::text(text.to_str()?.as_bytes())),
            Err(_) => None,
        },
        Type::Bool => value.cast::<PyBool>().ok().map(|b| One::Bool(b.is_true())),
        Type::Float => match value.cast::<PyFloat>() {
            Ok(float) => Some(One::Float(float.value())),
            Err(_) => whole(value).map(|whole| One::Float(whole as f64)),
        },
        Type::Int | Type::Time | Type::Duration => whole(value).map(One::Whole),
    };
    taken.ok_or_else(|| {
        let kind = value.get_type();
        let kind = kind.name().map_or("?".into(), |name| name.to_string());
        let wanted = match ty {
            Type::String => "a str",
            Type::Bool => "a bool",
            Type::Float => "a float",
            Type::Int => "an int of 64 bits",
            Type::Time | Type::Duration => "an int of microseconds",
        };
        BatchError::new_err(format!("{}: expected {wanted}, got {kind}", what()))
    })
}

/// An int of 64 bits; a bool is none.
fn whole(value: &Bound<'_, PyAny>) -> Option<i64> {
    let int = value.cast::<PyInt>().ok()?;
    if value.is_instance_of::<PyBool>() {
        return None;
    }
    int.extract().ok()
}

/// The Python value of what was read.
pub(crate) fn give<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::One(one) => Ok(give_one(py, one)),
        Value::List(values) => {
            let values = values.iter().map(|value| give_one(py, value));
            Ok(PyList::new(py, values)?.into_any())
        }
    }
}

fn give_one<'py>(py: Python<'py>, one: &One) -> Bound<'py, PyAny> {
    match one {
        One::Null => py.None().into_bound(py),
        One::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        One::Whole(value) => PyInt::new(py, *value).into_any(),
        One::Float(value) => PyFloat::new(py, *value).into_any(),
        One::Text(text) => PyString::new(py, &String::from_utf8_lossy(text.bytes())).into_any(),
    }
}

/// The values of a tuple, each of its type.
pub(crate) fn take_all(
    values: &Bound<'_, PyTuple>,
    types: impl ExactSizeIterator<Item = Type>,
    what: impl Fn(Option<usize>) -> String,
) -> PyResult<Vec<One>> {
    if values.len() != types.len() {
        return Err(BatchError::new_err(format!(
            "{}: {} values, expected {}",
            what(None),
            values.len(),
            types.len()
        )));
    }
    let each = values.iter_borrowed().zip(types).enumerate();
    each.map(|(at, (value, ty))| take(&value, ty, || what(Some(at))))
        .collect()
}
