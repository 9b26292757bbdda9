//! Compiles a view: shares arguments, conditions and tracks among its features.

use serde_json::{Map, Value};

use crate::aggregate::{Aggregate, Needs};
use crate::expr::{Expr, Node};
use crate::plan::{Condition, Feature, Stream, Track, View, unique};
use crate::spec::{FeatureSpec, ViewSpec};
use crate::types::Type;
use crate::typing::{self, Scope};

/// The name scope of a stream's fields, without features.
pub(crate) struct Fields<'a>(pub(crate) &'a Stream);

impl Scope for Fields<'_> {
    fn field(&self, name: &str) -> Result<Expr, String> {
        let index = self.0.find(name)?;
        let field = &self.0.fields[index];
        Ok(Expr { ty: field.ty, nullable: field.nullable, node: Node::Field(index, name.into()) })
    }

    fn feature(&mut self, _: &Map<String, Value>) -> Result<Expr, String> {
        Err("a feature can only be read by a vector's input".into())
    }
}

/// Compiles one view; streams come first.
pub(crate) fn compile(spec: ViewSpec, streams: &[Stream]) -> Result<View, String> {
    let at = format!("view '{}'", spec.name);
    let stream =
        streams.get(spec.stream).ok_or_else(|| format!("{at}: there is no stream {}", spec.stream))?;
    unique(&format!("{at}: feature"), spec.features.iter().map(|feature| feature.name.as_str()))?;
    let by = stream.key(&spec.by).map_err(|error| format!("{at}: {error}"))?;
    let filter = condition(spec.filter.as_ref(), stream).map_err(|error| format!("{at}, where: {error}"))?;
    let mut view = View {
        name: spec.name,
        stream: spec.stream,
        by,
        filter,
        args: Vec::new(),
        conditions: Vec::new(),
        tracks: Vec::new(),
        features: Vec::new(),
        windows_us: Vec::new(),
        lifetimes: Vec::new(),
        readers: Vec::new(),
    };
    for feature in spec.features {
        let at = format!("{at}, feature '{}'", feature.name);
        add(&mut view, feature, stream).map_err(|error| format!("{at}: {error}"))?;
    }
    view.windows_us.sort_unstable();
    Ok(view)
}

fn add(view: &mut View, spec: FeatureSpec, stream: &Stream) -> Result<(), String> {
    let aggregate =
        Aggregate::parse(&spec.agg).ok_or_else(|| format!("unknown aggregate '{}'", spec.agg))?;
    let arg = match &spec.arg {
        Some(json) => Some(typing::compile(json, &mut Fields(stream))?),
        None => None,
    };
    let filter = condition(spec.filter.as_ref(), stream).map_err(|error| format!("where: {error}"))?;
    let ty = arg.as_ref().map(|arg| arg.ty);
    let result = aggregate.result(ty).map_err(|error| format!("{}: {error}", spec.agg))?;
    if let Some(over) = spec.over_us.filter(|&over| over <= 0) {
        return Err(format!("over_us is {over}; it must be positive, or null for the lifetime"));
    }
    if let Some(per) = spec.per_us.filter(|&per| per <= 0) {
        return Err(format!("per_us is {per}; it must be positive"));
    }
    if aggregate == Aggregate::Rate && spec.over_us.is_none() {
        return Err("a rate needs a window; set over_us".into());
    }
    let track = track(view, arg, filter);
    let needs = aggregate.needs(ty);
    match spec.over_us {
        Some(over) => {
            view.tracks[track].needs = view.tracks[track].needs.with(needs);
            if !view.windows_us.contains(&over) {
                view.windows_us.push(over);
            }
        }
        None => {
            let (place, known) = view.tracks[track].life.unwrap_or((view.lifetimes.len(), Needs::default()));
            if place == view.lifetimes.len() {
                view.lifetimes.push(track);
            }
            view.tracks[track].life = Some((place, known.with(needs)));
        }
    }
    view.features.push(Feature {
        name: spec.name,
        aggregate,
        ty: result,
        track,
        over_us: spec.over_us,
        per_us: spec.per_us.unwrap_or(1_000_000),
    });
    Ok(())
}

/// The track of an argument under a filter, made when new.
fn track(view: &mut View, arg: Option<Expr>, filter: Option<Expr>) -> usize {
    let ty = arg.as_ref().map(|arg| arg.ty);
    let condition = Condition { filter, arg: arg.clone().filter(|arg| arg.nullable) };
    let condition = (condition.filter.is_some() || condition.arg.is_some())
        .then(|| place(&mut view.conditions, condition));
    // Text is only counted, and counting needs the condition alone.
    let arg = arg.filter(|arg| arg.ty != Type::String).map(|arg| place(&mut view.args, arg));
    let same = |track: &Track| (track.arg, track.condition, track.ty) == (arg, condition, ty);
    view.tracks.iter().position(same).unwrap_or_else(|| {
        view.tracks.push(Track { ty, arg, condition, needs: Needs::default(), life: None });
        view.tracks.len() - 1
    })
}

fn place<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
    items.iter().position(|known| *known == item).unwrap_or_else(|| {
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
