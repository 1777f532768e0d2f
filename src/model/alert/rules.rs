//! What is wrong with a cluster now.

use std::time::Duration;

use super::latch::{Answering, TimeoutsSaid};
use super::words::span;
use super::{Alerts, Finding, Severity, UNREACHABLE, Voice};
use crate::facts::text::{Clean, counted};
use crate::model::cluster::ClusterState;
use crate::model::latency::call_title;
use crate::model::sync::Track;
use crate::msg::{CallKind, Failure, Layer, Mono, Now, Resource, SyncState};

/// A 429 is news for a minute.
const THROTTLED_WINDOW: Duration = Duration::from_secs(60);
/// A 403 that follows a success is no news before it has lasted for a minute: F53.
const DENIED_FOR: Duration = Duration::from_secs(60);
/// A lost link shows the age of the data at once; it is a line of its own after three periods of the probe.
const LOST_TICKS: u32 = 3;
/// After a sleep every connection is dead and everything is old; that is no news until it stays so (F67).
const RESUME_GRACE: Duration = Duration::from_secs(30);

impl ClusterState {
    /// Moves the alerts that have two thresholds.
    pub(super) fn move_latches(&mut self, now: Now) {
        let silent = self.is_silent(now);
        // A call that drags because nothing answers is no news beside that.
        let running = self.slowest_running(now.mono).filter(|_| !silent);
        let unreachable = self.unreachable(now).is_some();
        let answering = Answering { unreachable, silent, green: self.green_since_timeout(now) };
        let settings = self.settings;
        let Self { alerts, latency, .. } = self;
        let Alerts { slow, timeouts, probe, .. } = alerts;
        let slow_text = slow.check(running, &settings);
        let timeouts_text = timeouts.check(latency, &settings, answering, now.mono);
        let probe_text = probe.check(latency, &settings, timeouts.answering_since(), now.mono);
        alerts.latched = (slow_text, timeouts_text, probe_text);
    }

    /// Everything that is wrong now, worst first only by accident.
    pub(super) fn findings(&self, now: Now) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.spec.broken.is_some() {
            return findings;
        }
        let silent = self.is_silent(now);
        self.api(silent, &mut findings);
        let resuming = self.is_resuming(now);
        let unreachable = self.unreachable(now).filter(|_| !resuming);
        if let Some(silence) = unreachable {
            findings.push(self.silent(silence));
        }
        let heard = findings.len();
        if !silent {
            self.probes(now, &mut findings);
        }
        // That it does not answer, or answers with errors, says more than that it is slow.
        let voice = if unreachable.is_some() || findings.len() > heard { Voice::Silenced } else { Voice::Heard };
        self.slow_probes(voice, now, &mut findings);
        if let Some(what) = self.budget.exceeded() {
            let text = format!("{what}: no longer listed or watched, numbers are lower bounds (max-objects, max-mib)");
            findings.push(Finding::new("TooLarge", Severity::Critical, text));
        }
        self.access(&mut findings);
        findings.extend(self.unreadable());
        self.throttling(now.mono, &mut findings);
        let stale = if resuming { None } else { self.old(now) };
        // Data is old because nothing answers: that says it all.
        findings.extend(stale.map(|stale| if silent { Finding { voice: Voice::Silenced, ..stale } } else { stale }));
        let voice = if unreachable.is_some() {
            Voice::Silenced
        } else if self.nodes_are_current(now) {
            Voice::Heard
        } else {
            Voice::Unknown
        };
        let first = findings.len();
        findings.extend(self.alerts.of_nodes.findings.iter().cloned());
        for finding in findings[first..].iter_mut().filter(|finding| finding.voice == Voice::Heard) {
            let pods = finding.reason == "PodDensity" && voice == Voice::Heard && !self.pods_are_current(now);
            finding.voice = if pods { Voice::Unknown } else { voice };
        }
        findings
    }

    /// We were stopped, or asleep, a moment ago.
    pub(super) fn is_resuming(&self, now: Now) -> bool {
        self.link.resumed.is_some_and(|at| now.mono.since(at) < RESUME_GRACE)
    }

    /// The work probe is slower than the SLO, as long as there are probes at all.
    fn slow_probes(&self, voice: Voice, now: Now, findings: &mut Vec<Finding>) {
        let Some((text, peak)) = &self.alerts.latched.2 else { return };
        let gap = self.settings.probe_period * LOST_TICKS + self.settings.probe_deadline;
        let silent = self.latency.probe_percentile(50, gap, now.mono).1 == 0;
        let voice = if silent && voice == Voice::Heard { Voice::Unknown } else { voice };
        let peak = u64::try_from(peak.as_millis()).unwrap_or(u64::MAX);
        let finding = Finding::new("ProbeSlow", Severity::Warning, text.clone());
        findings.push(Finding { peak, voice, pending: self.settings.probe_p95_for, ..finding });
    }

    /// Pod data is live, or was until so recently that it still speaks for now.
    fn pods_are_current(&self, now: Now) -> bool {
        let track = &self.pods_track;
        track.lost().is_none() && track.age(now).is_some_and(|age| age <= self.settings.stale_after)
    }

    /// The longest running call that is not a ping, counted from the last time that we woke up, and what came of it so far.
    fn slowest_running(&self, now: Mono) -> Option<(String, Duration, String)> {
        let woke = self.link.resumed.unwrap_or_default();
        let (call, _) = self.longest_running(now).filter(|(call, _)| call.kind != CallKind::Ping)?;
        let so_far = match call.bytes {
            0 => "no byte yet".to_owned(),
            bytes @ ..1_000_000 => format!("{} kB of the body so far", bytes / 1000),
            bytes => format!("{}.{} MB of the body so far", bytes / 1_000_000, bytes / 100_000 % 10),
        };
        Some((call_title(call.kind, call.page), now.since(call.at.max(woke)), so_far))
    }

    /// Slow calls and timeouts; of a server that is silent they are no news.
    fn api(&self, silent: bool, findings: &mut Vec<Finding>) {
        let voice = if silent { Voice::Silenced } else { Voice::Heard };
        let (slow, timeouts, _) = &self.alerts.latched;
        if let Some(TimeoutsSaid { text, peak, recovering }) = timeouts {
            let severity = if *recovering { Severity::Notice } else { Severity::Critical };
            let peak = u64::from(*peak);
            findings.push(Finding { peak, voice, ..Finding::new("Timeouts", severity, text.clone()) });
        }
        if let Some((text, peak)) = slow {
            let peak = u64::try_from(peak.as_millis()).unwrap_or(u64::MAX);
            findings.push(Finding { peak, voice, ..Finding::new("SlowCall", Severity::Warning, text.clone()) });
        }
    }

    fn silent(&self, silence: Duration) -> Finding {
        let ticks = silence.as_millis() / self.settings.probe_period.as_millis().max(1);
        let because = self.failures().next().map(|failure| format!(": {}", why(failure))).unwrap_or_default();
        let text = format!("no answer for {} ({}){because}", span(silence), counted(ticks, "probe"));
        let peak = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        let voice = if self.alerts.in_outage { Voice::Silenced } else { Voice::Heard };
        Finding { peak, voice, ..Finding::new(UNREACHABLE, Severity::Critical, text) }
    }

    /// Something answers, but not what needs authentication, queues and storage (F28).
    fn probes(&self, now: Now, findings: &mut Vec<Finding>) {
        let text = match self.probes_fail(now) {
            Some(layer) => format!("the last 3 probes failed ({})", layer.name()),
            None if self.probes_time_out(now) => {
                format!("the last 3 probes timed out after {}", span(self.settings.probe_deadline))
            }
            None => return,
        };
        findings.push(Finding::new("ProbeFailing", Severity::Warning, text));
    }

    /// Credentials and rights.
    fn access(&self, findings: &mut Vec<Finding>) {
        let failing = |layer: Layer| {
            let tracks = self.tracks().map(|(.., track)| track);
            tracks.filter_map(Track::lost).find(|failure| failure.layer == layer)
        };
        if let Some(failure) = failing(Layer::Auth) {
            let text = format!("credentials rejected (401): {}", failure.text);
            findings.push(Finding::new("CredentialsRejected", Severity::Critical, text));
        } else if self.link.rejected.is_some() {
            let text = "credentials rejected (401)".to_owned();
            findings.push(Finding::new("CredentialsRejected", Severity::Critical, text));
        }
        if let Some(failure) = failing(Layer::Credentials) {
            let text = format!("no credentials: {}", failure.text);
            findings.push(Finding::new("CredentialsMissing", Severity::Critical, text));
        }
        for (resource, namespace, track) in self.tracks() {
            if let Some(SyncState::Denied { failure }) = track.state() {
                let subject = Some(Clean::new(&listed(resource, namespace)));
                let text = self.denied((&listed(resource, namespace), track), failure, resource);
                // A 403 soon after a success is a server that is starting (F53).
                let pending = if track.complete() { DENIED_FOR } else { Duration::ZERO };
                findings.push(Finding { subject, pending, ..Finding::new("Denied", Severity::Notice, text) });
            }
        }
    }

    /// What may not be listed, and what to do where pods of single namespaces may be (F23).
    fn denied(&self, (what, track): (&str, &Track), failure: &Failure, resource: Resource) -> String {
        let scope = self.pods_track.scope();
        if resource != Resource::Pods || !scope.namespaces.is_empty() || !track.denied() {
            return format!("{what} may not be listed (403): {}", failure.text);
        }
        let example = scope.example.as_deref().unwrap_or("NAME");
        format!("{what} may not be listed (403); for one namespace: --namespace {example}; {}", failure.text)
    }

    /// Objects that could not be read may be anything.
    fn unreadable(&self) -> Option<Finding> {
        let counts = [(self.unread_nodes(), "node"), (self.unread_pods(), "pod")];
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let named: Vec<String> = some.map(|(count, noun)| counted(*count, noun)).collect();
        let text =
            format!("{} could not be read: numbers are lower bounds, what is free is not known", named.join(" and "));
        let peak: u64 = counts.iter().map(|(count, _)| u64::from(*count)).sum();
        (peak > 0).then(|| Finding { peak, ..Finding::new("Unreadable", Severity::Warning, text) })
    }

    fn throttling(&self, now: Mono, findings: &mut Vec<Finding>) {
        let count = self.latency.throttled_within(THROTTLED_WINDOW, now);
        if count > 0 {
            let severity =
                if count >= u32::from(self.settings.throttled_warning) { Severity::Warning } else { Severity::Notice };
            let text = format!("server throttles: {} 429 in 1m", counted(count, "answer"));
            findings.push(Finding { peak: u64::from(count), ..Finding::new("Throttled", severity, text) });
        }
    }

    /// Data that was complete once and is old now; the older of nodes and pods speaks.
    fn old(&self, now: Now) -> Option<Finding> {
        let settings = &self.settings;
        if self.budget.exceeded().is_some() {
            // An alert of its own says why.
            return None;
        }
        let mut old: Vec<(Duration, String, Option<&Failure>)> = Vec::new();
        for (resource, namespace, track) in self.tracks() {
            let Some(age) = track.age(now).filter(|_| track.complete()) else { continue };
            let lost = track.lost();
            let lost_for_long = lost.is_some() && age >= settings.probe_period * LOST_TICKS;
            if age > settings.stale_after || lost_for_long {
                old.push((age, listed(resource, namespace), lost));
            }
        }
        let (age, _, lost) = old.iter().max_by_key(|(age, ..)| *age)?;
        let names = match &*old {
            [(_, a, _)] => a.clone(),
            [(_, a, _), (_, b, _)] => format!("{a} and {b}"),
            [(_, a, _), rest @ ..] => format!("{a} and {}", counted(rest.len(), "more list")),
            [] => String::new(),
        };
        let severity = if *age > settings.stale_after { Severity::Warning } else { Severity::Notice };
        let because = lost.map(|failure| format!(": {}", why(failure))).unwrap_or_default();
        let text = format!("{names} {} old (limit {}){because}", span(*age), span(settings.stale_after));
        // A watch that is cut and opened again at once, as when a control plane rolls, is no news (F52).
        let pending = if *age > settings.stale_after { Duration::ZERO } else { settings.probe_period };
        Some(Finding { peak: age.as_secs(), pending, ..Finding::new("Stale", severity, text) })
    }
}

/// `nodes`, `pods`, `pods in team-a`.
fn listed(resource: Resource, namespace: Option<&Clean>) -> String {
    namespace.map_or_else(|| resource.name().to_owned(), |name| format!("{} in {name}", resource.name()))
}

/// `connection refused (connect)`.
fn why(failure: &Failure) -> String {
    format!("{} ({})", failure.text, failure.layer.name())
}
