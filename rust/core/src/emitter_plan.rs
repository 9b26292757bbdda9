//! A compiled emitter: which windows of which events it closes, and what it says of each.

use serde::Deserialize;

use crate::aggregate::Needs;
use crate::buffer::FIXED_WORDS;
use crate::plan::{View, unique};
use crate::spec::{EmitterSpec, ViewSpec};
use crate::stream_plan::Stream;
use crate::types::Type;
use crate::view_plan;
use crate::window as view_window;

/// Aggregates of one entity over windows that are emitted when they close.
#[derive(Clone, Debug)]
pub struct Emitter {
    /// Stream, key, filter, arguments and features: as of a view, but no event is kept.
    pub view: View,
    /// Which windows there are.
    pub window: Window,
    /// Types of the key's parts.
    pub key_types: Vec<Type>,
    /// Where the value of each of the view's tracks stands in a staged row.
    pub sources: Vec<Source>,
    /// Whether values must come in order: when an aggregate depends on it, and for sessions.
    pub ordered: bool,
}

/// The windows of an emitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Window {
    /// [E - size, E) for every multiple E of the hop; a tumbling window hops by its size.
    Hopping {
        /// Length.
        size_us: i64,
        /// Distance between ends.
        hop_us: i64,
    },
    /// Events at most a gap apart, and all of them less than `max_us` after the first.
    Session {
        /// Largest distance of two events in a row.
        gap_us: i64,
        /// Longest session; none for no limit.
        max_us: Option<i64>,
    },
}

/// Where a value stands in a staged row: condition bits, then arguments.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    condition: Option<usize>,
    word: Option<usize>,
}

impl Source {
    /// The value in a staged row, or none when the event does not count.
    #[inline]
    #[must_use]
    pub fn value(self, words: &[u64]) -> Option<u64> {
        if let Some(bit) = self.condition
            && words[bit / 64] >> (bit % 64) & 1 == 0
        {
            return None;
        }
        Some(self.word.map_or(0, |word| words[word]))
    }
}

impl Emitter {
    /// Where texts stand in a staged row.
    pub fn text_words(&self) -> impl Iterator<Item = usize> {
        self.view.text_words().map(|word| word - FIXED_WORDS)
    }

    /// Type and needs of what is accumulated per entity and window.
    pub fn totals(&self) -> impl Iterator<Item = (Option<Type>, Needs)> {
        self.view.tracks.iter().map(|track| (track.ty, track.needs))
    }
}

/// Compiles one emitter; streams come first.
pub(crate) fn compile(spec: EmitterSpec, streams: &[Stream]) -> Result<Emitter, String> {
    let at = format!("emitter '{}'", spec.name);
    let window: Window =
        serde_json::from_value(spec.window).map_err(|error| format!("{at}, window: {error}"))?;
    let over = check(window).map_err(|error| format!("{at}: {error}"))?;
    if let Some(feature) = spec
        .features
        .iter()
        .find(|feature| feature.window.is_some())
    {
        return Err(format!(
            "{at}, feature '{}': has a window of its own; all of an emitter have its windows",
            feature.name
        ));
    }
    let view = ViewSpec {
        name: spec.name,
        stream: spec.stream,
        by: spec.by,
        filter: spec.filter,
        features: spec.features,
    };
    // What is wrong with a feature is worded for views.
    let view = view_plan::compile_over(view, streams, Some(&over))
        .map_err(|error| error.replacen("view '", "emitter '", 1))?;
    let stream = &streams[view.stream];
    let columns = view.by.iter().map(|&field| &*stream.fields[field].name);
    let shown = view.features.iter().filter(|feature| !feature.is_hidden());
    let features = shown.map(|feature| &*feature.name);
    unique(
        &format!("{at}: column"),
        columns.chain(["start", "end"]).chain(features),
    )?;
    let first = view.conditions.len().div_ceil(64);
    let sources = view.tracks.iter().map(|track| Source {
        condition: track.condition,
        word: track.arg.map(|arg| first + arg),
    });
    let ordered = matches!(window, Window::Session { .. })
        || view.tracks.iter().any(|track| track.needs.ordered());
    Ok(Emitter {
        key_types: view.key_types(stream),
        sources: sources.collect(),
        view,
        window,
        ordered,
    })
}

/// Refuses windows of no length; gives the one that features are over.
fn check(window: Window) -> Result<view_window::Window, String> {
    match window {
        Window::Hopping { size_us, hop_us } if size_us <= 0 || hop_us <= 0 => Err(format!(
            "a window of {size_us} us every {hop_us} us; both must be positive"
        )),
        Window::Hopping { size_us, hop_us } if size_us < hop_us => Err(format!(
            "a window of {size_us} us every {hop_us} us leaves events out; hop by the size or less"
        )),
        Window::Hopping { size_us, .. } => Ok(view_window::Window::Sliding {
            over_us: size_us,
            ago_us: 0,
        }),
        Window::Session { gap_us, max_us } if gap_us <= 0 || max_us.is_some_and(|max| max <= 0) => {
            Err(format!(
                "a session with a gap of {gap_us} us and at most {max_us:?} us; both must be positive"
            ))
        }
        Window::Session { gap_us, max_us } => Ok(view_window::Window::Session {
            gap_us,
            max_us: max_us.unwrap_or(i64::MAX),
        }),
    }
}
