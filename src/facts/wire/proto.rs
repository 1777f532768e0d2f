//! Lists, objects, watch frames and metadata in protobuf.

use serde::de::IgnoredAny;

use super::list::{Sink, refuse};
use super::{Annotations, DecodeError, ListHead, Meta, Owner, WatchFrame, WatchType};
use crate::facts::accelerator::{HAMI_REGISTER, HamiSplit};
use crate::facts::json::{Pairs, Text, When};
use crate::facts::proto::{Malformed, Message, Value, kept, unwrap, walk};

/// For people.
pub(in crate::facts) const CUT: &str = "the protobuf is cut short or damaged";
/// For people.
pub(in crate::facts) const ANOTHER: &str = "it is of another kind";

/// Hands every item of a list body to `sink`. Items may have been handed over when an error is returned.
pub(super) fn each<S: Sink>(body: &[u8], sink: &mut S) -> Result<ListHead, DecodeError> {
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
    value: Value<'a>,
    (raw, head, sink): (&mut S::Raw<'a>, &mut ListHead, &mut S),
) -> Result<(), Malformed> {
    match (number, value) {
        (1, meta) => head.take(meta),
        (2, item @ Value::Bytes(_)) => {
            if item.merge(raw).is_err() {
                *raw = S::Raw::default();
                head.unreadable += 1;
            } else if sink.look(raw) {
                head.objects += 1;
            } else {
                head.unreadable += 1;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

impl ListHead {
    /// Takes the `ListMeta` of a list.
    pub(in crate::facts) fn take(&mut self, meta: Value<'_>) -> Result<(), Malformed> {
        meta.walk(|number, value| {
            match number {
                2 => self.resource_version = value.text().0.into_owned(),
                3 => self.continue_token = value.text().0.into_owned(),
                4 => self.remaining = value.int().0.and_then(|count| count.try_into().ok()),
                _ => {}
            }
            Ok(())
        })
    }
}

/// Hands the one object of `body` to `sink`.
pub(super) fn one<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    let no = |why: &str| refuse(&format!("a {}", S::KIND), why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    let ours = envelope.kind.is_empty() || &*envelope.kind == S::KIND;
    let object = envelope.object.filter(|_| ours).ok_or_else(|| no("it has another kind"))?;
    let mut raw = S::Raw::default();
    Value::Bytes(object).merge(&mut raw).map_err(|Malformed| no(CUT))?;
    if sink.take(raw) { Ok(()) } else { Err(no("it has no name")) }
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
            (1, Value::Bytes(text)) => kind = Some(WatchType::parse(&String::from_utf8_lossy(text))),
            (2, Value::Bytes(extension)) => walk(extension, |number, value| {
                if let (1, Value::Bytes(raw)) = (number, value) {
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
    Value::Bytes(unwrap(object).ok()?.object?).merge(&mut kept).ok()?;
    Some(kept.0.version.0.into_owned()).filter(|version| !version.is_empty())
}

/// Whether a bookmark ends the initial events.
pub(super) fn ends_initial_events(object: &[u8]) -> bool {
    let mut kept = Versioned::default();
    let object = unwrap(object).ok().and_then(|envelope| envelope.object);
    object.is_some_and(|object| Value::Bytes(object).merge(&mut kept).is_ok())
        && kept.0.annotations.0.initial_events_end
}

#[derive(Default)]
struct Versioned<'a>(Meta<'a>);

impl<'a> Message<'a> for Versioned<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        if number == 1 { value.merge(&mut self.0) } else { Ok(()) }
    }
}

/// What is kept of labels.
pub(in crate::facts) trait Labels<'a>: Default {
    /// The bits of [`Message::KEPT`].
    const KEPT: u64 = 0;

    /// Takes one of them.
    fn take(&mut self, entry: Value<'a>) -> Result<(), Malformed>;
}

impl Labels<'_> for IgnoredAny {
    fn take(&mut self, _: Value<'_>) -> Result<(), Malformed> {
        Ok(())
    }
}

impl<'a> Labels<'a> for Pairs<'a, Text<'a>> {
    const KEPT: u64 = kept([11]);

    fn take(&mut self, entry: Value<'a>) -> Result<(), Malformed> {
        let (key, value) = entry.entry()?;
        self.0.push((key, value.text()));
        Ok(())
    }
}

/// `ObjectMeta`.
impl<'a, L: Labels<'a>> Message<'a> for Meta<'a, L> {
    const KEPT: u64 = kept([1, 3, 5, 6, 8, 9, 12, 13]) | L::KEPT;

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.name = value.text(),
            3 => self.namespace = value.text(),
            5 => self.uid = value.text(),
            6 => self.version = value.text(),
            8 => self.created = value.time()?,
            9 => self.deleting = When::Seconds(value.seconds()?),
            11 => self.labels.take(value)?,
            12 => self.annotations.0.take(value)?,
            13 => value.push(&mut self.owners)?,
            _ => {}
        }
        Ok(())
    }
}

impl Annotations {
    /// Takes one of them. Most mean nothing, and their text is not looked at.
    fn take(&mut self, entry: Value<'_>) -> Result<(), Malformed> {
        let key = entry.key()?;
        if key == super::MIRROR.as_bytes() {
            self.mirror = true;
        } else if key == super::INITIAL_EVENTS_END.as_bytes() {
            self.initial_events_end = &*entry.entry()?.1.text() == "true";
        } else if key == HAMI_REGISTER.as_bytes() {
            self.hami = HamiSplit::read(&entry.entry()?.1.text());
        }
        Ok(())
    }
}

/// `OwnerReference`.
impl<'a> Message<'a> for Owner<'a> {
    const KEPT: u64 = kept([1, 3, 6]);

    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.kind = value.text(),
            3 => self.name = value.text(),
            6 => self.controller = value.flag(),
            _ => {}
        }
        Ok(())
    }
}
