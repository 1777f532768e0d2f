//! Lists, objects, watch frames and metadata in protobuf.

use super::refusal::{refuse, with_article};
use super::{DecodeError, ListHead, ListMeta, Sink, Versioned, WatchFrame, WatchType};
use crate::facts::json::Reset;
use crate::facts::proto::{Malformed, WireValue, unwrap, walk};

/// Reason in the error for a truncated or malformed body.
pub(in crate::facts) const CUT: &str = "the protobuf is cut short or damaged";
/// Reason in the error for a body of another kind.
pub(in crate::facts) const ANOTHER: &str = "it is of another kind";

/// Hands every item of a list body to `sink`. When an error is returned, the sink may already have received items.
pub(super) fn decode_list<S: Sink>(body: &[u8], sink: &mut S) -> Result<ListHead, DecodeError> {
    let no = |why: &str| refuse(&format!("a list of {} objects", S::KIND), why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    // A response of another kind must never pass for an empty list.
    let list = envelope.object.filter(|_| envelope.kind.strip_suffix("List") == Some(S::KIND));
    let list = list.ok_or_else(|| no(ANOTHER))?;
    let mut head = ListHead::default();
    let mut raw = S::Raw::default();
    let mut fields = ListFields { raw: &mut raw, head: &mut head, sink };
    walk(list, |number, value| fields.read(number, value)).map_err(|Malformed| no(CUT))?;
    Ok(head)
}

/// Reader of the fields of a list: 1 its metadata, 2 an item.
pub(super) struct ListFields<'r, 'a, S: Sink> {
    /// The memory that one item after another is decoded into.
    pub(super) raw: &'r mut S::Raw<'a>,
    /// The list's metadata, and counts of its items.
    pub(super) head: &'r mut ListHead,
    /// The receiver of the items.
    pub(super) sink: &'r mut S,
}

impl<'a, S: Sink> ListFields<'_, 'a, S> {
    /// Reads one field and hands an item to the sink. An unreadable item is only counted.
    #[inline]
    pub(super) fn read(&mut self, number: u64, value: WireValue<'a>) -> Result<(), Malformed> {
        match (number, value) {
            (1, meta) => {
                let mut read = ListMeta::default();
                meta.merge(&mut read)?;
                self.head.set_meta(read);
                Ok(())
            }
            (2, item @ WireValue::Bytes(_)) => {
                if item.merge(self.raw).is_err() {
                    *self.raw = S::Raw::default();
                    self.head.unreadable += 1;
                    return Ok(());
                }
                let taken = if self.sink.take(self.raw) { &mut self.head.objects } else { &mut self.head.unreadable };
                *taken += 1;
                self.raw.reset();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Hands the single object of `body` to `sink`.
pub(super) fn decode_object<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    let no = |why: &str| refuse(&with_article(S::KIND), why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    let is_expected = envelope.kind.is_empty() || &*envelope.kind == S::KIND;
    let object = envelope.object.filter(|_| is_expected).ok_or_else(|| no("it has another kind"))?;
    let mut raw = S::Raw::default();
    WireValue::Bytes(object).merge(&mut raw).map_err(|Malformed| no(CUT))?;
    if sink.take(&raw) { Ok(()) } else { Err(no("it has no name")) }
}

/// Decodes one frame of a protobuf watch, without its length prefix: 1 type, 2 the object inside a `RawExtension`.
///
/// # Errors
/// [`DecodeError`] if the frame is not an event.
pub fn decode_proto_frame(frame: &[u8]) -> Result<WatchFrame<'_>, DecodeError> {
    let no = |why: &str| refuse("a watch event", why, frame);
    let (mut kind, mut object) = (None, None);
    walk(frame, |number, value| {
        match (number, value) {
            (1, WireValue::Bytes(text)) => kind = Some(WatchType::parse(&String::from_utf8_lossy(text))),
            (2, WireValue::Bytes(extension)) => walk(extension, |number, value| {
                if let (1, WireValue::Bytes(raw)) = (number, value) {
                    object = Some(raw);
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })
    .map_err(|Malformed| no(CUT))?;
    let kind = kind.flatten().ok_or_else(|| no("it has no `type`"))?;
    Ok(WatchFrame { kind, object: object.unwrap_or(b"null") })
}

/// `metadata.resourceVersion` of an object.
pub(super) fn version_of(object: &[u8]) -> Option<String> {
    let mut read = Versioned::default();
    WireValue::Bytes(unwrap(object).ok()?.object?).merge(&mut read).ok()?;
    Some(read.metadata.0.version.0.into_owned()).filter(|version| !version.is_empty())
}

/// Returns `true` if a bookmark ends the initial events.
pub(super) fn ends_initial_events(object: &[u8]) -> bool {
    let mut read = Versioned::default();
    let object = unwrap(object).ok().and_then(|envelope| envelope.object);
    object.is_some_and(|object| WireValue::Bytes(object).merge(&mut read).is_ok())
        && read.metadata.0.annotations.initial_events_end
}
