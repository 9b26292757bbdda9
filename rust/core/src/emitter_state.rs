//! What an emitter accumulates, as bytes.

use crate::accumulator::Accumulator;
use crate::emitter_plan::Emitter;
use crate::error::{Error, Result};
use crate::state::{FORMATS, STATE_FORMAT, STATE_FORMAT_OLDEST};
use crate::stored_texts::{StoredTexts, restored};
use crate::text::Lexicon;
use crate::types::Type;

/// The texts among what is accumulated of some keys, of each a cell per track.
pub(crate) fn texts_of<'a>(
    plan: &Emitter,
    lexicon: &Lexicon,
    keys: impl Iterator<Item = &'a [Accumulator]>,
) -> StoredTexts {
    StoredTexts::of(
        |word| lexicon.text(word),
        |see| {
            if plan.view.has_texts() {
                keys.for_each(|cells| each_text(plan, cells, see));
            }
        },
    )
}

/// Calls `see` on the words of one key that stand for texts.
pub(crate) fn each_text(plan: &Emitter, cells: &[Accumulator], see: &mut dyn FnMut(u64)) {
    for (track, cell) in plan.view.tracks.iter().zip(cells) {
        if track.ty == Some(Type::String) {
            cell.clone().each_word(&mut |word| see(*word));
        }
    }
}

/// Appends the texts, where the plan has some.
pub(crate) fn write_texts(plan: &Emitter, texts: &StoredTexts, out: &mut Vec<u8>) {
    if plan.view.has_texts() {
        texts.write(out);
    }
}

/// Reads what [`write_texts`] wrote: the words of a lexicon by number.
pub(crate) fn read_texts(
    plan: &Emitter,
    lexicon: &mut Lexicon,
    bytes: &mut &[u8],
) -> Option<Vec<u64>> {
    if plan.view.has_texts() {
        StoredTexts::read(lexicon, bytes)
    } else {
        Some(Vec::new())
    }
}

/// Appends what is accumulated of a key.
pub(crate) fn write_cells(
    plan: &Emitter,
    texts: &StoredTexts,
    cells: &[Accumulator],
    out: &mut Vec<u8>,
) {
    for (track, cell) in plan.view.tracks.iter().zip(cells) {
        if track.ty == Some(Type::String) {
            let mut cell = cell.clone();
            cell.each_word(&mut |word| *word = texts.word(*word));
            cell.write(out);
        } else {
            cell.write(out);
        }
    }
}

/// Reads what [`write_cells`] wrote, with texts by number; `None` when the bytes are not that.
pub(crate) fn read_cells(
    plan: &Emitter,
    texts: &[u64],
    bytes: &mut &[u8],
) -> Option<Vec<Accumulator>> {
    let mut cells = Vec::with_capacity(plan.view.tracks.len());
    for track in &plan.view.tracks {
        let mut cell = Accumulator::read(track.ty, track.needs, bytes)?;
        if track.ty == Some(Type::String) {
            let mut known = true;
            cell.each_word(&mut |word| match restored(texts, *word) {
                Some(named) => *word = named,
                None => known = false,
            });
            known.then_some(())?;
        }
        cells.push(cell);
    }
    Some(cells)
}

/// The bytes of a window, with the number of the format.
pub(crate) fn versioned(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.insert(0, STATE_FORMAT);
    bytes
}

/// The bytes of a window without the number of their format, which must be one that is read.
pub(crate) fn unversioned<'a>(plan: &Emitter, bytes: &'a [u8]) -> Result<&'a [u8]> {
    match bytes.split_first() {
        Some((STATE_FORMAT_OLDEST..=STATE_FORMAT, bytes)) => Ok(bytes),
        Some((other, _)) => Err(Error::State(format!(
            "emitter '{}': window state has format {other}, this kernel reads formats {FORMATS}",
            plan.view.name
        ))),
        None => Err(damaged(plan)),
    }
}

/// What is said of bytes that are no window.
pub(crate) fn damaged(plan: &Emitter) -> Error {
    Error::State(format!(
        "emitter '{}': the state of a window is damaged",
        plan.view.name
    ))
}
