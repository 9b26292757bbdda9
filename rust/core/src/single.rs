//! A step of one event, without Arrow and with next to no memory taken: what a service that answers one by one needs.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Fields;

use crate::buffer::{OFFSET_MAX, place};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval;
use crate::expr::{Expr, Node};
use crate::grid::Grid;
use crate::guard::Verdict;
use crate::judging::Stale;
use crate::kernel::Kernel;
use crate::list::List;
use crate::one::One;
use crate::overflow::{Overflow, Overflows};
use crate::pass::Accepted;
use crate::plan::{Plan, Vector};
use crate::stage::{Batch, Staged};
use crate::step::StaleRead;
use crate::stream_plan::Stream;
use crate::types::Type;

/// What became of one event. It is the step of a batch of one row.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// The first invalid field, by its index.
    pub field: Option<usize>,
    /// The stream's watermark, when it was not applied.
    pub watermark: Option<i64>,
    /// Per vector of the plan the inputs it read; empty when it triggers none or was not applied.
    pub vectors: Vec<Inputs>,
    /// Reads served null because they were too old.
    pub stale: Vec<StaleRead>,
    /// Values served null because they were beyond the range of their type.
    pub overflow: Vec<Overflow>,
    /// Per emitter of the plan: windows closed.
    pub emitted: Vec<RecordBatch>,
}

/// The inputs of a vector.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Each, in order; null where there is a list.
    pub numbers: Vec<Option<f64>>,
    /// The lists, by their place among the inputs.
    pub lists: Vec<(usize, Vec<One>)>,
}

impl Inputs {
    fn clear(&mut self) {
        self.numbers.clear();
        self.lists.clear();
    }
}

/// What steps of one event work with, kept from one to the next.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    batch: Batch,
    /// By stream.
    staged: Vec<Staged>,
    /// By vector.
    grids: Vec<Grid>,
    /// By vector and input.
    places: Vec<Vec<Place>>,
    /// By view, of one row.
    horizons: Vec<Vec<Option<i64>>>,
    counts: Vec<u32>,
    stale: Stale,
    outcome: Outcome,
}

/// Where the value of an input is found.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a slot of the grid, beside its mark.
    Word(usize, usize, Type),
    /// Among the lists.
    List(usize, Type),
    /// Nowhere: it is computed.
    Computed,
}

impl Place {
    fn of(vector: &Vector, grid: &Grid, input: &Expr) -> Self {
        match input.node {
            Node::Feature(slot, _) if vector.lists.contains(&slot) => Self::List(slot, input.ty),
            Node::Feature(slot, _) => {
                let parts = vector.parts();
                let part = parts.iter().position(|slots| slots.contains(&slot));
                part.map_or(Self::Computed, |part| {
                    Self::Word(grid.mark(part, slot), slot, vector.slots[slot])
                })
            }
            _ => Self::Computed,
        }
    }
}

impl Single {
    fn new(plan: &Plan) -> Self {
        let grid = |vector: &Vector| Grid::new(vector.parts(), 1).with_lists(vector.wide());
        let grids: Vec<Grid> = plan.vectors.iter().map(grid).collect();
        let places = |(vector, grid): (&Vector, &Grid)| {
            let inputs = vector.inputs.iter();
            let place = inputs.map(|(_, input)| Place::of(vector, grid, input));
            place.collect()
        };
        Self {
            batch: Batch {
                stream: 0,
                partition: 0,
                base_offset: 0,
                fields: Fields::empty(),
                columns: Vec::new(),
                rows: 1,
            },
            staged: plan.streams.iter().map(Staged::room).collect(),
            places: plan.vectors.iter().zip(&grids).map(places).collect(),
            grids,
            horizons: vec![vec![None]; plan.views.len()],
            counts: vec![0; plan.streams.len()],
            stale: Stale::default(),
            outcome: Outcome {
                verdict: Verdict::Applied,
                field: None,
                watermark: None,
                vectors: vec![Inputs::default(); plan.vectors.len()],
                stale: Vec::new(),
                overflow: Vec::new(),
                emitted: Vec::new(),
            },
        }
    }
}

impl Kernel {
    /// Processes one event: what [`Kernel::apply`] does with a batch of one row.
    ///
    /// ```
    /// use forerun_core::Kernel;
    /// use forerun_core::guard::Verdict;
    /// use forerun_core::one::One;
    /// use forerun_core::plan::EXAMPLE;
    ///
    /// let mut kernel = Kernel::new(EXAMPLE).unwrap();
    /// let event = [One::text(b"a"), One::Whole(100), One::Float(1.0)]; // k, at, x
    /// let outcome = kernel.event(0, 0, 0, 100, event).unwrap();
    /// assert_eq!((outcome.verdict, outcome.vectors.len()), (Verdict::Applied, 1));
    /// ```
    pub fn event(
        &mut self,
        stream: usize,
        partition: u16,
        offset: u64,
        arrival_us: i64,
        values: impl IntoIterator<Item = One>,
    ) -> Result<&Outcome> {
        self.usable()?;
        let plan = Arc::clone(&self.plan);
        let mut single = match self.single.take() {
            Some(single) => single,
            None => Box::new(Single::new(&plan)),
        };
        (single.batch.stream, single.batch.partition) = (stream, partition);
        single.batch.base_offset = offset;
        let done = self.take_event(&plan, &mut single, arrival_us, values);
        let single = self.single.insert(single);
        done.map(|()| &single.outcome)
    }

    fn take_event(
        &mut self,
        plan: &Plan,
        single: &mut Single,
        arrival_us: i64,
        values: impl IntoIterator<Item = One>,
    ) -> Result<()> {
        let (stream, partition) = (single.batch.stream, single.batch.partition);
        let offset = single.batch.base_offset;
        let Some(staged) = single.staged.get_mut(stream) else {
            return Err(Error::Batch(format!("there is no stream {stream}")));
        };
        staged.fields.clear();
        let columns = values.into_iter().map(|value| Column::same(value, 1));
        staged.fields.extend(columns);
        check(&plan.streams[stream], &staged.fields, offset)?;
        let seen = self.guards[stream].partitions();
        if let Ok(at) = seen.binary_search_by_key(&partition, |seen| seen.id) {
            let last = (seen[at].next_offset, seen[at].arrival);
            self.in_place(&single.batch, last, arrival_us)?;
        }
        staged.event(plan, stream, arrival_us);
        let batch = std::slice::from_ref(&single.batch);
        self.wake_staged(plan, batch, std::slice::from_ref(staged))?;
        let place = (stream, partition, offset);
        self.wholly(|kernel| kernel.step_event(plan, single, place))
    }

    fn step_event(
        &mut self,
        plan: &Plan,
        single: &mut Single,
        (stream, partition, offset): (usize, u16, u64),
    ) -> Result<()> {
        let Single {
            batch,
            staged,
            grids,
            places,
            horizons,
            counts,
            stale,
            outcome,
        } = single;
        let staged = std::slice::from_ref(&staged[stream]);
        for (view, horizon) in horizons.iter_mut().enumerate() {
            horizon[0] = self.horizon(view);
        }
        self.clock = self.clock.max(staged[0].arrivals[0]);
        let at = self.guards[stream].partition(partition);
        let (verdict, field) = self.judge(plan, stream, &staged[0], at, 0, offset);
        let applied = verdict == Verdict::Applied;
        (outcome.verdict, outcome.field) = (verdict, field);
        outcome.watermark = (!applied)
            .then(|| self.guards[stream].watermark())
            .flatten();
        outcome.vectors.iter_mut().for_each(Inputs::clear);
        outcome.stale.clear();
        let mut overflows = Overflows::default();
        if applied {
            let time = staged[0].time(0);
            let accepted = Accepted {
                batch: 0,
                row: 0,
                nth: 0,
                stream: stream as u16,
                time,
                place: place(partition, offset),
            };
            stale.found.clear();
            stale.look(self, stream, 0, time);
            stale.found.sort_unstable();
            outcome.stale.append(&mut stale.reads.0);
            overflows = self.update(plan, staged, &[accepted], horizons, &stale.found, grids);
            counts[stream] = 1;
            self.sweep(plan, counts);
            counts[stream] = 0;
            for &vector in &plan.streams[stream].vectors {
                let inputs = &mut outcome.vectors[vector];
                let (own, grid) = (&plan.vectors[vector], &grids[vector]);
                read_inputs(own, &places[vector], &staged[0], grid, inputs);
            }
        }
        if !plan.emitters.is_empty() {
            let verdicts = [vec![verdict as u8]];
            let batches = std::slice::from_ref(&*batch);
            outcome.emitted = self.emit(plan, batches, staged, &verdicts, &mut overflows)?;
        }
        outcome.overflow = overflows.listed(plan);
        Ok(())
    }
}

/// An event fits its stream's declaration.
fn check(plan: &Stream, fields: &[Column], offset: u64) -> Result<()> {
    let refuse = |what: String| Err(Error::Batch(format!("stream '{}': {what}", plan.name)));
    if fields.len() != plan.fields.len() {
        return refuse(format!(
            "{} values, expected its {} fields",
            fields.len(),
            plan.fields.len()
        ));
    }
    for (field, column) in plan.fields.iter().zip(fields) {
        if !column.holds(field.ty) {
            return refuse(format!("field '{}' is no {}", field.name, field.ty));
        }
    }
    if offset >= OFFSET_MAX {
        return refuse(format!(
            "offset {offset} is beyond the largest, {OFFSET_MAX}"
        ));
    }
    Ok(())
}

/// The inputs of a vector, in the order of its batch's columns.
fn read_inputs(
    vector: &Vector,
    places: &[Place],
    staged: &Staged,
    grid: &Grid,
    Inputs { numbers, lists }: &mut Inputs,
) {
    // Most inputs are plain features; columns of them are made when there is another.
    let mut features: Option<Vec<Column>> = None;
    let value = |(at, &place): (usize, &Place)| match place {
        Place::Word(mark, slot, ty) => {
            let word = grid.only(mark, slot);
            match ty {
                Type::Float => word.map(f64::from_bits),
                ty => One::of_word(ty, word).to_float(),
            }
        }
        Place::List(slot, ty) => {
            let list = grid.lists(slot).first().and_then(Option::as_ref);
            lists.extend(list.map(|list| (at, list.values(ty))));
            None
        }
        Place::Computed => {
            let features = features.get_or_insert_with(|| {
                let slots = vector.slots.iter().enumerate();
                let columns = slots.map(|(slot, &ty)| match ty {
                    Type::String => List::texts(grid.lists(slot)),
                    _ => Column::same(One::of_word(ty, grid.get(0, slot)), 1),
                });
                columns.collect()
            });
            let inputs = eval::Inputs {
                rows: 1,
                fields: &staged.fields,
                features,
            };
            inputs.look(&vector.inputs[at].1).to_float(0)
        }
    };
    numbers.extend(places.iter().enumerate().map(value));
}
