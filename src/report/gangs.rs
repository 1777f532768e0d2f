//! Gangs in a snapshot.

use jiff::Timestamp;
use serde::Serialize;

use super::trouble::AcceleratorCount;
use crate::facts::text::Clean;
use crate::model::cluster::ClusterState;
use crate::model::derive::gangs::{GangAccelerators, GangRow, GangState, Wanted, WorstMember};
use crate::msg::Now;

/// A gang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GangReport {
    /// Namespace.
    pub namespace: Clean,
    /// Name.
    pub name: Clean,
    /// Kind of the object that made it: `JobSet`, `PyTorchJob`.
    pub kind: Clean,
    /// Number of pods that it needs; `None` if no pod and no owner says it.
    pub wanted: Option<u32>,
    /// Lower bound of that number; `None` if it is known.
    pub wanted_at_least: Option<u32>,
    /// Members that run and are ready, on nodes that report.
    pub running: u32,
    /// Its state (docs/pods.md): `running`, `waits`, `node lost`; `None` if not all pods are known, and no known member is in trouble.
    pub state: Option<&'static str>,
    /// Time since which it has been in its state; `None` if no object says it.
    pub since: Option<Timestamp>,
    /// Devices, slices and shares that its members request.
    pub accelerators: Vec<AcceleratorCount>,
    /// The member that is the worst off; `None` if none is in trouble.
    pub worst: Option<WorstReport>,
}

/// The member of a gang that is the worst off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorstReport {
    /// Name of the pod.
    pub pod: Clean,
    /// Its rank; `None` if the pod does not say it.
    pub rank: Option<u32>,
    /// Its node; `None` without one.
    pub node: Option<Clean>,
    /// kubectl's STATUS, or what is wrong with its node or with the devices of its node.
    pub reason: Clean,
}

/// Every gang, by namespace, name and kind.
pub(super) fn list(cluster: &ClusterState, now: Now) -> Vec<GangReport> {
    cluster.gangs_now(now).into_iter().map(report).collect()
}

fn report(row: GangRow) -> GangReport {
    let (wanted, wanted_at_least) = match row.wanted {
        Wanted::Exact(number) => (Some(number), None),
        Wanted::AtLeast(number) => (None, Some(number)),
    };
    GangReport {
        namespace: row.key.namespace,
        name: row.key.name,
        kind: row.key.kind,
        wanted,
        wanted_at_least,
        running: row.running,
        state: Some(row.state).filter(|state| *state != GangState::NotKnown).map(GangState::text),
        since: row.since,
        accelerators: by_resource(&row.accelerators),
        worst: row.worst.map(|WorstMember { pod, rank, node, reason, .. }| WorstReport {
            pod,
            rank,
            node: Some(node).filter(|node| !node.is_empty()),
            reason,
        }),
    }
}

/// Requests by resource; one that nodes count as different kinds is one.
fn by_resource(accelerators: &[GangAccelerators]) -> Vec<AcceleratorCount> {
    let mut counts: Vec<AcceleratorCount> = Vec::new();
    for GangAccelerators { resource, count, .. } in accelerators {
        match counts.last_mut().filter(|last| last.resource == *resource) {
            Some(last) => last.count = last.count.saturating_add(*count),
            None => counts.push(AcceleratorCount { resource: resource.clone(), count: *count }),
        }
    }
    counts
}
