//! Ids of what is made for events, many at once.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes of a digest that an id shows.
const SHOWN: usize = 16;

/// The ids of what was made for the events at such places: the first half of the SHA-256 of
/// `{what}/{partition}/{offset}`, in hexadecimal digits.
///
/// ```
/// use forerun_core::ids::ids;
///
/// let made = ids("flights/LateArrival/Scheduled", &[0, 0], &[17, 18]);
/// assert_eq!((made.len(), &*made[0]), (2, "bfc6ebadd4c00a5253df163ed93e310a"));
/// ```
#[must_use]
pub fn ids(what: &str, partitions: &[i64], offsets: &[i64]) -> Vec<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut place = String::new();
    let one = |(partition, offset): (&i64, &i64)| {
        place.clear();
        // Writing to memory does not fail.
        let _ = write!(place, "{what}/{partition}/{offset}");
        let digest = Sha256::digest(place.as_bytes());
        let halves = digest[..SHOWN]
            .iter()
            .flat_map(|&byte| [byte >> 4, byte & 15]);
        halves
            .map(|half| char::from(DIGITS[usize::from(half)]))
            .collect()
    };
    partitions.iter().zip(offsets).map(one).collect()
}
