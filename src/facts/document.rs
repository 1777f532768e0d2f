//! An object as YAML, the way `kubectl get -o yaml` prints it: keys in order of the alphabet, without `managedFields`.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::text::{CAP, Clean, is_invisible};
use super::wire::{DecodeError, refuse};
use crate::facts::json_value;

/// What stands where a value is masked.
pub const MASK: &str = "<masked>";

/// Words in the keys of annotations that hold a whole object as it was applied, its env values included: kubectl, and those
/// that do as it does (Cilium's and Banzai's operators, kapp, Rancher).
const APPLIED: [&str; 3] = ["last-applied", "kapp.k14s.io/original", "objectset.rio.cattle.io/applied"];

/// Placeholders for characters that cannot be seen, while the YAML is written: the two planes of private use.
const PLACEHOLDERS: [u32; 2] = [0xF_0000, 0x10_0000];

/// An object written as YAML, line by line safe for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YamlDocument {
    /// The lines; one longer than [`CAP`] characters is cut and ends with `…`.
    pub lines: Vec<Clean>,
    /// Lines that were cut.
    pub cut: u32,
    /// Bytes of the JSON that it was made of.
    pub bytes: u64,
    /// Characters that cannot be seen or turn a text round, shown as `\u202E`.
    pub invisible: u32,
    /// Values that may be secret, and whether they are masked.
    pub values: Values,
}

/// Values of an object that a Secret may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// Values of `env`.
    pub env: u32,
    /// Values of HTTP headers, and annotations that hold the object as it was applied.
    pub other: u32,
    /// [`MASK`] stands in their place.
    pub masked: bool,
}

impl Values {
    /// `3 env values and 1 other`; empty without any.
    #[must_use]
    pub fn words(self) -> String {
        let some = |count: u32, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let other =
            if self.env == 0 { some(self.other, "value", "values") } else { some(self.other, "other", "others") };
        let parts = [some(self.env, "env value", "env values"), other];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

impl YamlDocument {
    /// Writes the JSON of one object as YAML; `mask` leaves out values that a Secret may hold.
    ///
    /// `managedFields` is left out, as by kubectl since 1.21; everything else stays. Arguments of containers stay too: they can be
    /// read by everybody on the node (`/proc/PID/cmdline`), and without them the YAML of a pod says little.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is no JSON object.
    pub fn decode(body: &[u8], mask: bool) -> Result<Self, DecodeError> {
        let mut value = json_value::object(body, "an object")?;
        if let Some(metadata) = value.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let mut values = Values { masked: mask, ..Values::default() };
        values.find(&mut value);
        let mut invisible = 0;
        show_invisible(&mut value, &mut invisible);
        // Without this a text over 80 characters becomes a folded block, which is hard to read and to search.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let text = serde_saphyr::to_string_with_options(&value, options)
            .map_err(|error| refuse("an object", &error.to_string(), body))?;
        let mut cut = 0;
        let lines = text.lines().map(|line| {
            let line = spelled(line);
            cut += u32::from(line.chars().nth(CAP).is_some());
            Clean::new(&line)
        });
        let lines = lines.collect();
        Ok(Self { lines, cut, bytes: body.len() as u64, invisible, values })
    }
}

impl Values {
    /// Counts what may be secret below `value`, and masks it where that is wanted.
    fn find(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.find(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    match key.as_str() {
                        "env" | "httpHeaders" => self.named(key == "env", value),
                        "annotations" => self.annotations(value),
                        _ => {}
                    }
                    self.find(value);
                }
            }
            _ => {}
        }
    }

    /// A list of names with their values.
    fn named(&mut self, env: bool, list: &mut Value) {
        for item in list.as_array_mut().into_iter().flatten() {
            if let Some(value) = item.get_mut("value").filter(|value| says_something(value)) {
                self.take(env, value);
            }
        }
    }

    fn annotations(&mut self, annotations: &mut Value) {
        for (key, value) in annotations.as_object_mut().into_iter().flatten() {
            if APPLIED.iter().any(|word| key.contains(word)) && says_something(value) {
                self.take(false, value);
            }
        }
    }

    fn take(&mut self, env: bool, value: &mut Value) {
        let count = if env { &mut self.env } else { &mut self.other };
        *count = count.saturating_add(1);
        if self.masked {
            *value = Value::String(MASK.to_owned());
        }
    }
}

fn says_something(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

/// Puts placeholders for what cannot be seen, so that the writer of the YAML neither drops nor quotes it; counts them.
fn show_invisible(value: &mut Value, count: &mut u32) {
    match value {
        Value::String(text) => {
            if let Some(shown) = held_place(text, count) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| show_invisible(item, count)),
        Value::Object(map) => {
            let held = std::mem::replace(map, Map::new());
            for (key, mut value) in held {
                show_invisible(&mut value, count);
                map.insert(held_place(&key, count).unwrap_or(key), value);
            }
        }
        _ => {}
    }
}

/// `text` with placeholders; `None` if all of it can be seen. Line breaks and tabs are the YAML's own.
fn held_place(text: &str, count: &mut u32) -> Option<String> {
    let hides = |c: char| {
        !matches!(c, '\n' | '\t') && (c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}'))
    };
    if !text.contains(hides) {
        return None;
    }
    let place = |c: char| {
        if !hides(c) {
            return c;
        }
        *count = count.saturating_add(1);
        let code = u32::from(c);
        // The last two codes of a plane are no characters, and none of these.
        let plane = PLACEHOLDERS[usize::from(code > 0xFFFF)];
        char::from_u32(plane + (code & 0xFFFF)).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    Some(text.chars().map(place).collect())
}

/// A line with what cannot be seen spelled out, as YAML spells it in quotes: `\u202E`.
fn spelled(line: &str) -> String {
    let mut spelled = String::with_capacity(line.len());
    for c in line.chars() {
        let code = u32::from(c);
        match (code & !0xFFFF, code & 0xFFFF) {
            (plane, low) if plane == PLACEHOLDERS[0] => _ = write!(spelled, "\\u{low:04X}"),
            // All of those beyond the first plane are in two: music and shorthand, and tags.
            (plane, low) if plane == PLACEHOLDERS[1] => {
                let plane = if low < 0x1000 { 0xE_0000 } else { 0x1_0000 };
                let _ = write!(spelled, "\\U{:08X}", plane + low);
            }
            _ => spelled.push(c),
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str) -> Vec<String> {
        YamlDocument::decode(json.as_bytes(), true).unwrap().lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_object_is_written_as_kubectl_writes_it() {
        let json = r#"{"kind":"Pod","apiVersion":"v1","status":{"phase":"Running"},
            "spec":{"nodeName":"n1","containers":[{"name":"c","image":"a:1","args":["--x=1","yes"],"env":[]}],"priority":0},
            "metadata":{"name":"p","annotations":{"n":"1","empty":"","on":"true","note":"one\ntwo\n"},
                "managedFields":[{"manager":"kubelet"}],"creationTimestamp":"2026-03-01T14:02:10Z"}}"#;
        // The answer of kubectl 1.32 for this object.
        let want = "apiVersion: v1
kind: Pod
metadata:
  annotations:
    empty: \"\"
    \"n\": \"1\"
    note: |
      one
      two
    \"on\": \"true\"
  creationTimestamp: \"2026-03-01T14:02:10Z\"
  name: p
spec:
  containers:
  - args:
    - --x=1
    - \"yes\"
    env: []
    image: a:1
    name: c
  nodeName: n1
  priority: 0
status:
  phase: Running";
        assert_eq!(lines(json).join("\n"), want);
    }

    #[test]
    fn f79_no_line_of_a_hostile_object_carries_an_escape_a_control_or_a_bidi_trick() {
        let hostile = "a\\u001b[2J\\u001b]52;c;eA==\\u0007b\\u009bc\\u202ed\\u2066e\\u200bf\\rg\\u2028h\\u0000";
        let json = format!(
            r#"{{"metadata":{{"name":"{hostile}","annotations":{{"{hostile}":"x\n{hostile}\n"}}}},"status":"{hostile}"}}"#
        );
        let text = lines(&json).join("\n");
        let bad = |c: char| {
            c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'))
        };
        assert!(!text.chars().any(bad), "{text:?}");
        assert!(text.contains("\\u001B[2J"), "what it was can still be seen: {text}");
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out_and_counted() {
        let hidden = ["202E", "200B", "200D", "2066", "00AD", "FEFF", "0007", "0085", "2028", "180E", "3164"];
        let spelled = hidden.map(|code| format!("\\u{code}")).concat();
        let json = format!(
            r#"{{"spec":{{"containers":[{{"command":["sh","-c","echo visible{spelled}hidden\n\tnext\uDB40\uDC41"]}}]}},"k\u202ey":1}}"#
        );
        let document = YamlDocument::decode(json.as_bytes(), false).unwrap();
        let text = document.lines.iter().map(|line| &**line).collect::<Vec<_>>().join("\n");
        assert!(text.contains(&format!("echo visible{spelled}hidden")), "{text}");
        assert!(text.contains("\\U000E0041"), "{text}");
        assert!(text.contains("k\\u202Ey: 1"), "{text}");
        assert_eq!(document.invisible, 13);
        let plain = YamlDocument::decode(r#"{"a":"täxt 👩🏽 ♥\ufe0f\n"}"#.as_bytes(), false).unwrap();
        assert_eq!((plain.invisible, plain.lines.len()), (0, 2), "{plain:?}");
    }

    #[test]
    fn values_that_a_secret_may_hold_are_masked_until_they_are_wanted() {
        let json = r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"CANARY-1","note":"stays",
            "banzaicloud.com/last-applied":"CANARY-2"}},
            "spec":{"initContainers":[{"env":[{"name":"A","value":"CANARY-3"}]}],
            "containers":[{"name":"c","args":["--token=arg"],"env":[{"name":"B","value":"CANARY-4"},{"name":"E","value":""},
            {"name":"R","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],
            "livenessProbe":{"httpGet":{"httpHeaders":[{"name":"Authorization","value":"CANARY-5"}]}}}],
            "ephemeralContainers":[{"env":[{"name":"C","value":"CANARY-6"}]}]}}"#;
        let masked = YamlDocument::decode(json.as_bytes(), true).unwrap();
        let text = |document: &YamlDocument| document.lines.iter().map(|line| &**line).collect::<Vec<_>>().join("\n");
        assert!(!text(&masked).contains("CANARY"), "{}", text(&masked));
        assert_eq!(text(&masked).matches("<masked>").count(), 6);
        assert_eq!(masked.values, Values { env: 3, other: 3, masked: true });
        assert_eq!(masked.values.words(), "3 env values and 3 others");
        for stays in ["note: stays", "--token=arg", "secretKeyRef", "name: Authorization", "name: B"] {
            assert!(text(&masked).contains(stays), "{stays}: {}", text(&masked));
        }
        let clear = YamlDocument::decode(json.as_bytes(), false).unwrap();
        assert_eq!(text(&clear).matches("CANARY").count(), 6);
        assert_eq!(clear.values, Values { masked: false, ..masked.values });
    }

    #[test]
    fn a_line_without_end_is_cut_and_counted() {
        let json = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(300_000));
        let document = YamlDocument::decode(json.as_bytes(), true).unwrap();
        assert_eq!((document.lines.len(), document.cut, document.bytes), (2, 1, json.len() as u64));
        assert!(document.lines[0].ends_with('…') && document.lines[0].chars().count() <= CAP);
        assert_eq!(&*document.lines[1], "b: 1");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["[]", "null", "<html>", "{\"a\":"] {
            assert!(YamlDocument::decode(body.as_bytes(), true).is_err(), "{body}");
        }
    }
}
