//! Quotients of integers, rounded once.

/// `numerator / denominator` as the nearest double, ties to even. The denominator is positive.
///
/// Converting both to float64 first would round three times; int means promise the exact value.
///
/// ```
/// use forerun_core::ratio::ratio;
///
/// assert_eq!(ratio(7, 2), 3.5);
/// assert_eq!(ratio(-1, 3), -1.0 / 3.0);
/// assert_eq!(ratio((1 << 60) + 1, 1 << 60), 1.0);
/// ```
#[must_use]
pub fn ratio(numerator: i128, denominator: u64) -> f64 {
    let (magnitude, divisor) = (numerator.unsigned_abs(), u128::from(denominator.max(1)));
    // With the top bit set the quotient has at least 64 bits, more than the 53 a double keeps.
    let shift = magnitude.leading_zeros().min(127);
    let scaled = magnitude << shift;
    // A remainder only matters as "not exactly a tie": it becomes the lowest bit.
    let quotient = (scaled / divisor) | u128::from(scaled % divisor != 0);
    let value = quotient as f64 * f64::from_bits(u64::from(1023 - shift) << 52);
    if numerator < 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_quotients_equal_float_division() {
        for numerator in -50i32..50 {
            for denominator in 1..50u32 {
                let expected = f64::from(numerator) / f64::from(denominator);
                let expected = if numerator == 0 { 0.0 } else { expected };
                assert_eq!(
                    ratio(numerator.into(), denominator.into()).to_bits(),
                    expected.to_bits()
                );
            }
        }
    }

    #[test]
    fn rounding_happens_once() {
        // 2^53 + 1 is a tie that rounds to even; a remainder above it must round up.
        let tie = (1i128 << 53) + 1;
        assert_eq!(ratio(tie, 1), 9_007_199_254_740_992.0);
        assert_eq!(ratio(tie * 3 + 1, 3), 9_007_199_254_740_994.0);
        assert_eq!(ratio(i128::MAX, 1), 2f64.powi(127));
        assert_eq!(ratio(i128::MIN, u64::MAX), -(2f64.powi(63)));
    }
}
