//! Reads features of one entity as of a time.

use crate::accumulator::{Accumulator, Found};
use crate::column::Column;
use crate::cursors::{Cursors, Place};
use crate::entity::Entity;
use crate::extent::Extent;
use crate::plan::{Track, View};

/// Feature values of many reads, column by column.
///
/// ```
/// use forerun_core::reading::Cells;
/// use forerun_core::types::Type;
///
/// let mut cells = Cells::default();
/// cells.push(Some(7));
/// cells.push(None);
/// let column = cells.into_column(Type::Int);
/// assert_eq!((column.as_whole(0), column.as_whole(1)), (Some(7), None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cells {
    words: Vec<u64>,
    valid: Vec<bool>,
}

impl Cells {
    /// Appends a value, or null.
    #[inline]
    pub fn push(&mut self, word: Option<u64>) {
        self.words.push(word.unwrap_or(0));
        self.valid.push(word.is_some());
    }

    /// The column of values of type `ty`.
    #[must_use]
    pub fn into_column(self, ty: crate::types::Type) -> Column {
        Column::from_words(ty, self.words, &self.valid)
    }
}

/// A sum beyond its type's range, by feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureOverflow(pub usize);

/// Which features to read and where each goes, arranged so that one pass serves all windows of a track.
///
/// ```
/// use forerun_core::entity::Entity;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::reading::{Cells, Reading};
/// use forerun_core::types::Type;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entity = Entity::new(view, b"a");
/// for (at, x) in [2.5f64, 1.5].iter().enumerate() {
///     entity.insert(view, 10 * at as i64, at as u64, &[1, x.to_bits()]);
/// }
/// let mut reading = Reading::new(view, &[(0, 0), (2, 1)]); // events and total
/// let mut cells = [Cells::default(), Cells::default()];
/// reading.read(view, Some(&mut entity), 105, false, &mut cells).unwrap();
/// let [events, total] = cells;
/// let (events, total) = (events.into_column(Type::Int), total.into_column(Type::Float));
/// assert_eq!(events.as_whole(0), Some(1)); // the one at 0 is out of the window
/// assert_eq!(total.as_float(0), Some(4.0)); // but in the lifetime
/// ```
#[derive(Clone, Debug)]
pub struct Reading {
    tracks: Vec<TrackReading>,
    /// Reused by every read.
    place: Place,
}

#[derive(Clone, Debug)]
struct TrackReading {
    /// Index of the track in the view.
    index: usize,
    track: Track,
    /// Shortest first: each contains the one before.
    windows: Vec<SpanReading>,
    /// The lifetime, and its place among the entity's.
    life: Option<(usize, SpanReading)>,
    /// Reused by every read.
    scratch: Accumulator,
}

#[derive(Clone, Debug)]
struct SpanReading {
    span: usize,
    /// Window index and length; unused for the lifetime.
    window: usize,
    over_us: i64,
    outputs: Vec<Output>,
}

#[derive(Clone, Copy, Debug)]
struct Output {
    feature: usize,
    slot: usize,
}

impl Reading {
    /// Prepares reads of `features` (feature index, output slot) of a view.
    #[must_use]
    pub fn new(view: &View, features: &[(usize, usize)]) -> Self {
        let mut tracks: Vec<TrackReading> = Vec::new();
        let mut current = None;
        for (index, span) in view.spans.iter().enumerate() {
            let outputs: Vec<Output> = features
                .iter()
                .filter(|(feature, _)| view.features[*feature].span == index)
                .map(|&(feature, slot)| Output { feature, slot })
                .collect();
            if outputs.is_empty() {
                continue;
            }
            if current != Some(span.track) {
                current = Some(span.track);
                tracks.push(TrackReading::new(span.track, &view.tracks[span.track]));
            }
            if let Some(reading) = tracks.last_mut() {
                reading.add(view, index, outputs);
            }
        }
        Self {
            tracks,
            place: Place::default(),
        }
    }

    /// Pushes one value per feature to its slot: of events with time up to `t`, or empty without an entity.
    ///
    /// With `follow` the entity's cursors move along; see [`Entity::locate`].
    #[inline]
    pub fn read(
        &mut self,
        view: &View,
        mut entity: Option<&mut Entity>,
        t: i64,
        follow: bool,
        cells: &mut [Cells],
    ) -> Result<(), FeatureOverflow> {
        let running = match &mut entity {
            Some(entity) => entity.locate(view, t, follow, &mut self.place),
            None => false,
        };
        let entity = entity.as_deref();
        let near = entity
            .filter(|_| running)
            .and_then(|entity| entity.cursors().map(|cursors| (entity, cursors)));
        match near {
            Some((entity, cursors)) => {
                for track in &mut self.tracks {
                    track.read_running(view, entity, cursors, &self.place, cells)?;
                }
            }
            None => {
                let newest = entity.map_or(0, |entity| entity.events().up_to(t, view.width()));
                for track in &mut self.tracks {
                    track.read_adding(view, entity, newest, t, cells)?;
                }
            }
        }
        Ok(())
    }

    /// Pushes null for every feature: they cannot be known.
    pub fn read_stale(&self, cells: &mut [Cells]) {
        for track in &self.tracks {
            let life = track.life.iter().map(|(_, life)| life);
            let outputs = track
                .windows
                .iter()
                .chain(life)
                .flat_map(|span| &span.outputs);
            outputs.for_each(|output| cells[output.slot].push(None));
        }
    }
}

impl TrackReading {
    fn new(index: usize, track: &Track) -> Self {
        Self {
            index,
            track: track.clone(),
            windows: Vec::new(),
            life: None,
            scratch: Accumulator::new(track.ty, track.needs),
        }
    }

    fn add(&mut self, view: &View, span: usize, outputs: Vec<Output>) {
        let plan = &view.spans[span];
        let window = plan.window.unwrap_or_default();
        let over_us = view.windows_us.get(window).copied().unwrap_or_default();
        let reading = SpanReading {
            span,
            window,
            over_us,
            outputs,
        };
        if plan.window.is_some() {
            self.windows.push(reading);
        } else {
            let place = view.lifetimes.iter().position(|&life| life == span);
            self.life = place.map(|place| (place, reading));
        }
    }

    /// Adds up the events of each window, from the newest back.
    #[inline]
    fn read_adding(
        &mut self,
        view: &View,
        entity: Option<&Entity>,
        newest: usize,
        t: i64,
        cells: &mut [Cells],
    ) -> Result<(), FeatureOverflow> {
        let (track, width) = (&self.track, view.width());
        let rows = entity.map_or(&[][..], |entity| entity.events().rows());
        self.scratch.clear();
        let mut at = newest;
        for span in &self.windows {
            let after = t.saturating_sub(span.over_us);
            while at > 0 {
                let row = &rows[(at - 1) * width..at * width];
                if row[0] as i64 <= after {
                    break;
                }
                if let Some(value) = track.value(row) {
                    self.scratch.push_oldest(value);
                }
                at -= 1;
            }
            emit(view, track, &self.scratch.found(), &span.outputs, cells)?;
        }
        let Some((place, span)) = &self.life else {
            return Ok(());
        };
        let Some(entity) = entity else {
            self.scratch.clear();
            return emit(view, track, &self.scratch.found(), &span.outputs, cells);
        };
        let mut life = entity.life(*place).clone();
        let unsettled = entity.settled() * width..newest.max(entity.settled()) * width;
        for row in rows[unsettled].chunks_exact(width) {
            if let Some(value) = track.value(row) {
                life.push_newest(value);
            }
        }
        emit(view, track, &life.found(), &span.outputs, cells)
    }

    /// Takes the totals from the entity's cursors, which are at or near the time read.
    #[inline]
    fn read_running(
        &self,
        view: &View,
        entity: &Entity,
        cursors: &Cursors,
        place: &Place,
        cells: &mut [Cells],
    ) -> Result<(), FeatureOverflow> {
        let (track, ranks) = (&self.track, cursors.ranks());
        let kept = cursors.kept(view, entity.events());
        let edge = (place.distance > 0).then(|| cursors.edge(kept, self.index, place));
        let (mut extent, mut from) = (Extent::EMPTY, place.end);
        for span in &self.windows {
            let moved;
            let totals = match &edge {
                None => cursors.totals(span.span),
                Some(edge) => {
                    moved = cursors.totals_at(kept, span.span, place, edge);
                    &moved
                }
            };
            let start = place.starts[span.window];
            if track.needs.extrema && start < from {
                extent = extent.with(ranks.extent(kept, track, start..from));
                from = start;
            }
            let some = track.needs.ends && totals.count() > 0;
            let run = || start..place.end;
            let found = Found {
                totals,
                extent,
                first: if some {
                    ranks.first(kept, track, run())
                } else {
                    None
                },
                last: if some {
                    ranks.last(kept, track, run())
                } else {
                    None
                },
            };
            emit(view, track, &found, &span.outputs, cells)?;
        }
        let Some((nth, span)) = &self.life else {
            return Ok(());
        };
        let moved;
        let totals = match &edge {
            None => cursors.totals(span.span),
            Some(edge) => {
                moved = cursors.totals_at(kept, span.span, place, edge);
                &moved
            }
        };
        let mut life = entity.life(*nth).clone();
        if totals.count() > 0 {
            let run = || kept.first + entity.settled()..place.end;
            let extent = ranks.extent(kept, track, run());
            let ends = if track.needs.ends {
                ranks
                    .first(kept, track, run())
                    .zip(ranks.last(kept, track, run()))
            } else {
                None
            };
            life.extend(totals, extent, ends);
        }
        emit(view, track, &life.found(), &span.outputs, cells)
    }
}

#[inline]
fn emit(
    view: &View,
    track: &Track,
    found: &Found<'_>,
    outputs: &[Output],
    cells: &mut [Cells],
) -> Result<(), FeatureOverflow> {
    for output in outputs {
        let feature = &view.features[output.feature];
        let value = found
            .value(
                feature.aggregate,
                track.is_float(),
                feature.over_us,
                feature.per_us,
            )
            .map_err(|_| FeatureOverflow(output.feature))?;
        cells[output.slot].push(value);
    }
    Ok(())
}
