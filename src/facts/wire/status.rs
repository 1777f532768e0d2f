//! `Status`: the body of an error answer, or the object of an ERROR event.

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::Meta;
use crate::facts::json::{Int, List, Obj, Slim, Text, from_slice, skip};
use crate::facts::proto::{self, Malformed, Message, Value};
use crate::facts::text::Clean;

/// What API servers before 1.19 say instead of a cause (client-go `reflector.go`, `isTooLargeResourceVersionError`).
const TOO_LARGE: &str = "Too large resource version";

/// A Kubernetes `Status`: the body of an error answer, or the object of an ERROR event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFacts {
    /// HTTP code, or the one that goes with the reason; 0 if neither is there.
    pub code: u16,
    /// CamelCase reason, for instance `Expired`.
    pub reason: Clean,
    /// For people; one line.
    pub message: Clean,
    /// `metadata.continue` of a 410: the inconsistent continue token (R5).
    pub continue_token: String,
    /// `details.retryAfterSeconds`.
    pub retry_after_seconds: Option<u64>,
    /// A cause of type `ResourceVersionTooLarge` (F43).
    pub version_too_large: bool,
}

/// The `Status` in `body`: an object of that kind, or one with a code, or one of no kind with a message, as proxies write.
///
/// Protobuf is known by its first bytes. `None` for HTML, plain text and other objects.
#[must_use]
pub fn decode_status(body: &[u8]) -> Option<StatusFacts> {
    if proto::is_protobuf(body) {
        return Some(decode_proto(body)?.into_facts());
    }
    let Obj(raw) = from_slice::<Obj<Raw<'_>>>(body).ok()?;
    let is_like_one = raw.code.0.is_some() || (raw.kind.is_empty() && !raw.message.is_empty());
    if &*raw.kind != "Status" && !is_like_one {
        return None;
    }
    Some(raw.into_facts())
}

/// The `Status` of a failure that `body` is, and says so of itself; `None` for any other object, and for one of a success.
#[must_use]
pub fn decode_failure(body: &[u8]) -> Option<StatusFacts> {
    if !proto::is_protobuf(body) {
        // Few answers have the word at all, and the whole of a small list need not be read twice.
        memchr::memmem::find(body, b"Status")?;
        let Obj(raw) = from_slice::<Obj<Raw<'_>>>(body).ok().filter(|Obj(raw)| &*raw.kind == "Status")?;
        return raw.into_failure();
    }
    decode_proto(body)?.into_failure()
}

fn decode_proto(body: &[u8]) -> Option<Raw<'_>> {
    let envelope = proto::unwrap(body).ok().filter(|envelope| &*envelope.kind == "Status")?;
    let mut raw = Raw::default();
    Value::Bytes(envelope.object?).merge(&mut raw).ok()?;
    Some(raw)
}

/// The code that goes with a reason (apimachinery `pkg/apis/meta/v1/types.go`, `StatusReason`).
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

#[derive(Default)]
struct Raw<'a> {
    kind: Text<'a>,
    status: Text<'a>,
    code: Int,
    reason: Text<'a>,
    message: Text<'a>,
    metadata: Obj<Meta<'a>>,
    details: Obj<Details<'a>>,
}

#[derive(Default)]
struct Details<'a> {
    retry_after: Int,
    causes: List<Obj<Cause<'a>>>,
}

#[derive(Default)]
struct Cause<'a> {
    reason: Text<'a>,
    message: Text<'a>,
}

impl Raw<'_> {
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

impl<'de> Slim<'de> for Raw<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind = map.next_value()?,
            "status" => self.status = map.next_value()?,
            "code" => self.code = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "metadata" => self.metadata = map.next_value()?,
            "details" => self.details = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Details<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "retryAfterSeconds" => self.retry_after = map.next_value()?,
            "causes" => self.causes = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Cause<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "reason" => self.reason = map.next_value()?,
            "message" => self.message = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> Message<'a> for Raw<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            // `ListMeta`, whose numbers are not those of an object's.
            1 => {
                let mut meta = ListMeta::default();
                value.merge(&mut meta)?;
                self.metadata.0.continue_token = meta.0;
            }
            2 => self.status = value.text(),
            3 => self.message = value.text(),
            4 => self.reason = value.text(),
            5 => value.merge(&mut self.details.0)?,
            6 => self.code = value.int(),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Default)]
struct ListMeta<'a>(Text<'a>);

impl<'a> Message<'a> for ListMeta<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        if number == 3 {
            self.0 = value.text();
        }
        Ok(())
    }
}

/// `StatusDetails`.
impl<'a> Message<'a> for Details<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            4 => value.push(&mut self.causes)?,
            5 => self.retry_after = value.int(),
            _ => {}
        }
        Ok(())
    }
}

/// `StatusCause`.
impl<'a> Message<'a> for Cause<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.reason = value.text(),
            2 => self.message = value.text(),
            _ => {}
        }
        Ok(())
    }
}
