//! A page that failed: retries in place, expired tokens, forbidden lists, the end of a round.

use std::time::Duration;

use super::{ListPhase, ListRun, Reflector, RetryWait, VersionProbe};
use crate::cluster::classify::{RequestError, one_line};
use crate::cluster::reflector::{ReflectorEffect, StepContext, smaller_helps, wants_credentials};
use crate::msg::{ClusterEvent, Failure, Layer, SyncState};

/// 410s on the same page in a row after which its tokens are useless and the list starts again.
const GONE_IN_A_ROW: u32 = 3;

impl Reflector {
    /// Handles a failed attempt of a page: it is retried in place, read in smaller pages, or the round ends.
    pub(in crate::cluster::reflector) fn page_failed(
        &mut self,
        moment: StepContext,
        error: &RequestError,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let ListPhase::Running(mut run) = std::mem::replace(&mut self.list, ListPhase::Idle) else { return };
        if let VersionProbe::Running(since) = run.version_probe {
            // The next page 1 brings a version anyway.
            let failure = self.failed(moment, "list one of", 1, error);
            fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
            self.version_probed(moment, since, run, fx);
            return;
        }
        run.unanswered = error.layer == Layer::FirstByte;
        let mut error = error.clone();
        if let Some(limit) = smaller_helps(&error).and_then(|why| self.size.shrink(why)) {
            error.text = one_line(&format!("{}; page size cut to {limit}", error.text));
        }
        let error = &error;
        if error.is_gone() {
            self.page_gone(moment, run, error, fx);
        } else if error.layer == Layer::Auth && !self.renewing {
            self.renewing = true;
            fx.push(ReflectorEffect::Renew);
            // Renewed credentials end this wait at once; without any the second rejection is reported.
            let wait = self.tuning.page_retries.last().copied();
            let failure = Failure { next_in: wait, ..self.page_failure(moment, &run, error) };
            self.rest(moment, run, failure, fx);
        } else if error.layer == Layer::Rbac && !self.is_transient(moment, "list") {
            self.denied(moment, &run, error, fx);
        } else if let Some(wait) = self.retry_wait(moment, &run, error) {
            let failure = Failure { next_in: Some(wait), ..self.page_failure(moment, &run, error) };
            self.rest(moment, run, failure, fx);
        } else {
            self.give_up(moment, Some(run), error, fx);
        }
    }

    /// Wait before the next attempt of this round; `None` when the round is over.
    fn retry_wait(&self, moment: StepContext, run: &ListRun, error: &RequestError) -> Option<Duration> {
        let again = match error.layer {
            Layer::Auth | Layer::Rbac => false,
            Layer::FirstByte | Layer::Body | Layer::ServerTimeout | Layer::Throttled => true,
            // Before page 2 nothing is lost, and a dead server refuses at once: the outer backoff applies.
            _ => run.page > 1,
        };
        let wait = *self.tuning.page_retries.get(usize::try_from(run.attempt).ok()?.checked_sub(1)?)?;
        let wait = wait.max(error.retry_after.unwrap_or_default());
        let spent = moment.now.mono.since(run.since).saturating_add(wait);
        (again && !error.not_kubernetes && spent < self.tuning.page_budget).then_some(wait)
    }

    /// Waits before the same page is requested again; the pages so far stay.
    fn rest(&mut self, moment: StepContext, mut run: ListRun, failure: Failure, fx: &mut Vec<ReflectorEffect>) {
        let until = moment.now.mono + failure.next_in.unwrap_or_default();
        run.attempt = run.attempt.saturating_add(1);
        run.rest = Some(RetryWait { until, reported: false, credentials: wants_credentials(failure.layer) });
        self.list = ListPhase::Running(run);
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
    }

    fn page_gone(
        &mut self,
        moment: StepContext,
        mut run: ListRun,
        error: &RequestError,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        run.gone += 1;
        let token = error.continue_token().map(str::to_owned);
        if let (Some(token), true) = (token, run.page > 1 && run.gone <= GONE_IN_A_ROW) {
            // The rest of the list at the newest version: the watch from page 1 and the sweep repair the mix (R5, F40).
            let failure = self.page_failure(moment, &run, error);
            fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
            self.fetch(moment, ListRun { token: Some(token), ..run }, fx);
        } else {
            self.give_up(moment, None, error, fx);
        }
    }

    fn denied(&mut self, moment: StepContext, run: &ListRun, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        let tenth = self.tuning.denied_period / 10;
        let wait = self.between(self.tuning.denied_period.saturating_sub(tenth), self.tuning.denied_period + tenth);
        let mut failure = self.page_failure(moment, run, error);
        failure.next_in = Some(wait);
        let failure = Box::new(failure);
        fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(failure.clone())));
        self.publish(SyncState::Denied { failure }, fx);
        self.list = ListPhase::Waiting { until: moment.now.mono + wait, credentials: false, poll: false };
    }

    /// Ends the round with the outer backoff. A list past page 1 keeps its page; otherwise the next one starts at page
    /// 1.
    pub(super) fn give_up(
        &mut self,
        moment: StepContext,
        run: Option<ListRun>,
        error: &RequestError,
        fx: &mut Vec<ReflectorEffect>,
    ) {
        let jitter = self.rng.f64();
        let mut wait = self.list_backoff.next(jitter).max(error.retry_after.unwrap_or_default());
        if error.not_kubernetes || error.layer == Layer::Auth {
            wait = wait.max(self.tuning.rejected_delay);
            // After that wait new credentials may be requested once more.
            self.renewing = false;
        }
        let failure = match &run {
            Some(run) => self.page_failure(moment, run, error),
            None => self.failed(moment, "list", self.list_backoff.failures(), error),
        };
        let (until, credentials) = (moment.now.mono + wait, wants_credentials(error.layer));
        self.list = match run {
            Some(run) if run.page > 1 => {
                let rest = Some(RetryWait { until, reported: true, credentials });
                ListPhase::Running(ListRun { attempt: 1, failures: run.attempts(), since: until, rest, ..run })
            }
            _ => ListPhase::Waiting { until, credentials, poll: false },
        };
        self.publish_waiting(moment, wait, failure, fx);
    }

    fn page_failure(&mut self, moment: StepContext, run: &ListRun, error: &RequestError) -> Failure {
        let attempt = run.attempts();
        let verb = if run.page > 1 { format!("list page {} of", run.page) } else { "list".to_owned() };
        self.failed(moment, &verb, attempt, error)
    }
}
