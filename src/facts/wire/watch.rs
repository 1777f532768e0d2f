//! Frames of a watch.

use super::list::refuse;
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
    /// The object went, or no longer matches the selector; its last state is inside.
    Deleted,
    /// Only `metadata.resourceVersion` is meaningful.
    Bookmark,
    /// The object is a `Status`.
    Error,
    /// A type this program does not know (F51): skipped and counted.
    Unknown,
}

impl WatchType {
    /// `None` if there is no text.
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

/// One event of a watch, its object still as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFrame<'a> {
    /// What happened.
    pub kind: WatchType,
    /// The object, JSON or protobuf; `null` if the frame had none, which nothing decodes.
    pub object: &'a [u8],
}

/// One line of a watch.
///
/// # Errors
/// [`DecodeError`] if the line is not an event: cut short, HTML, a bare `Status`.
pub fn decode_frame(line: &[u8]) -> Result<WatchFrame<'_>, DecodeError> {
    let no = |why: &str| refuse("a watch event", why, line);
    let Obj(frame) = from_slice::<Obj<Frame<'_>>>(line).map_err(|broken| no(&broken.to_string()))?;
    let kind = WatchType::parse(&frame.kind).ok_or_else(|| no("it has no `type`"))?;
    Ok(WatchFrame { kind, object: frame.object.0 })
}

/// `metadata.resourceVersion` of any object, JSON or protobuf; `None` if it has none.
#[must_use]
pub fn bookmark_version(object: &[u8]) -> Option<String> {
    if is_protobuf(object) {
        return proto::version_of(object);
    }
    let Obj(raw) = from_slice::<Obj<Versioned<'_>>>(object).ok()?;
    Some(raw.metadata.0.version.0.into_owned()).filter(|version| !version.is_empty())
}

/// Whether a bookmark ends the initial events of a list that is sent as a watch (`sendInitialEvents`), JSON or protobuf.
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
