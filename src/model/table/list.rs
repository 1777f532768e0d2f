//! Sort, hold and cursor of a list; the cursor follows its row.

use super::{Extent, SortBy};

/// Sort, hold and cursor of a list whose rows are identified by `K`.
#[derive(Clone, Debug)]
pub(crate) struct List<K> {
    sort: SortBy,
    reversed: bool,
    held: bool,
    /// `true` if the operator requested an order in which the rows are not yet.
    resorted: bool,
    /// The row that the operator selected; until then `None`, and the cursor stays on the first row.
    chosen: Option<K>,
    /// Index of the cursor among the rows that are shown.
    index: usize,
    /// Grows when sort, filter or hold change.
    revision: u64,
}

/// Movement of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectionStep {
    /// By a number of rows down, or up if negative.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// To the row at this index.
    At(usize),
}

impl SelectionStep {
    /// Index of the row after a step from row `at` of `len`.
    pub(crate) fn from(self, at: usize, len: usize) -> usize {
        let last = len.saturating_sub(1);
        match self {
            Self::By(rows) => at.saturating_add_signed(rows).min(last),
            Self::First => 0,
            Self::Last => last,
            Self::At(index) => index.min(last),
        }
    }
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            sort: SortBy::default(),
            reversed: false,
            held: false,
            resorted: false,
            chosen: None,
            index: 0,
            revision: 0,
        }
    }
}

impl<K> List<K> {
    /// Creates a list that is sorted by `sort`.
    pub(crate) fn sorted(sort: SortBy) -> Self {
        Self { sort, ..Self::default() }
    }

    /// Creates another list with the same sort.
    pub(crate) fn sorted_alike(&self) -> Self {
        Self { sort: self.sort, reversed: self.reversed, ..Self::default() }
    }

    /// The requested sort, and `true` if in reverse.
    pub(crate) fn sort(&self) -> (SortBy, bool) {
        (self.sort, self.reversed)
    }

    /// Returns `true` while the order of the rows is held; values stay live.
    pub(crate) fn held(&self) -> bool {
        self.held
    }

    /// Returns `true` if the rows keep their order: it is held, and no other one was requested since.
    pub(crate) fn keeps_order(&self) -> bool {
        self.held && !self.resorted
    }

    /// Grows when sort, filter or hold change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Records a change that affects the rows or their order.
    pub(crate) fn bump_revision(&mut self) {
        self.revision += 1;
    }

    /// Records that the rows are in the order that was requested last.
    pub(crate) fn mark_ordered(&mut self) {
        self.resorted = false;
    }

    /// Sorts by `sort` in its own direction, or reverses the order if it already is the sort.
    pub(crate) fn sort_by(&mut self, sort: SortBy) {
        self.reversed = self.sort == sort && !self.reversed;
        self.sort = sort;
        self.resort();
    }

    /// Reverses the order.
    pub(crate) fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.resort();
    }

    /// Sorts by the column that is `by` positions further in `sorts`.
    pub(crate) fn sort_step(&mut self, by: isize, sorts: &[SortBy]) {
        let at = sorts.iter().position(|sort| *sort == self.sort).unwrap_or(0);
        let len = isize::try_from(sorts.len()).expect("a handful of columns");
        let next = (isize::try_from(at).expect("a handful of columns") + by).rem_euclid(len);
        self.sort = sorts[next.unsigned_abs()];
        self.reversed = false;
        self.resort();
    }

    /// Holds the order of the rows, or releases it.
    pub(crate) fn toggle_held(&mut self) {
        self.held = !self.held;
        self.bump_revision();
    }

    /// Requests a new order, even while the order is held. The cursor moves to the first row, unless the order is held: then it
    /// stays with its row.
    fn resort(&mut self) {
        self.resorted = true;
        self.bump_revision();
        if !self.held {
            (self.chosen, self.index) = (None, 0);
        }
    }

    /// Moves the cursor to the row with the key `chosen`, or to the first row for `None`. [`List::follow`] finds its index.
    pub(crate) fn choose(&mut self, chosen: Option<K>) {
        self.chosen = chosen;
    }

    /// The row that the operator selected; `None` while the cursor stays on the first row.
    pub(crate) fn chosen(&self) -> Option<&K> {
        self.chosen.as_ref()
    }

    /// Index of the cursor among `len` rows; `None` if there are none.
    pub(crate) fn index(&self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.index.min(len - 1))
    }

    /// Extent for `len` shown rows of `total`.
    pub(crate) fn extent(&self, len: usize, total: usize) -> Extent {
        Extent { len, total, selected: self.index(len) }
    }

    /// Moves the cursor in `len` rows; `key` returns the key of the row at an index.
    pub(crate) fn step(&mut self, step: SelectionStep, len: usize, key: impl FnOnce(usize) -> Option<K>) {
        if let Some(at) = self.index(len) {
            self.index = step.from(at, len);
            self.chosen = key(self.index);
        }
    }

    /// Follows the selected row among `len` rows whose order has changed. `found` is its index, `None` if it is not shown. If it is
    /// gone, the cursor moves to its neighbour, whose key `key` returns; a row that the filter hides is found again when the filter
    /// is cleared.
    pub(crate) fn follow(
        &mut self,
        found: Option<usize>,
        len: usize,
        is_gone: bool,
        key: impl FnOnce(usize) -> Option<K>,
    ) {
        if self.chosen.is_none() {
            self.index = 0;
            return;
        }
        self.index = found.unwrap_or_else(|| self.index.min(len.saturating_sub(1)));
        if found.is_none() && is_gone {
            self.chosen = key(self.index).or(self.chosen.take());
        }
    }
}
