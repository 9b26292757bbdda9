//! Entity keys: the canonical bytes of key columns, and their hashes.

use std::borrow::Borrow;
use std::ops::Range;

use crate::column::Column;
use crate::hash::hash;
use crate::threads::{THREAD_ROWS, shared};
use crate::totals::take;
use crate::types::Type;

/// The keys of all rows of a batch, encoded once.
///
/// Text is its length (u32, little endian) and its UTF-8 bytes; int, time and duration are eight bytes,
/// little endian; bool is one byte. A key with a null part is no key.
///
/// ```
/// use forerun_core::column::Column;
/// use forerun_core::key::Keys;
/// use forerun_core::types::Type;
///
/// let airports = Column::texts(2, |row| (row == 0).then_some(b"EWR".as_slice()));
/// let keys = Keys::encode(&[(Type::String, &airports)], 2);
/// assert_eq!(keys.get(0).map(|(key, _)| key), Some(b"\x03\0\0\0EWR".as_slice()));
/// assert_eq!(keys.get(1), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// Where a key ends among the bytes of all, and its hash.
#[derive(Clone, Copy, Debug)]
struct Mark {
    hash: u64,
    /// The end, and one bit that says whether there is no key.
    end: usize,
}

/// Of [`Mark::end`].
const NULL: usize = 1 << (usize::BITS - 1);

impl Mark {
    #[inline]
    fn end(self) -> usize {
        self.end & !NULL
    }

    #[inline]
    fn is_null(self) -> bool {
        self.end & NULL != 0
    }
}

impl Keys {
    /// Encodes `rows` rows of key columns.
    #[must_use]
    pub fn encode<C: Borrow<Column>>(parts: &[(Type, C)], rows: usize) -> Self {
        let mut keys = Self {
            bytes: Vec::with_capacity(rows * parts.len() * 12),
            marks: Vec::with_capacity(rows),
        };
        keys.refill(parts, rows);
        keys
    }

    /// The same by several threads, each of which takes some of the rows.
    #[must_use]
    pub(crate) fn encode_by(parts: &[(Type, &Column)], rows: usize, threads: usize) -> Self {
        // Numbers are encoded faster than they are put together.
        if threads == 1 || rows < THREAD_ROWS || numbers(parts).is_some() {
            return Self::encode(parts, rows);
        }
        let each = rows.div_ceil(threads);
        let parts_of = shared(threads, |nth| {
            let some = (nth * each).min(rows)..((nth + 1) * each).min(rows);
            let mut keys = Self {
                bytes: Vec::with_capacity(some.len() * parts.len() * 12),
                marks: Vec::with_capacity(some.len()),
            };
            keys.extend(parts, some);
            keys
        });
        let mut all = Self {
            bytes: Vec::with_capacity(parts_of.iter().map(|keys| keys.bytes.len()).sum()),
            marks: Vec::with_capacity(rows),
        };
        for keys in parts_of {
            let before = all.bytes.len();
            all.bytes.extend_from_slice(&keys.bytes);
            all.marks.extend(keys.marks.into_iter().map(|mark| Mark {
                end: mark.end + before,
                ..mark
            }));
        }
        all
    }

    /// The same in the memory of earlier keys.
    pub fn refill<C: Borrow<Column>>(&mut self, parts: &[(Type, C)], rows: usize) {
        self.bytes.clear();
        self.marks.clear();
        self.extend(parts, 0..rows);
    }

    fn extend<C: Borrow<Column>>(&mut self, parts: &[(Type, C)], rows: Range<usize>) {
        if let Some(numbers) = numbers(parts) {
            for number in &numbers[rows] {
                let key = number.to_le_bytes();
                self.bytes.extend_from_slice(&key);
                self.marks.push(Mark {
                    hash: hash(&key),
                    end: self.bytes.len(),
                });
            }
            return;
        }
        for row in rows {
            let start = self.bytes.len();
            let mut null = false;
            for (ty, column) in parts {
                let column: &Column = column.borrow();
                match ty {
                    Type::String => {
                        let text = column.text(row);
                        null |= text.is_none();
                        let text = text.unwrap_or_default();
                        self.bytes
                            .extend_from_slice(&(text.len() as u32).to_le_bytes());
                        self.bytes.extend_from_slice(text);
                    }
                    Type::Bool => {
                        null |= !column.is_valid(row);
                        self.bytes.push(column.word(row) as u8);
                    }
                    _ => {
                        null |= !column.is_valid(row);
                        self.bytes
                            .extend_from_slice(&column.word(row).to_le_bytes());
                    }
                }
            }
            self.marks.push(Mark {
                hash: hash(&self.bytes[start..]),
                end: self.bytes.len() | if null { NULL } else { 0 },
            });
        }
    }

    /// The hash of a row's key; none when a part is null.
    #[inline]
    #[must_use]
    pub fn hash(&self, row: usize) -> Option<u64> {
        let mark = &self.marks[row];
        (!mark.is_null()).then_some(mark.hash)
    }

    /// The key of a row and its hash; none when a part is null.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> Option<(&[u8], u64)> {
        let mark = &self.marks[row];
        if mark.is_null() {
            return None;
        }
        let start = row
            .checked_sub(1)
            .map_or(0, |before| self.marks[before].end());
        Some((&self.bytes[start..mark.end()], mark.hash))
    }
}

/// The numbers that are the keys, one a row and none null; when it is that simple.
fn numbers<C: Borrow<Column>>(parts: &[(Type, C)]) -> Option<&[i64]> {
    let [(ty, column)] = parts else {
        return None;
    };
    let column: &Column = column.borrow();
    let all = (ty.is_whole() && !column.has_nulls()).then(|| column.wholes())?;
    // One value for many rows has no memory for each.
    (all.len() == column.len()).then_some(all)
}

/// The key of an entity: short ones need no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Number of bytes, and the bytes.
    Short(u8, [u8; SHORT]),
    /// Longer than that.
    Long(Box<[u8]>),
}

/// Bytes of a key that fit beside its length into three words.
pub(crate) const SHORT: usize = 22;

impl Key {
    /// The key of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, short)
            }
            None => Self::Long(bytes.into()),
        }
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes_used(&self) -> usize {
        match self {
            Self::Short(..) => 0,
            Self::Long(bytes) => bytes.len(),
        }
    }
}

/// A key in words, for messages.
#[must_use]
pub fn describe(types: &[Type], mut key: &[u8]) -> String {
    let mut parts = Vec::with_capacity(types.len());
    for &ty in types {
        let Some(part) = part(ty, &mut key) else {
            break;
        };
        parts.push(match (ty, part) {
            (Type::String, text) => format!("{:?}", String::from_utf8_lossy(text)),
            (Type::Bool, bit) => (bit != [0]).to_string(),
            (_, word) => word
                .first_chunk()
                .map_or(0, |word| i64::from_le_bytes(*word))
                .to_string(),
        });
    }
    format!("({})", parts.join(", "))
}

/// True when bytes are a key of these types.
#[must_use]
pub(crate) fn is_key(types: &[Type], mut key: &[u8]) -> bool {
    let fits = |&ty: &Type| match (ty, part(ty, &mut key)) {
        (_, None) => false,
        (Type::String, Some(text)) => std::str::from_utf8(text).is_ok(),
        (Type::Bool, Some(bit)) => bit[0] <= 1,
        _ => true,
    };
    types.iter().all(fits) && key.is_empty()
}

/// The bytes of the next part of a key, without a text's length; none when there are too few.
fn part<'a>(ty: Type, key: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match ty {
        Type::String => u32::from_le_bytes(take(key)?) as usize,
        Type::Bool => 1,
        _ => 8,
    };
    let (part, rest) = key.split_at_checked(length)?;
    *key = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one::One;

    #[test]
    fn what_is_no_key_of_its_types_is_told_from_one() {
        let types = [Type::String, Type::Bool, Type::Int];
        let key = [&b"\x03\0\0\0EWR\x01"[..], &[7, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(is_key(&types, &key) && is_key(&[], b""));
        assert_eq!(describe(&types, &key), r#"("EWR", true, 7)"#);
        for length in 0..key.len() {
            assert!(!is_key(&types, &key[..length]), "{length} bytes");
        }
        assert!(!is_key(&types, &[&key[..], &[0]].concat()));
        for (at, byte) in [(0, 255), (5, 255), (7, 2)] {
            let mut damaged = key.clone();
            damaged[at] = byte;
            assert!(!is_key(&types, &damaged), "{byte} at {at}");
        }
    }

    #[test]
    fn numbers_are_encoded_alike_however_they_are_held() {
        let several = [
            Column::whole(3, |row| Some(row as i64 - 1)),
            Column::whole(3, |row| (row < 2).then_some(row as i64 - 1)),
            Column::same(One::Whole(-1), 3),
        ];
        for column in several {
            let keys = Keys::encode(&[(Type::Int, &column)], 3);
            for row in 0..3 {
                let key = column.as_whole(row).map(i64::to_le_bytes);
                let expected = key.as_ref().map(|key| (&key[..], hash(key)));
                assert_eq!(keys.get(row), expected);
            }
        }
    }

    #[test]
    fn several_threads_encode_the_same_keys() {
        let texts: Vec<String> = (0..5000).map(|n| "x".repeat(n % 40)).collect();
        let texts = Column::texts(5000, |row| (row % 7 != 0).then(|| texts[row].as_bytes()));
        let numbers = Column::whole(5000, |row| (row % 11 != 0).then_some(row as i64));
        let parts = [(Type::String, &texts), (Type::Int, &numbers)];
        let one = Keys::encode(&parts, 5000);
        for threads in [2, 3, 16] {
            let several = Keys::encode_by(&parts, 5000, threads);
            for row in 0..5000 {
                assert_eq!(several.get(row), one.get(row), "row {row}");
                assert_eq!(several.hash(row).is_none(), row % 7 == 0 || row % 11 == 0);
            }
        }
    }
}
