//! Alert rules: derived from state and time, so that silence raises them too.
//!
//! Rules say what is wrong now; this board remembers since when, how bad it was and how often.

mod acks;
mod density;
mod latch;
mod nodes;
mod outage;
mod probe;
mod rules;
mod words;

use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::Settings;
use crate::msg::{CallEvent, ClusterId, Mono, Now};

pub use acks::{Ack, Muted};
pub(super) use outage::{Outage, SEVERAL};
pub(super) use words::span;

use density::Density;
use latch::{SlowCall, Timeouts};
use nodes::NodeFindings;
use probe::ProbeSlow;

/// Resolved alerts are remembered for this long, so that one that comes back counts on: four flap windows.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Rules group what could be many, so this is never reached by firing alerts; it bounds the memory of resolved ones.
const MOST: usize = 256;
/// Past this many nodes in trouble the alerts are derived once a second instead of for each frame.
const MANY: usize = 1_000;

/// The reason of a cluster that does not answer.
const UNREACHABLE: &str = "Unreachable";

/// How bad an alert is; sorts worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Look at it.
    Warning,
    /// Act.
    Critical,
}

/// An alert as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertLine {
    /// Whose.
    pub cluster: ClusterId,
    /// How bad.
    pub severity: Severity,
    /// CamelCase, like a condition's reason: `SlowCall`, `Timeouts`, `NodeNotReady`, `Stale`.
    pub reason: &'static str,
    /// With numbers: `pods list, page 3, running for 31 s (limit 30 s)`.
    pub text: Clean,
    /// When it began to fire.
    pub since: Mono,
    /// Fired before, but the source has gone silent: neither firing nor resolved is known.
    pub unknown: bool,
    /// It fires, and is not to be heard.
    pub muted: Option<Muted>,
}

/// What is remembered of an alert, firing or resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// CamelCase.
    pub reason: &'static str,
    /// What it is about, where there can be several.
    pub subject: Option<Clean>,
    /// How bad it is or was.
    pub severity: Severity,
    /// Its last text.
    pub text: Clean,
    /// When its condition became true.
    pub first: Mono,
    /// When it began to fire; `None` while it is pending.
    pub since: Option<Mono>,
    /// When it stopped.
    pub resolved: Option<Mono>,
    /// The worst value of its number: timeouts, milliseconds, devices; 0 for those that have none.
    pub peak: u64,
    /// How often it fired.
    pub count: u32,
    /// How many nodes it is about, where it is about several.
    pub size: usize,
    /// Somebody looks after it.
    pub ack: Option<Ack>,
    voice: Voice,
    /// How bad it was when it was told.
    told: Option<Severity>,
    seen: bool,
}

/// The alerts of one cluster.
#[derive(Debug)]
pub(crate) struct Alerts {
    records: Vec<AlertRecord>,
    lines: Vec<AlertLine>,
    slow: SlowCall,
    timeouts: Timeouts,
    probe: ProbeSlow,
    pub(super) density: Density,
    of_nodes: NodeFindings,
    latched: Latched,
    /// That this cluster is unreachable is a part of an outage of several.
    in_outage: bool,
    silenced_until: Option<Mono>,
    touched: bool,
    second: Option<u64>,
}

/// What the latches say: slow calls with the longest so far, timeouts with the peak, slow probes with the peak.
type Latched = (Option<(String, Duration)>, Option<latch::TimeoutsSaid>, Option<(String, Duration)>);

/// What a rule found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    reason: &'static str,
    subject: Option<Clean>,
    severity: Severity,
    text: String,
    /// When it began, if the rule knows better than the board.
    since: Option<Mono>,
    /// It fires only when it has been true for this long.
    pending: Duration,
    peak: u64,
    /// How many nodes a group has.
    size: usize,
    voice: Voice,
}

/// Whether a finding may be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Heard,
    /// Its source has gone silent: it is shown as unknown.
    Unknown,
    /// A worse alert explains it.
    Silenced,
}

impl Finding {
    fn new(reason: &'static str, severity: Severity, text: String) -> Self {
        Self {
            reason,
            subject: None,
            severity,
            text,
            since: None,
            pending: Duration::ZERO,
            peak: 0,
            size: 0,
            voice: Voice::Heard,
        }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            lines: Vec::new(),
            slow: SlowCall::default(),
            timeouts: Timeouts::default(),
            probe: ProbeSlow::default(),
            density: Density::default(),
            of_nodes: NodeFindings::default(),
            latched: Latched::default(),
            in_outage: false,
            silenced_until: None,
            touched: true,
            second: None,
        }
    }
}

impl Alerts {
    pub(crate) fn lines(&self) -> &[AlertLine] {
        &self.lines
    }

    pub(crate) fn records(&self) -> &[AlertRecord] {
        &self.records
    }

    /// Something happened: the next evaluation must look.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// An outage of several clusters speaks for the silence of this one, or does so no longer.
    /// That this cluster is unreachable is said by the alert of several.
    pub(in crate::model) fn is_in_outage(&self) -> bool {
        self.in_outage
    }

    pub(super) fn set_in_outage(&mut self, in_outage: bool) {
        self.touched |= self.in_outage != in_outage;
        self.in_outage = in_outage;
    }

    /// The outage was told or acknowledged: what is left of it here, should it fall apart, is no news.
    pub(super) fn inherit_outage(&mut self, told: Option<Severity>, ack: Option<Ack>) {
        for record in self.records.iter_mut().filter(|record| record.reason == UNREACHABLE && record.firing()) {
            record.told = record.told.max(told);
            record.ack = record.ack.or(ack.map(|ack| Ack { size: 0, ..ack }));
        }
    }

    /// The worst that fires; a notice is nothing bad, and of what is not known any more the cluster's state tells.
    pub(crate) fn worst(&self) -> Option<Severity> {
        let known = self.lines.iter().filter(|line| !line.unknown && line.severity > Severity::Notice);
        let grouped = self.in_outage.then_some(Severity::Critical);
        known.map(|line| line.severity).max().max(grouped)
    }

    /// Takes in a call, for rules that look at each of them.
    pub(crate) fn call(&mut self, event: &CallEvent, settings: &Settings) {
        if let CallEvent::Finished(attempt) = event {
            self.slow.finished(attempt, settings);
        }
    }

    /// Whether there is anything to evaluate: something happened, or a second has passed.
    ///
    /// A cluster with very many nodes in trouble is looked at once a second, so that a frame stays cheap.
    fn due(&mut self, troubled: usize, now: Mono) -> bool {
        let second = Some(now.0.as_secs());
        let due = self.second != second || (self.touched && troubled <= MANY);
        if !due {
            return false;
        }
        self.touched = false;
        self.second = second;
        due
    }

    /// Compares what rules found with what is known, and makes the lines that are shown.
    fn settle(&mut self, findings: Vec<Finding>, cluster: ClusterId, now: Mono) {
        for record in &mut self.records {
            record.seen = false;
        }
        for finding in findings {
            self.note(&finding, now);
        }
        for record in &mut self.records {
            if !record.seen && record.resolved.is_none() {
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
                    reason: record.reason,
                    text: record.text.clone(),
                    since: record.since?,
                    unknown: record.unknown(),
                    muted: self.muted(record),
                })
            })
            .collect();
        self.lines.sort_by(|a, b| {
            // What somebody looks after gives way to what nobody does.
            let worst = a.muted.is_some().cmp(&b.muted.is_some()).then(b.severity.cmp(&a.severity));
            worst.then(a.since.cmp(&b.since)).then(a.reason.cmp(b.reason)).then_with(|| a.text.cmp(&b.text))
        });
    }

    fn note(&mut self, finding: &Finding, now: Mono) {
        let same = |record: &AlertRecord| record.reason == finding.reason && record.subject == finding.subject;
        let known = self.records.iter().position(same);
        let (told, ack) = self.inherited(finding);
        let at = known.unwrap_or_else(|| {
            self.records.push(AlertRecord { ack, told, ..AlertRecord::new(finding, now) });
            self.records.len() - 1
        });
        let record = &mut self.records[at];
        if record.resolved.take().is_some() {
            record.first = now;
            record.since = None;
            record.peak = 0;
            (record.told, record.ack) = (told, ack);
        }
        record.seen = true;
        record.severity = finding.severity;
        if *record.text != *finding.text {
            record.text = Clean::new(&finding.text);
        }
        record.peak = record.peak.max(finding.peak);
        record.voice = finding.voice;
        record.size = finding.size;
        let first = finding.since.unwrap_or(record.first);
        if record.since.is_none() && now.since(first) >= finding.pending {
            record.since = Some(now);
            record.count += 1;
        }
        if record.since.is_some() {
            record.since = finding.since.or(record.since);
        }
    }

    /// Whether the nodes with this trouble are one line.
    fn groups(&self, reason: &str) -> bool {
        self.records.iter().any(|record| record.reason == reason && record.size > 0 && record.resolved.is_none())
    }

    /// Whether `finding` was told and acknowledged as a part of a group that falls apart because it got smaller: that is no
    /// news of the nodes that are left.
    fn inherited(&self, finding: &Finding) -> (Option<Severity>, Option<Ack>) {
        let group = |record: &&AlertRecord| {
            record.reason == finding.reason && record.size > 0 && record.firing() && !record.seen
        };
        let group = self.records.iter().find(group).filter(|_| finding.size == 0);
        group.map_or((None, None), |group| (group.told, group.ack.map(|ack| Ack { size: 0, ..ack })))
    }

    /// The machine slept for `gap` while the monotonic clock stood still: everything is older than it says, and what was to
    /// end in that time is over (F67).
    pub(crate) fn slept(&mut self, gap: Duration) {
        let earlier = |at: &mut Mono| *at = Mono(at.0.saturating_sub(gap));
        for record in &mut self.records {
            // What waits for its time has not become older in this one.
            if record.since.is_some() {
                earlier(&mut record.first);
            }
            record.since.iter_mut().chain(&mut record.resolved).for_each(earlier);
            record.ack.iter_mut().for_each(|ack| earlier(&mut ack.until));
        }
        self.silenced_until.iter_mut().for_each(earlier);
        self.touched = true;
    }

    fn forget_oldest(&mut self) {
        while self.records.len() > MOST {
            let resolved = |(at, record): (usize, &AlertRecord)| Some((record.resolved?, at));
            let Some((_, oldest)) = self.records.iter().enumerate().filter_map(resolved).min() else { break };
            self.records.swap_remove(oldest);
        }
    }
}

impl AlertRecord {
    fn new(finding: &Finding, now: Mono) -> Self {
        Self {
            reason: finding.reason,
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
            voice: Voice::Heard,
            told: None,
            seen: true,
        }
    }
}

impl super::cluster::ClusterState {
    /// Derives the alerts from state and time, if either has moved.
    pub(crate) fn evaluate(&mut self, now: Now) {
        if self.alerts.due(self.nodes.troubled_len(), now.mono) {
            self.move_latches(now);
            self.look_at_nodes(now);
            let findings = self.findings(now);
            self.alerts.settle(findings, self.id, now.mono);
        }
    }
}

#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod tests;
