//! The value of a feature that is a list.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, ListArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;

use crate::column::Column;
use crate::expr::Scalar;
use crate::one::One;
use crate::plan::Feature;
use crate::types::Type;

/// Values in order, as words; where they are text, `texts` has them.
///
/// ```
/// use forerun_core::list::List;
///
/// assert_eq!(List::of(vec![7, 5]).words, [7, 5]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// One per value.
    pub words: Vec<u64>,
    /// The values themselves, when they are text.
    pub texts: Vec<Box<[u8]>>,
    /// How often each occurs, as long as they are to be ranked.
    pub counts: Vec<u64>,
}

impl List {
    /// Of words.
    #[must_use]
    pub fn of(words: Vec<u64>) -> Self {
        Self {
            words,
            ..Self::default()
        }
    }

    /// The values that occur most, by count descending and then by value.
    ///
    /// Values of a text feature without constants are words of a lexicon: they stay in pairs with their counts
    /// until [`List::resolve`] knows their texts.
    #[must_use]
    pub fn ranked(counts: Vec<(u64, u64)>, feature: &Feature) -> Self {
        let params = &feature.params;
        if feature.is_text() && params.among.is_empty() {
            let (words, counts) = counts.into_iter().unzip();
            return Self {
                words,
                texts: Vec::new(),
                counts,
            };
        }
        let order = |word: u64| match feature.ty {
            Type::Float if params.among.is_empty() => crate::extent::Extent::rank(true, word),
            _ => word as i64,
        };
        let mut ranked = counts;
        ranked.sort_unstable_by_key(|&(word, count)| (Reverse(count), order(word)));
        ranked.truncate(params.n);
        let words: Vec<u64> = ranked.into_iter().map(|(word, _)| word).collect();
        if params.among.is_empty() {
            Self::of(words)
        } else {
            Self::of_constants(&words, &params.among)
        }
    }

    /// The constants at these places.
    fn of_constants(places: &[u64], constants: &[Scalar]) -> Self {
        let mut list = Self::default();
        for constant in places.iter().filter_map(|&at| constants.get(at as usize)) {
            match constant {
                Scalar::Bool(value) => list.words.push(u64::from(*value)),
                Scalar::Whole(value) => list.words.push(*value as u64),
                Scalar::Float(value) => list.words.push(value.to_bits()),
                Scalar::Text(value) => {
                    list.words.push(0);
                    list.texts.push(value.as_bytes().into());
                }
                Scalar::Null => {}
            }
        }
        list
    }

    /// The column of many lists; null where there is no list.
    #[must_use]
    pub fn array(lists: &[Option<Box<Self>>], ty: Type) -> ArrayRef {
        let all = || lists.iter().flatten();
        let words: Vec<u64> = all().flat_map(|list| list.words.iter().copied()).collect();
        let values = if ty == Type::String {
            let texts: Vec<&[u8]> = all()
                .flat_map(|list| &list.texts)
                .map(|text| &**text)
                .collect();
            Column::texts(texts.len(), |at| Some(texts[at]))
        } else {
            let valid = vec![true; words.len()];
            Column::from_words(ty, words, &valid)
        };
        let values = values.to_array(ty);
        let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
        let field = Field::new("item", values.data_type().clone(), false);
        let lengths = lists
            .iter()
            .map(|list| list.as_deref().map_or(0, |list| list.words.len()));
        Arc::new(ListArray::new(
            Arc::new(field),
            OffsetBuffer::from_lengths(lengths),
            values,
            Some(nulls),
        ))
    }

    /// The values one by one.
    #[must_use]
    pub fn values(&self, ty: Type) -> Vec<One> {
        if ty == Type::String {
            return self.texts.iter().map(|text| One::text(text)).collect();
        }
        let words = self.words.iter();
        words.map(|&word| One::of_word(ty, Some(word))).collect()
    }

    /// The column of the single texts of many lists.
    #[must_use]
    pub fn texts(lists: &[Option<Box<Self>>]) -> Column {
        Column::texts(lists.len(), |row| {
            lists[row]
                .as_ref()
                .and_then(|list| list.texts.first())
                .map(|text| &**text)
        })
    }

    /// One value, as a list of its own when it is text.
    #[must_use]
    pub fn element(&self, at: usize) -> Option<(u64, Option<Box<Self>>)> {
        let word = *self.words.get(at)?;
        let text = self.texts.get(at).map(|text| {
            Box::new(Self {
                words: vec![word],
                texts: vec![text.clone()],
                counts: Vec::new(),
            })
        });
        Some((word, text))
    }

    /// Finds the texts of words; of pairs with counts, those that occur most.
    pub fn resolve(&mut self, most: usize, text: impl Fn(u64) -> Vec<u8>) {
        if !self.texts.is_empty() || self.words.is_empty() {
            return;
        }
        self.texts = self.words.iter().map(|&word| text(word).into()).collect();
        if !self.counts.is_empty() {
            let mut ranked: Vec<(Reverse<u64>, Box<[u8]>)> = std::mem::take(&mut self.counts)
                .into_iter()
                .map(Reverse)
                .zip(std::mem::take(&mut self.texts))
                .collect();
            ranked.sort_unstable();
            ranked.truncate(most);
            self.texts = ranked.into_iter().map(|(_, text)| text).collect();
            self.words = vec![0; self.texts.len()];
        }
    }
}
