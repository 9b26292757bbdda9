//! Which events of an entity a feature is made of.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::zone::{Unit, Zone};

/// A window: for a read at a time, a run of the entity's events in order.
///
/// ```
/// use forerun_core::window::Window;
///
/// let window = Window::parse(&serde_json::json!({"kind": "hopping", "size_us": 60, "hop_us": 20})).unwrap();
/// assert_eq!(window.after(70), 19); // of [20, 80), so far
/// assert_eq!(window.upto(70), 70);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// All events.
    Lifetime,
    /// Event times in `(t - ago - over, t - ago]`.
    Sliding {
        /// Length.
        over_us: i64,
        /// How long before the read it ends.
        ago_us: i64,
    },
    /// The window so far that ends at the next multiple of `hop`: from `size` before that end.
    Hopping {
        /// Length.
        size_us: i64,
        /// Distance between ends.
        hop_us: i64,
    },
    /// Since the local beginning of an hour, day, week, month or year.
    Calendar {
        /// Which.
        unit: Unit,
        /// Where.
        zone: Arc<Zone>,
    },
    /// Events not further apart than a gap, up to the newest one; none when that is further back than the gap.
    Session {
        /// Longest distance between neighbours.
        gap_us: i64,
        /// Never further back than this.
        max_us: i64,
    },
    /// The newest events.
    Last {
        /// How many.
        events: usize,
    },
    /// As sliding, but old events are kept as totals of tiles, and the tile in which it begins counts whole.
    Tiled {
        /// Length.
        over_us: i64,
        /// Length of a tile.
        tile_us: i64,
    },
}

/// Longest distance, to keep sums of times and lengths within int64: a thousand years.
const LENGTH_MAX_US: i64 = 31_557_600_000_000_000;

/// Most events a window of the last events may hold.
const LAST_MAX: i64 = 1_000_000;

impl Window {
    /// The window a plan describes.
    pub fn parse(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("a window is an object")?;
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or("");
        let known: &[&str] = match kind {
            "lifetime" => &["kind"],
            "sliding" => &["kind", "over_us", "ago_us"],
            "hopping" => &["kind", "size_us", "hop_us"],
            "calendar" => &["kind", "unit", "zone"],
            "session" => &["kind", "gap_us", "max_us"],
            "last" => &["kind", "events"],
            "tiled" => &["kind", "over_us", "tile_us"],
            _ => return Err(format!("unknown window kind '{kind}'")),
        };
        if let Some(name) = object.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("window '{kind}': unknown setting '{name}'"));
        }
        let length = |name: &str| length(kind, object, name, 1, LENGTH_MAX_US);
        Ok(match kind {
            "sliding" => Self::Sliding {
                over_us: length("over_us")?,
                ago_us: self::length(kind, object, "ago_us", 0, LENGTH_MAX_US)?,
            },
            "hopping" => {
                let (size_us, hop_us) = (length("size_us")?, length("hop_us")?);
                if size_us % hop_us != 0 {
                    return Err(format!(
                        "window 'hopping': size_us {size_us} is not a multiple of hop_us {hop_us}"
                    ));
                }
                Self::Hopping { size_us, hop_us }
            }
            "calendar" => {
                let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or("");
                Self::Calendar {
                    unit: Unit::parse(text("unit"))
                        .ok_or_else(|| format!("unknown calendar unit '{}'", text("unit")))?,
                    zone: Arc::new(Zone::parse(text("zone"))?),
                }
            }
            "session" => Self::Session {
                gap_us: length("gap_us")?,
                max_us: length("max_us")?,
            },
            "last" => Self::Last {
                events: self::length(kind, object, "events", 1, LAST_MAX)? as usize,
            },
            "tiled" => {
                let (over_us, tile_us) = (length("over_us")?, length("tile_us")?);
                if tile_us > over_us {
                    return Err(format!(
                        "window 'tiled': tile_us {tile_us} is longer than over_us {over_us}"
                    ));
                }
                Self::Tiled { over_us, tile_us }
            }
            _ => Self::Lifetime,
        })
    }

    /// Events up to and including this time are too old for a read at `t`; the session's gap is not looked at.
    #[inline]
    #[must_use]
    pub fn after(&self, t: i64) -> i64 {
        match self {
            Self::Lifetime | Self::Last { .. } => i64::MIN,
            Self::Sliding { over_us, ago_us } => t.saturating_sub(over_us + ago_us),
            Self::Hopping { size_us, hop_us } => {
                let end = t
                    .div_euclid(*hop_us)
                    .saturating_add(1)
                    .saturating_mul(*hop_us);
                end.saturating_sub(*size_us).saturating_sub(1)
            }
            Self::Calendar { unit, zone } => zone.start_of(*unit, t).saturating_sub(1),
            Self::Session { max_us, .. } => t.saturating_sub(*max_us),
            Self::Tiled { over_us, tile_us } => {
                let edge = t.saturating_sub(*over_us).div_euclid(*tile_us);
                edge.saturating_mul(*tile_us).saturating_sub(1)
            }
        }
    }

    /// Events after this time are too new for a read at `t`.
    #[inline]
    #[must_use]
    pub fn upto(&self, t: i64) -> i64 {
        match self {
            Self::Sliding { ago_us, .. } => t.saturating_sub(*ago_us),
            _ => t,
        }
    }

    /// How far before a read its events may lie that must be kept one by one.
    #[must_use]
    pub fn reach_us(&self) -> i64 {
        const HOUR_US: i64 = 3_600_000_000;
        match self {
            // Totals hold what is settled; the last events are kept by number.
            Self::Lifetime | Self::Tiled { .. } | Self::Last { .. } => 0,
            Self::Sliding { over_us, ago_us } => over_us + ago_us,
            Self::Hopping { size_us, .. } => *size_us,
            // The longest there is, with clocks put back and places that left out or repeated days.
            Self::Calendar { unit, .. } => match unit {
                Unit::Hour => 3 * HOUR_US,
                Unit::Day => 50 * HOUR_US,
                Unit::Week => 9 * 24 * HOUR_US,
                Unit::Month => 33 * 24 * HOUR_US,
                Unit::Year => 368 * 24 * HOUR_US,
            },
            Self::Session { max_us, .. } => *max_us,
        }
    }

    /// How many of the newest events must be kept, however old.
    #[must_use]
    pub fn newest(&self) -> usize {
        match self {
            Self::Last { events } => *events,
            _ => 0,
        }
    }

    /// True when totals of settled events are part of its values.
    #[must_use]
    pub fn settles(&self) -> bool {
        matches!(self, Self::Lifetime | Self::Tiled { .. })
    }

    /// Its length when that is the same at every read, for rates.
    #[must_use]
    pub fn length_us(&self) -> Option<i64> {
        match self {
            Self::Sliding { over_us, .. } | Self::Tiled { over_us, .. } => Some(*over_us),
            _ => None,
        }
    }
}

fn length(
    kind: &str,
    object: &Map<String, Value>,
    name: &str,
    least: i64,
    most: i64,
) -> Result<i64, String> {
    let value = object.get(name).and_then(Value::as_i64).unwrap_or(i64::MIN);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let given = object.get(name).map_or("missing".into(), Value::to_string);
    Err(format!(
        "window '{kind}': {name} is {given}; it must be a whole number from {least} to {most}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_window_that_makes_no_sense_is_refused_by_name() {
        let cases = [
            (
                json!({"kind": "sliding", "over_us": 0, "ago_us": 0}),
                "over_us is 0",
            ),
            (
                json!({"kind": "sliding", "over_us": 5}),
                "ago_us is missing",
            ),
            (
                json!({"kind": "hopping", "size_us": 50, "hop_us": 20}),
                "not a multiple",
            ),
            (json!({"kind": "last", "events": 0}), "events is 0"),
            (
                json!({"kind": "tiled", "over_us": 5, "tile_us": 6}),
                "longer",
            ),
            (json!({"kind": "rolling"}), "unknown window kind 'rolling'"),
            (
                json!({"kind": "lifetime", "over_us": 1}),
                "unknown setting 'over_us'",
            ),
            (
                json!({"kind": "calendar", "unit": "day", "zone": "Mars/Base"}),
                "Mars/Base",
            ),
        ];
        for (window, part) in cases {
            let error = Window::parse(&window).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
