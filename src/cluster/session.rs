//! The clients of one cluster and the credentials in them: built in the background, renewed before they expire and after
//! the server has rejected them, one at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::call::Line;
use super::classify::Trouble;
use super::deadline::Backoff;
use super::exec::{WRONG_CLOCK, renewal};
use super::meter::Sink;
use super::tuning::Tuning;
use super::{Shared, Task, warnings};
use crate::clock::wall;
use crate::facts::text::Clean;
use crate::msg::{ClusterEvent, Layer};

/// Least time between two renewals that rejections ask for (F20); doubles while the new credentials are rejected too, since
/// a plugin may open a browser each time.
const RENEWAL_SPACING: Duration = Duration::from_secs(30);
/// The spacing does not grow beyond this.
const RENEWAL_SPACING_CAP: Duration = Duration::from_secs(300);
/// Credentials that were good for this long are not part of a series of rejections.
const ACCEPTED: Duration = Duration::from_secs(600);
/// Token and certificate files are looked at this often (F64).
const RELOAD: Duration = Duration::from_secs(60);
/// Longest time for an operator to log in with a plugin that has the terminal; Ctrl-C is sooner.
const LOGIN_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// However short they live, credentials are not renewed more often than this.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// Clients with the credentials of one moment. Each has its own connections, so that a probe never queues behind a list.
pub(crate) struct Clients {
    /// Grows with each renewal.
    pub(crate) serial: u64,
    /// For lists and watches.
    pub(crate) api: Line,
    /// For probes.
    pub(crate) probe: Line,
}

/// How clients are made: from a kubeconfig, or from a scripted service in tests.
pub(crate) trait Build: Send + 'static {
    /// Makes clients; also says until when their credentials hold.
    fn build(&mut self, tuning: Arc<Tuning>, sink: Sink) -> impl Future<Output = Result<Built, Trouble>> + Send;

    /// The same for an operator who waits for it: a credential plugin has the terminal, until `deadline`.
    fn log_in(
        &mut self,
        tuning: Arc<Tuning>,
        sink: Sink,
        _deadline: Duration,
    ) -> impl Future<Output = Result<Built, Trouble>> + Send {
        self.build(tuning, sink)
    }

    /// Tells why the next [`Build::build`] is wanted, where credentials that are kept would not do.
    fn renew(&mut self, _why: Renewal) {}

    /// Waits until there are newer credentials than those of the last build, which another context has got.
    fn superseded(&self) -> Task {
        Box::pin(std::future::pending())
    }

    /// The credential files that the clients were built from have changed since.
    fn stale(&mut self) -> impl Future<Output = bool> + Send;

    /// The kubeconfig itself has changed since; the next [`Build::build`] reads it again (F65).
    fn edited(&mut self) -> impl Future<Output = bool> + Send;
}

/// Reasons against credentials that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The server has rejected them.
    Rejected,
    /// The operator wants to know whether it works by now.
    Refreshed,
}

/// What [`Build`] makes.
pub(crate) struct Built {
    /// For lists and watches.
    pub(crate) api: kube::Client,
    /// For probes.
    pub(crate) probe: kube::Client,
    /// Until when the credentials hold, if that is known.
    pub(crate) expires: Option<Timestamp>,
    /// Since when, if that is not now.
    pub(crate) issued: Option<Timestamp>,
    /// The server's URL and whether TLS is not verified, if they have changed since the last time.
    pub(crate) moved: Option<(Clean, bool)>,
    /// Of the context: it works, but something in it does not count.
    pub(crate) notes: Vec<Clean>,
}

#[derive(Clone)]
enum State {
    Preparing,
    Ready(Arc<Clients>),
    Broken(Box<Trouble>),
}

/// The current clients, for every task of the cluster.
pub(crate) struct Session {
    state: watch::Sender<State>,
    rejected: mpsc::Sender<u64>,
    logins: mpsc::Sender<Answer>,
}

/// Where the outcome of a login goes: nothing, or why there are no new credentials.
pub(crate) type Answer = oneshot::Sender<Result<(), Clean>>;

/// The other end of a [`Session`]: what it is asked for.
pub(crate) struct Asked {
    /// The clients of this serial were rejected.
    rejected: mpsc::Receiver<u64>,
    logins: mpsc::Receiver<Answer>,
}

/// Told when the clients have changed.
pub(crate) struct Renewals(watch::Receiver<State>);

impl Session {
    pub(crate) fn new() -> (Self, Asked) {
        let (rejected, rejections) = mpsc::channel(1);
        let (logins, asked) = mpsc::channel(1);
        let session = Self { state: watch::channel(State::Preparing).0, rejected, logins };
        (session, Asked { rejected: rejections, logins: asked })
    }

    /// The operator has made way for a credential plugin.
    pub(crate) fn log_in(&self, answer: Answer) {
        // Full: one is asked for already; whoever asked sees that nobody answers.
        let _ = self.logins.try_send(answer);
    }

    /// The clients, as soon as there are any; or why there are none.
    ///
    /// # Errors
    /// What keeps the clients from being built.
    pub(crate) async fn clients(&self) -> Result<Arc<Clients>, Trouble> {
        let mut state = self.state.subscribe();
        // The keeper always decides: its plugins and its files have deadlines.
        let decided = state.wait_for(|state| !matches!(state, State::Preparing)).await.map(|state| state.clone());
        match decided {
            Ok(State::Ready(clients)) => Ok(clients),
            Ok(State::Broken(trouble)) => Err(*trouble),
            Ok(State::Preparing) | Err(_) => Err(Trouble::new(Layer::Internal, "the credentials are not ready")),
        }
    }

    /// The server rejected the credentials of this serial.
    pub(crate) fn renew(&self, serial: u64) {
        // Full: a renewal is already asked for.
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
            if matches!(*self.0.borrow_and_update(), State::Ready(_)) {
                return Ok(());
            }
        }
    }
}

/// Builds the clients and renews them until it is dropped.
pub(crate) async fn keep(shared: &Shared, source: &mut impl Build, asked: &mut Asked, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut backoff = Backoff::new(&shared.tuning);
    let mut serial = 0_u64;
    let mut spacing = Duration::ZERO;
    let mut login: Option<Answer> = None;
    loop {
        // A plugin that runs in the background makes way for the operator.
        let made = if login.is_some() {
            attempt(shared, source, serial + 1, true).await
        } else {
            tokio::select! {
                biased;
                Some(answer) = asked.logins.recv() => {
                    login = Some(answer);
                    continue;
                }
                made = attempt(shared, source, serial + 1, false) => made,
            }
        };
        if let Some(answer) = login.take() {
            // Whoever asked may be gone.
            let _ = answer.send(made.as_ref().map(|_| ()).map_err(|trouble| trouble.text.clone()));
        }
        let due = match made {
            Ok(life) => {
                serial += 1;
                backoff.reset();
                life.map(|life| Instant::now() + life)
            }
            Err(trouble) => {
                let wait = backoff.next(rng.f64());
                let mut failure = trouble.failure(wall(), "get credentials", backoff.failures());
                failure.next_in = Some(wait);
                shared.tell(ClusterEvent::Failed(Box::new(failure))).await;
                if trouble.lasting {
                    shared.tell(ClusterEvent::Unusable).await;
                }
                // Working clients stay in use until the server rejects them (F60).
                shared.session.state.send_if_modified(|state| {
                    let replace = !matches!(state, State::Ready(_));
                    if replace {
                        *state = State::Broken(Box::new(trouble));
                    }
                    replace
                });
                Some(Instant::now() + wait)
            }
        };
        let begun = Instant::now();
        match pause(shared, source, asked, Pause { due, serial, spacing }).await {
            Why::Due => {}
            Why::LogIn(answer) => login = Some(answer),
            Why::Refreshed => source.renew(Renewal::Refreshed),
            Why::Rejected => {
                source.renew(Renewal::Rejected);
                let accepted = begun.elapsed() >= ACCEPTED;
                let doubled = (spacing * 2).clamp(RENEWAL_SPACING, RENEWAL_SPACING_CAP);
                spacing = if accepted { RENEWAL_SPACING } else { doubled };
            }
            Why::Over => return,
        }
    }
}

/// Why clients are built again.
enum Why {
    /// They expire, their files have changed, or the last attempt failed a while ago.
    Due,
    /// The operator asks for it.
    Refreshed,
    /// The server rejects them.
    Rejected,
    /// The operator waits for a plugin that has the terminal.
    LogIn(Answer),
    /// They are not: nobody needs them any more.
    Over,
}

/// Until when to leave the clients as they are.
struct Pause {
    due: Option<Instant>,
    serial: u64,
    /// Rejections sooner than this are passed over.
    spacing: Duration,
}

/// Waits for a reason to build clients again.
async fn pause(shared: &Shared, source: &mut impl Build, asked: &mut Asked, pause: Pause) -> Why {
    let Pause { due, serial, spacing } = pause;
    let mut refresh = shared.refreshes();
    let mut resumed = shared.resumes();
    let mut superseded = source.superseded();
    let begun = Instant::now();
    let mut look = begun + RELOAD;
    loop {
        let next = due.map_or(look, |due| due.min(look));
        tokio::select! {
            () = sleep_until(next) => {
                if next < look || source.stale().await {
                    return Why::Due;
                }
                look = Instant::now() + RELOAD;
            }
            Some(answer) = asked.logins.recv() => return Why::LogIn(answer),
            Some(rejected) = asked.rejected.recv() => {
                // A rejection of clients that have been replaced since is old news.
                if rejected == serial && begun.elapsed() >= spacing {
                    return Why::Rejected;
                }
            }
            changed = refresh.changed() => {
                if changed.is_err() {
                    return Why::Over;
                }
                let ready = matches!(*shared.session.state.borrow(), State::Ready(_));
                if !ready || source.stale().await || source.edited().await {
                    return Why::Refreshed;
                }
            }
            () = &mut superseded => return Why::Due,
            // New clients have new connections: those from before the sleep are dead, and nobody has been told (F06, F67).
            changed = resumed.changed() => return if changed.is_ok() { Why::Due } else { Why::Over },
        }
    }
}

/// One attempt, with the terminal or without; returns how long the clients are good.
async fn attempt(
    shared: &Shared,
    source: &mut impl Build,
    serial: u64,
    terminal: bool,
) -> Result<Option<Duration>, Trouble> {
    let (tuning, sink) = (shared.tuning.clone(), shared.sink.clone());
    // Files and plugins have deadlines of their own, and a plugin may wait for its turn.
    let made =
        if terminal { source.log_in(tuning, sink, LOGIN_DEADLINE).await? } else { source.build(tuning, sink).await? };
    if let Some((url, insecure)) = made.moved {
        shared.tell(ClusterEvent::Server { url, insecure }).await;
    }
    for note in made.notes {
        warnings::tell_note(shared, &note).await;
    }
    let line = |client| Line { client, sink: shared.sink.clone() };
    let clients = Clients { serial, api: line(made.api), probe: line(made.probe) };
    shared.session.state.send_replace(State::Ready(Arc::new(clients)));
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
