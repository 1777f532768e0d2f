//! The node store: mark and sweep, and sums over all nodes kept as nodes come and go.

pub mod admission;
mod conditions;
mod interner;
mod packed;
mod problem;
mod shared;
mod sums;

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::msg::{Mono, NodeChange};

use super::chunks::Chunks;
use super::index::Index;
use super::versions::ObjectVersion;
use crate::model::store::change_set::ChangeSet;
use crate::model::time::PackedMono;

pub(crate) use crate::model::store::nodes::problem::{NodeProblem, Troubles};
pub use packed::PackedFacts;
pub use shared::{PackedLabels, System};
pub(crate) use sums::{AcceleratorSum, Sums};

use crate::model::store::nodes::interner::Interner;
use crate::model::store::nodes::problem::Troubled;
use crate::model::store::nodes::shared::SharedList;
use admission::Admission;
use conditions::{announces_end, bad};
use sums::devices;

/// Names one node of the store as long as it is in it; a place that is used again has another serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey {
    slot: u32,
    serial: u32,
}

impl NodeKey {
    /// No node: what stands where none has been found yet, or while an order is rearranged.
    pub(crate) const NONE: Self = Self { slot: u32::MAX, serial: 0 };

    /// Its place in tables by slot.
    pub(crate) fn slot(self) -> usize {
        self.slot as usize
    }

    /// Tells it from others in that place; never 0.
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
/// Pages of a list mark what they bring with the list's generation, and so does the watch; [`NodeStore::finish`] removes what
/// neither has touched. An event of the watch always applies; a page yields to it by the rules of [`ObjectVersion`], compared
/// only within one generation: after an etcd restore versions go back (F43).
#[derive(Debug)]
pub(crate) struct NodeStore {
    slots: Chunks<Option<Node>>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
    by_name: Index,
    len: usize,
    commons: Interner,
    serial: u32,
    /// The list that runs, or the last one.
    generation: u32,
    listing: bool,
    /// What the watch deleted while the list runs: a later page may still bring it.
    tombstones: HashMap<Clean, ObjectVersion>,
    sums: Sums,
    troubled: Troubled,
    revision: u64,
    /// Nodes that came, changed or went.
    touched: ChangeSet<NodeKey>,
    accelerators: Arc<AcceleratorTable>,
    /// Types of conditions whose `True` is good, besides those that say so by their name.
    good: Arc<[Clean]>,
}

/// A node and what follows from its facts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) facts: PackedFacts,
    pub(crate) devices: SharedList<AcceleratorSum>,
    pub(crate) readiness: Readiness,
    /// When we first saw it in this readiness.
    readiness_since: PackedMono,
    /// There is any other trouble than readiness.
    pub(crate) other_trouble: bool,
    /// Conditions other than Ready that are bad, in the order of the API; nothing of a healthy node.
    bad: Option<SharedList<Clean>>,
    pub(crate) pods_allocatable: Option<u32>,
    pub(crate) roles: Clean,
    key: NodeKey,
    generation: u32,
    from_watch: bool,
    /// It has changed since that was last asked.
    touched: bool,
}

/// What became of a change: the node that now is there, or the one that went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NodeOutcome {
    /// It is older than what is known, or changes nothing.
    Ignored,
    /// The node is new or changed; the uid of another object that it took the name of.
    Stored { key: NodeKey, replaced: Option<Uid> },
    /// The node was removed; its uid.
    Removed(Uid),
}

/// Of a hundred thousand nodes one part grows in a millisecond.
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
            commons: Interner::default(),
            serial: 0,
            generation: 0,
            listing: false,
            tombstones: HashMap::new(),
            sums: Sums::default(),
            troubled: Troubled::default(),
            revision: 0,
            touched: ChangeSet::default(),
            accelerators,
            good: Arc::default(),
        }
    }

    /// Takes `True` of these conditions for good; before the first node comes.
    pub(crate) fn set_good_conditions(&mut self, conditions: Arc<[Clean]>) {
        self.good = conditions;
    }

    /// Which names count as accelerators.
    pub(crate) fn accelerators(&self) -> &AcceleratorTable {
        &self.accelerators
    }

    /// Whether a node takes pods with devices, or why not.
    pub(crate) fn admission(&self, node: &Node) -> Admission {
        admission::admission(&node.facts, &self.accelerators)
    }

    pub(crate) fn begin(&mut self, generation: u32) {
        self.generation = generation;
        self.listing = true;
        self.tombstones.clear();
    }

    /// An item of a page of the running list.
    pub(crate) fn page(&mut self, node: &NodeFacts, now: Mono) -> NodeOutcome {
        let item = ObjectVersion { uid: node.uid, version: node.version };
        if self.tombstones.get(&*node.name).is_some_and(|deleted| deleted.buries(item)) {
            return NodeOutcome::Ignored;
        }
        let generation = self.generation;
        let watched = self.by_name(&node.name).filter(|known| known.generation == generation && known.from_watch);
        if watched.is_some_and(|known| known.version().outdates(item)) {
            return NodeOutcome::Ignored;
        }
        self.store(node, generation, NodeOrigin { from_watch: false, now })
    }

    /// A change from the watch that began at list `generation`.
    pub(crate) fn change(&mut self, change: NodeChange, generation: u32, now: Mono) -> NodeOutcome {
        match change {
            NodeChange::Present(node) => {
                self.tombstones.remove(&*node.name);
                self.store(&node, generation, NodeOrigin { from_watch: true, now })
            }
            NodeChange::Gone { name, uid, version } => {
                let deleted = ObjectVersion { uid, version };
                let known = self.by_name(&name).filter(|known| deleted.ends(known.version()));
                let known = known.map(|known| (known.key, known.facts.uid));
                if self.listing && generation == self.generation {
                    self.tombstones.insert(name, deleted);
                }
                let Some((key, uid)) = known else { return NodeOutcome::Ignored };
                self.remove(key);
                NodeOutcome::Removed(uid)
            }
        }
    }

    /// The running list is complete: removes what neither it nor the watch has touched, and returns those uids.
    pub(crate) fn finish(&mut self) -> Vec<Uid> {
        self.listing = false;
        self.tombstones.clear();
        let gone: Vec<_> = self
            .iter()
            .filter(|node| node.generation < self.generation)
            .map(|node| (node.key, node.facts.uid))
            .collect();
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

    /// Whatever node has this slot now.
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

    /// Nodes with any trouble, in no order: not ready, a bad condition, devices withdrawn or missing; and since when each is.
    pub(crate) fn troubled(&self) -> impl Iterator<Item = (&Node, &Troubles)> {
        self.troubled.iter().filter_map(|(key, troubles)| Some((self.get(key)?, troubles)))
    }

    pub(crate) fn troubled_len(&self) -> usize {
        self.troubled.len()
    }

    /// At most so much of what came, changed or went since it was last taken; keys of nodes that went find none any more.
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

    /// There is more to take.
    pub(crate) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.slots.heap_bytes()
            + self.free.capacity() * size_of::<u32>()
            + self.by_name.heap_bytes()
            + self.commons.heap_bytes()
            + self.tombstones.allocation_size()
            + self.troubled.heap_bytes()
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

    fn store(&mut self, facts: &NodeFacts, generation: u32, origin: NodeOrigin) -> NodeOutcome {
        let Some(slot) = self.slot_of(&facts.name) else {
            return NodeOutcome::Stored { key: self.insert(facts, generation, origin), replaced: None };
        };
        let node = self.slots.at_mut(slot as usize).as_mut().expect("the name was just found");
        // A watch of an older list must not take back the mark of the running one, whose versions are others.
        node.from_watch = origin.from_watch && generation >= node.generation;
        node.generation = node.generation.max(generation);
        if node.facts.are(facts) {
            // The heartbeat of a kubelet: news for nobody.
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
            self.troubled.forget(key);
        }
        node.replace(facts, origin.now, (&self.accelerators, &self.good, &mut self.commons));
        self.sums.add(node);
        self.troubled.note(node, origin.now);
        NodeOutcome::Stored { key, replaced }
    }

    fn insert(&mut self, facts: &NodeFacts, generation: u32, origin: NodeOrigin) -> NodeKey {
        self.serial = self.serial.wrapping_add(1).max(1);
        let slot = self
            .free
            .pop()
            .unwrap_or_else(|| u32::try_from(self.slots.push(None)).expect("a cluster has fewer than 2^32 nodes"));
        let key = NodeKey { slot, serial: self.serial };
        let node = Node::new(facts, (key, generation), origin, (&self.accelerators, &self.good, &mut self.commons));
        self.sums.add(&node);
        self.troubled.note(&node, origin.now);
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
            self.troubled.forget(key);
        }
    }
}

#[derive(Clone, Copy)]
struct NodeOrigin {
    from_watch: bool,
    now: Mono,
}

impl Node {
    fn new(
        facts: &NodeFacts,
        (key, generation): (NodeKey, u32),
        origin: NodeOrigin,
        (table, good, commons): (&AcceleratorTable, &[Clean], &mut Interner),
    ) -> Self {
        let mut node = Self {
            devices: commons.devices(&devices(facts, table)),
            readiness: facts.readiness().0,
            readiness_since: origin.now.into(),
            other_trouble: false,
            bad: bad(facts, good),
            pods_allocatable: pods_allocatable(facts),
            roles: commons.text(&roles(facts)),
            facts: PackedFacts::new(facts, commons),
            key,
            generation,
            from_watch: origin.from_watch,
            touched: true,
        };
        node.other_trouble = node.has_other_trouble();
        node
    }

    fn replace(
        &mut self,
        facts: &NodeFacts,
        now: Mono,
        (table, good, commons): (&AcceleratorTable, &[Clean], &mut Interner),
    ) {
        let readiness = facts.readiness().0;
        if readiness != self.readiness || facts.uid != self.facts.uid {
            self.readiness_since = now.into();
        }
        self.readiness = readiness;
        let changed = self.facts.update(facts, commons);
        if changed.labels {
            self.roles = commons.text(&roles(facts));
        }
        if changed.amounts {
            self.pods_allocatable = pods_allocatable(facts);
        }
        if changed.labels || changed.amounts {
            self.devices = commons.devices(&devices(facts, table));
        }
        self.bad = bad(facts, good);
        self.other_trouble = self.has_other_trouble();
    }

    /// When we first saw it in this readiness.
    pub(crate) fn readiness_since(&self) -> Mono {
        self.readiness_since.into()
    }

    pub(crate) fn key(&self) -> NodeKey {
        self.key
    }

    fn version(&self) -> ObjectVersion {
        ObjectVersion { uid: self.facts.uid, version: self.facts.version }
    }

    /// Whole devices of this node: capacity and allocatable; `None` without any.
    pub(crate) fn whole_devices(&self) -> Option<(i64, i64)> {
        let mut whole = self.devices.iter().filter(|d| d.kind == Kind::Device).peekable();
        whole.peek()?;
        Some(whole.fold((0, 0), |(capacity, allocatable), d| {
            (capacity.saturating_add(d.capacity), allocatable.saturating_add(d.allocatable))
        }))
    }

    /// Conditions other than Ready that are bad, in the order of the API.
    pub(crate) fn pressures(&self) -> impl Iterator<Item = &Clean> {
        self.bad.iter().flat_map(|bad| bad.iter())
    }

    /// The cluster itself takes this node away, so its silence is expected.
    pub(crate) fn leaving(&self) -> bool {
        self.facts.deleting || self.facts.taints.iter().any(|taint| announces_end(&taint.key))
    }

    fn has_other_trouble(&self) -> bool {
        self.pressures().next().is_some() || self.devices.iter().any(|d| d.withdrawn() > 0 || d.missing() > 0)
    }
}

/// An amount in one of the sorted lists of a node.
pub(crate) fn amount(list: &[(Clean, Quantity)], resource: &str) -> Option<Quantity> {
    list.binary_search_by(|(name, _)| (**name).cmp(resource)).ok().map(|at| list[at].1)
}

fn pods_allocatable(facts: &NodeFacts) -> Option<u32> {
    u32::try_from(amount(facts.effective_allocatable(), "pods")?.value()).ok()
}

/// The roles as kubectl prints them, as many as are shown (F80).
fn roles(facts: &NodeFacts) -> Clean {
    let roles = facts.roles();
    Clean::new(&roles.iter().map(Clean::as_str).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests;
