//! What is wrong with the nodes of a cluster: one line each, or one for all if they are many.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::density::Full;
use super::words::span;
use super::{Finding, Severity, Voice};
use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::model::cluster::ClusterState;
use crate::model::elapsed;
use crate::model::nodes::{Devices, Node, Trouble, Troubles};
use crate::msg::{Mono, Now};

/// More nodes than this with the same trouble are one line...
pub(super) const GROUP_OVER: usize = 5;
/// ...until there are so few again: a line that falls apart and comes back with every node would be news each time.
const GROUP_UNTIL: usize = 3;
/// A node that flaps and has not been Ready for this long is lost: six heartbeats of its kubelet.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// Names that such a line spells out.
const GROUP_NAMES: usize = 3;
/// A time of day says when for half a day around it.
const DATE_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// What was found wrong with nodes: derived anew only when something that it follows from has changed. A cluster in trouble that
/// does not change costs as much as a healthy one.
#[derive(Debug, Default)]
pub(super) struct NodeFindings {
    pub(super) findings: Vec<Finding>,
    of: Option<Basis>,
    #[cfg(test)]
    made: u64,
}

/// What the findings of nodes follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Basis {
    /// Revisions of the nodes, of their histories and of the nodes that are full.
    nodes: u64,
    history: u64,
    density: u64,
    partial: bool,
    /// Reasons that are one line now.
    grouped: [bool; REASONS.len()],
    /// Of the wall clock: the texts have times of day, with a date if that is not of the last hours.
    minute: i64,
}

/// Reasons of the findings of nodes that can be one line for many.
const REASONS: [&str; 7] =
    ["NodeNotReady", "NodeUnknown", "NodeFlapping", "NodePressure", "GpusWithdrawn", "PodDensity", "GpusMissing"];

impl ClusterState {
    /// Derives what is wrong with nodes anew if that can have changed.
    pub(super) fn look_at_nodes(&mut self, now: Now) {
        // What is said of nodes that flap moves with the time.
        let moves = self.history.all_flapping().next().is_some();
        let of = (!moves).then(|| Basis {
            nodes: self.nodes.revision(),
            history: self.history.revision(),
            density: self.alerts.density.revision(),
            partial: self.partial().is_some() || self.unread_pods() > 0,
            grouped: REASONS.map(|reason| self.alerts.groups(reason)),
            minute: now.wall.as_second().div_euclid(60),
        });
        if of.is_some() && self.alerts.of_nodes.of == of {
            return;
        }
        let findings = self.node_findings(now);
        let known = &mut self.alerts.of_nodes;
        (known.of, known.findings) = (of, findings);
        #[cfg(test)]
        {
            known.made += 1;
        }
    }

    /// How often what is wrong with nodes was derived.
    #[cfg(test)]
    pub(crate) fn node_findings_made(&self) -> u64 {
        self.alerts.of_nodes.made
    }

    /// What is wrong with nodes. O(nodes in trouble); only the lines that are shown become text.
    fn node_findings(&self, now: Now) -> Vec<Finding> {
        let mut all = Vec::new();
        let findings = &mut all;
        let sums = self.nodes.sums();
        let all_unknown = sums.total > 1 && sums.unknown == sums.total;
        if all_unknown {
            let text = format!("all {} nodes Unknown: the control plane stopped hearing from any of them", sums.total);
            findings.push(Finding::new("NodeUnknown", Severity::Critical, text));
        }
        let explained = findings.len();
        let mut groups = Groups::default();
        for (node, troubles) in self.nodes.troubled() {
            groups.add(node, troubles, self.history.flapping(node.facts.uid));
        }
        let flapping = self.history.all_flapping();
        let flapping = flapping.map(|(uid, name)| {
            let ago = self.history.transitions(uid).next().map(|change| elapsed(change.at, now));
            let lost = self.nodes.by_name(&name).filter(|node| node.readiness != Readiness::Ready);
            let for_ = lost.map(|node| now.mono.since(node.readiness_since())).unwrap_or_default();
            let changes = self.history.changes(uid, now);
            Case::Flapping(Flapping { name, changes, last: ago.unwrap_or_default(), lost, for_ })
        });
        let inhibited = findings.len();
        // Their flapping says that they are lost, too. More than a few of them are one line, and so was what they were before.
        if groups.flapping.len() <= GROUP_OVER {
            findings.extend(groups.flapping.drain(..).map(|node| {
                let reason = if node.readiness == Readiness::Unknown { "NodeUnknown" } else { "NodeNotReady" };
                Case::Readiness(node).finding(reason, now.wall)
            }));
        }
        findings[inhibited..].iter_mut().for_each(|finding| finding.voice = Voice::Silenced);
        let group = |reason, many, cases, findings: &mut Vec<Finding>| {
            let limit = if self.alerts.groups(reason) { GROUP_UNTIL } else { GROUP_OVER };
            group(Words { reason, many, limit }, cases, now.wall, findings);
        };
        group("NodeNotReady", "nodes NotReady", groups.not_ready, findings);
        if !all_unknown {
            group("NodeUnknown", "nodes Unknown", groups.unknown, findings);
        }
        group("NodeFlapping", "nodes flapping", flapping.collect(), findings);
        group("NodePressure", "nodes with bad conditions", groups.pressure, findings);
        group("GpusWithdrawn", "nodes with withdrawn devices", groups.withdrawn, findings);
        let full = self.alerts.density.full();
        let partial = self.partial().is_some() || self.unread_pods() > 0;
        // What is watched proves that a node is full; that one is not, only all pods can.
        let full = full.map(|(name, full)| Case::Full(name, *full, partial)).collect();
        let first = findings.len();
        group("PodDensity", "nodes nearly full of pods", full, findings);
        for finding in &mut findings[first..] {
            finding.pending = self.settings.pod_density_for;
        }
        let first = findings.len();
        group("GpusMissing", "nodes with missing devices", groups.missing, findings);
        for finding in &mut findings[first..] {
            // A booting node has its labels before its device plugin.
            finding.pending = self.settings.gpus_missing_for;
        }
        if all_unknown {
            // They are no news beside the banner, and not over because of it.
            findings[explained..].iter_mut().for_each(|finding| finding.voice = Voice::Silenced);
        }
        all
    }
}

/// Nodes by what is wrong with them.
#[derive(Default)]
struct Groups<'a> {
    /// Lost, and flapping.
    flapping: Vec<&'a Node>,
    not_ready: Vec<Case<'a>>,
    unknown: Vec<Case<'a>>,
    pressure: Vec<Case<'a>>,
    withdrawn: Vec<Case<'a>>,
    missing: Vec<Case<'a>>,
}

/// One node with one trouble.
enum Case<'a> {
    Readiness(&'a Node),
    Pressure(&'a Node, Mono),
    Withdrawn(&'a Node, &'a Devices, Mono),
    Missing(&'a Node, &'a Devices, Mono),
    Flapping(Flapping<'a>),
    /// At least so full, if only a part of the pods is watched.
    Full(&'a Clean, Full, bool),
}

/// A node whose Ready comes and goes.
struct Flapping<'a> {
    name: Clean,
    changes: usize,
    /// Time since the last change.
    last: Duration,
    /// The node, if it is not Ready now...
    lost: Option<&'a Node>,
    /// ...and for how long it has not been.
    for_: Duration,
}

impl<'a> Groups<'a> {
    fn add(&mut self, node: &'a Node, troubles: &Troubles, flapping: bool) {
        match node.readiness {
            Readiness::Ready => {}
            Readiness::NotReady | Readiness::Unknown if flapping => self.flapping.push(node),
            Readiness::NotReady => self.not_ready.push(Case::Readiness(node)),
            Readiness::Unknown => self.unknown.push(Case::Readiness(node)),
        }
        let devices = |resource: &Clean| node.devices.iter().find(|devices| devices.resource == *resource);
        for (trouble, since) in troubles {
            match trouble {
                Trouble::Pressure => self.pressure.push(Case::Pressure(node, *since)),
                Trouble::Withdrawn(resource) => {
                    self.withdrawn.extend(devices(resource).map(|devices| Case::Withdrawn(node, devices, *since)));
                }
                Trouble::Missing(resource) => {
                    self.missing.extend(devices(resource).map(|devices| Case::Missing(node, devices, *since)));
                }
            }
        }
    }
}

impl Case<'_> {
    fn name(&self) -> &Clean {
        match self {
            Self::Readiness(node) | Self::Pressure(node, _) | Self::Withdrawn(node, ..) | Self::Missing(node, ..) => {
                &node.facts.name
            }
            Self::Flapping(flapping) => &flapping.name,
            Self::Full(name, ..) => name,
        }
    }

    /// What tells two lines of one reason apart: a node can lack devices of two resources.
    fn subject(&self) -> Clean {
        match self {
            Self::Withdrawn(node, devices, _) | Self::Missing(node, devices, _) => {
                Clean::new(&format!("{}/{}", node.facts.name, devices.resource))
            }
            _ => self.name().clone(),
        }
    }

    fn since(&self) -> Option<Mono> {
        match self {
            Self::Readiness(node) => Some(node.readiness_since()),
            Self::Pressure(_, since) | Self::Withdrawn(.., since) | Self::Missing(.., since) => Some(*since),
            Self::Full(_, full, _) => Some(full.since),
            Self::Flapping(_) => None,
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Readiness(node) if node.leaving() => Severity::Notice,
            Self::Readiness(node) if !node.facts.unschedulable => Severity::Critical,
            // It may well be back with the next change; after a while it is simply lost.
            Self::Flapping(Flapping { lost: Some(node), for_, .. }) if *for_ >= LOST_AFTER && !node.leaving() => {
                Severity::Critical
            }
            _ => Severity::Warning,
        }
    }

    fn peak(&self) -> u64 {
        match self {
            Self::Readiness(_) => 0,
            Self::Pressure(node, _) => node.pressures().count() as u64,
            Self::Withdrawn(_, devices, _) => devices.withdrawn().unsigned_abs(),
            Self::Missing(_, devices, _) => devices.missing().unsigned_abs(),
            Self::Flapping(flapping) => flapping.changes as u64,
            Self::Full(_, full, _) => u64::from(full.pods),
        }
    }

    fn detail(&self, now: Timestamp) -> String {
        match self {
            Self::Readiness(node) => lost(node, now),
            Self::Pressure(node, _) => {
                let kinds: Vec<&str> = node.pressures().map(|kind| &**kind).collect();
                kinds.join(", ")
            }
            Self::Withdrawn(_, devices, _) => {
                format!("{} of {} {} withdrawn", devices.withdrawn(), devices.capacity, devices.resource)
            }
            Self::Missing(_, devices, _) => {
                let promised = devices.expected.unwrap_or_default();
                format!("{} of {promised} {} missing", devices.missing(), devices.resource)
            }
            Self::Flapping(Flapping { changes, last, lost, .. }) => {
                let lost = lost.map(|node| format!("; {}", self::lost(node, now))).unwrap_or_default();
                format!("flapping: {changes} Ready changes in 15m, last {} ago{lost}", span(*last))
            }
            Self::Full(_, full, partial) => {
                let share = u64::from(full.pods) * 100 / u64::from(full.allocatable.max(1));
                let bound = if *partial { "at least " } else { "" };
                format!("{bound}{}/{} pods ({share} %)", full.pods, full.allocatable)
            }
        }
    }

    fn finding(&self, reason: &'static str, now: Timestamp) -> Finding {
        let text = format!("node {} {}", self.name(), self.detail(now));
        Finding {
            since: self.since(),
            peak: self.peak(),
            subject: Some(self.subject()),
            ..Finding::new(reason, self.severity(), text)
        }
    }
}

/// What a line about many nodes is made of.
#[derive(Clone, Copy)]
struct Words {
    reason: &'static str,
    many: &'static str,
    /// More nodes than this are one line.
    limit: usize,
}

/// One line each, or one line for all if they are many; the oldest first.
fn group(words: Words, mut cases: Vec<Case<'_>>, now: Timestamp, findings: &mut Vec<Finding>) {
    let Words { reason, many, limit } = words;
    let oldest = |a: &Case<'_>, b: &Case<'_>| a.since().cmp(&b.since()).then_with(|| a.name().cmp(b.name()));
    if cases.len() <= limit {
        cases.sort_unstable_by(oldest);
        findings.extend(cases.iter().map(|case| case.finding(reason, now)));
        return;
    }
    cases.select_nth_unstable_by(GROUP_NAMES, oldest);
    cases[..GROUP_NAMES].sort_unstable_by(oldest);
    let names: Vec<&str> = cases[..GROUP_NAMES].iter().map(|case| &**case.name()).collect();
    let rest = cases.len() - names.len();
    let text = format!("{} {many}: {} and {rest} more", cases.len(), names.join(", "));
    let severity = cases.iter().map(Case::severity).max().unwrap_or(Severity::Notice);
    let since = cases.iter().filter_map(Case::since).min();
    findings.push(Finding {
        since,
        peak: cases.len() as u64,
        size: cases.len(),
        ..Finding::new(reason, severity, text)
    });
}

/// `NotReady since 22:13:24Z (KubeletNotReady)`.
fn lost(node: &Node, now: Timestamp) -> String {
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

/// `14:02:10Z`, with its date if that is not of the last hours; ages move, so the text of an alert has times instead.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let today = now.duration_since(at).abs() < DATE_AFTER;
    at.strftime(if today { "%H:%M:%SZ" } else { "%m-%d %H:%M:%SZ" }).to_string()
}
