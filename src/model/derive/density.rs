//! Nodes that are nearly full of pods.

use hashbrown::HashMap;

use crate::facts::text::Clean;
use crate::model::settings::Settings;
use crate::model::store::nodes::{Node, NodeStore};
use crate::model::store::pods::{NodeId, NodeTotals, PodStore};
use crate::msg::Mono;

/// A node over the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FullNode {
    /// Its pods.
    pub pods: u32,
    /// Number of pods that it allows.
    pub allocatable: u32,
    /// Time at which it went over the upper threshold.
    pub since: Mono,
}

/// Nodes that have crossed the upper threshold and are not yet below the lower one.
#[derive(Debug, Default)]
pub(crate) struct Density {
    full: HashMap<NodeId, (Clean, FullNode)>,
    revision: u64,
}

impl Density {
    /// Updates a node that came, changed or went, or whose pods did; `node` is [`PodStore::node_in`].
    pub(crate) fn update(&mut self, id: NodeId, node: Option<&Node>, pods: &PodStore, settings: &Settings, now: Mono) {
        let (named, totals) = pods.node_at(id).unzip();
        // The id of a node without pods may be given to another one.
        let known = self.full.get(&id).filter(|(name, _)| named == Some(name)).map(|(_, full)| *full);
        let over = node.zip(totals).and_then(|(node, totals)| full_node(node, totals, known, settings, now));
        match over {
            Some((name, full)) => {
                self.revision += u64::from(known != Some(full));
                match self.full.get_mut(&id).filter(|_| known.is_some()) {
                    Some((_, held)) => *held = full,
                    None => drop(self.full.insert(id, (name.clone(), full))),
                }
            }
            None => self.revision += u64::from(self.full.remove(&id).is_some()),
        }
    }

    /// Number that grows with every change of what [`Density::full`] returns.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Updates every node. O(nodes).
    pub(crate) fn update_all(&mut self, nodes: &NodeStore, pods: &PodStore, settings: &Settings, now: Mono) {
        self.full.retain(|id, _| pods.node_at(*id).is_some());
        self.revision += 1;
        for (id, ..) in pods.nodes_by_id() {
            self.update(id, pods.node_in(id, nodes), pods, settings, now);
        }
    }

    /// The nodes, in no order.
    pub(crate) fn full(&self) -> impl Iterator<Item = (&Clean, &FullNode)> {
        self.full.values().map(|(name, full)| (name, full))
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.full.allocation_size()
    }
}

/// Name and pods of the node if they are over the threshold; `known` if they were before.
fn full_node<'a>(
    node: &'a Node,
    totals: &NodeTotals,
    known: Option<FullNode>,
    settings: &Settings,
    now: Mono,
) -> Option<(&'a Clean, FullNode)> {
    let pods = totals.pods;
    // A node that allows a single pod stands for that pod and is meant to be full (kubernetes-mixin, the same rule).
    let allocatable = node.pods_allocatable.filter(|pods| *pods > 1)?;
    let limit = if known.is_some() { settings.pod_density_clear_pct } else { settings.pod_density_pct };
    let over = u64::from(pods) * 100 > u64::from(limit) * u64::from(allocatable);
    let since = known.map_or(now, |known| known.since);
    over.then_some((&node.facts.name, FullNode { pods, allocatable, since }))
}
