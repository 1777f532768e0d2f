//! Raw objects: JSON of a scenario that is served as it is, however odd (F70 to F82).
//!
//! A real API server holds only what it has validated; but proxies, aggregated APIs, old etcd contents and other implementations
//! serve stranger things, and a client must live with them. Raw objects never change; they can be listed, watched and got.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::object::{SimMeta, SimResource};
use super::proto;
use super::scenario::bounds::{self, at_most};
use super::scenario::read_duration;
use super::template::{number, raw, string, time};

/// What a time in a raw object begins with: `"@-3h"` is three hours before the simulation starts, `"@+1h"` an hour after; and a
/// long text: `"@=262144"` is so many letters.
const MOMENT: &str = "\"@";

/// Where a version is put in.
const METADATA: &str = "\"metadata\":{";

/// Letters of one object, 4 MiB: more than etcd takes for a whole one.
const MOST_LETTERS: usize = 4 << 20;

/// One `[[cluster.raw]]` of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpec {
    /// The plural.
    pub(super) resource: RawResource,
    /// So many of them; `%i` in the text is the number of each, from 0.
    #[serde(default = "one", deserialize_with = "at_most::<_, { bounds::RAW }>")]
    pub(super) count: u32,
    /// The text is broken on purpose: it need not be JSON of an object with a name.
    #[serde(default)]
    pub(super) broken: bool,
    /// The object.
    pub(super) json: Spanned<String>,
}

/// The kinds that a scenario may hold raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawResource {
    Nodes,
    Pods,
    ResourceSlices,
    ResourceClaims,
    DeviceClasses,
    DeviceTaintRules,
}

fn one() -> u32 {
    1
}

impl RawSpec {
    /// What keeps this from being served, if it is not broken on purpose.
    pub(super) fn error(&self) -> Option<String> {
        let text = self.text(0, 0);
        match serde_json::from_str::<Value>(&text) {
            _ if self.broken => None,
            Err(error) => Some(format!("this is no JSON: {error}; write `broken = true` if that is meant")),
            Ok(value) if !value["metadata"]["name"].is_string() => {
                Some("this object has no `metadata.name`; write `broken = true` if that is meant".to_owned())
            }
            Ok(_) => None,
        }
    }

    /// Size of the texts of all of them, about.
    pub(super) fn bytes(&self) -> u64 {
        self.text(0, 0).len() as u64 * u64::from(self.count)
    }

    /// The records, at a time of the start.
    pub(super) fn records(&self, now: i64) -> impl Iterator<Item = RawRecord> {
        let resource = match self.resource {
            RawResource::Nodes => SimResource::Nodes,
            RawResource::Pods => SimResource::Pods,
            RawResource::ResourceSlices => SimResource::Slices,
            RawResource::ResourceClaims => SimResource::Claims,
            RawResource::DeviceClasses => SimResource::Classes,
            RawResource::DeviceTaintRules => SimResource::Rules,
        };
        (0..self.count).map(move |number| RawRecord::new(resource, self.text(number, now), now))
    }

    fn text(&self, number: u32, now: i64) -> String {
        moments(&self.json.get_ref().trim().replace("%i", &number.to_string()), now)
    }
}

/// Replaces `"@-3h"` by the time that it means; what only looks like it stays.
fn moments(text: &str, now: i64) -> String {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut long) = (text, 0);
    while let Some((before, after)) = rest.split_once(MOMENT) {
        raw(&mut out, before);
        let (moment, behind) = after.split_once('"').unwrap_or((after, ""));
        let (sign, span) = moment.split_at(moment.len().min(1));
        let seconds = read_duration(span).and_then(|span| i64::try_from(span.as_secs()).ok());
        raw(&mut out, "\"");
        let room = MOST_LETTERS.saturating_sub(long);
        let letters = span.parse::<usize>().ok().filter(|letters| sign == "=" && *letters <= room);
        long += letters.unwrap_or(0);
        match (sign, seconds) {
            _ if letters.is_some() => out.extend(std::iter::repeat_n(b'x', letters.unwrap_or(0))),
            ("-", Some(seconds)) => time(&mut out, now - seconds),
            ("+", Some(seconds)) => time(&mut out, now.saturating_add(seconds)),
            _ => raw(&mut out, &format!("@{moment}")),
        }
        raw(&mut out, "\"");
        rest = behind;
    }
    raw(&mut out, rest);
    String::from_utf8(out).expect("pieces of text and ASCII")
}

/// A raw object as it is held.
#[derive(Clone, Debug)]
pub(super) struct RawRecord {
    pub(super) meta: SimMeta,
    resource: SimResource,
    text: Box<str>,
    /// What could be read of the text, for selectors and tables; null if nothing.
    value: Value,
    /// The text can be said in protobuf.
    binary: bool,
}

impl RawRecord {
    fn new(resource: SimResource, text: String, now: i64) -> Self {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let metadata = &value["metadata"];
        let uid = text.bytes().fold(7_u128, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0193));
        // What has no name still needs a place in the order of keys.
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

    /// The text can be said in protobuf.
    pub(super) fn is_binary(&self) -> bool {
        self.binary
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.value["metadata"]["labels"][key].as_str()
    }

    /// The value of a field that selectors may name; empty where the object has none.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let known = match self.resource {
            SimResource::Nodes => name == "spec.unschedulable",
            SimResource::Slices => matches!(name, "spec.nodeName" | "spec.driver"),
            SimResource::Claims | SimResource::Classes | SimResource::Rules => false,
            _ => matches!(
                name,
                "spec.nodeName"
                    | "spec.restartPolicy"
                    | "spec.schedulerName"
                    | "spec.serviceAccountName"
                    | "spec.hostNetwork"
                    | "status.phase"
                    | "status.podIP"
                    | "status.nominatedNodeName"
            ),
        };
        let (part, key) = name.split_once('.')?;
        known.then(|| match &self.value[part][key] {
            Value::String(text) => text.as_str().into(),
            Value::Bool(flag) => flag.to_string().into(),
            _ => "".into(),
        })
    }

    /// Writes the object as it is, with what a server adds: its version and, outside a list, its kind.
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

    /// Writes `metadata`, whole.
    pub(super) fn write_metadata(&self, rv: u64, out: &mut Vec<u8>) {
        let mut metadata = self.value["metadata"].clone();
        if !metadata.is_object() {
            metadata = serde_json::json!({"name": self.meta.name()});
        }
        metadata["resourceVersion"] = rv.to_string().into();
        raw(out, &metadata.to_string());
    }

    /// Writes the first cell of a row, and as many empty ones as follow.
    pub(super) fn write_cells(&self, columns: usize, out: &mut Vec<u8>) {
        for column in 0..columns {
            string(out, if column == 0 { self.meta.name() } else { "" });
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
    fn times_are_told_from_the_start_and_other_texts_stay() {
        let text = r#"{"a":"@-1h","b":"@+2m","c":"@home","d":"x@-1h"}"#;
        let want = r#"{"a":"1970-01-01T01:46:40Z","b":"1970-01-01T02:48:40Z","c":"@home","d":"x@-1h"}"#;
        assert_eq!(moments(text, 10_000), want);
        assert_eq!(moments("\"@-1h", 10_000), "\"1970-01-01T01:46:40Z\"", "cut short");
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
