//! The gangs of a cluster: their list with its order and cursor, and the gang that is open.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::ClusterState;
use crate::facts::pod::PodFacts;
use crate::model::derive::gangs::{
    self, CountedGangs, GangCounter, GangDetail, GangInputs, GangKey, GangRow, GangSizes, GangSource, MemberTrouble,
};
use crate::model::derive::join::SLOWLY;
use crate::model::sorter::SLICE;
use crate::model::store::nodes::NodeProblem;
use crate::model::table::Extent;
use crate::model::table::gangs::{GangLine, Gangs};
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::state::{Table, TableControl};
use crate::model::time::age_of;
use crate::msg::{Mono, Now};

/// The list of gangs. It shows the count that its order was computed from; a new one is shown once its order is ready.
#[derive(Debug, Default)]
pub struct GangView {
    counter: GangCounter,
    table: Table<Gangs>,
    shown: Arc<CountedGangs>,
    next: Arc<CountedGangs>,
    /// Number of counts before `next`.
    revision: u64,
    /// Gang that the cursor goes to once it is listed.
    wanted: Option<GangKey>,
}

/// The gang that is open.
#[derive(Debug)]
pub struct OpenedGang {
    key: GangKey,
    /// As it was counted last; `None` if no pod of it is held.
    detail: Option<GangDetail>,
    /// Time at which watchbell first saw that the node of the worst member has lost devices.
    observed: Option<Mono>,
    /// Inputs of the count.
    inputs: GangInputs,
    /// Time of the count.
    at: Mono,
}

impl OpenedGang {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> &GangKey {
        &self.key
    }

    /// As it was counted last; `None` if no pod of it is held.
    #[must_use]
    pub fn detail(&self) -> Option<&GangDetail> {
        self.detail.as_ref()
    }

    /// Time at which watchbell first saw that the node of the worst member has lost devices; `None` if that is not its trouble.
    #[must_use]
    pub fn observed(&self) -> Option<Mono> {
        self.observed
    }
}

/// Source of the rows of the list.
struct GangRows<'a> {
    gangs: &'a CountedGangs,
    server_now: Timestamp,
}

impl<'a> GangRows<'a> {
    fn line(&self, row: &'a GangRow) -> GangLine<'a> {
        GangLine { row, since: age_of(row.since, self.server_now), selected: false }
    }
}

impl RowSource<Gangs> for GangRows<'_> {
    fn row(&self, index: &usize) -> Option<GangLine<'_>> {
        self.gangs.rows.get(*index).map(|row| self.line(row))
    }

    fn key(&self, index: &usize) -> Option<GangKey> {
        self.gangs.rows.get(*index).map(|row| row.key.clone())
    }

    fn find(&self, key: &GangKey) -> Option<usize> {
        self.gangs.rows.iter().position(|row| row.key == *key)
    }
}

impl GangView {
    /// The gangs that are shown, whatever the filter.
    #[must_use]
    pub fn gangs(&self) -> &CountedGangs {
        &self.shown
    }

    /// Numbers of gangs before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.table.extent()
    }

    /// Returns `true` while the rows are not in the requested order yet.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.table.is_arranging()
    }

    /// `true` while the gangs are being counted.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.counter.is_counting()
    }

    /// `true` once the gangs have been counted.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.revision > 0
    }

    /// The selected gang.
    #[must_use]
    pub fn selected(&self) -> Option<&GangRow> {
        self.shown.rows.get(*self.table.selected()?)
    }

    /// Table control of the gangs.
    pub(crate) fn control(&self) -> &dyn TableControl {
        &self.table.state
    }

    /// The same, for a key.
    pub(crate) fn control_mut(&mut self) -> &mut dyn TableControl {
        &mut self.table.state
    }

    /// Moves the cursor to a gang, as soon as it is listed.
    pub(crate) fn seek(&mut self, gang: GangKey) {
        self.wanted = Some(gang);
    }

    fn arrange(&mut self, server_now: Timestamp, now: Mono) {
        if !self.table.is_arranging() {
            (self.next, self.revision) = (Arc::clone(self.counter.gangs()), self.counter.made());
        }
        let [shown, next] = [&self.shown, &self.next].map(|gangs| GangRows { gangs, server_now });
        self.table.arrange_report(&shown, &next, self.revision, || (0..self.next.rows.len()).collect(), now);
        self.show_if_arranged(server_now);
    }

    fn advance(&mut self, server_now: Timestamp) {
        self.table.advance(&GangRows { gangs: &self.next, server_now });
        self.show_if_arranged(server_now);
    }

    fn show_if_arranged(&mut self, server_now: Timestamp) {
        if self.table.is_arranging() {
            return;
        }
        self.shown = Arc::clone(&self.next);
        let rows = GangRows { gangs: &self.shown, server_now };
        let found = self.wanted.as_ref().and_then(|gang| rows.find(gang));
        if let Some(at) = found.and_then(|id| self.table.order().iter().position(|known| *known == id)) {
            self.table.step(SelectionStep::At(at), &rows);
            self.wanted = None;
        }
    }

    fn step(&mut self, step: SelectionStep, server_now: Timestamp) {
        self.wanted = None;
        self.table.step(step, &GangRows { gangs: &self.shown, server_now });
    }
}

impl ClusterState {
    /// All gangs as of now, by namespace, name and kind; as well known as [`ClusterState::pod_counts`]. O(pods), so not for a frame.
    #[must_use]
    pub fn gangs_now(&self, now: Now) -> Vec<GangRow> {
        gangs::all(self.gang_source(now))
    }

    /// One gang as of now; `None` if no pod of it is held.
    #[must_use]
    pub fn gang_row(&self, gang: &GangKey, now: Now) -> Option<GangRow> {
        gangs::row(self.gang_source(now), gang)
    }

    /// The same, with its members one by one.
    #[must_use]
    pub fn gang_detail(&self, gang: &GangKey, now: Now) -> Option<GangDetail> {
        gangs::detail(self.gang_source(now), gang)
    }

    /// The gang of a pod; `None` if it works by itself, or the lists do not have it.
    #[must_use]
    pub fn gang_of(&self, namespace: &str, pod: &str) -> Option<GangKey> {
        GangKey::of_pod(&self.pods.pod(self.pods.find_pod(namespace, pod)?))
    }

    /// Trouble of a pod as a member of a gang, and the time since which it is in it.
    pub(super) fn member_trouble(&self, pod: &PodFacts<'_>, now: Now) -> Option<(MemberTrouble, Option<Timestamp>)> {
        gangs::trouble_of(self.gang_source(now), pod)
    }

    /// Exact numbers of pods of gangs, for answers about their owners.
    pub fn gang_sizes_mut(&mut self) -> &mut GangSizes {
        &mut self.gang_sizes
    }

    /// The list of gangs.
    #[must_use]
    pub fn gangs(&self) -> &GangView {
        &self.gangs
    }

    /// The same, for a key.
    pub(crate) fn gangs_mut(&mut self) -> &mut GangView {
        &mut self.gangs
    }

    /// The gangs of `range` as they are sorted and filtered.
    #[must_use]
    pub fn gang_lines(&self, range: Range<usize>, now: Now) -> Vec<GangLine<'_>> {
        let GangView { table, shown, .. } = &self.gangs;
        let (order, selected) = (table.order(), table.extent().selected);
        let rows = GangRows { gangs: shown, server_now: self.link.now(now) };
        let end = range.end.min(order.len());
        let line = |at: usize| {
            let row = shown.rows.get(order[at])?;
            Some(GangLine { selected: Some(at) == selected, ..rows.line(row) })
        };
        (range.start.min(end)..end).filter_map(line).collect()
    }

    /// Moves the selection of the list of gangs.
    pub(crate) fn move_gang(&mut self, step: SelectionStep, now: Now) {
        self.arrange_gangs(now);
        let server_now = self.link.now(now);
        self.gangs.step(step, server_now);
    }

    /// Updates the list of gangs if something that it shows has changed.
    pub(crate) fn arrange_gangs(&mut self, now: Now) {
        self.with_counter(now, |counter, from| counter.refresh(from, now.mono));
        let server_now = self.link.now(now);
        self.gangs.arrange(server_now, now.mono);
    }

    /// Continues the count of the gangs, or the order of the list, by one slice.
    pub(crate) fn advance_gangs(&mut self, now: Now) {
        let server_now = self.link.now(now);
        if self.gangs.is_arranging() {
            self.gangs.advance(server_now);
        } else {
            self.with_counter(now, GangCounter::advance);
            self.gangs.arrange(server_now, now.mono);
        }
    }

    /// The gang that was opened last.
    #[must_use]
    pub fn opened_gang(&self) -> Option<&OpenedGang> {
        self.opened_gang.as_ref()
    }

    /// Updates the open gang if something that it shows has changed: one of many pods at most once a second.
    pub(crate) fn arrange_gang(&mut self, key: &GangKey, now: Now) {
        let inputs = GangInputs::of(self.gang_source(now), now.mono);
        let before = self.opened_gang.take().filter(|opened| opened.key == *key);
        if let Some(opened) = before {
            let members = opened.detail.as_ref().map_or(0, |detail| detail.row.members as usize);
            if opened.inputs == inputs || (members > SLICE && now.mono.since(opened.at) < SLOWLY) {
                self.opened_gang = Some(opened);
                return;
            }
        }
        let detail = self.gang_detail(key, now);
        let worst = detail.as_ref().and_then(|detail| detail.row.worst.as_ref());
        let node = worst.filter(|worst| worst.trouble == MemberTrouble::DevicesLost).map(|worst| &worst.node);
        let observed = node.and_then(|node| self.lost_devices_at(node));
        self.opened_gang = Some(OpenedGang { key: key.clone(), detail, observed, inputs, at: now.mono });
    }

    /// Updates the gang of a pod, like [`ClusterState::arrange_gang`].
    pub(crate) fn arrange_gang_of(&mut self, namespace: &str, pod: &str, now: Now) {
        if let Some(gang) = self.gang_of(namespace, pod) {
            self.arrange_gang(&gang, now);
        }
    }

    /// Time at which a node was first seen with fewer devices than it should have.
    fn lost_devices_at(&self, node: &str) -> Option<Mono> {
        let (_, problems) = self.nodes.unhealthy().find(|(known, _)| *known.facts.name == *node)?;
        let lost = problems.iter().filter(|(problem, _)| *problem != NodeProblem::Pressure);
        lost.map(|(_, since)| *since).min()
    }

    fn with_counter(&mut self, now: Now, change: impl FnOnce(&mut GangCounter, GangSource<'_>)) {
        let mut counter = std::mem::take(&mut self.gangs.counter);
        change(&mut counter, self.gang_source(now));
        self.gangs.counter = counter;
    }

    pub(super) fn gang_source(&self, now: Now) -> GangSource<'_> {
        let Self { pods, nodes, gang_sizes, .. } = self;
        let [knows_nodes, knows_pods] = [self.tracks.knows_all_nodes(), self.tracks.settled_pods()];
        GangSource { pods, nodes, sizes: gang_sizes, knows_nodes, knows_pods, server_now: self.link.now(now) }
    }
}
