//! `ids`: names of what is made for events.

use forerun_core::ids::ids as of;
use pyo3::prelude::*;

use crate::errors::BatchError;

/// The id of what was made for each event.
#[pyfunction]
#[allow(
    clippy::needless_pass_by_value,
    reason = "extracted from Python's lists"
)]
pub(crate) fn ids(what: &str, partitions: Vec<i64>, offsets: Vec<i64>) -> PyResult<Vec<String>> {
    if partitions.len() != offsets.len() {
        let text = format!("{} partitions, {} offsets", partitions.len(), offsets.len());
        return Err(BatchError::new_err(text));
    }
    Ok(of(what, &partitions, &offsets))
}
