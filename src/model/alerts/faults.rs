//! Rules about nodes: each finds the nodes with one fault.

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::evidence::{Evidence, KnownPods};
use super::span::duration_text;
use super::{Finding, Rule, Severity};
use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::model::derive::black_holes::BlackHole;
use crate::model::derive::density::FullNode;
use crate::model::derive::device_chain;
use crate::model::derive::device_conditions;
use crate::model::store::nodes::{AcceleratorSum, DatedProblems, Node, NodeProblem};
use crate::model::time::elapsed;
use crate::msg::Mono;

/// 60 s, six heartbeats of the kubelet: a flapping node that has not been Ready for this long counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// 12 h: a time of day is unambiguous for half a day around it.
const DATE_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// One node that is not Ready or has another problem.
#[derive(Debug)]
pub(super) struct UnhealthyNode<'a> {
    pub(super) node: &'a Node,
    /// Its problems besides readiness, each with its beginning.
    pub(super) problems: &'a DatedProblems,
    /// `true` if its readiness is flapping.
    pub(super) flapping: bool,
    /// `true` if all nodes are Unknown, which a single alert reports.
    pub(super) all_unknown: bool,
    /// All pods of the cluster.
    pub(super) pods: KnownPods<'a>,
}

/// One node with one fault.
#[derive(Debug)]
pub(super) struct NodeFault<'a> {
    /// Name of the node.
    pub(super) name: Cow<'a, Clean>,
    /// Time at which the fault began, if that is known.
    pub(super) since: Option<Mono>,
    pub(super) severity: Severity,
    /// Another rule that finds the same node for the same reason.
    pub(super) same_node: Option<Rule>,
    detail: FaultDetail<'a>,
}

/// Source of an alert's text and peak: only lines that are shown become text.
#[derive(Debug)]
enum FaultDetail<'a> {
    Readiness(&'a Node),
    Pressure(&'a Node),
    Withdrawn(&'a AcceleratorSum),
    Missing {
        node: &'a Node,
        devices: &'a AcceleratorSum,
        /// The pods, for the chain that should bring the devices.
        pods: KnownPods<'a>,
    },
    Flapping {
        changes: usize,
        /// Time since the last change.
        age: Duration,
        /// The node, if it is not Ready now.
        lost: Option<&'a Node>,
    },
    /// `partial` is `true` if only some pods are watched; the number of pods is then a lower bound.
    Full {
        full: FullNode,
        partial: bool,
    },
    BlackHole(BlackHole<'a>),
}

/// Finds the faults of one kind of a node that is not Ready or has another problem.
pub(super) type UnhealthyFinder = for<'a> fn(&UnhealthyNode<'a>, &mut Vec<NodeFault<'a>>);

/// Finds the faults of one kind among the nodes that are kept for a rule.
pub(super) type NodesFinder = for<'a> fn(&'a Evidence<'_>) -> Vec<NodeFault<'a>>;

/// The function of a rule that evaluates each unhealthy node.
pub(super) fn unhealthy_finder(rule: Rule) -> Option<UnhealthyFinder> {
    Some(match rule {
        Rule::NodeNotReady => not_ready,
        Rule::NodeUnknown => unknown,
        Rule::NodePressure => pressure,
        Rule::GpusWithdrawn => withdrawn,
        Rule::GpusMissing => missing,
        _ => return None,
    })
}

/// The function of a rule that looks at a set of nodes.
pub(super) fn nodes_finder(rule: Rule) -> Option<NodesFinder> {
    Some(match rule {
        Rule::NodeFlapping => flapping,
        Rule::PodDensity => full,
        Rule::BlackHole => black_holes,
        _ => return None,
    })
}

/// A node that is not ready.
fn not_ready<'a>(node: &UnhealthyNode<'a>, faults: &mut Vec<NodeFault<'a>>) {
    if node.node.readiness == Readiness::NotReady {
        faults.push(readiness(node));
    }
}

/// A node that the control plane does not hear from.
fn unknown<'a>(node: &UnhealthyNode<'a>, faults: &mut Vec<NodeFault<'a>>) {
    // One alert reports that all nodes are Unknown; a node that flapped before keeps its own alert, inhibited.
    if node.node.readiness == Readiness::Unknown && (node.flapping || !node.all_unknown) {
        faults.push(readiness(node));
    }
}

fn readiness<'a>(unhealthy: &UnhealthyNode<'a>) -> NodeFault<'a> {
    let node = unhealthy.node;
    let severity = match (node.leaving(), node.facts.unschedulable) {
        (true, _) => Severity::Notice,
        (false, false) => Severity::Critical,
        (false, true) => Severity::Warning,
    };
    let same_node = unhealthy.flapping.then_some(Rule::NodeFlapping);
    let (name, since) = (Cow::Borrowed(&node.facts.name), Some(node.readiness_since()));
    NodeFault { name, since, severity, same_node, detail: FaultDetail::Readiness(node) }
}

/// Nodes whose readiness is flapping.
fn flapping<'a>(evidence: &'a Evidence<'_>) -> Vec<NodeFault<'a>> {
    let (history, now) = (evidence.history, evidence.now);
    let fault = |(uid, name): (_, Clean)| {
        let age = history.transitions(uid).next().map(|change| elapsed(change.at, now)).unwrap_or_default();
        let lost = evidence.nodes.by_name(&name).filter(|node| node.readiness != Readiness::Ready);
        // The next change may make the node Ready again; after a while it counts as lost.
        let is_lost = |node: &&Node| now.mono.since(node.readiness_since()) >= LOST_AFTER && !node.leaving();
        let severity = if lost.as_ref().is_some_and(is_lost) { Severity::Critical } else { Severity::Warning };
        let detail = FaultDetail::Flapping { changes: history.changes(uid, now), age, lost };
        NodeFault { name: Cow::Owned(name), since: None, severity, same_node: None, detail }
    };
    history.all_flapping().map(fault).collect()
}

/// A node with a bad condition.
fn pressure<'a>(node: &UnhealthyNode<'a>, faults: &mut Vec<NodeFault<'a>>) {
    for (problem, since) in node.problems {
        if *problem == NodeProblem::Pressure {
            faults.push(node.warning(*since, FaultDetail::Pressure(node.node)));
        }
    }
}

/// A node with registered devices that are not healthy.
fn withdrawn<'a>(node: &UnhealthyNode<'a>, faults: &mut Vec<NodeFault<'a>>) {
    for (problem, since) in node.problems {
        if let NodeProblem::Withdrawn(resource) = problem {
            let devices = node.devices(resource);
            faults.extend(devices.map(|devices| node.warning(*since, FaultDetail::Withdrawn(devices))));
        }
    }
}

/// A node without devices that its labels promise.
fn missing<'a>(node: &UnhealthyNode<'a>, faults: &mut Vec<NodeFault<'a>>) {
    for (problem, since) in node.problems {
        if let NodeProblem::Missing(resource) = problem {
            let detail = |devices| FaultDetail::Missing { node: node.node, devices, pods: node.pods };
            faults.extend(node.devices(resource).map(|devices| node.warning(*since, detail(devices))));
        }
    }
}

/// Nodes that are nearly full of pods. Some of the pods can prove that a node is full, but only all of them that it is not.
fn full<'a>(evidence: &'a Evidence<'_>) -> Vec<NodeFault<'a>> {
    let partial = evidence.is_partial();
    let fault = |(name, full): (&'a Clean, &FullNode)| NodeFault {
        name: Cow::Borrowed(name),
        since: Some(full.since),
        severity: Severity::Warning,
        same_node: None,
        detail: FaultDetail::Full { full: *full, partial },
    };
    evidence.density.full().map(fault).collect()
}

/// Nodes that end the pods that they get. Without the right to read the reason it is a suspicion: the pods may have succeeded.
fn black_holes<'a>(evidence: &'a Evidence<'_>) -> Vec<NodeFault<'a>> {
    let fault = |hole: BlackHole<'a>| NodeFault {
        name: Cow::Borrowed(hole.node),
        since: Some(hole.since),
        severity: if hole.reason.is_ok() { Severity::Critical } else { Severity::Warning },
        same_node: None,
        detail: FaultDetail::BlackHole(hole),
    };
    evidence.black_holes.all().filter(|hole| evidence.nodes.by_name(hole.node).is_some()).map(fault).collect()
}

impl<'a> UnhealthyNode<'a> {
    fn warning(&self, since: Mono, detail: FaultDetail<'a>) -> NodeFault<'a> {
        let name = Cow::Borrowed(&self.node.facts.name);
        NodeFault { name, since: Some(since), severity: Severity::Warning, same_node: None, detail }
    }

    fn devices(&self, resource: &Clean) -> Option<&'a AcceleratorSum> {
        self.node.devices.iter().find(|devices| devices.resource == *resource)
    }
}

/// Words for many nodes of which some are only suspected, because the reason may not be read: `nodes whose pods lived < 60 s`.
pub(super) fn suspicion(faults: &[NodeFault<'_>]) -> Option<&'static str> {
    let is_suspicion =
        |fault: &NodeFault<'_>| matches!(&fault.detail, FaultDetail::BlackHole(hole) if hole.reason.is_err());
    faults.iter().any(is_suspicion).then_some("nodes whose pods lived < 60 s")
}

impl NodeFault<'_> {
    /// The alert of this node alone.
    pub(super) fn finding(&self, rule: Rule, now: Timestamp) -> Finding {
        Finding {
            since: self.since,
            peak: self.detail.peak(),
            subject: Some(self.subject()),
            severity: self.severity,
            same_node: self.same_node,
            ..Finding::new(rule, format!("node {} {}", *self.name, self.detail.text(now)))
        }
    }

    /// The node, and the resource for alerts about devices.
    pub(super) fn node_and_resource(&self) -> (Clean, Option<Clean>) {
        let resource = match &self.detail {
            FaultDetail::Withdrawn(devices) | FaultDetail::Missing { devices, .. } => Some(devices.resource.clone()),
            _ => None,
        };
        (Clean::clone(&self.name), resource)
    }

    /// The node's name, with the resource for alerts about devices, since a node can lack devices of several resources.
    fn subject(&self) -> Clean {
        match self.node_and_resource() {
            (name, Some(resource)) => Clean::new(&format!("{name}/{resource}")),
            (name, None) => name,
        }
    }
}

impl FaultDetail<'_> {
    fn peak(&self) -> u64 {
        match self {
            Self::Readiness(_) => 0,
            Self::Pressure(node) => node.pressures().count() as u64,
            Self::Withdrawn(devices) => devices.withdrawn().unsigned_abs(),
            Self::Missing { devices, .. } => devices.missing().unsigned_abs(),
            Self::Flapping { changes, .. } => *changes as u64,
            Self::Full { full, .. } => u64::from(full.pods),
            Self::BlackHole(hole) => u64::from(hole.short_lives),
        }
    }

    fn text(&self, now: Timestamp) -> String {
        match self {
            Self::Readiness(node) => readiness_text(node, now),
            Self::Pressure(node) => device_conditions::sentence(&node.facts.conditions, node.pressures()),
            Self::Withdrawn(devices) => {
                format!("{} of {} {} unhealthy", devices.withdrawn(), devices.capacity, devices.resource)
            }
            Self::Missing { node, devices, pods } => {
                let promised = devices.expected.unwrap_or_default();
                let chain = device_chain::of_resource(node, &devices.resource, pods.store, pods.tracks);
                let cause = chain.map(|chain| format!("; {}", chain.text())).unwrap_or_default();
                format!("{} of {promised} {} not registered{cause}", devices.missing(), devices.resource)
            }
            Self::Flapping { changes, age, lost } => {
                let lost = lost.map(|node| format!("; {}", readiness_text(node, now))).unwrap_or_default();
                format!("flapping: {changes} Ready changes in 15m, last {} ago{lost}", duration_text(*age))
            }
            Self::Full { full, partial } => {
                let share = u64::from(full.pods) * 100 / u64::from(full.allocatable.max(1));
                let bound = if *partial { "at least " } else { "" };
                format!("{bound}{}/{} pods ({share} %)", full.pods, full.allocatable)
            }
            Self::BlackHole(hole) => hole.text(),
        }
    }
}

/// `NotReady since 22:13:24Z (KubeletNotReady)`.
fn readiness_text(node: &Node, now: Timestamp) -> String {
    let word = match node.readiness {
        Readiness::Ready => "Ready",
        Readiness::NotReady => "NotReady",
        Readiness::Unknown => "Unknown",
    };
    let ready = node.facts.conditions.ready();
    let since = ready.and_then(|(_, since)| since).map(|since| format!(" since {}", clock(since, now)));
    let reason = ready.map(|(ready, _)| &ready.reason).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{word}{}{reason}", since.unwrap_or_default())
}

/// `14:02:10Z`, with the date if it is more than 12 h away. Texts of alerts contain times, since ages would change each second.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let today = now.duration_since(at).abs() < DATE_AFTER;
    at.strftime(if today { "%H:%M:%SZ" } else { "%m-%d %H:%M:%SZ" }).to_string()
}
