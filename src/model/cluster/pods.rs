//! The pods of the opened node: their order, their filter, and a selection that follows the pod.

use std::ops::Range;

use super::ClusterState;
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::store::Stores;
use crate::model::store::nodes::Node;
use crate::model::store::pods::{PodSlot, PodStore};
use crate::model::table::list::{List, SelectionStep};
use crate::model::table::podfilter::{Filtered, PodFilter};
use crate::model::table::podorder::{Ordered, POD_SORTS, compare};
use crate::model::table::{Extent, LastReport, PodRow, SortBy};
use crate::model::time::age_of;
use crate::msg::{LineEdit, Now};

/// Table of the pods of the opened node: its order, its filter and its cursor.
#[derive(Debug, Default)]
pub struct OpenedNode {
    name: Option<Clean>,
    order: Vec<PodSlot>,
    /// Pods before filtering.
    total: usize,
    /// Revisions of the pods and of the list that the order was made from.
    arranged_from: Option<(u64, u64)>,
    list: List<Selected>,
    filter: PodFilter,
}

/// The pod that the operator selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) uid: Uid,
    pub(crate) namespace: Clean,
    pub(crate) name: Clean,
}

impl Selected {
    fn of(pod: &PodFacts<'_>) -> Self {
        Self { uid: pod.uid, namespace: Clean::new(pod.namespace), name: Clean::new(pod.name) }
    }
}

impl OpenedNode {
    /// The pods of another node, sorted alike.
    fn of_node(name: Option<Clean>, before: &Self) -> Self {
        Self { name, list: before.list.sorted_alike(), ..Self::default() }
    }

    /// Numbers of pods before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.list.extent(self.order.len(), self.total)
    }

    /// The column that the pods are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn sort(&self) -> (SortBy, bool) {
        self.list.sort()
    }

    /// The text of the filter.
    #[must_use]
    pub fn filter(&self) -> &str {
        self.filter.text()
    }

    /// Note on a term of the filter that is not understood and ignored, with the reason.
    #[must_use]
    pub fn filter_note(&self) -> Option<&Clean> {
        self.filter.note()
    }

    /// Edits the filter.
    pub(crate) fn edit_filter(&mut self, edit: &LineEdit) {
        self.filter.edit(edit);
        self.list.touch();
    }

    /// Clears the filter.
    pub(crate) fn clear_filter(&mut self) {
        self.filter.clear();
        self.list.touch();
    }

    /// Sorts the pods by `sort`, if they have it; the other way round if they already were.
    pub(crate) fn sort_by(&mut self, sort: SortBy) {
        if POD_SORTS.contains(&sort) {
            self.list.sort_by(sort);
        }
    }

    /// Reverses the order of the pods.
    pub(crate) fn reverse(&mut self) {
        self.list.reverse();
    }

    /// Sorts the pods by the column `by` positions further on.
    pub(crate) fn sort_step(&mut self, by: isize) {
        self.list.sort_step(by, &POD_SORTS);
    }

    /// The selected pod.
    fn selected_pod(&self, pods: &PodStore) -> Option<Selected> {
        let slot = self.order.get(self.extent().selected?)?;
        Some(Selected::of(&pods.pod(*slot)))
    }

    /// Moves the selection; the order is up to date.
    fn move_selection(&mut self, step: SelectionStep, pods: &PodStore) {
        let Self { list, order, .. } = self;
        list.step(step, order.len(), |at| Some(Selected::of(&pods.pod(order[at]))));
    }

    /// Brings the order up to date, if pods, sort or filter have changed.
    fn arrange(&mut self, stores: Stores<'_>) {
        let Some(name) = &self.name else { return };
        let Stores { nodes, pods: store } = stores;
        let inputs = Some((store.revision(), self.list.revision()));
        if self.arranged_from == inputs {
            return;
        }
        let node = nodes.by_name(name);
        let all = store.pods_on(name).map(|slot| {
            let facts = store.pod(slot);
            let gpus = devices_held(&facts, node, nodes.accelerators());
            (slot, Ordered { facts, gpus })
        });
        let all: Vec<(PodSlot, Ordered<'_>)> = all.collect();
        let total = all.len();
        // The selected pod, or the one that has its name now: a StatefulSet recreates it.
        let there = self.list.chosen().and_then(|chosen| {
            let same = |(_, pod): &&(PodSlot, Ordered<'_>)| {
                *pod.facts.namespace == *chosen.namespace && *pod.facts.name == *chosen.name
            };
            all.iter().find(|(_, pod)| pod.facts.uid == chosen.uid).or_else(|| all.iter().find(same))
        });
        let there = there.map(|(slot, pod)| (*slot, Selected::of(&pod.facts)));
        let shown =
            |(_, pod): &(PodSlot, Ordered<'_>)| self.filter.shows(&Filtered { facts: &pod.facts, gpus: pod.gpus });
        let mut pods: Vec<_> = all.into_iter().filter(shown).collect();
        let (sort, reversed) = self.list.sort();
        pods.sort_unstable_by(|(_, a), (_, b)| compare(a, b, sort, reversed));
        let order: Vec<PodSlot> = pods.into_iter().map(|(slot, _)| slot).collect();
        let is_gone = there.is_none();
        let found = there.and_then(|(slot, pod)| {
            self.list.choose(Some(pod));
            order.iter().position(|other| *other == slot)
        });
        let key = |at: usize| Some(Selected::of(&store.pod(*order.get(at)?)));
        self.list.follow(found, order.len(), is_gone, key);
        (self.order, self.total, self.arranged_from) = (order, total, inputs);
    }
}

impl ClusterState {
    /// Rows of the opened node's pods as they are sorted and filtered; only those of `range` are built.
    #[must_use]
    pub fn pods(&self, range: Range<usize>, now: Now) -> Vec<PodRow<'_>> {
        let opened = &self.opened;
        let selected = opened.extent().selected;
        let last_report = opened.name.as_deref().and_then(|name| self.last_report(name, now));
        let end = range.end.min(opened.order.len());
        let visible = range.start.min(end)..end;
        let row = |at: usize| {
            let facts = self.pods.pod(opened.order[at]);
            PodRow { selected: Some(at) == selected, ..self.row_of(facts, last_report, now) }
        };
        visible.map(row).collect()
    }

    /// Row of a pod on whichever node; `None` if the lists do not have it.
    #[must_use]
    pub fn pod_row(&self, namespace: &str, name: &str, now: Now) -> Option<PodRow<'_>> {
        let facts = self.pods.pod(self.pods.find_pod(namespace, name)?);
        let last_report = self.last_report(facts.node, now);
        Some(self.row_of(facts, last_report, now))
    }

    fn row_of<'a>(&self, facts: PodFacts<'a>, last_report: Option<LastReport>, now: Now) -> PodRow<'a> {
        PodRow {
            selected: false,
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

    /// Opens a node: from now on [`ClusterState::pods`] are those of it. Returns the table of the one before, if that was
    /// another.
    pub(crate) fn open_node(&mut self, name: Option<Clean>) -> Option<OpenedNode> {
        if self.opened.name == name {
            return None;
        }
        let next = OpenedNode::of_node(name, &self.opened);
        Some(std::mem::replace(&mut self.opened, next))
    }

    /// Opens a node with the table that it had before.
    pub(crate) fn reopen_node(&mut self, opened: OpenedNode) {
        self.opened = opened;
    }

    /// The selected pod of the opened node.
    pub(crate) fn selected_pod(&self) -> Option<Selected> {
        self.opened.selected_pod(&self.pods)
    }

    /// Moves the selection among the opened node's pods.
    pub(crate) fn move_pod_selection(&mut self, step: SelectionStep) {
        self.arrange_pods();
        self.opened.move_selection(step, &self.pods);
    }

    /// Brings the order of the opened node's pods up to date, if something has changed.
    pub(crate) fn arrange_pods(&mut self) {
        self.opened.arrange(Stores { nodes: &self.nodes, pods: &self.pods });
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
