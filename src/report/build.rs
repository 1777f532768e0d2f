//! Builds the report of a cluster from its state.

use super::amounts;
use super::item;
use super::{
    Accelerator, Api, Bridge, ClusterReport, DraReport, FaultReport, Namespace, NodeSums, OptionalReport,
    PodVisibility, Pods, SmallerPages, UsageReport, ValueState,
};
use super::{alerts, gangs, pending, trouble};
use crate::model::cluster::{ClusterState, ClusterSummary};
use crate::model::derive::dra::{self, DraDevices};
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::model::store::sync::Visibility;
use crate::msg::{Failure, Now};

/// The report of one cluster.
pub(super) fn cluster(cluster: &ClusterState, now: Now) -> ClusterReport {
    let summary = cluster.summary(now);
    let counts = cluster.node_counts();
    let pods = cluster.pod_counts();
    let nodes = cluster.items(now);
    let (unread_nodes, unread_pods) = (cluster.tracks().unread_nodes(), cluster.tracks().unread_pods());
    let nodes_state = state(&summary.nodes_fresh, summary.nodes_total, unread_nodes > 0);
    let part_of_pods = summary.partial.is_some() || unread_pods > 0;
    let pods_state = state(&summary.pods_fresh, summary.pods, part_of_pods);
    let shown = PodVisibility { lower_bounds: part_of_pods && pods_state != ValueState::Loading };
    let shown_nodes = PodVisibility { lower_bounds: unread_nodes > 0 && nodes_state != ValueState::Loading };
    let joined = PodVisibility { lower_bounds: shown.lower_bounds || shown_nodes.lower_bounds };
    let devices = dra::devices_now(cluster.optional());
    let errors = errors(cluster, summary.failure.as_deref());
    let api = api(cluster, &summary);
    ClusterReport {
        context: summary.context,
        server: cluster.link().url().cloned(),
        state: summary.word,
        nodes: node_sums(cluster, nodes_state, shown_nodes),
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
            unreadable: cluster.tracks().unreadable_pods(),
        },
        trouble: shown.of(summary.pods).map(|_| trouble::list(cluster, now)),
        gangs: shown.of(summary.pods).map(|_| gangs::list(cluster, now)),
        pending: shown.of(summary.pods).map(|_| pending::list(cluster, shown_nodes.of(counts).is_some())),
        alerts: alerts::list(cluster, now),
        resources: shown_nodes.of(counts).map(|_| amounts::summed(nodes.iter().map(|node| &*node.resources), shown)),
        usage: UsageReport {
            visible: *cluster.usage().visible() == Visibility::Visible,
            reason: cluster.usage().visible().reason(),
            age_seconds: cluster.usage_age(now).map(|age| age.as_secs_f64()),
        },
        dra: dra(cluster, devices.as_ref()),
        leases: OptionalReport {
            visible: cluster.optional().leases.visible() == Visibility::Visible,
            reason: cluster.optional().leases.visible().reason(),
        },
        api,
        smaller_pages: summary
            .smaller
            .iter()
            .map(|(resource, size, why)| SmallerPages { resource: resource.name(), size: *size, after: why.name() })
            .collect(),
        errors,
        items: counts.any().map(|_| nodes.iter().map(|node| item::of(node, devices.as_ref(), shown)).collect()),
    }
}

/// The last failures of the cluster; without any, the one after which it waits for a retry.
fn errors(cluster: &ClusterState, waiting: Option<&Failure>) -> Vec<FaultReport> {
    let errors: Vec<FaultReport> = cluster.link().failures().map(fault).collect();
    if errors.is_empty() { waiting.map(fault).into_iter().collect() } else { errors }
}

/// Sums over the nodes; `state` is their state.
fn node_sums(cluster: &ClusterState, state: ValueState, shown: PodVisibility) -> NodeSums {
    let counts = cluster.node_counts();
    NodeSums {
        state,
        total: shown.of(counts.map(|counts| counts.total)),
        ready: shown.of(counts.map(|counts| counts.ready)),
        not_ready: shown.of(counts.map(|counts| counts.not_ready)),
        unknown: shown.of(counts.map(|counts| counts.unknown)),
        cordoned: shown.of(counts.map(|counts| counts.cordoned)),
        unreadable: cluster.tracks().unreadable_nodes(),
    }
}

/// Latency and load of the API.
fn api(cluster: &ClusterState, summary: &ClusterSummary) -> Api {
    Api {
        probe_p50_ms: summary.latency.p50.map(|p50| milliseconds(p50.value)),
        probe_p50_at_least: summary.latency.p50.is_some_and(|p50| p50.at_least),
        probe_p95_ms: summary.latency.p95.map(|p95| milliseconds(p95.value)),
        probe_p95_at_least: summary.latency.p95.is_some_and(|p95| p95.at_least),
        timeouts: summary.latency.timeouts_ever,
        requests: cluster.latency().requests(),
    }
}

fn dra(cluster: &ClusterState, devices: Option<&DraDevices>) -> DraReport {
    let bridge = |(resource, device_class)| Bridge { resource, device_class };
    DraReport {
        visible: cluster.optional().dra_visible() == Visibility::Visible,
        reason: cluster.optional().dra_visible().reason(),
        drivers: devices.map(|devices| devices.total.clone()),
        network: devices.map(|devices| devices.network.clone()),
        stray: devices.map(|devices| devices.stray),
        taint_rules: cluster.optional().taint_rule_count(),
        taint_rules_not_evaluated: cluster
            .optional()
            .taint_rule_count()
            .and(devices.map(|devices| devices.blind_rules)),
        extended_resources: cluster.optional().bridges().into_iter().map(bridge).collect(),
    }
}

/// State of a number; `partial` if it may be a lower bound although everything requested was read.
fn state<T>(fresh: &Freshness, value: Known<T>, partial: bool) -> ValueState {
    match (fresh, value) {
        (_, Known::Denied) => ValueState::Denied,
        (_, Known::Unknown) => ValueState::Unknown,
        (fresh, Known::AtLeast(_)) if partial => partial_state(fresh),
        (_, Known::AtLeast(_)) => ValueState::Loading,
        (Freshness::Stale(_) | Freshness::Relisting { .. }, Known::Exact(_)) => ValueState::Stale,
        (_, Known::Exact(_)) => ValueState::Complete,
    }
}

/// State of the pods of a scope once some of them are read.
fn partial_state(fresh: &Freshness) -> ValueState {
    match fresh {
        Freshness::Never | Freshness::Loading { .. } => ValueState::Loading,
        Freshness::Stale(_) | Freshness::Relisting { .. } => ValueState::Stale,
        Freshness::Live(_) | Freshness::Polling(_) | Freshness::Denied => ValueState::Partial,
    }
}

fn namespaces(cluster: &ClusterState, now: Now) -> Vec<Namespace> {
    let state = |fresh: &Freshness, unread: u32| match fresh {
        Freshness::Never => ValueState::Unknown,
        Freshness::Denied => ValueState::Denied,
        fresh => match partial_state(fresh) {
            ValueState::Partial if unread == 0 => ValueState::Complete,
            other => other,
        },
    };
    let namespaces = cluster.tracks().namespaces(cluster.settings().stale_after, now);
    namespaces.map(|(name, fresh, unread)| Namespace { name: name.clone(), state: state(&fresh, unread) }).collect()
}

fn accelerator(totals: AcceleratorTotals, shown: PodVisibility) -> Accelerator {
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

fn fault(failure: &Failure) -> FaultReport {
    let Failure { at, layer, request, code, text, attempt, .. } = failure;
    let (time, request, text) = (*at, request.clone(), text.clone());
    FaultReport { time, layer: *layer, request, code: *code, text, attempt: *attempt }
}

/// Milliseconds with three decimals: a probe on loopback takes less than one.
fn milliseconds(span: std::time::Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}
