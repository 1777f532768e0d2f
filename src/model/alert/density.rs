//! Nodes that are about to have no place for another pod.

use hashbrown::HashMap;

use crate::facts::text::Clean;
use crate::model::Settings;
use crate::model::ledger::Ledger;
use crate::model::nodes::Nodes;
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
    full: HashMap<Clean, Full>,
}

impl Density {
    /// Looks at a node that came, changed or went, or whose pods did.
    pub(crate) fn look(&mut self, name: &Clean, (nodes, ledger): (&Nodes, &Ledger), settings: &Settings, now: Mono) {
        let known = self.full.get(name).copied();
        match full(name, known, (nodes, ledger), settings) {
            Some((pods, allocatable)) => {
                let since = known.map_or(now, |known| known.since);
                self.full.insert(name.clone(), Full { pods, allocatable, since });
            }
            None => drop(self.full.remove(name)),
        }
    }

    /// Looks at every node. O(nodes).
    pub(crate) fn look_at_all(&mut self, (nodes, ledger): (&Nodes, &Ledger), settings: &Settings, now: Mono) {
        self.full.retain(|name, known| full(name, Some(*known), (nodes, ledger), settings).is_some());
        for (name, _) in ledger.nodes() {
            self.look(&Clean::new(name), (nodes, ledger), settings, now);
        }
    }

    pub(super) fn full(&self) -> impl Iterator<Item = (&Clean, &Full)> {
        self.full.iter()
    }
}

/// The pods of a node and how many it may have, if that is over the threshold.
fn full(
    name: &str,
    known: Option<Full>,
    (nodes, ledger): (&Nodes, &Ledger),
    settings: &Settings,
) -> Option<(u32, u32)> {
    let pods = ledger.node(name)?.pods;
    // A place for one pod is a node that stands for a pod, and meant to be full (kubernetes-mixin, the same rule).
    let allocatable = nodes.by_name(name)?.pods_allocatable.filter(|pods| *pods > 1)?;
    let limit = if known.is_some() { settings.pod_density_clear_pct } else { settings.pod_density_pct };
    (u64::from(pods) * 100 > u64::from(limit) * u64::from(allocatable)).then_some((pods, allocatable))
}
