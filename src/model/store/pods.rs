//! Compact pod records and per-node totals: pod density, requests per resource.
//!
//! A pod costs 64 bytes, its name and its index entry; repeated values (namespaces, owners, node names, request sets) are
//! stored once. Totals are updated with each change, so that reading them costs nothing. Pods join nodes by name, so that the
//! order in which the two arrive cannot matter. Source: `docs/performance.md`; `docs/list-watch.md`.

mod ahead;
mod holder;
mod intern;
mod names;
mod part;
mod pool;
mod read;
mod record;
mod side;
mod totals;

use std::fmt;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::facts::pod::{PodBatch, PodFacts};
use crate::facts::text::Clean;
use crate::model::store::change_set::ChangeSet;
use crate::model::store::index::Index;
use crate::model::store::versions::{ObjectName, ObjectVersion};

use ahead::{Lookahead, TOGETHER};
use holder::Holder;
use intern::{InternedNode, InternedOwner, InternedStatus, PodListHead};
use names::{NameAt, PodNames};
use part::ScopeParts;
use pool::InternPool;
use record::{Epoch, KeyHash, NIL, PodRecord, Records};
use side::SideTables;
use totals::{PodShare, RequestSet};

pub use part::ListMark;
pub use side::{Gang, GangId, GangKey};
pub use totals::{NodeTotals, PodCounts, ResourceId, Totals};

/// Number of records whose names are compacted after one batch while too much memory is garbage, which takes some 100 µs.
const COMPACTED: u32 = 4096;

/// Origin of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodOrigin {
    /// A page of a list, which may be older than events of the watch.
    Page,
    /// The watch, whose events are in order.
    Watch,
}

/// Mark of a batch: its list, the list's epoch, and its origin.
#[derive(Clone, Copy, Debug)]
struct BatchMark {
    list: ListMark,
    epoch: Epoch,
    origin: PodOrigin,
}

/// A held pod, until the next `apply` or `finish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodSlot(u32);

/// Id of a node that pods name, valid while a pod names it; afterwards another node may get the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(u32);

/// Id of a namespace of held pods, valid until the next `apply` or `finish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NamespaceId(u32);

/// Records that belong to a list.
#[derive(Clone, Copy, Debug)]
enum ListReach {
    All,
    Namespace(u32),
    /// None of its pods is held.
    Nothing,
}

impl ListReach {
    fn has(self, namespace: u32) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(own) => own == namespace,
            Self::Nothing => false,
        }
    }
}

/// All pods of a cluster.
#[derive(Default)]
pub struct PodStore {
    hasher: DefaultHashBuilder,
    records: Records,
    index: Index,
    names: PodNames,
    namespaces: InternPool<Box<str>>,
    owners: InternPool<InternedOwner>,
    statuses: InternPool<InternedStatus>,
    request_set: InternPool<RequestSet>,
    nodes: InternPool<InternedNode>,
    resources: Vec<Box<str>>,
    totals: Totals,
    requested: NodeTotals,
    /// Parts that are listed separately: all pods, or those of some namespaces.
    parts: ScopeParts,
    /// Number of pods that the newest list or its watch has touched, if all pods are listed together.
    listed: u32,
    revision: u64,
    /// The record whose name was visited last for compaction.
    compacted: u32,
    /// Nodes whose totals have changed.
    touched: ChangeSet<NodeId>,
    /// Pods that hold or will hold devices, by slot; only for them the time since which they do not run is kept.
    holders: HashMap<u32, Holder>,
    side: SideTables,
}

impl fmt::Debug for PodStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PodStore")
            .field("totals", &self.totals)
            .field("parts", &self.parts)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl PodStore {
    /// A store of the pods of these namespaces, each listed by itself; of all pods if there are none.
    #[must_use]
    pub fn of(namespaces: &[Clean]) -> Self {
        Self { parts: ScopeParts::of(namespaces), ..Self::default() }
    }

    /// Begins a list. Deletions by the watch are kept until the list ends, because a page may still contain such a pod.
    pub fn begin(&mut self, list: impl Into<ListMark>) {
        let list = list.into();
        self.listed = 0;
        let Some(old) = self.parts.begin(list) else { return };
        let reach = self.reach(list);
        let Self { records, owners, .. } = self;
        for record in records.used_mut().filter(|record| reach.has(owners.get(record.owner).namespace)) {
            record.epoch = old;
            record.set_paged();
        }
    }

    /// Applies a page of the list, or changes of the watch, in order.
    ///
    /// The watch always applies. A page's item yields to a record or a tombstone from the watch of the same generation, by the
    /// rules of [`ObjectVersion`]. Versions of two generations are never compared, since an etcd restore decreases them.
    /// A pod of another namespace than the list's is ignored, since no sweep would ever remove it.
    pub fn apply(&mut self, batch: &PodBatch, list: impl Into<ListMark>, origin: PodOrigin) {
        let list = list.into();
        let mark = BatchMark { list, epoch: self.parts.epoch(list), origin };
        let (mut keys, mut pods) = (batch.keys(), batch.iter());
        let (mut together, mut hints) = (Vec::new(), Vec::new());
        loop {
            together.clear();
            together.extend(keys.by_ref().take(TOGETHER));
            if together.is_empty() {
                break;
            }
            self.look_ahead(&together, &mut hints);
            for (hint, (pod, removed)) in hints.iter().zip(&mut pods) {
                if self.parts.covers(list, pod.namespace) {
                    self.apply_one(&pod, removed, hint, mark);
                }
            }
        }
        self.compact_names();
    }

    fn apply_one(&mut self, pod: &PodFacts<'_>, removed: bool, hint: &Lookahead, mark: BatchMark) {
        let BatchMark { list, origin, .. } = mark;
        let (slot, hash) = self.locate(pod, hint);
        if origin == PodOrigin::Page && self.yields_to_watch(pod, slot, mark) {
            return;
        }
        if !removed {
            return match slot {
                Some(slot) => self.update(pod, slot, hint, mark),
                None => self.insert(pod, hash, hint, mark),
            };
        }
        if origin == PodOrigin::Watch
            && let Some(run) = self.parts.run(list)
        {
            run.bury(list.generation, name_of(pod), version_of(pod));
        }
        if let Some(slot) = slot
            && version_of(pod).ends(self.records.at(slot).state())
        {
            self.remove(slot);
        }
    }

    /// Ends the list: removes the pods that neither its pages nor its watch has touched. Returns their number.
    ///
    /// A list that is not the last one begun sweeps nothing, and one of a namespace nothing of another.
    pub fn finish(&mut self, list: impl Into<ListMark>) -> usize {
        let list = list.into();
        if !self.parts.finish(list) {
            return 0;
        }
        let (reach, newest) = (self.reach(list), self.parts.newest(list));
        if matches!(reach, ListReach::All) && self.listed == self.totals.held {
            // The usual case; visiting a million records would delay a frame.
            return 0;
        }
        let swept = |record: &PodRecord| record.epoch != newest && reach.has(self.namespace_of(record));
        let gone: Vec<u32> = self.records.used().filter(|(_, record)| swept(record)).map(|(slot, _)| slot).collect();
        // In reverse order, since the last ones are at the front of their nodes' lists.
        for &slot in gone.iter().rev() {
            self.remove(slot);
        }
        self.compact_names();
        gone.len()
    }

    fn reach(&self, list: ListMark) -> ListReach {
        match self.parts.namespace(list) {
            None => ListReach::All,
            Some(name) => self.namespace_id(name).map_or(ListReach::Nothing, ListReach::Namespace),
        }
    }

    /// Returns `true` if the item of a page yields to an event of its list's watch.
    fn yields_to_watch(&mut self, pod: &PodFacts<'_>, slot: Option<u32>, mark: BatchMark) -> bool {
        let BatchMark { list, epoch, .. } = mark;
        let record = slot.map(|slot| self.records.at(slot));
        let watched = record.filter(|record| record.is_watched() && record.epoch == epoch);
        let watched = watched.map(PodRecord::state);
        let run = self.parts.run(list);
        run.is_some_and(|run| run.outdates(list.generation, name_of(pod), version_of(pod), watched))
    }

    /// Creates the record of a pod whose name is stored already.
    fn record(&mut self, pod: &PodFacts<'_>, name: NameAt, hint: &Lookahead, mark: BatchMark) -> PodRecord {
        let mut record = PodRecord::new(pod, name, mark.origin == PodOrigin::Watch);
        record.epoch = mark.epoch;
        self.intern_all(pod, hint, &mut record);
        record
    }

    /// Inserts a new pod; the hash of its key is not known if its namespace is new.
    fn insert(&mut self, pod: &PodFacts<'_>, hash: Option<KeyHash>, hint: &Lookahead, mark: BatchMark) {
        let name = self.names.put(pod.name);
        let mut record = self.record(pod, name, hint, mark);
        record.hash = hash.unwrap_or_else(|| self.key_hash(self.namespace_of(&record), pod.name));
        let newest = self.parts.newest(mark.list);
        let slot = self.records.insert(record);
        let Self { records, index, .. } = self;
        index.insert(record.hash.whole(), slot, |other| records.at(other).hash.whole());
        self.count(slot);
        self.link(slot);
        self.update_holder(slot, pod);
        self.update_side(slot, pod);
        self.listed += u32::from(mark.epoch == newest);
        self.revision += 1;
    }

    /// Replaces the record of a stored pod.
    fn update(&mut self, pod: &PodFacts<'_>, slot: u32, hint: &Lookahead, mark: BatchMark) {
        let epoch = mark.epoch;
        let name = self.records.at(slot).name();
        let mut record = self.record(pod, name, hint, mark);
        let newest = self.parts.newest(mark.list);
        let old = *self.records.at(slot);
        let moved = old.node != record.node;
        if moved {
            self.unlink(slot);
        } else {
            record.next = old.next;
        }
        record.hash = old.hash;
        if old.has_same_state(&record) {
            *self.records.at_mut(slot) = record;
        } else {
            self.uncount(slot);
            *self.records.at_mut(slot) = record;
            self.count(slot);
            self.revision += 1;
        }
        if moved {
            self.link(slot);
        }
        self.revision += u64::from(self.update_holder(slot, pod) | self.update_side(slot, pod));
        self.listed += u32::from(old.epoch != newest && epoch == newest);
        if old.epoch == newest && epoch != newest {
            // A late event of an older generation: the sweep must not take what this one has touched, and the version is of
            // another generation, so that this one's pages must not be compared with it.
            let record = self.records.at_mut(slot);
            record.epoch = newest;
            record.set_paged();
        }
        self.release_all(&old);
    }

    fn remove(&mut self, slot: u32) {
        self.uncount(slot);
        self.unlink(slot);
        self.holders.remove(&slot);
        self.side.remove(slot);
        let record = *self.records.at(slot);
        if record.epoch == self.parts.newest(ListMark::from(0)) {
            self.listed = self.listed.saturating_sub(1);
        }
        self.index.remove(record.hash.whole(), slot);
        self.names.drop(record.name());
        self.records.remove(slot);
        self.release_all(&record);
        self.revision += 1;
    }

    /// Adds a record to the totals.
    fn count(&mut self, slot: u32) {
        let record = *self.records.at(slot);
        self.totals.held += 1;
        if record.phase().is_terminal() {
            self.totals.terminal += 1;
        } else if record.node == NIL {
            self.totals.unscheduled += 1;
        }
        if record.is_bound() {
            self.totals.bound += 1;
            self.totals.terminating += u32::from(record.is_deleting());
            let part = part(&record, &self.request_set);
            self.requested.add(&part);
            let node = self.nodes.get_mut(record.node);
            node.totals.add(&part);
            touch(node, &mut self.touched, record.node);
        }
    }

    /// Removes a record from the totals.
    fn uncount(&mut self, slot: u32) {
        let record = *self.records.at(slot);
        self.totals.held -= 1;
        if record.phase().is_terminal() {
            self.totals.terminal -= 1;
        } else if record.node == NIL {
            self.totals.unscheduled -= 1;
        }
        if record.is_bound() {
            self.totals.bound -= 1;
            self.totals.terminating -= u32::from(record.is_deleting());
            let part = part(&record, &self.request_set);
            self.requested.subtract(&part);
            let node = self.nodes.get_mut(record.node);
            node.totals.subtract(&part);
            touch(node, &mut self.touched, record.node);
        }
    }

    /// Puts a record at the front of its node's list.
    fn link(&mut self, slot: u32) {
        let node = self.records.at(slot).node;
        if node != NIL {
            let PodListHead(first) = std::mem::replace(&mut self.nodes.get_mut(node).first, PodListHead(slot));
            self.records.at_mut(slot).next = first;
        }
    }

    /// Removes a record from its node's list, which is as long as the node has pods.
    fn unlink(&mut self, slot: u32) {
        let PodRecord { node, next, .. } = *self.records.at(slot);
        if node == NIL {
            return;
        }
        let PodListHead(first) = &mut self.nodes.get_mut(node).first;
        if *first == slot {
            *first = next;
            return;
        }
        let mut before = *first;
        while self.records.at(before).next != slot {
            before = self.records.at(before).next;
        }
        self.records.at_mut(before).next = next;
    }

    /// Continues moving names out of chunks that are largely garbage, a bounded number of records at a time.
    fn compact_names(&mut self) {
        if !self.names.is_wasteful() {
            return;
        }
        let slots = self.records.slots();
        for _ in 0..slots.min(COMPACTED) {
            self.compacted = if self.compacted + 1 < slots { self.compacted + 1 } else { 0 };
            let Some(record) = self.records.get(self.compacted) else { continue };
            if let Some(name) = self.names.moved(record.name()) {
                self.records.at_mut(self.compacted).set_name(name);
            }
        }
    }
}

fn touch(node: &mut InternedNode, touched: &mut ChangeSet<NodeId>, id: u32) {
    if !std::mem::replace(&mut node.touched, true) {
        touched.there(NodeId(id));
    }
}

fn part<'a>(record: &PodRecord, request_set: &'a InternPool<RequestSet>) -> PodShare<'a> {
    PodShare {
        terminating: record.is_deleting(),
        daemon_set: record.is_daemon_set(),
        mirror: record.is_mirror(),
        request_set: request_set.get(record.request_set),
    }
}

fn name_of<'a>(pod: &PodFacts<'a>) -> ObjectName<'a> {
    ObjectName { namespace: pod.namespace, name: pod.name }
}

fn version_of(pod: &PodFacts<'_>) -> ObjectVersion {
    ObjectVersion { uid: pod.uid, version: pod.version }
}

#[cfg(test)]
mod tests;
