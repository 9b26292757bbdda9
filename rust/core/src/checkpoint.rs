//! A kernel's state to bytes and back.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{BinaryBuilder, Int32Builder};
use sha2::{Digest, Sha256};

use crate::custom::Functions;
use crate::error::{Error, Result};
use crate::hash::hash;
use crate::kernel::Kernel;
use crate::key::describe;
use crate::plan::Plan;
use crate::state;
use crate::step::batch;
use crate::view::Entities;

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

    /// Entities changed since the last call: view, key, state; null when gone.
    pub fn take_changed(&mut self) -> Result<RecordBatch> {
        self.usable()?;
        let (mut views, mut keys, mut states) = (
            Int32Builder::new(),
            BinaryBuilder::new(),
            BinaryBuilder::new(),
        );
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
        for (index, plan) in self.plan.emitters.iter().enumerate() {
            for (key, state) in self.emitters[index].take_changed(plan) {
                views.append_value((self.plan.views.len() + index) as i32);
                keys.append_value(key);
                states.append_option(state);
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
            let mut take = |key: &[u8], state: &[u8]| {
                digest.update((index as u32).to_le_bytes());
                digest.update((key.len() as u32).to_le_bytes());
                digest.update(key);
                digest.update((state.len() as u64).to_le_bytes());
                digest.update(state);
            };
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
            for (key, state) in self.emitters[index].all(plan) {
                digest.update(((self.plan.views.len() + index) as u32).to_le_bytes());
                digest.update((key.len() as u32).to_le_bytes());
                digest.update(&key);
                digest.update((state.len() as u64).to_le_bytes());
                digest.update(&state);
            }
        }
        let mut hex = String::with_capacity(64);
        for byte in digest.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Ok(hex)
    }
}
