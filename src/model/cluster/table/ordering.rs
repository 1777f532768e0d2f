//! The order of the node table: patched where nodes have changed, and rebuilt in slices when sort or filter change. The old
//! order stays on the screen until the new one is ready.

use std::cmp::Ordering;
use std::mem;
use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::cluster::arrangement::{ByName, KeyList, by_name};
use crate::model::derive::join::SMALL;
use crate::model::derive::joined_node::{JoinedNode, NodeSources};
use crate::model::known::Known;
use crate::model::sorter::SLICE;
use crate::model::store::nodes::{Node, NodeKey, NodeStore};
use crate::model::table::column::Column;
use crate::model::table::nodes::Nodes;
use crate::model::table::order::{self, SortKey};
use crate::model::table::ordering::{Arranged, Rebuild, RowSource};
use crate::model::table::state::TableState;
use crate::msg::Mono;

/// Period in which large tables are sorted again for time and usage, whose changes are not tracked by node.
const SLOWLY: Duration = Duration::from_secs(5);

/// Node table of one cluster: its controls and its order.
#[derive(Debug)]
pub(in crate::model::cluster) struct NodeTable {
    pub(super) state: TableState<Nodes>,
    shown: SortedRows,
    rebuild: Option<NodeRebuild>,
    names: ByName,
    /// Nodes that have changed since they were last applied to the shown order.
    pending: Vec<NodeKey>,
    /// Some nodes of `pending` may be gone.
    has_gone: bool,
    inputs: Option<OrderInputs>,
    at: Mono,
    /// Rows that one slice reads.
    slice: usize,
}

/// Inputs of an order; the same inputs give the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OrderInputs {
    pub(super) table: u64,
    pub(super) pods: Known<()>,
    pub(super) history: u64,
    pub(super) usage: u64,
    pub(super) second: u64,
}

/// Source of rows.
#[derive(Clone, Copy)]
pub(super) struct NodeRows<'a> {
    pub(super) nodes: &'a NodeStore,
    pub(super) source: NodeSources<'a>,
}

/// The rows that a filter shows, in order.
#[derive(Debug, Default)]
struct SortedRows {
    by: Arranged<Nodes>,
    line: KeyList,
    /// Keys that the rows of the line were sorted by, by slot.
    keys: Vec<SortKey>,
}

/// A new order that is being computed.
#[derive(Debug)]
struct NodeRebuild {
    order: Rebuild<Nodes>,
    /// Nodes that were read so far, and the keys that they are sorted by.
    rows: SortedRows,
    keeps_order: bool,
    /// Nodes that have changed meanwhile and are read again at the end.
    late: Vec<NodeKey>,
}

impl RowSource<Nodes> for NodeRows<'_> {
    fn row(&self, id: &NodeKey) -> Option<JoinedNode<'_>> {
        Some(JoinedNode { source: self.source, node: self.nodes.get(*id)? })
    }

    fn key(&self, id: &NodeKey) -> Option<Clean> {
        Some(self.nodes.get(*id)?.facts.name.clone())
    }

    fn find(&self, name: &Clean) -> Option<NodeKey> {
        self.nodes.by_name(name).map(Node::key)
    }
}

impl Default for NodeTable {
    fn default() -> Self {
        Self {
            state: TableState::default(),
            shown: SortedRows::default(),
            rebuild: None,
            names: ByName::default(),
            pending: Vec::new(),
            has_gone: false,
            inputs: None,
            at: Mono::default(),
            slice: SLICE,
        }
    }
}

impl NodeTable {
    /// Rows that one slice reads, so that a test has several of them.
    #[cfg(test)]
    pub(super) fn set_slice(&mut self, slice: usize) {
        self.slice = slice;
    }

    /// The shown rows in order.
    pub(super) fn order(&self) -> &[NodeKey] {
        self.shown.line.order()
    }

    /// Returns `true` while the rows are not in the requested order yet.
    pub(super) fn is_arranging(&self) -> bool {
        self.rebuild.is_some()
    }

    /// Returns `true` while there is more to do than the next frame does.
    pub(super) fn is_behind(&self) -> bool {
        self.is_arranging() || self.pending.len() > self.slice
    }

    /// Returns `true` if the pods of nodes move rows, or decide which are shown.
    pub(super) fn needs_pods(&self) -> bool {
        self.state.list.sort().0.needs_pods() || self.state.filter.needs_pods()
    }

    /// Records nodes that were added, changed or removed, and nodes whose pods were.
    pub(in crate::model::cluster) fn changed(
        &mut self,
        touched: &[NodeKey],
        pods: impl Iterator<Item = NodeKey>,
        nodes: &NodeStore,
    ) {
        self.names.update(nodes, touched);
        self.pending.extend_from_slice(touched);
        self.has_gone |= touched.iter().any(|key| nodes.get(*key).is_none());
        if self.needs_pods() || needs_pods(&self.shown.by) {
            self.pending.extend(pods);
        }
        // Changes of a cluster that is not shown accumulate.
        dedup_beyond(&mut self.pending, 2 * nodes.len().max(SMALL));
    }

    /// Records that more has changed than was tracked node by node.
    pub(in crate::model::cluster) fn everything_changed(&mut self, nodes: &NodeStore) {
        self.pending.clear();
        self.names.rebuild(nodes);
        self.shown.line.retain_known(nodes);
        self.state.list.bump_revision();
    }

    pub(in crate::model::cluster) fn heap_bytes(&self) -> usize {
        let rebuild = self.rebuild.as_ref().map_or(0, NodeRebuild::heap_bytes);
        self.shown.heap_bytes() + self.names.heap_bytes() + rebuild + self.pending.capacity() * size_of::<NodeKey>()
    }

    /// Updates the order: applies a slice of the changes, and begins a new order if the inputs have changed, which small tables
    /// complete at once. Returns `true` if rows moved.
    pub(super) fn arrange(&mut self, inputs: OrderInputs, from: NodeRows<'_>, now: Mono) -> bool {
        if !self.is_outdated(inputs, from.nodes.len(), now) {
            return self.patch(from);
        }
        (self.inputs, self.at) = (Some(inputs), now);
        // The new order reads every node, so only the old one needs the pending changes.
        let pending = mem::take(&mut self.pending);
        self.begin();
        if self.advance(from) {
            return true;
        }
        self.pending = pending;
        self.patch(from)
    }

    /// Continues the new order, or the pending changes, by one slice. Returns `true` if rows moved.
    pub(super) fn advance(&mut self, from: NodeRows<'_>) -> bool {
        let Some(mut rebuild) = self.rebuild.take() else { return self.is_behind() && self.patch(from) };
        if !rebuild.advance(from, self.slice) {
            self.rebuild = Some(rebuild);
            return false;
        }
        // The old rows lack some of `pending`, and the new ones all of `late`.
        rebuild.late.append(&mut self.pending);
        (self.shown, self.pending, self.has_gone) = (rebuild.rows, rebuild.late, true);
        if !rebuild.keeps_order {
            let changed = self.next_changed(from.nodes);
            self.shown.patch(changed, from, false);
        }
        if self.inputs.is_some_and(|inputs| inputs.table == self.state.list.revision()) {
            self.state.list.mark_ordered();
        }
        self.patch(from);
        true
    }

    fn is_outdated(&self, inputs: OrderInputs, nodes: usize, now: Mono) -> bool {
        let Some(of) = self.inputs else { return true };
        if of.table != inputs.table || of.pods != inputs.pods {
            return true;
        }
        // A pending order is finished first: endless changes must not keep it from the screen.
        of != inputs && (nodes <= SMALL || (self.rebuild.is_none() && now.since(self.at) >= SLOWLY))
    }

    fn begin(&mut self) {
        let keeps_order = self.state.list.keeps_order() && !self.order().is_empty();
        let by = self.state.arranged();
        let rows = SortedRows { by: by.clone(), ..SortedRows::default() };
        let order = if keeps_order {
            // New nodes come last, by name.
            let line = &self.shown.line;
            let fresh = self.names.order().iter().filter(|key| !line.holds(**key));
            Rebuild::held(by, line.order().iter().chain(fresh).copied().collect(), line.order().len())
        } else {
            Rebuild::new(by, self.names.order().to_vec())
        };
        self.rebuild = Some(NodeRebuild { order, rows, keeps_order, late: Vec::new() });
    }

    /// Moves the rows of nodes that have changed, at most a slice of them. Returns `true` if there were any.
    fn patch(&mut self, from: NodeRows<'_>) -> bool {
        let changed = self.next_changed(from.nodes);
        if let Some(rebuild) = &mut self.rebuild {
            rebuild.late.extend_from_slice(&changed);
            dedup_beyond(&mut rebuild.late, 2 * from.nodes.len().max(SMALL));
        }
        self.shown.patch(changed, from, self.state.list.held())
    }

    /// Removes a slice of the changes and returns them, with all nodes that are gone: a row without a node cannot be compared, so it
    /// leaves before others are inserted.
    fn next_changed(&mut self, nodes: &NodeStore) -> Vec<NodeKey> {
        if self.pending.len() <= self.slice {
            self.has_gone = false;
            return mem::take(&mut self.pending);
        }
        if !mem::take(&mut self.has_gone) {
            return self.pending.drain(..self.slice).collect();
        }
        let mut others = 0;
        let is_next = |key: &mut NodeKey| {
            let is_known = nodes.get(*key).is_some();
            others += usize::from(is_known);
            !is_known || others <= self.slice
        };
        self.pending.extract_if(.., is_next).collect()
    }
}

impl SortedRows {
    fn heap_bytes(&self) -> usize {
        self.line.heap_bytes() + self.keys.capacity() * size_of::<SortKey>()
    }

    /// Key that a row was sorted by.
    fn key(&self, node: NodeKey) -> &SortKey {
        self.keys.get(node.slot()).unwrap_or(&SortKey::Name)
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

    fn compare(&self, nodes: &NodeStore, a: NodeKey, b: NodeKey) -> Ordering {
        order::compare(self.key(a), self.key(b), self.by.reversed, || by_name(nodes, a, b))
    }

    /// Moves the rows of nodes that have changed; if the order is `held`, new ones come last. Returns `true` if any moved.
    fn patch(&mut self, changed: Vec<NodeKey>, from: NodeRows<'_>, held: bool) -> bool {
        let (mut fresh, mut out) = (Vec::new(), false);
        let (nodes, read_key) = (from.nodes, Column::<Nodes>::sort_key(self.by.sort));
        for key in changed {
            let Some(row) = from.row(&key).filter(|row| self.by.filter.shows(row)) else {
                out |= (self.line.holds(key) || self.line.is_stale(nodes, key)) && self.line.remove(key);
                continue;
            };
            let sorted_by = read_key(&row);
            if self.line.holds(key) && (held || sorted_by == *self.key(key)) {
                continue;
            }
            out |= self.line.remove(key);
            self.set_key(key, sorted_by);
            fresh.push(key);
        }
        if fresh.is_empty() && !out {
            return false;
        }
        let mut line = mem::take(&mut self.line);
        if held {
            fresh.sort_unstable_by(|a, b| by_name(nodes, *a, *b));
            fresh.dedup();
            line.patch(out, &fresh, |_, _| true);
        } else {
            fresh.sort_unstable_by(|a, b| self.compare(nodes, *a, *b));
            fresh.dedup();
            line.patch(out, &fresh, |shown, new| self.compare(nodes, shown, new).is_lt());
        }
        self.line = line;
        true
    }
}

impl NodeRebuild {
    /// Reads or merges one slice of rows. Returns `true` when all of them are in order.
    fn advance(&mut self, from: NodeRows<'_>, slice: usize) -> bool {
        let Self { order, rows, .. } = self;
        let made = order.advance(&from, slice, |node, key| {
            rows.set_key(*node, key.clone());
            rows.line.mark(*node);
        });
        let done = made.is_some();
        if let Some(made) = made {
            rows.line.set_order(made);
        }
        done
    }

    fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes() + self.order.heap_bytes() + self.late.capacity() * size_of::<NodeKey>()
    }
}

/// Returns `true` if the pods of nodes move rows, or decide which are shown.
fn needs_pods(by: &Arranged<Nodes>) -> bool {
    by.sort.needs_pods() || by.filter.needs_pods()
}

/// Removes duplicates if there are more than `most` keys.
fn dedup_beyond(keys: &mut Vec<NodeKey>, most: usize) {
    if keys.len() > most {
        keys.sort_unstable();
        keys.dedup();
    }
}
