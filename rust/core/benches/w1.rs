//! W1: per event the count, sum, mean, max and std of its key over 1 m, 5 m, 1 h and 24 h.
//!
//! 100,000 keys by Zipf 1.1, event time up to 5 s out of order, lateness 10 s; the CPU time of one core.
//!
//!     cargo bench -p forerun-core --bench w1 -- [events] [events per second] [rows per batch]
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people"
)]

mod payments;

use std::time::Instant;

use forerun_core::Kernel;
use payments::{batches, cpu_s};

const SECOND_US: i64 = 1_000_000;

fn main() {
    let numbers: Vec<f64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let events = numbers.first().map_or(1_000_000, |&n| n as usize);
    let rate = numbers.get(1).copied().unwrap_or(50.0);
    let rows = numbers.get(2).map_or(65_536, |&n| n as usize);
    let batches = batches(events, rate, rows);
    let mut kernel = Kernel::new(&plan()).unwrap();
    let (mut checksum, mut slowest) = (0u64, 0f64);
    let start = cpu_s();
    for batch in &batches {
        let one = Instant::now();
        let step = kernel.apply(std::slice::from_ref(batch)).unwrap();
        slowest = slowest.max(one.elapsed().as_secs_f64() / batch.rows as f64);
        checksum += step.vectors[0].num_rows() as u64;
    }
    let total = cpu_s() - start;
    println!(
        "W1 {events} events at {rate}/s in batches of {rows}: {:.3} us of CPU per event, slowest batch {:.3} us of wall; {} vectors, {} keys, {:.0} bytes per key",
        total * 1e6 / events as f64,
        slowest * 1e6,
        checksum,
        kernel.entities()[0].len(),
        kernel.entities()[0].bytes() as f64 / kernel.entities()[0].len() as f64,
    );
}

fn plan() -> String {
    let field = |name: &str| format!(r#"{{"op":"field","name":"{name}"}}"#);
    let mut features = Vec::new();
    for (name, seconds) in [("1m", 60), ("5m", 300), ("1h", 3600), ("24h", 86400)] {
        for agg in ["count", "sum", "mean", "max", "std"] {
            let arg = if agg == "count" {
                "null".into()
            } else {
                field("amount")
            };
            features.push(format!(
                r#"{{"name":"{agg}_{name}","agg":"{agg}","arg":{arg},"where":null,"over_us":{},"per_us":null}}"#,
                seconds * SECOND_US
            ));
        }
    }
    let input = |at: usize| {
        format!(
            r#"{{"name":"f{at}","expr":{{"op":"feature","view":0,"feature":{at},"key":[{}]}}}}"#,
            field("card")
        )
    };
    let inputs: Vec<String> = (0..features.len()).map(input).collect();
    format!(
        r#"{{"format":1,"hold_back_us":0,"streams":[{{"name":"Pay","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"card","type":"string","nullable":false}},
        {{"name":"amount","type":"float","nullable":false}}],"time":"at","key":["card"],"id":null,
        "lateness_us":{},"max_skew_us":null,"idle_us":null,"dedup_us":null}}],
        "views":[{{"name":"Card","stream":0,"by":["card"],"where":null,"features":[{}]}}],
        "vectors":[{{"name":"Fraud","on":0,"inputs":[{}]}}]}}"#,
        10 * SECOND_US,
        features.join(","),
        inputs.join(",")
    )
}
