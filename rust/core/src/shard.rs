//! Some of the entities of one view, found by key: the part of the state that one thread works on.

use crate::entity::Entity;
use crate::places::Places;
use crate::plan::View;
use crate::prefetch::{prefetch, prefetch_at};

/// Entities in slots, and a table from the hash of a key to its slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shard {
    places: Places,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots changed since the last take; may name one that was freed since.
    changed: Vec<u32>,
    /// Keys removed since the last take.
    gone: Vec<Box<[u8]>>,
    /// False until the first take: everything counts as changed, nothing as gone.
    tracking: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    changed: bool,
    entity: Option<Entity>,
}

impl Shard {
    /// Bytes of a shard with its first places.
    pub(crate) const BYTES_MIN: usize = 4 * size_of::<Slot>() + Places::BYTES_MIN;

    /// Bytes of an entity's places: both vectors double.
    pub(crate) const BYTES_EACH: usize = 2 * size_of::<Slot>() + Places::BYTES_EACH;

    /// Number of entities, some of which may have expired unnoticed.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The slot that is most likely a key's: only its hash was compared, and part of it.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<u32> {
        self.places.find(hash, |_| true)
    }

    /// True when a slot is that of a key.
    #[inline]
    pub(crate) fn holds(&self, slot: u32, key: &[u8], hash: u64) -> bool {
        let slot = &self.slots[slot as usize];
        slot.hash == hash
            && slot
                .entity
                .as_ref()
                .is_some_and(|entity| entity.key() == key)
    }

    /// The slot of a key.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], hash: u64) -> Option<u32> {
        self.places.find(hash, |slot| self.holds(slot, key, hash))
    }

    /// Asks for the memory of a search.
    #[inline]
    pub(crate) fn expect_place(&self, hash: u64) {
        self.places.expect(hash);
    }

    /// Asks for the memory of a slot.
    #[inline]
    pub(crate) fn expect(&self, slot: u32) {
        prefetch_at(&self.slots, slot as usize);
        // An entity is longer than a line of the cache.
        if let Some(held) = self.slots.get(slot as usize) {
            prefetch(&held.changed);
        }
    }

    /// The slot of a key, made when new.
    #[inline]
    pub(crate) fn find_or_put(&mut self, view: &View, key: &[u8], hash: u64) -> u32 {
        self.find(key, hash)
            .unwrap_or_else(|| self.put(Entity::new(view, key), hash))
    }

    /// The entity of a slot.
    #[inline]
    pub(crate) fn entity(&self, slot: u32) -> Option<&Entity> {
        self.slots[slot as usize].entity.as_ref()
    }

    /// The entity of a slot, to be read: reads may move what is derived.
    #[inline]
    pub(crate) fn entity_mut(&mut self, slot: u32) -> Option<&mut Entity> {
        self.slots[slot as usize].entity.as_mut()
    }

    /// The entity of a slot, to be changed.
    #[inline]
    pub(crate) fn changing(&mut self, slot: u32) -> Option<&mut Entity> {
        let held = &mut self.slots[slot as usize];
        if self.tracking && !held.changed {
            held.changed = true;
            self.changed.push(slot);
        }
        held.entity.as_mut()
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
        self.places.insert(hash, at);
        at
    }

    /// Number of places for entities, in use or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Settles all entities and removes the dead ones.
    pub(crate) fn sweep(&mut self, view: &View, horizon: Option<i64>) {
        for at in 0..self.slots.len() {
            if self.settle(at, view, horizon)
                && let Some(entity) = &mut self.slots[at].entity
            {
                entity.shrink();
            }
        }
    }

    /// Settles the entity of a slot; false when there is none, or none any more.
    pub(crate) fn settle(&mut self, at: usize, view: &View, horizon: Option<i64>) -> bool {
        let slot = &mut self.slots[at];
        let Some(entity) = &mut slot.entity else {
            return false;
        };
        if let Some(horizon) = horizon {
            entity.settle(view, horizon);
        }
        if !entity.is_dead(view) {
            return true;
        }
        if let Some(dead) = self.remove(at) {
            self.forget(dead.key());
        }
        false
    }

    /// Takes the entity out of a slot.
    pub(crate) fn remove(&mut self, at: usize) -> Option<Entity> {
        let slot = &mut self.slots[at];
        let hash = slot.hash;
        let entity = slot.entity.take()?;
        slot.changed = false;
        self.places.remove(hash, at as u32);
        self.free.push(at as u32);
        Some(entity)
    }

    /// Notes that an entity is gone.
    pub(crate) fn forget(&mut self, key: &[u8]) {
        if self.tracking {
            self.gone.push(key.into());
        }
    }

    /// Slot, hash and entity of what has not changed since the last take.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (u32, u64, &Entity)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(at, slot)| {
            let entity = slot.entity.as_ref()?;
            (self.tracking && !slot.changed).then_some((at as u32, slot.hash, entity))
        })
    }

    /// About how many entities have changed since the last take.
    pub(crate) fn changes(&self) -> usize {
        if self.tracking {
            self.changed.len() + self.gone.len()
        } else {
            self.len()
        }
    }

    /// The slots changed since the last take, settled, and the keys gone.
    pub(crate) fn take_changed(
        &mut self,
        view: &View,
        horizon: Option<i64>,
    ) -> (Vec<u32>, Vec<Box<[u8]>>) {
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
        (alive, gone)
    }

    /// All live entities.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Entity> {
        self.slots.iter().filter_map(|slot| slot.entity.as_ref())
    }

    /// From now on only what changes is taken: all of this is stored.
    pub(crate) fn track(&mut self) {
        self.tracking = true;
    }

    /// Bytes used, with the heap.
    pub(crate) fn bytes(&self) -> usize {
        let entities: usize = self.all().map(Entity::bytes).sum();
        entities + self.slots.capacity() * size_of::<Slot>()
            - self.all().count() * size_of::<Entity>()
            + self.places.bytes()
    }
}
