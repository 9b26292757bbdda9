//! The texts of a state, as they are stored beside the words that name them.

use std::collections::{BTreeMap, HashMap};

use crate::text::{Lexicon, named, number_of};
use crate::totals::take;

/// The long texts of some words in the order of their bytes, so that equal states name them alike.
///
/// ```
/// use forerun_core::stored_texts::StoredTexts;
/// use forerun_core::text::{Lexicon, named};
///
/// let mut lexicon = Lexicon::default();
/// let words = [lexicon.word(b"Newark Liberty"), lexicon.word(b"LaGuardia"), lexicon.word(b"JFK")];
/// let texts = StoredTexts::of(|word| lexicon.text(word), |see| words.into_iter().for_each(see));
/// assert_eq!((texts.word(words[1]), texts.word(words[2])), (named(0), words[2]));
/// let mut bytes = Vec::new();
/// texts.write(&mut bytes);
/// let read = StoredTexts::read(&mut lexicon, &mut bytes.as_slice()).unwrap();
/// assert_eq!(read, [words[1], words[0]]);
/// ```
pub struct StoredTexts {
    /// With their words.
    sorted: BTreeMap<Vec<u8>, u64>,
    /// Words to words as stored.
    renamed: HashMap<u64, u64>,
}

impl StoredTexts {
    /// Of the words that `visit` shows.
    pub fn of(text: impl Fn(u64) -> Vec<u8>, visit: impl FnOnce(&mut dyn FnMut(u64))) -> Self {
        let mut sorted = BTreeMap::new();
        visit(&mut |word| {
            if number_of(word).is_some() {
                sorted.insert(text(word), word);
            }
        });
        let numbered = sorted.values().enumerate();
        let renamed = numbered.map(|(at, &word)| (word, named(at))).collect();
        Self { sorted, renamed }
    }

    /// The word of a text in the stored form.
    #[must_use]
    pub fn word(&self, word: u64) -> u64 {
        self.renamed.get(&word).copied().unwrap_or(word)
    }

    /// Appends the texts.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.sorted.len() as u32).to_le_bytes());
        for text in self.sorted.keys() {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text);
        }
    }

    /// The words of what was written in a lexicon, by their number as stored; `None` when the bytes are not that.
    pub fn read(lexicon: &mut Lexicon, bytes: &mut &[u8]) -> Option<Vec<u64>> {
        let mut words = Vec::new();
        let mut before: Option<&[u8]> = None;
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let length = u32::from_le_bytes(take(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            let word = lexicon.word(text);
            // A text that is short or comes twice would have no number of its own.
            if number_of(word).is_none() || before.is_some_and(|before| before >= text) {
                return None;
            }
            before = Some(text);
            words.push(word);
        }
        Some(words)
    }
}

/// A word as stored, in a lexicon whose words are given by number; `None` when there is no such text.
#[must_use]
pub fn restored(words: &[u64], stored: u64) -> Option<u64> {
    match number_of(stored) {
        Some(number) => words.get(number).copied(),
        None => Some(stored),
    }
}
