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
use crate::model::store::nodes::Node;
use crate::model::store::pods::PodSlot;
use crate::model::table::list::{List, SelectionStep};
use crate::model::table::podfilter::{Filtered, PodFilter};
use crate::model::table::podorder::{Ordered, POD_SORTS, compare};
use crate::model::table::{Extent, LastReport, PodRow, SortBy};
use crate::model::time::age_of;
use crate::msg::{LineEdit, Now};

/// The opened node, and its pods as the operator looks at them.
#[derive(Debug, Default)]
pub(crate) struct OpenedNode {
    pub(super) name: Option<Clean>,
    order: Vec<PodSlot>,
    /// Pods before filtering.
    total: usize,
    /// Revisions of the pods and of the list that the order was made from.
    of: Option<(u64, u64)>,
    list: List<Selected>,
    filter: PodFilter,
}

/// The pod that the operator chose.
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
    /// Another node, looked at in the same order.
    fn of_node(name: Option<Clean>, before: &Self) -> Self {
        Self { name, list: before.list.sorted_alike(), ..Self::default() }
    }
}

impl ClusterState {
    /// Numbers of pods of the opened node before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn pod_extent(&self) -> Extent {
        self.opened.list.extent(self.opened.order.len(), self.opened.total)
    }

    /// Pods of the opened node as they are sorted and filtered; only those of `range` are built.
    #[must_use]
    pub fn pods(&self, range: Range<usize>, now: Now) -> Vec<PodRow<'_>> {
        let selected = self.pod_extent().selected;
        let server_now = self.server_now(now);
        let node = self.opened.name.as_deref().and_then(|name| self.nodes.by_name(name));
        let last_report = self.opened.name.as_deref().and_then(|name| self.last_report(name, now));
        let end = range.end.min(self.opened.order.len());
        let visible = range.start.min(end)..end;
        let rows = visible.map(|at| {
            let facts = self.ledger.pod(self.opened.order[at]);
            PodRow {
                selected: Some(at) == selected,
                age: age_of(facts.created, server_now),
                gpus: devices_held(&facts, node, self.nodes.accelerators()),
                last_report: last_report.filter(|_| !facts.phase.is_terminal()),
                facts,
            }
        });
        rows.collect()
    }

    /// A pod as the lists know it, wherever it is; `None` if they do not.
    #[must_use]
    pub fn pod_row(&self, namespace: &str, name: &str, now: Now) -> Option<PodRow<'_>> {
        let facts = self.ledger.pod(self.ledger.find_pod(namespace, name)?);
        let node = self.nodes.by_name(facts.node);
        Some(PodRow {
            selected: false,
            age: age_of(facts.created, self.server_now(now)),
            gpus: devices_held(&facts, node, self.nodes.accelerators()),
            last_report: self.last_report(facts.node, now).filter(|_| !facts.phase.is_terminal()),
            facts,
        })
    }

    /// Last report of the pods on a node, where that is all that is known of them: its Ready is `Unknown`, or it is gone.
    #[must_use]
    pub fn last_report(&self, node: &str, now: Now) -> Option<LastReport> {
        let Some(node) = self.nodes.by_name(node) else {
            let gone = !node.is_empty() && self.knows_all_nodes();
            return gone.then_some(LastReport { ago: None, node: "gone" });
        };
        if node.readiness != Readiness::Unknown {
            return None;
        }
        let lens = JoinedNode { source: self.source(now), node };
        let renewed = self.liveness(&lens, now).and_then(|lease| lease.age);
        Some(LastReport { ago: renewed.or(lens.status().for_), node: "Unknown" })
    }

    /// The column that the pods are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn pod_sort(&self) -> (SortBy, bool) {
        self.opened.list.sort()
    }

    /// The text of the pods' filter.
    #[must_use]
    pub fn pod_filter(&self) -> &str {
        self.opened.filter.text()
    }

    /// Note on a term of the pods' filter that is not understood and left out, with the reason.
    #[must_use]
    pub fn pod_filter_note(&self) -> Option<&Clean> {
        self.opened.filter.note()
    }

    /// The selected pod of the opened node.
    pub(crate) fn selected_pod(&self) -> Option<Selected> {
        let slot = self.opened.order.get(self.pod_extent().selected?)?;
        Some(Selected::of(&self.ledger.pod(*slot)))
    }

    /// Opens a node, whose pods [`ClusterState::pods`] returns from now on. Returns the one that was open, if that was another.
    pub(crate) fn open_node(&mut self, name: Option<Clean>) -> Option<OpenedNode> {
        if self.opened.name == name {
            return None;
        }
        let next = OpenedNode::of_node(name, &self.opened);
        Some(std::mem::replace(&mut self.opened, next))
    }

    /// Opens a node as it was looked at before.
    pub(crate) fn reopen_node(&mut self, opened: OpenedNode) {
        self.opened = opened;
    }

    pub(crate) fn edit_pod_filter(&mut self, edit: &LineEdit) {
        self.opened.filter.edit(edit);
        self.opened.list.touch();
    }

    pub(crate) fn clear_pod_filter(&mut self) {
        self.opened.filter.clear();
        self.opened.list.touch();
    }

    /// Sorts the pods by `sort`, if they have it; the other way round if they already were.
    pub(crate) fn sort_pods_by(&mut self, sort: SortBy) {
        if POD_SORTS.contains(&sort) {
            self.opened.list.sort_by(sort);
        }
    }

    /// Reverses the order of the pods.
    pub(crate) fn reverse_pods(&mut self) {
        self.opened.list.reverse();
    }

    /// Sorts the pods by the column `by` places further on.
    pub(crate) fn sort_pods_step(&mut self, by: isize) {
        self.opened.list.sort_step(by, &POD_SORTS);
    }

    pub(crate) fn move_pod_selection(&mut self, step: SelectionStep) {
        self.arrange_pods();
        let Self { opened: OpenedNode { list, order, .. }, ledger, .. } = self;
        list.step(step, order.len(), |at| Some(Selected::of(&ledger.pod(order[at]))));
    }

    /// Brings the order of the opened node's pods up to date, if pods, sort or filter have changed.
    pub(crate) fn arrange_pods(&mut self) {
        let Some(name) = &self.opened.name else { return };
        let of = Some((self.ledger.revision(), self.opened.list.revision()));
        if self.opened.of == of {
            return;
        }
        let node = self.nodes.by_name(name);
        let all = self.ledger.pods_on(name).map(|slot| {
            let facts = self.ledger.pod(slot);
            let gpus = devices_held(&facts, node, self.nodes.accelerators());
            (slot, Ordered { facts, gpus })
        });
        let all: Vec<(PodSlot, Ordered<'_>)> = all.collect();
        let total = all.len();
        // The pod that was chosen, or the one that now has its name: a StatefulSet makes it anew.
        let there = self.opened.list.chosen().and_then(|chosen| {
            let same = |(_, pod): &&(PodSlot, Ordered<'_>)| {
                *pod.facts.namespace == *chosen.namespace && *pod.facts.name == *chosen.name
            };
            all.iter().find(|(_, pod)| pod.facts.uid == chosen.uid).or_else(|| all.iter().find(same))
        });
        let there = there.map(|(slot, pod)| (*slot, Selected::of(&pod.facts)));
        let shown = |(_, pod): &(PodSlot, Ordered<'_>)| {
            self.opened.filter.shows(&Filtered { facts: &pod.facts, gpus: pod.gpus })
        };
        let mut pods: Vec<_> = all.into_iter().filter(shown).collect();
        let sort = self.opened.list.sort();
        pods.sort_unstable_by(|(_, a), (_, b)| compare(a, b, sort));
        let order: Vec<PodSlot> = pods.into_iter().map(|(slot, _)| slot).collect();
        let (is_gone, opened, ledger) = (there.is_none(), &mut self.opened, &self.ledger);
        let found = there.and_then(|(slot, pod)| {
            opened.list.choose(Some(pod));
            order.iter().position(|other| *other == slot)
        });
        let key = |at: usize| Some(Selected::of(&ledger.pod(*order.get(at)?)));
        opened.list.follow(found, order.len(), is_gone, key);
        (opened.order, opened.total, opened.of) = (order, total, of);
    }
}

/// Whole devices that a pod holds: nothing once it has ended, and shares or slices are none.
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
