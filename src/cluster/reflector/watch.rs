//! The watch half: opening, silence, ends of every kind.

use std::time::Duration;

use super::{
    Reflector, ReflectorEffect, Right, StepContext, WATCH, WatchEnd, WatchNews, WatchRequest, wants_credentials,
};
use crate::cluster::classify::RequestError;
use crate::cluster::tuning::Between;
use crate::msg::{ClusterEvent, Failure, Layer, Mono, SyncState};

mod proof;
mod wake;

/// Watches in a row that an answering server refuses, or ends with an internal error, before a new list (R10, R13).
const REFUSALS_IN_A_ROW: u32 = 3;

/// Text for a watch that ended before its version was proven.
const AT_ONCE: &str = "the watch was closed at once, without an event";

/// The watch of one resource.
#[derive(Debug, Default)]
pub(super) struct Watch {
    phase: WatchPhase,
    /// Version to continue from.
    version: String,
    /// Version at which it was last opened.
    opened_at: String,
    /// Set if the list comes first.
    initial: bool,
    /// Generation of its list.
    generation: u32,
    started: Option<Mono>,
    denied_until: Option<Mono>,
    refused: u32,
    internal: u32,
    /// Set while the watch has new credentials requested; a second rejection is final for a while.
    renewing: bool,
    /// Requested duration.
    seconds: u64,
    attempt: u32,
    /// The failure and retry time that the model does not show as the state, because a list was running.
    unreported: Option<(Mono, Failure)>,
}

#[derive(Debug, Default)]
enum WatchPhase {
    #[default]
    None,
    Opening,
    Open {
        since: Mono,
        last_event: Mono,
        events: u64,
        /// Set once something came that could not be read.
        unreadable: bool,
        /// Set once the version that it began at is proven.
        accepted: bool,
        /// Time of the next check whether the server answers, once the watch has been silent for too long.
        version_probe: Option<Mono>,
    },
    Resting {
        until: Mono,
        credentials: bool,
    },
}

impl Watch {
    pub(super) fn is_denied(&self) -> bool {
        self.denied_until.is_some()
    }

    /// Attempt number; 1 for the first.
    pub(super) fn attempt(&self) -> u32 {
        self.attempt.max(1)
    }

    /// Time when it has been open and silent for `after`, so that its version is proven.
    fn accepted_at(&self, after: Duration) -> Option<Mono> {
        match self.phase {
            WatchPhase::Open { since, events: 0, unreadable: false, accepted: false, .. } => Some(since + after),
            _ => None,
        }
    }

    /// `true` if it is open, and brought an event or was silent for long enough.
    fn is_proven(&self) -> bool {
        matches!(self.phase, WatchPhase::Open { events: 1.., .. } | WatchPhase::Open { accepted: true, .. })
    }

    pub(super) fn waits_for_credentials(&self) -> bool {
        matches!(self.phase, WatchPhase::Resting { credentials: true, .. })
    }
}

impl Reflector {
    pub(super) fn watch_due(&self) -> Option<Mono> {
        match self.watch.phase {
            WatchPhase::None | WatchPhase::Opening => None,
            WatchPhase::Open { last_event, .. } if self.streams().is_some() => {
                self.streams().map(|idle| last_event + idle)
            }
            WatchPhase::Open { last_event, version_probe, .. } => {
                let silence = self.tuning.watch_silence;
                let last = last_event + self.tuning.watch_silence_cap.max(silence);
                let silent = version_probe.unwrap_or(last_event + silence).min(last);
                Some(self.watch.accepted_at(self.acceptance()).map_or(silent, |at| at.min(silent)))
            }
            WatchPhase::Resting { until, .. } => Some(until),
        }
    }

    /// Closes the watch in any phase.
    pub(super) fn close_watch(&mut self, fx: &mut Vec<ReflectorEffect>) {
        if !matches!(self.watch.phase, WatchPhase::None) {
            fx.push(ReflectorEffect::Close);
        }
        self.watch.phase = WatchPhase::None;
    }

    /// Continues the watch from `version`, which a version probe has brought while the list runs without its watch.
    pub(super) fn watch_again_from(&mut self, moment: StepContext, version: String, fx: &mut Vec<ReflectorEffect>) {
        if !self.watch.is_denied() && matches!(self.watch.phase, WatchPhase::None) && !is_versionless(&version) {
            self.watch.version = version;
            self.reopen(moment, Duration::ZERO, fx);
        }
    }

    /// Watches from `version` of the list that has just begun; closes an earlier watch.
    pub(super) fn watch_from(&mut self, moment: StepContext, version: String, fx: &mut Vec<ReflectorEffect>) {
        self.close_watch(fx);
        let denied_until = self.watch.denied_until.filter(|until| *until > moment.now.mono);
        self.watch = Watch {
            version,
            generation: self.generation,
            started: self.watch.started,
            denied_until,
            renewing: self.watch.renewing,
            ..Watch::default()
        };
        if is_versionless(&self.watch.version) {
            self.watch.denied_until = Some(moment.now.mono + self.tuning.denied_period);
        }
        if self.watch.denied_until.is_none() {
            self.reopen(moment, Duration::ZERO, fx);
        }
    }

    /// Watches with the list as its initial events; closes an earlier watch.
    pub(super) fn watch_with_list(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.close_watch(fx);
        let Watch { started, renewing, .. } = self.watch;
        self.watch = Watch { initial: true, generation: self.generation, started, renewing, ..Watch::default() };
        self.reopen(moment, Duration::ZERO, fx);
    }

    /// Reopens the watch at its last version, `wait` from now and at least a second after its last start.
    fn reopen(&mut self, moment: StepContext, wait: Duration, fx: &mut Vec<ReflectorEffect>) {
        let now = moment.now.mono;
        let earliest = self.watch.started.map_or(now, |started| (started + self.tuning.watch_spacing).max(now));
        let until = earliest.max(now + wait);
        self.watch.phase = WatchPhase::Resting { until, credentials: false };
        if until <= now {
            self.open(moment, fx);
        }
    }

    fn open(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.watch.attempt = self.watch.attempt.saturating_add(1);
        self.watch.started = Some(moment.now.mono);
        self.watch.phase = WatchPhase::Opening;
        self.watch.opened_at.clone_from(&self.watch.version);
        let Between { least: low, most: high } = self.tuning.watch_seconds;
        let seconds = self.rng.u64(low..=high.max(low));
        let longest = self.watch_yield.longest(moment.now.mono).map_or(u64::MAX, |longest| longest.as_secs().max(1));
        self.watch.seconds = seconds.min(longest);
        fx.push(ReflectorEffect::Open(WatchRequest {
            generation: self.watch.generation,
            version: self.watch.version.clone(),
            initial: self.watch.initial,
            seconds: self.watch.seconds,
            attempt: self.watch.attempt,
        }));
    }

    pub(super) fn watch_open(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let now = moment.now.mono;
        self.watch.phase = WatchPhase::Open {
            since: now,
            last_event: now,
            events: 0,
            unreadable: false,
            accepted: false,
            version_probe: None,
        };
        // An HTTP success alone proves nothing: its body may be a refusal.
        self.watch.unreported = None;
        self.publish_watch_state(fx);
    }

    /// Sends the state of the watch once the list is complete.
    pub(super) fn publish_watch_state(&mut self, fx: &mut Vec<ReflectorEffect>) {
        if !self.is_complete() {
            return;
        }
        let open = matches!(self.watch.phase, WatchPhase::Open { .. });
        if self.watch.is_proven() || open && !self.is_in_doubt() {
            self.publish(self.open_state(), fx);
        } else if let Some((until, failure)) = self.watch.unreported.take() {
            self.publish(SyncState::Waiting { until, failure: Box::new(failure) }, fx);
        }
    }

    pub(super) fn watch_news(&mut self, moment: StepContext, news: WatchNews, fx: &mut Vec<ReflectorEffect>) {
        let WatchPhase::Open { last_event, events, version_probe, unreadable, .. } = &mut self.watch.phase else {
            return;
        };
        *events += u64::from(news.events);
        *unreadable |= news.unreadable > 0;
        if news.events > 0 {
            *last_event = moment.now.mono;
            *version_probe = None;
            let first = *events == u64::from(news.events);
            self.watch_proven();
            self.watch.internal = 0;
            if first {
                self.watch_granted(Right::GRANTED);
                self.publish_watch_state(fx);
            }
            self.yielded(moment, fx);
        }
        if let Some(version) = news.version.filter(|version| !is_versionless(version)) {
            self.watch.version = version;
        }
        if self.streams().is_none() {
            self.skipped |= news.skipped;
        } else if news.skipped {
            let text = "an object of the list is too large for an event of a watch";
            self.stream_of_no_use(moment, text, fx);
        } else if news.synced && is_versionless(&self.watch.version) {
            self.stream_of_no_use(moment, "the bookmark that ends the list has no resourceVersion", fx);
        } else if news.synced {
            self.watch.initial = false;
            self.streamed(moment, fx);
        }
    }

    pub(super) fn watch_ended(&mut self, moment: StepContext, end: WatchEnd, fx: &mut Vec<ReflectorEffect>) {
        let now = moment.now.mono;
        let proven = self.watch.is_proven();
        let (lived, events) = self.lived(now, &end);
        self.watch.phase = WatchPhase::None;
        if self.streams().is_some() {
            self.stream_ended(moment, end, fx);
            return;
        }
        if lived.is_some_and(|lived| lived.whole >= self.tuning.watch_proven) {
            self.watch_proven();
            // A lost permission would have ended the watch by now.
            self.watch_right.forbidden = None;
        }
        if !proven && lived.is_some_and(|lived| lived.accepted) {
            self.watch_granted(Right { granted: true, ..self.watch_right });
            self.accepted(fx);
        }
        if events == 0 && self.is_barren(moment, lived, &end) {
            if matches!(&end, WatchEnd::Refused(error) | WatchEnd::Error(error) if error.layer == Layer::Auth) {
                self.renew_once(fx);
            }
            let at_once = || RequestError::new(Layer::Server, AT_ONCE);
            return match &end {
                WatchEnd::Refused(error) | WatchEnd::Error(error) | WatchEnd::Broken(error) => {
                    self.poll_instead(moment, error, fx);
                }
                WatchEnd::Clean => self.poll_instead(moment, &at_once(), fx),
            };
        }
        let quiet = lived.filter(|lived| events == 0 && lived.accepted);
        match end {
            WatchEnd::Refused(error) => self.watch_refused(moment, &error, fx),
            WatchEnd::Error(error) => self.watch_error(moment, &error, fx),
            WatchEnd::Clean if events == 0 && quiet.is_none() => {
                self.rest_watch(moment, &RequestError::new(Layer::Server, AT_ONCE), Duration::ZERO, fx);
            }
            WatchEnd::Broken(error) if events == 0 && quiet.is_none() => {
                self.rest_watch(moment, &error, Duration::ZERO, fx);
            }
            WatchEnd::Clean | WatchEnd::Broken(_) => {
                if let WatchEnd::Broken(error) = end {
                    let failure = self.failed(moment, WATCH, 1, &error);
                    fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
                }
                match quiet {
                    Some(lived) => self.quiet_end(moment, lived, fx),
                    None => self.resume(moment, Duration::ZERO, fx),
                }
            }
        }
    }

    /// Continues from the last version `wait` from now, unless something was skipped and a new list is needed.
    pub(super) fn resume(&mut self, moment: StepContext, wait: Duration, fx: &mut Vec<ReflectorEffect>) {
        if (self.another_pass || self.skipped) && self.is_complete() {
            self.start_list(moment, fx);
        }
        // A list that streams has a watch of its own.
        if self.streams().is_none() {
            self.reopen(moment, wait, fx);
        }
    }

    fn watch_refused(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        if error.is_gone() {
            self.watch_gone(moment, error, fx);
        } else if error.layer == Layer::Rbac && !self.is_transient(moment, WATCH) {
            self.watch_denied(moment, error, fx);
        } else if error.layer == Layer::Auth {
            let floor = if self.renew_once(fx) { Duration::ZERO } else { self.tuning.rejected_delay };
            self.rest_watch(moment, error, floor, fx);
        } else if error.is_unreachable() || error.timeout || error.layer == Layer::Throttled {
            // The version is still valid, and a server that comes back should not have to serve a whole list (R9).
            self.rest_watch(moment, error, Duration::ZERO, fx);
        } else {
            self.watch.refused += 1;
            if self.watch.refused >= REFUSALS_IN_A_ROW {
                self.watch_gone(moment, error, fx);
            } else {
                self.rest_watch(moment, error, Duration::ZERO, fx);
            }
        }
    }

    fn watch_error(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        match error.layer {
            _ if error.is_gone() || error.is_store_broken() => self.watch_gone(moment, error, fx),
            // The error counts as if it had been the answer.
            Layer::Rbac | Layer::Auth => self.watch_refused(moment, error, fx),
            Layer::Throttled => self.rest_watch(moment, error, Duration::ZERO, fx),
            Layer::Server | Layer::ServerTimeout if self.watch.internal < REFUSALS_IN_A_ROW => {
                self.watch.internal += 1;
                self.rest_watch(moment, error, Duration::ZERO, fx);
            }
            _ => self.watch_gone(moment, error, fx),
        }
    }

    /// Handles an expired version: a new list.
    fn watch_gone(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        self.watch.phase = WatchPhase::None;
        if self.is_past_page_one() && self.watch.version != self.watch.opened_at {
            // A bookmark has advanced its version: nothing is lost if it continues from there.
            self.rest_watch(moment, error, Duration::ZERO, fx);
            return;
        }
        if self.yields_nothing() {
            self.poll_instead(moment, error, fx);
            return;
        }
        let failure = self.watch_failure(moment, error);
        let jitter = self.rng.f64();
        // A version that expired while the watch waited is listed again soon: the watch has waited one step already.
        let backoff = if error.is_gone() { &mut self.gone_backoff } else { &mut self.watch_backoff };
        let wait = backoff.next(jitter).max(error.retry_after.unwrap_or_default());
        self.relist(moment, wait, failure, fx);
    }

    fn watch_denied(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        self.watch.denied_until = Some(moment.now.mono + self.tuning.denied_period);
        let failure = self.watch_failure(moment, error);
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
        if self.is_complete() {
            self.poll_later(moment, fx);
        }
    }

    /// Reopens the watch at the same version after the backoff, at least `floor` from now.
    fn rest_watch(
        &mut self,
        moment: StepContext,
        error: &RequestError,
        floor: Duration,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let jitter = self.rng.f64();
        let mut wait = self.watch_backoff.next(jitter).max(error.retry_after.unwrap_or_default()).max(floor);
        if error.not_kubernetes {
            wait = wait.max(self.tuning.rejected_delay);
        }
        let failure = self.watch_failure(moment, error);
        self.reopen(moment, wait, fx);
        if let WatchPhase::Resting { credentials, .. } = &mut self.watch.phase {
            *credentials = wants_credentials(error.layer);
        }
        if self.is_complete() {
            self.publish_waiting(moment, wait, failure, fx);
        } else {
            let failure = Failure { next_in: Some(wait), ..failure };
            fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure.clone()))));
            self.watch.unreported = Some((moment.now.mono + wait, failure));
        }
    }

    pub(super) fn watch_timer(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        if self.watch_due().is_none_or(|due| due > moment.now.mono) {
            return;
        }
        match self.watch.phase {
            WatchPhase::Resting { .. } => self.open(moment, fx),
            WatchPhase::Open { last_event, .. } if self.streams().is_some() => {
                self.close_watch(fx);
                self.stream_stalled(moment, last_event, fx);
            }
            WatchPhase::Open { last_event, .. } => {
                if self.is_accepted(moment) {
                    // Before that time a 403 could still have followed.
                    self.watch_granted(Right { granted: true, ..self.watch_right });
                    self.accepted(fx);
                } else {
                    self.silent(moment, last_event, fx);
                }
            }
            WatchPhase::None | WatchPhase::Opening => {}
        }
    }

    /// Checks at `next` again whether the server answers.
    pub(super) fn probe_version_at(&mut self, next: Mono) {
        if let WatchPhase::Open { version_probe, .. } = &mut self.watch.phase {
            *version_probe = Some(next);
        }
    }

    /// Ends the wait of the watch, except for the least time between two starts.
    pub(super) fn watch_now(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        if matches!(self.watch.phase, WatchPhase::Resting { .. }) {
            self.reopen(moment, Duration::ZERO, fx);
        }
    }
}

/// `true` for "" and "0", which would make the server send everything, past its caches (kubernetes/kubernetes#123448).
fn is_versionless(version: &str) -> bool {
    matches!(version, "" | "0")
}
