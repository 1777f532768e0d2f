//! The layer that addresses a request: the server's URL in front of its path, and the headers of the context.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri};
use tower::{BoxError, Layer, Service};

/// Puts an [`Addressed`] around a service.
#[derive(Clone, Debug)]
pub(super) struct AddressLayer(Arc<Address>);

/// A server and the headers of every request to it.
#[derive(Debug)]
struct Address {
    /// URL of the server. It may have a path, as behind Rancher.
    server: Uri,
    /// Credentials, impersonation and the user agent.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl AddressLayer {
    pub(super) fn new(server: Uri, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self(Arc::new(Address { server, headers }))
    }
}

impl<S> Layer<S> for AddressLayer {
    type Service = Addressed<S>;

    fn layer(&self, inner: S) -> Addressed<S> {
        Addressed { inner, address: self.0.clone() }
    }
}

/// Sends every request to one server.
#[derive(Clone, Debug)]
pub(super) struct Addressed<S> {
    inner: S,
    address: Arc<Address>,
}

impl<S, B> Service<Request<B>> for Addressed<S>
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match join(&self.address.server, request.uri()) {
            Ok(uri) => *request.uri_mut() = uri,
            Err(error) => return Box::pin(async { Err(error.into()) }),
        }
        request.headers_mut().extend(self.address.headers.iter().cloned());
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}

/// The path and query of `request` below the path of `server`.
///
/// # Errors
/// Together they are longer than a URL can be.
fn join(server: &Uri, request: &Uri) -> Result<Uri, http::Error> {
    let prefix = server.path().trim_end_matches('/');
    let path = request.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut parts = server.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{prefix}{path}"))?);
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_server_comes_before_that_of_a_request() {
        for (server, request, joined) in [
            ("https://192.168.1.65:8443", "/api/v1/nodes?hi=yes", "https://192.168.1.65:8443/api/v1/nodes?hi=yes"),
            ("https://example.com/foo/bar", "/api/v1/nodes?hi=yes", "https://example.com/foo/bar/api/v1/nodes?hi=yes"),
            ("https://example.com/foo/bar/", "/livez", "https://example.com/foo/bar/livez"),
            ("http://[2001:db8::1]:6443/?a=b", "/", "http://[2001:db8::1]:6443/"),
        ] {
            let joined_uri = join(&server.parse().unwrap(), &request.parse().unwrap()).unwrap();
            assert_eq!(joined_uri.to_string(), joined);
        }
    }
}
