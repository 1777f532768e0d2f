//! The pods of the opened node: their order, their filter, and a selection that follows the pod.

use std::ops::Range;

use super::{ClusterState, Step};
use crate::facts::accelerator::{Kind, Table};
use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::ledger::PodSlot;
use crate::model::nodes::Node;
use crate::model::rows::lens::Lens;
use crate::model::rows::podfilter::{Filtered, PodFilter};
use crate::model::rows::podorder::{Ordered, POD_SORTS, compare};
use crate::model::rows::{Extent, LastReport, PodRow, SortBy, age_of};
use crate::msg::{Edit, Now};

/// Which node is open, how its pods are looked at, and which of them is selected.
#[derive(Debug, Default)]
pub(crate) struct OpenedNode {
    pub(super) name: Option<Clean>,
    order: Vec<PodSlot>,
    /// Pods before filtering.
    total: usize,
    /// What the order was made from: revisions of the pods and of the wishes.
    of: Option<(u64, u64)>,
    sort: Option<SortBy>,
    reversed: bool,
    filter: PodFilter,
    /// Grows when sort or filter change.
    revision: u64,
    selected: Option<Selected>,
    selected_at: usize,
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
        Self { name, sort: before.sort, reversed: before.reversed, ..Self::default() }
    }

    fn sort(&self) -> (SortBy, bool) {
        (self.sort.unwrap_or(SortBy::Name), self.reversed)
    }

    /// A new order is looked at from its top.
    fn resort(&mut self) {
        (self.selected, self.selected_at) = (None, 0);
        self.revision += 1;
    }
}

impl ClusterState {
    /// How the pods of the opened node lie.
    #[must_use]
    pub fn pod_extent(&self) -> Extent {
        let len = self.opened.order.len();
        let selected = (len > 0).then(|| self.opened.selected_at.min(len - 1));
        Extent { len, total: self.opened.total, selected }
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

    /// Whether what pods on a node last reported is all that is known of them: its Ready is `Unknown`, or it is gone.
    #[must_use]
    pub fn last_report(&self, node: &str, now: Now) -> Option<LastReport> {
        let Some(node) = self.nodes.by_name(node) else {
            let gone = !node.is_empty() && self.knows_all_nodes();
            return gone.then_some(LastReport { ago: None, node: "gone" });
        };
        if node.readiness != Readiness::Unknown {
            return None;
        }
        let lens = Lens { source: self.source(now), node };
        let renewed = self.liveness(&lens, now).and_then(|lease| lease.age);
        Some(LastReport { ago: renewed.or(lens.status().for_), node: "Unknown" })
    }

    /// The column that the pods are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn pod_sort(&self) -> (SortBy, bool) {
        self.opened.sort()
    }

    /// The text of the pods' filter.
    #[must_use]
    pub fn pod_filter(&self) -> &str {
        self.opened.filter.text()
    }

    /// A term of the pods' filter that means nothing, and why; it is left out.
    #[must_use]
    pub fn pod_filter_note(&self) -> Option<&Clean> {
        self.opened.filter.note()
    }

    /// The selected pod of the opened node.
    pub(crate) fn selected_pod(&self) -> Option<Selected> {
        let slot = self.opened.order.get(self.pod_extent().selected?)?;
        Some(Selected::of(&self.ledger.pod(*slot)))
    }

    /// Opens a node: from now on [`ClusterState::pods`] speaks of it. Gives back how the one before was looked at, if that was
    /// another.
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

    pub(crate) fn edit_pod_filter(&mut self, edit: &Edit) {
        self.opened.filter.edit(edit);
        self.opened.revision += 1;
    }

    pub(crate) fn clear_pod_filter(&mut self) {
        self.opened.filter.clear();
        self.opened.revision += 1;
    }

    /// Sorts the pods by `sort`, if they have it; the other way round if they already were.
    pub(crate) fn sort_pods_by(&mut self, sort: SortBy) {
        if POD_SORTS.contains(&sort) {
            self.opened.reversed = self.opened.sort().0 == sort && !self.opened.reversed;
            self.opened.sort = Some(sort);
            self.opened.resort();
        }
    }

    /// Turns the order of the pods round.
    pub(crate) fn reverse_pods(&mut self) {
        self.opened.reversed = !self.opened.reversed;
        self.opened.resort();
    }

    /// Sorts the pods by the column `by` places further on.
    pub(crate) fn sort_pods_step(&mut self, by: isize) {
        let at = POD_SORTS.iter().position(|sort| *sort == self.opened.sort().0).unwrap_or(0);
        let at = isize::try_from(at).unwrap_or(0) + by;
        let len = isize::try_from(POD_SORTS.len()).expect("a handful of columns");
        self.opened.sort = Some(POD_SORTS[at.rem_euclid(len).unsigned_abs()]);
        self.opened.reversed = false;
        self.opened.resort();
    }

    pub(crate) fn move_pod_selection(&mut self, step: Step) {
        self.arrange_pods();
        let len = self.opened.order.len();
        if len == 0 {
            return;
        }
        let at = step.from(self.opened.selected_at.min(len - 1), len);
        self.opened.selected = Some(Selected::of(&self.ledger.pod(self.opened.order[at])));
        self.opened.selected_at = at;
    }

    /// Brings the order of the opened node's pods up to date, if pods or wishes have changed.
    pub(crate) fn arrange_pods(&mut self) {
        let Some(name) = &self.opened.name else { return };
        let of = Some((self.ledger.revision(), self.opened.revision));
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
        let there = self.opened.selected.as_ref().and_then(|chosen| {
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
        let sort = self.opened.sort();
        pods.sort_unstable_by(|(_, a), (_, b)| compare(a, b, sort));
        let last = pods.len().saturating_sub(1);
        let stays = if self.opened.selected.is_some() { self.opened.selected_at.min(last) } else { 0 };
        let (at, selected) = match there {
            // One that the filter hides is found again when the filter goes.
            Some((slot, pod)) => (pods.iter().position(|(other, _)| *other == slot).unwrap_or(stays), Some(pod)),
            None if self.opened.selected.is_some() => {
                (stays, pods.get(stays).map(|(_, pod)| Selected::of(&pod.facts)).or(self.opened.selected.clone()))
            }
            None => (0, None),
        };
        let order = pods.into_iter().map(|(slot, _)| slot).collect();
        let opened = &mut self.opened;
        (opened.order, opened.total, opened.of) = (order, total, of);
        (opened.selected, opened.selected_at) = (selected, at);
    }
}

/// Whole devices that a pod holds: nothing once it has ended, and shares or slices are none.
pub(super) fn devices_held(pod: &PodFacts<'_>, node: Option<&Node>, table: &Table) -> i64 {
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
