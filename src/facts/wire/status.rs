//! `Status`: the body of an error response, or the object of an ERROR event.

use serde::{Deserialize, Serialize};

use super::ListMeta;
use crate::facts::json::{Int, JsonList, Obj, Text, from_slice};
use crate::facts::message::message;
use crate::facts::proto::{self, WireValue};
use crate::facts::text::Clean;

/// Message that API servers before 1.19 send instead of a cause (client-go `reflector.go`, `isTooLargeResourceVersionError`).
const TOO_LARGE: &str = "Too large resource version";

/// Kubernetes `Status`: the body of an error response, or the object of an ERROR event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFacts {
    /// HTTP code, else the code of the reason; 0 without either.
    pub code: u16,
    /// CamelCase reason, for instance `Expired`.
    pub reason: Clean,
    /// Human-readable message; one line.
    pub message: Clean,
    /// `metadata.continue` of a 410: the inconsistent continue token (R5).
    pub continue_token: String,
    /// `details.retryAfterSeconds`.
    pub retry_after_seconds: Option<u64>,
    /// `true` with a cause of type `ResourceVersionTooLarge` (F43).
    pub version_too_large: bool,
}

/// Decodes the `Status` in `body`: an object of that kind, one with a code, or one without a kind but with a message, as
/// proxies write.
///
/// Protobuf is recognised by its first bytes. `None` for HTML, plain text and other objects.
#[must_use]
pub fn decode_status(body: &[u8]) -> Option<StatusFacts> {
    if proto::is_protobuf(body) {
        return Some(decode_proto(body)?.into_facts());
    }
    let Obj(raw) = from_slice::<Obj<RawStatus<'_>>>(body).ok()?;
    let is_similar = raw.code.0.is_some() || (raw.kind.is_empty() && !raw.message.is_empty());
    if &*raw.kind != "Status" && !is_similar {
        return None;
    }
    Some(raw.into_facts())
}

/// Decodes `body` if it is a `Status` of a failure; `None` for any other object and for the `Status` of a success.
#[must_use]
pub fn decode_failure(body: &[u8]) -> Option<StatusFacts> {
    if !proto::is_protobuf(body) {
        // Few responses contain the word, and a list need not be parsed twice.
        memchr::memmem::find(body, b"Status")?;
        let Obj(raw) = from_slice::<Obj<RawStatus<'_>>>(body).ok().filter(|Obj(raw)| &*raw.kind == "Status")?;
        return raw.into_failure();
    }
    decode_proto(body)?.into_failure()
}

fn decode_proto(body: &[u8]) -> Option<RawStatus<'_>> {
    let envelope = proto::unwrap(body).ok().filter(|envelope| &*envelope.kind == "Status")?;
    let mut raw = RawStatus::default();
    WireValue::Bytes(envelope.object?).merge(&mut raw).ok()?;
    Some(raw)
}

/// HTTP code of a reason (apimachinery `pkg/apis/meta/v1/types.go`, `StatusReason`).
fn code_of(reason: &str) -> u16 {
    match reason {
        "BadRequest" => 400,
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "MethodNotAllowed" => 405,
        "NotAcceptable" => 406,
        "Conflict" | "AlreadyExists" => 409,
        "Expired" | "Gone" => 410,
        "Invalid" => 422,
        "TooManyRequests" => 429,
        "InternalError" | "ServerTimeout" => 500,
        "ServiceUnavailable" => 503,
        "Timeout" => 504,
        _ => 0,
    }
}

message! {
    /// `Status`.
    struct RawStatus<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ListMeta<'a>> = "metadata" | 1,
        status: Text<'a> = "status" | 2,
        message: Text<'a> = "message" | 3,
        reason: Text<'a> = "reason" | 4,
        details: Obj<Details<'a>> = "details" | 5,
        code: Int = "code" | 6,
    }

    /// `StatusDetails`.
    struct Details<'a> {
        causes: JsonList<Obj<Cause<'a>>> = "causes" | 4,
        retry_after: Int = "retryAfterSeconds" | 5,
    }

    /// `StatusCause`.
    struct Cause<'a> {
        reason: Text<'a> = "reason" | 1,
        message: Text<'a> = "message" | 2,
    }
}

impl RawStatus<'_> {
    fn into_facts(self) -> StatusFacts {
        let retry_after = self.details.0.retry_after.0.and_then(|seconds| seconds.try_into().ok());
        let code = self.code.0.and_then(|code| code.try_into().ok()).filter(|code| *code != 0);
        StatusFacts {
            code: code.unwrap_or_else(|| code_of(&self.reason)),
            reason: Clean::new(&self.reason),
            message: Clean::new(&self.message),
            version_too_large: self.is_version_too_large(),
            continue_token: self.metadata.0.continue_token.0.into_owned(),
            retry_after_seconds: retry_after.filter(|seconds| *seconds > 0),
        }
    }

    fn into_failure(self) -> Option<StatusFacts> {
        let failed = &*self.status == "Failure";
        let facts = self.into_facts();
        (failed || facts.code >= 400).then_some(facts)
    }

    fn is_version_too_large(&self) -> bool {
        let causes = &self.details.0.causes.0;
        causes.iter().any(|Obj(cause)| &*cause.reason == "ResourceVersionTooLarge" || &*cause.message == TOO_LARGE)
            || (&*self.reason == "Timeout" && self.message.contains(TOO_LARGE))
    }
}
