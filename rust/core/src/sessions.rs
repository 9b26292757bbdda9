//! Session windows: events of a key, each at most a gap after the one before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use crate::accumulator::Accumulator;
use crate::depot::{CHUNK, Depot};
use crate::emitted::Rows;
use crate::emitter::Taken;
use crate::emitter_plan::Emitter;
use crate::emitter_state::{damaged, unversioned, versioned};
use crate::error::Result;
use crate::hash::hash as hash_of;
use crate::hashing::Hashing;
use crate::session::{Session, load, open, read, written};
use crate::text::Lexicon;

/// The open sessions of one emitter; events come in order of time.
///
/// A session [start, end) ends a gap after its last event, or `max_us` after its first, whichever is sooner; it
/// is emitted when the watermark is past its end. An event exactly a gap after another still belongs to it.
///
/// ```
/// use forerun_core::plan::{EMITTERS, Plan};
/// use forerun_core::sessions::Sessions;
///
/// let emitter = &Plan::compile(EMITTERS).unwrap().emitters[1]; // a gap of 30
/// let mut sessions = Sessions::new(30, None);
/// for time in [0, 30, 100] {
///     sessions.add(emitter, time, b"\x01\0\0\0a", 1, &[]);
/// }
/// assert_eq!(sessions.len(), 1); // [100, 130) is open, [0, 60) waits to be emitted
/// ```
#[derive(Clone, Debug)]
pub struct Sessions {
    gap_us: i64,
    max_us: Option<i64>,
    table: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// A time at which each open session may be closed: its end, when that was last looked at.
    due: BinaryHeap<Reverse<(i64, u32)>>,
    /// Closed, and not emitted yet.
    closed: Vec<Session>,
    /// Slots changed since the last take.
    changed: Vec<u32>,
    /// Keys whose session ended since the last take.
    gone: Vec<Box<[u8]>>,
    /// False until the first take: everything counts as changed, nothing as gone.
    tracking: bool,
    /// How many open sessions sleep.
    asleep: usize,
}

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    changed: bool,
    session: Option<Session>,
}

impl Sessions {
    /// No sessions.
    #[must_use]
    pub fn new(gap_us: i64, max_us: Option<i64>) -> Self {
        Self {
            gap_us,
            max_us,
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            closed: Vec::new(),
            changed: Vec::new(),
            gone: Vec::new(),
            tracking: false,
            asleep: 0,
        }
    }

    /// Number of open sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True without open sessions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn end(&self, session: &Session) -> i64 {
        let end = session.last.saturating_add(self.gap_us);
        let latest = self.max_us.map(|max| session.start.saturating_add(max));
        latest.map_or(end, |latest| end.min(latest))
    }

    /// Adds the next event, given as a staged row.
    pub fn add(&mut self, plan: &Emitter, time: i64, key: &[u8], hash: u64, words: &[u64]) {
        let at = match self.slot(key, hash) {
            Some(at) if self.goes_on(at, time) => at,
            Some(at) => {
                if let Some(session) = self.remove(at) {
                    self.closed.push(session);
                }
                self.put(open(plan, key, time), hash)
            }
            None => self.put(open(plan, key, time), hash),
        };
        let slot = &mut self.slots[at as usize];
        if !slot.changed {
            slot.changed = true;
            self.changed.push(at);
        }
        if let Some(session) = &mut slot.session {
            session.last = time;
            let cells = session.cells.iter_mut().flatten();
            for (source, cell) in plan.sources.iter().zip(cells) {
                if let Some(value) = source.value(words) {
                    cell.push_at(time, value);
                }
            }
        }
    }

    /// Whether an event still belongs to the session of a slot.
    fn goes_on(&self, at: u32, time: i64) -> bool {
        self.slots[at as usize]
            .session
            .as_ref()
            .is_some_and(|session| {
                let near = time.saturating_sub(session.last) <= self.gap_us;
                near && self
                    .max_us
                    .is_none_or(|max| time.saturating_sub(session.start) < max)
            })
    }

    /// Emits the sessions whose end the watermark has passed, by end and key.
    pub(crate) fn close(
        &mut self,
        plan: &Emitter,
        watermark: i64,
        lexicon: &mut Lexicon,
        depot: Option<&Depot>,
        rows: &mut Rows<'_>,
    ) -> Result<()> {
        while let Some(&Reverse((due, at))) = self.due.peek() {
            if due >= watermark {
                break;
            }
            self.due.pop();
            let end = self.slots[at as usize]
                .session
                .as_ref()
                .map(|session| self.end(session));
            match end {
                // The slot's session has ended already.
                None => {}
                Some(end) if end >= watermark => self.due.push(Reverse((end, at))),
                Some(_) => {
                    if let Some(session) = self.remove(at) {
                        self.closed.push(session);
                    }
                }
            }
        }
        let mut closed: Vec<(i64, Session)> = std::mem::take(&mut self.closed)
            .into_iter()
            .map(|session| (self.end(&session), session))
            .collect();
        closed.sort_unstable_by(|(end, a), (other, b)| {
            end.cmp(other).then_with(|| a.key.cmp(&b.key))
        });
        for part in closed.chunks_mut(CHUNK) {
            let asleep = part.iter_mut().map(|(_, session)| session);
            load(plan, lexicon, depot, asleep)?;
            for (end, session) in part {
                let window = (session.start, *end);
                rows.push(&session.key, window, session.cells(), lexicon);
                session.cells = None;
            }
        }
        Ok(())
    }

    /// Loads what sleeps of some keys, before their events are added.
    pub(crate) fn wake<'a>(
        &mut self,
        plan: &Emitter,
        lexicon: &mut Lexicon,
        depot: Option<&Depot>,
        keys: impl Iterator<Item = (&'a [u8], u64)>,
    ) -> Result<()> {
        if self.asleep == 0 {
            return Ok(());
        }
        let sleeps = |at: &u32| {
            let session = self.slots[*at as usize].session.as_ref();
            session.is_some_and(|session| session.cells.is_none())
        };
        let slots = keys.filter_map(|(key, hash)| self.slot(key, hash));
        let mut slots: Vec<u32> = slots.filter(sleeps).collect();
        if slots.is_empty() {
            return Ok(());
        }
        slots.sort_unstable();
        slots.dedup();
        self.asleep -= slots.len();
        load(plan, lexicon, depot, chosen(&mut self.slots, &slots))?;
        let woken = chosen(&mut self.slots, &slots);
        Depot::keep(depot, woken.map(|session| session.bytes()).sum());
        Ok(())
    }

    /// Bytes in memory, about, but for what is kept of those that sleep.
    pub(crate) fn bytes(&self) -> usize {
        let sessions = self.slots.iter().filter_map(|slot| slot.session.as_ref());
        sessions.map(Session::bytes).sum()
    }

    /// Number of open sessions that sleep.
    pub(crate) fn asleep(&self) -> usize {
        self.asleep
    }

    /// Takes out of memory what is stored, oldest first, until so many bytes are free; gives how many are.
    pub(crate) fn evict(&mut self, wanted: usize) -> usize {
        if !self.tracking {
            return 0;
        }
        let unchanged = self.slots.iter_mut().filter(|slot| !slot.changed);
        let mut stored: Vec<&mut Session> = unchanged
            .filter_map(|slot| slot.session.as_mut())
            .filter(|session| session.cells.is_some())
            .collect();
        stored.sort_unstable_by_key(|session| session.last);
        let mut freed = 0;
        for session in stored {
            if freed >= wanted {
                break;
            }
            freed += session.bytes();
            session.cells = None;
            self.asleep += 1;
        }
        freed
    }

    fn slot(&self, key: &[u8], hash: u64) -> Option<u32> {
        let same = |&at: &u32| {
            let slot = &self.slots[at as usize];
            let session = slot.session.as_ref();
            slot.hash == hash && session.is_some_and(|session| *session.key == *key)
        };
        self.table.find(hash, same).copied()
    }

    fn put(&mut self, session: Session, hash: u64) -> u32 {
        let end = self.end(&session);
        let slot = Slot {
            hash,
            changed: false,
            session: Some(session),
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
            .insert_unique(hash, at, |&at| self.slots[at as usize].hash);
        self.due.push(Reverse((end, at)));
        at
    }

    fn remove(&mut self, at: u32) -> Option<Session> {
        let slot = &mut self.slots[at as usize];
        let session = slot.session.take()?;
        if let Ok(entry) = self.table.find_entry(slot.hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
        self.asleep -= usize::from(session.cells.is_none());
        if self.tracking {
            self.gone.push(session.key.clone());
        }
        Some(session)
    }

    /// The sessions changed since the last take, and the keys that have none any more, by key.
    pub(crate) fn take_changed(&mut self, plan: &Emitter, lexicon: &Lexicon) -> Vec<Taken> {
        let slots = if self.tracking {
            std::mem::take(&mut self.changed)
        } else {
            self.changed.clear();
            (0..self.slots.len() as u32).collect()
        };
        self.tracking = true;
        let mut taken: Vec<Taken> = Vec::new();
        for at in slots {
            let slot = &mut self.slots[at as usize];
            slot.changed = false;
            if let Some(session) = &slot.session {
                let bytes = versioned(written(session, plan, lexicon));
                taken.push((session.key.to_vec(), Some(bytes)));
            }
        }
        for key in std::mem::take(&mut self.gone) {
            if self.slot(&key, hash_of(&key)).is_none() {
                taken.push((key.into_vec(), None));
            }
        }
        // A slot that was freed and used again is listed twice, and so is a key that ended twice.
        taken.sort_unstable();
        taken.dedup();
        taken
    }

    /// Everything that is accumulated in memory: for each open session a cell per track.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [Accumulator]> {
        let sessions = self.slots.iter_mut();
        let sessions = sessions.filter_map(|slot| slot.session.as_mut());
        sessions.filter_map(|session| session.cells.as_deref_mut())
    }

    /// Hashes all open sessions, by key.
    pub(crate) fn hash(
        &self,
        plan: &Emitter,
        lexicon: &Lexicon,
        depot: Option<&Depot>,
        hashing: &mut Hashing<'_>,
    ) -> Result<()> {
        let sessions = self.slots.iter().filter_map(|slot| slot.session.as_ref());
        let mut sessions: Vec<&Session> = sessions.collect();
        sessions.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for part in sessions.chunks(CHUNK) {
            let asleep = part.iter().filter(|session| session.cells.is_none());
            let mut read: Vec<Session> = asleep.copied().cloned().collect();
            let mut texts = Lexicon::default();
            load(plan, &mut texts, depot, read.iter_mut())?;
            let mut read = read.iter();
            for &session in part {
                let bytes = match &session.cells {
                    Some(_) => written(session, plan, lexicon),
                    None => read
                        .next()
                        .map_or(Vec::new(), |read| written(read, plan, &texts)),
                };
                hashing.row(&session.key, &versioned(bytes));
            }
        }
        Ok(())
    }

    /// Puts a session back that was taken; false when the bytes are not one, or the key has one.
    pub(crate) fn restore(
        &mut self,
        plan: &Emitter,
        lexicon: &mut Lexicon,
        key: &[u8],
        bytes: &[u8],
    ) -> bool {
        self.tracking = true;
        let hash = hash_of(key);
        match read(plan, lexicon, key, bytes) {
            Some(session) if self.slot(key, hash).is_none() => {
                self.put(session, hash);
                true
            }
            _ => false,
        }
    }

    /// Notes sessions that sleep: they are read once, to know when they end.
    pub(crate) fn sleep(
        &mut self,
        plan: &Emitter,
        depot: Option<&Depot>,
        keys: &[&[u8]],
    ) -> Result<()> {
        for part in keys.chunks(CHUNK) {
            let all = Depot::all(depot, part.iter().copied())?;
            // The texts of what is not kept are not kept either.
            let mut texts = Lexicon::default();
            for (key, bytes) in part.iter().zip(all) {
                let hash = hash_of(key);
                let found = read(plan, &mut texts, key, unversioned(plan, &bytes)?);
                let found = found.filter(|_| self.slot(key, hash).is_none());
                let mut session = found.ok_or_else(|| damaged(plan))?;
                session.cells = None;
                self.asleep += 1;
                self.put(session, hash);
            }
        }
        self.tracking = true;
        Ok(())
    }
}

/// The sessions of some slots, in ascending order, without a look at the others.
fn chosen<'a>(
    mut slots: &'a mut [Slot],
    places: &'a [u32],
) -> impl Iterator<Item = &'a mut Session> {
    let mut passed = 0;
    places.iter().filter_map(move |&at| {
        let rest = std::mem::take(&mut slots).get_mut(at as usize - passed..)?;
        let (slot, rest) = rest.split_first_mut()?;
        (slots, passed) = (rest, at as usize + 1);
        slot.session.as_mut()
    })
}
