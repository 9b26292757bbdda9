//! From the hash of a key to the place of its entity: a table whose memory can be asked for before it is needed.

use crate::prefetch::prefetch_at;

/// Places by hash, in one array that is searched step by step from where the hash says.
///
/// An entry is 32 bits of the hash and the place; keys whose bits are the same are told apart by who asks. The array
/// is at most two thirds full, so that most searches see one line of the cache.
///
/// ```
/// use forerun_core::places::Places;
///
/// let mut places = Places::default();
/// places.insert(7, 3);
/// assert_eq!(places.find(7, |place| place == 3), Some(3));
/// assert_eq!(places.find(8, |_| true), None);
/// places.remove(7, 3);
/// assert!(places.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Bits of the hash below, the place above; a power of two long.
    entries: Vec<u64>,
    len: usize,
}

/// No entry: no place is that high.
const NONE: u64 = u64::MAX;

/// Fewest entries of a table that is not empty.
const LEAST: usize = 8;

impl Places {
    /// Bytes of a table with its first places.
    pub(crate) const BYTES_MIN: usize = LEAST * size_of::<u64>();

    /// Most bytes a place takes: just after the table has doubled.
    pub(crate) const BYTES_EACH: usize = 3 * size_of::<u64>();

    /// Number of places.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without places.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Asks for the memory of a search.
    #[inline]
    pub(crate) fn expect(&self, hash: u64) {
        prefetch_at(&self.entries, self.start(hash as u32));
    }

    /// The first place of a hash that is the one.
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.search(hash as u32, is)?;
        Some(place_of(self.entries[at]))
    }

    /// Adds a place.
    pub fn insert(&mut self, hash: u64, place: u32) {
        if (self.len + 1) * 3 > self.entries.len() * 2 {
            self.grow();
        }
        self.put(u64::from(place) << 32 | u64::from(hash as u32));
        self.len += 1;
    }

    /// Removes a place, if it is there.
    pub fn remove(&mut self, hash: u64, place: u32) {
        let Some(mut hole) = self.search(hash as u32, |known| known == place) else {
            return;
        };
        self.len -= 1;
        // What comes after and would not be found behind a hole moves into it.
        let mask = self.entries.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry == NONE {
                break;
            }
            let start = self.start(entry as u32);
            if (at.wrapping_sub(start) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = NONE;
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<u64>()
    }

    /// Where the search for a hash begins.
    #[inline]
    fn start(&self, bits: u32) -> usize {
        bits as usize & self.entries.len().wrapping_sub(1)
    }

    #[inline]
    fn search(&self, bits: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.start(bits);
        loop {
            // Only an empty table has no entry here.
            let entry = *self.entries.get(at)?;
            if entry == NONE {
                return None;
            }
            if entry as u32 == bits && is(place_of(entry)) {
                return Some(at);
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.start(entry as u32);
        while self.entries[at] != NONE {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let doubled = LEAST.max(self.entries.len() * 2);
        let entries = std::mem::replace(&mut self.entries, vec![NONE; doubled]);
        for entry in entries.into_iter().filter(|&entry| entry != NONE) {
            self.put(entry);
        }
    }
}

#[inline]
fn place_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn whatever_comes_and_goes_is_found_as_in_a_map() {
        let mut state = 5u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        // Few distinct hashes near each other, so that searches meet, wrap around and have the same bits.
        let hashes: Vec<u64> = (0..300)
            .map(|at| u64::from(u32::MAX - (at % 60)) << (at % 2) & 0xffff_ffff)
            .collect();
        let (mut places, mut known) = (Places::default(), HashMap::new());
        for _ in 0..20_000 {
            let place = random(300) as u32;
            let hash = hashes[place as usize];
            if known.remove(&place).is_some() {
                places.remove(hash, place);
            } else {
                places.insert(hash, place);
                known.insert(place, hash);
            }
            let asked = random(300) as u32;
            let found = places.find(hashes[asked as usize], |place| place == asked);
            assert_eq!(found, known.contains_key(&asked).then_some(asked));
            assert_eq!(places.len(), known.len());
        }
    }
}
