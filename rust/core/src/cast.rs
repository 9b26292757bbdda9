//! Numbers from floats and from text; None where there is none, never a guess.

/// A float without its fraction, where 64 bits hold it.
///
/// ```
/// use forerun_core::cast::whole_of_float;
///
/// assert_eq!(whole_of_float(-1.5), Some(-1));
/// assert_eq!(whole_of_float(9.3e18), None);
/// ```
#[must_use]
pub fn whole_of_float(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

/// Decimal digits with or without a sign, and nothing else, where 64 bits hold them.
#[must_use]
pub fn whole_of_text(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A finite decimal number as programs write it, like "-1.5e3", and nothing else: no spaces, no "inf".
#[must_use]
pub fn float_of_text(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}
