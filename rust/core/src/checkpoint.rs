//! A kernel's state to bytes and back.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{BinaryArray, Int32Array, RecordBatch};
use arrow_buffer::OffsetBuffer;
use sha2::{Digest, Sha256};

use crate::custom::Functions;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::hash::hash;
use crate::hashing::Hashing;
use crate::kernel::Kernel;
use crate::key::describe;
use crate::plan::{Plan, View};
use crate::state;
use crate::step::batch;
use crate::view::Entities;

/// Changed entities, in the memory that they are handed out in.
#[derive(Default)]
struct Changed {
    views: Vec<i32>,
    keys: Bytes,
    states: Bytes,
}

/// Many byte strings, one after the other, and where each ends; null ones are empty.
#[derive(Default)]
struct Bytes {
    all: Vec<u8>,
    ends: Vec<usize>,
    nulls: Vec<bool>,
}

/// Appends the bytes of a state.
type Write<'a> = &'a dyn Fn(&mut Vec<u8>);

impl Changed {
    /// Makes room at once: to grow step by step is to touch twice the memory, and new memory is what costs here.
    fn reserve(&mut self, view: &View, alive: &[&Entity], gone: &[Box<[u8]>]) {
        let rows = alive.len() + gone.len();
        self.views.reserve(rows);
        let alive_keys: usize = alive.iter().map(|entity| entity.key().len()).sum();
        let gone_keys: usize = gone.iter().map(|key| key.len()).sum();
        self.keys.reserve(rows, alive_keys + gone_keys);
        let states = alive.iter().map(|entity| state::bytes_max(view, entity));
        self.states.reserve(rows, states.sum());
    }

    fn push(&mut self, view: usize, key: &[u8], state: Option<Write<'_>>) {
        self.views.push(view as i32);
        self.keys
            .push(Some(&|out: &mut Vec<u8>| out.extend_from_slice(key)));
        self.states.push(state);
    }

    fn finish(self) -> Result<RecordBatch> {
        batch(vec![
            ("view", false, Arc::new(Int32Array::from(self.views))),
            ("key", false, Arc::new(self.keys.finish()?)),
            ("state", true, Arc::new(self.states.finish()?)),
        ])
    }
}

impl Bytes {
    fn reserve(&mut self, rows: usize, bytes: usize) {
        self.ends.reserve(rows);
        self.nulls.reserve(rows);
        self.all.reserve(bytes);
    }

    fn push(&mut self, write: Option<Write<'_>>) {
        if let Some(write) = write {
            write(&mut self.all);
        }
        self.ends.push(self.all.len());
        self.nulls.push(write.is_none());
    }

    fn finish(self) -> Result<BinaryArray> {
        let starts = std::iter::once(0).chain(self.ends);
        let ends: Vec<i32> = starts
            .map(|end| i32::try_from(end).map_err(|_| Error::State(TOO_MUCH.into())))
            .collect::<Result<_>>()?;
        let nulls = self.nulls.contains(&true);
        let valid = nulls.then(|| self.nulls.iter().map(|null| !null).collect());
        BinaryArray::try_new(OffsetBuffer::new(ends.into()), self.all.into(), valid)
            .map_err(|error| Error::State(error.to_string()))
    }
}

/// What one batch cannot hold.
const TOO_MUCH: &str =
    "more than 2 GiB of entities changed since the last checkpoint; take it more often";

impl Kernel {
    /// A kernel that continues from stored state: a header and entities (view, key, state).
    pub fn restore(
        plan_json: &str,
        functions: &Functions,
        header: &[u8],
        entities: &[(usize, &[u8], &[u8])],
    ) -> Result<Self> {
        let plan = Arc::new(Plan::compile(plan_json)?.bound(functions)?);
        let (clock, guards, mut emitters) = state::read_header(&plan, header)?;
        let mut views: Vec<Entities> = plan.views.iter().map(|_| Entities::default()).collect();
        for &(index, key, bytes) in entities {
            if let Some(index) = index.checked_sub(plan.views.len())
                && let Some(emitter) = emitters.get_mut(index)
            {
                emitter.put(&plan.emitters[index], key, bytes)?;
                continue;
            }
            let (Some(view), Some(into)) = (plan.views.get(index), views.get_mut(index)) else {
                return Err(Error::State(format!(
                    "entity of view {index}, the plan has {} views",
                    plan.views.len()
                )));
            };
            let entity = state::read_entity(view, key, bytes)?;
            let hash = hash(key);
            if into.find(key, hash).is_some() {
                let key = describe(&view.key_types(&plan.streams[view.stream]), key);
                return Err(Error::State(format!(
                    "view '{}': entity {key} is there twice",
                    view.name
                )));
            }
            into.put(entity, hash);
        }
        let mut kernel = Self::assemble(plan, guards, views, emitters, clock);
        for index in 0..kernel.views.len() {
            let horizon = kernel.horizon(index);
            kernel.views[index].track();
            kernel.views[index].sweep(&kernel.plan.views[index], horizon);
        }
        Ok(kernel)
    }

    /// About how many entities have changed since they were last taken; windows that are open are not among them.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.views.iter().map(Entities::changes).sum()
    }

    /// Entities changed since the last call: view, key, state; null when gone.
    pub fn take_changed(&mut self) -> Result<RecordBatch> {
        self.usable()?;
        let mut taken = Changed::default();
        for (index, plan) in self.plan.views.iter().enumerate() {
            let horizon = self.horizon(index);
            let (alive, gone) = self.views[index].take_changed(plan, horizon);
            taken.reserve(plan, &alive, &gone);
            let mut gone = gone.iter().peekable();
            for entity in alive {
                while let Some(key) = gone.next_if(|key| key.as_ref() < entity.key()) {
                    taken.push(index, key, None);
                }
                let state = |out: &mut Vec<u8>| state::write_entity(plan, entity, out);
                taken.push(index, entity.key(), Some(&state));
            }
            for key in gone {
                taken.push(index, key, None);
            }
        }
        let apart = self.windows_must_leave();
        for (index, plan) in self.plan.emitters.iter().enumerate() {
            for (key, state) in self.emitters[index].take_changed(plan, apart) {
                let index = self.plan.views.len() + index;
                match state {
                    None => taken.push(index, &key, None),
                    Some(state) => {
                        taken.push(index, &key, Some(&|out| out.extend_from_slice(&state)));
                    }
                }
            }
        }
        taken.finish()
    }

    /// What is not per entity, as bytes.
    pub fn header(&self) -> Result<Vec<u8>> {
        self.usable()?;
        Ok(state::write_header(
            &self.plan,
            self.clock,
            &self.guards,
            &self.emitters,
        ))
    }

    /// SHA-256 over header and all entities in order.
    pub fn state_hash(&mut self) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(self.header()?);
        let mut bytes = Vec::new();
        for (index, plan) in self.plan.views.iter().enumerate() {
            let horizon = self.horizon(index);
            self.views[index].sweep(plan, horizon);
            let mut hashing = Hashing {
                digest: &mut digest,
                number: index,
            };
            let mut take = |key: &[u8], state: &[u8]| hashing.row(key, state);
            let mut awake = self.views[index].sorted().into_iter().peekable();
            self.each_asleep(index, &mut |key, state| {
                while let Some(entity) = awake.next_if(|entity| entity.key() < key) {
                    bytes.clear();
                    state::write_entity(plan, entity, &mut bytes);
                    take(entity.key(), &bytes);
                }
                take(key, state);
            })?;
            for entity in awake {
                bytes.clear();
                state::write_entity(plan, entity, &mut bytes);
                take(entity.key(), &bytes);
            }
        }
        for (index, plan) in self.plan.emitters.iter().enumerate() {
            let depot = self.depot(index);
            let mut hashing = Hashing {
                digest: &mut digest,
                number: self.plan.views.len() + index,
            };
            self.emitters[index].hash(plan, depot.as_ref(), &mut hashing)?;
        }
        let mut hex = String::with_capacity(64);
        for byte in digest.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Ok(hex)
    }
}
