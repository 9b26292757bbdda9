//! Events one by one, and reads of one key, without Arrow: what the kernel costs a service that answers one by one.
//!
//!     cargo bench -p forerun-core --bench single -- [events before] [events measured]
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people"
)]

mod payments;
mod sliding;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use forerun_core::Kernel;
use forerun_core::one::One;
use payments::{batches, cpu_s};
use sliding::plan;

fn main() {
    let numbers = payments::begin();
    let before = numbers.first().map_or(300_000, |&n| n as usize);
    let events = numbers.get(1).map_or(300_000, |&n| n as usize);
    let mut kernel = Kernel::new(&plan()).unwrap();
    let all = batches(before + events, 50.0, 8_192);
    let mut single = Vec::with_capacity(events);
    for batch in &all {
        if batch.base_offset < before as u64 {
            kernel.apply(std::slice::from_ref(batch)).unwrap();
            continue;
        }
        let (at, card) = (
            batch.columns[0].as_primitive::<Int64Type>(),
            batch.columns[1].as_string::<i32>(),
        );
        let amount = batch.columns[2].as_primitive::<Float64Type>();
        let arrival = batch.columns[3].as_primitive::<Int64Type>();
        for row in 0..batch.rows {
            let values = [
                One::Whole(at.value(row)),
                One::text(card.value(row).as_bytes()),
                One::Float(amount.value(row)),
            ];
            single.push((batch.base_offset + row as u64, arrival.value(row), values));
        }
    }
    payments::warm();
    let start = cpu_s();
    let mut read = 0;
    for (offset, arrival, values) in &single {
        let outcome = kernel
            .event(0, 0, *offset, *arrival, values.clone())
            .unwrap();
        read += outcome.vectors[0].numbers.len();
    }
    let event_us = (cpu_s() - start) * 1e6 / single.len() as f64;
    let now = single.last().unwrap().1;
    let mut reader = kernel.reader(0, None).unwrap();
    let start = cpu_s();
    let mut known = 0;
    for (.., values) in &single {
        kernel.read(&mut reader, [values[1].clone()], now).unwrap();
        known += usize::from(reader.word(1).is_some_and(|(_, word)| word.is_some()));
    }
    let read_us = (cpu_s() - start) * 1e6 / single.len() as f64;
    println!(
        "{} events one by one: {event_us:.3} us of CPU each ({read} inputs); reads of one key: {read_us:.3} us each ({known} known)",
        single.len(),
    );
}
