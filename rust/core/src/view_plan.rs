//! Compiles a view: shares arguments, conditions and tracks among its features.

use serde_json::{Map, Value};

use crate::aggregate::{Aggregate, Needs};
use crate::expr::{Expr, Node};
use crate::plan::{Condition, Feature, Light, Sizes, Span, Track, View, unique};
use crate::spec::{FeatureSpec, ViewSpec};
use crate::stream_plan::Stream;
use crate::types::Type;
use crate::typing::{self, Scope};
use crate::window::Window;

/// The name scope of a stream's fields, without features.
pub(crate) struct Fields<'a>(pub(crate) &'a Stream);

impl Scope for Fields<'_> {
    fn field(&self, name: &str) -> Result<Expr, String> {
        let index = self.0.find(name)?;
        let field = &self.0.fields[index];
        Ok(Expr {
            ty: field.ty,
            nullable: field.nullable,
            node: Node::Field(index, name.into()),
        })
    }

    fn feature(&mut self, _: &Map<String, Value>) -> Result<Expr, String> {
        Err("a feature can only be read by a vector's input".into())
    }
}

/// A feature whose parts are checked.
struct Checked {
    name: String,
    aggregate: Aggregate,
    arg: Option<Expr>,
    filter: Option<Expr>,
    ty: Type,
    window: Window,
    per_us: i64,
}

/// Compiles one view; streams come first.
pub(crate) fn compile(spec: ViewSpec, streams: &[Stream]) -> Result<View, String> {
    let at = format!("view '{}'", spec.name);
    let stream = streams
        .get(spec.stream)
        .ok_or_else(|| format!("{at}: there is no stream {}", spec.stream))?;
    unique(
        &format!("{at}: feature"),
        spec.features.iter().map(|feature| feature.name.as_str()),
    )?;
    let by = stream
        .key(&spec.by)
        .map_err(|error| format!("{at}: {error}"))?;
    let filter =
        condition(spec.filter.as_ref(), stream).map_err(|error| format!("{at}, where: {error}"))?;
    let mut features = Vec::with_capacity(spec.features.len());
    for feature in spec.features {
        let at = format!("{at}, feature '{}'", feature.name);
        features.push(check(feature, stream).map_err(|error| format!("{at}: {error}"))?);
    }
    let mut view = View {
        name: spec.name,
        stream: spec.stream,
        by,
        filter,
        args: Vec::new(),
        conditions: Vec::new(),
        tracks: Vec::new(),
        features: Vec::new(),
        windows: Vec::new(),
        spans: Vec::new(),
        lifetimes: Vec::new(),
        tiled: Vec::new(),
        light_words: 0,
        sizes: Sizes::default(),
        readers: Vec::new(),
    };
    for feature in &features {
        place(&mut view.windows, feature.window.clone());
    }
    // Windows that end at the read are then mostly each part of the next: one pass serves them all.
    view.windows.sort_by_key(|window| {
        let ago = window.upto(0) != 0;
        (ago, window.settles(), window.newest(), window.reach_us())
    });
    lay_out(&mut view, features);
    view.sizes = Sizes::of(&view);
    Ok(view)
}

fn check(spec: FeatureSpec, stream: &Stream) -> Result<Checked, String> {
    let aggregate =
        Aggregate::parse(&spec.agg).ok_or_else(|| format!("unknown aggregate '{}'", spec.agg))?;
    let arg = match &spec.arg {
        Some(json) => Some(typing::compile(json, &mut Fields(stream))?),
        None => None,
    };
    let aggregate = match (aggregate, &arg) {
        (Aggregate::Rate, None) => Aggregate::CountRate,
        _ => aggregate,
    };
    let filter =
        condition(spec.filter.as_ref(), stream).map_err(|error| format!("where: {error}"))?;
    let ty = aggregate
        .result(arg.as_ref().map(|arg| arg.ty))
        .map_err(|error| format!("{}: {error}", spec.agg))?;
    let window = window(spec.window.as_ref(), spec.over_us)?;
    let per_us = match spec.params.get("per_us") {
        Some(per) => Some(per.as_i64().unwrap_or(0)),
        None => spec.per_us,
    };
    if let Some(per) = per_us.filter(|&per| per <= 0) {
        return Err(format!("per_us is {per}; it must be positive"));
    }
    if matches!(aggregate, Aggregate::Rate | Aggregate::CountRate) && window.length_us().is_none() {
        return Err("a rate needs a window of a fixed length; use a sliding one".into());
    }
    if matches!(window, Window::Tiled { .. }) && !aggregate.has_bound() {
        return Err(format!(
            "{} in a tiled window has no bound on its error; use an exact window, or count, sum, mean, min, max or rate",
            spec.agg
        ));
    }
    Ok(Checked {
        name: spec.name,
        aggregate,
        arg,
        filter,
        ty,
        window,
        per_us: per_us.unwrap_or(1_000_000),
    })
}

/// The window of a feature; format 1 has the length of a sliding one.
fn window(json: Option<&Value>, over_us: Option<i64>) -> Result<Window, String> {
    match (json, over_us) {
        (Some(json), _) => Window::parse(json),
        (None, None) => Ok(Window::Lifetime),
        (None, Some(over)) if over <= 0 => Err(format!(
            "over_us is {over}; it must be positive, or null for the lifetime"
        )),
        (None, Some(over_us)) => Ok(Window::Sliding { over_us, ago_us: 0 }),
    }
}

/// Gives every feature its span, sharing tracks.
fn lay_out(view: &mut View, features: Vec<Checked>) {
    // Values first: what only counts can then share the track of any value under the same condition.
    let mut tracks = vec![0; features.len()];
    for counts in [false, true] {
        for (track, feature) in tracks.iter_mut().zip(&features) {
            if feature.aggregate.counts() == counts {
                *track = place_track(view, feature);
            }
        }
    }
    let windows = view.windows.clone();
    let window_of = |feature: &Checked| {
        windows
            .iter()
            .position(|window| *window == feature.window)
            .unwrap_or_default()
    };
    for (&index, feature) in tracks.iter().zip(&features) {
        let track = &mut view.tracks[index];
        let tiled = matches!(feature.window, Window::Tiled { .. });
        let valued = tiled && !feature.aggregate.counts();
        track.needs = track.needs.with(feature.aggregate.needs());
        // The bound of a tiled value comes from the extent of the tile in which the window begins.
        track.needs.extrema |= valued;
        track.least |= valued || feature.aggregate == Aggregate::Min;
        track.greatest |= valued || feature.aggregate == Aggregate::Max;
        place(
            &mut view.spans,
            Span {
                track: index,
                window: window_of(feature),
            },
        );
    }
    view.spans.sort_by_key(|span| (span.track, span.window));
    let spans_of = |which: fn(&Window) -> bool| -> Vec<usize> {
        (0..view.spans.len())
            .filter(|&at| which(&view.windows[view.spans[at].window]))
            .collect()
    };
    let lifetimes = spans_of(|window| *window == Window::Lifetime);
    let tiled = spans_of(|window| matches!(window, Window::Tiled { .. }));
    (view.lifetimes, view.tiled) = (lifetimes, tiled);
    let words: Vec<usize> = (0..view.args.len()).map(|arg| view.arg_word(arg)).collect();
    let mut ranked = 0..;
    for track in &mut view.tracks {
        track.word = track.arg.map(|arg| words[arg]);
        track.ranked = if track.needs.extrema || track.needs.ends {
            ranked.next()
        } else {
            None
        };
        track.light = track.needs.light().then(|| {
            let light = Light {
                at: view.light_words,
                counts: track.condition.is_some(),
                sums: track.needs.sum || track.needs.moments,
                squares: track.needs.moments,
            };
            view.light_words += light.words();
            light
        });
    }
    for (track, feature) in tracks.into_iter().zip(features) {
        let window = window_of(&feature);
        let same = |span: &Span| (span.track, span.window) == (track, window);
        view.features.push(Feature {
            name: feature.name,
            aggregate: feature.aggregate,
            ty: feature.ty,
            span: view.spans.iter().position(same).unwrap_or_default(),
            over_us: feature.window.length_us(),
            per_us: feature.per_us,
        });
    }
}

/// The track of a feature, made when new.
fn place_track(view: &mut View, feature: &Checked) -> usize {
    let nullable = feature.arg.clone().filter(|arg| arg.nullable);
    let condition = (feature.filter.is_some() || nullable.is_some()).then(|| {
        place(
            &mut view.conditions,
            Condition {
                filter: feature.filter.clone(),
                arg: nullable,
            },
        )
    });
    let (ty, arg) = match &feature.arg {
        Some(arg) if !feature.aggregate.counts() => {
            (Some(arg.ty), Some(place(&mut view.args, arg.clone())))
        }
        _ => (None, None),
    };
    let same = |track: &Track| {
        track.condition == condition
            && (feature.aggregate.counts() || (track.ty, track.arg) == (ty, arg))
    };
    view.tracks.iter().position(same).unwrap_or_else(|| {
        view.tracks.push(Track {
            ty,
            arg,
            word: None,
            condition,
            needs: Needs::default(),
            ranked: None,
            least: false,
            greatest: false,
            light: None,
        });
        view.tracks.len() - 1
    })
}

fn place<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
    items
        .iter()
        .position(|known| *known == item)
        .unwrap_or_else(|| {
            items.push(item);
            items.len() - 1
        })
}

fn condition(json: Option<&Value>, stream: &Stream) -> Result<Option<Expr>, String> {
    let Some(json) = json else { return Ok(None) };
    let expr = typing::compile(json, &mut Fields(stream))?;
    if expr.ty != Type::Bool {
        return Err(format!("a condition is a bool, '{expr}' is {}", expr.ty));
    }
    Ok(Some(expr))
}
