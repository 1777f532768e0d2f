//! The two probe series on fixed ticks, and the server's version and clock, which their answers contain.
//!
//! Rules: `docs/latency-and-alerts.md`. Each tick gives exactly one sample (G8): the deadline is at most the period, so
//! a probe is over when the next tick is due, and a probe that timed out is a sample "at least the deadline". Ticks
//! that pass while the program is suspended are left out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::DATE;
use http::response::Parts;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::TaskContext;
use super::call::{ApiRequest, Limits};
use super::classify::{self, RequestError, is_html, one_line};
use super::silence::Missed;
use crate::clock::wall;
use crate::facts::text::Clean;
use crate::msg::{CallKind, ClusterEvent, Layer, ProbeOutcome, ProbeSample, ProbeSeries, Resource};
use crate::resource::NAMESPACES;

/// Path of the ping. It is exempt from queueing and from shutdown rejection: it proves reachability, nothing else (F28).
const PING: &str = "/livez";
/// Number of requests that the work probe can choose from: the cheapest that proves authn, authz, queueing and storage, and the
/// next one where the last is forbidden.
const RUNGS: usize = 3;
/// Least change of the skew that is reported: the resolution of the `Date` header.
const SKEW_STEP_MS: i64 = 1_000;
/// Time before a failed `/version` is requested again.
const VERSION_RETRY: Duration = Duration::from_secs(60);

/// Sends one sample for each tick of `series` until the task is dropped.
pub(crate) async fn run(shared: Arc<TaskContext>, series: ProbeSeries) {
    let mut state = ProbeState::new(series);
    let mut tick = Instant::now();
    loop {
        sleep_until(tick).await;
        let sample = state.probe(&shared, tick).await;
        let throttled = matches!(sample.outcome, ProbeOutcome::Failed { layer: Layer::Throttled, .. });
        shared.send_event(ClusterEvent::Probe(sample)).await;
        // The next tick on the grid that is not yet over; a throttled work probe leaves some of them out.
        let period = shared.tuning.probe_period;
        let stride =
            if throttled && series == ProbeSeries::Work { shared.tuning.probe_throttled.max(period) } else { period };
        tick += stride;
        while tick + period <= Instant::now() {
            tick += period;
        }
    }
}

struct ProbeState {
    series: ProbeSeries,
    /// Index of the request of the work probe, below [`RUNGS`].
    rung: usize,
    /// Set if the last probe got no answer.
    down: bool,
    serial: u64,
    skew_ms: Option<i64>,
    missed: Missed,
    /// The failure that was sent last, while probes fail.
    reported: Option<(Layer, Clean)>,
}

impl ProbeState {
    fn new(series: ProbeSeries) -> Self {
        Self { series, rung: 0, down: true, serial: 0, skew_ms: None, missed: Missed::default(), reported: None }
    }

    fn uri(&self) -> String {
        match (self.series, self.rung) {
            (ProbeSeries::Ping, _) => PING.to_owned(),
            (ProbeSeries::Work, 0) => format!("{}?limit=1", NAMESPACES.best_path()),
            (ProbeSeries::Work, 1) => format!("{}?limit=1", Resource::Nodes.list_path()),
            (ProbeSeries::Work, _) => "/version".to_owned(),
        }
    }

    /// Sends the failure of probes. Of equal failures in a row only the first is sent; otherwise they would fill the list of
    /// failures.
    async fn report(&mut self, shared: &TaskContext, error: Option<RequestError>) {
        // A 403 only leads to the next rung, and the session reports credentials.
        let reported = |error: &RequestError| !matches!(error.layer, Layer::Rbac | Layer::Credentials | Layer::Config);
        let Some(error) = error.filter(reported) else {
            self.reported = None;
            return;
        };
        let now = Some((error.layer, error.text.clone()));
        if self.reported != now {
            self.reported = now;
            let failure = error.failure(wall(), &format!("get {}", self.uri()), 1);
            shared.send_event(ClusterEvent::Failed(Box::new(failure))).await;
        }
    }

    async fn probe(&mut self, shared: &TaskContext, tick: Instant) -> ProbeSample {
        let start = Instant::now();
        let deadline = start + shared.tuning.probe_deadline;
        let answer = match timeout_at(deadline, shared.session.clients()).await {
            Ok(Ok(session)) => {
                if self.serial != session.serial {
                    self.serial = session.serial;
                    self.rung = 0;
                }
                let limits = Limits::small(deadline.saturating_duration_since(Instant::now()));
                let kind = if self.series == ProbeSeries::Ping { CallKind::Ping } else { CallKind::Work };
                let request = ApiRequest { kind, page: None, attempt: 1, uri: self.uri(), limits };
                let mut body = Vec::new();
                let answer = session.probe.fetch(&request, &shared.tuning, &mut body).await;
                // A captive portal answers everything with success (F34).
                answer.and_then(|head| if is_html(&head, &body) { Err(classify::not_kubernetes()) } else { Ok(head) })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(RequestError::new(Layer::Credentials, "the credentials are not ready")),
        };
        let latency = start.elapsed();
        let outcome = match &answer {
            Ok(head) => {
                self.skew(shared, head, latency).await;
                ProbeOutcome::Answered { latency }
            }
            // An answer below 500 is an answer, even if it refuses the request.
            Err(RequestError { code: Some(code), layer, not_kubernetes: false, .. })
                if *code < 500 && *layer != Layer::Throttled =>
            {
                if *code == 401 {
                    shared.session.renew(self.serial);
                }
                if *code == 403 && self.series == ProbeSeries::Work {
                    self.rung = (self.rung + 1).min(RUNGS - 1);
                }
                ProbeOutcome::Answered { latency }
            }
            Err(error) if error.timeout && error.code.is_none() => ProbeOutcome::TimedOut { at_least: latency },
            Err(error) => ProbeOutcome::Failed { after: latency, layer: error.layer },
        };
        self.report(shared, answer.err()).await;
        let up = matches!(outcome, ProbeOutcome::Answered { .. });
        if up && self.down && self.series == ProbeSeries::Ping {
            shared.reconnected.notify_one();
        }
        if self.series == ProbeSeries::Ping {
            shared.answering.store(up, Ordering::Relaxed);
        }
        self.down = !up;
        if let Some(from) = self.missed.note(shared.mono_of(tick), &outcome) {
            shared.wake.answered(self.series, from, shared.clock.mono());
        }
        ProbeSample { series: self.series, tick: shared.mono_of(tick), outcome }
    }

    async fn skew(&mut self, shared: &TaskContext, head: &Parts, latency: Duration) {
        if self.series != ProbeSeries::Ping {
            return;
        }
        let Some(skew_ms) = head.headers.get(DATE).and_then(|date| skew_ms(date.to_str().ok()?, wall(), latency))
        else {
            return;
        };
        if self.skew_ms.is_none_or(|reported| (reported - skew_ms).abs() > SKEW_STEP_MS) {
            self.skew_ms = Some(skew_ms);
            shared.send_event(ClusterEvent::Skew { ours_minus_server_ms: skew_ms }).await;
        }
    }
}

/// Our clock minus the server's: the header was written half the round trip ago, and is cut to whole seconds.
pub(super) fn skew_ms(date: &str, ours: Timestamp, latency: Duration) -> Option<i64> {
    let server = DateTimeParser::new().parse_timestamp(date).ok()?;
    let half = i64::try_from(latency.as_millis() / 2).ok()?;
    Some(ours.as_millisecond() - half - (server.as_millisecond() + 500))
}

/// Requests `/version` after each reconnect, the first one included, until the task is dropped.
pub(crate) async fn versions(shared: Arc<TaskContext>) {
    loop {
        shared.reconnected.notified().await;
        while let Err(layer) = version(&shared).await {
            if matches!(layer, Layer::Rbac | Layer::Auth) {
                // Forbidden: after the next reconnect another server may answer.
                break;
            }
            tokio::select! {
                () = shared.reconnected.notified() => {}
                () = sleep(VERSION_RETRY) => {}
            }
        }
    }
}

async fn version(shared: &TaskContext) -> Result<(), Layer> {
    #[derive(Deserialize)]
    struct ProbeAnswer {
        #[serde(rename = "gitVersion")]
        git_version: String,
    }

    let session = shared.session.clients().await.map_err(|error| error.layer)?;
    let limits = Limits::small(shared.tuning.connect_deadline);
    let request = ApiRequest { kind: CallKind::Get, page: None, attempt: 1, uri: "/version".to_owned(), limits };
    let mut body = Vec::new();
    session.api.fetch(&request, &shared.tuning, &mut body).await.map_err(|error| error.layer)?;
    let answer: ProbeAnswer = serde_json::from_slice(&body).map_err(|_| Layer::Decode)?;
    shared.send_event(ClusterEvent::Version(one_line(&answer.git_version))).await;
    Ok(())
}

#[cfg(test)]
mod tests;
