//! Values that repeat from pod to pod, stored once.

use std::hash::BuildHasher;

use super::ahead::Lookahead;
use super::record::{NIL, PodRecord};
use super::totals::RequestSet;
use super::{NodeId, NodeTotals, PodStore, ResourceId};
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::store::nodes::NodeKey;

/// 10^22 base units, far above any capacity: the maximum request of one pod. Sums of a million such pods are still exact.
const MOST_REQUESTED: i128 = 10_i128.pow(31);

/// Maximum number of resource names. A cluster has tens, which are searched linearly; further ones are left out.
const MOST_RESOURCES: u16 = 1024;

/// The namespace of some pods, and kind and name of their controlling owner.
#[derive(Debug, Default)]
pub(super) struct InternedOwner {
    pub(super) namespace: u32,
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
}

/// The parts of a pod's state that many pods share.
#[derive(Debug, Default)]
pub(super) struct InternedStatus {
    pub(super) reason: Box<str>,
    pub(super) containers: u16,
    pub(super) ready: u16,
}

/// A node that some pod names; whether it exists is not known here.
#[derive(Debug, Default)]
pub(super) struct InternedNode {
    pub(super) name: Box<str>,
    pub(super) first: PodListHead,
    pub(super) totals: NodeTotals,
    /// `true` if the totals have changed since changes were last taken.
    pub(super) touched: bool,
    /// The node of this name in the store, as it was last found.
    pub(super) key: NodeKey,
}

/// The first pod of a node's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodListHead(pub(super) u32);

impl Default for PodListHead {
    fn default() -> Self {
        Self(NIL)
    }
}

impl PodStore {
    pub(super) fn intern_all(&mut self, pod: &PodFacts<'_>, hint: &Lookahead, record: &mut PodRecord) {
        record.owner = self.intern_owner(pod);
        if !pod.node.is_empty() {
            record.node = if let Some(id) = self.locate_node(pod.node, hint) {
                self.nodes.hold(id);
                id
            } else {
                let node = InternedNode { name: pod.node.into(), ..InternedNode::default() };
                self.nodes.put(self.hasher.hash_one(pod.node), node)
            };
        }
        record.status = self.intern_status(pod);
        record.request_set = self.intern_requests(pod);
    }

    fn intern_status(&mut self, pod: &PodFacts<'_>) -> u32 {
        let (containers, ready) = (pod.containers, pod.ready);
        let same =
            |held: &InternedStatus| held.containers == containers && held.ready == ready && *held.reason == *pod.reason;
        if let Some(id) = self.statuses.last(same) {
            self.statuses.hold(id);
            return id;
        }
        let hash = self.hasher.hash_one((pod.reason, containers, ready));
        self.statuses.intern(hash, same, || InternedStatus { reason: pod.reason.into(), containers, ready })
    }

    fn intern_requests(&mut self, pod: &PodFacts<'_>) -> u32 {
        let clamp = |amount: Quantity| Quantity::from_nano(amount.nano().clamp(-MOST_REQUESTED, MOST_REQUESTED));
        let (cpu, memory) = (clamp(pod.requests.cpu), clamp(pod.requests.memory));
        let others: Vec<_> = pod
            .requests
            .others
            .iter()
            .filter_map(|&(name, amount)| Some((self.resource(name)?, clamp(amount))))
            .collect();
        let same = |held: &RequestSet| held.cpu == cpu && held.memory == memory && *held.others == *others;
        if let Some(id) = self.request_set.last(same) {
            self.request_set.hold(id);
            return id;
        }
        let hash = self.hasher.hash_one((cpu, memory, &others));
        self.request_set.intern(hash, same, || RequestSet { cpu, memory, others: others.as_slice().into() })
    }

    /// Interns the owner, which also refers to the namespace; pods without an owner have an empty one.
    fn intern_owner(&mut self, pod: &PodFacts<'_>) -> u32 {
        let same = |held: &InternedOwner| {
            let own = *held.kind == *pod.owner_kind && *held.name == *pod.owner_name;
            own && **self.namespaces.get(held.namespace) == *pod.namespace
        };
        if let Some(id) = self.owners.last(same) {
            self.owners.hold(id);
            return id;
        }
        if let Some(id) = self.owner_id(pod.namespace, pod.owner_kind, pod.owner_name) {
            self.owners.hold(id);
            return id;
        }
        let hash = self.hasher.hash_one((pod.namespace, pod.owner_kind, pod.owner_name));
        let namespace = if let Some(id) = self.namespace_id(pod.namespace) {
            self.namespaces.hold(id);
            id
        } else {
            self.namespaces.put(self.hasher.hash_one(pod.namespace), pod.namespace.into())
        };
        let owner = InternedOwner { namespace, kind: pod.owner_kind.into(), name: pod.owner_name.into() };
        self.owners.put(hash, owner)
    }

    /// Id of an owner that a held pod has.
    pub(super) fn owner_id(&self, namespace: &str, kind: &str, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one((namespace, kind, name));
        self.owners.find(hash, |held| {
            let own = *held.kind == *kind && *held.name == *name;
            own && **self.namespaces.get(held.namespace) == *namespace
        })
    }

    /// The namespace of a record.
    pub(super) fn namespace_of(&self, record: &PodRecord) -> u32 {
        self.owners.get(record.owner).namespace
    }

    pub(super) fn release_all(&mut self, record: &PodRecord) {
        if let Some(last) = self.owners.release(record.owner) {
            self.namespaces.release(last.namespace);
        }
        self.statuses.release(record.status);
        self.request_set.release(record.request_set);
        if record.node != NIL
            && let Some(last) = self.nodes.release(record.node)
        {
            self.touched.gone(Clean::new(&last.name));
            if !last.touched {
                self.touched.there(NodeId(record.node));
            }
        }
    }

    /// Id of a resource name, created if necessary; `None` above [`MOST_RESOURCES`].
    fn resource(&mut self, name: &str) -> Option<ResourceId> {
        if let Some(id) = self.resource_id(name) {
            return Some(id);
        }
        let id = u16::try_from(self.resources.len()).ok().filter(|id| *id < MOST_RESOURCES)?;
        self.resources.push(name.into());
        Some(ResourceId(id))
    }
}
