//! Health of the server by its answers to probes: one was missed, none is answered any more, all are answered again.

use std::time::Duration;

use super::{ServerState, is_answer};
use crate::model::derive::latency::{Latency, RunningCall};
use crate::model::settings::Settings;
use crate::model::store::tracks::CoreTracks;
use crate::model::time::elapsed;
use crate::msg::{CallKind, Layer, Mono, Now, ProbeOutcome};

/// 1 s: Kubernetes API-call SLO for one object, sig-scalability/slos/api_call_latency.md.
const SLOW_PROBE: Duration = Duration::from_secs(1);
/// Number of probes in a row that prove something: a single one may be chance.
const PROBES_IN_A_ROW: usize = 3;
/// Time without a timeout after which the cluster has recovered.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);
/// Number of timeouts after which the cluster counts as recovering; one or two may be chance.
const RECOVERS_FROM: u32 = 3;

/// A probe that was not answered, although nothing newer of its series was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum MissedProbe {
    /// Nothing has answered for this long.
    Unanswered(Duration),
    /// Something else was answered since; only the probe timed out or failed.
    Alone {
        /// `true` if its deadline passed.
        timed_out: bool,
    },
}

/// Inputs of the server's health.
#[derive(Clone, Copy)]
pub(in crate::model) struct ServerHealth<'a> {
    pub(in crate::model) server: &'a ServerState,
    pub(in crate::model) latency: &'a Latency,
    pub(in crate::model) tracks: &'a CoreTracks,
    pub(in crate::model) settings: &'a Settings,
}

impl<'a> ServerHealth<'a> {
    /// Time without any answer of the server, once that is longer than the probe periods of `unreachable_ticks`. Time in which
    /// the program was stopped does not count.
    pub(in crate::model) fn unreachable(&self, now: Now) -> Option<Duration> {
        let silence = self.silence(now)?;
        (silence > self.settings.probe_period * u32::from(self.settings.unreachable_ticks)).then_some(silence)
    }

    fn silence(&self, now: Now) -> Option<Duration> {
        let last = self.server.answered.or(self.server.begun)?;
        let silence = elapsed(last, now);
        Some(self.server.resumed.map_or(silence, |resumed| silence.min(now.mono.since(resumed))))
    }

    /// The newest probe of either series, if it was missed.
    pub(in crate::model) fn missed_probe(&self, now: Now) -> Option<MissedProbe> {
        let missed = |outcome: &ProbeOutcome| match outcome {
            ProbeOutcome::Answered { .. } => false,
            ProbeOutcome::TimedOut { .. } => true,
            ProbeOutcome::Failed { layer, .. } => !is_answer(*layer),
        };
        let newest = self.latency.newest_probes(now.mono);
        let newest = newest.into_iter().flatten().filter(|(_, outcome)| missed(outcome));
        let (since, outcome) = newest.max_by_key(|(since, _)| std::cmp::Reverse(*since))?;
        let silence = self.silence(now)?;
        Some(if silence > since {
            MissedProbe::Unanswered(silence)
        } else {
            MissedProbe::Alone { timed_out: matches!(outcome, ProbeOutcome::TimedOut { .. }) }
        })
    }

    /// Time since the last answer, from the first missed probe on, if nothing else was answered since.
    pub(in crate::model) fn unanswered(&self, now: Now) -> Option<Duration> {
        match self.missed_probe(now)? {
            MissedProbe::Unanswered(silence) => Some(silence),
            MissedProbe::Alone { .. } => None,
        }
    }

    /// Returns `true` if the server is silent: unreachable, or about to be. Whatever else fails now fails because of that.
    pub(in crate::model) fn is_silent(&self, now: Now) -> bool {
        self.unreachable(now).is_some() || self.unanswered(now).is_some()
    }

    /// Time since the last timeout, once the last probes are fast again and no call fails or runs for long.
    pub(in crate::model) fn green_since_timeout(&self, now: Now) -> Option<Duration> {
        let since = self.latency.since_timeout(now.mono)?;
        let fast =
            |outcome: &ProbeOutcome| matches!(outcome, ProbeOutcome::Answered { latency } if *latency < SLOW_PROBE);
        let quiet = since >= self.settings.probe_period * u32::from(self.settings.unreachable_ticks);
        let green = self.last_probes(now, fast) && quiet && !self.has_slow_call(now.mono);
        (green && !self.tracks.any_lost() && self.missed_probe(now).is_none()).then_some(since)
    }

    /// Like [`ServerHealth::green_since_timeout`], but only after several recent timeouts.
    pub(in crate::model) fn recovering(&self, now: Now) -> Option<Duration> {
        let since = self.green_since_timeout(now).filter(|since| *since < RECOVERED_AFTER)?;
        (self.latency.timeouts_within(RECOVERED_AFTER, now.mono) >= RECOVERS_FROM).then_some(since)
    }

    /// The longest of the calls in flight. A watch runs for minutes once its headers have come, as its bytes show.
    pub(in crate::model) fn longest_running(&self, now: Mono) -> Option<(&'a RunningCall, Duration)> {
        let opened = |call: &&RunningCall| call.kind.is_watch() && call.bytes > 0;
        // Nothing depends on an optional API.
        let calls = self.latency.running().filter(|call| !opened(call) && !call.kind.is_optional());
        calls.map(|call| (call, now.since(call.at))).max_by_key(|(_, span)| *span)
    }

    /// Returns `true` while a call is in flight for longer than the limit of slow calls.
    pub(in crate::model) fn has_slow_call(&self, now: Mono) -> bool {
        self.longest_running(now).is_some_and(|(_, span)| span > self.settings.slow_call)
    }

    /// Layer of the last of three API probes in a row that were answered with an error, although something answers (F28).
    /// Timeouts are slowness, and 429, 401 and 403 have words of their own.
    pub(in crate::model) fn probes_fail(&self, now: Now) -> Option<Layer> {
        let last = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        let failed = |outcome| match outcome {
            ProbeOutcome::Failed { layer, .. } => Some(layer),
            _ => None,
        };
        let layers = last.into_iter().filter_map(failed);
        let layers = layers.filter(|layer| !matches!(layer, Layer::Throttled | Layer::Auth | Layer::Rbac));
        let layers: Vec<Layer> = layers.collect();
        (layers.len() == PROBES_IN_A_ROW && self.probed_in_contact(now)).then(|| layers[0])
    }

    /// Returns `true` if the last three API probes timed out, although something answers.
    pub(in crate::model) fn probes_time_out(&self, now: Now) -> bool {
        self.last_probes(now, |outcome| matches!(outcome, ProbeOutcome::TimedOut { .. })) && self.probed_in_contact(now)
    }

    /// Returns `true` if the last API probe began after the server was silent for the last time: the probes of a silence end after
    /// it, and say nothing about a server that answers again.
    fn probed_in_contact(&self, now: Now) -> bool {
        let Some(silent_at) = self.server.silent_at else { return true };
        let [newest, _] = self.latency.newest_probes(now.mono);
        newest.is_some_and(|(since, _)| since <= now.mono.since(silent_at))
    }

    /// Returns `true` if the last three API probes were slow or timed out.
    pub(in crate::model) fn probes_are_slow(&self, now: Now) -> bool {
        self.last_probes(now, |outcome| match outcome {
            ProbeOutcome::Answered { latency } => *latency >= SLOW_PROBE,
            ProbeOutcome::TimedOut { .. } => true,
            ProbeOutcome::Failed { .. } => false,
        })
    }

    fn last_probes(&self, now: Now, all: impl Fn(&ProbeOutcome) -> bool) -> bool {
        let last = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        last.len() == PROBES_IN_A_ROW && last.iter().all(all)
    }

    /// Returns `true` if node data is live, or was until recently, and so is current enough for rules.
    pub(in crate::model) fn nodes_are_current(&self, now: Now) -> bool {
        let nodes = &self.tracks.nodes;
        nodes.lost().is_none()
            && nodes.age(now).is_some_and(|age| age <= self.settings.stale_after)
            && self.unreachable(now).is_none()
    }

    /// Pages in flight; a list of a single object has no page number and is left out.
    pub(in crate::model) fn pages(&self) -> impl Iterator<Item = (crate::resource::Resource, u32, &'a RunningCall)> {
        self.latency.running().filter_map(|call| match call.kind {
            CallKind::List(resource) if !resource.is_optional() => Some((resource, call.page?, call)),
            _ => None,
        })
    }
}
