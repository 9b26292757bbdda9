//! The kernel as a Python class: converts, releases the GIL, converts back.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use forerun_core::guard::{Guard, Partition};
use forerun_core::plan::Plan;
use forerun_core::stage::Batch as CoreBatch;
use forerun_core::{Error, Kernel as CoreKernel};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyTuple};

use crate::arrow::{Batch, Columns};
use crate::errors::{BatchError, raise};
use crate::event::EventResult;
use crate::function::{Interrupt, functions as of};
use crate::reader::Reader;
use crate::step::StepResult;
use crate::store::{PyStore, stored_rows};
use crate::value::take_all;

/// One input of `apply`: stream, partition, base offset, batch.
type Input<'py> = (usize, u16, u64, Bound<'py, PyAny>);

/// Exact event-time features of one plan: state, guard and reads.
#[pyclass(frozen, module = "forerun._core._rust")]
pub(crate) struct Kernel {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
}

/// A kernel whose callers take turns, and what stops them.
pub(crate) struct Shared {
    kernel: Mutex<CoreKernel>,
    pub(crate) interrupt: Interrupt,
}

impl Shared {
    /// Does short work, which keeps the GIL, one caller at a time.
    pub(crate) fn briefly<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut CoreKernel) -> PyResult<T>,
    ) -> PyResult<T> {
        self.interrupt.is_free()?;
        let made = work(&mut *held(py, &self.kernel)?);
        self.interrupt.check()?;
        made
    }
}

/// Holds what callers take turns with.
///
/// Nobody waits for it with the GIL in hand: who has it may be waiting for the GIL.
pub(crate) fn held<'a, T: Send>(
    py: Python<'_>,
    shared: &'a Mutex<T>,
) -> PyResult<MutexGuard<'a, T>> {
    loop {
        match shared.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(_)) => return Err(PyRuntimeError::new_err(POISONED)),
            Err(TryLockError::WouldBlock) => py.detach(|| drop(shared.lock())),
        }
    }
}

const POISONED: &str =
    "an earlier call met a bug in the kernel; discard it and restore from the last checkpoint";

impl Kernel {
    fn of(kernel: CoreKernel, interrupt: Interrupt) -> Self {
        Self {
            plan: Arc::clone(kernel.plan()),
            shared: Arc::new(Shared {
                kernel: Mutex::new(kernel),
                interrupt,
            }),
        }
    }

    /// Runs `work` without the GIL, one caller at a time.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Send + FnOnce(&mut CoreKernel) -> Result<T, Error>,
    ) -> PyResult<T> {
        self.shared.interrupt.is_free()?;
        let made = py.detach(|| match self.shared.kernel.lock() {
            Ok(mut kernel) => work(&mut kernel).map_err(raise),
            Err(_) => Err(PyRuntimeError::new_err(POISONED)),
        });
        self.shared.interrupt.check()?;
        made
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
        Ok(Self::of(kernel, interrupt))
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
            .detach(|| {
                let stored: Vec<_> = stored_rows(&columns)?.collect();
                CoreKernel::restore(plan_json, &functions, header, &stored)
            })
            .map_err(raise)?;
        Ok(Self::of(kernel, interrupt))
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

    fn event(
        &self,
        py: Python<'_>,
        stream: u32,
        partition: u16,
        offset: i64,
        arrival_us: i64,
        values: &Bound<'_, PyTuple>,
    ) -> PyResult<EventResult> {
        let stream = stream as usize;
        let offset = u64::try_from(offset)?;
        let Some(plan) = self.plan.streams.get(stream) else {
            return Err(BatchError::new_err(format!("there is no stream {stream}")));
        };
        let types = plan.fields.iter().map(|field| field.ty);
        let values = take_all(values, types, |at| match at {
            None => format!("stream '{}'", plan.name),
            Some(at) => format!("stream '{}', field '{}'", plan.name, plan.fields[at].name),
        })?;
        self.shared.briefly(py, |kernel| {
            let outcome = kernel.event(stream, partition, offset, arrival_us, values);
            EventResult::new(py, &self.plan, stream, outcome.map_err(raise)?)
        })
    }

    #[pyo3(signature = (view, features=None))]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "extracted from Python's list"
    )]
    fn reader(
        &self,
        py: Python<'_>,
        view: usize,
        features: Option<Vec<String>>,
    ) -> PyResult<Reader> {
        let names = features.as_ref();
        let names: Option<Vec<&str>> =
            names.map(|names| names.iter().map(String::as_str).collect());
        let reader = self.shared.briefly(py, |kernel| {
            kernel.reader(view, names.as_deref()).map_err(raise)
        })?;
        Ok(Reader {
            shared: Arc::clone(&self.shared),
            plan: Arc::clone(&self.plan),
            prepared: Mutex::new(reader),
        })
    }

    fn set_threads(&self, py: Python<'_>, threads: usize) -> PyResult<()> {
        self.with(py, |kernel| {
            kernel.set_threads(threads);
            Ok(())
        })
    }

    fn vector(
        &self,
        py: Python<'_>,
        index: usize,
        batch: &Bound<'_, PyAny>,
    ) -> PyResult<(Batch, Batch)> {
        let request = core_batch(Columns::import(batch)?, 0, 0, 0);
        let (vectors, overflow) = self.with(py, |kernel| kernel.vector(index, &request))?;
        Ok((Batch(vectors), Batch(overflow)))
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

    fn overflows(
        &self,
        py: Python<'_>,
        view: usize,
        keys: &Bound<'_, PyAny>,
        t_us: i64,
    ) -> PyResult<Vec<(usize, String)>> {
        let keys = core_batch(Columns::import(keys)?, 0, 0, 0);
        self.with(py, |kernel| kernel.overflows(view, &keys, t_us))
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
                .enumerate()
                .map(|(view, _)| kernel.count(view))
                .collect())
        })
    }

    fn asleep(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.with(py, |kernel| {
            Ok((0..kernel.plan().views.len())
                .map(|view| kernel.asleep(view))
                .collect())
        })
    }

    fn windows_asleep(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.with(py, |kernel| {
            Ok((0..kernel.plan().emitters.len())
                .map(|emitter| kernel.windows_asleep(emitter))
                .collect())
        })
    }

    fn spill(&self, py: Python<'_>, memory: usize, load: Py<PyAny>) -> PyResult<()> {
        let interrupt = self.shared.interrupt.clone();
        self.with(py, |kernel| {
            kernel.spill(memory, Arc::new(PyStore { load, interrupt }));
            Ok(())
        })
    }

    fn sleep(&self, py: Python<'_>, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let columns = Columns::import(keys)?;
        let [views, keys] = columns.arrays.as_slice() else {
            return Err(BatchError::new_err("expected the columns (view, key)"));
        };
        let (Some(views), Some(keys)) = (
            views.as_primitive_opt::<Int32Type>(),
            keys.as_binary_opt::<i32>(),
        ) else {
            return Err(BatchError::new_err("expected (view int32, key binary)"));
        };
        let row = |row| (views.value(row) as usize, keys.value(row));
        self.with(py, |kernel| kernel.sleep((0..columns.rows).map(row)))
    }

    fn relieve(&self, py: Python<'_>, stored: bool) -> PyResult<bool> {
        self.with(py, |kernel| kernel.relieve(stored))
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

    fn changes(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |kernel| Ok(kernel.changes()))
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

/// An empty check that batches may cross threads while the GIL is released.
const _: fn() = || {
    fn sendable<T: Send>() {}
    sendable::<CoreBatch>();
    sendable::<RecordBatch>();
};
