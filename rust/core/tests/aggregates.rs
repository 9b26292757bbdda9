//! Every aggregate that looks at values gives what a walk over all events gives, in every kind of window.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use forerun_core::entity::Entity;
use forerun_core::plan::{Plan, View};
use forerun_core::reading::Reading;
use forerun_core::row::Row;
use forerun_core::state::{read_entity, write_entity};

/// A repeatable source of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 29)) % limit
    }
}

#[derive(Clone, Copy, Debug)]
struct Event {
    time: i64,
    place: u64,
    n: i64,
    rare: bool,
    yes: bool,
}

/// Aggregate, argument, settings; over a lifetime other settings, or none when it is refused.
const AGGREGATES: [(&str, &str, &str, &str); 9] = [
    ("skew", "n", "{}", "{}"),
    ("distinct", "n", "{}", r#"{"max": 40}"#),
    ("approx_distinct", "n", "{}", "{}"),
    ("quantile", "n", r#"{"q": 0.3}"#, r#"{"q": 0.3}"#),
    ("streak", "yes", "{}", "{}"),
    ("first_n", "n", r#"{"n": 3}"#, r#"{"n": 3}"#),
    ("last_n", "n", r#"{"n": 3}"#, r#"{"n": 3}"#),
    (
        "top_k",
        "n",
        r#"{"n": 4}"#,
        r#"{"n": 4, "among": [-3, 5, 0, 2, 9]}"#,
    ),
    (
        "histogram",
        "n",
        r#"{"edges": [-10, 0, 0.5, 7]}"#,
        r#"{"edges": [-10, 0, 0.5, 7]}"#,
    ),
];

const WINDOWS: [(&str, &str); 5] = [
    (
        "short",
        r#"{"kind": "sliding", "over_us": 60, "ago_us": 0}"#,
    ),
    (
        "long",
        r#"{"kind": "sliding", "over_us": 3000, "ago_us": 200}"#,
    ),
    (
        "hop",
        r#"{"kind": "hopping", "size_us": 400, "hop_us": 100}"#,
    ),
    ("last", r#"{"kind": "last", "events": 90}"#),
    ("life", r#"{"kind": "lifetime"}"#),
];

fn plan() -> Plan {
    let field = |name: &str| format!(r#"{{"op":"field","name":"{name}"}}"#);
    let mut features = Vec::new();
    for (label, window) in WINDOWS {
        for (agg, arg, params, lifetime) in AGGREGATES {
            let params = if label == "life" { lifetime } else { params };
            for (filter, condition) in [("all", "null".to_owned()), ("rare", field("rare"))] {
                features.push(format!(
                    r#"{{"name":"{agg} {label} {filter}","agg":"{agg}","arg":{},"where":{condition},"window":{window},"params":{params}}}"#,
                    field(arg)
                ));
            }
        }
    }
    let json = format!(
        r#"{{"format":2,"vectors":[],"streams":[{{"name":"Tick","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"n","type":"int","nullable":false}},
        {{"name":"rare","type":"bool","nullable":false}},{{"name":"yes","type":"bool","nullable":false}}],
        "time":"at","key":[],"id":null,"lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}}],
        "views":[{{"name":"Now","stream":0,"by":[],"where":null,"features":[{}]}}]}}"#,
        features.join(",")
    );
    Plan::compile(&json).unwrap()
}

/// The words of a row, laid out as the view says.
fn staged(view: &View, event: Event) -> Vec<u64> {
    let mut words = vec![0; view.staged_words()];
    for (bit, condition) in view.conditions.iter().enumerate() {
        let among = condition.arg.is_none() || [-3, 5, 0, 2, 9].contains(&event.n);
        let passes = (condition.filter.is_none() || event.rare) && among;
        words[bit / 64] |= u64::from(passes) << (bit % 64);
    }
    let first = view.staged_words() - view.args.len();
    for (at, arg) in view.args.iter().enumerate() {
        words[first + at] = match arg.to_string().as_str() {
            "n" => event.n as u64,
            "yes" => u64::from(event.yes),
            "bin(n)" => [-10.0, 0.0, 0.5, 7.0]
                .iter()
                .filter(|&&edge| edge <= event.n as f64)
                .count() as u64,
            "index(n)" => [-3, 0, 2, 5, 9]
                .iter()
                .position(|&n| n == event.n)
                .unwrap_or(0) as u64,
            other => panic!("unknown argument {other}"),
        };
    }
    words
}

/// What a walk over all events finds; lists as their words.
fn naive(name: &str, events: &[Event], t: i64) -> Vec<u64> {
    let mut parts = name.split(' ');
    let (agg, window, filter) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let upto: Vec<Event> = events
        .iter()
        .copied()
        .filter(|event| event.time <= t)
        .collect();
    let within: Vec<Event> = match window {
        "short" => upto
            .into_iter()
            .filter(|event| event.time > t - 60)
            .collect(),
        "long" => upto
            .into_iter()
            .filter(|event| event.time > t - 3200 && event.time <= t - 200)
            .collect(),
        "hop" => {
            let start = (t.div_euclid(100) + 1) * 100 - 400;
            upto.into_iter()
                .filter(|event| event.time >= start)
                .collect()
        }
        "last" => upto[upto.len().saturating_sub(90)..].to_vec(),
        _ => upto,
    };
    let found: Vec<Event> = within
        .into_iter()
        .filter(|event| filter == "all" || event.rare)
        .collect();
    let values: Vec<i64> = found.iter().map(|event| event.n).collect();
    let words = |values: &[i64]| values.iter().map(|&value| value as u64).collect();
    let distinct = values.iter().collect::<BTreeSet<_>>().len();
    match agg {
        "skew" => skew(&values),
        "distinct" if window == "life" => vec![distinct.min(40) as u64],
        "distinct" | "approx_distinct" => vec![distinct as u64],
        "quantile" => {
            let mut sorted = values;
            sorted.sort_unstable();
            if sorted.is_empty() {
                return Vec::new();
            }
            let rank = ((0.3 * sorted.len() as f64).ceil() as usize).max(1) - 1;
            vec![(sorted[rank] as f64).to_bits(), sorted.len() as u64]
        }
        "streak" => {
            let run = found.iter().rev().take_while(|event| event.yes).count();
            vec![run as u64]
        }
        "first_n" => words(&values[..values.len().min(3)]),
        "last_n" => words(&values[values.len().saturating_sub(3)..]),
        "histogram" => {
            let mut bins = vec![0; 5];
            for &value in &values {
                bins[[-10.0, 0.0, 0.5, 7.0]
                    .iter()
                    .filter(|&&edge| edge <= value as f64)
                    .count()] += 1;
            }
            bins
        }
        _ => {
            let mut counts = BTreeMap::new();
            for &value in &values {
                if window != "life" || [-3, 5, 0, 2, 9].contains(&value) {
                    *counts.entry(value).or_insert(0i64) += 1;
                }
            }
            let mut ranked: Vec<(i64, i64)> = counts
                .into_iter()
                .map(|(value, count)| (-count, value))
                .collect();
            ranked.sort_unstable();
            ranked
                .iter()
                .take(4)
                .map(|&(_, value)| value as u64)
                .collect()
        }
    }
}

/// From sums of powers in whole numbers.
fn skew(values: &[i64]) -> Vec<u64> {
    let n = values.len() as i128;
    let sum = |power: u32| {
        values
            .iter()
            .map(|&value| i128::from(value).pow(power))
            .sum::<i128>()
    };
    let (s1, s2, s3) = (sum(1), sum(2), sum(3));
    let (m2, m3) = (
        n * s2 - s1 * s1,
        n * n * s3 - 3 * n * s1 * s2 + 2 * s1 * s1 * s1,
    );
    if n < 3 || m2 == 0 {
        return Vec::new();
    }
    let count = n as f64;
    let factor = (count * (count - 1.0)).sqrt() / (count - 2.0);
    vec![(factor * (m3 as f64 / (m2 as f64).powf(1.5))).to_bits()]
}

fn same(name: &str, actual: &[u64], expected: &[u64]) -> bool {
    let close = |allowed: f64| {
        let (a, b) = (f64::from_bits(actual[0]), f64::from_bits(expected[0]));
        (a - b).abs() <= allowed * b.abs()
    };
    match name.split(' ').next() {
        _ if actual.is_empty() || expected.is_empty() => actual == expected,
        Some("skew") => close(1e-12) || f64::from_bits(actual[0]).abs() < 1e-12,
        Some("quantile") if expected[1] > 64 => close(0.010_000_001),
        Some("quantile") => actual[0] == expected[0],
        Some("approx_distinct") if name.contains("life") && expected[0] > 64 => {
            actual[0].abs_diff(expected[0]) as f64 <= 0.08 * expected[0] as f64
        }
        _ => actual == expected,
    }
}

fn check(seed: u64, values: u64, jitter: u64, follow: bool) {
    let plan = plan();
    let view = &plan.views[0];
    let slots: Vec<(usize, usize)> = (0..view.features.len()).map(|at| (at, at)).collect();
    let mut reading = Reading::new(view, &slots);
    let mut random = Random(seed);
    let mut entity = Entity::new(view, b"k");
    let mut events: Vec<Event> = Vec::new();
    let (mut newest, mut horizon) = (1_000_000i64, 0);
    for place in 0..1000u64 {
        newest += random.below(20) as i64;
        let event = Event {
            time: newest - random.below(jitter) as i64,
            place,
            n: random.below(values) as i64 - values as i64 / 3,
            rare: random.below(12) == 0,
            yes: random.below(60) > 0,
        };
        events.push(event);
        events.sort_by_key(|event| (event.time, event.place));
        entity.insert(view, event.time, event.place, &staged(view, event));
        if random.below(6) > 0 {
            continue;
        }
        if random.below(4) == 0 {
            horizon = horizon.max(newest - jitter as i64);
            entity.settle(view, horizon);
        }
        if random.below(12) == 0 {
            let mut bytes = Vec::new();
            write_entity(view, &entity, &mut bytes);
            entity = read_entity(view, b"k", &bytes).unwrap();
            let mut again = Vec::new();
            write_entity(view, &entity, &mut again);
            assert_eq!(again, bytes);
        }
        let t = match random.below(4) {
            0 if !follow => (newest - random.below(2 * jitter) as i64).max(horizon),
            1 => newest + random.below(3000) as i64,
            _ => newest,
        };
        let mut row = Row::new(slots.len());
        reading.read(view, Some(&mut entity), t, &mut row);
        for (slot, feature) in view.features.iter().enumerate() {
            let actual = match row.take_list(slot) {
                Some(list) => list.words.clone(),
                None => row.get(slot).into_iter().collect(),
            };
            let expected = naive(&feature.name, &events, t);
            assert!(
                same(&feature.name, &actual, &expected),
                "{} at {t}, event {place}, seed {seed}: {actual:?} and not {expected:?}",
                feature.name
            );
        }
    }
}

#[test]
fn values_of_few_kinds() {
    (0..3).for_each(|seed| check(seed, 20, 50, true));
    (3..5).for_each(|seed| check(seed, 20, 900, false));
}

#[test]
fn values_of_many_kinds() {
    (5..8).for_each(|seed| check(seed, 3000, 400, false));
}

#[test]
fn an_unknown_entity_has_no_values() {
    let plan = plan();
    let view = &plan.views[0];
    let slots: Vec<(usize, usize)> = (0..view.features.len()).map(|at| (at, at)).collect();
    let mut row = Row::new(slots.len());
    Reading::new(view, &slots).read(view, None, 50, &mut row);
    for (slot, feature) in view.features.iter().enumerate() {
        let actual = match row.take_list(slot) {
            Some(list) => list.words.clone(),
            None => row.get(slot).into_iter().collect(),
        };
        assert!(
            same(&feature.name, &actual, &naive(&feature.name, &[], 50)),
            "{}",
            feature.name
        );
    }
}
