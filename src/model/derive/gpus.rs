//! The GPU view: accelerators by model, node pool, namespace or owner; what fits now; and devices held by pods that do not run.
//!
//! Counted again when nodes or pods have changed while it is on the screen, in large clusters at most once a second and in slices;
//! the last report stays until the next one is ready.

mod count;
mod dra;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::fit::{ByLimit, PerDevice, SIZES};
use super::join::{SLOWLY, SMALL};
use crate::facts::accelerator::Kind;
use crate::facts::pod::Since;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::NodeSources;
use crate::model::known::Known;
use crate::model::natural::natural_cmp;
use crate::model::sorter::SLICE;
use crate::model::store::nodes::NodeStore;
use crate::model::store::nodes::admission::ByAdmission;
use crate::model::store::optional::OptionalApis;
use crate::msg::Mono;

use count::ReportCount;

/// Grouping of the accelerators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// The accelerator's model.
    #[default]
    Model,
    /// The pool that the node belongs to, by its labels.
    Pool,
    /// The namespace of the pods.
    Namespace,
    /// The controlling owner of the pods.
    Owner,
}

impl Grouping {
    /// All of them, in the order in which keys go through them.
    pub const ALL: [Self; 4] = [Self::Model, Self::Pool, Self::Namespace, Self::Owner];

    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Pool => "pool",
            Self::Namespace => "namespace",
            Self::Owner => "owner",
        }
    }

    /// Groups are of nodes, and have a capacity; else of pods, and have none.
    #[must_use]
    pub fn of_nodes(self) -> bool {
        matches!(self, Self::Model | Self::Pool)
    }
}

/// The GPU view of one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuReport {
    /// Property that the groups share; `None` until the first report is counted.
    pub by: Option<Grouping>,
    /// Devices first, those of device plugins before those of dynamic resource allocation, then slices and shares; within each
    /// the biggest group first.
    pub groups: Vec<GpuGroup>,
    /// Physical devices of dynamic resource allocation; `None` if they are not seen.
    pub dra_devices: Option<u32>,
    /// Assumed requests of a pod beside each device: the median of the pods that hold devices.
    pub each: PerDevice,
    /// Pods that this median is taken over.
    pub each_of: usize,
    /// How many more pods of each of [`SIZES`] fit.
    pub fits: [i64; SIZES.len()],
    /// Whole devices that are healthy and not requested by whether their node takes pods; only the first are free.
    pub free: ByAdmission,
    /// Whole devices that are requested beyond the healthy ones, node by node.
    pub over_requested: i64,
    /// Free whole devices that no pod of one device can get, by the limit that blocks them.
    pub blocked: ByLimit,
    /// Nodes that take pods and have a free device.
    pub open_nodes: u32,
    /// Most devices that are free on one of them.
    pub largest: i64,
    /// Pods that hold devices and do not run, and claims whose devices no pod uses, the longest first; those of unknown time last.
    pub held: Vec<HeldDevices>,
    /// All of `held` together.
    pub held_sums: HeldSums,
}

/// Sums of held devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldSums {
    /// Devices, slices and shares.
    amounts: [i64; 3],
    /// Pods; one that holds several resources is one.
    pub pods: u32,
    /// Of these: their node is Unknown, and they may run.
    pub silent: u32,
    /// Claims that no pod uses.
    pub claims: u32,
}

impl HeldSums {
    /// How many of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> i64 {
        Self::index(kind).map_or(0, |index| self.amounts[index])
    }

    fn index(kind: Kind) -> Option<usize> {
        match kind {
            Kind::Device => Some(0),
            Kind::Slice => Some(1),
            Kind::Shared => Some(2),
            Kind::Aux => None,
        }
    }

    fn add(held: &[HeldDevices]) -> Self {
        let mut sums = Self::default();
        for held in held {
            if let Some(index) = Self::index(held.kind) {
                sums.amounts[index] = sums.amounts[index].saturating_add(held.amount);
            }
        }
        let count = |of: fn(&&HeldDevices) -> bool| {
            let named = held.iter().filter(of).map(|held| (&*held.namespace, &*held.name));
            u32::try_from(named.collect::<BTreeSet<_>>().len()).unwrap_or(u32::MAX)
        };
        let (pods, claims) = (count(|held| !held.claim), count(|held| held.claim));
        Self { pods, silent: count(|held| held.silent), claims, ..sums }
    }
}

/// Accelerators of one resource and kind in one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuGroup {
    /// The model, pool, namespace or owner; empty where there is none.
    pub name: Clean,
    /// `nvidia.com/gpu`; of devices of dynamic resource allocation the driver.
    pub resource: Clean,
    /// Kind of one unit.
    pub kind: Kind,
    /// Physical devices of dynamic resource allocation.
    pub dra: bool,
    /// Nodes that announce any; of groups of pods the pods.
    pub members: u32,
    /// Requested by bound pods that are neither Succeeded nor Failed; of dynamic resource allocation the devices allocated to claims.
    pub requested: i64,
    /// Of groups of nodes.
    pub supply: Option<Supply>,
}

/// Identity of a group of accelerators by the pods that hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderGroup {
    /// Property that the group shares.
    pub by: Grouping,
    /// Its value; empty where there is none.
    pub name: Clean,
    /// The resource.
    pub resource: Clean,
    /// Kind of one unit.
    pub kind: Kind,
}

impl HolderGroup {
    /// The group in words: `nvidia.com/gpu, model A100`.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { by, name, resource, .. } = self;
        match &**name {
            "" => format!("{resource}, no {}", by.name()),
            name => format!("{resource}, {} {name}", by.name()),
        }
    }
}

/// Supply of a resource in a group of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Sum of `status.capacity`.
    pub capacity: i64,
    /// Sum of `status.allocatable`.
    pub allocatable: i64,
    /// Healthy and not requested, node by node, on nodes that take pods; of dynamic resource allocation the healthy devices of
    /// which nothing is allocated.
    pub free: i64,
    /// The same of nodes that take none, by the reason; nothing at the place of `Admission::Open`.
    pub unschedulable: ByAdmission,
    /// Requested beyond the allocatable amount, node by node.
    pub over_requested: i64,
    /// Of `free`: devices that no pod of one device can get, by what stands in the way; of whole devices only.
    pub blocked: ByLimit,
    /// Announced but not healthy, node by node.
    pub withdrawn: i64,
    /// Promised by labels but never announced.
    pub missing: i64,
    /// How many more pods of each of [`SIZES`] fit; of whole devices only.
    pub fits: Option<[i64; SIZES.len()]>,
}

/// A pod that holds accelerators and does not run, or of which that is not known, or a claim that has devices which no pod uses.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldDevices {
    /// It is a claim.
    pub claim: bool,
    /// A pod that was running when its node, which is Unknown now, last reported.
    pub silent: bool,
    /// Its namespace.
    pub namespace: Clean,
    /// Its name.
    pub name: Clean,
    /// Node that it is bound to; of a claim the node of the devices, `network` if several nodes can use them.
    pub node: Clean,
    /// `Job/llm-7b`; empty without a controller.
    pub owner: Clean,
    /// How many of which resource.
    pub amount: i64,
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// Kind of one unit.
    pub kind: Kind,
    /// `Terminating`, `CrashLoopBackOff`, `ContainerCreating`, ...
    pub state: Clean,
    /// Since when, and what that time is.
    pub since: Option<Since>,
}

/// The report, and the next one while it is counted.
#[derive(Debug, Default)]
pub(crate) struct GpuReports {
    report: Arc<GpuReport>,
    count: Option<ReportCount>,
    /// Inputs of the last count that was begun, and when.
    inputs: Option<ReportInputs>,
    at: Mono,
    /// Number of reports that were counted.
    made: u64,
}

/// Inputs of a report. The end of a list changes no object, but how well they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ReportInputs {
    by: Grouping,
    /// Revisions of the nodes, of the pods and of devices of dynamic resource allocation.
    revisions: [u64; 3],
    pods: Known<()>,
    dra: bool,
}

/// Stores that reports are counted from.
#[derive(Clone, Copy)]
pub(crate) struct ReportSource<'a> {
    pub(crate) nodes: &'a NodeStore,
    pub(crate) source: NodeSources<'a>,
    pub(crate) optional: &'a OptionalApis,
}

impl GpuReports {
    /// The last report.
    pub(crate) fn report(&self) -> &GpuReport {
        &self.report
    }

    /// The same, for a list that keeps it.
    pub(crate) fn shared(&self) -> &Arc<GpuReport> {
        &self.report
    }

    /// Number of reports that were counted.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// `true` while the next report is being counted.
    pub(crate) fn is_counting(&self) -> bool {
        self.count.is_some()
    }

    /// Begins a new report if anything that it shows has changed, and counts its first slice: of a small cluster all of it.
    pub(crate) fn refresh(&mut self, from: ReportSource<'_>, by: Grouping, now: Mono) {
        let (source, optional) = (from.source, from.optional);
        let revisions = [from.nodes.revision(), source.pods.revision(), optional.dra_revision()];
        let inputs = ReportInputs { by, revisions, pods: source.pod_tracks.known(()), dra: optional.dra_known() };
        let alike = self.inputs.is_some_and(|before| inputs == ReportInputs { revisions, ..before });
        // A report that is being counted is finished first: changes that never end must not keep it from the screen.
        let waits = self.is_counting() || (from.nodes.len() > SMALL && now.since(self.at) < SLOWLY);
        if self.inputs != Some(inputs) && !(alike && waits) {
            self.count = Some(ReportCount::new(by, source.pods));
            (self.inputs, self.at) = (Some(inputs), now);
            self.advance(from);
        }
    }

    /// Counts one slice of the next report, if there is one.
    pub(crate) fn advance(&mut self, from: ReportSource<'_>) {
        let Some(mut count) = self.count.take() else { return };
        if !count.advance(from, SLICE) {
            self.count = Some(count);
            return;
        }
        self.report = Arc::new(count.into_report());
        self.made += 1;
    }
}

/// The group with the most devices first, within its kind.
fn biggest_first(a: &GpuGroup, b: &GpuGroup) -> Ordering {
    let size = |group: &GpuGroup| group.supply.map_or(group.requested, |supply| supply.capacity.max(group.requested));
    let same = || size(b).cmp(&size(a)).then_with(|| natural_cmp(&a.name, &b.name));
    (a.kind, a.dra).cmp(&(b.kind, b.dra)).then_with(same)
}

fn longest_first(a: &HeldDevices, b: &HeldDevices) -> Ordering {
    let at = |held: &HeldDevices| (held.since.is_none(), held.since.map(|since| since.at));
    at(a).cmp(&at(b)).then_with(|| natural_cmp(&a.namespace, &b.namespace)).then_with(|| natural_cmp(&a.name, &b.name))
}

#[cfg(test)]
mod tests;
