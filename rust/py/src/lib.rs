//! What crosses from Rust to Python: `Kernel`, `Reader`, what steps give, `Formula`, `Batch`, `Array` and the errors.
//!
//! The types and promises of all of it are in src/forerun/_core/_rust.pyi.

mod allocator;
mod arrow;
mod errors;
mod event;
mod formula;
mod function;
mod ids;
mod kernel;
mod memory;
mod reader;
mod step;
mod store;
mod value;

use pyo3::prelude::*;

#[pymodule]
mod _rust {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::arrow::{Array, Batch};
    #[pymodule_export]
    use crate::errors::{BatchError, PlanError, StaleReadError, StateFormatError};
    #[pymodule_export]
    use crate::event::EventResult;
    #[pymodule_export]
    use crate::formula::{Formula, zone_data, zone_names};
    #[pymodule_export]
    use crate::ids::ids;
    #[pymodule_export]
    use crate::kernel::Kernel;
    #[pymodule_export]
    use crate::memory::memory;
    #[pymodule_export]
    use crate::reader::Reader;
    #[pymodule_export]
    use crate::step::StepResult;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::allocator::keep();
        module.add("version", env!("CARGO_PKG_VERSION"))?;
        module.add("TZ_DATABASE", forerun_core::zone::DATABASE)?;
        module.add("STATE_FORMAT", forerun_core::state::STATE_FORMAT)
    }
}
