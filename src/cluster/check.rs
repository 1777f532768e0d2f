//! The health check of one cluster: every layer on the path to its objects, one after the other, each with its measured value.
//!
//! It sends the dashboard's requests through the same connections, meter and classification, so that it finds the
//! dashboard's problems. Every request has a deadline of its own, none outlives the run, and after two requests in a
//! row without an answer the rest is left out: a server that hangs does not get twenty requests.

use std::sync::Arc;
use std::time::Duration;

use http::response::Parts;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::Task;
use super::call::{ApiClient, ApiRequest, Limits};
use super::classify::{self, RequestError};
use super::connect::ResponseBody;
use super::kubeconfig::{ConnectionPlan, ContextTarget};
use super::meter::MeterSink;
use super::tuning::Tuning;
use crate::clock::Clock;
use crate::facts::node::NodeFacts;
use crate::facts::wire::decode_any_list;
use crate::msg::check::{CheckStep, FindDeviceFaults, StepOutcome, Timing};
use crate::msg::{Attempt, CallEvent, CallKind, ClusterEvent, ClusterId, Layer, Msg};

mod advice;
mod black_holes;
pub(in crate::cluster) mod cert;
mod credentials;
mod lists;
mod load;
mod node_faults;
mod nodes;
mod optional;
mod reach;
mod server;
mod tls;
mod watch;

use advice::advice;

/// Names of all steps, in order; the report names those that were not reached.
const STEPS: [&str; 26] = [
    "kubeconfig",
    "credentials",
    "dns",
    "tcp",
    "tls",
    "livez",
    "clock",
    "readyz",
    "version",
    "rbac namespaces",
    "rbac nodes",
    "rbac pods",
    "node page",
    "pod page",
    "list pages",
    "kubelets",
    "watch",
    "metrics api",
    "dra",
    "leases",
    "load",
    "slow verbs",
    "nodes ready",
    "devices",
    "black holes",
    "ready changes",
];
/// Requests in a row without an answer after which no more are sent.
const SILENT: u32 = 2;
/// Longest wait for the meter to hand over its measurements.
const METER: Duration = Duration::from_secs(1);
/// Messages of the meter that may wait: more than one run sends.
const METERED: usize = 256;
/// Time at the end of the run that no request may use, so that a request that times out is still reported.
const RESERVE: Duration = Duration::from_millis(500);

/// Reason why no more steps follow.
enum Stop {
    /// Nothing answers.
    Silent,
    /// The server rejects the credentials (401).
    Rejected,
    /// The context is unusable.
    Unusable,
    /// The time limit of the run is nearly reached.
    Late,
    /// The receiver is gone.
    Deaf,
}

/// `Ok` if the next step follows.
type StepFlow = Result<(), Stop>;

/// Checks every layer on the way to the objects of one cluster and sends a [`CheckStep`] for each; ends within `bound`.
pub async fn run(
    target: ContextTarget,
    tuning: Tuning,
    find_device_faults: FindDeviceFaults,
    bound: Duration,
    out: mpsc::Sender<CheckStep>,
) {
    let clock = Clock::start();
    let sink = MeterSink::new(clock);
    let (meter, metered) = mpsc::channel(METERED);
    let mut tasks = JoinSet::new();
    let forwarding = sink.clone();
    tasks.spawn(Box::pin(async move { forwarding.forward(ClusterId(0), &meter).await }) as Task);
    let end = Instant::now() + bound;
    // JSON, so that every step can be repeated and read with curl or `kubectl get --raw`.
    let tuning = Arc::new(Tuning { protobuf: false, ..tuning });
    let mut run = CheckRun {
        target,
        tuning,
        find_device_faults,
        end,
        out,
        sink,
        metered,
        line: None,
        buf: Vec::new(),
        silent: 0,
        done: Vec::new(),
        found: CheckFindings::default(),
    };
    let why = match timeout_at(end, run.steps()).await {
        Ok(Ok(()) | Err(Stop::Deaf)) => return,
        Ok(Err(Stop::Silent)) => "the server does not answer",
        Ok(Err(Stop::Rejected)) => "the credentials are rejected",
        Ok(Err(Stop::Unusable)) => "there is nothing to connect with",
        Ok(Err(Stop::Late)) | Err(_) => {
            let text = format!("stopped at the bound of {}", span(bound));
            let step = CheckStep::new("bound", StepOutcome::Fail, &text).next("run it again with a larger --deadline");
            // A receiver that stops reading does not need the last steps.
            let _ = run.out.try_send(step);
            "no time was left"
        }
    };
    let left: Vec<&str> = STEPS.into_iter().filter(|name| !run.done.iter().any(|done| done == name)).collect();
    let rest = CheckStep::new("the rest", StepOutcome::Skip, &format!("{why}; not tried: {}", left.join(", ")));
    let _ = run.out.try_send(rest);
}

/// Findings of earlier steps that later ones need.
#[derive(Default)]
struct CheckFindings {
    /// Connection settings of the context.
    plan: Option<ConnectionPlan>,
    /// The connection of the step `tcp`, for the step `tls`.
    tcp: Option<TcpStream>,
    /// `gitVersion`.
    version: Option<String>,
    /// Our clock minus the server's.
    skew_ms: i64,
    /// The first page of nodes.
    nodes: Vec<NodeFacts>,
    /// `true` if there are more nodes.
    more_nodes: bool,
    /// The resourceVersion of nodes where a watch can start.
    version_of_nodes: Option<String>,
}

/// One run of the check.
struct CheckRun {
    target: ContextTarget,
    tuning: Arc<Tuning>,
    find_device_faults: FindDeviceFaults,
    end: Instant,
    out: mpsc::Sender<CheckStep>,
    sink: MeterSink,
    metered: mpsc::Receiver<Msg>,
    line: Option<ApiClient>,
    /// The body of the last answer.
    buf: Vec<u8>,
    silent: u32,
    done: Vec<String>,
    found: CheckFindings,
}

/// Result of a request, with its timing.
struct CheckResponse {
    result: Result<Parts, RequestError>,
    timing: Timing,
}

impl CheckRun {
    async fn steps(&mut self) -> StepFlow {
        self.kubeconfig().await?;
        self.credentials().await?;
        self.dns_and_tcp().await?;
        self.tls().await?;
        self.livez().await?;
        self.readyz().await?;
        self.version().await?;
        self.rbac().await?;
        self.node_page().await?;
        self.pod_page().await?;
        self.list_pages().await?;
        self.kubelets().await?;
        self.watch().await?;
        self.metrics_api().await?;
        self.dra().await?;
        self.leases().await?;
        self.load().await?;
        self.nodes_ready().await?;
        self.devices().await?;
        self.black_holes().await?;
        self.ready_changes().await
    }

    /// Sends a step.
    async fn report(&mut self, step: CheckStep) -> StepFlow {
        self.done.push(step.name.to_string());
        self.out.send(step).await.map_err(|_| Stop::Deaf)?;
        match self.end.checked_duration_since(Instant::now()) {
            _ if self.silent >= SILENT => Err(Stop::Silent),
            Some(left) if left > RESERVE => Ok(()),
            _ if self.is_over() => Ok(()),
            _ => Err(Stop::Late),
        }
    }

    /// Sends a step that failed, or whose optional API has a problem.
    async fn report_error(&mut self, name: &str, outcome: StepOutcome, error: &RequestError) -> StepFlow {
        let code = error.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let audit = error.audit_id.as_ref().map(|id| format!(", Audit-Id {id}")).unwrap_or_default();
        let text = format!("{}: {}{code}{audit}", layer_name(error.layer), error.text);
        let step = CheckStep { layer: Some(error.layer), ..CheckStep::new(name, outcome, &text) };
        self.report(step.next(advice(error.layer))).await?;
        match error.layer {
            Layer::Auth => Err(Stop::Rejected),
            _ if error.is_unreachable() => Err(Stop::Silent),
            _ => Ok(()),
        }
    }

    /// `true` once every step was reported.
    fn is_over(&self) -> bool {
        STEPS.last().is_some_and(|last| self.done.iter().any(|done| done == last))
    }

    /// The remaining time of the run, at most `most`.
    fn within(&self, most: Duration) -> Duration {
        self.end.saturating_duration_since(Instant::now()).saturating_sub(RESERVE / 2).min(most)
    }

    /// Sends a small GET and reads its answer into `buf`.
    async fn get(&mut self, uri: &str) -> CheckResponse {
        let limits = Limits::small(self.within(self.tuning.probe_deadline));
        let mut reply = self.request(CallKind::Get, uri, limits).await;
        // A captive portal answers everything with success (F34).
        if let Ok(head) = &reply.result
            && classify::is_html(head, &self.buf)
        {
            reply.result = Err(classify::unreadable(head, &self.buf, ""));
        }
        reply
    }

    /// Requests a list of a few objects: a success whose body is no list is a failure.
    async fn list(&mut self, uri: &str) -> CheckResponse {
        let mut reply = self.get(uri).await;
        if let Ok(head) = &reply.result
            && let Err(why) = decode_any_list(&self.buf)
        {
            reply.result = Err(classify::unreadable(head, &self.buf, &why.text));
        }
        reply
    }

    async fn request(&mut self, kind: CallKind, uri: &str, limits: Limits) -> CheckResponse {
        let Some(line) = self.line.clone() else {
            let error = RequestError::new(Layer::Internal, "there is no client");
            return CheckResponse { result: Err(error), timing: Timing::default() };
        };
        let request = ApiRequest { kind, page: None, attempt: 1, uri: uri.to_owned(), limits };
        let result = line.fetch(&request, &self.tuning, &mut self.buf).await;
        self.count(result.as_ref().err());
        CheckResponse { result, timing: self.measured().await }
    }

    /// Opens a watch.
    async fn open(&mut self, uri: &str) -> (Result<(Parts, ResponseBody), RequestError>, Timing) {
        let Some(line) = self.line.clone() else {
            return (Err(RequestError::new(Layer::Internal, "there is no client")), Timing::default());
        };
        let limits = Limits::small(self.within(self.tuning.probe_deadline));
        let kind = CallKind::Watch(crate::msg::Resource::Nodes);
        let request = ApiRequest { kind, page: None, attempt: 1, uri: uri.to_owned(), limits };
        let result = line.open(&request, &self.tuning).await;
        self.count(result.as_ref().err());
        (result, self.measured().await)
    }

    /// Counts requests in a row without an answer.
    fn count(&mut self, error: Option<&RequestError>) {
        let silent = error.is_some_and(|t| t.code.is_none() && (t.layer == Layer::FirstByte || t.is_unreachable()));
        self.silent = if silent { self.silent + 1 } else { 0 };
    }

    /// Timing of the request that has just ended, from the meter.
    async fn measured(&mut self) -> Timing {
        let finished = async {
            loop {
                match self.metered.recv().await {
                    Some(Msg::Cluster(_, ClusterEvent::Call(CallEvent::Finished(attempt)))) => return Some(attempt),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        timeout(METER, finished).await.ok().flatten().map(|attempt| timing(&attempt)).unwrap_or_default()
    }
}

fn timing(attempt: &Attempt) -> Timing {
    let connect = attempt.connect.unwrap_or_default();
    Timing {
        connect_ms: attempt.connect.map(millis),
        first_byte_ms: attempt.first_byte.map(|first| millis(first.saturating_sub(connect))),
        body_ms: attempt.first_byte.map(|first| millis(attempt.total.saturating_sub(first))),
        decode_ms: None,
        total_ms: Some(millis(attempt.total)),
        bytes: Some(attempt.bytes),
        objects: None,
    }
}

/// Milliseconds with one decimal.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}

/// `0.4 ms`, `12 ms`, `1.3 s`.
fn ms_text(millis: f64) -> String {
    match millis {
        ..9.95 => format!("{millis:.1} ms"),
        ..999.5 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1000.0),
    }
}

/// `3m12s`, `60 s`, `12 days`: the two largest units at most.
fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0 => ms_text(millis(span)),
        1..=120 => format!("{secs} s"),
        121..3_600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3_600..172_800 => format!("{}h{:02}m", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} days", secs / 86_400),
    }
}

/// The layer in words; a check spells out what the dashboard shortens.
fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Config => "kubeconfig",
        Layer::Auth => "authentication",
        other => other.name(),
    }
}
