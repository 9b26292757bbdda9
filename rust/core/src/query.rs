//! Reads of a kernel that change nothing: by requests and by people.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};

use crate::buffer::{FIXED_WORDS, partition_offset};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::grid::Grid;
use crate::kernel::Kernel;
use crate::key::Keys;
use crate::list::List;
use crate::overflow::Overflows;
use crate::row::Row;
use crate::stage::{Batch, Staged};
use crate::step::{Reads, batch};
use crate::types::Type;

impl Kernel {
    /// Reads the inputs of a vector for request rows, each at its own event time; and tells what of it is null
    /// because it was beyond the range of its type, as in [`crate::step::Step::overflow`].
    pub fn vector(&mut self, index: usize, request: &Batch) -> Result<(RecordBatch, RecordBatch)> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let Some(vector) = plan.vectors.get(index) else {
            return Err(Error::Batch(format!("there is no vector {index}")));
        };
        let request = Batch {
            stream: vector.stream,
            ..request.clone()
        };
        let staged = Staged::requests(&plan, &request, true)?;
        let reads = Reads {
            times: (0..staged.rows).map(|row| staged.time(row)).collect(),
            at: (0..staged.rows as u32).map(|row| (0, row)).collect(),
        };
        let mut grid = Grid::new(vector.parts(), staged.rows).with_lists(vector.wide());
        let mut values = Row::new(vector.slots.len());
        let mut overflows = Overflows::default();
        for (nth, lookup) in vector.lookups.iter().enumerate() {
            let keys = staged.keys(&lookup.key);
            self.wake_keys(lookup.view, &keys, staged.rows)?;
            for row in 0..staged.rows {
                let time = staged.time(row);
                self.fresh(lookup.view, time)?;
                let key = keys.get(row);
                let entity =
                    key.and_then(|(key, hash)| self.views[lookup.view].find_mut(key, hash));
                self.scratch[0].readings[index][nth].read(
                    &plan.views[lookup.view],
                    entity,
                    time,
                    &mut values,
                );
                if !values.overflown().is_empty() {
                    overflows.read(index, row, lookup.view, &mut values);
                }
                grid.set(row, nth, &mut values);
            }
        }
        Ok((
            reads.finish(&plan, index, &mut grid, &[Some(&staged)], None)?,
            overflows.finish(&plan)?,
        ))
    }

    /// Reads every feature of a view for some keys at one time; beyond the range of its type a value is null,
    /// which [`Kernel::overflows`] tells.
    pub fn values(&mut self, view: usize, keys: &Batch, t_us: i64) -> Result<RecordBatch> {
        let plan = Arc::clone(&self.plan);
        let encoded = self.ready(view, keys, t_us)?;
        let target = &plan.views[view];
        let (reading, bounds) = &mut self.all[view];
        let features = &target.features;
        let bounds_of = bounds.iter().map(|&(feature, _)| &features[feature]);
        let bounds: Vec<String> = bounds_of
            .map(|feature| format!("{}.bound", feature.name))
            .collect();
        let mut types: Vec<Type> = features.iter().map(|feature| feature.ty).collect();
        types.resize(features.len() + bounds.len(), Type::Float);
        let wide = |at: &usize| features[*at].is_list() || features[*at].is_text();
        let slots: Vec<usize> = (0..types.len()).collect();
        let mut grid =
            Grid::new(vec![slots], keys.rows).with_lists((0..features.len()).filter(wide));
        let mut values = Row::new(types.len());
        for row in 0..keys.rows {
            let key = encoded.get(row);
            let entity = key.and_then(|(key, hash)| self.views[view].find_mut(key, hash));
            reading.read(target, entity, t_us, &mut values);
            if !values.overflown().is_empty() {
                values.take_overflown();
            }
            grid.set(row, 0, &mut values);
        }
        let mut made: Vec<(String, ArrayRef)> = Vec::new();
        let lists: Vec<_> = (0..features.len())
            .map(|at| features[at].is_list().then(|| grid.take_lists(at)))
            .collect();
        let mut columns = grid.take_columns(&types);
        let now = [Column::whole(keys.rows, |_| Some(t_us))];
        for (at, feature) in features.iter().enumerate() {
            if let Some(expr) = &feature.derived {
                let inputs = Inputs {
                    rows: keys.rows,
                    fields: &now,
                    features: &columns,
                };
                columns[at] = inputs.eval(expr);
            }
            if feature.is_hidden() {
                continue;
            }
            match &lists[at] {
                None => made.push((feature.name.clone(), columns[at].to_array(feature.ty))),
                Some(lists) => made.push((feature.name.clone(), List::array(lists, feature.ty))),
            }
        }
        for (name, column) in bounds.into_iter().zip(&columns[features.len()..]) {
            made.push((name, column.to_array(Type::Float)));
        }
        let named = made.iter();
        batch(
            named
                .map(|(name, array)| (name.as_str(), true, Arc::clone(array)))
                .collect(),
        )
    }

    /// The keys of a read of a view, whose entities are then awake.
    fn ready(&mut self, view: usize, keys: &Batch, t_us: i64) -> Result<Keys> {
        self.usable()?;
        let encoded = self.keys(view, keys)?;
        self.fresh(view, t_us)?;
        self.wake_keys(view, &encoded, keys.rows)?;
        Ok(encoded)
    }

    /// What [`Kernel::values`] has null because it cannot be computed: row of the key, and `View.feature`.
    pub fn overflows(
        &mut self,
        view: usize,
        keys: &Batch,
        t_us: i64,
    ) -> Result<Vec<(usize, String)>> {
        let plan = Arc::clone(&self.plan);
        let encoded = self.ready(view, keys, t_us)?;
        let target = &plan.views[view];
        let (reading, bounds) = &mut self.all[view];
        let mut values = Row::new(target.features.len() + bounds.len());
        let mut found = Overflows::default();
        for row in 0..keys.rows {
            let key = encoded.get(row);
            let entity = key.and_then(|(key, hash)| self.views[view].find_mut(key, hash));
            reading.read(target, entity, t_us, &mut values);
            found.read(0, row, view, &mut values);
        }
        let found = found.listed(&plan).into_iter();
        Ok(found.map(|told| (told.row, told.feature)).collect())
    }

    /// The events kept for one key with event time up to `t_us`.
    pub fn events(&mut self, view: usize, key: &Batch, t_us: i64) -> Result<RecordBatch> {
        self.usable()?;
        let encoded = self.one_key(view, key)?;
        self.wake_keys(view, &encoded, 1)?;
        self.settle(view, &encoded);
        let plan = &self.plan.views[view];
        let entity = encoded
            .get(0)
            .and_then(|(key, hash)| self.views[view].find(key, hash));
        let width = plan.width();
        let rows = entity.map_or(0, |entity| entity.events().up_to(t_us, width));
        let row = |at: usize| entity.map_or(&[][..], |entity| entity.events().row(at, width));
        let holds = |at: usize, bit: usize| row(at)[FIXED_WORDS + bit / 64] >> (bit % 64) & 1 == 1;
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for (index, arg) in plan.args.iter().enumerate() {
            let known = plan.conditions.iter().position(|condition| {
                condition.filter.is_none() && condition.arg.as_ref() == Some(arg)
            });
            let valid: Vec<bool> = (0..rows)
                .map(|at| known.is_none_or(|bit| holds(at, bit)))
                .collect();
            let words: Vec<u64> = (0..rows).map(|at| row(at)[plan.arg_word(index)]).collect();
            let column = if arg.ty == Type::String {
                let text = |word| entity.map_or(Vec::new(), |entity| entity.text(word));
                let texts: Vec<Vec<u8>> = words.into_iter().map(text).collect();
                Column::texts(rows, |at| valid[at].then_some(&texts[at]))
            } else {
                Column::from_words(arg.ty, words, &valid)
            };
            columns.push((arg.to_string(), column.to_array(arg.ty)));
        }
        for (bit, condition) in plan.conditions.iter().enumerate() {
            let Some(filter) = &condition.filter else {
                continue;
            };
            let name = match &condition.arg {
                None => format!("where {filter}"),
                Some(arg) => format!("where {filter} and {arg} is not null"),
            };
            let column = Column::bools(rows, |at| Some(holds(at, bit)));
            columns.push((name, column.to_array(Type::Bool)));
        }
        let times: TimestampMicrosecondArray =
            (0..rows).map(|at| Some(row(at)[0] as i64)).collect();
        let places: Vec<(u16, u64)> = (0..rows).map(|at| partition_offset(row(at)[1])).collect();
        columns.push(("time".into(), Arc::new(times.with_timezone("UTC"))));
        columns.push((
            "partition".into(),
            Arc::new(
                places
                    .iter()
                    .map(|(partition, _)| i32::from(*partition))
                    .collect::<Int32Array>(),
            ),
        ));
        columns.push((
            "offset".into(),
            Arc::new(
                places
                    .iter()
                    .map(|(_, offset)| *offset as i64)
                    .collect::<Int64Array>(),
            ),
        ));
        batch(
            columns
                .iter()
                .map(|(name, array)| (name.as_str(), true, Arc::clone(array)))
                .collect(),
        )
    }

    /// Event time, partition and offset of the newest event applied to a key.
    pub fn provenance(&mut self, view: usize, key: &Batch) -> Result<Option<(i64, u16, u64)>> {
        self.usable()?;
        let encoded = self.one_key(view, key)?;
        self.wake_keys(view, &encoded, 1)?;
        self.settle(view, &encoded);
        let entity = encoded
            .get(0)
            .and_then(|(key, hash)| self.views[view].find(key, hash));
        Ok(entity
            .filter(|entity| !entity.is_dead(&self.plan.views[view]))
            .map(|entity| {
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
            return Err(Error::Batch(format!(
                "one key is asked for, got {} rows",
                key.rows
            )));
        }
        self.keys(view, key)
    }

    fn keys(&self, view: usize, keys: &Batch) -> Result<Keys> {
        let Some(plan) = self.plan.views.get(view) else {
            return Err(Error::Batch(format!("there is no view {view}")));
        };
        let stream = &self.plan.streams[plan.stream];
        if keys.columns.len() != plan.by.len() {
            let names: Vec<&str> = plan
                .by
                .iter()
                .map(|&field| stream.fields[field].name.as_str())
                .collect();
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
            let column = Column::from_array(&keys.columns[at], field.ty).map_err(|error| {
                Error::Batch(format!(
                    "view '{}', key '{}': {error}",
                    plan.name, field.name
                ))
            })?;
            columns.push((field.ty, column));
        }
        let parts: Vec<_> = columns.iter().map(|(ty, column)| (*ty, column)).collect();
        Ok(Keys::encode(&parts, keys.rows))
    }

    pub(crate) fn fresh(&self, view: usize, t_us: i64) -> Result<()> {
        match self.horizon(view) {
            Some(earliest) if t_us < earliest => Err(Error::Stale(format!(
                "view '{}' cannot be read at {t_us}: events are kept for reads from {earliest} on",
                self.plan.views[view].name
            ))),
            _ => Ok(()),
        }
    }
}
