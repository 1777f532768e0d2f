//! What an open watch proves, and to whom.

use std::time::Duration;

use super::Phase;
use crate::cluster::classify::Trouble;
use crate::cluster::reflector::barren::Lived;
use crate::cluster::reflector::{Effect, Moment, Reflector, Right, WATCH, WatchEnd};
use crate::msg::{Failure, Mono};

impl Reflector {
    /// The server lets us watch: an event came, or nothing for long enough.
    pub(super) fn watch_granted(&mut self, right: Right) {
        self.watch.attempt = 0;
        self.watch.refused = 0;
        self.watch_text = None;
        self.watch_right = right;
        self.renewing = false;
    }

    /// What the watch was like that ends now, if it was open, and how many events came on it.
    pub(super) fn lived(&mut self, now: Mono, end: &WatchEnd) -> (Option<Lived>, u64) {
        let Phase::Open { since, heard, events, unreadable, accepted, .. } = self.watch.phase else {
            return (None, 0);
        };
        let (whole, silence) = (now.since(since), now.since(heard));
        let asked = Duration::from_secs(self.watch.seconds);
        // The server itself ends it, not at once: it had nothing to say (R14).
        let ended = matches!(end, WatchEnd::Clean) && !unreadable && whole >= self.tuning.watch_short;
        let refuted = events == 0 && self.is_refuted(whole, end);
        (Some(Lived { whole, silence, accepted: (accepted || ended) && !refuted, asked }), events)
    }

    /// Asks for new credentials; not after the second rejection in a row, which is final for a while.
    pub(super) fn renew_once(&mut self, fx: &mut Vec<Effect>) -> bool {
        self.renewing = !self.renewing;
        if self.renewing {
            fx.push(Effect::Renew);
        }
        self.renewing
    }

    /// The time has come after which the version of the watch is proven. Takes note of it.
    pub(super) fn is_accepted(&mut self, moment: Moment) -> bool {
        let at = self.watch.accepted_at(self.acceptance());
        let is = at.is_some_and(|at| at <= moment.now.mono);
        if let Phase::Open { accepted, .. } = &mut self.watch.phase {
            *accepted |= is;
        }
        is
    }

    /// The watch works, or everything begins anew: the next trouble is the first one.
    pub(in crate::cluster::reflector) fn watch_proven(&mut self) {
        self.watch_backoff.reset();
        self.gone_backoff.reset();
    }

    pub(super) fn watch_failure(&mut self, moment: Moment, trouble: &Trouble) -> Failure {
        let attempt = self.watch.attempt();
        self.failed(moment, WATCH, attempt, trouble)
    }
}
