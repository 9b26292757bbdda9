//! The kernel as a Python class: converts, releases the GIL, converts back.

use std::sync::Mutex;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array as _, RecordBatch};
use forerun_core::custom::Functions;
use forerun_core::guard::{Guard, Partition};
use forerun_core::stage::Batch as CoreBatch;
use forerun_core::{Error, Kernel as CoreKernel};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping};

use crate::arrow::{Batch, Columns};
use crate::errors::raise;
use crate::function::{Interrupt, functions as of};
use crate::step::StepResult;

/// One input of `apply`: stream, partition, base offset, batch.
type Input<'py> = (usize, u16, u64, Bound<'py, PyAny>);

/// Exact event-time features of one plan: state, guard and reads.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Kernel(Mutex<CoreKernel>, Interrupt);

impl Kernel {
    /// Runs `work` without the GIL, one caller at a time.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Send + FnOnce(&mut CoreKernel) -> Result<T, Error>,
    ) -> PyResult<T> {
        let made = py.detach(|| match self.0.lock() {
            Ok(mut kernel) => work(&mut kernel).map_err(raise),
            Err(_) => Err(PyRuntimeError::new_err(
                "an earlier call met a bug in the kernel; discard it and restore from the last checkpoint",
            )),
        })?;
        self.1.check()?;
        Ok(made)
    }
}

#[pymethods]
impl Kernel {
    #[new]
    #[pyo3(signature = (plan_json, functions=None))]
    fn new(
        py: Python<'_>,
        plan_json: &str,
        functions: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let interrupt = Interrupt::default();
        let functions = of(functions, &interrupt)?;
        let kernel = py
            .detach(|| CoreKernel::with_functions(plan_json, &functions))
            .map_err(raise)?;
        Ok(Self(Mutex::new(kernel), interrupt))
    }

    #[classmethod]
    #[pyo3(signature = (plan_json, header, entities, functions=None))]
    fn restore(
        _class: &Bound<'_, pyo3::types::PyType>,
        py: Python<'_>,
        plan_json: &str,
        header: &[u8],
        entities: &Bound<'_, PyAny>,
        functions: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let columns = Columns::import(entities)?;
        let interrupt = Interrupt::default();
        let functions = of(functions, &interrupt)?;
        let kernel = py
            .detach(|| restore(plan_json, &functions, header, &columns))
            .map_err(raise)?;
        Ok(Self(Mutex::new(kernel), interrupt))
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "extracted from Python's list"
    )]
    fn apply(&self, py: Python<'_>, batches: Vec<Input<'_>>) -> PyResult<StepResult> {
        let batches = batches
            .iter()
            .map(|(stream, partition, base_offset, object)| {
                Ok(core_batch(
                    Columns::import(object)?,
                    *stream,
                    *partition,
                    *base_offset,
                ))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let step = self.with(py, |kernel| kernel.apply(&batches))?;
        StepResult::new(py, step)
    }

    fn set_threads(&self, py: Python<'_>, threads: usize) -> PyResult<()> {
        self.with(py, |kernel| {
            kernel.set_threads(threads);
            Ok(())
        })
    }

    fn vector(&self, py: Python<'_>, index: usize, batch: &Bound<'_, PyAny>) -> PyResult<Batch> {
        let request = core_batch(Columns::import(batch)?, 0, 0, 0);
        self.with(py, |kernel| kernel.vector(index, &request))
            .map(Batch)
    }

    fn values(
        &self,
        py: Python<'_>,
        view: usize,
        keys: &Bound<'_, PyAny>,
        t_us: i64,
    ) -> PyResult<Batch> {
        let keys = core_batch(Columns::import(keys)?, 0, 0, 0);
        self.with(py, |kernel| kernel.values(view, &keys, t_us))
            .map(Batch)
    }

    fn events(
        &self,
        py: Python<'_>,
        view: usize,
        key: &Bound<'_, PyAny>,
        t_us: i64,
    ) -> PyResult<Batch> {
        let key = core_batch(Columns::import(key)?, 0, 0, 0);
        self.with(py, |kernel| kernel.events(view, &key, t_us))
            .map(Batch)
    }

    #[allow(clippy::type_complexity, reason = "a plain Python tuple")]
    fn provenance(
        &self,
        py: Python<'_>,
        view: usize,
        key: &Bound<'_, PyAny>,
    ) -> PyResult<(Option<i64>, Option<u16>, Option<u64>)> {
        let key = core_batch(Columns::import(key)?, 0, 0, 0);
        let newest = self.with(py, |kernel| kernel.provenance(view, &key))?;
        Ok(
            newest.map_or((None, None, None), |(time, partition, offset)| {
                (Some(time), Some(partition), Some(offset))
            }),
        )
    }

    fn watermarks(&self, py: Python<'_>) -> PyResult<Vec<Option<i64>>> {
        self.with(py, |kernel| Ok(kernel.watermarks()))
    }

    fn horizons(&self, py: Python<'_>) -> PyResult<Vec<Option<i64>>> {
        self.with(py, |kernel| {
            Ok((0..kernel.plan().views.len())
                .map(|view| kernel.horizon(view))
                .collect())
        })
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let seen: Vec<Vec<Partition>> = self.with(py, |kernel| {
            Ok(kernel
                .guards()
                .iter()
                .map(Guard::partitions)
                .map(<[_]>::to_vec)
                .collect())
        })?;
        let all = seen
            .iter()
            .enumerate()
            .flat_map(|(stream, seen)| seen.iter().map(move |one| (stream, one)));
        all.map(|(stream, partition)| counters(py, stream, partition))
            .collect()
    }

    fn entities(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.with(py, |kernel| {
            Ok(kernel
                .entities()
                .iter()
                .map(forerun_core::view::Entities::len)
                .collect())
        })
    }

    fn bytes_per_entity(&self, py: Python<'_>) -> PyResult<Vec<f64>> {
        self.with(py, |kernel| {
            Ok(kernel
                .entities()
                .iter()
                .map(|view| view.bytes() as f64 / view.len().max(1) as f64)
                .collect())
        })
    }

    fn take_changed(&self, py: Python<'_>) -> PyResult<Batch> {
        self.with(py, CoreKernel::take_changed).map(Batch)
    }

    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.with(py, |kernel| kernel.header())?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn state_hash(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, CoreKernel::state_hash)
    }
}

fn core_batch(columns: Columns, stream: usize, partition: u16, base_offset: u64) -> CoreBatch {
    let Columns {
        fields,
        arrays,
        rows,
    } = columns;
    CoreBatch {
        stream,
        partition,
        base_offset,
        fields,
        columns: arrays,
        rows,
    }
}

fn counters<'py>(
    py: Python<'py>,
    stream: usize,
    partition: &Partition,
) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("stream", stream)?;
    out.set_item("partition", partition.id)?;
    out.set_item("consumed", partition.counts.iter().sum::<u64>())?;
    let names = ["applied", "invalid", "early", "late", "duplicate"];
    for (name, count) in names.into_iter().zip(partition.counts) {
        out.set_item(name, count)?;
    }
    out.set_item("watermark_us", partition.watermark)?;
    out.set_item("next_offset", partition.next_offset)?;
    Ok(out)
}

/// Reads (view int32, key binary, state binary) rows; a null state is an entity that is gone.
fn restore(
    plan_json: &str,
    functions: &Functions,
    header: &[u8],
    entities: &Columns,
) -> Result<CoreKernel, Error> {
    let names: Vec<&str> = entities
        .fields
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let refuse = || {
        Error::State(format!(
            "entities are (view int32, key binary, state binary), got {names:?}"
        ))
    };
    let [views, keys, states] = entities.arrays.as_slice() else {
        return Err(refuse());
    };
    let (Some(views), Some(keys), Some(states)) = (
        views.as_primitive_opt::<Int32Type>(),
        keys.as_binary_opt::<i32>(),
        states.as_binary_opt::<i32>(),
    ) else {
        return Err(refuse());
    };
    let row = |at: usize| (views.value(at) as usize, keys.value(at), states.value(at));
    let stored: Vec<_> = (0..entities.rows)
        .filter(|&at| states.is_valid(at))
        .map(row)
        .collect();
    CoreKernel::restore(plan_json, functions, header, &stored)
}

/// An empty check that batches may cross threads while the GIL is released.
const _: fn() = || {
    fn sendable<T: Send>() {}
    sendable::<CoreBatch>();
    sendable::<RecordBatch>();
};
