//! Finds the events of each window where there are few.

use std::ops::Range;

use crate::buffer::Events;
use crate::plan::View;
use crate::window::Window;

/// As [`crate::index::Index::locate`], by looking at the events one by one from the newest back.
#[inline(always)]
pub(crate) fn locate(
    view: &View,
    events: &Events,
    settled: usize,
    t: i64,
    runs: &mut Vec<Range<usize>>,
) {
    let width = view.width();
    let newest = events.up_to(t, width);
    if let Some(lengths) = &view.lengths {
        // Windows reach further and further back: each goes on where the last one began.
        let (rows, mut start) = (events.rows(), newest);
        runs.resize(lengths.len(), 0..0);
        for (length, run) in lengths.iter().zip(runs) {
            let after = t.saturating_sub(*length);
            while start > 0 && rows[(start - 1) * width] as i64 > after {
                start -= 1;
            }
            *run = start..newest;
        }
        return;
    }
    runs.clear();
    for window in &view.windows {
        let upto = window.upto(t);
        let end = if upto == t {
            newest
        } else {
            events.up_to(upto, width)
        };
        let after = window.after(t);
        let mut start = match (runs.last(), window) {
            // Windows reach further and further back: go on where the last one began.
            (Some(last), Window::Sliding { ago_us: 0, .. }) => last.start,
            _ => end,
        };
        let in_reach = |at: usize| events.time(at - 1, width) > after;
        match window {
            Window::Lifetime => start = settled.min(end),
            Window::Last { events } => start = end.saturating_sub(*events),
            Window::Session { gap_us, .. } => {
                let mut next = t;
                while start > 0
                    && in_reach(start)
                    && next.saturating_sub(events.time(start - 1, width)) <= *gap_us
                {
                    next = events.time(start - 1, width);
                    start -= 1;
                }
            }
            _ => {
                while start > 0 && in_reach(start) {
                    start -= 1;
                }
            }
        }
        if let Window::Tiled { .. } = window {
            start = start.max(settled).min(end);
        }
        runs.push(start..end);
    }
}
