//! What the Python package and the benchmarks take for granted of their allocator.

/// The option they set by its number is the one that delays purges: the bindings have no name for it, and its
/// default of a second tells it from its neighbours.
#[test]
fn option_15_is_the_delay_of_purges() {
    // SAFETY: options may be read at any time.
    let default = unsafe { libmimalloc_sys::mi_option_get(15) };
    assert_eq!(default, 1000);
}
