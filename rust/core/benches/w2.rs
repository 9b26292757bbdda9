//! W2: count, sum and mean of each key over windows of 5 minutes, or longer, that hop by a minute, emitted when they
//! close.
//!
//! 100,000 keys by Zipf 1.1, event time up to 5 s out of order, lateness 10 s; the CPU time of one core.
//!
//!     cargo bench -p forerun-core --bench w2 -- [events] [events per second] [rows per batch] [minutes]
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people"
)]

mod payments;

use forerun_core::Kernel;
use payments::{batches, cpu_s};

const MINUTE_US: i64 = 60_000_000;

fn main() {
    let numbers = payments::begin();
    let events = numbers.first().map_or(1_000_000, |&n| n as usize);
    let rate = numbers.get(1).copied().unwrap_or(50.0);
    let rows = numbers.get(2).map_or(65_536, |&n| n as usize);
    let minutes = numbers.get(3).map_or(5, |&n| n as i64);
    let batches = batches(events, rate, rows);
    let mut kernel = Kernel::new(&plan(minutes)).unwrap();
    let mut emitted = 0;
    payments::warm();
    let start = cpu_s();
    for batch in &batches {
        let step = kernel.apply(std::slice::from_ref(batch)).unwrap();
        emitted += step.emitted[0].num_rows();
    }
    let total = cpu_s() - start;
    println!(
        "W2 {events} events at {rate}/s in batches of {rows}, windows of {minutes} min: {:.3} us of CPU per event, \
         {:.3} per window; {emitted} windows",
        total * 1e6 / events as f64,
        total * 1e6 / emitted as f64,
    );
}

fn plan(minutes: i64) -> String {
    let feature = |agg: &str| {
        let arg = match agg {
            "count" => "null",
            _ => r#"{"op":"field","name":"amount"}"#,
        };
        format!(r#"{{"name":"{agg}","agg":"{agg}","arg":{arg},"where":null}}"#)
    };
    format!(
        r#"{{"format":2,"streams":[{{"name":"Pay","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"card","type":"string","nullable":false}},
        {{"name":"amount","type":"float","nullable":false}}],"time":"at","key":["card"],"id":null,
        "lateness_us":{},"max_skew_us":null,"idle_us":null,"dedup_us":null}}],"views":[],"vectors":[],
        "emitters":[{{"name":"Hop","stream":0,"by":["card"],"where":null,
        "window":{{"kind":"hopping","size_us":{},"hop_us":{MINUTE_US}}},"features":[{}]}}]}}"#,
        MINUTE_US / 6,
        minutes * MINUTE_US,
        ["count", "sum", "mean"].map(feature).join(",")
    )
}
