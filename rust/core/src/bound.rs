//! How far a tiled value can be from the exact one.

use crate::accumulator::Accumulator;
use crate::aggregate::Aggregate;

/// The largest distance between a tiled value and the exact one, which leaves out some events of the edge.
///
/// `edge` holds the events of the tile in which the window begins, `inner` those after it. None when the exact
/// value may be null or any other: all events are in the edge.
///
/// ```
/// use forerun_core::aggregate::Aggregate;
/// use forerun_core::bound::bound;
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let track = &Plan::compile(EXAMPLE).unwrap().views[0].tracks[0];
/// let (mut edge, mut inner) = (track.accumulator(), track.accumulator());
/// edge.push_newest((-3f64).to_bits());
/// inner.push_newest(5f64.to_bits());
/// assert_eq!(bound(Aggregate::Count, true, &edge, &inner, None, 1), Some(1.0));
/// assert_eq!(bound(Aggregate::Max, true, &edge, &inner, None, 1), Some(0.0));
/// ```
#[must_use]
pub fn bound(
    aggregate: Aggregate,
    float: bool,
    edge: &Accumulator,
    inner: &Accumulator,
    over_us: Option<i64>,
    per_us: i64,
) -> Option<f64> {
    let number = |word: u64| {
        if float {
            f64::from_bits(word)
        } else {
            word as i64 as f64
        }
    };
    if edge.count() == 0 {
        return Some(0.0);
    }
    let count = edge.count() as f64;
    let range = |values: &Accumulator| {
        let extent = values.extent();
        (number(extent.min(float)), number(extent.max(float)))
    };
    // Rounded up a little at every step, and by what rounding can do to both values: a bound must hold.
    let up = |value: f64| value * (1.0 + 4.0 * f64::EPSILON);
    let slack = |value: f64| 4.0 * f64::EPSILON * value.abs();
    let all = |aggregate: Aggregate| {
        let mut all = edge.clone();
        all.append(inner);
        let word = all.value(aggregate, None, 1).ok().flatten().unwrap_or(0);
        if aggregate == Aggregate::Mean {
            f64::from_bits(word)
        } else {
            number(word)
        }
    };
    let units = over_us.map_or(1.0, |over_us| over_us as f64 / per_us as f64);
    Some(match aggregate {
        Aggregate::Count => count,
        Aggregate::CountRate => up(count / units),
        Aggregate::Sum | Aggregate::Rate => {
            let (least, greatest) = range(edge);
            let sum = up(count * least.abs().max(greatest.abs())) + slack(all(Aggregate::Sum));
            if aggregate == Aggregate::Rate {
                up(sum / units)
            } else {
                sum
            }
        }
        _ if inner.count() == 0 => return None,
        Aggregate::Mean => {
            let mean = all(Aggregate::Mean);
            let (least, greatest) = range(edge);
            let far = (least - mean).abs().max((greatest - mean).abs()) + slack(mean);
            up(up(count * far) / inner.count() as f64) + slack(mean)
        }
        Aggregate::Min => up((range(inner).0 - range(edge).0).max(0.0)),
        Aggregate::Max => up((range(edge).1 - range(inner).1).max(0.0)),
        _ => return None,
    })
}
