//! Nodes that are about to have no place for another pod.

use std::time::Duration;

use hashbrown::HashMap;

use crate::facts::text::Clean;
use crate::model::Settings;
use crate::model::join::SMALL;
use crate::model::ledger::Ledger;
use crate::model::nodes::Nodes;
use crate::msg::Mono;

/// All nodes of a large cluster are looked at this often: pods take longer than this to start.
const SLOWLY: Duration = Duration::from_secs(5);

/// A node over the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) pods: u32,
    pub(super) allocatable: u32,
    pub(super) since: Mono,
}

/// Nodes that went over the upper threshold and not yet below the lower one.
#[derive(Debug, Default)]
pub(super) struct Density {
    full: HashMap<Clean, Full>,
    of: Option<(u64, u64)>,
    at: Mono,
}

impl Density {
    /// Looks at every node, if pods or nodes have changed. O(nodes), at most every 5 s where they are many.
    pub(super) fn refresh(&mut self, (nodes, ledger): (&Nodes, &Ledger), settings: &Settings, now: Mono) {
        let of = Some((nodes.revision(), ledger.revision()));
        let too_soon = self.of.is_some() && nodes.len() > SMALL && now.since(self.at) < SLOWLY;
        if self.of == of || too_soon {
            return;
        }
        (self.of, self.at) = (of, now);
        let mut full = HashMap::new();
        for (name, totals) in ledger.nodes() {
            let Some(node) = nodes.by_name(name) else { continue };
            // A place for one pod is a node that stands for a pod, and meant to be full (kubernetes-mixin, the same rule).
            let Some(allocatable @ 2..) = node.pods_allocatable else { continue };
            let known = self.full.get(name);
            let limit = if known.is_some() { settings.pod_density_clear_pct } else { settings.pod_density_pct };
            if u64::from(totals.pods) * 100 > u64::from(limit) * u64::from(allocatable) {
                let since = known.map_or(now, |known| known.since);
                full.insert(node.facts.name.clone(), Full { pods: totals.pods, allocatable, since });
            }
        }
        self.full = full;
    }

    pub(super) fn full(&self) -> impl Iterator<Item = (&Clean, &Full)> {
        self.full.iter()
    }
}
