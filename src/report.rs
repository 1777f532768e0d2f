//! One-shot outputs of the same model that the dashboard shows.
//!
//! A value that is not known is `null` with a state beside it, never 0.

mod alerts;
mod amounts;
mod build;
pub mod check;
mod gangs;
mod item;
mod pending;
mod table;
mod trouble;

use jiff::Timestamp;
use serde::Serialize;

use crate::facts::accelerator::Kind;
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::model::cluster::ClusterState;
use crate::model::derive::dra::DriverDevices;
use crate::model::known::Known;
use crate::msg::{Layer, Now};

pub use alerts::AlertReport;
pub use amounts::{ResourceReport, ResourceReports};
pub use gangs::{GangReport, WorstReport};
pub use item::{Item, ItemAccelerator, ItemCondition, ItemPods, ItemTaint, ItemUsage};
pub use pending::{PendingReport, PlacementNow, QueueReport, RefusedNodes, SchedulerReport};
pub use table::table;
pub use trouble::{AcceleratorCount, OwnerReport, TroubleReport};

/// The clusters at one time: `watchbell snapshot -o json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// `watchbell/v1`.
    pub api_version: &'static str,
    /// `Snapshot`.
    pub kind: &'static str,
    /// Time of the snapshot, by the clock of this host.
    pub time: Timestamp,
    /// The clusters in the order of the command line.
    pub clusters: Vec<ClusterReport>,
}

/// One cluster of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// The context.
    pub context: Clean,
    /// The server's URL, without credentials.
    pub server: Option<Clean>,
    /// State of its API: `ok`, `partial`, `slow`, `recovering`, `failing`, `throttled`, `polling`, `loading`, `denied`,
    /// `unreadable` (some objects), `unanswered` (the last probe), `stale`, `unreachable`, `broken`.
    pub state: &'static str,
    /// Sums over nodes.
    pub nodes: NodeSums,
    /// By resource and kind; `None` unless the node list was complete, see `nodes.state`.
    pub accelerators: Option<Vec<Accelerator>>,
    /// Sums over pods.
    pub pods: Pods,
    /// Pods in trouble, by namespace and name; `None` unless pods are known, see `pods.state`.
    pub trouble: Option<Vec<TroubleReport>>,
    /// Gangs, by namespace, name and kind; `None` unless pods are known, see `pods.state`.
    pub gangs: Option<Vec<GangReport>>,
    /// Pods that wait for a node, by namespace and name; `None` unless pods are known, see `pods.state`.
    pub pending: Option<Vec<PendingReport>>,
    /// Firing alerts, worst first.
    pub alerts: Vec<AlertReport>,
    /// Every resource summed over the nodes and their pods; `None` unless the node list was complete, see `nodes.state`.
    pub resources: Option<ResourceReports>,
    /// Visibility of node usage.
    pub usage: UsageReport,
    /// Devices of dynamic resource allocation.
    pub dra: DraReport,
    /// Visibility of the kubelets' leases.
    pub leases: OptionalReport,
    /// The API, measured from this host.
    pub api: Api,
    /// Lists that are read in smaller pages than usual, and why.
    pub smaller_pages: Vec<SmallerPages>,
    /// The last failures, newest first.
    pub errors: Vec<FaultReport>,
    /// The nodes by name; those read so far while `nodes.state` is `loading`, `None` before the first page.
    pub items: Option<Vec<Item>>,
}

/// State of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueState {
    /// A list was read to its end, and later changes are applied.
    Complete,
    /// The first list runs; numbers would be lower bounds and are left out.
    Loading,
    /// Listing is forbidden.
    Denied,
    /// Nothing was read.
    Unknown,
    /// Read to the end, but for pods of other namespaces than those that are watched or objects that could not be read: numbers are
    /// lower bounds, or left out.
    Partial,
    /// Was complete once; the watch is lost, or nothing has proved it fresh for too long.
    Stale,
}

/// Sums over nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSums {
    /// State of the numbers.
    pub state: ValueState,
    /// All of them.
    pub total: Option<u32>,
    /// Ready is `True`.
    pub ready: Option<u32>,
    /// Ready is `False`.
    pub not_ready: Option<u32>,
    /// Ready is `Unknown` or absent.
    pub unknown: Option<u32>,
    /// `spec.unschedulable`, whatever Ready says.
    pub cordoned: Option<u32>,
    /// Objects, of the last list and later, that could not be decoded; they count nowhere else.
    pub unreadable: u32,
}

/// One accelerator resource of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// `device`, `slice` or `shared`.
    pub kind: Kind,
    /// Sum of `status.capacity`.
    pub capacity: i64,
    /// Sum of `status.allocatable`.
    pub allocatable: i64,
    /// Requests of bound pods that are neither Succeeded nor Failed; `pods.state` says of which pods.
    pub requested: Option<i64>,
    /// Healthy and not requested, node by node, on schedulable nodes.
    pub free: Option<i64>,
    /// Healthy and not requested on unschedulable nodes: not Ready, being deleted, cordoned or tainted.
    pub unschedulable: Option<i64>,
    /// Registered but unhealthy: capacity − allocatable, node by node.
    pub withdrawn: i64,
    /// Expected by labels but not registered; `None` without such labels.
    pub missing: Option<i64>,
    /// Requested beyond the allocatable amount, node by node.
    pub over_requested: Option<i64>,
    /// Nodes that register any.
    pub nodes: u32,
}

/// Sums over pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// State of the numbers.
    pub state: ValueState,
    /// The namespaces that are watched; `None`: the whole cluster.
    pub namespaces: Option<Vec<Namespace>>,
    /// Bound to a node and neither Succeeded nor Failed.
    pub bound: Option<u32>,
    /// Of those: being deleted.
    pub terminating: Option<u32>,
    /// Of those: owned by a `DaemonSet`.
    pub daemon_set: Option<u32>,
    /// Of those: mirrors of static pods.
    #[serde(rename = "static")]
    pub mirror: Option<u32>,
    /// Sum of `allocatable.pods` over the nodes; see `nodes.state`.
    pub allocatable: Option<u32>,
    /// Without a node, and neither Succeeded nor Failed.
    pub unscheduled: Option<u32>,
    /// Bound to nodes that are not in the list; they are in `bound` and on no node. `None` until both lists are complete.
    pub orphaned: Option<u32>,
    /// Objects, of the last list and later, that could not be decoded; they count nowhere else.
    pub unreadable: u32,
}

/// A namespace whose pods are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Its name.
    pub name: Clean,
    /// State of its pods.
    pub state: ValueState,
}

/// Visibility of the usage of nodes (`metrics.k8s.io`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// `true` if it is visible now.
    pub visible: bool,
    /// The reason if it is not visible.
    pub reason: Option<String>,
    /// Seconds since the newest measurement; `None` without any.
    pub age_seconds: Option<f64>,
}

/// Visibility of an optional API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptionalReport {
    /// `true` if it is visible now.
    pub visible: bool,
    /// The reason if it is not visible.
    pub reason: Option<String>,
}

/// Devices of dynamic resource allocation (`resource.k8s.io`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DraReport {
    /// `true` if slices and claims are visible now.
    pub visible: bool,
    /// The reason if it is not visible.
    pub reason: Option<String>,
    /// All devices by driver; `None` until slices and claims were read.
    pub drivers: Option<Vec<DriverDevices>>,
    /// Devices of `drivers` that several nodes can use, over a network.
    pub network: Option<Vec<DriverDevices>>,
    /// Allocated devices that no slice names (any more).
    pub stray: Option<u32>,
    /// Device taint rules; `None` if they are not visible, and only the drivers' own taints count.
    pub taint_rules: Option<usize>,
    /// Device taint rules that select by a class or an expression, and are not counted.
    pub taint_rules_not_evaluated: Option<u32>,
    /// Extended resources that a device class serves.
    pub extended_resources: Vec<Bridge>,
}

/// A device class that serves an extended resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bridge {
    /// The resource that pods request.
    pub resource: Clean,
    /// The class.
    pub device_class: Clean,
}

/// The API, measured from this host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    /// Median of the work probe, milliseconds; `None` without a sample.
    pub probe_p50_ms: Option<f64>,
    /// `true` if the median is a lower bound: the probe at that rank timed out.
    pub probe_p50_at_least: bool,
    /// 95th percentile.
    pub probe_p95_ms: Option<f64>,
    /// `true` if the 95th percentile is a lower bound.
    pub probe_p95_at_least: bool,
    /// Timeouts of all calls since the start.
    pub timeouts: u64,
    /// Requests since the start.
    pub requests: u64,
}

/// A list that is read in smaller pages than usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SmallerPages {
    /// `nodes` or `pods`.
    pub resource: &'static str,
    /// Objects requested in one page.
    pub size: u32,
    /// The failure of the larger ones: `a stall`.
    pub after: &'static str,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultReport {
    /// Time by the clock of this host.
    pub time: Timestamp,
    /// The layer that failed.
    pub layer: Layer,
    /// The request.
    pub request: Clean,
    /// HTTP code, if an answer came.
    pub code: Option<u16>,
    /// The error.
    pub text: Clean,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// The clusters at this moment.
#[must_use]
pub fn snapshot(model: &Model, now: Now) -> Snapshot {
    Snapshot::of(model.clusters().iter().map(|of| cluster(of, now)).collect(), now.wall)
}

/// One cluster at this moment.
#[must_use]
pub fn cluster(cluster: &ClusterState, now: Now) -> ClusterReport {
    build::cluster(cluster, now)
}

impl Snapshot {
    /// The document of these reports.
    #[must_use]
    pub fn of(clusters: Vec<ClusterReport>, time: Timestamp) -> Self {
        Self { api_version: "watchbell/v1", kind: "Snapshot", time, clusters }
    }

    /// Returns `true` if nodes and pods of every cluster are complete, or those of the requested namespaces.
    #[must_use]
    pub fn complete(&self) -> bool {
        let whole = |pods: &Pods| match &pods.namespaces {
            None => pods.state == ValueState::Complete,
            Some(all) => all.iter().all(|namespace| namespace.state == ValueState::Complete),
        };
        self.clusters.iter().all(|c: &ClusterReport| c.nodes.state == ValueState::Complete && whole(&c.pods))
    }
}

/// Visibility of numbers in a report: exact ones, or lower bounds too.
#[derive(Clone, Copy, Debug)]
struct PodVisibility {
    /// `true` if lower bounds are shown too: `pods.state` and `pods.namespaces` mark them.
    lower_bounds: bool,
}

impl PodVisibility {
    fn of<T>(self, number: Known<T>) -> Option<T> {
        if self.lower_bounds { number.any() } else { number.exact() }
    }
}

/// The name of a state, for the table.
fn word(state: ValueState) -> &'static str {
    match state {
        ValueState::Complete => "complete",
        ValueState::Loading => "loading",
        ValueState::Partial => "partial",
        ValueState::Denied => "denied",
        ValueState::Unknown => "unknown",
        ValueState::Stale => "stale",
    }
}

#[cfg(test)]
mod tests;
