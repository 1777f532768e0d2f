//! Pods in trouble in groups: the report, and the order and cursor of its list.

use super::report_list::ReportList;
use crate::model::derive::pod_groups::{
    GroupSource, PodGroup, PodGroupKey, PodGroupReport, PodGroupReports, PodGrouping,
};
use crate::model::table::Extent;
use crate::model::table::column::Reads;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::pod_groups::PodGroups;
use crate::model::table::state::TableControl;
use crate::msg::Now;

/// Groups of the pods in trouble of a cluster.
#[derive(Debug, Default)]
pub struct PodGroupView {
    by: PodGrouping,
    reports: PodGroupReports,
    list: ReportList<PodGroups, PodGroupReport>,
}

impl RowSource<PodGroups> for PodGroupReport {
    fn row(&self, index: &usize) -> Option<&PodGroup> {
        self.groups.get(*index)
    }

    fn key(&self, index: &usize) -> Option<PodGroupKey> {
        self.groups.get(*index).map(|group| group.key.clone())
    }

    fn find(&self, key: &PodGroupKey) -> Option<usize> {
        self.groups.iter().position(|group| group.key == *key)
    }
}

impl PodGroupView {
    /// Requested grouping.
    #[must_use]
    pub fn by(&self) -> PodGrouping {
        self.by
    }

    /// The report that is shown; it has the previous grouping until the requested one is counted.
    #[must_use]
    pub fn report(&self) -> &PodGroupReport {
        &self.list.shown
    }

    /// Numbers of groups before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.list.table.extent()
    }

    /// The group at this index of the list.
    #[must_use]
    pub fn group(&self, index: usize) -> Option<&PodGroup> {
        self.list.shown.groups.get(*self.list.table.order().get(index)?)
    }

    /// The selected group; `None` while the requested grouping is not shown yet.
    #[must_use]
    pub fn selected(&self) -> Option<&PodGroup> {
        self.group(self.extent().selected?).filter(|group| group.key.by == self.by)
    }

    /// Returns `true` while groups are being counted or sorted.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.reports.is_counting() || self.list.table.is_arranging()
    }

    /// Returns `true` if groups come or go with each second.
    pub(super) fn needs_time(&self) -> bool {
        self.list.table.state.depends_on(Reads::Time)
    }

    /// Table control of the groups.
    pub(super) fn control(&self) -> &dyn TableControl {
        &self.list.table.state
    }

    /// The same, for a key.
    pub(super) fn control_mut(&mut self) -> &mut dyn TableControl {
        &mut self.list.table.state
    }

    /// Groups by the property that is `by` positions further.
    pub(super) fn turn(&mut self, by: usize) {
        let all = PodGrouping::ALL;
        let at = all.iter().position(|known| *known == self.by).unwrap_or(0);
        self.by = all[(at + by) % all.len()];
        self.list.table.state.list.choose(None);
    }

    /// Moves the cursor.
    pub(super) fn step(&mut self, step: SelectionStep) {
        self.list.step(step);
    }

    /// Updates the groups if pods of this revision have changed.
    pub(super) fn arrange(&mut self, revision: u64, from: &impl GroupSource, now: Now) {
        self.reports.refresh(self.by, revision, from, now.mono);
        self.show(now);
    }

    /// Continues the next report, or the order of its list, by one slice.
    pub(super) fn advance(&mut self, from: &impl GroupSource, now: Now) {
        if self.list.table.is_arranging() {
            self.list.advance();
        } else {
            self.reports.advance(from);
            self.show(now);
        }
    }

    fn show(&mut self, now: Now) {
        self.list.arrange(self.reports.shared(), self.reports.made(), |report| report.groups.len(), now);
    }
}
