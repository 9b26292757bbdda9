//! The entities of one view.

use crate::entity::Entity;
use crate::plan::View;
use crate::shard::Shard;

/// All entities of one view, in shards by the hash of their key.
///
/// Which shard an entity is in is of no consequence for any value: shards are there to be worked on at the
/// same time.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::view::Entities;
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entities = Entities::default();
/// entities.entry(view, b"a", 1).unwrap().insert(view, 50, 0, &[0, 0]);
/// assert_eq!(entities.find(b"a", 1).unwrap().newest(), (50, 0));
/// assert!(entities.find(b"b", 2).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Entities {
    pub(crate) shards: Vec<Shard>,
    /// Events since all entities were last settled.
    applied: usize,
    /// As many must have come before they are settled again, at the least.
    due: usize,
}

/// Number of shards; a power of two.
pub(crate) const SHARDS: usize = 16;

/// Fewest events between two visits of all entities.
const SWEEP_MIN: usize = 1024;

/// The shard of a key: bits of its hash that the table inside does not look at first.
#[inline]
pub(crate) fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

impl Default for Entities {
    fn default() -> Self {
        Self {
            shards: vec![Shard::default(); SHARDS],
            applied: 0,
            due: SWEEP_MIN,
        }
    }
}

impl Entities {
    /// Number of entities, some of which may have expired unnoticed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// True without entities.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entity of a key.
    #[must_use]
    pub fn find(&self, key: &[u8], hash: u64) -> Option<&Entity> {
        let shard = &self.shards[shard_of(hash)];
        shard.entity(shard.find(key, hash)?)
    }

    /// The entity of a key, to be read: reads may move what is derived.
    #[must_use]
    pub fn find_mut(&mut self, key: &[u8], hash: u64) -> Option<&mut Entity> {
        let shard = &mut self.shards[shard_of(hash)];
        shard.entity_mut(shard.find(key, hash)?)
    }

    /// The entity of a key, made when new, to be changed.
    pub fn entry(&mut self, view: &View, key: &[u8], hash: u64) -> Option<&mut Entity> {
        let shard = &mut self.shards[shard_of(hash)];
        let slot = shard.find_or_put(view, key, hash);
        shard.changing(slot)
    }

    /// Entities that are stored as they are: shard, slot, hash of the key.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (usize, u32, u64, &Entity)> {
        self.shards.iter().enumerate().flat_map(|(number, shard)| {
            let stored = shard.stored();
            stored.map(move |(slot, hash, entity)| (number, slot, hash, entity))
        })
    }

    /// Takes an entity out of memory that is stored.
    pub(crate) fn evict(&mut self, shard: usize, slot: u32) -> Option<Entity> {
        self.shards[shard].remove(slot as usize)
    }

    /// Notes that a stored entity is gone.
    pub(crate) fn forget(&mut self, key: &[u8], hash: u64) {
        self.shards[shard_of(hash)].forget(key);
    }

    /// Bytes of an entity with its place.
    #[allow(clippy::unused_self, reason = "places are the view's")]
    pub(crate) fn bytes_of(&self, entity: &Entity) -> usize {
        entity.bytes() + Shard::BYTES_EACH / 2 - size_of::<Entity>()
    }

    /// Bytes of the entities there are, without places kept free.
    pub(crate) fn live_bytes(&self) -> usize {
        let all = self.shards.iter().flat_map(Shard::all);
        all.map(|entity| self.bytes_of(entity)).sum()
    }

    /// Adds an entity that is not there yet.
    pub(crate) fn put(&mut self, entity: Entity, hash: u64) {
        self.shards[shard_of(hash)].put(entity, hash);
    }

    /// Settles all entities and removes the dead ones.
    pub fn sweep(&mut self, view: &View, horizon: Option<i64>) {
        for shard in &mut self.shards {
            shard.sweep(view, horizon);
        }
    }

    /// True when enough has been applied since the last [`Entities::sweep`] for one to cost O(1) per event.
    pub(crate) fn is_due(&mut self, applied: usize) -> bool {
        self.applied += applied;
        if self.applied < self.due {
            return false;
        }
        // There never are fewer slots than before.
        self.due = SWEEP_MIN.max(self.shards.iter().map(Shard::slots).sum());
        if self.applied < self.due {
            return false;
        }
        self.applied = 0;
        true
    }

    /// Settles the entity of a key, when there is one.
    pub(crate) fn settle_key(&mut self, view: &View, key: &[u8], hash: u64, horizon: Option<i64>) {
        let shard = &mut self.shards[shard_of(hash)];
        if let Some(at) = shard.find(key, hash) {
            shard.settle(at as usize, view, horizon);
        }
    }

    /// About how many entities have changed since the last take.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.shards.iter().map(Shard::changes).sum()
    }

    /// The entities changed since the last take, settled, by key; and the keys gone.
    pub fn take_changed(
        &mut self,
        view: &View,
        horizon: Option<i64>,
    ) -> (Vec<&Entity>, Vec<Box<[u8]>>) {
        let (mut entities, mut gone) = (Vec::new(), Vec::new());
        for shard in &mut self.shards {
            let (slots, keys) = shard.take_changed(view, horizon);
            gone.extend(keys);
            let shard = &*shard;
            entities.extend(slots.into_iter().filter_map(|slot| shard.entity(slot)));
        }
        gone.sort_unstable();
        (by_key(entities), gone)
    }

    /// All entities by key.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Entity> {
        by_key(self.shards.iter().flat_map(Shard::all))
    }

    /// From now on only what changes is taken: all of this is stored.
    pub(crate) fn track(&mut self) {
        self.shards.iter_mut().for_each(Shard::track);
    }

    /// Bytes used, with the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(Shard::bytes).sum()
    }
}

/// Entities in the order of their keys.
///
/// The first bytes of a key are beside each, and mostly tell two apart: to look at an entity is to wait for memory.
fn by_key<'a>(entities: impl IntoIterator<Item = &'a Entity>) -> Vec<&'a Entity> {
    let start = |key: &[u8]| {
        let mut start = [0; size_of::<u128>()];
        let length = key.len().min(start.len());
        start[..length].copy_from_slice(&key[..length]);
        u128::from_be_bytes(start)
    };
    let entities = entities.into_iter();
    let mut keyed: Vec<(u128, &Entity)> = entities
        .map(|entity| (start(entity.key()), entity))
        .collect();
    keyed
        .sort_unstable_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.key().cmp(other.key())));
    keyed.into_iter().map(|(_, entity)| entity).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{EXAMPLE, Plan};

    #[test]
    fn entities_are_in_the_order_of_their_keys() {
        let view = &Plan::compile(EXAMPLE).expect("the example").views[0];
        let long = [7u8; 40];
        let mut keys: Vec<&[u8]> = vec![
            b"",
            b"\0",
            b"\0\0",
            b"a",
            b"a\0",
            b"b",
            &long,
            &long[..16],
            &long[..17],
        ];
        let made: Vec<Entity> = keys
            .iter()
            .rev()
            .map(|key| Entity::new(view, key))
            .collect();
        keys.sort_unstable();
        let found: Vec<&[u8]> = by_key(&made).into_iter().map(Entity::key).collect();
        assert_eq!(found, keys);
    }
}
