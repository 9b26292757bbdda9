//! Compiles a view: shares arguments, conditions and tracks among its features.

use serde_json::{Map, Value};

use crate::aggregate::{Aggregate, Needs};
use crate::buffer::FIXED_WORDS;
use crate::custom::Call;
use crate::expr::{Expr, Node};
use crate::kind::Kind;
use crate::light::Light;
use crate::packing::Shape;
use crate::params::Params;
use crate::plan::{Condition, Feature, Sizes, Span, Track, View, unique};
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
    params: Params,
    kind: Kind,
    derived: Option<Expr>,
}

/// The names of a derived feature: the features before it, as slots, and the time of the read, as the only field.
struct Own<'a>(&'a [Checked]);

impl Scope for Own<'_> {
    fn field(&self, name: &str) -> Result<Expr, String> {
        Err(format!(
            "field '{name}': a feature made of others sees no event"
        ))
    }

    fn feature(&mut self, _: &Map<String, Value>) -> Result<Expr, String> {
        Err("a feature can only be read by a vector's input".into())
    }

    fn own(&self, feature: usize) -> Result<Expr, String> {
        let found = self
            .0
            .get(feature)
            .ok_or_else(|| format!("there is no feature {feature} before it"))?;
        if found.derived.is_none() && found.aggregate.is_list() {
            return Err(format!("feature '{}' is a list", found.name));
        }
        let nullable = match &found.derived {
            Some(expr) => expr.nullable,
            None => !found.aggregate.is_total(),
        };
        Ok(Expr {
            ty: found.ty,
            nullable,
            node: Node::Feature(feature, found.name.clone()),
        })
    }

    fn now(&self) -> Result<Expr, String> {
        Ok(Expr {
            ty: Type::Time,
            nullable: false,
            node: Node::Field(0, "now".into()),
        })
    }
}

/// Compiles one view; streams come first.
pub(crate) fn compile(spec: ViewSpec, streams: &[Stream]) -> Result<View, String> {
    compile_over(spec, streams, None)
}

/// Compiles one view; where its windows close, all of its features are over those.
pub(crate) fn compile_over(
    spec: ViewSpec,
    streams: &[Stream],
    closing: Option<&Window>,
) -> Result<View, String> {
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
    let mut features: Vec<Checked> = Vec::with_capacity(spec.features.len());
    for feature in spec.features {
        let at = format!("{at}, feature '{}'", feature.name);
        let checked = match &feature.expr {
            Some(expr) => derive(&feature, expr, &features),
            None => check(feature, stream, closing),
        };
        features.push(checked.map_err(|error| format!("{at}: {error}"))?);
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
        texts: false,
        shapes: Vec::new(),
        light_words: 0,
        marks: 0,
        lengths: None,
        paces: Vec::new(),
        sizes: Sizes::default(),
        readers: Vec::new(),
    };
    for feature in features.iter().filter(|feature| feature.derived.is_none()) {
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

/// A feature made of those before it.
fn derive(spec: &FeatureSpec, expr: &Value, before: &[Checked]) -> Result<Checked, String> {
    if spec.agg.is_some() {
        return Err("is both an aggregate and made of other features".into());
    }
    let expr = typing::compile(expr, &mut Own(before))?;
    Ok(Checked {
        name: spec.name.clone(),
        aggregate: Aggregate::Count,
        arg: None,
        filter: None,
        ty: expr.ty,
        window: Window::Lifetime,
        params: Params::default(),
        kind: Kind::Plain,
        derived: Some(expr),
    })
}

fn check(spec: FeatureSpec, stream: &Stream, closing: Option<&Window>) -> Result<Checked, String> {
    let agg = spec.agg.ok_or("needs \"agg\" or \"expr\"")?;
    let aggregate = Aggregate::parse(&agg).ok_or_else(|| format!("unknown aggregate '{agg}'"))?;
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
        .map_err(|error| format!("{agg}: {error}"))?;
    let window = match closing {
        Some(window) => window.clone(),
        None => Window::parse(&spec.window.ok_or("needs a \"window\"")?)?,
    };
    let params = Params::parse(aggregate, &spec.params, arg.as_ref().map(|arg| arg.ty))?;
    let kind = match closing {
        Some(window) => params.kind_closing(aggregate, window),
        None => params.kind(aggregate, &window),
    };
    let kind = kind.map_err(|error| format!("{agg}: {error}"))?;
    let arg = arg.map(|arg| params.code(aggregate, arg));
    if matches!(aggregate, Aggregate::Rate | Aggregate::CountRate) && window.length_us().is_none() {
        return Err("a rate needs a window of a fixed length; use a sliding one".into());
    }
    if matches!(window, Window::Tiled { .. }) && !aggregate.has_bound() {
        return Err(format!(
            "{agg} in a tiled window has no bound on its error; use an exact window, or count, sum, mean, min, max or rate"
        ));
    }
    Ok(Checked {
        name: spec.name,
        aggregate,
        arg,
        filter,
        ty,
        window,
        params,
        kind,
        derived: None,
    })
}

/// Per mark 1 / the length of its window, when all windows end at the read.
fn paces(view: &View) -> Vec<f64> {
    let mut paces = vec![0.0; view.marks];
    for (index, track) in view.tracks.iter().enumerate() {
        let (Some(light), Some(lengths)) = (track.light, &view.lengths) else {
            continue;
        };
        let spans = view.spans.iter().filter(|span| span.track == index);
        for (pace, span) in paces[light.mark + 1..].iter_mut().zip(spans) {
            *pace = 1.0 / lengths[span.window] as f64;
        }
    }
    paces
}

/// Gives every feature its span, sharing tracks.
fn lay_out(view: &mut View, features: Vec<Checked>) {
    // Values first: what only counts can then share the track of any value under the same condition.
    let mut tracks = vec![0; features.len()];
    for counts in [false, true] {
        for (track, feature) in tracks.iter_mut().zip(&features) {
            if feature.derived.is_none() && feature.aggregate.counts() == counts {
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
    let aggregates = |feature: &&Checked| feature.derived.is_none();
    let placed = tracks.iter().zip(&features);
    for (&index, feature) in placed.filter(|(_, feature)| aggregates(feature)) {
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
    let length = |window: &Window| match window {
        Window::Sliding { over_us, ago_us: 0 } => Some(*over_us),
        _ => None,
    };
    view.lengths = view.windows.iter().map(length).collect();
    view.shapes = vec![Shape::Plain; FIXED_WORDS + view.staged_words()];
    view.shapes[..FIXED_WORDS].fill(Shape::Near);
    for (arg, expr) in view.args.iter().enumerate() {
        let word = view.arg_word(arg);
        view.shapes[word] = Shape::of(expr.ty);
    }
    view.texts = view.args.iter().any(|arg| arg.ty == Type::String);
    let words: Vec<usize> = (0..view.args.len()).map(|arg| view.arg_word(arg)).collect();
    let mut ranked = 0..;
    for (index, track) in view.tracks.iter_mut().enumerate() {
        track.word = track.arg.map(|arg| words[arg]);
        track.ranked = if track.needs.extrema || track.needs.ends || track.needs.kind.skips() {
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
                mark: view.marks,
            };
            view.light_words += light.words();
            view.marks += 1 + view.spans.iter().filter(|span| span.track == index).count();
            light
        });
    }
    view.paces = paces(view);
    for (track, feature) in tracks.into_iter().zip(features) {
        let window = window_of(&feature);
        let same = |span: &Span| (span.track, span.window) == (track, window);
        view.features.push(Feature {
            name: feature.name,
            aggregate: feature.aggregate,
            ty: feature.ty,
            // A derived feature has none.
            span: match feature.derived {
                Some(_) => usize::MAX,
                None => view.spans.iter().position(same).unwrap_or_default(),
            },
            over_us: feature.window.length_us(),
            per_us: feature.params.per_us,
            call: (feature.aggregate == Aggregate::Custom)
                .then(|| Call::to(&feature.params.function)),
            params: feature.params,
            derived: feature.derived,
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
            && track.needs.kind == feature.kind
            && (feature.aggregate.counts() || (track.ty, track.arg) == (ty, arg))
    };
    view.tracks.iter().position(same).unwrap_or_else(|| {
        view.tracks.push(Track {
            ty,
            arg,
            word: None,
            condition,
            needs: Needs {
                kind: feature.kind,
                ..Needs::default()
            },
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
