//! Rules about the API server, credentials and lists of one cluster.

use std::time::Duration;

use super::evidence::{Evidence, FailedProbes, ListEvidence};
use super::span::{duration_text, milliseconds};
use super::{Finding, Rule, Severity};
use crate::facts::text::{Clean, counted};
use crate::msg::{Failure, Layer, Resource, SyncState};

/// 1 min: time for which an answer 429 counts.
const THROTTLED_WINDOW: Duration = Duration::from_secs(60);
/// Periods of the probe after which a lost link is an alert; the age of the data shows at once.
const LOST_TICKS: u32 = 3;

/// Finds an alert about the cluster as a whole.
pub(super) type Finder = fn(&Evidence<'_>) -> Option<Finding>;

/// Finds an alert about each of the cluster's lists.
pub(super) type ListsFinder = fn(&Evidence<'_>) -> Vec<Finding>;

/// The function of a rule that looks at the cluster as a whole.
pub(super) fn finder(rule: Rule) -> Option<Finder> {
    Some(match rule {
        Rule::Timeouts => timeouts,
        Rule::SlowCall => slow_call,
        Rule::Unreachable => unreachable,
        Rule::ProbeFailing => probe_failing,
        Rule::ProbeSlow => probe_slow,
        Rule::TooLarge => too_large,
        Rule::CredentialsRejected => credentials_rejected,
        Rule::CredentialsMissing => credentials_missing,
        Rule::Unreadable => unreadable,
        Rule::Throttled => throttled,
        Rule::Stale => stale,
        _ => return None,
    })
}

/// The function of a rule that looks at each list.
pub(super) fn lists_finder(rule: Rule) -> Option<ListsFinder> {
    match rule {
        Rule::Denied => Some(denied),
        _ => None,
    }
}

/// Too many timeouts; a notice once everything answers again.
fn timeouts(evidence: &Evidence<'_>) -> Option<Finding> {
    let latched = evidence.latched.timeouts.as_ref()?;
    let severity = if latched.recovering { Severity::Notice } else { Severity::Critical };
    Some(Finding { peak: latched.peak, severity, ..Finding::new(Rule::Timeouts, latched.text.clone()) })
}

/// A slow call, running or ended.
fn slow_call(evidence: &Evidence<'_>) -> Option<Finding> {
    let latched = evidence.latched.slow_call.as_ref()?;
    Some(Finding { peak: latched.peak, ..Finding::new(Rule::SlowCall, latched.text.clone()) })
}

/// A server that answers nothing.
fn unreachable(evidence: &Evidence<'_>) -> Option<Finding> {
    let silence = evidence.server.unreachable.filter(|_| !evidence.server.resuming)?;
    let ticks = silence.as_millis() / evidence.settings.probe_period.as_millis().max(1);
    let because = evidence.server.failure.map(|failure| format!(": {}", failure.text)).unwrap_or_default();
    let text = format!("unreachable for {} ({}){because}", duration_text(silence), counted(ticks, "probe"));
    Some(Finding { peak: milliseconds(silence), ..Finding::new(Rule::Unreachable, text) })
}

/// A server that answers, but not what needs authentication, queues and storage (F28).
fn probe_failing(evidence: &Evidence<'_>) -> Option<Finding> {
    // A silent server fails its probes too, but that is not an alert of its own, so it resolves.
    if evidence.server.silent {
        return None;
    }
    let text = match evidence.server.failed_probes? {
        FailedProbes::Failed(layer) => format!("the last 3 probes failed ({})", layer.name()),
        FailedProbes::TimedOut => {
            format!("the last 3 probes timed out after {}", duration_text(evidence.settings.probe_deadline))
        }
    };
    Some(Finding::new(Rule::ProbeFailing, text))
}

/// An API probe whose p95 is over the SLO.
fn probe_slow(evidence: &Evidence<'_>) -> Option<Finding> {
    let latched = evidence.latched.probe_slow.as_ref()?;
    Some(Finding { peak: latched.peak, ..Finding::new(Rule::ProbeSlow, latched.text.clone()) })
}

/// Returns `true` if there are probes at all: one within a few periods.
pub(super) fn probes_are_current(evidence: &Evidence<'_>) -> bool {
    let gap = evidence.settings.probe_period * LOST_TICKS + evidence.settings.probe_deadline;
    evidence.latency.probe_percentile(50, gap, evidence.now.mono).1 > 0
}

/// A cluster that is not followed any more.
fn too_large(evidence: &Evidence<'_>) -> Option<Finding> {
    let limit = evidence.too_large?;
    let text = format!("{limit}: no longer listed or watched, numbers are lower bounds (max-objects, max-mib)");
    Some(Finding::new(Rule::TooLarge, text))
}

/// A 401, of a list or of any other call.
fn credentials_rejected(evidence: &Evidence<'_>) -> Option<Finding> {
    let text = match evidence.lost_at(Layer::Auth) {
        Some(failure) => format!("credentials rejected (401): {}", failure.text),
        None if evidence.server.rejected => "credentials rejected (401)".to_owned(),
        None => return None,
    };
    Some(Finding::new(Rule::CredentialsRejected, text))
}

/// Credentials that could not be obtained.
fn credentials_missing(evidence: &Evidence<'_>) -> Option<Finding> {
    let failure = evidence.lost_at(Layer::Credentials)?;
    Some(Finding::new(Rule::CredentialsMissing, format!("no credentials: {}", failure.text)))
}

/// Lists that are forbidden. A 403 soon after a success may be a server that starts; without one it is certain (F53).
fn denied(evidence: &Evidence<'_>) -> Vec<Finding> {
    let denied = evidence.lists().filter_map(|list| match list.track.state() {
        Some(SyncState::Denied { failure }) => Some((list, failure)),
        _ => None,
    });
    denied
        .map(|(list, failure)| Finding {
            subject: Some(Clean::new(&list.title())),
            at_once: !list.track.complete(),
            ..Finding::new(Rule::Denied, denied_text(evidence, list, failure))
        })
        .collect()
}

/// Names the list that is forbidden, and a way out where pods of single namespaces may be listed (F23).
fn denied_text(evidence: &Evidence<'_>, list: ListEvidence<'_>, failure: &Failure) -> String {
    let (scope, title) = (evidence.pods_track.scope(), list.title());
    if list.resource != Resource::Pods || !scope.namespaces.is_empty() || !list.track.denied() {
        return format!("{title} may not be listed (403): {}", failure.text);
    }
    let example = scope.example.as_deref().unwrap_or("NAME");
    format!("{title} may not be listed (403); for one namespace: --namespace {example}; {}", failure.text)
}

/// Nodes and pods that could not be read, whose state is therefore unknown.
fn unreadable(evidence: &Evidence<'_>) -> Option<Finding> {
    let counts = [(evidence.nodes_track.unread(), "node"), (evidence.pods_track.unread(), "pod")];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let named: Vec<String> = some.map(|(count, noun)| counted(*count, noun)).collect();
    let text =
        format!("{} could not be read: numbers are lower bounds, what is free is not known", named.join(" and "));
    let peak: u64 = counts.iter().map(|(count, _)| u64::from(*count)).sum();
    (peak > 0).then(|| Finding { peak, ..Finding::new(Rule::Unreadable, text) })
}

/// Answers 429: a few are a notice, many a warning.
fn throttled(evidence: &Evidence<'_>) -> Option<Finding> {
    let count = evidence.latency.throttled_within(THROTTLED_WINDOW, evidence.now.mono);
    if count == 0 {
        return None;
    }
    let many = count >= u32::from(evidence.settings.throttled_warning);
    let severity = if many { Severity::Warning } else { Severity::Notice };
    let text = format!("throttled: {count}×429 in 1m");
    Some(Finding { peak: u64::from(count), severity, ..Finding::new(Rule::Throttled, text) })
}

/// Data that was complete once and is old now: a notice while the connection is lost, a warning above the limit. Age and cause are
/// those of the oldest list.
fn stale(evidence: &Evidence<'_>) -> Option<Finding> {
    let settings = evidence.settings;
    // `TooLarge` reports a cluster that is no longer followed, whose data is old for that reason.
    if evidence.server.resuming || evidence.too_large.is_some() {
        return None;
    }
    let mut old: Vec<(Duration, ListEvidence<'_>)> = Vec::new();
    for list in evidence.lists() {
        let Some(age) = list.track.age(evidence.now).filter(|_| list.track.complete()) else { continue };
        let lost_for_long = list.track.lost().is_some() && age >= settings.probe_period * LOST_TICKS;
        if age > settings.stale_after || lost_for_long {
            old.push((age, list));
        }
    }
    let (age, oldest) = old.iter().max_by_key(|(age, _)| *age)?;
    let names = match &*old {
        [(_, a)] => a.title(),
        [(_, a), (_, b)] => format!("{} and {}", a.title(), b.title()),
        [(_, a), rest @ ..] => format!("{} and {}", a.title(), counted(rest.len(), "more list")),
        [] => String::new(),
    };
    let because = oldest.track.lost().map(|failure| format!(": {}", failure_text(failure))).unwrap_or_default();
    let text = format!("{names} {} old (limit {}){because}", duration_text(*age), duration_text(settings.stale_after));
    let over = *age > settings.stale_after;
    let severity = if over { Severity::Warning } else { Severity::Notice };
    Some(Finding { peak: age.as_secs(), severity, at_once: over, ..Finding::new(Rule::Stale, text) })
}

/// `connection refused (connect)`.
fn failure_text(failure: &Failure) -> String {
    format!("{} ({})", failure.text, failure.layer.name())
}
