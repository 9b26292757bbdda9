//! One pass over the accepted rows of a step: what they change in one view, and what they read from it.

use std::sync::Arc;

use crate::grid::Shared;
use crate::overflow::Overflows;
use crate::plan::{Plan, View};
use crate::reading::Reading;
use crate::row::Row;
use crate::shard::Shard;
use crate::stage::Staged;
use crate::view::shard_of;

/// A row that was accepted, in the order of processing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// Its batch, and its row there.
    pub(crate) batch: u32,
    pub(crate) row: u32,
    /// Its number among the accepted rows of its stream: its row in every vector it triggers.
    pub(crate) nth: u32,
    /// Index of its stream.
    pub(crate) stream: u16,
    /// Event time.
    pub(crate) time: i64,
    /// Partition and offset.
    pub(crate) place: u64,
}

/// Rows after which a view's horizon is looked at again.
pub(crate) const HORIZON_ROWS: usize = 256;

/// Rows whose entities are looked up together, so that the memory of one is on its way while others are sought.
const BLOCK: usize = 32;

/// What a row of a stream does in a view.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// Place of the view among those of the stream, when it is one.
    pub(crate) update: Option<usize>,
    /// What its vectors read.
    pub(crate) reads: Vec<RoleRead>,
}

/// A lookup of a vector.
#[derive(Clone, Debug)]
pub(crate) struct RoleRead {
    /// Place of the vector among those of the stream, and its index.
    pub(crate) nth: usize,
    pub(crate) vector: usize,
    pub(crate) lookup: usize,
    /// The slots it fills.
    pub(crate) slots: Vec<usize>,
}

/// The roles of every stream's rows in a view.
pub(crate) fn roles(plan: &Plan, view: usize) -> Vec<Role> {
    let of_stream = |stream: &crate::stream_plan::Stream| {
        let mut reads = Vec::new();
        for (nth, &vector) in stream.vectors.iter().enumerate() {
            for (lookup, read) in plan.vectors[vector].lookups.iter().enumerate() {
                if read.view == view {
                    reads.push(RoleRead {
                        nth,
                        vector,
                        lookup,
                        slots: read.features.iter().map(|&(_, slot)| slot).collect(),
                    });
                }
            }
        }
        Role {
            update: stream.views.iter().position(|&known| known == view),
            reads,
        }
    };
    plan.streams.iter().map(of_stream).collect()
}

/// What a pass works with.
pub(crate) struct Pass<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) index: usize,
    pub(crate) roles: &'a [Role],
    pub(crate) staged: &'a [Staged],
    pub(crate) accepted: &'a [Accepted],
    /// The view's horizon before each [`HORIZON_ROWS`] accepted rows.
    pub(crate) horizons: &'a [Option<i64>],
    /// Reads that come too late: (vector, lookup, row), sorted.
    pub(crate) stale: &'a [(u32, u32, u32)],
    pub(crate) grids: &'a [Shared<'a>],
}

/// What one row does with one entity.
#[derive(Clone, Copy, Debug)]
struct Task {
    /// Position among the accepted rows.
    at: usize,
    /// Which read of the role; none for the update.
    read: Option<usize>,
    shard: usize,
    slot: Option<u32>,
    /// False when the task before is about the same entity.
    first: bool,
}

/// The scratch of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    /// By vector and lookup.
    pub(crate) readings: Vec<Vec<Reading>>,
    rows: Vec<Row>,
    tasks: Vec<Task>,
    /// What was found to be out of range.
    pub(crate) overflows: Overflows,
}

impl Scratch {
    pub(crate) fn new(plan: &Plan, readings: &[Vec<Reading>]) -> Self {
        let rows = plan
            .vectors
            .iter()
            .map(|vector| Row::new(vector.slots.len()));
        Self {
            readings: readings.to_vec(),
            rows: rows.collect(),
            tasks: Vec::with_capacity(4 * BLOCK),
            overflows: Overflows::default(),
        }
    }
}

impl Pass<'_> {
    fn view(&self) -> &View {
        &self.plan.views[self.index]
    }

    /// Does what concerns the shards given (by number; others are absent), row by row.
    pub(crate) fn run(&self, shards: &mut [Option<&mut Shard>], scratch: &mut Scratch) {
        for (number, chunk) in self.accepted.chunks(HORIZON_ROWS).enumerate() {
            let horizon = self.horizons[number];
            for block in (0..chunk.len()).step_by(BLOCK) {
                let from = number * HORIZON_ROWS + block;
                let to = (from + BLOCK).min(number * HORIZON_ROWS + chunk.len());
                self.block(from..to, horizon, shards, scratch);
            }
        }
    }

    #[inline]
    fn block(
        &self,
        rows: std::ops::Range<usize>,
        horizon: Option<i64>,
        shards: &mut [Option<&mut Shard>],
        scratch: &mut Scratch,
    ) {
        let Scratch {
            readings,
            rows: values,
            tasks,
            overflows,
        } = scratch;
        tasks.clear();
        for at in rows {
            self.plan_tasks(at, shards, tasks);
        }
        // Step by step for all tasks: the memory of one is on its way while that of others is asked for.
        let view = self.view();
        let mut last = None;
        for task in tasks.iter_mut() {
            if !task.first {
                task.slot = last;
                continue;
            }
            if let Some(shard) = shards[task.shard].as_deref_mut() {
                self.settle_slot(task, shard);
                last = task.slot;
                if let Some(entity) = task.slot.and_then(|slot| shard.entity(slot)) {
                    entity.expect();
                }
            }
        }
        for task in tasks.iter().filter(|task| task.first) {
            let shard = shards[task.shard].as_deref();
            if let Some(entity) = shard
                .zip(task.slot)
                .and_then(|(shard, slot)| shard.entity(slot))
            {
                entity.expect_more(view);
            }
        }
        for task in tasks.iter() {
            let row = &self.accepted[task.at];
            let role = &self.roles[row.stream as usize];
            let Some(shard) = shards[task.shard].as_deref_mut() else {
                continue;
            };
            match (task.read, role.update) {
                (None, Some(nth)) => {
                    let staged = &self.staged[row.batch as usize].views[nth];
                    let entity = task.slot.and_then(|slot| shard.changing(slot));
                    if let (Some(entity), Some(words)) = (entity, staged.row(row.row as usize)) {
                        if staged.texts.is_empty() {
                            entity.insert(view, row.time, row.place, words);
                        } else {
                            let texts = staged.texts(row.row as usize);
                            entity.insert_texts(view, row.time, row.place, words.to_vec(), texts);
                        }
                        if let Some(horizon) = horizon {
                            entity.settle(view, horizon);
                        }
                    }
                }
                (Some(nth), _) => {
                    let read = &role.reads[nth];
                    let values = &mut values[read.vector];
                    let reading = &mut readings[read.vector][read.lookup];
                    let key = (read.vector as u32, read.lookup as u32, row.nth);
                    if !self.stale.is_empty() && self.stale.binary_search(&key).is_ok() {
                        reading.read_stale(values);
                    } else {
                        let entity = task.slot.and_then(|slot| shard.entity_mut(slot));
                        reading.read(view, entity, row.time, values);
                        if !values.overflown().is_empty() {
                            overflows.read(read.vector, row.nth as usize, self.index, values);
                        }
                    }
                    // SAFETY: a row's lookup is done by the one thread that has the shard of its key.
                    unsafe { self.grids[read.vector].set(row.nth as usize, &read.slots, values) };
                }
                (None, None) => {}
            }
        }
    }

    /// Finds out which entities a row is concerned with, among the shards given, and asks for their memory.
    #[inline]
    fn plan_tasks(&self, at: usize, shards: &[Option<&mut Shard>], tasks: &mut Vec<Task>) {
        let row = &self.accepted[at];
        let role = &self.roles[row.stream as usize];
        let staged = &self.staged[row.batch as usize];
        let mut plan = |read: Option<usize>, hash: Option<u64>, first: bool| {
            // Without a key nothing is found, wherever one looks.
            let shard = hash.map_or(0, shard_of);
            if let Some(held) = shards[shard].as_deref() {
                let slot = if first {
                    hash.and_then(|hash| held.guess(hash))
                } else {
                    None
                };
                if let Some(slot) = slot {
                    held.expect(slot);
                }
                tasks.push(Task {
                    at,
                    read,
                    shard,
                    slot,
                    first,
                });
            }
        };
        let mut updated = None;
        if let Some(nth) = role.update {
            let columns = &staged.views[nth];
            if let (Some((_, hash)), true) = (
                columns.keys.get(row.row as usize),
                columns.passes(row.row as usize),
            ) {
                plan(None, Some(hash), true);
                updated = Some(&columns.keys);
            }
        }
        for (nth, read) in role.reads.iter().enumerate() {
            let keys = &staged.lookups[read.nth][read.lookup];
            let hash = keys.get(row.row as usize).map(|(_, hash)| hash);
            let same = updated.is_some_and(|known| Arc::ptr_eq(known, keys));
            plan(Some(nth), hash, !same);
        }
    }

    /// Makes sure of the slot of a task; an update makes one when there is none.
    #[inline]
    fn settle_slot(&self, task: &mut Task, shard: &mut Shard) {
        let row = &self.accepted[task.at];
        let role = &self.roles[row.stream as usize];
        let staged = &self.staged[row.batch as usize];
        let keys = match task.read {
            None => role.update.map(|nth| &staged.views[nth].keys),
            Some(nth) => {
                let read = &role.reads[nth];
                Some(&staged.lookups[read.nth][read.lookup])
            }
        };
        let Some((key, hash)) = keys.and_then(|keys| keys.get(row.row as usize)) else {
            task.slot = None;
            return;
        };
        if task.slot.is_some_and(|slot| shard.holds(slot, key, hash)) {
            return;
        }
        task.slot = if task.read.is_none() {
            Some(shard.find_or_put(self.view(), key, hash))
        } else {
            shard.find(key, hash)
        };
    }
}
