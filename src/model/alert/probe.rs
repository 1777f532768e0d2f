//! The work probe is slow as a rule: its p95 over the window is past the SLO, and the last minute confirms it.

use std::time::Duration;

use super::words::span;
use crate::facts::text;
use crate::model::Settings;
use crate::model::latency::{Latency, Percentile};
use crate::msg::Mono;

/// A long window proves, a short one resets (docs/latency-and-alerts.md).
const SHORT: Duration = Duration::from_secs(60);
/// Fewer samples than a minute of probes prove nothing: the p95 of three is the slowest of three.
const LEAST: usize = 10;

/// The latch of `ProbeSlow`.
#[derive(Debug, Default)]
pub(super) struct ProbeSlow {
    firing: bool,
    peak: Duration,
}

impl ProbeSlow {
    /// Looks at both windows; returns what to say, and the peak, while it fires. Probes from before `from`, when the server
    /// was unreachable, do not say that it is slow.
    pub(super) fn check(
        &mut self,
        latency: &Latency,
        settings: &Settings,
        from: Mono,
        now: Mono,
    ) -> Option<(String, Duration)> {
        let since = now.since(from);
        let (since_then, counted) = latency.probe_percentile(95, settings.latency_window.min(since), now);
        let (short, recent) = latency.probe_percentile(95, SHORT.min(since), now);
        let (long, samples) = latency.probe_percentile(95, settings.latency_window, now);
        let over = |value: Option<Percentile>| value.is_some_and(|value| value.value > settings.probe_p95);
        if over(since_then) && over(short) && counted >= LEAST {
            self.firing = true;
        } else if short.is_some_and(|short| short.value < settings.probe_p95_clear && recent >= LEAST) {
            *self = Self::default();
        }
        // Without any sample in the window there is nothing to say about speed: other alerts speak then.
        let p95 = long.filter(|_| self.firing)?;
        self.peak = self.peak.max(p95.value);
        let (window, limit) = (span(settings.latency_window), span(settings.probe_p95));
        let at_least = if p95.at_least { "at least " } else { "" };
        let peak = if self.peak > p95.value { format!(", peak {}", span(self.peak)) } else { String::new() };
        let value = span(p95.value);
        Some((
            format!(
                "probe p95 {at_least}{value} in {window} (limit {limit}), {}{peak}",
                text::counted(samples, "probe")
            ),
            self.peak,
        ))
    }
}
