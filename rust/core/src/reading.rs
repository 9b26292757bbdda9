//! Reads features of one entity as of a time.

use std::ops::Range;

use crate::accumulator::{Accumulator, Found};
use crate::entity::Entity;
use crate::kind::Kind;
use crate::light::fits;
use crate::list::List;
use crate::plan::{Track, View};
use crate::row::Row;
use crate::slots::{Slots, Wanted};

/// Which features to read and where each goes, arranged so that one pass serves all windows of a track.
///
/// ```
/// use forerun_core::entity::Entity;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::reading::Reading;
/// use forerun_core::row::Row;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entity = Entity::new(view, b"a");
/// for (at, x) in [2.5f64, 1.5].iter().enumerate() {
///     entity.insert(view, 10 * at as i64, at as u64, &[1, x.to_bits()]);
/// }
/// let mut reading = Reading::new(view, &[(0, 0), (2, 1)]); // events and total
/// let mut row = Row::new(2);
/// reading.read(view, Some(&mut entity), 105, &mut row);
/// assert_eq!(row.get(0), Some(1)); // the one at 0 is out of the window
/// assert_eq!(row.get(1), Some(4f64.to_bits())); // but in the lifetime
/// ```
#[derive(Clone, Debug)]
pub struct Reading {
    tracks: Vec<TrackReading>,
    /// The events of each window; reused by every read.
    runs: Vec<Range<usize>>,
    /// Slots of texts, and how many values their lists may have; none for single texts.
    texts: Vec<(usize, Option<usize>)>,
    /// Slots that take one element of a list, and which.
    elements: Vec<(usize, usize)>,
    /// Whether all tracks have prefix totals, and all windows end at the read and have a length.
    slides: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct TrackReading {
    /// Index of the track in the view.
    pub(crate) index: usize,
    pub(crate) track: Track,
    pub(crate) spans: Vec<SpanReading>,
    /// What the features of all spans are computed from.
    pub(crate) wanted: Wanted,
    /// Whether totals of settled events belong to some span.
    pub(crate) settles: bool,
    /// Reused by every read.
    pub(crate) scratch: Accumulator,
}

#[derive(Clone, Debug)]
pub(crate) struct SpanReading {
    pub(crate) span: usize,
    pub(crate) window: usize,
    /// Place of the mark where the window begins.
    pub(crate) mark: usize,
    /// What settled events add.
    pub(crate) settled: Settled,
    pub(crate) outputs: Vec<Output>,
    /// The same, by aggregate, for totals in fixed width.
    pub(crate) slots: Slots,
}

/// Which totals of settled events belong to a span, and their place in the entity.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Settled {
    None,
    Life(usize),
    Tiles(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) feature: usize,
    pub(crate) slot: usize,
    /// Where the bound of a tiled value goes.
    pub(crate) bound: Option<usize>,
}

impl Reading {
    /// Prepares reads of `features` (feature index, output slot) of a view.
    #[must_use]
    pub fn new(view: &View, features: &[(usize, usize)]) -> Self {
        Self::with_bounds(view, features, &[])
    }

    /// The same where some slots (slot, element) take one element of a list.
    #[must_use]
    pub fn with_elements(mut self, elements: &[(usize, usize)]) -> Self {
        self.elements = elements.to_vec();
        self
    }

    /// As [`Reading::new`], with slots for the bounds of tiled features (feature index, output slot).
    #[must_use]
    pub fn with_bounds(
        view: &View,
        features: &[(usize, usize)],
        bounds: &[(usize, usize)],
    ) -> Self {
        let mut tracks: Vec<TrackReading> = Vec::new();
        for (index, span) in view.spans.iter().enumerate() {
            let outputs: Vec<Output> = features
                .iter()
                .filter(|(feature, _)| view.features[*feature].span == index)
                .map(|&(feature, slot)| Output {
                    feature,
                    slot,
                    bound: bounds
                        .iter()
                        .find(|(bounded, _)| *bounded == feature)
                        .map(|&(_, slot)| slot),
                })
                .collect();
            if outputs.is_empty() {
                continue;
            }
            if tracks.last().is_none_or(|track| track.index != span.track) {
                let track = &view.tracks[span.track];
                tracks.push(TrackReading {
                    index: span.track,
                    track: track.clone(),
                    spans: Vec::new(),
                    wanted: Wanted::default(),
                    settles: false,
                    scratch: track.accumulator(),
                });
            }
            let place = |spans: &[usize]| spans.iter().position(|&known| known == index);
            let settled = match (place(&view.lifetimes), place(&view.tiled)) {
                (Some(place), _) => Settled::Life(place),
                (_, Some(place)) => Settled::Tiles(place),
                _ => Settled::None,
            };
            if let Some(track) = tracks.last_mut() {
                let wanted = Wanted::new(view, &track.track, &outputs);
                track.wanted = wanted.with(track.wanted);
                track.settles |= !matches!(settled, Settled::None);
                let before = view.spans[..index].iter();
                let nth = before.filter(|known| known.track == span.track).count();
                track.spans.push(SpanReading {
                    span: index,
                    window: span.window,
                    mark: track.track.light.map_or(0, |light| light.mark + 1 + nth),
                    settled,
                    slots: Slots::new(view, &view.tracks[span.track], &outputs),
                    outputs,
                });
            }
        }
        let is_light =
            |own: &TrackReading| own.track.light.is_some() && own.track.needs.kind == Kind::Plain;
        Self {
            slides: view.lengths.is_some() && tracks.iter().all(is_light),
            tracks,
            runs: Vec::new(),
            elements: Vec::new(),
            texts: features
                .iter()
                .filter(|(feature, _)| view.features[*feature].holds_words_of_texts())
                .map(|&(feature, slot)| {
                    let feature = &view.features[feature];
                    (slot, feature.is_list().then_some(feature.params.n))
                })
                .collect(),
        }
    }

    /// Sets one value per feature: of events with time up to `t`, or empty without an entity.
    ///
    /// A value beyond the range of its type is null, and the row says so.
    #[inline(always)]
    pub fn read(&mut self, view: &View, entity: Option<&mut Entity>, t: i64, row: &mut Row) {
        let Some(entity) = entity else {
            for track in &mut self.tracks {
                track.read_nothing(view, row);
            }
            self.resolve(None, row);
            return;
        };
        if self.slides
            && let Some((index, events)) = entity.index()
            && index
                .prefix()
                .is_some_and(|prefix| fits(events.len(), prefix.bits()))
        {
            let newest = index.up_to(view, events, t);
            for track in &self.tracks {
                track.read_sliding(view, index, events, (t, newest), row);
            }
            index.read_at = t;
            return self.resolve(Some(entity), row);
        }
        entity.locate(view, t, &mut self.runs);
        for track in &mut self.tracks {
            track.read(view, entity, t, &self.runs, row);
        }
        self.resolve(Some(entity), row);
    }

    /// Puts the texts of words, and the elements of lists, in their place.
    #[inline]
    fn resolve(&self, entity: Option<&Entity>, row: &mut Row) {
        if self.texts.is_empty() && self.elements.is_empty() {
            return;
        }
        let text = |word: u64| entity.map_or(Vec::new(), |entity| entity.text(word));
        for &(slot, most) in &self.texts {
            match most {
                Some(most) => row.resolve_list(slot, |list| list.resolve(most, text)),
                None => {
                    if let Some(word) = row.get(slot) {
                        let mut list = List::of(vec![word]);
                        list.resolve(1, text);
                        row.set_list(slot, list);
                    }
                }
            }
        }
        for &(slot, at) in &self.elements {
            row.pick(slot, at);
        }
    }

    /// Sets null for every feature: they cannot be known.
    pub fn read_stale(&self, row: &mut Row) {
        let spans = self.tracks.iter().flat_map(|track| &track.spans);
        spans
            .flat_map(|span| &span.outputs)
            .for_each(|output| row.set(output.slot, None));
    }
}

#[inline]
pub(crate) fn emit(
    view: &View,
    track: &Track,
    found: &Found<'_>,
    outputs: &[Output],
    row: &mut Row,
) {
    for output in outputs {
        let feature = &view.features[output.feature];
        let value = found.value(
            feature.aggregate,
            track.is_float(),
            feature.over_us,
            feature.per_us,
        );
        row.put(output.slot, output.feature, value);
    }
}
