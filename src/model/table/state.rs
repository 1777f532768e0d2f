//! How the operator looks at a list, and the list's rows in that order.

use std::collections::HashSet;
use std::time::Duration;

use super::column::{Column, Listing, Reads};
use super::filter::Filter;
use super::list::{List, SelectionStep};
use super::ordering::{Arranged, Rebuild, RowSource, follow};
use super::{Extent, SortBy};
use crate::facts::text::Clean;
use crate::model::sorter::SLICE;
use crate::msg::{LineEdit, Mono};

/// Rows of long lists that change without end are sorted anew this often.
const SLOWLY: Duration = Duration::from_secs(1);

/// How the operator looks at a list: its sort, its filter, its cursor, and whether its order is held.
#[derive(Debug)]
pub(crate) struct TableState<L: Listing> {
    pub(crate) list: List<L::Key>,
    pub(crate) filter: Filter<L>,
    /// A source of columns that this cluster does not have: keys pass over those.
    pub(crate) without: Option<Reads>,
}

impl<L: Listing> Default for TableState<L> {
    fn default() -> Self {
        Self { list: List::sorted(L::SORT), filter: Filter::default(), without: None }
    }
}

/// Operations of the keys on a list, whichever it is.
pub(crate) trait TableControl {
    /// Its rows in words: `nodes`.
    fn name(&self) -> &'static str;

    /// The column that the rows are sorted by, and `true` if in reverse.
    fn sort(&self) -> (SortBy, bool);

    /// Sorts by `sort`, in its own direction; in reverse if it already was. Returns `false` if the list has no such column.
    fn sort_by(&mut self, sort: SortBy) -> bool;

    /// Reverses the order.
    fn reverse(&mut self);

    /// Sorts by the column `by` places further on that can be sorted by.
    fn sort_step(&mut self, by: isize);

    /// Holds the order of the rows, or lets it go.
    fn toggle_held(&mut self);

    /// `true` while the order of the rows is held; values stay live.
    fn held(&self) -> bool;

    /// Changes the text of the filter.
    fn edit_filter(&mut self, edit: &LineEdit);

    /// Empties the filter.
    fn clear_filter(&mut self);

    /// The text of the filter.
    fn filter(&self) -> &str;

    /// A term of the filter that means nothing and is left out, and why.
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
        self.list.touch();
    }

    fn clear_filter(&mut self) {
        self.filter.clear();
        self.list.touch();
    }

    fn filter(&self) -> &str {
        self.filter.text()
    }

    fn filter_note(&self) -> Option<&Clean> {
        self.filter.note()
    }
}

impl<L: Listing> TableState<L> {
    /// Which rows are to be shown, and in which order.
    pub(crate) fn arranged(&self) -> Arranged<L> {
        let (sort, reversed) = self.list.sort();
        Arranged { sort, reversed, filter: self.filter.clone() }
    }
}

/// A list whose rows are sorted as a whole when they have changed: a list of one slice at once, a longer one slice by slice, and
/// its last order stays until the next one is made.
#[derive(Debug)]
pub(crate) struct Table<L: Listing> {
    pub(crate) state: TableState<L>,
    order: Vec<L::Id>,
    /// Rows before filtering.
    total: usize,
    rebuild: Option<Rebuild<L>>,
    inputs: Option<TableInputs>,
    at: Mono,
    /// Rows that one slice reads.
    slice: usize,
    /// The row that is shown in full.
    expanded: Option<L::Key>,
}

/// Inputs of an order; the same inputs give the same order.
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
            rebuild: None,
            inputs: None,
            at: Mono::default(),
            slice: SLICE,
            expanded: None,
        }
    }
}

impl<L: Listing> Table<L> {
    /// Another list of the same kind, sorted alike.
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

    /// `true` while the rows do not lie in the order that was asked for yet.
    pub(crate) fn is_arranging(&self) -> bool {
        self.rebuild.is_some()
    }

    /// Moves the selection; the order is up to date.
    pub(crate) fn step(&mut self, step: SelectionStep, rows: &impl RowSource<L>) {
        let Self { state, order, .. } = self;
        state.list.step(step, order.len(), |at| rows.key(&order[at]));
    }

    /// The row that is shown in full.
    pub(crate) fn expanded(&self) -> Option<&L::Key> {
        self.expanded.as_ref()
    }

    /// Shows the selected row in full, or in one line again. Returns `false` if there is none.
    pub(crate) fn toggle_expanded(&mut self, rows: &impl RowSource<L>) -> bool {
        let selected = self.selected().and_then(|id| rows.key(id));
        // The cursor stays with a row that the operator reads.
        self.state.list.choose(selected.clone());
        let is_selected = selected.is_some();
        self.expanded = selected.filter(|key| self.expanded.as_ref() != Some(key));
        is_selected
    }

    /// Brings the order up to date with the rows of this revision, of which `all` names every one; begins a new one if either they or what
    /// the operator asks for has changed.
    pub(crate) fn arrange(
        &mut self,
        rows: &impl RowSource<L>,
        revision: u64,
        all: impl FnOnce() -> Vec<L::Id>,
        now: Mono,
    ) {
        let inputs = TableInputs { asked: self.state.list.revision(), rows: revision };
        if !self.is_outdated(inputs, now) {
            return;
        }
        (self.inputs, self.at) = (Some(inputs), now);
        let all = all();
        self.total = all.len();
        let by = self.state.arranged();
        self.rebuild = Some(if self.state.list.keeps_order() && !self.order.is_empty() {
            let held: HashSet<&L::Id> = self.order.iter().collect();
            let fresh = all.into_iter().filter(|id| !held.contains(id));
            let todo = self.order.iter().cloned().chain(fresh).collect();
            Rebuild::held(by, todo, self.order.len())
        } else {
            Rebuild::new(by, all)
        });
        self.advance(rows);
    }

    /// Goes one slice on with the new order, if one is in the making.
    pub(crate) fn advance(&mut self, rows: &impl RowSource<L>) {
        let Some(rebuild) = &mut self.rebuild else { return };
        let Some(order) = rebuild.advance(rows, self.slice, |_, _| {}) else { return };
        (self.order, self.rebuild) = (order, None);
        if self.inputs.is_some_and(|inputs| inputs.asked == self.state.list.revision()) {
            self.state.list.settled();
        }
        follow(&mut self.state.list, &self.order, rows);
    }

    fn is_outdated(&self, inputs: TableInputs, now: Mono) -> bool {
        let Some(of) = self.inputs else { return true };
        // An order that is in the making is finished first: news that never end must not keep it from the screen.
        let due = self.rebuild.is_none() && now.since(self.at) >= SLOWLY;
        of.asked != inputs.asked || (of.rows != inputs.rows && (self.total <= self.slice || due))
    }
}

#[cfg(test)]
mod tests;
