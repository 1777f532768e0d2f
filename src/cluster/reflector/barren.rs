//! Watches without events: their proof of the version, and when the list is polled instead.
//!
//! A watch that opens at the known version, and is neither refused nor ended at once, proves that version: any change
//! since would have come first. So a quiet cluster behind a middlebox that cuts silent connections stays proven. A
//! watch that ends before that is barren, and after two in a row the list is polled until a watch works again.

use std::time::Duration;

use super::list::ListPhase;
use super::{Reflector, ReflectorEffect, StepContext, WATCH, WatchEnd, wants_credentials};
use crate::cluster::classify::{RequestError, one_line};
use crate::cluster::tuning::Between;
use crate::msg::{ClusterEvent, Layer, Mono, SyncState};

/// Barren watches in a row before the list is polled.
const BARREN_IN_A_ROW: u32 = 2;
/// Silent watches in a row before a list that looks for drift (F45).
const SILENT_IN_A_ROW: u32 = 2;
/// Time for which the server must have answered before watches that cannot connect or are rejected count as barren:
/// restarts and new credentials take less.
const ANSWERED_FOR: Duration = Duration::from_secs(60);
/// Latest time of a refusal in the body; a server that ends a watch later has allowed it.
const REFUTED_WITHIN: Duration = Duration::from_secs(10);
/// Least time between two starts of a watch without events.
const QUIET_SPACING: Duration = Duration::from_secs(5);
/// Largest difference between two silences before a cut that have one cause.
const CUT_SLACK: Duration = Duration::from_secs(3);
/// Time after which a learnt period is tested again.
const CUT_LEARNT_FOR: Duration = Duration::from_secs(3600);

/// Results of the last watches.
#[derive(Debug, Default)]
pub(super) struct Yield {
    /// Watches in a row without an event, and without proof of the version.
    barren: u32,
    /// Start of the first of them.
    since: Option<Mono>,
    /// Set if the last of them was barren for another reason than an expired version, which the list that follows
    /// cures.
    doubt: bool,
    /// Watches in a row that were open and silent for longer than the period of bookmarks.
    silent: u32,
    /// Set while the list is polled instead.
    polling: bool,
    /// Time of the last list's end, or of the last event.
    known_at: Option<Mono>,
    /// Silence of the last watch before it was cut.
    cut: Option<Duration>,
    /// The silence after which connections are cut, and the time when it was learnt.
    learnt: Option<(Duration, Mono)>,
    /// Silence of a watch before it was refused in its body: so much silence proves nothing with this server.
    refuted: Option<Duration>,
}

impl Yield {
    /// `true` if the list is polled instead of watched.
    pub(super) fn is_polling(&self) -> bool {
        self.polling
    }

    /// `true` if only lists ever bring anything new.
    fn is_silent(&self) -> bool {
        self.silent >= SILENT_IN_A_ROW
    }

    /// Forgets the cuts of earlier connections.
    pub(super) fn forget_cuts(&mut self) {
        (self.cut, self.learnt) = (None, None);
    }

    /// Longest duration of a watch that the server ends before a middlebox cuts it; the server sends a bookmark just before
    /// the end.
    pub(super) fn longest(&mut self, now: Mono) -> Option<Duration> {
        self.learnt.take_if(|(_, at)| now.since(*at) > CUT_LEARNT_FOR);
        self.learnt.map(|(silence, _)| silence.mul_f64(0.8))
    }

    /// Records the silence of a watch that was cut although it had time left.
    fn note_cut(&mut self, silence: Duration, now: Mono) {
        let before = self.cut.replace(silence);
        if before.is_some_and(|before| before.abs_diff(silence) <= CUT_SLACK) {
            self.learnt = Some((silence, now));
        }
    }
}

/// History of an open watch that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lived {
    /// Time since it opened.
    pub(super) whole: Duration,
    /// Time since its last event, or since it opened.
    pub(super) silence: Duration,
    /// `true` if its version was proven.
    pub(super) accepted: bool,
    /// Requested duration.
    pub(super) requested: Duration,
}

impl Reflector {
    /// `true` if the list is complete: nothing is being read, and nothing has failed.
    pub(super) fn rests(&self) -> bool {
        matches!(self.list, ListPhase::Idle | ListPhase::Waiting { poll: true, .. })
    }

    /// Handles a watch that was open for some time without events: the server has nothing newer than its starting
    /// version.
    pub(super) fn accepted(&mut self, fx: &mut Vec<ReflectorEffect>) {
        let Yield { barren, since, doubt, .. } = &mut self.watch_yield;
        (*barren, *since, *doubt) = (0, None, false);
        if self.rests() {
            fx.push(ReflectorEffect::Emit(ClusterEvent::Alive { resource: self.resource, bytes: 0 }));
        }
        self.publish_watch_state(fx);
        self.end_polling(fx);
    }

    /// `true` if the last watch brought nothing: another open watch is no reason to trust it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.watch_yield.doubt
    }

    /// Time that a watch must be open and silent until its version is proven.
    pub(super) fn acceptance(&self) -> Duration {
        self.tuning.watch_accepted.max(self.watch_yield.refuted.unwrap_or_default() * 2)
    }

    /// `true` if a watch without an event was refused so soon that its silence proved nothing. Records that silence.
    pub(super) fn is_refuted(&mut self, whole: Duration, end: &WatchEnd) -> bool {
        let refused = matches!(end, WatchEnd::Refused(error) | WatchEnd::Error(error) if !error.is_gone());
        let is = refused && whole < REFUTED_WITHIN;
        if is {
            self.watch_yield.refuted = self.watch_yield.refuted.max(Some(whole));
        }
        is
    }

    /// Handles a readable event.
    pub(super) fn yielded(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        let was_silent = self.watch_yield.is_silent();
        let Yield { barren, since, doubt, silent, known_at, refuted, .. } = &mut self.watch_yield;
        (*barren, *since, *doubt, *silent) = (0, None, false, 0);
        (*known_at, *refuted) = (Some(moment.now.mono), None);
        if was_silent {
            self.publish_watch_state(fx);
        }
        self.end_polling(fx);
    }

    /// Handles a complete list: the held data is up to date again.
    pub(super) fn list_known(&mut self, moment: StepContext) {
        self.watch_yield.known_at = Some(moment.now.mono);
    }

    fn end_polling(&mut self, fx: &mut Vec<ReflectorEffect>) {
        if !std::mem::take(&mut self.watch_yield.polling) {
            return;
        }
        // The watch began at the version of the last list, so nothing is missing.
        if matches!(self.list, ListPhase::Waiting { poll: true, .. }) {
            self.list = ListPhase::Idle;
        }
        self.publish_watch_state(fx);
    }

    /// State of an open watch: watching, or polling if watches never bring anything.
    pub(super) fn open_state(&self) -> SyncState {
        if self.watch_yield.is_silent() {
            return SyncState::Polling { every: self.tuning.watch_silence * SILENT_IN_A_ROW };
        }
        SyncState::Watching
    }

    /// Records the end of a watch without an event; returns `true` if the list must be polled from now on.
    pub(super) fn is_barren(&mut self, moment: StepContext, lived: Option<Lived>, end: &WatchEnd) -> bool {
        if lived.is_some_and(|lived| lived.accepted) {
            return false;
        }
        let now = moment.now.mono;
        let since = *self.watch_yield.since.get_or_insert(now);
        let expired = matches!(end, WatchEnd::Refused(error) | WatchEnd::Error(error) if error.is_gone());
        self.watch_yield.doubt |= !expired;
        let (counts, at_once) = match end {
            WatchEnd::Refused(error) | WatchEnd::Error(error) | WatchEnd::Broken(error) => match error.layer {
                // A permission comes back soon or not at all: the list is polled in that case anyway.
                Layer::Rbac => (true, false),
                // An overloaded server must not get list requests instead (R9).
                Layer::Throttled if lived.is_none() => (false, false),
                Layer::Throttled => (true, self.watch_yield.barren >= BARREN_IN_A_ROW),
                // New credentials cure most of these.
                Layer::Auth => (moment.answering && now.since(since) >= ANSWERED_FOR, true),
                // While the server answers no request at all, an unanswered watch proves nothing.
                Layer::FirstByte => (moment.answering, true),
                _ if error.is_unreachable() => (moment.answering && now.since(since) >= ANSWERED_FOR, true),
                // A failing server gets a few watch requests before a request for a whole list (R10, R13).
                Layer::Server | Layer::ServerTimeout => (true, self.watch_yield.polling),
                _ => (true, true),
            },
            WatchEnd::Clean => (true, true),
        };
        self.watch_yield.barren = self.watch_yield.barren.saturating_add(u32::from(counts));
        counts && at_once && self.yields_nothing()
    }

    /// `true` if enough watches in a row brought nothing, so that the list must be polled.
    pub(super) fn yields_nothing(&self) -> bool {
        self.watch_yield.polling || self.watch_yield.barren >= BARREN_IN_A_ROW
    }

    /// Shortest and longest time between two lists in place of a watch.
    pub(super) fn poll_period(&self) -> Between<Duration> {
        let period = self.tuning.poll_period;
        if self.watch.is_denied() {
            return period;
        }
        // A failure may be over soon, while a 403 stays.
        Between { most: period.least + period.most.saturating_sub(period.least) / 2, ..period }
    }

    /// Polls the list; each list is followed by another watch, and the first that works ends the polling.
    pub(super) fn poll_instead(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        self.close_watch(fx);
        self.watch_yield.polling = true;
        let now = moment.now.mono;
        let jitter = self.rng.f64();
        // A list cures an expired version: it comes as soon as after any other list.
        let cured = error.is_gone();
        let backoff = if cured { &mut self.gone_backoff } else { &mut self.watch_backoff };
        let wait = backoff.next(jitter);
        let Between { least: low, most: high } = self.poll_period();
        let every = self.between(low, high);
        let soonest = now + wait.min(every).max(error.retry_after.unwrap_or_default());
        let known = self.watch_yield.known_at.filter(|_| !cured);
        let until = known.map_or(soonest, |known| (known + every).max(soonest));
        let attempt = self.watch.attempt();
        let mut failure = self.failed(moment, WATCH, attempt, error);
        failure.text = one_line(&format!("{}; no watch brings anything, the list is polled", failure.text));
        if self.rests() {
            failure.next_in = Some(until.since(now));
            self.list = ListPhase::Waiting { until, credentials: wants_credentials(error.layer), poll: true };
            self.publish(SyncState::Polling { every }, fx);
        }
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
    }

    /// Reopens a watch, politely, that ended without an event but has proven its version.
    pub(super) fn quiet_end(&mut self, moment: StepContext, lived: Lived, fx: &mut Vec<ReflectorEffect>) {
        let now = moment.now.mono;
        // An end by the server itself does not count as a cut.
        if lived.whole + CUT_SLACK < lived.requested && lived.silence < self.tuning.watch_silence {
            self.watch_yield.note_cut(lived.silence, now);
        }
        let known = self.watch_yield.known_at;
        // Watches were silent for so long: a list checks for drift.
        self.another_pass |= known.is_some_and(|known| now.since(known) >= self.tuning.denied_period);
        let mut wait = QUIET_SPACING.saturating_sub(lived.whole);
        if lived.whole < self.tuning.watch_accepted {
            // The first list may be the last, and little is missed meanwhile.
            let jitter = self.rng.f64();
            wait = wait.min(self.watch_backoff.next(jitter));
        }
        self.resume(moment, wait, fx);
    }

    /// Handles a watch that was silent for too long. If the server answers its probe, the watch is dead; if not, the
    /// server is the problem, and the watch may live on until the cap (F45).
    pub(super) fn silent(&mut self, moment: StepContext, last_event: Mono, fx: &mut Vec<ReflectorEffect>) {
        let silence = moment.now.mono.since(last_event);
        if !moment.answering && silence < self.tuning.watch_silence_cap {
            self.probe_version_at(moment.now.mono + self.tuning.probe_period);
            return;
        }
        self.close_watch(fx);
        self.watch_proven();
        self.watch_yield.silent += 1;
        let silent = self.watch_yield.silent;
        let secs = silence.as_secs();
        let error = RequestError::new(
            Layer::Watch,
            &format!("the watch was silent for {secs} s, not even a bookmark: opened again"),
        );
        let failure = self.failed(moment, WATCH, silent, &error);
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
        self.another_pass |= silent.is_multiple_of(SILENT_IN_A_ROW);
        self.resume(moment, Duration::ZERO, fx);
    }
}
