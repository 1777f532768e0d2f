//! Derived numbers of nodes, as rows and reports show them.

use std::time::Duration;

use super::device_conditions;
use super::history::Strip;
use super::usage::Used;
use crate::facts::accelerator::Kind;
use crate::facts::node::Readiness;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::model::store::nodes::PackedFacts;

/// A node as the table shows it. Borrowed from the model, made for visible rows only.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow<'a> {
    /// The facts: name, roles, version, taints, addresses.
    pub facts: &'a PackedFacts,
    /// `true` for the selected row.
    pub selected: bool,
    /// Readiness, its age, cordon.
    pub status: NodeStatus,
    /// Roles, comma-separated, sorted; empty without any.
    pub roles: Clean,
    /// First `InternalIP`; empty without any.
    pub internal_ip: Clean,
    /// Time since creation by the server's clock; `None` if the creation time is absent.
    pub age: Option<Duration>,
    /// Bound pods that are not Succeeded or Failed.
    pub pods: Known<u32>,
    /// `allocatable.pods`.
    pub pods_allocatable: Option<u32>,
    /// Whole GPUs and other devices of this node, all resources of kind device together; `None` without any.
    pub gpu: Option<Accelerators>,
    /// Whole devices that a pod could have; `None` without any.
    pub gpus_free: Option<Known<i64>>,
    /// Reason why it takes no pods with devices; `None` if it does.
    pub unschedulable: Option<Clean>,
    /// Whole devices that its labels promise and that it never announced.
    pub gpu_missing: i64,
    /// The accelerator's model.
    pub model: Option<&'a str>,
    /// CPU requested against allocatable, thousandths of a core.
    pub cpu_milli: (Known<i64>, Option<i64>),
    /// Memory requested against allocatable, bytes.
    pub memory_bytes: (Known<i64>, Option<i64>),
    /// Usage; `None` if the usage of nodes is not visible in this cluster.
    pub used: Option<Used>,
    /// Readiness in each of the last 15 minutes, oldest first; `None` while watchbell was not watching.
    pub ready: Strip,
    /// Conditions that are bad: `MemoryPressure`, `DiskPressure`, NPD's; their types in the order of the API.
    pub pressures: Vec<&'a Clean>,
}

impl NodeRow<'_> {
    /// Its bad conditions with what they say of devices: `MemoryPressure, XidCriticalError Xid 79`; empty without any.
    #[must_use]
    pub fn bad_conditions(&self) -> String {
        device_conditions::labels(&self.facts.conditions, self.pressures.iter().copied())
    }
}

/// Readiness and scheduling of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// From the Ready condition.
    pub readiness: Readiness,
    /// Time in this state by the server's clock; `None` if the condition has no transition time.
    pub for_: Option<Duration>,
    /// `SchedulingDisabled`.
    pub cordoned: bool,
    /// `true` if the node is flapping: more than two observed changes of Ready in 15 min.
    pub flapping: bool,
    /// `true` if the data is too old to be current: "last seen Ready".
    pub stale: bool,
}

/// Accelerators of one node or cluster, of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accelerators {
    /// Requested by bound, non-terminal pods.
    pub requested: Known<i64>,
    /// `status.allocatable`: the healthy ones.
    pub allocatable: i64,
    /// `status.capacity`: all that the plugin announced.
    pub capacity: i64,
}

/// One row of the resources of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceRow<'a> {
    /// `cpu`, `memory`, `pods`, `nvidia.com/gpu`, ...
    pub name: &'a str,
    /// Requested by bound, non-terminal pods; for `pods` their number. In milli for `cpu`, else base units.
    pub requested: Known<i64>,
    /// Used now, same unit; `None` for everything but `cpu` and `memory`, and where it is not known.
    pub used: Option<i64>,
    /// `status.allocatable`, same unit.
    pub allocatable: Option<i64>,
    /// `status.capacity`, same unit.
    pub capacity: Option<i64>,
}

/// Accelerators of one resource and kind over all nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceleratorTotals {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// Kind of one unit.
    pub kind: Kind,
    /// Sum of `status.capacity`.
    pub capacity: i64,
    /// Sum of `status.allocatable`.
    pub allocatable: i64,
    /// Requested by pods that are bound to these nodes and neither Succeeded nor Failed.
    pub requested: Known<i64>,
    /// Healthy and not requested, node by node, on nodes that take pods ([`crate::model::derive::fit::free`]).
    pub free: Known<i64>,
    /// Healthy and not requested on nodes that take no pods.
    pub unschedulable: Known<i64>,
    /// Announced but not healthy: capacity − allocatable, node by node.
    pub withdrawn: i64,
    /// Promised by labels but never announced; `None` if no label determines it.
    pub missing: Option<i64>,
    /// Requested beyond the allocatable amount, node by node: a device died under its pods.
    pub over_requested: Known<i64>,
    /// Nodes that announce any.
    pub nodes: u32,
}

impl AcceleratorTotals {
    /// Totals of zero for a resource.
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

/// Exact amounts of one resource of one node or of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAmounts {
    /// `cpu`, `memory`, `pods`, `nvidia.com/gpu`, ...
    pub name: Clean,
    /// Requested by bound pods that are neither Succeeded nor Failed; for `pods` their number.
    pub requested: Known<Quantity>,
    /// `status.allocatable`; the capacity if a node has none at all.
    pub allocatable: Option<Quantity>,
    /// `status.capacity`.
    pub capacity: Option<Quantity>,
}
