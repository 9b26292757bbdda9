//! The entities of a view that are in the store and not in memory.

use hashbrown::HashTable;

use crate::hash::hash;
use crate::key::Key;

/// Keys, and until when their entities can matter.
///
/// The store has the state; here is just enough to know what must be asked of it, and what may be forgotten. An
/// entity asleep takes about fifty bytes.
///
/// ```
/// use forerun_core::hash::hash;
/// use forerun_core::sleepers::Sleepers;
///
/// let mut sleepers = Sleepers::default();
/// sleepers.put(b"EWR", hash(b"EWR"), 170);
/// sleepers.put(b"JFK", hash(b"JFK"), 90);
/// assert_eq!(sleepers.take(b"EWR", hash(b"EWR")), Some(170));
/// assert_eq!(sleepers.take(b"EWR", hash(b"EWR")), None);
/// let mut gone = Vec::new();
/// sleepers.sweep(100, &mut |key| gone.push(key.to_vec()));
/// assert_eq!((gone, sleepers.len()), (vec![b"JFK".to_vec()], 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sleepers {
    table: HashTable<Sleeper>,
}

#[derive(Clone, Debug)]
struct Sleeper {
    key: Key,
    until: i64,
}

impl Sleepers {
    /// Number of entities.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True when all entities are in memory.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Notes an entity that is not among them; from the horizon `until` on no read can tell it from an unknown one.
    pub fn put(&mut self, key: &[u8], hash: u64, until: i64) {
        let sleeper = Sleeper {
            key: Key::new(key),
            until,
        };
        self.table
            .insert_unique(hash, sleeper, |known| self::hash(known.key.bytes()));
    }

    /// Takes an entity out, if it is among them.
    #[inline]
    pub fn take(&mut self, key: &[u8], hash: u64) -> Option<i64> {
        let found = self
            .table
            .find_entry(hash, |known| known.key.bytes() == key);
        found.ok().map(|entry| entry.remove().0.until)
    }

    /// Forgets the entities that no read at a horizon or later can see.
    pub fn sweep(&mut self, horizon: i64, forget: &mut dyn FnMut(&[u8])) {
        self.table.retain(|known| {
            let stays = known.until > horizon;
            if !stays {
                forget(known.key.bytes());
            }
            stays
        });
    }

    /// The keys, in the order of their bytes.
    #[must_use]
    pub fn sorted(&self) -> Vec<&[u8]> {
        let mut keys: Vec<&[u8]> = self.table.iter().map(|known| known.key.bytes()).collect();
        keys.sort_unstable();
        keys
    }
}
