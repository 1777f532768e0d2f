//! Pages and single objects: each item is handed on as soon as it is parsed, and a bad one does not cost the page.

use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::{DecodeError, ListHead, Meta, proto};
use crate::facts::json::{Broken, Obj, Object, Reader, Slim, from_slice};
use crate::facts::proto::{Message, is_protobuf};
use crate::facts::text::{Clean, sanitize};

/// How much of an answer that is not understood is shown.
pub(super) const EXCERPT: usize = 120;

/// Where decoded objects go.
pub(in crate::facts) trait Sink {
    /// What is decoded of one object.
    type Raw<'a>: Slim<'a> + Message<'a>;

    /// For people: what is expected, for instance `a Pod`.
    const KIND: &'static str;

    /// Whether an object that says this of itself is one that can be taken: it has a name, and no other kind.
    fn is_readable(kind: &str, name: &str) -> bool {
        (kind.is_empty() || kind == Self::KIND) && !sanitize(name).is_empty()
    }

    /// Takes an object; false if it is no such object at all.
    fn take(&mut self, raw: Self::Raw<'_>) -> bool;

    /// The same of an object whose memory may serve the next one: it is left as good as new.
    fn look(&mut self, raw: &mut Self::Raw<'_>) -> bool {
        self.take(std::mem::take(raw))
    }
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

/// Hands the one object of `body` to `sink`.
pub(in crate::facts) fn one<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    if is_protobuf(body) {
        return proto::one(body, sink);
    }
    let no = |why: &str| refuse(&format!("a {}", S::KIND), why, body);
    let Obj(raw) = from_slice::<Obj<S::Raw<'_>>>(body).map_err(|broken| no(&broken.to_string()))?;
    if sink.take(raw) { Ok(()) } else { Err(no("it has another kind or no name")) }
}

pub(in crate::facts) fn refuse(expected: &str, why: &str, body: &[u8]) -> DecodeError {
    let utf_16 = body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff");
    let why = if utf_16 { "it is UTF-16, and not UTF-8" } else { why };
    let start = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    DecodeError { text: Clean::new(&format!("expected {expected}, got `{}`: {why}", start.trim())) }
}

/// The list around the items; `None` if it has none.
fn list<S: Sink>(reader: &mut Reader<'_>, sink: &mut S) -> Result<Option<ListHead>, Broken> {
    let (mut meta, mut counts): (Meta<'_>, Option<Counts>) = Default::default();
    let mut first = true;
    if !reader.open(b'{')? {
        return Ok(None);
    }
    while reader.goes_on(b'}', &mut first)? {
        match &*reader.key()? {
            "metadata" => Obj(meta) = Deserialize::deserialize(&mut *reader)?,
            "items" => items(reader, sink, counts.get_or_insert_default())?,
            _ => drop(reader.skip()?),
        }
    }
    reader.end()?;
    Ok(counts.map(|Counts { objects, unreadable }| ListHead { objects, unreadable, ..meta.into_head() }))
}

/// Objects that were handed over, and others.
#[derive(Default)]
struct Counts {
    objects: u32,
    unreadable: u32,
}

/// Hands the items over one by one, in the same memory.
fn items<S: Sink>(reader: &mut Reader<'_>, sink: &mut S, counts: &mut Counts) -> Result<(), Broken> {
    if !reader.open(b'[')? {
        // Go writes `null` for an empty slice.
        return if reader.skip()? == b"null" { Ok(()) } else { Err(Broken::new("`items` is no array")) };
    }
    let mut raw = S::Raw::default();
    let mut first = true;
    while reader.goes_on(b']', &mut first)? {
        let start = reader.clone();
        if Object(&mut raw).deserialize(&mut *reader).is_err() {
            raw = S::Raw::default();
            // Where the object ends can be found all the same, unless it is the body that ends.
            *reader = start;
            reader.skip()?;
            counts.unreadable += 1;
        } else if sink.look(&mut raw) {
            counts.objects += 1;
        } else {
            counts.unreadable += 1;
        }
    }
    Ok(())
}
