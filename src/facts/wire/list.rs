//! Pages and single objects: each item is handed on as soon as it is parsed, and a bad one does not cost the page.
//!
//! `serde_json` cannot go on after an error. So: the fast way, and on an error the same body once more, object by object.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{DecodeError, ListHead, Meta, proto};
use crate::facts::json::{Obj, Object, Slim, Text, skip};
use crate::facts::proto::{Message, is_protobuf};
use crate::facts::text::Clean;

/// How much of an answer that is not understood is shown.
const EXCERPT: usize = 120;

/// Where decoded objects go.
pub(in crate::facts) trait Sink {
    /// What is decoded of one object.
    type Raw<'a>: Slim<'a> + Message<'a>;

    /// For people: what is expected, for instance `a Pod`.
    const KIND: &'static str;

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
    let mut progress = Progress { sink, objects: 0, unreadable: 0 };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut done = Envelope(&mut progress).deserialize(&mut deserializer).and_then(|head| {
        deserializer.end()?;
        Ok(head)
    });
    if done.is_err() {
        done = one_by_one(body, &mut progress);
    }
    let what = || format!("expected a list of {} objects", S::KIND);
    let head = done.map_err(|error| refuse(&what(), &error.to_string(), body))?;
    let mut head = head.ok_or_else(|| refuse(&what(), "it has no `items`", body))?;
    head.objects = progress.objects;
    head.unreadable = progress.unreadable;
    Ok(head)
}

/// Hands the one object of `body` to `sink`.
pub(in crate::facts) fn one<S: Sink>(body: &[u8], sink: &mut S) -> Result<(), DecodeError> {
    if is_protobuf(body) {
        return proto::one(body, sink);
    }
    let mut taken = serde_json::from_slice::<Obj<S::Raw<'_>>>(body).map(|Obj(raw)| sink.take(raw));
    if taken.is_err() {
        let text = String::from_utf8_lossy(body);
        taken = serde_json::from_str::<Obj<S::Raw<'_>>>(&text).map(|Obj(raw)| sink.take(raw));
    }
    let what = || format!("expected a {}", S::KIND);
    match taken {
        Ok(true) => Ok(()),
        Ok(false) => Err(refuse(&what(), "it has another kind or no name", body)),
        Err(error) => Err(refuse(&what(), &error.to_string(), body)),
    }
}

pub(super) fn refuse(expected: &str, why: &str, body: &[u8]) -> DecodeError {
    let start = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    DecodeError { text: Clean::new(&format!("{expected}, got `{}`: {why}", start.trim())) }
}

/// The slow way, for a body in which some item cannot be read. What the fast way has handed over is not handed over again.
fn one_by_one<S: Sink>(body: &[u8], progress: &mut Progress<'_, S>) -> serde_json::Result<Option<ListHead>> {
    // A text that is not UTF-8 would fail the whole page: it costs only the letters.
    let text = String::from_utf8_lossy(body);
    let Obj(list) = serde_json::from_str::<Obj<Loose<'_>>>(&text)?;
    let Some(items) = list.items else {
        return Ok(None);
    };
    let done = progress.objects as usize + progress.unreadable as usize;
    for item in items.into_iter().skip(done) {
        match serde_json::from_str::<Obj<S::Raw<'_>>>(item.get()) {
            Ok(Obj(mut raw)) => progress.look(&mut raw),
            Err(_) => progress.unreadable += 1,
        }
    }
    Ok(Some(list.metadata.0.into_head()))
}

#[derive(Default)]
struct Loose<'a> {
    metadata: Obj<Meta<'a>>,
    items: Option<Vec<&'a RawValue>>,
}

impl<'de> Slim<'de> for Loose<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "metadata" => self.metadata = map.next_value()?,
            "items" => self.items = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct Progress<'s, S> {
    sink: &'s mut S,
    objects: u32,
    unreadable: u32,
}

impl<S: Sink> Progress<'_, S> {
    fn look(&mut self, raw: &mut S::Raw<'_>) {
        if self.sink.look(raw) {
            self.objects += 1;
        } else {
            self.unreadable += 1;
        }
    }
}

/// The list around the items; `None` if it has none.
struct Envelope<'p, 's, S>(&'p mut Progress<'s, S>);

impl<'de, S: Sink> DeserializeSeed<'de> for Envelope<'_, '_, S> {
    type Value = Option<ListHead>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Envelope<'_, '_, S> {
    type Value = Option<ListHead>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut meta = Meta::<'de>::default();
        let mut found = false;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "metadata" => meta = map.next_value::<Obj<Meta<'de>>>()?.0,
                "items" => {
                    found = true;
                    map.next_value_seed(Items(&mut *self.0))?;
                }
                _ => skip(&mut map)?,
            }
        }
        Ok(found.then(|| meta.into_head()))
    }
}

struct Items<'p, 's, S>(&'p mut Progress<'s, S>);

impl<'de, S: Sink> DeserializeSeed<'de> for Items<'_, '_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Items<'_, '_, S> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of items")
    }
    /// Go writes `null` for an empty slice.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut raw = S::Raw::<'de>::default();
        while seq.next_element_seed(Object(&mut raw))?.is_some() {
            self.0.look(&mut raw);
        }
        Ok(())
    }
}
