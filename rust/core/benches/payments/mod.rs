//! The stream both workloads read: payments of 100,000 cards by Zipf 1.1, event time up to 5 s out of order.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Fields};
use forerun_core::stage::Batch;

/// As in the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lets the allocator keep freed memory, as in the package, and gives the numbers of the command line.
pub(crate) fn begin() -> Vec<f64> {
    // SAFETY: options may be set at any time; this is `mi_option_purge_delay`.
    unsafe { libmimalloc_sys::mi_option_set(15, 10_000) };
    std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect()
}

/// Touches memory and gives it back to the system, so that what is measured next does not pay for memory that the
/// host of a virtual machine has yet to find.
pub(crate) fn warm() {
    const BYTES: usize = 1 << 30;
    // SAFETY: nobody else has the mapping, and what is written is within it.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let memory = libc::mmap(std::ptr::null_mut(), BYTES, access, flags, -1, 0);
        if memory == libc::MAP_FAILED {
            return;
        }
        #[cfg(target_os = "linux")]
        libc::madvise(memory, BYTES, libc::MADV_HUGEPAGE);
        for at in (0..BYTES).step_by(4096) {
            memory.cast::<u8>().add(at).write_volatile(1);
        }
        libc::munmap(memory, BYTES);
    }
}

/// Cards there are.
pub(crate) const KEYS: usize = 100_000;

/// CPU time of this process; where the system does not tell, time passed.
pub(crate) fn cpu_s() -> f64 {
    let nanoseconds = std::fs::read_to_string("/proc/self/schedstat")
        .ok()
        .and_then(|text| {
            text.split(' ')
                .next()
                .and_then(|first| first.parse::<f64>().ok())
        });
    nanoseconds.map_or_else(
        || STARTED.with(|started| started.elapsed().as_secs_f64()),
        |ns| ns / 1e9,
    )
}

thread_local!(static STARTED: Instant = Instant::now());

/// Payments at a rate per second of event time, in batches of so many rows.
pub(crate) fn batches(events: usize, rate: f64, rows: usize) -> Vec<Batch> {
    let mut state = 7u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (state ^ state >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ mixed >> 32) >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut zipf = Vec::with_capacity(KEYS);
    let mut mass = 0.0;
    for rank in 1..=KEYS {
        mass += (rank as f64).powf(-1.1);
        zipf.push(mass);
    }
    let mut arrival = 0.0;
    let fields: Fields = vec![
        Field::new("at", DataType::Int64, false),
        Field::new("card", DataType::Utf8, false),
        Field::new("amount", DataType::Float64, false),
        Field::new("_arrival", DataType::Int64, false),
    ]
    .into();
    let mut batches = Vec::new();
    for base in (0..events).step_by(rows) {
        let count = rows.min(events - base);
        let (mut at, mut card, mut amount, mut arrivals) = (vec![], vec![], vec![], vec![]);
        for _ in 0..count {
            arrival -= (1.0 - uniform()).ln() / rate * 1e6;
            let delay = (-(1.0 - uniform()).ln() * 0.5e6).min(5e6);
            let drawn = uniform() * mass;
            let key = zipf.partition_point(|&below| below < drawn) * 61_981 % KEYS;
            at.push((1.76e15 + arrival - delay) as i64);
            card.push(format!("c{key:07}"));
            amount.push((100.0 * (1.0 + 4.0 * uniform()).exp()).round() / 100.0);
            arrivals.push((1.76e15 + arrival) as i64);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(at)),
            Arc::new(StringArray::from(card)),
            Arc::new(Float64Array::from(amount)),
            Arc::new(Int64Array::from(arrivals)),
        ];
        batches.push(Batch {
            stream: 0,
            partition: 0,
            base_offset: base as u64,
            fields: fields.clone(),
            columns,
            rows: count,
        });
    }
    batches
}
