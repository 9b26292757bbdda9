//! The parts of some panes side by side: what each key has in all of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use crate::accumulator::Accumulator;
use crate::depot::Depot;
use crate::emitter_plan::Emitter;
use crate::emitter_state::{damaged, each_text, unversioned, versioned, write_texts};
use crate::error::Result;
use crate::groups::Sorted;
use crate::hashing::Hashing;
use crate::key::Key;
use crate::pane::{Pane, begins, read, row_key, write_row, written};
use crate::stored_texts::StoredTexts;
use crate::text::Lexicon;

/// Takes the texts, a key, and what is accumulated of it.
type Take<'a> = &'a mut dyn FnMut(&Lexicon, &[u8], &[Accumulator]);

/// One of the lists that are read side by side.
struct Source<'a> {
    list: List<'a>,
    at: usize,
    /// Whether another window will read it.
    stays: bool,
}

enum List<'a> {
    /// In memory.
    Here(&'a Sorted),
    /// In the store: no key before this one, and where.
    Asleep(&'a Key, Vec<u8>),
    /// Loaded, and dropped when it has been read, unless it may stay.
    Loaded(Sorted),
    /// Read to its end.
    Done,
}

/// The next key of a source; of the same key, the older source comes first.
#[derive(PartialEq, Eq)]
struct Next {
    key: Key,
    source: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let keys = self.key.bytes().cmp(other.key.bytes());
        keys.then_with(|| self.source.cmp(&other.source))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Source<'_> {
    fn list(&self) -> Option<&Sorted> {
        match &self.list {
            List::Here(sorted) => Some(sorted),
            List::Loaded(sorted) => Some(sorted),
            List::Asleep(..) | List::Done => None,
        }
    }

    /// The next key, or the end, after which there is only what may stay.
    fn next(&mut self, source: usize, depot: Option<&Depot>) -> Option<Reverse<Next>> {
        let list = self.list().filter(|list| self.at < list.len());
        let next = list.map(|list| Key::new(list.key(self.at)));
        if next.is_none() {
            let stays = match &self.list {
                List::Loaded(sorted) => self.stays && Depot::fits(depot, sorted.bytes()),
                _ => false,
            };
            if !stays {
                self.list = List::Done;
            }
        }
        next.map(|key| Reverse(Next { key, source }))
    }
}

/// Hands out what panes hold together, by key.
///
/// The panes are in the order of time. A part that sleeps is loaded when its first key is due, and dropped after its
/// last one, unless there is room for it and another window reads it. Parts that were made at the same time have
/// different keys, those of different times the same: so of each pane there is a part in memory for each time at which
/// memory was short.
pub(crate) fn merge(
    plan: &Emitter,
    panes: &mut [Pane],
    lexicon: &mut Lexicon,
    depot: Option<&Depot>,
    stays: &dyn Fn(&Pane) -> bool,
    take: Take<'_>,
) -> Result<()> {
    let kept = read_through(plan, panes, (lexicon, depot), stays, take)?;
    let mut kept = kept.into_iter().peekable();
    let mut passed = 0;
    for pane in panes {
        let (first, parts) = (passed, pane.parts().len());
        passed += parts + 1;
        while let Some((at, content)) = kept.next_if(|(at, _)| *at < passed) {
            pane.wake(at - first, content);
        }
    }
    Ok(())
}

/// Does that; gives what stays of what was loaded, by the number of the list.
fn read_through(
    plan: &Emitter,
    panes: &mut [Pane],
    (lexicon, depot): (&mut Lexicon, Option<&Depot>),
    stays: &dyn Fn(&Pane) -> bool,
    take: Take<'_>,
) -> Result<Vec<(usize, Sorted)>> {
    panes.iter_mut().for_each(|pane| {
        pane.content.sort();
    });
    let mut sources: Vec<Source<'_>> = Vec::new();
    for pane in &*panes {
        let parts = pane.parts().iter().map(|part| match &part.content {
            Some(sorted) => List::Here(sorted),
            None => List::Asleep(&part.from, pane.row_of(part)),
        });
        let lists = parts.chain(std::iter::once(List::Here(pane.content.sorted())));
        let stays = stays(pane);
        sources.extend(lists.map(|list| Source { list, at: 0, stays }));
    }
    let mut waiting: Vec<(&Key, usize)> = Vec::new();
    let mut due: BinaryHeap<Reverse<Next>> = BinaryHeap::new();
    for (at, source) in sources.iter_mut().enumerate() {
        match &source.list {
            List::Asleep(from, _) => waiting.push((from, at)),
            _ => due.extend(source.next(at, depot)),
        }
    }
    // The first to be woken is at the end.
    waiting.sort_unstable_by(|(a, _), (b, _)| b.bytes().cmp(a.bytes()));
    let tracks = plan.sources.len();
    let mut merged: Vec<Accumulator> = plan
        .totals()
        .map(|(ty, needs)| Accumulator::new(ty, needs))
        .collect();
    let mut same: Vec<usize> = Vec::new();
    loop {
        while let Some(&(from, at)) = waiting.last()
            && due
                .peek()
                .is_none_or(|Reverse(next)| from.bytes() <= next.key.bytes())
        {
            waiting.pop();
            if let List::Asleep(from, row) = &sources[at].list {
                let bytes = Depot::one(depot, row)?;
                let sorted = read(plan, lexicon, unversioned(plan, &bytes)?);
                // A key before this one would come after greater ones.
                let sorted = sorted.filter(|sorted| begins(sorted, from.bytes()));
                sources[at].list = List::Loaded(sorted.ok_or_else(|| damaged(plan))?);
            }
            due.extend(sources[at].next(at, depot));
        }
        let Some(Reverse(Next { key, source })) = due.pop() else {
            let lists = sources.into_iter().enumerate();
            let kept = lists.filter_map(|(at, source)| match source.list {
                List::Loaded(sorted) => Some((at, sorted)),
                _ => None,
            });
            return Ok(kept.collect());
        };
        same.clear();
        same.push(source);
        while due.peek().is_some_and(|Reverse(next)| next.key == key) {
            same.extend(due.pop().map(|Reverse(next)| next.source));
        }
        let cells = |at: usize| {
            let source = &sources[at];
            source
                .list()
                .map_or(&[][..], |list| list.cells(source.at, tracks))
        };
        if let [one] = same[..] {
            take(lexicon, key.bytes(), cells(one));
        } else {
            merged.iter_mut().for_each(Accumulator::clear);
            for &at in &same {
                for (into, cell) in merged.iter_mut().zip(cells(at)) {
                    into.append(cell);
                }
            }
            take(lexicon, key.bytes(), &merged);
        }
        for &at in &same {
            sources[at].at += 1;
            due.extend(sources[at].next(at, depot));
        }
    }
}

/// Hashes a pane: its key and the bytes of all that it holds, as if it had never been cut into parts.
///
/// It is gone through twice, since the length and the texts stand first.
pub(crate) fn hash(
    plan: &Emitter,
    pane: &mut Pane,
    lexicon: &mut Lexicon,
    depot: Option<&Depot>,
    hashing: &mut Hashing<'_>,
) -> Result<()> {
    let key = row_key(pane.start, 0, &[]);
    if pane.parts().is_empty() {
        let bytes = versioned(written(pane.content.sort(), plan, lexicon));
        hashing.row(&key, &bytes);
        return Ok(());
    }
    let panes = std::slice::from_mut(pane);
    let none = |_: &_| false;
    let (mut words, mut keys, mut length) = (HashSet::new(), 0u32, 0);
    // A word is as long, whatever text it stands for.
    let nothing = StoredTexts::of(|_| Vec::new(), |_| {});
    let mut out = Vec::new();
    merge(plan, panes, lexicon, depot, &none, &mut |_, key, cells| {
        keys += 1;
        each_text(plan, cells, &mut |word| {
            words.insert(word);
        });
        write_row(plan, key, cells, &nothing, &mut out);
        length += out.len();
        out.clear();
    })?;
    let texts = StoredTexts::of(
        |word| lexicon.text(word),
        |see| words.iter().for_each(|&word| see(word)),
    );
    let mut head = versioned(Vec::new());
    write_texts(plan, &texts, &mut head);
    head.extend_from_slice(&keys.to_le_bytes());
    hashing.begin(&key, head.len() + length);
    hashing.add(&head);
    merge(plan, panes, lexicon, depot, &none, &mut |_, key, cells| {
        write_row(plan, key, cells, &texts, &mut out);
        hashing.add(&out);
        out.clear();
    })
}
