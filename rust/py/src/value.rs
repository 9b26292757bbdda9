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

/// A value or the values of a list.
pub(crate) fn give<'py>(py: Python<'py>, value: &Value) -> Bound<'py, PyAny> {
    match value {
        Value::One(one) => give_one(py, one),
        Value::List(values) => give_list(py, values),
    }
}

/// The values of a list.
pub(crate) fn give_list<'py>(py: Python<'py>, values: &[One]) -> Bound<'py, PyAny> {
    let values = values.iter().map(|value| give_one(py, value));
    // Making a list fails as making a float does: when there is no memory, with a panic.
    let list = PyList::new(py, values).expect("as long as it says");
    list.into_any()
}

/// A word of a type; not of text.
#[inline]
pub(crate) fn give_word(py: Python<'_>, ty: Type, word: Option<u64>) -> Bound<'_, PyAny> {
    match (word, ty) {
        (None, _) => py.None().into_bound(py),
        (Some(word), Type::Float) => PyFloat::new(py, f64::from_bits(word)).into_any(),
        (Some(word), Type::Bool) => PyBool::new(py, word != 0).to_owned().into_any(),
        (Some(word), _) => PyInt::new(py, word as i64).into_any(),
    }
}

fn give_one<'py>(py: Python<'py>, one: &One) -> Bound<'py, PyAny> {
    match one {
        One::Float(value) => PyFloat::new(py, *value).into_any(),
        One::Null => py.None().into_bound(py),
        One::Whole(value) => PyInt::new(py, *value).into_any(),
        One::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
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
    let mut taken = Vec::with_capacity(values.len());
    for (at, (value, ty)) in values.iter_borrowed().zip(types).enumerate() {
        taken.push(take(&value, ty, || what(Some(at)))?);
    }
    Ok(taken)
}
