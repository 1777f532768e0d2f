//! Gangs of a cluster: how many of the pods that only work together run, of how many, and which of them is the worst off.
//!
//! The rules of a row are in docs/pods.md. While gangs are on the screen they are counted again when pods or nodes have changed, and as
//! time passes: many pods in slices and at most once a second.

mod count;
mod member;
mod state;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::join::SLOWLY;
use crate::facts::accelerator::Kind;
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::model::sorter::SLICE;
use crate::model::store::nodes::NodeStore;
use crate::model::store::pods::PodStore;
use crate::msg::Mono;

use count::GangCount;
use member::GangPods;

pub use crate::model::store::pods::GangKey;
pub use member::{GangCell, GangRanks, MemberClass};
pub use state::{GangState, MemberTrouble};

/// Exact numbers of pods of gangs, as their owners say.
#[derive(Clone, Debug, Default)]
pub struct GangSizes {
    sizes: HashMap<GangKey, u32>,
    revision: u64,
}

impl GangSizes {
    /// Number of pods of a gang; `None` if its owner has not said it.
    #[must_use]
    pub fn of(&self, gang: &GangKey) -> Option<u32> {
        self.sizes.get(gang).copied()
    }

    /// Revision that grows with every change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Sets the number of pods of a gang, or forgets it.
    pub fn set(&mut self, gang: GangKey, size: Option<u32>) {
        self.revision += 1;
        match size {
            Some(size) => self.sizes.insert(gang, size),
            None => self.sizes.remove(&gang),
        };
    }
}

/// Number of pods that a gang needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// As its pods or its owner say.
    Exact(u32),
    /// A lower bound, from the ranks and the number of its pods.
    AtLeast(u32),
}

impl Wanted {
    /// The number, or its lower bound.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Exact(number) | Self::AtLeast(number) => number,
        }
    }
}

/// A gang as the list of gangs shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct GangRow {
    /// Its identity, with namespace, kind and name.
    pub key: GangKey,
    /// Its members: one pod a rank, and the pods without a rank.
    pub members: u32,
    /// Members that run and are ready, on nodes that report.
    pub running: u32,
    /// Number of pods that it needs.
    pub wanted: Wanted,
    /// Accelerators that its members request, sorted by resource.
    pub accelerators: Vec<GangAccelerators>,
    /// Whole devices of members that have a node.
    pub gpus_held: i64,
    /// Whole devices that members without a node wait for.
    pub gpus_waiting: i64,
    /// Its state.
    pub state: GangState,
    /// Members in the state of the worst one; 0 if none is in trouble.
    pub affected: u32,
    /// Time since which it has been in its state; `None` if no object says it.
    pub since: Option<Timestamp>,
    /// The member that is the worst off; `None` if none is in trouble.
    pub worst: Option<WorstMember>,
}

impl GangRow {
    /// Whole devices that its members request.
    #[must_use]
    pub fn gpus(&self) -> i64 {
        self.gpus_held.saturating_add(self.gpus_waiting)
    }
}

/// Accelerators of one resource that a gang requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GangAccelerators {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// Kind of one unit.
    pub kind: Kind,
    /// Sum of the requests of the members.
    pub count: i64,
}

/// Member of a gang that is the worst off: of several alike the first to be so, then that of the lowest rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorstMember {
    /// Name of the pod.
    pub pod: Clean,
    /// Its rank; `None` if the pod does not say it.
    pub rank: Option<u32>,
    /// Its node; empty without one.
    pub node: Clean,
    /// Its trouble.
    pub trouble: MemberTrouble,
    /// The trouble in a word or two: kubectl's STATUS, `node Unknown`, `3 nvidia.com/gpu withdrawn`.
    pub reason: Clean,
    /// Image, device and message of the kubelet or the scheduler; empty without any.
    pub detail: Clean,
    /// Time since which it has been in this trouble; `None` if no object says it.
    pub since: Option<Timestamp>,
    /// Whole devices that it requests.
    pub gpus: i64,
}

/// Stores that gangs are counted from.
#[derive(Clone, Copy)]
pub(crate) struct GangSource<'a> {
    pub(crate) pods: &'a PodStore,
    pub(crate) nodes: &'a NodeStore,
    pub(crate) sizes: &'a GangSizes,
    /// `true` if the list of nodes is complete, so that a node that is not in it is gone.
    pub(crate) knows_nodes: bool,
    /// `true` if each list of pods is complete or forbidden, so that a member that is not in them does not exist.
    pub(crate) knows_pods: bool,
    /// The current time by the server's clock.
    pub(crate) server_now: Timestamp,
}

/// The gangs of one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedGangs {
    /// The gangs that are listed, worst first.
    pub rows: Vec<GangRow>,
    /// Whole devices that their members with a node hold.
    pub gpus_held: i64,
    /// Whole devices that their members without a node wait for.
    pub gpus_waiting: i64,
}

/// One gang with its members in the order of their ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct GangDetail {
    /// The row of the list.
    pub row: GangRow,
    /// The members and the ranks without one, in the order of the ranks; members without a rank come last, by name.
    pub cells: Vec<GangCell>,
    /// Numbers of the ranks.
    pub ranks: GangRanks,
}

/// One gang with its members; `None` if no pod of it is held. A gang is found even if it is too small for the list.
pub(crate) fn detail(from: GangSource<'_>, key: &GangKey) -> Option<GangDetail> {
    let id = from.pods.find_gang(key)?;
    GangPods::of(from, id).detail(from, from.pods.gang(id)?)
}

/// Trouble of a pod as a member of a gang and the time since which it is in it, if an object says it; `None` if the pod has ended, or is
/// in none.
pub(crate) fn trouble_of(from: GangSource<'_>, pod: &PodFacts<'_>) -> Option<(MemberTrouble, Option<Timestamp>)> {
    let node = from.nodes.by_name(pod.node);
    match member::class_of(from, pod, node) {
        class @ MemberClass::Trouble(trouble) if !pod.phase.is_terminal() => {
            Some((trouble, member::since_of(pod, node, class)))
        }
        _ => None,
    }
}

/// The row of one gang; otherwise like [`detail`].
pub(crate) fn row(from: GangSource<'_>, key: &GangKey) -> Option<GangRow> {
    let id = from.pods.find_gang(key)?;
    GangPods::of(from, id).row(from, from.pods.gang(id)?)
}

/// All gangs that are listed, by namespace, name and kind. O(pods of gangs), so not for a frame.
pub(crate) fn all(from: GangSource<'_>) -> Vec<GangRow> {
    let rows = from.pods.gangs().filter_map(|(id, gang)| GangPods::of(from, id).row(from, gang));
    let mut rows: Vec<GangRow> = rows.filter(GangRow::is_listed).collect();
    let order = |row: &GangRow| [&row.key.namespace, &row.key.name, &row.key.kind, &row.key.key].map(Clean::clone);
    rows.sort_by_cached_key(order);
    rows
}

impl GangRow {
    /// Returns `true` if it is a gang: pods that have nobody to work with are none. A `StatefulSet` of one replica and the head of a
    /// `RayCluster` without workers are such; an indexed Job with one pod may run its indexes one after another.
    pub(crate) fn is_listed(&self) -> bool {
        self.wanted.number() > 1
    }
}

/// The gangs of a cluster as they were counted last, and the next count while it is under way.
#[derive(Debug, Default)]
pub(crate) struct GangCounter {
    gangs: Arc<CountedGangs>,
    count: Option<GangCount>,
    inputs: Option<GangInputs>,
    at: Mono,
    /// Pods that were read for the last count.
    pods: usize,
    /// Number of counts that were finished.
    made: u64,
}

/// Inputs of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GangInputs {
    revisions: [u64; 3],
    /// `true` of nodes and of pods if all of them are known.
    knows: [bool; 2],
    /// Seconds of the clock: a pod is in trouble after a time.
    second: u64,
}

impl GangInputs {
    /// The inputs of a count at this time.
    pub(crate) fn of(from: GangSource<'_>, now: Mono) -> Self {
        let revisions = [from.nodes.revision(), from.pods.revision(), from.sizes.revision];
        Self { revisions, knows: [from.knows_nodes, from.knows_pods], second: now.0.as_secs() }
    }
}

impl GangCounter {
    /// The gangs as they were counted last.
    pub(crate) fn gangs(&self) -> &Arc<CountedGangs> {
        &self.gangs
    }

    /// Number of counts that were finished.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// `true` while the gangs are being counted.
    pub(crate) fn is_counting(&self) -> bool {
        self.count.is_some()
    }

    /// Begins a count if anything that it reads has changed, and counts the first slice: of few pods all of it.
    pub(crate) fn refresh(&mut self, from: GangSource<'_>, now: Mono) {
        let inputs = GangInputs::of(from, now);
        // A count that is under way is finished first: changes that never end must not keep it from the screen.
        let waits = self.is_counting() || (self.pods > SLICE && now.since(self.at) < SLOWLY);
        if self.inputs != Some(inputs) && !(self.inputs.is_some() && waits) {
            self.count = Some(GangCount::new(from.pods));
            (self.inputs, self.at) = (Some(inputs), now);
            self.advance(from);
        }
    }

    /// Counts one slice, if a count is under way.
    pub(crate) fn advance(&mut self, from: GangSource<'_>) {
        let Some(mut count) = self.count.take() else { return };
        if !count.advance(from, SLICE) {
            self.count = Some(count);
            return;
        }
        self.pods = count.pods();
        self.gangs = Arc::new(count.into_gangs());
        self.made += 1;
    }
}

#[cfg(test)]
mod tests;
