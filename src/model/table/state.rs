//! Sort, filter and cursor of a list, and the order of its rows.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use super::column::{Column, Listing, Reads};
use super::filter::Filter;
use super::list::{List, SelectionStep};
use super::ordering::{Arranged, Rebuild, RowSource, follow};
use super::{Extent, SortBy};
use crate::facts::text::Clean;
use crate::model::sorter::SLICE;
use crate::msg::{LineEdit, Mono};

/// Minimum time between two sorts of a long list whose rows change all the time.
const RESORT_PERIOD: Duration = Duration::from_secs(1);

/// Sort, filter, hold and cursor of a list.
#[derive(Debug)]
pub(crate) struct TableState<L: Listing> {
    pub(crate) list: List<L::Key>,
    pub(crate) filter: Filter<L>,
    /// Source of columns that this cluster does not have; the keys for sorting skip those.
    pub(crate) without: Option<Reads>,
}

impl<L: Listing> Default for TableState<L> {
    fn default() -> Self {
        Self { list: List::sorted(L::SORT), filter: Filter::default(), without: None }
    }
}

/// Operations of the keys on any list.
pub(crate) trait TableControl {
    /// Name of its rows: `nodes`.
    fn name(&self) -> &'static str;

    /// The sort of the rows, and `true` if in reverse.
    fn sort(&self) -> (SortBy, bool);

    /// Sorts by `sort` in its own direction, or reverses the order if it already is the sort. Returns `false` if the list has no
    /// such column.
    fn sort_by(&mut self, sort: SortBy) -> bool;

    /// Reverses the order.
    fn reverse(&mut self);

    /// Sorts by the sortable column that is `by` positions further.
    fn sort_step(&mut self, by: isize);

    /// Holds the order of the rows, or releases it.
    fn toggle_held(&mut self);

    /// Returns `true` while the order of the rows is held; values stay live.
    fn held(&self) -> bool;

    /// Changes the text of the filter.
    fn edit_filter(&mut self, edit: &LineEdit);

    /// Empties the filter.
    fn clear_filter(&mut self);

    /// The text of the filter.
    fn filter(&self) -> &str;

    /// Note about an invalid term of the filter, which is ignored.
    fn filter_note(&self) -> Option<&Clean>;
}

impl<L: Listing> TableControl for TableState<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn sort(&self) -> (SortBy, bool) {
        self.list.sort()
    }

    fn sort_by(&mut self, sort: SortBy) -> bool {
        let known = Column::<L>::of_sort(sort).is_some();
        if known {
            self.list.sort_by(sort);
        }
        known
    }

    fn reverse(&mut self) {
        self.list.reverse();
    }

    fn sort_step(&mut self, by: isize) {
        let there = L::COLUMNS.iter().filter(|column| self.without != Some(column.reads));
        let own = (L::SORT == SortBy::Own).then_some(SortBy::Own);
        let sorts: Vec<SortBy> = own.into_iter().chain(there.filter_map(|column| column.sort)).collect();
        self.list.sort_step(by, &sorts);
    }

    fn toggle_held(&mut self) {
        self.list.toggle_held();
    }

    fn held(&self) -> bool {
        self.list.held()
    }

    fn edit_filter(&mut self, edit: &LineEdit) {
        self.filter.edit(edit);
        self.list.bump_revision();
    }

    fn clear_filter(&mut self) {
        self.filter.clear();
        self.list.bump_revision();
    }

    fn filter(&self) -> &str {
        self.filter.text()
    }

    fn filter_note(&self) -> Option<&Clean> {
        self.filter.note()
    }
}

impl<L: Listing> TableState<L> {
    /// Requested sort and filter.
    pub(crate) fn arranged(&self) -> Arranged<L> {
        let (sort, reversed) = self.list.sort();
        Arranged { sort, reversed, filter: self.filter.clone() }
    }

    /// Returns `true` if the order or the filter depends on values from this source. No order depends on the time: rows grow old
    /// together.
    pub(crate) fn depends_on(&self, reads: Reads) -> bool {
        let column = Column::<L>::of_sort(self.list.sort().0);
        let is_sorted = column.is_some_and(|column| column.reads == reads && reads != Reads::Time);
        is_sorted || self.filter.depends_on(reads)
    }
}

/// A list whose rows are all sorted again when they have changed: a list of one slice at once, a longer one slice by slice, while
/// the previous order stays.
#[derive(Debug)]
pub(crate) struct Table<L: Listing> {
    pub(crate) state: TableState<L>,
    order: Vec<L::Id>,
    /// Rows before filtering.
    total: usize,
    /// Number of ids that the last order was begun with, some of which may have no row; or of records that were searched for
    /// them, if that is more.
    cost: usize,
    rebuild: Option<Rebuild<L>>,
    inputs: Option<TableInputs>,
    at: Mono,
    /// Number of rows in a slice.
    slice: usize,
    /// The row whose full text is shown.
    expanded: Option<L::Key>,
}

/// Revisions of the inputs of an order; the same inputs give the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TableInputs {
    /// Revision of sort, filter and hold.
    asked: u64,
    /// Revision of the rows.
    rows: u64,
}

impl<L: Listing> Default for Table<L> {
    fn default() -> Self {
        Self {
            state: TableState::default(),
            order: Vec::new(),
            total: 0,
            cost: 0,
            rebuild: None,
            inputs: None,
            at: Mono::default(),
            slice: SLICE,
            expanded: None,
        }
    }
}

impl<L: Listing> Table<L> {
    /// Creates a list that is sorted by `sort`.
    pub(crate) fn sorted(sort: SortBy) -> Self {
        Self { state: TableState { list: List::sorted(sort), ..TableState::default() }, ..Self::default() }
    }

    /// Creates another list with the same sort.
    pub(crate) fn sorted_alike(&self) -> Self {
        Self { state: TableState { list: self.state.list.sorted_alike(), ..TableState::default() }, ..Self::default() }
    }

    /// The shown rows in order.
    pub(crate) fn order(&self) -> &[L::Id] {
        &self.order
    }

    /// Numbers of rows before and after filtering, and the index of the selected one.
    pub(crate) fn extent(&self) -> Extent {
        self.state.list.extent(self.order.len(), self.total)
    }

    /// The selected row.
    pub(crate) fn selected(&self) -> Option<&L::Id> {
        self.order.get(self.extent().selected?)
    }

    /// Returns `true` while the rows are not yet in the requested order.
    pub(crate) fn is_arranging(&self) -> bool {
        self.rebuild.is_some()
    }

    /// Moves the selection; the order must be up to date.
    pub(crate) fn step(&mut self, step: SelectionStep, rows: &impl RowSource<L>) {
        let Self { state, order, .. } = self;
        state.list.step(step, order.len(), |at| rows.key(&order[at]));
    }

    /// The row whose full text is shown.
    pub(crate) fn expanded(&self) -> Option<&L::Key> {
        self.expanded.as_ref()
    }

    /// Shows or hides the full text of the selected row. Returns `false` if there is none.
    pub(crate) fn toggle_expanded(&mut self, rows: &impl RowSource<L>) -> bool {
        let selected = self.selected().and_then(|id| rows.key(id));
        // The cursor stays with the row that the operator reads.
        self.state.list.choose(selected.clone());
        let is_selected = selected.is_some();
        self.expanded = selected.filter(|key| self.expanded.as_ref() != Some(key));
        is_selected
    }

    /// Brings the order up to date with the rows of this revision; `all` returns their ids. Begins a new order if the rows or the
    /// requested sort or filter have changed.
    pub(crate) fn arrange(
        &mut self,
        rows: &impl RowSource<L>,
        revision: u64,
        all: impl FnOnce() -> Vec<L::Id>,
        now: Mono,
    ) {
        self.arrange_with(rows, revision, all, |order, _| order.to_vec(), now);
    }

    /// The same for rows of a new report, whose ids differ from those of the report `shown`, which the order is of.
    pub(crate) fn arrange_report<R: RowSource<L>>(
        &mut self,
        shown: &R,
        rows: &R,
        revision: u64,
        all: impl FnOnce() -> Vec<L::Id>,
        now: Mono,
    ) where
        L::Key: Hash,
    {
        let held = |order: &[L::Id], all: &[L::Id]| {
            let ids: HashMap<L::Key, &L::Id> = all.iter().filter_map(|id| Some((rows.key(id)?, id))).collect();
            order.iter().filter_map(|id| ids.get(&shown.key(id)?).copied().cloned()).collect()
        };
        self.arrange_with(rows, revision, all, held, now);
    }

    /// Begins a new order if it is outdated; `held` returns the ids of the held order among all ids.
    fn arrange_with(
        &mut self,
        rows: &impl RowSource<L>,
        revision: u64,
        all: impl FnOnce() -> Vec<L::Id>,
        held: impl FnOnce(&[L::Id], &[L::Id]) -> Vec<L::Id>,
        now: Mono,
    ) {
        let inputs = TableInputs { asked: self.state.list.revision(), rows: revision };
        if !self.is_outdated(inputs, now) {
            return;
        }
        (self.inputs, self.at) = (Some(inputs), now);
        let all = all();
        self.cost = all.len().max(rows.searched());
        let by = self.state.arranged();
        self.rebuild = Some(if self.state.list.keeps_order() && !self.order.is_empty() {
            let mut todo = held(&self.order, &all);
            let kept = todo.len();
            let held: HashSet<L::Id> = todo.iter().cloned().collect();
            todo.extend(all.into_iter().filter(|id| !held.contains(id)));
            Rebuild::held(by, todo, kept)
        } else {
            Rebuild::new(by, all)
        });
        self.advance(rows);
    }

    /// Computes the next slice of the new order, if there is one.
    pub(crate) fn advance(&mut self, rows: &impl RowSource<L>) {
        let Some(rebuild) = &mut self.rebuild else { return };
        let Some(order) = rebuild.advance(rows, self.slice, |_, _| {}) else { return };
        self.total = rebuild.total();
        (self.order, self.rebuild) = (order, None);
        if self.inputs.is_some_and(|inputs| inputs.asked == self.state.list.revision()) {
            self.state.list.mark_ordered();
        }
        follow(&mut self.state.list, &self.order, rows);
    }

    fn is_outdated(&self, inputs: TableInputs, now: Mono) -> bool {
        let Some(of) = self.inputs else { return true };
        // A begun order is finished first: an endless stream of changes must not delay it.
        let due = self.rebuild.is_none() && now.since(self.at) >= RESORT_PERIOD;
        of.asked != inputs.asked || (of.rows != inputs.rows && (self.cost <= self.slice || due))
    }
}

#[cfg(test)]
mod tests;
