//! The table of alerting rules: each alert is one row.
//!
//! To add an alert: a variant of [`Rule`], a row of [`RULES`] at the same place, and a function that finds it: in `server.rs` for the
//! cluster as a whole, in `faults.rs` for nodes. The pane, the notifications, `docs/latency-and-alerts.md` and the check of the
//! configuration follow from the row.

use std::time::Duration;

use super::evidence::Evidence;
use super::faults::{self, NodeFault, UnhealthyNode};
use super::server;
use super::{Finding, Severity};
use crate::model::settings::Settings;

/// Time that a 403 must last after a success before it is an alert: a server that starts answers so for a while (F53).
const DENIED_FOR: Duration = Duration::from_secs(60);

/// Kinds of alerts. The discriminant is the index in [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Several clusters are unreachable together.
    ClustersUnreachable,
    /// More calls have timed out than may.
    Timeouts,
    /// A call takes, or took, too long.
    SlowCall,
    /// The server answers nothing.
    Unreachable,
    /// The server answers, but fails its API probe.
    ProbeFailing,
    /// The API probe is slow as a rule.
    ProbeSlow,
    /// The cluster has more objects than may be held.
    TooLarge,
    /// The server rejects the credentials (401).
    CredentialsRejected,
    /// There are no credentials to send.
    CredentialsMissing,
    /// A list is forbidden (403).
    Denied,
    /// Objects could not be read.
    Unreadable,
    /// The server throttles (429).
    Throttled,
    /// Data is old.
    Stale,
    /// A node is not ready.
    NodeNotReady,
    /// The control plane does not hear from a node, or from any.
    NodeUnknown,
    /// Readiness of a node comes and goes.
    NodeFlapping,
    /// A node has a bad condition.
    NodePressure,
    /// A node has unhealthy devices.
    GpusWithdrawn,
    /// A node has no room for another pod, nearly.
    PodDensity,
    /// A node lacks devices that its labels promise.
    GpusMissing,
}

/// Declaration of one alert.
#[derive(Debug)]
pub struct RuleSpec {
    /// The rule that the row declares.
    pub rule: Rule,
    /// Name of the alert, CamelCase like a condition's reason: `SlowCall`.
    pub reason: &'static str,
    /// Severity at its worst; a finding may be milder.
    pub severity: Severity,
    /// Object that the alert is about.
    pub subject: AlertSubject,
    /// Unit of its peak.
    pub unit: PeakUnit,
    /// Data that it follows from; while that is not current the alert is unknown and not resolved.
    pub source: DataSource,
    /// Time for which the condition must hold before the alert fires, Prometheus' `for`.
    pub pending: fn(&Settings) -> Duration,
    /// Alerts and states that explain this one: while one of them holds, it is neither shown nor resolved.
    pub inhibited_by: &'static [Inhibitor],
    /// Keys of `[alerts]` that move its thresholds.
    pub thresholds: &'static [&'static str],
    /// Function that finds it.
    pub(super) evaluate: Evaluate,
}

/// Kind of object that an alert is about, and where `enter` leads from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertSubject {
    /// Several clusters together.
    Clusters,
    /// The API server of a cluster.
    Server,
    /// A list of the cluster; the subject names it.
    List,
    /// Nodes of the cluster, one alert each or one for many.
    Node,
    /// Devices of nodes, likewise; the subject names node and resource.
    Devices,
}

/// Unit of an alert's peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeakUnit {
    /// The alert has no number.
    None,
    /// A number of calls, nodes, pods, devices.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// Data that an alert follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSource {
    /// Calls, and the state of lists and watches: always current.
    Calls,
    /// The API probe.
    Probes,
    /// The nodes.
    Nodes,
    /// The nodes and their pods.
    Pods,
}

/// Condition under which an alert is inhibited, Alertmanager's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inhibitor {
    /// The server is silent: unreachable, or about to be. Whatever fails meanwhile fails because of that.
    Silence,
    /// This alert is found in the same cluster, inhibited itself or not.
    Rule(Rule),
    /// This alert is found for the same node, alone or within a group.
    SameNode(Rule),
    /// All nodes are Unknown at once: one alert says so.
    AllNodesUnknown,
}

/// Function that finds an alert.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evaluate {
    /// Looks at all clusters together ([`super::Outage`]).
    Clusters,
    /// Looks at the cluster as a whole.
    Cluster(fn(&Evidence<'_>) -> Option<Finding>),
    /// Looks at each list.
    Lists(fn(&Evidence<'_>) -> Vec<Finding>),
    /// Looks at each node that is not Ready or has another problem. Many nodes are one line.
    UnhealthyNode { plural: &'static str, find: for<'a> fn(&UnhealthyNode<'a>, &mut Vec<NodeFault<'a>>) },
    /// Looks at a set of nodes that is kept for this rule. Many nodes are one line.
    Nodes { plural: &'static str, find: for<'a> fn(&'a Evidence<'_>) -> Vec<NodeFault<'a>> },
}

impl Rule {
    /// Number of rules.
    pub const COUNT: usize = 20;

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

impl Evaluate {
    /// Words for many nodes with this fault, if the rule is about nodes: `nodes NotReady`.
    pub(super) fn plural(self) -> Option<&'static str> {
        match self {
            Self::UnhealthyNode { plural, .. } | Self::Nodes { plural, .. } => Some(plural),
            Self::Clusters | Self::Cluster(_) | Self::Lists(_) => None,
        }
    }
}

/// No pending time: the alert fires at once.
const AT_ONCE: fn(&Settings) -> Duration = |_| Duration::ZERO;

/// All alerts. Their order is the order of evaluation and has no other meaning: inhibition is in the rows.
pub static RULES: [RuleSpec; Rule::COUNT] = [
    RuleSpec {
        rule: Rule::ClustersUnreachable,
        reason: "ClustersUnreachable",
        severity: Severity::Critical,
        subject: AlertSubject::Clusters,
        unit: PeakUnit::Count,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Clusters,
    },
    RuleSpec {
        rule: Rule::Timeouts,
        reason: "Timeouts",
        severity: Severity::Critical,
        subject: AlertSubject::Server,
        unit: PeakUnit::Count,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["timeouts-over", "timeouts-window", "timeouts-clear", "timeouts-quiet"],
        evaluate: Evaluate::Cluster(server::timeouts),
    },
    RuleSpec {
        rule: Rule::SlowCall,
        reason: "SlowCall",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::Milliseconds,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["slow-call", "slow-call-clear"],
        evaluate: Evaluate::Cluster(server::slow_call),
    },
    RuleSpec {
        rule: Rule::Unreachable,
        reason: "Unreachable",
        severity: Severity::Critical,
        subject: AlertSubject::Server,
        unit: PeakUnit::Milliseconds,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::ClustersUnreachable)],
        thresholds: &["unreachable-ticks"],
        evaluate: Evaluate::Cluster(server::unreachable),
    },
    RuleSpec {
        rule: Rule::ProbeFailing,
        reason: "ProbeFailing",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::None,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Cluster(server::probe_failing),
    },
    RuleSpec {
        rule: Rule::ProbeSlow,
        reason: "ProbeSlow",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::Milliseconds,
        source: DataSource::Probes,
        pending: |settings| settings.probe_p95_for,
        // That the server does not answer, or answers with errors, says more than that it is slow.
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::Rule(Rule::ProbeFailing)],
        thresholds: &["probe-p95", "probe-p95-clear", "probe-p95-for"],
        evaluate: Evaluate::Cluster(server::probe_slow),
    },
    RuleSpec {
        rule: Rule::TooLarge,
        reason: "TooLarge",
        severity: Severity::Critical,
        subject: AlertSubject::Server,
        unit: PeakUnit::None,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Cluster(server::too_large),
    },
    RuleSpec {
        rule: Rule::CredentialsRejected,
        reason: "CredentialsRejected",
        severity: Severity::Critical,
        subject: AlertSubject::Server,
        unit: PeakUnit::None,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Cluster(server::credentials_rejected),
    },
    RuleSpec {
        rule: Rule::CredentialsMissing,
        reason: "CredentialsMissing",
        severity: Severity::Critical,
        subject: AlertSubject::Server,
        unit: PeakUnit::None,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Cluster(server::credentials_missing),
    },
    RuleSpec {
        rule: Rule::Denied,
        reason: "Denied",
        severity: Severity::Notice,
        subject: AlertSubject::List,
        unit: PeakUnit::None,
        source: DataSource::Calls,
        pending: |_| DENIED_FOR,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Lists(server::denied),
    },
    RuleSpec {
        rule: Rule::Unreadable,
        reason: "Unreadable",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::Count,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &[],
        evaluate: Evaluate::Cluster(server::unreadable),
    },
    RuleSpec {
        rule: Rule::Throttled,
        reason: "Throttled",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::Count,
        source: DataSource::Calls,
        pending: AT_ONCE,
        inhibited_by: &[],
        thresholds: &["throttled-warning"],
        evaluate: Evaluate::Cluster(server::throttled),
    },
    RuleSpec {
        rule: Rule::Stale,
        reason: "Stale",
        severity: Severity::Warning,
        subject: AlertSubject::Server,
        unit: PeakUnit::Seconds,
        source: DataSource::Calls,
        // A watch that is cut and opened again at once, as when a control plane rolls, is no news (F52).
        pending: |settings| settings.probe_period,
        inhibited_by: &[Inhibitor::Silence],
        thresholds: &["stale-after"],
        evaluate: Evaluate::Cluster(server::stale),
    },
    RuleSpec {
        rule: Rule::NodeNotReady,
        reason: "NodeNotReady",
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::SameNode(Rule::NodeFlapping)],
        thresholds: &[],
        evaluate: Evaluate::UnhealthyNode { plural: "nodes NotReady", find: faults::not_ready },
    },
    RuleSpec {
        rule: Rule::NodeUnknown,
        reason: "NodeUnknown",
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::SameNode(Rule::NodeFlapping)],
        thresholds: &[],
        evaluate: Evaluate::UnhealthyNode { plural: "nodes Unknown", find: faults::unknown },
    },
    RuleSpec {
        rule: Rule::NodeFlapping,
        reason: "NodeFlapping",
        severity: Severity::Critical,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["flapping-over"],
        evaluate: Evaluate::Nodes { plural: "nodes flapping", find: faults::flapping },
    },
    RuleSpec {
        rule: Rule::NodePressure,
        reason: "NodePressure",
        severity: Severity::Warning,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &[],
        evaluate: Evaluate::UnhealthyNode { plural: "nodes with bad conditions", find: faults::pressure },
    },
    RuleSpec {
        rule: Rule::GpusWithdrawn,
        reason: "GpusWithdrawn",
        severity: Severity::Warning,
        subject: AlertSubject::Devices,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        pending: AT_ONCE,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &[],
        evaluate: Evaluate::UnhealthyNode { plural: "nodes with unhealthy devices", find: faults::withdrawn },
    },
    RuleSpec {
        rule: Rule::PodDensity,
        reason: "PodDensity",
        severity: Severity::Warning,
        subject: AlertSubject::Node,
        unit: PeakUnit::Count,
        source: DataSource::Pods,
        pending: |settings| settings.pod_density_for,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["pod-density", "pod-density-clear", "pod-density-for"],
        evaluate: Evaluate::Nodes { plural: "nodes nearly full of pods", find: faults::full },
    },
    RuleSpec {
        rule: Rule::GpusMissing,
        reason: "GpusMissing",
        severity: Severity::Warning,
        subject: AlertSubject::Devices,
        unit: PeakUnit::Count,
        source: DataSource::Nodes,
        // A booting node has its labels before its device plugin.
        pending: |settings| settings.gpus_missing_for,
        inhibited_by: &[Inhibitor::Rule(Rule::Unreachable), Inhibitor::AllNodesUnknown],
        thresholds: &["gpus-missing-for"],
        evaluate: Evaluate::UnhealthyNode { plural: "nodes with unregistered devices", find: faults::missing },
    },
];
