//! Lists of pods: those of a node, those in trouble, all of a cluster, those of an owner or a gang, those that an alert hits. Each
//! has its order, its filter, and a selection that follows the pod.

use std::ops::Range;

use super::ClusterState;
use super::PodSet;
use super::pod_groups::PodGroupView;
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::model::derive::pod_groups::{GroupSource, GroupedPod, OwnerKey, PodGrouping};
use crate::model::derive::trouble::TroubleClass;
use crate::model::store::pods::PodSlot;
use crate::model::table::Extent;
use crate::model::table::column::Reads;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::pods::{PodId, PodKey, PodRow, PodScope, Pods};
use crate::model::table::state::{Table, TableControl};
use crate::model::time::age_of;
use crate::msg::Now;

/// Place of a list of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodPlace {
    /// The pane of the node screen.
    Node,
    /// A screen of its own.
    Screen,
}

/// A list of pods: which pods, and the table of them. Pods in trouble can be grouped.
#[derive(Debug, Default)]
pub struct PodTable {
    set: PodSet,
    table: Table<Pods>,
    groups: PodGroupView,
}

impl PodTable {
    /// Creates a list in its first order.
    pub(crate) fn of(set: PodSet) -> Self {
        Self { table: Table::sorted(set.sort()), set, groups: PodGroupView::default() }
    }

    /// Creates a list of other pods with the same sort.
    fn sorted_alike(&self, set: PodSet) -> Self {
        Self { set, table: self.table.sorted_alike(), groups: PodGroupView::default() }
    }

    /// Which pods it has.
    #[must_use]
    pub fn set(&self) -> &PodSet {
        &self.set
    }

    /// The groups, if the pods are shown in groups.
    #[must_use]
    pub fn groups(&self) -> Option<&PodGroupView> {
        Some(&self.groups).filter(|groups| self.set == PodSet::Trouble && groups.by() != PodGrouping::None)
    }

    /// Property that the pods are grouped by; `None` if these pods cannot be grouped.
    #[must_use]
    pub fn grouping(&self) -> Option<PodGrouping> {
        (self.set == PodSet::Trouble).then(|| self.groups.by())
    }

    /// Groups the pods by the property that is `by` positions further. Returns `false` if these pods cannot be grouped.
    pub(crate) fn regroup(&mut self, by: usize) -> bool {
        let can = self.set == PodSet::Trouble;
        if can {
            self.groups.turn(by);
        }
        can
    }

    /// Numbers of rows before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.groups().map_or_else(|| self.table.extent(), PodGroupView::extent)
    }

    /// Returns `true` while the rows are not in the requested order yet.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.groups().map_or_else(|| self.table.is_arranging(), PodGroupView::is_arranging)
    }

    /// Table control of the rows.
    pub(crate) fn control(&self) -> &dyn TableControl {
        self.groups().map_or(&self.table.state, PodGroupView::control)
    }

    /// The same, for a key.
    pub(crate) fn control_mut(&mut self) -> &mut dyn TableControl {
        if self.groups().is_some() { self.groups.control_mut() } else { &mut self.table.state }
    }

    /// Moves the cursor to a pod, or to the first row; before the first order.
    pub(crate) fn choose(&mut self, pod: Option<PodKey>) {
        self.table.state.list.choose(pod);
    }

    /// Shows all pods instead of those in trouble, or those in trouble again.
    pub(crate) fn toggle_all(&mut self) {
        self.set = if self.set == PodSet::Trouble { PodSet::All } else { PodSet::Trouble };
        self.table.state.list.bump_revision();
    }

    /// Returns `true` if rows come, go or change with each second.
    fn needs_time(&self) -> bool {
        self.groups().map_or_else(|| self.table.state.depends_on(Reads::Time), PodGroupView::needs_time)
    }

    /// Returns `true` if rows come, go or move with the class of their trouble.
    fn needs_trouble(&self) -> bool {
        self.set.scope() == PodScope::Trouble || self.table.state.depends_on(Reads::Trouble)
    }
}

/// The lists of pods of a cluster.
#[derive(Debug)]
pub(super) struct PodTables {
    node: PodTable,
    screen: PodTable,
    lasting: LastingTroubles,
}

/// Number of troubles that have lasted long enough to count, at a second.
#[derive(Clone, Copy, Debug, Default)]
struct LastingTroubles {
    second: Option<u64>,
    count: u64,
}

impl Default for PodTables {
    fn default() -> Self {
        Self { node: PodTable::default(), screen: PodTable::of(PodSet::Trouble), lasting: LastingTroubles::default() }
    }
}

impl PodTables {
    fn at(&self, place: PodPlace) -> &PodTable {
        match place {
            PodPlace::Node => &self.node,
            PodPlace::Screen => &self.screen,
        }
    }

    fn at_mut(&mut self, place: PodPlace) -> &mut PodTable {
        match place {
            PodPlace::Node => &mut self.node,
            PodPlace::Screen => &mut self.screen,
        }
    }
}

/// Source of the rows of a list.
struct PodRows<'a> {
    cluster: &'a ClusterState,
    set: &'a PodSet,
    now: Now,
}

impl GroupSource for PodRows<'_> {
    fn candidates(&self) -> Vec<PodSlot> {
        self.set.candidates(self.cluster, self.now)
    }

    fn grouped(&self, slot: PodSlot) -> Option<GroupedPod<'_>> {
        self.cluster.grouped_pod(slot, self.now)
    }
}

impl<'a> PodRows<'a> {
    /// Row of a pod; `None` if another one has its slot now, or it does not belong to the set.
    fn row_of(&self, id: &PodId) -> Option<PodRow<'a>> {
        let facts = self.cluster.pods.pod(id.slot);
        let row = (facts.uid == id.uid).then(|| self.cluster.row_in(self.set, facts, self.now));
        row.filter(|row| self.set.has(row, self.cluster))
    }

    fn all(&self) -> Vec<PodId> {
        self.candidates().into_iter().map(|slot| self.cluster.pod_id(slot)).collect()
    }
}

impl RowSource<Pods> for PodRows<'_> {
    fn row(&self, id: &PodId) -> Option<PodRow<'_>> {
        self.row_of(id)
    }

    fn key(&self, id: &PodId) -> Option<PodKey> {
        Some(PodKey::of(&self.row(id)?.facts))
    }

    /// The pod, or the one that has its name now: a `StatefulSet` recreates it.
    fn find(&self, key: &PodKey) -> Option<PodId> {
        let id = self.cluster.pod_id(self.cluster.pods.find_pod(&key.namespace, &key.name)?);
        self.row(&id).map(|_| id)
    }

    fn searched(&self) -> usize {
        self.set.searched(self.cluster)
    }
}

impl ClusterState {
    /// A list of pods.
    #[must_use]
    pub fn pod_list(&self, place: PodPlace) -> &PodTable {
        self.pod_tables.at(place)
    }

    /// The same, for a key.
    pub(crate) fn pod_list_mut(&mut self, place: PodPlace) -> &mut PodTable {
        self.pod_tables.at_mut(place)
    }

    /// Puts a list of pods in a place; returns the one from before.
    pub(crate) fn replace_pods(&mut self, place: PodPlace, list: PodTable) -> PodTable {
        std::mem::replace(self.pod_tables.at_mut(place), list)
    }

    /// Rows of a list of pods as they are sorted and filtered; only those of `range` are built.
    #[must_use]
    pub fn pod_rows(&self, place: PodPlace, range: Range<usize>, now: Now) -> Vec<PodRow<'_>> {
        let PodTable { set, table, .. } = self.pod_tables.at(place);
        let (selected, order) = (table.extent().selected, table.order());
        let end = range.end.min(order.len());
        let rows = PodRows { cluster: self, set, now };
        let row = |at: usize| Some(PodRow { selected: Some(at) == selected, ..rows.row_of(&order[at])? });
        (range.start.min(end)..end).filter_map(row).collect()
    }

    /// Row of a pod in a list: of a gang with the number of its rank, and with the trouble of its node and devices.
    fn row_in<'a>(&self, set: &PodSet, facts: PodFacts<'a>, now: Now) -> PodRow<'a> {
        let PodSet::Gang(key) = set else { return self.row_of(facts, now) };
        let gang = self.opened_gang().filter(|opened| opened.key() == key);
        let rank = facts.gang.and_then(|gang| gang.rank);
        let rank = gang.and_then(|opened| opened.detail()?.ranks.number(rank));
        let trouble = self.member_trouble(&facts, now);
        let row = self.row_of(facts, now);
        let since = trouble.map_or(row.since, |(_, since)| age_of(since, self.link.now(now)));
        PodRow { rank, member: trouble.map(|(trouble, _)| trouble), since, ..row }
    }

    /// The selected pod of a list; `None` if it shows groups.
    pub(crate) fn selected_pod(&self, place: PodPlace) -> Option<PodKey> {
        let list = self.pod_tables.at(place);
        let id = list.table.selected().filter(|_| list.groups().is_none())?;
        let facts = self.pods.pod(id.slot);
        (facts.uid == id.uid).then(|| PodKey::of(&facts))
    }

    /// Moves the selection of a list of pods.
    pub(crate) fn move_pod(&mut self, place: PodPlace, step: SelectionStep, now: Now) {
        self.arrange_pods(place, now);
        self.with_pods(place, now, |list, rows| match list.groups() {
            Some(_) => list.groups.step(step),
            None => list.table.step(step, rows),
        });
    }

    /// Updates the order of a list of pods, or its groups, if something has changed.
    pub(crate) fn arrange_pods(&mut self, place: PodPlace, now: Now) {
        let revision = self.pods_revision(place, now);
        self.with_pods(place, now, |list, rows| match list.groups() {
            Some(_) => list.groups.arrange(revision, rows, now),
            None => list.table.arrange(rows, revision, || rows.all(), now.mono),
        });
    }

    /// Revision of the rows of a list. It follows the time only as far as the rows depend on it.
    fn pods_revision(&mut self, place: PodPlace, now: Now) -> u64 {
        let list = self.pod_tables.at(place);
        let second = now.mono.0.as_secs();
        let time = if list.needs_time() { second } else { 0 };
        let lasting = if list.needs_trouble() { self.lasting_troubles(second, now) } else { 0 };
        // The first terms only grow. A change of the terms that count changes the revision of the list, too.
        let known = u64::from(self.tracks.knows_all_nodes());
        let faults = match self.pod_tables.at(place).set {
            PodSet::Hit(_) => self.history.revision() + self.black_holes.revision(),
            _ => 0,
        };
        let grown = self.pods.revision() + self.nodes.revision() + faults + time;
        (grown << 26) + (known << 25) + lasting
    }

    /// Number of troubles that have lasted long enough to count. While no pod changes, it changes exactly when the class of a pod
    /// does. Counted once a second.
    fn lasting_troubles(&mut self, second: u64, now: Now) -> u64 {
        if self.pod_tables.lasting.second != Some(second) {
            let server_now = self.link.now(now);
            let times = self.pods.trouble_times();
            let count = times.filter(|(kind, at)| TroubleClass::of_kind(*kind, *at, server_now).is_some()).count();
            self.pod_tables.lasting = LastingTroubles { second: Some(second), count: count as u64 };
        }
        self.pod_tables.lasting.count
    }

    /// Continues a pending order of a list of pods, or the count of its groups, by one slice.
    pub(crate) fn advance_pods(&mut self, place: PodPlace, now: Now) {
        if !self.pod_tables.at(place).is_arranging() {
            return;
        }
        self.with_pods(place, now, |list, rows| match list.groups() {
            Some(_) => list.groups.advance(rows, now),
            None => list.table.advance(rows),
        });
    }

    /// Changes a list with the source of its rows.
    fn with_pods(&mut self, place: PodPlace, now: Now, change: impl FnOnce(&mut PodTable, &PodRows<'_>)) {
        let mut list = std::mem::take(self.pod_tables.at_mut(place));
        let set = list.set.clone();
        change(&mut list, &PodRows { cluster: self, set: &set, now });
        *self.pod_tables.at_mut(place) = list;
    }

    /// Shows the pods of a node in the pane of the node screen; an empty name of none. Its list is a new one with the same sort,
    /// unless the node is shown already.
    pub(crate) fn open_node(&mut self, name: Clean) {
        let set = PodSet::Node(name);
        if self.pod_tables.node.set != set {
            self.pod_tables.node = self.pod_tables.node.sorted_alike(set);
        }
    }

    /// Opens a node with a list of its own, in which the cursor is at `pod`; the list of the previous node is returned.
    pub(crate) fn visit_node(&mut self, name: Clean, pod: Option<PodKey>) -> PodTable {
        let mut next = self.pod_tables.node.sorted_alike(PodSet::Node(name));
        next.table.state.list.choose(pod);
        self.replace_pods(PodPlace::Node, next)
    }

    fn pod_id(&self, slot: PodSlot) -> PodId {
        PodId { slot, uid: self.pods.uid(slot) }
    }

    /// Controlling owner of a pod; `None` if it has none, or the lists do not have the pod.
    pub(crate) fn owner_of(&self, namespace: &str, name: &str) -> Option<OwnerKey> {
        let pod = self.pods.pod(self.pods.find_pod(namespace, name)?);
        let [namespace, kind, name] = [pod.namespace, pod.owner_kind, pod.owner_name].map(Clean::new);
        (!kind.is_empty()).then_some(OwnerKey { namespace, kind, name })
    }
}
