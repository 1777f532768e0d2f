//! The GPU view: accelerators by model, node pool, namespace or owner; what fits now; and devices held by pods that do not run.
//!
//! Made anew when nodes or pods have changed and somebody looks, in large clusters at most once a second; a frame only reads it.

mod dra;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use super::cluster::AcceleratorTotals;
use super::fit::{self, Admission, ByAdmission, ByLimit, Each, Room, SIZES};
use super::join::{SLOWLY, SMALL};
use super::ledger::Ledger;
use super::nodes::{Node, Nodes};
use super::optional::Optionals;
use super::rows::lens::{Lens, Source};
use super::rows::natural::natural_cmp;
use crate::facts::accelerator::{Kind, Table};
use crate::facts::node::Readiness;
use crate::facts::pod::{Phase, PodFacts, Since};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::msg::Mono;

/// Labels that name a node's pool, group or class of machines: GKE, EKS, Karpenter, AKS (both), the cluster API, kops, `DigitalOcean`,
/// Scaleway, OVH, Linode and Gardener. The first that a node has counts.
const POOL_LABELS: [&str; 13] = [
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "cluster.x-k8s.io/deployment-name",
    "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
    "lke.linode.com/pool-id",
    "worker.gardener.cloud/pool",
];

/// What the accelerators are grouped by.
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

/// What the GPU view shows of one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    /// Devices first, those of device plugins before those of dynamic resource allocation, then slices and shares; within each
    /// the biggest group first.
    pub groups: Vec<Group>,
    /// Physical devices of dynamic resource allocation; `None` if they are not seen.
    pub dra_devices: Option<u32>,
    /// What a pod is taken to ask for beside each device: the median of the pods that hold devices.
    pub each: Each,
    /// Pods that this median is taken over.
    pub each_of: usize,
    /// How many more pods of each of [`SIZES`] fit.
    pub fits: [i64; SIZES.len()],
    /// Whole devices that are healthy and not requested by whether their node takes pods; only the first are free.
    pub free: ByAdmission,
    /// Whole devices that are requested beyond what is healthy, node by node.
    pub over_requested: i64,
    /// Free whole devices that no pod of one device can get, by what stands in the way.
    pub blocked: ByLimit,
    /// Nodes that take pods and have a free device.
    pub open_nodes: u32,
    /// Most devices that are free on one of them.
    pub largest: i64,
    /// Pods that hold devices and do not run, and claims whose devices no pod uses, the longest first; those of unknown time last.
    pub held: Vec<Held>,
    /// All of `held` together.
    pub held_sums: HeldSums,
}

/// What is held, added up.
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
        Self::place(kind).map_or(0, |place| self.amounts[place])
    }

    fn place(kind: Kind) -> Option<usize> {
        match kind {
            Kind::Device => Some(0),
            Kind::Slice => Some(1),
            Kind::Shared => Some(2),
            Kind::Aux => None,
        }
    }

    fn add(held: &[Held]) -> Self {
        let mut sums = Self::default();
        for held in held {
            if let Some(place) = Self::place(held.kind) {
                sums.amounts[place] = sums.amounts[place].saturating_add(held.amount);
            }
        }
        let count = |of: fn(&&Held) -> bool| {
            let named = held.iter().filter(of).map(|held| (&*held.namespace, &*held.name));
            u32::try_from(named.collect::<BTreeSet<_>>().len()).unwrap_or(u32::MAX)
        };
        let (pods, claims) = (count(|held| !held.claim), count(|held| held.claim));
        Self { pods, silent: count(|held| held.silent), claims, ..sums }
    }
}

/// Accelerators of one resource and kind in one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The model, pool, namespace or owner; empty where there is none.
    pub name: Clean,
    /// `nvidia.com/gpu`; of devices of dynamic resource allocation the driver.
    pub resource: Clean,
    /// What one unit of it is.
    pub kind: Kind,
    /// Physical devices of dynamic resource allocation.
    pub dra: bool,
    /// Nodes that announce any; of groups of pods the pods.
    pub members: u32,
    /// Requested by bound pods that are neither Succeeded nor Failed; of dynamic resource allocation what is allocated to claims.
    pub requested: i64,
    /// Of groups of nodes.
    pub supply: Option<Supply>,
}

/// What a group of nodes has of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Sum of `status.capacity`.
    pub capacity: i64,
    /// Sum of `status.allocatable`.
    pub allocatable: i64,
    /// Healthy and not requested, node by node, on nodes that take pods; of dynamic resource allocation the healthy devices of
    /// which nothing is allocated.
    pub free: i64,
    /// The same of nodes that take none, by the reason; nothing at the place of [`Admission::Open`].
    pub unschedulable: ByAdmission,
    /// Requested beyond what is allocatable, node by node.
    pub over_requested: i64,
    /// Of `free`: what no pod of one device can get, by what stands in the way; of whole devices only.
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
pub struct Held {
    /// It is a claim.
    pub claim: bool,
    /// A pod that was running when its node, which is Unknown now, last reported.
    pub silent: bool,
    /// Its namespace.
    pub namespace: Clean,
    /// Its name.
    pub name: Clean,
    /// Where it is bound; of a claim where the devices are, `network` if several nodes can use them.
    pub node: Clean,
    /// `Job/llm-7b`; empty without a controller.
    pub owner: Clean,
    /// How many of which resource.
    pub amount: i64,
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// What one unit of it is.
    pub kind: Kind,
    /// `Terminating`, `CrashLoopBackOff`, `ContainerCreating`, ...
    pub state: Clean,
    /// Since when, and what that time is.
    pub since: Option<Since>,
}

/// The board and what it was made from.
#[derive(Debug, Default)]
pub(crate) struct Boards {
    board: Board,
    of: Option<Basis>,
    at: Mono,
    #[cfg(test)]
    made: u64,
}

/// What decides what is on a board. The end of a list alone changes no object, but what is known of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Basis {
    by: Grouping,
    /// Revisions of the nodes, of the pods and of devices of dynamic resource allocation.
    revisions: [u64; 3],
    pods: Known<()>,
    dra: bool,
}

impl Boards {
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// How often a board was made.
    #[cfg(test)]
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Makes the board anew if something that it shows has changed.
    pub(crate) fn refresh(
        &mut self,
        (nodes, source, optional): (&Nodes, Source<'_>, &Optionals),
        by: Grouping,
        now: Mono,
    ) {
        let revisions = [nodes.revision(), source.ledger.revision(), optional.dra_revision()];
        let of = Some(Basis { by, revisions, pods: source.pods.known(()), dra: optional.dra_known() });
        let same_way = self.of.is_some_and(|before| of == Some(Basis { revisions, ..before }));
        let too_soon = same_way && nodes.len() > SMALL && now.since(self.at) < SLOWLY;
        if self.of != of && !too_soon {
            self.board = board(nodes, source, by);
            self.board.add_dra((nodes, source.ledger, optional), by);
            self.board.held.sort_by(longest_first);
            self.board.held_sums = HeldSums::add(&self.board.held);
            self.of = of;
            self.at = now;
            #[cfg(test)]
            {
                self.made += 1;
            }
        }
    }
}

type Key = (Clean, Clean, Kind);

/// What is added up for a group.
#[derive(Default)]
struct Sum {
    members: u32,
    requested: Quantity,
    supply: [i128; 6],
    unschedulable: [i128; Admission::ALL.len()],
    rooms: Vec<Room>,
}

fn board(nodes: &Nodes, source: Source<'_>, by: Grouping) -> Board {
    let (holders, samples) = holders(nodes, source.ledger, source.accelerators);
    let each = fit::typical(&samples);
    let mut board = Board { each, each_of: samples.len(), ..Board::default() };
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut rooms = Vec::new();
    for node in nodes.iter() {
        let lens = Lens { source, node };
        let open = board.add_node(&lens);
        let room = room(&lens);
        let totals = lens.accelerators();
        let devices = totals.iter().filter(|totals| totals.kind == Kind::Device);
        let over = devices.filter_map(|totals| totals.over_requested.any()).fold(0, i64::saturating_add);
        board.over_requested = board.over_requested.saturating_add(over);
        if by.of_nodes() {
            add_to_groups(&mut sums, (&lens, &totals), by, open.then_some(&room));
        }
        if open && !room.devices.is_empty() {
            rooms.push(room);
        }
    }
    (board.fits, board.blocked) = (fit::fits(&rooms, each), fit::blocked(&rooms, each));
    for holder in holders {
        if !by.of_nodes() {
            let name = if by == Grouping::Namespace { holder.namespace.clone() } else { holder.owner.clone() };
            let sum = sums.entry((name, holder.resource.clone(), holder.kind)).or_default();
            sum.members += 1;
            sum.requested += Quantity::whole(holder.amount);
        }
        if !holder.state.is_empty() {
            board.held.push(holder);
        }
    }
    board.groups = sums.into_iter().map(|(key, sum)| sum.into_group(key, by, each)).collect();
    board.sort_groups();
    board
}

fn longest_first(a: &Held, b: &Held) -> Ordering {
    let at = |held: &Held| (held.since.is_none(), held.since.map(|since| since.at));
    at(a).cmp(&at(b)).then_with(|| natural_cmp(&a.namespace, &b.namespace)).then_with(|| natural_cmp(&a.name, &b.name))
}

impl Board {
    fn sort_groups(&mut self) {
        self.groups.sort_by(|a, b| {
            let size =
                |group: &Group| group.supply.map_or(group.requested, |supply| supply.capacity.max(group.requested));
            let same = || size(b).cmp(&size(a)).then_with(|| natural_cmp(&a.name, &b.name));
            (a.kind, a.dra).cmp(&(b.kind, b.dra)).then_with(same)
        });
    }

    /// Counts the free devices of a node; whether it takes pods.
    fn add_node(&mut self, lens: &Lens<'_>) -> bool {
        let admission = lens.admission();
        let free = free_devices(lens);
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
    fn into_group(self, (name, resource, kind): Key, by: Grouping, each: Each) -> Group {
        let [capacity, allocatable, withdrawn, missing, free, over_requested] =
            self.supply.map(super::cluster::saturate);
        let fits = (kind == Kind::Device).then(|| fit::fits(&self.rooms, each));
        let blocked = fit::blocked(&self.rooms, each);
        let unschedulable = self.unschedulable.map(super::cluster::saturate);
        let requested = self.requested.value();
        let supply =
            Supply { capacity, allocatable, free, unschedulable, over_requested, blocked, withdrawn, missing, fits };
        let supply = by.of_nodes().then_some(supply);
        Group { name, resource, kind, dra: false, members: self.members, requested, supply }
    }
}

/// Adds a node to the groups of its accelerators.
fn add_to_groups(
    sums: &mut BTreeMap<Key, Sum>,
    (lens, totals): (&Lens<'_>, &[AcceleratorTotals]),
    by: Grouping,
    open: Option<&Room>,
) {
    let name = match by {
        Grouping::Model => lens.model().map(Clean::new),
        _ => pool(lens.node),
    };
    for totals in totals {
        let sum = sums.entry((name.clone().unwrap_or_default(), totals.resource.clone(), totals.kind)).or_default();
        sum.members += totals.nodes;
        sum.requested += lens.source.ledger.node_requested(lens.name(), &totals.resource);
        // What is not known of the pods is not shown either.
        let (free, over) = (totals.free.exact().unwrap_or(0), totals.over_requested.any().unwrap_or(0));
        let supply = [totals.capacity, totals.allocatable, totals.withdrawn, totals.missing.unwrap_or(0), free, over];
        for (sum, amount) in sum.supply.iter_mut().zip(supply) {
            *sum += i128::from(amount);
        }
        sum.unschedulable[lens.admission().index()] += i128::from(totals.unschedulable.exact().unwrap_or(0));
        if let (Some(room), Kind::Device, Known::Exact(free)) = (open, totals.kind, totals.free) {
            sum.rooms.push(Room { devices: vec![free], ..room.clone() });
        }
    }
}

/// The pool of a node, by the first label that names one.
fn pool(node: &Node) -> Option<Clean> {
    POOL_LABELS.into_iter().find_map(|label| node.facts.label(label)).filter(|name| !name.is_empty()).cloned()
}

/// Free whole devices of a node, by resource.
fn free_devices(lens: &Lens<'_>) -> Vec<i64> {
    let whole = lens.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
    // Negative amounts are legal and mean nothing: they make no room.
    let requested = |resource: &str| lens.source.ledger.node_requested(lens.name(), resource).value().max(0);
    whole.map(|devices| devices.allocatable.max(0).saturating_sub(requested(&devices.resource))).collect()
}

fn room(lens: &Lens<'_>) -> Room {
    let left = |(requested, allocatable): (Known<i64>, Option<i64>)| {
        allocatable.unwrap_or(0).saturating_sub(requested.any().unwrap_or(0).max(0))
    };
    Room {
        devices: free_devices(lens),
        cpu_milli: left(lens.cpu_milli()),
        memory_bytes: left(lens.memory_bytes()),
        pods: left((lens.pods().map(i64::from), lens.node.pods_allocatable.map(i64::from))),
    }
}

/// Every pod that holds accelerators, one entry for each resource, and what those with whole devices ask for beside them.
fn holders(nodes: &Nodes, ledger: &Ledger, table: &Table) -> (Vec<Held>, Vec<(i64, i64, i64)>) {
    let (mut holders, mut samples) = (Vec::new(), Vec::new());
    for slot in ledger.holders() {
        let pod = ledger.pod(slot);
        let node = nodes.by_name(pod.node);
        let mut devices = 0_i64;
        for &(resource, amount) in &pod.requests.others {
            let kind = node.map_or_else(|| table.classify(resource), |node| table.classify_on(resource, &node.facts));
            let Some(kind) = kind.filter(|kind| *kind != Kind::Aux && amount > Quantity::ZERO) else { continue };
            if kind == Kind::Device {
                devices = devices.saturating_add(amount.value());
            }
            let silent = node.is_some_and(|node| node.readiness == Readiness::Unknown);
            holders.push(held(&pod, (resource, kind, amount.value()), silent));
        }
        if devices > 0 {
            samples.push((devices, pod.requests.cpu.milli(), pod.requests.memory.value()));
        }
    }
    (holders, samples)
}

/// `silent`: its node is Unknown.
fn held(pod: &PodFacts<'_>, (resource, kind, amount): (&str, Kind, i64), silent: bool) -> Held {
    let owner =
        if pod.owner_kind.is_empty() { String::new() } else { format!("{}/{}", pod.owner_kind, pod.owner_name) };
    // What did not run when it was last reported does not run now; what did may have ended since.
    let idle = idle(pod);
    let silent = silent && idle.is_none() && !pod.phase.is_terminal();
    Held {
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
        Phase::Pending => Some(or("Pending")),
        Phase::Unknown => Some(or("Unknown")),
        // A pod that is Running and not ready, without a reason, does what it was made for: it may load a model.
        Phase::Running if !pod.reason.is_empty() && pod.ready < pod.containers => Some(pod.reason),
        Phase::Running | Phase::Succeeded | Phase::Failed => None,
    }
}

#[cfg(test)]
mod tests;
