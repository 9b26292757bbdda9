//! The hash of a whole state, in the making.

use sha2::{Digest, Sha256};

/// The hash of a state, and what of it comes next: a view, or an emitter behind all views.
pub(crate) struct Hashing<'a> {
    pub(crate) digest: &'a mut Sha256,
    pub(crate) number: usize,
}

impl Hashing<'_> {
    /// Adds a key and the length of its bytes, which are added after that.
    pub(crate) fn begin(&mut self, key: &[u8], length: usize) {
        self.add(&(self.number as u32).to_le_bytes());
        self.add(&(key.len() as u32).to_le_bytes());
        self.add(key);
        self.add(&(length as u64).to_le_bytes());
    }

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// Adds a key and its bytes.
    pub(crate) fn row(&mut self, key: &[u8], bytes: &[u8]) {
        self.begin(key, bytes.len());
        self.add(bytes);
    }
}
