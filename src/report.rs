//! One-shot outputs of the same model that the dashboard shows.
//!
//! What is not known is `null` with a state beside it, never 0.

pub mod check;
mod table;

use jiff::Timestamp;
use serde::Serialize;

use crate::facts::accelerator::Kind;
use crate::facts::text::Clean;
use crate::model::cluster::{AcceleratorTotals, ClusterState, Freshness, NodeItem};
use crate::model::optional::Visibility;
use crate::model::{Known, Model};
use crate::msg::{Failure, Layer, Now};

pub use table::table;

/// The clusters at one time: `watchbell snapshot -o json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// `watchbell/v1`.
    pub api_version: &'static str,
    /// `Snapshot`.
    pub kind: &'static str,
    /// When it was taken, by our clock.
    pub time: Timestamp,
    /// In the order of the command line.
    pub clusters: Vec<Cluster>,
}

/// One cluster of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// The context.
    pub context: Clean,
    /// The server's URL, without credentials.
    pub server: Option<Clean>,
    /// The word of the strip: `ok`, `slow`, `throttled`, `loading`, `denied`, `stale`, `unreachable`, `broken`.
    pub state: &'static str,
    /// Sums over nodes.
    pub nodes: Nodes,
    /// By resource and kind; `None` unless the node list was complete, see `nodes.state`.
    pub accelerators: Option<Vec<Accelerator>>,
    /// Sums over pods.
    pub pods: Pods,
    /// Whether the usage of nodes is seen.
    pub usage: Usage,
    /// The API as seen from here.
    pub api: Api,
    /// Lists that are read in smaller pages than usual, and why.
    pub smaller_pages: Vec<SmallerPages>,
    /// The last failures, newest first.
    pub errors: Vec<Fault>,
    /// The nodes by name; those read so far while `nodes.state` is `loading`, `None` if nothing was read.
    pub items: Option<Vec<Item>>,
}

/// How well a number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A list was read to its end, and what changed since is in.
    Complete,
    /// The first list runs; numbers would be lower bounds and are left out.
    Loading,
    /// We may not list it.
    Denied,
    /// Nothing was read.
    Unknown,
    /// Was complete once; the link is lost, or there was no proof of life for too long.
    Stale,
}

/// Sums over nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nodes {
    /// How well they are known.
    pub state: State,
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
    /// By bound pods that are neither Succeeded nor Failed; see `pods.state`.
    pub requested: Option<i64>,
    /// Nodes that announce any.
    pub nodes: u32,
}

/// Sums over pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// How well they are known.
    pub state: State,
    /// Bound to a node and neither Succeeded nor Failed.
    pub bound: Option<u32>,
    /// Sum of `allocatable.pods` over the nodes; see `nodes.state`.
    pub allocatable: Option<u32>,
    /// Without a node, and neither Succeeded nor Failed.
    pub unscheduled: Option<u32>,
}

/// Whether the usage of nodes (`metrics.k8s.io`) is seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// It is, now.
    pub visible: bool,
    /// If not: why.
    pub reason: Option<String>,
    /// Seconds since the newest figures were taken; `None` without any.
    pub age_seconds: Option<f64>,
}

/// The API as seen from here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    /// Median of the work probe, milliseconds; `None` without a sample.
    pub probe_p50_ms: Option<f64>,
    /// 95th percentile.
    pub probe_p95_ms: Option<f64>,
    /// Timeouts of all calls since the start.
    pub timeouts: u64,
    /// Requests made.
    pub requests: u64,
}

/// A list that is read in smaller pages than usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SmallerPages {
    /// `nodes` or `pods`.
    pub resource: &'static str,
    /// Objects asked for in one page.
    pub size: u32,
    /// What happened to the larger ones: `a stall`.
    pub after: &'static str,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// When, by our clock.
    pub time: Timestamp,
    /// Where.
    pub layer: Layer,
    /// What was asked.
    pub request: Clean,
    /// HTTP code, if an answer came.
    pub code: Option<u16>,
    /// What happened.
    pub text: Clean,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its name.
    pub name: Clean,
    /// `Ready`, `NotReady` or `Unknown`, then `,SchedulingDisabled` if cordoned, as kubectl spells it.
    pub status: String,
    /// `lastTransitionTime` of Ready.
    pub status_since: Option<Timestamp>,
    /// Roles, sorted.
    pub roles: Vec<Clean>,
    /// Its pods.
    pub pods: ItemPods,
    /// Its accelerators.
    pub accelerators: Vec<ItemAccelerator>,
    /// What it uses now; `None` if that is not known, see the cluster's `usage`.
    pub usage: Option<ItemUsage>,
}

/// What one node uses now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemUsage {
    /// CPU, thousandths of a core, rounded up: the average over the window.
    pub cpu_milli: Option<i64>,
    /// Memory, bytes: the working set.
    pub memory_bytes: Option<i64>,
    /// Seconds since the figures were taken, by the server's clock.
    pub age_seconds: Option<f64>,
    /// Seconds over which the CPU is averaged.
    pub window_seconds: Option<f64>,
}

/// The pods of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemPods {
    /// Bound and neither Succeeded nor Failed; see the cluster's `pods.state`.
    pub bound: Option<u32>,
    /// `allocatable.pods`; `None` if the node does not say.
    pub allocatable: Option<u32>,
}

/// One accelerator resource of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemAccelerator {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// `device`, `slice` or `shared`.
    pub kind: Kind,
    /// `status.capacity`.
    pub capacity: i64,
    /// `status.allocatable`.
    pub allocatable: i64,
    /// By bound pods that are neither Succeeded nor Failed.
    pub requested: Option<i64>,
}

/// The clusters as they are known now.
#[must_use]
pub fn snapshot(model: &Model, now: Now) -> Snapshot {
    Snapshot {
        api_version: "watchbell/v1",
        kind: "Snapshot",
        time: now.wall,
        clusters: model.clusters().iter().map(|cluster| cluster_of(cluster, now)).collect(),
    }
}

impl Snapshot {
    /// Nodes and pods of every cluster are complete: nothing is missing.
    #[must_use]
    pub fn complete(&self) -> bool {
        let complete = |c: &Cluster| c.nodes.state == State::Complete && c.pods.state == State::Complete;
        self.clusters.iter().all(complete)
    }
}

fn cluster_of(cluster: &ClusterState, now: Now) -> Cluster {
    let summary = cluster.summary(now);
    let counts = cluster.node_counts();
    let nodes_state = state(&summary.nodes_fresh, summary.nodes_total);
    let mut errors: Vec<Fault> = cluster.failures().map(fault).collect();
    if errors.is_empty()
        && let Some(failure) = &summary.failure
    {
        errors.push(fault(failure));
    }
    Cluster {
        context: summary.context,
        server: cluster.server().cloned(),
        state: summary.word,
        nodes: Nodes {
            state: nodes_state,
            total: counts.map(|counts| counts.total).exact(),
            ready: counts.map(|counts| counts.ready).exact(),
            not_ready: counts.map(|counts| counts.not_ready).exact(),
            unknown: counts.map(|counts| counts.unknown).exact(),
            cordoned: counts.map(|counts| counts.cordoned).exact(),
        },
        accelerators: counts.exact().map(|_| cluster.accelerators().into_iter().map(accelerator).collect()),
        pods: Pods {
            state: state(&summary.pods_fresh, summary.pods),
            bound: summary.pods.exact(),
            allocatable: summary.pods_allocatable.exact(),
            unscheduled: summary.unscheduled.exact(),
        },
        usage: Usage {
            visible: *cluster.usage_visible() == Visibility::Visible,
            reason: cluster.usage_visible().reason(),
            age_seconds: cluster.usage_age(now).map(|age| age.as_secs_f64()),
        },
        api: Api {
            probe_p50_ms: summary.latency.p50.map(|p50| milliseconds(p50.value)),
            probe_p95_ms: summary.latency.p95.map(|p95| milliseconds(p95.value)),
            timeouts: summary.latency.timeouts_ever,
            requests: cluster.latency().requests(),
        },
        smaller_pages: summary
            .smaller
            .iter()
            .map(|(resource, size, why)| SmallerPages { resource: resource.name(), size: *size, after: why.name() })
            .collect(),
        errors,
        items: items(cluster, counts.any().is_some(), now),
    }
}

fn items(cluster: &ClusterState, known: bool, now: Now) -> Option<Vec<Item>> {
    let node = |node: NodeItem<'_>| Item {
        name: node.row.facts.name.clone(),
        status: node.status(),
        status_since: node.row.facts.readiness().1,
        roles: node.row.roles.split(',').filter(|role| !role.is_empty()).map(Clean::new).collect(),
        pods: ItemPods { bound: node.row.pods.exact(), allocatable: node.row.pods_allocatable },
        accelerators: node
            .accelerators
            .iter()
            .map(|totals| ItemAccelerator {
                resource: totals.resource.clone(),
                kind: totals.kind,
                capacity: totals.capacity,
                allocatable: totals.allocatable,
                requested: totals.requested.exact(),
            })
            .collect(),
        // A node that the API has no figures of is not known, like one of a cluster without the API (F26).
        usage: node.row.used.filter(|used| used.cpu_milli.is_some() || used.memory_bytes.is_some()).map(|used| {
            ItemUsage {
                cpu_milli: used.cpu_milli,
                memory_bytes: used.memory_bytes,
                age_seconds: used.age.map(|age| age.as_secs_f64()),
                window_seconds: used.window.map(|window| window.as_secs_f64()),
            }
        }),
    };
    known.then(|| cluster.items(now).into_iter().map(node).collect())
}

fn state<T>(fresh: &Freshness, value: Known<T>) -> State {
    match (fresh, value) {
        (_, Known::Denied) => State::Denied,
        (_, Known::Unknown) => State::Unknown,
        (_, Known::AtLeast(_)) => State::Loading,
        (Freshness::Stale(_) | Freshness::Relisting { .. }, Known::Exact(_)) => State::Stale,
        (_, Known::Exact(_)) => State::Complete,
    }
}

fn accelerator(totals: AcceleratorTotals) -> Accelerator {
    let AcceleratorTotals { resource, kind, capacity, allocatable, requested, nodes } = totals;
    Accelerator { resource, kind, capacity, allocatable, requested: requested.exact(), nodes }
}

fn fault(failure: &Failure) -> Fault {
    let Failure { at, layer, request, code, text, attempt, .. } = failure;
    let (time, request, text) = (*at, request.clone(), text.clone());
    Fault { time, layer: *layer, request, code: *code, text, attempt: *attempt }
}

/// Milliseconds to a thousandth: a probe on loopback takes less than one.
fn milliseconds(span: std::time::Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

/// The state of a resource of a cluster, for the table.
fn word(state: State) -> &'static str {
    match state {
        State::Complete => "complete",
        State::Loading => "loading",
        State::Denied => "denied",
        State::Unknown => "unknown",
        State::Stale => "stale",
    }
}

#[cfg(test)]
mod tests;
