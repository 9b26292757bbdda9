//! Asks for memory that will be needed soon.

/// Starts to bring the memory of a value into the cache; where the machine has no such wish, nothing happens.
///
/// A cold miss costs 150 ns and more when it is waited for, and a few when many are on their way at once.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_line(std::ptr::from_ref(value).cast());
}

/// As [`prefetch`], for what is at an address.
#[inline]
fn prefetch_line(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about an address; it reads nothing and SSE is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// As [`prefetch`], for a place in a slice; beyond its end nothing happens.
#[inline]
pub(crate) fn prefetch_at<T>(values: &[T], at: usize) {
    if let Some(value) = values.get(at) {
        prefetch(value);
    }
}

/// As [`prefetch`], for a value that is longer than a line of the cache.
#[inline]
pub(crate) fn prefetch_all<T>(value: &T) {
    const LINE: usize = 64;
    let start = std::ptr::from_ref(value).cast::<u8>();
    for line in 0..size_of::<T>().div_ceil(LINE) {
        prefetch_line(start.wrapping_add(line * LINE));
    }
}
