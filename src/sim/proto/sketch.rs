//! A message with holes: the fields that all objects of one shape share are converted once, the others when an object is served.

use serde::de::DeserializeSeed;

use super::{MessageOutput, ProtoKind, SCHEMA, SIZED, Seed, moment, sized, tag, varint};
use crate::sim::template::{Slot, Template, hole};

/// One step of writing a message.
#[derive(Debug)]
enum SketchStep {
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
pub(in crate::sim) struct Sketch(Vec<SketchStep>);

/// The values of the holes.
pub(in crate::sim) trait Filling {
    /// Writes the text of a hole.
    fn fill(&self, slot: Slot, out: &mut Vec<u8>);

    /// The seconds of a hole that is a time.
    fn moment(&self, slot: Slot) -> i64;
}

impl Sketch {
    /// Converts the fields of a message as a template holds them: without the braces, perhaps with a comma before the first.
    pub(in crate::sim) fn compile(message: &str, fields: &Template) -> Self {
        let json = format!("{{{}}}", fields.source().trim_start_matches(','));
        let at = *SCHEMA.names.get(message).expect("shapes name messages of the schema");
        let mut draft = Draft::default();
        Seed { kind: ProtoKind::Message(at), out: &mut draft }
            .deserialize(&mut serde_json::Deserializer::from_str(&json))
            .expect("templates are JSON of the types that the schema names");
        draft.settle();
        Self(draft.steps)
    }

    /// Appends the fields.
    pub(in crate::sim) fn write(&self, filling: &impl Filling, out: &mut Vec<u8>) {
        let end = steps(&self.0, filling, out);
        debug_assert!(end.is_empty(), "every field that is opened is closed");
    }
}

/// Writes up to the end of the innermost open field; returns the steps behind it.
fn steps<'s>(mut rest: &'s [SketchStep], filling: &impl Filling, out: &mut Vec<u8>) -> &'s [SketchStep] {
    while let Some((step, tail)) = rest.split_first() {
        rest = tail;
        match step {
            SketchStep::Bytes(bytes) => out.extend_from_slice(bytes),
            SketchStep::Text(slot) => filling.fill(*slot, out),
            SketchStep::Time(slot) => moment(filling.moment(*slot), out),
            SketchStep::Open(number) => sized(*number, out, |out| rest = steps(rest, filling, out)),
            SketchStep::Close => return rest,
        }
    }
    rest
}

/// Compiles a sketch.
#[derive(Default)]
struct Draft {
    steps: Vec<SketchStep>,
    /// Bytes after the last step.
    bytes: Vec<u8>,
}

impl Draft {
    fn settle(&mut self) {
        if !self.bytes.is_empty() {
            self.steps.push(SketchStep::Bytes(std::mem::take(&mut self.bytes).into()));
        }
    }
}

impl MessageOutput for Draft {
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
        inner.settle();
        self.settle();
        self.steps.push(SketchStep::Open(number));
        self.steps.append(&mut inner.steps);
        self.steps.push(SketchStep::Close);
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, slot, after)) = hole(rest) {
            self.bytes.extend_from_slice(before.as_bytes());
            self.settle();
            self.steps.push(SketchStep::Text(slot));
            rest = after;
        }
        self.bytes.extend_from_slice(rest.as_bytes());
    }

    fn time(&mut self, text: &str) -> Result<(), jiff::Error> {
        if let Some(("", slot, "")) = hole(text) {
            self.settle();
            self.steps.push(SketchStep::Time(slot));
            return Ok(());
        }
        text.parse::<jiff::Timestamp>().map(|time| moment(time.as_second(), &mut self.bytes))
    }
}
