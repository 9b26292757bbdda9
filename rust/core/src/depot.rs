//! What is asked of the store: by the kernel for entities, by an emitter for its windows.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{BinaryBuilder, Int32Builder};

use crate::emitter::Emitter;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::spill::Store;
use crate::step::batch;

/// Rows that are loaded together when all are gone through.
pub(crate) const CHUNK: usize = 1024;

/// Windows stay in memory as long as they take no more than one of so many parts of it: else there would be many small
/// parts of them.
pub(crate) const WINDOWS: usize = 8;

/// Keys to ask the store for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    views: Vec<i32>,
    keys: BinaryBuilder,
}

impl Wanted {
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    pub(crate) fn push(&mut self, view: usize, key: &[u8]) {
        self.views.push(view as i32);
        self.keys.append_value(key);
    }

    pub(crate) fn batch(&self) -> Result<RecordBatch> {
        let mut views = Int32Builder::new();
        views.append_slice(&self.views);
        batch(vec![
            ("view", false, Arc::new(views.finish())),
            ("key", false, Arc::new(self.keys.finish_cloned())),
        ])
    }
}

pub(crate) fn lost(asked: usize, found: usize) -> Error {
    Error::State(format!(
        "{asked} entities were stored, {found} were found again"
    ))
}

/// Where the windows of one emitter are that are not in memory.
#[derive(Debug)]
pub(crate) struct Depot {
    store: Arc<dyn Store>,
    /// The number of the emitter in the store.
    number: usize,
    /// Bytes of what was loaded and stays in memory, and of what may.
    kept: Cell<usize>,
    room: usize,
}

impl Depot {
    pub(crate) fn new(store: &Arc<dyn Store>, number: usize, room: usize) -> Self {
        let store = Arc::clone(store);
        let kept = Cell::new(0);
        Self {
            store,
            number,
            kept,
            room,
        }
    }

    /// Whether something that was loaded may stay in memory; it is noted if so.
    pub(crate) fn fits(depot: Option<&Self>, bytes: usize) -> bool {
        let fits = depot.is_some_and(|depot| depot.kept.get() + bytes <= depot.room);
        if fits {
            Self::keep(depot, bytes);
        }
        fits
    }

    /// Notes that so many bytes of what was loaded stay in memory.
    pub(crate) fn keep(depot: Option<&Self>, bytes: usize) {
        if let Some(depot) = depot {
            depot.kept.set(depot.kept.get() + bytes);
        }
    }

    /// Bytes of what was loaded and stays in memory.
    pub(crate) fn kept(&self) -> usize {
        self.kept.get()
    }

    /// The bytes of some rows, in the same order.
    pub(crate) fn all<'a>(
        depot: Option<&Self>,
        keys: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Vec<Vec<u8>>> {
        let Some(depot) = depot else {
            return Err(Error::State("windows sleep, and there is no store".into()));
        };
        let mut wanted = Wanted::default();
        keys.clone().for_each(|key| wanted.push(depot.number, key));
        let found = depot.store.load(wanted.batch()?)?;
        let mut found: HashMap<Vec<u8>, Vec<u8>> = found
            .into_iter()
            .map(|(_, key, bytes)| (key, bytes))
            .collect();
        let rows: Vec<Vec<u8>> = keys.filter_map(|key| found.remove(key)).collect();
        if rows.len() < wanted.len() {
            return Err(lost(wanted.len(), rows.len()));
        }
        Ok(rows)
    }

    /// The bytes of one row.
    pub(crate) fn one(depot: Option<&Self>, key: &[u8]) -> Result<Vec<u8>> {
        let found = Self::all(depot, std::iter::once(key))?;
        found.into_iter().next().ok_or_else(|| lost(1, 0))
    }
}

impl Kernel {
    /// Where windows of an emitter sleep.
    #[inline]
    pub(crate) fn depot(&self, emitter: usize) -> Option<Depot> {
        let spill = self.spill.as_ref()?;
        let number = self.plan.views.len() + emitter;
        Some(Depot::new(&spill.store, number, spill.room()))
    }

    /// Whether windows that are stored next must be ready to leave memory.
    pub(crate) fn windows_must_leave(&self) -> bool {
        self.spill.as_ref().is_some_and(|spill| spill.windows)
    }

    /// Number of parts of an emitter's windows that are in the store only: of panes, or sessions.
    #[must_use]
    pub fn windows_asleep(&self, emitter: usize) -> usize {
        self.emitters[emitter].asleep()
    }

    /// Bytes of all windows in memory that are not closed.
    pub(crate) fn window_bytes(&self) -> usize {
        self.emitters.iter().map(Emitter::bytes).sum()
    }

    /// Takes stored windows of so many bytes out of memory, or all that are stored.
    pub(crate) fn evict_windows(&mut self, wanted: usize) -> usize {
        let mut freed = 0;
        for (emitter, plan) in self.emitters.iter_mut().zip(&self.plan.emitters) {
            freed += emitter.evict(plan, wanted.saturating_sub(freed));
        }
        freed
    }
}
