//! Pages and single objects. Each item goes to the sink as soon as it is parsed, and a bad item does not fail the page.

use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::refusal::{refuse, with_article};
use super::{DecodeError, ListHead, ListMeta, Sink, proto};
use crate::facts::json::{JsonError, JsonObject, JsonReader, Obj, Reset, from_slice};
use crate::facts::proto::is_protobuf;

/// Hands every item of a list body to `sink`. When an error is returned, the sink may already have received items.
pub(in crate::facts) fn decode_list<S: Sink>(body: &[u8], sink: &mut S) -> Result<ListHead, DecodeError> {
    if is_protobuf(body) {
        return proto::decode_list(body, sink);
    }
    let no = |why: &str| refuse(&format!("a list of {} objects", S::KIND), why, body);
    let head = list(&mut JsonReader::new(body), sink).map_err(|broken| no(&broken.to_string()))?;
    head.ok_or_else(|| no("it has no `items`"))
}

/// Checks that `body` is a list of any objects; a table is not a list.
///
/// # Errors
/// [`DecodeError`] if it is not a list.
pub fn decode_any_list(body: &[u8]) -> Result<(), DecodeError> {
    let no = |why: &str| refuse("a list", why, body);
    let mut reader = JsonReader::new(body);
    let mut first = true;
    let mut is_list = false;
    let mut walk = || {
        if !reader.open(b'{')? {
            return Ok(false);
        }
        while reader.has_next(b'}', &mut first)? {
            let is_items = &*reader.key()? == "items";
            let value = reader.skip()?;
            // Go writes `null` for an empty slice.
            is_list |= is_items && (value.starts_with(b"[") || value == b"null");
        }
        reader.end()?;
        Ok::<_, JsonError>(is_list)
    };
    if walk().map_err(|broken| no(&broken.to_string()))? { Ok(()) } else { Err(no("it has no `items`")) }
}

/// Hands the single object of `body` to `sink`.
pub(in crate::facts) fn decode_object<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    if is_protobuf(body) {
        return proto::decode_object(body, sink);
    }
    let no = |why: &str| refuse(&with_article(S::KIND), why, body);
    let Obj(raw) = from_slice::<Obj<S::Raw<'_>>>(body).map_err(|broken| no(&broken.to_string()))?;
    let is_object = body.trim_ascii_start().starts_with(b"{");
    if is_object && sink.take(&raw) { Ok(()) } else { Err(no("it has another kind or no name")) }
}

/// Reads the list around the items; `None` if it has no `items`.
fn list<S: Sink>(reader: &mut JsonReader<'_>, sink: &mut S) -> Result<Option<ListHead>, JsonError> {
    let (mut head, mut is_list) = (ListHead::default(), false);
    let mut first = true;
    if !reader.open(b'{')? {
        return Ok(None);
    }
    while reader.has_next(b'}', &mut first)? {
        match &*reader.key()? {
            "metadata" => {
                let Obj(meta) = Obj::<ListMeta<'_>>::deserialize(&mut *reader)?;
                head.set_meta(meta);
            }
            "items" => {
                is_list = true;
                items(reader, sink, &mut head)?;
            }
            _ => drop(reader.skip()?),
        }
    }
    reader.end()?;
    Ok(is_list.then_some(head))
}

/// Hands the items to the sink one by one, decoded into the same memory.
fn items<S: Sink>(reader: &mut JsonReader<'_>, sink: &mut S, head: &mut ListHead) -> Result<(), JsonError> {
    if !reader.open(b'[')? {
        // Go writes `null` for an empty slice.
        return if reader.skip()? == b"null" { Ok(()) } else { Err(JsonError::new("`items` is no array")) };
    }
    let mut raw = S::Raw::default();
    let mut first = true;
    while reader.has_next(b']', &mut first)? {
        let start = reader.clone();
        if !reader.is_at(b'{')? {
            reader.skip()?;
            head.unreadable += 1;
            continue;
        }
        if JsonObject(&mut raw).deserialize(&mut *reader).is_err() {
            raw = S::Raw::default();
            // The end of the object can still be found, unless the body is truncated.
            *reader = start;
            reader.skip()?;
            head.unreadable += 1;
            continue;
        }
        let taken = if sink.take(&raw) { &mut head.objects } else { &mut head.unreadable };
        *taken += 1;
        raw.reset();
    }
    Ok(())
}
