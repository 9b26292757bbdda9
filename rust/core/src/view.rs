//! The entities of one view.

use hashbrown::HashTable;

use crate::entity::Entity;
use crate::plan::View;

/// All entities of one view, found by key.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::view::Entities;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entities = Entities::default();
/// entities.entry(view, b"a", 1).insert(view, 50, 0, &[0, 0]);
/// assert_eq!(entities.find(b"a", 1).unwrap().newest(), (50, 0));
/// assert!(entities.find(b"b", 2).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Entities {
    table: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots changed since the last take; may name one that was freed since.
    changed: Vec<u32>,
    /// Keys removed since the last take.
    gone: Vec<Box<[u8]>>,
    /// False until the first take: everything counts as changed, nothing as gone.
    tracking: bool,
    /// Events applied since all entities were last settled.
    applied: usize,
    /// Slot of the entity changed last.
    last: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    changed: bool,
    entity: Option<Entity>,
}

/// Fewest events between two visits of all entities.
const SWEEP_MIN: usize = 1024;

impl Entities {
    /// Number of entities, some of which may have expired unnoticed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True without entities.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The entity of a key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[u8], hash: u64) -> Option<&Entity> {
        let slot = self.slot(key, hash)?;
        self.slots[slot as usize].entity.as_ref()
    }

    /// The entity of a key, to be read: reads may move its cursors.
    #[inline]
    #[must_use]
    pub fn find_mut(&mut self, key: &[u8], hash: u64) -> Option<&mut Entity> {
        let slot = self.slot(key, hash)?;
        self.slots[slot as usize].entity.as_mut()
    }

    #[inline]
    fn slot(&self, key: &[u8], hash: u64) -> Option<u32> {
        let same = |&slot: &u32| {
            let slot = &self.slots[slot as usize];
            slot.hash == hash
                && slot
                    .entity
                    .as_ref()
                    .is_some_and(|entity| entity.key() == key)
        };
        // An event is mostly read right after it is applied: the same entity twice.
        if (self.last as usize) < self.slots.len() && same(&self.last) {
            return Some(self.last);
        }
        self.table.find(hash, same).copied()
    }

    /// The entity of a key, made when new, to be changed.
    #[inline]
    pub fn entry(&mut self, view: &View, key: &[u8], hash: u64) -> &mut Entity {
        let at = match self.slot(key, hash) {
            Some(at) => at,
            None => self.put(Entity::new(view, key), hash),
        };
        self.applied += 1;
        self.last = at;
        let slot = &mut self.slots[at as usize];
        if self.tracking && !slot.changed {
            slot.changed = true;
            self.changed.push(at);
        }
        slot.entity.get_or_insert_with(|| Entity::new(view, key))
    }

    /// Adds an entity that is not there yet.
    pub(crate) fn put(&mut self, entity: Entity, hash: u64) -> u32 {
        let slot = Slot {
            hash,
            changed: false,
            entity: Some(entity),
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.table
            .insert_unique(hash, at, |&slot| self.slots[slot as usize].hash);
        at
    }

    /// True when enough was applied for a sweep to cost O(1) per event.
    #[inline]
    #[must_use]
    pub fn sweep_is_due(&self) -> bool {
        self.applied >= SWEEP_MIN.max(self.slots.len())
    }

    /// Settles all entities and removes the dead ones.
    pub fn sweep(&mut self, view: &View, horizon: Option<i64>) {
        self.applied = 0;
        for at in 0..self.slots.len() {
            if self.settle(at, view, horizon)
                && let Some(entity) = &mut self.slots[at].entity
            {
                entity.shrink(view);
            }
        }
    }

    /// Settles the entity of a key, when there is one.
    pub(crate) fn settle_key(&mut self, view: &View, key: &[u8], hash: u64, horizon: Option<i64>) {
        if let Some(at) = self.slot(key, hash) {
            self.settle(at as usize, view, horizon);
        }
    }

    /// Settles the entity of a slot; false when there is none, or none any more.
    fn settle(&mut self, at: usize, view: &View, horizon: Option<i64>) -> bool {
        let slot = &mut self.slots[at];
        let Some(entity) = &mut slot.entity else {
            return false;
        };
        entity.settle(view, horizon);
        if !entity.is_dead() {
            return true;
        }
        let hash = slot.hash;
        slot.changed = false;
        if let Some(dead) = slot.entity.take() {
            if let Ok(entry) = self.table.find_entry(hash, |&slot| slot as usize == at) {
                entry.remove();
            }
            self.free.push(at as u32);
            if self.tracking {
                self.gone.push(dead.key().into());
            }
        }
        false
    }

    /// The entities changed since the last take, settled, by key; and the keys gone.
    pub fn take_changed(
        &mut self,
        view: &View,
        horizon: Option<i64>,
    ) -> (Vec<&Entity>, Vec<Box<[u8]>>) {
        let slots = if self.tracking {
            std::mem::take(&mut self.changed)
        } else {
            self.tracking = true;
            (0..self.slots.len() as u32).collect()
        };
        let mut alive = Vec::with_capacity(slots.len());
        for at in slots {
            self.slots[at as usize].changed = false;
            if self.settle(at as usize, view, horizon) {
                alive.push(at);
            }
        }
        // A slot freed and used again is listed twice.
        alive.sort_unstable();
        alive.dedup();
        let mut gone = std::mem::take(&mut self.gone);
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|key| self.find(key, crate::hash::hash(key)).is_none());
        let mut entities: Vec<&Entity> = alive
            .iter()
            .filter_map(|&at| self.slots[at as usize].entity.as_ref())
            .collect();
        entities.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        (entities, gone)
    }

    /// All live entities, settled, by key.
    pub fn sorted(&mut self, view: &View, horizon: Option<i64>) -> Vec<&Entity> {
        self.sweep(view, horizon);
        let mut entities: Vec<&Entity> = self
            .slots
            .iter()
            .filter_map(|slot| slot.entity.as_ref())
            .collect();
        entities.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        entities
    }

    /// From now on only what changes is taken: all of this is stored.
    pub(crate) fn track(&mut self) {
        self.tracking = true;
    }

    /// Bytes used, with the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entities: usize = self
            .slots
            .iter()
            .filter_map(|slot| slot.entity.as_ref())
            .map(Entity::bytes)
            .sum();
        entities
            + self.slots.len() * (size_of::<Slot>() - size_of::<Entity>())
            + self.table.capacity() * 5
    }
}
