//! Type-erased connectors and connections, so that the client above them exists once in the binary, and not once for
//! each transport.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service};

/// A connector of any kind.
pub(super) type AnyConnector = BoxCloneSyncService<Uri, AnyIo, BoxError>;

/// A connection of any kind.
pub(super) struct AnyIo(Box<dyn AsyncIo>);

trait AsyncIo: Connection + Read + Write + Send + Unpin {}
impl<T: Connection + Read + Write + Send + Unpin> AsyncIo for T {}

/// Erases the type of `connector`.
pub(super) fn hidden<C>(connector: C) -> AnyConnector
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    AnyConnector::new(Hidden(connector))
}

/// Makes connections of any kind.
#[derive(Clone)]
struct Hidden<C>(C);

impl<C> Service<Uri> for Hidden<C>
where
    C: Service<Uri>,
    C::Response: AsyncIo + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = AnyIo;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<AnyIo, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let work = self.0.call(target);
        Box::pin(async move { work.await.map(|io| AnyIo(Box::new(io))).map_err(Into::into) })
    }
}

impl Connection for AnyIo {
    fn connected(&self) -> Connected {
        self.0.connected()
    }
}

impl Read for AnyIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for AnyIo {
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
