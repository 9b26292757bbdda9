//! Reads lifetimes and tiled windows: totals of settled events, and the events after those.

use std::ops::Range;

use crate::bound::bound;
use crate::entity::Entity;
use crate::light::fits;
use crate::plan::View;
use crate::prefix::Prefix;
use crate::reading::{Settled, TrackReading, emit};
use crate::row::Row;
use crate::window::Window;

impl TrackReading {
    /// Lifetimes and tiled windows: what is settled, and the events after that.
    pub(crate) fn read_settled(
        &mut self,
        view: &View,
        entity: &mut Entity,
        t: i64,
        runs: &[Range<usize>],
        row: &mut Row,
    ) {
        for nth in 0..self.spans.len() {
            let (settled, window) = (self.spans[nth].settled, self.spans[nth].window);
            let run = runs[window].clone();
            match settled {
                Settled::None => {}
                Settled::Life(place) => {
                    if let Some(life) = entity.life(place) {
                        self.scratch.clone_from(life);
                    }
                    self.append(view, entity, nth, run);
                    let found = self.scratch.found();
                    emit(view, &self.track, &found, &self.spans[nth].outputs, row);
                }
                Settled::Tiles(place) => {
                    self.read_tiles(view, entity, nth, place, t, run, row);
                }
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one step of a read, in one place"
    )]
    fn read_tiles(
        &mut self,
        view: &View,
        entity: &mut Entity,
        nth: usize,
        place: usize,
        t: i64,
        run: Range<usize>,
        row: &mut Row,
    ) {
        let Window::Tiled { over_us, tile_us } = &view.windows[self.spans[nth].window] else {
            return;
        };
        let edge = t.saturating_sub(*over_us).div_euclid(*tile_us);
        let mut before = self.track.accumulator();
        self.scratch.clear();
        if let Some(tiles) = entity.tiles(place) {
            for (tile, totals) in tiles.since(edge) {
                if tile == edge {
                    before.append(totals);
                } else {
                    self.scratch.append(totals);
                }
            }
        }
        // Events that are not settled yet can lie in the edge, too, when the window is short.
        let last_edge = (edge.saturating_add(1))
            .saturating_mul(*tile_us)
            .saturating_sub(1);
        let split = entity
            .position_after(view, last_edge)
            .clamp(run.start, run.end);
        let inner = std::mem::replace(&mut self.scratch, before);
        self.append(view, entity, nth, run.start..split);
        let before = std::mem::replace(&mut self.scratch, inner);
        self.append(view, entity, nth, split..run.end);
        let inner = std::mem::replace(&mut self.scratch, before.clone());
        // What the edge adds comes first: it is older.
        self.scratch.append(&inner);
        emit(
            view,
            &self.track,
            &self.scratch.found(),
            &self.spans[nth].outputs,
            row,
        );
        for output in &self.spans[nth].outputs {
            if let Some(slot) = output.bound {
                let aggregate = view.features[output.feature].aggregate;
                let feature = &view.features[output.feature];
                let far = bound(
                    aggregate,
                    self.track.is_float(),
                    &before,
                    &inner,
                    feature.over_us,
                    feature.per_us,
                );
                let far = far.filter(|_| !row.overflown().contains(&output.feature));
                row.set(slot, far.map(f64::to_bits));
            }
        }
    }

    /// Adds a run of events to the scratch, after what it holds.
    fn append(&mut self, view: &View, entity: &mut Entity, nth: usize, run: Range<usize>) {
        if run.is_empty() {
            return;
        }
        let bits = entity
            .index()
            .map(|(index, _)| index.prefix().map(Prefix::bits));
        let light = self.track.light.is_some();
        match (bits, entity.index()) {
            (Some(bits), Some((index, events))) => {
                let kept = index.kept(view, events);
                let (extent, ends) = self.extremes(view, index, events, &run);
                match index.prefix() {
                    Some(prefix) if light && bits.is_some_and(|bits| fits(run.len(), bits)) => {
                        let totals = prefix
                            .upto(kept, &self.track, run.end)
                            .without(&prefix.upto(kept, &self.track, run.start));
                        self.scratch.extend_run(&totals, extent, ends);
                    }
                    _ => {
                        let totals = index.cursors().totals(kept, self.spans[nth].span, run);
                        self.scratch.extend(totals, extent, ends);
                    }
                }
            }
            _ => {
                let width = view.width();
                let rows = &entity.events().rows()[run.start * width..run.end * width];
                for event in rows.chunks_exact(width) {
                    if let Some(value) = self.track.value(event) {
                        self.scratch.push_newest(value);
                    }
                }
            }
        }
    }
}
