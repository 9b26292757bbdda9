//! The kernel: guard, state and reads of one plan.

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::buffer::place;
use crate::emitter::Emitter;
use crate::error::{Error, Result};
use crate::guard::{Guard, Verdict};
use crate::key::describe;
use crate::order::Interleaved;
use crate::plan::{Lookup, Plan};
use crate::reading::{FeatureOverflow, Reading};
use crate::stage::{Batch, Staged};
use crate::step::{Reads, Rejected, StaleReads, Step};
use crate::view::Entities;

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
    /// Reads of each lookup of each vector.
    pub(crate) lookups: Vec<Vec<Reading>>,
    /// Reads of all features of each view.
    pub(crate) all: Vec<Reading>,
    /// Highest arrival seen: the time by which partitions are judged idle.
    pub(crate) clock: i64,
    /// Why the kernel can no longer be used.
    broken: Option<Error>,
}

impl Kernel {
    /// A kernel without state.
    pub fn new(plan_json: &str) -> Result<Self> {
        let plan = Plan::compile(plan_json)?;
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
                let reading =
                    |lookup: &Lookup| Reading::new(&plan.views[lookup.view], &lookup.features);
                vector.lookups.iter().map(reading).collect()
            })
            .collect();
        let all = plan
            .views
            .iter()
            .map(|view| {
                Reading::new(
                    view,
                    &(0..view.features.len())
                        .map(|index| (index, index))
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        Self {
            plan,
            guards,
            views,
            emitters,
            lookups,
            all,
            clock,
            broken: None,
        }
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Processes all rows of all batches in the order (arrival, stream, partition, offset).
    pub fn apply(&mut self, batches: &[Batch]) -> Result<Step> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let staged = batches
            .iter()
            .map(|batch| Staged::events(&plan, batch))
            .collect::<Result<Vec<_>>>()?;
        self.contiguous(batches, &staged)?;
        for batch in batches.iter().filter(|batch| batch.rows > 0) {
            self.guards[batch.stream].partition(batch.partition);
        }
        self.process(&plan, batches, &staged)
            .inspect_err(|error| self.broken = Some(error.clone()))
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
            let name = &self.plan.streams[batch.stream].name;
            if batch.base_offset < next {
                return Err(Error::Batch(format!(
                    "stream '{name}', partition {}: a batch starts at offset {}, but {next} is next",
                    batch.partition, batch.base_offset
                )));
            }
            let arrivals = &staged[at].arrivals;
            if arrivals[0] < arrival {
                return Err(Error::Batch(format!(
                    "stream '{name}', partition {}: arrival {} at offset {} is before the previous one, {arrival}",
                    batch.partition, arrivals[0], batch.base_offset
                )));
            }
            last = Some((
                partition(at),
                batch.base_offset + batch.rows as u64,
                arrivals[batch.rows - 1],
            ));
        }
        Ok(())
    }

    fn process(&mut self, plan: &Plan, batches: &[Batch], staged: &[Staged]) -> Result<Step> {
        let mut verdicts: Vec<Vec<u8>> = batches.iter().map(|batch| vec![0; batch.rows]).collect();
        let mut rejected = Rejected::default();
        let mut stale = StaleReads::default();
        let mut reads: Vec<Reads> = plan.vectors.iter().map(Reads::new).collect();
        let partitions: Vec<usize> = batches
            .iter()
            .map(|batch| {
                if batch.rows > 0 {
                    self.guards[batch.stream].partition(batch.partition)
                } else {
                    0
                }
            })
            .collect();
        for (at, row) in Interleaved::new(batches, staged) {
            let (batch, columns) = (&batches[at], &staged[at]);
            let arrival = columns.arrivals[row];
            self.clock = self.clock.max(arrival);
            let offset = batch.base_offset + row as u64;
            let (verdict, field) = self.judge(plan, batch, columns, partitions[at], row, offset);
            verdicts[at][row] = verdict as u8;
            if verdict != Verdict::Applied {
                let watermark = self.guards[batch.stream].watermark();
                rejected.push((at as u32, row as u32), verdict, field, watermark);
                continue;
            }
            let time = columns.time(row);
            self.update(
                plan,
                batch.stream,
                columns,
                row,
                time,
                place(batch.partition, offset),
            );
            for (nth, &vector) in plan.streams[batch.stream].vectors.iter().enumerate() {
                let into = &mut reads[vector];
                for (lookup, keys) in columns.lookups[nth].iter().enumerate() {
                    let view = plan.vectors[vector].lookups[lookup].view;
                    let earliest = self.horizon(view);
                    if earliest.is_some_and(|earliest| time < earliest) {
                        stale.push(vector, into.times.len(), view, earliest.unwrap_or(i64::MIN));
                        self.lookups[vector][lookup].read_stale(&mut into.cells);
                        continue;
                    }
                    let key = keys.get(row);
                    let entity = key.and_then(|(key, hash)| self.views[view].find_mut(key, hash));
                    self.lookups[vector][lookup]
                        .read(&plan.views[view], entity, time, true, &mut into.cells)
                        .map_err(|feature| {
                            overflow(plan, view, feature, key.map(|(key, _)| key), time)
                        })?;
                }
                into.at.push((at as u32, row as u32));
                into.times.push(time);
            }
        }
        let emitted = self.emit(plan, batches, staged, &verdicts)?;
        let vectors = reads
            .into_iter()
            .enumerate()
            .map(|(index, reads)| {
                let trigger = plan.vectors[index].stream;
                let sources: Vec<Option<&Staged>> = batches
                    .iter()
                    .zip(staged)
                    .map(|(batch, staged)| (batch.stream == trigger).then_some(staged))
                    .collect();
                reads.finish(plan, index, &sources, true)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Step {
            verdicts,
            rejected: rejected.finish()?,
            vectors,
            stale: stale.finish()?,
            emitted,
        })
    }

    /// Lets the emitters take in what was applied, and close what the watermarks have passed.
    fn emit(
        &mut self,
        plan: &Plan,
        batches: &[Batch],
        staged: &[Staged],
        verdicts: &[Vec<u8>],
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
                self.emitters[index].close(plan, index, watermark)
            })
            .collect()
    }

    #[inline]
    fn judge<'p>(
        &mut self,
        plan: &'p Plan,
        batch: &Batch,
        columns: &Staged,
        partition: usize,
        row: usize,
        offset: u64,
    ) -> (Verdict, Option<&'p str>) {
        let stream = &plan.streams[batch.stream];
        let guard = &mut self.guards[batch.stream];
        guard.seek(partition, offset);
        let arrival = columns.arrivals[row];
        if let Some(field) = columns.invalid(row) {
            guard.invalid(partition, arrival);
            return (Verdict::Invalid, Some(&stream.fields[field].name));
        }
        let id = columns.ids.as_ref().and_then(|ids| ids.get(row));
        (
            guard.judge(
                stream,
                partition,
                columns.time(row),
                arrival,
                self.clock,
                id,
            ),
            None,
        )
    }

    #[inline]
    fn update(
        &mut self,
        plan: &Plan,
        stream: usize,
        columns: &Staged,
        row: usize,
        time: i64,
        place: u64,
    ) {
        for (nth, &view) in plan.streams[stream].views.iter().enumerate() {
            let staged = &columns.views[nth];
            let (Some(words), Some((key, hash))) = (staged.row(row), staged.keys.get(row)) else {
                continue;
            };
            let horizon = self.horizon(view);
            let entities = &mut self.views[view];
            let entity = entities.entry(&plan.views[view], key, hash);
            entity.insert(&plan.views[view], time, place, words);
            entity.settle(&plan.views[view], horizon);
            if entities.sweep_is_due() {
                entities.sweep(&plan.views[view], horizon);
            }
        }
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

pub(crate) fn overflow(
    plan: &Plan,
    view: usize,
    feature: FeatureOverflow,
    key: Option<&[u8]>,
    time: i64,
) -> Error {
    let view = &plan.views[view];
    let feature = &view.features[feature.0];
    let key = describe(
        &view.key_types(&plan.streams[view.stream]),
        key.unwrap_or_default(),
    );
    Error::Overflow(format!(
        "{}.{}: the result is beyond the range of {} for key {key} at {time}; scale the argument down",
        view.name, feature.name, feature.ty
    ))
}
