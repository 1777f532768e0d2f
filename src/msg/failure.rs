//! Failures: the layer, the request, and the next attempt.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::facts::text::Clean;

/// Layer at which a failure happened (G3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layer {
    /// The kubeconfig or a file it names.
    Config,
    /// An exec plugin or a token file.
    Credentials,
    /// Name resolution.
    Dns,
    /// The proxy between us and the server.
    Proxy,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// 401.
    Auth,
    /// 403.
    Rbac,
    /// 429.
    Throttled,
    /// Any other answer of the server, or of something in front of it.
    Server,
    /// The server answered 504: its own deadline passed.
    ServerTimeout,
    /// No first byte within the deadline.
    FirstByte,
    /// The body stalled, was cut, or outlived its deadline.
    Body,
    /// The answer could not be read as the requested kind.
    Decode,
    /// The watch ended in a way that needs a new list (410, silence): routine, no alert.
    Watch,
    /// The server answered with a warning (`Warning: 299`), for instance of a deprecated API. No failure, no alert.
    Warning,
    /// A bug in watchbell.
    Internal,
}

impl Layer {
    /// The layer in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Rbac => "rbac",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::ServerTimeout => "server timeout",
            Self::FirstByte => "first byte",
            Self::Body => "body",
            Self::Decode => "decode",
            Self::Watch => "watch",
            Self::Warning => "warning",
            Self::Internal => "internal",
        }
    }
}

/// One failed attempt, with its layer and the time of the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Time by our wall clock.
    pub at: Timestamp,
    /// Layer at which it happened.
    pub layer: Layer,
    /// The request: `list pods`, `watch nodes`, `get /livez`.
    pub request: Clean,
    /// HTTP code, if an answer came.
    pub code: Option<u16>,
    /// Text, one line, no HTML.
    pub text: Clean,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Time until the next attempt, if there is one.
    pub next_in: Option<Duration>,
    /// The failure before this one, if this one is a bare deadline error (`WrapPreviousError`).
    pub previous: Option<Clean>,
    /// The server's `Audit-Id`.
    pub audit_id: Option<Clean>,
    /// The server's `Retry-After`, unbounded; the time that is waited is bounded, and in `next_in`.
    #[serde(default)]
    pub retry_after: Option<Duration>,
    /// `true` if a deadline of watchbell or of the server (504) passed: it counts as a timeout.
    pub timeout: bool,
}

impl Failure {
    /// Creates a failure of a first attempt, of which nothing else is known.
    #[must_use]
    pub fn new(at: Timestamp, layer: Layer, request: Clean, text: Clean) -> Self {
        Self {
            at,
            layer,
            request,
            code: None,
            text,
            attempt: 1,
            next_in: None,
            previous: None,
            audit_id: None,
            retry_after: None,
            timeout: false,
        }
    }
}
