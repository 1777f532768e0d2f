//! Raw objects: JSON of a scenario that is served unchanged, however odd (F70 to F82).
//!
//! A real API server holds only what it has validated; but proxies, aggregated APIs, old etcd contents and other implementations
//! serve stranger things, and a client must live with them. Raw objects never change; they can be listed, watched and got.

use std::borrow::Cow;

use serde_json::Value;

use super::meta::SimMeta;
use super::proto;
use super::resource::SimResource;
use super::template::{number, raw, string};

/// The text after which the version is inserted.
const METADATA: &str = "\"metadata\":{";

/// A raw object in the store.
#[derive(Clone, Debug)]
pub(super) struct RawRecord {
    pub(super) meta: SimMeta,
    resource: SimResource,
    text: Box<str>,
    /// The parsed text, for selectors and tables; null if it is not JSON.
    value: Value,
    /// `true` if protobuf can express the text.
    binary: bool,
}

impl RawRecord {
    /// A record of this text, made at the start of the simulation.
    pub(super) fn new(resource: SimResource, text: String, now: i64) -> Self {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let metadata = &value["metadata"];
        let uid = text.bytes().fold(7_u128, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0193));
        // An object without a name still needs a key.
        let nameless = format!("~{:08x}", uid & 0xffff_ffff);
        let name = metadata["name"].as_str().filter(|name| !name.is_empty()).unwrap_or(&nameless);
        let namespace = if resource.namespaced() { metadata["namespace"].as_str().unwrap_or("default") } else { "" };
        let created = metadata["creationTimestamp"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let meta = SimMeta::new(namespace, name, uid, created.map_or(now, jiff::Timestamp::as_second));
        let binary = proto::message(resource.kind(), text.as_bytes(), &mut Vec::new()).is_ok();
        Self { meta, resource, text: text.into(), value, binary }
    }

    pub(super) fn resource(&self) -> SimResource {
        self.resource
    }

    /// `true` if protobuf can express the text.
    pub(super) fn is_binary(&self) -> bool {
        self.binary
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.value["metadata"]["labels"][key].as_str()
    }

    /// The value of a field that selectors may name; empty where the object has none.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let (part, key) = name.split_once('.')?;
        self.resource.spec().selectable.contains(&name).then(|| match &self.value[part][key] {
            Value::String(text) => text.as_str().into(),
            Value::Bool(flag) => flag.to_string().into(),
            _ => "".into(),
        })
    }

    /// Writes the object with the fields that a server adds: its version and, outside a list, its kind.
    pub(super) fn write(&self, rv: u64, of: Option<(&str, &str)>, out: &mut Vec<u8>) {
        let mut text = &*self.text;
        if let (Some((kind, version)), Some(rest), Value::Null) =
            (of, text.strip_prefix('{').filter(|rest| rest.trim() != "}"), &self.value["kind"])
        {
            raw(out, "{\"kind\":");
            string(out, kind);
            raw(out, ",\"apiVersion\":");
            string(out, version);
            raw(out, ",");
            text = rest;
        }
        match text.split_once(METADATA).filter(|_| self.value["metadata"]["resourceVersion"].is_null()) {
            Some((before, after)) if !after.trim_start().starts_with('}') => {
                raw(out, before);
                raw(out, METADATA);
                raw(out, "\"resourceVersion\":\"");
                number(out, rv);
                raw(out, "\",");
                raw(out, after);
            }
            _ => raw(out, text),
        }
    }

    /// Writes the whole `metadata`.
    pub(super) fn write_metadata(&self, rv: u64, out: &mut Vec<u8>) {
        let mut metadata = self.value["metadata"].clone();
        if !metadata.is_object() {
            metadata = serde_json::json!({"name": self.meta.name()});
        }
        metadata["resourceVersion"] = rv.to_string().into();
        raw(out, &metadata.to_string());
    }

    /// Writes the cells of a row: the name, those of its kind, then empty ones.
    pub(super) fn write_cells(&self, columns: usize, out: &mut Vec<u8>) {
        let known = (self.resource.spec().body_cells)(&self.value);
        let cells = std::iter::once(self.meta.name()).chain(known.iter().map(String::as_str));
        for cell in cells.chain(std::iter::repeat("")).take(columns) {
            string(out, cell);
            raw(out, ",");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> RawRecord {
        RawRecord::new(SimResource::Pods, text.to_owned(), 0)
    }

    fn written(text: &str, of: Option<(&str, &str)>) -> String {
        let mut out = Vec::new();
        record(text).write(9, of, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_object_is_written_as_it_is_with_its_version_and_kind() {
        let text = r#"{"metadata":{"name":"a"},"x":1e999,"x":[]}"#;
        let versioned = r#"{"metadata":{"resourceVersion":"9","name":"a"},"x":1e999,"x":[]}"#;
        assert_eq!(written(text, None), versioned, "what no parser takes stays");
        let text = r#"{"metadata":{"name":"a"},"x":1.50}"#;
        assert_eq!(written(text, None), r#"{"metadata":{"resourceVersion":"9","name":"a"},"x":1.50}"#);
        assert_eq!(
            written(text, Some(("Pod", "v1"))),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"9","name":"a"},"x":1.50}"#
        );
        for text in ["null", "7", "[]", "{}", r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"x"}}"#] {
            assert_eq!(written(text, None), text);
        }
    }

    #[test]
    fn what_the_schema_has_no_words_for_is_not_binary() {
        assert!(record(r#"{"metadata":{"name":"a"},"status":{"phase":"Quantum"}}"#).is_binary());
        for text in ["null", "[]", r#"{"metadata":{"name":5}}"#, r#"{"metadata":{"creationTimestamp":"soon"}}"#] {
            assert!(!record(text).is_binary(), "{text}");
        }
    }
}
