//! `Status`: the body of an error answer, or the object of an ERROR event.

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::Meta;
use crate::facts::json::{Int, List, Obj, Slim, Text, skip};
use crate::facts::text::Clean;

/// What API servers before 1.19 say instead of a cause (client-go `reflector.go`, `isTooLargeResourceVersionError`).
const TOO_LARGE: &str = "Too large resource version";

/// A Kubernetes `Status`: the body of an error answer, or the object of an ERROR event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFacts {
    /// HTTP code; 0 if absent.
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
/// `None` for HTML, plain text and other objects.
#[must_use]
pub fn decode_status(body: &[u8]) -> Option<StatusFacts> {
    let text = String::from_utf8_lossy(body);
    let Obj(raw) = serde_json::from_str::<Obj<Raw<'_>>>(&text).ok()?;
    let is_like_one = raw.code.0.is_some() || (raw.kind.is_empty() && !raw.message.is_empty());
    if &*raw.kind != "Status" && !is_like_one {
        return None;
    }
    Some(StatusFacts {
        code: raw.code.0.and_then(|code| code.try_into().ok()).unwrap_or(0),
        reason: Clean::new(&raw.reason),
        message: Clean::new(&raw.message),
        version_too_large: raw.is_version_too_large(),
        continue_token: raw.metadata.0.continue_token.0.into_owned(),
        retry_after_seconds: raw.details.0.retry_after.0.and_then(|seconds| seconds.try_into().ok()).filter(|s| *s > 0),
    })
}

#[derive(Default)]
struct Raw<'a> {
    kind: Text<'a>,
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
