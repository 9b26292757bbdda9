//! W1: per event the count, sum, mean, max and std of its key over 1 m, 5 m, 1 h and 24 h.
//!
//! 100,000 keys by Zipf 1.1, event time up to 5 s out of order, lateness 10 s; the CPU time of one core.
//!
//!     cargo bench -p forerun-core --bench w1 -- [events] [events per second] [rows per batch] [threads]
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people"
)]

mod payments;
mod sliding;

use std::time::Instant;

use forerun_core::Kernel;
use payments::{batches, cpu_s};
use sliding::plan;

fn main() {
    let numbers = payments::begin();
    let events = numbers.first().map_or(1_000_000, |&n| n as usize);
    let rate = numbers.get(1).copied().unwrap_or(50.0);
    let rows = numbers.get(2).map_or(65_536, |&n| n as usize);
    let threads = numbers.get(3).map_or(1, |&n| n as usize);
    let batches = batches(events, rate, rows);
    let mut kernel = Kernel::new(&plan()).unwrap();
    kernel.set_threads(threads);
    payments::warm();
    let (mut checksum, mut slowest) = (0u64, 0f64);
    let (start, started) = (cpu_s(), Instant::now());
    for batch in &batches {
        let one = Instant::now();
        let step = kernel.apply(std::slice::from_ref(batch)).unwrap();
        slowest = slowest.max(one.elapsed().as_secs_f64() / batch.rows as f64);
        checksum += step.vectors[0].num_rows() as u64;
    }
    let (total, wall) = (cpu_s() - start, started.elapsed().as_secs_f64());
    println!(
        "W1 {events} events at {rate}/s in batches of {rows}: {:.3} us of CPU per event on the first thread, {:.3} us of wall, slowest batch {:.3} us of wall; {} vectors, {} keys, {:.0} bytes per key",
        total * 1e6 / events as f64,
        wall * 1e6 / events as f64,
        slowest * 1e6,
        checksum,
        kernel.entities()[0].len(),
        kernel.entities()[0].bytes() as f64 / kernel.entities()[0].len() as f64,
    );
}
