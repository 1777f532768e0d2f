//! The last calls of one kind: figures for the API view, and shares of their time.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::{Percentile, is_sample, is_timeout, nearest_rank};
use crate::msg::{Attempt, CallEnd, CallId, CallKind, Mono, NoConnection};

/// 10 min: time that the API view covers.
pub const API_WINDOW: Duration = Duration::from_secs(600);
/// Maximum number of calls of one kind that are kept; ten minutes of probes are 120. A long list may have more; then
/// `KindStats::more` is set.
const MAX_SAMPLES: usize = 256;
/// Minimum number of samples for a p99; with fewer it would be the maximum (docs/latency-and-alerts.md).
const P99_FROM: usize = 100;
/// 1 s: p95 from which a call for one object has a verdict, the SLO.
const SLOW: Duration = Duration::from_secs(1);
/// 5 s: p95 from which a page of a list has a verdict, half of the default limit of the alert.
const SLOW_LIST: Duration = Duration::from_secs(5);
/// 1 min: time with only good calls that ends a verdict (docs/latency-and-alerts.md).
const GREEN_PERIOD: Duration = Duration::from_secs(60);
/// Bytes of a call from which its body is large…
const LARGE_BODY: u64 = 1 << 20;
/// …if it arrives at this rate or faster, in bytes per second; otherwise the network is slow.
const FAST_BODY: f64 = 1e6;

/// Class of an error of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// No first byte within the deadline.
    FirstByteTimeout,
    /// The answer was not complete within its deadline.
    BodyTimeout,
    /// The answer was cut off.
    Cut,
    /// The connection was reset or closed before an answer.
    NoAnswer,
    /// The answer is not HTTP.
    NotHttp,
    /// No connection could be made.
    NoConnection(NoConnection),
    /// The status is 400 or higher.
    Status(u16),
}

impl ErrorClass {
    /// The class in words, or the code of a status.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::FirstByteTimeout => "first byte timeout",
            Self::BodyTimeout => "body timeout",
            Self::Cut => "cut",
            Self::NoAnswer => "no answer",
            Self::NotHttp => "not HTTP",
            Self::NoConnection(NoConnection::Refused) => "connection refused",
            Self::NoConnection(NoConnection::Unreachable) => "no route",
            Self::NoConnection(NoConnection::TimedOut) => "connect timeout",
            Self::NoConnection(NoConnection::Dns) => "name not resolved",
            Self::NoConnection(NoConnection::Proxy) => "proxy failed",
            Self::NoConnection(NoConnection::Tls) => "TLS failed",
            Self::NoConnection(NoConnection::Other) => "no connection",
            Self::Status(code) => return Cow::Owned(code.to_string()),
        })
    }
}

/// A finished call.
#[derive(Clone, Copy, Debug)]
struct Sample {
    id: CallId,
    at: Mono,
    total: Duration,
    connect: Duration,
    first_byte: Option<Duration>,
    decode: Duration,
    bytes: u64,
    timeout: bool,
    /// `true` if it counts as a latency sample of the API.
    measures: bool,
    class: Option<ErrorClass>,
}

/// The last calls of one kind.
#[derive(Debug)]
pub(super) struct Window {
    kind: CallKind,
    ring: VecDeque<Sample>,
    lost: bool,
}

/// Figures of one kind of call for the API view: the calls that ended within [`API_WINDOW`].
#[derive(Clone, Debug, PartialEq)]
pub struct KindStats {
    /// The kind.
    pub kind: CallKind,
    /// Calls that ended.
    pub count: usize,
    /// `true` if there were more calls than are kept: the window is shorter for this kind.
    pub more: bool,
    /// Calls per second.
    pub rate: f64,
    /// Median; timeouts count as at least their limit, earlier failures do not count.
    pub p50: Option<Percentile>,
    /// 95th percentile.
    pub p95: Option<Percentile>,
    /// 99th percentile; `None` below 100 samples.
    pub p99: Option<Percentile>,
    /// Maximum.
    pub max: Option<Percentile>,
    /// Number of deadlines, of watchbell or of the server, that passed.
    pub timeouts: usize,
    /// Errors by class with their counts, most frequent first.
    pub errors: Vec<(ErrorClass, usize)>,
    /// Body bytes as sent.
    pub bytes: u64,
    /// Shares of the time; `None` if no time was spent.
    pub shares: Option<Shares>,
    /// Cause, if the calls are slow.
    pub verdict: Option<Verdict>,
}

/// Shares of the time of calls, in per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// DNS, TCP and TLS: the network.
    pub connect: u8,
    /// Waiting for the first byte: the server, its queues, its storage.
    pub first_byte: u8,
    /// Reading the answer.
    pub body: u8,
    /// Decoding, on this machine.
    pub decode: u8,
}

/// Cause of slow calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The server refuses most of them: 429.
    Throttled,
    /// Connecting takes most of the time.
    Connect,
    /// Waiting for the first byte takes most of it, and the ping is fast.
    Queue,
    /// Waiting for the first byte takes most of it, and the ping is slow too.
    Everything,
    /// Reading the answer takes most of it, and the answer is large.
    BigAnswer,
    /// Reading the answer takes most of it, although the answer is small.
    SlowBody,
    /// Decoding takes most of it: this machine is busy.
    Decode,
}

impl Window {
    pub(super) fn new(kind: CallKind) -> Self {
        Self { kind, ring: VecDeque::new(), lost: false }
    }

    pub(super) fn kind(&self) -> CallKind {
        self.kind
    }

    pub(super) fn push(&mut self, attempt: &Attempt, at: Mono) {
        if self.ring.len() == MAX_SAMPLES {
            self.ring.pop_front();
            self.lost = true;
        }
        self.ring.push_back(Sample {
            id: attempt.id,
            at,
            total: attempt.total,
            connect: match attempt.end {
                CallEnd::NotConnected(_) => attempt.total,
                _ => attempt.connect.unwrap_or_default(),
            },
            first_byte: attempt.first_byte,
            decode: Duration::ZERO,
            bytes: attempt.bytes,
            timeout: is_timeout(attempt),
            measures: is_sample(attempt),
            class: class(attempt),
        });
    }

    /// Records the time of decoding the answer of a call that has ended.
    pub(super) fn decoded(&mut self, id: CallId, took: Duration) {
        // The end of the call was recorded just before.
        if let Some(sample) = self.ring.iter_mut().rev().find(|sample| sample.id == id) {
            sample.decode = took;
        }
    }

    /// The median, for comparing kinds.
    pub(super) fn p50(&self, now: Mono) -> Option<Duration> {
        nearest_rank(&sorted(self.within(now)), 50).map(|p50| p50.value)
    }

    /// Figures as of now; `ping` is the median of the reachability probe, `first` the time of the first call of any kind.
    pub(super) fn stats(&self, now: Mono, first: Mono, ping: Option<Duration>) -> KindStats {
        let samples: Vec<&Sample> = self.within(now).collect();
        let times = sorted(samples.iter().copied());
        let oldest = samples.first().map_or(now, |sample| sample.at);
        // The ring has only younger calls: the window begins with the oldest of them.
        let more = self.lost && samples.len() == MAX_SAMPLES;
        let span = if more { now.since(oldest) } else { now.since(first).min(API_WINDOW) };
        let bytes = samples.iter().fold(0_u64, |sum, sample| sum.saturating_add(sample.bytes));
        let p95 = nearest_rank(&times, 95);
        let spent = Spent::new(&samples);
        let errors = errors(&samples);
        KindStats {
            kind: self.kind,
            count: samples.len(),
            more,
            rate: rate(samples.len(), span),
            p50: nearest_rank(&times, 50),
            p95,
            p99: nearest_rank(&times, 99).filter(|_| times.len() >= P99_FROM),
            max: times.last().copied(),
            timeouts: samples.iter().filter(|sample| sample.timeout).count(),
            bytes,
            shares: spent.shares(),
            verdict: self.verdict(p95, ping, &errors, &spent, samples.len()),
            errors,
        }
    }

    /// Returns `true` if no call was slow, cut off or refused in the last minute; `None` if none ended in it.
    pub(super) fn is_green(&self, now: Mono) -> Option<bool> {
        let recent: Vec<&Sample> = self.ring.iter().filter(|sample| now.since(sample.at) <= GREEN_PERIOD).collect();
        let limit = self.limit();
        let good = |sample: &&Sample| {
            sample.class.is_none() && !sample.timeout && sample.total <= limit && sample.decode <= limit
        };
        (!recent.is_empty()).then(|| recent.iter().all(good))
    }

    /// Time that a call of this kind may take.
    fn limit(&self) -> Duration {
        if matches!(self.kind, CallKind::List(_)) { SLOW_LIST } else { SLOW }
    }

    fn verdict(
        &self,
        p95: Option<Percentile>,
        ping: Option<Duration>,
        errors: &[(ErrorClass, usize)],
        spent: &Spent,
        count: usize,
    ) -> Option<Verdict> {
        let refused = errors.iter().find(|(class, _)| *class == ErrorClass::Status(429)).map_or(0, |(_, count)| *count);
        if refused * 2 > count {
            return Some(Verdict::Throttled);
        }
        let limit = self.limit();
        let shares = spent.shares()?;
        // Decoding happens after the answer has arrived, and is not part of the time of the call.
        if shares.decode > 50 && spent.decode > limit * u32::try_from(count).unwrap_or(u32::MAX) {
            return Some(Verdict::Decode);
        }
        if p95?.value <= limit {
            return None;
        }
        Some(if shares.connect > 50 {
            Verdict::Connect
        } else if shares.body > 50 {
            let each = spent.bytes / count.max(1) as u64;
            if each >= LARGE_BODY && spent.body_rate() >= FAST_BODY { Verdict::BigAnswer } else { Verdict::SlowBody }
        } else if shares.first_byte > 50 {
            if ping.is_some_and(|ping| ping > SLOW / 2) { Verdict::Everything } else { Verdict::Queue }
        } else {
            return None;
        })
    }

    fn within(&self, now: Mono) -> impl Iterator<Item = &Sample> {
        self.ring.iter().filter(move |sample| now.since(sample.at) <= API_WINDOW)
    }
}

/// Sums of the time of calls by phase, and of bytes.
struct Spent {
    connect: Duration,
    first_byte: Duration,
    body: Duration,
    decode: Duration,
    bytes: u64,
}

impl Spent {
    fn new(samples: &[&Sample]) -> Self {
        let zero = Duration::ZERO;
        let mut spent = Self { connect: zero, first_byte: zero, body: zero, decode: zero, bytes: 0 };
        for sample in samples {
            let connect = sample.connect.min(sample.total);
            // A call without a first byte waited for it until the end.
            let first_byte = sample.first_byte.unwrap_or(sample.total).clamp(connect, sample.total);
            spent.connect += connect;
            spent.first_byte += first_byte.saturating_sub(connect);
            spent.body += sample.total.saturating_sub(first_byte);
            spent.decode += sample.decode;
            spent.bytes = spent.bytes.saturating_add(sample.bytes);
        }
        spent
    }

    fn shares(&self) -> Option<Shares> {
        let parts = [self.connect, self.first_byte, self.body, self.decode].map(|part| part.as_micros());
        let all: u128 = parts.iter().sum();
        let part = |part: u128| u8::try_from((part * 200 + all) / (2 * all)).unwrap_or(100);
        let [connect, first_byte, body, decode] = parts.map(|value| if all > 0 { part(value) } else { 0 });
        (all > 0).then_some(Shares { connect, first_byte, body, decode })
    }

    fn body_rate(&self) -> f64 {
        let seconds = self.body.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let bytes = self.bytes as f64;
        if seconds > 0.0 { bytes / seconds } else { f64::INFINITY }
    }
}

/// Latencies, ascending; lower bounds after equal exact values. Earlier failures are left out.
fn sorted<'a>(samples: impl Iterator<Item = &'a Sample>) -> Vec<Percentile> {
    let counts = samples.filter(|sample| sample.measures);
    let mut times: Vec<_> = counts.map(|sample| Percentile { value: sample.total, at_least: sample.timeout }).collect();
    times.sort_unstable();
    times
}

fn errors(samples: &[&Sample]) -> Vec<(ErrorClass, usize)> {
    let mut errors: Vec<(ErrorClass, usize)> = Vec::new();
    for class in samples.iter().filter_map(|sample| sample.class) {
        match errors.iter_mut().find(|(known, _)| *known == class) {
            Some((_, count)) => *count += 1,
            None => errors.push((class, 1)),
        }
    }
    errors.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), *class));
    errors
}

fn rate(count: usize, span: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    let count = count as f64;
    count / span.as_secs_f64().max(1.0)
}

fn class(attempt: &Attempt) -> Option<ErrorClass> {
    match (attempt.end, attempt.first_byte, attempt.status) {
        (CallEnd::TimedOut, None, _) => Some(ErrorClass::FirstByteTimeout),
        (CallEnd::TimedOut, Some(_), _) => Some(ErrorClass::BodyTimeout),
        (CallEnd::Broken, ..) => Some(ErrorClass::Cut),
        (CallEnd::NoResponse, ..) => Some(ErrorClass::NoAnswer),
        (CallEnd::NotHttp, ..) => Some(ErrorClass::NotHttp),
        (CallEnd::NotConnected(why), ..) => Some(ErrorClass::NoConnection(why)),
        (_, _, Some(status @ 400..)) => Some(ErrorClass::Status(status)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
