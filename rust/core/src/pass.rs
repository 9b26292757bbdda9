//! One pass over the accepted rows of a step: what they change in one view, and what they read from it.

use std::ops::Range;

use crate::expr::{Expr, Node};
use crate::grid::Shared;
use crate::key::Keys;
use crate::overflow::Overflows;
use crate::plan::{Plan, View};
use crate::reading::Reading;
use crate::row::Row;
use crate::shard::Shard;
use crate::stage::Staged;
use crate::stream_plan::Stream;
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

/// Entities that are looked up together, so that the memory of one is on its way while others are sought.
const BLOCK: usize = 32;

/// What a row of a stream does in a view: by key, with the update first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Role {
    /// Place of the view among those of the stream, when it is one.
    pub(crate) update: Option<usize>,
    pub(crate) visits: Vec<Visit>,
}

/// What a row does with the entity of one key.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// True when the key is that of the update.
    updates: bool,
    reads: Vec<RoleRead>,
}

/// A lookup of a vector.
#[derive(Clone, Debug)]
pub(crate) struct RoleRead {
    /// Place of the vector among those of the stream, and its index.
    nth: usize,
    vector: usize,
    lookup: usize,
}

/// The roles of every stream's rows in a view.
pub(crate) fn roles(plan: &Plan, view: usize) -> Vec<Role> {
    let of_stream = |stream: &Stream| {
        let update = stream.views.iter().position(|&known| known == view);
        let mut keys: Vec<&[Expr]> = Vec::new();
        let mut visits = Vec::new();
        if update.is_some() {
            keys.push(&[]);
            visits.push(Visit {
                updates: true,
                reads: Vec::new(),
            });
        }
        for (nth, &vector) in stream.vectors.iter().enumerate() {
            for (lookup, read) in plan.vectors[vector].lookups.iter().enumerate() {
                if read.view != view {
                    continue;
                }
                let is_own = |key: &[Expr]| {
                    key.is_empty() && is_by(&plan.views[view].by, &read.key) || key == read.key
                };
                let place = keys.iter().position(|key| is_own(key)).unwrap_or_else(|| {
                    keys.push(&read.key);
                    visits.push(Visit {
                        updates: false,
                        reads: Vec::new(),
                    });
                    keys.len() - 1
                });
                visits[place].reads.push(RoleRead {
                    nth,
                    vector,
                    lookup,
                });
            }
        }
        Role { update, visits }
    };
    plan.streams.iter().map(of_stream).collect()
}

/// True when a key is made of just those fields.
fn is_by(by: &[usize], key: &[Expr]) -> bool {
    let is_field = |(expr, field): (&Expr, &usize)| matches!(&expr.node, Node::Field(index, _) if index == field);
    key.len() == by.len() && key.iter().zip(by).all(is_field)
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
    at: u32,
    /// Which visit of the role.
    visit: u32,
    shard: u32,
    /// Whether the view's filter lets the row pass, when it updates.
    updates: bool,
    hash: Option<u64>,
    slot: Option<u32>,
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
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("avx2")
        {
            // SAFETY: the machine has the instructions.
            unsafe { self.run_on_newer(shards, scratch) };
            return;
        }
        self.run_inlined(shards, scratch);
    }

    /// The same for machines since about 2013, whose shifts and multiplications of long numbers take fewer
    /// instructions. Everything that is hot is compiled into it once more, and gives the same bits.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi1,bmi2,lzcnt,avx2")]
    fn run_on_newer(&self, shards: &mut [Option<&mut Shard>], scratch: &mut Scratch) {
        self.run_inlined(shards, scratch);
    }

    #[inline(always)]
    fn run_inlined(&self, shards: &mut [Option<&mut Shard>], scratch: &mut Scratch) {
        for (number, chunk) in self.accepted.chunks(HORIZON_ROWS).enumerate() {
            let mut rows = number * HORIZON_ROWS..number * HORIZON_ROWS + chunk.len();
            while !rows.is_empty() {
                self.block(&mut rows, self.horizons[number], shards, scratch);
            }
        }
    }

    /// Does the next tasks among some rows.
    #[inline(always)]
    fn block(
        &self,
        rows: &mut Range<usize>,
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
        while tasks.len() < BLOCK
            && let Some(at) = rows.next()
        {
            self.plan_tasks(at, shards, tasks);
        }
        // Step by step for all tasks: the memory of one is on its way while that of others is asked for.
        let view = self.view();
        for task in tasks.iter_mut() {
            if let (Some(shard), Some(hash)) = (shards[task.shard as usize].as_deref(), task.hash) {
                task.slot = shard.guess(hash);
                if let Some(slot) = task.slot {
                    shard.expect(slot);
                }
            }
        }
        for task in tasks.iter_mut() {
            if let Some(shard) = shards[task.shard as usize].as_deref_mut() {
                self.settle_slot(task, shard);
                if let Some(entity) = task.slot.and_then(|slot| shard.entity(slot)) {
                    entity.expect();
                }
            }
        }
        for task in tasks.iter() {
            let shard = shards[task.shard as usize].as_deref();
            if let Some(entity) = shard
                .zip(task.slot)
                .and_then(|(shard, slot)| shard.entity(slot))
            {
                entity.expect_more();
            }
        }
        for task in tasks.iter() {
            let shard = shards[task.shard as usize].as_deref();
            if let Some(entity) = shard
                .zip(task.slot)
                .and_then(|(shard, slot)| shard.entity(slot))
            {
                entity.expect_most(view);
            }
        }
        for task in tasks.iter() {
            let Some(shard) = shards[task.shard as usize].as_deref_mut() else {
                continue;
            };
            let row = &self.accepted[task.at as usize];
            let role = &self.roles[row.stream as usize];
            let mut entity = match task.slot {
                Some(slot) if task.updates => shard.changing(slot),
                Some(slot) => shard.entity_mut(slot),
                None => None,
            };
            if let (true, Some(entity), Some(nth)) = (task.updates, &mut entity, role.update) {
                let staged = &self.staged[row.batch as usize].views[nth];
                let words = staged.words(row.row as usize);
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
            for read in &role.visits[task.visit as usize].reads {
                let values = &mut values[read.vector];
                let reading = &mut readings[read.vector][read.lookup];
                let key = (read.vector as u32, read.lookup as u32, row.nth);
                if !self.stale.is_empty() && self.stale.binary_search(&key).is_ok() {
                    reading.read_stale(values);
                } else {
                    let entity = entity.as_deref_mut();
                    reading.read(view, entity, row.time, values);
                    if !values.overflown().is_empty() {
                        overflows.read(read.vector, row.nth as usize, self.index, values);
                    }
                }
                // SAFETY: a row's lookup is done by the one thread that has the shard of its key.
                unsafe { self.grids[read.vector].set(row.nth as usize, read.lookup, values) };
            }
        }
    }

    /// The keys of a visit.
    #[inline]
    pub(crate) fn keys(&self, row: &Accepted, role: &Role, visit: &Visit) -> &Keys {
        let staged = &self.staged[row.batch as usize];
        match (visit.reads.first(), role.update) {
            (Some(read), _) => &staged.lookups[read.nth][read.lookup],
            (None, Some(nth)) => &staged.views[nth].keys,
            // There is no visit without anything to do.
            (None, None) => &staged.views[0].keys,
        }
    }

    /// Finds out which entities a row is concerned with, among the shards given, and asks for their memory.
    #[inline(always)]
    fn plan_tasks(&self, at: usize, shards: &[Option<&mut Shard>], tasks: &mut Vec<Task>) {
        let row = &self.accepted[at];
        let role = &self.roles[row.stream as usize];
        for (number, visit) in role.visits.iter().enumerate() {
            let hash = self.keys(row, role, visit).hash(row.row as usize);
            // Without a key nothing is found, wherever one looks.
            let shard = hash.map_or(0, shard_of);
            let Some(held) = shards[shard].as_deref() else {
                continue;
            };
            let passes = |nth: usize| {
                let staged = &self.staged[row.batch as usize];
                staged.views[nth].passes(row.row as usize)
            };
            let updates = visit.updates && hash.is_some() && role.update.is_some_and(passes);
            if !updates && visit.reads.is_empty() {
                continue;
            }
            if let Some(hash) = hash {
                held.expect_place(hash);
            }
            tasks.push(Task {
                at: at as u32,
                visit: number as u32,
                shard: shard as u32,
                updates,
                hash,
                slot: None,
            });
        }
    }

    /// Makes sure of the slot of a task; an update makes one when there is none.
    #[inline(always)]
    fn settle_slot(&self, task: &mut Task, shard: &mut Shard) {
        let row = &self.accepted[task.at as usize];
        let role = &self.roles[row.stream as usize];
        let keys = self.keys(row, role, &role.visits[task.visit as usize]);
        let Some((key, hash)) = keys.get(row.row as usize) else {
            task.slot = None;
            return;
        };
        if task.slot.is_some_and(|slot| shard.holds(slot, key, hash)) {
            return;
        }
        task.slot = if task.updates {
            Some(shard.find_or_put(self.view(), key, hash))
        } else {
            shard.find(key, hash)
        };
    }
}
