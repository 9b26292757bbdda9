//! The values of many reads, filled row by row and by several threads, and taken out column by column.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};

use crate::column::Column;
use crate::list::List;
use crate::one::One;
use crate::row::Row;
use crate::transpose::transpose;
use crate::types::Type;

/// Feature values: a row per read, in parts that are set one by one: a part is what one lookup reads.
///
/// ```
/// use forerun_core::grid::Grid;
/// use forerun_core::row::Row;
/// use forerun_core::types::Type;
///
/// let mut grid = Grid::new(vec![vec![0]], 2);
/// let mut row = Row::new(1);
/// grid.set(0, 0, &mut row);
/// row.set(0, Some(7));
/// grid.set(1, 0, &mut row);
/// let [column] = grid.take_columns(&[Type::Int]).try_into().unwrap();
/// assert_eq!((column.as_whole(0), column.as_whole(1)), (None, Some(7)));
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    rows: usize,
    /// The slots of each part.
    parts: Vec<Slots>,
    slots: usize,
    /// Slot by slot a word per row, after a number of words that differs from slot to slot (see [`shift`]).
    columns: Vec<Vec<MaybeUninit<u64>>>,
    /// Row by row and part by part a bit per slot: no two parts share a word.
    valid: Vec<u64>,
    /// The slots of lists and texts, and those of each slot.
    wide: Vec<usize>,
    lists: Vec<Vec<Option<Box<List>>>>,
}

/// The slots of a part.
#[derive(Clone, Debug)]
enum Slots {
    /// One after the other.
    Run(usize, usize),
    Some(Vec<usize>),
}

/// Rows whose bits are turned at a time: they are those of a word.
const BLOCK: usize = 64;

/// Rows from which on columns are as long as pages.
const LONG: usize = 1 << 12;

/// Words that are not worth giving back.
const KEPT: usize = 1 << 17;

impl Grid {
    /// A grid of nulls with parts that have those slots.
    #[must_use]
    pub fn new(parts: Vec<Vec<usize>>, rows: usize) -> Self {
        let slots = parts.iter().map(Vec::len).sum::<usize>();
        let run = |slots: Vec<usize>| match slots.first() {
            Some(&first) if slots.iter().zip(first..).all(|(&slot, at)| slot == at) => {
                Slots::Run(first, slots.len())
            }
            _ => Slots::Some(slots),
        };
        let mut grid = Self {
            rows,
            slots,
            columns: (0..slots)
                .map(|slot| vec![MaybeUninit::new(0); shift(slot, rows) + rows])
                .collect(),
            valid: Vec::new(),
            parts: parts.into_iter().map(run).collect(),
            wide: Vec::new(),
            lists: vec![Vec::new(); slots],
        };
        grid.make_room();
        grid
    }

    /// Makes ready for other rows.
    ///
    /// # Safety
    ///
    /// Every part of every row is set before values are taken out.
    pub(crate) unsafe fn reset(&mut self, rows: usize) {
        self.rows = rows;
        for (slot, column) in self.columns.iter_mut().enumerate() {
            column.clear();
            column.reserve_exact(shift(slot, rows) + rows);
            // SAFETY: there is room, and words that may be anything need no value.
            unsafe { column.set_len(shift(slot, rows) + rows) };
            column[..shift(slot, rows)].fill(MaybeUninit::new(0));
        }
        self.make_room();
    }

    /// Room for bits, which stays from step to step, and for lists.
    fn make_room(&mut self) {
        let marks = self.rows * self.parts.len() * self.slots.div_ceil(64);
        if self.valid.len() > 8 * marks.max(KEPT) {
            self.valid = Vec::new();
        }
        if self.valid.len() < marks {
            self.valid.resize(marks, 0);
        }
        for &slot in &self.wide {
            self.lists[slot] = vec![None; self.rows];
        }
    }

    /// The same with room for lists or texts in a slot.
    #[must_use]
    pub fn with_lists(mut self, slots: impl IntoIterator<Item = usize>) -> Self {
        self.wide = slots.into_iter().collect();
        self.make_room();
        self
    }

    /// Takes the lists out of a slot.
    #[must_use]
    pub fn take_lists(&mut self, slot: usize) -> Vec<Option<Box<List>>> {
        std::mem::take(&mut self.lists[slot])
    }

    /// Sets a part of a row.
    pub fn set(&mut self, row: usize, part: usize, values: &mut Row) {
        // SAFETY: nobody else has the grid.
        unsafe { self.shared().set(row, part, values) };
    }

    /// The value of a slot of a row; not of lists.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize, slot: usize) -> Option<u64> {
        let part = self.parts.iter().position(|part| part.has(slot))?;
        let limbs = self.slots.div_ceil(64);
        let bits = self.valid[(row * self.parts.len() + part) * limbs + slot / 64];
        let word = self.columns[slot][shift(slot, self.rows) + row];
        // SAFETY: every row is set, here or by those who may reset.
        (bits >> (slot % 64) & 1 == 1).then(|| unsafe { word.assume_init() })
    }

    /// Where the bit of a slot of a part is in the first row: its word.
    pub(crate) fn mark(&self, part: usize, slot: usize) -> usize {
        part * self.slots.div_ceil(64) + slot / 64
    }

    /// The value of a slot of the only row, by what [`Grid::mark`] says of it.
    #[inline]
    pub(crate) fn only(&self, mark: usize, slot: usize) -> Option<u64> {
        let word = self.columns[slot][0];
        // SAFETY: as above.
        (self.valid[mark] >> (slot % 64) & 1 == 1).then(|| unsafe { word.assume_init() })
    }

    /// The lists or texts of a slot, by row.
    #[must_use]
    pub fn lists(&self, slot: usize) -> &[Option<Box<List>>] {
        &self.lists[slot]
    }

    /// Access for threads that set different parts of rows at the same time.
    pub(crate) fn shared(&mut self) -> Shared<'_> {
        let rows = self.rows;
        Shared {
            rows: self.rows,
            slots: self.slots,
            parts: &self.parts,
            columns: self
                .columns
                .iter_mut()
                .enumerate()
                .map(|(slot, column)| column[shift(slot, rows)..].as_mut_ptr())
                .collect(),
            valid: self.valid.as_mut_ptr(),
            lists: if self.wide.is_empty() {
                Vec::new()
            } else {
                let lists = self.lists.iter_mut();
                lists
                    .map(|lists| (!lists.is_empty()).then_some(lists.as_mut_ptr()))
                    .collect()
            },
            grid: PhantomData,
        }
    }

    /// The columns, of the given types, and the texts out of it.
    #[must_use]
    pub fn take_columns(&mut self, types: &[Type]) -> Vec<Column> {
        let rows = self.rows;
        if rows == 1 {
            let column = |(slot, &ty): (usize, &Type)| match ty {
                Type::String => List::texts(&self.take_lists(slot)),
                _ => Column::same(One::of_word(ty, self.get(0, slot)), 1),
            };
            return types.iter().enumerate().map(column).collect();
        }
        let turned = self.turned().into_iter().zip(types).enumerate();
        turned
            .map(|(slot, (turned, &ty))| match ty {
                Type::String => List::texts(&self.take_lists(slot)),
                _ => {
                    let bits = || BooleanBuffer::new(Buffer::from_vec(turned.bits), 0, rows);
                    let nulls = turned.nulls.then(|| NullBuffer::new(bits()));
                    Column::from_parts(ty, self.take_words(slot), nulls)
                }
            })
            .collect()
    }

    /// Takes the words out of a slot.
    fn take_words(&mut self, slot: usize) -> ScalarBuffer<u64> {
        let mut words = std::mem::ManuallyDrop::new(std::mem::take(&mut self.columns[slot]));
        let (start, rows, room) = (words.as_mut_ptr(), words.len(), words.capacity());
        // SAFETY: every row is set, here or by those who may reset; nobody else has the memory any more.
        let words = unsafe { Vec::<u64>::from_raw_parts(start.cast(), rows, room) };
        ScalarBuffer::new(Buffer::from_vec(words), shift(slot, self.rows), self.rows)
    }

    /// The bits of every slot.
    fn turned(&self) -> Vec<Turned> {
        let (rows, limbs) = (self.rows, self.slots.div_ceil(64));
        let column = |_| Turned {
            bits: Vec::with_capacity(rows.div_ceil(BLOCK)),
            nulls: false,
        };
        let mut columns: Vec<Turned> = (0..self.slots).map(column).collect();
        for from in (0..rows).step_by(BLOCK) {
            let to = (from + BLOCK).min(rows);
            let full = u64::MAX >> (BLOCK - (to - from));
            for (part, held) in self.parts.iter().enumerate() {
                for limb in 0..limbs {
                    let mut marks = [0; BLOCK];
                    for (row, mark) in (from..to).zip(&mut marks) {
                        *mark = self.valid[(row * self.parts.len() + part) * limbs + limb];
                    }
                    transpose(&mut marks);
                    for slot in held.in_limb(limb) {
                        columns[slot].nulls |= marks[slot % 64] != full;
                        columns[slot].bits.push(marks[slot % 64]);
                    }
                }
            }
        }
        columns
    }
}

/// Words before the first row of a slot.
///
/// Columns of many rows begin where pages do: without this, a row's words would all compete for the same few lines of
/// the cache. Those of few rows are as long as they must be.
fn shift(slot: usize, rows: usize) -> usize {
    if rows < LONG { 0 } else { slot % 64 * 8 }
}

/// A bit per row that says whether it has a value, and whether some have none.
struct Turned {
    bits: Vec<u64>,
    nulls: bool,
}

impl Slots {
    fn has(&self, slot: usize) -> bool {
        match self {
            Self::Run(first, slots) => (*first..first + slots).contains(&slot),
            Self::Some(slots) => slots.contains(&slot),
        }
    }

    /// The slots whose bits are in a word of those of a row.
    fn in_limb(&self, limb: usize) -> impl Iterator<Item = usize> {
        let (run, some) = match self {
            Self::Run(first, slots) => (*first..first + slots, &[][..]),
            Self::Some(slots) => (0..0, &slots[..]),
        };
        run.chain(some.iter().copied())
            .filter(move |slot| slot / 64 == limb)
    }
}

/// A grid whose cells are set by several threads.
pub(crate) struct Shared<'a> {
    rows: usize,
    slots: usize,
    parts: &'a [Slots],
    columns: Vec<*mut MaybeUninit<u64>>,
    valid: *mut u64,
    /// Lists, by slot, where there are some; as long as the grid has rows. Empty when no slot has any.
    lists: Vec<Option<*mut Option<Box<List>>>>,
    grid: PhantomData<&'a mut Grid>,
}

// SAFETY: the pointers are into a grid that is borrowed for as long as this lives; who sets cells promises in
// `set` that no two threads set the same one, and nobody reads before the borrow ends.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// Sets a part of a row.
    ///
    /// # Safety
    ///
    /// No other thread sets the same part of the same row while this lives.
    #[inline]
    pub(crate) unsafe fn set(&self, row: usize, part: usize, values: &mut Row) {
        assert!(row < self.rows && values.words().len() == self.slots);
        let limbs = values.valid().len();
        let marks = (row * self.parts.len() + part) * limbs;
        // SAFETY: `row` is below the grid's rows and `part` (looked up below) below its parts, and slots of a part
        // are below its slots; by the promise above these words are ours.
        unsafe {
            match &self.parts[part] {
                &Slots::Run(first, slots) => {
                    let words = &values.words()[first..first + slots];
                    let columns = &self.columns[first..first + slots];
                    for (column, &word) in columns.iter().zip(words) {
                        column.add(row).write(MaybeUninit::new(word));
                    }
                }
                Slots::Some(slots) => {
                    for &slot in slots {
                        let word = MaybeUninit::new(values.words()[slot]);
                        self.columns[slot].add(row).write(word);
                    }
                }
            }
            for (at, &bits) in values.valid().iter().enumerate() {
                self.valid.add(marks + at).write(bits);
            }
        }
        if !self.lists.is_empty() {
            self.set_lists(row, part, values);
        }
    }

    fn set_lists(&self, row: usize, part: usize, values: &mut Row) {
        for limb in 0..values.valid().len() {
            for slot in self.parts[part].in_limb(limb) {
                if let Some(lists) = self.lists[slot] {
                    // SAFETY: as above; the cell is initialised, so that assigning drops what it held.
                    unsafe { *lists.add(row) = values.take_list(slot) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_slots_come_out_where_they_were_put() {
        // 130 slots in three parts, one of them scattered; rows that do not fill the last block.
        let rows = LONG + 200;
        let parts: Vec<Vec<usize>> = vec![
            (0..70).collect(),
            (70..130).step_by(2).collect(),
            (70..130).skip(1).step_by(2).collect(),
        ];
        let value = |row: usize, slot: usize| {
            (row / 64 == 1 || !(row + slot).is_multiple_of(3)).then_some((row * 1000 + slot) as u64)
        };
        let (mut grid, mut values) = (Grid::new(parts.clone(), rows), Row::new(130));
        for row in 0..rows {
            for (part, slots) in parts.iter().enumerate().rev() {
                for &slot in slots {
                    values.set(slot, value(row, slot));
                }
                grid.set(row, part, &mut values);
            }
        }
        let columns = grid.take_columns(&[Type::Int; 130]);
        for (slot, column) in columns.iter().enumerate() {
            for row in 0..rows {
                let expected = value(row, slot).map(|word| word as i64);
                assert_eq!(column.as_whole(row), expected, "row {row}, slot {slot}");
            }
        }
    }
}
