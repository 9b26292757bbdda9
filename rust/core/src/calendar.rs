//! What a clock and a calendar show: the hour, the day of the week, the month.

use crate::civil::{self, DAY_US, HOUR_US};
use crate::types::Type;

/// The years 1 to 9999, in local microseconds since 1970.
const SHOWN_US: std::ops::RangeInclusive<i64> =
    civil::year_start(1) * DAY_US..=civil::year_start(10_000) * DAY_US - 1;

/// A part of a local time, named as in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 1 to 9999.
    Year,
    /// 1 to 12.
    Month,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 366.
    DayOfYear,
    /// 0 for Monday to 6 for Sunday.
    DayOfWeek,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// What the clock shows since midnight, in seconds: below 86,400, a float.
    SecondsOfDay,
}

const PARTS: [(Part, &str); 8] = [
    (Part::Year, "year"),
    (Part::Month, "month"),
    (Part::DayOfMonth, "day_of_month"),
    (Part::DayOfYear, "day_of_year"),
    (Part::DayOfWeek, "day_of_week"),
    (Part::Hour, "hour"),
    (Part::Minute, "minute"),
    (Part::SecondsOfDay, "seconds_of_day"),
];

impl Part {
    /// The part a plan calls by this name.
    ///
    /// ```
    /// use forerun_core::calendar::Part;
    ///
    /// assert_eq!(Part::parse("hour").unwrap().of(-1), Some(23)); // the last microsecond of 1969
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        PARTS
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(part, _)| *part)
    }

    /// Its name in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        PARTS
            .iter()
            .find(|(part, _)| *part == self)
            .map_or("", |(_, name)| name)
    }

    /// True when it is the same for the whole day.
    #[must_use]
    pub fn is_of_date(self) -> bool {
        !matches!(self, Self::Hour | Self::Minute | Self::SecondsOfDay)
    }

    /// The type of its value.
    #[must_use]
    pub fn ty(self) -> Type {
        match self {
            Self::SecondsOfDay => Type::Float,
            _ => Type::Int,
        }
    }

    /// Its value on a clock that shows `local_us`; of the seconds of the day, microseconds. None where the date is
    /// outside the years 1 to 9999.
    #[inline]
    #[must_use]
    pub fn of(self, local_us: i64) -> Option<i64> {
        if !SHOWN_US.contains(&local_us) {
            return None;
        }
        let day = local_us.div_euclid(DAY_US);
        let of_day_us = local_us.rem_euclid(DAY_US);
        Some(match self {
            Self::Year => civil::date(day).year,
            Self::Month => civil::date(day).month,
            Self::DayOfMonth => civil::date(day).day,
            Self::DayOfYear => day - civil::year_start(civil::date(day).year) + 1,
            Self::DayOfWeek => civil::weekday(day),
            Self::Hour => of_day_us / HOUR_US,
            Self::Minute => of_day_us / 60_000_000 % 60,
            Self::SecondsOfDay => of_day_us,
        })
    }
}
