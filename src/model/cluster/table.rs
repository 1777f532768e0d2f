//! The node table of a cluster: its order, its selection by name, and the rows of the visible slice.

use std::cmp::Ordering;
use std::ops::Range;
use std::time::Duration;

use super::arrangement::{ByName, KeyList, by_name};
use super::{ClusterState, NodeCounts, NodeItem};
use crate::facts::text::Clean;
use crate::model::derive::gpus::Grouping;
use crate::model::derive::join::SMALL;
use crate::model::derive::joined_node::{JoinedNode, NodeSources};
use crate::model::derive::rows::NodeRow;
use crate::model::known::Known;
use crate::model::natural::natural_cmp;
use crate::model::store::nodes::{Node, NodeKey, NodeStore};
use crate::model::table::filter::Filter;
use crate::model::table::order;
use crate::model::table::order::SortKey;
use crate::model::table::{COLUMNS, Extent, SortBy};
use crate::msg::{LineEdit, Mono, Now};

/// What is not known node by node, as time and usage, moves the rows of large tables this often: all of them are sorted then.
const SLOWLY: Duration = Duration::from_secs(5);

/// How the operator looks at the nodes of one cluster.
#[derive(Debug, Default)]
pub(super) struct NodeTable {
    sort: SortBy,
    reversed: bool,
    filter: Filter,
    held: bool,
    /// The node that the operator chose; `None` until then, and the first row is selected.
    selected: Option<Clean>,
    selected_at: usize,
    line: KeyList,
    /// What the rows of the line are sorted by, by slot.
    keys: Vec<SortKey>,
    names: ByName,
    /// Nodes that have changed since the line was made.
    pending: Vec<NodeKey>,
    of: Option<OrderInputs>,
    at: Mono,
    /// Grows when sort, filter or hold change.
    revision: u64,
}

/// What the order was made from; the same basis gives the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OrderInputs {
    table: u64,
    pods: Known<()>,
    history: u64,
    usage: u64,
    second: u64,
}

impl NodeTable {
    /// Notes which nodes came, changed or went, and those whose pods did.
    pub(super) fn changed(&mut self, touched: &[NodeKey], pods: impl Iterator<Item = NodeKey>, nodes: &NodeStore) {
        self.pending.extend_from_slice(touched);
        if self.sort.needs_pods() || self.filter.needs_pods() {
            self.pending.extend(pods);
        }
        // Of a cluster that is not shown changes pile up.
        if self.pending.len() > 2 * nodes.len().max(SMALL) {
            self.pending.sort_unstable();
            self.pending.dedup();
        }
    }

    /// More has changed than could be noted.
    pub(super) fn everything_changed(&mut self, nodes: &NodeStore) {
        self.pending.clear();
        self.names.rebuild(nodes);
        self.revision += 1;
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.line.heap_bytes()
            + self.names.heap_bytes()
            + self.keys.capacity() * size_of::<SortKey>()
            + self.pending.capacity() * size_of::<NodeKey>()
    }

    /// The key that a node of the line was sorted by.
    fn key(&self, node: NodeKey) -> SortKey {
        self.keys.get(node.slot()).copied().unwrap_or(SortKey::Name)
    }

    fn set_key(&mut self, node: NodeKey, key: SortKey) {
        if key == SortKey::Name {
            return;
        }
        if self.keys.len() <= node.slot() {
            self.keys.resize(node.slot() + 1, SortKey::Name);
        }
        self.keys[node.slot()] = key;
    }

    /// Compares two rows of the line.
    fn compare(&self, nodes: &NodeStore, a: NodeKey, b: NodeKey) -> Ordering {
        let kubelet = |key| nodes.get(key).map_or("", |node| &*node.facts.system.kubelet);
        let versions = || order::versions(kubelet(a), kubelet(b));
        order::compare((self.key(a), self.key(b)), versions, || by_name(nodes, a, b), self.reversed)
    }

    /// Sorts all rows.
    fn rearrange(&mut self, nodes: &NodeStore, source: NodeSources<'_>) {
        if self.held && !self.line.order().is_empty() {
            return self.keep(nodes, source);
        }
        let mut shown = Vec::with_capacity(self.names.order().len());
        for &key in self.names.order() {
            if let Some(lens) = nodes.get(key).map(|node| JoinedNode { source, node })
                && self.filter.shows(&lens)
            {
                shown.push((order::key(self.sort, &lens), key));
            }
        }
        self.keys = Vec::new();
        for &(sorted_by, key) in &shown {
            self.set_key(key, sorted_by);
        }
        let (ranks, reversed) = (self.names.ranks(), self.reversed);
        let kubelet = |key| nodes.get(key).map_or("", |node| &*node.facts.system.kubelet);
        // Rows lie in the order of their names already.
        if self.sort != SortBy::Name || reversed {
            shown.sort_unstable_by(|a, b| {
                let versions = || order::versions(kubelet(a.1), kubelet(b.1));
                let names = || ranks[a.1.slot()].cmp(&ranks[b.1.slot()]);
                order::compare((a.0, b.0), versions, names, reversed)
            });
        }
        self.line.replace(shown.into_iter().map(|(_, key)| key));
    }

    /// The held order: what vanished drops out, what is new comes last, by name.
    fn keep(&mut self, nodes: &NodeStore, source: NodeSources<'_>) {
        let shows = |key: &NodeKey| nodes.get(*key).is_some_and(|node| self.filter.shows(&JoinedNode { source, node }));
        let mut order: Vec<NodeKey> = self.line.order().iter().copied().filter(shows).collect();
        order.extend(self.names.order().iter().copied().filter(|key| !self.line.holds(*key)).filter(shows));
        self.line.replace(order);
    }

    /// Moves the rows of the nodes that have changed; whether there were any.
    fn patch(&mut self, nodes: &NodeStore, source: NodeSources<'_>) -> bool {
        let (mut fresh, mut out) = (Vec::new(), false);
        let pending = std::mem::take(&mut self.pending);
        for &key in &pending {
            let lens = nodes.get(key).map(|node| JoinedNode { source, node });
            let Some(lens) = lens.filter(|lens| self.filter.shows(lens)) else {
                out |= (self.line.holds(key) || self.line.is_stale(nodes, key)) && self.line.take_out(key);
                continue;
            };
            let sorted_by = order::key(self.sort, &lens);
            if self.line.holds(key) && (self.held || (sorted_by == self.key(key) && sorted_by != SortKey::Version)) {
                continue;
            }
            out |= self.line.take_out(key);
            self.set_key(key, sorted_by);
            fresh.push(key);
        }
        if fresh.is_empty() && !out {
            return false;
        }
        let mut line = std::mem::take(&mut self.line);
        if self.held {
            fresh.sort_unstable_by(|a, b| by_name(nodes, *a, *b));
            fresh.dedup();
            line.patch(out, &fresh, |_, _| true);
        } else {
            fresh.sort_unstable_by(|a, b| self.compare(nodes, *a, *b));
            fresh.dedup();
            line.patch(out, &fresh, |held, new| self.compare(nodes, held, new).is_lt());
        }
        self.line = line;
        true
    }
}

/// How far a key moves the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectionStep {
    /// So many rows down, or up if negative.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl SelectionStep {
    /// Where it leads from row `at` of `len`.
    pub(crate) fn from(self, at: usize, len: usize) -> usize {
        let last = len.saturating_sub(1);
        match self {
            Self::By(rows) => at.saturating_add_signed(rows).min(last),
            Self::First => 0,
            Self::Last => last,
        }
    }
}

impl ClusterState {
    /// How the rows lie: all of them, those that the filter shows, and the selected one among these.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let len = self.table.line.order().len();
        let selected = (len > 0).then(|| self.table.selected_at.min(len - 1));
        Extent { len, total: self.nodes.len(), selected }
    }

    /// The rows of `range`, counted from the first that the filter shows; only these are built.
    #[must_use]
    pub fn rows(&self, range: Range<usize>, now: Now) -> Vec<NodeRow<'_>> {
        let source = self.source(now);
        let selected = self.extent().selected;
        let end = range.end.min(self.table.line.order().len());
        let visible = range.start.min(end)..end;
        let rows = visible.filter_map(|at| {
            let node = self.nodes.get(self.table.line.order()[at])?;
            Some(JoinedNode { source, node }.row(Some(at) == selected))
        });
        rows.collect()
    }

    /// Nodes by what Ready says.
    #[must_use]
    pub fn node_counts(&self) -> Known<NodeCounts> {
        let sums = self.nodes.sums();
        self.nodes_track.known(NodeCounts {
            total: sums.total,
            ready: sums.ready,
            not_ready: sums.not_ready,
            unknown: sums.unknown,
            cordoned: sums.cordoned,
        })
    }

    /// All nodes by name, for a report: whatever the table shows, and O(nodes).
    #[must_use]
    pub fn items(&self, now: Now) -> Vec<NodeItem<'_>> {
        let source = self.source(now);
        let mut nodes: Vec<&Node> = self.nodes.iter().collect();
        nodes.sort_unstable_by(|a, b| natural_cmp(&a.facts.name, &b.facts.name));
        let item = |node| {
            let lens = JoinedNode { source, node };
            NodeItem {
                row: lens.row(false),
                accelerators: lens.accelerators(),
                pods: lens.pod_counts(),
                resources: lens.resource_amounts(),
                lease: self.liveness(&lens, now),
            }
        };
        nodes.into_iter().map(item).collect()
    }

    /// The column that the rows are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn sort(&self) -> (SortBy, bool) {
        (self.table.sort, self.table.reversed)
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        self.table.filter.text()
    }

    /// A term of the filter that means nothing, and why; it is left out.
    #[must_use]
    pub fn filter_note(&self) -> Option<&Clean> {
        self.table.filter.note()
    }

    /// The order of the rows is held; values stay live.
    #[must_use]
    pub fn held(&self) -> bool {
        self.table.held
    }

    /// The name of the selected node.
    #[must_use]
    pub fn selected_name(&self) -> Option<&Clean> {
        let key = self.table.line.order().get(self.extent().selected?)?;
        Some(&self.nodes.get(*key)?.facts.name)
    }

    pub(crate) fn edit_filter(&mut self, edit: &LineEdit) {
        self.table.filter.edit(edit);
        self.table.revision += 1;
    }

    pub(crate) fn clear_filter(&mut self) {
        self.table.filter.clear();
        self.table.revision += 1;
    }

    pub(crate) fn toggle_held(&mut self) {
        self.table.held = !self.table.held;
        self.table.revision += 1;
    }

    /// Sorts by `sort`, in its own direction; the other way round if it already was.
    pub(crate) fn sort_by(&mut self, sort: SortBy) {
        self.table.reversed = self.table.sort == sort && !self.table.reversed;
        self.table.sort = sort;
        self.resort();
    }

    /// Turns the order round.
    pub(crate) fn reverse(&mut self) {
        self.table.reversed = !self.table.reversed;
        self.resort();
    }

    /// Sorts by the column `by` places further on that can be sorted by.
    pub(crate) fn sort_step(&mut self, by: isize) {
        let shown = |sort: &SortBy| self.usage.shown() || !sort.needs_usage();
        let sorts: Vec<SortBy> = COLUMNS.iter().filter_map(|column| column.sort).filter(shown).collect();
        let at = sorts.iter().position(|sort| *sort == self.table.sort).unwrap_or(0);
        let len = isize::try_from(sorts.len()).expect("a handful of columns");
        let next = (isize::try_from(at).expect("a handful of columns") + by).rem_euclid(len);
        self.table.sort = sorts[next.unsigned_abs()];
        self.table.reversed = false;
        self.resort();
    }

    /// Chooses the node of that name: from now on the selection follows it. Without a name it stays on the first row.
    pub(crate) fn select(&mut self, name: Option<Clean>) {
        self.table.selected = name;
        self.find_selection();
    }

    /// The name that was chosen; `None` while the selection stays on the first row.
    pub(crate) fn chosen_name(&self) -> Option<&Clean> {
        self.table.selected.as_ref()
    }

    pub(crate) fn move_selection(&mut self, step: SelectionStep, now: Now) {
        self.arrange_all(now);
        let len = self.table.line.order().len();
        if len == 0 {
            return;
        }
        let at = step.from(self.table.selected_at.min(len - 1), len);
        self.table.selected_at = at;
        self.table.selected = self.nodes.get(self.table.line.order()[at]).map(|node| node.facts.name.clone());
    }

    /// Takes in what a key can wait for, and brings the order of the rows up to date with that, too.
    pub(crate) fn arrange_all(&mut self, now: Now) {
        self.apply_pending(now.mono);
        self.arrange(now);
    }

    /// Brings the order of the rows up to date with what has been met, if something that it depends on has changed.
    pub(crate) fn arrange(&mut self, now: Now) {
        let mut table = std::mem::take(&mut self.table);
        table.names.update(&self.nodes, &table.pending);
        let basis = self.basis(&table, now.mono);
        let rebuilt = table.of.is_none_or(|of| {
            let at_once = of.table != basis.table || of.pods != basis.pods;
            at_once || (of != basis && (self.nodes.len() <= SMALL || now.mono.since(table.at) >= SLOWLY))
        });
        let source = self.source(now);
        let moved = if rebuilt {
            table.rearrange(&self.nodes, source);
            table.pending.clear();
            (table.of, table.at) = (Some(basis), now.mono);
            true
        } else {
            table.patch(&self.nodes, source)
        };
        self.table = table;
        if moved {
            self.find_selection();
        }
    }

    /// Brings the GPU view up to date, if something that it shows has changed.
    pub(crate) fn arrange_gpus(&mut self, by: Grouping, now: Now) {
        let mut boards = std::mem::take(&mut self.boards);
        boards.refresh(&self.nodes, self.source(now), &self.optional, by, now.mono);
        self.boards = boards;
    }

    /// Where the numbers of nodes are looked up.
    pub(super) fn source(&self, now: Now) -> NodeSources<'_> {
        NodeSources {
            ledger: &self.ledger,
            pods: &self.pods_track,
            history: &self.history,
            accelerators: self.nodes.accelerators(),
            usage: &self.usage,
            server_now: self.server_now(now),
            wall: now.wall,
            stale: self.nodes_track.complete() && !self.nodes_are_current(now),
        }
    }

    /// A new order, although the rows are held: the operator asked for it. It is looked at from its top, unless they are held:
    /// then the row of the cursor is what is held on to.
    fn resort(&mut self) {
        self.table.line.clear();
        self.table.revision += 1;
        if !self.table.held {
            (self.table.selected, self.table.selected_at) = (None, 0);
        }
    }

    fn basis(&self, table: &NodeTable, now: Mono) -> OrderInputs {
        let pods = table.sort.needs_pods() || table.filter.needs_pods();
        let history = table.sort == SortBy::Status || !table.filter.is_empty();
        OrderInputs {
            table: table.revision,
            pods: if pods { self.pods_track.known(()) } else { Known::Unknown },
            history: if history { self.history.revision() } else { 0 },
            usage: if table.sort.needs_usage() || table.filter.needs_usage() { self.usage.revision() } else { 0 },
            second: if table.filter.needs_time() { now.0.as_secs() } else { 0 },
        }
    }

    /// Finds the selected node in a new order; if it has gone for good, the selection falls to its neighbour.
    fn find_selection(&mut self) {
        let Self { table, nodes, .. } = self;
        let Some(name) = &table.selected else {
            table.selected_at = 0;
            return;
        };
        let wanted = nodes.by_name(name).map(Node::key);
        let order = table.line.order();
        if let Some(at) = wanted.filter(|key| table.line.holds(*key)).and_then(|key| {
            let same = order.get(table.selected_at) == Some(&key);
            if same { Some(table.selected_at) } else { order.iter().position(|known| *known == key) }
        }) {
            table.selected_at = at;
            return;
        }
        let last = order.len().saturating_sub(1);
        table.selected_at = table.selected_at.min(last);
        // A row that the filter hides is found again when the filter goes.
        if wanted.is_none() {
            table.selected = name_at(order, nodes, table.selected_at).or(table.selected.take());
        }
    }
}

fn name_at(order: &[NodeKey], nodes: &NodeStore, at: usize) -> Option<Clean> {
    Some(nodes.get(*order.get(at)?)?.facts.name.clone())
}

#[cfg(test)]
mod tests;
