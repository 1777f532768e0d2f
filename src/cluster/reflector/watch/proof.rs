//! The proof that an open watch gives of its version.

use std::time::Duration;

use super::WatchPhase;
use crate::cluster::classify::RequestError;
use crate::cluster::reflector::barren::Lived;
use crate::cluster::reflector::{Reflector, ReflectorEffect, Right, StepContext, WATCH, WatchEnd};
use crate::msg::{Failure, Mono};

impl Reflector {
    /// Records that the server permits the watch: an event came, or the watch stayed silent for long enough.
    pub(super) fn watch_granted(&mut self, right: Right) {
        self.watch.attempt = 0;
        self.watch.refused = 0;
        self.watch_text = None;
        self.watch_right = right;
        self.watch.renewing = false;
    }

    /// History of the watch that ends now, if it was open, and the number of its events.
    pub(super) fn lived(&mut self, now: Mono, end: &WatchEnd) -> (Option<Lived>, u64) {
        let WatchPhase::Open { since, last_event, events, unreadable, accepted, .. } = self.watch.phase else {
            return (None, 0);
        };
        let (whole, silence) = (now.since(since), now.since(last_event));
        let requested = Duration::from_secs(self.watch.seconds);
        // The server itself ended it, and not at once: there was nothing to report (R14).
        let ended = matches!(end, WatchEnd::Clean) && !unreadable && whole >= self.tuning.watch_short;
        let refuted = events == 0 && self.is_refuted(whole, end);
        (Some(Lived { whole, silence, accepted: (accepted || ended) && !refuted, requested }), events)
    }

    /// Requests new credentials; not after the second rejection in a row, which is final for a while.
    pub(super) fn renew_once(&mut self, fx: &mut Vec<ReflectorEffect>) -> bool {
        self.watch.renewing = !self.watch.renewing;
        if self.watch.renewing {
            fx.push(ReflectorEffect::Renew);
        }
        self.watch.renewing
    }

    /// `true` once the version of the watch is proven by time. Records the proof.
    pub(super) fn is_accepted(&mut self, moment: StepContext) -> bool {
        let at = self.watch.accepted_at(self.acceptance());
        let is = at.is_some_and(|at| at <= moment.now.mono);
        if let WatchPhase::Open { accepted, .. } = &mut self.watch.phase {
            *accepted |= is;
        }
        is
    }

    /// Resets the backoffs, since the watch works or everything starts over.
    pub(in crate::cluster::reflector) fn watch_proven(&mut self) {
        self.watch_backoff.reset();
        self.gone_backoff.reset();
    }

    pub(super) fn watch_failure(&mut self, moment: StepContext, error: &RequestError) -> Failure {
        let attempt = self.watch.attempt();
        self.failed(moment, WATCH, attempt, error)
    }
}
