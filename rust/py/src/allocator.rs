//! The allocator of all memory the kernel uses.
//!
//! The results of one step are as large as those of the next. The system's allocator gives their memory back in
//! between and takes a fault for every page of the next; this one keeps it for a while, and asks for large pages.

use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The number of `mi_option_purge_delay` in mimalloc.h.
const PURGE_DELAY: i32 = 15;

/// How long freed memory is kept: longer than a step and what follows it take.
const KEEP_MS: std::ffi::c_long = 10_000;

/// Lets the allocator keep freed memory.
pub(crate) fn keep() {
    // SAFETY: options may be set at any time.
    unsafe { mi_option_set(PURGE_DELAY, KEEP_MS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_delay_of_purges() {
        // Its number is no constant of the bindings; its default of a second tells it from its neighbours.
        let default = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(default, 1000);
    }
}
