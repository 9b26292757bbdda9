//! One emitter at work: accepted events in, closed windows out.
//!
//! An accepted event is not older than the watermark, and a window is closed when the watermark has passed its
//! end: so nothing that is accepted later belongs to it, and its content does not depend on when in a step it is
//! looked at. That is why a whole step is taken in before anything is closed.

use arrow_array::RecordBatch;

use crate::accumulator::Accumulator;
use crate::buffer::place;
use crate::depot::Depot;
use crate::emitted::Rows;
use crate::emitter_plan::{self, Window};
use crate::emitter_state::{damaged, unversioned};
use crate::error::Result;
use crate::hashing::Hashing;
use crate::overflow::Overflows;
use crate::panes::Panes;
use crate::pending::Pending;
use crate::plan::Plan;
use crate::sessions::Sessions;
use crate::stage::{Batch, Staged};
use crate::text::Lexicon;
use crate::types::Type;

/// The windows of one emitter that are not closed yet.
///
/// ```
/// use forerun_core::emitter::Emitter;
/// use forerun_core::plan::{EMITTERS, Plan};
///
/// let plan = Plan::compile(EMITTERS).unwrap();
/// let mut emitter = Emitter::new(&plan.emitters[0], None);
/// assert!(emitter.take_changed(&plan.emitters[0], false).is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Emitter {
    pending: Pending,
    windows: Windows,
    /// The texts of both.
    lexicon: Lexicon,
    /// The watermark at which windows were last closed.
    closed: Option<i64>,
}

#[derive(Clone, Debug)]
enum Windows {
    Panes(Panes),
    Sessions(Sessions),
}

/// A key of an emitter's state, and the state; none when it is gone.
pub type Taken = (Vec<u8>, Option<Vec<u8>>);

impl Emitter {
    /// No windows yet; those up to a watermark were closed before.
    #[must_use]
    pub fn new(plan: &emitter_plan::Emitter, closed: Option<i64>) -> Self {
        let windows = match plan.window {
            Window::Hopping { size_us, hop_us } => Windows::Panes(Panes::new(size_us, hop_us)),
            Window::Session { gap_us, max_us } => Windows::Sessions(Sessions::new(gap_us, max_us)),
        };
        Self {
            pending: Pending::new(plan.view.staged_words()),
            windows,
            lexicon: Lexicon::default(),
            closed,
        }
    }

    /// Takes in the accepted rows of a batch; `nth` is the emitter's place among those of the stream.
    pub fn add(
        &mut self,
        plan: &emitter_plan::Emitter,
        nth: usize,
        batch: &Batch,
        columns: &Staged,
        verdicts: &[u8],
    ) {
        let staged = &columns.emitters[nth];
        for (row, _) in verdicts
            .iter()
            .enumerate()
            .filter(|(_, verdict)| **verdict == 0)
        {
            let (Some(words), Some((key, hash))) = (staged.row(row), staged.keys.get(row)) else {
                continue;
            };
            let mut named;
            let words = if staged.texts.is_empty() {
                words
            } else {
                named = words.to_vec();
                for (place, text) in staged.texts(row) {
                    named[place] = self.lexicon.word(&text);
                }
                &named
            };
            let time = columns.time(row);
            match &mut self.windows {
                Windows::Panes(panes) if !plan.ordered => panes.add(plan, time, key, hash, words),
                _ => {
                    let place = place(batch.partition, batch.base_offset + row as u64);
                    self.pending.push((time, place), key, hash, words);
                }
            }
        }
    }

    /// The windows that a watermark closes, by end and key; those that sleep are in the depot.
    pub(crate) fn close(
        &mut self,
        plan: &Plan,
        index: usize,
        watermark: Option<i64>,
        overflows: &mut Overflows,
        depot: Option<&Depot>,
    ) -> Result<RecordBatch> {
        let own = &plan.emitters[index];
        let mut rows = Rows::new(own);
        if let Some(watermark) = watermark.filter(|_| watermark > self.closed) {
            let (pending, lexicon) = (&mut self.pending, &mut self.lexicon);
            match &mut self.windows {
                Windows::Panes(panes) => {
                    pending.drain(watermark, |time, key, hash, words| {
                        panes.add(own, time, key, hash, words);
                    });
                    panes.close(own, self.closed, watermark, lexicon, depot, &mut rows)?;
                }
                Windows::Sessions(sessions) => {
                    sessions.wake(own, lexicon, depot, pending.due(watermark))?;
                    pending.drain(watermark, |time, key, hash, words| {
                        sessions.add(own, time, key, hash, words);
                    });
                    sessions.close(own, watermark, lexicon, depot, &mut rows)?;
                }
            }
            self.closed = Some(watermark);
        }
        overflows.windows(index, rows.take_overflown());
        let batch = rows.finish(&plan.streams[own.view.stream]);
        self.sweep(own);
        batch
    }

    /// Forgets texts that nothing has any more, when there are many.
    fn sweep(&mut self, plan: &emitter_plan::Emitter) {
        if self.lexicon.sweep_is_due(self.pending.len()) {
            self.forget(plan);
        }
    }

    fn forget(&mut self, plan: &emitter_plan::Emitter) {
        let (pending, windows) = (&self.pending, &mut self.windows);
        self.lexicon.sweep(|see| {
            pending.each_text(plan, see);
            let mut each = |cells: &mut [Accumulator]| {
                let tracks = plan.view.tracks.iter().cycle();
                for (cell, track) in cells.iter_mut().zip(tracks) {
                    if track.ty == Some(Type::String) {
                        cell.each_word(&mut |word| see(*word));
                    }
                }
            };
            match windows {
                Windows::Panes(panes) => panes.cells_mut().for_each(&mut each),
                Windows::Sessions(sessions) => sessions.cells_mut().for_each(&mut each),
            }
        });
    }

    /// What changed since the last call, by its key in the store; with `apart` all of it is ready to leave memory.
    pub fn take_changed(&mut self, plan: &emitter_plan::Emitter, apart: bool) -> Vec<Taken> {
        match &mut self.windows {
            Windows::Panes(panes) => panes.take_changed(plan, &self.lexicon, apart),
            Windows::Sessions(sessions) => sessions.take_changed(plan, &self.lexicon),
        }
    }

    /// Hashes all windows that are not closed, by key.
    pub(crate) fn hash(
        &mut self,
        plan: &emitter_plan::Emitter,
        depot: Option<&Depot>,
        hashing: &mut Hashing<'_>,
    ) -> Result<()> {
        let lexicon = &mut self.lexicon;
        let hashed = match &mut self.windows {
            Windows::Panes(panes) => panes.hash(plan, lexicon, depot, hashing),
            Windows::Sessions(sessions) => sessions.hash(plan, lexicon, depot, hashing),
        };
        self.sweep(plan);
        hashed
    }

    /// Bytes of the windows in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let windows = match &self.windows {
            Windows::Panes(panes) => panes.bytes(),
            Windows::Sessions(sessions) => sessions.bytes(),
        };
        windows + self.lexicon.bytes()
    }

    /// How many bytes a row of its stream adds to them, at most, but for what aggregates have on the heap.
    pub(crate) fn bytes_of_row(plan: &emitter_plan::Emitter) -> usize {
        plan.sources.len() * size_of::<Accumulator>() + 128
    }

    /// Number of parts of windows that are in the store only.
    pub(crate) fn asleep(&self) -> usize {
        match &self.windows {
            Windows::Panes(panes) => panes.asleep(),
            Windows::Sessions(sessions) => sessions.asleep(),
        }
    }

    /// Takes out of memory what is stored, oldest first, until so many bytes are free; gives how many are.
    pub(crate) fn evict(&mut self, plan: &emitter_plan::Emitter, wanted: usize) -> usize {
        let freed = match &mut self.windows {
            Windows::Panes(panes) => panes.evict(wanted),
            Windows::Sessions(sessions) => sessions.evict(wanted),
        };
        let texts = self.lexicon.bytes();
        if freed > 0 && !self.lexicon.is_empty() {
            self.forget(plan);
        }
        freed + (texts - self.lexicon.bytes().min(texts))
    }

    /// Puts back what was taken.
    pub fn put(&mut self, plan: &emitter_plan::Emitter, key: &[u8], bytes: &[u8]) -> Result<()> {
        let (lexicon, bytes) = (&mut self.lexicon, unversioned(plan, bytes)?);
        let put = match &mut self.windows {
            Windows::Panes(panes) => panes.put(plan, lexicon, key, Some(bytes)),
            Windows::Sessions(sessions) => sessions.restore(plan, lexicon, key, bytes),
        };
        if put { Ok(()) } else { Err(damaged(plan)) }
    }

    /// Notes what is in the store only.
    pub(crate) fn sleep(
        &mut self,
        plan: &emitter_plan::Emitter,
        depot: Option<&Depot>,
        keys: &[&[u8]],
    ) -> Result<()> {
        let lexicon = &mut self.lexicon;
        match &mut self.windows {
            Windows::Panes(panes) => {
                let put = keys.iter().all(|key| panes.put(plan, lexicon, key, None));
                if put { Ok(()) } else { Err(damaged(plan)) }
            }
            Windows::Sessions(sessions) => sessions.sleep(plan, depot, keys),
        }
    }

    /// Appends what is not by key: the events that wait.
    pub fn write(&self, plan: &emitter_plan::Emitter, out: &mut Vec<u8>) {
        self.pending.write(plan, &self.lexicon, out);
    }

    /// Reads what [`Emitter::write`] wrote; `None` when the bytes are not that.
    pub(crate) fn read(
        plan: &emitter_plan::Emitter,
        closed: Option<i64>,
        bytes: &mut &[u8],
    ) -> Option<Self> {
        let mut read = Self::new(plan, closed);
        read.pending = Pending::read(plan, &mut read.lexicon, bytes)?;
        Some(read)
    }
}
