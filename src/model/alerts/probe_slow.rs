//! The latch of `ProbeSlow`: the API probe's p95 over the window exceeds the SLO, and the last minute confirms it.

use std::time::Duration;

use super::evidence::{Evidence, LatchedAlert};
use super::span::{duration_text, milliseconds};
use crate::facts::text::counted;
use crate::model::derive::latency::Percentile;
use crate::msg::Mono;

/// 1 min: a long window proves, a short one resets (docs/latency-and-alerts.md).
const SHORT: Duration = Duration::from_secs(60);
/// Minimum number of samples, about a minute of probes: the p95 of three would be the slowest of three.
const LEAST: usize = 10;

/// Latch of `ProbeSlow`.
#[derive(Debug, Default)]
pub(super) struct ProbeSlowLatch {
    firing: bool,
    peak: Duration,
}

impl ProbeSlowLatch {
    /// Checks both windows. Probes from before `from`, when the server was unreachable, do not count as slow.
    pub(super) fn check(&mut self, evidence: &Evidence<'_>, from: Mono) -> Option<LatchedAlert> {
        let Evidence { settings, latency, now, .. } = evidence;
        let now = now.mono;
        let since = now.since(from);
        let (since_then, proof) = latency.probe_percentile(95, settings.latency_window.min(since), now);
        let (short, recent) = latency.probe_percentile(95, SHORT.min(since), now);
        let (long, samples) = latency.probe_percentile(95, settings.latency_window, now);
        let over = |value: Option<Percentile>| value.is_some_and(|value| value.value > settings.probe_p95);
        if over(since_then) && over(short) && proof >= LEAST {
            self.firing = true;
        } else if short.is_some_and(|short| short.value < settings.probe_p95_clear && recent >= LEAST) {
            *self = Self::default();
        }
        // Without any sample in the window nothing is known about speed, and other alerts apply.
        let p95 = long.filter(|_| self.firing)?;
        self.peak = self.peak.max(p95.value);
        let (window, limit) = (duration_text(settings.latency_window), duration_text(settings.probe_p95));
        let at_least = if p95.at_least { "at least " } else { "" };
        let peak = if self.peak > p95.value { format!(", peak {}", duration_text(self.peak)) } else { String::new() };
        let value = duration_text(p95.value);
        let probes = counted(samples, "probe");
        let text = format!("probe p95 {at_least}{value} in {window} (limit {limit}), {probes}{peak}");
        Some(LatchedAlert { text, peak: milliseconds(self.peak), recovering: false })
    }
}
