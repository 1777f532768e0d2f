//! The meter: a tower layer next to the wire. Every attempt is timed, sized and reported exactly once, also one that a
//! deadline or a shutdown drops; otherwise only finished requests would be counted.
//!
//! The layer cannot wait, so it puts its events into a [`MeterSink`], from which one task per cluster forwards them.
//! The sink is bounded by the requests in flight: [`MeterSink::room`] lets no new request start while [`WAITING`]
//! events wait, and a request adds at most four (its start, one progress that is overwritten in place, its end, its
//! decoding).

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use super::connect_failure::{ConnectFailure, chain};
use super::exchange::{LongHeads, Took};
use crate::clock::Clock;
use crate::msg::{Attempt, CallEnd, CallEvent, CallId, CallKind, ClusterEvent, ClusterId, Msg};

/// Events that may wait before no new request starts.
const WAITING: usize = 64;
/// Time between two progress events of one request.
const PROGRESS: Duration = Duration::from_millis(500);

/// Queue of the meter's events; cheap to clone.
#[derive(Clone)]
pub(crate) struct MeterSink {
    shared: Arc<MeterState>,
}

struct MeterState {
    clock: Clock,
    ids: AtomicU64,
    queue: Mutex<VecDeque<CallEvent>>,
    news: Notify,
    room: Notify,
}

impl MeterSink {
    pub(crate) fn new(clock: Clock) -> Self {
        let shared = MeterState {
            clock,
            ids: AtomicU64::new(1),
            queue: Mutex::default(),
            news: Notify::new(),
            room: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Creates the tag of a new request.
    pub(crate) fn tag(&self, kind: CallKind, page: Option<u32>, attempt: u32, limit: Duration) -> Tag {
        let id = CallId(self.shared.ids.fetch_add(1, Ordering::Relaxed));
        Tag(Arc::new(TagInner {
            id,
            kind,
            page,
            attempt,
            limit,
            verdict: AtomicU8::new(0),
            pool: OnceLock::new(),
            moved: AtomicU64::new(0),
        }))
    }

    /// Waits until few enough events wait for a new request to start.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.shared.room.notified();
            if self.queue().len() < WAITING {
                return;
            }
            room.await;
        }
    }

    /// Forwards events until `out` is closed. An event leaves the queue only when the channel has room for it.
    pub(crate) async fn forward(&self, id: ClusterId, out: &mpsc::Sender<Msg>) {
        loop {
            let news = self.shared.news.notified();
            while !self.queue().is_empty() {
                let Ok(permit) = out.reserve().await else { return };
                if let Some(event) = self.queue().pop_front() {
                    permit.send(Msg::Cluster(id, ClusterEvent::Call(event)));
                }
                self.shared.room.notify_waiters();
            }
            news.await;
        }
    }

    /// Reports that the answer of this request was decoded.
    pub(crate) fn decoded(&self, tag: &Tag, took: Duration) {
        self.push(CallEvent::Decoded { id: tag.0.id, kind: tag.0.kind, took });
    }

    fn push(&self, event: CallEvent) {
        let mut queue = self.queue();
        if let CallEvent::Progress { id, bytes } = event {
            let waiting = queue.iter_mut().find_map(|waiting| match waiting {
                CallEvent::Progress { id: of, bytes } if *of == id => Some(bytes),
                _ => None,
            });
            if let Some(waiting) = waiting {
                *waiting = bytes;
                return;
            }
        }
        queue.push_back(event);
        drop(queue);
        self.shared.news.notify_one();
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<CallEvent>> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tag of one request; travels in its extensions.
#[derive(Clone)]
pub(crate) struct Tag(Arc<TagInner>);

struct TagInner {
    id: CallId,
    kind: CallKind,
    page: Option<u32>,
    attempt: u32,
    limit: Duration,
    verdict: AtomicU8,
    pool: OnceLock<PoolGeneration>,
    /// Body bytes on the wire so far.
    moved: AtomicU64,
}

/// The pool that a request's connection comes from: after a timeout none of its connections is trusted any more (F06).
#[derive(Clone, Debug)]
pub(crate) struct PoolGeneration {
    /// The number of that pool.
    pub(crate) used: u64,
    /// The lowest number of a pool that may still be used.
    pub(crate) newest: Arc<AtomicU64>,
}

const TIMED_OUT: u8 = 1;
const REFUSED: u8 = 2;

impl Tag {
    /// Notes that the request will be dropped because a deadline passed.
    pub(crate) fn timed_out(&self) {
        self.0.verdict.store(TIMED_OUT, Ordering::Relaxed);
        // A slow add-on is no evidence against the path to the server, which all other requests share.
        if !self.0.kind.is_optional() {
            self.abandon_pool();
        }
    }

    /// Abandons the pool of this request: its connections lead to a dead path, or to a server that shuts down.
    pub(crate) fn abandon_pool(&self) {
        if let Some(pool) = self.0.pool.get() {
            pool.newest.fetch_max(pool.used.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// Body bytes on the wire so far; a compressed body makes progress long before its first decoded byte.
    pub(crate) fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Relaxed)
    }

    /// Records the pool of the request; a request that is sent twice keeps the first.
    pub(crate) fn set_pool(&self, pool: PoolGeneration) {
        let _ = self.0.pool.set(pool);
    }

    /// Notes that the request will be dropped because the answer is not acceptable (too big).
    pub(crate) fn refused(&self) {
        self.0.verdict.store(REFUSED, Ordering::Relaxed);
    }
}

/// Puts a [`Meter`] around a service.
#[derive(Clone)]
pub(crate) struct MeterLayer(pub(crate) MeterSink);

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        Meter { inner, sink: self.0.clone() }
    }
}

/// Times every request that passes; a request without a [`Tag`] counts as [`CallKind::Get`].
#[derive(Clone)]
pub(crate) struct Meter<S> {
    inner: S,
    sink: MeterSink,
}

impl<S, Q, B> Service<Request<Q>> for Meter<S>
where
    S: Service<Request<Q>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: Body,
{
    type Response = Response<Metered<B>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let tag = request.extensions().get::<Tag>().cloned();
        let tag = tag.unwrap_or_else(|| self.sink.tag(CallKind::Get, None, 1, Duration::ZERO));
        let mut open = OpenRequest::start(tag, self.sink.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => {
                    open.headers(&response);
                    if response.body().is_end_stream() {
                        open.close(CallEnd::Complete);
                    }
                    Ok(response.map(|body| Metered { body, open }))
                }
                Err(error) => {
                    open.close(end_without_answer(&*error));
                    Err(error)
                }
            }
        })
    }
}

/// Outcome of a request that got no answer.
fn end_without_answer(error: &(dyn StdError + 'static)) -> CallEnd {
    if let Some(failed) = chain(error).find_map(|cause| cause.downcast_ref::<ConnectFailure>()) {
        return if failed.is_reset() { CallEnd::NoResponse } else { CallEnd::NotConnected(failed.cause()) };
    }
    let is_parse = |error: &hyper::Error| error.is_parse();
    let not_http = chain(error).any(|cause| cause.downcast_ref().is_some_and(is_parse) || cause.is::<LongHeads>());
    if not_http { CallEnd::NotHttp } else { CallEnd::NoResponse }
}

/// One request in flight; reports its end exactly once, at the latest when it is dropped.
struct OpenRequest {
    tag: Tag,
    sink: MeterSink,
    start: Instant,
    progress: Instant,
    attempt: Option<Box<Attempt>>,
}

impl OpenRequest {
    fn start(tag: Tag, sink: MeterSink) -> Self {
        let (at, start) = (sink.shared.clock.mono(), Instant::now());
        let TagInner { id, kind, page, attempt, limit, .. } = *tag.0;
        sink.push(CallEvent::Started { id, kind, page, attempt, at, limit });
        let attempt = Attempt {
            id,
            kind,
            page,
            attempt,
            at,
            connect: None,
            first_byte: None,
            total: Duration::ZERO,
            bytes: 0,
            status: None,
            end: CallEnd::Cancelled,
        };
        Self { tag, sink, start, progress: start, attempt: Some(Box::new(attempt)) }
    }

    fn headers<B>(&mut self, response: &Response<B>) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.status = Some(response.status().as_u16());
        attempt.first_byte = Some(self.start.elapsed());
        attempt.connect = response.extensions().get::<Took>().and_then(Took::answered);
        // A watch lives for minutes: its latency ends with the headers.
        if attempt.kind.is_watch() {
            self.close(CallEnd::Complete);
        }
    }

    fn data(&mut self, bytes: usize) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.bytes = attempt.bytes.saturating_add(bytes as u64);
        self.tag.0.moved.store(attempt.bytes, Ordering::Relaxed);
        if self.progress.elapsed() >= PROGRESS {
            self.progress = Instant::now();
            self.sink.push(CallEvent::Progress { id: attempt.id, bytes: attempt.bytes });
        }
    }

    fn close(&mut self, end: CallEnd) {
        if let Some(mut attempt) = self.attempt.take() {
            attempt.total = self.start.elapsed();
            attempt.end = end;
            self.sink.push(CallEvent::Finished(attempt));
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.close(match self.tag.0.verdict.load(Ordering::Relaxed) {
            TIMED_OUT => CallEnd::TimedOut,
            REFUSED => CallEnd::Broken,
            _ => CallEnd::Cancelled,
        });
    }
}

/// A body that is counted while it is read.
pub(crate) struct Metered<B> {
    body: B,
    open: OpenRequest,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.open.data(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => self.open.close(CallEnd::Broken),
            None => self.open.close(CallEnd::Complete),
        }
        // The reader may not poll again for the `None`.
        if self.body.is_end_stream() {
            self.open.close(CallEnd::Complete);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
