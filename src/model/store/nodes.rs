//! The node store: mark and sweep, and sums over all nodes that are updated with each change.

pub mod admission;
mod conditions;
mod interner;
mod node;
mod packed;
mod problem;
mod shared;
mod sums;

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::facts::accelerator::AcceleratorTable;
use crate::facts::node::NodeFacts;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::msg::{Mono, NodeChange};

use super::chunks::Chunks;
use super::index::Index;
use super::versions::{ListPass, ObjectVersion};
use crate::model::store::change_set::ChangeSet;

pub(crate) use crate::model::store::nodes::problem::{DatedProblems, NodeProblem};
pub(crate) use node::{Node, amount};
pub use packed::PackedFacts;
pub use shared::{Conditions, PackedLabels, System};
pub(crate) use sums::{AcceleratorSum, Sums, devices};

use crate::model::store::nodes::interner::Interner;
use crate::model::store::nodes::problem::UnhealthyNodes;
use admission::Admission;
use node::NodeOrigin;

/// Key of one node while it is in the store; a reused slot gets another serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey {
    slot: u32,
    serial: u32,
}

impl NodeKey {
    /// Key of no node, for nodes that have not been found yet and while an order is rearranged.
    pub(crate) const NONE: Self = Self { slot: u32::MAX, serial: 0 };

    /// Its index in tables by slot.
    pub(crate) fn slot(self) -> usize {
        self.slot as usize
    }

    /// Number that distinguishes it from other nodes of that slot; never 0.
    pub(crate) fn serial(self) -> u32 {
        self.serial
    }
}

impl Default for NodeKey {
    fn default() -> Self {
        Self::NONE
    }
}

/// All nodes of a cluster.
///
/// Pages and the watch mark nodes with the list's generation; [`NodeStore::finish`] removes the nodes that neither has touched.
/// An event of the watch always applies; a page yields to it by the rules of [`ObjectVersion`]. Versions are compared only within
/// one generation, since they decrease after an etcd restore (F43).
#[derive(Debug)]
pub(crate) struct NodeStore {
    slots: Chunks<Option<Node>>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
    by_name: Index,
    len: usize,
    interner: Interner,
    serial: u32,
    run: ListPass,
    sums: Sums,
    unhealthy: UnhealthyNodes,
    revision: u64,
    /// Nodes that were added, changed or removed.
    touched: ChangeSet<NodeKey>,
    rules: NodeRules,
}

/// Conventions by which nodes are read.
#[derive(Debug)]
struct NodeRules {
    table: Arc<AcceleratorTable>,
    /// Types of conditions whose `True` is good, besides those whose name says so.
    good: Arc<[Clean]>,
}

/// Outcome of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NodeOutcome {
    /// It is older than the stored node, or changes nothing.
    Ignored,
    /// The node is new or changed; `replaced` is the uid of an earlier object of the same name.
    Stored { key: NodeKey, replaced: Option<Uid> },
    /// The node was removed; its uid.
    Removed(Uid),
}

/// Number of parts of the index by name: with a hundred thousand nodes one part grows in a millisecond.
const NAME_PARTS: usize = 16;

impl Default for NodeStore {
    fn default() -> Self {
        Self::with(Arc::default())
    }
}

impl NodeStore {
    /// An empty store that counts these names as accelerators.
    pub(crate) fn with(accelerators: Arc<AcceleratorTable>) -> Self {
        Self {
            slots: Chunks::default(),
            free: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            by_name: Index::with_parts(NAME_PARTS),
            len: 0,
            interner: Interner::default(),
            serial: 0,
            run: ListPass::default(),
            sums: Sums::default(),
            unhealthy: UnhealthyNodes::default(),
            revision: 0,
            touched: ChangeSet::default(),
            rules: NodeRules { table: accelerators, good: Arc::default() },
        }
    }

    /// Sets the conditions whose `True` is good; before the first node.
    pub(crate) fn set_good_conditions(&mut self, conditions: Arc<[Clean]>) {
        self.rules.good = conditions;
    }

    /// Table of the resource names that count as accelerators.
    pub(crate) fn accelerators(&self) -> &AcceleratorTable {
        &self.rules.table
    }

    /// Admission of pods with devices by a node.
    pub(crate) fn admission(&self, node: &Node) -> Admission {
        admission::admission(&node.facts, &self.rules.table)
    }

    pub(crate) fn begin(&mut self, generation: u32) {
        self.run.begin(generation);
    }

    /// Applies an item of a page of the running list.
    pub(crate) fn page(&mut self, node: &NodeFacts, now: Mono) -> NodeOutcome {
        let item = ObjectVersion { uid: node.uid, version: node.version };
        let generation = self.run.generation();
        let watched = self.by_name(&node.name).filter(|known| known.generation == generation && known.from_watch);
        if self.run.outdates(generation, (&*node.name).into(), item, watched.map(Node::version)) {
            return NodeOutcome::Ignored;
        }
        self.store(node, NodeOrigin { generation, from_watch: false, now })
    }

    /// Applies a change from the watch that began at list `generation`.
    pub(crate) fn change(&mut self, change: NodeChange, generation: u32, now: Mono) -> NodeOutcome {
        match change {
            NodeChange::Present(node) => self.store(&node, NodeOrigin { generation, from_watch: true, now }),
            NodeChange::Gone { name, uid, version } => {
                let deleted = ObjectVersion { uid, version };
                let known = self.by_name(&name).filter(|known| deleted.ends(known.version()));
                let known = known.map(|known| (known.key, known.facts.uid));
                self.run.bury(generation, (&*name).into(), deleted);
                let Some((key, uid)) = known else { return NodeOutcome::Ignored };
                self.remove(key);
                NodeOutcome::Removed(uid)
            }
        }
    }

    /// Ends the running list: removes the nodes that neither it nor the watch has brought, and returns their uids.
    pub(crate) fn finish(&mut self) -> Vec<Uid> {
        self.run.finish();
        let generation = self.run.generation();
        let gone: Vec<_> =
            self.iter().filter(|node| node.generation < generation).map(|node| (node.key, node.facts.uid)).collect();
        for (key, _) in &gone {
            self.remove(*key);
        }
        gone.into_iter().map(|(_, uid)| uid).collect()
    }

    pub(crate) fn get(&self, key: NodeKey) -> Option<&Node> {
        self.at(key.slot()).filter(|node| node.key == key)
    }

    /// Number of slots, used or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The node that has this slot now.
    pub(crate) fn at(&self, slot: usize) -> Option<&Node> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Node> {
        self.slots.at(self.slot_of(name)? as usize).as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.slots.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Nodes with any problem, in no particular order (not ready, a bad condition, devices unhealthy or missing), each with its start.
    pub(crate) fn unhealthy(&self) -> impl Iterator<Item = (&Node, &DatedProblems)> {
        self.unhealthy.iter().filter_map(|(key, problems)| Some((self.get(key)?, problems)))
    }

    pub(crate) fn unhealthy_len(&self) -> usize {
        self.unhealthy.len()
    }

    /// Takes up to `most` changes since the last call. Keys of removed nodes no longer find a node.
    pub(crate) fn take_touched(&mut self, most: usize) -> ChangeSet<NodeKey> {
        let touched = self.touched.take(most);
        if touched.complete {
            for key in &touched.there {
                if let Some(node) = self.get_mut(*key) {
                    node.touched = false;
                }
            }
        } else {
            self.slots.iter_mut().flatten().for_each(|node| node.touched = false);
        }
        touched
    }

    /// Returns `true` if there are changes to take.
    pub(crate) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.slots.heap_bytes()
            + self.free.capacity() * size_of::<u32>()
            + self.by_name.heap_bytes()
            + self.interner.heap_bytes()
            + self.run.heap_bytes()
            + self.unhealthy.heap_bytes()
            + self.touched.heap_bytes()
            + self.iter().map(|node| node.facts.heap_bytes()).sum::<usize>()
    }

    /// Grows with every change of the store.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    fn get_mut(&mut self, key: NodeKey) -> Option<&mut Node> {
        self.slots.get_mut(key.slot())?.as_mut().filter(|node| node.key == key)
    }

    fn slot_of(&self, name: &str) -> Option<u32> {
        let named = |slot: u32| self.at(slot as usize).is_some_and(|node| *node.facts.name == *name);
        self.by_name.find(self.hasher.hash_one(name), named)
    }

    fn store(&mut self, facts: &NodeFacts, origin: NodeOrigin) -> NodeOutcome {
        let Some(slot) = self.slot_of(&facts.name) else {
            return NodeOutcome::Stored { key: self.insert(facts, origin), replaced: None };
        };
        let node = self.slots.at_mut(slot as usize).as_mut().expect("the name was just found");
        // A watch of an older list must not undo the mark of the running one, whose versions are not comparable.
        node.from_watch = origin.from_watch && origin.generation >= node.generation;
        node.generation = node.generation.max(origin.generation);
        if node.facts.are(facts) {
            // A heartbeat of the kubelet changes only the version.
            node.facts.version = facts.version;
            return NodeOutcome::Ignored;
        }
        self.revision += 1;
        self.sums.subtract(node);
        let key = node.key;
        if !std::mem::replace(&mut node.touched, true) {
            self.touched.there(key);
        }
        let replaced = (node.facts.uid != facts.uid).then_some(node.facts.uid);
        if replaced.is_some() {
            self.unhealthy.forget(key);
        }
        node.replace(facts, origin.now, &self.rules, &mut self.interner);
        self.sums.add(node);
        self.unhealthy.note(node, origin.now);
        NodeOutcome::Stored { key, replaced }
    }

    fn insert(&mut self, facts: &NodeFacts, origin: NodeOrigin) -> NodeKey {
        self.serial = self.serial.wrapping_add(1).max(1);
        let slot = self
            .free
            .pop()
            .unwrap_or_else(|| u32::try_from(self.slots.push(None)).expect("a cluster has fewer than 2^32 nodes"));
        let key = NodeKey { slot, serial: self.serial };
        let node = Node::new(facts, key, origin, &self.rules, &mut self.interner);
        self.sums.add(&node);
        self.unhealthy.note(&node, origin.now);
        *self.slots.at_mut(key.slot()) = Some(node);
        self.len += 1;
        let (hasher, slots) = (&self.hasher, &self.slots);
        self.by_name.insert(hasher.hash_one(&*facts.name), slot, |other| {
            let name = slots.at(other as usize).as_ref().map(|node| &*node.facts.name);
            hasher.hash_one(name.unwrap_or_default())
        });
        self.touched.there(key);
        self.revision += 1;
        key
    }

    fn remove(&mut self, key: NodeKey) {
        if let Some(node) = self.slots.at_mut(key.slot()).take_if(|node| node.key == key) {
            self.sums.subtract(&node);
            self.by_name.remove(self.hasher.hash_one(&*node.facts.name), key.slot);
            self.len -= 1;
            self.free.push(key.slot);
            self.touched.there(key);
            self.touched.gone(node.facts.name.clone());
            self.revision += 1;
            self.unhealthy.forget(key);
        }
    }
}

#[cfg(test)]
mod tests;
