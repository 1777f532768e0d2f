//! Requests in flight, and statistics of finished requests.

use std::time::Duration;

use super::{Histogram, is_sample, is_timeout};
use crate::msg::{Attempt, CallEnd, CallId, CallKind, Mono};

/// Maximum number of requests in flight that are kept. A cluster has a handful; more means that ends were lost.
const MOST_RUNNING: usize = 64;
/// Time after its deadline at which a request without a reported end is dropped. The end is reported by the deadline unless the
/// task is gone, and the call must not look slow for ever.
pub(super) const ORPHAN_AFTER: Duration = Duration::from_secs(30);

/// A request in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningCall {
    /// Which.
    pub id: CallId,
    /// Kind of the call.
    pub kind: CallKind,
    /// Page number of a list.
    pub page: Option<u32>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Time at which it began.
    pub at: Mono,
    /// Deadline of the whole request.
    pub limit: Duration,
    /// Body bytes so far, as sent (compressed).
    pub bytes: u64,
}

/// Figures of the finished requests of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Durations; those of timeouts as lower bounds. Earlier failures have none.
    pub durations: Histogram,
    /// Times to the first byte of received answers.
    pub first_bytes: Histogram,
    /// The longest so far.
    pub max: Duration,
    /// Requests that ended, except those that watchbell cancelled.
    pub finished: u64,
    /// Of these: a local or a server's deadline passed.
    pub timeouts: u64,
    /// Of these: no answer, a cut answer, or a status of 400 and more; timeouts included.
    pub errors: u64,
    /// Body bytes as sent.
    pub bytes: u64,
}

/// All requests of a cluster.
#[derive(Debug, Default)]
pub(super) struct Calls {
    running: Vec<RunningCall>,
    stats: Vec<(CallKind, CallStats)>,
    requests: u64,
}

impl Calls {
    pub(super) fn started(&mut self, call: RunningCall) {
        self.requests += 1;
        self.running.retain(|known| known.id != call.id);
        if self.running.len() == MOST_RUNNING {
            self.running.remove(0);
        }
        self.running.push(call);
    }

    /// Records the bytes so far; returns the number of new ones.
    pub(super) fn progress(&mut self, id: CallId, bytes: u64) -> u64 {
        let Some(call) = self.running.iter_mut().find(|call| call.id == id) else { return 0 };
        let news = bytes.saturating_sub(call.bytes);
        call.bytes = call.bytes.max(bytes);
        // The bytes of a watch are reported by its reader.
        if call.kind.is_watch() { 0 } else { news }
    }

    /// Applies the end of a request; returns `true` if its start was known, and the number of new bytes.
    pub(super) fn finished(&mut self, attempt: &Attempt) -> (bool, u64) {
        let index = self.running.iter().position(|call| call.id == attempt.id);
        let before = index.map(|at| self.running.remove(at).bytes);
        if before.is_none() {
            self.requests += 1;
        }
        if attempt.end != CallEnd::Cancelled {
            self.stats_of(attempt.kind).record(attempt);
        }
        (before.is_some(), attempt.bytes.saturating_sub(before.unwrap_or(0)))
    }

    pub(super) fn drop_orphans(&mut self, now: Mono) {
        self.running.retain(|call| now.since(call.at) <= call.limit + ORPHAN_AFTER);
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &RunningCall> {
        self.running.iter()
    }

    pub(super) fn stats(&self) -> impl Iterator<Item = (CallKind, &CallStats)> {
        self.stats.iter().map(|(kind, stats)| (*kind, stats))
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    fn stats_of(&mut self, kind: CallKind) -> &mut CallStats {
        let index = self.stats.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.stats.push((kind, CallStats::default()));
            self.stats.len() - 1
        });
        &mut self.stats[index].1
    }
}

impl CallStats {
    fn record(&mut self, attempt: &Attempt) {
        let timeout = is_timeout(attempt);
        self.finished += 1;
        self.timeouts += u64::from(timeout);
        self.errors += u64::from(attempt.end != CallEnd::Complete || attempt.status.is_none_or(|code| code >= 400));
        self.bytes = self.bytes.saturating_add(attempt.bytes);
        self.max = self.max.max(attempt.total);
        if is_sample(attempt) {
            self.durations.record(attempt.total, timeout);
        }
        if let Some(first_byte) = attempt.first_byte {
            self.first_bytes.record(first_byte, false);
        }
    }
}
