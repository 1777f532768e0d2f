//! What we know about the way to the server: who it is, when it last answered, what failed last.

use std::collections::VecDeque;

use crate::facts::text::Clean;
use crate::msg::{Attempt, CallEvent, CallKind, End, Failure, Layer, Mono, Now, PageLimits, ProbeOutcome, ProbeSample};

mod cuts;

use cuts::Cuts;

/// Failures kept for the report and the screens; the oldest give way.
const FAILURES: usize = 20;

/// Failures kept one by one, with their times and Audit-Ids, for the API view.
const LOG: usize = 50;

/// The way to a server.
#[derive(Debug, Default)]
pub(in crate::model) struct Link {
    pub(in crate::model) server: Option<Clean>,
    pub(in crate::model) insecure: bool,
    pub(in crate::model) version: Option<Clean>,
    pub(in crate::model) skew_ms: Option<i64>,
    /// When the machine last woke up.
    pub(in crate::model) resumed: Option<Mono>,
    /// The first news of this cluster: from then on silence means something.
    pub(in crate::model) begun: Option<Now>,
    /// The last time that the server, or something in front of it, answered anything.
    pub(in crate::model) answered: Option<Now>,
    /// No client can be made, and has not been since.
    pub(in crate::model) unusable: bool,
    /// 401 was the last word on our credentials.
    pub(in crate::model) rejected: Option<Now>,
    /// One for each resource that was listed.
    pub(in crate::model) limits: Vec<PageLimits>,
    failures: VecDeque<Failure>,
    log: VecDeque<Failure>,
    /// The watches that were cut within the last minute.
    cuts: Cuts,
}

impl Link {
    pub(super) fn begun(&mut self, now: Now) {
        self.begun.get_or_insert(now);
    }

    pub(super) fn answered(&mut self, now: Now) {
        self.unusable = false;
        self.answered = Some(now);
    }

    /// A probe that was answered with an error was answered.
    pub(super) fn probe(&mut self, sample: &ProbeSample, now: Now) {
        let answered = match sample.outcome {
            ProbeOutcome::Answered { .. } => true,
            ProbeOutcome::TimedOut { .. } => false,
            ProbeOutcome::Failed { layer, .. } => is_answer(layer),
        };
        if answered {
            self.answered(now);
        }
    }

    pub(super) fn call(&mut self, event: &CallEvent, now: Now) {
        match event {
            CallEvent::Started { .. } | CallEvent::Decoded { .. } => {}
            CallEvent::Progress { .. } => self.answered(now),
            CallEvent::Finished(attempt) => self.finished(attempt, now),
        }
    }

    pub(super) fn failed(&mut self, failure: Failure, now: Mono) {
        let Some(grouped) = self.cuts.failed(&failure, now) else {
            self.note(failure);
            return;
        };
        for known in [&mut self.failures, &mut self.log] {
            known.retain(|known| !self.cuts.covers(known));
        }
        self.note(grouped);
    }

    fn note(&mut self, failure: Failure) {
        if self.log.len() == LOG {
            self.log.pop_back();
        }
        self.log.push_front(failure.clone());
        if failure.layer == Layer::Warning {
            return;
        }
        // The same failure of the same request again replaces the last one: twenty different ones tell more.
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

    pub(super) fn limited(&mut self, limits: PageLimits) {
        self.limits.retain(|known| known.resource != limits.resource);
        self.limits.push(limits);
    }

    pub(super) fn restarted(&mut self, text: Clean, now: Now) {
        self.note(Failure {
            at: now.wall,
            layer: Layer::Internal,
            request: Clean::new("task"),
            code: None,
            text,
            attempt: 1,
            next_in: None,
            previous: None,
            audit_id: None,
            retry_after: None,
            timeout: false,
        });
    }

    /// Newest first.
    pub(super) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter()
    }

    /// The last ones, each by itself, newest first.
    pub(super) fn log(&self) -> impl Iterator<Item = &Failure> {
        self.log.iter()
    }

    /// A request that ran while we were stopped or asleep says nothing of the server's speed: it counts as one that we gave up.
    pub(super) fn unless_stopped(&self, call: CallEvent) -> CallEvent {
        match call {
            CallEvent::Finished(mut attempt) if self.resumed.is_some_and(|resumed| attempt.at < resumed) => {
                attempt.end = End::Cancelled;
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
            for known in [&mut self.failures, &mut self.log] {
                // The newest group is the one that is still open.
                if let Some(failure) = known.iter_mut().find(of_group) {
                    failure.text = text.clone();
                }
            }
        }
        // `/livez` is open to everybody and says nothing about credentials.
        match status {
            401 => self.rejected = self.rejected.or(Some(now)),
            200..300 if attempt.kind != CallKind::Ping && attempt.end == End::Complete => self.rejected = None,
            _ => {}
        }
    }
}

/// Layers at which somebody answered.
pub(super) fn is_answer(layer: Layer) -> bool {
    use Layer::{Auth, Body, Decode, Rbac, Server, ServerTimeout, Throttled, Watch};
    matches!(layer, Auth | Rbac | Throttled | Server | ServerTimeout | Body | Decode | Watch)
}
