//! State of the server by the evidence of calls and probes: its identity, its last answer, its last failures.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::facts::text::Clean;
use crate::msg::{
    Attempt, CallEnd, CallEvent, CallKind, Failure, Layer, Mono, Now, PageLimits, ProbeOutcome, ProbeSample, Resource,
};

mod cuts;
pub(in crate::model) mod health;

use cuts::Cuts;

/// A skew below this is the resolution of the `Date` header (±1 s), not a wrong clock.
const SKEW_COUNTS_FROM_MS: i64 = 2_000;
/// Maximum number of distinct failures kept for the report and the screens; the oldest are dropped.
const FAILURES: usize = 20;

/// Failures kept one by one, with their times and Audit-Ids, for the API view.
const LOG: usize = 50;

/// State of the server, and of the connection to it.
#[derive(Debug, Default)]
pub struct ServerState {
    pub(in crate::model) server: Option<Clean>,
    pub(in crate::model) insecure: bool,
    pub(in crate::model) version: Option<Clean>,
    pub(in crate::model) skew_ms: Option<i64>,
    /// Time of the last wake-up of the machine, or of the program.
    pub(in crate::model) resumed: Option<Mono>,
    /// Time of the first event of this cluster, from which silence counts.
    pub(in crate::model) begun: Option<Now>,
    /// Time of the last answer of the server, or of something in front of it.
    pub(in crate::model) answered: Option<Now>,
    /// Last second in which the server was silent: probes that began before it prove only that.
    pub(in crate::model) silent_at: Option<Mono>,
    /// `true` if no client could be made from the kubeconfig, and nothing has answered since.
    pub(in crate::model) unusable: bool,
    /// Time of the first 401, if no request was accepted since.
    pub(in crate::model) rejected: Option<Now>,
    /// Limits of the last page of each listed resource.
    pub(in crate::model) limits: Vec<PageLimits>,
    failures: VecDeque<Failure>,
    log: VecDeque<LoggedFailure>,
    /// Failures so far: each has a number of its own.
    noted: u64,
    /// The watches that were cut within the last minute.
    cuts: Cuts,
}

/// A failure with a unique number.
#[derive(Debug)]
pub struct LoggedFailure {
    /// Grows from failure to failure.
    pub number: u64,
    /// The failure.
    pub failure: Failure,
}

impl ServerState {
    /// URL of the server, once its task has reported it.
    #[must_use]
    pub fn url(&self) -> Option<&Clean> {
        self.server.as_ref()
    }

    /// The local clock minus the server's in milliseconds; `None` without a `Date` header so far.
    #[must_use]
    pub fn skew_ms(&self) -> Option<i64> {
        self.skew_ms
    }

    /// Limits that the last page of `resource` was requested with, if one was.
    #[must_use]
    pub fn page_limits(&self, resource: Resource) -> Option<&PageLimits> {
        self.limits.iter().find(|limits| limits.resource == resource)
    }

    /// The current time by the server's clock (F66).
    #[must_use]
    pub fn now(&self, now: Now) -> Timestamp {
        match self.skew_ms {
            Some(skew) if skew.abs() >= SKEW_COUNTS_FROM_MS => {
                now.wall.checked_sub(SignedDuration::from_millis(skew)).unwrap_or(now.wall)
            }
            _ => now.wall,
        }
    }

    /// Time since the first request, if nothing has ever been answered.
    #[must_use]
    pub fn unheard(&self, now: Now) -> Option<Duration> {
        if self.answered.is_some() { None } else { self.begun.map(|begun| now.mono.since(begun.mono)) }
    }

    pub(in crate::model) fn begun(&mut self, now: Now) {
        self.begun.get_or_insert(now);
    }

    pub(in crate::model) fn answered(&mut self, now: Now) {
        self.unusable = false;
        self.answered = Some(now);
    }

    /// Applies a probe; one that was answered with an error counts as answered.
    pub(in crate::model) fn probe(&mut self, sample: &ProbeSample, now: Now) {
        let answered = match sample.outcome {
            ProbeOutcome::Answered { .. } => true,
            ProbeOutcome::TimedOut { .. } => false,
            ProbeOutcome::Failed { layer, .. } => is_answer(layer),
        };
        if answered {
            self.answered(now);
        }
    }

    pub(in crate::model) fn call(&mut self, event: &CallEvent, now: Now) {
        match event {
            CallEvent::Started { .. } | CallEvent::Decoded { .. } => {}
            CallEvent::Progress { .. } => self.answered(now),
            CallEvent::Finished(attempt) => self.finished(attempt, now),
        }
    }

    pub(in crate::model) fn failed(&mut self, failure: Failure, now: Mono) {
        let Some(grouped) = self.cuts.record_failure(&failure, now) else {
            self.note(failure);
            return;
        };
        self.failures.retain(|known| !self.cuts.covers(known));
        self.log.retain(|known| !self.cuts.covers(&known.failure));
        self.note(grouped);
    }

    fn note(&mut self, failure: Failure) {
        if self.log.len() == LOG {
            self.log.pop_back();
        }
        self.noted += 1;
        self.log.push_front(LoggedFailure { number: self.noted, failure: failure.clone() });
        if failure.layer == Layer::Warning {
            return;
        }
        // A repeated failure of the same request replaces the last one: twenty different failures are more informative.
        let same = |known: &Failure| {
            known.request == failure.request && known.layer == failure.layer && known.text == failure.text
        };
        if let Some(at) = self.failures.iter().position(same) {
            self.failures.remove(at);
        } else if self.failures.len() == FAILURES {
            self.failures.pop_back();
        }
        self.failures.push_front(failure);
    }

    pub(in crate::model) fn limited(&mut self, limits: PageLimits) {
        self.limits.retain(|known| known.resource != limits.resource);
        self.limits.push(limits);
    }

    pub(in crate::model) fn restarted(&mut self, text: Clean, now: Now) {
        self.note(Failure::new(now.wall, Layer::Internal, Clean::new("task"), text));
    }

    /// The last distinct failures, newest first.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter()
    }

    /// The last 50 failures one by one, newest first; the same failure again is another one.
    pub fn log(&self) -> impl Iterator<Item = &Failure> {
        self.log.iter().map(|logged| &logged.failure)
    }

    /// The failure of this number, while it is one of the last 50.
    #[must_use]
    pub fn logged(&self, number: u64) -> Option<&LoggedFailure> {
        self.log.iter().find(|logged| logged.number == number)
    }

    /// Numbers of the last 50 failures, newest first.
    pub fn logged_numbers(&self) -> impl Iterator<Item = u64> {
        self.log.iter().map(|logged| logged.number)
    }

    /// Turns a request that ran while the program was stopped or asleep into a cancelled one, since it does not measure the server.
    pub(in crate::model) fn unless_stopped(&self, call: CallEvent) -> CallEvent {
        match call {
            CallEvent::Finished(mut attempt) if self.resumed.is_some_and(|resumed| attempt.at < resumed) => {
                attempt.end = CallEnd::Cancelled;
                CallEvent::Finished(attempt)
            }
            call => call,
        }
    }

    fn finished(&mut self, attempt: &Attempt, now: Now) {
        let Some(status) = attempt.status else { return };
        self.answered(now);
        if let (CallKind::Watch(resource), 200..300) = (attempt.kind, status)
            && let Some(text) = self.cuts.opened(resource, now.mono)
        {
            let of_group = |known: &&mut Failure| &*known.request == cuts::GROUP;
            // The newest group is the open one.
            let failure = self.failures.iter_mut().find(of_group);
            let logged = self.log.iter_mut().map(|logged| &mut logged.failure).find(of_group);
            for failure in failure.into_iter().chain(logged) {
                failure.text = text.clone();
            }
        }
        // `/livez` is open to everybody and proves nothing about credentials.
        match status {
            401 => self.rejected = self.rejected.or(Some(now)),
            200..300 if attempt.kind != CallKind::Ping && attempt.end == CallEnd::Complete => self.rejected = None,
            _ => {}
        }
    }
}

/// Returns `true` for layers at which a server answered.
pub(in crate::model) fn is_answer(layer: Layer) -> bool {
    use Layer::{Auth, Body, Decode, Rbac, Server, ServerTimeout, Throttled, Watch};
    matches!(layer, Auth | Rbac | Throttled | Server | ServerTimeout | Body | Decode | Watch)
}
