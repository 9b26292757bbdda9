//! The kernel: guard, state and reads of one plan.

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::custom::Functions;
use crate::emitter::Emitter;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::guard::Guard;
use crate::judging::{Judged, LateRead, late_reads};
use crate::overflow::Overflows;
use crate::pass::{Accepted, Pass, Role, Scratch, roles};
use crate::plan::{Lookup, Plan, Vector};
use crate::reading::Reading;
use crate::single::Single;
use crate::spill::Spill;
use crate::stage::{Batch, Staged};
use crate::step::{Reads, Step};
use crate::threads::work;
use crate::view::{Entities, SHARDS};
use crate::window::Window;

/// Exact event-time features of one plan.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
/// use arrow_schema::{DataType, Field};
/// use forerun_core::Kernel;
/// use forerun_core::plan::EXAMPLE;
/// use forerun_core::stage::Batch;
///
/// let columns: Vec<(&str, ArrayRef)> = vec![
///     ("k", Arc::new(StringArray::from(vec!["a", "a"]))),
///     ("at", Arc::new(Int64Array::from(vec![100, 95]))),
///     ("x", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
///     ("_arrival", Arc::new(Int64Array::from(vec![100, 101]))),
/// ];
/// let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
/// let batch = Batch {
///     stream: 0,
///     partition: 0,
///     base_offset: 0,
///     fields: columns.iter().map(field).collect(),
///     rows: 2,
///     columns: columns.into_iter().map(|(_, array)| array).collect(),
/// };
/// let mut kernel = Kernel::new(EXAMPLE).unwrap();
/// let step = kernel.apply(&[batch]).unwrap();
/// assert_eq!(step.verdicts, [[0, 0]]);
/// assert_eq!(step.vectors[0].num_rows(), 2);
/// assert_eq!(kernel.watermarks(), [Some(90)]);
/// ```
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(crate) plan: Arc<Plan>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) views: Vec<Entities>,
    pub(crate) emitters: Vec<Emitter>,
    /// Reads of each lookup of each vector, and what a thread works with.
    pub(crate) scratch: Vec<Scratch>,
    /// Reads of all features of each view, and the slots of the bounds of its tiled ones, by feature.
    pub(crate) all: Vec<(Reading, Vec<(usize, usize)>)>,
    /// What the rows of each stream do in each view.
    roles: Vec<Vec<Role>>,
    /// Lookups of each stream's events that can come too late.
    pub(crate) late_reads: Vec<Vec<LateRead>>,
    /// What steps of a single event work with, once there was one.
    pub(crate) single: Option<Box<Single>>,
    /// Per vector what a step reads; used again by the next.
    grids: Vec<Grid>,
    /// Highest arrival seen: the time by which partitions are judged idle.
    pub(crate) clock: i64,
    /// What is not in memory; none when all is.
    pub(crate) spill: Option<Box<Spill>>,
    /// Why the kernel can no longer be used.
    broken: Option<Error>,
    /// True while something is done that must not be left half done; a panic leaves it so.
    at_work: bool,
}

/// What is said of a kernel in which something has panicked.
const HALF_DONE: &str =
    "an earlier call panicked half-way; restore the kernel from the last checkpoint";

impl Kernel {
    /// A kernel without state.
    pub fn new(plan_json: &str) -> Result<Self> {
        Self::with_functions(plan_json, &Functions::default())
    }

    /// A kernel without state, of a plan that calls functions by name.
    pub fn with_functions(plan_json: &str, functions: &Functions) -> Result<Self> {
        let plan = Plan::compile(plan_json)?.bound(functions)?;
        let guards = plan.streams.iter().map(Guard::new).collect();
        let views = plan.views.iter().map(|_| Entities::default()).collect();
        let emitters = plan.emitters.iter().map(|plan| Emitter::new(plan, None));
        let emitters = emitters.collect();
        Ok(Self::assemble(
            Arc::new(plan),
            guards,
            views,
            emitters,
            i64::MIN,
        ))
    }

    pub(crate) fn assemble(
        plan: Arc<Plan>,
        guards: Vec<Guard>,
        views: Vec<Entities>,
        emitters: Vec<Emitter>,
        clock: i64,
    ) -> Self {
        let lookups = plan
            .vectors
            .iter()
            .map(|vector| {
                let reading = |lookup: &Lookup| {
                    Reading::new(&plan.views[lookup.view], &lookup.features)
                        .with_elements(&lookup.elements)
                };
                vector.lookups.iter().map(reading).collect()
            })
            .collect::<Vec<_>>();
        let scratch = vec![Scratch::new(&plan, &lookups)];
        let late_reads = late_reads(&plan);
        let all = plan.views.iter().map(|view| {
            let features: Vec<(usize, usize)> =
                (0..view.features.len()).map(|at| (at, at)).collect();
            let is_tiled = |feature: &usize| {
                let span = view.spans.get(view.features[*feature].span);
                span.is_some_and(|span| matches!(view.windows[span.window], Window::Tiled { .. }))
            };
            let tiled = (0..view.features.len()).filter(is_tiled);
            let bounds: Vec<(usize, usize)> = tiled
                .enumerate()
                .map(|(nth, feature)| (feature, view.features.len() + nth))
                .collect();
            (Reading::with_bounds(view, &features, &bounds), bounds)
        });
        let all = all.collect();
        let roles = (0..plan.views.len())
            .map(|view| roles(&plan, view))
            .collect();
        let grid = |vector: &Vector| Grid::new(vector.parts(), 0).with_lists(vector.wide());
        let grids = plan.vectors.iter().map(grid).collect();
        Self {
            plan,
            guards,
            views,
            emitters,
            scratch,
            all,
            roles,
            late_reads,
            single: None,
            grids,
            clock,
            spill: None,
            broken: None,
            at_work: false,
        }
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Processes all rows of all batches in the order (arrival, stream, partition, offset).
    pub fn apply(&mut self, batches: &[Batch]) -> Result<Step> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let staged = batches
            .iter()
            .map(|batch| Staged::events_by(&plan, batch, self.scratch.len()))
            .collect::<Result<Vec<_>>>()?;
        self.contiguous(batches, &staged)?;
        self.wake_staged(&plan, batches, &staged)?;
        for batch in batches.iter().filter(|batch| batch.rows > 0) {
            self.guards[batch.stream].partition(batch.partition);
        }
        self.wholly(|kernel| kernel.process(&plan, batches, &staged))
    }

    /// Does what must come to its end: else the kernel cannot be used any more.
    pub(crate) fn wholly<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.at_work = true;
        let done = work(self);
        self.at_work = false;
        done.inspect_err(|error| self.broken = Some(error.clone()))
    }

    /// Offsets and arrivals of a partition only go forward, over this call and earlier ones.
    fn contiguous(&self, batches: &[Batch], staged: &[Staged]) -> Result<()> {
        let mut order: Vec<usize> = (0..batches.len())
            .filter(|&at| batches[at].rows > 0)
            .collect();
        let partition = |at: usize| (batches[at].stream, batches[at].partition);
        order.sort_by_key(|&at| (partition(at), batches[at].base_offset));
        let mut last: Option<((usize, u16), u64, i64)> = None;
        for at in order {
            let batch = &batches[at];
            let seen = self.guards[batch.stream]
                .partitions()
                .iter()
                .find(|seen| seen.id == batch.partition);
            let (next, arrival) = match last {
                Some((known, next, arrival)) if known == partition(at) => (next, arrival),
                _ => seen.map_or((0, i64::MIN), |seen| (seen.next_offset, seen.arrival)),
            };
            let arrivals = &staged[at].arrivals;
            self.in_place(batch, (next, arrival), arrivals[0])?;
            last = Some((
                partition(at),
                batch.base_offset + batch.rows as u64,
                arrivals[batch.rows - 1],
            ));
        }
        Ok(())
    }

    /// A batch is after what came before it: the next offset, and the latest arrival.
    pub(crate) fn in_place(&self, batch: &Batch, last: (u64, i64), arrival: i64) -> Result<()> {
        let (name, partition) = (&self.plan.streams[batch.stream].name, batch.partition);
        let offset = batch.base_offset;
        if offset < last.0 {
            return Err(Error::Batch(format!(
                "stream '{name}', partition {partition}: a batch starts at offset {offset}, but {} is next",
                last.0
            )));
        }
        if arrival < last.1 {
            return Err(Error::Batch(format!(
                "stream '{name}', partition {partition}: arrival {arrival} at offset {offset} is before the previous one, {}",
                last.1
            )));
        }
        Ok(())
    }

    /// Lets steps use up to so many threads; no value depends on it.
    pub fn set_threads(&mut self, threads: usize) {
        let first = self.scratch[0].clone();
        self.scratch.resize(threads.clamp(1, SHARDS), first);
    }

    fn process(&mut self, plan: &Plan, batches: &[Batch], staged: &[Staged]) -> Result<Step> {
        // First all rows are judged: that depends on their order and on no entity.
        let Judged {
            verdicts,
            rejected,
            accepted,
            counts,
            horizons,
            stale,
        } = self.judge_all(plan, batches, staged);
        // Then every view is worked on by itself: entities do not know each other.
        let mut grids = std::mem::take(&mut self.grids);
        for (grid, vector) in grids.iter_mut().zip(&plan.vectors) {
            // SAFETY: every accepted row of its stream does every lookup of a vector, in one of the passes below.
            unsafe { grid.reset(counts[vector.stream] as usize) };
        }
        let mut overflows =
            self.update(plan, staged, &accepted, &horizons, &stale.found, &mut grids);
        self.sweep(plan, &counts);
        let mut reads: Vec<Reads> = plan.vectors.iter().map(|_| Reads::default()).collect();
        for (index, vector) in plan.vectors.iter().enumerate() {
            let rows = || {
                accepted
                    .iter()
                    .filter(|row| usize::from(row.stream) == vector.stream)
            };
            let count = counts[vector.stream] as usize;
            reads[index].at.reserve_exact(count);
            reads[index]
                .at
                .extend(rows().map(|row| (row.batch, row.row)));
            reads[index].times.reserve_exact(count);
            reads[index].times.extend(rows().map(|row| row.time));
        }
        let emitted = self.emit(plan, batches, staged, &verdicts, &mut overflows)?;
        let threads = self.scratch.len();
        let vectors = reads
            .into_iter()
            .zip(&mut grids)
            .enumerate()
            .map(|(index, (reads, grid))| {
                let trigger = plan.vectors[index].stream;
                let sources: Vec<Option<&Staged>> = batches
                    .iter()
                    .zip(staged)
                    .map(|(batch, staged)| (batch.stream == trigger).then_some(staged))
                    .collect();
                reads.finish(plan, index, grid, &sources, Some(threads))
            })
            .collect::<Result<Vec<_>>>()?;
        self.grids = grids;
        Ok(Step {
            verdicts,
            rejected: rejected.finish(plan)?,
            vectors,
            stale: stale.reads.finish()?,
            overflow: overflows.finish(plan)?,
            emitted,
        })
    }

    /// Lets all views take in what was accepted, and answer what it reads; gives what was out of range.
    pub(crate) fn update(
        &mut self,
        plan: &Plan,
        staged: &[Staged],
        accepted: &[Accepted],
        horizons: &[Vec<Option<i64>>],
        stale: &[(u32, u32, u32)],
        grids: &mut [Grid],
    ) -> Overflows {
        let shared: Vec<_> = grids.iter_mut().map(Grid::shared).collect();
        for (index, entities) in self.views.iter_mut().enumerate() {
            let pass = Pass {
                plan,
                index,
                roles: &self.roles[index],
                staged,
                accepted,
                horizons: &horizons[index],
                stale,
                grids: &shared,
            };
            work(&pass, entities, &mut self.scratch);
        }
        let mut overflows = Overflows::default();
        for scratch in &mut self.scratch {
            overflows.append(&mut scratch.overflows);
        }
        overflows
    }

    /// Settles all entities now and then; `counts` are the accepted rows of each stream.
    pub(crate) fn sweep(&mut self, plan: &Plan, counts: &[u32]) {
        for (index, view) in plan.views.iter().enumerate() {
            if self.views[index].is_due(counts[view.stream] as usize) {
                let horizon = self.horizon(index);
                self.views[index].sweep(view, horizon);
            }
        }
        self.settle_sleepers(plan, counts);
    }

    /// Lets the emitters take in what was applied, and close what the watermarks have passed.
    pub(crate) fn emit(
        &mut self,
        plan: &Plan,
        batches: &[Batch],
        staged: &[Staged],
        verdicts: &[Vec<u8>],
        overflows: &mut Overflows,
    ) -> Result<Vec<RecordBatch>> {
        for ((batch, columns), verdicts) in batches.iter().zip(staged).zip(verdicts) {
            for (nth, &index) in plan.streams[batch.stream].emitters.iter().enumerate() {
                let own = &plan.emitters[index];
                self.emitters[index].add(own, nth, batch, columns, verdicts);
            }
        }
        (0..self.emitters.len())
            .map(|index| {
                let watermark = self.guards[plan.emitters[index].view.stream].watermark();
                let depot = self.depot(index);
                let depot = depot.as_ref();
                let closed = self.emitters[index].close(plan, index, watermark, overflows, depot);
                if let (Some(spill), Some(depot)) = (&mut self.spill, depot) {
                    spill.grown += depot.kept();
                }
                closed
            })
            .collect()
    }

    /// The earliest time a view can be read at: nothing that is accepted from now on reads or writes before it.
    ///
    /// That is the lowest watermark among the view's stream and the streams whose vectors read it; but a
    /// reader that is slow or silent holds events back by `hold_back_us` at most.
    #[inline]
    #[must_use]
    pub fn horizon(&self, view: usize) -> Option<i64> {
        let view = &self.plan.views[view];
        let own = self.guards[view.stream].watermark()?;
        let bound = own.saturating_sub(self.plan.hold_back_us);
        let lowest = view.readers.iter().fold(own, |lowest, &reader| {
            lowest.min(self.guards[reader].watermark().unwrap_or(i64::MIN))
        });
        Some(lowest.max(bound))
    }

    pub(crate) fn usable(&self) -> Result<()> {
        match &self.broken {
            None if self.at_work => Err(Error::State(HALF_DONE.into())),
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    /// Watermark per stream.
    #[must_use]
    pub fn watermarks(&self) -> Vec<Option<i64>> {
        self.guards.iter().map(Guard::watermark).collect()
    }

    /// The guards, by stream.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The entities of each view.
    #[must_use]
    pub fn entities(&self) -> &[Entities] {
        &self.views
    }
}
