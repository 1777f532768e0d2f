//! Classification of failures: layer, cause, timeout or not, and one line of text that names them.
//!
//! No secret can get into a text: texts are made of error kinds, of the server's own words and of host names, never of
//! requests, headers of ours, or the content of files.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::response::Parts;
use jiff::Timestamp;
use tokio_rustls::rustls;

use super::connect::tls::TlsError;
use super::connect_failure::{ConnectFailure, ConnectStage, chain};
use super::deadline::retry_after;
use super::exchange::LongHeads;
use super::inflate::BadGzip;
use crate::facts::text::Clean;
use crate::facts::wire::{StatusFacts, decode_status};
use crate::file;
use crate::msg::{Failure, Layer};

mod tls;

use tls::{alert, readable_times, refused_us, words};

/// Longest text of a failure, in characters: a refused certificate with its two names, three times and two hosts.
const TEXT_CHARS: usize = 320;
/// Header of every answer of an API server.
const AUDIT_ID: &str = "audit-id";
/// Text for a captive portal, or a URL that points elsewhere (F34).
const NOT_KUBERNETES: &str = "not a Kubernetes API: the answer is a web page (HTML)";

/// A failed attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RequestError {
    /// Layer that failed.
    pub(crate) layer: Layer,
    /// One line that says what happened.
    pub(crate) text: Clean,
    /// HTTP code.
    pub(crate) code: Option<u16>,
    /// `true` if our deadline or the server's passed.
    pub(crate) timeout: bool,
    /// The server's `Retry-After`, clamped.
    pub(crate) retry_after: Option<Duration>,
    /// The server's `Retry-After`, unclamped.
    pub(crate) full_retry_after: Option<Duration>,
    /// The server's `Audit-Id`.
    pub(crate) audit_id: Option<Clean>,
    /// The Kubernetes `Status` of the answer.
    pub(crate) status: Option<Box<StatusFacts>>,
    /// `true` if a retry cannot help: the configuration or the credentials are unusable.
    pub(crate) permanent: bool,
    /// `true` if the answer is not from a Kubernetes API, or not provably from ours: a captive portal, a wrong URL, a
    /// certificate.
    pub(crate) not_kubernetes: bool,
}

impl RequestError {
    /// A failure without an answer.
    pub(crate) fn new(layer: Layer, text: &str) -> Self {
        Self {
            layer,
            text: one_line(text),
            code: None,
            timeout: false,
            retry_after: None,
            full_retry_after: None,
            audit_id: None,
            status: None,
            not_kubernetes: false,
            permanent: false,
        }
    }

    /// Marks the error as one that a retry cannot change.
    pub(crate) fn permanent(self) -> Self {
        Self { permanent: !self.timeout, ..self }
    }

    /// Error for a deadline of ours that passed.
    pub(crate) fn timed_out(layer: Layer, text: &str) -> Self {
        Self { timeout: true, ..Self::new(layer, text) }
    }

    /// `true` if the server says that this resourceVersion or token has expired: 410, or the 504 "too large".
    pub(crate) fn is_gone(&self) -> bool {
        self.code == Some(410) || self.status.as_ref().is_some_and(|s| s.version_too_large || &*s.reason == "Expired")
    }

    /// `true` if objects in the store cannot be read, or one was deleted unread: only a new list shows what is left
    /// (R20).
    pub(crate) fn is_store_broken(&self) -> bool {
        self.status.as_ref().is_some_and(|status| &*status.reason == "StoreReadError")
    }

    /// The token with which the server lets an expired list continue (R5).
    pub(crate) fn continue_token(&self) -> Option<&str> {
        self.status.as_ref().map(|s| s.continue_token.as_str()).filter(|token| !token.is_empty())
    }

    /// `true` if no answer came at all, so the server (or the network path to it) is down.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(
            self.layer,
            Layer::Dns | Layer::Proxy | Layer::Connect | Layer::Tls | Layer::Credentials | Layer::Config
        )
    }

    /// The failure as the model shows it.
    pub(crate) fn failure(&self, at: Timestamp, request: &str, attempt: u32) -> Failure {
        Failure {
            at,
            layer: self.layer,
            request: Clean::new(request),
            code: self.code,
            text: self.text.clone(),
            attempt,
            next_in: None,
            previous: None,
            audit_id: self.audit_id.clone(),
            retry_after: self.full_retry_after,
            timeout: self.timeout,
        }
    }
}

/// Error of an answer with a status other than success; `body` is the part of the body that came.
pub(crate) fn answer(head: &Parts, body: &[u8], wall: Timestamp, cap: Duration) -> RequestError {
    let code = head.status.as_u16();
    let status = decode_status(body);
    let gone = code == 410 || status.as_ref().is_some_and(|s| s.version_too_large || &*s.reason == "Expired");
    let layer = match code {
        _ if gone => Layer::Watch,
        401 => Layer::Auth,
        403 => Layer::Rbac,
        429 => Layer::Throttled,
        504 => Layer::ServerTimeout,
        _ => Layer::Server,
    };
    let reason = head.status.canonical_reason().unwrap_or("no reason given");
    let text = if head.status.is_redirection() {
        format!("answered {code}, a redirect: not followed with our credentials")
    } else if is_html(head, body) {
        format!("load balancer or proxy answered {code} (HTML)")
    } else if let Some(status) = status.as_ref().filter(|s| !s.message.is_empty()) {
        etcd(&status.message).unwrap_or_else(|| status.message.to_string())
    } else {
        // An API server puts an audit id on every answer; a proxy or load balancer in front of it does not (F33).
        let in_front = (502..=504).contains(&code) && !head.headers.contains_key(AUDIT_ID);
        let by = if in_front { "load balancer or proxy " } else { "" };
        let line = String::from_utf8_lossy(&body[..body.len().min(4 * TEXT_CHARS)]);
        match line.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) if in_front => format!("{by}answered {code}: {line}"),
            Some(line) => line.to_owned(),
            None => format!("{by}answered {code} {reason} without a body"),
        }
    };
    let in_status = status.as_ref().and_then(|s| s.retry_after_seconds).map(Duration::from_secs);
    let full_retry_after =
        head.headers.get(RETRY_AFTER).and_then(|value| retry_after(value, wall, Duration::MAX)).or(in_status);
    RequestError {
        code: Some(code),
        timeout: layer == Layer::ServerTimeout,
        retry_after: full_retry_after.map(|wait| wait.min(cap)),
        full_retry_after,
        audit_id: audit_id(head),
        not_kubernetes: head.status.is_redirection(),
        status: status.map(Box::new),
        ..RequestError::new(layer, &text)
    }
}

/// Error of a success whose body cannot be used.
pub(crate) fn unreadable(head: &Parts, body: &[u8], why: &str) -> RequestError {
    let html = is_html(head, body);
    let text = if html { NOT_KUBERNETES } else { why };
    RequestError {
        code: Some(head.status.as_u16()),
        audit_id: audit_id(head),
        not_kubernetes: html,
        ..RequestError::new(Layer::Decode, text)
    }
}

/// Error of a failed `Status` in the body of a success. The code of the `Status` counts.
pub(crate) fn disguised(head: &Parts, status: StatusFacts, cap: Duration) -> RequestError {
    RequestError { audit_id: audit_id(head), ..event(status, cap) }
}

/// Error of a `Status` that came as an ERROR event of a watch, or in place of its events.
pub(crate) fn event(status: StatusFacts, cap: Duration) -> RequestError {
    let layer = match status.code {
        _ if status.code == 410 || status.version_too_large || &*status.reason == "Expired" => Layer::Watch,
        401 => Layer::Auth,
        403 => Layer::Rbac,
        429 => Layer::Throttled,
        504 => Layer::ServerTimeout,
        _ => Layer::Server,
    };
    let text = etcd(&status.message);
    let text = match &text {
        Some(text) => text,
        None if status.message.is_empty() => "the server reports an error without a message",
        None => &*status.message,
    };
    RequestError {
        code: (status.code != 0).then_some(status.code),
        timeout: layer == Layer::ServerTimeout,
        retry_after: status.retry_after_seconds.map(|secs| Duration::from_secs(secs).min(cap)),
        full_retry_after: status.retry_after_seconds.map(Duration::from_secs),
        ..RequestError::new(layer, text)
    }
    .with_status(status)
}

impl RequestError {
    fn with_status(mut self, status: StatusFacts) -> Self {
        self.status = Some(Box::new(status));
        self
    }
}

/// Error of a request that got no answer: walks the causes to the layer that failed.
pub(crate) fn no_answer(error: &(dyn StdError + 'static)) -> RequestError {
    if let Some(long) = chain(error).find_map(|cause| cause.downcast_ref::<LongHeads>()) {
        return RequestError { not_kubernetes: true, ..RequestError::new(Layer::Decode, &long.to_string()) };
    }
    for cause in chain(error) {
        if let Some(failed) = cause.downcast_ref::<ConnectFailure>() {
            return connecting(failed);
        }
        if let Some(refused) = cause.downcast_ref::<super::guard::Refused>() {
            return RequestError::new(Layer::Internal, &refused.to_string());
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            if error.is_incomplete_message() {
                return RequestError::new(Layer::Connect, "the connection was closed before an answer came");
            }
            if error.is_parse() {
                let text = format!("the answer is not HTTP: {}", deepest(cause));
                return RequestError { not_kubernetes: true, ..RequestError::new(Layer::Decode, &text) };
            }
        }
        if let Some(alert) = alert(cause) {
            return refused_us("the server", alert);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && !chain(cause).any(|cause| alert(cause).is_some())
        {
            return no_answer_but(&io_text(error));
        }
    }
    RequestError::new(Layer::Connect, &format!("no answer: {}", deepest(error)))
}

/// Error of a connection that ended before an answer came.
fn no_answer_but(why: &str) -> RequestError {
    RequestError::new(Layer::Connect, &format!("the connection failed before an answer came: {why}"))
}

/// Error of TLS that cannot be set up.
pub(crate) fn unusable_tls(error: &TlsError) -> RequestError {
    let layer = if matches!(error, TlsError::Identity(_)) { Layer::Credentials } else { Layer::Config };
    RequestError::new(layer, &error.to_string()).permanent()
}

/// Error of a body that began and was cut, or whose gzip is broken (F17).
pub(crate) fn cut(error: &(dyn StdError + 'static), bytes: usize) -> RequestError {
    if let Some(bad) = chain(error).find(|cause| cause.is::<BadGzip>()) {
        return RequestError::new(Layer::Body, &format!("{bad} after {} of text", bytes_text(bytes)));
    }
    let why = chain(error)
        .find_map(|cause| {
            if let Some(error) = cause.downcast_ref::<hyper::Error>()
                && error.is_incomplete_message()
            {
                return Some("the connection was closed in mid-answer".to_owned());
            }
            cause.downcast_ref::<io::Error>().map(io_text)
        })
        .unwrap_or_else(|| deepest(error));
    RequestError::new(Layer::Body, &format!("cut after {}: {why}", bytes_text(bytes)))
}

/// Error of a watch that was cut, other than by its normal end.
pub(crate) fn broken_watch(error: &(dyn StdError + 'static)) -> RequestError {
    let why = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>().map(io_text));
    RequestError::new(Layer::Body, &format!("the watch was cut: {}", why.unwrap_or_else(|| deepest(error))))
}

/// `true` if the connection was closed before the end of the body, without any other complaint.
pub(crate) fn is_early_end(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| {
        cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
            || cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    })
}

/// Error of a watch that was answered with success by something other than a Kubernetes API.
pub(crate) fn not_kubernetes() -> RequestError {
    RequestError { not_kubernetes: true, ..RequestError::new(Layer::Decode, NOT_KUBERNETES) }
}

fn connecting(failed: &ConnectFailure) -> RequestError {
    let (endpoint, secs) = (&failed.endpoint, failed.after.as_secs());
    let Some(source) = &failed.source else {
        let (layer, text) = match failed.stage {
            ConnectStage::Dns => (Layer::Dns, format!("name of `{endpoint}` not resolved within {secs} s")),
            ConnectStage::Tcp => {
                (Layer::Connect, format!("no connection to `{endpoint}` within {secs} s: filtered or no route"))
            }
            ConnectStage::Proxy => (Layer::Proxy, format!("proxy `{endpoint}` gave no tunnel within {secs} s")),
            ConnectStage::Tls => (Layer::Tls, format!("TLS handshake with `{endpoint}` not finished within {secs} s")),
        };
        return RequestError::timed_out(layer, &text);
    };
    let refused = chain(&**source)
        .filter_map(|c| c.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::ConnectionRefused);
    let why = deepest(&**source);
    match failed.stage {
        ConnectStage::Dns => RequestError::new(Layer::Dns, &format!("name of `{endpoint}` not resolved: {why}")),
        ConnectStage::Tcp | ConnectStage::Proxy if failed.proxied && refused => {
            RequestError::new(Layer::Proxy, &format!("connection refused by proxy `{endpoint}`"))
        }
        ConnectStage::Proxy => RequestError::new(Layer::Proxy, &format!("proxy `{endpoint}`: {why}")),
        ConnectStage::Tcp if failed.proxied => RequestError::new(Layer::Proxy, &format!("proxy `{endpoint}`: {why}")),
        ConnectStage::Tcp if refused => {
            RequestError::new(Layer::Connect, &format!("connection refused by `{endpoint}`"))
        }
        ConnectStage::Tcp if failed.is_reset() => no_answer_but(&io_text(&io::ErrorKind::ConnectionReset.into())),
        ConnectStage::Tcp => RequestError::new(Layer::Connect, &format!("no connection to `{endpoint}`: {why}")),
        ConnectStage::Tls => {
            if let Some(alert) = chain(&**source).find_map(alert) {
                return refused_us(&format!("`{endpoint}`"), alert);
            }
            let text = match &failed.shown {
                // The certificate's text has the dates already, and the length of the line is limited.
                Some(shown) => {
                    let why = why.split(": verification time").next().unwrap_or_default();
                    let why = why.trim_start_matches("invalid peer certificate: ");
                    format!("TLS with `{endpoint}`: {why}; {shown}")
                }
                None => format!("TLS with `{endpoint}`: {}", readable_times(&why)),
            };
            // A certificate does not change within seconds (F05); a handshake that was cut may succeed.
            RequestError { not_kubernetes: why.contains("certificate"), ..RequestError::new(Layer::Tls, &text) }
        }
    }
}

fn deepest(error: &(dyn StdError + 'static)) -> String {
    if let Some(error) = chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return words(error);
    }
    let text = |cause: &(dyn StdError + 'static)| match cause.downcast_ref::<io::Error>() {
        Some(error) => file::words(error),
        None => cause.to_string(),
    };
    chain(error).last().map(text).unwrap_or_default()
}

fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset by the other side".to_owned(),
        io::ErrorKind::BrokenPipe => "the other side has closed the connection".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection ended early".to_owned(),
        io::ErrorKind::TimedOut => "no acknowledgement from the other side".to_owned(),
        _ => deepest(error),
    }
}

/// An error that etcd reports through the API server, labelled as etcd's (F32).
fn etcd(message: &str) -> Option<String> {
    if !message.contains("etcdserver: ") {
        return None;
    }
    // A full database refuses writes only (etcd `NOSPACE` alarm).
    let still = if message.contains("database space exceeded") { "; reads still work" } else { "" };
    Some(format!("etcd trouble: {message}{still}"))
}

pub(super) fn audit_id(head: &Parts) -> Option<Clean> {
    Some(one_line(head.headers.get(AUDIT_ID)?.to_str().ok()?))
}

/// `true` for a web page, by its content type or its first bytes.
pub(crate) fn is_html(head: &Parts, body: &[u8]) -> bool {
    let declared = head.headers.get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    declared || body.trim_ascii_start().starts_with(b"<")
}

/// One line, without runs of white space, at most [`TEXT_CHARS`] long.
pub(crate) fn one_line(text: &str) -> Clean {
    let mut line = String::with_capacity(text.len().min(4 * TEXT_CHARS));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * TEXT_CHARS {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(TEXT_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    Clean::new(&line)
}

/// `2.2 MB`, for people.
pub(crate) fn bytes_text(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests;
