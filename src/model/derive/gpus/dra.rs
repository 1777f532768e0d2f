//! Devices of dynamic resource allocation in the GPU view.

use super::{GpuGroup, GpuReport, Grouping, HeldDevices, Supply};
use crate::facts::accelerator::{Kind, short_model};
use crate::facts::dra::{ClaimFacts, DeviceScope};
use crate::facts::text::Clean;
use crate::model::derive::dra::{self, GroupDevices, IdleClaim};
use crate::model::store::nodes::admission::Admission;
use crate::model::store::nodes::{Node, NodeStore};
use crate::model::store::optional::OptionalApis;
use crate::model::store::pods::PodStore;

impl GpuReport {
    /// Adds the devices of dynamic resource allocation. What serves an extended resource is allocated to a claim like any other
    /// device, and pods' requests leave it out, so it is here and only here.
    pub(super) fn add_dra(&mut self, nodes: &NodeStore, pods: &PodStore, optional: &OptionalApis, by: Grouping) {
        self.dra_devices = dra::devices_now(optional).map(|devices| devices.all().map_or(0, |all| all.physical));
        if !optional.dra_known() {
            return;
        }
        self.held.extend(dra::idle_claims_now(optional).into_iter().map(HeldDevices::of_claim));
        if by.of_nodes() {
            let name = |scope: &DeviceScope, model: &str| match (by, scope) {
                (Grouping::Model, _) => Clean::new(short_model(model)),
                (_, DeviceScope::Node(node)) => nodes.by_name(node).and_then(Node::pool).cloned().unwrap_or_default(),
                (_, DeviceScope::Network | DeviceScope::Unspecified) => Clean::new("network"),
            };
            // A node that is not there takes no pod, and nothing is known of it.
            let admission = |scope: &DeviceScope| match scope {
                DeviceScope::Node(node) => nodes.by_name(node).map_or(Admission::Unknown, |node| nodes.admission(node)),
                DeviceScope::Network | DeviceScope::Unspecified => Admission::Open,
            };
            let groups = dra::groups_now(optional, name, admission);
            self.groups.extend(groups.into_iter().map(GpuGroup::of_devices));
        } else {
            self.groups.extend(claimed(optional, pods, by));
        }
    }
}

impl HeldDevices {
    /// Devices of a claim that no pod uses.
    fn of_claim(idle: IdleClaim) -> Self {
        let IdleClaim { namespace, name, scope, driver, kind, amount, since } = idle;
        let node = match scope {
            DeviceScope::Node(node) => node,
            DeviceScope::Network | DeviceScope::Unspecified => Clean::new("network"),
        };
        let (owner, state) = (Clean::default(), Clean::new("Unused"));
        Self { claim: true, silent: false, namespace, name, node, owner, amount, resource: driver, kind, state, since }
    }
}

impl GpuGroup {
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

/// Devices of claims, by the namespace of the claim or the owner of the pod that uses it; each physical device once in a group.
fn claimed(optional: &OptionalApis, pods: &PodStore, by: Grouping) -> impl Iterator<Item = GpuGroup> {
    let owner = |namespace: &str, claim: &ClaimFacts| {
        let pod = claim.reserved_for.iter().find_map(|user| pods.find_pod(namespace, &user.name))?;
        let pod = pods.pod(pod);
        (!pod.owner_kind.is_empty()).then(|| Clean::new(&format!("{}/{}", pod.owner_kind, pod.owner_name)))
    };
    let name = |namespace: &str, claim: &ClaimFacts| match by {
        Grouping::Owner => owner(namespace, claim).unwrap_or_default(),
        _ => Clean::new(namespace),
    };
    dra::holdings_now(optional, name).into_iter().map(|holding| GpuGroup {
        name: holding.name,
        resource: holding.driver,
        kind: Kind::Device,
        dra: true,
        members: holding.users,
        requested: holding.devices.into(),
        supply: None,
    })
}
