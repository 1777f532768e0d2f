//! Response bodies that are produced while they are read, and the faults in mid-body.

use std::future::Future;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;

use super::fault::{FaultPlan, GzipFault};

/// A body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;
/// An answer of the simulated server.
pub(crate) type Response = http::Response<Body>;

type PieceFuture<S> = Pin<Box<dyn Future<Output = Option<(io::Result<Bytes>, S)>> + Send>>;

/// A body that a function produces piece by piece from a state.
struct Unfold<S, F> {
    make: F,
    running: Option<PieceFuture<S>>,
}

impl<S, F, Fut> http_body::Body for Unfold<S, F>
where
    S: Send + Unpin + 'static,
    F: FnMut(S) -> Fut + Unpin,
    Fut: Future<Output = Option<(io::Result<Bytes>, S)>> + Send + 'static,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(running) = self.running.as_mut() else { return Poll::Ready(None) };
        match running.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.running = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((piece, state))) => {
                let next = (self.make)(state);
                self.running = if piece.is_ok() { Some(Box::pin(next)) } else { None };
                Poll::Ready(Some(piece.map(Frame::data)))
            }
        }
    }
}

/// A body that is in memory.
pub(super) fn in_memory(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body from a state and a step; the first read runs the first step.
pub(super) fn unfold<S, F, Fut>(state: S, mut make: F) -> Body
where
    S: Send + Unpin + 'static,
    F: FnMut(S) -> Fut + Send + Unpin + 'static,
    Fut: Future<Output = Option<(io::Result<Bytes>, S)>> + Send + 'static,
{
    let first: PieceFuture<S> = Box::pin(make(state));
    Unfold { make, running: Some(first) }.boxed_unsync()
}

/// Progress of a faulty body.
struct Faulty {
    inner: Body,
    /// Bytes that were read but not sent yet.
    rest: Bytes,
    sent: u64,
    begun: Option<Instant>,
    plan: FaultPlan,
}

/// Long enough for the bytes before a cut to leave the machine.
const FLUSH: Duration = Duration::from_millis(20);

/// Applies the faults of the plan to a body.
pub(super) fn faulty(inner: Body, plan: FaultPlan) -> Body {
    if plan.stall_after.is_none() && plan.cut_after.is_none() && plan.trickle.is_none() {
        return inner;
    }
    unfold(Faulty { inner, rest: Bytes::new(), sent: 0, begun: None, plan }, |mut state| async move {
        let piece = state.next().await?;
        Some((piece, state))
    })
}

impl Faulty {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.plan.stall_after.is_some_and(|after| self.sent >= after) {
            std::future::pending::<()>().await;
        }
        if self.plan.cut_after.is_some_and(|after| self.sent >= after) {
            tokio::time::sleep(FLUSH).await;
            return Some(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        while self.rest.is_empty() {
            match self.inner.frame().await? {
                Ok(frame) => self.rest = frame.into_data().unwrap_or_default(),
                Err(error) => return Some(Err(error)),
            }
        }
        let mut size = self.rest.len() as u64;
        for after in [self.plan.stall_after, self.plan.cut_after].into_iter().flatten() {
            size = size.min(after - self.sent);
        }
        if let Some((bytes, every)) = self.plan.trickle {
            size = size.min(bytes);
            // Paced by the time since the first byte, not per piece: pieces vary in size, and timers fire a little late.
            let begun = *self.begun.get_or_insert_with(Instant::now);
            #[expect(clippy::cast_precision_loss, reason = "a share of some megabytes")]
            let drops = (self.sent + size) as f64 / bytes.max(1) as f64;
            tokio::time::sleep_until(begun + every.mul_f64(drops)).await;
            if self.plan.body_until.is_some_and(|until| Instant::now() >= until) {
                return Some(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        self.sent += size;
        let size = usize::try_from(size).expect("it is at most the length of a buffer");
        Some(Ok(self.rest.split_to(size)))
    }
}

/// Compresses a whole body as the fault requires.
pub(super) async fn pack(body: Body, how: GzipFault) -> io::Result<Body> {
    let bytes = body.collect().await?.to_bytes();
    let members = if let GzipFault::Members(count) = how { count.max(1) as usize } else { 1 };
    let mut packed = Vec::new();
    for part in bytes.chunks(bytes.len().div_ceil(members).max(1)) {
        let mut encoder = GzEncoder::new(packed, Compression::fast());
        encoder.write_all(part)?;
        packed = encoder.finish()?;
    }
    if how == GzipFault::Corrupt {
        let half = packed.len() / 2;
        packed[half..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(in_memory(packed))
}
