//! Totals of old events by tile of time: what a tiled window keeps in place of the events.

use std::collections::VecDeque;

use crate::accumulator::Accumulator;
use crate::plan::Track;

/// The tiles of one tiled span of one entity, oldest first; tiles without events are left out.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::tiles::Tiles;
///
/// let track = &Plan::compile(EXAMPLE).unwrap().views[0].tracks[0];
/// let mut tiles = Tiles::default();
/// tiles.add(track, 3, 1.5f64.to_bits());
/// tiles.add(track, 7, 2.5f64.to_bits());
/// assert_eq!(tiles.since(3).map(|(_, tile)| tile.count()).sum::<u64>(), 2);
/// tiles.forget(4);
/// assert_eq!(tiles.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    /// Number of the tile, and the totals of its events.
    tiles: VecDeque<(i64, Accumulator)>,
}

impl Tiles {
    /// From stored tiles, ascending.
    #[must_use]
    pub fn from_parts(tiles: Vec<(i64, Accumulator)>) -> Self {
        Self {
            tiles: tiles.into(),
        }
    }

    /// Number of tiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// True without tiles.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Adds the value of an event that comes after all others.
    pub fn add(&mut self, track: &Track, tile: i64, value: u64) {
        if self.tiles.back().is_none_or(|(newest, _)| *newest < tile) {
            self.tiles.push_back((tile, track.accumulator()));
        }
        if let Some((_, newest)) = self.tiles.back_mut() {
            newest.push_newest(value);
        }
    }

    /// Tiles from a number on, oldest first.
    pub fn since(&self, tile: i64) -> impl Iterator<Item = (i64, &Accumulator)> {
        let from = self.tiles.partition_point(|(number, _)| *number < tile);
        self.tiles
            .range(from..)
            .map(|(number, totals)| (*number, totals))
    }

    /// Number of the oldest tile.
    #[must_use]
    pub fn oldest(&self) -> Option<i64> {
        self.tiles.front().map(|(number, _)| *number)
    }

    /// Drops tiles before a number.
    pub fn forget(&mut self, before: i64) {
        while self
            .tiles
            .front()
            .is_some_and(|(number, _)| *number < before)
        {
            self.tiles.pop_front();
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tiles.capacity() * size_of::<(i64, Accumulator)>()
    }
}
