//! A list of the rows of a report, which is counted as a whole.

use std::hash::Hash;
use std::sync::Arc;

use crate::model::table::Listing;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::state::Table;
use crate::msg::Now;

/// A list of the rows of a report. It shows the report that its order was computed from; a new report is shown once its order is
/// ready.
#[derive(Debug)]
pub(super) struct ReportList<L: Listing, R> {
    pub(super) table: Table<L>,
    pub(super) shown: Arc<R>,
    next: Arc<R>,
    /// Revision of `next`.
    revision: u64,
}

impl<L: Listing, R: Default> Default for ReportList<L, R> {
    fn default() -> Self {
        Self { table: Table::default(), shown: Arc::default(), next: Arc::default(), revision: 0 }
    }
}

impl<L: Listing<Id = usize>, R: RowSource<L>> ReportList<L, R>
where
    L::Key: Hash,
{
    /// Updates the list to the newest report, of which it has `len` rows.
    pub(super) fn arrange(&mut self, newest: &Arc<R>, revision: u64, len: impl FnOnce(&R) -> usize, now: Now) {
        if !self.table.is_arranging() {
            (self.next, self.revision) = (Arc::clone(newest), revision);
        }
        let (shown, next) = (&*self.shown, &*self.next);
        self.table.arrange_report(shown, next, self.revision, || (0..len(next)).collect(), now.mono);
        self.show_if_arranged();
    }

    /// Continues a pending order by one slice.
    pub(super) fn advance(&mut self) {
        self.table.advance(&*self.next);
        self.show_if_arranged();
    }

    fn show_if_arranged(&mut self) {
        if !self.table.is_arranging() {
            self.shown = Arc::clone(&self.next);
        }
    }

    /// Moves the cursor.
    pub(super) fn step(&mut self, step: SelectionStep) {
        self.table.step(step, &*self.shown);
    }

    /// Number of shown rows.
    pub(super) fn len(&self) -> usize {
        self.table.order().len()
    }
}
