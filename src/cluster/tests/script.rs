//! A scripted API server: a tower service with bodies that wait, hang and break, for tests under paused time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::BoxError;

use crate::clock::{Clock, wall};
use crate::cluster::classify::RequestError;
use crate::cluster::connect::{RequestBody, assemble};
use crate::cluster::meter::MeterSink;
use crate::cluster::session::{Built, ClientFactory};
use crate::cluster::{ClusterCommand, Optional, TaskLink, Tuning, supervise};
use crate::facts::text::Clean;
use crate::msg::detail::WatchDetail;
use crate::msg::{ClusterEvent, ClusterId, Msg, Resource, SyncState};

/// A step of a body.
pub(in crate::cluster) enum Step {
    Data(Bytes),
    Wait(Duration),
    /// Counts the times that the reader has come this far.
    Mark(Arc<AtomicUsize>),
    Hang,
    Break,
}

/// A body that follows a script.
pub(in crate::cluster) struct Script {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Held until the client has dropped the body.
    open: Option<Arc<()>>,
}

impl Script {
    pub(in crate::cluster) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), sleep: None, open: None }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Step::Mark(reached)) => _ = reached.fetch_add(1, Ordering::Relaxed),
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    self.sleep = Some(Box::pin(sleep(Duration::from_secs(86_400 * 365))));
                }
                Some(Step::Break) => {
                    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                    return Poll::Ready(Some(Err(reset.into())));
                }
            }
        }
    }
}

/// Reaction of the server to a request.
pub(in crate::cluster) enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Script),
    /// No answer, ever.
    Hang,
    /// No connection.
    Refused,
    /// A fault of our own.
    Panic,
}

pub(in crate::cluster) fn json(body: impl Into<String>) -> Reply {
    status(200, body)
}

pub(in crate::cluster) fn status(code: u16, body: impl Into<String>) -> Reply {
    let body = Script::new([Step::Data(Bytes::from(body.into()))]);
    Reply::Answer(code, vec![("content-type", "application/json".into())], body)
}

pub(in crate::cluster) fn steps(steps: impl IntoIterator<Item = Step>) -> Reply {
    Reply::Answer(200, vec![("content-type", "application/json".into())], Script::new(steps))
}

pub(in crate::cluster) fn data(text: impl Into<String>) -> Step {
    Step::Data(Bytes::from(text.into()))
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Seen {
    pub(in crate::cluster) at: Duration,
    pub(in crate::cluster) path: String,
    pub(in crate::cluster) query: String,
    /// The header of that name.
    pub(in crate::cluster) accept: String,
}

impl Seen {
    pub(in crate::cluster) fn is_list(&self, resource: &str) -> bool {
        self.path == format!("/api/v1/{resource}") && !self.is_watch() && self.param("timeout").is_some()
    }

    pub(in crate::cluster) fn is_watch(&self) -> bool {
        self.param("watch").is_some()
    }

    pub(in crate::cluster) fn param(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

type Handler = Box<dyn FnMut(&Seen) -> Reply + Send>;

struct ServerState {
    start: Instant,
    seen: Mutex<Vec<Seen>>,
    handler: Mutex<Handler>,
    /// Start and end of each build of clients.
    builds: Mutex<Vec<(Duration, Duration)>>,
    credentials: Credentials,
    /// Counts open requests without an answer, and bodies that the client still holds.
    open: Arc<()>,
}

/// Credentials of a scripted server.
#[derive(Clone, Copy, Default)]
pub(in crate::cluster) struct Credentials {
    /// Time of their validity; `None`: unlimited.
    pub(in crate::cluster) life: Option<Duration>,
    /// Run time of their plugin.
    pub(in crate::cluster) takes: Duration,
}

struct Scripted(Arc<ServerState>);

impl ClientFactory for Scripted {
    async fn build(&mut self, _: Arc<Tuning>, sink: MeterSink) -> Result<Built, RequestError> {
        let state = self.0.clone();
        let begun = state.start.elapsed();
        sleep(state.credentials.takes).await;
        state.builds.lock().unwrap().push((begun, state.start.elapsed()));
        let expires = state.credentials.life.map(|life| wall() + life);
        let service = tower::service_fn(move |request: Request<RequestBody>| answer(state.clone(), request));
        let client = assemble(service, &kube::Config::new("http://127.0.0.1:1".parse().unwrap()), &sink);
        Ok(Built { api: client.clone(), probe: client, expires, issued: None, moved: None, notes: Vec::new() })
    }

    async fn stale(&mut self) -> bool {
        false
    }

    async fn edited(&mut self) -> bool {
        false
    }
}

async fn answer(state: Arc<ServerState>, request: Request<RequestBody>) -> Result<Response<Script>, BoxError> {
    let seen = Seen {
        at: state.start.elapsed(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        accept: request.headers()["accept"].to_str().unwrap().to_owned(),
    };
    let open = state.open.clone();
    let reply = (state.handler.lock().unwrap())(&seen);
    state.seen.lock().unwrap().push(seen);
    match reply {
        Reply::Answer(code, headers, mut body) => {
            body.open = Some(open);
            let mut response = Response::builder().status(code);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(body)?)
        }
        Reply::Hang => std::future::pending().await,
        Reply::Panic => panic!("as the script says"),
        Reply::Refused => Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()),
    }
}

/// A cluster's tasks against a scripted server.
pub(in crate::cluster) struct Rig {
    state: Arc<ServerState>,
    pub(in crate::cluster) news: mpsc::Receiver<Msg>,
    pub(in crate::cluster) commands: mpsc::Sender<ClusterCommand>,
    pub(in crate::cluster) inspect: watch::Sender<Option<WatchDetail>>,
    pub(in crate::cluster) events: Vec<(Duration, ClusterEvent)>,
    pub(in crate::cluster) task: JoinHandle<()>,
}

impl Rig {
    /// Without optional APIs: their requests have tests of their own.
    pub(in crate::cluster) fn start(tuning: Tuning, handler: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        Self::with_optional(Tuning { optional: Optional::off(), ..tuning }, handler)
    }

    pub(in crate::cluster) fn with_optional(
        tuning: Tuning,
        handler: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        Self::with(tuning, Credentials::default(), handler)
    }

    pub(in crate::cluster) fn with(
        tuning: Tuning,
        credentials: Credentials,
        handler: impl FnMut(&Seen) -> Reply + Send + 'static,
    ) -> Self {
        let handler: Mutex<Handler> = Mutex::new(Box::new(handler));
        let (start, seen, builds) = (Instant::now(), Mutex::default(), Mutex::default());
        let state = Arc::new(ServerState { start, seen, handler, builds, credentials, open: Arc::default() });
        let (out, news) = mpsc::channel(64);
        let (commands, received) = mpsc::channel(4);
        let (inspect, inspected) = watch::channel(None);
        let link = TaskLink { id: ClusterId(0), out, commands: received, inspect: inspected, clock: Clock::start() };
        let server = ClusterEvent::Server { url: Clean::new("scripted"), insecure: false };
        let tuning = Tuning { seed: Some(7), ..tuning };
        let task = tokio::spawn(supervise(Scripted(state.clone()), server, tuning, link));
        Self { state, news, commands, inspect, events: Vec::new(), task }
    }

    /// Lets `time` pass, collecting the events.
    pub(in crate::cluster) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(msg)) = timeout(end.saturating_duration_since(Instant::now()), self.news.recv()).await {
            self.note(msg);
        }
    }

    /// Waits until `done` holds for an event, at most an hour.
    pub(in crate::cluster) async fn until(&mut self, what: &str, done: impl Fn(&ClusterEvent) -> bool) -> ClusterEvent {
        let end = Instant::now() + Duration::from_secs(3600);
        while let Ok(Some(msg)) = timeout(end.saturating_duration_since(Instant::now()), self.news.recv()).await {
            let event = self.note(msg);
            if done(&event) {
                return event;
            }
        }
        panic!("{what} did not happen; requests: {:#?}; events: {:#?}", self.seen(), self.events);
    }

    pub(in crate::cluster) async fn until_watching(&mut self, of: Resource) {
        self.until(
            "watching",
            |event| matches!(event, ClusterEvent::Sync { resource, state: SyncState::Watching } if *resource == of),
        )
        .await;
    }

    fn note(&mut self, msg: Msg) -> ClusterEvent {
        let Msg::Cluster(_, event) = msg else { panic!("a cluster sends only cluster events") };
        self.events.push((self.state.start.elapsed(), event.clone()));
        event
    }

    pub(in crate::cluster) fn state_start(&self) -> Instant {
        self.state.start
    }

    /// Start and end of each build of clients.
    pub(in crate::cluster) fn builds(&self) -> Vec<(Duration, Duration)> {
        self.state.builds.lock().unwrap().clone()
    }

    /// The server's side of this rig, which outlives it.
    pub(in crate::cluster) fn server(&self) -> ServerSide {
        ServerSide(self.state.clone())
    }

    pub(in crate::cluster) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(in crate::cluster) fn lists(&self, resource: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.is_list(resource)).collect()
    }

    pub(in crate::cluster) fn watches(&self, resource: &str) -> Vec<Seen> {
        let path = format!("/api/v1/{resource}");
        self.seen().into_iter().filter(|seen| seen.is_watch() && seen.path == path).collect()
    }

    /// Counts the events for which `of` holds.
    pub(in crate::cluster) fn count(&self, of: impl Fn(&ClusterEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| of(event)).count()
    }
}

/// The server's view after its client has gone.
pub(in crate::cluster) struct ServerSide(Arc<ServerState>);

impl ServerSide {
    /// Requests whose answer the client still waits for or holds.
    pub(in crate::cluster) fn open(&self) -> usize {
        Arc::strong_count(&self.0.open) - 1
    }

    /// Requests so far.
    pub(in crate::cluster) fn request_count(&self) -> usize {
        self.0.seen.lock().unwrap().len()
    }
}

pub(in crate::cluster) const STATUS_410: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}"#;

/// A list of `resource` with objects `names` at `version`.
pub(in crate::cluster) fn list(version: u64, token: &str, names: &[&str]) -> String {
    let items: Vec<String> = names.iter().map(|name| object(name, version)).collect();
    let meta = if token.is_empty() {
        format!(r#"{{"resourceVersion":"{version}"}}"#)
    } else {
        format!(r#"{{"resourceVersion":"{version}","continue":"{token}","remainingItemCount":7}}"#)
    };
    format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{meta},"items":[{}]}}"#, items.join(","))
}

pub(in crate::cluster) fn object(name: &str, version: u64) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"d","uid":"u-{name}","resourceVersion":"{version}"}},"spec":{{"nodeName":"n1","containers":[{{"name":"c"}}]}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
    )
}

pub(in crate::cluster) fn event(kind: &str, name: &str, version: u64) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{}}}\n", object(name, version))
}

pub(in crate::cluster) fn bookmark(version: u64) -> String {
    format!("{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{version}\"}}}}}}\n")
}

/// A watch as a good server holds it: a bookmark a minute, closed after `timeoutSeconds`.
pub(in crate::cluster) fn quiet_watch(seen: &Seen) -> Reply {
    let mut left: u64 = seen.param("timeoutSeconds").unwrap().parse().unwrap();
    let version: u64 = seen.param("resourceVersion").unwrap().parse().unwrap();
    let mut script = Vec::new();
    while left > 60 {
        script.push(Step::Wait(Duration::from_secs(60)));
        script.push(data(bookmark(version)));
        left -= 60;
    }
    script.push(Step::Wait(Duration::from_secs(left)));
    steps(script)
}

/// A good server's answer to a request other than nodes and pods.
pub(in crate::cluster) fn rest(seen: &Seen) -> Reply {
    match seen.path.as_str() {
        "/version" => json(r#"{"major":"1","minor":"36","gitVersion":"v1.36.2"}"#),
        "/livez" => json("ok"),
        "/api/v1/namespaces" => json(list(1, "", &["default"])),
        path => status(404, format!("no {path} here")),
    }
}

/// A good server with one node and one pod.
pub(in crate::cluster) fn good(seen: &Seen) -> Reply {
    if seen.is_watch() {
        return quiet_watch(seen);
    }
    match seen.path.as_str() {
        "/api/v1/nodes" => json(list(100, "", &["n1"])),
        "/api/v1/pods" => json(list(101, "", &["p1"])),
        _ => rest(seen),
    }
}
