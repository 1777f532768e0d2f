//! Answers of the API and their latency: fixed log-bucket histograms, the sample ring behind the sparkline, calls in flight,
//! timeouts in a sliding window, watchbell's own load.
//!
//! Everything here is bounded: a year of failures takes no more memory than an hour (G6).

mod calls;
mod histogram;
mod load;
mod recent;
mod samples;
mod window;

use std::time::Duration;

use crate::model::settings::Settings;
use crate::msg::detail::DetailPart;
use crate::msg::{Attempt, CallEnd, CallEvent, CallKind, Mono, ProbeOutcome, ProbeSample, ProbeSeries};

pub use calls::{CallStats, RunningCall};
pub use histogram::Histogram;
pub use window::{API_WINDOW, ErrorClass, KindStats, Shares, Verdict};

use calls::Calls;
use load::OwnLoad;
use recent::Recent;
use samples::Samples;
use window::Window;

/// 1 s: `?timeout=` is given in whole seconds, so no server's own deadline is shorter.
const LEAST_DEADLINE: Duration = Duration::from_secs(1);

/// One column of the sparkline: one tick of the work probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparkMark {
    /// watchbell was not watching (before the start, suspended): blank.
    Blank,
    /// An answer after this long.
    Answered(Duration),
    /// No answer in time: full height, its own glyph.
    TimedOut,
    /// An error came back: full height, another glyph.
    Failed,
}

/// The latency of one cluster's API, as the strip shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySummary {
    /// Samples of the work probe in the window.
    pub samples: u32,
    /// Median; `None` without samples. Timeouts count as at least their limit.
    pub p50: Option<Percentile>,
    /// 95th percentile.
    pub p95: Option<Percentile>,
    /// The last sample.
    pub last: Option<Percentile>,
    /// The largest in the window.
    pub max: Option<Percentile>,
    /// Probes of the window that timed out or failed.
    pub lost: u32,
    /// Timeouts of all calls in the timeout window (10 min).
    pub timeouts: u32,
    /// Timeouts since the start.
    pub timeouts_ever: u64,
}

/// A percentile of samples some of which are only lower bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile {
    /// The value.
    pub value: Duration,
    /// `true` if the value is a lower bound (`≥`): the sample at that rank timed out.
    pub at_least: bool,
}

/// The latency of one cluster's API.
///
/// Times are the program's monotonic clock plus the time that the machine slept ([`Latency::slept`]), so that a gap of an
/// hour is an hour wide although the monotonic clock stood still (F67).
#[derive(Debug)]
pub struct Latency {
    settings: Settings,
    slept: Duration,
    work: Samples,
    ping: Samples,
    calls: Calls,
    windows: Vec<Window>,
    /// Time of the first call that ended, from which rates are computed.
    first: Option<Mono>,
    timeouts: Recent<CallKind>,
    timeouts_ever: u64,
    throttled: Recent<CallKind>,
    load: OwnLoad,
}

impl Latency {
    /// Creates an empty state.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            slept: Duration::ZERO,
            work: Samples::new(&settings),
            ping: Samples::new(&settings),
            calls: Calls::default(),
            windows: Vec::new(),
            first: None,
            timeouts: Recent::default(),
            timeouts_ever: 0,
            throttled: Recent::default(),
            load: OwnLoad::default(),
        }
    }

    /// Applies a scheduled probe; exactly one for each tick of each series (G8).
    ///
    /// Its timeout is not counted here: the attempt behind it is the same event and is counted by [`Latency::call`].
    pub fn probe(&mut self, sample: &ProbeSample) {
        let at = sample.tick + self.slept;
        match sample.series {
            ProbeSeries::Work => self.work.push(at, sample.outcome),
            ProbeSeries::Ping => self.ping.push(at, sample.outcome),
        }
    }

    /// Applies the start, the progress or the end of a request.
    pub fn call(&mut self, event: &CallEvent, now: Mono) {
        let clock = now + self.slept;
        match event {
            CallEvent::Started { id, kind, page, attempt, at, limit } => {
                self.calls.started(RunningCall {
                    id: *id,
                    kind: *kind,
                    page: *page,
                    attempt: *attempt,
                    at: *at,
                    limit: *limit,
                    bytes: 0,
                });
                self.load.request(clock);
            }
            CallEvent::Progress { id, bytes } => {
                let news = self.calls.progress(*id, *bytes);
                self.load.bytes(clock, news);
            }
            CallEvent::Finished(attempt) => self.finished(attempt, clock),
            CallEvent::Decoded { id, kind, took } => {
                if let Some(window) = self.windows.iter_mut().find(|window| window.kind() == *kind) {
                    window.decoded(*id, *took);
                }
            }
        }
    }

    /// Counts bytes that were received on a watch.
    pub fn watched(&mut self, bytes: u64, now: Mono) {
        self.load.bytes(now + self.slept, bytes);
    }

    /// Applies a sleep of the machine for `gap`, in which the monotonic clock stood still.
    pub fn slept(&mut self, gap: Duration) {
        self.slept = self.slept.saturating_add(gap);
    }

    /// Drops calls whose end was never reported, half a minute after their deadline.
    pub fn tick(&mut self, now: Mono) {
        self.calls.drop_orphans(now);
        let clock = now + self.slept;
        self.timeouts.expire(clock, self.settings.timeouts_window);
        self.throttled.expire(clock, self.settings.timeouts_window);
    }

    /// The numbers of the strip.
    #[must_use]
    pub fn summary(&self, now: Mono) -> LatencySummary {
        let clock = now + self.slept;
        let sorted = self.work.sorted(clock, self.settings.latency_window);
        let (samples, lost) = self.work.counts(clock, self.settings.latency_window);
        LatencySummary {
            samples,
            p50: nearest_rank(&sorted, 50),
            p95: nearest_rank(&sorted, 95),
            last: self.work.last(clock, self.settings.latency_window),
            max: sorted.last().copied(),
            lost,
            timeouts: self.timeouts_in_window(now),
            timeouts_ever: self.timeouts_ever,
        }
    }

    /// The sparkline: one mark per tick of the work probe, newest last, exactly `columns` of them.
    ///
    /// A tick without a sample is blank; so are ticks that are overdue (no sample for longer than period and deadline).
    #[must_use]
    pub fn marks(&self, columns: usize, now: Mono) -> Vec<SparkMark> {
        self.work.marks(columns, now + self.slept)
    }

    /// Outcomes of the last `count` API probes, newest first; fewer if the window has fewer.
    #[must_use]
    pub fn last_probes(&self, count: usize, now: Mono) -> Vec<ProbeOutcome> {
        let clock = now + self.slept;
        let fresh = self.settings.latency_window;
        let newest = self.work.newest().take_while(|(tick, _)| clock.since(*tick) <= fresh);
        newest.take(count).map(|(_, outcome)| outcome).collect()
    }

    /// The newest work probe and the newest ping, each with the time since its tick, unless it is older than the window.
    #[must_use]
    pub fn newest_probes(&self, now: Mono) -> [Option<(Duration, ProbeOutcome)>; 2] {
        let clock = now + self.slept;
        [&self.work, &self.ping].map(|samples| {
            let newest = samples.newest().next().map(|(tick, outcome)| (clock.since(tick), outcome));
            newest.filter(|(since, _)| *since <= self.settings.latency_window)
        })
    }

    /// A percentile of the work probes of the last `span`, and the number of these probes.
    #[must_use]
    pub fn probe_percentile(&self, percent: usize, span: Duration, now: Mono) -> (Option<Percentile>, usize) {
        let sorted = self.work.sorted(now + self.slept, span);
        (nearest_rank(&sorted, percent), sorted.len())
    }

    /// Marks like [`Latency::marks`] for the ping series.
    #[must_use]
    pub fn ping_marks(&self, columns: usize, now: Mono) -> Vec<SparkMark> {
        self.ping.marks(columns, now + self.slept)
    }

    /// Statistics of each kind of call that was made, in no particular order.
    pub fn calls(&self) -> impl Iterator<Item = (CallKind, &CallStats)> {
        self.calls.stats()
    }

    /// The last calls of each kind that was made, the ping last.
    #[must_use]
    pub fn kinds(&self, now: Mono) -> Vec<KindStats> {
        let clock = now + self.slept;
        let ping = self.windows.iter().find(|window| window.kind() == CallKind::Ping);
        let ping = ping.and_then(|ping| ping.p50(clock));
        let first = self.first.unwrap_or(clock);
        let mut kinds: Vec<_> = self.windows.iter().map(|window| window.stats(clock, first, ping)).collect();
        // A diagnosis ends with the first green minute of its calls, or of the probe if there were no calls.
        let work = self.windows.iter().find(|window| window.kind() == CallKind::Work);
        let green = work.is_some_and(|work| work.is_green(clock) == Some(true));
        for (stats, window) in kinds.iter_mut().zip(&self.windows) {
            stats.verdict = stats.verdict.filter(|_| !window.is_green(clock).unwrap_or(green));
        }
        // Calls that prove that lists work come first, and those that only prove that the server is up last.
        kinds.sort_by_key(|stats| (stats.kind == CallKind::Ping, stats.kind));
        kinds
    }

    /// Verdict on slow calls: that of the probe, else of the first kind of call with one.
    #[must_use]
    pub fn verdict(&self, now: Mono) -> Option<Verdict> {
        self.kinds(now).into_iter().find_map(|stats| stats.verdict)
    }

    /// Requests in flight, oldest first.
    pub fn running(&self) -> impl Iterator<Item = &RunningCall> {
        self.calls.running()
    }

    /// Requests made so far, finished or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.calls.requests()
    }

    /// Requests and bytes per second over the last minute.
    #[must_use]
    pub fn load(&self, now: Mono) -> (f64, f64) {
        self.load.per_second(now + self.slept)
    }

    /// Timeouts of all calls in the timeout window.
    #[must_use]
    pub fn timeouts_in_window(&self, now: Mono) -> u32 {
        self.timeouts.count(now + self.slept, self.settings.timeouts_window)
    }

    /// Timeouts of all calls within the last `span`, if that is no longer than the timeout window.
    #[must_use]
    pub fn timeouts_within(&self, span: Duration, now: Mono) -> u32 {
        self.timeouts.count(now + self.slept, span.min(self.settings.timeouts_window))
    }

    /// Timeouts since the start.
    #[must_use]
    pub fn timeouts_ever(&self) -> u64 {
        self.timeouts_ever
    }

    /// Time since the last timeout; `None` if none is kept.
    #[must_use]
    pub fn since_timeout(&self, now: Mono) -> Option<Duration> {
        self.timeouts.since(now + self.slept)
    }

    /// The kind of call that timed out most often in the window.
    #[must_use]
    pub fn most_timeouts(&self, now: Mono) -> Option<(CallKind, u32)> {
        self.timeouts.most(now + self.slept, self.settings.timeouts_window)
    }

    /// Answers 429 within the last `span`.
    #[must_use]
    pub fn throttled_within(&self, span: Duration, now: Mono) -> u32 {
        self.throttled.count(now + self.slept, span)
    }

    fn finished(&mut self, attempt: &Attempt, clock: Mono) {
        let (known, news) = self.calls.finished(attempt);
        if !known {
            self.load.request(clock);
        }
        // The bytes of a watch are reported as they arrive (`ClusterEvent::Alive`).
        if !attempt.kind.is_watch() {
            self.load.bytes(clock, news);
        }
        if attempt.end != CallEnd::Cancelled {
            self.first.get_or_insert(clock);
            let index = self.windows.iter().position(|window| window.kind() == attempt.kind).unwrap_or_else(|| {
                self.windows.push(Window::new(attempt.kind));
                self.windows.len() - 1
            });
            self.windows[index].push(attempt, clock);
        }
        if attempt.kind.is_optional() {
            return;
        }
        if is_timeout(attempt) {
            self.timeouts.push(clock, attempt.kind);
            self.timeouts_ever += 1;
        }
        if attempt.status == Some(429) {
            self.throttled.push(clock, attempt.kind);
        }
    }
}

/// Returns `true` if a local deadline passed, or the server reported that its own did (504).
#[must_use]
pub fn is_timeout(attempt: &Attempt) -> bool {
    attempt.end == CallEnd::TimedOut || attempt.status == Some(504)
}

/// Returns `true` if a call measures the API's latency. An error that came back sooner does not, nor does a 504 before any
/// deadline that watchbell sets (whole seconds): "at least 0.4 ms" would make the percentiles look fast.
fn is_sample(attempt: &Attempt) -> bool {
    match (attempt.end, attempt.status) {
        (CallEnd::TimedOut, _) => true,
        (CallEnd::Complete, Some(504)) => attempt.total >= LEAST_DEADLINE,
        (CallEnd::Complete, Some(code)) => code < 400,
        _ => false,
    }
}

/// Name of a kind of call in a text: `pods list`, `nodes watch`, `probe`.
#[must_use]
pub fn call_name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Ping => "ping",
        CallKind::Work => "probe",
        CallKind::List(resource) => resource.api().calls[0],
        CallKind::Watch(resource) => resource.api().calls[1],
        CallKind::Usage => "usage",
        CallKind::Get => "get",
        CallKind::Detail(DetailPart::Object) => "object fetch",
        CallKind::DetailWatch(DetailPart::Object) => "object watch",
        CallKind::Detail(DetailPart::Events) => "events list",
        CallKind::DetailWatch(DetailPart::Events) => "events watch",
        CallKind::Query(kind) => kind.call_name(),
        CallKind::QueueTable => "queues table",
    }
}

/// Title of a request in a text: `pods list page 3`.
#[must_use]
pub fn call_title(kind: CallKind, page: Option<u32>) -> String {
    match page {
        Some(page) => format!("{} page {page}", call_name(kind)),
        None => call_name(kind).to_owned(),
    }
}

/// The percentile of ascending samples by nearest rank: the smallest one that `percent` of all do not exceed.
fn nearest_rank(sorted: &[Percentile], percent: usize) -> Option<Percentile> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests;
