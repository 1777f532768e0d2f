//! The read-only guard: a tower layer that lets nothing but GET pass.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use tower::{BoxError, Layer, Service};

/// Error of a request that is not a GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused to send a request that is not a GET: this program only reads")]
pub(crate) struct Refused;

/// Puts [`ReadOnly`] around a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOnlyLayer;

impl<S> Layer<S> for ReadOnlyLayer {
    type Service = ReadOnly<S>;

    fn layer(&self, inner: S) -> ReadOnly<S> {
        ReadOnly { inner }
    }
}

/// Refuses every method but GET before it reaches the wire (docs/security.md).
#[derive(Clone, Debug)]
pub(crate) struct ReadOnly<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for ReadOnly<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::GET {
            return Box::pin(async { Err(BoxError::from(Refused)) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tower::{ServiceBuilder, ServiceExt};

    use super::*;

    #[tokio::test]
    async fn no_method_but_get_reaches_the_wire() {
        let reached = AtomicU32::new(0);
        let reached: &'static AtomicU32 = Box::leak(Box::new(reached));
        let mut service = ServiceBuilder::new().layer(ReadOnlyLayer).service(tower::service_fn(
            async move |_: Request<()>| -> Result<(), BoxError> {
                reached.fetch_add(1, Ordering::Relaxed);
                Ok(())
            },
        ));
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "CONNECT", "TRACE", "BREW"] {
            let request = Request::builder().method(method).body(()).unwrap();
            let error = service.ready().await.unwrap().call(request).await.unwrap_err();
            assert!(error.is::<Refused>(), "{method}");
        }
        assert_eq!(reached.load(Ordering::Relaxed), 0);
        service.ready().await.unwrap().call(Request::new(())).await.unwrap();
        assert_eq!(reached.load(Ordering::Relaxed), 1, "GET passes");
    }
}
