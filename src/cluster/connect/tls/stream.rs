//! TLS over a connection of any kind.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tower::{BoxError, Service};

use super::super::any::{AnyConnector, AnyIo};

/// Connects and shakes hands.
#[derive(Clone)]
pub(in crate::cluster::connect) struct Https {
    transport: AnyConnector,
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl Https {
    /// Over `transport`, with a server of this `name`.
    pub(in crate::cluster::connect) fn new(
        transport: AnyConnector,
        config: ClientConfig,
        name: ServerName<'static>,
    ) -> Self {
        Self { transport, tls: TlsConnector::from(Arc::new(config)), name }
    }
}

impl Service<Uri> for Https {
    type Response = HttpsStream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpsStream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.transport.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (transport, tls, name) = (self.transport.call(target), self.tls.clone(), self.name.clone());
        Box::pin(async move {
            let stream = tls.connect(name, TokioIo::new(transport.await?)).await?;
            Ok(HttpsStream(TokioIo::new(stream)))
        })
    }
}

/// A connection after its handshake.
pub(in crate::cluster::connect) struct HttpsStream(TokioIo<TlsStream<TokioIo<AnyIo>>>);

impl Connection for HttpsStream {
    fn connected(&self) -> Connected {
        self.0.inner().get_ref().0.inner().connected()
    }
}

impl Read for HttpsStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for HttpsStream {
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
