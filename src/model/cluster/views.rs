//! What the screens and reports are told about a cluster.

use std::time::Duration;

use jiff::Timestamp;

use crate::facts::accelerator::Kind;
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::alert::Severity;
use crate::model::dra::DriverDevices;
use crate::model::latency::{LatencySummary, Verdict};
use crate::model::rows::{Accelerators, NodeRow, NodeStatus, ResourceRow};
use crate::model::scope::Partial;
use crate::model::{Known, Settings};
use crate::msg::{Failure, Resource, Smaller};

/// The state of a cluster in one word, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Complete, live and answering.
    Ok,
    /// The first lists are on their way.
    Loading,
    /// Answers, but slowly, throttled, partly denied or polled.
    Degraded,
    /// The last picture is older than `stale_after`, or the server does not answer.
    Stale,
    /// Nothing was ever read, or the context cannot be used.
    Down,
}

/// How fresh what we show of one resource is.
#[derive(Clone, Debug, PartialEq)]
pub enum Freshness {
    /// Nothing has been read yet; what is being done about it.
    Never,
    /// The first list runs: so many objects on so many pages so far; the server's estimate of what is to come.
    Loading {
        /// Objects read so far.
        objects: u64,
        /// Pages read so far.
        page: u32,
        /// The server's estimate of the objects that are still to come; `None` if it does not say.
        remaining: Option<u64>,
    },
    /// Live: proof of life this long ago.
    Live(Duration),
    /// The list is polled; the last one ended this long ago.
    Polling(Duration),
    /// A later list runs: part of what is shown is from before, and may be gone.
    Relisting {
        /// Objects that the new list has brought so far.
        objects: u64,
        /// Time since the picture was last whole.
        age: Duration,
        /// Pages so far.
        page: u32,
    },
    /// No proof of life for this long, and not live now.
    Stale(Duration),
    /// We may not list it.
    Denied,
}

impl Freshness {
    /// Nothing is known before the first list is complete.
    #[must_use]
    pub fn is_first(&self) -> bool {
        matches!(self, Self::Never | Self::Loading { .. })
    }
}

/// What the strip shows of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSummary {
    /// The context.
    pub context: Clean,
    /// The worst of what follows, in one word.
    pub health: Health,
    /// In one word: `ok`, `partial` (only the pods of some namespaces), `slow`, `unanswered`, `recovering`, `stale`, `loading`, `denied`, `unreadable` (some
    /// objects), `unreachable`, ...
    pub word: &'static str,
    /// Server version.
    pub version: Option<Clean>,
    /// The kubeconfig switches TLS verification off.
    pub insecure: bool,
    /// Ready nodes (`AtLeast` while the first list runs).
    pub nodes_ready: Known<u32>,
    /// All nodes.
    pub nodes_total: Known<u32>,
    /// Whole devices; `None` if the complete node list has none.
    pub gpu: Option<Accelerators>,
    /// Devices of dynamic resource allocation, all drivers together; `None` if they are not seen or there are none.
    pub dra: Option<DriverDevices>,
    /// They are as slices and claims say now; else as they said when they were last seen.
    pub dra_live: bool,
    /// `gpu` is known: the node list is complete, and every node could be read.
    pub gpu_known: bool,
    /// Nodes that announce any whole device.
    pub gpu_nodes: Known<u32>,
    /// Bound, non-terminal pods.
    pub pods: Known<u32>,
    /// What is watched of the pods, if that is only a part of the cluster; their numbers are lower bounds then (F23).
    pub partial: Option<Partial>,
    /// Sum of `allocatable.pods`; a lower bound if some nodes do not say, and unknown if none does.
    pub pods_allocatable: Known<u32>,
    /// Pods without a node.
    pub unscheduled: Known<u32>,
    /// Pods on nodes that we do not know.
    pub orphaned: Known<u32>,
    /// API latency.
    pub latency: LatencySummary,
    /// Freshness of nodes and pods.
    pub nodes_fresh: Freshness,
    /// Freshness of pods.
    pub pods_fresh: Freshness,
    /// What failed last and when the next attempt is due, while something waits.
    pub failure: Option<Box<Failure>>,
    /// Time until that attempt.
    pub next_in: Option<Duration>,
    /// Objects that could not be read since the last lists.
    pub unreadable: u32,
    /// Nodes of the last list that could not be read.
    pub unread_nodes: u32,
    /// Pods of the last lists that could not be read.
    pub unread_pods: u32,
    /// The longest running request: what, and for how long.
    pub running: Option<(Clean, Duration)>,
    /// Pages of lists that are on their way.
    pub pages: Vec<PageUnderWay>,
    /// Lists whose pages are asked for with fewer objects than usual: how many, and why.
    pub smaller: Vec<(Resource, u32, Smaller)>,
    /// Our own load: requests and bytes per second over the last minute.
    pub load: (f64, f64),
    /// Our clock minus the server's, in milliseconds.
    pub skew_ms: Option<i64>,
    /// Where the time of its calls goes, while it is slow.
    pub verdict: Option<Verdict>,
    /// The worst alert that fires and is known to; a notice is none.
    pub worst: Option<Severity>,
    /// Time since the last answer, while the word is `unanswered`.
    pub silence: Option<Duration>,
    /// Time since the last timeout, while the word is `recovering`.
    pub last_timeout: Option<Duration>,
    /// When its alerts will be heard again, while it is silenced.
    pub silenced_until: Option<Timestamp>,
    /// The thresholds in force, for what counts as slow.
    pub settings: Settings,
}

/// A page of a list whose answer is awaited or arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageUnderWay {
    /// What is listed.
    pub resource: Resource,
    /// 1 for the first.
    pub page: u32,
    /// Body bytes so far, as sent (compressed).
    pub bytes: u64,
    /// Since it was asked for.
    pub span: Duration,
}

/// Bytes on the heap, as lengths and capacities say; what the allocator adds is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapBytes {
    /// Nodes: their facts, their order, their history, their usage.
    pub nodes: usize,
    /// Pods: the ledger.
    pub pods: usize,
}

/// A node as the drill-down shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeDetail<'a> {
    /// The facts, in full.
    pub facts: NodeFacts,
    /// Now by the server's clock, for the ages of what the API tells.
    pub server_now: Timestamp,
    /// Readiness.
    pub status: NodeStatus,
    /// The row of the table, for its derived numbers.
    pub row: NodeRow<'a>,
    /// Per resource: requested, allocatable, capacity; cpu, memory, pods first, then accelerators, then by name.
    pub resources: Vec<ResourceRow<'a>>,
    /// Its accelerators by resource and kind.
    pub accelerators: Vec<AcceleratorTotals>,
    /// Its pods told apart.
    pub pods: Known<PodCounts>,
    /// What is watched of the pods, if that is only a part of the cluster.
    pub partial: Option<Partial>,
    /// Pods that could not be read, which may be on this node.
    pub unread_pods: u32,
    /// What is known of it from APIs that a cluster need not have, or why that is not: what it is about, and a line of text.
    pub notes: Vec<(&'static str, Clean)>,
    /// Ready transitions we observed, newest first: when, to what, reason.
    pub transitions: Vec<(Duration, Clean)>,
}

/// What a kubelet's lease says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Time since it was renewed, by the server's clock; `None` if the lease does not say.
    pub age: Option<Duration>,
    /// When leases were last heard of it had not been renewed for longer than it lasts: the kubelet is dead, or cut off.
    pub silent: bool,
    /// Time without news of any lease, if that is longer than a lease lasts: nothing is known of the kubelet since.
    pub unheard: Option<Duration>,
}

/// Accelerators of one resource and kind over all nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceleratorTotals {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// What one unit of it is.
    pub kind: Kind,
    /// Sum of `status.capacity`.
    pub capacity: i64,
    /// Sum of `status.allocatable`.
    pub allocatable: i64,
    /// Requested by pods that are bound to these nodes and neither Succeeded nor Failed.
    pub requested: Known<i64>,
    /// Healthy and not requested, node by node, on nodes that take pods ([`crate::model::fit::free`]).
    pub free: Known<i64>,
    /// The same of nodes that take none.
    pub unschedulable: Known<i64>,
    /// Announced but not healthy: capacity − allocatable, node by node.
    pub withdrawn: i64,
    /// Promised by labels but never announced; `None` where no label can say.
    pub missing: Option<i64>,
    /// Requested beyond what is allocatable, node by node: a device died under its pods.
    pub over_requested: Known<i64>,
    /// Nodes that announce any.
    pub nodes: u32,
}

impl AcceleratorTotals {
    /// Nothing of a resource.
    pub(crate) fn none(resource: &str, kind: Kind) -> Self {
        Self {
            resource: Clean::new(resource),
            kind,
            capacity: 0,
            allocatable: 0,
            requested: Known::Unknown,
            free: Known::Unknown,
            unschedulable: Known::Unknown,
            withdrawn: 0,
            missing: None,
            over_requested: Known::Unknown,
            nodes: 0,
        }
    }
}

/// The pods that count on a node, told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Bound and neither Succeeded nor Failed.
    pub bound: u32,
    /// Of those: being deleted.
    pub terminating: u32,
    /// Of those: owned by a `DaemonSet`.
    pub daemon_set: u32,
    /// Of those: mirrors of the kubelet's own static pods.
    pub mirror: u32,
}

/// Nodes counted by what Ready says.
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
    /// By resource and kind; `nodes` is 1 where any is announced.
    pub accelerators: Vec<AcceleratorTotals>,
    /// Its pods told apart.
    pub pods: Known<PodCounts>,
    /// Every resource that the node or its pods name, sorted by name.
    pub resources: Vec<ResourceAmounts>,
    /// What its lease says; `None` if leases are not seen, or it has none.
    pub lease: Option<Liveness>,
}

/// One resource of one node or of a cluster, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAmounts {
    /// `cpu`, `memory`, `pods`, `nvidia.com/gpu`, ...
    pub name: Clean,
    /// Requested by bound pods that are neither Succeeded nor Failed; for `pods` their number.
    pub requested: Known<Quantity>,
    /// `status.allocatable`; the capacity where a node gives none at all.
    pub allocatable: Option<Quantity>,
    /// `status.capacity`.
    pub capacity: Option<Quantity>,
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
