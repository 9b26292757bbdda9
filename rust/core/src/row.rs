//! The values of one read.

use crate::list::List;
use crate::totals::Overflow;

/// The values of one read, by slot.
///
/// ```
/// use forerun_core::row::Row;
///
/// let mut row = Row::new(2);
/// row.set(1, Some(7));
/// assert_eq!((row.get(0), row.get(1)), (None, Some(7)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Row {
    words: Vec<u64>,
    /// A bit per slot.
    valid: Vec<u64>,
    /// Values that no word holds: lists and texts.
    lists: Vec<Option<Box<List>>>,
    /// Features whose values are beyond the range of their type.
    overflow: Vec<usize>,
    /// What the functions of some of them said.
    failed: Vec<(usize, Box<str>)>,
}

impl Row {
    /// A row of nulls.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            words: vec![0; slots],
            valid: vec![0; slots.div_ceil(64)],
            lists: vec![None; slots],
            overflow: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Sets a list.
    pub fn set_list(&mut self, slot: usize, list: List) {
        self.set(slot, Some(0));
        self.lists[slot] = Some(Box::new(list));
    }

    /// Changes the list of a slot, if there is one.
    pub fn resolve_list(&mut self, slot: usize, change: impl FnOnce(&mut List)) {
        if let Some(list) = &mut self.lists[slot] {
            change(list);
        }
    }

    /// Puts an element of a slot's list in its place, or null when it has no such one.
    pub fn pick(&mut self, slot: usize, at: usize) {
        if let Some(list) = self.lists[slot].take() {
            let element = list.element(at);
            self.set(slot, element.as_ref().map(|(word, _)| *word));
            self.lists[slot] = element.and_then(|(_, text)| text);
        }
    }

    /// The list of a slot.
    #[inline]
    #[must_use]
    pub fn list(&self, slot: usize) -> Option<&List> {
        self.lists[slot].as_deref()
    }

    /// Takes the list out of a slot.
    pub fn take_list(&mut self, slot: usize) -> Option<Box<List>> {
        self.lists[slot].take()
    }

    /// Sets a value, or null.
    #[inline]
    pub fn set(&mut self, slot: usize, word: Option<u64>) {
        self.words[slot] = word.unwrap_or(0);
        let (limb, bit) = (&mut self.valid[slot / 64], 1 << (slot % 64));
        *limb = if word.is_some() {
            *limb | bit
        } else {
            *limb & !bit
        };
    }

    /// Sets what a feature's aggregate gave; a value beyond the range of its type is null, and the feature noted.
    #[inline]
    pub fn put(&mut self, slot: usize, feature: usize, value: Result<Option<u64>, Overflow>) {
        match value {
            Ok(word) => self.set(slot, word),
            Err(Overflow) => self.overflow(slot, feature),
        }
    }

    /// The same of a feature whose function failed, with what it said.
    #[cold]
    pub fn fail(&mut self, slot: usize, feature: usize, why: Box<str>) {
        self.overflow(slot, feature);
        self.failed.push((feature, why));
    }

    #[cold]
    fn overflow(&mut self, slot: usize, feature: usize) {
        self.set(slot, None);
        self.overflow.push(feature);
    }

    /// The features whose values are beyond the range of their type, since they were last taken.
    #[inline]
    #[must_use]
    pub fn overflown(&self) -> &[usize] {
        &self.overflow
    }

    /// Takes them, with what functions said.
    #[cold]
    pub fn take_overflown(&mut self) -> Vec<(usize, Option<Box<str>>)> {
        let mut failed = std::mem::take(&mut self.failed).into_iter().peekable();
        let features = std::mem::take(&mut self.overflow).into_iter();
        let told = features.map(|feature| {
            // In the order in which they were noted.
            let why = failed.next_if(|(failed, _)| *failed == feature);
            (feature, why.map(|(_, why)| why))
        });
        told.collect()
    }

    /// The value of a slot.
    #[inline]
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<u64> {
        (self.valid[slot / 64] >> (slot % 64) & 1 == 1).then_some(self.words[slot])
    }

    /// The words of all slots, 0 where there is null.
    #[inline]
    pub(crate) fn words(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The bits of all slots that hold a value.
    #[inline]
    pub(crate) fn valid(&mut self) -> &mut [u64] {
        &mut self.valid
    }
}
