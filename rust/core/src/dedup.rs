//! The ids seen lately, to recognise duplicates.

use hashbrown::HashTable;

use crate::totals::take;

/// Event times of the ids applied, kept while a duplicate can still come.
///
/// An event is a duplicate when an event with its id was applied within the horizon of its own event time.
/// An id is forgotten once the watermark is more than the horizon past its time: no accepted event is near.
///
/// ```
/// use forerun_core::dedup::Ids;
///
/// let mut ids = Ids::new(100);
/// assert!(!ids.check(b"a", 1, 50));
/// ids.add(b"a", 1, 50);
/// assert!(ids.check(b"a", 1, 150)); // at most 100 us apart
/// assert!(!ids.check(b"a", 1, 151));
/// ```
#[derive(Clone, Debug)]
pub struct Ids {
    horizon_us: i64,
    table: HashTable<Seen>,
    /// Size at which to look for ids to forget.
    limit: usize,
}

#[derive(Clone, Debug)]
struct Seen {
    id: Box<[u8]>,
    hash: u64,
    /// Ascending; nearly always one.
    times: Vec<i64>,
}

/// Below this many ids nothing is forgotten early: it would save nothing.
const LIMIT_MIN: usize = 1024;

impl Ids {
    /// No ids, with a horizon of duplicates.
    #[must_use]
    pub fn new(horizon_us: i64) -> Self {
        Self {
            horizon_us,
            table: HashTable::new(),
            limit: LIMIT_MIN,
        }
    }

    /// True when the event is a duplicate.
    #[must_use]
    pub fn check(&self, id: &[u8], hash: u64, time: i64) -> bool {
        self.table
            .find(hash, |seen| *seen.id == *id)
            .is_some_and(|seen| {
                seen.times
                    .iter()
                    .any(|&known| known.abs_diff(time) <= self.horizon_us.unsigned_abs())
            })
    }

    /// Remembers an applied event.
    pub fn add(&mut self, id: &[u8], hash: u64, time: i64) {
        if let Some(seen) = self.table.find_mut(hash, |seen| *seen.id == *id) {
            let at = seen.times.partition_point(|&known| known < time);
            seen.times.insert(at, time);
            return;
        }
        let seen = Seen {
            id: id.into(),
            hash,
            times: vec![time],
        };
        self.table.insert_unique(hash, seen, |seen| seen.hash);
    }

    /// Forgets what no accepted event can duplicate, when enough has come for it to be worth a look.
    pub fn forget(&mut self, watermark: Option<i64>) {
        if self.table.len() < self.limit {
            return;
        }
        let oldest = self.oldest(watermark);
        self.table.retain(|seen| {
            seen.times.retain(|&time| time >= oldest);
            !seen.times.is_empty()
        });
        self.limit = LIMIT_MIN.max(2 * self.table.len());
    }

    fn oldest(&self, watermark: Option<i64>) -> i64 {
        watermark.map_or(i64::MIN, |watermark| {
            watermark.saturating_sub(self.horizon_us)
        })
    }

    /// Appends the ids a duplicate of which can still be accepted, in order.
    pub fn write(&self, watermark: Option<i64>, out: &mut Vec<u8>) {
        let oldest = self.oldest(watermark);
        let live = |seen: &&Seen| seen.times.iter().any(|&time| time >= oldest);
        let mut all: Vec<&Seen> = self.table.iter().filter(live).collect();
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        out.extend_from_slice(&(all.len() as u64).to_le_bytes());
        for seen in all {
            let times = &seen.times[seen.times.partition_point(|&time| time < oldest)..];
            out.extend_from_slice(&(seen.id.len() as u32).to_le_bytes());
            out.extend_from_slice(&seen.id);
            out.extend_from_slice(&(times.len() as u32).to_le_bytes());
            times
                .iter()
                .for_each(|time| out.extend_from_slice(&time.to_le_bytes()));
        }
    }

    /// Reads what [`Ids::write`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn read(horizon_us: i64, bytes: &mut &[u8]) -> Option<Self> {
        let mut ids = Self::new(horizon_us);
        for _ in 0..u64::from_le_bytes(take(bytes)?) {
            let length = u32::from_le_bytes(take(bytes)?) as usize;
            let (id, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            for _ in 0..u32::from_le_bytes(take(bytes)?) {
                ids.add(id, crate::hash::hash(id), i64::from_le_bytes(take(bytes)?));
            }
        }
        Some(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash;

    #[test]
    fn forgetting_is_invisible() {
        let mut ids = Ids::new(10);
        for time in 0..5000 {
            let id = i64::to_le_bytes(time);
            ids.add(&id, hash(&id), time);
            ids.forget(Some(time - 5));
        }
        assert!(ids.table.len() < 2 * LIMIT_MIN);
        let mut written = Vec::new();
        ids.write(Some(4994), &mut written);
        let read = Ids::read(10, &mut written.as_slice()).expect("own bytes");
        assert_eq!(read.table.len(), 5000 - 4984);
        let id = i64::to_le_bytes(4984);
        assert!(read.check(&id, hash(&id), 4994));
    }
}
