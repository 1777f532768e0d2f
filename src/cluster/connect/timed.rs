//! Connections with a deadline and a timer.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::rustls;
use tower::{BoxError, Service};

use super::{STAGE, endpoint};
use crate::cluster::connect::certificate::CertificateFetcher;
use crate::cluster::connect_failure::{ConnectFailure, ConnectStage, chain};
use crate::cluster::exchange::Took;

/// Connector with one deadline over all stages, and a timer.
#[derive(Clone)]
pub(super) struct Timed<C> {
    pub(super) inner: C,
    pub(super) limit: Duration,
    pub(super) proxied: bool,
    pub(super) endpoint: String,
    pub(super) fetcher: Option<CertificateFetcher>,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Connection + Read + Write + Unpin + Send,
    C::Error: Into<BoxError>,
{
    type Response = TimedStream<C::Response>;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        let (endpoint, proxied) = (&self.endpoint, self.proxied);
        self.inner.poll_ready(cx).map_err(|error| ConnectFailure {
            stage: ConnectStage::Tcp,
            endpoint: endpoint.clone(),
            proxied,
            after: Duration::ZERO,
            source: Some(error.into()),
            shown: None,
        })
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let stage = Arc::new(AtomicU8::new(ConnectStage::Tcp as u8));
        let work = STAGE.scope(stage.clone(), self.inner.call(target.clone()));
        let (limit, proxied, proxy, fetcher) = (self.limit, self.proxied, self.endpoint.clone(), self.fetcher.clone());
        let start = Instant::now();
        Box::pin(async move {
            let source: Option<BoxError> = match tokio::time::timeout(limit, work).await {
                Ok(Ok(io)) => {
                    return Ok(TimedStream::new(io, start.elapsed()));
                }
                Ok(Err(error)) => Some(error.into()),
                Err(_) => None,
            };
            // The share of the last address ran out, or the kernel gave up: a timeout, like our own deadline.
            let source = source.filter(|source| !is_timeout(&**source));
            let stage = match stage.load(Ordering::Relaxed) {
                0 => ConnectStage::Dns,
                1 => ConnectStage::Tcp,
                2 => ConnectStage::Proxy,
                _ => ConnectStage::Tls,
            };
            // Behind a proxy only the TLS handshake is with the server itself.
            let endpoint = if stage == ConnectStage::Tls { endpoint(&target) } else { proxy };
            let after = start.elapsed();
            let refused = source.as_deref().is_some_and(|source| refused_certificate(source));
            let shown = match fetcher.filter(|_| stage == ConnectStage::Tls && refused) {
                Some(fetcher) => fetcher.fetch(&endpoint).await,
                None => None,
            };
            Err(ConnectFailure { stage, endpoint, proxied, after, source, shown })
        })
    }
}

/// `true` if the certificate of the other side was refused.
fn refused_certificate(error: &(dyn StdError + 'static)) -> bool {
    let refused = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    chain(error).any(|cause| cause.downcast_ref::<rustls::Error>().is_some_and(refused))
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut))
}

/// A connection that knows its connect time and counts the bytes before an answer.
pub(super) struct TimedStream<T>(TokioIo<CountingReader<T>>);

/// The same for tokio, whose buffers show the number of bytes read.
struct CountingReader<T> {
    io: TokioIo<T>,
    took: Took,
}

impl<T> TimedStream<T> {
    fn new(io: T, connect: Duration) -> Self {
        Self(TokioIo::new(CountingReader { io: TokioIo::new(io), took: Took::new(connect) }))
    }
}

impl<T: Connection> Connection for TimedStream<T> {
    fn connected(&self) -> Connected {
        let CountingReader { io, took } = self.0.inner();
        io.inner().connected().extra(took.clone())
    }
}

impl<T: Read + Write + Unpin> Read for TimedStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: Read + Write + Unpin> Write for TimedStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}

impl<T: Read + Unpin> AsyncRead for CountingReader<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        Poll::Ready(self.took.read(buf.filled().len() - before))
    }
}

impl<T: Write + Unpin> AsyncWrite for CountingReader<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.took.request_sent();
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.took.request_sent();
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
