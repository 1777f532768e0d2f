//! Counts the nodes by the causes that refuse a pod, a slice at a time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::filter::WaitingPod;
use super::{CauseCount, CauseKind, PlacementCause, PlacementReport, PlacementSource};
use crate::facts::pod::{PodConstraints, PodFacts};
use crate::facts::text::Clean;

/// Taints that are counted by name: a cluster may have one of its own for each node.
const MOST_TAINTS: usize = 256;

/// A report that is being counted. What changes meanwhile is of the next one.
#[derive(Debug)]
pub(super) struct PlacementCount {
    pod: WaitingPod,
    report: PlacementReport,
    /// Next slot of the node store.
    slot: usize,
    nodes: u32,
    tallies: BTreeMap<PlacementCause, Tally>,
    /// Number of taints among the tallies.
    taints: usize,
}

/// Nodes of which a cause is the first, and of which it is the only one.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    first: u32,
    alone: u32,
}

impl PlacementCount {
    pub(super) fn new(from: PlacementSource<'_>, pod: &PodFacts<'_>, constraints: &PodConstraints) -> Self {
        let pod = WaitingPod::new(pod, constraints, from.nodes.accelerators(), from.optional);
        let report = PlacementReport {
            revisions: [from.nodes.revision(), from.pods.revision()],
            nodes: from.nodes_known.map(|()| 0),
            requests: from.pods_known,
            fits: 0,
            causes: Vec::new(),
            not_evaluated: pod.not_evaluated(),
        };
        Self { pod, report, slot: 0, nodes: 0, tallies: BTreeMap::new(), taints: 0 }
    }

    /// Evaluates up to `slice` nodes. Returns `true` when all were.
    pub(super) fn advance(&mut self, from: PlacementSource<'_>, slice: usize) -> bool {
        let end = self.slot.saturating_add(slice).min(from.nodes.slots());
        for slot in self.slot..end {
            let Some(node) = from.nodes.at(slot) else { continue };
            self.nodes += 1;
            let (mut first, mut causes) = (None, 0_u32);
            self.pod.refused_by(node, from.pods, |cause| {
                causes += 1;
                if first.is_none() {
                    first = Some(cause());
                }
            });
            match first {
                Some(cause) => self.add(cause, causes == 1),
                None => self.report.fits += 1,
            }
        }
        self.slot = end;
        end >= from.nodes.slots()
    }

    fn add(&mut self, mut cause: PlacementCause, alone: bool) {
        if cause.kind == CauseKind::Taints && !self.tallies.contains_key(&cause) {
            self.taints += 1;
            if self.taints > MOST_TAINTS {
                cause.name = Clean::default();
            }
        }
        let tally = self.tallies.entry(cause).or_default();
        tally.first += 1;
        tally.alone += u32::from(alone);
    }

    /// The report, once [`PlacementCount::advance`] has returned `true`.
    pub(super) fn into_report(self) -> PlacementReport {
        let counts = self.tallies.into_iter();
        let counts = counts.map(|(cause, tally)| CauseCount { cause, nodes: tally.first, alone: tally.alone });
        let mut causes: Vec<CauseCount> = counts.collect();
        // A stable sort: causes of one kind and number stay in the order of their names.
        causes.sort_by_key(|count| (count.cause.kind, Reverse(count.nodes)));
        PlacementReport { nodes: self.report.nodes.map(|_| self.nodes), causes, ..self.report }
    }
}
