//! State as bytes: format 3, the same on every host. docs/reference/state-format.md describes it for others.
//!
//! All numbers are little endian. Bytes are canonical: equal state has equal bytes, so they can be compared
//! and hashed. Only what cannot be derived is stored: lifetime totals and the events some read can still see.
//!
//! | header | bytes |
//! | --- | --- |
//! | format | u32 |
//! | plan fingerprint | 32 |
//! | clock (highest arrival; `i64::MIN` before any) | i64 |
//! | per stream: watermark | u8 flag, i64 |
//! | number of partitions, then per partition by id | u32 |
//! | ... id; watermark; last arrival; next offset; events per verdict | u16; u8, i64; i64; u64; 5 x u64 |
//! | duplicate check: 0, or 1 and number of ids, then per id by bytes | u8, u64 |
//! | ... length, bytes; number of times, times | u32, n; u32, n x i64 |
//! | per emitter: number of events that wait for the watermark, then per event in order | u64 |
//! | ... time; partition and offset in one word; key length, key; staged row | i64; u64; u32, n; u64 each |
//!
//! | entity | bytes |
//! | --- | --- |
//! | format | u8 |
//! | a packed row: newest event's time, its partition and offset in one word; number of events; how many of them, | |
//! | ... oldest first, the totals hold already | |
//! | views with texts: number of long ones; per text by its bytes its length and bytes | u32; u32, n |
//! | lifetime totals, in plan order (see [`Accumulator::write`]) | |
//! | per tiled span: number of tiles; per tile its number and totals | u32; i64, as above |
//! | per event a packed row (see [`crate::packing`]): time, place, condition bits, arguments | |
//!
//! Format 2, which is still read, has the newest event and both numbers as i64, u64, u32 and u32, the numbers before
//! the events, and a u64 for each word of an event.
//!
//! An emitter's windows follow the views' entities, under the number of views and its own. A pane's key is its
//! start, as eight bytes that order like it (big endian, sign flipped); a session's key is its entity's.
//!
//! | pane | bytes |
//! | --- | --- |
//! | format; texts, as an entity has them; number of keys, then per key in order | u8; u32 |
//! | ... length, key; totals per track (see [`Accumulator::write`]) | u32, n |
//!
//! | session | bytes |
//! | --- | --- |
//! | format; texts; first and last event time; totals per track | u8; i64, i64 |

use crate::accumulator::Accumulator;
use crate::buffer::{Events, FIXED_WORDS};
use crate::dedup::Ids;
use crate::emitter::Emitter;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::guard::{Guard, Partition};
use crate::packing::{self, Shape, pack, unpack};
use crate::plan::{Plan, View};
use crate::stored_texts::StoredTexts;
use crate::text::{Lexicon, number_of};
use crate::tiles::Tiles;
use crate::totals::take;
use crate::types::Type;

/// Version of the byte format.
pub const STATE_FORMAT: u8 = 3;

/// The oldest version that is read.
pub(crate) const STATE_FORMAT_OLDEST: u8 = 2;

/// The versions that are read, for messages.
pub(crate) const FORMATS: &str = "2 and 3";

/// What an entity is known by before its events.
const HEAD: [Shape; 4] = [Shape::Signed, Shape::Plain, Shape::Plain, Shape::Plain];

/// Appends the bytes of a settled entity.
///
/// ```
/// use forerun_core::entity::Entity;
/// use forerun_core::plan::{EXAMPLE, Plan};
/// use forerun_core::state::{read_entity, write_entity};
///
/// let view = &Plan::compile(EXAMPLE).unwrap().views[0];
/// let mut entity = Entity::new(view, b"EWR");
/// entity.insert(view, 50, 7, &[1, 2.5f64.to_bits()]);
/// let mut bytes = Vec::new();
/// write_entity(view, &entity, &mut bytes);
/// assert_eq!(read_entity(view, b"EWR", &bytes).unwrap().newest(), (50, 7));
/// assert!(read_entity(view, b"EWR", &bytes[1..]).is_err());
/// ```
pub fn write_entity(view: &View, entity: &Entity, out: &mut Vec<u8>) {
    out.push(STATE_FORMAT);
    let (time, place) = entity.newest();
    let (events, settled) = (entity.events().len() as u64, entity.settled() as u64);
    let newest = [time as u64, place];
    pack(
        &HEAD,
        &[newest[0], place, events, settled],
        &[0; HEAD.len()],
        out,
    );
    let texts = texts_of(view, entity);
    if view.has_texts() {
        texts.write(out);
    }
    for (place, &span) in view.lifetimes.iter().enumerate() {
        let text = view.tracks[view.spans[span].track].ty == Some(Type::String);
        match entity.life(place) {
            Some(life) if text => {
                let mut life = life.clone();
                life.each_word(&mut |word| *word = texts.word(*word));
                life.write(out);
            }
            Some(life) => life.write(out),
            None => {}
        }
    }
    for tiles in (0..view.tiled.len()).filter_map(|place| entity.tiles(place)) {
        out.extend_from_slice(&(tiles.len() as u32).to_le_bytes());
        for (tile, totals) in tiles.since(i64::MIN) {
            out.extend_from_slice(&tile.to_le_bytes());
            totals.write(out);
        }
    }
    // The newest event is mostly the last of them, and the oldest not far from it.
    let mut before = vec![0; view.width()];
    before[..FIXED_WORDS].copy_from_slice(&newest);
    let words: Vec<usize> = view.text_words().collect();
    if words.is_empty() {
        return pack(&view.shapes, entity.events().rows(), &before, out);
    }
    let mut rows = entity.events().rows().to_vec();
    for row in rows.chunks_exact_mut(view.width()) {
        words.iter().for_each(|&at| row[at] = texts.word(row[at]));
    }
    pack(&view.shapes, &rows, &before, out);
}

/// At least as many bytes as [`write_entity`] appends, without texts and totals.
pub(crate) fn bytes_max(view: &View, entity: &Entity) -> usize {
    let rows = entity.events().len() * packing::bytes_max(view.width());
    size_of_val(&STATE_FORMAT) + packing::bytes_max(HEAD.len()) + rows + size_of::<u64>()
}

/// The texts of an entity.
fn texts_of(view: &View, entity: &Entity) -> StoredTexts {
    let words: Vec<usize> = view.text_words().collect();
    let lives = view.lifetimes.iter().enumerate();
    StoredTexts::of(
        |word| entity.text(word),
        |see| {
            if words.is_empty() {
                return;
            }
            for row in entity.events().rows().chunks_exact(view.width()) {
                words.iter().for_each(|&word| see(row[word]));
            }
            for (place, &span) in lives {
                if view.tracks[view.spans[span].track].ty == Some(Type::String)
                    && let Some(life) = entity.life(place)
                {
                    life.clone().each_word(&mut |word| see(*word));
                }
            }
        },
    )
}

/// Reads what [`write_entity`] wrote for the same view.
pub fn read_entity(view: &View, key: &[u8], mut bytes: &[u8]) -> Result<Entity> {
    let damaged = || {
        Error::State(format!(
            "view '{}': the state of an entity is damaged",
            view.name
        ))
    };
    let format = match take::<1>(&mut bytes) {
        Some([format @ STATE_FORMAT_OLDEST..=STATE_FORMAT]) => format,
        Some([other]) => {
            return Err(Error::State(format!(
                "view '{}': entity state has format {other}, this kernel reads formats {FORMATS}",
                view.name
            )));
        }
        None => return Err(damaged()),
    };
    parse_entity(view, key, format, &mut bytes)
        .filter(|_| bytes.is_empty())
        .ok_or_else(damaged)
}

fn parse_entity(view: &View, key: &[u8], format: u8, bytes: &mut &[u8]) -> Option<Entity> {
    let packed = format > STATE_FORMAT_OLDEST;
    let mut head = Vec::with_capacity(HEAD.len());
    if packed {
        unpack(&HEAD, 1, &[0; HEAD.len()], bytes, &mut head)?;
    } else {
        head.extend([
            u64::from_le_bytes(take(bytes)?),
            u64::from_le_bytes(take(bytes)?),
        ]);
    }
    let newest = [head[0], head[1]];
    let mut lexicon = Lexicon::default();
    let texts = if view.has_texts() {
        // Numbers are given in order.
        StoredTexts::read(&mut lexicon, bytes)?.len()
    } else {
        0
    };
    let mut lives = view
        .lives()
        .map(|(ty, needs)| Accumulator::read(ty, needs, bytes))
        .collect::<Option<Vec<_>>>()?;
    for (life, (ty, _)) in lives.iter_mut().zip(view.lives()) {
        if ty == Some(Type::String) {
            let mut known = true;
            life.each_word(&mut |word| known &= number_of(*word).is_none_or(|at| at < texts));
            known.then_some(())?;
        }
    }
    let mut tiles = Vec::with_capacity(view.tiled.len());
    for &span in &view.tiled {
        let track = &view.tracks[view.spans[span].track];
        let mut read = Vec::new();
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let tile = i64::from_le_bytes(take(bytes)?);
            read.push((tile, Accumulator::read(track.ty, track.needs, bytes)?));
        }
        if !read.is_sorted_by(|(a, _), (b, _)| a < b) {
            return None;
        }
        tiles.push(Tiles::from_parts(read));
    }
    if !packed {
        for _ in 0..2 {
            head.push(u32::from_le_bytes(take(bytes)?).into());
        }
    }
    let rows = usize::try_from(head[2]).ok()?;
    let settled = usize::try_from(head[3]).ok()?;
    if settled > rows {
        return None;
    }
    let mut words = Vec::new();
    if packed {
        let mut before = vec![0; view.width()];
        before[..FIXED_WORDS].copy_from_slice(&newest);
        unpack(&view.shapes, rows, &before, bytes, &mut words)?;
    } else {
        if bytes.len() != rows.checked_mul(view.width() * size_of::<u64>())? {
            return None;
        }
        let each = std::iter::from_fn(|| take(bytes).map(u64::from_le_bytes));
        words.extend(each);
    }
    let known = |row: &[u64]| {
        let mut numbers = view.text_words().filter_map(|word| number_of(row[word]));
        numbers.all(|number| number < texts)
    };
    if view.has_texts() && !words.chunks_exact(view.width()).all(known) {
        return None;
    }
    let order = |row: &[u64]| (row[0] as i64, row[1]);
    let sorted = words
        .chunks_exact(view.width())
        .is_sorted_by(|a, b| order(a) < order(b));
    sorted.then(|| {
        Entity::from_parts(
            view,
            key,
            (newest[0] as i64, newest[1]),
            lives,
            tiles,
            (lexicon, Events::from_rows(words, view.width())),
            settled,
        )
    })
}

/// The bytes of everything that is not per entity.
pub(crate) fn write_header(
    plan: &Plan,
    clock: i64,
    guards: &[Guard],
    emitters: &[Emitter],
) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&u32::from(STATE_FORMAT).to_le_bytes());
    out.extend_from_slice(&plan.fingerprint);
    out.extend_from_slice(&clock.to_le_bytes());
    for guard in guards {
        write_time(guard.watermark(), &mut out);
        out.extend_from_slice(&(guard.partitions().len() as u32).to_le_bytes());
        for partition in guard.partitions() {
            out.extend_from_slice(&partition.id.to_le_bytes());
            write_time(partition.watermark, &mut out);
            out.extend_from_slice(&partition.arrival.to_le_bytes());
            out.extend_from_slice(&partition.next_offset.to_le_bytes());
            partition
                .counts
                .iter()
                .for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
        }
        match guard.ids() {
            None => out.push(0),
            Some(ids) => {
                out.push(1);
                ids.write(guard.watermark(), &mut out);
            }
        }
    }
    for (own, emitter) in plan.emitters.iter().zip(emitters) {
        emitter.write(own, &mut out);
    }
    out
}

/// What a header holds: the clock, the guards, and the emitters without their windows.
pub(crate) type Header = (i64, Vec<Guard>, Vec<Emitter>);

pub(crate) fn read_header(plan: &Plan, mut bytes: &[u8]) -> Result<Header> {
    let damaged = || Error::State("the state header is damaged".into());
    let format = u32::from_le_bytes(take(&mut bytes).ok_or_else(damaged)?);
    if !(STATE_FORMAT_OLDEST.into()..=STATE_FORMAT.into()).contains(&format) {
        return Err(Error::State(format!(
            "the state has format {format}, this kernel reads formats {FORMATS}"
        )));
    }
    if take::<32>(&mut bytes).ok_or_else(damaged)? != plan.fingerprint {
        return Err(Error::State(
            "the state belongs to another version of the app; replay the log to rebuild it".into(),
        ));
    }
    parse_header(plan, &mut bytes)
        .filter(|_| bytes.is_empty())
        .ok_or_else(damaged)
}

fn parse_header(plan: &Plan, bytes: &mut &[u8]) -> Option<Header> {
    let clock = i64::from_le_bytes(take(bytes)?);
    let mut guards = Vec::with_capacity(plan.streams.len());
    for stream in &plan.streams {
        let mut watermark = None;
        read_time(bytes, &mut watermark)?;
        let mut partitions = Vec::new();
        for _ in 0..u32::from_le_bytes(take(bytes)?) {
            let mut partition = Partition {
                id: u16::from_le_bytes(take(bytes)?),
                watermark: None,
                arrival: 0,
                next_offset: 0,
                counts: [0; 5],
            };
            read_time(bytes, &mut partition.watermark)?;
            partition.arrival = i64::from_le_bytes(take(bytes)?);
            partition.next_offset = u64::from_le_bytes(take(bytes)?);
            for count in &mut partition.counts {
                *count = u64::from_le_bytes(take(bytes)?);
            }
            partitions.push(partition);
        }
        if !partitions.is_sorted_by(|a, b| a.id < b.id) {
            return None;
        }
        let ids = match (take(bytes)?, stream.dedup_us) {
            ([0], None) => None,
            ([1], Some(horizon_us)) => Some(Ids::read(horizon_us, bytes)?),
            _ => return None,
        };
        guards.push(Guard::from_parts(partitions, watermark, ids));
    }
    let emitters = plan
        .emitters
        .iter()
        .map(|own| Emitter::read(own, guards[own.view.stream].watermark(), bytes))
        .collect::<Option<_>>()?;
    Some((clock, guards, emitters))
}

fn write_time(time: Option<i64>, out: &mut Vec<u8>) {
    out.push(time.is_some().into());
    out.extend_from_slice(&time.unwrap_or(0).to_le_bytes());
}

/// Reads a time that may be absent; `None` when the bytes end.
fn read_time(bytes: &mut &[u8], time: &mut Option<i64>) -> Option<()> {
    let [flag] = take(bytes)?;
    let value = i64::from_le_bytes(take(bytes)?);
    *time = (flag == 1).then_some(value);
    Some(())
}
