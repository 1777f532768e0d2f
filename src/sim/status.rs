//! Errors as a real API server words them: `Status` bodies, and the plain texts of its filters.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::body::{Body, Response, in_memory};
use super::fault::RequestTraits;

/// The user in messages.
const USER: &str = "watchbell";

/// Builds a `Status`.
pub(super) fn status(code: u16, reason: &str, message: &str, details: Value) -> Value {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "code": code});
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    if !details.is_null() {
        status["details"] = details;
    }
    status
}

/// Sends a `Status`, with `Retry-After` if its details say so.
pub(super) fn reply(status: &Value) -> Response {
    let code = status["code"].as_u64().and_then(|c| u16::try_from(c).ok()).unwrap_or(500);
    let mut response = plain(code, "application/json", format!("{status}\n"));
    if let Some(seconds) = status["details"]["retryAfterSeconds"].as_u64() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Sends a text.
pub(super) fn plain(code: u16, content_type: &'static str, text: impl Into<Bytes>) -> Response {
    with_body(code, content_type, in_memory(text))
}

/// Sends a body.
pub(super) fn with_body(code: u16, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 404 for an unknown path (`http.NotFound` of Go).
pub(super) fn no_such_path() -> Response {
    plain(404, "text/plain; charset=utf-8", "404 page not found\n")
}

/// 400.
pub(super) fn bad_request(message: &str) -> Value {
    status(400, "BadRequest", message, Value::Null)
}

/// 404 for one object (apimachinery `pkg/api/errors`, `NewNotFound`).
pub(super) fn not_found(plural: &str, group: &str, name: &str) -> Value {
    let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let mut details = json!({"name": name, "kind": plural});
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    status(404, "NotFound", &format!("{qualified} \"{name}\" not found"), details)
}

/// 403 for the cluster scope, in the words of the RBAC authorizer.
pub(super) fn forbidden(verb: &str, plural: &str, group: &str) -> Value {
    let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let message = format!(
        "{qualified} is forbidden: User \"simulation\" cannot {verb} resource \"{plural}\" in API group \"{group}\" at the cluster scope"
    );
    status(403, "Forbidden", &message, json!({"group": group, "kind": plural}))
}

/// 405.
pub(super) fn not_allowed() -> Value {
    status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", json!({}))
}

/// 406.
pub(super) fn not_acceptable() -> Value {
    status(406, "NotAcceptable", "only the following media types are accepted: application/json", Value::Null)
}

/// 410 for a list at a resourceVersion, or a watch, that is too old.
pub(super) fn expired(message: &str) -> Value {
    status(410, "Expired", message, Value::Null)
}

/// 410 for a continue token; the token inside carries on at the newest state (`handleCompactedErrorForPaging`).
pub(super) fn expired_token(token: &str) -> Value {
    let mut status = expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
         the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
         Continuing with the provided token results in an inconsistent list - objects that were created, modified, or \
         deleted between the time the first chunk was returned and now may show up in the list.",
    );
    status["metadata"]["continue"] = json!(token);
    status
}

/// 504 for a resourceVersion from the future (apiserver `pkg/storage/errors.go`, `NewTooLargeResourceVersionError`).
pub(super) fn too_large(requested: u64, current: u64) -> Value {
    let details = json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1});
    let message = format!("Timeout: Too large resource version: {requested}, current: {current}");
    status(504, "Timeout", &message, details)
}

/// 422 for list options that do not go together (`pkg/apis/meta/internalversion/validation`).
pub(super) fn invalid_options(field: &str, message: &str) -> Value {
    let text = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {message}");
    let details = json!({"group": "meta.k8s.io", "kind": "ListOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": format!("Forbidden: {message}"), "field": field}]});
    status(422, "Invalid", &text, details)
}

/// 504 when `?timeout=` or the server's own limit is over: the body is a Status without a kind, sent as text.
pub(super) fn deadline() -> Response {
    let body = json!({"metadata": {}, "status": "Failure", "message": "Timeout: request did not complete within the allotted timeout",
        "reason": "Timeout", "details": {}, "code": 504});
    plain(504, "text/plain; charset=utf-8", format!("{body}\n"))
}

/// The scope in the RBAC authorizer's message (apiserver `pkg/endpoints/handlers/responsewriters/errors.go`, `forbiddenMessage`).
fn scope_text(path: &str) -> String {
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(1);
    match (parts.next(), parts.next()) {
        (Some(namespace), Some(_)) => format!("in the namespace \"{namespace}\""),
        _ => "at the cluster scope".to_owned(),
    }
}

/// The message of an injected status, in the words of servers, filters and load balancers (docs/faults.md, F20 to F33).
pub(super) fn injected(
    code: u16,
    retry_after: Option<Duration>,
    message: Option<&str>,
    aim: RequestTraits<'_>,
) -> Response {
    let RequestTraits { verb, resource, path, .. } = aim;
    let json =
        |reason: &str, usual: &str, details: Value| reply(&status(code, reason, message.unwrap_or(usual), details));
    let mut response = match code {
        401 => json("Unauthorized", "Unauthorized", Value::Null),
        403 => {
            let usual = if resource.is_empty() {
                format!("forbidden: User \"{USER}\" cannot {verb} this path")
            } else {
                format!(
                    "{resource} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"\" {}",
                    scope_text(path)
                )
            };
            json("Forbidden", &usual, json!({"kind": resource}))
        }
        404 => no_such_path(),
        410 => reply(&expired(message.unwrap_or("too old resource version"))),
        429 => {
            let text = message.unwrap_or("Too many requests, please try again later.").to_owned();
            let closing = text.contains("shutting down");
            let mut response = plain(429, "text/plain; charset=utf-8", format!("{text}\n"));
            if closing {
                // Another server behind the load balancer may take the next connection (`with_retry_after.go:68`).
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        502 => plain(
            502,
            "text/html",
            "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
        ),
        503 => json("ServiceUnavailable", "apiserver is shutting down", Value::Null),
        504 => json("Timeout", "Timeout: request did not complete within the allotted timeout", json!({})),
        _ => json("", "etcdserver: leader changed", Value::Null),
    };
    let after = retry_after.or((code == 429).then_some(Duration::from_secs(1)));
    if let Some(after) = after {
        response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().into());
    }
    response
}
