//! A fast hash of key bytes, the same on every machine and in every run.

const SEEDS: [u64; 3] = [
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
];

/// Hashes bytes by folded multiplication (as wyhash does). Used in memory only: no result depends on it.
///
/// ```
/// use forerun_core::hash::hash;
///
/// assert_eq!(hash(b"EWR"), hash(b"EWR"));
/// assert_ne!(hash(b"EWR"), hash(b"JFK"));
/// ```
#[inline]
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut state = SEEDS[0].wrapping_mul(bytes.len() as u64 | 1 << 63);
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        state = fold(word(chunk) ^ SEEDS[1], word(&chunk[8..]) ^ state);
    }
    let rest = chunks.remainder();
    let (low, high) = match rest.len() {
        0 => (0, 0),
        1..8 => (short(rest), 0),
        _ => (word(rest), word(&rest[rest.len() - 8..])),
    };
    fold(fold(low ^ SEEDS[1], high ^ state), SEEDS[2])
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The first eight bytes.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// One to seven bytes.
fn short(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_that_differ_anywhere_hash_apart() {
        let mut seen = HashSet::new();
        for length in 0..40 {
            assert!(seen.insert(hash(&vec![0; length])));
            for at in 0..length {
                let mut bytes = vec![0; length];
                bytes[at] = 1;
                assert!(seen.insert(hash(&bytes)), "length {length}, byte {at}");
            }
        }
    }

    #[test]
    fn numbered_keys_spread_over_low_and_high_bits() {
        let hashes: Vec<u64> = (0..4096u32)
            .map(|n| hash(format!("c{n:07}").as_bytes()))
            .collect();
        let low: HashSet<u64> = hashes.iter().map(|hash| hash & 4095).collect();
        let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 52).collect();
        assert!(
            low.len() > 2400 && high.len() > 2400,
            "{} {}",
            low.len(),
            high.len()
        );
    }
}
