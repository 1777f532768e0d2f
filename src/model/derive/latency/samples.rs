//! The ring of probe samples behind percentiles and sparkline.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Percentile, SparkMark};
use crate::model::settings::Settings;
use crate::msg::{Mono, ProbeOutcome};

/// A ring is never shorter than a wide terminal's sparkline...
const LEAST: usize = 256;
/// ...and never longer than this, whatever window the configuration sets.
const MOST: usize = 4096;

/// Samples of one series, by tick.
#[derive(Debug)]
pub(super) struct Samples {
    ring: VecDeque<(Mono, ProbeOutcome)>,
    capacity: usize,
    period: Duration,
    deadline: Duration,
}

impl Samples {
    pub(super) fn new(settings: &Settings) -> Self {
        let period = settings.probe_period.max(Duration::from_millis(1));
        let ticks = usize::try_from(settings.latency_window.as_millis() / period.as_millis()).unwrap_or(MOST);
        Self { ring: VecDeque::new(), capacity: ticks.clamp(LEAST, MOST), period, deadline: settings.probe_deadline }
    }

    /// Adds a sample; samples arrive in the order of their ticks, except for a probe that outlives its tick.
    pub(super) fn push(&mut self, tick: Mono, outcome: ProbeOutcome) {
        if self.ring.len() == self.capacity {
            self.ring.pop_front();
        }
        let index = self.ring.iter().rposition(|(at, _)| *at <= tick).map_or(0, |at| at + 1);
        self.ring.insert(index, (tick, outcome));
    }

    /// Number of samples in the window, and of those that timed out or failed.
    pub(super) fn counts(&self, now: Mono, window: Duration) -> (u32, u32) {
        self.within(now, window).fold((0, 0), |(all, lost), outcome| {
            (all + 1, lost + u32::from(!matches!(outcome, ProbeOutcome::Answered { .. })))
        })
    }

    /// Latencies in the window, ascending; lower bounds after equal exact values.
    ///
    /// A failure before the deadline has no latency: it counts as lost and is left out here.
    pub(super) fn sorted(&self, now: Mono, window: Duration) -> Vec<Percentile> {
        let mut values: Vec<_> = self.within(now, window).filter_map(latency).collect();
        values.sort_unstable();
        values
    }

    /// The last sample; `None` if it failed, or is older than the window.
    pub(super) fn last(&self, now: Mono, window: Duration) -> Option<Percentile> {
        self.within(now, window).last().and_then(latency)
    }

    /// The samples from the newest on, each with its tick.
    pub(super) fn newest(&self) -> impl Iterator<Item = (Mono, ProbeOutcome)> {
        self.ring.iter().rev().copied()
    }

    /// See [`super::Latency::marks`].
    pub(super) fn marks(&self, columns: usize, now: Mono) -> Vec<SparkMark> {
        let mut marks = vec![SparkMark::Blank; columns];
        let Some((newest, _)) = self.ring.back() else { return marks };
        let overdue = self.overdue(now.since(*newest));
        for (tick, outcome) in self.ring.iter().rev() {
            let back = overdue.saturating_add(self.ticks(newest.since(*tick)));
            let Some(index) = columns.checked_sub(back.saturating_add(1)) else { break };
            marks[index] = worse(marks[index], mark(*outcome));
        }
        marks
    }

    /// Number of ticks that should have been sampled by now and were not.
    fn overdue(&self, since_newest: Duration) -> usize {
        if since_newest <= self.period + self.deadline {
            return 0;
        }
        let late = since_newest.saturating_sub(self.deadline);
        usize::try_from(late.as_micros() / self.period.as_micros()).unwrap_or(usize::MAX)
    }

    /// Number of ticks in a span, rounded to the nearest.
    fn ticks(&self, span: Duration) -> usize {
        let (span, period) = (span.as_micros(), self.period.as_micros());
        usize::try_from((span + period / 2) / period).unwrap_or(usize::MAX)
    }

    fn within(&self, now: Mono, window: Duration) -> impl Iterator<Item = ProbeOutcome> {
        self.ring.iter().filter(move |(tick, _)| now.since(*tick) <= window).map(|(_, outcome)| *outcome)
    }
}

fn latency(outcome: ProbeOutcome) -> Option<Percentile> {
    match outcome {
        ProbeOutcome::Answered { latency } => Some(Percentile { value: latency, at_least: false }),
        ProbeOutcome::TimedOut { at_least } => Some(Percentile { value: at_least, at_least: true }),
        ProbeOutcome::Failed { .. } => None,
    }
}

fn mark(outcome: ProbeOutcome) -> SparkMark {
    match outcome {
        ProbeOutcome::Answered { latency } => SparkMark::Answered(latency),
        ProbeOutcome::TimedOut { .. } => SparkMark::TimedOut,
        ProbeOutcome::Failed { .. } => SparkMark::Failed,
    }
}

/// The worse of two samples in one column, which is shown.
fn worse(a: SparkMark, b: SparkMark) -> SparkMark {
    let rank = |mark| match mark {
        SparkMark::Blank => (0, Duration::ZERO),
        SparkMark::Answered(latency) => (1, latency),
        SparkMark::Failed => (2, Duration::ZERO),
        SparkMark::TimedOut => (3, Duration::ZERO),
    };
    if rank(b) > rank(a) { b } else { a }
}
