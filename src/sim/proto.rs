//! Protobuf from JSON, converted field by field by [`schema`]: objects, and templates with placeholders ([`ProtoTemplate`]).
//!
//! Templates are thus readable JSON. Pods and nodes, of which there are many, are written from templates and their records without
//! any JSON; a test compares the bytes.

mod compiled;
mod schema;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub(super) use compiled::{ProtoTemplate, SlotValues};

/// The first bytes of every object (apimachinery `pkg/runtime/serializer/protobuf`).
const MAGIC: &[u8] = b"k8s\0";
/// Wire type of messages, texts and bytes: everything that has a length.
const SIZED: u8 = 2;

/// Encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProtoKind {
    Text,
    Number,
    Quantity,
    Time,
    /// A number or a text.
    Either,
    Json,
    Message(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    Many,
    Map,
}

#[derive(Clone, Debug)]
struct ProtoField {
    name: &'static str,
    /// Number of the enclosing message, if JSON leaves that out.
    outer: Option<u8>,
    number: u8,
    shape: Shape,
    kind: ProtoKind,
}

#[derive(Debug)]
struct Schema {
    names: HashMap<&'static str, usize>,
    messages: Vec<Vec<ProtoField>>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::parse(schema::SCHEMA));

impl Schema {
    fn parse(text: &'static str) -> Self {
        let mut words: Vec<Vec<&'static str>> = Vec::new();
        for line in text.lines() {
            match words.last_mut().filter(|_| line.starts_with(' ')) {
                Some(last) => last.extend(line.split_whitespace()),
                None => words.push(line.split_whitespace().collect()),
            }
        }
        let names: HashMap<_, _> = words.iter().enumerate().map(|(at, message)| (message[0], at)).collect();
        let messages = words.iter().map(|message| message[1..].iter().map(|f| ProtoField::parse(f, &names)).collect());
        Self { messages: messages.collect(), names }
    }
}

impl ProtoField {
    fn parse(text: &'static str, names: &HashMap<&'static str, usize>) -> Self {
        let (name, rest) = text.split_once('=').expect("the schema is a constant: `name=number`");
        let end = rest.find([':', '*', '{']).expect("the schema is a constant: a number has a type");
        let shape = match &rest[end..=end] {
            ":" => Shape::One,
            "*" => Shape::Many,
            _ => Shape::Map,
        };
        let digits = |text: &str| text.parse().expect("the schema is a constant: numbers below 256");
        let (outer, number) = match rest[..end].split_once('.') {
            Some((outer, number)) => (Some(digits(outer)), digits(number)),
            None => (None, digits(&rest[..end])),
        };
        let kind = match rest[end + 1..].trim_end_matches('}') {
            "s" => ProtoKind::Text,
            "i" => ProtoKind::Number,
            "Q" => ProtoKind::Quantity,
            "T" | "M" => ProtoKind::Time,
            "X" => ProtoKind::Either,
            "J" => ProtoKind::Json,
            message => {
                ProtoKind::Message(*names.get(message).expect("the schema is a constant: its messages are there"))
            }
        };
        Self { name, outer, number, shape, kind }
    }
}

/// Appends the message `name` with the content of `json`.
///
/// # Errors
/// Text that is not JSON, or a value of another type than the schema's.
pub(super) fn message(name: &str, json: &[u8], out: &mut Vec<u8>) -> serde_json::Result<()> {
    let at = *SCHEMA.names.get(name).ok_or_else(|| serde_json::Error::custom(format!("no message `{name}`")))?;
    ValueSeed { kind: ProtoKind::Message(at), out }.deserialize(&mut serde_json::Deserializer::from_slice(json))
}

/// The output of a message: bytes, or a compiled template.
trait MessageOutput {
    /// Appends bytes as they are.
    fn bytes(&mut self) -> &mut Vec<u8>;

    /// Appends a field that has a length; `write` appends its content.
    fn sized(&mut self, number: u8, write: impl FnOnce(&mut Self));

    /// Appends a text without its length.
    fn text(&mut self, text: &str) {
        self.bytes().extend_from_slice(text.as_bytes());
    }

    /// Appends the fields of a `Time`.
    fn time(&mut self, text: &str) -> Result<(), jiff::Error> {
        let time: Timestamp = text.parse()?;
        int(1, time.as_second(), self.bytes());
        int(2, time.subsec_nanosecond().into(), self.bytes());
        Ok(())
    }
}

impl MessageOutput for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }

    fn sized(&mut self, number: u8, write: impl FnOnce(&mut Self)) {
        sized(number, self, write);
    }
}

/// Appends `k8s\0` and `runtime.Unknown`, up to a message of `len` bytes that follows.
pub(super) fn envelope_head(version: &str, kind: &str, len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    sized(1, out, |out| {
        text(1, version, out);
        text(2, kind, out);
    });
    tag(2, SIZED, out);
    varint(len as u64, out);
}

/// Appends `k8s\0` and `runtime.Unknown` around the message that `write` appends.
pub(super) fn envelope(version: &str, kind: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    write(&mut inner);
    envelope_head(version, kind, inner.len(), out);
    out.extend_from_slice(&inner);
}

/// Appends a frame of a watch: its length, the type, and the object that `write` appends.
pub(super) fn frame(kind: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    text(1, kind, out);
    sized(2, out, |out| sized(1, out, write));
    let len = u32::try_from(out.len() - start - 4).expect("an event is far below 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// Appends a field that has a length; `write` appends its content.
pub(super) fn sized(number: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    tag(number, SIZED, out);
    let start = out.len();
    write(out);
    let end = out.len();
    varint((end - start) as u64, out);
    let len = out.len() - end;
    out[start..].rotate_right(len);
}

/// Appends a text.
pub(super) fn text(number: u8, text: &str, out: &mut Vec<u8>) {
    tag(number, SIZED, out);
    varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a `Time` of whole seconds.
pub(super) fn time(number: u8, seconds: i64, out: &mut Vec<u8>) {
    sized(number, out, |out| time_fields(seconds, out));
}

/// Appends the fields of a `Time`.
fn time_fields(seconds: i64, out: &mut Vec<u8>) {
    int(1, seconds, out);
    int(2, 0, out);
}

/// Appends a number.
pub(super) fn int(number: u8, value: i64, out: &mut Vec<u8>) {
    tag(number, 0, out);
    varint(value.cast_unsigned(), out);
}

fn tag(number: u8, wire_type: u8, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | u64::from(wire_type), out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Writes one JSON value without tag and length.
struct ValueSeed<'o, O> {
    kind: ProtoKind,
    out: &'o mut O,
}

impl<'de, O: MessageOutput> DeserializeSeed<'de> for ValueSeed<'_, O> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.kind == ProtoKind::Json {
            let json: &RawValue = serde::Deserialize::deserialize(deserializer)?;
            self.out.sized(1, |out| out.text(json.get()));
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, O: MessageOutput> Visitor<'de> for ValueSeed<'_, O> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        match self.kind {
            ProtoKind::Text => self.out.text(value),
            ProtoKind::Quantity => self.out.sized(1, |out| out.text(value)),
            ProtoKind::Time => self.out.time(value).map_err(E::custom)?,
            ProtoKind::Either => {
                int(1, 1, self.out.bytes());
                text(3, value, self.out.bytes());
            }
            ProtoKind::Number | ProtoKind::Json | ProtoKind::Message(_) => return Err(E::custom(format!("`{value}`"))),
        }
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        match self.kind {
            ProtoKind::Number => varint(value.cast_unsigned(), self.out.bytes()),
            ProtoKind::Either => {
                int(1, 0, self.out.bytes());
                int(2, value, self.out.bytes());
            }
            _ => return Err(E::custom(value)),
        }
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(value).map_err(E::custom)?)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.visit_i64(value.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let ProtoKind::Message(at) = self.kind else { return Err(A::Error::custom("an object")) };
        while let Some(field) = map.next_key_seed(FieldName(&SCHEMA.messages[at]))? {
            match field {
                Some(field) => map.next_value_seed(FieldValue { field, out: self.out })?,
                // `kind` and `apiVersion` stand in the envelope.
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Finds a field by its JSON name.
struct FieldName(&'static [ProtoField]);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<&'static ProtoField>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<&'static ProtoField>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|field| field.name == name))
    }
}

/// Writes the value of one field, with its tag.
struct FieldValue<'o, O> {
    field: &'static ProtoField,
    out: &'o mut O,
}

impl<O: MessageOutput> FieldValue<'_, O> {
    fn write_one<'de, D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let Self { field: &ProtoField { outer, number, kind, .. }, out } = self;
        if kind == ProtoKind::Number {
            tag(number, 0, out.bytes());
            return ValueSeed { kind, out }.deserialize(value);
        }
        let mut done = Ok(());
        let write = |out: &mut O| done = ValueSeed { kind, out }.deserialize(value);
        match outer {
            Some(outer) => out.sized(outer, |out| out.sized(number, write)),
            None => out.sized(number, write),
        }
        done
    }
}

impl<'de, O: MessageOutput> DeserializeSeed<'de> for FieldValue<'_, O> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, O: MessageOutput> Visitor<'de> for FieldValue<'_, O> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.field.name)
    }
    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        match self.field.shape {
            Shape::One => self.write_one(value),
            Shape::Many | Shape::Map => value.deserialize_any(self),
        }
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Element { field: self.field, out: self.out })?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let mut done = Ok(());
            self.out.sized(self.field.number, |out| {
                text(1, &key, out.bytes());
                out.sized(2, |out| done = map.next_value_seed(ValueSeed { kind: self.field.kind, out }));
            });
            done?;
        }
        Ok(())
    }
}

/// Writes one element of a repeated field.
struct Element<'o, O> {
    field: &'static ProtoField,
    out: &'o mut O,
}

impl<'de, O: MessageOutput> DeserializeSeed<'de> for Element<'_, O> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        FieldValue { field: self.field, out: self.out }.write_one(deserializer)
    }
}

#[cfg(test)]
mod tests;
