//! The list half: pages, retries in place, the outer backoff, polling.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{PageNews, PageRequest, Reflector, ReflectorEffect, Right, StepContext, wants_credentials};
use crate::cluster::classify::RequestError;
use crate::cluster::deadline::PageAttempt;
use crate::cluster::tuning::Between;
use crate::msg::{ClusterEvent, Failure, Layer, Mono, PageHead, SyncState};

mod failure;
mod wake;

/// Phase of the list.
#[derive(Debug)]
pub(super) enum ListPhase {
    /// Complete; the watch keeps it up to date.
    Idle,
    /// Before the next list.
    Waiting {
        /// Time of its start.
        until: Mono,
        /// Set if the failure is one that new credentials can cure.
        credentials: bool,
        /// Set if nothing has failed: lists are read in place of a watch.
        poll: bool,
    },
    /// Pages are being read.
    Running(ListRun),
    /// The list comes as a watch.
    Streamed {
        /// The longest allowed time without an event.
        idle: Duration,
    },
}

impl ListPhase {
    /// Shifts the attempts of the current page by a wait.
    pub(super) fn put_off(&mut self, wait: Duration) {
        if let Self::Running(run) = self {
            run.since = run.since + wait;
        }
    }
}

/// A list in progress.
#[derive(Debug)]
pub(super) struct ListRun {
    page: u32,
    token: Option<String>,
    /// Attempts in this round.
    attempt: u32,
    /// Failed attempts of this page before this round.
    failures: u32,
    /// Start of the first attempt of this page, or of this round of attempts.
    since: Mono,
    rest: Option<RetryWait>,
    gone: u32,
    version_probe: VersionProbe,
    /// Set if the last attempt of this page got no answer in time.
    unanswered: bool,
    /// Hashes of the continue tokens of this list: a repeated one would make it endless.
    tokens: HashSet<u64>,
}

/// Version probe, a list of one object between two pages: a watch that is lost while the list runs continues from its version.
#[derive(Clone, Copy, Debug, PartialEq)]
enum VersionProbe {
    /// The watch needs none.
    No,
    /// Replaces the next page from this time on.
    Wanted(Mono),
    /// In flight since then.
    Running(Mono),
}

impl ListRun {
    /// Attempts of this page in a row, over all rounds.
    fn attempts(&self) -> u32 {
        self.failures.saturating_add(self.attempt)
    }
}

/// The wait before the next attempt of a page.
#[derive(Clone, Copy, Debug)]
struct RetryWait {
    until: Mono,
    /// Set once the model knows about the wait.
    reported: bool,
    credentials: bool,
}

impl Reflector {
    pub(super) fn list_due(&self) -> Option<Mono> {
        match &self.list {
            ListPhase::Idle | ListPhase::Streamed { .. } => None,
            ListPhase::Waiting { until, .. } => Some(*until),
            ListPhase::Running(run) => run.rest.map(|rest| rest.until),
        }
    }

    pub(super) fn start_list(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.generation = self.generation.saturating_add(1);
        self.another_pass = false;
        self.skipped = false;
        let (resource, generation) = (self.resource, self.generation);
        fx.push(ReflectorEffect::Emit(ClusterEvent::ListStarted { resource, generation }));
        // Polls and the retries of a denied client are routine: the state stays until an answer changes it.
        if !matches!(self.sent_state, Some(SyncState::Polling { .. } | SyncState::Denied { .. })) {
            self.publish(SyncState::Listing, fx);
        }
        if moment.watch_list {
            self.stream_list(moment, fx);
            return;
        }
        let (since, failures) = (moment.now.mono, self.list_backoff.failures());
        let run = ListRun {
            page: 1,
            token: None,
            attempt: 1,
            failures,
            since,
            rest: None,
            gone: 0,
            version_probe: VersionProbe::No,
            unanswered: false,
            tokens: HashSet::new(),
        };
        self.fetch(moment, run, fx);
    }

    fn fetch(&mut self, moment: StepContext, mut run: ListRun, fx: &mut Vec<ReflectorEffect>) {
        run.rest = None;
        if let VersionProbe::Wanted(from) = run.version_probe
            && from <= moment.now.mono
        {
            run.version_probe = VersionProbe::Running(moment.now.mono);
            let limits = PageAttempt::new(&self.tuning, moment.page_deadline, self.tuning.page_budget);
            fx.push(ReflectorEffect::Fetch(PageRequest {
                page: PageRequest::VERSION_PROBE,
                attempt: 1,
                limit: 1,
                smaller: None,
                token: None,
                limits,
            }));
            self.list = ListPhase::Running(run);
            return;
        }
        let remaining = self.tuning.page_budget.saturating_sub(moment.now.mono.since(run.since));
        let limits = PageAttempt::new(&self.tuning, moment.page_deadline, remaining);
        fx.push(ReflectorEffect::Fetch(PageRequest {
            page: run.page,
            attempt: run.attempts(),
            limit: self.size.limit(),
            smaller: self.size.smaller(),
            token: run.token.clone(),
            limits: if run.unanswered { limits.ask_for_an_answer() } else { limits },
        }));
        self.list = ListPhase::Running(run);
    }

    pub(super) fn page(&mut self, moment: StepContext, page: PageNews, fx: &mut Vec<ReflectorEffect>) {
        let ListPhase::Running(mut run) = std::mem::replace(&mut self.list, ListPhase::Idle) else { return };
        self.list_right = Right::GRANTED;
        self.renewing = false;
        self.list_text = None;
        if let VersionProbe::Running(since) = run.version_probe {
            self.watch_again_from(moment, page.version, fx);
            self.version_probed(moment, since, run, fx);
            return;
        }
        self.size.arrived(page.took, moment.page_deadline);
        fx.push(ReflectorEffect::Publish(PageHead {
            generation: self.generation,
            page: run.page,
            remaining: page.remaining,
            bytes: page.bytes,
            unreadable: page.unreadable,
        }));
        if run.page == 1 {
            if matches!(self.sent_state, Some(SyncState::Denied { .. })) {
                self.publish(SyncState::Listing, fx);
            }
            self.watch_from(moment, page.version, fx);
        }
        if page.token.is_empty() {
            self.finish(moment, fx);
        } else if page.repeats || !run.tokens.insert(hash(&page.token)) {
            let text = if page.repeats {
                format!("the server repeats itself: page {} has no new object, and is not the last", run.page)
            } else {
                "the server repeats a page of the list".to_owned()
            };
            let error = RequestError::new(Layer::Server, &text);
            self.give_up(moment, None, &error, fx);
        } else {
            run.page = run.page.saturating_add(1);
            let since = moment.now.mono;
            let next =
                ListRun { token: Some(page.token), attempt: 1, failures: 0, since, gone: 0, unanswered: false, ..run };
            self.fetch(moment, next, fx);
        }
    }

    /// Ends the version probe with any result, and continues the pages at once.
    fn version_probed(&mut self, moment: StepContext, since: Mono, mut run: ListRun, fx: &mut Vec<ReflectorEffect>) {
        run.version_probe = VersionProbe::No;
        run.since = run.since + moment.now.mono.since(since);
        self.fetch(moment, run, fx);
    }

    pub(super) fn finish(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let (resource, generation) = (self.resource, self.generation);
        fx.push(ReflectorEffect::Emit(ClusterEvent::ListFinished { resource, generation }));
        self.list_backoff.reset();
        self.list_known(moment);
        if self.watch.is_denied() || self.watch_yield.is_polling() {
            self.poll_later(moment, fx);
        } else if self.another_pass {
            let jitter = self.rng.f64();
            let wait = self.watch_backoff.next(jitter);
            self.list = ListPhase::Waiting { until: moment.now.mono + wait, credentials: false, poll: false };
        } else {
            self.publish_watch_state(fx);
        }
    }

    /// Schedules the next list after a polite period, since watching is not possible (F22).
    pub(super) fn poll_later(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let Between { least: low, most: high } = self.poll_period();
        let every = self.between(low, high);
        self.list = ListPhase::Waiting { until: moment.now.mono + every, credentials: false, poll: true };
        self.publish(SyncState::Polling { every }, fx);
    }

    /// Starts a new list `wait` from now because the watch cannot continue; a running list is followed by another
    /// instead.
    pub(super) fn relist(
        &mut self,
        moment: StepContext,
        wait: Duration,
        failure: Failure,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        match &mut self.list {
            ListPhase::Running(run) => {
                // Page 1 brings a version of its own, with a watch from there.
                self.another_pass |= run.page > 1;
                if run.page > 1 && run.version_probe == VersionProbe::No {
                    run.version_probe = VersionProbe::Wanted(moment.now.mono + wait);
                }
                fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
            }
            ListPhase::Waiting { .. } | ListPhase::Streamed { .. } => {
                fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
            }
            ListPhase::Idle => self.wait_for_list(moment, wait, failure, fx),
        }
    }

    /// The next list starts at page 1, `wait` from now.
    pub(super) fn wait_for_list(
        &mut self,
        moment: StepContext,
        wait: Duration,
        failure: Failure,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let credentials = wants_credentials(failure.layer);
        self.list = ListPhase::Waiting { until: moment.now.mono + wait, credentials, poll: false };
        self.publish_waiting(moment, wait, failure, fx);
    }

    /// `true` if pages after the first are being read, so that their watch may be lost.
    pub(super) fn is_past_page_one(&self) -> bool {
        matches!(&self.list, ListPhase::Running(run) if run.page > 1)
    }

    /// Abandons the list in any phase; the displayed data stays.
    pub(super) fn abandon_list(&mut self, fx: &mut Vec<ReflectorEffect>) {
        if let ListPhase::Running(ListRun { rest: None, .. }) = std::mem::replace(&mut self.list, ListPhase::Idle) {
            fx.push(ReflectorEffect::Abandon);
        }
    }

    pub(super) fn list_timer(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        if self.list_due().is_some_and(|due| due <= moment.now.mono) {
            self.go_on(moment, fx);
        }
    }

    /// Ends any wait of the list.
    fn go_on(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        match std::mem::replace(&mut self.list, ListPhase::Idle) {
            ListPhase::Running(mut run) => {
                if let Some(rest) = run.rest
                    && rest.reported
                {
                    run.since = moment.now.mono;
                    self.publish(SyncState::Listing, fx);
                }
                self.fetch(moment, run, fx);
            }
            ListPhase::Waiting { .. } | ListPhase::Idle | ListPhase::Streamed { .. } => self.start_list(moment, fx),
        }
    }

    pub(super) fn refresh(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let running = matches!(self.list, ListPhase::Running(_));
        // A page in flight, or a list that streams, has no wait to shorten.
        if !matches!(self.list, ListPhase::Running(ListRun { rest: None, .. }) | ListPhase::Streamed { .. }) {
            self.go_on(moment, fx);
        }
        // A new list opens a watch of its own.
        if running {
            self.watch_now(moment, fx);
        }
    }

    pub(super) fn renewed(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let waits = match &self.list {
            ListPhase::Idle | ListPhase::Streamed { .. } => false,
            ListPhase::Waiting { credentials, .. } => *credentials,
            ListPhase::Running(run) => run.rest.is_some_and(|rest| rest.credentials),
        };
        if waits {
            self.go_on(moment, fx);
        }
        if self.watch.waits_for_credentials() {
            self.watch_now(moment, fx);
        }
    }
}

fn hash(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}
