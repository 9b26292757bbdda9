//! Decides what becomes of an event: watermarks, lateness, clock skew and duplicates.

use crate::dedup::Ids;
use crate::stream_plan::Stream;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// Applied to state.
    Applied = 0,
    /// A field is null where it may not be, or not finite.
    Invalid = 1,
    /// Too far ahead of its arrival.
    Early = 2,
    /// Older than the stream's watermark at its arrival.
    Late = 3,
    /// An event with its id was applied.
    Duplicate = 4,
}

/// One partition of a stream.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its number.
    pub id: u16,
    /// Highest accepted event time, less the lateness.
    pub watermark: Option<i64>,
    /// Arrival of its latest event, accepted or not.
    pub arrival: i64,
    /// Offset after the last one consumed.
    pub next_offset: u64,
    /// Events per verdict.
    pub counts: [u64; 5],
}

/// The guard of one stream.
///
/// ```
/// use forerun_core::guard::{Guard, Verdict};
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let stream = &Plan::compile(EXAMPLE).unwrap().streams[0]; // lateness 10, max_skew 5
/// let mut guard = Guard::new(stream);
/// let partition = guard.partition(0);
/// let mut judge = |time, arrival| guard.judge(stream, partition, time, arrival, arrival, None);
/// assert_eq!(judge(100, 100), Verdict::Applied);
/// assert_eq!(judge(89, 101), Verdict::Late); // the watermark is 90
/// assert_eq!(judge(107, 101), Verdict::Early); // and moves no watermark
/// assert_eq!(judge(90, 102), Verdict::Applied);
/// assert_eq!(guard.watermark(), Some(90));
/// ```
#[derive(Clone, Debug)]
pub struct Guard {
    /// Ordered by id.
    partitions: Vec<Partition>,
    watermark: Option<i64>,
    ids: Option<Ids>,
}

impl Guard {
    /// The guard of a stream before its first event.
    #[must_use]
    pub fn new(stream: &Stream) -> Self {
        Self {
            partitions: Vec::new(),
            watermark: None,
            ids: stream.dedup_us.map(Ids::new),
        }
    }

    /// A guard from its parts.
    pub(crate) fn from_parts(
        partitions: Vec<Partition>,
        watermark: Option<i64>,
        ids: Option<Ids>,
    ) -> Self {
        Self {
            partitions,
            watermark,
            ids,
        }
    }

    /// The stream's watermark: never goes back; none before the first accepted event.
    #[inline]
    #[must_use]
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// All partitions seen, by id.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The ids remembered, when duplicates are looked for.
    #[must_use]
    pub fn ids(&self) -> Option<&Ids> {
        self.ids.as_ref()
    }

    /// The position of a partition, which is made when new. Positions change when one is made.
    pub fn partition(&mut self, id: u16) -> usize {
        match self
            .partitions
            .binary_search_by_key(&id, |partition| partition.id)
        {
            Ok(at) => at,
            Err(at) => {
                let new = Partition {
                    id,
                    watermark: None,
                    arrival: i64::MIN,
                    next_offset: 0,
                    counts: [0; 5],
                };
                self.partitions.insert(at, new);
                at
            }
        }
    }

    /// Counts an event with an invalid field; it moves no watermark.
    pub fn invalid(&mut self, partition: usize, arrival: i64) {
        self.count(partition, arrival, Verdict::Invalid);
    }

    /// Judges a valid event. `clock` is the highest arrival seen anywhere; `id` is bytes and hash.
    #[inline(always)]
    pub fn judge(
        &mut self,
        stream: &Stream,
        partition: usize,
        time: i64,
        arrival: i64,
        clock: i64,
        id: Option<(&[u8], u64)>,
    ) -> Verdict {
        if stream.idle_us.is_some() {
            self.partitions[partition].arrival = arrival;
            self.advance(stream, clock);
        }
        let verdict = self.verdict(stream, time, arrival, id);
        let own = self.count(partition, arrival, verdict);
        if verdict == Verdict::Applied {
            let reached = time.saturating_sub(stream.lateness_us);
            if own.watermark.is_none_or(|own| reached > own) {
                own.watermark = Some(reached);
                self.advance(stream, clock);
            }
            if let (Some(ids), Some((id, hash))) = (&mut self.ids, id) {
                ids.add(id, hash, time);
                ids.forget(self.watermark);
            }
        }
        verdict
    }

    #[inline]
    fn verdict(
        &self,
        stream: &Stream,
        time: i64,
        arrival: i64,
        id: Option<(&[u8], u64)>,
    ) -> Verdict {
        if stream
            .max_skew_us
            .is_some_and(|skew| time > arrival.saturating_add(skew))
        {
            return Verdict::Early;
        }
        if self.watermark.is_some_and(|watermark| time < watermark) {
            return Verdict::Late;
        }
        match (&self.ids, id) {
            (Some(ids), Some((id, hash))) if ids.check(id, hash, time) => Verdict::Duplicate,
            _ => Verdict::Applied,
        }
    }

    #[inline]
    fn count(&mut self, partition: usize, arrival: i64, verdict: Verdict) -> &mut Partition {
        let partition = &mut self.partitions[partition];
        partition.arrival = arrival;
        partition.next_offset += 1;
        partition.counts[verdict as usize] += 1;
        partition
    }

    /// Sets the next offset of a partition: batches may leave gaps.
    pub fn seek(&mut self, partition: usize, offset: u64) {
        self.partitions[partition].next_offset = offset;
    }

    /// The minimum over partitions that have a watermark and are not idle; all idle: it stays.
    #[inline]
    fn advance(&mut self, stream: &Stream, clock: i64) {
        let busy = |partition: &&Partition| {
            stream
                .idle_us
                .is_none_or(|idle| clock.saturating_sub(partition.arrival) <= idle)
        };
        let lowest = self
            .partitions
            .iter()
            .filter(busy)
            .filter_map(|partition| partition.watermark)
            .min();
        self.watermark = self.watermark.max(lowest);
    }
}
