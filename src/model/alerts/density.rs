//! Nodes that are about to have no place for another pod.

use hashbrown::HashMap;

use crate::facts::text::Clean;
use crate::model::settings::Settings;
use crate::model::store::nodes::{Node, NodeStore};
use crate::model::store::pods::{NodeId, NodeTotals, PodStore};
use crate::msg::Mono;

/// A node over the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) pods: u32,
    pub(super) allocatable: u32,
    pub(super) since: Mono,
}

/// Nodes that went over the upper threshold and not yet below the lower one.
#[derive(Debug, Default)]
pub(crate) struct Density {
    full: HashMap<NodeId, (Clean, Full)>,
    /// Grows with every change of what is held.
    revision: u64,
}

impl Density {
    /// Looks at a node that came, changed or went, or whose pods did; `node` is [`PodStore::node_in`].
    pub(crate) fn look(
        &mut self,
        (id, node): (NodeId, Option<&Node>),
        ledger: &PodStore,
        settings: &Settings,
        now: Mono,
    ) {
        let (named, totals) = ledger.node_at(id).unzip();
        // The id of a node without pods may be given to another one.
        let known = self.full.get(&id).filter(|(name, _)| named == Some(name)).map(|(_, full)| *full);
        match full(node.zip(totals), known, settings) {
            Some((name, pods, allocatable)) => {
                let since = known.map_or(now, |known| known.since);
                let full = Full { pods, allocatable, since };
                self.revision += u64::from(known != Some(full));
                match self.full.get_mut(&id).filter(|_| known.is_some()) {
                    Some((_, held)) => *held = full,
                    None => drop(self.full.insert(id, (name.clone(), full))),
                }
            }
            None => self.revision += u64::from(self.full.remove(&id).is_some()),
        }
    }

    /// Grows with every change of what is held.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Looks at every node. O(nodes).
    pub(crate) fn look_at_all(&mut self, (nodes, ledger): (&NodeStore, &PodStore), settings: &Settings, now: Mono) {
        self.full.retain(|id, _| ledger.node_at(*id).is_some());
        self.revision += 1;
        for (id, ..) in ledger.nodes_by_id() {
            self.look((id, ledger.node_in(id, nodes)), ledger, settings, now);
        }
    }

    pub(super) fn full(&self) -> impl Iterator<Item = (&Clean, &Full)> {
        self.full.values().map(|(name, full)| (name, full))
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.full.allocation_size()
    }
}

/// The name of a node, its pods and how many it may have, if that is over the threshold.
fn full<'a>(
    node: Option<(&'a Node, &NodeTotals)>,
    known: Option<Full>,
    settings: &Settings,
) -> Option<(&'a Clean, u32, u32)> {
    let (node, totals) = node?;
    let pods = totals.pods;
    // A place for one pod is a node that stands for a pod, and meant to be full (kubernetes-mixin, the same rule).
    let allocatable = node.pods_allocatable.filter(|pods| *pods > 1)?;
    let limit = if known.is_some() { settings.pod_density_clear_pct } else { settings.pod_density_pct };
    let over = u64::from(pods) * 100 > u64::from(limit) * u64::from(allocatable);
    over.then_some((&node.facts.name, pods, allocatable))
}
