//! What an emitter accumulates, as bytes.

use crate::accumulator::Accumulator;
use crate::emitter_plan::Emitter;
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
                for (_, cell) in keys.flat_map(|cells| texts_in(plan, cells)) {
                    cell.clone().each_word(&mut |word| see(*word));
                }
            }
        },
    )
}

/// The cells of tracks that are text, with their places.
fn texts_in<'a>(
    plan: &Emitter,
    cells: &'a [Accumulator],
) -> impl Iterator<Item = (usize, &'a Accumulator)> {
    let tracks = plan.view.tracks.iter().enumerate();
    let texts = tracks.filter(|(_, track)| track.ty == Some(Type::String));
    texts.map(|(at, _)| (at, &cells[at]))
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
