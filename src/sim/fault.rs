//! Faults: the requests that they match and their effect.

use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lock;

/// Effect of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer comes after this delay.
    Delay(Duration),
    /// The body stops after so many bytes and never goes on; the connection stays open (F12).
    Stall {
        /// Bytes on the wire before it stops.
        after_bytes: u64,
    },
    /// The connection is closed after so many bytes of body (F13).
    Cut {
        /// Bytes on the wire before it is closed.
        after_bytes: u64,
    },
    /// The body arrives slowly (F15).
    Throttle {
        /// Bytes on the wire per second.
        bytes_per_second: u64,
    },
    /// The body arrives in small pieces with pauses between them (F11).
    Drip {
        /// Size of a piece in bytes.
        bytes: u64,
        /// Pause before each piece.
        every: Duration,
    },
    /// The connection ends or falls silent after so many bytes, headers and chunk marks counted: in the middle of whatever
    /// is being sent (F12, F13, F14).
    Wire {
        /// Bytes of the answer, from its first header on.
        after_bytes: u64,
        /// The end of the connection.
        end: WireEnd,
    },
    /// A list is split into this many gzip members (F17).
    GzipMembers {
        /// Members, at least one.
        count: u32,
    },
    /// A list is compressed with gzip and its second half corrupted (F17).
    GzipCorrupt,
    /// Something in front of the server answers instead: a load balancer, a captive portal, a redirect (F33 to F36).
    Answer {
        /// HTTP status, 200 to 599.
        code: u16,
        /// Name and value.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The server's answers carry these headers too (F37).
    Headers(Vec<(String, String)>),
    /// An error with the message of a real server instead of the usual answer (F20 to F33).
    Status {
        /// HTTP status, 400 to 599.
        code: u16,
        /// Sent as `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
        /// Replaces the usual message.
        message: Option<String>,
    },
    /// Requests are read and not answered until the fault ends. Without a match the whole server stands still, with
    /// the bodies that are running.
    Freeze,
    /// Connections are refused and open ones are cut until the fault ends (F01).
    Refuse,
    /// Packets vanish until the fault ends: connecting gets no answer (F03) and open connections are silent.
    BlackHole,
    /// New connections are accepted and never read until the fault ends: a TLS handshake stalls (F04). Open ones go on.
    AcceptOnly,
    /// 410 for continue tokens (with an inconsistent token) and, as an HTTP status, for watches (F40, F42).
    Gone,
    /// Watches end as soon as they start (F44).
    WatchClose,
    /// Watches begin with an ERROR event 410 (F41).
    WatchExpired,
    /// Watches send nothing, not even bookmarks (F45); those that are running stop sending too.
    WatchSilent,
    /// The `Date` header of every answer is off by this many seconds, ahead if positive (F66).
    ClockSkew {
        /// The server's clock minus the true one.
        seconds: i64,
    },
}

/// Early end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireEnd {
    /// Nothing more is sent; the connection stays open.
    Stall,
    /// The connection is closed in order (FIN).
    Truncate,
    /// The connection is reset (RST, by `SO_LINGER` 0).
    Reset,
}

/// Requests that a fault matches; an empty match matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultMatch {
    /// `get`, `list` or `watch`.
    pub verb: Option<String>,
    /// The plural, for instance `pods`.
    pub resource: Option<String>,
    /// Prefix of the path, for instance `/readyz`.
    pub path: Option<String>,
    /// `true`: only pages after the first; `false`: only first pages.
    pub continued: Option<bool>,
}

/// A fault, the requests that it matches, and its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The requests that it matches.
    pub matching: FaultMatch,
    /// Its effect.
    pub kind: FaultKind,
    /// Share of the matching requests that it affects, 0 to 1.
    pub probability: f64,
    /// Its duration; `None`: until it is cleared.
    pub lasts: Option<Duration>,
}

impl Fault {
    /// Creates a fault that affects every request until it is cleared.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self { matching: FaultMatch::default(), kind, probability: 1.0, lasts: None }
    }

    /// Restricts it to this verb: `get`, `list` or `watch`.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.matching.verb = Some(verb.to_owned());
        self
    }

    /// Restricts it to this resource, for instance `pods`.
    #[must_use]
    pub fn resource(mut self, plural: &str) -> Self {
        self.matching.resource = Some(plural.to_owned());
        self
    }

    /// Restricts it to paths with this prefix.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.matching.path = Some(prefix.to_owned());
        self
    }

    /// Restricts it to pages after the first (`true`), or to first pages (`false`).
    #[must_use]
    pub fn continued(mut self, continued: bool) -> Self {
        self.matching.continued = Some(continued);
        self
    }

    /// Restricts it to this share of the requests, 0 to 1.
    #[must_use]
    pub fn probability(mut self, share: f64) -> Self {
        self.probability = share;
        self
    }

    /// Ends it after this time.
    #[must_use]
    pub fn lasts(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// Returns `true` if it affects the whole server instead of single requests.
    pub(super) fn is_server_wide(&self) -> bool {
        match self.kind {
            FaultKind::Refuse | FaultKind::BlackHole | FaultKind::AcceptOnly => true,
            FaultKind::Freeze => self.matching == FaultMatch::default(),
            _ => false,
        }
    }
}

/// Returns `true` if HTTP allows this name and this value of a header.
pub(super) fn is_valid_header(name: &str, value: &str) -> bool {
    HeaderName::try_from(name).is_ok() && HeaderValue::from_bytes(value.as_bytes()).is_ok()
}

/// The properties of a request that faults match.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestTraits<'a> {
    pub(super) verb: &'a str,
    pub(super) resource: &'a str,
    pub(super) path: &'a str,
    pub(super) continued: bool,
}

impl FaultMatch {
    fn matches(&self, aim: RequestTraits<'_>) -> bool {
        self.verb.as_deref().is_none_or(|verb| verb == aim.verb)
            && self.resource.as_deref().is_none_or(|resource| resource == aim.resource)
            && self.path.as_deref().is_none_or(|path| aim.path.starts_with(path))
            && self.continued.is_none_or(|continued| aim.verb == "list" && continued == aim.continued)
    }
}

/// Way in which a fault ends a watch at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchRefusal {
    AtOnce,
    Expired,
}

/// The faults of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan {
    pub(super) frozen: bool,
    pub(super) delay: Duration,
    pub(super) status: Option<(u16, Option<Duration>, Option<String>)>,
    pub(super) gone: bool,
    pub(super) watch_end: Option<WatchRefusal>,
    pub(super) stall_after: Option<u64>,
    pub(super) cut_after: Option<u64>,
    pub(super) clock_skew: i64,
    /// Bytes of a piece, and the pause before each.
    pub(super) trickle: Option<(u64, Duration)>,
    /// Time at which a slow body is cut.
    pub(super) body_until: Option<Instant>,
    pub(super) wire: Option<(u64, WireEnd)>,
    pub(super) gzip: Option<GzipFault>,
    /// Status, headers and body of an answer that is sent instead of the server's.
    pub(super) substitute: Option<(u16, Headers, String)>,
    pub(super) headers: Vec<(String, String)>,
}

/// Names and values.
type Headers = Vec<(String, String)>;

/// Odd or broken compression of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GzipFault {
    Members(u32),
    Corrupt,
}

/// Interval between the pieces of a throttled body.
const TRICKLE: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Active {
    id: u64,
    fault: Fault,
    until: Option<Instant>,
}

#[derive(Debug)]
struct Inner {
    active: Vec<Active>,
    next_id: u64,
    rng: Rng,
}

/// The active faults of one server.
#[derive(Debug)]
pub(super) struct Faults {
    inner: Mutex<Inner>,
    /// Counts changes, so that a held request notices the end of its fault.
    changed: watch::Sender<u64>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let inner = Inner { active: Vec::new(), next_id: 0, rng: Rng::with_seed(seed) };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(0) }
    }

    /// Starts a fault; returns its number for [`Self::end`].
    pub(super) fn begin(&self, fault: Fault) -> u64 {
        let until = fault.lasts.map(|lasts| Instant::now() + lasts);
        let mut inner = lock(&self.inner);
        inner.next_id += 1;
        let id = inner.next_id;
        inner.active.push(Active { id, fault, until });
        drop(inner);
        self.changed.send_modify(|n| *n += 1);
        id
    }

    pub(super) fn end(&self, id: u64) {
        lock(&self.inner).active.retain(|a| a.id != id);
        self.changed.send_modify(|n| *n += 1);
    }

    pub(super) fn clear(&self) {
        lock(&self.inner).active.clear();
        self.changed.send_modify(|n| *n += 1);
    }

    /// Plans the faults of a request, with one random number for each matching fault.
    pub(super) fn plan(&self, aim: RequestTraits<'_>) -> FaultPlan {
        let mut plan = FaultPlan::default();
        let now = Instant::now();
        let mut inner = lock(&self.inner);
        let Inner { active, rng, .. } = &mut *inner;
        active.retain(|a| a.until.is_none_or(|until| until > now));
        for Active { fault, .. } in active.iter() {
            if !fault.matching.matches(aim) || (fault.probability < 1.0 && rng.f64() >= fault.probability) {
                continue;
            }
            match &fault.kind {
                FaultKind::Delay(delay) => plan.delay = plan.delay.max(*delay),
                FaultKind::Stall { after_bytes } => plan.stall_after = Some(*after_bytes),
                FaultKind::Cut { after_bytes } => plan.cut_after = Some(*after_bytes),
                FaultKind::Throttle { bytes_per_second } => {
                    plan.trickle = Some(((bytes_per_second / 10).max(1), TRICKLE));
                }
                FaultKind::Drip { bytes, every } => plan.trickle = Some(((*bytes).max(1), *every)),
                FaultKind::Wire { after_bytes, end } => plan.wire = Some((*after_bytes, *end)),
                FaultKind::GzipMembers { count } => plan.gzip = Some(GzipFault::Members(*count)),
                FaultKind::GzipCorrupt => plan.gzip = Some(GzipFault::Corrupt),
                FaultKind::Answer { code, headers, body } => {
                    plan.substitute = Some((*code, headers.clone(), body.clone()));
                }
                FaultKind::Headers(headers) => plan.headers.extend(headers.iter().cloned()),
                FaultKind::Status { code, retry_after, message } => {
                    plan.status = Some((*code, *retry_after, message.clone()));
                }
                FaultKind::Freeze => plan.frozen = !fault.is_server_wide(),
                FaultKind::Gone => plan.gone = true,
                FaultKind::WatchClose => plan.watch_end = Some(WatchRefusal::AtOnce),
                FaultKind::WatchExpired => plan.watch_end = Some(WatchRefusal::Expired),
                FaultKind::ClockSkew { seconds } => plan.clock_skew = *seconds,
                FaultKind::WatchSilent | FaultKind::Refuse | FaultKind::BlackHole | FaultKind::AcceptOnly => {}
            }
        }
        plan
    }

    /// Waits until no freeze matches the request any more.
    pub(super) async fn wait_until_unfrozen(&self, aim: RequestTraits<'_>) {
        self.wait(|fault| fault.kind == FaultKind::Freeze && fault.matching.matches(aim)).await;
    }

    /// Waits until no fault silences this watch.
    pub(super) async fn wait_until_not_silenced(&self, aim: RequestTraits<'_>) {
        self.wait(|fault| fault.kind == FaultKind::WatchSilent && fault.matching.matches(aim)).await;
    }

    async fn wait(&self, held: impl Fn(&Fault) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            let now = Instant::now();
            let until = {
                let inner = lock(&self.inner);
                let holding = inner.active.iter().filter(|a| a.until.is_none_or(|until| until > now));
                let ends: Vec<_> = holding.filter(|a| held(&a.fault)).map(|a| a.until).collect();
                if ends.is_empty() {
                    return;
                }
                ends.into_iter().flatten().min()
            };
            // The end of a fault without a duration is notified by `changed`; an hour is only the upper bound of the wait.
            let until = until.unwrap_or(now + Duration::from_secs(3600));
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}
