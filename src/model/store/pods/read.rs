//! Reading the pod store.

use std::hash::BuildHasher;

use super::record::{KeyHash, NIL, PodRecord};
use super::{NamespaceId, NodeId, NodeTotals, PodSlot, PodStore, ResourceId, Totals};
use crate::facts::pod::{PodFacts, PodPhase, Requests};
use crate::facts::quantity::Quantity;
use crate::facts::wire::Uid;
use crate::model::store::change_set::ChangeSet;
use crate::model::store::nodes::{Node, NodeKey, NodeStore};

impl PodStore {
    /// The whole cluster.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// All bound pods that are neither Succeeded nor Failed, as if they were on one node.
    #[must_use]
    pub fn bound(&self) -> &NodeTotals {
        &self.requested
    }

    /// Requests of `resource`, also `cpu` and `memory`, by the bound pods of the whole cluster that are neither Succeeded nor Failed.
    #[must_use]
    pub fn requested(&self, resource: &str) -> Quantity {
        self.request_of(&self.requested, resource)
    }

    /// The totals of a node; `None` if no pod names it.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeTotals> {
        Some(&self.nodes.get(self.node_id(name)?).totals)
    }

    /// Requests of `resource`, also `cpu` and `memory`, by the bound pods of a node that are neither Succeeded nor Failed.
    #[must_use]
    pub fn node_requested(&self, name: &str, resource: &str) -> Quantity {
        self.node(name).map_or(Quantity::ZERO, |totals| self.request_of(totals, resource))
    }

    /// Every node that a pod names, in no particular order.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &NodeTotals)> {
        self.nodes.iter().map(|(_, node)| (&*node.name, &node.totals))
    }

    /// Every node that a pod names, with its id.
    pub(crate) fn nodes_by_id(&self) -> impl Iterator<Item = (NodeId, &str, &NodeTotals)> {
        self.nodes.iter().map(|(id, node)| (NodeId(id), &*node.name, &node.totals))
    }

    /// Name and totals of a node; `None` if no pod names it any more.
    pub(crate) fn node_at(&self, NodeId(id): NodeId) -> Option<(&str, &NodeTotals)> {
        self.nodes.held(id).map(|node| (&*node.name, &node.totals))
    }

    /// The node of the store for this id, without a search by name if [`PodStore::found`] has recorded its key.
    pub(crate) fn node_in<'a>(&self, NodeId(id): NodeId, nodes: &'a NodeStore) -> Option<&'a Node> {
        let node = self.nodes.held(id)?;
        // A key never refers to a node of another name later.
        nodes.get(node.key).or_else(|| nodes.by_name(&node.name))
    }

    /// Records the key of a node for [`PodStore::node_in`].
    pub(crate) fn found(&mut self, NodeId(id): NodeId, key: NodeKey) {
        self.nodes.get_mut(id).key = key;
    }

    /// The id of a node that some held pod names.
    pub(crate) fn id_of(&self, name: &str) -> Option<NodeId> {
        self.node_id(name).map(NodeId)
    }

    /// Requests of `resource`, also `cpu` and `memory`, by the pods of these totals.
    pub(crate) fn requested_of(&self, totals: &NodeTotals, resource: &str) -> Quantity {
        self.request_of(totals, resource)
    }

    /// Takes up to `most` of the nodes whose totals have changed since the last call, and the names of those that no pod names
    /// any more.
    pub(crate) fn take_touched(&mut self, most: usize) -> ChangeSet<NodeId> {
        let touched = self.touched.take(most);
        if !touched.complete {
            self.nodes.values_mut().for_each(|node| node.touched = false);
            return touched;
        }
        for &NodeId(id) in &touched.there {
            // The id may be free now, or belong to another node, which has then changed too.
            self.nodes.get_mut(id).touched = false;
        }
        touched
    }

    /// Returns `true` if there are changes to take.
    pub(crate) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// All pods of a node, including Succeeded and Failed ones, in no particular order.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = PodSlot> {
        let first = self.node_id(node).map(|id| self.nodes.get(id).first.0);
        let some = |slot: u32| (slot != NIL).then_some(slot);
        std::iter::successors(first.and_then(some), move |&slot| some(self.records.at(slot).next)).map(PodSlot)
    }

    /// The pods of a controlling owner, in no particular order. O(pods), so not for a frame.
    pub fn owned_by(&self, namespace: &str, kind: &str, name: &str) -> impl Iterator<Item = PodSlot> {
        let id = self.owner_id(namespace, kind, name);
        let records = id.into_iter().flat_map(|id| self.records.used().filter(move |(_, record)| record.owner == id));
        records.map(|(slot, _)| PodSlot(slot))
    }

    /// All pods, in no particular order. O(pods), so not for a frame.
    pub fn pods(&self) -> impl Iterator<Item = PodSlot> {
        self.records.used().map(|(slot, _)| PodSlot(slot))
    }

    /// Number of records that a search through all pods reads, of which some may be free.
    pub(crate) fn slots(&self) -> usize {
        self.records.slots() as usize
    }

    /// Bound pods that are neither Succeeded nor Failed and request an extended resource, in no particular order.
    pub fn holders(&self) -> impl Iterator<Item = PodSlot> {
        self.holders.keys().copied().map(PodSlot)
    }

    /// Bound pods that are neither Succeeded nor Failed, in no particular order. O(pods), so not for a frame.
    pub(crate) fn bound_pods(&self) -> impl Iterator<Item = PodSlot> {
        self.records.used().filter(|(_, record)| record.is_bound()).map(|(slot, _)| PodSlot(slot))
    }

    /// Bound pods of a node that are neither Succeeded nor Failed, in no particular order.
    pub(crate) fn bound_to(&self, node: &str) -> impl Iterator<Item = PodSlot> {
        self.pods_on(node).filter(|slot| self.records.at(slot.0).is_bound())
    }

    /// Namespace of a held pod, without the rest of it; `None` if the slot is out of date.
    pub(crate) fn namespace_id_of(&self, PodSlot(slot): PodSlot) -> Option<NamespaceId> {
        self.records.get(slot).map(|record| NamespaceId(self.namespace_of(record)))
    }

    /// Name of a namespace of a held pod.
    pub(crate) fn namespace(&self, NamespaceId(id): NamespaceId) -> &str {
        self.namespaces.get(id)
    }

    /// Resources other than CPU and memory that a held pod requests.
    pub(crate) fn extended(&self, PodSlot(slot): PodSlot) -> impl Iterator<Item = (ResourceId, Quantity)> {
        let set = self.records.get(slot).map(|record| self.request_set.get(record.request_set));
        set.into_iter().flat_map(|set| set.others.iter().copied())
    }

    /// A held pod by its key.
    #[must_use]
    pub fn find_pod(&self, namespace: &str, name: &str) -> Option<PodSlot> {
        let namespace = self.namespace_id(namespace)?;
        self.find(self.key_hash(namespace, name), namespace, name).map(PodSlot)
    }

    /// A held pod, rebuilt from its record; empty facts if the slot is out of date.
    #[must_use]
    pub fn pod(&self, slot: PodSlot) -> PodFacts<'_> {
        let Some(record) = self.records.get(slot.0) else {
            return PodFacts::default();
        };
        let owner = self.owners.get(record.owner);
        let status = self.statuses.get(record.status);
        let request_set = self.request_set.get(record.request_set);
        let mut pod = PodFacts {
            namespace: self.namespaces.get(owner.namespace),
            name: self.names.get(record.name()),
            uid: record.uid(),
            version: record.version,
            node: if record.node == NIL { "" } else { &self.nodes.get(record.node).name },
            owner_kind: &owner.kind,
            owner_name: &owner.name,
            phase: record.phase(),
            reason: &status.reason,
            deleting: record.is_deleting(),
            mirror: record.is_mirror(),
            containers: status.containers,
            ready: status.ready,
            restarts: record.restarts,
            created: record.created(),
            since: self.holders.get(&slot.0).and_then(|holder| holder.since()),
            requests: Requests {
                cpu: request_set.cpu,
                memory: request_set.memory,
                others: request_set.others.iter().map(|&(id, amount)| (self.resource_name(id), amount)).collect(),
            },
            trouble: None,
            gang: None,
            constraints: None,
        };
        self.side.complete(slot.0, &mut pod);
        pod
    }

    /// Returns `true` if pods of this owner run on another node. O(pods), so not for a frame.
    pub(crate) fn runs_elsewhere(&self, namespace: &str, kind: &str, name: &str, node: &str) -> bool {
        let Some(owner) = self.owner_id(namespace, kind, name) else { return false };
        let here = self.node_id(node).unwrap_or(NIL);
        let runs = |record: &PodRecord| record.phase() == PodPhase::Running && record.node != here && record.is_bound();
        self.records.used().any(|(_, record)| record.owner == owner && runs(record))
    }

    /// Returns `true` if a pod of this owner is held.
    pub(crate) fn has_owner(&self, namespace: &str, kind: &str, name: &str) -> bool {
        !name.is_empty() && self.owner_id(namespace, kind, name).is_some()
    }

    /// Uid of a held pod, without the rest of it; none if the slot is out of date.
    pub(crate) fn uid(&self, slot: PodSlot) -> Uid {
        self.records.get(slot.0).map_or_else(Uid::default, PodRecord::uid)
    }

    /// The name of a resource of this store; empty for an id of another store.
    #[must_use]
    pub fn resource_name(&self, id: ResourceId) -> &str {
        self.resources.get(usize::from(id.0)).map_or("", |name| name)
    }

    /// The id of a resource name that some pod has named.
    #[must_use]
    pub fn resource_id(&self, name: &str) -> Option<ResourceId> {
        let at = self.resources.iter().position(|held| **held == *name)?;
        u16::try_from(at).ok().map(ResourceId)
    }

    /// Every resource other than cpu and memory that some pod has named.
    pub fn resources(&self) -> impl Iterator<Item = (ResourceId, &str)> {
        (0u16..).map(ResourceId).zip(self.resources.iter().map(|name| &**name))
    }

    /// Revision that grows with every visible change; a relist with the same pods is none.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.records.heap_bytes()
            + self.index.heap_bytes()
            + self.names.heap_bytes()
            + self.namespaces.heap_bytes(|name| name.len())
            + self.owners.heap_bytes(|owner| owner.kind.len() + owner.name.len())
            + self.statuses.heap_bytes(|status| status.reason.len())
            + self.request_set.heap_bytes(|request_set| request_set.others.len() * size_of::<(ResourceId, Quantity)>())
            + self.nodes.heap_bytes(|node| node.name.len() + node.totals.heap_bytes())
            + self.requested.heap_bytes()
            + self.resources.iter().map(|name| size_of::<Box<str>>() + name.len()).sum::<usize>()
            + self.holders.allocation_size()
            + self.side_bytes()
            + self.parts.heap_bytes()
    }

    fn request_of(&self, totals: &NodeTotals, resource: &str) -> Quantity {
        match resource {
            "cpu" => totals.cpu,
            "memory" => totals.memory,
            other => self.resource_id(other).map_or(Quantity::ZERO, |id| totals.other(id)),
        }
    }

    pub(super) fn node_id(&self, name: &str) -> Option<u32> {
        self.nodes.find(self.hasher.hash_one(name), |node| *node.name == *name)
    }

    /// The slot of a pod by the hash of its key.
    pub(super) fn find(&self, hash: KeyHash, namespace: u32, name: &str) -> Option<u32> {
        self.index.find(hash.whole(), |slot| self.is(self.records.at(slot), hash, namespace, name))
    }

    /// Returns `true` if the record is that of this pod.
    pub(super) fn is(&self, held: &PodRecord, hash: KeyHash, namespace: u32, name: &str) -> bool {
        held.hash == hash && self.names.get(held.name()) == name && self.namespace_of(held) == namespace
    }

    pub(super) fn namespace_id(&self, namespace: &str) -> Option<u32> {
        let same = |held: &str| *held == *namespace;
        // In a page, neighbours usually have the same namespace.
        let last = self.owners.last(|_| true).map(|id| self.owners.get(id).namespace);
        last.filter(|id| same(self.namespaces.get(*id)))
            .or_else(|| self.namespaces.find(self.hasher.hash_one(namespace), |held| same(held)))
    }

    pub(super) fn key_hash(&self, namespace: u32, name: &str) -> KeyHash {
        KeyHash::new(self.hasher.hash_one((namespace, name)))
    }
}
