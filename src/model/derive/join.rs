//! The join of pods and nodes by name, at the time of reading, so that the order of their arrival cannot matter (F76).

use std::time::Duration;

use hashbrown::HashMap;

use super::fit;
use crate::facts::accelerator::Kind;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::unannounced;
use crate::model::derive::rows::Accelerators;
use crate::model::known::saturate;
use crate::model::store::Stores;
use crate::model::store::nodes::{Node, NodeStore};
use crate::model::store::pods::NodeId;
use crate::model::store::scope::PodTracks;

/// Up to this number of nodes, work on every node is done whenever something changed; in larger clusters at most once in
/// [`SLOWLY`], so that the cost of a frame does not grow with the size of the cluster.
pub(crate) const SMALL: usize = 2_000;
/// Shortest time between two such passes over a large cluster.
pub(crate) const SLOWLY: Duration = Duration::from_secs(1);

/// Totals of nodes and pods together. Each node has a share in them, which is replaced when it changes.
#[derive(Debug, Default)]
pub(crate) struct Join {
    orphaned: u32,
    requested: Vec<RequestTotals>,
    /// Shares of nodes with devices, and of nodes that only pods name.
    parts: HashMap<NodeId, NodeShare>,
}

/// Requests of one resource on the nodes where it is of this kind.
#[derive(Debug)]
struct RequestTotals {
    resource: Clean,
    kind: Kind,
    requested: Quantity,
    /// Beyond the allocatable amount, node by node.
    over: i128,
}

/// Share of one node in the totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct NodeShare {
    orphaned: u32,
    /// Index in [`Join::requested`], the request, and the part of it that exceeds the allocatable amount.
    requested: Vec<(usize, Quantity, i128)>,
}

impl NodeShare {
    /// Adds the request of a resource, and by how much it exceeds the allocatable amount.
    fn add(&mut self, index: usize, amount: Quantity, allocatable: i64) {
        let over = i128::from(fit::over_requested(allocatable, amount.value()));
        if amount != Quantity::ZERO || over != 0 {
            self.requested.push((index, amount, over));
        }
    }
}

impl Join {
    /// Joins everything. O(nodes), independent of the number of pods.
    pub(crate) fn compute(&mut self, stores: Stores<'_>) {
        *self = Self::default();
        for (id, ..) in stores.pods.nodes_by_id() {
            self.update(id, stores.pods.node_in(id, stores.nodes), stores);
        }
    }

    /// Joins one node again after it or its pods have changed; `node` is the result of `PodStore::node_in`.
    pub(crate) fn update(&mut self, id: NodeId, node: Option<&Node>, stores: Stores<'_>) {
        let new = self.share(id, node, stores);
        let old = if new == NodeShare::default() {
            self.parts.remove(&id)
        } else {
            self.add(&new);
            self.parts.insert(id, new)
        };
        let old = old.unwrap_or_default();
        self.orphaned -= old.orphaned;
        for (at, amount, over) in old.requested {
            self.requested[at].requested -= amount;
            self.requested[at].over -= over;
        }
        // Pods may have arrived long before their nodes.
        if self.parts.capacity() > 1024 && self.parts.len() < self.parts.capacity() / 8 {
            self.parts.shrink_to_fit();
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let part = |part: &NodeShare| part.requested.capacity() * size_of::<(usize, Quantity, i128)>();
        self.parts.allocation_size() + self.parts.values().map(part).sum::<usize>()
    }

    /// Pods bound to nodes that are not in the store.
    pub(crate) fn orphaned(&self) -> u32 {
        self.orphaned
    }

    /// Requests of one resource on the nodes where it is of this kind.
    pub(crate) fn requested(&self, resource: &str, kind: Kind) -> Quantity {
        self.find(resource, kind).map_or(Quantity::ZERO, |request| request.requested)
    }

    /// Requested beyond the allocatable amount, node by node.
    pub(crate) fn over_requested(&self, resource: &str, kind: Kind) -> i64 {
        self.find(resource, kind).map_or(0, |request| i64::try_from(request.over).unwrap_or(i64::MAX))
    }

    /// Every accelerator that pods on known nodes request or have requested, or that these nodes name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Kind, Quantity)> {
        self.requested.iter().map(|request| (&*request.resource, request.kind, request.requested))
    }

    /// Whole devices of all nodes; `None` if no node announces any and no pod requests any.
    pub(crate) fn whole_devices(&self, nodes: &NodeStore, pods: &PodTracks) -> Option<Accelerators> {
        let whole = || nodes.sums().devices.iter().filter(|sum| sum.kind == Kind::Device);
        let requests = || self.all().filter(|(_, kind, requested)| *kind == Kind::Device && requested.nano() != 0);
        if whole().next().is_none() && requests().next().is_none() {
            return None;
        }
        let requested: Quantity = requests().map(|(_, _, requested)| requested).sum();
        Some(Accelerators {
            requested: pods.known(requested.value()),
            allocatable: saturate(whole().map(|sum| sum.allocatable).sum()),
            capacity: saturate(whole().map(|sum| sum.capacity).sum()),
        })
    }

    fn find(&self, resource: &str, kind: Kind) -> Option<&RequestTotals> {
        self.requested.iter().find(|request| *request.resource == *resource && request.kind == kind)
    }

    fn share(&mut self, id: NodeId, node: Option<&Node>, stores: Stores<'_>) -> NodeShare {
        let Stores { nodes, pods } = stores;
        let Some((_, totals)) = pods.node_at(id) else { return NodeShare::default() };
        let Some(node) = node else {
            return NodeShare { orphaned: totals.pods, requested: Vec::new() };
        };
        let mut share = NodeShare::default();
        for devices in node.devices.iter() {
            let index = self.index(&devices.resource, devices.kind);
            share.add(index, pods.requested_of(totals, &devices.resource), devices.allocatable);
        }
        for (resource, kind, amount) in unannounced(node, totals, pods, nodes.accelerators()) {
            let index = self.index(resource, kind);
            share.add(index, amount, 0);
        }
        share
    }

    fn add(&mut self, part: &NodeShare) {
        self.orphaned += part.orphaned;
        for &(at, amount, over) in &part.requested {
            self.requested[at].requested += amount;
            self.requested[at].over += over;
        }
    }

    /// Index of a resource. A cluster has a handful of device resources; their indices stay.
    fn index(&mut self, resource: &str, kind: Kind) -> usize {
        let known = self.requested.iter().position(|request| *request.resource == *resource && request.kind == kind);
        known.unwrap_or_else(|| {
            self.requested.push(RequestTotals {
                resource: Clean::new(resource),
                kind,
                requested: Quantity::ZERO,
                over: 0,
            });
            self.requested.len() - 1
        })
    }
}
