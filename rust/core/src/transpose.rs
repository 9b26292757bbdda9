//! Turns a square of bits.

/// Makes bit `c` of word `r` bit `r` of word `c`, by swapping ever smaller squares (Hacker's Delight, section 7-3).
///
/// ```
/// use forerun_core::transpose::transpose;
///
/// let mut words = [0; 64];
/// words[3] = 1 << 40;
/// transpose(&mut words);
/// assert_eq!((words[3], words[40]), (0, 1 << 3));
/// ```
pub fn transpose(words: &mut [u64; 64]) {
    let (mut half, mut low) = (32, u64::MAX >> 32);
    while half > 0 {
        for pair in words.chunks_exact_mut(2 * half) {
            let (upper, lower) = pair.split_at_mut(half);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let differing = (*upper >> half ^ *lower) & low;
                *upper ^= differing << half;
                *lower ^= differing;
            }
        }
        half /= 2;
        low ^= low << half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_changes_places_with_one() {
        for row in 0..64 {
            for column in 0..64 {
                let mut words = [0; 64];
                words[row] = 1 << column;
                transpose(&mut words);
                let mut expected = [0; 64];
                expected[column] = 1 << row;
                assert_eq!(words, expected, "bit {column} of word {row}");
            }
        }
    }
}
