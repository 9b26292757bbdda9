//! The first part of a step: what becomes of each row, in the order of all.

use crate::buffer::place;
use crate::guard::Verdict;
use crate::kernel::Kernel;
use crate::order::Interleaved;
use crate::pass::{Accepted, HORIZON_ROWS};
use crate::plan::Plan;
use crate::stage::{Batch, Staged};
use crate::step::{Rejected, StaleReads};
use crate::stream_plan::Stream;

/// The rows of a step, judged.
pub(crate) struct Judged {
    /// By batch and row.
    pub(crate) verdicts: Vec<Vec<u8>>,
    pub(crate) rejected: Rejected,
    pub(crate) accepted: Vec<Accepted>,
    /// Accepted rows per stream.
    pub(crate) counts: Vec<u32>,
    /// Per view its horizon before each [`HORIZON_ROWS`] accepted rows.
    pub(crate) horizons: Vec<Vec<Option<i64>>>,
    pub(crate) stale: Stale,
}

impl Kernel {
    /// Judges all rows: that depends on their order and on no entity.
    pub(crate) fn judge_all(
        &mut self,
        plan: &Plan,
        batches: &[Batch],
        staged: &[Staged],
    ) -> Judged {
        let mut verdicts: Vec<Vec<u8>> = batches.iter().map(|batch| vec![0; batch.rows]).collect();
        let mut rejected = Rejected::default();
        let partitions: Vec<usize> = batches
            .iter()
            .map(|batch| {
                if batch.rows > 0 {
                    self.guards[batch.stream].partition(batch.partition)
                } else {
                    0
                }
            })
            .collect();
        let mut accepted = Vec::with_capacity(batches.iter().map(|batch| batch.rows).sum());
        let mut counts = vec![0u32; plan.streams.len()];
        let mut horizons: Vec<Vec<Option<i64>>> = vec![Vec::new(); plan.views.len()];
        let mut stale = Stale::default();
        let mut due = 0;
        for (at, rows) in Interleaved::new(batches, staged) {
            let (batch, columns, partition) = (&batches[at], &staged[at], partitions[at]);
            let (arrivals, times) = (&columns.arrivals[..], columns.times());
            let can_be_late = !self.late_reads[batch.stream].is_empty();
            let (verdicts, nth) = (&mut verdicts[at][..], &mut counts[batch.stream]);
            for row in rows {
                self.clock = self.clock.max(arrivals[row]);
                if accepted.len() == due {
                    due += HORIZON_ROWS;
                    for (view, seen) in horizons.iter_mut().enumerate() {
                        seen.push(self.horizon(view));
                    }
                }
                let offset = batch.base_offset + row as u64;
                let (verdict, field) =
                    self.judge(plan, batch.stream, columns, partition, row, offset);
                verdicts[row] = verdict as u8;
                if verdict != Verdict::Applied {
                    let watermark = self.guards[batch.stream].watermark();
                    let field = field.map(|field| (batch.stream, field));
                    rejected.push((at as u32, row as u32), verdict, field, watermark);
                    continue;
                }
                let time = times[row];
                accepted.push(Accepted {
                    batch: at as u32,
                    row: row as u32,
                    nth: *nth,
                    stream: batch.stream as u16,
                    time,
                    place: place(batch.partition, offset),
                });
                if can_be_late {
                    stale.look(self, batch.stream, *nth, time);
                }
                *nth += 1;
            }
        }
        stale.found.sort_unstable();
        Judged {
            verdicts,
            rejected,
            accepted,
            counts,
            horizons,
            stale,
        }
    }

    /// The verdict on a row, and its field that is invalid.
    #[inline(always)]
    pub(crate) fn judge(
        &mut self,
        plan: &Plan,
        stream: usize,
        columns: &Staged,
        partition: usize,
        row: usize,
        offset: u64,
    ) -> (Verdict, Option<usize>) {
        let guard = &mut self.guards[stream];
        let stream = &plan.streams[stream];
        guard.seek(partition, offset);
        let arrival = columns.arrivals[row];
        if let Some(field) = columns.invalid(row) {
            guard.invalid(partition, arrival);
            return (Verdict::Invalid, Some(field));
        }
        let id = columns.ids.as_ref().and_then(|ids| ids.get(row));
        (
            guard.judge(
                stream,
                partition,
                columns.time(row),
                arrival,
                self.clock,
                id,
            ),
            None,
        )
    }
}

/// A lookup that can come too late: vector, lookup and view.
pub(crate) type LateRead = (usize, usize, usize);

/// By stream, the lookups of its events that can come too late.
pub(crate) fn late_reads(plan: &Plan) -> Vec<Vec<LateRead>> {
    let of_stream = |(index, stream): (usize, &Stream)| {
        let mut late = Vec::new();
        for &vector in &stream.vectors {
            for (lookup, read) in plan.vectors[vector].lookups.iter().enumerate() {
                // What is accepted is never behind its own stream's watermark.
                let view = &plan.views[read.view];
                if view.stream != index || view.readers != [index] {
                    late.push((vector, lookup, read.view));
                }
            }
        }
        late
    };
    plan.streams.iter().enumerate().map(of_stream).collect()
}

/// Reads of other streams' views that come too late, as rows are accepted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stale {
    /// Vector, lookup and row, sorted in the end.
    pub(crate) found: Vec<(u32, u32, u32)>,
    pub(crate) reads: StaleReads,
}

impl Stale {
    #[inline]
    pub(crate) fn look(&mut self, kernel: &Kernel, stream: usize, nth: u32, time: i64) {
        for &(vector, lookup, view) in &kernel.late_reads[stream] {
            if let Some(earliest) = kernel.horizon(view)
                && time < earliest
            {
                self.found.push((vector as u32, lookup as u32, nth));
                self.reads.push(vector, nth as usize, view, earliest);
            }
        }
    }
}
