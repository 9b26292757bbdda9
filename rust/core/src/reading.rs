//! Reads features of one entity as of a time.

use crate::accumulator::Accumulator;
use crate::buffer::FIXED_WORDS;
use crate::column::Column;
use crate::entity::Entity;
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
#[derive(Clone, Debug)]
pub struct Reading {
    tracks: Vec<TrackReading>,
}

#[derive(Clone, Debug)]
struct TrackReading {
    arg: Option<usize>,
    condition: Option<usize>,
    /// Windows, shortest first: each contains the one before.
    windows: Vec<(i64, Vec<Output>)>,
    life: Option<(usize, Vec<Output>)>,
    /// Reused by every read.
    scratch: Accumulator,
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
        let tracks = view.tracks.iter().enumerate().filter_map(|(index, track)| {
            let chosen: Vec<&(usize, usize)> =
                features.iter().filter(|(feature, _)| view.features[*feature].track == index).collect();
            (!chosen.is_empty()).then(|| TrackReading::new(view, track, &chosen))
        });
        Self { tracks: tracks.collect() }
    }

    /// Pushes one value per feature to its slot: of events with time up to `t`, or empty without an entity.
    #[inline]
    pub fn read(
        &mut self,
        view: &View,
        entity: Option<&Entity>,
        t: i64,
        cells: &mut [Cells],
    ) -> Result<(), FeatureOverflow> {
        let width = view.width();
        let newest = entity.map_or(0, |entity| entity.events().up_to(t, width));
        for track in &mut self.tracks {
            track.read(view, entity, newest, t, cells)?;
        }
        Ok(())
    }

    /// Pushes null for every feature: they cannot be known.
    pub fn read_stale(&self, cells: &mut [Cells]) {
        for track in &self.tracks {
            let life = track.life.iter().flat_map(|(_, outputs)| outputs);
            let windows = track.windows.iter().flat_map(|(_, outputs)| outputs);
            windows.chain(life).for_each(|output| cells[output.slot].push(None));
        }
    }
}

impl TrackReading {
    fn new(view: &View, track: &Track, features: &[&(usize, usize)]) -> Self {
        let outputs = |over_us: Option<i64>| -> Vec<Output> {
            features
                .iter()
                .filter(|(feature, _)| view.features[*feature].over_us == over_us)
                .map(|&&(feature, slot)| Output { feature, slot })
                .collect()
        };
        let windows = view.windows_us.iter().map(|&over| (over, outputs(Some(over))));
        let life = track.life.map(|(place, _)| (place, outputs(None)));
        Self {
            arg: track.arg.map(|arg| view.arg_word(arg)),
            condition: track.condition,
            windows: windows.filter(|(_, outputs)| !outputs.is_empty()).collect(),
            life: life.filter(|(_, outputs)| !outputs.is_empty()),
            scratch: Accumulator::new(track.ty, track.needs),
        }
    }

    #[inline]
    fn read(
        &mut self,
        view: &View,
        entity: Option<&Entity>,
        newest: usize,
        t: i64,
        cells: &mut [Cells],
    ) -> Result<(), FeatureOverflow> {
        let (arg, condition, width) = (self.arg, self.condition, view.width());
        let counts = |row: &[u64]| condition.is_none_or(|bit| row[FIXED_WORDS + bit / 64] >> (bit % 64) & 1 == 1);
        let value = |row: &[u64]| arg.map_or(0, |word| row[word]);
        let rows = entity.map_or(&[][..], |entity| entity.events().rows());
        self.scratch.clear();
        let mut at = newest;
        for (over, outputs) in &self.windows {
            let after = t.saturating_sub(*over);
            while at > 0 {
                let row = &rows[(at - 1) * width..at * width];
                if row[0] as i64 <= after {
                    break;
                }
                if counts(row) {
                    self.scratch.push_oldest(value(row));
                }
                at -= 1;
            }
            emit(view, &self.scratch, outputs, cells)?;
        }
        if let Some((place, outputs)) = &self.life {
            let Some(entity) = entity else {
                self.scratch.clear();
                return emit(view, &self.scratch, outputs, cells);
            };
            let mut life = entity.life(*place).clone();
            for row in rows[entity.settled() * width..newest.max(entity.settled()) * width].chunks_exact(width) {
                if counts(row) {
                    life.push_newest(value(row));
                }
            }
            emit(view, &life, outputs, cells)?;
        }
        Ok(())
    }
}

fn emit(
    view: &View,
    values: &Accumulator,
    outputs: &[Output],
    cells: &mut [Cells],
) -> Result<(), FeatureOverflow> {
    for output in outputs {
        let feature = &view.features[output.feature];
        let value = values
            .value(feature.aggregate, feature.over_us, feature.per_us)
            .map_err(|_| FeatureOverflow(output.feature))?;
        cells[output.slot].push(value);
    }
    Ok(())
}
