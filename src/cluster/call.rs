//! One request: its deadlines, its body and its result.

use std::pin::pin;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HeaderValue};
use http::response::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;

use super::classify::{self, RequestError, bytes_text};
use super::connect::{HttpClient, RequestBody, ResponseBody};
use super::meter::{MeterSink, Tag};
use super::tuning::Tuning;
use crate::clock::wall;
use crate::cluster::bom::ByteOrderMark;
use crate::facts::wire::decode_failure;
use crate::msg::detail::DetailPart;
use crate::msg::{CallKind, Layer, QueryKind};

/// Accept header for protobuf. It always allows JSON too: some proxies know only JSON and would answer 406.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf,application/json";
/// Accept header of a watch for protobuf, which allows JSON for the same reason.
const PROTOBUF_WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch";
/// Accept header of a table, whose rows have only the metadata of their objects.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// Bytes of an error answer's body that are read.
const ERROR_BODY: usize = 64 << 10;

/// Limits of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Deadline of the headers.
    pub(crate) headers: Duration,
    /// Longest time without a byte of the body, and the window in which it must bring `slowest` bytes a second.
    pub(crate) idle: Duration,
    /// Deadline of the whole request.
    pub(crate) cap: Duration,
    /// Lowest rate of the body, in bytes a second.
    pub(crate) slowest: u64,
    /// Most decoded bytes.
    pub(crate) bytes: usize,
}

impl Limits {
    /// Limits with a single deadline, for a small answer.
    pub(crate) fn small(deadline: Duration) -> Self {
        Self { headers: deadline, idle: deadline, cap: deadline, slowest: 0, bytes: 4 << 20 }
    }
}

/// A request to send.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    /// Kind of call that the meter reports.
    pub(crate) kind: CallKind,
    /// Page number that the meter reports.
    pub(crate) page: Option<u32>,
    /// Attempt number that the meter reports.
    pub(crate) attempt: u32,
    /// Path and query.
    pub(crate) uri: String,
    /// Its limits.
    pub(crate) limits: Limits,
}

/// Receiver of an answer's body, piece by piece as it comes.
pub(crate) trait BodySink: Send {
    /// Receives the next piece. Each piece is passed once.
    fn take(&mut self, piece: &[u8]);

    /// Receives the body of an error answer.
    fn take_error(&mut self, _: Vec<u8>) {}
}

impl BodySink for Vec<u8> {
    fn take(&mut self, piece: &[u8]) {
        self.extend_from_slice(piece);
    }

    fn take_error(&mut self, body: Vec<u8>) {
        *self = body;
    }
}

/// Keeps the start of an answer while it passes the body on. Some proxies turn an error into a success whose body is a
/// `Status`.
struct Opening<'a, T> {
    body_sink: &'a mut T,
    mark: ByteOrderMark,
    /// The body so far; `None` once it is longer than any error.
    whole: Option<Vec<u8>>,
}

impl<'a, T: BodySink> Opening<'a, T> {
    fn new(body_sink: &'a mut T) -> Self {
        Self { body_sink, mark: ByteOrderMark::default(), whole: Some(Vec::new()) }
    }

    /// Returns the error that the answer carries, if its body is one.
    fn error(self, head: &Parts, tuning: &Tuning) -> Result<(), RequestError> {
        let Some(body) = self.whole else { return Ok(()) };
        let Some(status) = decode_failure(&body) else { return Ok(()) };
        self.body_sink.take_error(body);
        Err(classify::disguised(head, status, tuning.retry_after_cap))
    }
}

impl<T: BodySink> BodySink for Opening<'_, T> {
    fn take(&mut self, piece: &[u8]) {
        for piece in self.mark.strip(piece).into_iter().filter(|piece| !piece.is_empty()) {
            if let Some(whole) = self.whole.take_if(|whole| whole.len() + piece.len() > ERROR_BODY) {
                drop(whole);
            } else if let Some(whole) = &mut self.whole {
                whole.extend_from_slice(piece);
            }
            self.body_sink.take(piece);
        }
    }
}

/// A client with the sink of its meter.
#[derive(Clone)]
pub(crate) struct ApiClient {
    /// The client.
    pub(crate) client: HttpClient,
    /// Sink of its meter.
    pub(crate) sink: MeterSink,
}

impl ApiClient {
    /// Reads a whole answer, also of an error, into `buf`, which is cleared first. The head's extensions hold the
    /// request's [`Tag`].
    ///
    /// # Errors
    /// Everything but a success with a whole body, classified; a failed `Status` is an error with any HTTP status.
    pub(crate) async fn fetch(
        &self,
        request: &ApiRequest,
        tuning: &Tuning,
        buf: &mut Vec<u8>,
    ) -> Result<Parts, RequestError> {
        buf.clear();
        self.take(request, tuning, buf).await
    }

    /// Passes the body of a success to `taker` while it comes; otherwise like [`Self::fetch`].
    ///
    /// # Errors
    /// Everything but a success status with a whole body, classified; the taker may have received a part of it by then.
    pub(crate) async fn take(
        &self,
        request: &ApiRequest,
        tuning: &Tuning,
        body_sink: &mut impl BodySink,
    ) -> Result<Parts, RequestError> {
        self.sink.room().await;
        let tag = self.sink.tag(request.kind, request.page, request.attempt, request.limits.cap);
        let start = Instant::now();
        let (mut head, body) = self.send(request, &tag, start, accept(request.kind, tuning)).await?.into_parts();
        if head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close")) {
            // The server shuts down. The next request may reach another server, but not over a connection of this pool
            // (F28).
            tag.abandon_pool();
        }
        if head.status.is_success() {
            // A body that did not arrive whole can still carry the server's own error.
            let mut opening = Opening::new(body_sink);
            read(body, &request.limits, &tag, start, &mut opening)
                .await
                .map_err(|error| RequestError { audit_id: classify::audit_id(&head), ..error })?;
            opening.error(&head, tuning)?;
            head.extensions.insert(tag);
            return Ok(head);
        }
        let mut buf = Vec::new();
        let limits = Limits { bytes: ERROR_BODY, ..request.limits };
        // The status is more precise than the cut body.
        let _ = read(body, &limits, &tag, start, &mut buf).await;
        let error = classify::answer(&head, &buf, wall(), tuning.retry_after_cap);
        body_sink.take_error(buf);
        Err(error)
    }

    /// Opens a watch: returns with its headers and leaves the body to the caller.
    ///
    /// # Errors
    /// Everything but a success status, classified.
    pub(crate) async fn open(
        &self,
        request: &ApiRequest,
        tuning: &Tuning,
    ) -> Result<(Parts, ResponseBody), RequestError> {
        self.sink.room().await;
        let tag = self.sink.tag(request.kind, request.page, request.attempt, request.limits.headers);
        let start = Instant::now();
        let (head, body) = self.send(request, &tag, start, accept(request.kind, tuning)).await?.into_parts();
        if head.status.is_success() {
            return Ok((head, body));
        }
        let mut buf = Vec::new();
        let limits = Limits { bytes: ERROR_BODY, ..Limits::small(request.limits.headers) };
        // A failure to read the body is ignored: the status is more precise.
        let _ = read(body, &limits, &tag, start, &mut buf).await;
        Err(classify::answer(&head, &buf, wall(), tuning.retry_after_cap))
    }

    async fn send(
        &self,
        request: &ApiRequest,
        tag: &Tag,
        start: Instant,
        accept: &'static str,
    ) -> Result<Response<ResponseBody>, RequestError> {
        if leads_elsewhere(&request.uri) {
            let text = "not asked: with a name like `.` or `..` in it the path would lead elsewhere";
            return Err(RequestError::new(Layer::Internal, text));
        }
        let mut http_request = Request::get(&request.uri)
            .body(RequestBody::new())
            .map_err(|error| RequestError::new(Layer::Internal, &format!("no valid request: {error}")))?;
        http_request.extensions_mut().insert(tag.clone());
        http_request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
        if request.kind.is_watch() {
            // From Kubernetes 1.37 on a compressed watch has one gzip member for each event.
            http_request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let mut sending = pin!(self.client.clone().oneshot(http_request));
        tokio::select! {
            biased;
            answer = &mut sending => answer.map_err(|error| classify::no_answer(&*error)),
            () = sleep_until(start + request.limits.headers) => {
                tag.timed_out();
                let secs = (request.limits.headers.as_millis() + 500) / 1000;
                Err(RequestError::timed_out(Layer::FirstByte, &format!("no answer within {secs} s")))
            }
        }
    }
}

/// `true` if a segment of the path is `.`, `..` or empty: servers and proxies resolve those, and the request would
/// reach another object. Kubernetes forbids such names (apimachinery `pkg/api/validation/path`,
/// `IsValidPathSegmentName`).
fn leads_elsewhere(uri: &str) -> bool {
    let path = uri.split('?').next().unwrap_or_default();
    let inner = path.trim_start_matches('/').trim_end_matches('/');
    path.starts_with("//") || !inner.is_empty() && inner.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

fn accept(kind: CallKind, tuning: &Tuning) -> &'static str {
    if kind == CallKind::QueueTable {
        return TABLE;
    }
    let readable = match kind {
        CallKind::List(resource) | CallKind::Watch(resource) => resource.api().protobuf,
        CallKind::Detail(part) | CallKind::DetailWatch(part) => part == DetailPart::Events,
        CallKind::Query(kind) => kind == QueryKind::FailedPods,
        CallKind::Ping | CallKind::Work | CallKind::Usage | CallKind::Get | CallKind::QueueTable => false,
    };
    match (readable && tuning.protobuf, kind.is_watch()) {
        (false, _) => "application/json",
        (true, false) => PROTOBUF,
        (true, true) => PROTOBUF_WATCH,
    }
}

/// Returns `true` if the answer is labelled as protobuf.
pub(crate) fn is_protobuf(head: &Parts) -> bool {
    head.headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/vnd.kubernetes.protobuf"))
}

async fn read(
    body: ResponseBody,
    limits: &Limits,
    tag: &Tag,
    start: Instant,
    body_sink: &mut impl BodySink,
) -> Result<(), RequestError> {
    let mut body = pin!(body);
    let mut bytes = 0;
    let mut received = Instant::now();
    let mut seen = tag.moved();
    let mut window = (received, seen);
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = sleep_until((received + limits.idle).min(start + limits.cap)) => {
                let now = Instant::now();
                // Bytes on the wire count: a compressed body makes progress long before its first decoded byte.
                if tag.moved() > seen && now < start + limits.cap {
                    (received, seen) = (now, tag.moved());
                    fast_enough(&mut window, now, limits, tag, bytes)?;
                    continue;
                }
                tag.timed_out();
                return Err(late(received, limits, bytes));
            }
        };
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|error| classify::cut(&*error, bytes))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes + data.len() > limits.bytes {
            tag.refused();
            let text = format!("the answer is larger than {}", bytes_text(limits.bytes));
            return Err(RequestError::new(Layer::Body, &text));
        }
        bytes += data.len();
        body_sink.take(&data);
        drop(data);
        (received, seen) = (Instant::now(), tag.moved());
        fast_enough(&mut window, received, limits, tag, bytes)?;
        if received >= start + limits.cap {
            tag.timed_out();
            return Err(late(received, limits, bytes));
        }
    }
}

/// Returns `true` if enough bytes came over the wire in the last window of the idle deadline.
fn fast_enough(
    window: &mut (Instant, u64),
    now: Instant,
    limits: &Limits,
    tag: &Tag,
    bytes: usize,
) -> Result<(), RequestError> {
    let (since, from) = *window;
    if now - since < limits.idle {
        return Ok(());
    }
    let moved = tag.moved();
    let rate = u128::from(moved - from) * 1000 / (now - since).as_millis().max(1);
    if rate < u128::from(limits.slowest) {
        tag.timed_out();
        let text = format!("the body trickles at {rate} B/s ({} so far)", bytes_text(bytes));
        return Err(RequestError::timed_out(Layer::Body, &text));
    }
    *window = (now, moved);
    Ok(())
}

fn late(received: Instant, limits: &Limits, bytes: usize) -> RequestError {
    let text = if received.elapsed() >= limits.idle && limits.idle < limits.cap {
        let secs = limits.idle.as_secs();
        format!("no data for {secs} s while reading the body ({} so far)", bytes_text(bytes))
    } else {
        format!("the body was not complete within {} s ({} so far)", limits.cap.as_secs(), bytes_text(bytes))
    };
    RequestError::timed_out(Layer::Body, &text)
}

#[cfg(test)]
mod tests {
    use kube::Config;
    use tower::BoxError;

    use super::*;
    use crate::cluster::connect::assemble;

    #[test]
    fn a_path_that_would_lead_elsewhere_is_distinguished_from_one_that_does_not() {
        for path in ["/livez", "/api/v1/namespaces/a..b/pods?x=../y", "/api/v1/nodes/.hidden", "/"] {
            assert!(!leads_elsewhere(path), "{path}");
        }
        for path in
            ["/api/v1/namespaces/../pods", "/api/v1/namespaces/./pods", "/api/v1/namespaces//pods", "/a/..?x", "//a"]
        {
            assert!(leads_elsewhere(path), "{path}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_is_never_sent() {
        let wire =
            tower::service_fn(|_: Request<RequestBody>| async { Ok::<_, BoxError>(Response::new(RequestBody::new())) });
        let sink = MeterSink::new(crate::clock::Clock::start());
        let line =
            ApiClient { client: assemble(wire, &Config::new("http://127.0.0.1:1".parse().unwrap()), &sink), sink };
        let uri = "/api/v1/namespaces/../pods".to_owned();
        let request = ApiRequest {
            kind: CallKind::Get,
            page: None,
            attempt: 1,
            uri,
            limits: Limits::small(Duration::from_secs(1)),
        };
        let Err(error) = line.open(&request, &Tuning::default()).await else { panic!("it was sent") };
        assert!(error.text.contains("lead elsewhere"), "{}", error.text);
    }
}
