//! Pods of the whole cluster: those in trouble, or all; their order, their filter, and a selection that follows the pod.

use std::ops::Range;

use super::ClusterState;
use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::model::store::pods::PodSlot;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::pods::{PodId, PodKey, PodRow, PodScope, Pods};
use crate::model::table::state::{Table, TableControl};
use crate::model::table::{Extent, SortBy};
use crate::msg::Now;

/// The list of pods of a cluster.
#[derive(Debug)]
pub struct ClusterPods {
    table: Table<Pods>,
    /// [`PodScope::Trouble`] or [`PodScope::All`].
    scope: PodScope,
}

impl Default for ClusterPods {
    fn default() -> Self {
        Self { table: Table::sorted(SortBy::Column("trouble")), scope: PodScope::Trouble }
    }
}

impl ClusterPods {
    /// Numbers of pods before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.table.extent()
    }

    /// Which pods it has.
    #[must_use]
    pub fn scope(&self) -> PodScope {
        self.scope
    }

    /// Returns `true` while the rows are not in the requested order yet.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.table.is_arranging()
    }

    /// Table control of the pods.
    pub(crate) fn control(&self) -> &dyn TableControl {
        &self.table.state
    }

    /// The same, for a key.
    pub(crate) fn control_mut(&mut self) -> &mut dyn TableControl {
        &mut self.table.state
    }

    /// Shows all pods, or only those in trouble again.
    pub(crate) fn toggle_scope(&mut self) {
        self.scope = if self.scope == PodScope::Trouble { PodScope::All } else { PodScope::Trouble };
        self.table.state.list.bump_revision();
    }
}

/// Source of the rows.
struct ClusterPodRows<'a> {
    cluster: &'a ClusterState,
    scope: PodScope,
    now: Now,
}

impl ClusterPodRows<'_> {
    fn all(&self) -> Vec<PodId> {
        let Self { cluster, scope, now } = *self;
        if scope == PodScope::All {
            return cluster.pods.pods().map(|slot| cluster.pod_id(slot)).collect();
        }
        let in_trouble = |slot: &_| cluster.row_at(cluster.pods.pod(*slot), now).trouble.is_some();
        cluster.maybe_troubled().into_iter().filter(in_trouble).map(|slot| cluster.pod_id(slot)).collect()
    }
}

impl RowSource<Pods> for ClusterPodRows<'_> {
    fn row(&self, id: &PodId) -> Option<PodRow<'_>> {
        let facts = self.cluster.pods.pod(id.slot);
        // Another pod may have the slot now.
        (facts.uid == id.uid).then(|| self.cluster.row_at(facts, self.now))
    }

    fn key(&self, id: &PodId) -> Option<PodKey> {
        Some(PodKey::of(&self.row(id)?.facts))
    }

    fn find(&self, key: &PodKey) -> Option<PodId> {
        Some(self.cluster.pod_id(self.cluster.pods.find_pod(&key.namespace, &key.name)?))
    }
}

impl ClusterState {
    /// The list of pods of the cluster.
    #[must_use]
    pub fn cluster_pods(&self) -> &ClusterPods {
        &self.cluster_pods
    }

    /// The same, for a key.
    pub(crate) fn cluster_pods_mut(&mut self) -> &mut ClusterPods {
        &mut self.cluster_pods
    }

    /// Rows of the list of pods as they are sorted and filtered; only those of `range` are built.
    #[must_use]
    pub fn cluster_pod_rows(&self, range: Range<usize>, now: Now) -> Vec<PodRow<'_>> {
        let (selected, order) = (self.cluster_pods.extent().selected, self.cluster_pods.table.order());
        let end = range.end.min(order.len());
        let row = |at: usize| {
            let facts = self.pods.pod(order[at].slot);
            (facts.uid == order[at].uid).then(|| PodRow { selected: Some(at) == selected, ..self.row_at(facts, now) })
        };
        (range.start.min(end)..end).filter_map(row).collect()
    }

    /// The selected pod of the list.
    pub(crate) fn selected_cluster_pod(&self) -> Option<PodKey> {
        let id = self.cluster_pods.table.selected()?;
        let facts = self.pods.pod(id.slot);
        (facts.uid == id.uid).then(|| PodKey::of(&facts))
    }

    /// Moves the selection in the list of pods.
    pub(crate) fn move_cluster_pod(&mut self, step: SelectionStep, now: Now) {
        self.arrange_cluster_pods(now);
        self.with_cluster_pods(now, |table, rows| table.step(step, rows));
    }

    /// Updates the order of the list of pods if something has changed.
    pub(crate) fn arrange_cluster_pods(&mut self, now: Now) {
        // Classes of trouble follow pods, the readiness of nodes, and time.
        let revision = self.pods.revision() + self.nodes.revision() + now.mono.0.as_secs();
        self.with_cluster_pods(now, |table, rows| table.arrange(rows, revision, || rows.all(), now.mono));
    }

    /// Continues a pending order of the list of pods by one slice.
    pub(crate) fn advance_cluster_pods(&mut self, now: Now) {
        self.with_cluster_pods(now, |table, rows| table.advance(rows));
    }

    fn with_cluster_pods(&mut self, now: Now, change: impl FnOnce(&mut Table<Pods>, &ClusterPodRows<'_>)) {
        let mut table = std::mem::take(&mut self.cluster_pods.table);
        let scope = self.cluster_pods.scope;
        change(&mut table, &ClusterPodRows { cluster: self, scope, now });
        self.cluster_pods.table = table;
    }

    /// Pods in trouble by themselves, or on a lost node; some of them for so short a time that it does not count yet, or ended.
    pub(super) fn maybe_troubled(&self) -> Vec<PodSlot> {
        let lost = self.lost_nodes();
        let on_lost = lost.iter().flat_map(|node| self.pods.pods_on(node));
        let mut slots: Vec<_> = self.pods.troubled().chain(on_lost).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Row of a pod on whichever node.
    pub(super) fn row_at<'a>(&self, facts: PodFacts<'a>, now: Now) -> PodRow<'a> {
        let last_report = self.last_report(facts.node, now);
        self.row_of(facts, last_report, now)
    }

    /// Names of nodes that do not report, and of nodes that pods name and that are gone.
    fn lost_nodes(&self) -> Vec<&str> {
        let unknown = self.nodes.unhealthy().filter(|(node, _)| node.readiness == Readiness::Unknown);
        let mut lost: Vec<&str> = unknown.map(|(node, _)| &*node.facts.name).collect();
        if self.tracks.knows_all_nodes() && self.join.orphaned() > 0 {
            lost.extend(self.pods.nodes().map(|(name, _)| name).filter(|name| self.nodes.by_name(name).is_none()));
        }
        lost
    }
}
