//! Days and dates of the Gregorian calendar, carried back before its invention.
//!
//! The arithmetic is Howard Hinnant's, "chrono-Compatible Low-Level Date Algorithms".

/// Microseconds of an hour.
pub const HOUR_US: i64 = 3_600_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 24 * HOUR_US;

const CYCLE_DAYS: i64 = 146_097;
/// Days from 1 March of year 0 to 1970.
const EPOCH_DAYS: i64 = 719_468;

/// A date.
///
/// ```
/// use forerun_core::civil;
///
/// let leap = civil::date(59 + 365 * 2); // days since 1970
/// assert_eq!((leap.year, leap.month, leap.day), (1972, 2, 29));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year; 0 is the one before 1.
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// Of the month, from 1.
    pub day: i64,
}

/// The date of a day, counted from 1970.
#[must_use]
pub fn date(day: i64) -> Date {
    let since_march = day + EPOCH_DAYS;
    let cycle = since_march.div_euclid(CYCLE_DAYS);
    let of_cycle = since_march.rem_euclid(CYCLE_DAYS);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153; // 0 is March
    let january = i64::from(month >= 10);
    Date {
        year: cycle * 400 + year + january,
        month: month + 3 - 12 * january,
        day: of_year - (153 * month + 2) / 5 + 1,
    }
}

/// The day a month begins on; months counted from January of year 0.
#[must_use]
pub const fn month_start(month: i64) -> i64 {
    let from_march = month - 2;
    let year = from_march.div_euclid(12);
    let of_cycle = year.rem_euclid(400);
    let days = (153 * from_march.rem_euclid(12) + 2) / 5;
    let leaps = of_cycle / 4 - of_cycle / 100;
    year.div_euclid(400) * CYCLE_DAYS + 365 * of_cycle + leaps + days - EPOCH_DAYS
}

/// The day a year begins on.
#[must_use]
pub const fn year_start(year: i64) -> i64 {
    month_start(year * 12)
}

/// 0 for Monday to 6 for Sunday.
#[must_use]
pub fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}
