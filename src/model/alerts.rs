//! Alerts of one cluster. Rules find what is wrong now; this store remembers since when, how bad it was and how often.
//!
//! Rules read [`Evidence`]: state and time, so that silence raises alerts too. An alert is *pending* until its condition has held
//! for its time, then *firing*, then *resolved*, as in Prometheus. It is *inhibited* while a worse alert explains it, and *unknown*
//! while its data is not current; neither resolves it.

mod acks;
mod evidence;
mod faults;
mod inhibition;
mod latches;
mod nodes;
mod outage;
mod probe_slow;
mod server;
mod span;

use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::rules::Evaluate;
use crate::model::settings::Settings;
use crate::msg::{CallEvent, ClusterId, Mono};

pub use crate::model::rules::{
    AlertSubject, DataSource, HitScope, Inhibitor, PeakUnit, RULES, Rule, RuleSpec, Severity,
};
pub use acks::{Ack, MuteReason};
pub(super) use evidence::{Evidence, FailedProbes, Latched, ServerEvidence};
pub(super) use nodes::nodes_of;
pub(super) use outage::{ClusterContact, LostCluster, Outage, SEVERAL};
pub(super) use span::duration_text;

use latches::Latches;
use nodes::{Grouped, NodeFindings};

/// 1 h, four windows of flapping: time for which a resolved alert is remembered, so that its count continues if it fires again.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Maximum number of records of one cluster. It bounds the resolved alerts; firing ones never reach it, since rules group many nodes.
const MAX_RECORDS: usize = 256;
/// Above this number of unhealthy nodes the alerts are derived once a second instead of for each frame.
const MANY_UNHEALTHY: usize = 1_000;

/// An alert as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertLine {
    /// The cluster.
    pub cluster: ClusterId,
    /// The severity now.
    pub severity: Severity,
    /// The kind of alert.
    pub rule: Rule,
    /// Object that it is about, where there can be several.
    pub subject: Option<Clean>,
    /// One line with numbers: `pods list, page 3, running for 31 s (limit 30 s)`.
    pub text: Clean,
    /// Time at which it began to fire.
    pub since: Mono,
    /// It fired before, but its data is not current: neither firing nor resolved is known.
    pub unknown: bool,
    /// Reason why it is not notified although it fires.
    pub muted: Option<MuteReason>,
}

/// Memory of an alert, pending, firing or resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// The kind of alert.
    pub rule: Rule,
    /// Object that it is about, where there can be several.
    pub subject: Option<Clean>,
    /// The severity now, or when it resolved.
    pub severity: Severity,
    /// Its last text.
    pub text: Clean,
    /// Time at which its condition became true.
    pub first: Mono,
    /// Time at which it began to fire; `None` while it is pending.
    pub since: Option<Mono>,
    /// Time at which it resolved.
    pub resolved: Option<Mono>,
    /// The worst value of its number, in the unit of its rule; 0 if it has none.
    pub peak: u64,
    /// Number of times that it fired.
    pub count: u32,
    /// Number of nodes, if it is about several.
    pub size: usize,
    /// Its acknowledgement.
    pub ack: Option<Ack>,
    suppression: Suppression,
    /// Severity that was notified last.
    notified: Option<Severity>,
    /// `true` if the evaluation under way has found it.
    found: bool,
}

/// The alerts of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    records: Vec<AlertRecord>,
    lines: Vec<AlertLine>,
    latches: Latches,
    node_findings: NodeFindings,
    /// `true` if this cluster is a part of an outage of several.
    in_outage: bool,
    silenced_until: Option<Mono>,
    /// `true` if nothing has happened since the last evaluation.
    settled: bool,
    /// Second of the last evaluation.
    second: Option<u64>,
}

/// Result of a rule: something that is wrong now.
#[derive(Clone, Debug)]
struct Finding {
    rule: Rule,
    subject: Option<Clean>,
    severity: Severity,
    text: String,
    /// Time at which it began, if the rule knows that better than the record.
    since: Option<Mono>,
    /// `true` if it fires without the pending time of its rule.
    at_once: bool,
    peak: u64,
    /// Number of nodes of a group.
    size: usize,
    /// Another rule that finds the same node for the same reason.
    same_node: Option<Rule>,
    suppression: Suppression,
}

/// Reason why a finding is not shown as firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suppression {
    None,
    /// Its data is not current: it is shown as unknown.
    NoData,
    /// A worse alert explains it: it is not shown.
    Inhibited,
}

impl Finding {
    /// A finding as the row of its rule declares it.
    fn new(rule: Rule, text: String) -> Self {
        Self {
            rule,
            subject: None,
            severity: rule.spec().severity,
            text,
            since: None,
            at_once: false,
            peak: 0,
            size: 0,
            same_node: None,
            suppression: Suppression::None,
        }
    }
}

impl AlertLine {
    /// Name of the alert: `SlowCall`, `NodeNotReady`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.rule.reason()
    }
}

impl Alerts {
    /// Firing alerts, worst first, then oldest; muted ones last.
    pub(crate) fn lines(&self) -> &[AlertLine] {
        &self.lines
    }

    /// All alerts that are remembered, in no particular order.
    pub(crate) fn records(&self) -> &[AlertRecord] {
        &self.records
    }

    /// Makes the next evaluation due: something happened.
    pub(crate) fn touch(&mut self) {
        self.settled = false;
    }

    /// Returns `true` if an outage of several clusters includes this one; the alert of the outage then reports it as unreachable.
    pub(in crate::model) fn is_in_outage(&self) -> bool {
        self.in_outage
    }

    /// Notes that an outage of several clusters includes this one, or does so no longer.
    pub(super) fn set_in_outage(&mut self, in_outage: bool) {
        self.settled &= self.in_outage == in_outage;
        self.in_outage = in_outage;
    }

    /// Takes over notification and acknowledgement from an outage, so that this cluster's own alert after the outage notifies
    /// nobody again.
    pub(super) fn inherit_outage(&mut self, notified: Option<Severity>, ack: Option<Ack>) {
        for record in self.records.iter_mut().filter(|record| record.rule == Rule::Unreachable && record.firing()) {
            record.notified = record.notified.max(notified);
            record.ack = record.ack.or(ack.map(Ack::of_one));
        }
    }

    /// The worst severity that fires. Notices do not count, nor do unknown alerts, which the cluster's state reports.
    pub(crate) fn worst(&self) -> Option<Severity> {
        let known = self.lines.iter().filter(|line| !line.unknown && line.severity > Severity::Notice);
        let grouped = self.in_outage.then_some(Severity::Critical);
        known.map(|line| line.severity).max().max(grouped)
    }

    /// Applies a call, for the rules that look at each of them.
    pub(crate) fn apply_call(&mut self, event: &CallEvent, settings: &Settings) {
        if let CallEvent::Finished(attempt) = event {
            self.latches.finished(attempt, settings);
        }
    }

    /// Returns `true` if an evaluation is due: something happened, or a second has passed. It counts as done then.
    ///
    /// With very many unhealthy nodes it is due once a second, so that a frame stays cheap.
    pub(crate) fn take_due(&mut self, unhealthy: usize, now: Mono) -> bool {
        let second = Some(now.0.as_secs());
        let due = self.second != second || (!self.settled && unhealthy <= MANY_UNHEALTHY);
        if due {
            self.settled = true;
            self.second = second;
        }
        due
    }

    /// Derives the alerts.
    pub(crate) fn evaluate(&mut self, mut evidence: Evidence<'_>, cluster: ClusterId) {
        evidence.latched = self.latches.update(&evidence);
        let grouped = self.grouped();
        let of_nodes = self.node_findings.update(&evidence, grouped);
        let mut findings = Vec::new();
        if !evidence.broken {
            for spec in &RULES {
                match spec.evaluate {
                    Evaluate::Cluster => findings.extend(server::finder(spec.rule).and_then(|find| find(&evidence))),
                    Evaluate::Lists => {
                        findings.extend(server::lists_finder(spec.rule).into_iter().flat_map(|find| find(&evidence)));
                    }
                    Evaluate::Clusters | Evaluate::UnhealthyNode(_) | Evaluate::Nodes(_) => {}
                }
            }
            findings.extend(of_nodes.iter().cloned());
            inhibition::suppress(&mut findings, &evidence, self.in_outage);
        }
        self.apply_findings(findings, cluster, evidence.settings, evidence.now.mono);
    }

    /// Compares findings with the records, and makes the lines that are shown.
    fn apply_findings(&mut self, findings: Vec<Finding>, cluster: ClusterId, settings: &Settings, now: Mono) {
        for record in &mut self.records {
            record.found = false;
        }
        for finding in findings {
            self.apply_finding(&finding, settings, now);
        }
        for record in &mut self.records {
            if !record.found && record.resolved.is_none() {
                record.resolved = Some(now);
            }
        }
        self.records.retain(|record| match record.resolved {
            Some(at) => record.count > 0 && now.since(at) <= REMEMBERED,
            None => true,
        });
        self.forget_oldest();
        self.end_acks(now);
        let firing = self.records.iter().filter(|record| record.resolved.is_none() && !record.inhibited());
        self.lines = firing
            .filter_map(|record| {
                Some(AlertLine {
                    cluster,
                    severity: record.severity,
                    rule: record.rule,
                    subject: record.subject.clone(),
                    text: record.text.clone(),
                    since: record.since?,
                    unknown: record.unknown(),
                    muted: self.muted(record),
                })
            })
            .collect();
        self.lines.sort_by(|a, b| {
            // A muted alert comes after one that is not.
            let worst = a.muted.is_some().cmp(&b.muted.is_some()).then(b.severity.cmp(&a.severity));
            worst.then(a.since.cmp(&b.since)).then(a.reason().cmp(b.reason())).then_with(|| a.text.cmp(&b.text))
        });
    }

    fn apply_finding(&mut self, finding: &Finding, settings: &Settings, now: Mono) {
        let same = |record: &AlertRecord| record.rule == finding.rule && record.subject == finding.subject;
        let known = self.records.iter().position(same);
        let (notified, ack) = self.inherited(finding);
        let index = known.unwrap_or_else(|| {
            self.records.push(AlertRecord { ack, notified, ..AlertRecord::new(finding, now) });
            self.records.len() - 1
        });
        let record = &mut self.records[index];
        if record.resolved.take().is_some() {
            record.first = now;
            record.since = None;
            record.peak = 0;
            (record.notified, record.ack) = (notified, ack);
        }
        record.found = true;
        record.severity = finding.severity;
        if *record.text != *finding.text {
            record.text = Clean::new(&finding.text);
        }
        record.peak = record.peak.max(finding.peak);
        record.suppression = finding.suppression;
        record.size = finding.size;
        let first = finding.since.unwrap_or(record.first);
        let pending = if finding.at_once { Duration::ZERO } else { (finding.rule.spec().pending)(settings) };
        if record.since.is_none() && now.since(first) >= pending {
            record.since = Some(now);
            record.count += 1;
        }
        if record.since.is_some() {
            record.since = finding.since.or(record.since);
        }
    }

    /// Rules whose nodes are one line now.
    fn grouped(&self) -> Grouped {
        let mut grouped = Grouped::default();
        for record in self.records.iter().filter(|record| record.size > 0 && record.resolved.is_none()) {
            grouped[record.rule as usize] = true;
        }
        grouped
    }

    /// Notification and acknowledgement of the group that `finding` was a part of, if the group has become too small to be one
    /// line: the remaining nodes are not notified again.
    fn inherited(&self, finding: &Finding) -> (Option<Severity>, Option<Ack>) {
        let group =
            |record: &&AlertRecord| record.rule == finding.rule && record.size > 0 && record.firing() && !record.found;
        let group = self.records.iter().find(group).filter(|_| finding.size == 0);
        group.map_or((None, None), |group| (group.notified, group.ack.map(Ack::of_one)))
    }

    /// Makes everything older by `gap`, in which the machine slept while the monotonic clock stood still. Acknowledgements and
    /// silences that would have ended in that time are over (F67).
    pub(crate) fn slept(&mut self, gap: Duration) {
        let earlier = |at: &mut Mono| *at = Mono(at.0.saturating_sub(gap));
        for record in &mut self.records {
            // The condition of a pending alert was not observed in that time.
            if record.since.is_some() {
                earlier(&mut record.first);
            }
            record.since.iter_mut().chain(&mut record.resolved).for_each(earlier);
            record.ack.iter_mut().for_each(|ack| earlier(&mut ack.until));
        }
        self.silenced_until.iter_mut().for_each(earlier);
        self.touch();
    }

    fn forget_oldest(&mut self) {
        while self.records.len() > MAX_RECORDS {
            let resolved = |(index, record): (usize, &AlertRecord)| Some((record.resolved?, index));
            let Some((_, oldest)) = self.records.iter().enumerate().filter_map(resolved).min() else { break };
            self.records.swap_remove(oldest);
        }
    }

    /// Number of derivations of the findings about nodes.
    #[cfg(test)]
    pub(crate) fn node_findings_derived(&self) -> u64 {
        self.node_findings.derived()
    }
}

impl AlertRecord {
    fn new(finding: &Finding, now: Mono) -> Self {
        Self {
            rule: finding.rule,
            subject: finding.subject.clone(),
            severity: finding.severity,
            text: Clean::default(),
            first: now,
            since: None,
            resolved: None,
            peak: 0,
            count: 0,
            size: 0,
            ack: None,
            suppression: Suppression::None,
            notified: None,
            found: true,
        }
    }

    /// Name of the alert: `SlowCall`, `NodeNotReady`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.rule.reason()
    }

    /// Returns `true` if it fires: it is neither pending nor resolved.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.since.is_some() && self.resolved.is_none()
    }

    /// Returns `true` if a worse alert explains it.
    #[must_use]
    pub fn inhibited(&self) -> bool {
        self.suppression == Suppression::Inhibited
    }

    /// Returns `true` if its data is not current, so that it may have resolved.
    #[must_use]
    pub fn unknown(&self) -> bool {
        self.suppression == Suppression::NoData
    }
}

#[cfg(test)]
mod tests;
