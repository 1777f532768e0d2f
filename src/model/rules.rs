//! The table of alerting rules, one row for each alert, and the configurable thresholds.
//!
//! To add an alert: a row of `rules` here, and the function that finds it, in `alerts/server.rs` for the cluster as a whole and in
//! `alerts/faults.rs` for nodes. A threshold of it is a row of `alert_thresholds`. The pane, the notifications, inhibition, the
//! keys of `[alerts]` with their defaults and limits follow from the rows; tests compare `docs/latency-and-alerts.md` and
//! `assets/config.toml` with them.

mod spec;

use std::time::Duration;

pub use spec::{
    AlertSubject, Bounds, DataSource, Evaluate, HitScope, Inhibitor, PeakUnit, RuleSpec, Severity, Threshold,
};

/// Time for which a 403 must last after a success before it is an alert: a starting server answers 403 for a while (F53).
const DENIED_FOR: Duration = Duration::from_secs(60);

/// Changes of Ready within 15 min that are not flapping yet: 2, kubernetes-mixin `KubeNodeReadinessFlapping`.
pub const FLAP_OVER: u16 = 2;

/// Maximum number of changes that are kept for one node, and so the upper bound of the threshold.
const MOST_CHANGES: u64 = 60;

const DENSITY: &str = "a pod density is in per cent of a node's allocatable pods";

/// No pending time: the alert fires at once.
const AT_ONCE: fn(&Settings) -> Duration = |_| Duration::ZERO;

/// The values that most rules share.
const BASE: RuleSpec = RuleSpec {
    rule: Rule::Timeouts,
    reason: "",
    severity: Severity::Warning,
    subject: AlertSubject::Server,
    unit: PeakUnit::None,
    source: DataSource::Calls,
    pending: AT_ONCE,
    inhibited_by: &[],
    thresholds: &[],
    nodes: |_| String::new(),
    hits: HitScope::None,
    evaluate: Evaluate::Cluster,
};

/// Passes the rows of all thresholds to the macro `declare`: field of [`Settings`], type, default, key of `[alerts]`, bounds, and of a
/// value that clears an alert the one that raises it.
macro_rules! alert_thresholds {
    ($declare:ident) => {
        $declare! {
            /// An API call slower than this raises an alert, even while it is in flight: 10 s, the original requirement.
            slow_call: Duration = Duration::from_secs(10), "slow-call", Bounds::Any;
            /// Cleared after three calls in a row faster than this: 5 s.
            slow_call_clear: Duration = Duration::from_secs(5), "slow-call-clear", Bounds::Any, at most slow_call;
            /// More timeouts than this in the window raise an alert: 10, the original requirement.
            timeouts_over: u32 = 10, "timeouts-over", Bounds::Any;
            /// The window for timeouts: 10 min.
            timeouts_window: Duration = Duration::from_secs(600), "timeouts-window", Bounds::Any;
            /// Cleared at this many or fewer in the window...
            timeouts_clear: u32 = 3, "timeouts-clear", Bounds::Any, at most timeouts_over;
            /// ...and none for this long: 3 min.
            timeouts_quiet: Duration = Duration::from_secs(180), "timeouts-quiet", Bounds::Any;
            /// Data without a freshness proof for this long is stale: 5 min, the original requirement.
            stale_after: Duration = Duration::from_secs(300), "stale-after", Bounds::Any;
            /// A p95 of the API probe over this raises an alert: 1 s, the API-call SLO for one object.
            probe_p95: Duration = Duration::from_secs(1), "probe-p95", Bounds::Any;
            /// Cleared when the p95 of the last minute is below this: 500 ms, from which a probe has the colour of a warning.
            probe_p95_clear: Duration = Duration::from_millis(500), "probe-p95-clear", Bounds::Any, at most probe_p95;
            /// Time for which the alert is pending: 30 s.
            probe_p95_for: Duration = Duration::from_secs(30), "probe-p95-for", Bounds::Any;
            /// Probe periods without any answer after which the API is unreachable: 3.
            unreachable_ticks: u16 = 3, "unreachable-ticks", Bounds::AtLeast(1);
            /// Number of 429 answers within a minute from which throttling is a warning and no longer a notice: 3.
            throttled_warning: u16 = 3, "throttled-warning", Bounds::Any;
            /// More changes of Ready than this in 15 min are flapping: 2, kubernetes-mixin `KubeNodeReadinessFlapping`.
            flapping_over: u16 = FLAP_OVER, "flapping-over", Bounds::AtMost(MOST_CHANGES);
            /// Time after which devices that a node's labels promise and that are not registered are missing: 1 min.
            gpus_missing_for: Duration = Duration::from_secs(60), "gpus-missing-for", Bounds::Any;
            /// A node whose pods take more than this share of its allocatable pods raises an alert: 95 %.
            pod_density_pct: u8 = 95, "pod-density", Bounds::Percent(DENSITY);
            /// Cleared at this share or less: 90 %.
            pod_density_clear_pct: u8 = 90, "pod-density-clear", Bounds::Percent(DENSITY), at most pod_density_pct;
            /// Time for which that alert is pending: 15 min, kubernetes-mixin `KubeletTooManyPods`.
            pod_density_for: Duration = Duration::from_secs(900), "pod-density-for", Bounds::Any;
            /// A node on which this many pods live less than a minute within 5 min stands out as a black hole: 5, Docker `SwarmKit`. 0: off.
            black_hole: u32 = 5, "black-hole", Bounds::Any;
            /// An acknowledgement ends after this at the latest: 1 h.
            ack_expires: Duration = Duration::from_secs(3_600), "ack-expires", Bounds::Any;
            /// A silence ends after this: 30 min.
            silence_for: Duration = Duration::from_secs(1_800), "silence-for", Bounds::Any;
        }
    };
}
pub(crate) use alert_thresholds;

/// Declares [`Settings`] with a field for each threshold.
macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $key:literal, $bounds:expr $(, at most $cap:ident)?;)*) => {
        /// Thresholds and windows; defaults in `assets/config.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Settings {
            $($(#[$doc])* pub $field: $type,)*
            /// Maximum number of objects of a cluster: 4 million.
            pub most_objects: u64,
            /// Maximum size of a cluster's objects in bytes: 1 GiB.
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
                    $($field: $default,)*
                    most_objects: 4_000_000,
                    most_bytes: 1 << 30,
                    latency_window: Duration::from_secs(300),
                    probe_period: Duration::from_secs(5),
                    probe_deadline: Duration::from_secs(5),
                }
            }
        }

        impl Settings {
            /// Lowers each value that clears an alert to the one that raises it, if that is lower: otherwise the alert would never
            /// clear.
            pub fn lower_clearing(&mut self) {
                $($(self.$field = self.$field.min(self.$cap);)?)*
            }
        }

        /// Keys and bounds of the thresholds, for the configuration.
        pub const THRESHOLDS: &[Threshold] = &[$(Threshold { key: $key, bounds: $bounds }),*];
    };
}
alert_thresholds!(settings);

/// Declares [`Rule`] and [`RULES`].
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident { $($field:ident: $value:expr,)* })*) => {
        /// Kinds of alerts. The discriminant is the index in [`RULES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// Number of rules.
            pub const COUNT: usize = [$(stringify!($rule)),*].len();
        }

        /// All alerts. Their order is the order of evaluation and has no other meaning: inhibition is in the rows.
        pub static RULES: [RuleSpec; Rule::COUNT] =
            [$(RuleSpec { rule: Rule::$rule, reason: stringify!($rule), $($field: $value,)* ..BASE }),*];
    };
}
rules! {
    /// Several clusters are unreachable together.
    ClustersUnreachable {
        severity: Severity::Critical,
        subject: AlertSubject::Clusters,
        unit: PeakUnit::Count,
        hits: HitScope::Cluster,
        evaluate: Evaluate::Clusters,
    }
    /// Too many calls have timed out.
    Timeouts {
        severity: Severity::Critical,
        unit: PeakUnit::Count,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["timeouts-over", "timeouts-window", "timeouts-clear", "timeouts-quiet"],
    }
    /// A call takes, or took, too long.
    SlowCall {
        unit: PeakUnit::Milliseconds,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["slow-call", "slow-call-clear"],
    }
    /// The server answers nothing.
    Unreachable {
        severity: Severity::Critical,
        unit: PeakUnit::Milliseconds,
        inhibited_by: &[Inhibitor::Rule(Rule::ClustersUnreachable)],
        thresholds: &["unreachable-ticks"],
        hits: HitScope::Cluster,
    }
    /// The server answers, but fails its API probe.
    ProbeFailing {}
    /// The API probe is slow most of the time.
    ProbeSlow {
        unit: PeakUnit::Milliseconds,
        source: DataSource::Probes,
        pending: |settings| settings.probe_p95_for,
        // A missing answer, or an error, explains more than slowness.
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::Rule(Rule::ProbeFailing)],
        thresholds: &["probe-p95", "probe-p95-clear", "probe-p95-for"],
    }
    /// The cluster has more objects than the budget allows.
    TooLarge {
        severity: Severity::Critical,
    }
    /// The server rejects the credentials (401).
    CredentialsRejected {
        severity: Severity::Critical,
    }
    /// There are no credentials to send.
    CredentialsMissing {
        severity: Severity::Critical,
    }
    /// A list is forbidden (403).
    Denied {
        severity: Severity::Notice,
        subject: AlertSubject::List,
        pending: |_| DENIED_FOR,
        evaluate: Evaluate::Lists,
    }
    /// Objects could not be read.
    Unreadable {
        unit: PeakUnit::Count,
    }
    /// The server throttles (429).
    Throttled {
        unit: PeakUnit::Count,
        thresholds: &["throttled-warning"],
    }
    /// Data is old.
    Stale {
        unit: PeakUnit::Seconds,
        // A watch that is cut and opened again at once, as in a rolling restart of the control plane, raises no alert (F52).
        pending: |settings| settings.probe_period,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["stale-after"],
    }
    /// A node is not ready.
    NodeNotReady {
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::SameNode(Rule::NodeFlapping)],
        nodes: |_| "status:notready".to_owned(),
        hits: HitScope::Node,
        evaluate: Evaluate::UnhealthyNode("nodes NotReady"),
    }
    /// The control plane does not hear from a node, or from any node.
    NodeUnknown {
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::SameNode(Rule::NodeFlapping)],
        nodes: |_| "status:unknown".to_owned(),
        hits: HitScope::Node,
        evaluate: Evaluate::UnhealthyNode("nodes Unknown"),
    }
    /// Readiness of a node is flapping.
    NodeFlapping {
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["flapping-over"],
        nodes: |_| "status:flapping".to_owned(),
        hits: HitScope::Node,
        evaluate: Evaluate::Nodes("nodes flapping"),
    }
    /// A node has a bad condition.
    NodePressure {
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        nodes: |_| "problem:conditions".to_owned(),
        hits: HitScope::Conditions,
        evaluate: Evaluate::UnhealthyNode("nodes with bad conditions"),
    }
    /// A node has unhealthy devices.
    GpusWithdrawn {
        subject: AlertSubject::Devices,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        nodes: |_| "problem:unhealthy".to_owned(),
        hits: HitScope::Devices,
        evaluate: Evaluate::UnhealthyNode("nodes with unhealthy devices"),
    }
    /// A node has almost no room for another pod.
    PodDensity {
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Pods,
        pending: |settings| settings.pod_density_for,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["pod-density", "pod-density-clear", "pod-density-for"],
        // A node stays in the alert until it is below the share that clears it.
        nodes: |settings| format!("pods>{}%", settings.pod_density_clear_pct),
        evaluate: Evaluate::Nodes("nodes nearly full of pods"),
    }
    /// A node ends the pods that it gets within a minute of their creation.
    BlackHole {
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Pods,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["black-hole"],
        nodes: |_| "problem:black-hole".to_owned(),
        hits: HitScope::SomeOfNode,
        evaluate: Evaluate::Nodes("nodes kill what they get"),
    }
    /// A node lacks devices that its labels promise.
    GpusMissing {
        subject: AlertSubject::Devices,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        // A booting node has its labels before its device plugin.
        pending: |settings| settings.gpus_missing_for,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["gpus-missing-for"],
        nodes: |_| "problem:unregistered".to_owned(),
        hits: HitScope::Devices,
        evaluate: Evaluate::UnhealthyNode("nodes with unregistered devices"),
    }
}

impl Rule {
    /// The row that declares the rule.
    #[must_use]
    pub fn spec(self) -> &'static RuleSpec {
        &RULES[self as usize]
    }

    /// Name of the alert, CamelCase like a condition's reason: `SlowCall`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.spec().reason
    }

    /// Returns `true` if the alert is about nodes.
    #[must_use]
    pub fn is_about_nodes(self) -> bool {
        matches!(self.spec().subject, AlertSubject::Node | AlertSubject::Devices)
    }
}
