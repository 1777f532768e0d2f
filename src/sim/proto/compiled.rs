//! A message with holes: the fields that all objects of one shape share are converted once, the others when an object is served.

use serde::de::DeserializeSeed;

use super::{MessageOutput, ProtoKind, SCHEMA, SIZED, ValueSeed, sized, tag, time_fields, varint};
use crate::sim::template::{Slot, Template, placeholder};

/// One step of writing a message.
#[derive(Debug)]
enum ProtoTemplateStep {
    /// Bytes that are the same in every object.
    Bytes(Box<[u8]>),
    /// The text of a hole.
    Text(Slot),
    /// The fields of a `Time`.
    Time(Slot),
    /// The start of a field that has a length.
    Open(u8),
    /// The end of the innermost open field.
    Close,
}

/// A compiled message: bytes and holes, in order.
#[derive(Debug)]
pub(in crate::sim) struct ProtoTemplate(Vec<ProtoTemplateStep>);

/// The values of the holes.
pub(in crate::sim) trait SlotValues {
    /// Writes the text of a hole.
    fn write_slot(&self, slot: Slot, out: &mut Vec<u8>);

    /// The seconds of a hole that is a time.
    fn slot_time(&self, slot: Slot) -> i64;
}

impl ProtoTemplate {
    /// Converts the fields of a message as a template holds them: without the braces, perhaps with a comma before the first.
    pub(in crate::sim) fn compile(message: &str, fields: &Template) -> Self {
        let json = format!("{{{}}}", fields.source().trim_start_matches(','));
        let at = *SCHEMA.names.get(message).expect("shapes name messages of the schema");
        let mut draft = ProtoTemplateBuilder::default();
        ValueSeed { kind: ProtoKind::Message(at), out: &mut draft }
            .deserialize(&mut serde_json::Deserializer::from_str(&json))
            .expect("templates are JSON of the types that the schema names");
        draft.flush();
        Self(draft.steps)
    }

    /// Appends the fields.
    pub(in crate::sim) fn write(&self, filling: &impl SlotValues, out: &mut Vec<u8>) {
        let end = steps(&self.0, filling, out);
        debug_assert!(end.is_empty(), "every field that is opened is closed");
    }
}

/// Writes up to the end of the innermost open field; returns the steps behind it.
fn steps<'s>(
    mut rest: &'s [ProtoTemplateStep],
    filling: &impl SlotValues,
    out: &mut Vec<u8>,
) -> &'s [ProtoTemplateStep] {
    while let Some((step, tail)) = rest.split_first() {
        rest = tail;
        match step {
            ProtoTemplateStep::Bytes(bytes) => out.extend_from_slice(bytes),
            ProtoTemplateStep::Text(slot) => filling.write_slot(*slot, out),
            ProtoTemplateStep::Time(slot) => time_fields(filling.slot_time(*slot), out),
            ProtoTemplateStep::Open(number) => sized(*number, out, |out| rest = steps(rest, filling, out)),
            ProtoTemplateStep::Close => return rest,
        }
    }
    rest
}

/// Compiles a sketch.
#[derive(Default)]
struct ProtoTemplateBuilder {
    steps: Vec<ProtoTemplateStep>,
    /// Bytes after the last step.
    bytes: Vec<u8>,
}

impl ProtoTemplateBuilder {
    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.steps.push(ProtoTemplateStep::Bytes(std::mem::take(&mut self.bytes).into()));
        }
    }
}

impl MessageOutput for ProtoTemplateBuilder {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Closes a field; one without holes becomes plain bytes.
    fn sized(&mut self, number: u8, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        if inner.steps.is_empty() {
            tag(number, SIZED, &mut self.bytes);
            varint(inner.bytes.len() as u64, &mut self.bytes);
            self.bytes.append(&mut inner.bytes);
            return;
        }
        inner.flush();
        self.flush();
        self.steps.push(ProtoTemplateStep::Open(number));
        self.steps.append(&mut inner.steps);
        self.steps.push(ProtoTemplateStep::Close);
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, slot, after)) = placeholder(rest) {
            self.bytes.extend_from_slice(before.as_bytes());
            self.flush();
            self.steps.push(ProtoTemplateStep::Text(slot));
            rest = after;
        }
        self.bytes.extend_from_slice(rest.as_bytes());
    }

    fn time(&mut self, text: &str) -> Result<(), jiff::Error> {
        if let Some(("", slot, "")) = placeholder(text) {
            self.flush();
            self.steps.push(ProtoTemplateStep::Time(slot));
            return Ok(());
        }
        text.parse::<jiff::Timestamp>().map(|time| time_fields(time.as_second(), &mut self.bytes))
    }
}
