//! Placement of a pod that waits: for every node the filters of the scheduler that refuse the pod, as far as nodes and requests
//! decide them.
//!
//! The order is the scheduler's: `NodeUnschedulable`, `TaintToleration`, `NodeAffinity`, `NodeResourcesFit` (kubernetes
//! `pkg/scheduler/apis/config/v1/default_plugins.go`); docs/pods.md says what is not evaluated. Nodes are counted in slices, in
//! large clusters at most once a second, and the last report stays until the next one is ready.

mod count;
mod filter;

use super::join::{SLOWLY, SMALL};
use crate::facts::pod::{NotEvaluated, PodFacts};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::known::Known;
use crate::model::sorter::SLICE;
use crate::model::store::nodes::NodeStore;
use crate::model::store::optional::OptionalApis;
use crate::model::store::pods::PodStore;
use crate::msg::Mono;

use count::PlacementCount;

/// Nodes by the filter that refuses one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementReport {
    /// Revisions of the nodes and of the pods with which the count was begun.
    pub revisions: [u64; 2],
    /// Nodes that were evaluated; a lower bound while their list is not complete.
    pub nodes: Known<u32>,
    /// State of the requests of the nodes' pods: unless they are exact, some nodes have less room than was counted.
    pub requests: Known<()>,
    /// Nodes that no evaluated filter refuses.
    pub fits: u32,
    /// Causes in the order of the filters; within a filter those that refuse the most nodes first.
    pub causes: Vec<CauseCount>,
    /// Constraints of the pod that are not evaluated.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Nodes that one cause refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseCount {
    /// The cause.
    pub cause: PlacementCause,
    /// Nodes of which it is the first cause; all of these and `fits` add up to the nodes.
    pub nodes: u32,
    /// Nodes of which it is the only cause: they would take the pod without it.
    pub alone: u32,
}

/// Cause by which a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlacementCause {
    /// Its kind.
    pub kind: CauseKind,
    /// Resource, or taint as `key=value:effect`; empty for other kinds, and for taints beyond those that are counted by name.
    pub name: Clean,
    /// Shortage of the resource.
    pub shortage: Option<Shortage>,
}

/// Kind of a cause, in the order of evaluation.
///
/// `NodeResourcesFit` reports all resources at once; of these the scarcest are counted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// The node's Ready is not `True`, and the pod does not tolerate the taint for it.
    NotReady,
    /// `spec.unschedulable`, or the taint for it.
    Cordoned,
    /// A taint that the pod does not tolerate.
    Taints,
    /// `spec.nodeSelector`.
    Selector,
    /// Required node affinity.
    Affinity,
    /// Devices.
    Accelerators,
    /// `cpu`.
    Cpu,
    /// `memory`.
    Memory,
    /// `pods`.
    PodSlots,
    /// Any other resource.
    OtherResources,
}

/// Shortage of a resource on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortage {
    /// The node has enough, and other pods hold it.
    Held,
    /// The pod requests more than the node has.
    TooSmall,
    /// The node has none.
    Absent,
}

/// Relation of a number of nodes to the number that the scheduler would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// They are equal.
    Exact,
    /// The scheduler would find at most as many.
    AtMost,
    /// The scheduler would find at least as many.
    AtLeast,
    /// The scheduler may find more or fewer.
    Unknown,
}

impl PlacementReport {
    /// Evaluates all nodes at once, for one-shot outputs; `None` for a pod that does not wait.
    pub(crate) fn of(from: PlacementSource<'_>, pod: &PodFacts<'_>) -> Option<Self> {
        let mut count = PlacementCount::new(from, pod, pod.constraints?);
        count.advance(from, usize::MAX);
        Some(count.into_report())
    }

    /// Bound of [`PlacementReport::fits`].
    #[must_use]
    pub fn bound(&self) -> Bound {
        let all_nodes = self.nodes.exact().is_some();
        let all_filters = self.requests.exact().is_some() && self.not_evaluated.is_empty();
        match (all_nodes, all_filters) {
            (true, true) => Bound::Exact,
            (true, false) => Bound::AtMost,
            (false, true) => Bound::AtLeast,
            (false, false) => Bound::Unknown,
        }
    }

    /// Nodes of which the first cause is of this kind.
    #[must_use]
    pub fn refused(&self, kind: CauseKind) -> u32 {
        self.causes.iter().filter(|count| count.cause.kind == kind).map(|count| count.nodes).sum()
    }

    /// The cause without which the most nodes would take the pod; `None` if no single cause stands against it on any node.
    ///
    /// A request beyond the size of the nodes counts only if nothing else helps; a resource that they lack never does.
    #[must_use]
    pub fn would_help(&self) -> Option<&CauseCount> {
        let removable = |count: &&CauseCount| count.alone > 0 && count.cause.shortage != Some(Shortage::Absent);
        let rank = |count: &CauseCount| (count.cause.shortage != Some(Shortage::TooSmall), count.alone);
        // The last of the best wins in `max_by_key`; the first filter is wanted.
        self.causes.iter().rev().filter(removable).max_by_key(|count| rank(count))
    }
}

/// Placement of the pod that is open, and the next report while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    report: Option<PlacementReport>,
    count: Option<PlacementCount>,
    /// Inputs of the last count that was begun, and when.
    inputs: Option<PlacementInputs>,
    at: Mono,
}

/// Inputs of a report. The end of a list changes no object, but how well they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct PlacementInputs {
    pod: Uid,
    revisions: [u64; 2],
    nodes: Known<()>,
    pods: Known<()>,
    classes: u64,
}

/// Stores that a report is counted from.
#[derive(Clone, Copy)]
pub(crate) struct PlacementSource<'a> {
    pub(crate) nodes: &'a NodeStore,
    pub(crate) pods: &'a PodStore,
    pub(crate) optional: &'a OptionalApis,
    /// State of the list of nodes.
    pub(crate) nodes_known: Known<()>,
    /// State of the list of pods.
    pub(crate) pods_known: Known<()>,
}

impl Placement {
    /// The last report; `None` for a pod that does not wait, and until the first report is ready.
    pub(crate) fn report(&self) -> Option<&PlacementReport> {
        self.report.as_ref()
    }

    /// `true` while the next report is being counted.
    pub(crate) fn is_counting(&self) -> bool {
        self.count.is_some()
    }

    /// Begins a new report if anything that it depends on has changed, and counts its first slice: of a small cluster all of it.
    pub(crate) fn refresh(&mut self, from: PlacementSource<'_>, pod: &PodFacts<'_>, now: Mono) {
        let Some(constraints) = pod.constraints else {
            *self = Self::default();
            return;
        };
        let inputs = PlacementInputs {
            pod: pod.uid,
            revisions: [from.nodes.revision(), from.pods.revision()],
            nodes: from.nodes_known,
            pods: from.pods_known,
            classes: from.optional.class_revision(),
        };
        if self.inputs == Some(inputs) {
            return;
        }
        let alike = self.inputs.is_some_and(|before| before.pod == inputs.pod);
        if !alike {
            *self = Self::default();
        }
        // A count that has begun is finished first: changes that never end must not keep it from the screen.
        let waits = self.is_counting() || (from.nodes.len() > SMALL && now.since(self.at) < SLOWLY);
        if !(alike && waits) {
            self.count = Some(PlacementCount::new(from, pod, constraints));
            (self.inputs, self.at) = (Some(inputs), now);
            self.advance(from);
        }
    }

    /// Counts one slice of the next report, if there is one.
    pub(crate) fn advance(&mut self, from: PlacementSource<'_>) {
        let Some(mut count) = self.count.take() else { return };
        if count.advance(from, SLICE) {
            self.report = Some(count.into_report());
        } else {
            self.count = Some(count);
        }
    }
}

#[cfg(test)]
mod tests;
