//! The values of one read.

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
    valid: Vec<bool>,
}

impl Row {
    /// A row of nulls.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            words: vec![0; slots],
            valid: vec![false; slots],
        }
    }

    /// Sets a value, or null.
    #[inline]
    pub fn set(&mut self, slot: usize, word: Option<u64>) {
        self.words[slot] = word.unwrap_or(0);
        self.valid[slot] = word.is_some();
    }

    /// The value of a slot.
    #[inline]
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<u64> {
        self.valid[slot].then_some(self.words[slot])
    }
}
