//! How the server answers its probes: one was missed, none is answered any more, all are answered again.

use std::time::Duration;

use super::ClusterState;
use super::summary::{PROBES_IN_A_ROW, SLOW_PROBE};
use crate::model::derive::server::is_answer;
use crate::model::time::elapsed;
use crate::msg::{CallEvent, Now, ProbeOutcome, ProbeSample};

/// After this long without a timeout the cluster has recovered.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);
/// One or two timeouts are bad luck; after more of them the cluster recovers.
const TROUBLE: u32 = 3;

/// A probe that was not answered, although nothing newer of its series was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum MissedProbe {
    /// Nothing has answered since: for so long.
    Unanswered(Duration),
    /// Something else was answered since; the probe timed out, or failed at once.
    Alone {
        /// Its deadline passed.
        timed_out: bool,
    },
}

impl ClusterState {
    /// Time without any answer of the server, once that is longer than so many ticks of the probe. The time in which we
    /// were stopped does not count: nobody listened.
    pub(in crate::model) fn unreachable(&self, now: Now) -> Option<Duration> {
        let silence = self.silence(now)?;
        (silence > self.settings.probe_period * u32::from(self.settings.unreachable_ticks)).then_some(silence)
    }

    fn silence(&self, now: Now) -> Option<Duration> {
        let last = self.link.answered.or(self.link.begun)?;
        let silence = elapsed(last, now);
        Some(self.link.resumed.map_or(silence, |resumed| silence.min(now.mono.since(resumed))))
    }

    /// The newest probe of either series was missed.
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

    /// The server is silent: unreachable, or about to be. Whatever else fails now fails because of that.
    pub(in crate::model) fn is_silent(&self, now: Now) -> bool {
        self.unreachable(now).is_some() || self.unanswered(now).is_some()
    }

    /// Time since the last timeout, once the last probes are fast again and nothing fails or drags.
    pub(in crate::model) fn green_since_timeout(&self, now: Now) -> Option<Duration> {
        let since = self.latency.since_timeout(now.mono)?;
        let fast =
            |outcome: &ProbeOutcome| matches!(outcome, ProbeOutcome::Answered { latency } if *latency < SLOW_PROBE);
        let newest = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        let green = newest.len() == PROBES_IN_A_ROW && newest.iter().all(fast);
        let quiet = since >= self.settings.probe_period * u32::from(self.settings.unreachable_ticks);
        let drags = self.longest_running(now.mono).is_some_and(|(_, span)| span > self.settings.slow_call);
        let lost = self.tracks().any(|(.., track)| track.lost().is_some());
        (green && quiet && !drags && !lost && self.missed_probe(now).is_none()).then_some(since)
    }

    /// The same while the trouble was not long ago.
    pub(in crate::model) fn recovering(&self, now: Now) -> Option<Duration> {
        let since = self.green_since_timeout(now).filter(|since| *since < RECOVERED_AFTER)?;
        (self.latency.timeouts_within(RECOVERED_AFTER, now.mono) >= TROUBLE).then_some(since)
    }

    /// Takes in a scheduled probe. One that ran while we were stopped tells only that it was answered: how long that took,
    /// or that its deadline passed, says nothing of the server.
    pub(super) fn probe(&mut self, sample: &ProbeSample, now: Now) {
        self.link.probe(sample, now);
        if self.link.resumed.is_none_or(|resumed| sample.tick >= resumed) {
            self.latency.probe(sample);
        }
    }

    /// Takes in the start, the progress or the end of a request.
    pub(super) fn call(&mut self, call: CallEvent, now: Now) {
        self.link.call(&call, now);
        let call = self.link.unless_stopped(call);
        if !self.is_silent(now) {
            self.alerts.call(&call, &self.settings);
        }
        self.latency.call(&call, now.mono);
    }
}
