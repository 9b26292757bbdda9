//! The allocator of all memory the kernel uses.
//!
//! The results of one step are as large as those of the next. The system's allocator gives their memory back in
//! between and takes a fault for every page of the next; this one keeps it for a while. It does not ask for huge pages
//! (feature `no_thp`): two megabytes are cleared at once, which a call that meets one waits for, and on a virtual machine
//! whose host takes back what is free that takes milliseconds.

use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The number of `mi_option_purge_delay` in mimalloc.h; tests/allocator.rs of the kernel looks whether it still is.
const PURGE_DELAY: i32 = 15;

/// How long freed memory is kept: longer than a step and what follows it take.
const KEEP_MS: std::ffi::c_long = 10_000;

/// Lets the allocator keep freed memory.
pub(crate) fn keep() {
    // SAFETY: options may be set at any time.
    unsafe { mi_option_set(PURGE_DELAY, KEEP_MS) };
}
