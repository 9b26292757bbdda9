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

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Fields};
use forerun_core::Kernel;
use forerun_core::stage::Batch;

const KEYS: usize = 100_000;
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

/// CPU time of this process; where the system does not tell, time passed.
fn cpu_s() -> f64 {
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

fn batches(events: usize, rate: f64, rows: usize) -> Vec<Batch> {
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
