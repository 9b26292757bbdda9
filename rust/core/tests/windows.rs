//! Running totals and block extents give what adding up every event gives, whatever comes in whatever order.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use forerun_core::entity::Entity;
use forerun_core::plan::{Plan, View};
use forerun_core::reading::{Cells, Reading};
use forerun_core::state::{read_entity, write_entity};
use forerun_core::types::Type;

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

fn plan(windows: &[&str]) -> Plan {
    let aggregates = [
        ("count", "null", "null"),
        ("count", "x", "null"),
        ("sum", "x", "null"),
        ("std", "x", "rare"),
        ("min", "x", "null"),
        ("max", "x", "rare"),
        ("first", "n", "rare"),
        ("last", "n", "null"),
        ("sum", "n", "rare"),
        ("var", "n", "null"),
    ];
    let mut features = Vec::new();
    for window in windows {
        for (at, (agg, arg, filter)) in aggregates.iter().enumerate() {
            let name = |field: &str| match field {
                "null" => "null".to_owned(),
                field => format!(r#"{{"op":"field","name":"{field}"}}"#),
            };
            features.push(format!(
                r#"{{"name":"f{at}_{window}","agg":"{agg}","arg":{},"where":{},"over_us":{window},"per_us":null}}"#,
                name(arg),
                name(filter)
            ));
        }
    }
    let json = format!(
        r#"{{"format":1,"vectors":[],"streams":[{{"name":"Tick","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"x","type":"float","nullable":true}},
        {{"name":"n","type":"int","nullable":false}},{{"name":"rare","type":"bool","nullable":false}}],
        "time":"at","key":[],"id":null,"lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}}],
        "views":[{{"name":"Now","stream":0,"by":[],"where":null,"features":[{}]}}]}}"#,
        features.join(",")
    );
    Plan::compile(&json).unwrap()
}

/// The words of a row: condition bits and arguments, laid out as the view says.
fn staged(view: &View, random: &mut Random) -> Vec<u64> {
    let null = random.below(5) == 0;
    let rare = random.below(40) == 0;
    let scale = [1.0, 0.01, 1e15, 1e-9][random.below(4) as usize];
    let x = (random.below(2000) as f64 - 1000.0) * scale;
    let n = random.below(1000) as i64 - 500;
    let mut words = vec![0; view.staged_words()];
    for (bit, condition) in view.conditions.iter().enumerate() {
        let passes = (condition.filter.is_none() || rare) && (condition.arg.is_none() || !null);
        words[0] |= u64::from(passes) << bit;
    }
    let first = view.staged_words() - view.args.len();
    for (at, arg) in view.args.iter().enumerate() {
        words[first + at] = match arg.ty {
            Type::Float if null => 0,
            Type::Float => x.to_bits(),
            _ => n as u64,
        };
    }
    words
}

fn read(
    reading: &mut Reading,
    view: &View,
    entity: &mut Entity,
    t: i64,
    follow: bool,
) -> Vec<Option<i64>> {
    let mut cells = vec![Cells::default(); view.features.len()];
    reading
        .read(view, Some(entity), t, follow, &mut cells)
        .unwrap();
    cells
        .into_iter()
        .map(|cells| cells.into_column(Type::Int).as_whole(0))
        .collect()
}

fn reload(view: &View, entity: &Entity) -> Entity {
    let mut bytes = Vec::new();
    write_entity(view, entity, &mut bytes);
    let read = read_entity(view, entity.key(), &bytes).unwrap();
    let mut again = Vec::new();
    write_entity(view, &read, &mut again);
    assert_eq!(again, bytes);
    read
}

fn check(windows: &[&str], seed: u64, jitter: u64) {
    let plan = plan(windows);
    let view = &plan.views[0];
    let all: Vec<(usize, usize)> = (0..view.features.len())
        .map(|index| (index, index))
        .collect();
    let (mut running, mut adding) = (Reading::new(view, &all), Reading::new(view, &all));
    let mut random = Random(seed);
    let mut entity = Entity::new(view, b"k");
    let (mut newest, mut horizon) = (1_000_000i64, 0);
    for place in 0..3000u64 {
        newest += random.below(20) as i64;
        let time = newest - random.below(jitter) as i64;
        let staged = staged(view, &mut random);
        entity.insert(view, time, place, &staged);
        if random.below(3) > 0 {
            continue;
        }
        if random.below(4) == 0 {
            horizon = horizon.max(newest - jitter as i64);
            entity.settle(view, Some(horizon));
        }
        let t = match random.below(4) {
            0 => newest,
            1 => (newest - random.below(2 * jitter) as i64).max(horizon),
            2 => newest + random.below(3000) as i64,
            _ => time,
        };
        let follow = random.below(5) > 0;
        let expected = read(&mut adding, view, &mut reload(view, &entity), t, false);
        let actual = read(&mut running, view, &mut entity, t, follow);
        assert_eq!(
            actual, expected,
            "windows {windows:?}, seed {seed}, event {place}, read at {t}"
        );
    }
    assert!(entity.cursors().is_some());
}

#[test]
fn windows_equal_adding_up() {
    for seed in 0..6 {
        check(&["7", "400", "5000"], seed, 50);
        check(&["100", "20000"], seed, 1500);
    }
}

#[test]
fn lifetimes_equal_adding_up() {
    for seed in 0..6 {
        check(&["null"], seed, 900);
        check(&["300", "9000", "null"], seed, 1500);
    }
}
