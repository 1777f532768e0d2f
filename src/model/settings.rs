//! Inputs of a new model: clusters, thresholds and conventions.

use std::time::Duration;

use crate::facts::accelerator::AcceleratorTable;
use crate::facts::text::Clean;

/// A cluster to watch, as the kubeconfig names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The context's name.
    pub context: Clean,
    /// Reason why this context cannot be used at all (F102); its task is never started.
    pub broken: Option<Clean>,
}

/// Changes of Ready within 15 min that are not flapping yet: 2, kubernetes-mixin `KubeNodeReadinessFlapping`.
pub const FLAP_OVER: u16 = 2;

/// Thresholds and windows; defaults in `assets/config.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// An API call slower than this raises an alert, also while it is in flight: 10 s, the origin document.
    pub slow_call: Duration,
    /// Cleared after three calls in a row faster than this: 5 s.
    pub slow_call_clear: Duration,
    /// More timeouts than this in the window raise an alert: 10, the origin document.
    pub timeouts_over: u32,
    /// The window for timeouts: 10 min.
    pub timeouts_window: Duration,
    /// Cleared at this many or fewer in the window...
    pub timeouts_clear: u32,
    /// ...and none for this long: 3 min.
    pub timeouts_quiet: Duration,
    /// Data without a freshness proof for this long is stale: 5 min, the origin document.
    pub stale_after: Duration,
    /// A p95 of the API probe over this raises an alert: 1 s, the API-call SLO for one object.
    pub probe_p95: Duration,
    /// Cleared when the p95 of the last minute is below this: 500 ms, from which a probe has the colour of a warning.
    pub probe_p95_clear: Duration,
    /// Time for which the alert is pending: 30 s.
    pub probe_p95_for: Duration,
    /// Probe periods without any answer after which the API is unreachable: 3.
    pub unreachable_ticks: u16,
    /// Number of 429 answers within a minute from which throttling is a warning and no longer a notice: 3.
    pub throttled_warning: u16,
    /// More changes of Ready than this in 15 min are flapping: 2, kubernetes-mixin `KubeNodeReadinessFlapping`.
    pub flapping_over: u16,
    /// Time after which devices that a node's labels promise and that are not registered are missing: 1 min.
    pub gpus_missing_for: Duration,
    /// A node whose pods take more than this share of its allocatable pods raises an alert: 95 %.
    pub pod_density_pct: u8,
    /// Cleared at this share or less: 90 %.
    pub pod_density_clear_pct: u8,
    /// Time for which that alert is pending: 15 min, kubernetes-mixin `KubeletTooManyPods`.
    pub pod_density_for: Duration,
    /// An acknowledgement ends after this at the latest: 1 h.
    pub ack_expires: Duration,
    /// A silence ends after this: 30 min.
    pub silence_for: Duration,
    /// Most objects that are held of a cluster: 4 million.
    pub most_objects: u64,
    /// Most bytes of objects that are held of a cluster: 1 GiB.
    pub most_bytes: u64,
    /// Window of the percentiles and the sparkline: 5 min.
    pub latency_window: Duration,
    /// Period of the probes: 5 s; the width of one sparkline bucket.
    pub probe_period: Duration,
    /// Deadline of the probes: 5 s; full height of the sparkline.
    pub probe_deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slow_call: Duration::from_secs(10),
            slow_call_clear: Duration::from_secs(5),
            timeouts_over: 10,
            timeouts_window: Duration::from_secs(600),
            timeouts_clear: 3,
            timeouts_quiet: Duration::from_secs(180),
            stale_after: Duration::from_secs(300),
            probe_p95: Duration::from_secs(1),
            probe_p95_clear: Duration::from_millis(500),
            probe_p95_for: Duration::from_secs(30),
            unreachable_ticks: 3,
            throttled_warning: 3,
            flapping_over: FLAP_OVER,
            gpus_missing_for: Duration::from_secs(60),
            pod_density_pct: 95,
            pod_density_clear_pct: 90,
            pod_density_for: Duration::from_secs(900),
            ack_expires: Duration::from_secs(3_600),
            silence_for: Duration::from_secs(1_800),
            most_objects: 4_000_000,
            most_bytes: 1 << 30,
            latency_window: Duration::from_secs(300),
            probe_period: Duration::from_secs(5),
            probe_deadline: Duration::from_secs(5),
        }
    }
}

/// Conventions by which nodes are read where the API does not say.
#[derive(Clone, Debug, Default)]
pub struct Conventions {
    /// Kind of device that each resource name counts as.
    pub accelerators: AcceleratorTable,
    /// Types of conditions whose `True` is good, besides those whose name says so.
    pub good_conditions: Vec<Clean>,
}
