//! One session: what is accumulated of a run of events, in memory or asleep in the store.

use crate::accumulator::Accumulator;
use crate::depot::{CHUNK, Depot};
use crate::emitter_plan::Emitter;
use crate::emitter_state::{
    damaged, read_cells, read_texts, texts_of, unversioned, write_cells, write_texts,
};
use crate::error::Result;
use crate::groups::bytes;
use crate::key::is_key;
use crate::text::Lexicon;
use crate::totals::take;

/// Bytes of a session's place, about.
const BYTES_EACH: usize = size_of::<Session>() + 32;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) key: Box<[u8]>,
    pub(crate) start: i64,
    pub(crate) last: i64,
    /// None while they sleep.
    pub(crate) cells: Option<Box<[Accumulator]>>,
}

impl Session {
    /// Bytes in memory, about; a session that sleeps counts for none.
    pub(crate) fn bytes(&self) -> usize {
        let own = BYTES_EACH + size_of::<(i64, u32)>() + self.key.len();
        self.cells.as_ref().map_or(0, |cells| own + bytes(cells))
    }

    pub(crate) fn cells(&self) -> &[Accumulator] {
        let Some(cells) = &self.cells else {
            unreachable!("those that are asked for have been woken");
        };
        cells
    }
}

/// Loads those of some sessions that sleep.
pub(crate) fn load<'a>(
    plan: &Emitter,
    lexicon: &mut Lexicon,
    depot: Option<&Depot>,
    sessions: impl Iterator<Item = &'a mut Session>,
) -> Result<()> {
    let mut asleep = sessions
        .filter(|session| session.cells.is_none())
        .peekable();
    while asleep.peek().is_some() {
        let mut part: Vec<&mut Session> = asleep.by_ref().take(CHUNK).collect();
        let all = Depot::all(depot, part.iter().map(|session| &*session.key))?;
        for (session, bytes) in part.iter_mut().zip(all) {
            let found = read(plan, lexicon, &session.key, unversioned(plan, &bytes)?);
            let found =
                found.filter(|found| (found.start, found.last) == (session.start, session.last));
            session.cells = found.ok_or_else(|| damaged(plan))?.cells;
        }
    }
    Ok(())
}

pub(crate) fn open(plan: &Emitter, key: &[u8], time: i64) -> Session {
    let cells = plan.totals().map(|(ty, needs)| Accumulator::new(ty, needs));
    Session {
        key: key.into(),
        start: time,
        last: time,
        cells: Some(cells.collect()),
    }
}

pub(crate) fn written(session: &Session, plan: &Emitter, lexicon: &Lexicon) -> Vec<u8> {
    let mut out = Vec::new();
    let texts = texts_of(plan, lexicon, std::iter::once(session.cells()));
    write_texts(plan, &texts, &mut out);
    out.extend_from_slice(&session.start.to_le_bytes());
    out.extend_from_slice(&session.last.to_le_bytes());
    write_cells(plan, &texts, session.cells(), &mut out);
    out
}

pub(crate) fn read(
    plan: &Emitter,
    lexicon: &mut Lexicon,
    key: &[u8],
    mut bytes: &[u8],
) -> Option<Session> {
    is_key(&plan.key_types, key).then_some(())?;
    let texts = read_texts(plan, lexicon, &mut bytes)?;
    let start = i64::from_le_bytes(take(&mut bytes)?);
    let last = i64::from_le_bytes(take(&mut bytes)?);
    let cells = Some(read_cells(plan, &texts, &mut bytes)?.into());
    bytes.is_empty().then(|| Session {
        key: key.into(),
        start,
        last,
        cells,
    })
}
