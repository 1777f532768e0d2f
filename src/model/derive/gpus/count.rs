//! One GPU report in the making, a slice of pods and nodes at a time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem;
use std::vec::IntoIter;

use super::{GpuGroup, GpuReport, Grouping, HeldDevices, HeldSums, ReportSource, Supply, biggest_first, longest_first};
use crate::facts::accelerator::Kind;
use crate::facts::node::Readiness;
use crate::facts::pod::{PodFacts, PodPhase};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::fit::{self, ByLimit, NodeRoom, PerDevice, SIZES};
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::known::{Known, saturate};
use crate::model::sorter::Sorter;
use crate::model::store::nodes::admission::Admission;
use crate::model::store::pods::{PodSlot, PodStore};

/// A report that is being counted. What changes meanwhile is of the next one.
#[derive(Debug)]
pub(super) struct ReportCount {
    by: Grouping,
    stage: Stage,
    /// Pods that hold accelerators.
    holders: IntoIter<PodSlot>,
    /// Devices, thousandths of a core and bytes of each pod with whole devices.
    samples: Vec<(i64, i64, i64)>,
    /// Next slot of the node store.
    slot: usize,
    sums: BTreeMap<GpuGroupKey, Sum>,
    report: GpuReport,
    groups: IntoIter<GpuGroup>,
    sorted_groups: Sorter<GpuGroup>,
    held: IntoIter<HeldDevices>,
    sorted_held: Sorter<HeldDevices>,
}

/// Work of the next slice. Pods are read first: what fits depends on what they request beside their devices.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Holders,
    Nodes,
    Groups,
    Held,
}

/// Devices of one resource that a pod holds.
#[derive(Clone, Copy)]
struct Devices<'a> {
    resource: &'a str,
    kind: Kind,
    amount: i64,
}

type GpuGroupKey = (Clean, Clean, Kind);

/// Sums of one group.
#[derive(Debug, Default)]
struct Sum {
    members: u32,
    requested: Quantity,
    supply: [i128; 6],
    unschedulable: [i128; Admission::ALL.len()],
    fits: [i64; SIZES.len()],
    blocked: ByLimit,
}

impl ReportCount {
    pub(super) fn new(by: Grouping, pods: &PodStore) -> Self {
        Self {
            by,
            stage: Stage::Holders,
            holders: pods.holders().collect::<Vec<_>>().into_iter(),
            samples: Vec::new(),
            slot: 0,
            sums: BTreeMap::new(),
            report: GpuReport { by: Some(by), ..GpuReport::default() },
            groups: IntoIter::default(),
            sorted_groups: Sorter::default(),
            held: IntoIter::default(),
            sorted_held: Sorter::default(),
        }
    }

    /// Counts up to `slice` pods, nodes and rows. Returns `true` when the report is ready.
    pub(super) fn advance(&mut self, from: ReportSource<'_>, slice: usize) -> bool {
        let mut left = slice;
        while left > 0 {
            match self.stage {
                Stage::Holders => {
                    if self.read_holders(from, &mut left) {
                        self.report.each = fit::typical(&self.samples);
                        self.report.each_of = self.samples.len();
                        self.stage = Stage::Nodes;
                    }
                }
                Stage::Nodes => {
                    if self.read_nodes(from, &mut left) {
                        self.add_up(from);
                        self.stage = Stage::Groups;
                    }
                }
                Stage::Groups => {
                    if sort_slice(&mut self.groups, &mut self.sorted_groups, &mut left, biggest_first) {
                        self.stage = Stage::Held;
                    }
                }
                Stage::Held => {
                    if sort_slice(&mut self.held, &mut self.sorted_held, &mut left, longest_first) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// The report, once [`ReportCount::advance`] has returned `true`.
    pub(super) fn into_report(self) -> GpuReport {
        let (groups, held) = (self.sorted_groups.into_rows(), self.sorted_held.into_rows());
        GpuReport { held_sums: HeldSums::add(&held), groups, held, ..self.report }
    }

    /// Reads pods that hold accelerators. Returns `true` when all were read.
    fn read_holders(&mut self, from: ReportSource<'_>, left: &mut usize) -> bool {
        let (pods, table) = (from.source.pods, from.source.accelerators);
        while *left > 0 {
            let Some(slot) = self.holders.next() else { return true };
            *left -= 1;
            let pod = pods.pod(slot);
            let node = from.nodes.by_name(pod.node);
            let mut devices = 0_i64;
            for &(resource, amount) in &pod.requests.others {
                let kind = table.classify_at(resource, node.map(|node| &node.facts));
                let Some(kind) = kind.filter(|kind| *kind != Kind::Aux && amount > Quantity::ZERO) else { continue };
                if kind == Kind::Device {
                    devices = devices.saturating_add(amount.value());
                }
                let silent = node.is_some_and(|node| node.readiness == Readiness::Unknown);
                self.add_holder(held(&pod, Devices { resource, kind, amount: amount.value() }, silent));
            }
            if devices > 0 {
                self.samples.push((devices, pod.requests.cpu.milli(), pod.requests.memory.value()));
            }
        }
        false
    }

    fn add_holder(&mut self, holder: HeldDevices) {
        if !self.by.of_nodes() {
            let name = if self.by == Grouping::Namespace { &holder.namespace } else { &holder.owner };
            let sum = self.sums.entry((name.clone(), holder.resource.clone(), holder.kind)).or_default();
            sum.members += 1;
            sum.requested += Quantity::whole(holder.amount);
        }
        if !holder.state.is_empty() {
            self.report.held.push(holder);
        }
    }

    /// Reads nodes. Returns `true` when all were read.
    fn read_nodes(&mut self, from: ReportSource<'_>, left: &mut usize) -> bool {
        while *left > 0 {
            if self.slot >= from.nodes.slots() {
                return true;
            }
            *left -= 1;
            self.slot += 1;
            if let Some(node) = from.nodes.at(self.slot - 1) {
                self.add_node(&JoinedNode { source: from.source, node });
            }
        }
        false
    }

    fn add_node(&mut self, joined: &JoinedNode<'_>) {
        let open = self.report.add_node(joined);
        let room = room(joined);
        let totals = joined.accelerators();
        let devices = totals.iter().filter(|totals| totals.kind == Kind::Device);
        let over = devices.filter_map(|totals| totals.over_requested.any()).fold(0, i64::saturating_add);
        self.report.over_requested = self.report.over_requested.saturating_add(over);
        if self.by.of_nodes() {
            self.add_to_groups(joined, &totals, open.then_some(&room));
        }
        if open && !room.devices.is_empty() {
            let GpuReport { each, fits, blocked, .. } = &mut self.report;
            add_room(&room, *each, fits, blocked);
        }
    }

    /// Adds a node to the groups of its accelerators.
    fn add_to_groups(&mut self, joined: &JoinedNode<'_>, totals: &[AcceleratorTotals], open: Option<&NodeRoom>) {
        let each = self.report.each;
        let name = match self.by {
            Grouping::Model => joined.model().map(Clean::new),
            _ => joined.node.pool().cloned(),
        };
        for totals in totals {
            let sum =
                self.sums.entry((name.clone().unwrap_or_default(), totals.resource.clone(), totals.kind)).or_default();
            sum.members += totals.nodes;
            sum.requested += joined.source.pods.node_requested(joined.name(), &totals.resource);
            // What is not known of the pods is not shown either.
            let (free, over) = (totals.free.exact().unwrap_or(0), totals.over_requested.any().unwrap_or(0));
            let supply =
                [totals.capacity, totals.allocatable, totals.withdrawn, totals.missing.unwrap_or(0), free, over];
            for (sum, amount) in sum.supply.iter_mut().zip(supply) {
                *sum += i128::from(amount);
            }
            sum.unschedulable[joined.admission().index()] += i128::from(totals.unschedulable.exact().unwrap_or(0));
            if let (Some(room), Kind::Device, Known::Exact(free)) = (open, totals.kind, totals.free) {
                let room = NodeRoom { devices: vec![free], ..room.clone() };
                add_room(&room, each, &mut sum.fits, &mut sum.blocked);
            }
        }
    }

    /// Makes groups of the sums, and adds the devices of dynamic resource allocation.
    fn add_up(&mut self, from: ReportSource<'_>) {
        let by = self.by;
        let groups = mem::take(&mut self.sums).into_iter().map(|(key, sum)| sum.into_group(key, by));
        self.report.groups = groups.collect();
        self.report.add_dra(from.nodes, from.source.pods, from.optional, by);
        self.groups = mem::take(&mut self.report.groups).into_iter();
        self.held = mem::take(&mut self.report.held).into_iter();
    }
}

impl GpuReport {
    /// Counts the free devices of a node. Returns `true` if it takes pods.
    fn add_node(&mut self, joined: &JoinedNode<'_>) -> bool {
        let admission = joined.admission();
        let free = free_devices(joined);
        let sum = free.iter().map(|free| free.max(&0)).fold(0_i64, |sum, free| sum.saturating_add(*free));
        let of_reason = &mut self.free[admission.index()];
        *of_reason = of_reason.saturating_add(sum);
        if admission == Admission::Open && sum > 0 {
            self.open_nodes += 1;
            self.largest = free.into_iter().fold(self.largest, i64::max);
        }
        admission == Admission::Open
    }
}

impl Sum {
    fn into_group(self, (name, resource, kind): GpuGroupKey, by: Grouping) -> GpuGroup {
        let [capacity, allocatable, withdrawn, missing, free, over_requested] = self.supply.map(saturate);
        let (fits, blocked) = ((kind == Kind::Device).then_some(self.fits), self.blocked);
        let unschedulable = self.unschedulable.map(saturate);
        let requested = self.requested.value();
        let supply =
            Supply { capacity, allocatable, free, unschedulable, over_requested, blocked, withdrawn, missing, fits };
        let supply = by.of_nodes().then_some(supply);
        GpuGroup { name, resource, kind, dra: false, members: self.members, requested, supply }
    }
}

/// Adds the fits and the blocked devices of one node.
fn add_room(room: &NodeRoom, each: PerDevice, fits: &mut [i64; SIZES.len()], blocked: &mut ByLimit) {
    let one = std::slice::from_ref(room);
    for (sum, more) in fits.iter_mut().zip(fit::fits(one, each)) {
        *sum = sum.saturating_add(more);
    }
    for (sum, more) in blocked.iter_mut().zip(fit::blocked(one, each)) {
        *sum = sum.saturating_add(more);
    }
}

/// Sorts up to `left` of `rows`, and merges them when all were taken. Returns `true` when they are sorted.
fn sort_slice<T>(
    rows: &mut IntoIter<T>,
    sorter: &mut Sorter<T>,
    left: &mut usize,
    compare: fn(&T, &T) -> Ordering,
) -> bool {
    let some: Vec<T> = rows.by_ref().take(*left).collect();
    *left -= some.len();
    sorter.add(some, compare);
    if rows.len() > 0 {
        return false;
    }
    let done = sorter.merge(*left, compare);
    if !done {
        *left = 0;
    }
    done
}

/// Free whole devices of a node, by resource.
fn free_devices(joined: &JoinedNode<'_>) -> Vec<i64> {
    let whole = joined.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
    // Negative amounts are legal and mean nothing: they make no room.
    let requested = |resource: &str| joined.source.pods.node_requested(joined.name(), resource).value().max(0);
    whole.map(|devices| devices.allocatable.max(0).saturating_sub(requested(&devices.resource))).collect()
}

fn room(joined: &JoinedNode<'_>) -> NodeRoom {
    let left = |(requested, allocatable): (Known<i64>, Option<i64>)| {
        allocatable.unwrap_or(0).saturating_sub(requested.any().unwrap_or(0).max(0))
    };
    NodeRoom {
        devices: free_devices(joined),
        cpu_milli: left(joined.cpu_milli()),
        memory_bytes: left(joined.memory_bytes()),
        pods: left((joined.pods().map(i64::from), joined.node.pods_allocatable.map(i64::from))),
    }
}

/// `silent`: its node is Unknown.
fn held(pod: &PodFacts<'_>, devices: Devices<'_>, silent: bool) -> HeldDevices {
    let Devices { resource, kind, amount } = devices;
    let owner =
        if pod.owner_kind.is_empty() { String::new() } else { format!("{}/{}", pod.owner_kind, pod.owner_name) };
    // What did not run when it was last reported does not run now; what did may have ended since.
    let idle = idle(pod);
    let silent = silent && idle.is_none() && !pod.phase.is_terminal();
    HeldDevices {
        claim: false,
        silent,
        namespace: Clean::new(pod.namespace),
        name: Clean::new(pod.name),
        node: Clean::new(pod.node),
        owner: Clean::new(&owner),
        amount,
        resource: Clean::new(resource),
        kind,
        state: Clean::new(idle.unwrap_or(if silent { "node Unknown" } else { "" })),
        since: pod.since,
    }
}

/// Why a pod that holds devices does not run; `None` for one that does.
fn idle<'a>(pod: &PodFacts<'a>) -> Option<&'a str> {
    let or = |word| if pod.reason.is_empty() { word } else { pod.reason };
    match pod.phase {
        _ if pod.deleting => Some(or("Terminating")),
        PodPhase::Pending => Some(or("Pending")),
        PodPhase::Unknown => Some(or("Unknown")),
        // A pod that is Running but not ready, without a reason, uses its devices: it may be loading a model.
        PodPhase::Running if !pod.reason.is_empty() && pod.ready < pod.containers => Some(pod.reason),
        PodPhase::Running | PodPhase::Succeeded | PodPhase::Failed => None,
    }
}
