//! One node of a snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::PodVisibility;
use super::amounts::{self, ResourceReports};
use crate::facts::accelerator::{self, Kind};
use crate::facts::node::{ConditionStatus, NodeCondition, NodeTaint, Readiness};
use crate::facts::text::Clean;
use crate::model::cluster::NodeItem;
use crate::model::derive::dra::{DraDevices, DriverDevices};
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::derive::usage::Used;
use crate::model::table::column::Listing;
use crate::model::table::nodes::Nodes;

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON")]
pub struct Item {
    /// Its name.
    pub name: Clean,
    /// `Ready`, `NotReady` or `Unknown`, then `,SchedulingDisabled` if cordoned, as kubectl spells it.
    pub status: String,
    /// Status of Ready; `null` if it is `Unknown` or absent.
    pub ready: Option<bool>,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    /// `true` if pods with devices can be scheduled: it is Ready, not cordoned, not being deleted, and has no taint against them.
    pub schedulable: bool,
    /// The reason if not: `Unknown`, `NotReady`, `being deleted`, `cordoned`, or `tainted KEY:EFFECT`.
    pub unschedulable_reason: Option<Clean>,
    /// `lastTransitionTime` of Ready.
    pub status_since: Option<Timestamp>,
    /// `true` after more than two observed changes of Ready within 15 min; a snapshot rarely lasts long enough.
    pub flapping: bool,
    /// Roles, sorted.
    pub roles: Vec<Clean>,
    /// Kubelet version.
    pub version: Clean,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `spec.taints`, in the order of the API.
    pub taints: Vec<ItemTaint>,
    /// `status.conditions`, in the order of the API.
    pub conditions: Vec<ItemCondition>,
    /// Types of the bad conditions other than Ready: `True`, or `False` for a type whose name means something good (docs/counting.md).
    pub pressures: Vec<Clean>,
    /// Its pods.
    pub pods: ItemPods,
    /// Every resource of the node or of its pods' requests.
    pub resources: ResourceReports,
    /// The accelerator's model, from labels.
    pub model: Option<Clean>,
    /// `true` if the MIG layout does not fit strategy `single` (`-MIG-INVALID`): its devices are neither 0 nor missing.
    pub mig_invalid: bool,
    /// Its accelerators: registered, expected by labels, or requested by its pods.
    pub accelerators: Vec<ItemAccelerator>,
    /// Current usage; `None` if it is not known, see the cluster's `usage`.
    pub usage: Option<ItemUsage>,
    /// Its devices of dynamic resource allocation by driver; `None` if they are not visible, see the cluster's `dra`.
    pub dra: Option<Vec<DriverDevices>>,
    /// Its kubelet's lease; `None` if it is not visible, see the cluster's `leases`, or if there is none.
    pub lease: Option<ItemLease>,
    /// Fields of the columns of the node table that declare one.
    #[serde(flatten)]
    pub columns: BTreeMap<&'static str, serde_json::Value>,
}

/// A kubelet's lease.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemLease {
    /// Seconds since it was renewed, by the server's clock.
    pub age_seconds: Option<f64>,
    /// `true` if it was not renewed within its duration.
    pub silent: bool,
}

/// Current usage of one node.
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

/// One of `spec.taints`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemTaint {
    /// Key.
    pub key: Clean,
    /// Value, often empty.
    pub value: Clean,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`, or another text of the API.
    pub effect: Clean,
}

/// One of `status.conditions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemCondition {
    /// `type`.
    #[serde(rename = "type")]
    pub kind: Clean,
    /// `True`, `False`, `Unknown`, or another text of the API.
    pub status: Clean,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
    /// Reason in CamelCase.
    pub reason: Clean,
    /// Message for people.
    pub message: Clean,
}

/// The pods of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemPods {
    /// Bound and neither Succeeded nor Failed; see the cluster's `pods.state`.
    pub bound: Option<u32>,
    /// Of those: being deleted.
    pub terminating: Option<u32>,
    /// Of those: owned by a `DaemonSet`.
    pub daemon_set: Option<u32>,
    /// Of those: mirrors of static pods.
    #[serde(rename = "static")]
    pub mirror: Option<u32>,
    /// `allocatable.pods`; `None` if the node does not report it.
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
    /// Requests of bound pods that are neither Succeeded nor Failed.
    pub requested: Option<i64>,
    /// Healthy and not requested; 0 on a node that takes no pods.
    pub free: Option<i64>,
    /// Healthy and not requested on a node that takes no pods.
    pub unschedulable: Option<i64>,
    /// Registered but unhealthy: capacity − allocatable.
    pub withdrawn: i64,
    /// Expected by labels but not registered; `None` without such labels.
    pub missing: Option<i64>,
    /// Requested beyond the allocatable amount.
    pub over_requested: Option<i64>,
}

pub(super) fn of(node: &NodeItem<'_>, devices: Option<&DraDevices>, shown: PodVisibility) -> Item {
    let facts = node.row.facts;
    let pods = node.pods;
    Item {
        name: facts.name.clone(),
        status: node.status(),
        ready: match node.row.status.readiness {
            Readiness::Ready => Some(true),
            Readiness::NotReady => Some(false),
            Readiness::Unknown => None,
        },
        cordoned: node.row.status.cordoned,
        schedulable: node.row.unschedulable.is_none(),
        unschedulable_reason: node.row.unschedulable.clone(),
        status_since: facts.readiness().1,
        flapping: node.row.status.flapping,
        roles: node.row.roles.split(',').filter(|role| !role.is_empty()).map(Clean::new).collect(),
        version: facts.system.kubelet.clone(),
        created: facts.created(),
        taints: facts.taints.iter().map(taint).collect(),
        conditions: facts.conditions.iter().map(condition).collect(),
        pressures: node.row.pressures.iter().copied().cloned().collect(),
        pods: ItemPods {
            bound: shown.of(pods.map(|pods| pods.bound)),
            terminating: shown.of(pods.map(|pods| pods.terminating)),
            daemon_set: shown.of(pods.map(|pods| pods.daemon_set)),
            mirror: shown.of(pods.map(|pods| pods.mirror)),
            allocatable: node.row.pods_allocatable,
        },
        resources: amounts::of_node(&node.resources, shown),
        model: node.row.model.map(Clean::new),
        mig_invalid: accelerator::is_mig_invalid(facts),
        accelerators: node.accelerators.iter().map(|totals| item_accelerator(totals, shown)).collect(),
        // The usage of a node without figures is not known, as in a cluster without the API (F26).
        usage: node.row.used.filter(|used| used.cpu_milli.is_some() || used.memory_bytes.is_some()).map(usage),
        dra: devices.map(|devices| devices.nodes.get(&facts.name).cloned().unwrap_or_default()),
        lease: node
            .lease
            .map(|lease| ItemLease { age_seconds: lease.age.map(|age| age.as_secs_f64()), silent: lease.silent }),
        columns: Nodes::COLUMNS.iter().filter_map(|column| column.json_field(&node.row)).collect(),
    }
}

fn taint(taint: &NodeTaint) -> ItemTaint {
    let NodeTaint { key, value, effect } = taint.clone();
    ItemTaint { key, value, effect }
}

fn condition(condition: NodeCondition) -> ItemCondition {
    let NodeCondition { kind, status, reason, message, since } = condition;
    let status = match status {
        ConditionStatus::True => Clean::new("True"),
        ConditionStatus::False => Clean::new("False"),
        ConditionStatus::Unknown => Clean::new("Unknown"),
        ConditionStatus::Other(text) => text,
    };
    ItemCondition { kind, status, since, reason, message }
}

fn usage(used: Used) -> ItemUsage {
    ItemUsage {
        cpu_milli: used.cpu_milli,
        memory_bytes: used.memory_bytes,
        age_seconds: used.age.map(|age| age.as_secs_f64()),
        window_seconds: used.window.map(|window| window.as_secs_f64()),
    }
}

fn item_accelerator(totals: &AcceleratorTotals, shown: PodVisibility) -> ItemAccelerator {
    ItemAccelerator {
        resource: totals.resource.clone(),
        kind: totals.kind,
        capacity: totals.capacity,
        allocatable: totals.allocatable,
        requested: shown.of(totals.requested),
        free: totals.free.exact(),
        unschedulable: totals.unschedulable.exact(),
        withdrawn: totals.withdrawn,
        missing: totals.missing,
        over_requested: shown.of(totals.over_requested),
    }
}
