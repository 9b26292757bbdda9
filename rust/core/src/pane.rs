//! One pane: what is accumulated of its events, at hand, and in parts that may sleep in the store.

use crate::accumulator::Accumulator;
use crate::emitter::Taken;
use crate::emitter_plan::Emitter;
use crate::emitter_state::{read_cells, read_texts, texts_of, versioned, write_cells, write_texts};
use crate::groups::{Groups, Sorted};
use crate::key::{Key, is_key};
use crate::stored_texts::StoredTexts;
use crate::text::Lexicon;
use crate::totals::take;

/// Bytes that a part may have when a content is cut, but for a key that has more.
const PART_BYTES: usize = 128 * 1024;

/// What is read back of a part takes up to twice as much, as vectors have room to grow.
const LARGE_BYTES: usize = 4 * PART_BYTES;

/// A pane.
///
/// While memory suffices there is only the content. When it does not, the content is set apart: cut into parts that
/// are stored and may then leave memory, each under a number. Events that come later begin a new content. What a key
/// has in a pane is all that its parts and the content have, in that order.
#[derive(Clone, Debug)]
pub(crate) struct Pane {
    pub(crate) start: i64,
    /// Whether the content has changed since the last take.
    pub(crate) changed: bool,
    pub(crate) content: Content,
    /// Under what key the store has the content, as it was at the last take.
    row: Option<Vec<u8>>,
    /// Oldest first.
    parts: Vec<Part>,
}

/// What is accumulated of some keys of a pane, and gets no more events.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    number: u32,
    /// No key in it is before this one.
    pub(crate) from: Key,
    /// None while it sleeps.
    pub(crate) content: Option<Sorted>,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Open(Groups),
    Closed(Sorted),
}

impl Content {
    /// Sorted, for reading; it is opened again should an event come.
    pub(crate) fn sort(&mut self) -> &Sorted {
        if let Self::Open(groups) = self {
            *self = Self::Closed(std::mem::take(groups).sorted());
        }
        self.sorted()
    }

    /// As [`Content::sort`] has left it.
    pub(crate) fn sorted(&self) -> &Sorted {
        match self {
            Self::Closed(sorted) => sorted,
            Self::Open(_) => unreachable!("it was sorted, and has got no event since"),
        }
    }

    #[inline]
    pub(crate) fn open(&mut self) -> &mut Groups {
        if let Self::Closed(sorted) = self {
            *self = Self::Open(std::mem::take(sorted).open());
        }
        match self {
            Self::Open(groups) => groups,
            Self::Closed(_) => unreachable!("it was just opened"),
        }
    }

    /// Sorted, and gone from here.
    fn take(&mut self) -> Sorted {
        match std::mem::replace(self, Self::Open(Groups::default())) {
            Self::Open(groups) => groups.sorted(),
            Self::Closed(sorted) => sorted,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Open(groups) => groups.is_empty(),
            Self::Closed(sorted) => sorted.is_empty(),
        }
    }

    fn cells_mut(&mut self) -> &mut [Accumulator] {
        match self {
            Self::Open(groups) => groups.cells_mut(),
            Self::Closed(sorted) => sorted.cells_mut(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Open(groups) => groups.bytes(),
            Self::Closed(sorted) => sorted.bytes(),
        }
    }
}

impl Pane {
    /// Without events.
    pub(crate) fn new(start: i64) -> Self {
        Self {
            start,
            changed: false,
            content: Content::Open(Groups::default()),
            row: None,
            parts: Vec::new(),
        }
    }

    /// What is accumulated of each key, in memory.
    pub(crate) fn cells_mut(&mut self) -> impl Iterator<Item = &mut [Accumulator]> {
        let parts = self.parts.iter_mut();
        let parts = parts.filter_map(|part| part.content.as_mut().map(Sorted::cells_mut));
        parts.chain(std::iter::once(self.content.cells_mut()))
    }

    /// What was set apart.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The key of a part in the store.
    pub(crate) fn row_of(&self, part: &Part) -> Vec<u8> {
        row_key(self.start, part.number, part.from.bytes())
    }

    /// The keys of all that the store has of it.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<u8>> {
        let parts = self.parts.iter().map(|part| self.row_of(part));
        parts.chain(self.row.clone())
    }

    /// Appends what must be stored if it has changed, or in any case; with `apart` the content becomes parts.
    pub(crate) fn take(
        &mut self,
        plan: &Emitter,
        lexicon: &Lexicon,
        (all, apart): (bool, bool),
        taken: &mut Vec<Taken>,
    ) {
        let changed = std::mem::take(&mut self.changed) || all;
        if self.content.is_empty() {
            return;
        }
        // What was stored whole before memory was short is stored again, in parts.
        let cut = apart && self.is_large();
        if !changed && !cut {
            if apart {
                self.set_apart();
            }
            return;
        }
        let (before, number) = (self.row.take(), self.next());
        let row = row_key(self.start, number, from(number, self.content.sort()));
        if let Some(before) = before.filter(|before| *before != row) {
            taken.push((before, None));
        }
        if !apart {
            let bytes = versioned(written(self.content.sorted(), plan, lexicon));
            taken.push((row.clone(), Some(bytes)));
            self.row = Some(row);
            return;
        }
        let parts = self.content.take().cut(plan.sources.len(), PART_BYTES);
        for (number, part) in (number..).zip(parts) {
            let row = row_key(self.start, number, from(number, &part));
            taken.push((row, Some(versioned(written(&part, plan, lexicon)))));
            self.add_part(number, part);
        }
    }

    fn add_part(&mut self, number: u32, content: Sorted) {
        self.parts.push(Part {
            number,
            from: Key::new(from(number, &content)),
            content: Some(content),
        });
    }

    /// The number of the next part.
    fn next(&self) -> u32 {
        self.parts.last().map_or(0, |part| part.number + 1)
    }

    /// Whether the content, stored while there was plenty of memory, would be more than a part.
    fn is_large(&self) -> bool {
        self.content.bytes() > LARGE_BYTES
    }

    /// Makes a part of the content, which is stored as it is.
    fn set_apart(&mut self) {
        let (number, content) = (self.next(), self.content.take());
        self.row = None;
        self.add_part(number, content);
    }

    /// Takes out of memory what is stored; returns how many bytes that were.
    ///
    /// A content that is more than a part stays until it has been stored in parts: else a window that closes would
    /// have all of it in memory again.
    pub(crate) fn evict(&mut self) -> usize {
        if !self.changed && self.row.is_some() && !self.is_large() {
            self.set_apart();
        }
        let contents = self.parts.iter_mut().filter_map(|part| part.content.take());
        contents.map(|content| content.bytes()).sum()
    }

    /// Puts a part back, without content when it sleeps; false when it is there already.
    pub(crate) fn put(&mut self, number: u32, from: &[u8], content: Option<Sorted>) -> bool {
        if self.row.is_some() {
            self.set_apart();
        }
        if content
            .as_ref()
            .is_some_and(|content| !begins(content, from))
        {
            return false;
        }
        let content = match content {
            // Most panes have no other; and it may be larger than a part, as only the newest can be.
            Some(content) if number == self.next() => {
                self.content = Content::Closed(content);
                self.row = Some(row_key(self.start, number, from));
                return true;
            }
            content => content,
        };
        let Err(at) = self.parts.binary_search_by_key(&number, |part| part.number) else {
            return false;
        };
        let from = Key::new(from);
        let part = Part {
            number,
            from,
            content,
        };
        self.parts.insert(at, part);
        true
    }

    /// Has again what was loaded of a part, given by its place.
    pub(crate) fn wake(&mut self, place: usize, content: Sorted) {
        if let Some(part) = self.parts.get_mut(place) {
            part.content = Some(content);
        }
        // With a single part it is as if it had never been set apart.
        if let [
            Part {
                number: 0, content, ..
            },
        ] = &mut self.parts[..]
            && self.content.is_empty()
            && let Some(content) = content.take()
        {
            self.content = Content::Closed(content);
            self.row = Some(row_key(self.start, 0, &[]));
            self.parts.clear();
        }
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let parts = self.parts.iter();
        let parts = parts.filter_map(|part| part.content.as_ref().map(Sorted::bytes));
        self.content.bytes() + parts.sum::<usize>()
    }

    /// Number of parts that sleep.
    pub(crate) fn asleep(&self) -> usize {
        let asleep = self.parts.iter().filter(|part| part.content.is_none());
        asleep.count()
    }
}

/// What the key of a part says of the keys in it: of the first one nothing.
fn from(number: u32, sorted: &Sorted) -> &[u8] {
    if number == 0 || sorted.is_empty() {
        &[]
    } else {
        sorted.key(0)
    }
}

/// Whether no key of a part is before the one that it is stored under.
pub(crate) fn begins(sorted: &Sorted, from: &[u8]) -> bool {
    sorted.is_empty() || sorted.key(0) >= from
}

/// The key in the store: the start, so that it orders like it; of parts but the first their number and first key.
pub(crate) fn row_key(start: i64, number: u32, from: &[u8]) -> Vec<u8> {
    let mut key = ((start as u64) ^ (1 << 63)).to_be_bytes().to_vec();
    if number > 0 {
        key.extend_from_slice(&number.to_be_bytes());
        key.extend_from_slice(from);
    }
    key
}

/// Start, number and first key of a part; `None` when it is no key of one.
pub(crate) fn parse_row<'a>(plan: &Emitter, mut key: &'a [u8]) -> Option<(i64, u32, &'a [u8])> {
    let start = (u64::from_be_bytes(take(&mut key)?) ^ (1 << 63)) as i64;
    if key.is_empty() {
        return Some((start, 0, key));
    }
    let number = u32::from_be_bytes(take(&mut key)?);
    (number > 0 && is_key(&plan.key_types, key)).then_some((start, number, key))
}

/// The bytes of a content or part.
pub(crate) fn written(sorted: &Sorted, plan: &Emitter, lexicon: &Lexicon) -> Vec<u8> {
    let mut out = Vec::new();
    let tracks = plan.sources.len();
    let keys = (0..sorted.len()).map(|at| sorted.cells(at, tracks));
    let texts = texts_of(plan, lexicon, keys);
    write_texts(plan, &texts, &mut out);
    out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
    for at in 0..sorted.len() {
        write_row(
            plan,
            sorted.key(at),
            sorted.cells(at, tracks),
            &texts,
            &mut out,
        );
    }
    out
}

/// Appends a key, and what is accumulated of it.
pub(crate) fn write_row(
    plan: &Emitter,
    key: &[u8],
    cells: &[Accumulator],
    texts: &StoredTexts,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&(key.len() as u32).to_le_bytes());
    out.extend_from_slice(key);
    write_cells(plan, texts, cells, out);
}

/// Reads the bytes of a content or part; `None` when they are not that.
pub(crate) fn read(plan: &Emitter, lexicon: &mut Lexicon, mut bytes: &[u8]) -> Option<Sorted> {
    let mut sorted = Sorted::default();
    let texts = read_texts(plan, lexicon, &mut bytes)?;
    let keys = u32::from_le_bytes(take(&mut bytes)?);
    for at in 0..keys as usize {
        let length = u32::from_le_bytes(take(&mut bytes)?) as usize;
        let (key, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        if at > 0 && sorted.key(at - 1) >= key || !is_key(&plan.key_types, key) {
            return None;
        }
        let cells = read_cells(plan, &texts, &mut bytes)?;
        sorted.push(key, cells.into_iter());
    }
    bytes.is_empty().then_some(sorted)
}
