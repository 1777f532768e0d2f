//! One-shot outputs of the same model that the dashboard shows.
//!
//! What is not known is `null` with a state beside it, never 0.

mod amounts;
pub mod check;
mod item;
mod table;

use jiff::Timestamp;
use serde::Serialize;

use crate::facts::accelerator::Kind;
use crate::facts::text::Clean;
use crate::model::cluster::{AcceleratorTotals, ClusterState, Freshness};
use crate::model::dra::{Devices, DriverDevices};
use crate::model::optional::Visibility;
use crate::model::{Known, Model};
use crate::msg::{Failure, Layer, Now};

pub use amounts::{Amounts, Resources};
pub use item::{Item, ItemAccelerator, ItemCondition, ItemPods, ItemTaint, ItemUsage};
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
    /// How its API does: `ok`, `partial`, `slow`, `recovering`, `failing`, `throttled`, `polling`, `loading`, `denied`,
    /// `unreadable` (some objects), `unanswered` (the last probe), `stale`, `unreachable`, `broken`.
    pub state: &'static str,
    /// Sums over nodes.
    pub nodes: Nodes,
    /// By resource and kind; `None` unless the node list was complete, see `nodes.state`.
    pub accelerators: Option<Vec<Accelerator>>,
    /// Sums over pods.
    pub pods: Pods,
    /// Every resource summed over the nodes and their pods; `None` unless the node list was complete, see `nodes.state`.
    pub resources: Option<Resources>,
    /// Whether the usage of nodes is seen.
    pub usage: Usage,
    /// Devices of dynamic resource allocation.
    pub dra: Dra,
    /// Whether the leases of kubelets are seen.
    pub leases: Seen,
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
    /// Read to the end, but for pods of other namespaces than those that are watched or objects that could not be read: numbers are
    /// lower bounds, or left out.
    Partial,
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
    /// Objects of the last list and since then that could not be read; they count nowhere else.
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
    /// By bound pods that are neither Succeeded nor Failed; see `pods.state`, which says of which pods.
    pub requested: Option<i64>,
    /// Healthy and not requested, node by node, on nodes that take pods.
    pub free: Option<i64>,
    /// Healthy and not requested on nodes that take none: not Ready, being deleted, cordoned or tainted.
    pub unschedulable: Option<i64>,
    /// Announced but not healthy: capacity − allocatable, node by node.
    pub withdrawn: i64,
    /// Promised by labels but never announced; `None` where no label can say.
    pub missing: Option<i64>,
    /// Requested beyond what is allocatable, node by node.
    pub over_requested: Option<i64>,
    /// Nodes that announce any.
    pub nodes: u32,
}

/// Sums over pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// How well they are known.
    pub state: State,
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
    /// Objects of the last list and since then that could not be read; they count nowhere else.
    pub unreadable: u32,
}

/// A namespace whose pods are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Its name.
    pub name: Clean,
    /// How well its pods are known.
    pub state: State,
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

/// Whether something that a cluster need not have is seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// It is, now.
    pub visible: bool,
    /// If not: why.
    pub reason: Option<String>,
}

/// Devices of dynamic resource allocation (`resource.k8s.io`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dra {
    /// Slices and claims are seen, now.
    pub visible: bool,
    /// If not: why.
    pub reason: Option<String>,
    /// All devices by driver; `None` until slices and claims were read.
    pub drivers: Option<Vec<DriverDevices>>,
    /// Those of `drivers` that several nodes can use, over a network.
    pub network: Option<Vec<DriverDevices>>,
    /// Allocated devices that no slice names (any more).
    pub stray: Option<u32>,
    /// Device taint rules that were read; `None` where they are not seen, and only the drivers' own taints count.
    pub taint_rules: Option<usize>,
    /// Of these: they select by a class or an expression, and are not counted.
    pub taint_rules_not_evaluated: Option<u32>,
    /// Extended resources that a device class serves.
    pub extended_resources: Vec<Bridge>,
}

/// A device class that serves an extended resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bridge {
    /// The resource that pods ask for.
    pub resource: Clean,
    /// The class.
    pub device_class: Clean,
}

/// The API as seen from here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    /// Median of the work probe, milliseconds; `None` without a sample.
    pub probe_p50_ms: Option<f64>,
    /// It is a lower bound: the probe at that rank timed out.
    pub probe_p50_at_least: bool,
    /// 95th percentile.
    pub probe_p95_ms: Option<f64>,
    /// It is a lower bound.
    pub probe_p95_at_least: bool,
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
    /// Nodes and pods of every cluster are complete, of some namespaces where no more was asked for: nothing is missing.
    #[must_use]
    pub fn complete(&self) -> bool {
        let whole = |pods: &Pods| match &pods.namespaces {
            None => pods.state == State::Complete,
            Some(all) => all.iter().all(|namespace| namespace.state == State::Complete),
        };
        self.clusters.iter().all(|c: &Cluster| c.nodes.state == State::Complete && whole(&c.pods))
    }
}

fn cluster_of(cluster: &ClusterState, now: Now) -> Cluster {
    let summary = cluster.summary(now);
    let counts = cluster.node_counts();
    let pods = cluster.pod_counts();
    let nodes = cluster.items(now);
    let (unread_nodes, unread_pods) = (cluster.unread_nodes(), cluster.unread_pods());
    let nodes_state = state(&summary.nodes_fresh, summary.nodes_total, unread_nodes > 0);
    let part_of_pods = summary.partial.is_some() || unread_pods > 0;
    let pods_state = state(&summary.pods_fresh, summary.pods, part_of_pods);
    let shown = Shown { lower_bounds: part_of_pods && pods_state != State::Loading };
    let shown_nodes = Shown { lower_bounds: unread_nodes > 0 && nodes_state != State::Loading };
    let joined = Shown { lower_bounds: shown.lower_bounds || shown_nodes.lower_bounds };
    let devices = cluster.dra_devices();
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
            total: shown_nodes.of(counts.map(|counts| counts.total)),
            ready: shown_nodes.of(counts.map(|counts| counts.ready)),
            not_ready: shown_nodes.of(counts.map(|counts| counts.not_ready)),
            unknown: shown_nodes.of(counts.map(|counts| counts.unknown)),
            cordoned: shown_nodes.of(counts.map(|counts| counts.cordoned)),
            unreadable: cluster.unreadable_nodes(),
        },
        accelerators: shown_nodes
            .of(counts)
            .map(|_| cluster.accelerators().into_iter().map(|totals| accelerator(totals, joined)).collect()),
        pods: Pods {
            state: pods_state,
            namespaces: summary.partial.is_some().then(|| namespaces(cluster, now)),
            bound: shown.of(summary.pods),
            terminating: shown.of(pods.map(|pods| pods.terminating)),
            daemon_set: shown.of(pods.map(|pods| pods.daemon_set)),
            mirror: shown.of(pods.map(|pods| pods.mirror)),
            allocatable: shown_nodes.of(summary.pods_allocatable),
            unscheduled: shown.of(summary.unscheduled),
            orphaned: shown.of(summary.orphaned),
            unreadable: cluster.unreadable_pods(),
        },
        resources: shown_nodes.of(counts).map(|_| amounts::summed(nodes.iter().map(|node| &*node.resources), shown)),
        usage: Usage {
            visible: *cluster.usage_visible() == Visibility::Visible,
            reason: cluster.usage_visible().reason(),
            age_seconds: cluster.usage_age(now).map(|age| age.as_secs_f64()),
        },
        dra: dra(cluster, devices.as_ref()),
        leases: Seen {
            visible: cluster.leases_visible() == Visibility::Visible,
            reason: cluster.leases_visible().reason(),
        },
        api: Api {
            probe_p50_ms: summary.latency.p50.map(|p50| milliseconds(p50.value)),
            probe_p50_at_least: summary.latency.p50.is_some_and(|p50| p50.at_least),
            probe_p95_ms: summary.latency.p95.map(|p95| milliseconds(p95.value)),
            probe_p95_at_least: summary.latency.p95.is_some_and(|p95| p95.at_least),
            timeouts: summary.latency.timeouts_ever,
            requests: cluster.latency().requests(),
        },
        smaller_pages: summary
            .smaller
            .iter()
            .map(|(resource, size, why)| SmallerPages { resource: resource.name(), size: *size, after: why.name() })
            .collect(),
        errors,
        items: counts.any().map(|_| nodes.iter().map(|node| item::of(node, devices.as_ref(), shown)).collect()),
    }
}

fn dra(cluster: &ClusterState, devices: Option<&Devices>) -> Dra {
    let bridge = |(resource, device_class)| Bridge { resource, device_class };
    Dra {
        visible: cluster.dra_visible() == Visibility::Visible,
        reason: cluster.dra_visible().reason(),
        drivers: devices.map(|devices| devices.total.clone()),
        network: devices.map(|devices| devices.network.clone()),
        stray: devices.map(|devices| devices.stray),
        taint_rules: cluster.taint_rules(),
        taint_rules_not_evaluated: cluster.taint_rules().and(devices.map(|devices| devices.blind_rules)),
        extended_resources: cluster.dra_bridges().into_iter().map(bridge).collect(),
    }
}

/// `partial`: it may be a lower bound although all that is asked for was read.
fn state<T>(fresh: &Freshness, value: Known<T>, partial: bool) -> State {
    match (fresh, value) {
        (_, Known::Denied) => State::Denied,
        (_, Known::Unknown) => State::Unknown,
        (fresh, Known::AtLeast(_)) if partial => partial_state(fresh),
        (_, Known::AtLeast(_)) => State::Loading,
        (Freshness::Stale(_) | Freshness::Relisting { .. }, Known::Exact(_)) => State::Stale,
        (_, Known::Exact(_)) => State::Complete,
    }
}

/// How well the pods of a scope are known once something of them is.
fn partial_state(fresh: &Freshness) -> State {
    match fresh {
        Freshness::Never | Freshness::Loading { .. } => State::Loading,
        Freshness::Stale(_) | Freshness::Relisting { .. } => State::Stale,
        Freshness::Live(_) | Freshness::Polling(_) | Freshness::Denied => State::Partial,
    }
}

fn namespaces(cluster: &ClusterState, now: Now) -> Vec<Namespace> {
    let state = |fresh: &Freshness, unread: u32| match fresh {
        Freshness::Never => State::Unknown,
        Freshness::Denied => State::Denied,
        fresh => match partial_state(fresh) {
            State::Partial if unread == 0 => State::Complete,
            other => other,
        },
    };
    let of = |(name, fresh, unread): (&Clean, _, _)| Namespace { name: name.clone(), state: state(&fresh, unread) };
    cluster.namespaces(now).map(of).collect()
}

/// Which numbers of pods are given.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Those of the namespaces of a scope too: `pods.state` and `pods.namespaces` say that they are lower bounds.
    lower_bounds: bool,
}

impl Shown {
    fn of<T>(self, number: Known<T>) -> Option<T> {
        if self.lower_bounds { number.any() } else { number.exact() }
    }
}

fn accelerator(totals: AcceleratorTotals, shown: Shown) -> Accelerator {
    Accelerator {
        free: totals.free.exact(),
        unschedulable: totals.unschedulable.exact(),
        requested: shown.of(totals.requested),
        over_requested: shown.of(totals.over_requested),
        resource: totals.resource,
        kind: totals.kind,
        capacity: totals.capacity,
        allocatable: totals.allocatable,
        withdrawn: totals.withdrawn,
        missing: totals.missing,
        nodes: totals.nodes,
    }
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
        State::Partial => "partial",
        State::Denied => "denied",
        State::Unknown => "unknown",
        State::Stale => "stale",
    }
}

#[cfg(test)]
mod tests;
