//! Compiles a view: shares arguments, conditions and tracks among its features.

use serde_json::{Map, Value};

use crate::aggregate::{Aggregate, Needs};
use crate::expr::{Expr, Node};
use crate::plan::{Condition, Feature, Span, Track, View, unique};
use crate::spec::{FeatureSpec, ViewSpec};
use crate::stream_plan::Stream;
use crate::types::Type;
use crate::typing::{self, Scope};

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
    over_us: Option<i64>,
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
        windows_us: features
            .iter()
            .filter_map(|feature| feature.over_us)
            .collect(),
        spans: Vec::new(),
        lifetimes: Vec::new(),
        readers: Vec::new(),
    };
    view.windows_us.sort_unstable();
    view.windows_us.dedup();
    lay_out(&mut view, features);
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
    if let Some(over) = spec.over_us.filter(|&over| over <= 0) {
        return Err(format!(
            "over_us is {over}; it must be positive, or null for the lifetime"
        ));
    }
    if let Some(per) = spec.per_us.filter(|&per| per <= 0) {
        return Err(format!("per_us is {per}; it must be positive"));
    }
    if matches!(aggregate, Aggregate::Rate | Aggregate::CountRate) && spec.over_us.is_none() {
        return Err("a rate needs a window; set over_us".into());
    }
    Ok(Checked {
        name: spec.name,
        aggregate,
        arg,
        filter,
        ty,
        over_us: spec.over_us,
        per_us: spec.per_us.unwrap_or(1_000_000),
    })
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
    for (&track, feature) in tracks.iter().zip(&features) {
        let needs = &mut view.tracks[track].needs;
        *needs = needs.with(feature.aggregate.needs());
        let window = window(&view.windows_us, feature);
        if !view
            .spans
            .iter()
            .any(|span| (span.track, span.window) == (track, window))
        {
            view.spans.push(Span { track, window });
        }
    }
    view.spans
        .sort_by_key(|span| (span.track, span.window.unwrap_or(usize::MAX)));
    view.lifetimes = (0..view.spans.len())
        .filter(|&at| view.spans[at].window.is_none())
        .collect();
    let words: Vec<usize> = (0..view.args.len()).map(|arg| view.arg_word(arg)).collect();
    let mut ranked = 0..;
    for track in &mut view.tracks {
        track.word = track.arg.map(|arg| words[arg]);
        track.ranked = if track.needs.extrema || track.needs.ends {
            ranked.next()
        } else {
            None
        };
    }
    for (track, feature) in tracks.into_iter().zip(features) {
        let window = window(&view.windows_us, &feature);
        let same = |span: &Span| (span.track, span.window) == (track, window);
        view.features.push(Feature {
            name: feature.name,
            aggregate: feature.aggregate,
            ty: feature.ty,
            span: view.spans.iter().position(same).unwrap_or_default(),
            over_us: feature.over_us,
            per_us: feature.per_us,
        });
    }
}

fn window(windows_us: &[i64], feature: &Checked) -> Option<usize> {
    windows_us
        .iter()
        .position(|&us| Some(us) == feature.over_us)
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
