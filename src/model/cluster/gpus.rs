//! The GPU view of a cluster: its report, and the order and cursor of its two lists.

use std::sync::Arc;

use super::ClusterState;
use super::report_list::ReportList;
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::model::derive::gpus::{GpuGroup, GpuReport, GpuReports, Grouping, HeldDevices, HolderGroup, ReportSource};
use crate::model::known::Known;
use crate::model::table::Extent;
use crate::model::table::gpus::{GpuGroups, GroupKey, HeldKey, HeldList};
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::state::TableControl;
use crate::msg::Now;

/// The GPU view: the reports, and the lists of the last one.
#[derive(Debug, Default)]
pub struct GpuView {
    reports: GpuReports,
    groups: ReportList<GpuGroups, GpuReport>,
    held: ReportList<HeldList, GpuReport>,
    /// `true` if the cursor is in the list of held devices.
    in_held: bool,
}

impl RowSource<GpuGroups> for GpuReport {
    fn row(&self, index: &usize) -> Option<&GpuGroup> {
        self.groups.get(*index)
    }

    fn key(&self, index: &usize) -> Option<GroupKey> {
        self.groups.get(*index).map(GroupKey::of)
    }

    fn find(&self, key: &GroupKey) -> Option<usize> {
        self.groups.iter().position(|group| key.is_of(group))
    }
}

impl RowSource<HeldList> for GpuReport {
    fn row(&self, index: &usize) -> Option<&HeldDevices> {
        self.held.get(*index)
    }

    fn key(&self, index: &usize) -> Option<HeldKey> {
        self.held.get(*index).map(HeldKey::of)
    }

    fn find(&self, key: &HeldKey) -> Option<usize> {
        self.held.iter().position(|held| key.is_of(held))
    }
}

impl GpuView {
    /// The last report.
    #[must_use]
    pub fn report(&self) -> &GpuReport {
        self.reports.report()
    }

    /// Number of reports that were counted.
    #[cfg(test)]
    pub(crate) fn made(&self) -> u64 {
        self.reports.made()
    }

    /// Numbers of groups before and after filtering, and the index of the selected one while the cursor is among them.
    #[must_use]
    pub fn groups(&self) -> Extent {
        let extent = self.groups.table.extent();
        Extent { selected: extent.selected.filter(|_| !self.in_held), ..extent }
    }

    /// The same of held devices.
    #[must_use]
    pub fn held(&self) -> Extent {
        let extent = self.held.table.extent();
        Extent { selected: extent.selected.filter(|_| self.in_held), ..extent }
    }

    /// The group at this index of its list.
    #[must_use]
    pub fn group(&self, index: usize) -> Option<&GpuGroup> {
        self.groups.shown.groups.get(*self.groups.table.order().get(index)?)
    }

    /// The held devices at this index of their list.
    #[must_use]
    pub fn held_devices(&self, index: usize) -> Option<&HeldDevices> {
        self.held.shown.held.get(*self.held.table.order().get(index)?)
    }

    /// The selected group.
    #[must_use]
    pub fn selected_group(&self) -> Option<&GpuGroup> {
        self.group(self.groups().selected?)
    }

    /// The selected held devices.
    #[must_use]
    pub fn selected_held(&self) -> Option<&HeldDevices> {
        self.held_devices(self.held().selected?)
    }

    /// Table controls of the groups and of the held devices.
    pub(crate) fn controls(&self) -> [&dyn TableControl; 2] {
        [&self.groups.table.state, &self.held.table.state]
    }

    /// Table control of the list that the cursor is in.
    pub(crate) fn control(&self) -> &dyn TableControl {
        if self.in_held { &self.held.table.state } else { &self.groups.table.state }
    }

    /// The same, for a key.
    pub(crate) fn control_mut(&mut self) -> &mut dyn TableControl {
        if self.in_held { &mut self.held.table.state } else { &mut self.groups.table.state }
    }

    /// `true` while the next report is being counted.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.reports.is_counting()
    }

    /// Returns `true` while rows are not in the requested order yet.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.groups.table.is_arranging() || self.held.table.is_arranging()
    }

    /// Index of the cursor among the rows of both lists, and their number.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        let (groups, held) = (self.groups.len(), self.held.len());
        let at = |list: Extent| list.selected.unwrap_or(0);
        (if self.in_held { groups + at(self.held()) } else { at(self.groups()) }, groups + held)
    }

    /// Moves the cursor to the row at this index of both lists.
    pub(crate) fn go(&mut self, index: usize) {
        let groups = self.groups.len();
        self.in_held = index >= groups && self.held.len() > 0;
        if self.in_held {
            self.held.step(SelectionStep::At(index - groups));
        } else {
            self.groups.step(SelectionStep::At(index));
        }
    }

    /// Updates both lists; `pods_known` is `true` if the held devices are known.
    fn arrange(&mut self, pods_known: bool, now: Now) {
        let (newest, revision) = (Arc::clone(self.reports.shared()), self.reports.made());
        self.groups.arrange(&newest, revision, |report| report.groups.len(), now);
        let held = |report: &GpuReport| if pods_known { report.held.len() } else { 0 };
        self.held.arrange(&newest, 2 * revision + u64::from(pods_known), held, now);
        // Without any, keys apply to the groups; a filter that hides them all can still be changed.
        self.in_held &= self.held.table.extent().total > 0;
    }
}

impl ClusterState {
    /// The GPU view.
    #[must_use]
    pub fn gpus(&self) -> &GpuView {
        &self.gpus
    }

    /// The same, for a key.
    pub(crate) fn gpus_mut(&mut self) -> &mut GpuView {
        &mut self.gpus
    }

    /// Updates the GPU view if something that it shows has changed.
    pub(crate) fn arrange_gpus(&mut self, by: Grouping, now: Now) {
        self.with_reports(now, |reports, from| reports.refresh(from, by, now.mono));
        self.gpus.arrange(self.knows_held(), now);
    }

    /// Continues the next GPU report, or the order of its lists, by one slice.
    pub(crate) fn advance_gpus(&mut self, now: Now) {
        if self.gpus.is_arranging() {
            self.gpus.groups.advance();
            self.gpus.held.advance();
        } else {
            self.with_reports(now, GpuReports::advance);
            self.gpus.arrange(self.knows_held(), now);
        }
    }

    /// Returns `true` if pods are known, at least those of some namespaces or those that could be read.
    fn knows_held(&self) -> bool {
        match self.pod_counts() {
            Known::Exact(_) => true,
            Known::AtLeast(_) => self.tracks.partial().is_some() || self.tracks.unread_pods() > 0,
            Known::Unknown | Known::Denied => false,
        }
    }

    fn with_reports(&mut self, now: Now, change: impl FnOnce(&mut GpuReports, ReportSource<'_>)) {
        let mut reports = std::mem::take(&mut self.gpus.reports);
        change(&mut reports, ReportSource { nodes: &self.nodes, source: self.source(now), optional: &self.optional });
        self.gpus.reports = reports;
    }

    /// Returns `true` if a pod holds devices of a group, as the report counts them.
    pub(super) fn holds(&self, pod: &PodFacts<'_>, group: &HolderGroup) -> bool {
        let (node, table) = (self.nodes.by_name(pod.node), self.nodes.accelerators());
        let kind = |resource: &str| table.classify_at(resource, node.map(|node| &node.facts));
        let mut amounts = pod.requests.others.iter().filter(|(_, amount)| *amount > Quantity::ZERO);
        if !amounts.any(|(resource, _)| **resource == *group.resource && kind(resource) == Some(group.kind)) {
            return false;
        }
        let name = &*group.name;
        match group.by {
            Grouping::Namespace => *pod.namespace == *name,
            Grouping::Owner if pod.owner_kind.is_empty() => name.is_empty(),
            Grouping::Owner => name.split_once('/') == Some((pod.owner_kind, pod.owner_name)),
            // Devices of a node that is gone belong to no group.
            Grouping::Model => node.is_some_and(|node| table.model(&node.facts).unwrap_or_default() == name),
            Grouping::Pool => node.is_some_and(|node| node.pool().map_or("", |pool| pool) == name),
        }
    }
}
