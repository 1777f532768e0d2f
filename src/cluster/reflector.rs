//! The list+watch state machine of one resource. Pure: [`Reflector::step`] gets an input with its time, and returns
//! effects; it reads no clock and does no I/O, and its jitter comes from a seeded generator in the state.
//!
//! Rules: `docs/list-watch.md`. In short: list page 1, open the watch at its resourceVersion at once beside the
//! remaining pages, retry each page in place, continue after a 410 with the token that the server supplies, and never
//! let a failed list remove anything. If requested, the list comes as a watch (`stream` of this module).

use std::sync::Arc;
use std::time::Duration;

use super::classify::RequestError;
use super::deadline::{Backoff, PageAttempt, PageSize};
use super::silence::{SPREAD, ServerSilence};
use super::tuning::{Between, Tuning};
use crate::facts::text::Clean;
use crate::msg::{ClusterEvent, Failure, Layer, Mono, Now, PageHead, Resource, Smaller, SyncState};

mod barren;
mod list;
mod stream;
mod watch;

use barren::Yield;
use list::ListPhase;
use watch::Watch;

/// Verb of a watch's failures.
const WATCH: &str = "watch";

/// Time of a step, and the settings that depend on the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepContext {
    /// Both clocks.
    pub(crate) now: Now,
    /// Deadline of a page in the current size tier.
    pub(crate) page_deadline: Duration,
    /// `true` if the last probe of the server was answered.
    pub(crate) answering: bool,
    /// `true` if lists are requested as watches, and none has failed yet with this cluster.
    pub(crate) watch_list: bool,
}

/// Input of the state machine.
#[derive(Clone, Debug)]
pub(crate) enum ReflectorInput {
    /// The loop begins.
    Start,
    /// A page came.
    Page(PageNews),
    /// A page failed.
    PageFailed(RequestError),
    /// The watch is open.
    WatchOpen,
    /// Events came on the watch.
    WatchNews(WatchNews),
    /// The watch is over, or never opened.
    WatchEnded(WatchEnd),
    /// A time returned by [`Reflector::due`] has come.
    Timer,
    /// The user requests a refresh.
    Refresh,
    /// There are new credentials.
    Renewed,
    /// The machine or the program slept: connections are dead and the data is old (F67).
    Resumed,
    /// The server answers its probe again, after it was silent.
    Answered {
        /// Start and end of the silence.
        silence: ServerSilence,
        /// `true` if the page in flight went out during it, and nothing of its body has come.
        hangs: bool,
    },
}

/// Metadata of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageNews {
    /// `metadata.resourceVersion`.
    pub(crate) version: String,
    /// `metadata.continue`; empty on the last page.
    pub(crate) token: String,
    /// `metadata.remainingItemCount`.
    pub(crate) remaining: Option<u64>,
    /// Bytes after decompression.
    pub(crate) bytes: u64,
    /// Objects that could not be read.
    pub(crate) unreadable: u32,
    /// From the request to the last byte.
    pub(crate) took: Duration,
    /// `true` if every object in it came with an earlier page of the list.
    pub(crate) repeats: bool,
}

/// Summary of the events of a watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchNews {
    /// Events that could be read, bookmarks included.
    pub(crate) events: u32,
    /// Events that could not be read.
    pub(crate) unreadable: u32,
    /// The newest resourceVersion among them.
    pub(crate) version: Option<String>,
    /// Set if an event was too large to be read, so something is missing.
    pub(crate) skipped: bool,
    /// Set if the bookmark came that ends the initial events of a list.
    pub(crate) synced: bool,
}

/// End of a watch.
#[derive(Clone, Debug)]
pub(crate) enum WatchEnd {
    /// It never opened, or a `Status` came in place of its events.
    Refused(RequestError),
    /// The body ended as it should.
    Clean,
    /// The body was cut, or nothing in it is an event.
    Broken(RequestError),
    /// An ERROR event.
    Error(RequestError),
}

/// Effect that the state machine requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReflectorEffect {
    /// Ask for a page; only one is ever in flight.
    Fetch(PageRequest),
    /// Cancel the page that is in flight; no input follows from it.
    Abandon,
    /// Open a watch; only one is ever open.
    Open(WatchRequest),
    /// Close the watch, or stop opening it; no input follows from it.
    Close,
    /// Publish the page that has just come, with its objects.
    Publish(PageHead),
    /// Send an event to the model.
    Emit(ClusterEvent),
    /// The credentials were rejected: get new ones.
    Renew,
    /// This cluster does not send lists as watches: use pages from now on.
    NoWatchList,
}

/// A page to request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PageRequest {
    /// 1 for the first; [`PageRequest::VERSION_PROBE`] if only the version of the answer is needed, and nothing is to be published.
    pub(crate) page: u32,
    /// 1 for the first attempt.
    pub(crate) attempt: u32,
    /// Objects at most.
    pub(crate) limit: u32,
    /// The reason why that is less than usual.
    pub(crate) smaller: Option<Smaller>,
    /// The continue token.
    pub(crate) token: Option<String>,
    /// Its limits.
    pub(crate) limits: PageAttempt,
}

impl PageRequest {
    /// Page number of a list of one object beside the pages, for the newest resourceVersion.
    pub(crate) const VERSION_PROBE: u32 = 0;
}

/// A watch to open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchRequest {
    /// Generation of the list that it continues.
    pub(crate) generation: u32,
    /// Version to begin at.
    pub(crate) version: String,
    /// With the list first (`sendInitialEvents`); `version` is empty then.
    pub(crate) initial: bool,
    /// `timeoutSeconds`.
    pub(crate) seconds: u64,
    /// 1 for the first attempt.
    pub(crate) attempt: u32,
}

/// The server's answers about our right to list, or to watch.
#[derive(Clone, Copy, Debug, Default)]
struct Right {
    /// Set once it was granted.
    granted: bool,
    /// The first 403 since the last success (F53).
    forbidden: Option<Mono>,
}

impl Right {
    const GRANTED: Self = Self { granted: true, forbidden: None };
}

/// The state of one resource's loop.
#[derive(Debug)]
pub(crate) struct Reflector {
    resource: Resource,
    /// The listed objects, in words.
    what: Arc<str>,
    tuning: Arc<Tuning>,
    rng: fastrand::Rng,
    generation: u32,
    list: ListPhase,
    watch: Watch,
    watch_yield: Yield,
    size: PageSize,
    list_backoff: Backoff,
    watch_backoff: Backoff,
    /// Backoff of lists that follow an expired version: other failures of the watch say nothing about those.
    gone_backoff: Backoff,
    /// Text of the last failure of the list, and of the watch; for `previous`.
    list_text: Option<Clean>,
    watch_text: Option<Clean>,
    /// State that was last sent to the model.
    sent_state: Option<SyncState>,
    list_right: Right,
    watch_right: Right,
    /// Set while the list has new credentials requested; a second rejection is final for a while.
    renewing: bool,
    /// Set if the watch of this list was lost: another list must follow.
    another_pass: bool,
    /// Set if an event was too large to be read: another list must follow once the watch has ended.
    skipped: bool,
}

impl Reflector {
    pub(crate) fn new(resource: Resource, tuning: Arc<Tuning>, seed: u64) -> Self {
        Self {
            resource,
            what: resource.name().into(),
            rng: fastrand::Rng::with_seed(seed),
            generation: 0,
            list: ListPhase::Idle,
            watch: Watch::default(),
            watch_yield: Yield::default(),
            size: PageSize::new(&tuning),
            list_backoff: Backoff::new(&tuning),
            watch_backoff: Backoff::new(&tuning),
            gone_backoff: Backoff::new(&tuning),
            list_text: None,
            watch_text: None,
            sent_state: None,
            list_right: Right::default(),
            watch_right: Right::default(),
            renewing: false,
            another_pass: false,
            skipped: false,
            tuning,
        }
    }

    /// Numbers its lists from the one after `generation`.
    pub(crate) fn after(self, generation: u32) -> Self {
        Self { generation, ..self }
    }

    /// Sets the name of the listed objects.
    pub(crate) fn called(self, what: Arc<str>) -> Self {
        Self { what, ..self }
    }

    /// Accounts for the time that a page waited in our own queue before it was sent.
    pub(crate) fn queued(&mut self, wait: Duration) {
        self.list.put_off(wait);
    }

    /// `true` if the list is complete.
    fn is_complete(&self) -> bool {
        matches!(self.list, ListPhase::Idle)
    }

    /// Time of the next [`ReflectorInput::Timer`], if any.
    pub(crate) fn due(&self) -> Option<Mono> {
        [self.list_due(), self.watch_due()].into_iter().flatten().min()
    }

    /// Applies an input and returns the effects.
    pub(crate) fn step(&mut self, moment: StepContext, input: ReflectorInput) -> Vec<ReflectorEffect> {
        let mut effects = Vec::new();
        let fx = &mut effects;
        match input {
            ReflectorInput::Start => self.start_list(moment, fx),
            ReflectorInput::Page(page) => self.page(moment, page, fx),
            ReflectorInput::PageFailed(error) => self.page_failed(moment, &error, fx),
            ReflectorInput::WatchOpen => self.watch_open(moment, fx),
            ReflectorInput::WatchNews(news) => self.watch_news(moment, news, fx),
            ReflectorInput::WatchEnded(end) => self.watch_ended(moment, end, fx),
            ReflectorInput::Timer => {
                self.list_timer(moment, fx);
                self.watch_timer(moment, fx);
            }
            ReflectorInput::Refresh => self.refresh(moment, fx),
            ReflectorInput::Renewed => self.renewed(moment, fx),
            ReflectorInput::Resumed => self.resumed(moment, fx),
            ReflectorInput::Answered { silence, hangs } => {
                self.wake_list(moment, hangs, fx);
                self.wake_watch(moment, silence, fx);
            }
        }
        effects
    }

    /// The failure of one attempt, as the model shows it.
    fn failed(&mut self, moment: StepContext, verb: &str, attempt: u32, error: &RequestError) -> Failure {
        let request = format!("{verb} {}", self.what);
        let mut failure = error.failure(moment.now.wall, &request, attempt);
        // A bare deadline error does not name the cause; the error before it may (client-go's WrapPreviousError).
        let last = if verb == WATCH { &mut self.watch_text } else { &mut self.list_text };
        failure.previous = last.replace(failure.text.clone()).filter(|text| error.timeout && *text != failure.text);
        failure
    }

    fn publish(&mut self, state: SyncState, fx: &mut Vec<ReflectorEffect>) {
        if self.sent_state.as_ref() != Some(&state) {
            self.sent_state = Some(state.clone());
            fx.push(ReflectorEffect::Emit(ClusterEvent::Sync { resource: self.resource, state }));
        }
    }

    /// Sends a failure and, as the state, that the next attempt is due `wait` from now.
    fn publish_waiting(
        &mut self,
        moment: StepContext,
        wait: Duration,
        mut failure: Failure,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        failure.next_in = Some(wait);
        let failure = Box::new(failure);
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(failure.clone())));
        self.publish(SyncState::Waiting { until: moment.now.mono + wait, failure }, fx);
    }

    /// The failure in the waiting state that the model has.
    fn failure_shown(&self) -> Option<&Failure> {
        match &self.sent_state {
            Some(SyncState::Waiting { failure, .. }) => Some(failure),
            _ => None,
        }
    }

    /// A random time soon, so that not all waiting requests start at once.
    fn soon(&mut self, moment: StepContext) -> Mono {
        moment.now.mono + SPREAD.mul_f64(self.rng.f64())
    }

    /// Duration drawn uniformly between the two bounds.
    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low + high.saturating_sub(low).mul_f64(self.rng.f64())
    }

    /// Waits before the next list after a sleep: not all clients of a server wake at the same moment (F67).
    fn resumed(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.abandon_list(fx);
        self.close_watch(fx);
        self.list_backoff.reset();
        self.watch_proven();
        self.watch_yield.forget_cuts();
        let Between { least: low, most: high } = self.tuning.resume_delay;
        let wait = self.between(low, high);
        let error =
            RequestError::new(Layer::Watch, "this machine slept: the connections are dropped, a new list follows");
        let failure = self.failed(moment, "list", 1, &error);
        self.wait_for_list(moment, wait, failure, fx);
    }

    /// `true` for a 403 soon after a success: RBAC of the server may still be warming up (F53). Records the time of the
    /// first one.
    fn is_transient(&mut self, moment: StepContext, verb: &str) -> bool {
        let right = if verb == WATCH { &mut self.watch_right } else { &mut self.list_right };
        let since = *right.forbidden.get_or_insert(moment.now.mono);
        right.granted && moment.now.mono.since(since) < self.tuning.denied_grace
    }
}

/// Returns the reason for a smaller page if the failure is one that it can cure: too slow, stalled, cut or too large.
fn smaller_helps(error: &RequestError) -> Option<Smaller> {
    match error.layer {
        Layer::FirstByte => Some(Smaller::Unanswered),
        Layer::Body if error.timeout => Some(Smaller::Stall),
        Layer::Body => Some(Smaller::Broken),
        Layer::ServerTimeout => Some(Smaller::ServerTimeout),
        _ => None,
    }
}

/// `true` for failures that new credentials can cure.
fn wants_credentials(layer: Layer) -> bool {
    matches!(layer, Layer::Auth | Layer::Credentials | Layer::Config)
}

#[cfg(test)]
mod tests;
