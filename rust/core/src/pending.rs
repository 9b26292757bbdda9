//! Events that wait until none can come before them.

use crate::emitter_plan::Emitter;
use crate::emitter_state::{read_texts, write_texts};
use crate::key::is_key;
use crate::stored_texts::{StoredTexts, restored};
use crate::text::Lexicon;
use crate::totals::take;

/// Accepted events that the watermark has not passed, for aggregates that need values in order.
///
/// Arrival says nothing about event time within the lateness; once the watermark is past an event, all that come
/// before it are there.
///
/// ```
/// use forerun_core::pending::Pending;
///
/// let mut pending = Pending::new(1);
/// pending.push((20, 1), b"a", 7, &[4]);
/// pending.push((10, 2), b"b", 8, &[5]);
/// let mut seen = Vec::new();
/// pending.drain(15, |time, key, _, words| seen.push((time, key.to_vec(), words[0])));
/// assert_eq!((seen, pending.len()), (vec![(10, b"b".to_vec(), 5)], 1));
/// ```
#[derive(Clone, Debug)]
pub struct Pending {
    /// Words of a staged row.
    width: usize,
    events: Vec<Event>,
    keys: Vec<u8>,
    words: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    /// Event time, then partition and offset.
    order: (i64, u64),
    hash: u64,
    key: (usize, usize),
    /// Where its words are: row of that number.
    row: usize,
}

impl Pending {
    /// None yet, with rows of a width.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            width,
            events: Vec::new(),
            keys: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True without events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event, given as a staged row, with its time and place.
    #[inline]
    pub fn push(&mut self, order: (i64, u64), key: &[u8], hash: u64, words: &[u64]) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.words.extend_from_slice(words);
        self.events.push(Event {
            order,
            hash,
            key: (start, self.keys.len()),
            row: self.events.len(),
        });
    }

    /// Key and hash of the events before a time, in any order.
    pub(crate) fn due(&self, before: i64) -> impl Iterator<Item = (&[u8], u64)> {
        let due = self
            .events
            .iter()
            .filter(move |event| event.order.0 < before);
        due.map(|event| (&self.keys[event.key.0..event.key.1], event.hash))
    }

    /// Hands out the events before a time, in order, as (time, key, hash, words).
    pub fn drain(&mut self, before: i64, mut take: impl FnMut(i64, &[u8], u64, &[u64])) {
        if self.events.iter().all(|event| event.order.0 >= before) {
            return;
        }
        self.events.sort_unstable_by_key(|event| event.order);
        let due = self.events.partition_point(|event| event.order.0 < before);
        for event in &self.events[..due] {
            take(
                event.order.0,
                &self.keys[event.key.0..event.key.1],
                event.hash,
                self.row(event),
            );
        }
        // What stays moves to the front, so that memory is that of the events waiting.
        let mut rest = Self::new(self.width);
        for event in &self.events[due..] {
            let key = &self.keys[event.key.0..event.key.1];
            rest.push(event.order, key, event.hash, self.row(event));
        }
        *self = rest;
    }

    fn row(&self, event: &Event) -> &[u64] {
        &self.words[event.row * self.width..(event.row + 1) * self.width]
    }

    /// Calls `see` on every word that stands for a text.
    pub(crate) fn each_text(&self, plan: &Emitter, see: &mut dyn FnMut(u64)) {
        let places: Vec<usize> = plan.text_words().collect();
        if !places.is_empty() {
            for row in self.words.chunks_exact(self.width) {
                places.iter().for_each(|&place| see(row[place]));
            }
        }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, plan: &Emitter, lexicon: &Lexicon, out: &mut Vec<u8>) {
        let texts = StoredTexts::of(|word| lexicon.text(word), |see| self.each_text(plan, see));
        write_texts(plan, &texts, out);
        let places: Vec<usize> = plan.text_words().collect();
        let mut events: Vec<&Event> = self.events.iter().collect();
        events.sort_unstable_by_key(|event| event.order);
        out.extend_from_slice(&(events.len() as u64).to_le_bytes());
        for event in events {
            out.extend_from_slice(&event.order.0.to_le_bytes());
            out.extend_from_slice(&event.order.1.to_le_bytes());
            let key = &self.keys[event.key.0..event.key.1];
            out.extend_from_slice(&(key.len() as u32).to_le_bytes());
            out.extend_from_slice(key);
            for (place, &word) in self.row(event).iter().enumerate() {
                let word = if places.contains(&place) {
                    texts.word(word)
                } else {
                    word
                };
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// Reads what [`Pending::write`] wrote for the same emitter; `None` when the bytes are not that.
    #[must_use]
    pub fn read(plan: &Emitter, lexicon: &mut Lexicon, bytes: &mut &[u8]) -> Option<Self> {
        let texts = read_texts(plan, lexicon, bytes)?;
        let places: Vec<usize> = plan.text_words().collect();
        let mut pending = Self::new(plan.view.staged_words());
        let mut words = vec![0; pending.width];
        for _ in 0..u64::from_le_bytes(take(bytes)?) {
            let order = (
                i64::from_le_bytes(take(bytes)?),
                u64::from_le_bytes(take(bytes)?),
            );
            let length = u32::from_le_bytes(take(bytes)?) as usize;
            let (key, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            is_key(&plan.key_types, key).then_some(())?;
            for word in &mut words {
                *word = u64::from_le_bytes(take(bytes)?);
            }
            for &place in &places {
                words[place] = restored(&texts, words[place])?;
            }
            pending.push(order, key, crate::hash::hash(key), &words);
        }
        Some(pending)
    }
}
