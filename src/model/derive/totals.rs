//! Accelerators of a whole cluster, for a report.

use hashbrown::HashMap;

use crate::facts::accelerator::Kind;
use crate::model::derive::fit;
use crate::model::derive::join::Join;
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::known::saturate;
use crate::model::store::Stores;
use crate::model::store::nodes::admission::Admission;
use crate::model::store::tracks::CoreTracks;

/// Accelerators by resource and kind without auxiliary resources; requests are current, not as of the last frame.
pub(crate) fn accelerators(stores: Stores<'_>, tracks: &CoreTracks) -> Vec<AcceleratorTotals> {
    let mut join = Join::default();
    join.compute(stores);
    let free = FreeDevices::count(stores);
    let known_free = |resource: &str, kind| {
        let (free, unschedulable) = free.of(resource, kind);
        let known = |sum| tracks.counted(saturate(sum)).exact_or_unknown();
        (known(free), known(unschedulable))
    };
    let sums = &stores.nodes.sums().devices;
    let announced = sums.iter().map(|sum| {
        let (free, unschedulable) = known_free(&sum.resource, sum.kind);
        AcceleratorTotals {
            resource: sum.resource.clone(),
            kind: sum.kind,
            capacity: saturate(sum.capacity),
            allocatable: saturate(sum.allocatable),
            requested: tracks.counted(join.requested(&sum.resource, sum.kind).value()),
            free,
            unschedulable,
            withdrawn: saturate(sum.withdrawn),
            missing: (sum.promised > 0).then(|| saturate(sum.missing)),
            over_requested: tracks.counted(join.over_requested(&sum.resource, sum.kind)),
            nodes: sum.nodes,
        }
    });
    let is_announced = |resource: &str, kind| sums.iter().any(|sum| *sum.resource == *resource && sum.kind == kind);
    let asked = join.all().filter(|(resource, kind, _)| !is_announced(resource, *kind));
    let asked = asked.map(|(resource, kind, requested)| {
        let (free, unschedulable) = known_free(resource, kind);
        AcceleratorTotals {
            requested: tracks.counted(requested.value()),
            free,
            unschedulable,
            over_requested: tracks.counted(join.over_requested(resource, kind)),
            ..AcceleratorTotals::none(resource, kind)
        }
    });
    let mut totals: Vec<_> = announced.chain(asked).collect();
    totals.sort_by(|a, b| (&a.resource, a.kind).cmp(&(&b.resource, b.kind)));
    totals
}

/// Devices that are healthy and not requested, node by node.
#[derive(Debug, Default)]
struct FreeDevices<'a> {
    /// Sums by resource and kind: on nodes that take pods, and on the others.
    sums: HashMap<(&'a str, Kind), (i128, i128)>,
}

impl<'a> FreeDevices<'a> {
    /// Counts the free devices of every node.
    fn count(stores: Stores<'a>) -> Self {
        let Stores { nodes, pods } = stores;
        let mut count = Self::default();
        for node in nodes.iter() {
            let open = nodes.admission(node) == Admission::Open;
            for devices in node.devices.iter() {
                let requested = pods.node_requested(&node.facts.name, &devices.resource).value();
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
