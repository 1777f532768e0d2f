//! The HTTP side: every request is logged, gets its faults, and is answered as by a real API server.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::time::Instant;

use super::body::{Response, faulty, pack};
use super::discovery;
use super::encode::Encoder;
use super::fault::FaultPlan;
use super::front::Wire;
use super::list::{self, CollectionRequest};
use super::lock;
use super::request::{Endpoint, RequestTarget};
use super::resource::SimResource;
use super::server::Server;
use super::status;
use super::template::uid_text;
use super::watch;

/// 60 s: kube-apiserver's `--request-timeout`, for everything but watches.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Answers a request that came on the connection of `wire`; its body is ignored.
pub(super) async fn handle(server: Arc<Server>, wire: Arc<Wire>, request: Parts) -> Response {
    let Parts { method, uri, headers, .. } = &request;
    let path_and_query = uri.path_and_query().map_or("/", |p| p.as_str());
    let number = server.log_request(method.as_str(), path_and_query);
    let (begun, _running) = (Instant::now(), server.scrape.begin());
    let mut target = RequestTarget::read(uri, text(headers, &header::ACCEPT), text(headers, &header::ACCEPT_ENCODING));
    let mut plan = server.faults.plan(target.traits());
    // A body that is still being sent when the request's time is up is cut (`filters/timeout.go`; measured with 1.36).
    plan.body_until = (target.verb() != "watch").then(|| Instant::now() + limit(&target));
    if let Some((after_bytes, end)) = plan.wire {
        wire.arm(after_bytes, end);
    }
    if let Some((code, headers, body)) = plan.substitute {
        server.log_status(number, code);
        let mut response = status::plain(code, "text/html", body);
        add(response.headers_mut(), headers);
        return response;
    }
    let gzip = plan.gzip.filter(|_| target.verb() == "list");
    target.gzip &= gzip.is_none();
    let mut response = answer(&server, method, &target, &plan).await;
    let status = response.status().as_u16();
    server.log_status(number, status);
    server.scrape.record(target.traits(), status, begun.elapsed());
    let headers = response.headers_mut();
    add(headers, plan.headers.clone());
    let audit = HeaderValue::try_from(uid_text(fastrand::u128(..))).expect("a uid is a legal header");
    headers.insert(HeaderName::from_static("audit-id"), audit);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    // Uids of the flow schema and the priority level of the request (API priority and fairness).
    for name in ["x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("5a3c1b7e-0c5e-4a43-9b59-0d3d9c2c8f10"));
    }
    if plan.clock_skew != 0 {
        let date = jiff::Timestamp::from_second(server.now() + plan.clock_skew).ok();
        let date = date.and_then(|date| DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok());
        if let Some(date) = date.and_then(|date| HeaderValue::try_from(date).ok()) {
            headers.insert(header::DATE, date);
        }
    }
    let (mut head, mut body) = response.into_parts();
    if let Some(how) = gzip.filter(|_| head.status.is_success()) {
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        body = pack(body, how).await.expect("bodies of lists are in memory");
    }
    Response::from_parts(head, faulty(body, plan))
}

/// Sets the headers that HTTP allows.
fn add(to: &mut HeaderMap, headers: Vec<(String, String)>) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            to.insert(name, value);
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Time limit of a request: its own `timeout`, at most the server's.
fn limit(target: &RequestTarget) -> Duration {
    target.timeout().ok().flatten().map_or(REQUEST_TIMEOUT, |t| t.min(REQUEST_TIMEOUT))
}

/// The answer, with the faults that apply before the body.
async fn answer(server: &Arc<Server>, method: &Method, target: &RequestTarget, plan: &FaultPlan) -> Response {
    if let Err(status) = target.timeout() {
        return status::reply(&status);
    }
    let timeout = limit(target);
    if plan.frozen {
        server.faults.wait_until_unfrozen(target.traits()).await;
    }
    let work = async {
        if !plan.delay.is_zero() {
            tokio::time::sleep(plan.delay).await;
        }
        if let Some((code, retry_after, message)) = &plan.status {
            return status::injected(*code, *retry_after, message.as_deref(), target.traits());
        }
        if !RequestTarget::is_read_only(method) {
            return status::reply(&status::not_allowed());
        }
        serve(server, target, plan).await.unwrap_or_else(|status| status::reply(&status))
    };
    if target.verb() == "watch" {
        return work.await;
    }
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| status::deadline())
}

async fn serve(server: &Arc<Server>, target: &RequestTarget, plan: &FaultPlan) -> Result<Response, Value> {
    if let Endpoint::Collection { resource, version, .. } | Endpoint::Object { resource, version, .. } =
        &target.endpoint
    {
        // Authorization does not look at versions, and comes before anything else.
        let switch = resource.spec().switch;
        if server.apis.forbids(switch) {
            return Err(status::forbidden(target.verb(), resource.plural(), resource.group()));
        }
        if !server.apis.serves(switch, version) {
            return Ok(status::no_such_path());
        }
    }
    match &target.endpoint {
        Endpoint::Collection { resource, version, namespace } => {
            let encoder = encoder(server, target, *resource, version)?;
            let request = CollectionRequest { target, resource: *resource, namespace, plan };
            if target.verb() == "watch" {
                watch::answer(server, request, encoder)
            } else {
                list::answer(server, request, encoder).await
            }
        }
        Endpoint::Object { resource, version, key } => {
            let encoder = encoder(server, target, *resource, version)?;
            let object = lock(&server.world).store.get(*resource, key);
            let name = key.rsplit('/').next().unwrap_or(key);
            let object = object.ok_or_else(|| status::not_found(resource.plural(), resource.group(), name))?;
            let mut out = Vec::new();
            let encoder = encoder.with_json_fallback(std::iter::once(&object));
            encoder.object(&object, &mut out);
            Ok(status::plain(200, encoder.content_type(false), out))
        }
        Endpoint::Path => discovery::answer(server, target),
    }
}

fn encoder(
    server: &Server,
    target: &RequestTarget,
    resource: SimResource,
    version: &'static str,
) -> Result<Encoder, Value> {
    Encoder::new(resource, version, &target.accept, target.query.get("includeObject"), server.now())
}
