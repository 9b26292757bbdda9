//! Text as words, so that a row of an entity's events has a fixed width.

use hashbrown::HashTable;

use crate::hash::hash;

/// Bytes of text that a word holds itself.
const INLINE_MAX: usize = 7;

/// Low byte of a word that names a text of the lexicon; that of an inline text is its length and one.
const NAMED: u64 = 0xff;

/// The texts that do not fit a word, of the events and totals of one entity.
///
/// Up to seven bytes stand in the word itself; longer text is kept here once, and the word has its number. So equal
/// words are equal texts within one entity. What no event has any more is removed by [`Lexicon::sweep`].
///
/// ```
/// use forerun_core::text::Lexicon;
///
/// let mut lexicon = Lexicon::default();
/// let (short, long) = (lexicon.word(b"EWR"), lexicon.word(b"Newark Liberty"));
/// assert_eq!(lexicon.text(short), b"EWR");
/// assert_eq!(lexicon.text(long), b"Newark Liberty");
/// assert_eq!(lexicon.word(b"Newark Liberty"), long);
/// assert_eq!(lexicon.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    table: HashTable<u32>,
    texts: Vec<Box<[u8]>>,
    free: Vec<u32>,
    /// Texts added since the last sweep.
    fresh: usize,
}

/// The word of a text that fits one.
#[inline]
#[must_use]
pub fn inline(text: &[u8]) -> Option<u64> {
    if text.len() > INLINE_MAX {
        return None;
    }
    let mut bytes = [0; 8];
    bytes[0] = text.len() as u8 + 1;
    bytes[1..=text.len()].copy_from_slice(text);
    Some(u64::from_le_bytes(bytes))
}

/// The number of a text that does not stand in the word itself.
#[inline]
#[must_use]
pub fn number_of(word: u64) -> Option<usize> {
    (word & 0xff == NAMED).then_some((word >> 8) as usize)
}

/// The word of a numbered text.
#[inline]
#[must_use]
pub fn named(number: usize) -> u64 {
    (number as u64) << 8 | NAMED
}

impl Lexicon {
    /// Number of texts kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True without texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The word of a text, kept when new.
    pub fn word(&mut self, text: &[u8]) -> u64 {
        if let Some(word) = inline(text) {
            return word;
        }
        let hashed = hash(text);
        let same = |&at: &u32| *self.texts[at as usize] == *text;
        if let Some(&at) = self.table.find(hashed, same) {
            return named(at as usize);
        }
        self.fresh += 1;
        let at = match self.free.pop() {
            Some(at) => {
                self.texts[at as usize] = text.into();
                at
            }
            None => {
                self.texts.push(text.into());
                (self.texts.len() - 1) as u32
            }
        };
        let texts = &self.texts;
        self.table
            .insert_unique(hashed, at, |&at| hash(&texts[at as usize]));
        named(at as usize)
    }

    /// The text of a word; empty for words that are no text.
    #[must_use]
    pub fn text(&self, word: u64) -> Vec<u8> {
        match number_of(word) {
            Some(number) => self
                .texts
                .get(number)
                .map_or(Vec::new(), |text| text.to_vec()),
            None => {
                let bytes = word.to_le_bytes();
                let length = usize::from(bytes[0]).saturating_sub(1).min(INLINE_MAX);
                bytes[1..=length].to_vec()
            }
        }
    }

    /// True when a sweep over `rows` events costs O(1) for each text added since the last one.
    #[inline]
    #[must_use]
    pub fn sweep_is_due(&self, rows: usize) -> bool {
        self.fresh >= 16.max(self.len() / 2).max(rows / 8)
    }

    /// Keeps the texts of the words that `visit` shows and forgets all others.
    pub fn sweep(&mut self, visit: impl FnOnce(&mut dyn FnMut(u64))) {
        let mut seen = vec![false; self.texts.len()];
        visit(&mut |word| {
            if let Some(seen) = number_of(word).and_then(|number| seen.get_mut(number)) {
                *seen = true;
            }
        });
        self.table.retain(|&mut at| seen[at as usize]);
        self.free.clear();
        for (at, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
            self.texts[at] = Box::default();
            self.free.push(at as u32);
        }
        self.fresh = 0;
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 16).sum();
        texts + self.table.capacity() * 5 + self.free.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        let mut lexicon = Lexicon::default();
        let texts: Vec<Vec<u8>> = (0..200).map(|length| vec![b'x'; length]).collect();
        let words: Vec<u64> = texts.iter().map(|text| lexicon.word(text)).collect();
        for (text, &word) in texts.iter().zip(&words) {
            assert_eq!((lexicon.text(word), word != 0), (text.clone(), true));
        }
        let same: Vec<u64> = texts.iter().rev().map(|text| lexicon.word(text)).collect();
        assert!(same.iter().rev().eq(&words));
        assert_eq!(lexicon.text(0), b"");
    }

    #[test]
    fn a_sweep_keeps_what_is_seen() {
        let mut lexicon = Lexicon::default();
        let name = |at: usize| format!("a long name {at}").into_bytes();
        let words: Vec<u64> = (0..40).map(|at| lexicon.word(&name(at))).collect();
        assert!(lexicon.sweep_is_due(0) && !lexicon.sweep_is_due(1000));
        lexicon.sweep(|see| words.iter().step_by(2).for_each(|&word| see(word)));
        assert_eq!(lexicon.len(), 20);
        (100..120).for_each(|at| {
            lexicon.word(&name(at));
        });
        assert_eq!((lexicon.len(), lexicon.texts.len()), (40, 40));
        assert_eq!(lexicon.text(words[38]), name(38));
    }
}
