//! Devices of dynamic resource allocation in the GPU view.

use super::{Board, Group, Grouping, Held, Supply, pool};
use crate::facts::accelerator::{Kind, short_model};
use crate::facts::dra::{ClaimFacts, Place};
use crate::facts::text::Clean;
use crate::model::dra::{GroupDevices, IdleClaim};
use crate::model::fit::Admission;
use crate::model::ledger::Ledger;
use crate::model::nodes::Nodes;
use crate::model::optional::Optionals;

impl Board {
    /// Adds the devices of dynamic resource allocation. What serves an extended resource is allocated to a claim like any other
    /// device, and pods' requests leave it out, so it is here and only here.
    pub(super) fn add_dra(&mut self, (nodes, ledger, optional): (&Nodes, &Ledger, &Optionals), by: Grouping) {
        self.dra_devices = optional.count_devices().map(|devices| devices.all().map_or(0, |all| all.physical));
        if !optional.dra_known() {
            return;
        }
        self.held.extend(optional.idle_claims().into_iter().map(Held::of_claim));
        if by.of_nodes() {
            let name = |place: &Place, model: &str| match (by, place) {
                (Grouping::Model, _) => Clean::new(short_model(model)),
                (_, Place::Node(node)) => nodes.by_name(node).and_then(pool).unwrap_or_default(),
                (_, Place::Network | Place::Unsaid) => Clean::new("network"),
            };
            // A node that is not there takes no pod, and nothing is known of it.
            let admission = |place: &Place| match place {
                Place::Node(node) => nodes.by_name(node).map_or(Admission::Unknown, |node| nodes.admission(node)),
                Place::Network | Place::Unsaid => Admission::Open,
            };
            let groups = optional.device_groups(name, admission);
            self.groups.extend(groups.into_iter().map(Group::of_devices));
        } else {
            self.groups.extend(claimed(optional, ledger, by));
        }
        self.sort_groups();
    }
}

impl Held {
    /// What a claim has and no pod uses.
    fn of_claim(idle: IdleClaim) -> Self {
        let IdleClaim { namespace, name, place, driver, kind, amount, since } = idle;
        let node = match place {
            Place::Node(node) => node,
            Place::Network | Place::Unsaid => Clean::new("network"),
        };
        let (owner, state) = (Clean::default(), Clean::new("Unused"));
        Self { claim: true, silent: false, namespace, name, node, owner, amount, resource: driver, kind, state, since }
    }
}

impl Group {
    /// A group of devices of dynamic resource allocation.
    fn of_devices(devices: GroupDevices) -> Self {
        let GroupDevices { name, driver, nodes, physical, healthy, allocated, free } = devices;
        let mut unschedulable = free.map(i64::from);
        let free = std::mem::take(&mut unschedulable[Admission::Open.index()]);
        let supply = Supply {
            capacity: physical.into(),
            allocatable: healthy.into(),
            free,
            unschedulable,
            withdrawn: (physical - healthy).into(),
            ..Supply::default()
        };
        let (kind, requested, supply) = (Kind::Device, allocated.into(), Some(supply));
        Self { name, resource: driver, kind, dra: true, members: nodes, requested, supply }
    }
}

/// What claims have, by the namespace of the claim or the owner of the pod that uses it; each physical device once in a group.
fn claimed(optional: &Optionals, ledger: &Ledger, by: Grouping) -> impl Iterator<Item = Group> {
    let owner = |namespace: &str, claim: &ClaimFacts| {
        let pod = claim.reserved_for.iter().find_map(|user| ledger.find_pod(namespace, &user.name))?;
        let pod = ledger.pod(pod);
        (!pod.owner_kind.is_empty()).then(|| Clean::new(&format!("{}/{}", pod.owner_kind, pod.owner_name)))
    };
    let name = |namespace: &str, claim: &ClaimFacts| match by {
        Grouping::Owner => owner(namespace, claim).unwrap_or_default(),
        _ => Clean::new(namespace),
    };
    optional.holdings(name).into_iter().map(|holding| Group {
        name: holding.name,
        resource: holding.driver,
        kind: Kind::Device,
        dra: true,
        members: holding.users,
        requested: holding.devices.into(),
        supply: None,
    })
}
