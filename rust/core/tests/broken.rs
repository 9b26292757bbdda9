//! A kernel in which a step did not come to its end answers nothing any more.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use forerun_core::custom::{CustomAggregate, Functions};
use forerun_core::one::One;
use forerun_core::plan::EXAMPLE;
use forerun_core::spill::{Store, Stored};
use forerun_core::stage::Batch;
use forerun_core::{Error, Kernel, Result};

/// Panics at the value 13, wherever it comes in a window.
struct Unlucky;

impl CustomAggregate for Unlucky {
    fn value(&self, values: &[f64], _: &[i64], _: i64) -> std::result::Result<Option<f64>, String> {
        assert!(!values.contains(&13.0), "a bug of the function");
        Ok(Some(0.0))
    }
}

/// What fails on every load.
#[derive(Debug)]
struct Lost;

impl Store for Lost {
    fn load(&self, _: RecordBatch) -> Result<Vec<Stored>> {
        Err(Error::Store("the disk is gone".into()))
    }
}

fn batch(offset: u64, at: i64, x: f64) -> Batch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("k", Arc::new(StringArray::from(vec!["a"]))),
        ("at", Arc::new(Int64Array::from(vec![at]))),
        ("x", Arc::new(Float64Array::from(vec![x]))),
        ("_arrival", Arc::new(Int64Array::from(vec![at]))),
    ];
    let made = RecordBatch::try_from_iter(columns).unwrap();
    let fields = made.schema().fields().clone();
    Batch {
        stream: 0,
        partition: 0,
        base_offset: offset,
        fields,
        columns: made.columns().to_vec(),
        rows: 1,
    }
}

fn event(kernel: &mut Kernel, offset: u64, at: i64, x: f64) -> Result<()> {
    let event = [One::text(b"a"), One::Whole(at), One::Float(x)];
    kernel.event(0, 0, offset, at, event).map(|_| ())
}

/// The example, with a feature that calls a function, which its vector reads.
fn unlucky() -> Kernel {
    let mut plan: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    let features = plan["views"][0]["features"].as_array_mut().unwrap();
    let index = features.len();
    features.push(serde_json::json!({
        "name": "luck", "agg": "custom", "arg": {"op": "field", "name": "x"}, "where": null,
        "params": {"function": "unlucky"}, "window": {"kind": "sliding", "over_us": 1000, "ago_us": 0},
    }));
    let read = serde_json::json!({"op": "feature", "view": 0, "feature": index});
    let inputs = plan["vectors"][0]["inputs"].as_array_mut().unwrap();
    inputs.push(serde_json::json!({"name": "luck", "expr": read}));
    let functions = Functions::default().with("unlucky", Unlucky);
    Kernel::with_functions(&plan.to_string(), &functions).unwrap()
}

/// Every call is refused with the same words.
fn assert_broken(kernel: &mut Kernel, offset: u64, words: &str) {
    let mut reader = kernel.reader(0, None).unwrap();
    let keys = Batch {
        columns: vec![Arc::new(StringArray::from(vec!["a"]))],
        ..batch(0, 0, 0.0)
    };
    let refused = [
        kernel.apply(&[batch(offset, 900, 1.0)]).map(|_| ()),
        event(kernel, offset, 900, 1.0),
        kernel.values(0, &keys, 900).map(|_| ()),
        kernel.vector(0, &batch(0, 900, 1.0)).map(|_| ()),
        kernel.read(&mut reader, [One::text(b"a")], 900),
        kernel.events(0, &keys, 900).map(|_| ()),
        kernel.provenance(0, &keys).map(|_| ()),
        kernel.take_changed().map(|_| ()),
        kernel.header().map(|_| ()),
        kernel.state_hash().map(|_| ()),
        kernel.relieve(true).map(|_| ()),
    ];
    for (nth, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(words), "call {nth}: {error}");
    }
}

#[test]
fn a_panic_half_way_through_a_step_is_the_end() {
    for one_by_one in [false, true] {
        let mut kernel = unlucky();
        kernel.apply(&[batch(0, 100, 12.0)]).unwrap();
        event(&mut kernel, 1, 110, 12.5).unwrap();
        let step = catch_unwind(AssertUnwindSafe(|| {
            if one_by_one {
                event(&mut kernel, 2, 120, 13.0)
            } else {
                kernel.apply(&[batch(2, 120, 13.0)]).map(|_| ())
            }
        }));
        assert!(step.is_err());
        assert_broken(&mut kernel, 3, "an earlier call panicked half-way");
    }
}

#[test]
fn what_is_refused_before_a_step_breaks_nothing() {
    let mut kernel = unlucky();
    event(&mut kernel, 5, 100, 1.0).unwrap();
    assert!(event(&mut kernel, 5, 110, 1.0).is_err());
    assert!(kernel.apply(&[batch(4, 110, 1.0)]).is_err());
    assert!(event(&mut kernel, 6, 110, 1.0).is_ok());
}

#[test]
fn an_entity_that_cannot_be_loaded_is_the_end() {
    for one_by_one in [false, true] {
        let mut kernel = unlucky();
        kernel.spill(1, Arc::new(Lost));
        event(&mut kernel, 0, 100, 1.0).unwrap();
        kernel.take_changed().unwrap();
        assert!(!kernel.relieve(true).unwrap());
        assert_eq!(kernel.asleep(0), 1);
        let step = if one_by_one {
            event(&mut kernel, 1, 110, 1.0)
        } else {
            kernel.apply(&[batch(1, 110, 1.0)]).map(|_| ())
        };
        assert_eq!(step, Err(Error::Store("the disk is gone".into())));
        assert_broken(&mut kernel, 1, "the disk is gone");
    }
}
