//! Accelerators of a node, and sums over all nodes that are updated with each change.

use super::{Node, amount};
use crate::facts::accelerator::{self, AcceleratorTable, Kind, maker};
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;

/// One accelerator resource of one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AcceleratorSum {
    pub(crate) resource: Clean,
    pub(crate) kind: Kind,
    pub(crate) capacity: i64,
    pub(crate) allocatable: i64,
    /// Devices that the labels promise; `None` if they do not determine it.
    pub(crate) expected: Option<i64>,
}

/// Sums over all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) total: u32,
    pub(crate) ready: u32,
    pub(crate) not_ready: u32,
    pub(crate) unknown: u32,
    pub(crate) cordoned: u32,
    pub(crate) pods_allocatable: u64,
    /// Number of nodes that report how many pods they allow.
    pub(crate) say_pods_allocatable: u32,
    /// Nodes that announce any whole device.
    pub(crate) with_devices: u32,
    /// By resource and kind, sorted.
    pub(crate) devices: Vec<DeviceSum>,
}

/// One accelerator resource over all nodes. The sums are exact, so that a node that reports 2^63-1 can be subtracted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceSum {
    pub(crate) resource: Clean,
    pub(crate) kind: Kind,
    pub(crate) capacity: i128,
    pub(crate) allocatable: i128,
    /// Announced but not healthy, summed over the nodes.
    pub(crate) withdrawn: i128,
    /// Promised by labels but never announced, summed over the nodes whose labels determine it.
    pub(crate) missing: i128,
    /// Number of nodes whose labels determine it.
    pub(crate) promised: u32,
    /// Nodes that announce any.
    pub(crate) nodes: u32,
    /// Nodes that name the resource, even with capacity 0.
    named: u32,
}

impl AcceleratorSum {
    /// Announced but not healthy (skypilot-org/skypilot#10395).
    pub(crate) fn withdrawn(&self) -> i64 {
        self.capacity.saturating_sub(self.allocatable).max(0)
    }

    /// Promised by the labels but never announced.
    pub(crate) fn missing(&self) -> i64 {
        self.expected.map_or(0, |expected| expected.saturating_sub(self.capacity).max(0))
    }
}

impl Sums {
    pub(super) fn add(&mut self, node: &Node) {
        self.total += 1;
        *self.readiness(node.readiness) += 1;
        self.cordoned += u32::from(node.facts.unschedulable);
        self.pods_allocatable += u64::from(node.pods_allocatable.unwrap_or(0));
        self.say_pods_allocatable += u32::from(node.pods_allocatable.is_some());
        self.with_devices += u32::from(has_devices(node));
        for devices in node.devices.iter() {
            let index = self.devices.binary_search_by(|sum| sum.order(devices)).unwrap_or_else(|at| {
                let (resource, kind) = (devices.resource.clone(), devices.kind);
                self.devices.insert(at, DeviceSum::empty(resource, kind));
                at
            });
            let sum = &mut self.devices[index];
            sum.capacity += i128::from(devices.capacity);
            sum.allocatable += i128::from(devices.allocatable);
            sum.withdrawn += i128::from(devices.withdrawn());
            sum.missing += i128::from(devices.missing());
            sum.promised += u32::from(devices.expected.is_some());
            sum.nodes += u32::from(devices.capacity > 0);
            sum.named += 1;
        }
    }

    pub(super) fn subtract(&mut self, node: &Node) {
        self.total -= 1;
        *self.readiness(node.readiness) -= 1;
        self.cordoned -= u32::from(node.facts.unschedulable);
        self.pods_allocatable -= u64::from(node.pods_allocatable.unwrap_or(0));
        self.say_pods_allocatable -= u32::from(node.pods_allocatable.is_some());
        self.with_devices -= u32::from(has_devices(node));
        for devices in node.devices.iter() {
            let Ok(index) = self.devices.binary_search_by(|sum| sum.order(devices)) else { continue };
            let sum = &mut self.devices[index];
            sum.capacity -= i128::from(devices.capacity);
            sum.allocatable -= i128::from(devices.allocatable);
            sum.withdrawn -= i128::from(devices.withdrawn());
            sum.missing -= i128::from(devices.missing());
            sum.promised -= u32::from(devices.expected.is_some());
            sum.nodes -= u32::from(devices.capacity > 0);
            sum.named -= 1;
            if sum.named == 0 {
                self.devices.remove(index);
            }
        }
    }

    fn readiness(&mut self, readiness: Readiness) -> &mut u32 {
        match readiness {
            Readiness::Ready => &mut self.ready,
            Readiness::NotReady => &mut self.not_ready,
            Readiness::Unknown => &mut self.unknown,
        }
    }
}

fn has_devices(node: &Node) -> bool {
    node.devices.iter().any(|devices| devices.kind == Kind::Device && devices.capacity > 0)
}

impl DeviceSum {
    fn empty(resource: Clean, kind: Kind) -> Self {
        Self { resource, kind, capacity: 0, allocatable: 0, withdrawn: 0, missing: 0, promised: 0, nodes: 0, named: 0 }
    }

    fn order(&self, devices: &AcceleratorSum) -> std::cmp::Ordering {
        (&*self.resource, self.kind).cmp(&(&*devices.resource, devices.kind))
    }
}

/// The accelerators of a node, sorted by name: those that it announces and those that its labels promise.
pub(crate) fn devices(facts: &NodeFacts, table: &AcceleratorTable) -> Vec<AcceleratorSum> {
    let allocatable = facts.effective_allocatable();
    let mut found: Vec<AcceleratorSum> = Vec::new();
    let announced = facts.capacity.iter().chain(allocatable).map(|(name, _)| name.clone());
    // Feature discovery names the count of `X` in the label `X.count` (docs/counting.md).
    let promised = facts.labels.iter().filter_map(|(key, _)| key.strip_suffix(".count")).map(Clean::new);
    for resource in announced.chain(promised) {
        let Some(kind) = table.classify_on(&resource, facts).filter(|kind| *kind != Kind::Aux) else { continue };
        if found.iter().any(|devices| devices.resource == resource) {
            continue;
        }
        let expected = accelerator::expected(&resource, facts);
        let (capacity, allocatable) = (amount(&facts.capacity, &resource), amount(allocatable, &resource));
        if capacity.is_none() && allocatable.is_none() && expected.is_none_or(|count| count <= 0) {
            continue;
        }
        // A node that reports only the allocatable amount has announced at least that.
        let capacity = capacity.or(allocatable).map_or(0, Quantity::value);
        let allocatable = allocatable.map_or(0, Quantity::value);
        found.push(AcceleratorSum { resource, kind, capacity, allocatable, expected });
    }
    leave_out_old_names(&mut found);
    found.sort_unstable_by(|a, b| (&a.resource, a.kind).cmp(&(&b.resource, b.kind)));
    found
}

/// Removes names without devices if the same vendor's devices are announced under another name: the kubelet keeps announcing 0
/// of a name that its plugin no longer uses, until it restarts.
fn leave_out_old_names(found: &mut Vec<AcceleratorSum>) {
    let is_there = |devices: &AcceleratorSum| devices.capacity != 0 || devices.allocatable != 0;
    let makers: Vec<String> =
        found.iter().filter(|devices| is_there(devices)).map(|devices| maker(&devices.resource).to_owned()).collect();
    found.retain(|devices| {
        is_there(devices) || devices.missing() > 0 || !makers.iter().any(|there| there == maker(&devices.resource))
    });
}
