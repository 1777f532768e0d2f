//! The two lists of the API view of a cluster: calls by kind, and failures.

use super::ClusterState;
use crate::model::derive::latency::{ErrorClass, KindStats};
use crate::model::derive::server::{LoggedFailure, ServerState};
use crate::model::table::Extent;
use crate::model::table::calls::CallList;
use crate::model::table::failures::FailureList;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::state::{Table, TableControl};
use crate::msg::{CallKind, Now};

/// The lists of the API view.
#[derive(Debug, Default)]
pub struct ApiLists {
    kinds: CallRows,
    calls: Table<CallList>,
    failures: Table<FailureList>,
    /// `true` if the cursor is in the list of failures.
    in_failures: bool,
    /// Grows with each frame: percentiles change with time.
    revision: u64,
}

/// The calls by kind, in the list's own order.
#[derive(Debug, Default)]
struct CallRows(Vec<KindStats>);

impl CallRows {
    /// Creates the rows. Optional APIs come last, so that a running call or the last failure fits on a small screen.
    fn new(kinds: Vec<KindStats>) -> Self {
        let (optional, core): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|stats| stats.kind.is_optional());
        Self(core.into_iter().chain(optional.into_iter().filter(|stats| !is_absent(stats))).collect())
    }

    fn get(&self, kind: CallKind) -> Option<&KindStats> {
        self.0.iter().find(|stats| stats.kind == kind)
    }
}

/// Returns `true` for an API that the cluster does not have; occasional requests to it are not shown.
fn is_absent(stats: &KindStats) -> bool {
    let is_404 = |(class, _): &(ErrorClass, usize)| *class == ErrorClass::Status(404);
    stats.p50.is_none() && !stats.errors.is_empty() && stats.errors.iter().all(is_404)
}

impl RowSource<CallList> for CallRows {
    fn row(&self, kind: &CallKind) -> Option<&KindStats> {
        self.get(*kind)
    }

    fn key(&self, kind: &CallKind) -> Option<CallKind> {
        Some(*kind)
    }

    /// A kind whose calls have left the window may come back, so the selection waits for it.
    fn find(&self, kind: &CallKind) -> Option<CallKind> {
        Some(*kind)
    }
}

impl RowSource<FailureList> for ServerState {
    fn row(&self, number: &u64) -> Option<&LoggedFailure> {
        self.logged(*number)
    }

    fn key(&self, number: &u64) -> Option<u64> {
        Some(*number)
    }

    fn find(&self, number: &u64) -> Option<u64> {
        self.logged(*number).map(|logged| logged.number)
    }
}

impl ApiLists {
    /// Numbers of call kinds before and after filtering, and the index of the selected one if the cursor is in this list.
    #[must_use]
    pub fn calls(&self) -> Extent {
        let extent = self.calls.extent();
        Extent { selected: extent.selected.filter(|_| !self.in_failures), ..extent }
    }

    /// Numbers of failures before and after filtering, and the index of the selected one if the cursor is in this list.
    #[must_use]
    pub fn failures(&self) -> Extent {
        let extent = self.failures.extent();
        Extent { selected: extent.selected.filter(|_| self.in_failures), ..extent }
    }

    /// The calls, sorted and filtered.
    pub fn call_rows(&self) -> impl Iterator<Item = &KindStats> {
        self.calls.order().iter().filter_map(|kind| self.kinds.get(*kind))
    }

    /// The kind of calls whose full text is shown.
    #[must_use]
    pub fn expanded_call(&self) -> Option<CallKind> {
        self.calls.expanded().copied()
    }

    /// Number of the failure whose full text is shown.
    #[must_use]
    pub fn expanded_failure(&self) -> Option<u64> {
        self.failures.expanded().copied()
    }

    /// Sort, filter and hold of the calls.
    pub(crate) fn calls_control(&self) -> &dyn TableControl {
        &self.calls.state
    }

    /// Sort, filter and hold of the failures.
    pub(crate) fn failures_control(&self) -> &dyn TableControl {
        &self.failures.state
    }

    /// Sort, filter and hold of the list with the cursor.
    pub(crate) fn control(&self) -> &dyn TableControl {
        if self.in_failures { &self.failures.state } else { &self.calls.state }
    }

    /// The same, for a key.
    pub(crate) fn control_mut(&mut self) -> &mut dyn TableControl {
        if self.in_failures { &mut self.failures.state } else { &mut self.calls.state }
    }

    /// Index of the cursor among the rows of both lists, and their number.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        let (calls, failures) = (self.calls.order().len(), self.failures.order().len());
        let at = |list: Extent| list.selected.unwrap_or(0);
        (if self.in_failures { calls + at(self.failures()) } else { at(self.calls()) }, calls + failures)
    }

    fn arrange(&mut self, kinds: Vec<KindStats>, server: &ServerState, now: Now) {
        self.kinds = CallRows::new(kinds);
        self.revision += 1;
        let Self { kinds, calls, failures, revision, .. } = self;
        calls.advance(&*kinds);
        calls.arrange(&*kinds, *revision, || kinds.0.iter().map(|stats| stats.kind).collect(), now.mono);
        failures.advance(server);
        failures.arrange(server, *revision, || server.logged_numbers().collect(), now.mono);
        // The keys apply to a list that has rows; a filter that hides all of them can still be changed.
        let has_calls = self.calls.extent().total > 0;
        self.in_failures = self.failures.extent().total > 0 && (self.in_failures || !has_calls);
    }
}

impl ClusterState {
    /// The lists of the API view.
    #[must_use]
    pub fn api(&self) -> &ApiLists {
        &self.api
    }

    /// The same, for a key.
    pub(crate) fn api_mut(&mut self) -> &mut ApiLists {
        &mut self.api
    }

    /// Failures of the API view, sorted and filtered.
    pub fn failure_rows(&self) -> impl Iterator<Item = &LoggedFailure> {
        self.api.failures.order().iter().filter_map(|number| self.link.logged(*number))
    }

    /// Brings the lists of the API view up to date.
    pub(crate) fn arrange_api(&mut self, now: Now) {
        self.api.arrange(self.latency.kinds(now.mono), &self.link, now);
    }

    /// Moves the cursor to the row at this index of both lists of the API view.
    pub(crate) fn select_in_api(&mut self, index: usize) {
        let Self { api, link, .. } = self;
        let calls = api.calls.order().len();
        api.in_failures = index >= calls && !api.failures.order().is_empty();
        if api.in_failures {
            api.failures.step(SelectionStep::At(index - calls), &*link);
        } else {
            api.calls.step(SelectionStep::At(index), &api.kinds);
        }
    }

    /// Shows or hides the full text of the selected row of the API view. Returns `false` if there is none.
    pub(crate) fn toggle_api_row(&mut self) -> bool {
        let Self { api, link, .. } = self;
        if api.in_failures { api.failures.toggle_expanded(&*link) } else { api.calls.toggle_expanded(&api.kinds) }
    }
}
