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
use crate::model::sorter::{SLICE, Sorter};
use crate::model::store::nodes::{NodeKey, NodeStore};
use crate::model::table::SortBy;
use crate::model::table::columns::sort_key;
use crate::model::table::filter::Filter;
use crate::model::table::list::List;
use crate::model::table::order;
use crate::model::table::order::SortKey;
use crate::msg::Mono;

/// Time and usage, which are not known node by node, move the rows of large tables this often: all of them are sorted then.
const SLOWLY: Duration = Duration::from_secs(5);

/// The nodes of one cluster as the operator looks at them.
#[derive(Debug)]
pub(in crate::model::cluster) struct NodeTable {
    pub(super) list: List<Clean>,
    pub(super) filter: Filter,
    shown: SortedRows,
    rebuild: Option<Rebuild>,
    names: ByName,
    /// Nodes that have changed since they were last applied to the shown order.
    pending: Vec<NodeKey>,
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

/// Where rows are read from.
#[derive(Clone, Copy)]
pub(super) struct RowSource<'a> {
    pub(super) nodes: &'a NodeStore,
    pub(super) source: NodeSources<'a>,
}

/// Which rows are shown, and in which order.
#[derive(Clone, Debug, Default)]
struct Arranged {
    sort: SortBy,
    reversed: bool,
    filter: Filter,
}

/// The rows that a filter shows, in order.
#[derive(Debug, Default)]
struct SortedRows {
    by: Arranged,
    line: KeyList,
    /// Keys that the rows of the line were sorted by, by slot.
    keys: Vec<SortKey>,
}

/// A new order in the making, a slice at a time.
#[derive(Debug)]
struct Rebuild {
    rows: SortedRows,
    /// Rows stay in the order of `todo`: the order is held.
    keeps_order: bool,
    /// All nodes, in the order that decides between equals.
    todo: Vec<NodeKey>,
    at: usize,
    sorter: Sorter<UnsortedRow>,
    /// Nodes that have changed meanwhile: they are read again at the end.
    late: Vec<NodeKey>,
}

#[derive(Debug)]
struct UnsortedRow {
    key: SortKey,
    /// Index in the order that decides between equals.
    rank: u32,
    node: NodeKey,
}

impl<'a> RowSource<'a> {
    fn get(&self, key: NodeKey) -> Option<JoinedNode<'a>> {
        Some(JoinedNode { source: self.source, node: self.nodes.get(key)? })
    }
}

impl Default for NodeTable {
    fn default() -> Self {
        Self {
            list: List::default(),
            filter: Filter::default(),
            shown: SortedRows::default(),
            rebuild: None,
            names: ByName::default(),
            pending: Vec::new(),
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

    pub(super) fn shows(&self, key: NodeKey) -> bool {
        self.shown.line.holds(key)
    }

    /// `true` while the rows do not lie in the order that was asked for yet.
    pub(super) fn is_arranging(&self) -> bool {
        self.rebuild.is_some()
    }

    /// `true` while there is more to do than the next frame does by itself.
    pub(super) fn is_behind(&self) -> bool {
        self.is_arranging() || self.pending.len() > self.slice
    }

    /// Returns `true` if the pods of nodes move rows, or decide which are shown.
    pub(super) fn needs_pods(&self) -> bool {
        self.list.sort().0.needs_pods() || self.filter.needs_pods()
    }

    /// Notes which nodes came, changed or went, and those whose pods did.
    pub(in crate::model::cluster) fn changed(
        &mut self,
        touched: &[NodeKey],
        pods: impl Iterator<Item = NodeKey>,
        nodes: &NodeStore,
    ) {
        self.names.update(nodes, touched);
        self.pending.extend_from_slice(touched);
        if self.needs_pods() || self.shown.by.needs_pods() {
            self.pending.extend(pods);
        }
        // Changes of a cluster that is not shown pile up.
        dedup_beyond(&mut self.pending, 2 * nodes.len().max(SMALL));
    }

    /// Notes that more has changed than could be noted node by node.
    pub(in crate::model::cluster) fn everything_changed(&mut self, nodes: &NodeStore) {
        self.pending.clear();
        self.names.rebuild(nodes);
        self.shown.line.retain_known(nodes);
        self.list.touch();
    }

    pub(in crate::model::cluster) fn heap_bytes(&self) -> usize {
        let rebuild = self.rebuild.as_ref().map_or(0, Rebuild::heap_bytes);
        self.shown.heap_bytes() + self.names.heap_bytes() + rebuild + self.pending.capacity() * size_of::<NodeKey>()
    }

    /// Brings the order up to date: applies a slice of what has changed, and begins a new order where the inputs are others. Small
    /// tables have it at once. Returns `true` if rows moved.
    pub(super) fn arrange(&mut self, inputs: OrderInputs, from: RowSource<'_>, now: Mono) -> bool {
        if !self.is_outdated(inputs, from.nodes.len(), now) {
            return self.patch(from);
        }
        (self.inputs, self.at) = (Some(inputs), now);
        // The new order reads every node, so that only the old one needs what is pending.
        let pending = mem::take(&mut self.pending);
        self.begin();
        if self.advance(from) {
            return true;
        }
        self.pending = pending;
        self.patch(from)
    }

    /// Goes one slice on with the new order, or with what has changed. Returns `true` if rows moved.
    pub(super) fn advance(&mut self, from: RowSource<'_>) -> bool {
        let Some(mut rebuild) = self.rebuild.take() else { return self.is_behind() && self.patch(from) };
        if !rebuild.advance(from, self.slice) {
            self.rebuild = Some(rebuild);
            return false;
        }
        // The old rows did not take in all of `pending` yet, and the new ones nothing of `late`.
        rebuild.late.append(&mut self.pending);
        (self.shown, self.pending) = (rebuild.rows, rebuild.late);
        if !rebuild.keeps_order {
            self.shown.patch(first(&mut self.pending, self.slice), from, false);
        }
        if self.inputs.is_some_and(|inputs| inputs.table == self.list.revision()) {
            self.list.settled();
        }
        self.patch(from);
        true
    }

    fn is_outdated(&self, inputs: OrderInputs, nodes: usize, now: Mono) -> bool {
        let Some(of) = self.inputs else { return true };
        if of.table != inputs.table || of.pods != inputs.pods {
            return true;
        }
        // An order that is in the making is finished first: news that never end must not keep it from the screen.
        of != inputs && (nodes <= SMALL || (self.rebuild.is_none() && now.since(self.at) >= SLOWLY))
    }

    fn begin(&mut self) {
        let keeps_order = self.list.keeps_order() && !self.order().is_empty();
        let todo = if keeps_order {
            // What is new comes last, by name.
            let line = &self.shown.line;
            let fresh = self.names.order().iter().filter(|key| !line.holds(**key));
            line.order().iter().chain(fresh).copied().collect()
        } else {
            self.names.order().to_vec()
        };
        let (sort, reversed) = self.list.sort();
        let by = Arranged { sort, reversed, filter: self.filter.clone() };
        let rows = SortedRows { by, ..SortedRows::default() };
        self.rebuild = Some(Rebuild { rows, keeps_order, todo, at: 0, sorter: Sorter::default(), late: Vec::new() });
    }

    /// Moves the rows of nodes that have changed, at most a slice of them. Returns `true` if there were any.
    fn patch(&mut self, from: RowSource<'_>) -> bool {
        let changed = first(&mut self.pending, self.slice);
        if let Some(rebuild) = &mut self.rebuild {
            rebuild.late.extend_from_slice(&changed);
            dedup_beyond(&mut rebuild.late, 2 * from.nodes.len().max(SMALL));
        }
        self.shown.patch(changed, from, self.list.held())
    }
}

impl Arranged {
    fn needs_pods(&self) -> bool {
        self.sort.needs_pods() || self.filter.needs_pods()
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

    /// Moves the rows of nodes that have changed; where the order is `held`, new ones come last. Returns `true` if any moved.
    fn patch(&mut self, changed: Vec<NodeKey>, from: RowSource<'_>, held: bool) -> bool {
        let (mut fresh, mut out) = (Vec::new(), false);
        let (nodes, read_key) = (from.nodes, sort_key(self.by.sort));
        for key in changed {
            let Some(row) = from.get(key).filter(|row| self.by.filter.shows(row)) else {
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

impl Rebuild {
    /// Reads or merges one slice of rows. Returns `true` when all of them lie in order.
    fn advance(&mut self, from: RowSource<'_>, slice: usize) -> bool {
        let reversed = self.rows.by.reversed && !self.keeps_order;
        let compare =
            |a: &UnsortedRow, b: &UnsortedRow| order::compare(&a.key, &b.key, reversed, || a.rank.cmp(&b.rank));
        if self.at < self.todo.len() {
            let read = self.read(from, slice);
            self.sorter.add(read, compare);
            if self.at < self.todo.len() {
                return false;
            }
            self.todo = Vec::new();
            self.at = 0;
        }
        if !self.sorter.merge(slice, compare) {
            return false;
        }
        self.rows.line.set_order(mem::take(&mut self.sorter).into_rows().into_iter().map(|row| row.node));
        true
    }

    /// Reads the next slice of nodes: which of them are shown, and the keys that they are sorted by.
    fn read(&mut self, from: RowSource<'_>, slice: usize) -> Vec<UnsortedRow> {
        let end = (self.at + slice).min(self.todo.len());
        let read_key = sort_key(self.rows.by.sort);
        let mut read = Vec::with_capacity(end - self.at);
        for (at, &node) in (self.at..end).zip(&self.todo[self.at..end]) {
            let rank = u32::try_from(at).unwrap_or(u32::MAX);
            let Some(row) = from.get(node).filter(|row| self.rows.by.filter.shows(row)) else { continue };
            let key = read_key(&row);
            self.rows.set_key(node, key.clone());
            self.rows.line.mark(node);
            read.push(UnsortedRow { key: if self.keeps_order { SortKey::Name } else { key }, rank, node });
        }
        self.at = end;
        read
    }

    fn heap_bytes(&self) -> usize {
        let keys = self.todo.capacity() + self.late.capacity();
        self.rows.heap_bytes() + self.sorter.heap_bytes() + keys * size_of::<NodeKey>()
    }
}

/// Takes the first of `keys` out, at most so many.
fn first(keys: &mut Vec<NodeKey>, most: usize) -> Vec<NodeKey> {
    if keys.len() > most { keys.drain(..most).collect() } else { mem::take(keys) }
}

/// Drops what is there twice, if there are more than `most`.
fn dedup_beyond(keys: &mut Vec<NodeKey>, most: usize) {
    if keys.len() > most {
        keys.sort_unstable();
        keys.dedup();
    }
}
