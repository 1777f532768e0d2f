//! Why a pod waits for a node: the scheduler's words with their age, and beside them the count of the nodes as of now.

use std::time::Duration;

use jiff::Timestamp;

use crate::facts::event::EventFacts;
use crate::facts::pod::{NotEvaluated, PodConstraints, PodDetail, PodFacts};
use crate::facts::queue::QueueState;
use crate::model::cluster::ClusterState;
use crate::model::cluster::detail::DetailState;
use crate::model::derive::placement::{Bound, CauseCount, CauseKind, PlacementReport, Shortage};
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::model::time::age_of;
use crate::msg::{Now, Resource};
use crate::theme::Role;
use crate::ui::screens::node::amount;
use crate::ui::units::{counted, duration, grouped};
use crate::ui::widgets::page::{TextLine, line};
use crate::ui::widgets::text::wrap;

/// Width of the labels on the left, in columns.
const LABEL: usize = 17;

/// Minimum width with labels beside the text; below it they stand in lines of their own, and the text is indented.
const WIDE: u16 = 80;
const INDENT: usize = 2;

/// Facts about the scheduling of the open pod, from the pod itself, its events and the nodes.
pub(super) struct Scheduling<'a> {
    words: SchedulerWords<'a>,
    /// The pod of the list, which has its constraints.
    facts: Option<PodFacts<'a>>,
    report: Option<&'a PlacementReport>,
    queue: Option<QueueLine>,
    /// Age of the data of nodes and pods if it is not current.
    stale: Option<Duration>,
}

/// The scheduler's own words.
struct SchedulerWords<'a> {
    /// Reason of the condition, `Unschedulable`; empty without the condition.
    reason: &'a str,
    message: &'a str,
    /// Last change of the condition's status.
    since: Option<Timestamp>,
    /// Last event with the same message.
    reported: Option<Timestamp>,
}

/// Words of the queue that the pod or its gang waits in, or the reason why they are not visible.
struct QueueLine {
    role: Role,
    text: String,
}

/// Facts beside a label.
struct LabelledFacts<'a> {
    label: &'a str,
    role: Role,
    facts: &'a [String],
}

impl<'a> Scheduling<'a> {
    /// Reads the facts; `None` for a pod that has a node or has ended.
    pub(super) fn of(
        cluster: &'a ClusterState,
        pod: Option<&'a PodDetail>,
        facts: Option<&PodFacts<'a>>,
        now: Now,
    ) -> Option<Self> {
        let waits = match (pod, facts) {
            (Some(pod), _) => pod.node.is_empty() && !pod.ended,
            (None, Some(facts)) => facts.node.is_empty() && !facts.phase.is_terminal(),
            (None, None) => false,
        };
        let events = cluster.detail().and_then(DetailState::events).map(|(events, _)| events).unwrap_or_default();
        let stale = [Resource::Nodes, Resource::Pods].map(|resource| match cluster.fresh(resource, now) {
            Freshness::Stale(age) | Freshness::Relisting { age, .. } => Some(age),
            _ => None,
        });
        waits.then(|| Self {
            words: SchedulerWords::of(pod, facts, &events),
            facts: facts.cloned(),
            report: cluster.placement(),
            queue: facts.and_then(|facts| QueueLine::of(cluster, facts, now)),
            stale: stale.into_iter().max().flatten(),
        })
    }

    /// The section, without its heading.
    pub(super) fn lines(&self, now: Timestamp, width: u16) -> Vec<TextLine> {
        let mut lines = Vec::new();
        let constraints = self.facts.as_ref().and_then(|facts| facts.constraints);
        let gates = constraints.map(|constraints| &*constraints.gates).unwrap_or_default();
        let gates = gates.iter().map(|gate| &**gate).collect::<Vec<_>>().join(", ");
        self.words.add(&mut lines, &gates, now, width);
        if let Some(QueueLine { role, text }) = &self.queue {
            LabelledFacts { label: "queue", role: *role, facts: &words(text) }.add(&mut lines, width);
        }
        let label = match self.stale {
            None => "as of now".to_owned(),
            Some(age) => format!("as of {} ago", duration(age)),
        };
        let Some((report, constraints)) = self.report.zip(constraints) else {
            let text = if constraints.is_some() {
                "counting the nodes"
            } else {
                "nodes not counted: the pod is not in the list yet"
            };
            LabelledFacts { label: &label, role: Role::Muted, facts: &[text.to_owned()] }.add(&mut lines, width);
            return lines;
        };
        let role = if report.fits > 0 { Role::Good } else { Role::Warn };
        let causes = report.causes.iter().map(|count| self.refused(count));
        let first = format!("{}{}", takes(report), if report.causes.is_empty() { "" } else { ":" });
        LabelledFacts { label: &label, role, facts: &std::iter::once(first).chain(causes).collect::<Vec<_>>() }
            .add(&mut lines, width);
        if let Some(text) = unknown_room(report) {
            LabelledFacts { label: "", role: Role::Unknown, facts: &words(text) }.add(&mut lines, width);
        }
        LabelledFacts { label: "what would help", role: Role::Text, facts: &words(&self.help(report)) }
            .add(&mut lines, width);
        if !report.not_evaluated.is_empty() {
            let names: Vec<String> = report.not_evaluated.iter().map(|one| not_evaluated(*one, constraints)).collect();
            LabelledFacts { label: "not evaluated", role: Role::Muted, facts: &words(&names.join(", ")) }
                .add(&mut lines, width);
        }
        lines
    }

    /// `60 without 8 free nvidia.com/gpu`.
    fn refused(&self, count: &CauseCount) -> String {
        let CauseCount { cause, nodes, .. } = count;
        let (nodes, name) = (grouped(*nodes), &*cause.name);
        let wanted = || self.requested(name);
        match (cause.kind, cause.shortage) {
            (CauseKind::NotReady, _) => format!("{nodes} not Ready"),
            (CauseKind::Cordoned, _) => format!("{nodes} cordoned"),
            (CauseKind::Taints, _) if name.is_empty() => format!("{nodes} with other taints"),
            (CauseKind::Taints, _) => format!("{nodes} with taint {name}"),
            (CauseKind::Selector, _) => format!("{nodes} outside its node selector"),
            (CauseKind::Affinity, _) => format!("{nodes} outside its node affinity"),
            (CauseKind::PodSlots, _) => format!("{nodes} without a free pod slot"),
            (_, Some(Shortage::Absent)) => format!("{nodes} without any {name}"),
            (_, Some(Shortage::TooSmall)) => format!("{nodes} smaller than {} {name}", wanted()),
            (..) => format!("{nodes} without {} free {name}", wanted()),
        }
    }

    /// The requested amount of a resource, in its unit.
    fn requested(&self, resource: &str) -> String {
        let quantity = self.facts.as_ref().map(|facts| facts.requests.amount(resource)).unwrap_or_default();
        amount(resource, if resource == "cpu" { quantity.milli() } else { quantity.value() })
    }

    fn help(&self, report: &PlacementReport) -> String {
        if report.fits > 0 {
            let retry = "the scheduler tries again within 5 minutes";
            let rest =
                if report.not_evaluated.is_empty() { "" } else { ", or what is not evaluated stands against it" };
            return format!("nothing that was evaluated keeps it off these nodes: {retry}{rest}");
        }
        let Some(CauseCount { cause, alone, .. }) = report.would_help() else {
            return "no single cause: more than one stands against every node, or the node lacks a resource".to_owned();
        };
        let (nodes, name) = (counted(*alone, "node"), &*cause.name);
        let condition = match (cause.kind, cause.shortage) {
            (CauseKind::NotReady, _) => "if Ready".to_owned(),
            (CauseKind::Cordoned, _) => "if uncordoned".to_owned(),
            (CauseKind::Taints, _) if name.is_empty() => "without their taints".to_owned(),
            (CauseKind::Taints, _) => format!("without the taint {name}"),
            (CauseKind::Selector, _) => "without its node selector".to_owned(),
            (CauseKind::Affinity, _) => "without its node affinity".to_owned(),
            (CauseKind::PodSlots, _) => "with a free pod slot".to_owned(),
            (_, Some(Shortage::TooSmall)) => format!("if it requested less than {} {name}", self.requested(name)),
            (..) => format!("with {} free {name}", self.requested(name)),
        };
        format!(
            "{nodes} would take it {condition}: nothing else stands against {}",
            if *alone == 1 { "it" } else { "them" }
        )
    }
}

impl QueueLine {
    fn of(cluster: &ClusterState, pod: &PodFacts<'_>, now: Now) -> Option<Self> {
        if let Some(words) = cluster.queue_of_pod(pod) {
            let role = if words.entry.state == QueueState::Waiting { Role::Warn } else { Role::Text };
            return Some(Self { role, text: cluster.queue_text(&words, now) });
        }
        let why = cluster.queues_not_visible(now)?;
        Some(Self { role: Role::Muted, text: format!("queues are not visible: {why}") })
    }
}

impl<'a> SchedulerWords<'a> {
    /// Words of the pod, or of the list until it is read.
    fn of(pod: Option<&'a PodDetail>, facts: Option<&PodFacts<'a>>, events: &[&EventFacts]) -> Self {
        let condition = pod.and_then(|pod| pod.conditions.iter().find(|condition| &*condition.kind == "PodScheduled"));
        let trouble = facts.and_then(|facts| facts.trouble);
        let (reason, message, since) = match (condition, trouble) {
            (Some(condition), _) => (&*condition.reason, &*condition.message, condition.since),
            (None, Some(trouble)) if pod.is_none() && !trouble.message.is_empty() => ("", trouble.message, None),
            _ => ("", "", None),
        };
        // An event is cut at 1,024 bytes with ` ...`.
        let same = |event: &&&EventFacts| {
            &*event.reason == "FailedScheduling" && message.starts_with(event.note.trim_end_matches(" ..."))
        };
        let reported = events.iter().filter(same).filter_map(|event| event.last).max();
        Self { reason, message, since, reported: reported.filter(|_| !message.is_empty()) }
    }

    fn add(&self, lines: &mut Vec<TextLine>, gates: &str, now: Timestamp, width: u16) {
        let mut facts = Vec::new();
        if !gates.is_empty() {
            facts.push(format!("held by scheduling gates: {gates}"));
        } else if self.reason.is_empty() && self.message.is_empty() {
            facts.push("no word: it has not been tried, or its scheduler does not run".to_owned());
        }
        if !self.reason.is_empty() {
            let span = age_of(self.since, now).map(|span| format!(" for {}", duration(span)));
            facts.push(format!("{}{}", self.reason, span.unwrap_or_default()));
        }
        facts.extend(age_of(self.reported, now).map(|ago| format!("reported {} ago", duration(ago))));
        let label = "scheduler";
        LabelledFacts { label, role: Role::Text, facts: &facts }.add(lines, width);
        if !self.message.is_empty() {
            let label = if facts.is_empty() { label } else { "" };
            LabelledFacts { label, role: Role::Warn, facts: &words(&format!("\"{}\"", self.message)) }
                .add(lines, width);
        }
    }
}

/// `0 of 104 nodes take it`.
fn takes(report: &PlacementReport) -> String {
    let fits = grouped(report.fits);
    let Some(nodes) = report.nodes.any().filter(|nodes| *nodes > 0 || report.nodes.exact().is_some()) else {
        return "no nodes read yet".to_owned();
    };
    let take = if report.fits == 1 { "takes" } else { "take" };
    let nodes = counted(nodes, "node");
    match report.bound() {
        // At most none is none.
        Bound::AtMost if report.fits > 0 => format!("at most {fits} of {nodes} {take} it"),
        Bound::Exact | Bound::AtMost => format!("{fits} of {nodes} {take} it"),
        Bound::AtLeast => format!("at least {fits} {take} it, {nodes} read so far"),
        Bound::Unknown => format!("{fits} of {nodes} read so far may take it"),
    }
}

/// Reason why nodes may have less room than was counted.
fn unknown_room(report: &PlacementReport) -> Option<&'static str> {
    match report.requests {
        Known::Exact(()) => None,
        Known::AtLeast(()) => Some("not all pods are known: nodes may have less room than was counted"),
        Known::Unknown | Known::Denied => Some("the pods are not known: counted as if the nodes were empty"),
    }
}

fn not_evaluated(constraint: NotEvaluated, constraints: &PodConstraints) -> String {
    match constraint {
        NotEvaluated::Volumes => "volumes".to_owned(),
        NotEvaluated::TopologySpread => "topology spread".to_owned(),
        NotEvaluated::PodAffinity => "affinity to other pods".to_owned(),
        NotEvaluated::HostPorts => "host ports".to_owned(),
        NotEvaluated::ResourceClaims => "resource claims".to_owned(),
        NotEvaluated::Scheduler => format!("rules of the scheduler {}", constraints.scheduler),
    }
}

fn words(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

impl LabelledFacts<'_> {
    /// Adds the lines, wrapped: one fact at its words, several between them.
    fn add(self, lines: &mut Vec<TextLine>, width: u16) {
        let Self { label, role, facts } = self;
        let beside = width >= WIDE;
        let indent = if beside { LABEL } else { INDENT };
        let room = usize::from(width).saturating_sub(indent + 2);
        let rows: Vec<String> = match facts {
            [one] => wrap(one.split_whitespace(), 1, room).into_iter().map(|row| row.join(" ")).collect(),
            _ => wrap(facts.iter().map(String::as_str), 3, room).into_iter().map(|row| row.join("   ")).collect(),
        };
        if !beside && !label.is_empty() && !rows.is_empty() {
            lines.push(line(Role::Muted, format!(" {label}")));
        }
        for (index, row) in rows.into_iter().enumerate() {
            let label = if beside && index == 0 { label } else { "" };
            lines.push(vec![(Role::Muted, format!(" {label:indent$}")), (role, row)]);
        }
    }
}
