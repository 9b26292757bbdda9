//! Arrow in and out by the `PyCapsule` protocol: pointers cross, bytes do not.

use std::ffi::CStr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::{Array as _, ArrayRef, RecordBatch, StructArray, make_array};
use arrow_schema::Fields;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::errors::BatchError;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// Named columns taken over from Python.
pub(crate) struct Columns {
    pub(crate) fields: Fields,
    pub(crate) arrays: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

impl Columns {
    /// Takes over the record batch (or struct array) that `object` exports.
    pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = "__arrow_c_array__";
        if !object.hasattr(name)? {
            let kind = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "expected an Arrow record batch, got {kind} without {name}"
            )));
        }
        let pair = object.call_method0(name)?.cast_into::<PyTuple>()?;
        let schema = pair.get_item(0)?.cast_into::<PyCapsule>()?;
        let array = pair.get_item(1)?.cast_into::<PyCapsule>()?;
        let schema = schema
            .pointer_checked(Some(SCHEMA))?
            .cast::<FFI_ArrowSchema>();
        let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
        // SAFETY: capsules of these names hold these structs, alive while the capsules are (checked above,
        // Arrow PyCapsule interface). The array is moved out and its capsule left released, as the
        // interface asks of a consumer; the schema is only read.
        let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
        let data = data.map_err(|error| BatchError::new_err(error.to_string()))?;
        let any = make_array(data);
        let Some(batch) = any.as_any().downcast_ref::<StructArray>() else {
            return Err(BatchError::new_err(format!(
                "expected a record batch, got an array of {}",
                any.data_type()
            )));
        };
        if batch.null_count() > 0 {
            return Err(BatchError::new_err("a record batch cannot have null rows"));
        }
        Ok(Self {
            fields: batch.fields().clone(),
            arrays: batch.columns().to_vec(),
            rows: batch.len(),
        })
    }
}

/// An Arrow record batch made by the kernel.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Batch(pub(crate) RecordBatch);

#[pymethods]
impl Batch {
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.0
            .schema_ref()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // The interface lets a producer ignore the request; the consumer casts.
        let _ = requested_schema;
        export(py, &StructArray::from(self.0.clone()))
    }
}

/// One Arrow array made by the kernel.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Array(pub(crate) ArrayRef);

#[pymethods]
impl Array {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let _ = requested_schema;
        export(py, &self.0)
    }
}

fn export<'py>(py: Python<'py>, array: &dyn arrow_array::Array) -> PyResult<Bound<'py, PyTuple>> {
    let (array, schema) =
        to_ffi(&array.to_data()).map_err(|error| BatchError::new_err(error.to_string()))?;
    // Dropping a capsule releases what nobody took over.
    let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
    let array = PyCapsule::new_with_value(py, array, ARRAY)?;
    PyTuple::new(py, [schema, array])
}
