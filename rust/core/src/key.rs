//! Entity keys: the canonical bytes of key columns, and their hashes.

use std::borrow::Borrow;

use crate::column::Column;
use crate::hash::hash;
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
    end: usize,
    null: bool,
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

    /// The same in the memory of earlier keys.
    pub fn refill<C: Borrow<Column>>(&mut self, parts: &[(Type, C)], rows: usize) {
        self.bytes.clear();
        self.marks.clear();
        for row in 0..rows {
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
                end: self.bytes.len(),
                null,
            });
        }
    }

    /// The hash of a row's key; none when a part is null.
    #[inline]
    #[must_use]
    pub fn hash(&self, row: usize) -> Option<u64> {
        let mark = &self.marks[row];
        (!mark.null).then_some(mark.hash)
    }

    /// The key of a row and its hash; none when a part is null.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> Option<(&[u8], u64)> {
        let mark = &self.marks[row];
        if mark.null {
            return None;
        }
        let start = if row == 0 { 0 } else { self.marks[row - 1].end };
        Some((&self.bytes[start..mark.end], mark.hash))
    }
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
    for ty in types {
        let Some(part) = part(*ty, &mut key) else {
            break;
        };
        parts.push(part);
    }
    format!("({})", parts.join(", "))
}

fn part(ty: Type, key: &mut &[u8]) -> Option<String> {
    use crate::totals::take;
    Some(match ty {
        Type::String => {
            let length = u32::from_le_bytes(take(key)?) as usize;
            let (text, rest) = key.split_at_checked(length)?;
            *key = rest;
            format!("{:?}", String::from_utf8_lossy(text))
        }
        Type::Bool => (take::<1>(key)? != [0]).to_string(),
        _ => i64::from_le_bytes(take(key)?).to_string(),
    })
}
