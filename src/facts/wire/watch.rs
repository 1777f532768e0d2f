//! Frames of a watch.

use super::refusal::refuse;
use super::{DecodeError, Versioned, proto};
use crate::facts::json::{Obj, RawValue, Text, from_slice};
use crate::facts::message::message;
use crate::facts::proto::is_protobuf;

/// The `type` of a watch event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchType {
    /// The object appeared, or matched the selector for the first time.
    Added,
    /// The object changed.
    Modified,
    /// The object was deleted, or no longer matches the selector; the frame holds its last state.
    Deleted,
    /// Only `metadata.resourceVersion` is meaningful.
    Bookmark,
    /// The object is a `Status`.
    Error,
    /// Type that this program does not know (F51): skipped and counted.
    Unknown,
}

impl WatchType {
    /// Parses a type; `None` if the text is empty.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "ADDED" => Some(Self::Added),
            "MODIFIED" => Some(Self::Modified),
            "DELETED" => Some(Self::Deleted),
            "BOOKMARK" => Some(Self::Bookmark),
            "ERROR" => Some(Self::Error),
            _ => Some(Self::Unknown),
        }
    }
}

/// Event of a watch, with its object not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFrame<'a> {
    /// Type of the event.
    pub kind: WatchType,
    /// The object, JSON or protobuf; `null` if the frame had none, which no decoder accepts.
    pub object: &'a [u8],
}

/// Decodes one line of a JSON watch.
///
/// # Errors
/// [`DecodeError`] if the line is not an event: cut short, HTML, a bare `Status`.
pub fn decode_frame(line: &[u8]) -> Result<WatchFrame<'_>, DecodeError> {
    let no = |why: &str| refuse("a watch event", why, line);
    let Obj(frame) = from_slice::<Obj<Frame<'_>>>(line).map_err(|broken| no(&broken.to_string()))?;
    let kind = WatchType::parse(&frame.kind).ok_or_else(|| no("it has no `type`"))?;
    Ok(WatchFrame { kind, object: frame.object.0 })
}

/// Reads `metadata.resourceVersion` of any object, JSON or protobuf; `None` if it has none.
#[must_use]
pub fn bookmark_version(object: &[u8]) -> Option<String> {
    if is_protobuf(object) {
        return proto::version_of(object);
    }
    let Obj(raw) = from_slice::<Obj<Versioned<'_>>>(object).ok()?;
    Some(raw.metadata.0.version.0.into_owned()).filter(|version| !version.is_empty())
}

/// Returns `true` if a bookmark, JSON or protobuf, ends the initial events of a streamed list (`sendInitialEvents`).
#[must_use]
pub fn ends_initial_events(object: &[u8]) -> bool {
    if is_protobuf(object) {
        return proto::ends_initial_events(object);
    }
    let raw = from_slice::<Obj<Versioned<'_>>>(object);
    raw.is_ok_and(|Obj(raw)| raw.metadata.0.annotations.initial_events_end)
}

message! {
    /// `WatchEvent` in JSON; in protobuf the object is inside a `RawExtension`.
    struct Frame<'a> {
        kind: Text<'a> = "type",
        object: RawValue<'a> = "object",
    }
}
