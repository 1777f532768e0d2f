//! JSON text with placeholders: the fields that all objects of one shape share are stored once, the others are filled in when an
//! object is served.
//!
//! A pod of 12 KB is then a dozen copies and a few short values, and the store keeps about a hundred bytes of it.

use std::io::Write as _;

use jiff::Timestamp;

/// A value that differs between two objects of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// `metadata.name`.
    Name,
    /// `metadata.uid`.
    Uid,
    /// `metadata.creationTimestamp`, and other times of the creation.
    Created,
    /// The last status update: managedFields and heartbeats.
    Updated,
    /// The address of a node or of a pod.
    Ip,
    /// The number in the name: a `StatefulSet`'s ordinal, an index of a Job.
    Ordinal,
    /// The node's name, in templates of bound pods.
    Node,
}

const SLOTS: [(&str, Slot); 7] = [
    ("name", Slot::Name),
    ("uid", Slot::Uid),
    ("created", Slot::Created),
    ("updated", Slot::Updated),
    ("ip", Slot::Ip),
    ("ordinal", Slot::Ordinal),
    ("node", Slot::Node),
];

#[derive(Debug)]
enum TemplatePart {
    Text(Box<str>),
    Placeholder(Slot),
}

/// Compiled text: literal parts and placeholders, in order.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<TemplatePart>,
}

impl Template {
    /// Compiles a text with placeholders such as `${name}`; any other `$` is text.
    pub(super) fn compile(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, slot, after)) = placeholder(rest) {
            parts.push(TemplatePart::Text(before.into()));
            parts.push(TemplatePart::Placeholder(slot));
            rest = after;
        }
        parts.push(TemplatePart::Text(rest.into()));
        Self { parts }
    }

    /// The text that it was compiled from.
    pub(super) fn source(&self) -> String {
        let part = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => text.to_string(),
            TemplatePart::Placeholder(slot) => {
                let name = SLOTS.iter().find(|(_, known)| known == slot).map_or("", |(name, _)| name);
                format!("${{{name}}}")
            }
        };
        self.parts.iter().map(part).collect()
    }

    /// Appends the text; `fill` writes the value of each placeholder.
    pub(super) fn write(&self, out: &mut Vec<u8>, mut fill: impl FnMut(Slot, &mut Vec<u8>)) {
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => out.extend_from_slice(text.as_bytes()),
                TemplatePart::Placeholder(slot) => fill(*slot, out),
            }
        }
    }
}

/// Finds the first placeholder of a text, and returns it with the text before and after it; any other `$` is text.
pub(super) fn placeholder(text: &str) -> Option<(&str, Slot, &str)> {
    text.match_indices("${").find_map(|(at, _)| {
        let (name, after) = text[at + 2..].split_once('}')?;
        let (_, slot) = SLOTS.iter().find(|(known, _)| *known == name)?;
        Some((&text[..at], *slot, after))
    })
}

/// Appends text that needs no escaping.
pub(super) fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a JSON string, escaped.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string is always written to memory");
}

/// Appends a decimal number.
pub(super) fn number(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to memory cannot fail");
}

/// Appends a moment as Kubernetes writes it, without quotes: `2026-07-24T10:00:00Z`.
pub(super) fn time(out: &mut Vec<u8>, seconds: i64) {
    match Timestamp::from_second(seconds) {
        Ok(moment) => number(out, moment),
        Err(_) => raw(out, "1970-01-01T00:00:00Z"),
    }
}

/// Formats a time as [`time`] writes it.
pub(super) fn time_text(seconds: i64) -> String {
    let mut out = Vec::with_capacity(20);
    time(&mut out, seconds);
    String::from_utf8(out).expect("a moment is ASCII")
}

/// Appends a uid in the form of a random UUID.
pub(super) fn uid(out: &mut Vec<u8>, value: u128) {
    write!(
        out,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        value >> 96,
        (value >> 80) & 0xffff,
        (value >> 64) & 0xfff,
        0x8000 | ((value >> 48) & 0x3fff),
        value & 0xffff_ffff_ffff
    )
    .expect("writing to memory cannot fail");
}

/// Formats a uid as [`uid`] writes it.
pub(super) fn uid_text(value: u128) -> String {
    let mut out = Vec::with_capacity(36);
    uid(&mut out, value);
    String::from_utf8(out).expect("a uid is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_other_dollars_stay() {
        let template = Template::compile("{\"a\":\"${name}\",\"b\":\"$(X) ${nope} ${ip}\"}");
        let mut out = Vec::new();
        template.write(&mut out, |slot, out| raw(out, if slot == Slot::Name { "web-1" } else { "10.0.0.1" }));
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":\"web-1\",\"b\":\"$(X) ${nope} 10.0.0.1\"}");
    }

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        assert_eq!(uid_text(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn a_moment_is_written_without_fraction() {
        let mut out = Vec::new();
        time(&mut out, 1_700_000_000);
        assert_eq!(out, b"2023-11-14T22:13:20Z");
    }
}
