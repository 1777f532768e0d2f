//! The members of one gang: which pods count, what each of them does, and the row that follows from them.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::state::{GangState, MemberTrouble};
use super::{GangAccelerators, GangDetail, GangKey, GangRow, GangSource, Wanted, WorstMember};
use crate::facts::accelerator::Kind;
use crate::facts::gang::{GangSystem, Rank};
use crate::facts::node::Readiness;
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, TroubleKind};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::derive::trouble::TroubleClass;
use crate::model::natural::natural_cmp;
use crate::model::store::nodes::{AcceleratorSum, Node};
use crate::model::store::pods::{Gang, GangId, PodSlot};

/// State of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberClass {
    /// It is in trouble, or its node or the devices of its node are.
    Trouble(MemberTrouble),
    /// It does not run yet.
    Starting,
    /// It is being deleted, or its containers have completed.
    Ending,
    /// It runs and is ready.
    Running,
}

impl From<MemberTrouble> for MemberClass {
    fn from(trouble: MemberTrouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl MemberClass {
    /// Order of the classes, worst first.
    #[must_use]
    pub fn severity(self) -> usize {
        self.state().severity()
    }

    /// State of a gang of such a member.
    pub(super) fn state(self) -> GangState {
        match self {
            Self::Trouble(trouble) => GangState::Trouble(trouble),
            Self::Starting => GangState::Starting,
            Self::Ending => GangState::Ending,
            Self::Running => GangState::Running,
        }
    }
}

/// A member, or some adjacent ranks without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GangCell {
    /// Rank of the member, or the first of the ranks; `None` if the pod does not say it.
    pub rank: Option<u32>,
    /// Number of ranks: 1 for a member.
    pub ranks: u32,
    /// State of the member; `None` for ranks without a member.
    pub class: Option<MemberClass>,
}

/// Pods of one gang that have not ended, while they are read.
#[derive(Debug, Default)]
pub(super) struct GangPods {
    pods: Vec<GangPod>,
    accelerators: Vec<GangAccelerators>,
    /// Size that a pod says; the largest if they differ.
    size: Option<u32>,
}

/// One pod of a gang.
#[derive(Clone, Copy, Debug)]
struct GangPod {
    slot: PodSlot,
    uid: Uid,
    rank: Option<Rank>,
    created: Option<Timestamp>,
    deleting: bool,
    bound: bool,
    running: bool,
    /// Whole devices that it requests.
    gpus: i64,
    class: MemberClass,
    since: Option<Timestamp>,
}

impl GangPods {
    /// All pods of a gang.
    pub(super) fn of(from: GangSource<'_>, gang: GangId) -> Self {
        let mut pods = Self::default();
        from.pods.members(gang).for_each(|slot| pods.read(from, slot));
        pods
    }

    /// Reads a pod of the gang. One that has ended is no member any more: the list of pods does not have it either.
    pub(super) fn read(&mut self, from: GangSource<'_>, slot: PodSlot) {
        let pod = from.pods.pod(slot);
        let Some(gang) = pod.gang.filter(|_| !pod.phase.is_terminal()) else { return };
        self.size = self.size.max(gang.size.map(u32::from));
        let node = from.nodes.by_name(pod.node);
        let lost = is_lost(from, &pod, node);
        let class = class_of(from, &pod, node);
        let gpus = self.add_accelerators(from, &pod, node, 1);
        self.pods.push(GangPod {
            slot,
            uid: pod.uid,
            rank: gang.rank,
            created: pod.created,
            deleting: pod.deleting,
            bound: !pod.node.is_empty(),
            running: !lost && runs(&pod),
            gpus,
            class,
            since: since_of(&pod, node, class),
        });
    }

    /// Returns `true` if each slot still has the pod that was read.
    pub(super) fn is_current(&self, from: GangSource<'_>) -> bool {
        self.pods.iter().all(|pod| from.pods.uid(pod.slot) == pod.uid)
    }

    /// Adds the accelerators that a pod requests, or subtracts them with a `sign` of -1; returns the number of whole devices.
    fn add_accelerators(&mut self, from: GangSource<'_>, pod: &PodFacts<'_>, node: Option<&Node>, sign: i64) -> i64 {
        let table = from.nodes.accelerators();
        let mut gpus = 0_i64;
        for &(resource, amount) in pod.requests.others.iter().filter(|(_, amount)| *amount > Quantity::ZERO) {
            let kind = table.classify_at(resource, node.map(|node| &node.facts));
            let Some(kind) = kind.filter(|kind| *kind != Kind::Aux) else { continue };
            let count = amount.value();
            if kind == Kind::Device {
                gpus = gpus.saturating_add(count);
            }
            let known = self.accelerators.iter().position(|sum| *sum.resource == *resource && sum.kind == kind);
            let at = known.unwrap_or_else(|| {
                self.accelerators.push(GangAccelerators { resource: Clean::new(resource), kind, count: 0 });
                self.accelerators.len() - 1
            });
            let sum = &mut self.accelerators[at].count;
            *sum = sum.saturating_add(count.saturating_mul(sign));
        }
        gpus
    }

    /// The row of the gang; `None` if all its pods have ended.
    pub(super) fn row(mut self, from: GangSource<'_>, gang: &Gang) -> Option<GangRow> {
        self.keep_members(from);
        (!self.pods.is_empty()).then(|| self.make_row(from, gang, &GangRanks::of(&self.pods, gang.system)))
    }

    /// The row of the gang and its members one by one; `None` if all its pods have ended.
    pub(super) fn detail(mut self, from: GangSource<'_>, gang: &Gang) -> Option<GangDetail> {
        self.keep_members(from);
        if self.pods.is_empty() {
            return None;
        }
        let ranks = GangRanks::of(&self.pods, gang.system);
        let row = self.make_row(from, gang, &ranks);
        let cells = ranks.cells(from, self.pods, row.wanted);
        Some(GangDetail { row, cells, ranks })
    }

    fn make_row(&self, from: GangSource<'_>, gang: &Gang, ranks: &GangRanks) -> GangRow {
        let key = GangKey::of(gang);
        let wanted = match (from.sizes.of(&key), self.size) {
            // The owner has grown since it was read.
            (Some(size), _) if size < len(self.pods.len()) => Wanted::AtLeast(len(self.pods.len())),
            (Some(size), _) | (None, Some(size)) => Wanted::Exact(size),
            (None, None) => Wanted::AtLeast(ranks.at_least(&self.pods)),
        };
        let state = self.state(wanted, from.knows_pods);
        let worst = self.worst(from, ranks);
        let is_worst = |pod: &&GangPod| worst.as_ref().is_some_and(|worst| pod.class == worst.trouble.into());
        let affected = len(self.pods.iter().filter(is_worst).count());
        let starting = self.pods.iter().filter(|_| state == GangState::Starting).filter_map(|pod| pod.since).min();
        let gpus = |bound| {
            let pods = self.pods.iter().filter(|pod| pod.bound == bound);
            pods.fold(0, |sum: i64, pod| sum.saturating_add(pod.gpus))
        };
        let mut accelerators: Vec<_> = self.accelerators.iter().filter(|sum| sum.count != 0).cloned().collect();
        accelerators.sort_by(|a, b| (&a.resource, a.kind).cmp(&(&b.resource, b.kind)));
        GangRow {
            key,
            members: len(self.pods.len()),
            running: len(self.pods.iter().filter(|pod| pod.running).count()),
            wanted,
            accelerators,
            gpus_held: gpus(true),
            gpus_waiting: gpus(false),
            state,
            affected,
            since: worst.as_ref().and_then(|worst| worst.since).or(starting),
            worst,
        }
    }

    /// Keeps the members: a pod that is being deleted is none if another pod of its rank is not, or was created after it. Of one rank
    /// all pods that are not being deleted stay: tasks of a Volcano Job and cliques of Grove count their ranks each from 0.
    fn keep_members(&mut self, from: GangSource<'_>) {
        if !self.pods.iter().any(|pod| pod.deleting) {
            return;
        }
        let live = self.pods.iter().filter(|pod| !pod.deleting).filter_map(|pod| pod.rank);
        let mut taken: HashSet<Rank> = live.collect();
        self.pods.sort_by_key(|pod| Reverse(pod.created));
        let is_member = |pod: &GangPod| !pod.deleting || pod.rank.is_none_or(|rank| taken.insert(rank));
        let (members, replaced) = std::mem::take(&mut self.pods).into_iter().partition(is_member);
        self.pods = members;
        let replaced: Vec<GangPod> = replaced;
        for pod in replaced {
            let facts = from.pods.pod(pod.slot);
            self.add_accelerators(from, &facts, from.nodes.by_name(facts.node), -1);
        }
    }

    /// The state of the gang. While pods are still being listed only trouble is certain: other members may be bound, or in trouble.
    fn state(&self, wanted: Wanted, knows_pods: bool) -> GangState {
        let worst = self.pods.iter().map(|pod| pod.class.state()).min_by_key(|state| state.severity());
        let worst = worst.unwrap_or(GangState::Running);
        let missing = matches!(wanted, Wanted::Exact(size) if (size as usize) > self.pods.len());
        let is_known = knows_pods || (matches!(wanted, Wanted::Exact(_)) && !missing);
        match worst {
            GangState::Trouble(_) if is_known && self.pods.iter().all(|pod| !pod.bound && waits(pod.class)) => {
                GangState::Waits
            }
            GangState::Trouble(_) => worst,
            _ if !is_known => GangState::NotKnown,
            _ if missing => GangState::Incomplete,
            _ => worst,
        }
    }

    /// The member in the worst trouble.
    fn worst(&self, from: GangSource<'_>, ranks: &GangRanks) -> Option<WorstMember> {
        let troubled = self.pods.iter().filter_map(|pod| match pod.class {
            MemberClass::Trouble(trouble) => Some((pod, trouble)),
            _ => None,
        });
        let order = |pod: &GangPod, trouble: MemberTrouble| {
            let rank = ranks.number(pod.rank);
            (trouble.severity(), pod.since.is_none(), pod.since, rank.is_none(), rank)
        };
        let name = |pod: &GangPod| from.pods.pod(pod.slot).name;
        let (pod, trouble) = troubled.min_by(|(a, a_is), (b, b_is)| {
            order(a, *a_is).cmp(&order(b, *b_is)).then_with(|| natural_cmp(name(a), name(b)))
        })?;
        let facts = from.pods.pod(pod.slot);
        let node = from.nodes.by_name(facts.node);
        let (reason, detail) = reason(&facts, node, trouble);
        Some(WorstMember {
            pod: Clean::new(facts.name),
            rank: ranks.number(pod.rank),
            node: Clean::new(facts.node),
            trouble,
            reason: Clean::new(&reason),
            detail: Clean::new(&detail),
            since: pod.since,
            gpus: pod.gpus,
        })
    }
}

/// Returns `true` for a member that the scheduler has not placed, or that starts.
fn waits(class: MemberClass) -> bool {
    matches!(
        class,
        MemberClass::Starting
            | MemberClass::Trouble(MemberTrouble::Pod(
                TroubleClass::Unschedulable | TroubleClass::Gated | TroubleClass::Unscheduled
            ))
    )
}

/// Returns `true` if a pod runs and is ready, as far as its kubelet says.
fn runs(pod: &PodFacts<'_>) -> bool {
    let is_ready = pod.trouble.is_none_or(|trouble| trouble.kind == TroubleKind::DeviceUnhealthy);
    pod.phase == PodPhase::Running && !pod.deleting && is_ready && pod.ready >= pod.containers
}

/// Returns `true` if the node of a pod does not report, or is gone.
fn is_lost(from: GangSource<'_>, pod: &PodFacts<'_>, node: Option<&Node>) -> bool {
    match node {
        Some(node) => node.readiness == Readiness::Unknown,
        None => from.knows_nodes && !pod.node.is_empty(),
    }
}

/// State of a pod that has not ended as a member of its gang.
pub(super) fn class_of(from: GangSource<'_>, pod: &PodFacts<'_>, node: Option<&Node>) -> MemberClass {
    let own = TroubleClass::of(pod, is_lost(from, pod, node), from.server_now);
    let own = own.map(MemberTrouble::Pod);
    let not_ready = node.is_some_and(|node| node.readiness == Readiness::NotReady);
    let not_ready = not_ready.then_some(MemberTrouble::NodeNotReady);
    let devices = node.and_then(|node| lost_devices(pod, node)).map(|_| MemberTrouble::DevicesLost);
    let worst = [own, not_ready, devices].into_iter().flatten().min_by_key(|trouble| trouble.severity());
    match (worst, pod.phase) {
        (Some(trouble), _) => MemberClass::Trouble(trouble),
        (None, _) if pod.deleting => MemberClass::Ending,
        (None, PodPhase::Running) if pod.ready >= pod.containers => MemberClass::Running,
        (None, PodPhase::Running) => MemberClass::Ending,
        (None, _) => MemberClass::Starting,
    }
}

/// Time since which a member is in its state: of a node that is lost or not Ready its transition, as the alert has it.
pub(super) fn since_of(pod: &PodFacts<'_>, node: Option<&Node>, class: MemberClass) -> Option<Timestamp> {
    match class {
        MemberClass::Trouble(MemberTrouble::NodeNotReady | MemberTrouble::Pod(TroubleClass::NodeLost)) => {
            node.and_then(|node| node.facts.readiness().1)
        }
        MemberClass::Trouble(MemberTrouble::Pod(_)) | MemberClass::Starting => {
            pod.trouble.and_then(|trouble| trouble.since).map(|since| since.at)
        }
        MemberClass::Trouble(MemberTrouble::DevicesLost) | MemberClass::Ending | MemberClass::Running => None,
    }
}

/// The first resource that a pod requests and of which its node has lost devices.
fn lost_devices<'n>(pod: &PodFacts<'_>, node: &'n Node) -> Option<&'n AcceleratorSum> {
    let requests = |resource: &str| pod.requests.amount(resource) > Quantity::ZERO;
    let mut lost = node.devices.iter().filter(|devices| devices.withdrawn() > 0 || devices.missing() > 0);
    lost.find(|devices| requests(&devices.resource))
}

/// Trouble of a member in a word or two, and what the kubelet or the scheduler says about it.
fn reason(pod: &PodFacts<'_>, node: Option<&Node>, trouble: MemberTrouble) -> (String, String) {
    let Some(PodTrouble { message, image, device, .. }) = pod.trouble else {
        return (node_reason(pod, node, trouble), String::new());
    };
    match trouble {
        MemberTrouble::Pod(class) if class != TroubleClass::NodeLost => {
            let image = if class == TroubleClass::ImagePull { image } else { "" };
            let parts = [device, image, message].into_iter().filter(|part| !part.is_empty());
            // The phase alone says less than the class.
            let reason = if pod.reason.is_empty() { class.text() } else { pod.reason };
            (reason.to_owned(), parts.collect::<Vec<_>>().join(" "))
        }
        _ => (node_reason(pod, node, trouble), String::new()),
    }
}

/// Trouble of the node of a member, or of its devices.
fn node_reason(pod: &PodFacts<'_>, node: Option<&Node>, trouble: MemberTrouble) -> String {
    let Some(node) = node else { return "node gone".to_owned() };
    match trouble {
        MemberTrouble::NodeNotReady => "node NotReady".to_owned(),
        MemberTrouble::Pod(_) => "node Unknown".to_owned(),
        MemberTrouble::DevicesLost => lost_devices(pod, node).map_or_else(String::new, |devices| {
            let counts = [(devices.withdrawn(), "withdrawn"), (devices.missing(), "missing")];
            let counts = counts.into_iter().filter(|(count, _)| *count > 0);
            let parts = counts.map(|(count, what)| format!("{count} {} {what}", devices.resource));
            parts.collect::<Vec<_>>().join(", ")
        }),
    }
}

/// Ranks of a gang: those of its jobs one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GangRanks {
    /// Number of the first rank.
    first: u32,
    /// Number after the last rank.
    end: u32,
    /// Offset of each job that has a member.
    jobs: BTreeMap<u16, u32>,
}

impl GangRanks {
    /// The ranks of these members.
    fn of(pods: &[GangPod], system: GangSystem) -> Self {
        let mut highest: BTreeMap<u16, u16> = BTreeMap::new();
        for Rank { job, index } in pods.iter().filter_map(|pod| pod.rank) {
            let known = highest.entry(job).or_default();
            *known = index.max(*known);
        }
        let mut end = 0_u32;
        let jobs = highest.into_iter().map(|(job, highest)| {
            let offset = end;
            end = end.saturating_add(u32::from(highest) + 1);
            (job, offset)
        });
        let jobs = jobs.collect();
        let lowest = pods.iter().filter_map(|pod| pod.rank).map(|rank| u32::from(rank.index)).min();
        let first = lowest.filter(|_| starts_anywhere(system)).unwrap_or(0);
        Self { first, end, jobs }
    }

    /// Number of a rank among those of all jobs; `None` for a pod that does not say its rank.
    pub(crate) fn number(&self, rank: Option<Rank>) -> Option<u32> {
        let Rank { job, index } = rank?;
        Some(self.jobs.get(&job)?.saturating_add(index.into()))
    }

    /// Number of pods that there must be at least.
    fn at_least(&self, pods: &[GangPod]) -> u32 {
        let unranked = len(pods.iter().filter(|pod| pod.rank.is_none()).count());
        (self.end - self.first).saturating_add(unranked).max(len(pods.len()))
    }

    /// The members in the order of their ranks, with the ranks that have none.
    fn cells(&self, from: GangSource<'_>, mut pods: Vec<GangPod>, wanted: Wanted) -> Vec<GangCell> {
        let order = |a: &GangPod, b: &GangPod| -> Ordering {
            let [x, y] = [a, b].map(|pod| self.number(pod.rank));
            let names = || natural_cmp(from.pods.pod(a.slot).name, from.pods.pod(b.slot).name);
            x.is_none().cmp(&y.is_none()).then(x.cmp(&y)).then_with(names)
        };
        pods.sort_by(order);
        let mut cells = Vec::with_capacity(pods.len());
        let (mut next, mut filled) = (self.first, 0_u32);
        let (ranked, unranked) = pods.split_at(pods.partition_point(|pod| pod.rank.is_some()));
        for pod in ranked {
            let number = self.number(pod.rank).unwrap_or(next);
            if let Some(ranks) = number.checked_sub(next).filter(|ranks| *ranks > 0) {
                filled = filled.saturating_add(ranks);
                cells.push(GangCell { rank: Some(next), ranks, class: None });
            }
            next = number.saturating_add(1);
            cells.push(GangCell { rank: Some(number), ranks: 1, class: Some(pod.class) });
        }
        let known = filled.saturating_add(len(pods.len()));
        if let Wanted::Exact(size) = wanted
            && size > known
        {
            let rank = (!ranked.is_empty()).then_some(next);
            cells.push(GangCell { rank, ranks: size - known, class: None });
        }
        cells.extend(unranked.iter().map(|pod| GangCell { rank: None, ranks: 1, class: Some(pod.class) }));
        cells
    }
}

/// Returns `true` if the ranks of a system's gangs may begin above 0: those of a Job whose first indexes have ended, and of a
/// `StatefulSet` with `spec.ordinals.start`.
fn starts_anywhere(system: GangSystem) -> bool {
    matches!(system, GangSystem::Job | GangSystem::StatefulSet)
}

fn len(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
