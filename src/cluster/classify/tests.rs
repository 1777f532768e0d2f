//! Tests of texts and layers.

use http::{HeaderMap, Response};

use super::*;

fn head(code: u16, headers: &[(&'static str, &str)]) -> Parts {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap().into_parts().0
}

fn classify(code: u16, headers: &[(&'static str, &str)], body: &str) -> RequestError {
    answer(&head(code, headers), body.as_bytes(), Timestamp::UNIX_EPOCH, Duration::from_secs(60))
}

fn status_body(code: u16, reason: &str, message: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
    )
}

/// The bodies are those of docs/faults.md, with the upstream files they come from.
#[test]
fn answers_of_the_server_are_named_by_layer_and_in_its_own_words() {
    let forbidden =
        r#"pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" at the cluster scope"#;
    let shutdown = "The apiserver is shutting down, please try again later.";
    let timeout = "Timeout: request did not complete within the allotted timeout";
    let rows: [(u16, String, Layer, &str); 8] = [
        (401, status_body(401, "Unauthorized", "Unauthorized"), Layer::Auth, "Unauthorized"),
        (403, status_body(403, "Forbidden", forbidden), Layer::Rbac, "pods is forbidden: User \"x\" cannot list"),
        (429, format!("{shutdown}\n"), Layer::Throttled, shutdown),
        (
            503,
            status_body(503, "ServiceUnavailable", "apiserver is shutting down"),
            Layer::Server,
            "apiserver is shutting down",
        ),
        (504, status_body(504, "Timeout", timeout), Layer::ServerTimeout, timeout),
        (
            500,
            status_body(500, "InternalError", "etcdserver: leader changed"),
            Layer::Server,
            "etcd trouble: etcdserver: leader changed",
        ),
        (404, "404 page not found\n".to_owned(), Layer::Server, "404 page not found"),
        (503, String::new(), Layer::Server, "load balancer or proxy answered 503 Service Unavailable without a body"),
    ];
    for (code, body, layer, text) in rows {
        let error = classify(code, &[], &body);
        assert_eq!((error.layer, error.code), (layer, Some(code)), "{body}");
        assert!(error.text.starts_with(text), "{}", error.text);
        assert_eq!(error.timeout, code == 504);
    }
}

#[test]
fn a_410_and_a_version_that_is_too_large_need_a_new_list_and_are_no_timeouts() {
    let expired = classify(410, &[], &status_body(410, "Expired", "too old resource version: 10 (20)"));
    assert!(expired.is_gone() && expired.layer == Layer::Watch);
    let large = r#"{"kind":"Status","code":504,"reason":"Timeout","message":"Too large resource version: 9, current: 5",
        "details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1}}"#;
    let large = classify(504, &[], large);
    assert!(large.is_gone() && !large.timeout, "{large:?}");
    assert_eq!(large.retry_after, Some(Duration::from_secs(1)));
}

#[test]
fn the_token_of_an_expired_list_is_kept() {
    let body = r#"{"kind":"Status","code":410,"reason":"Expired","message":"gone","metadata":{"continue":"C-late"}}"#;
    assert_eq!(classify(410, &[], body).continue_token(), Some("C-late"));
    assert_eq!(classify(410, &[], &status_body(410, "Expired", "gone")).continue_token(), None);
}

#[test]
fn retry_after_and_audit_id_come_along() {
    let error = classify(429, &[("retry-after", "5"), ("audit-id", "7d1f")], "slow down");
    assert_eq!(error.retry_after, Some(Duration::from_secs(5)));
    let error = classify(504, &[("audit-id", "7d1f-22")], "");
    assert_eq!(error.audit_id.as_deref(), Some("7d1f-22"));
}

#[test]
fn a_web_page_is_never_shown() {
    let page = "<!DOCTYPE html>\n<html><head><title>Login</title></head></html>";
    let error = classify(503, &[("content-type", "text/html; charset=utf-8")], page);
    assert_eq!(&*error.text, "load balancer or proxy answered 503 (HTML)");
    let error = unreadable(&head(200, &[]), page.as_bytes(), "expected value at line 1");
    assert!(error.not_kubernetes);
    assert_eq!(&*error.text, "not a Kubernetes API: the answer is a web page (HTML)");
    let error = unreadable(&head(200, &[]), b"[]", "not a list");
    assert_eq!((&*error.text, error.not_kubernetes), ("not a list", false));
}

#[test]
fn a_text_is_one_line_of_bounded_length() {
    let long = classify(500, &[], &status_body(500, "InternalError", &format!("a\\n\\tb {}", "wörd ".repeat(500))));
    assert!(long.text.starts_with("a b wörd"), "{}", long.text);
    assert!(long.text.chars().count() <= TEXT_CHARS + 1 && long.text.ends_with('…'));
    assert!(!long.text.contains('\n'));
}

#[test]
fn connection_failures_name_the_stage_and_the_place() {
    let io = |kind: io::ErrorKind| Some(Box::new(io::Error::from(kind)) as Box<dyn StdError + Send + Sync>);
    let tls = |text: &str| Some(Box::new(io::Error::other(text.to_owned())) as Box<dyn StdError + Send + Sync>);
    let failure = |stage, proxied, source| ConnectFailure {
        stage,
        endpoint: "api:6443".to_owned(),
        proxied,
        after: Duration::from_secs(10),
        source,
        shown: None,
    };
    let expired = "invalid peer certificate: certificate expired: verification time 20 (UNIX), but certificate is not valid after 10";
    let rows = [
        (
            failure(ConnectStage::Tcp, false, io(io::ErrorKind::ConnectionRefused)),
            Layer::Connect,
            false,
            "connection refused by `api:6443`",
        ),
        (
            failure(ConnectStage::Tcp, false, None),
            Layer::Connect,
            true,
            "no connection to `api:6443` within 10 s: filtered or no route",
        ),
        (failure(ConnectStage::Dns, false, None), Layer::Dns, true, "name of `api:6443` not resolved within 10 s"),
        (
            failure(ConnectStage::Tls, false, None),
            Layer::Tls,
            true,
            "TLS handshake with `api:6443` not finished within 10 s",
        ),
        (failure(ConnectStage::Tls, true, tls(expired)), Layer::Tls, false, &format!("TLS with `api:6443`: {expired}")),
        (
            failure(ConnectStage::Tls, false, tls("invalid peer certificate: UnknownIssuer")),
            Layer::Tls,
            false,
            "TLS with `api:6443`: invalid peer certificate: UnknownIssuer",
        ),
        (
            failure(ConnectStage::Tcp, true, io(io::ErrorKind::ConnectionRefused)),
            Layer::Proxy,
            false,
            "connection refused by proxy `api:6443`",
        ),
        (failure(ConnectStage::Proxy, true, None), Layer::Proxy, true, "proxy `api:6443` gave no tunnel within 10 s"),
    ];
    for (failure, layer, timeout, text) in rows {
        let request_error = no_answer(&failure);
        assert_eq!((request_error.layer, request_error.timeout, &*request_error.text), (layer, timeout, text));
        assert!(request_error.is_unreachable());
    }
}

#[test]
fn events_of_a_watch_are_classified_like_answers() {
    let of = |code, reason: &str| {
        event(StatusFacts { code, reason: Clean::new(reason), ..StatusFacts::default() }, Duration::from_secs(60))
    };
    assert!(of(410, "Gone").is_gone() && of(0, "Expired").is_gone());
    assert_eq!(of(429, "TooManyRequests").layer, Layer::Throttled);
    assert_eq!(of(500, "InternalError").layer, Layer::Server);
    assert_eq!(of(0, "").code, None);
    let late = StatusFacts { code: 429, retry_after_seconds: Some(u64::MAX), ..StatusFacts::default() };
    assert_eq!(event(late, Duration::from_secs(60)).retry_after, Some(Duration::from_secs(60)));
}

#[test]
fn sizes_are_written_for_people() {
    assert_eq!([999, 1_000, 2_249_999, 64 << 20].map(bytes_text), ["999 B", "1.0 kB", "2.2 MB", "67.1 MB"]);
}

#[test]
fn headers_that_are_not_text_are_left_out() {
    let mut headers = HeaderMap::new();
    headers.insert("audit-id", http::HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    let mut head = head(500, &[]);
    head.headers = headers;
    assert_eq!(answer(&head, b"", Timestamp::UNIX_EPOCH, Duration::ZERO).audit_id, None);
}
