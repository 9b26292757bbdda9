//! The values of many reads, column by column, filled row by row and by several threads.

use std::marker::PhantomData;

use crate::cells::Cells;
use crate::column::Column;
use crate::list::List;
use crate::row::Row;
use crate::types::Type;

/// Feature values: a column per slot, a row per read.
///
/// ```
/// use forerun_core::grid::Grid;
/// use forerun_core::row::Row;
/// use forerun_core::types::Type;
///
/// let mut grid = Grid::new(1, 2);
/// let mut row = Row::new(1);
/// row.set(0, Some(7));
/// grid.set(1, &[0], &mut row);
/// let [column] = grid.into_columns(&[Type::Int]).try_into().unwrap();
/// assert_eq!((column.as_whole(0), column.as_whole(1)), (None, Some(7)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grid {
    rows: usize,
    columns: Vec<Cells>,
    /// By slot the lists and texts, where there are some.
    lists: Vec<Vec<Option<Box<List>>>>,
}

impl Grid {
    /// A grid of nulls.
    #[must_use]
    pub fn new(slots: usize, rows: usize) -> Self {
        Self {
            rows,
            columns: (0..slots).map(|_| Cells::nulls(rows)).collect(),
            lists: vec![Vec::new(); slots],
        }
    }

    /// The same with room for lists or texts in a slot.
    #[must_use]
    pub fn with_lists(mut self, slots: impl IntoIterator<Item = usize>) -> Self {
        for slot in slots {
            self.lists[slot] = vec![None; self.rows];
        }
        self
    }

    /// Takes the lists out of a slot.
    #[must_use]
    pub fn take_lists(&mut self, slot: usize) -> Vec<Option<Box<List>>> {
        std::mem::take(&mut self.lists[slot])
    }

    /// Sets some slots of a row.
    pub fn set(&mut self, row: usize, slots: &[usize], values: &mut Row) {
        for &slot in slots {
            self.columns[slot].set(row, values.get(slot));
            if let Some(cell) = self.lists[slot].get_mut(row) {
                *cell = values.take_list(slot);
            }
        }
    }

    /// The value of a slot of a row; not of lists.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize, slot: usize) -> Option<u64> {
        let cells = &self.columns[slot];
        cells.valid[row].then_some(cells.words[row])
    }

    /// The lists or texts of a slot, by row.
    #[must_use]
    pub fn lists(&self, slot: usize) -> &[Option<Box<List>>] {
        &self.lists[slot]
    }

    /// Access for threads that set different cells at the same time.
    pub(crate) fn shared(&mut self) -> Shared<'_> {
        let columns = self.columns.iter_mut();
        Shared {
            rows: self.rows,
            columns: columns
                .map(|cells| (cells.words.as_mut_ptr(), cells.valid.as_mut_ptr()))
                .collect(),
            lists: self
                .lists
                .iter_mut()
                .map(|lists| (!lists.is_empty()).then_some(lists.as_mut_ptr()))
                .collect(),
            grid: PhantomData,
        }
    }

    /// The columns, of the given types.
    #[must_use]
    pub fn into_columns(self, types: &[Type]) -> Vec<Column> {
        let cells = self.columns.into_iter().zip(self.lists).zip(types);
        cells
            .map(|((cells, lists), &ty)| match ty {
                Type::String => List::texts(&lists),
                _ => cells.into_column(ty),
            })
            .collect()
    }
}

/// A grid whose cells are set by several threads.
pub(crate) struct Shared<'a> {
    rows: usize,
    /// Words and their validity, by slot.
    columns: Vec<(*mut u64, *mut bool)>,
    /// Lists, by slot, where there are some; as long as the grid has rows.
    lists: Vec<Option<*mut Option<Box<List>>>>,
    grid: PhantomData<&'a mut Grid>,
}

// SAFETY: the pointers are into a grid that is borrowed for as long as this lives; who sets cells promises in
// `set` that no two threads set the same one, and nobody reads before the borrow ends.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// Sets some slots of a row.
    ///
    /// # Safety
    ///
    /// No other thread sets the same slots of the same row while this lives.
    #[inline]
    pub(crate) unsafe fn set(&self, row: usize, slots: &[usize], values: &mut Row) {
        assert!(row < self.rows);
        for &slot in slots {
            let value = values.get(slot);
            let (words, valid) = self.columns[slot];
            // SAFETY: `row` is below the length of every column, and by the promise above the cell is ours.
            unsafe {
                words.add(row).write(value.unwrap_or(0));
                valid.add(row).write(value.is_some());
            }
            if let Some(lists) = self.lists[slot] {
                // SAFETY: as above; the cell is initialised, so that assigning drops what it held.
                unsafe { *lists.add(row) = values.take_list(slot) };
            }
        }
    }
}
