//! The clients of one cluster and their credentials: built in the background, renewed before they expire and after the
//! server has rejected them, one renewal at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::call::ApiClient;
use super::classify::RequestError;
use super::connect::HttpClient;
use super::deadline::Backoff;
use super::exec::{WRONG_CLOCK, renewal};
use super::meter::MeterSink;
use super::tuning::Tuning;
use super::{Task, TaskContext, warnings};
use crate::clock::wall;
use crate::facts::text::Clean;
use crate::msg::{ClusterEvent, Failure, Layer};

/// Least time between two renewals because of rejections (F20); doubles while the new credentials are rejected too,
/// since a plugin may open a browser each time.
const RENEWAL_SPACING: Duration = Duration::from_secs(30);
/// Largest spacing.
const RENEWAL_SPACING_CAP: Duration = Duration::from_secs(300);
/// Time after which a rejection no longer counts as one of a series.
const ACCEPTED: Duration = Duration::from_secs(600);
/// Time between two checks of token and certificate files (F64).
const RELOAD: Duration = Duration::from_secs(60);
/// Longest time for an operator to log in with a plugin that has the terminal; Ctrl-C is sooner.
const LOGIN_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// Least time between two renewals, however short the credentials live.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// Clients with one set of credentials. Each has its own connections, so that a probe never queues behind a list.
pub(crate) struct Clients {
    /// Grows with each renewal.
    pub(crate) serial: u64,
    /// For lists and watches.
    pub(crate) api: ApiClient,
    /// For probes.
    pub(crate) probe: ApiClient,
}

/// Builder of clients: from a kubeconfig, or from a scripted service in tests.
pub(crate) trait ClientFactory: Send + 'static {
    /// Builds clients; also returns the end of their credentials' validity.
    fn build(
        &mut self,
        tuning: Arc<Tuning>,
        sink: MeterSink,
    ) -> impl Future<Output = Result<Built, RequestError>> + Send;

    /// The same with the terminal: a credential plugin may prompt until `deadline`.
    fn log_in(
        &mut self,
        tuning: Arc<Tuning>,
        sink: MeterSink,
        _deadline: Duration,
    ) -> impl Future<Output = Result<Built, RequestError>> + Send {
        self.build(tuning, sink)
    }

    /// Sets the reason why the next [`ClientFactory::build`] must not use cached credentials.
    fn renew(&mut self, _why: Renewal) {}

    /// Waits until another context has obtained newer credentials than those of the last build.
    fn superseded(&self) -> Task {
        Box::pin(std::future::pending())
    }

    /// `true` if the credential files have changed since the clients were built.
    fn stale(&mut self) -> impl Future<Output = bool> + Send;

    /// `true` if the kubeconfig itself has changed since; the next [`ClientFactory::build`] reads it again (F65).
    fn edited(&mut self) -> impl Future<Output = bool> + Send;
}

/// Reason against cached credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The server has rejected them.
    Rejected,
    /// The operator requests another attempt.
    Refreshed,
}

/// Result of [`ClientFactory::build`].
pub(crate) struct Built {
    /// For lists and watches.
    pub(crate) api: HttpClient,
    /// For probes.
    pub(crate) probe: HttpClient,
    /// End of the credentials' validity, if known.
    pub(crate) expires: Option<Timestamp>,
    /// Time of issue, if that is not now.
    pub(crate) issued: Option<Timestamp>,
    /// The server's URL and whether TLS verification is off, if they have changed since the last build.
    pub(crate) moved: Option<(Clean, bool)>,
    /// Notes on settings of the context that have no effect.
    pub(crate) notes: Vec<Clean>,
}

#[derive(Clone)]
enum SessionState {
    Preparing,
    Ready(Arc<Clients>),
    Broken(Box<RequestError>),
}

/// The current clients, for every task of the cluster.
pub(crate) struct Session {
    state: watch::Sender<SessionState>,
    rejected: mpsc::Sender<u64>,
    logins: mpsc::Sender<LoginReply>,
}

/// Channel for the outcome of a login: `Ok`, or the reason why there are no new credentials.
pub(crate) type LoginReply = oneshot::Sender<Result<(), Clean>>;

/// The receiving end of a [`Session`].
pub(crate) struct SessionRequests {
    /// Serials of rejected clients.
    rejected: mpsc::Receiver<u64>,
    logins: mpsc::Receiver<LoginReply>,
}

/// Notification of changed clients.
pub(crate) struct Renewals(watch::Receiver<SessionState>);

impl Session {
    pub(crate) fn new() -> (Self, SessionRequests) {
        let (rejected, rejections) = mpsc::channel(1);
        let (logins, login_requests) = mpsc::channel(1);
        let session = Self { state: watch::channel(SessionState::Preparing).0, rejected, logins };
        (session, SessionRequests { rejected: rejections, logins: login_requests })
    }

    /// Requests a login: the screen is suspended for a credential plugin.
    pub(crate) fn log_in(&self, answer: LoginReply) {
        // Full: a login is pending already; the dropped channel informs the caller.
        let _ = self.logins.try_send(answer);
    }

    /// The clients, as soon as there are any; or the reason why there are none.
    ///
    /// # Errors
    /// The error that prevents the clients from being built.
    pub(crate) async fn clients(&self) -> Result<Arc<Clients>, RequestError> {
        let mut state = self.state.subscribe();
        // The session task always ends this wait: its plugins and its files have deadlines.
        let decided =
            state.wait_for(|state| !matches!(state, SessionState::Preparing)).await.map(|state| state.clone());
        match decided {
            Ok(SessionState::Ready(clients)) => Ok(clients),
            Ok(SessionState::Broken(error)) => Err(*error),
            Ok(SessionState::Preparing) | Err(_) => {
                Err(RequestError::new(Layer::Internal, "the credentials are not ready"))
            }
        }
    }

    /// Reports that the server rejected the credentials of this serial.
    pub(crate) fn renew(&self, serial: u64) {
        // Full: a renewal is pending already.
        let _ = self.rejected.try_send(serial);
    }

    pub(crate) fn subscribe(&self) -> Renewals {
        let mut state = self.state.subscribe();
        state.mark_unchanged();
        Renewals(state)
    }
}

impl Renewals {
    /// Waits for new clients.
    ///
    /// # Errors
    /// The session is gone.
    pub(crate) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        loop {
            self.0.changed().await?;
            if matches!(*self.0.borrow_and_update(), SessionState::Ready(_)) {
                return Ok(());
            }
        }
    }
}

/// Builds the clients and renews them until the task is dropped.
pub(crate) async fn run(
    shared: &TaskContext,
    source: &mut impl ClientFactory,
    requests: &mut SessionRequests,
    seed: u64,
) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut backoff = Backoff::new(&shared.tuning);
    let mut serial = 0_u64;
    let mut spacing = Duration::ZERO;
    let mut login: Option<LoginReply> = None;
    loop {
        // A background run of the plugin yields to the operator.
        let made = if login.is_some() {
            attempt(shared, source, serial + 1, true).await
        } else {
            tokio::select! {
                biased;
                Some(answer) = requests.logins.recv() => {
                    login = Some(answer);
                    continue;
                }
                made = attempt(shared, source, serial + 1, false) => made,
            }
        };
        if let Some(answer) = login.take() {
            // The caller may be gone.
            let _ = answer.send(made.as_ref().map(|_| ()).map_err(|error| error.text.clone()));
        }
        let due = match made {
            Ok(life) => {
                serial += 1;
                backoff.reset();
                life.map(|life| Instant::now() + life)
            }
            Err(error) => {
                let wait = backoff.next(rng.f64());
                let failure = error.failure(wall(), "get credentials", backoff.failures());
                report_failure(shared, error, Failure { next_in: Some(wait), ..failure }).await;
                Some(Instant::now() + wait)
            }
        };
        let begun = Instant::now();
        match pause(shared, source, requests, Pause { due, serial, spacing }).await {
            RenewalReason::Due => {}
            RenewalReason::LogIn(answer) => login = Some(answer),
            RenewalReason::Refreshed => source.renew(Renewal::Refreshed),
            RenewalReason::Rejected => {
                source.renew(Renewal::Rejected);
                let accepted = begun.elapsed() >= ACCEPTED;
                let doubled = (spacing * 2).clamp(RENEWAL_SPACING, RENEWAL_SPACING_CAP);
                spacing = if accepted { RENEWAL_SPACING } else { doubled };
            }
            RenewalReason::Over => return,
        }
    }
}

/// Reports that no client could be built.
async fn report_failure(shared: &TaskContext, error: RequestError, failure: Failure) {
    shared.send_event(ClusterEvent::Failed(Box::new(failure))).await;
    if error.permanent {
        shared.send_event(ClusterEvent::Unusable).await;
    }
    // Working clients stay in use until the server rejects them (F60).
    shared.session.state.send_if_modified(|state| {
        let replace = !matches!(state, SessionState::Ready(_));
        if replace {
            *state = SessionState::Broken(Box::new(error));
        }
        replace
    });
}

/// Reason for building clients again.
enum RenewalReason {
    /// The credentials expire, their files have changed, or the last attempt failed a while ago.
    Due,
    /// The operator requests a refresh.
    Refreshed,
    /// The server rejects the credentials.
    Rejected,
    /// The operator logs in with a plugin that has the terminal.
    LogIn(LoginReply),
    /// The session has ended: the clients are no longer needed.
    Over,
}

/// The time until the next renewal.
struct Pause {
    due: Option<Instant>,
    serial: u64,
    /// Time before which rejections are ignored.
    spacing: Duration,
}

/// Waits for a reason to build clients again.
async fn pause(
    shared: &TaskContext,
    source: &mut impl ClientFactory,
    requests: &mut SessionRequests,
    pause: Pause,
) -> RenewalReason {
    let Pause { due, serial, spacing } = pause;
    let mut refresh = shared.refreshes();
    let mut resumed = shared.resumes();
    let mut superseded = source.superseded();
    let begun = Instant::now();
    let mut next_look = begun + RELOAD;
    loop {
        let next = due.map_or(next_look, |due| due.min(next_look));
        tokio::select! {
            () = sleep_until(next) => {
                if next < next_look || source.stale().await {
                    return RenewalReason::Due;
                }
                next_look = Instant::now() + RELOAD;
            }
            Some(answer) = requests.logins.recv() => return RenewalReason::LogIn(answer),
            Some(rejected) = requests.rejected.recv() => {
                // A rejection of clients that have been replaced is outdated.
                if rejected == serial && begun.elapsed() >= spacing {
                    return RenewalReason::Rejected;
                }
            }
            changed = refresh.changed() => {
                if changed.is_err() {
                    return RenewalReason::Over;
                }
                let ready = matches!(*shared.session.state.borrow(), SessionState::Ready(_));
                if !ready || source.stale().await || source.edited().await {
                    return RenewalReason::Refreshed;
                }
            }
            () = &mut superseded => return RenewalReason::Due,
            // New clients have new connections: those from before the sleep are dead, and no error will come from them
            // (F06, F67).
            changed = resumed.changed() => return if changed.is_ok() { RenewalReason::Due } else { RenewalReason::Over },
        }
    }
}

/// One attempt, with the terminal or without; returns the time until the next renewal.
async fn attempt(
    shared: &TaskContext,
    source: &mut impl ClientFactory,
    serial: u64,
    terminal: bool,
) -> Result<Option<Duration>, RequestError> {
    let (tuning, sink) = (shared.tuning.clone(), shared.sink.clone());
    // Files and plugins have deadlines of their own, and a plugin may wait for its turn.
    let made =
        if terminal { source.log_in(tuning, sink, LOGIN_DEADLINE).await? } else { source.build(tuning, sink).await? };
    if let Some((url, insecure)) = made.moved {
        shared.send_event(ClusterEvent::Server { url, insecure }).await;
    }
    for note in made.notes {
        warnings::report_note(shared, &note).await;
    }
    let line = |client| ApiClient { client, sink: shared.sink.clone() };
    let clients = Clients { serial, api: line(made.api), probe: line(made.probe) };
    shared.session.state.send_replace(SessionState::Ready(Arc::new(clients)));
    let now = wall();
    Ok(made.expires.map(|expires| {
        let until = renewal(made.issued.unwrap_or(now), expires, shared.tuning.exec_early);
        until.map_or(WRONG_CLOCK, |until| {
            let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            left.max(SHORTEST_LIFE)
        })
    }))
}

#[cfg(test)]
mod tests;
