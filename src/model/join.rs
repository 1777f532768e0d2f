//! Pods meet nodes here, by name, when read: the order in which they came cannot matter (F76).

use std::time::Duration;

use hashbrown::HashMap;

use super::fit;
use super::ledger::{Ledger, NodeId};
use super::nodes::{Node, Nodes};
use super::rows::lens::unannounced;
use crate::facts::accelerator::Kind;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;

/// What takes a look at every node is done whenever something changed up to this size; in larger clusters at most once in
/// [`SLOWLY`], so that the cost of a frame does not grow with the size of the cluster.
pub(crate) const SMALL: usize = 2_000;
/// How often that is.
pub(crate) const SLOWLY: Duration = Duration::from_secs(1);

/// What follows from nodes and pods together. Each node has a part in it, which is taken out and put in anew when it changes.
#[derive(Debug, Default)]
pub(crate) struct Join {
    orphaned: u32,
    requested: Vec<Asked>,
    /// Of nodes that have any: those with devices, and those that only pods know.
    parts: HashMap<NodeId, Part>,
}

/// What is asked of one resource on the nodes where it is of this kind.
#[derive(Debug)]
struct Asked {
    resource: Clean,
    kind: Kind,
    requested: Quantity,
    /// Beyond what is allocatable, node by node.
    over: i128,
}

/// What one node adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    orphaned: u32,
    /// By place in [`Join::requested`]: what is asked, and what of it is over.
    requested: Vec<(usize, Quantity, i128)>,
}

impl Join {
    /// Joins everything. O(nodes), whatever the number of pods.
    pub(crate) fn compute(&mut self, nodes: &Nodes, ledger: &Ledger) {
        *self = Self::default();
        for (id, ..) in ledger.nodes_by_id() {
            self.update(id, ledger.node_in(id, nodes), (nodes, ledger));
        }
    }

    /// Joins a node anew that came, changed or went, or whose pods did; `node` is [`Ledger::node_in`].
    pub(crate) fn update(&mut self, id: NodeId, node: Option<&Node>, (nodes, ledger): (&Nodes, &Ledger)) {
        let new = self.part(id, node, (nodes, ledger));
        let old = if new == Part::default() {
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
        // Pods may have come long before their nodes.
        if self.parts.capacity() > 1024 && self.parts.len() < self.parts.capacity() / 8 {
            self.parts.shrink_to_fit();
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let part = |part: &Part| part.requested.capacity() * size_of::<(usize, Quantity, i128)>();
        self.parts.allocation_size() + self.parts.values().map(part).sum::<usize>()
    }

    /// Pods bound to nodes that are not in the store.
    pub(crate) fn orphaned(&self) -> u32 {
        self.orphaned
    }

    /// Requested of one resource on the nodes where it is of this kind.
    pub(crate) fn requested(&self, resource: &str, kind: Kind) -> Quantity {
        self.find(resource, kind).map_or(Quantity::ZERO, |asked| asked.requested)
    }

    /// Requested beyond what is allocatable, node by node.
    pub(crate) fn over_requested(&self, resource: &str, kind: Kind) -> i64 {
        self.find(resource, kind).map_or(0, |asked| i64::try_from(asked.over).unwrap_or(i64::MAX))
    }

    /// Every accelerator that pods on known nodes ask for or have asked for, or that these nodes name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Kind, Quantity)> {
        self.requested.iter().map(|asked| (&*asked.resource, asked.kind, asked.requested))
    }

    fn find(&self, resource: &str, kind: Kind) -> Option<&Asked> {
        self.requested.iter().find(|asked| *asked.resource == *resource && asked.kind == kind)
    }

    fn part(&mut self, id: NodeId, node: Option<&Node>, (nodes, ledger): (&Nodes, &Ledger)) -> Part {
        let Some((_, totals)) = ledger.node_at(id) else { return Part::default() };
        let Some(node) = node else {
            return Part { orphaned: totals.pods, requested: Vec::new() };
        };
        let mut part = Part::default();
        for devices in node.devices.iter() {
            let amount = ledger.requested_of(totals, &devices.resource);
            self.ask(&mut part, (&devices.resource, devices.kind), (amount, devices.allocatable));
        }
        for (resource, kind, amount) in unannounced(node, totals, ledger, nodes.accelerators()) {
            self.ask(&mut part, (resource, kind), (amount, 0));
        }
        part
    }

    fn ask(&mut self, part: &mut Part, of: (&str, Kind), (amount, allocatable): (Quantity, i64)) {
        let place = self.place(of);
        let over = i128::from(fit::over_requested(allocatable, amount.value()));
        if amount != Quantity::ZERO || over != 0 {
            part.requested.push((place, amount, over));
        }
    }

    fn add(&mut self, part: &Part) {
        self.orphaned += part.orphaned;
        for &(at, amount, over) in &part.requested {
            self.requested[at].requested += amount;
            self.requested[at].over += over;
        }
    }

    /// A cluster has a handful of device resources; their places stay.
    fn place(&mut self, (resource, kind): (&str, Kind)) -> usize {
        let known = self.requested.iter().position(|asked| *asked.resource == *resource && asked.kind == kind);
        known.unwrap_or_else(|| {
            self.requested.push(Asked { resource: Clean::new(resource), kind, requested: Quantity::ZERO, over: 0 });
            self.requested.len() - 1
        })
    }
}
