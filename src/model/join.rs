//! Pods meet nodes here, by name, when read: the order in which they came cannot matter (F76).

use std::time::Duration;

use super::ledger::Ledger;
use super::nodes::Nodes;
use super::rows::lens::unannounced;
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
    requested: Vec<Asked>,
    of: Option<(u64, u64)>,
    at: Mono,
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
                self.ask((&devices.resource, devices.kind), requested, devices.allocatable);
            }
            for (resource, kind, requested) in unannounced(node, ledger, nodes.accelerators()) {
                self.ask((resource, kind), requested, 0);
            }
        }
    }

    fn ask(&mut self, (resource, kind): (&str, Kind), requested: Quantity, allocatable: i64) {
        let over = i128::from(requested.value().saturating_sub(allocatable).max(0));
        match self.requested.iter_mut().find(|asked| *asked.resource == *resource && asked.kind == kind) {
            Some(asked) => {
                asked.requested += requested;
                asked.over += over;
            }
            None => self.requested.push(Asked { resource: Clean::new(resource), kind, requested, over }),
        }
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

    /// Every accelerator that pods on known nodes ask for, or that these nodes name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Kind, Quantity)> {
        self.requested.iter().map(|asked| (&*asked.resource, asked.kind, asked.requested))
    }

    fn find(&self, resource: &str, kind: Kind) -> Option<&Asked> {
        self.requested.iter().find(|asked| *asked.resource == *resource && asked.kind == kind)
    }
}
