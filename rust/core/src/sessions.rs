//! Session windows: events of a key, each at most a gap after the one before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use crate::accumulator::Accumulator;
use crate::emitted::Rows;
use crate::emitter_plan::Emitter;
use crate::emitter_state::{read_cells, read_texts, texts_of, write_cells, write_texts};
use crate::hash::hash as hash_of;
use crate::key::is_key;
use crate::text::Lexicon;
use crate::totals::take;

/// The open sessions of one emitter; events come in order of time.
///
/// A session [start, end) ends a gap after its last event, or `max_us` after its first, whichever is sooner; it
/// is emitted when the watermark is past its end. An event exactly a gap after another still belongs to it.
///
/// ```
/// use forerun_core::emitted::Rows;
/// use forerun_core::plan::{EMITTERS, Plan};
/// use forerun_core::sessions::Sessions;
/// use forerun_core::text::Lexicon;
///
/// let emitter = &Plan::compile(EMITTERS).unwrap().emitters[1]; // a gap of 30
/// let mut sessions = Sessions::new(30, None);
/// for time in [0, 30, 100] {
///     sessions.add(emitter, time, b"\x01\0\0\0a", 1, &[]);
/// }
/// let texts = Lexicon::default();
/// let mut rows = Rows::new(emitter, &texts);
/// sessions.close(110, &mut rows); // [0, 60)
/// assert_eq!((rows.len(), sessions.len()), (1, 1));
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
}

/// A key, and the bytes of its session; none when it has ended.
pub type Taken = (Box<[u8]>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
struct Slot {
    hash: u64,
    changed: bool,
    session: Option<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    key: Box<[u8]>,
    start: i64,
    last: i64,
    cells: Box<[Accumulator]>,
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
            for (source, cell) in plan.sources.iter().zip(&mut session.cells) {
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
    pub fn close(&mut self, watermark: i64, rows: &mut Rows<'_>) {
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
        for (end, session) in &closed {
            rows.push(&session.key, (session.start, *end), &session.cells);
        }
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
        if self.tracking {
            self.gone.push(session.key.clone());
        }
        Some(session)
    }

    /// The sessions changed since the last take, and the keys that have none any more, by key.
    pub fn take_changed(&mut self, plan: &Emitter, lexicon: &Lexicon) -> Vec<Taken> {
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
                taken.push((session.key.clone(), Some(written(session, plan, lexicon))));
            }
        }
        for key in std::mem::take(&mut self.gone) {
            if self.slot(&key, hash_of(&key)).is_none() {
                taken.push((key, None));
            }
        }
        // A slot that was freed and used again is listed twice, and so is a key that ended twice.
        taken.sort_unstable();
        taken.dedup();
        taken
    }

    /// Everything that is accumulated: for each open session a cell per track.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [Accumulator]> {
        let sessions = self
            .slots
            .iter_mut()
            .filter_map(|slot| slot.session.as_mut());
        sessions.map(|session| &mut *session.cells)
    }

    /// All open sessions, by key.
    #[must_use]
    pub fn all(&self, plan: &Emitter, lexicon: &Lexicon) -> Vec<(Box<[u8]>, Vec<u8>)> {
        let sessions = self.slots.iter().filter_map(|slot| slot.session.as_ref());
        let mut all: Vec<_> = sessions
            .map(|session| (session.key.clone(), written(session, plan, lexicon)))
            .collect();
        all.sort_unstable();
        all
    }

    /// Puts a session back that was taken; false when the bytes are not one, or the key has one.
    pub fn restore(
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
}

fn open(plan: &Emitter, key: &[u8], time: i64) -> Session {
    let cells = plan.totals().map(|(ty, needs)| Accumulator::new(ty, needs));
    Session {
        key: key.into(),
        start: time,
        last: time,
        cells: cells.collect(),
    }
}

fn written(session: &Session, plan: &Emitter, lexicon: &Lexicon) -> Vec<u8> {
    let mut out = Vec::new();
    let texts = texts_of(plan, lexicon, std::iter::once(&*session.cells));
    write_texts(plan, &texts, &mut out);
    out.extend_from_slice(&session.start.to_le_bytes());
    out.extend_from_slice(&session.last.to_le_bytes());
    write_cells(plan, &texts, &session.cells, &mut out);
    out
}

fn read(plan: &Emitter, lexicon: &mut Lexicon, key: &[u8], mut bytes: &[u8]) -> Option<Session> {
    is_key(&plan.key_types, key).then_some(())?;
    let texts = read_texts(plan, lexicon, &mut bytes)?;
    let start = i64::from_le_bytes(take(&mut bytes)?);
    let last = i64::from_le_bytes(take(&mut bytes)?);
    let cells = read_cells(plan, &texts, &mut bytes)?.into();
    bytes.is_empty().then(|| Session {
        key: key.into(),
        start,
        last,
        cells,
    })
}
