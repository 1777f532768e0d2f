//! The end of a silence, for the list: a waiting list continues, and so does one whose page hangs.

use super::{ListPhase, Reflector, RetryWait};
use crate::cluster::reflector::{ReflectorEffect, StepContext};
use crate::cluster::silence::ends_with_silence;
use crate::msg::{Mono, SyncState};

impl Reflector {
    /// Brings the next attempt forward; the backoff stays as it is, should that fail too. A page that `hangs` is
    /// cancelled.
    pub(in crate::cluster::reflector) fn wake_list(
        &mut self,
        moment: StepContext,
        hangs: bool,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let soon = self.soon(moment);
        let waits = self.failure_shown().is_some_and(|failure| ends_with_silence(failure.layer));
        match &mut self.list {
            ListPhase::Waiting { until, .. } if waits && *until > soon => *until = soon,
            ListPhase::Running(run) => match &mut run.rest {
                Some(rest) if waits && rest.reported && rest.until > soon => rest.until = soon,
                None if hangs => {
                    run.rest = Some(RetryWait { until: soon, reported: false, credentials: false });
                    fx.push(ReflectorEffect::Abandon);
                    return;
                }
                _ => return,
            },
            _ => return,
        }
        self.publish_sooner(soon, fx);
    }

    /// The model counts down to the next attempt.
    pub(in crate::cluster::reflector) fn publish_sooner(&mut self, soon: Mono, fx: &mut Vec<ReflectorEffect>) {
        if let Some(failure) = self.failure_shown().cloned() {
            self.publish(SyncState::Waiting { until: soon, failure: Box::new(failure) }, fx);
        }
    }
}
