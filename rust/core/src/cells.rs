//! The values of one feature, read after read.

use crate::column::Column;
use crate::types::Type;

/// A column of feature values in the making.
///
/// ```
/// use forerun_core::cells::Cells;
/// use forerun_core::types::Type;
///
/// let mut cells = Cells::default();
/// cells.push(Some(7));
/// cells.push(None);
/// let column = cells.into_column(Type::Int);
/// assert_eq!((column.as_whole(0), column.as_whole(1)), (Some(7), None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cells {
    words: Vec<u64>,
    valid: Vec<bool>,
}

impl Cells {
    /// Appends a value, or null.
    #[inline]
    pub fn push(&mut self, word: Option<u64>) {
        self.words.push(word.unwrap_or(0));
        self.valid.push(word.is_some());
    }

    /// The column of values of type `ty`.
    #[must_use]
    pub fn into_column(self, ty: Type) -> Column {
        Column::from_words(ty, self.words, &self.valid)
    }
}
