//! The end of a silence: a list that waits goes on, and so does one whose page hangs.

use super::{List, Reflector, Rest};
use crate::cluster::reflector::{Effect, Moment};
use crate::cluster::silence::ends_with_silence;
use crate::msg::{Mono, SyncState};

impl Reflector {
    /// Brings the next attempt forward; the backoff stays as it is, should that fail too. A page that `hangs` is given up.
    pub(in crate::cluster::reflector) fn wake_list(&mut self, moment: Moment, hangs: bool, fx: &mut Vec<Effect>) {
        let soon = self.soon(moment);
        let waits = self.told_failure().is_some_and(|failure| ends_with_silence(failure.layer));
        match &mut self.list {
            List::Waiting { until, .. } if waits && *until > soon => *until = soon,
            List::Running(run) => match &mut run.rest {
                Some(rest) if waits && rest.told && rest.until > soon => rest.until = soon,
                None if hangs => {
                    run.rest = Some(Rest { until: soon, told: false, credentials: false });
                    fx.push(Effect::Abandon);
                    return;
                }
                _ => return,
            },
            _ => return,
        }
        self.tell_sooner(soon, fx);
    }

    /// The model counts down to the next attempt.
    pub(in crate::cluster::reflector) fn tell_sooner(&mut self, soon: Mono, fx: &mut Vec<Effect>) {
        if let Some(failure) = self.told_failure().cloned() {
            self.tell(SyncState::Waiting { until: soon, failure: Box::new(failure) }, fx);
        }
    }
}
