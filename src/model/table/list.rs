//! How the operator looks at a list: the column that it is sorted by, whether its order is held, and a cursor that follows its row.

use super::{Extent, SortBy};

/// How the operator looks at a list whose rows are identified by `K`.
#[derive(Clone, Debug)]
pub(crate) struct List<K> {
    sort: SortBy,
    reversed: bool,
    held: bool,
    /// The operator asked for an order, and rows do not lie in it yet.
    resorted: bool,
    /// The row that the operator chose; `None` until then, and the cursor stays on the first row.
    chosen: Option<K>,
    /// Index of the cursor among the rows that are shown.
    index: usize,
    /// Grows when sort, filter or hold change.
    revision: u64,
}

/// How far a key moves the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectionStep {
    /// So many rows down, or up if negative.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// To the row at this index.
    At(usize),
}

impl SelectionStep {
    /// The row that it leads to from row `at` of `len`.
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
    /// A list that is sorted by `sort`.
    pub(crate) fn sorted(sort: SortBy) -> Self {
        Self { sort, ..Self::default() }
    }

    /// Another list of the same kind, sorted alike.
    pub(crate) fn sorted_alike(&self) -> Self {
        Self { sort: self.sort, reversed: self.reversed, ..Self::default() }
    }

    /// The column that rows are to be sorted by, and `true` if in reverse.
    pub(crate) fn sort(&self) -> (SortBy, bool) {
        (self.sort, self.reversed)
    }

    /// `true` while the order of the rows is held; values stay live.
    pub(crate) fn held(&self) -> bool {
        self.held
    }

    /// `true` if the rows stay where they lie: the order is held, and no other one was asked for since.
    pub(crate) fn keeps_order(&self) -> bool {
        self.held && !self.resorted
    }

    /// Grows when sort, filter or hold change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Notes that something changed that decides which rows are shown, or where.
    pub(crate) fn touch(&mut self) {
        self.revision += 1;
    }

    /// Notes that the rows lie in the order that was asked for last.
    pub(crate) fn settled(&mut self) {
        self.resorted = false;
    }

    /// Sorts by `sort`, in its own direction; in reverse if it already was.
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

    /// Sorts by the column `by` places further on among `sorts`.
    pub(crate) fn sort_step(&mut self, by: isize, sorts: &[SortBy]) {
        let at = sorts.iter().position(|sort| *sort == self.sort).unwrap_or(0);
        let len = isize::try_from(sorts.len()).expect("a handful of columns");
        let next = (isize::try_from(at).expect("a handful of columns") + by).rem_euclid(len);
        self.sort = sorts[next.unsigned_abs()];
        self.reversed = false;
        self.resort();
    }

    /// Holds the order of the rows, or lets it go.
    pub(crate) fn toggle_held(&mut self) {
        self.held = !self.held;
        self.touch();
    }

    /// A new order, although the rows are held: the operator asked for it. It is looked at from its top, unless they are held:
    /// then the cursor stays with its row.
    fn resort(&mut self) {
        self.resorted = true;
        self.touch();
        if !self.held {
            (self.chosen, self.index) = (None, 0);
        }
    }

    /// Moves the cursor to the row identified by `chosen`; to the first one without. [`List::follow`] finds its index.
    pub(crate) fn choose(&mut self, chosen: Option<K>) {
        self.chosen = chosen;
    }

    /// The row that the operator chose; `None` while the cursor stays on the first one.
    pub(crate) fn chosen(&self) -> Option<&K> {
        self.chosen.as_ref()
    }

    /// Index of the cursor among `len` rows; `None` if there are none.
    pub(crate) fn index(&self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.index.min(len - 1))
    }

    /// How `len` rows of `total` lie.
    pub(crate) fn extent(&self, len: usize, total: usize) -> Extent {
        Extent { len, total, selected: self.index(len) }
    }

    /// Moves the cursor over `len` rows, of which `key` names one by its index.
    pub(crate) fn step(&mut self, step: SelectionStep, len: usize, key: impl FnOnce(usize) -> Option<K>) {
        if let Some(at) = self.index(len) {
            self.index = step.from(at, len);
            self.chosen = key(self.index);
        }
    }

    /// Finds the chosen row among `len` rows whose order has changed. `found` is its index, `None` if it is not shown. If it is gone, the
    /// cursor falls to its neighbour, which `key` names by its index; one that the filter hides is found again when the filter goes.
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
