//! Pods in trouble and pods that wait, all of them at once, for one-shot outputs: O(pods in trouble), and for the pods that wait
//! O(nodes) for each combination of constraints and requests, so not for a frame.

use std::rc::Rc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::ClusterState;
use crate::facts::accelerator::Kind;
use crate::facts::pod::{PodConstraints, PodFacts, Requests};
use crate::model::derive::placement::PlacementReport;
use crate::model::table::pods::PodRow;
use crate::msg::Now;

/// A pod without a node.
#[derive(Clone, Debug)]
pub struct PendingPod<'a> {
    /// The facts.
    pub facts: PodFacts<'a>,
    /// Nodes by what keeps it off them, shared by all pods of the same constraints and requests.
    pub placement: Option<Rc<PlacementReport>>,
}

impl ClusterState {
    /// Every pod in trouble, by namespace and name.
    #[must_use]
    pub fn pods_in_trouble(&self, now: Now) -> Vec<PodRow<'_>> {
        let rows = self.maybe_troubled().into_iter().map(|slot| self.row_of(self.pods.pod(slot), now));
        let mut rows: Vec<PodRow<'_>> = rows.filter(|row| row.trouble.is_some()).collect();
        rows.sort_unstable_by_key(|row| (row.facts.namespace, row.facts.name));
        rows
    }

    /// Every pod that waits for a node, by namespace and name, with its placement as of now.
    #[must_use]
    pub fn pending_pods(&self) -> Vec<PendingPod<'_>> {
        let mut placements: HashMap<(&PodConstraints, Requests<'_>), Option<Rc<PlacementReport>>> = HashMap::new();
        let pods = self.pods.waiting().map(|slot| self.pods.pod(slot));
        let mut pods: Vec<PendingPod<'_>> = pods
            .filter_map(|facts| {
                let alike = placements.entry((facts.constraints?, facts.requests.clone()));
                let report = || PlacementReport::of(self.placement_source(), &facts).map(Rc::new);
                let placement = alike.or_insert_with(report).clone();
                Some(PendingPod { facts, placement })
            })
            .collect();
        pods.sort_unstable_by_key(|pod| (pod.facts.namespace, pod.facts.name));
        pods
    }

    /// Devices, slices and shares that a pod requests, by resource: each kind as its node counts it.
    #[must_use]
    pub fn requested_accelerators<'a>(&self, pod: &PodFacts<'a>) -> Vec<(&'a str, i64)> {
        let (node, table) = (self.nodes.by_name(pod.node), self.nodes.accelerators());
        let kind = |resource: &str| table.classify_at(resource, node.map(|node| &node.facts));
        let counted = |resource: &str| kind(resource).is_some_and(|kind| kind != Kind::Aux);
        let requested = pod.requests.others.iter().map(|(resource, amount)| (*resource, amount.value()));
        requested.filter(|(resource, count)| *count > 0 && counted(resource)).collect()
    }

    /// Last change of a node's condition Ready; `None` if the node is gone, or does not say it.
    #[must_use]
    pub fn ready_since(&self, node: &str) -> Option<Timestamp> {
        self.nodes.by_name(node)?.facts.readiness().1
    }
}
