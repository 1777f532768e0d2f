//! Columns, sort, filter, selection by key: only the visible slice ever becomes rows.

mod columns;
pub(crate) mod filter;
pub(crate) mod joined_node;
pub(crate) mod line;
pub(crate) mod natural;
pub(crate) mod order;
pub(crate) mod podfilter;
pub(crate) mod podorder;

use std::time::Duration;

use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::model::derive::history::Strip;
use crate::model::known::Known;

pub use crate::model::store::nodes::{PackedFacts, PackedLabels, System};
pub use columns::{Align, COLUMNS, Column, Compared, FilterMatch, Matched};

/// Columns that rows can be sorted by; the table of columns is in `COLUMNS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// Name, natural order (numbers by value).
    #[default]
    Name,
    /// Worst first.
    Status,
    /// Pods bound against allocatable.
    Pods,
    /// Restarts; of pods only.
    Restarts,
    /// Free GPUs.
    Gpu,
    /// CPU requested, share of allocatable.
    Cpu,
    /// Memory requested, share of allocatable.
    Memory,
    /// CPU used, share of allocatable.
    CpuUsed,
    /// Memory used, share of allocatable.
    MemoryUsed,
    /// Kubelet version.
    Version,
    /// Age.
    Age,
}

/// A node as the table shows it. Borrowed from the model, made for visible rows only.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow<'a> {
    /// The facts: name, roles, version, taints, addresses.
    pub facts: &'a PackedFacts,
    /// The operator's selection.
    pub selected: bool,
    /// Readiness, its age, cordon.
    pub status: NodeStatus,
    /// Roles, comma-separated, sorted; empty without any.
    pub roles: Clean,
    /// First `InternalIP`; empty without any.
    pub internal_ip: Clean,
    /// Time since creation by the server's clock; `None` if the node does not say.
    pub age: Option<Duration>,
    /// Bound pods that are not Succeeded or Failed.
    pub pods: Known<u32>,
    /// `allocatable.pods`.
    pub pods_allocatable: Option<u32>,
    /// Whole GPUs and other devices of this node, all resources of kind device together; `None` without any.
    pub gpu: Option<Accelerators>,
    /// Whole devices that a pod could have; `None` without any.
    pub gpus_free: Option<Known<i64>>,
    /// Why it takes no pods with devices, in words; `None` if it does.
    pub unschedulable: Option<Clean>,
    /// Whole devices that its labels promise and that it never announced.
    pub gpu_missing: i64,
    /// The accelerator's model.
    pub model: Option<&'a str>,
    /// CPU requested against allocatable, thousandths of a core.
    pub cpu_milli: (Known<i64>, Option<i64>),
    /// Memory requested against allocatable, bytes.
    pub memory_bytes: (Known<i64>, Option<i64>),
    /// What it uses now; `None` if the usage of nodes is not seen in this cluster.
    pub used: Option<Used>,
    /// What Ready was in each of the last 15 minutes, oldest first; `None` while nobody watched.
    pub ready: Strip,
    /// Conditions that are bad: `MemoryPressure`, `DiskPressure`, NPD's; short names in the order of the API.
    pub pressures: Vec<&'a Clean>,
}

/// What a node uses, from `metrics.k8s.io`; everything is `None` if the API has no figures of this node (F26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU, thousandths of a core: the average over the window.
    pub cpu_milli: Option<i64>,
    /// Memory, bytes: the working set.
    pub memory_bytes: Option<i64>,
    /// Time since the figures were taken, by the server's clock.
    pub age: Option<Duration>,
    /// The time over which the CPU is averaged.
    pub window: Option<Duration>,
}

impl Used {
    /// The figures do not speak for now.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age.is_none_or(|age| age > crate::model::derive::usage::STALE_AFTER)
    }
}

/// Per cent of what is allocatable, cut as `kubectl top node` does; it can exceed 100. Of nothing it is 0.
#[must_use]
pub fn used_pct(used: i64, allocatable: i64) -> i64 {
    if allocatable <= 0 {
        return 0;
    }
    i64::try_from(i128::from(used) * 100 / i128::from(allocatable)).unwrap_or(i64::MAX)
}

/// Readiness and scheduling of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// From the Ready condition.
    pub readiness: Readiness,
    /// Time in this state by the server's clock; `None` if the condition does not say.
    pub for_: Option<Duration>,
    /// `SchedulingDisabled`.
    pub cordoned: bool,
    /// More than two observed Ready changes in 15 min.
    pub flapping: bool,
    /// Our data is too old to say so now: "last seen Ready".
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

/// Why what a pod last reported does not speak for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReport {
    /// Time since the last sign of life of its node; `None` if that is not known.
    pub ago: Option<Duration>,
    /// What has become of its node: `Unknown`, or `gone` where it is not in the list any more.
    pub node: &'static str,
}

/// A pod as the node screen shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRow<'a> {
    /// The facts.
    pub facts: PodFacts<'a>,
    /// The operator's selection.
    pub selected: bool,
    /// Time since creation by the server's clock.
    pub age: Option<Duration>,
    /// Whole devices that the pod holds (0 if terminal).
    pub gpus: i64,
    /// Set where its node does not report any more; what has ended stays so.
    pub last_report: Option<LastReport>,
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

/// How the visible rows lie in all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Rows after filtering.
    pub len: usize,
    /// Rows before filtering.
    pub total: usize,
    /// The selected row's place among the filtered rows; `None` if there are none.
    pub selected: Option<usize>,
}
