//! Plain values of a cluster for screens and reports.

use std::time::Duration;

use jiff::Timestamp;

use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::text::Clean;
use crate::model::alerts::Severity;
use crate::model::derive::device_chain::DeviceChain;
use crate::model::derive::dra::DriverDevices;
use crate::model::derive::latency::{LatencySummary, Verdict};
use crate::model::derive::rows::{AcceleratorTotals, ResourceAmounts};
use crate::model::derive::rows::{Accelerators, NodeRow, NodeStatus, ResourceRow};
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::model::store::pods::PodCounts;
use crate::model::store::scope::Partial;
use crate::model::store::sync::Freshness;
use crate::msg::{Failure, Resource, Smaller};

/// The state of a cluster in one word, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Complete, live and answering.
    Ok,
    /// The first lists are loading.
    Loading,
    /// Answers, but slowly, throttled, partly denied or polled.
    Degraded,
    /// The last picture is older than `stale_after`, or the server does not answer.
    Stale,
    /// Nothing was ever read, or the context cannot be used.
    Down,
}

/// Summary of a cluster for the strip.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSummary {
    /// The context.
    pub context: Clean,
    /// Health of the cluster.
    pub health: Health,
    /// The health in one word: `ok`, `partial` (only the pods of some namespaces), `slow`, `unanswered`, `recovering`, `stale`,
    /// `loading`, `denied`, `unreadable` (some objects), `unreachable`, ...
    pub word: &'static str,
    /// Server version.
    pub version: Option<Clean>,
    /// `true` if the kubeconfig switches TLS verification off.
    pub insecure: bool,
    /// Ready nodes (`AtLeast` while the first list runs).
    pub nodes_ready: Known<u32>,
    /// All nodes.
    pub nodes_total: Known<u32>,
    /// Whole devices; `None` if the complete node list has none.
    pub gpu: Option<Accelerators>,
    /// Devices of dynamic resource allocation, all drivers together; `None` if they are not seen or there are none.
    pub dra: Option<DriverDevices>,
    /// `true` if `dra` is current; otherwise it is as of the last time that slices and claims were visible.
    pub dra_live: bool,
    /// `true` if `gpu` is known: the node list is complete, and every node could be read.
    pub gpu_known: bool,
    /// Nodes that announce any whole device.
    pub gpu_nodes: Known<u32>,
    /// Bound, non-terminal pods.
    pub pods: Known<u32>,
    /// Scope of the pods, if only a part of the cluster is watched; their numbers are lower bounds then (F23).
    pub partial: Option<Partial>,
    /// Sum of `allocatable.pods`; a lower bound if some nodes do not say, and unknown if none does.
    pub pods_allocatable: Known<u32>,
    /// Pods without a node.
    pub unscheduled: Known<u32>,
    /// Pods on unknown nodes.
    pub orphaned: Known<u32>,
    /// API latency.
    pub latency: LatencySummary,
    /// Freshness of nodes and pods.
    pub nodes_fresh: Freshness,
    /// Freshness of pods.
    pub pods_fresh: Freshness,
    /// The last failure, while a retry is due.
    pub failure: Option<Box<Failure>>,
    /// Time until that attempt.
    pub next_in: Option<Duration>,
    /// Objects that could not be read since the last lists.
    pub unreadable: u32,
    /// Nodes of the last list that could not be read.
    pub unread_nodes: u32,
    /// Pods of the last lists that could not be read.
    pub unread_pods: u32,
    /// The longest running request: its title and duration.
    pub running: Option<(Clean, Duration)>,
    /// Pages of lists that are being loaded.
    pub pages: Vec<PageUnderWay>,
    /// Lists whose pages are requested with fewer objects than usual: the number, and the reason.
    pub smaller: Vec<(Resource, u32, Smaller)>,
    /// watchbell's own load: requests and bytes per second over the last minute.
    pub load: (f64, f64),
    /// The local clock minus the server's, in milliseconds.
    pub skew_ms: Option<i64>,
    /// Breakdown of the time of its calls, while it is slow.
    pub verdict: Option<Verdict>,
    /// The worst known firing severity; notices do not count.
    pub worst: Option<Severity>,
    /// Time since the last answer, while the word is `unanswered`.
    pub silence: Option<Duration>,
    /// Time since the last timeout, while the word is `recovering`.
    pub last_timeout: Option<Duration>,
    /// End of its silence, while it is silenced.
    pub silenced_until: Option<Timestamp>,
    /// The thresholds in force, for what counts as slow.
    pub settings: Settings,
}

/// A page of a list whose answer is awaited or arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageUnderWay {
    /// The resource.
    pub resource: Resource,
    /// 1 for the first.
    pub page: u32,
    /// Body bytes so far, as sent (compressed).
    pub bytes: u64,
    /// Time since it was requested.
    pub span: Duration,
}

/// Bytes on the heap by lengths and capacities; the allocator's overhead is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapBytes {
    /// Nodes: their facts, their order, their history, their usage.
    pub nodes: usize,
    /// Pods: their store.
    pub pods: usize,
}

/// A node as the drill-down shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeDetail<'a> {
    /// All facts of the node.
    pub facts: NodeFacts,
    /// The current time by the server's clock, for the ages of the API's times.
    pub server_now: Timestamp,
    /// Readiness.
    pub status: NodeStatus,
    /// The row of the table, for its derived numbers.
    pub row: NodeRow<'a>,
    /// Per resource: requested, allocatable, capacity; cpu, memory, pods first, then accelerators, then by name.
    pub resources: Vec<ResourceRow<'a>>,
    /// Its accelerators by resource and kind.
    pub accelerators: Vec<AcceleratorTotals>,
    /// Its pods by kind.
    pub pods: Known<PodCounts>,
    /// Chains that should bring devices to the node, where some are missing or unhealthy.
    pub device_chains: Vec<DeviceChain>,
    /// Scope of the pods, if only a part of the cluster is watched.
    pub partial: Option<Partial>,
    /// Pods that could not be read, which may be on this node.
    pub unread_pods: u32,
    /// Notes from the optional APIs: the subject, and a line of text.
    pub notes: Vec<(&'static str, Clean)>,
    /// Observed transitions of Ready, newest first: age and text.
    pub transitions: Vec<(Duration, Clean)>,
}

/// Liveness of a kubelet by its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Time since it was renewed, by the server's clock; `None` if the lease has no renewal time.
    pub age: Option<Duration>,
    /// `true` if it had expired when leases were last updated: the kubelet is dead or cut off.
    pub silent: bool,
    /// Time without an update of any lease, if longer than a lease lasts: nothing is known of the kubelet since.
    pub outdated: Option<Duration>,
}

/// Numbers of nodes by readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// All of them.
    pub total: u32,
    /// Ready is `True`.
    pub ready: u32,
    /// Ready is `False`.
    pub not_ready: u32,
    /// Ready is `Unknown` or absent.
    pub unknown: u32,
    /// `spec.unschedulable`, whatever Ready says.
    pub cordoned: u32,
}

/// A node for a report: its row, and its accelerators one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeItem<'a> {
    /// The row of the table.
    pub row: NodeRow<'a>,
    /// Accelerators by resource and kind; `nodes` is 1 if any is announced.
    pub accelerators: Vec<AcceleratorTotals>,
    /// Its pods by kind.
    pub pods: Known<PodCounts>,
    /// Every resource that the node or its pods name, sorted by name.
    pub resources: Vec<ResourceAmounts>,
    /// Liveness by its lease; `None` if leases are not visible, or it has none.
    pub lease: Option<Liveness>,
}

impl NodeItem<'_> {
    /// `Ready`, `NotReady` or `Unknown`, then `,SchedulingDisabled` if cordoned.
    #[must_use]
    pub fn status(&self) -> String {
        let readiness = match self.row.status.readiness {
            Readiness::Ready => "Ready",
            Readiness::NotReady => "NotReady",
            Readiness::Unknown => "Unknown",
        };
        let cordoned = if self.row.status.cordoned { ",SchedulingDisabled" } else { "" };
        format!("{readiness}{cordoned}")
    }
}
