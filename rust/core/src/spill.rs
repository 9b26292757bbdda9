//! State larger than memory: entities that have not been seen for long sleep in a store, and are woken when asked for;
//! windows that are not closed yet leave memory in parts, and are read again when they close.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::depot::{CHUNK, WINDOWS, Wanted, lost};
use crate::emitter::Emitter;
use crate::error::{Error, Result};
use crate::hash::hash;
use crate::kernel::Kernel;
use crate::key::Keys;
use crate::plan::{Plan, View};
use crate::recency::Recency;
use crate::sleepers::Sleepers;
use crate::stage::{Batch, Staged};
use crate::state;
use crate::window::Window;

/// Where the state of entities is that was taken or restored: a view, a key, and its bytes.
pub type Stored = (usize, Vec<u8>, Vec<u8>);

/// What holds the entities that are asleep.
pub trait Store: Debug + Send + Sync {
    /// The state of all entities asked for, in any order: columns `view` int32 and `key` binary.
    fn load(&self, keys: RecordBatch) -> Result<Vec<Stored>>;
}

/// How much memory there is, where the rest goes, and what is there.
#[derive(Clone, Debug)]
pub(crate) struct Spill {
    memory: usize,
    pub(crate) store: Arc<dyn Store>,
    views: Vec<Cold>,
    step: u32,
    /// Bytes of all entities when they were last counted, and by how much they may have grown since.
    counted: usize,
    pub(crate) grown: usize,
    /// Whether windows take so much of it that what of them is stored next should be ready to leave.
    pub(crate) windows: bool,
}

/// What of one view is not in memory, or may soon not be.
#[derive(Clone, Debug, Default)]
struct Cold {
    sleepers: Sleepers,
    recency: Recency,
    /// Events since the sleepers were last looked through.
    applied: usize,
}

/// Fewest events between two looks at all sleepers.
const SWEEP_MIN: usize = 1024;

/// Groups of entities by how long ago they were seen.
const AGES: usize = 4 * 33;

impl Kernel {
    /// Lets entities and open windows use up to so many bytes. More are put to sleep by [`Kernel::relieve`] and loaded
    /// when needed.
    pub fn spill(&mut self, memory: usize, store: Arc<dyn Store>) {
        self.spill = Some(Box::new(Spill {
            memory,
            store,
            views: vec![Cold::default(); self.views.len()],
            step: 0,
            counted: self.bytes() + self.window_bytes(),
            grown: 0,
            windows: false,
        }));
    }

    /// Notes entities and windows that are in the store only: (view, key).
    pub fn sleep<'a>(&mut self, keys: impl Iterator<Item = (usize, &'a [u8])>) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let untils: Vec<i64> = (0..plan.views.len())
            .map(|view| {
                let stream = plan.views[view].stream;
                let seen = self.guards[stream].partitions().iter();
                let newest = seen.filter_map(|partition| partition.watermark).max();
                // Nothing accepted so far is newer than this.
                let newest =
                    newest.map(|mark| mark.saturating_add(plan.streams[stream].lateness_us));
                newest.map_or(i64::MAX, |newest| until(&plan.views[view], newest))
            })
            .collect();
        let Some(spill) = &mut self.spill else {
            return Err(Error::State("there is no store to sleep in".into()));
        };
        let mut windows: Vec<Vec<&[u8]>> = vec![Vec::new(); plan.emitters.len()];
        for (view, key) in keys {
            if let Some(cold) = spill.views.get_mut(view) {
                cold.sleepers.put(key, hash(key), untils[view]);
            } else if let Some(windows) = windows.get_mut(view - untils.len()) {
                windows.push(key);
            } else {
                return Err(Error::State(format!("there is no view {view}")));
            }
        }
        for (index, keys) in windows.iter().enumerate() {
            let depot = self.depot(index);
            self.emitters[index].sleep(&plan.emitters[index], depot.as_ref(), keys)?;
        }
        Ok(())
    }

    /// Number of entities of a view, in memory and asleep; some may have expired unnoticed.
    #[must_use]
    pub fn count(&self, view: usize) -> usize {
        self.views[view].len() + self.asleep(view)
    }

    /// Number of entities of a view that are asleep.
    #[must_use]
    pub fn asleep(&self, view: usize) -> usize {
        let spill = self.spill.as_ref();
        spill.map_or(0, |spill| spill.views[view].sleepers.len())
    }

    /// When entities take more than they may: puts to sleep those that are `stored` as they are, longest unseen first.
    ///
    /// True when that was not enough: what is in memory is not stored yet. It is for the caller to know that what
    /// [`Kernel::take_changed`] gave is in the store.
    pub fn relieve(&mut self, stored: bool) -> Result<bool> {
        self.usable()?;
        let Some(spill) = &mut self.spill else {
            return Ok(false);
        };
        spill.windows = false;
        let memory = spill.memory;
        if spill.counted + spill.grown <= memory + memory / 32 {
            return Ok(false);
        }
        let (mut entities, mut windows) = (self.bytes(), self.window_bytes());
        if entities + windows > memory && stored {
            let wanted = entities + windows - memory / 4 * 3;
            // To let windows go costs a read when they close, however hot they are.
            let freed = if windows > memory / WINDOWS {
                self.evict_windows(wanted)
            } else {
                0
            };
            windows = windows.saturating_sub(freed);
            if freed < wanted {
                entities -= self.evict(wanted - freed);
            }
        }
        let short = entities + windows > memory / 8 * 7;
        if let Some(spill) = &mut self.spill {
            (spill.counted, spill.grown) = (entities + windows, 0);
            spill.windows = short && windows > memory / WINDOWS;
        }
        Ok(short)
    }

    /// Bytes of all entities in memory.
    fn bytes(&self) -> usize {
        self.views
            .iter()
            .map(crate::view::Entities::live_bytes)
            .sum()
    }

    /// Puts to sleep entities of so many bytes, or all that are stored.
    fn evict(&mut self, wanted: usize) -> usize {
        let Some(spill) = &mut self.spill else {
            return 0;
        };
        let step = spill.step;
        let mut bytes = [0; AGES];
        for (view, cold) in self.views.iter().zip(&spill.views) {
            for (_, _, hash, entity) in view.stored() {
                bytes[cold.age(step, hash)] += view.bytes_of(entity);
            }
        }
        let mut left = wanted;
        let mut oldest = AGES;
        while oldest > 0 && left > 0 {
            oldest -= 1;
            left = left.saturating_sub(bytes[oldest]);
        }
        let mut freed = 0;
        // All that are older, of whatever view, before the first of the group of which some may stay.
        for ages in [oldest + 1..AGES, oldest..oldest + 1] {
            for (index, plan) in self.plan.views.iter().enumerate() {
                let (view, cold) = (&mut self.views[index], &mut spill.views[index]);
                let chosen: Vec<(usize, u32, u64, usize)> = view
                    .stored()
                    .filter(|&(_, _, hash, _)| ages.contains(&cold.age(step, hash)))
                    .map(|(shard, slot, hash, entity)| (shard, slot, hash, view.bytes_of(entity)))
                    .collect();
                for (shard, slot, hash, bytes) in chosen {
                    if freed >= wanted {
                        return freed;
                    }
                    if let Some(entity) = view.evict(shard, slot) {
                        let until = until(plan, entity.newest().0);
                        cold.sleepers.put(entity.key(), hash, until);
                        freed += bytes;
                    }
                }
            }
        }
        freed
    }

    /// Before a step: notes what its rows are about, and loads what of it is asleep.
    pub(crate) fn wake_staged(
        &mut self,
        plan: &Plan,
        batches: &[Batch],
        staged: &[Staged],
    ) -> Result<()> {
        let Some(spill) = &mut self.spill else {
            return Ok(());
        };
        spill.step = spill.step.wrapping_add(1);
        // While there is plenty of room nobody needs to know what is old.
        let watch = spill.counted + spill.grown > spill.memory / 2;
        if !watch && spill.views.iter().all(|cold| cold.sleepers.is_empty()) {
            return Ok(());
        }
        for (cold, view) in spill.views.iter_mut().zip(&self.views) {
            cold.recency.fit(view.len());
        }
        let mut wanted = Wanted::default();
        for (batch, columns) in batches.iter().zip(staged) {
            let stream = &plan.streams[batch.stream];
            let mut updated: Vec<&Arc<Keys>> = Vec::with_capacity(stream.views.len());
            for (&view, own) in stream.views.iter().zip(&columns.views) {
                let rows = (0..columns.rows).filter(|&row| own.passes(row));
                spill.ask(view, &own.keys, rows, &mut wanted);
                updated.push(&own.keys);
            }
            for (&vector, lookups) in stream.vectors.iter().zip(&columns.lookups) {
                for (lookup, keys) in plan.vectors[vector].lookups.iter().zip(lookups) {
                    // Most lookups are of what the row itself has changed.
                    let known = stream.views.iter().zip(&updated);
                    let mut same = known
                        .filter(|&(&view, known)| view == lookup.view && Arc::ptr_eq(known, keys));
                    if same.next().is_none() || plan.views[lookup.view].filter.is_some() {
                        spill.ask(lookup.view, keys, 0..columns.rows, &mut wanted);
                    }
                }
            }
        }
        self.wake(&wanted)
    }

    /// Before a read: loads those of its keys that are asleep.
    pub(crate) fn wake_keys(&mut self, view: usize, keys: &Keys, rows: usize) -> Result<()> {
        let Some(spill) = &mut self.spill else {
            return Ok(());
        };
        let mut wanted = Wanted::default();
        spill.ask(view, keys, 0..rows, &mut wanted);
        self.wake(&wanted)
    }

    /// Loads entities that are not among the sleepers any more.
    fn wake(&mut self, wanted: &Wanted) -> Result<()> {
        if wanted.len() == 0 {
            return Ok(());
        }
        // What was taken off the list and not loaded would be lost.
        self.wholly(|kernel| kernel.load(wanted))
    }

    fn load(&mut self, wanted: &Wanted) -> Result<()> {
        let Some(spill) = &mut self.spill else {
            return Ok(());
        };
        let plan = Arc::clone(&self.plan);
        let found = spill.store.load(wanted.batch()?)?;
        if found.len() != wanted.len() {
            return Err(lost(wanted.len(), found.len()));
        }
        let mut bytes = 0;
        for (index, key, state) in found {
            let Some(view) = plan.views.get(index) else {
                return Err(lost(1, 0));
            };
            let mut entity = state::read_entity(view, &key, &state)?;
            if let Some(horizon) = self.horizon(index) {
                entity.settle(view, horizon);
            }
            let (entities, hash) = (&mut self.views[index], hash(&key));
            if entity.is_dead(view) {
                entities.forget(&key, hash);
            } else if entities.find(&key, hash).is_some() {
                return Err(Error::State(format!(
                    "view '{}': the store gave an entity twice",
                    view.name
                )));
            } else {
                bytes += entities.bytes_of(&entity);
                entities.put(entity, hash);
            }
        }
        if let Some(spill) = &mut self.spill {
            spill.grown += bytes;
        }
        Ok(())
    }

    /// After a step: takes account of what came in, and forgets sleepers that have expired.
    pub(crate) fn settle_sleepers(&mut self, plan: &Plan, applied: &[u32]) {
        let Some(mut spill) = self.spill.take() else {
            return;
        };
        for emitter in &plan.emitters {
            spill.grown += applied[emitter.view.stream] as usize * Emitter::bytes_of_row(emitter);
        }
        for (index, view) in plan.views.iter().enumerate() {
            let cold = &mut spill.views[index];
            let applied = applied[view.stream] as usize;
            // A row in a vector that doubles, and a little for what is derived or new.
            spill.grown += applied * (16 * view.width() + 64);
            cold.applied += applied;
            let due = cold.applied >= SWEEP_MIN.max(cold.sleepers.len());
            if due && let Some(horizon) = self.horizon(index) {
                cold.applied = 0;
                let entities = &mut self.views[index];
                let mut forget = |key: &[u8]| entities.forget(key, hash(key));
                cold.sleepers.sweep(horizon, &mut forget);
            }
        }
        self.spill = Some(spill);
    }

    /// The state of all sleepers of a view, by key, settled; those that have expired are left out.
    pub(crate) fn each_asleep(
        &self,
        index: usize,
        see: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let Some(spill) = &self.spill else {
            return Ok(());
        };
        let (view, horizon) = (&self.plan.views[index], self.horizon(index));
        for keys in spill.views[index].sleepers.sorted().chunks(CHUNK) {
            let mut wanted = Wanted::default();
            keys.iter().for_each(|key| wanted.push(index, key));
            let mut found = spill.store.load(wanted.batch()?)?;
            if found.len() != keys.len() {
                return Err(lost(keys.len(), found.len()));
            }
            found.sort_unstable();
            let mut bytes = Vec::new();
            for (_, key, state) in &found {
                let mut entity = state::read_entity(view, key, state)?;
                if let Some(horizon) = horizon {
                    entity.settle(view, horizon);
                }
                if !entity.is_dead(view) {
                    bytes.clear();
                    state::write_entity(view, &entity, &mut bytes);
                    see(key, &bytes);
                }
            }
        }
        Ok(())
    }
}

impl Cold {
    /// The group of a key's entity by how long ago it was seen; the count of steps may have wrapped around.
    fn age(&self, step: u32, hash: u64) -> usize {
        age(step.wrapping_sub(self.recency.last(hash)))
    }
}

impl Spill {
    /// Bytes that may stay in memory though nobody needs them now: they must not be the reason to make room.
    pub(crate) fn room(&self) -> usize {
        (self.memory / 4 * 3).saturating_sub(self.counted + self.grown)
    }

    /// Takes off the list of sleepers those of some keys.
    #[inline]
    fn ask(
        &mut self,
        view: usize,
        keys: &Keys,
        rows: impl Iterator<Item = usize>,
        wanted: &mut Wanted,
    ) {
        let cold = &mut self.views[view];
        let asleep = !cold.sleepers.is_empty();
        for (key, hash) in rows.filter_map(|row| keys.get(row)) {
            cold.recency.see(hash, self.step);
            if asleep && cold.sleepers.take(key, hash).is_some() {
                wanted.push(view, key);
            }
        }
    }
}

/// The horizon from which on an entity with its newest event at a time is dead.
fn until(view: &View, newest: i64) -> i64 {
    if !view.lifetimes.is_empty() || view.newest() > 0 {
        return i64::MAX;
    }
    let tiled = view
        .tiled
        .iter()
        .map(|&span| match view.windows[view.spans[span].window] {
            Window::Tiled { over_us, tile_us } => over_us.saturating_add(tile_us),
            _ => 0,
        });
    let reach = tiled.max().unwrap_or(0).max(view.reach_us());
    newest.saturating_add(reach).saturating_add(1)
}

/// The group of entities seen so many steps ago: exactly up to eight, then four to a doubling.
fn age(steps: u32) -> usize {
    if steps < 8 {
        return steps as usize;
    }
    let log = steps.ilog2();
    (4 * (log - 1) + (steps >> (log - 2) & 3)) as usize
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_ascend_and_fit() {
        let steps: Vec<u32> = (0..5000).chain([u32::MAX / 2, u32::MAX]).collect();
        assert!(steps.iter().map(|&steps| age(steps)).is_sorted());
        assert_eq!(
            [0, 1, 7, 8, 9, 10, 15, 16].map(age),
            [0, 1, 7, 8, 8, 9, 11, 12]
        );
        assert!(age(u32::MAX) < super::AGES);
    }
}
