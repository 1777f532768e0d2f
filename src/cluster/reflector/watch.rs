//! The watch half: opening, silence, ends of every kind.

use std::time::Duration;

use super::{Effect, Moment, Reflector, Right, WATCH, WatchAsk, WatchEnd, WatchNews, wants_credentials};
use crate::cluster::classify::Trouble;
use crate::msg::{ClusterEvent, Failure, Layer, Mono, SyncState};

mod proof;
mod wake;

/// Watches in a row that an answering server refuses, or ends with an internal error, before a new list (R10, R13).
const REFUSALS_IN_A_ROW: u32 = 3;

/// A watch that ended before its version was proven.
const AT_ONCE: &str = "the watch was closed at once, without an event";

/// The watch of one resource.
#[derive(Debug, Default)]
pub(super) struct Watch {
    phase: Phase,
    /// Where to go on.
    version: String,
    /// Where it was last opened.
    opened_at: String,
    /// With the list first.
    initial: bool,
    /// The list it began at.
    generation: u32,
    started: Option<Mono>,
    denied_until: Option<Mono>,
    refused: u32,
    internal: u32,
    /// What it was asked to last.
    seconds: u64,
    attempt: u32,
    /// The open failure that the model has not been told as the state, because a list was running.
    untold: Option<(Mono, Failure)>,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    None,
    Opening,
    Open {
        since: Mono,
        heard: Mono,
        events: u64,
        /// Something came that could not be read.
        unreadable: bool,
        /// The version that it began at is proven.
        accepted: bool,
        /// When to look again whether the server answers, once it has been silent for too long.
        look: Option<Mono>,
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

    /// 1 for the first.
    pub(super) fn attempt(&self) -> u32 {
        self.attempt.max(1)
    }

    /// When it has been open for `after`, without anything at all, so that its version is proven.
    fn accepted_at(&self, after: Duration) -> Option<Mono> {
        match self.phase {
            Phase::Open { since, events: 0, unreadable: false, accepted: false, .. } => Some(since + after),
            _ => None,
        }
    }

    /// It is open, and brought an event or was silent for long enough.
    fn is_proven(&self) -> bool {
        matches!(self.phase, Phase::Open { events: 1.., .. } | Phase::Open { accepted: true, .. })
    }

    pub(super) fn waits_for_credentials(&self) -> bool {
        matches!(self.phase, Phase::Resting { credentials: true, .. })
    }
}

impl Reflector {
    pub(super) fn watch_due(&self) -> Option<Mono> {
        match self.watch.phase {
            Phase::None | Phase::Opening => None,
            Phase::Open { heard, .. } if self.streams().is_some() => self.streams().map(|idle| heard + idle),
            Phase::Open { heard, look, .. } => {
                let silence = self.tuning.watch_silence;
                let last = heard + self.tuning.watch_silence_cap.max(silence);
                let silent = look.unwrap_or(heard + silence).min(last);
                Some(self.watch.accepted_at(self.acceptance()).map_or(silent, |at| at.min(silent)))
            }
            Phase::Resting { until, .. } => Some(until),
        }
    }

    /// Ends the watch, whatever it does.
    pub(super) fn close_watch(&mut self, fx: &mut Vec<Effect>) {
        if !matches!(self.watch.phase, Phase::None) {
            fx.push(Effect::Close);
        }
        self.watch.phase = Phase::None;
    }

    /// The list runs without its watch: it goes on from `version`, which a look has brought.
    pub(super) fn watch_again_from(&mut self, moment: Moment, version: String, fx: &mut Vec<Effect>) {
        if !self.watch.is_denied() && matches!(self.watch.phase, Phase::None) && !is_versionless(&version) {
            self.watch.version = version;
            self.reopen(moment, Duration::ZERO, fx);
        }
    }

    /// Watches from `version` of the list that has just begun; whatever watch there was is closed.
    pub(super) fn watch_from(&mut self, moment: Moment, version: String, fx: &mut Vec<Effect>) {
        self.close_watch(fx);
        let denied_until = self.watch.denied_until.filter(|until| *until > moment.now.mono);
        self.watch = Watch {
            version,
            generation: self.generation,
            started: self.watch.started,
            denied_until,
            ..Watch::default()
        };
        if is_versionless(&self.watch.version) {
            self.watch.denied_until = Some(moment.now.mono + self.tuning.denied_period);
        }
        if self.watch.denied_until.is_none() {
            self.reopen(moment, Duration::ZERO, fx);
        }
    }

    /// Watches from the list on that the watch itself brings first; whatever watch there was is closed.
    pub(super) fn watch_with_list(&mut self, moment: Moment, fx: &mut Vec<Effect>) {
        self.close_watch(fx);
        let (generation, started) = (self.generation, self.watch.started);
        self.watch = Watch { initial: true, generation, started, ..Watch::default() };
        self.reopen(moment, Duration::ZERO, fx);
    }

    /// Opens the watch where it left off, `wait` from now and not within a second of its last start.
    fn reopen(&mut self, moment: Moment, wait: Duration, fx: &mut Vec<Effect>) {
        let now = moment.now.mono;
        let earliest = self.watch.started.map_or(now, |started| (started + self.tuning.watch_spacing).max(now));
        let until = earliest.max(now + wait);
        self.watch.phase = Phase::Resting { until, credentials: false };
        if until <= now {
            self.open(moment, fx);
        }
    }

    fn open(&mut self, moment: Moment, fx: &mut Vec<Effect>) {
        self.watch.attempt = self.watch.attempt.saturating_add(1);
        self.watch.started = Some(moment.now.mono);
        self.watch.phase = Phase::Opening;
        self.watch.opened_at.clone_from(&self.watch.version);
        let (low, high) = self.tuning.watch_seconds;
        let seconds = self.rng.u64(low..=high.max(low));
        let longest = self.watch_yield.longest(moment.now.mono).map_or(u64::MAX, |longest| longest.as_secs().max(1));
        self.watch.seconds = seconds.min(longest);
        fx.push(Effect::Open(WatchAsk {
            generation: self.watch.generation,
            version: self.watch.version.clone(),
            initial: self.watch.initial,
            seconds: self.watch.seconds,
            attempt: self.watch.attempt,
        }));
    }

    pub(super) fn watch_open(&mut self, moment: Moment, fx: &mut Vec<Effect>) {
        let now = moment.now.mono;
        self.watch.phase =
            Phase::Open { since: now, heard: now, events: 0, unreadable: false, accepted: false, look: None };
        // A success of HTTP alone proves nothing: a refusal may be its body.
        self.watch.untold = None;
        self.tell_watch_state(fx);
    }

    /// Once the list is complete the watch is what there is to say.
    pub(super) fn tell_watch_state(&mut self, fx: &mut Vec<Effect>) {
        if !self.is_complete() {
            return;
        }
        let open = matches!(self.watch.phase, Phase::Open { .. });
        if self.watch.is_proven() || open && !self.is_in_doubt() {
            self.tell(self.open_state(), fx);
        } else if let Some((until, failure)) = self.watch.untold.take() {
            self.tell(SyncState::Waiting { until, failure: Box::new(failure) }, fx);
        }
    }

    pub(super) fn watch_news(&mut self, moment: Moment, news: WatchNews, fx: &mut Vec<Effect>) {
        let Phase::Open { heard, events, look, unreadable, .. } = &mut self.watch.phase else { return };
        *events += u64::from(news.events);
        *unreadable |= news.unreadable > 0;
        if news.events > 0 {
            *heard = moment.now.mono;
            *look = None;
            let first = *events == u64::from(news.events);
            self.watch_proven();
            self.watch.internal = 0;
            if first {
                self.watch_granted(Right::GRANTED);
                self.tell_watch_state(fx);
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

    pub(super) fn watch_ended(&mut self, moment: Moment, end: WatchEnd, fx: &mut Vec<Effect>) {
        let now = moment.now.mono;
        let proven = self.watch.is_proven();
        let (lived, events) = self.lived(now, &end);
        self.watch.phase = Phase::None;
        if self.streams().is_some() {
            self.stream_ended(moment, end, fx);
            return;
        }
        if lived.is_some_and(|lived| lived.whole >= self.tuning.watch_proven) {
            self.watch_proven();
            // A right that was lost would have been missed by now.
            self.watch_right.forbidden = None;
        }
        if !proven && lived.is_some_and(|lived| lived.accepted) {
            self.watch_granted(Right { granted: true, ..self.watch_right });
            self.accepted(fx);
        }
        if events == 0 && self.is_barren(moment, lived, &end) {
            if matches!(&end, WatchEnd::Refused(trouble) | WatchEnd::Error(trouble) if trouble.layer == Layer::Auth) {
                self.renew_once(fx);
            }
            let at_once = || Trouble::new(Layer::Server, AT_ONCE);
            return match &end {
                WatchEnd::Refused(trouble) | WatchEnd::Error(trouble) | WatchEnd::Broken(trouble) => {
                    self.poll_instead(moment, trouble, fx);
                }
                WatchEnd::Clean => self.poll_instead(moment, &at_once(), fx),
            };
        }
        let quiet = lived.filter(|lived| events == 0 && lived.accepted);
        match end {
            WatchEnd::Refused(trouble) => self.watch_refused(moment, &trouble, fx),
            WatchEnd::Error(trouble) => self.watch_error(moment, &trouble, fx),
            WatchEnd::Clean if events == 0 && quiet.is_none() => {
                self.rest_watch(moment, &Trouble::new(Layer::Server, AT_ONCE), Duration::ZERO, fx);
            }
            WatchEnd::Broken(trouble) if events == 0 && quiet.is_none() => {
                self.rest_watch(moment, &trouble, Duration::ZERO, fx);
            }
            WatchEnd::Clean | WatchEnd::Broken(_) => {
                if let WatchEnd::Broken(trouble) = end {
                    let failure = self.failed(moment, WATCH, 1, &trouble);
                    fx.push(Effect::Tell(ClusterEvent::Failed(Box::new(failure))));
                }
                match quiet {
                    Some(lived) => self.quiet_end(moment, lived, fx),
                    None => self.resume(moment, Duration::ZERO, fx),
                }
            }
        }
    }

    /// The routine way: on from the last version `wait` from now, unless something was skipped and a list must look for it.
    pub(super) fn resume(&mut self, moment: Moment, wait: Duration, fx: &mut Vec<Effect>) {
        if (self.another_pass || self.skipped) && self.is_complete() {
            self.start_list(moment, fx);
        }
        // A list that streams has a watch of its own.
        if self.streams().is_none() {
            self.reopen(moment, wait, fx);
        }
    }

    fn watch_refused(&mut self, moment: Moment, trouble: &Trouble, fx: &mut Vec<Effect>) {
        if trouble.is_gone() {
            self.watch_gone(moment, trouble, fx);
        } else if trouble.layer == Layer::Rbac && !self.is_transient(moment, WATCH) {
            self.watch_denied(moment, trouble, fx);
        } else if trouble.layer == Layer::Auth {
            let floor = if self.renew_once(fx) { Duration::ZERO } else { self.tuning.rejected_delay };
            self.rest_watch(moment, trouble, floor, fx);
        } else if trouble.is_unreachable() || trouble.timeout || trouble.layer == Layer::Throttled {
            // The version is as good as before, and a server that comes back should not be asked for everything (R9).
            self.rest_watch(moment, trouble, Duration::ZERO, fx);
        } else {
            self.watch.refused += 1;
            if self.watch.refused >= REFUSALS_IN_A_ROW {
                self.watch_gone(moment, trouble, fx);
            } else {
                self.rest_watch(moment, trouble, Duration::ZERO, fx);
            }
        }
    }

    fn watch_error(&mut self, moment: Moment, trouble: &Trouble, fx: &mut Vec<Effect>) {
        match trouble.layer {
            _ if trouble.is_gone() || trouble.is_store_broken() => self.watch_gone(moment, trouble, fx),
            // What it says counts as if it had been the answer.
            Layer::Rbac | Layer::Auth => self.watch_refused(moment, trouble, fx),
            Layer::Throttled => self.rest_watch(moment, trouble, Duration::ZERO, fx),
            Layer::Server | Layer::ServerTimeout if self.watch.internal < REFUSALS_IN_A_ROW => {
                self.watch.internal += 1;
                self.rest_watch(moment, trouble, Duration::ZERO, fx);
            }
            _ => self.watch_gone(moment, trouble, fx),
        }
    }

    /// The version is of no use any more: a new list.
    fn watch_gone(&mut self, moment: Moment, trouble: &Trouble, fx: &mut Vec<Effect>) {
        self.watch.phase = Phase::None;
        if self.is_past_page_one() && self.watch.version != self.watch.opened_at {
            // A bookmark has brought it further than where it began: nothing is lost if it goes on from there.
            self.rest_watch(moment, trouble, Duration::ZERO, fx);
            return;
        }
        if self.yields_nothing() {
            self.poll_instead(moment, trouble, fx);
            return;
        }
        let failure = self.watch_failure(moment, trouble);
        let jitter = self.rng.f64();
        // A version that expired while the watch waited is listed again soon: the wait for the watch was one step already.
        let backoff = if trouble.is_gone() { &mut self.gone_backoff } else { &mut self.watch_backoff };
        let wait = backoff.next(jitter).max(trouble.retry_after.unwrap_or_default());
        self.relist(moment, wait, failure, fx);
    }

    fn watch_denied(&mut self, moment: Moment, trouble: &Trouble, fx: &mut Vec<Effect>) {
        self.watch.denied_until = Some(moment.now.mono + self.tuning.denied_period);
        let failure = self.watch_failure(moment, trouble);
        fx.push(Effect::Tell(ClusterEvent::Failed(Box::new(failure))));
        if self.is_complete() {
            self.poll_later(moment, fx);
        }
    }

    /// The watch is opened again from the same version after the backoff, at least `floor` from now.
    fn rest_watch(&mut self, moment: Moment, trouble: &Trouble, floor: Duration, fx: &mut Vec<Effect>) {
        let jitter = self.rng.f64();
        let mut wait = self.watch_backoff.next(jitter).max(trouble.retry_after.unwrap_or_default()).max(floor);
        if trouble.alien {
            wait = wait.max(self.tuning.rejected_delay);
        }
        let failure = self.watch_failure(moment, trouble);
        self.reopen(moment, wait, fx);
        if let Phase::Resting { credentials, .. } = &mut self.watch.phase {
            *credentials = wants_credentials(trouble.layer);
        }
        if self.is_complete() {
            self.tell_waiting(moment, wait, failure, fx);
        } else {
            let failure = Failure { next_in: Some(wait), ..failure };
            fx.push(Effect::Tell(ClusterEvent::Failed(Box::new(failure.clone()))));
            self.watch.untold = Some((moment.now.mono + wait, failure));
        }
    }

    pub(super) fn watch_timer(&mut self, moment: Moment, fx: &mut Vec<Effect>) {
        if self.watch_due().is_none_or(|due| due > moment.now.mono) {
            return;
        }
        match self.watch.phase {
            Phase::Resting { .. } => self.open(moment, fx),
            Phase::Open { heard, .. } if self.streams().is_some() => {
                self.close_watch(fx);
                self.stream_stalled(moment, heard, fx);
            }
            Phase::Open { heard, .. } => {
                if self.is_accepted(moment) {
                    // Until it has lasted, a 403 may still follow.
                    self.watch_granted(Right { granted: true, ..self.watch_right });
                    self.accepted(fx);
                } else {
                    self.silent(moment, heard, fx);
                }
            }
            Phase::None | Phase::Opening => {}
        }
    }

    /// Looks at `next` again whether the server answers.
    pub(super) fn look_again(&mut self, next: Mono) {
        if let Phase::Open { look, .. } = &mut self.watch.phase {
            *look = Some(next);
        }
    }

    /// Ends what the watch waits for, but for the time between two starts.
    pub(super) fn watch_now(&mut self, moment: Moment, fx: &mut Vec<Effect>) {
        if matches!(self.watch.phase, Phase::Resting { .. }) {
            self.reopen(moment, Duration::ZERO, fx);
        }
    }
}

/// "" and "0" would make the server send everything, past its caches: never (kubernetes/kubernetes#123448).
fn is_versionless(version: &str) -> bool {
    matches!(version, "" | "0")
}
