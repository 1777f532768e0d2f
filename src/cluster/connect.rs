//! The client stack: tower layers over hyper, without hidden retries, with keepalive, with one deadline over DNS, TCP,
//! proxy and TLS, and with the meter next to the wire (docs/performance.md).

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioTimer;
use kube::Config;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use super::Task;
use super::classify::{RequestError, unusable_tls};
use super::connect_failure::ConnectStage;
use super::exchange::READ_BUFFER;
use super::guard::ReadOnlyLayer;
use super::inflate::InflateLayer;
use super::meter::{MeterLayer, MeterSink, PoolGeneration, Tag};
use super::proxy::ProxyAuth;
use super::tuning::Tuning;

mod address;
mod any;
pub(crate) mod certificate;
mod timed;
pub(crate) mod tls;

use crate::cluster::connect::certificate::CertificateFetcher;
use address::AddressLayer;
use any::{AnyConnector, hidden};
use timed::Timed;
use tls::{Https, TlsError, TlsSettings};

/// Idle time before the first keepalive probe. client-go uses 30 s; a dashboard should notice a dead connection sooner.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
/// Time between two keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Keepalive probes without an answer before the connection is dead.
const KEEPALIVE_RETRIES: u32 = 3;
/// Time after which an unacknowledged write ends a connection (F06); the kernel's default is about 15 min.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle time of a pooled connection: it is closed before a load balancer drops it.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Pooled connections: at most two pages and two watches run at once.
const POOL_SIZE: usize = 4;

/// Sends requests to one server through its stack of layers; a clone shares the connections.
pub(crate) type HttpClient = BoxCloneSyncService<Request<RequestBody>, Response<ResponseBody>, BoxError>;
/// Body of a request: none, for all of them are GET.
pub(crate) type RequestBody = Empty<Bytes>;
/// Body of an answer, of any transport and layers.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

tokio::task_local! {
    /// Stage that the connection being made has reached.
    static STAGE: Arc<AtomicU8>;
}

/// Builds a client for `config` with a connection pool of its own; `tls` is used for an `https` server only.
///
/// May read the machine's certificates, so call it where blocking is allowed; needs a tokio context. Never runs an exec
/// plugin: the credentials are among the headers of `config`, and nothing else of it is read for them.
///
/// # Errors
/// Certificates that cannot be used.
pub(crate) fn client(
    mut config: Config,
    tls: &TlsSettings,
    auth: Option<&ProxyAuth>,
    tuning: &Tuning,
    sink: &MeterSink,
) -> Result<HttpClient, RequestError> {
    if let Ok(agent) = HeaderValue::from_str(&tuning.user_agent) {
        config.headers.push((USER_AGENT, agent));
    }
    let endpoint = endpoint(config.proxy_url.as_ref().unwrap_or(&config.cluster_url));
    let limit = tuning.connect_deadline;
    let proxied = config.proxy_url.is_some();
    let after = if proxied { ConnectStage::Proxy } else { ConnectStage::Tls };
    let tcp = StageMarker { inner: tcp(GaiResolver::new(), limit), before: ConnectStage::Tcp, after };
    // One type for all transports, so that the layers above exist once in the binary.
    let transport = match config.proxy_url.clone() {
        None => hidden(tcp),
        Some(proxy) => tunnelled(proxy, tcp, auth).map_err(|error| unusable_tls(&error))?,
    };
    let (inner, fetcher) = match config.cluster_url.scheme_str() {
        Some("https") => secured(transport, &config, tls).map_err(|error| unusable_tls(&error))?,
        // Without TLS the certificates are not read: a machine without any can use such a server.
        _ => (transport, None),
    };
    let timed = Timed { inner, limit, proxied, endpoint, fetcher };
    Ok(assemble(pool(timed), &config, sink))
}

/// TLS to the server, and the prober of its certificate for the case that it is refused.
///
/// # Errors
/// Certificates or a name that cannot be used.
fn secured(
    transport: AnyConnector,
    config: &Config,
    tls: &TlsSettings,
) -> Result<(AnyConnector, Option<CertificateFetcher>), TlsError> {
    let name = tls.name(config.cluster_url.host().unwrap_or_default())?;
    let secure = tls.client_config()?;
    let fetcher = config.proxy_url.is_none().then(|| CertificateFetcher::new(secure.clone(), name.clone()));
    Ok((hidden(Https::new(transport, secure, name)), fetcher))
}

/// Connector through a proxy.
///
/// # Errors
/// TLS to the proxy that cannot be set up.
fn tunnelled(
    proxy: Uri,
    tcp: StageMarker<HttpConnector<StageMarker<GaiResolver>>>,
    auth: Option<&ProxyAuth>,
) -> Result<AnyConnector, TlsError> {
    fn then_tls<C>(inner: C) -> StageMarker<C> {
        StageMarker { inner, before: ConnectStage::Tcp, after: ConnectStage::Tls }
    }
    Ok(match proxy.scheme_str() {
        Some("socks5" | "socks5h") => {
            let mut socks = SocksV5::new(proxy, tcp);
            if let Some(auth) = auth {
                socks = socks.with_auth(auth.user.clone(), auth.password.clone());
            }
            hidden(then_tls(socks))
        }
        Some("https") => {
            // Separate settings: the proxy gets neither the client certificate nor the cluster's CA.
            let tls = TlsSettings::default();
            let name = tls.name(proxy.host().unwrap_or_default())?;
            let outer = Https::new(hidden(tcp), tls.client_config()?, name);
            hidden(then_tls(tunnel(proxy, hidden(outer), auth)))
        }
        _ => hidden(then_tls(tunnel(proxy, hidden(tcp), auth))),
    })
}

/// Puts our layers around `wire`: guard, gunzip, the server's URL with its headers, meter.
pub(crate) fn assemble<S, B>(wire: S, config: &Config, sink: &MeterSink) -> HttpClient
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send + 'static,
{
    let stack = ServiceBuilder::new()
        .layer(ReadOnlyLayer)
        .layer(InflateLayer { request_gzip: !config.disable_compression })
        .layer(AddressLayer::new(config.cluster_url.clone(), config.headers.clone()))
        .layer(MeterLayer(sink.clone()))
        .map_err(Into::<BoxError>::into)
        .service(wire);
    HttpClient::new(stack.map_response(|answer| answer.map(BodyExt::boxed_unsync)))
}

fn pool<C>(connector: C) -> ConnectionPool<C>
where
    C: legacy::connect::Connect + Clone,
{
    let current = Arc::new(Mutex::new((0, connections(connector.clone()))));
    ConnectionPool { connector, current, newest: Arc::default() }
}

fn connections<C>(connector: C) -> legacy::Client<C, RequestBody>
where
    C: legacy::connect::Connect + Clone,
{
    legacy::Client::builder(Spawn)
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE)
        .http1_max_buf_size(READ_BUFFER)
        // hyper sends a request again only if the idle connection turned out to be closed before a byte of it was written
        // (`retry_canceled_requests`, on by default): no server sees two, and the meter times both as one.
        .build(connector)
}

/// Runs the tasks of connections.
#[derive(Clone, Copy)]
struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, task: F) {
        tokio::spawn(Box::pin(task) as Task);
    }
}

/// Connection pool. When a request times out, the idle connections of its pool are dropped too: they most likely share
/// the dead path, and each would cost another deadline (F06).
#[derive(Clone)]
struct ConnectionPool<C> {
    connector: C,
    current: Arc<Mutex<(u64, legacy::Client<C, RequestBody>)>>,
    newest: Arc<AtomicU64>,
}

impl<C> Service<Request<RequestBody>> for ConnectionPool<C>
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    type Response = Response<Incoming>;
    type Error = legacy::Error;
    type Future = legacy::ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.newest.load(Ordering::Relaxed);
        if current.0 < newest {
            *current = (newest, connections(self.connector.clone()));
        }
        if let Some(tag) = request.extensions().get::<Tag>() {
            tag.set_pool(PoolGeneration { used: current.0, newest: self.newest.clone() });
        }
        current.1.request(request)
    }
}

/// TCP connector: `limit` is divided among the addresses of a name, so that a dead first one leaves time for the next;
/// the two families race 300 ms apart, as hyper-util does by itself (F08).
fn tcp<R>(resolver: R, limit: Duration) -> HttpConnector<StageMarker<R>> {
    let resolver = StageMarker { inner: resolver, before: ConnectStage::Dns, after: ConnectStage::Tcp };
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(limit));
    tcp.set_keepalive(Some(KEEPALIVE_IDLE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(USER_TIMEOUT));
    tcp
}

fn tunnel<C>(proxy: Uri, connector: C, auth: Option<&ProxyAuth>) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy, connector);
    match auth.and_then(ProxyAuth::basic) {
        Some(basic) => tunnel.with_auth(basic),
        None => tunnel,
    }
}

/// `host:port`, without credentials.
fn endpoint(url: &Uri) -> String {
    let port = url.port_u16().unwrap_or(match url.scheme_str() {
        Some("http") => 80,
        Some("socks5" | "socks5h") => 1080,
        _ => 443,
    });
    format!("{}:{port}", url.host().unwrap_or_default())
}

/// Records in [`STAGE`] the stage before and after this service's work.
#[derive(Clone, Debug)]
struct StageMarker<C> {
    inner: C,
    before: ConnectStage,
    after: ConnectStage,
}

impl<C, Q> Service<Q> for StageMarker<C>
where
    C: Service<Q>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: Q) -> Self::Future {
        let (work, before, after) = (self.inner.call(target), self.before, self.after);
        let note = |stage: ConnectStage| {
            // Outside of a connection attempt (a unit test) the stage is not recorded.
            let _ = STAGE.try_with(|at| at.store(stage as u8, Ordering::Relaxed));
        };
        Box::pin(async move {
            note(before);
            let done = work.await?;
            note(after);
            Ok(done)
        })
    }
}

#[cfg(test)]
mod tests;
