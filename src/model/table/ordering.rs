//! Computes a new order of a list in slices: each row is read once, filtered, and sorted by its key.

use std::cmp::Ordering;

use super::SortBy;
use super::column::{Column, Listing};
use super::filter::Filter;
use super::list::List;
use super::order::{self, SortKey, TieBreak};
use crate::model::sorter::Sorter;

/// Source of the rows of a list.
pub(crate) trait RowSource<L: Listing> {
    /// Returns a row; `None` if it is gone.
    fn row(&self, id: &L::Id) -> Option<L::Row<'_>>;

    /// Returns the key by which a selection finds the row again.
    fn key(&self, id: &L::Id) -> Option<L::Key>;

    /// Finds the row with a key.
    fn find(&self, key: &L::Key) -> Option<L::Id>;

    /// Number of records that are searched for the rows; 0 if only the rows themselves are read.
    fn searched(&self) -> usize {
        0
    }
}

/// Sort and filter of an order.
#[derive(Clone, Debug)]
pub(crate) struct Arranged<L: Listing> {
    pub(crate) sort: SortBy,
    pub(crate) reversed: bool,
    pub(crate) filter: Filter<L>,
}

impl<L: Listing> Default for Arranged<L> {
    fn default() -> Self {
        Self { sort: SortBy::default(), reversed: false, filter: Filter::default() }
    }
}

/// Computation of a new order, slice by slice.
#[derive(Debug)]
pub(crate) struct Rebuild<L: Listing> {
    by: Arranged<L>,
    /// Number of rows at the start of `todo` that keep their order because it is held. The others follow them.
    kept: usize,
    /// All rows.
    todo: Vec<L::Id>,
    at: usize,
    /// Rows that exist, before filtering.
    total: usize,
    sorter: Sorter<UnsortedRow<L>>,
}

#[derive(Debug)]
struct UnsortedRow<L: Listing> {
    key: SortKey,
    tie: L::Tie,
    /// Index in a held order; new rows come after all of them.
    held: u32,
    id: L::Id,
}

impl<L: Listing> Rebuild<L> {
    /// Begins to sort `todo`.
    pub(crate) fn new(by: Arranged<L>, todo: Vec<L::Id>) -> Self {
        Self { by, kept: 0, todo, at: 0, total: 0, sorter: Sorter::default() }
    }

    /// Begins to sort `todo`, of which the first `kept` keep their order.
    pub(crate) fn held(by: Arranged<L>, todo: Vec<L::Id>, kept: usize) -> Self {
        Self { kept, ..Self::new(by, todo) }
    }

    /// Reads or merges one slice of rows; calls `shown` for each row that passes the filter. Returns the order once it is complete.
    pub(crate) fn advance(
        &mut self,
        rows: &impl RowSource<L>,
        slice: usize,
        shown: impl FnMut(&L::Id, &SortKey),
    ) -> Option<Vec<L::Id>> {
        let (reversed, held) = (self.by.reversed, self.kept > 0);
        let compare = |a: &UnsortedRow<L>, b: &UnsortedRow<L>| -> Ordering {
            let ties = || a.tie.compare(&b.tie);
            if held { a.held.cmp(&b.held).then_with(ties) } else { order::compare(&a.key, &b.key, reversed, ties) }
        };
        if self.at < self.todo.len() {
            let read = self.read(rows, slice, shown);
            self.sorter.add(read, compare);
            if self.at < self.todo.len() {
                return None;
            }
            self.todo = Vec::new();
            self.at = 0;
        }
        if !self.sorter.merge(slice, compare) {
            return None;
        }
        Some(std::mem::take(&mut self.sorter).into_rows().into_iter().map(|row| row.id).collect())
    }

    /// Reads the next slice of rows: filters them and reads their keys.
    fn read(
        &mut self,
        rows: &impl RowSource<L>,
        slice: usize,
        mut shown: impl FnMut(&L::Id, &SortKey),
    ) -> Vec<UnsortedRow<L>> {
        let end = (self.at + slice).min(self.todo.len());
        let read_key = Column::<L>::sort_key(self.by.sort);
        let mut read = Vec::with_capacity(end - self.at);
        for (at, id) in (self.at..end).zip(&self.todo[self.at..end]) {
            let index = u32::try_from(at).unwrap_or(u32::MAX);
            let Some(row) = rows.row(id) else { continue };
            self.total += 1;
            if !self.by.filter.shows(&row) {
                continue;
            }
            let key = read_key(&row);
            shown(id, &key);
            let held = if at < self.kept { index } else { u32::MAX };
            read.push(UnsortedRow { key, tie: L::tie(&row, index), held, id: id.clone() });
        }
        self.at = end;
        read
    }

    /// Number of rows that exist, before filtering; of those that were read so far.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Bytes on the heap, without data that the rows refer to.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.sorter.heap_bytes() + self.todo.capacity() * size_of::<L::Id>()
    }
}

/// Finds the selected row in a new order; if it is gone, the cursor moves to its neighbour.
pub(crate) fn follow<L: Listing>(list: &mut List<L::Key>, order: &[L::Id], rows: &impl RowSource<L>) {
    let id = list.chosen().and_then(|key| rows.find(key));
    let found = id.as_ref().and_then(|id| {
        let at = list.index(order.len()).filter(|at| order[*at] == *id);
        at.or_else(|| order.iter().position(|known| known == id))
    });
    // A row that was deleted and created again has the same name, but another id.
    if let Some(key) = id.as_ref().and_then(|id| rows.key(id)) {
        list.choose(Some(key));
    }
    list.follow(found, order.len(), id.is_none(), |at| rows.key(order.get(at)?));
}
