//! Pods that wait for a node in a snapshot: the scheduler's words, and beside them the nodes as of now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{amounts, trouble};
use crate::facts::pod::{NotEvaluated, PodFacts, TroubleKind};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::cluster::{ClusterState, PendingPod};
use crate::model::derive::placement::{CauseKind, PlacementReport};
use crate::model::store::queues::QueueWords;

/// A pod that has no node, and has not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingReport {
    /// Namespace.
    pub namespace: Clean,
    /// Name.
    pub name: Clean,
    /// Name of its gang; `None` without one.
    pub gang: Option<Clean>,
    /// Last change of its condition `PodScheduled`; without that its creation.
    pub since: Option<Timestamp>,
    /// Effective requests that are not 0, by resource: exact decimals in base units.
    pub requests: BTreeMap<Clean, String>,
    /// The scheduler's own words.
    pub scheduler: SchedulerReport,
    /// Nodes as of now by what keeps the pod off them; `None` unless the node list was complete, see `nodes.state`.
    pub now: Option<PlacementNow>,
    /// Words of its queue; `None` if no queue is visible, or it is in none.
    pub queue: Option<QueueReport>,
}

/// Words of the scheduler.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerReport {
    /// Message of the condition `PodScheduled`; `None` if the scheduler has said nothing.
    pub text: Option<Clean>,
    /// Seconds since the scheduler last said it, by an event; the condition does not say it, and without the event it is `None`.
    pub age_seconds: Option<f64>,
}

/// Nodes as of now by what keeps the pod off them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacementNow {
    /// Nodes that no evaluated filter refuses; the scheduler finds at most as many if `notEvaluated` names something, or if
    /// `pods.state` is not `complete`.
    pub fits: u32,
    /// Nodes by the first cause that refuses the pod; these and `fits` add up to the nodes.
    pub causes: RefusedNodes,
    /// Constraints of the pod that are not evaluated.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Nodes by the first cause that refuses a pod, in the order of evaluation from `notReady` backwards (docs/pods.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedNodes {
    /// Devices.
    pub accelerators: u32,
    /// `cpu`.
    pub cpu: u32,
    /// `memory`.
    pub memory: u32,
    /// `pods`.
    pub pod_slots: u32,
    /// Any other resource.
    pub other_resources: u32,
    /// Taints that the pod does not tolerate.
    pub taints: u32,
    /// `spec.nodeSelector`.
    pub selector: u32,
    /// Required node affinity.
    pub affinity: u32,
    /// `spec.unschedulable`.
    pub cordoned: u32,
    /// Ready is not `True`.
    pub not_ready: u32,
}

/// Words of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueReport {
    /// Kind of the object that says it: `Workload`.
    pub source: Clean,
    /// Its reason.
    pub reason: Clean,
    /// Its message; `None` without one.
    pub message: Option<Clean>,
}

/// Every pod that waits for a node, by namespace and name; `nodes_known`: the placements can be shown.
pub(super) fn list(cluster: &ClusterState, nodes_known: bool) -> Vec<PendingReport> {
    cluster.pending_pods().iter().map(|pod| report(cluster, pod, nodes_known)).collect()
}

fn report(cluster: &ClusterState, pod: &PendingPod<'_>, nodes_known: bool) -> PendingReport {
    let PendingPod { facts, placement } = pod;
    PendingReport {
        namespace: Clean::new(facts.namespace),
        name: Clean::new(facts.name),
        gang: trouble::gang(facts),
        since: trouble::since(facts).or(facts.created),
        requests: requests(facts),
        scheduler: SchedulerReport { text: words(facts), age_seconds: None },
        now: placement.as_deref().filter(|_| nodes_known).map(PlacementNow::of),
        queue: cluster.queue_of_pod(facts).map(|words| QueueReport::of(&words)),
    }
}

impl QueueReport {
    fn of(words: &QueueWords<'_>) -> Self {
        let message = Some(&words.entry.message).filter(|message| !message.is_empty());
        Self { source: words.kind().into(), reason: words.reason().into(), message: message.cloned() }
    }
}

/// Message of the condition `PodScheduled`.
fn words(pod: &PodFacts<'_>) -> Option<Clean> {
    let trouble = pod.trouble.filter(|t| matches!(t.kind, TroubleKind::Unschedulable | TroubleKind::Gated))?;
    (!trouble.message.is_empty()).then(|| Clean::new(trouble.message))
}

fn requests(pod: &PodFacts<'_>) -> BTreeMap<Clean, String> {
    let named = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)];
    let all = named.into_iter().chain(pod.requests.others.iter().copied());
    let requested = all.filter(|(_, amount)| *amount != Quantity::ZERO);
    requested.map(|(name, amount)| (Clean::new(name), amounts::decimal(amount))).collect()
}

impl PlacementNow {
    fn of(report: &PlacementReport) -> Self {
        Self {
            fits: report.fits,
            causes: RefusedNodes {
                accelerators: report.refused(CauseKind::Accelerators),
                cpu: report.refused(CauseKind::Cpu),
                memory: report.refused(CauseKind::Memory),
                pod_slots: report.refused(CauseKind::PodSlots),
                other_resources: report.refused(CauseKind::OtherResources),
                taints: report.refused(CauseKind::Taints),
                selector: report.refused(CauseKind::Selector),
                affinity: report.refused(CauseKind::Affinity),
                cordoned: report.refused(CauseKind::Cordoned),
                not_ready: report.refused(CauseKind::NotReady),
            },
            not_evaluated: report.not_evaluated.clone(),
        }
    }
}
