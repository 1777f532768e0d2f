//! The order of a table's rows, patched where nodes have changed: one row in a hundred thousand needs no sort.

use std::cmp::Ordering;

use crate::model::natural::natural_cmp;
use crate::model::store::nodes::{NodeKey, NodeStore};

/// Node keys in an order that the caller knows, each at most once.
#[derive(Debug, Default)]
pub(super) struct KeyList {
    order: Vec<NodeKey>,
    /// Serial of the node in the order, by slot; 0 for none.
    serials: Vec<u32>,
}

impl KeyList {
    pub(super) fn order(&self) -> &[NodeKey] {
        &self.order
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.order.capacity() * size_of::<NodeKey>() + self.serials.capacity() * size_of::<u32>()
    }

    pub(super) fn clear(&mut self) {
        self.order.clear();
        self.serials.clear();
    }

    pub(super) fn holds(&self, key: NodeKey) -> bool {
        self.serials.get(key.slot()) == Some(&key.serial())
    }

    /// Marks the node of the order at this slot for removal by the next [`KeyList::patch`]. Returns `true` if there is one.
    pub(super) fn remove(&mut self, key: NodeKey) -> bool {
        self.serials.get_mut(key.slot()).is_some_and(|serial| std::mem::take(serial) != 0)
    }

    /// Removes the marked nodes if `out`, and inserts `fresh`, which is sorted; `before` returns `true` if a node of the order comes
    /// before one of these. O(n) moves of eight bytes, and no comparison but to find the indices of `fresh`.
    pub(super) fn patch(&mut self, out: bool, fresh: &[NodeKey], before: impl Fn(NodeKey, NodeKey) -> bool) {
        if out {
            let serials = &self.serials;
            self.order.retain(|key| serials.get(key.slot()) == Some(&key.serial()));
        }
        let mut from = 0;
        let indices = fresh.iter().map(|new| {
            from = insertion_index(&self.order, from, |held| before(held, *new));
            from
        });
        let indices: Vec<usize> = indices.collect();
        let mut end = self.order.len();
        self.order.resize(end + fresh.len(), NodeKey::NONE);
        for (n, (key, at)) in fresh.iter().zip(indices).enumerate().rev() {
            self.order.copy_within(at..end, at + n + 1);
            self.order[at + n] = *key;
            end = at;
            self.mark(*key);
        }
    }

    /// Sets the whole order; its nodes are marked already.
    pub(super) fn set_order(&mut self, order: impl IntoIterator<Item = NodeKey>) {
        self.order = order.into_iter().collect();
    }

    /// Removes nodes that the store does not have any more.
    pub(super) fn retain_known(&mut self, nodes: &NodeStore) {
        let serials = &mut self.serials;
        self.order.retain(|key| {
            let known = nodes.get(*key).is_some();
            if !known && let Some(serial) = serials.get_mut(key.slot()) {
                *serial = 0;
            }
            known
        });
    }

    /// Marks a node as one of the order.
    pub(super) fn mark(&mut self, key: NodeKey) {
        if self.serials.len() <= key.slot() {
            self.serials.resize(key.slot() + 1, 0);
        }
        self.serials[key.slot()] = key.serial();
    }
}

/// Insertion index of a key that belongs at `from` or later. Searches in growing steps, since the nodes of a page are adjacent.
fn insertion_index(order: &[NodeKey], mut from: usize, before: impl Fn(NodeKey) -> bool) -> usize {
    let (mut probe, mut step) = (from, 1);
    while probe < order.len() && before(order[probe]) {
        from = probe + 1;
        probe += step;
        step *= 2;
    }
    from + order[from..probe.min(order.len())].partition_point(|held| before(*held))
}

/// All nodes by name, the order of rows that are otherwise equal.
#[derive(Debug, Default)]
pub(super) struct ByName {
    line: KeyList,
}

impl ByName {
    /// Applies nodes that were added or removed; those that only changed are ignored.
    pub(super) fn update(&mut self, nodes: &NodeStore, touched: &[NodeKey]) {
        let (mut fresh, mut out) = (Vec::new(), false);
        for &key in touched {
            match nodes.get(key) {
                Some(_) if self.line.holds(key) => {}
                // A reused slot is removed once, whichever of its two nodes is named first.
                found => {
                    let stale = self.line.is_stale(nodes, key);
                    out |= stale && self.line.remove(key);
                    if found.is_some() {
                        fresh.push(key);
                    }
                }
            }
        }
        if fresh.is_empty() && !out {
            return;
        }
        fresh.sort_unstable_by(|a, b| by_name(nodes, *a, *b));
        fresh.dedup();
        self.line.patch(out, &fresh, |held, new| by_name(nodes, held, new).is_lt());
    }

    /// Sorts all nodes.
    pub(super) fn rebuild(&mut self, nodes: &NodeStore) {
        let mut order: Vec<_> = nodes.iter().map(|node| (&*node.facts.name, node.key())).collect();
        order.sort_unstable_by(|a, b| natural_cmp(a.0, b.0));
        self.line.clear();
        for (_, key) in &order {
            self.line.mark(*key);
        }
        self.line.set_order(order.into_iter().map(|(_, key)| key));
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.line.heap_bytes()
    }

    pub(super) fn order(&self) -> &[NodeKey] {
        self.line.order()
    }
}

impl KeyList {
    /// Returns `true` if the order has another node at this slot than the store.
    pub(super) fn is_stale(&self, nodes: &NodeStore, key: NodeKey) -> bool {
        let serial = self.serials.get(key.slot()).copied().unwrap_or(0);
        serial != 0 && nodes.at(key.slot()).is_none_or(|node| node.key().serial() != serial)
    }
}

pub(super) fn by_name(nodes: &NodeStore, a: NodeKey, b: NodeKey) -> Ordering {
    let name = |key| nodes.get(key).map(|node| &*node.facts.name);
    match (name(a), name(b)) {
        (Some(a), Some(b)) => natural_cmp(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
