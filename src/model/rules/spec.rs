//! Types of the table of alerting rules.

use std::time::Duration;

use super::{Rule, Settings};

/// Severity of an alert; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Informational.
    Notice,
    /// Should be looked at.
    Warning,
    /// Needs action.
    Critical,
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
    /// Keys of `[alerts]` that set its thresholds.
    pub thresholds: &'static [&'static str],
    /// Filter of the node table that shows at least the nodes of an alert about many of them; empty for the other alerts.
    pub nodes: fn(&Settings) -> String,
    /// Pods that it may hit.
    pub hits: HitScope,
    /// Input that it looks at.
    pub evaluate: Evaluate,
}

/// Kind of object that an alert is about, which decides where `enter` leads.
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

/// Pods that an alert hits: bound ones that are neither Succeeded nor Failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitScope {
    /// No pod is known to be hit: a slow or failing API delays changes, and what runs goes on.
    None,
    /// All pods on the node, or on each of the nodes.
    Node,
    /// Up to all pods on the nodes.
    SomeOfNode,
    /// The same, but of a node whose conditions report faults of devices only, those that request accelerators.
    Conditions,
    /// Up to all pods on the nodes that request the resource: it is not known which of them holds a device that is lost.
    Devices,
    /// Up to all pods of the cluster, as they were last seen: nothing that happens to them can be seen.
    Cluster,
}

impl HitScope {
    /// Returns `true` if any number of these pods may be hit, up to all.
    #[must_use]
    pub fn is_upper_bound(self) -> bool {
        matches!(self, Self::SomeOfNode | Self::Conditions | Self::Devices | Self::Cluster)
    }
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
    /// All nodes are Unknown at once, which a single alert reports.
    AllNodesUnknown,
}

/// Input that a rule looks at; its function is in `model/alerts/server.rs` for the cluster as a whole and for lists, and in
/// `model/alerts/faults.rs` for nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluate {
    /// All clusters together.
    Clusters,
    /// The cluster as a whole.
    Cluster,
    /// Each list.
    Lists,
    /// Each node that is not Ready or has another problem. Many nodes are one line with these words: `nodes NotReady`.
    UnhealthyNode(&'static str),
    /// A set of nodes that is kept for this rule. Many nodes are one line, likewise.
    Nodes(&'static str),
}

impl Severity {
    /// `critical`, `warning`, `notice`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Evaluate {
    /// Words for many nodes with this fault, if the rule is about nodes: `nodes NotReady`.
    #[must_use]
    pub fn plural(self) -> Option<&'static str> {
        match self {
            Self::UnhealthyNode(plural) | Self::Nodes(plural) => Some(plural),
            Self::Clusters | Self::Cluster | Self::Lists => None,
        }
    }
}

/// A configurable threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Its key in `[alerts]`.
    pub key: &'static str,
    /// Values that it can have.
    pub bounds: Bounds,
}

/// Minimum and maximum of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Any value of its type; a duration is never zero.
    Any,
    /// At least this.
    AtLeast(u64),
    /// At most this.
    AtMost(u64),
    /// At most 100; the text names the whole that it is a share of.
    Percent(&'static str),
}

impl Bounds {
    /// Checks a value of the configuration key `key`.
    ///
    /// # Errors
    /// The text says what is wrong and what to write instead.
    pub fn check(self, key: &str, value: u64) -> Result<(), String> {
        match self {
            Self::AtLeast(least) if value < least => Err(format!("`{key}` is `{value}`; write at least `{least}`")),
            Self::AtMost(most) if value > most => Err(format!("`{key}` is `{value}`; write at most `{most}`")),
            Self::Percent(of) if value > 100 => Err(format!("{of}, and `{value}` is over 100")),
            _ => Ok(()),
        }
    }
}
