//! Indexed windows of every kind give what adding up every event gives, whatever comes in whatever order.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use forerun_core::entity::Entity;
use forerun_core::plan::{Plan, View};
use forerun_core::reading::Reading;
use forerun_core::row::Row;
use forerun_core::state::{read_entity, write_entity};
use forerun_core::types::Type;
use forerun_core::window::Window;

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
        ("sum", "y", "null"),
        ("std", "y", "null"),
    ];
    let mut features = Vec::new();
    for (nth, window) in windows.iter().enumerate() {
        for (at, (agg, arg, filter)) in aggregates.iter().enumerate() {
            let tiled = window.contains("tiled");
            if tiled && ["std", "first", "last", "var"].contains(agg) {
                continue;
            }
            let name = |field: &str| match field {
                "null" => "null".to_owned(),
                field => format!(r#"{{"op":"field","name":"{field}"}}"#),
            };
            features.push(format!(
                r#"{{"name":"f{at}_{nth}","agg":"{agg}","arg":{},"where":{},"window":{window}}}"#,
                name(arg),
                name(filter)
            ));
        }
    }
    let json = format!(
        r#"{{"format":2,"vectors":[],"streams":[{{"name":"Tick","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"x","type":"float","nullable":true}},
        {{"name":"y","type":"float","nullable":false}},
        {{"name":"n","type":"int","nullable":false}},{{"name":"rare","type":"bool","nullable":false}}],
        "time":"at","key":[],"id":null,"lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}}],
        "views":[{{"name":"Now","stream":0,"by":[],"where":null,"features":[{}]}}]}}"#,
        features.join(",")
    );
    Plan::compile(&json).unwrap()
}

/// The words of a row: condition bits and arguments, laid out as the view says.
fn staged(view: &View, random: &mut Random, scales: &[f64]) -> Vec<u64> {
    let null = random.below(5) == 0;
    let rare = random.below(40) == 0;
    let scale = scales[random.below(scales.len() as u64) as usize];
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
            Type::Float if null && arg.nullable => 0,
            Type::Float if arg.nullable => x.to_bits(),
            // Of one sign, so that totals grow.
            Type::Float => x.abs().to_bits(),
            _ => n as u64,
        };
    }
    words
}

/// An event as it came.
struct Event {
    time: i64,
    place: u64,
    row: Vec<u64>,
}

/// The events of a window, by its definition: of all events so far, in order.
fn inside<'a>(window: &Window, events: &'a [Event], t: i64) -> Vec<&'a Event> {
    let seen = |from: i64, to: i64| -> Vec<&Event> {
        let known = events.iter();
        known
            .filter(|event| from <= event.time && event.time <= to)
            .collect()
    };
    match window {
        Window::Lifetime => seen(i64::MIN, t),
        Window::Sliding { over_us, ago_us } => seen(t - ago_us - over_us + 1, t - ago_us),
        Window::Hopping { size_us, hop_us } => seen((t / hop_us + 1) * hop_us - size_us, t),
        Window::Calendar { .. } => seen(t - t % 3_600_000_000, t), // hours, in UTC
        Window::Tiled { over_us, tile_us } => seen((t - over_us).div_euclid(*tile_us) * tile_us, t),
        Window::Last { events } => {
            let all = seen(i64::MIN, t);
            all[all.len().saturating_sub(*events)..].to_vec()
        }
        Window::Session { gap_us, max_us } => {
            let (mut next, mut chain) = (t, Vec::new());
            for event in seen(t - max_us + 1, t).into_iter().rev() {
                if next - event.time > *gap_us {
                    break;
                }
                next = event.time;
                chain.insert(0, event);
            }
            chain
        }
    }
}

/// Every feature, by adding up.
fn add_up(view: &View, events: &[Event], t: i64) -> Vec<Option<u64>> {
    let value = |feature: &forerun_core::plan::Feature| {
        let span = &view.spans[feature.span];
        let track = &view.tracks[span.track];
        let mut values = track.accumulator();
        for event in inside(&view.windows[span.window], events, t) {
            if let Some(value) = track.value(&event.row) {
                values.push_newest(value);
            }
        }
        values
            .value(feature.aggregate, feature.over_us, feature.per_us)
            .unwrap()
    };
    view.features.iter().map(value).collect()
}

fn read(reading: &mut Reading, view: &View, entity: &mut Entity, t: i64) -> Vec<Option<u64>> {
    // What a read before has left in the row.
    let mut row = Row::new(view.features.len());
    (0..view.features.len()).for_each(|slot| row.set(slot, Some(u64::MAX)));
    reading.read(view, Some(entity), t, &mut row);
    (0..view.features.len()).map(|slot| row.get(slot)).collect()
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

fn check(windows: &[&str], seed: u64, jitter: u64, scales: &[f64]) {
    check_of(windows, seed, jitter, scales, usize::MAX);
}

/// The same with a new entity after so many events.
fn check_of(windows: &[&str], seed: u64, jitter: u64, scales: &[f64], most: usize) {
    let plan = plan(windows);
    let view = &plan.views[0];
    let all: Vec<(usize, usize)> = (0..view.features.len())
        .map(|index| (index, index))
        .collect();
    let mut reading = Reading::new(view, &all);
    let mut random = Random(seed);
    let mut entity = Entity::new(view, b"k");
    let mut events: Vec<Event> = Vec::new();
    let (mut newest, mut horizon) = (7_200_000_000i64, 0);
    for place in 0..2000u64 {
        if events.len() == most {
            (entity, horizon) = (Entity::new(view, b"k"), 0);
            events.clear();
        }
        newest += random.below(20) as i64 * if random.below(200) == 0 { 300 } else { 1 };
        let time = newest - random.below(jitter) as i64;
        let staged = staged(view, &mut random, scales);
        entity.insert(view, time, place, &staged);
        let at = events.partition_point(|event| (event.time, event.place) < (time, place));
        let row = [time as u64, place].into_iter().chain(staged).collect();
        events.insert(at, Event { time, place, row });
        if random.below(3) > 0 {
            continue;
        }
        if random.below(4) == 0 {
            horizon = horizon.max(newest - jitter as i64);
            entity.settle(view, horizon);
        }
        if random.below(50) == 0 {
            entity = reload(view, &entity);
        }
        let t = match random.below(4) {
            0 => newest,
            1 => (newest - random.below(2 * jitter) as i64).max(horizon),
            2 => newest + random.below(3000) as i64,
            _ => time,
        };
        let expected = add_up(view, &events, t);
        let actual = read(&mut reading, view, &mut entity, t);
        assert_eq!(
            actual, expected,
            "windows {windows:?}, seed {seed}, event {place}, read at {t}"
        );
    }
}

const WEEK: &str = r#"{"kind":"sliding","over_us":20000,"ago_us":0}"#;
const SHORT: &str = r#"{"kind":"sliding","over_us":40,"ago_us":0}"#;
const HOUR: &str = r#"{"kind":"sliding","over_us":300,"ago_us":0}"#;
const LIFE: &str = r#"{"kind":"lifetime"}"#;
const BEFORE: &str = r#"{"kind":"sliding","over_us":2000,"ago_us":700}"#;
const HOPS: &str = r#"{"kind":"hopping","size_us":1000,"hop_us":250}"#;
const CLOCK: &str = r#"{"kind":"calendar","unit":"hour","zone":"UTC"}"#;
const SESSION: &str = r#"{"kind":"session","gap_us":25,"max_us":5000}"#;
const LAST: &str = r#"{"kind":"last","events":40}"#;
const FEW: &str = r#"{"kind":"last","events":3}"#;
const TILES: &str = r#"{"kind":"tiled","over_us":10000,"tile_us":500}"#;
const SHORT_TILES: &str = r#"{"kind":"tiled","over_us":300,"tile_us":100}"#;

/// Values that all fit the fast totals, and values that do not.
const TAME: &[f64] = &[1.0, 0.01];
const WILD: &[f64] = &[1.0, 0.01, 1e15, 1e-9];

/// Values of which some have digits too small for them, and values that fit but for the totals of many.
const FINE: &[f64] = &[1.0, 1e-9];
const LARGE: &[f64] = &[1.7e10];

#[test]
fn windows_equal_adding_up() {
    for seed in 0..6 {
        check(&[HOUR, WEEK], seed, 50, WILD);
        check(&[HOUR, WEEK, BEFORE], seed, 1500, TAME);
        check(&[HOUR, WEEK], seed, 50, FINE);
        check(&[HOUR, WEEK], seed, 50, LARGE);
    }
}

#[test]
fn one_value_beyond_the_fast_totals_changes_no_other() {
    let mut scales = vec![1.0; 150];
    scales.push(1e90);
    for seed in 0..6 {
        check_of(&[HOUR, WEEK], seed, 50, &scales, 400);
    }
}

#[test]
fn windows_of_few_events_equal_adding_up() {
    for seed in 0..6 {
        check_of(
            &[SHORT, HOUR],
            seed,
            50,
            if seed % 2 == 0 { WILD } else { TAME },
            25,
        );
        check_of(
            &[SHORT, BEFORE, SESSION, LAST, TILES, LIFE],
            seed,
            50,
            TAME,
            25,
        );
    }
}

#[test]
fn events_as_late_as_the_longest_window_equal_adding_up() {
    for seed in 0..4 {
        check(&[HOUR, WEEK], seed, 18_000, TAME);
    }
}

#[test]
fn lifetimes_and_tiles_equal_adding_up() {
    for seed in 0..6 {
        check(&[LIFE], seed, 900, WILD);
        check(&[TILES, SHORT_TILES], seed, 400, TAME);
        check(&[HOUR, WEEK, TILES, LIFE], seed, 1500, TAME);
    }
}

#[test]
fn clocks_sessions_and_counts_equal_adding_up() {
    for seed in 0..6 {
        check(&[HOPS, CLOCK, SESSION], seed, 50, TAME);
        check(&[SESSION], seed, 5, WILD);
        check(&[LAST, FEW], seed, 300, TAME);
        check(&[HOUR, HOPS, SESSION, LAST, TILES, LIFE], seed, 900, TAME);
    }
}
