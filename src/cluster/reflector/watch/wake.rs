//! The end of a silence, for the watch: a waiting watch is opened, and so is one that may be dead.

use super::{Reflector, WatchPhase};
use crate::cluster::reflector::{ReflectorEffect, StepContext};
use crate::cluster::silence::{ServerSilence, ends_with_silence};
use crate::msg::Mono;

impl Reflector {
    /// Brings the next attempt forward; the backoff stays as it is, should that fail too.
    ///
    /// A request that went out during the silence, and a watch that has brought nothing since, may be on a dead
    /// connection: the watch continues from the same version on another one.
    pub(in crate::cluster::reflector) fn wake_watch(
        &mut self,
        moment: StepContext,
        silence: ServerSilence,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let spacing = self.tuning.watch_spacing;
        let started = self.watch.started.unwrap_or_default();
        let soon = self.soon(moment).max(started + spacing);
        let unreported = self.watch.unreported.as_ref().map(|(_, failure)| failure);
        let failure = unreported.or(if self.is_complete() { self.failure_shown() } else { None });
        let waits = failure.is_some_and(|failure| ends_with_silence(failure.layer));
        let streams = self.streams().is_some();
        match &mut self.watch.phase {
            WatchPhase::Resting { until, .. } if waits && *until > soon => *until = soon,
            WatchPhase::Opening if !self.watch.initial && started < silence.to => return self.open_elsewhere(soon, fx),
            WatchPhase::Open { last_event, .. } if *last_event < silence.from && !streams => {
                return self.open_elsewhere(soon, fx);
            }
            _ => return,
        }
        match &mut self.watch.unreported {
            Some((until, _)) => *until = soon,
            None => self.publish_sooner(soon, fx),
        }
    }

    fn open_elsewhere(&mut self, soon: Mono, fx: &mut Vec<ReflectorEffect>) {
        self.close_watch(fx);
        self.watch.phase = WatchPhase::Resting { until: soon, credentials: false };
    }
}
