//! The kernel: guard, state and reads of one plan.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int32Builder};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use sha2::{Digest, Sha256};

use crate::buffer::{FIXED_WORDS, partition_offset, place};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::guard::{Guard, Verdict};
use crate::key::{Keys, describe};
use crate::order::Interleaved;
use crate::plan::Plan;
use crate::reading::{Cells, FeatureOverflow, Reading};
use crate::stage::{Batch, Staged};
use crate::state;
use crate::step::{Reads, Rejected, StaleReads, Step, batch};
use crate::view::Entities;

/// Exact event-time features of one plan.
///
/// ```
/// use forerun_core::kernel::Kernel;
///
/// let json = r#"{"format":1,"views":[],"vectors":[],"streams":[{"name":"Tick","fields":[
///     {"name":"at","type":"time","nullable":false}],"time":"at","key":[],"id":null,
///     "lateness_us":0,"max_skew_us":null,"idle_us":null,"dedup_us":null}]}"#;
/// let mut kernel = Kernel::new(json).unwrap();
/// assert_eq!(kernel.watermarks(), [None]);
/// ```
#[derive(Clone, Debug)]
pub struct Kernel {
    plan: Arc<Plan>,
    guards: Vec<Guard>,
    views: Vec<Entities>,
    /// Reads of each lookup of each vector.
    lookups: Vec<Vec<Reading>>,
    /// Reads of all features of each view.
    all: Vec<Reading>,
    /// Highest arrival seen: the time by which partitions are judged idle.
    clock: i64,
    /// Why the kernel can no longer be used.
    broken: Option<Error>,
}

impl Kernel {
    /// A kernel without state.
    pub fn new(plan_json: &str) -> Result<Self> {
        let plan = Plan::compile(plan_json)?;
        let guards = plan.streams.iter().map(Guard::new).collect();
        let views = plan.views.iter().map(|_| Entities::default()).collect();
        Ok(Self::assemble(Arc::new(plan), guards, views, i64::MIN))
    }

    fn assemble(plan: Arc<Plan>, guards: Vec<Guard>, views: Vec<Entities>, clock: i64) -> Self {
        let lookups = plan
            .vectors
            .iter()
            .map(|vector| {
                let reading = |lookup: &crate::plan::Lookup| Reading::new(&plan.views[lookup.view], &lookup.features);
                vector.lookups.iter().map(reading).collect()
            })
            .collect();
        let all = plan
            .views
            .iter()
            .map(|view| Reading::new(view, &(0..view.features.len()).map(|index| (index, index)).collect::<Vec<_>>()))
            .collect();
        Self { plan, guards, views, lookups, all, clock, broken: None }
    }

    /// A kernel that continues from stored state: a header and entities (view, key, state).
    pub fn restore(plan_json: &str, header: &[u8], entities: &[(usize, &[u8], &[u8])]) -> Result<Self> {
        let plan = Arc::new(Plan::compile(plan_json)?);
        let (clock, guards) = state::read_header(&plan, header)?;
        let mut views: Vec<Entities> = plan.views.iter().map(|_| Entities::default()).collect();
        for &(index, key, bytes) in entities {
            let (Some(view), Some(into)) = (plan.views.get(index), views.get_mut(index)) else {
                return Err(Error::State(format!("entity of view {index}, the plan has {} views", plan.views.len())));
            };
            let entity = state::read_entity(view, key, bytes)?;
            let hash = crate::hash::hash(key);
            if into.find(key, hash).is_some() {
                let key = describe(&view.key_types(&plan.streams[view.stream]), key);
                return Err(Error::State(format!("view '{}': entity {key} is there twice", view.name)));
            }
            into.put(entity, hash);
        }
        let mut kernel = Self::assemble(plan, guards, views, clock);
        for index in 0..kernel.views.len() {
            let horizon = kernel.horizon(index);
            kernel.views[index].track();
            kernel.views[index].sweep(&kernel.plan.views[index], horizon);
        }
        Ok(kernel)
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
        let staged = batches.iter().map(|batch| self.stage(&plan, batch)).collect::<Result<Vec<_>>>()?;
        self.contiguous(batches, &staged)?;
        for batch in batches.iter().filter(|batch| batch.rows > 0) {
            self.guards[batch.stream].partition(batch.partition);
        }
        self.process(&plan, batches, &staged).inspect_err(|error| self.broken = Some(error.clone()))
    }

    fn stage(&self, plan: &Plan, batch: &Batch) -> Result<Staged> {
        if batch.stream >= plan.streams.len() {
            return Err(Error::Batch(format!("there is no stream {}", batch.stream)));
        }
        Staged::events(plan, batch)
    }

    /// Offsets and arrivals of a partition only go forward, over this call and earlier ones.
    fn contiguous(&self, batches: &[Batch], staged: &[Staged]) -> Result<()> {
        let mut order: Vec<usize> = (0..batches.len()).filter(|&at| batches[at].rows > 0).collect();
        let partition = |at: usize| (batches[at].stream, batches[at].partition);
        order.sort_by_key(|&at| (partition(at), batches[at].base_offset));
        let mut last: Option<((usize, u16), u64, i64)> = None;
        for at in order {
            let batch = &batches[at];
            let seen = self.guards[batch.stream].partitions().iter().find(|seen| seen.id == batch.partition);
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
            last = Some((partition(at), batch.base_offset + batch.rows as u64, arrivals[batch.rows - 1]));
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
            .map(|batch| if batch.rows > 0 { self.guards[batch.stream].partition(batch.partition) } else { 0 })
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
            self.update(plan, batch.stream, columns, row, time, place(batch.partition, offset));
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
                    let entity = key.and_then(|(key, hash)| self.views[view].find(key, hash));
                    self.lookups[vector][lookup]
                        .read(&plan.views[view], entity, time, &mut into.cells)
                        .map_err(|feature| overflow(plan, view, feature, key.map(|(key, _)| key), time))?;
                }
                into.at.push((at as u32, row as u32));
                into.times.push(time);
            }
        }
        let vectors = reads
            .into_iter()
            .enumerate()
            .map(|(index, reads)| {
                let trigger = plan.vectors[index].stream;
                let sources: Vec<Option<&Staged>> =
                    batches.iter().zip(staged).map(|(batch, staged)| (batch.stream == trigger).then_some(staged)).collect();
                reads.finish(plan, index, &sources, true)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Step { verdicts, rejected: rejected.finish()?, vectors, stale: stale.finish()? })
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
        (guard.judge(stream, partition, columns.time(row), arrival, self.clock, id), None)
    }

    #[inline]
    fn update(&mut self, plan: &Plan, stream: usize, columns: &Staged, row: usize, time: i64, place: u64) {
        for (nth, &view) in plan.streams[stream].views.iter().enumerate() {
            let staged = &columns.views[nth];
            let (Some(words), Some((key, hash))) = (staged.row(row), staged.keys.get(row)) else { continue };
            let horizon = self.horizon(view);
            let entities = &mut self.views[view];
            let entity = entities.entry(&plan.views[view], key, hash);
            entity.insert(time, place, words);
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

    /// Reads the inputs of a vector for request rows, each at its own event time.
    pub fn vector(&mut self, index: usize, request: &Batch) -> Result<RecordBatch> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let Some(vector) = plan.vectors.get(index) else {
            return Err(Error::Batch(format!("there is no vector {index}")));
        };
        let request = Batch { stream: vector.stream, ..request.clone() };
        let staged = Staged::requests(&plan, &request, true)?;
        let mut reads = Reads::new(vector);
        reads.times = (0..staged.rows).map(|row| staged.time(row)).collect();
        reads.at = (0..staged.rows as u32).map(|row| (0, row)).collect();
        for (nth, lookup) in vector.lookups.iter().enumerate() {
            let keys = staged.keys(&lookup.key);
            for row in 0..staged.rows {
                let time = staged.time(row);
                self.fresh(lookup.view, time)?;
                let key = keys.get(row);
                let entity = key.and_then(|(key, hash)| self.views[lookup.view].find(key, hash));
                self.lookups[index][nth]
                    .read(&plan.views[lookup.view], entity, time, &mut reads.cells)
                    .map_err(|feature| overflow(&plan, lookup.view, feature, key.map(|(key, _)| key), time))?;
            }
        }
        reads.finish(&plan, index, &[Some(&staged)], false)
    }

    /// Reads every feature of a view for some keys at one time.
    pub fn values(&mut self, view: usize, keys: &Batch, t_us: i64) -> Result<RecordBatch> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let encoded = self.keys(view, keys)?;
        self.fresh(view, t_us)?;
        let target = &plan.views[view];
        let mut cells = vec![Cells::default(); target.features.len()];
        for row in 0..keys.rows {
            let key = encoded.get(row);
            let entity = key.and_then(|(key, hash)| self.views[view].find(key, hash));
            self.all[view]
                .read(target, entity, t_us, &mut cells)
                .map_err(|feature| overflow(&plan, view, feature, key.map(|(key, _)| key), t_us))?;
        }
        let columns = target.features.iter().zip(cells);
        batch(
            columns
                .map(|(feature, cells)| {
                    (feature.name.as_str(), true, cells.into_column(feature.ty).to_array(feature.ty))
                })
                .collect(),
        )
    }

    /// The events kept for one key with event time up to `t_us`.
    pub fn events(&mut self, view: usize, key: &Batch, t_us: i64) -> Result<RecordBatch> {
        self.usable()?;
        let encoded = self.one_key(view, key)?;
        self.settle(view, &encoded);
        let plan = &self.plan.views[view];
        let entity = encoded.get(0).and_then(|(key, hash)| self.views[view].find(key, hash));
        let width = plan.width();
        let rows = entity.map_or(0, |entity| entity.events().up_to(t_us, width));
        let row = |at: usize| entity.map_or(&[][..], |entity| entity.events().row(at, width));
        let holds = |at: usize, bit: usize| row(at)[FIXED_WORDS + bit / 64] >> (bit % 64) & 1 == 1;
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for (index, arg) in plan.args.iter().enumerate() {
            let known = plan.conditions.iter().position(|condition| {
                condition.filter.is_none() && condition.arg.as_ref() == Some(arg)
            });
            let valid: Vec<bool> = (0..rows).map(|at| known.is_none_or(|bit| holds(at, bit))).collect();
            let words = (0..rows).map(|at| row(at)[plan.arg_word(index)]).collect();
            columns.push((arg.to_string(), Column::from_words(arg.ty, words, &valid).to_array(arg.ty)));
        }
        for (bit, condition) in plan.conditions.iter().enumerate() {
            let Some(filter) = &condition.filter else { continue };
            let name = match &condition.arg {
                None => format!("where {filter}"),
                Some(arg) => format!("where {filter} and {arg} is not null"),
            };
            let column = Column::bools(rows, |at| Some(holds(at, bit)));
            columns.push((name, column.to_array(crate::types::Type::Bool)));
        }
        let times: TimestampMicrosecondArray = (0..rows).map(|at| Some(row(at)[0] as i64)).collect();
        let places: Vec<(u16, u64)> = (0..rows).map(|at| partition_offset(row(at)[1])).collect();
        columns.push(("time".into(), Arc::new(times.with_timezone("UTC"))));
        columns.push((
            "partition".into(),
            Arc::new(places.iter().map(|(partition, _)| i32::from(*partition)).collect::<Int32Array>()),
        ));
        columns.push((
            "offset".into(),
            Arc::new(places.iter().map(|(_, offset)| *offset as i64).collect::<Int64Array>()),
        ));
        batch(columns.iter().map(|(name, array)| (name.as_str(), true, Arc::clone(array))).collect())
    }

    /// Event time, partition and offset of the newest event applied to a key.
    pub fn provenance(&mut self, view: usize, key: &Batch) -> Result<Option<(i64, u16, u64)>> {
        self.usable()?;
        let encoded = self.one_key(view, key)?;
        self.settle(view, &encoded);
        let entity = encoded.get(0).and_then(|(key, hash)| self.views[view].find(key, hash));
        Ok(entity.filter(|entity| !entity.is_dead()).map(|entity| {
            let (time, place) = entity.newest();
            let (partition, offset) = partition_offset(place);
            (time, partition, offset)
        }))
    }

    /// Settles one entity, so that what is shown does not depend on when others were.
    fn settle(&mut self, view: usize, key: &Keys) {
        let horizon = self.horizon(view);
        if let Some((key, hash)) = key.get(0) {
            self.views[view].settle_key(&self.plan.views[view], key, hash, horizon);
        }
    }

    fn one_key(&self, view: usize, key: &Batch) -> Result<Keys> {
        if key.rows != 1 {
            return Err(Error::Batch(format!("one key is asked for, got {} rows", key.rows)));
        }
        self.keys(view, key)
    }

    fn keys(&self, view: usize, keys: &Batch) -> Result<Keys> {
        let Some(plan) = self.plan.views.get(view) else {
            return Err(Error::Batch(format!("there is no view {view}")));
        };
        let stream = &self.plan.streams[plan.stream];
        if keys.columns.len() != plan.by.len() {
            let names: Vec<&str> = plan.by.iter().map(|&field| stream.fields[field].name.as_str()).collect();
            return Err(Error::Batch(format!(
                "view '{}': its key is ({}), got {} columns",
                plan.name,
                names.join(", "),
                keys.columns.len()
            )));
        }
        let mut columns = Vec::with_capacity(plan.by.len());
        for (at, &field) in plan.by.iter().enumerate() {
            let field = &stream.fields[field];
            let column = Column::from_array(&keys.columns[at], field.ty)
                .map_err(|error| Error::Batch(format!("view '{}', key '{}': {error}", plan.name, field.name)))?;
            columns.push((field.ty, column));
        }
        let parts: Vec<_> = columns.iter().map(|(ty, column)| (*ty, column)).collect();
        Ok(Keys::encode(&parts, keys.rows))
    }

    fn fresh(&self, view: usize, t_us: i64) -> Result<()> {
        match self.horizon(view) {
            Some(earliest) if t_us < earliest => Err(Error::Stale(format!(
                "view '{}' cannot be read at {t_us}: events are kept for reads from {earliest} on",
                self.plan.views[view].name
            ))),
            _ => Ok(()),
        }
    }

    fn usable(&self) -> Result<()> {
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

    /// Entities changed since the last call: view, key, state; null when gone.
    pub fn take_changed(&mut self) -> Result<RecordBatch> {
        self.usable()?;
        let (mut views, mut keys, mut states) =
            (Int32Builder::new(), BinaryBuilder::new(), BinaryBuilder::new());
        let mut bytes = Vec::new();
        for (index, plan) in self.plan.views.iter().enumerate() {
            let horizon = self.horizon(index);
            let (alive, gone) = self.views[index].take_changed(plan, horizon);
            let mut gone = gone.iter().peekable();
            for entity in alive {
                while let Some(key) = gone.next_if(|key| key.as_ref() < entity.key()) {
                    views.append_value(index as i32);
                    keys.append_value(key);
                    states.append_null();
                }
                bytes.clear();
                state::write_entity(plan, entity, &mut bytes);
                views.append_value(index as i32);
                keys.append_value(entity.key());
                states.append_value(&bytes);
            }
            for key in gone {
                views.append_value(index as i32);
                keys.append_value(key);
                states.append_null();
            }
        }
        batch(vec![
            ("view", false, Arc::new(views.finish())),
            ("key", false, Arc::new(keys.finish())),
            ("state", true, Arc::new(states.finish())),
        ])
    }

    /// What is not per entity, as bytes.
    pub fn header(&self) -> Result<Vec<u8>> {
        self.usable()?;
        Ok(state::write_header(&self.plan, self.clock, &self.guards))
    }

    /// SHA-256 over header and all entities in order.
    pub fn state_hash(&mut self) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(self.header()?);
        let mut bytes = Vec::new();
        for (index, plan) in self.plan.views.iter().enumerate() {
            let horizon = self.horizon(index);
            for entity in self.views[index].sorted(plan, horizon) {
                bytes.clear();
                state::write_entity(plan, entity, &mut bytes);
                digest.update((index as u32).to_le_bytes());
                digest.update((entity.key().len() as u32).to_le_bytes());
                digest.update(entity.key());
                digest.update((bytes.len() as u64).to_le_bytes());
                digest.update(&bytes);
            }
        }
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn overflow(plan: &Plan, view: usize, feature: FeatureOverflow, key: Option<&[u8]>, time: i64) -> Error {
    let view = &plan.views[view];
    let feature = &view.features[feature.0];
    let key = describe(&view.key_types(&plan.streams[view.stream]), key.unwrap_or_default());
    Error::Overflow(format!(
        "{}.{}: the result is beyond the range of {} for key {key} at {time}; scale the argument down",
        view.name, feature.name, feature.ty
    ))
}
