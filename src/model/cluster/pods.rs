//! The pods of the opened node: their order, their filter, and a selection that follows the pod.

use std::ops::Range;

use super::ClusterState;
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::trouble::TroubleClass;
use crate::model::store::nodes::Node;
use crate::model::store::pods::PodSlot;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::pods::{PodId, PodKey, PodRow, Pods};
use crate::model::table::state::{Table, TableControl};
use crate::model::table::{Extent, LastReport};
use crate::model::time::age_of;
use crate::msg::Now;

/// Table of the pods of the opened node: its order, its filter and its cursor.
#[derive(Debug, Default)]
pub struct OpenedNode {
    name: Option<Clean>,
    table: Table<Pods>,
}

impl OpenedNode {
    /// Creates the table of another node's pods with the same sort.
    fn of_node(name: Option<Clean>, before: &Self) -> Self {
        Self { name, table: before.table.sorted_alike() }
    }

    /// Numbers of pods before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.table.extent()
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
}

impl PodRows<'_> {
    fn all(&self) -> Vec<PodId> {
        self.cluster.pods.pods_on(self.node).map(|slot| self.cluster.pod_id(slot)).collect()
    }
}

/// Source of the rows of a node's pods.
struct PodRows<'a> {
    cluster: &'a ClusterState,
    node: &'a str,
    last_report: Option<LastReport>,
    now: Now,
}

impl RowSource<Pods> for PodRows<'_> {
    fn row(&self, id: &PodId) -> Option<PodRow<'_>> {
        let facts = self.cluster.pods.pod(id.slot);
        // Another pod may have the slot now.
        let same = facts.uid == id.uid && *facts.node == *self.node;
        same.then(|| self.cluster.row_of(facts, self.last_report, self.now))
    }

    fn key(&self, id: &PodId) -> Option<PodKey> {
        Some(PodKey::of(&self.row(id)?.facts))
    }

    /// The pod, or the one that has its name now: a `StatefulSet` recreates it.
    fn find(&self, key: &PodKey) -> Option<PodId> {
        let id = self.cluster.pod_id(self.cluster.pods.find_pod(&key.namespace, &key.name)?);
        self.row(&id).map(|_| id)
    }
}

impl ClusterState {
    /// Rows of the opened node's pods as they are sorted and filtered; only those of `range` are built.
    #[must_use]
    pub fn pods(&self, range: Range<usize>, now: Now) -> Vec<PodRow<'_>> {
        let Some(name) = self.opened.name.as_deref() else { return Vec::new() };
        let (selected, order) = (self.opened.extent().selected, self.opened.table.order());
        let last_report = self.last_report(name, now);
        let end = range.end.min(order.len());
        let row = |at: usize| {
            let facts = self.pods.pod(order[at].slot);
            let there = facts.uid == order[at].uid && *facts.node == *name;
            there.then(|| PodRow { selected: Some(at) == selected, ..self.row_of(facts, last_report, now) })
        };
        (range.start.min(end)..end).filter_map(row).collect()
    }

    /// Row of a pod on whichever node; `None` if the lists do not have it.
    #[must_use]
    pub fn pod_row(&self, namespace: &str, name: &str, now: Now) -> Option<PodRow<'_>> {
        let facts = self.pods.pod(self.pods.find_pod(namespace, name)?);
        let last_report = self.last_report(facts.node, now);
        Some(self.row_of(facts, last_report, now))
    }

    /// Row of a pod; `last_report` is that of its node.
    pub(super) fn row_of<'a>(&self, facts: PodFacts<'a>, last_report: Option<LastReport>, now: Now) -> PodRow<'a> {
        let server_now = self.link.now(now);
        let since = facts.trouble.and_then(|trouble| trouble.since).map(|since| since.at);
        PodRow {
            selected: false,
            trouble: TroubleClass::of(&facts, last_report.is_some(), server_now),
            since: match last_report {
                Some(report) => report.ago,
                None => age_of(since, server_now),
            },
            age: age_of(facts.created, self.link.now(now)),
            gpus: devices_held(&facts, self.nodes.by_name(facts.node), self.nodes.accelerators()),
            last_report: last_report.filter(|_| !facts.phase.is_terminal()),
            facts,
        }
    }

    /// Set if the pods of a node no longer report: its Ready is `Unknown`, or it is gone.
    #[must_use]
    pub fn last_report(&self, node: &str, now: Now) -> Option<LastReport> {
        let Some(node) = self.nodes.by_name(node) else {
            let gone = !node.is_empty() && self.tracks.knows_all_nodes();
            return gone.then_some(LastReport { ago: None, node: "gone" });
        };
        if node.readiness != Readiness::Unknown {
            return None;
        }
        let joined = JoinedNode { source: self.source(now), node };
        let renewed = super::node::liveness(&self.optional.leases, &joined, now).and_then(|lease| lease.age);
        Some(LastReport { ago: renewed.or(joined.status().for_), node: "Unknown" })
    }

    /// The table of the opened node's pods.
    #[must_use]
    pub fn opened(&self) -> &OpenedNode {
        &self.opened
    }

    /// The table of the opened node's pods, for a key.
    pub(crate) fn opened_mut(&mut self) -> &mut OpenedNode {
        &mut self.opened
    }

    /// Opens a node: from now on [`ClusterState::pods`] returns its pods. Returns the table of the previous node, if that was
    /// another.
    pub(crate) fn open_node(&mut self, name: Option<Clean>) -> Option<OpenedNode> {
        if self.opened.name == name {
            return None;
        }
        let next = OpenedNode::of_node(name, &self.opened);
        Some(std::mem::replace(&mut self.opened, next))
    }

    /// Opens a node with a table of its own, in which the cursor is at `pod`; the table of the previous node is returned.
    pub(crate) fn visit_node(&mut self, name: Clean, pod: Option<PodKey>) -> OpenedNode {
        let mut next = OpenedNode::of_node(Some(name), &self.opened);
        next.table.state.list.choose(pod);
        std::mem::replace(&mut self.opened, next)
    }

    /// Identity of the pod that has this name now.
    pub(crate) fn pod_key(&self, namespace: &str, name: &str) -> Option<PodKey> {
        Some(PodKey::of(&self.pods.pod(self.pods.find_pod(namespace, name)?)))
    }

    /// Opens a node with the table that it had before.
    pub(crate) fn reopen_node(&mut self, opened: OpenedNode) {
        self.opened = opened;
    }

    /// The selected pod of the opened node.
    pub(crate) fn selected_pod(&self) -> Option<PodKey> {
        let id = self.opened.table.selected()?;
        let facts = self.pods.pod(id.slot);
        (facts.uid == id.uid).then(|| PodKey::of(&facts))
    }

    /// Moves the selection among the opened node's pods.
    pub(crate) fn move_pod_selection(&mut self, step: SelectionStep, now: Now) {
        self.arrange_pods(now);
        self.with_pods(now, |table, rows| table.step(step, rows));
    }

    /// Updates the order of the opened node's pods if something has changed.
    pub(crate) fn arrange_pods(&mut self, now: Now) {
        let revision = self.pods.revision();
        self.with_pods(now, |table, rows| table.arrange(rows, revision, || rows.all(), now.mono));
    }

    /// Continues a pending order of the opened node's pods by one slice.
    pub(crate) fn advance_pods(&mut self, now: Now) {
        self.with_pods(now, |table, rows| table.advance(rows));
    }

    fn with_pods(&mut self, now: Now, change: impl FnOnce(&mut Table<Pods>, &PodRows<'_>)) {
        let Some(node) = self.opened.name.clone() else { return };
        let mut table = std::mem::take(&mut self.opened.table);
        let last_report = self.last_report(&node, now);
        change(&mut table, &PodRows { cluster: self, node: &node, last_report, now });
        self.opened.table = table;
    }

    pub(super) fn pod_id(&self, slot: PodSlot) -> PodId {
        PodId { slot, uid: self.pods.uid(slot) }
    }
}

/// Whole devices that a pod holds: none once it has ended; shares and slices do not count.
pub(super) fn devices_held(pod: &PodFacts<'_>, node: Option<&Node>, table: &AcceleratorTable) -> i64 {
    if pod.phase.is_terminal() {
        return 0;
    }
    let kind = |resource: &str| match node {
        Some(node) => table.classify_on(resource, &node.facts),
        None => table.classify(resource),
    };
    let held = pod.requests.others.iter().filter(|(resource, _)| kind(resource) == Some(Kind::Device));
    held.fold(Quantity::ZERO, |sum, (_, amount)| sum + *amount).value()
}
