//! What is accumulated per key of one pane: a table while events come, a sorted list once none can.

use hashbrown::HashTable;

use crate::accumulator::Accumulator;
use crate::emitter_plan::Emitter;

/// Accumulators by key, for a pane that still gets events.
///
/// ```
/// use forerun_core::emitter_plan::Emitter;
/// use forerun_core::groups::Groups;
/// use forerun_core::plan::{EMITTERS, Plan};
///
/// let emitter = &Plan::compile(EMITTERS).unwrap().emitters[0];
/// let mut groups = Groups::default();
/// groups.add(emitter, 0, b"b", 2, &[]);
/// groups.add(emitter, 0, b"a", 1, &[]);
/// groups.add(emitter, 0, b"b", 2, &[]);
/// let sorted = groups.sorted();
/// assert_eq!((sorted.key(0), sorted.key(1)), (b"a".as_slice(), b"b".as_slice()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Groups {
    table: HashTable<u32>,
    hashes: Vec<u64>,
    keys: Keys,
    /// For each key, an accumulator per track.
    cells: Vec<Accumulator>,
}

/// Accumulators by key, in the order of the keys' bytes.
#[derive(Clone, Debug, Default)]
pub struct Sorted {
    /// The first bytes of each key as a number that orders like them, so that few comparisons look further.
    prefixes: Vec<u128>,
    keys: Keys,
    cells: Vec<Accumulator>,
}

/// Keys one after the other.
#[derive(Clone, Debug, Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    #[inline]
    fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    #[inline]
    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }
}

impl Groups {
    /// Adds an event, given as a staged row.
    #[inline]
    pub fn add(&mut self, plan: &Emitter, time: i64, key: &[u8], hash: u64, words: &[u64]) {
        let tracks = plan.sources.len();
        let at = self.slot(plan, key, hash) * tracks;
        for (source, cell) in plan.sources.iter().zip(&mut self.cells[at..at + tracks]) {
            if let Some(value) = source.value(words) {
                cell.push_at(time, value);
            }
        }
    }

    /// True without keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// What is accumulated, of all keys and tracks.
    pub(crate) fn cells_mut(&mut self) -> &mut [Accumulator] {
        &mut self.cells
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let table = self.table.capacity() * (size_of::<u32>() + 1) * 8 / 7;
        table
            + self.hashes.capacity() * size_of::<u64>()
            + self.keys.bytes()
            + bytes(&self.cells)
            + spare(&self.cells)
    }

    /// Where a key is, made when new.
    #[inline]
    fn slot(&mut self, plan: &Emitter, key: &[u8], hash: u64) -> usize {
        let same =
            |&slot: &u32| self.hashes[slot as usize] == hash && self.keys.get(slot as usize) == key;
        match self.table.find(hash, same) {
            Some(&slot) => slot as usize,
            None => self.put(plan, key, hash),
        }
    }

    #[inline(never)]
    fn put(&mut self, plan: &Emitter, key: &[u8], hash: u64) -> usize {
        let slot = self.hashes.len();
        self.hashes.push(hash);
        self.keys.push(key);
        self.cells
            .extend(plan.totals().map(|(ty, needs)| Accumulator::new(ty, needs)));
        self.table
            .insert_unique(hash, slot as u32, |&slot| self.hashes[slot as usize]);
        slot
    }

    /// The same in the order of keys.
    #[must_use]
    pub fn sorted(self) -> Sorted {
        let keys = self.hashes.len();
        let mut order: Vec<(u128, u32)> = (0..keys)
            .map(|slot| (prefix(self.keys.get(slot)), slot as u32))
            .collect();
        order.sort_unstable_by(|a, b| {
            let rest = || self.keys.get(a.1 as usize).cmp(self.keys.get(b.1 as usize));
            a.0.cmp(&b.0).then_with(rest)
        });
        let tracks = self.cells.len() / keys.max(1);
        let mut cells: Vec<Option<Accumulator>> = self.cells.into_iter().map(Some).collect();
        let mut sorted = Sorted::default();
        for (prefix, slot) in order {
            let slot = slot as usize;
            sorted.prefixes.push(prefix);
            sorted.keys.push(self.keys.get(slot));
            let own = &mut cells[slot * tracks..(slot + 1) * tracks];
            sorted.cells.extend(own.iter_mut().filter_map(Option::take));
        }
        sorted
    }
}

impl Sorted {
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// True without keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// The key at a place.
    #[inline]
    #[must_use]
    pub fn key(&self, at: usize) -> &[u8] {
        self.keys.get(at)
    }

    /// What is accumulated for the key at a place, per track.
    #[inline]
    #[must_use]
    pub fn cells(&self, at: usize, tracks: usize) -> &[Accumulator] {
        &self.cells[at * tracks..(at + 1) * tracks]
    }

    /// The same of all keys.
    pub(crate) fn cells_mut(&mut self) -> &mut [Accumulator] {
        &mut self.cells
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.prefixes.capacity() * size_of::<u128>()
            + self.keys.bytes()
            + bytes(&self.cells)
            + spare(&self.cells)
    }

    /// The same in parts of so many bytes each, or one key that has more.
    pub(crate) fn cut(self, tracks: usize, size: usize) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut room = 0;
        let mut cells = self.cells.into_iter();
        for at in 0..self.prefixes.len() {
            let own: Vec<Accumulator> = cells.by_ref().take(tracks).collect();
            let key = self.keys.get(at);
            let needed = size_of::<u128>() + key.len() + bytes(&own);
            if parts.is_empty() || needed > room {
                parts.push(Self::default());
                room = size;
            }
            room = room.saturating_sub(needed);
            if let Some(part) = parts.last_mut() {
                part.push(key, own.into_iter());
            }
        }
        parts
    }

    /// How a key compares with one of another list.
    #[inline]
    #[must_use]
    pub fn compare(&self, at: usize, other: &Self, there: usize) -> std::cmp::Ordering {
        let rest = || self.key(at).cmp(other.key(there));
        self.prefixes[at]
            .cmp(&other.prefixes[there])
            .then_with(rest)
    }

    /// Adds a key after all others.
    pub(crate) fn push(&mut self, key: &[u8], cells: impl Iterator<Item = Accumulator>) {
        self.prefixes.push(prefix(key));
        self.keys.push(key);
        self.cells.extend(cells);
    }

    /// Open again, for more events.
    #[must_use]
    pub fn open(self) -> Groups {
        let hashes: Vec<u64> = (0..self.len())
            .map(|at| crate::hash::hash(self.key(at)))
            .collect();
        let mut table = HashTable::with_capacity(hashes.len());
        for (slot, &hash) in hashes.iter().enumerate() {
            table.insert_unique(hash, slot as u32, |&slot: &u32| hashes[slot as usize]);
        }
        Groups {
            table,
            hashes,
            keys: self.keys,
            cells: self.cells,
        }
    }
}

/// Bytes of accumulators, with the heap.
pub(crate) fn bytes(cells: &[Accumulator]) -> usize {
    size_of_val(cells) + cells.iter().map(Accumulator::bytes).sum::<usize>()
}

/// Bytes of room for more.
fn spare<T>(values: &Vec<T>) -> usize {
    (values.capacity() - values.len()) * size_of::<T>()
}

/// The first 16 bytes, most significant first; what is missing counts as zeros.
#[inline]
fn prefix(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let known = key.len().min(16);
    bytes[..known].copy_from_slice(&key[..known]);
    u128::from_be_bytes(bytes)
}
