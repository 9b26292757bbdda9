//! One emitter at work: accepted events in, closed windows out.
//!
//! An accepted event is not older than the watermark, and a window is closed when the watermark has passed its
//! end: so nothing that is accepted later belongs to it, and its content does not depend on when in a step it is
//! looked at. That is why a whole step is taken in before anything is closed.

use arrow_array::RecordBatch;

use crate::accumulator::Accumulator;
use crate::buffer::place;
use crate::emitted::Rows;
use crate::emitter_plan::{self, Window};
use crate::error::{Error, Result};
use crate::overflow::Overflows;
use crate::panes::Panes;
use crate::pending::Pending;
use crate::plan::Plan;
use crate::sessions::Sessions;
use crate::stage::{Batch, Staged};
use crate::state::{FORMATS, STATE_FORMAT, STATE_FORMAT_OLDEST};
use crate::text::Lexicon;
use crate::totals::take;
use crate::types::Type;

/// The windows of one emitter that are not closed yet.
///
/// ```
/// use forerun_core::emitter::Emitter;
/// use forerun_core::overflow::Overflows;
/// use forerun_core::plan::{EMITTERS, Plan};
///
/// let plan = Plan::compile(EMITTERS).unwrap();
/// let mut emitter = Emitter::new(&plan.emitters[0], None);
/// assert_eq!(emitter.close(&plan, 0, Some(100), &mut Overflows::default()).unwrap().num_rows(), 0);
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

    /// The windows that a watermark closes, by end and key.
    pub fn close(
        &mut self,
        plan: &Plan,
        index: usize,
        watermark: Option<i64>,
        overflows: &mut Overflows,
    ) -> Result<RecordBatch> {
        let own = &plan.emitters[index];
        let mut rows = Rows::new(own, &self.lexicon);
        if let Some(watermark) = watermark.filter(|_| watermark > self.closed) {
            let windows = &mut self.windows;
            self.pending
                .drain(watermark, |time, key, hash, words| match windows {
                    Windows::Panes(panes) => panes.add(own, time, key, hash, words),
                    Windows::Sessions(sessions) => sessions.add(own, time, key, hash, words),
                });
            match windows {
                Windows::Panes(panes) => panes.close(own, self.closed, watermark, &mut rows),
                Windows::Sessions(sessions) => sessions.close(watermark, &mut rows),
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
        if !self.lexicon.sweep_is_due(self.pending.len()) {
            return;
        }
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

    /// What changed since the last call, by key: the start of a pane, or the key of a session.
    pub fn take_changed(&mut self, plan: &emitter_plan::Emitter) -> Vec<Taken> {
        match &mut self.windows {
            Windows::Panes(panes) => panes
                .take_changed(plan, &self.lexicon)
                .into_iter()
                .map(|(start, bytes)| (pane_key(start), bytes.map(versioned)))
                .collect(),
            Windows::Sessions(sessions) => sessions
                .take_changed(plan, &self.lexicon)
                .into_iter()
                .map(|(key, bytes)| (key.into_vec(), bytes.map(versioned)))
                .collect(),
        }
    }

    /// All windows that are not closed, by key.
    pub fn all(&mut self, plan: &emitter_plan::Emitter) -> Vec<(Vec<u8>, Vec<u8>)> {
        match &mut self.windows {
            Windows::Panes(panes) => panes
                .all(plan, &self.lexicon)
                .into_iter()
                .map(|(start, bytes)| (pane_key(start), versioned(bytes)))
                .collect(),
            Windows::Sessions(sessions) => sessions
                .all(plan, &self.lexicon)
                .into_iter()
                .map(|(key, bytes)| (key.into_vec(), versioned(bytes)))
                .collect(),
        }
    }

    /// Puts back what was taken.
    pub fn put(&mut self, plan: &emitter_plan::Emitter, key: &[u8], bytes: &[u8]) -> Result<()> {
        let name = &plan.view.name;
        let damaged = || {
            Error::State(format!(
                "emitter '{name}': the state of a window is damaged"
            ))
        };
        let bytes = match bytes.split_first() {
            Some((STATE_FORMAT_OLDEST..=STATE_FORMAT, bytes)) => bytes,
            Some((other, _)) => {
                return Err(Error::State(format!(
                    "emitter '{name}': window state has format {other}, this kernel reads formats {FORMATS}"
                )));
            }
            None => return Err(damaged()),
        };
        let put = match &mut self.windows {
            Windows::Panes(panes) => pane_start(key)
                .is_some_and(|start| panes.put(plan, &mut self.lexicon, start, bytes)),
            Windows::Sessions(sessions) => sessions.restore(plan, &mut self.lexicon, key, bytes),
        };
        if put { Ok(()) } else { Err(damaged()) }
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

/// A pane's start as a key that orders like it.
fn pane_key(start: i64) -> Vec<u8> {
    ((start as u64) ^ (1 << 63)).to_be_bytes().to_vec()
}

fn pane_start(mut key: &[u8]) -> Option<i64> {
    let word = u64::from_be_bytes(take(&mut key)?);
    key.is_empty().then_some((word ^ (1 << 63)) as i64)
}

fn versioned(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.insert(0, STATE_FORMAT);
    bytes
}
