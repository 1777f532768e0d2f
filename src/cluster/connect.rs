//! The client stack: what `kube::Client::try_from` builds, without hidden retries, with keepalive, with one deadline over
//! DNS, TCP, proxy and TLS, and with the meter next to the wire (costs-and-libraries.md, section 3).

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioTimer;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tokio::time::Instant;
use tokio_rustls::rustls;
use tower::{BoxError, Service, ServiceBuilder};

use super::Task;
use super::classify::chain;
use super::guard::ReadOnlyLayer;
use super::inflate::InflateLayer;
use super::meter::{MeterLayer, Sink, Tag, Way};
use super::proxy::ProxyAuth;
use super::tuning::Tuning;
use crate::msg::NoConnection;

mod any;
pub(crate) mod shown;

use any::{AnyConnector, hidden};
use shown::Looker;

/// client-go's dialer keeps connections alive every 30 s; ours asks sooner, since a dashboard is asked "is it alive".
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
/// Between two keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Keepalive probes without an answer before the connection is dead.
const KEEPALIVE_RETRIES: u32 = 3;
/// Unacknowledged writes end a connection after this (F06); the kernel's own limit is about 15 min.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle sockets are closed before a load balancer forgets them.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// At most two pages and two watches at once.
const POOL_SIZE: usize = 4;
/// What one read brings at most: it stays in the cache until it has been decoded. No head of an answer may be longer.
const READ_BUFFER: usize = 128 << 10;

tokio::task_local! {
    /// How far the connection that is being made has come.
    static STAGE: Arc<AtomicU8>;
}

/// A step on the way to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The name is being resolved.
    Dns = 0,
    /// TCP, to the server or to the proxy.
    Tcp = 1,
    /// The proxy is asked for a tunnel.
    Proxy = 2,
    /// The TLS handshake.
    Tls = 3,
}

/// No connection came about.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    /// Where it failed.
    pub(crate) stage: Stage,
    /// `host:port` that was to be reached at that stage.
    pub(crate) place: String,
    /// Through a proxy.
    pub(crate) proxied: bool,
    /// How long it took.
    pub(crate) after: Duration,
    /// The cause; `None` when our deadline passed.
    pub(crate) source: Option<BoxError>,
    /// The certificate that was refused, in words.
    pub(crate) shown: Option<String>,
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no connection to {}", self.place)
    }
}

impl ConnectFailure {
    /// Why there is no connection, for the statistics.
    pub(crate) fn cause(&self) -> NoConnection {
        let Some(source) = &self.source else { return NoConnection::TimedOut };
        let kind = chain(&**source).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        match (self.stage, kind) {
            (Stage::Dns, _) => NoConnection::Dns,
            (Stage::Proxy, _) => NoConnection::Proxy,
            (Stage::Tls, _) => NoConnection::Tls,
            (Stage::Tcp, Some(io::ErrorKind::ConnectionRefused)) => NoConnection::Refused,
            (Stage::Tcp, Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)) => {
                NoConnection::Unreachable
            }
            (Stage::Tcp, _) => NoConnection::Other,
        }
    }
}

impl StdError for ConnectFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// How long a connection took to be made; the first request on it takes this.
#[derive(Clone, Debug)]
pub(crate) struct Took(Arc<(Duration, AtomicBool)>);

impl Took {
    /// The time, for the first who asks.
    pub(crate) fn take(&self) -> Option<Duration> {
        (!self.0.1.swap(true, Ordering::Relaxed)).then_some(self.0.0)
    }
}

/// Builds a client for `config` with a connection pool of its own.
///
/// Reads a token file, so call it where blocking is allowed; needs a tokio context. Never runs an exec plugin, because
/// the caller has put the credentials into `config`.
///
/// # Errors
/// Whatever kube says about certificates, credentials or headers that cannot be used.
pub(crate) fn client(
    mut config: Config,
    auth: Option<&ProxyAuth>,
    tuning: &Tuning,
    sink: &Sink,
) -> Result<Client, kube::Error> {
    config.default_retry = false;
    // Both would run a command, without our deadline.
    config.auth_info.exec = None;
    config.auth_info.auth_provider = None;
    if let Ok(agent) = HeaderValue::from_str(&tuning.user_agent) {
        config.headers.push((USER_AGENT, agent));
    }
    let place = place(config.proxy_url.as_ref().unwrap_or(&config.cluster_url));
    let limit = tuning.connect_deadline;
    let proxied = config.proxy_url.is_some();
    let after = if proxied { Stage::Proxy } else { Stage::Tls };
    let tcp = Mark { inner: tcp(GaiResolver::new(), limit), before: Stage::Tcp, after };
    // One type for all ways, so that what is above them is there once in the program.
    let way = match config.proxy_url.clone() {
        None => hidden(tcp),
        Some(proxy) => tunnelled(proxy, tcp, auth)?,
    };
    let inner = config.rustls_https_connector_with_connector(way)?;
    let name = config.tls_server_name.as_deref().or(config.cluster_url.host()).unwrap_or_default();
    let looker = if !proxied && config.cluster_url.scheme_str() == Some("https") {
        Looker::new(config.rustls_client_config()?, name)
    } else {
        None
    };
    assemble(pool(Timed { inner, limit, proxied, place, looker }), &config, sink)
}

/// The way through a proxy.
///
/// # Errors
/// TLS to the proxy that cannot be set up.
fn tunnelled(
    proxy: Uri,
    tcp: Mark<HttpConnector<Mark<GaiResolver>>>,
    auth: Option<&ProxyAuth>,
) -> Result<AnyConnector, kube::Error> {
    fn then_tls<C>(inner: C) -> Mark<C> {
        Mark { inner, before: Stage::Tcp, after: Stage::Tls }
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
            // A configuration of its own: our client certificate and the cluster's CA are not the proxy's business.
            let tcp = hidden(tcp);
            let outer = Config::new(proxy.clone()).rustls_https_connector_with_connector(tcp)?;
            hidden(then_tls(tunnel(proxy, hidden(outer), auth)))
        }
        _ => hidden(then_tls(tunnel(proxy, hidden(tcp), auth))),
    })
}

/// Puts our layers around `wire`: guard, base URI, gunzip, credentials, headers, meter.
///
/// # Errors
/// Credentials or headers that cannot be used.
pub(crate) fn assemble<S, B>(wire: S, config: &Config, sink: &Sink) -> Result<Client, kube::Error>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send + 'static,
{
    let stack = ServiceBuilder::new()
        .layer(ReadOnlyLayer)
        .layer(config.base_uri_layer())
        .layer(InflateLayer { ask: !config.disable_compression })
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .layer(MeterLayer(sink.clone()))
        .map_err(Into::<BoxError>::into)
        .service(wire);
    Ok(Client::new(stack, config.default_namespace.clone()))
}

fn pool<C>(connector: C) -> Pool<C>
where
    C: legacy::connect::Connect + Clone,
{
    let current = Arc::new(Mutex::new((0, connections(connector.clone()))));
    Pool { connector, current, newest: Arc::default() }
}

fn connections<C>(connector: C) -> legacy::Client<C, Body>
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

/// Connections that are kept for the next request. When a request runs into its deadline, the idle ones beside it are
/// dropped too: they most likely lead the same dead way, and each would cost another deadline (F06).
#[derive(Clone)]
struct Pool<C> {
    connector: C,
    current: Arc<Mutex<(u64, legacy::Client<C, Body>)>>,
    newest: Arc<AtomicU64>,
}

impl<C> Service<Request<Body>> for Pool<C>
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    type Response = Response<Incoming>;
    type Error = legacy::Error;
    type Future = legacy::ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.newest.load(Ordering::Relaxed);
        if current.0 < newest {
            *current = (newest, connections(self.connector.clone()));
        }
        if let Some(tag) = request.extensions().get::<Tag>() {
            tag.goes(Way { used: current.0, newest: self.newest.clone() });
        }
        current.1.request(request)
    }
}

/// Names and addresses: `limit` is shared out among the addresses of a name, so that a dead first one leaves time for the
/// next; the two families race 300 ms apart, as hyper-util does by itself (F08).
fn tcp<R>(resolver: R, limit: Duration) -> HttpConnector<Mark<R>> {
    let resolver = Mark { inner: resolver, before: Stage::Dns, after: Stage::Tcp };
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
fn place(url: &Uri) -> String {
    let port = url.port_u16().unwrap_or(match url.scheme_str() {
        Some("http") => 80,
        Some("socks5" | "socks5h") => 1080,
        _ => 443,
    });
    format!("{}:{port}", url.host().unwrap_or_default())
}

/// Notes in [`STAGE`] what begins with this service's work and what follows it.
#[derive(Clone, Debug)]
struct Mark<C> {
    inner: C,
    before: Stage,
    after: Stage,
}

impl<C, Q> Service<Q> for Mark<C>
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
        let note = |stage: Stage| {
            // Outside of a connection attempt (a unit test) there is nobody to tell.
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

/// The deadline over all stages, and the stop-watch.
#[derive(Clone)]
struct Timed<C> {
    inner: C,
    limit: Duration,
    proxied: bool,
    place: String,
    looker: Option<Looker>,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send,
    C::Error: Into<BoxError>,
{
    type Response = TimedStream<C::Response>;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        let (place, proxied) = (&self.place, self.proxied);
        self.inner.poll_ready(cx).map_err(|error| ConnectFailure {
            stage: Stage::Tcp,
            place: place.clone(),
            proxied,
            after: Duration::ZERO,
            source: Some(error.into()),
            shown: None,
        })
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let stage = Arc::new(AtomicU8::new(Stage::Tcp as u8));
        let work = STAGE.scope(stage.clone(), self.inner.call(target.clone()));
        let (limit, proxied, proxy, looker) = (self.limit, self.proxied, self.place.clone(), self.looker.clone());
        let start = Instant::now();
        Box::pin(async move {
            let source: Option<BoxError> = match tokio::time::timeout(limit, work).await {
                Ok(Ok(io)) => {
                    return Ok(TimedStream { io, took: Took(Arc::new((start.elapsed(), AtomicBool::new(false)))) });
                }
                Ok(Err(error)) => Some(error.into()),
                Err(_) => None,
            };
            // The share of the last address ran out, or the kernel gave up: nobody answered, like our own deadline.
            let source = source.filter(|source| !is_timeout(&**source));
            let stage = match stage.load(Ordering::Relaxed) {
                0 => Stage::Dns,
                1 => Stage::Tcp,
                2 => Stage::Proxy,
                _ => Stage::Tls,
            };
            // Behind a proxy only the TLS handshake is with the server itself.
            let place = if stage == Stage::Tls { place(&target) } else { proxy };
            let after = start.elapsed();
            let refused = source.as_deref().is_some_and(|source| refused_certificate(source));
            let shown = match looker.filter(|_| stage == Stage::Tls && refused) {
                Some(looker) => looker.look(&place).await,
                None => None,
            };
            Err(ConnectFailure { stage, place, proxied, after, source, shown })
        })
    }
}

/// We refused the certificate of the other side.
fn refused_certificate(error: &(dyn StdError + 'static)) -> bool {
    let refused = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    chain(error).any(|cause| cause.downcast_ref::<rustls::Error>().is_some_and(refused))
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut))
}

/// A connection that knows how long it took to be made.
struct TimedStream<T> {
    io: T,
    took: Took,
}

impl<T: Connection> Connection for TimedStream<T> {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.took.clone())
    }
}

impl<T: Read + Unpin> Read for TimedStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: Write + Unpin> Write for TimedStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
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
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests;
