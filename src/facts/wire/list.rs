//! Pages and single objects: each item is handed on as soon as it is parsed, and a bad one does not cost the page.

use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::{DecodeError, ListHead, ListMeta, proto};
use crate::facts::json::{Broken, Obj, Object, Reader, Reset, from_slice};
use crate::facts::message::Message;
use crate::facts::proto::is_protobuf;
use crate::facts::text::{Clean, sanitize};

/// How much of an answer that is not understood is shown.
pub(super) const EXCERPT: usize = 120;

/// Where decoded objects go.
pub(in crate::facts) trait Sink {
    /// What is decoded of one object.
    type Raw<'a>: Message<'a>;

    /// For people: what is expected, for instance `a Pod`.
    const KIND: &'static str;

    /// Whether an object that says this of itself is one that can be taken: it has a name, and no other kind.
    fn is_readable(kind: &str, name: &str) -> bool {
        (kind.is_empty() || kind == Self::KIND) && !sanitize(name).is_empty()
    }

    /// Takes an object, whose memory serves the next one; false if it is no such object at all.
    fn take(&mut self, raw: &Self::Raw<'_>) -> bool;
}

/// Hands every item of a list body to `sink`. Items may have been handed over when an error is returned.
pub(in crate::facts) fn each<S: Sink>(body: &[u8], sink: &mut S) -> Result<ListHead, DecodeError> {
    if is_protobuf(body) {
        return proto::each(body, sink);
    }
    let no = |why: &str| refuse(&format!("a list of {} objects", S::KIND), why, body);
    let head = list(&mut Reader::new(body), sink).map_err(|broken| no(&broken.to_string()))?;
    head.ok_or_else(|| no("it has no `items`"))
}

/// Finds out whether `body` is a list, of whatever objects; a table of them is none.
///
/// # Errors
/// [`DecodeError`] if it is none.
pub fn decode_any_list(body: &[u8]) -> Result<(), DecodeError> {
    let no = |why: &str| refuse("a list", why, body);
    let mut reader = Reader::new(body);
    let mut first = true;
    let mut is_list = false;
    let mut walk = || {
        if !reader.open(b'{')? {
            return Ok(false);
        }
        while reader.goes_on(b'}', &mut first)? {
            let is_items = &*reader.key()? == "items";
            let value = reader.skip()?;
            // Go writes `null` for an empty slice.
            is_list |= is_items && (value.starts_with(b"[") || value == b"null");
        }
        reader.end()?;
        Ok::<_, Broken>(is_list)
    };
    if walk().map_err(|broken| no(&broken.to_string()))? { Ok(()) } else { Err(no("it has no `items`")) }
}

/// Hands the one object of `body` to `sink`.
pub(in crate::facts) fn one<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    if is_protobuf(body) {
        return proto::one(body, sink);
    }
    let no = |why: &str| refuse(&with_article(S::KIND), why, body);
    let Obj(raw) = from_slice::<Obj<S::Raw<'_>>>(body).map_err(|broken| no(&broken.to_string()))?;
    let is_object = body.trim_ascii_start().starts_with(b"{");
    if is_object && sink.take(&raw) { Ok(()) } else { Err(no("it has another kind or no name")) }
}

/// `a Pod`, `an Event`.
pub(super) fn with_article(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" })
}

pub(in crate::facts) fn refuse(expected: &str, why: &str, body: &[u8]) -> DecodeError {
    let front = &body[..body.len().min(EXCERPT)];
    if let Some((encoding, start)) = wide(front) {
        // Who reads it in a terminal sees the front of it only.
        let text = format!("expected {expected}, but it is {encoding}, and not UTF-8: `{}`", start.trim());
        return DecodeError { text: Clean::new(&text) };
    }
    let start = String::from_utf8_lossy(front);
    // One letter for each: escapes of twelve are no excerpt.
    let start = start.replace(|letter: char| letter.is_control() && !letter.is_whitespace(), "\u{fffd}");
    DecodeError { text: Clean::new(&format!("expected {expected}, got `{}`: {why}", start.trim())) }
}

/// Text in an encoding of wide letters, with its name: by its byte order mark, or by every other byte being none.
fn wide(front: &[u8]) -> Option<(&'static str, String)> {
    let (pairs, _) = front.as_chunks::<2>();
    let text = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).filter(|unit| *unit != 0).collect();
        String::from_utf16_lossy(&units).replace('\u{feff}', "")
    };
    let all = |at: usize| pairs.len() > 1 && pairs.iter().all(|pair| pair[at] == 0 && pair[1 - at] != 0);
    match front {
        [0xff, 0xfe, 0, 0, ..] => Some(("UTF-32", text(u16::from_le_bytes))),
        [0, 0, 0xfe, 0xff, ..] => Some(("UTF-32", text(u16::from_be_bytes))),
        [0xff, 0xfe, ..] => Some(("UTF-16", text(u16::from_le_bytes))),
        [0xfe, 0xff, ..] => Some(("UTF-16", text(u16::from_be_bytes))),
        _ if all(1) => Some(("UTF-16", text(u16::from_le_bytes))),
        _ if all(0) => Some(("UTF-16", text(u16::from_be_bytes))),
        _ => None,
    }
}

/// The list around the items; `None` if it has none.
fn list<S: Sink>(reader: &mut Reader<'_>, sink: &mut S) -> Result<Option<ListHead>, Broken> {
    let (mut head, mut is_list) = (ListHead::default(), false);
    let mut first = true;
    if !reader.open(b'{')? {
        return Ok(None);
    }
    while reader.goes_on(b'}', &mut first)? {
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

/// Hands the items over one by one, in the same memory.
fn items<S: Sink>(reader: &mut Reader<'_>, sink: &mut S, head: &mut ListHead) -> Result<(), Broken> {
    if !reader.open(b'[')? {
        // Go writes `null` for an empty slice.
        return if reader.skip()? == b"null" { Ok(()) } else { Err(Broken::new("`items` is no array")) };
    }
    let mut raw = S::Raw::default();
    let mut first = true;
    while reader.goes_on(b']', &mut first)? {
        let start = reader.clone();
        if !reader.is_at(b'{')? {
            reader.skip()?;
            head.unreadable += 1;
            continue;
        }
        if Object(&mut raw).deserialize(&mut *reader).is_err() {
            raw = S::Raw::default();
            // Where the object ends can be found all the same, unless it is the body that ends.
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
