//! Lists, objects, watch frames and metadata in protobuf.

use super::list::{Sink, refuse, with_article};
use super::{DecodeError, ListHead, ListMeta, Versioned, WatchFrame, WatchType};
use crate::facts::json::Reset;
use crate::facts::proto::{Malformed, WireValue, unwrap, walk};

/// For people.
pub(in crate::facts) const CUT: &str = "the protobuf is cut short or damaged";
/// For people.
pub(in crate::facts) const ANOTHER: &str = "it is of another kind";

/// Hands every item of a list body to `sink`. Items may have been handed over when an error is returned.
pub(super) fn decode_list<S: Sink>(body: &[u8], sink: &mut S) -> Result<ListHead, DecodeError> {
    let no = |why: &str| refuse(&format!("a list of {} objects", S::KIND), why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    // An answer that is something else must never pass for an empty list.
    let list = envelope.object.filter(|_| envelope.kind.strip_suffix("List") == Some(S::KIND));
    let list = list.ok_or_else(|| no(ANOTHER))?;
    let mut head = ListHead::default();
    let mut raw = S::Raw::default();
    walk(list, |number, value| put(number, value, (&mut raw, &mut head, &mut *sink))).map_err(|Malformed| no(CUT))?;
    Ok(head)
}

/// Takes one field of a list: 1 its metadata, 2 an item, which is handed over. An item that cannot be read is only counted.
#[inline]
pub(super) fn put<'a, S: Sink>(
    number: u64,
    value: WireValue<'a>,
    (raw, head, sink): (&mut S::Raw<'a>, &mut ListHead, &mut S),
) -> Result<(), Malformed> {
    match (number, value) {
        (1, meta) => {
            let mut read = ListMeta::default();
            meta.merge(&mut read)?;
            head.set_meta(read);
            Ok(())
        }
        (2, item @ WireValue::Bytes(_)) => {
            if item.merge(raw).is_err() {
                *raw = S::Raw::default();
                head.unreadable += 1;
                return Ok(());
            }
            let taken = if sink.take(raw) { &mut head.objects } else { &mut head.unreadable };
            *taken += 1;
            raw.reset();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Hands the one object of `body` to `sink`.
pub(super) fn decode_object<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    let no = |why: &str| refuse(&with_article(S::KIND), why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    let ours = envelope.kind.is_empty() || &*envelope.kind == S::KIND;
    let object = envelope.object.filter(|_| ours).ok_or_else(|| no("it has another kind"))?;
    let mut raw = S::Raw::default();
    WireValue::Bytes(object).merge(&mut raw).map_err(|Malformed| no(CUT))?;
    if sink.take(&raw) { Ok(()) } else { Err(no("it has no name")) }
}

/// One frame of a watch in protobuf, without its length: 1 type, 2 the object inside a `RawExtension`.
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
    let mut kept = Versioned::default();
    WireValue::Bytes(unwrap(object).ok()?.object?).merge(&mut kept).ok()?;
    Some(kept.metadata.0.version.0.into_owned()).filter(|version| !version.is_empty())
}

/// Whether a bookmark ends the initial events.
pub(super) fn ends_initial_events(object: &[u8]) -> bool {
    let mut kept = Versioned::default();
    let object = unwrap(object).ok().and_then(|envelope| envelope.object);
    object.is_some_and(|object| WireValue::Bytes(object).merge(&mut kept).is_ok())
        && kept.metadata.0.annotations.initial_events_end
}
