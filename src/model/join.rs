//! Pods meet nodes here, by name, when read: the order in which they came cannot matter (F76).

use std::time::Duration;

use super::ledger::Ledger;
use super::nodes::Nodes;
use crate::facts::accelerator::Kind;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::msg::Mono;

/// Tables up to this size are joined and sorted whenever something changed; larger ones at most once in [`SLOWLY`], so that
/// the cost of a frame does not grow with the size of the cluster.
pub(crate) const SMALL: usize = 2_000;
/// How often a large table is brought up to date.
pub(crate) const SLOWLY: Duration = Duration::from_secs(1);

/// What follows from nodes and pods together, as of the last time that either changed.
#[derive(Debug, Default)]
pub(crate) struct Join {
    orphaned: u32,
    requested: Vec<(Clean, Kind, Quantity)>,
    of: Option<(u64, u64)>,
    at: Mono,
}

impl Join {
    /// Joins again if something changed.
    pub(crate) fn refresh(&mut self, nodes: &Nodes, ledger: &Ledger, now: Mono) {
        let of = Some((nodes.revision(), ledger.revision()));
        let too_soon = self.of.is_some() && nodes.len() > SMALL && now.since(self.at) < SLOWLY;
        if self.of != of && !too_soon {
            self.compute(nodes, ledger);
            self.at = now;
        }
    }

    /// Joins. O(nodes), whatever the number of pods.
    pub(crate) fn compute(&mut self, nodes: &Nodes, ledger: &Ledger) {
        self.of = Some((nodes.revision(), ledger.revision()));
        self.orphaned = 0;
        self.requested.clear();
        for (name, totals) in ledger.nodes() {
            let Some(node) = nodes.by_name(name) else {
                self.orphaned += totals.pods;
                continue;
            };
            for devices in &node.devices {
                let requested = ledger.node_requested(name, &devices.resource);
                let place = self.requested.iter().position(|(r, k, _)| *r == devices.resource && *k == devices.kind);
                match place {
                    Some(at) => self.requested[at].2 += requested,
                    None => self.requested.push((devices.resource.clone(), devices.kind, requested)),
                }
            }
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
}
