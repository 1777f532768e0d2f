//! The accelerators of a whole cluster, for a report.

use hashbrown::HashMap;

use super::{AcceleratorTotals, ClusterState, saturate};
use crate::facts::accelerator::Kind;
use crate::model::Known;
use crate::model::fit::{self, Admission};
use crate::model::join::Join;
use crate::model::ledger::Ledger;
use crate::model::nodes::Nodes;

impl ClusterState {
    /// Accelerators by resource and kind, accessories left out; requested as of now, not as of the last frame.
    #[must_use]
    pub fn accelerators(&self) -> Vec<AcceleratorTotals> {
        let mut join = Join::default();
        join.compute(&self.nodes, &self.ledger);
        let free = FreeDevices::count(&self.nodes, &self.ledger);
        let known_free = |resource: &str, kind| {
            let (free, unschedulable) = free.of(resource, kind);
            let known = |sum| self.counted(saturate(sum)).exact_or_unknown();
            (known(free), known(unschedulable))
        };
        let sums = &self.nodes.sums().devices;
        let announced = sums.iter().map(|sum| {
            let (free, unschedulable) = known_free(&sum.resource, sum.kind);
            AcceleratorTotals {
                resource: sum.resource.clone(),
                kind: sum.kind,
                capacity: saturate(sum.capacity),
                allocatable: saturate(sum.allocatable),
                requested: self.counted(join.requested(&sum.resource, sum.kind).value()),
                free,
                unschedulable,
                withdrawn: saturate(sum.withdrawn),
                missing: (sum.promised > 0).then(|| saturate(sum.missing)),
                over_requested: self.counted(join.over_requested(&sum.resource, sum.kind)),
                nodes: sum.nodes,
            }
        });
        let is_announced = |resource: &str, kind| sums.iter().any(|sum| *sum.resource == *resource && sum.kind == kind);
        let asked = join.all().filter(|(resource, kind, _)| !is_announced(resource, *kind));
        let asked = asked.map(|(resource, kind, requested)| {
            let (free, unschedulable) = known_free(resource, kind);
            AcceleratorTotals {
                requested: self.counted(requested.value()),
                free,
                unschedulable,
                over_requested: self.counted(join.over_requested(resource, kind)),
                ..AcceleratorTotals::none(resource, kind)
            }
        });
        let mut totals: Vec<_> = announced.chain(asked).collect();
        totals.sort_by(|a, b| (&a.resource, a.kind).cmp(&(&b.resource, b.kind)));
        totals
    }

    /// A number that is counted over nodes and their pods.
    fn counted<T>(&self, number: T) -> Known<T> {
        let known = self.pods_track.known(number);
        if self.knows_all_nodes() { known } else { known.at_least() }
    }
}

/// Devices that are healthy and not requested, node by node.
#[derive(Debug, Default)]
struct FreeDevices<'a> {
    /// By resource and kind: on nodes that take pods, and on the others.
    sums: HashMap<(&'a str, Kind), (i128, i128)>,
}

impl<'a> FreeDevices<'a> {
    /// Looks at every node.
    fn count(nodes: &'a Nodes, ledger: &Ledger) -> Self {
        let mut count = Self::default();
        for node in nodes.iter() {
            let open = nodes.admission(node) == Admission::Open;
            for devices in node.devices.iter() {
                let requested = ledger.node_requested(&node.facts.name, &devices.resource).value();
                let free = i128::from(fit::free(devices.allocatable, requested));
                let (takes_pods, others) = count.sums.entry((&devices.resource, devices.kind)).or_default();
                *(if open { takes_pods } else { others }) += free;
            }
        }
        count
    }

    fn of(&self, resource: &str, kind: Kind) -> (i128, i128) {
        self.sums.get(&(resource, kind)).copied().unwrap_or_default()
    }
}
