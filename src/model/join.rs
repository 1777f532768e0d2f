//! Pods meet nodes here, by name, when read: the order in which they came cannot matter (F76).

use hashbrown::HashMap;

use super::ledger::Ledger;
use super::nodes::Nodes;
use crate::facts::accelerator::Kind;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;

/// What follows from nodes and pods together. Each node has a part in it, which is taken out and put in anew when it changes.
#[derive(Debug, Default)]
pub(crate) struct Join {
    orphaned: u32,
    requested: Vec<(Clean, Kind, Quantity)>,
    /// Of nodes that have any: those with devices, and those that only pods know.
    parts: HashMap<Clean, Part>,
}

/// What one node adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    orphaned: u32,
    /// By place in `requested`.
    requested: Vec<(usize, Quantity)>,
}

impl Join {
    /// Joins everything. O(nodes), whatever the number of pods.
    pub(crate) fn compute(&mut self, nodes: &Nodes, ledger: &Ledger) {
        *self = Self::default();
        for (name, _) in ledger.nodes() {
            self.update(&Clean::new(name), nodes, ledger);
        }
    }

    /// Joins a node anew that came, changed or went, or whose pods did.
    pub(crate) fn update(&mut self, name: &Clean, nodes: &Nodes, ledger: &Ledger) {
        let new = self.part(name, nodes, ledger);
        let old = if new == Part::default() {
            self.parts.remove(name)
        } else {
            self.add(&new);
            self.parts.insert(name.clone(), new)
        };
        let old = old.unwrap_or_default();
        self.orphaned -= old.orphaned;
        for (at, amount) in old.requested {
            self.requested[at].2 -= amount;
        }
        // Pods may have come long before their nodes.
        if self.parts.capacity() > 1024 && self.parts.len() < self.parts.capacity() / 8 {
            self.parts.shrink_to_fit();
        }
    }

    /// Pods bound to nodes that are not in the store.
    pub(crate) fn orphaned(&self) -> u32 {
        self.orphaned
    }

    /// Requested of one resource on the nodes where it is of this kind.
    pub(crate) fn requested(&self, resource: &str, kind: Kind) -> Quantity {
        let found = self.requested.iter().find(|(r, k, _)| &**r == resource && *k == kind);
        found.map_or(Quantity::ZERO, |(_, _, requested)| *requested)
    }

    fn part(&mut self, name: &str, nodes: &Nodes, ledger: &Ledger) -> Part {
        let Some(totals) = ledger.node(name) else { return Part::default() };
        let Some(node) = nodes.by_name(name) else {
            return Part { orphaned: totals.pods, requested: Vec::new() };
        };
        let mut requested = Vec::new();
        for devices in &node.devices {
            let amount = ledger.node_requested(name, &devices.resource);
            if amount != Quantity::ZERO {
                requested.push((self.place(&devices.resource, devices.kind), amount));
            }
        }
        Part { orphaned: 0, requested }
    }

    fn add(&mut self, part: &Part) {
        self.orphaned += part.orphaned;
        for &(at, amount) in &part.requested {
            self.requested[at].2 += amount;
        }
    }

    /// A cluster has a handful of device resources; their places stay.
    fn place(&mut self, resource: &Clean, kind: Kind) -> usize {
        let known = self.requested.iter().position(|(r, k, _)| r == resource && *k == kind);
        known.unwrap_or_else(|| {
            self.requested.push((resource.clone(), kind, Quantity::ZERO));
            self.requested.len() - 1
        })
    }
}
