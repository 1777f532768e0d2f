//! Object as YAML, as `kubectl get -o yaml` prints it: keys in alphabetical order, without `managedFields`.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::text::{CAP, Clean, is_invisible};
use super::wire::{DecodeError, refuse};
use crate::facts::json_value;

/// Placeholder for a masked value.
pub const MASK: &str = "<masked>";

/// Words in the keys of annotations that hold the whole object as it was applied, with its env values: kubectl's own, and those
/// of similar tools (Cilium's and Banzai's operators, kapp, Rancher).
const APPLIED: [&str; 3] = ["last-applied", "kapp.k14s.io/original", "objectset.rio.cattle.io/applied"];

/// Planes of private use whose characters stand for invisible characters while the YAML is written.
const PLACEHOLDERS: [u32; 2] = [0xF_0000, 0x10_0000];

/// Object written as YAML; every line is safe for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YamlDocument {
    /// Lines of the YAML; one longer than [`CAP`] characters is cut and ends with `…`.
    pub lines: Vec<Clean>,
    /// Number of lines that were cut.
    pub cut: u32,
    /// Size in bytes of the source JSON.
    pub bytes: u64,
    /// Number of invisible characters and bidi controls, shown as `\u202E`.
    pub invisible: u32,
    /// Counts of values that may be secret, and their masking.
    pub values: Values,
}

/// Counts of an object's values that may be secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// Values of `env`.
    pub env: u32,
    /// Values of HTTP headers, and annotations with the object as it was applied.
    pub other: u32,
    /// `true` if [`MASK`] replaces the values.
    pub masked: bool,
}

impl Values {
    /// Describes the counts: `3 env values and 1 other`; empty without any.
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
    /// Writes the JSON of one object as YAML; `mask` hides values that may be secret.
    ///
    /// `managedFields` is left out, as by kubectl since 1.21; everything else stays. Arguments of containers stay too: everybody
    /// on the node can read them (`/proc/PID/cmdline`), and without them the YAML of a pod is of little use.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not a JSON object.
    pub fn decode(body: &[u8], mask: bool) -> Result<Self, DecodeError> {
        let mut value = json_value::object(body, "an object")?;
        if let Some(metadata) = value.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let mut values = Values { masked: mask, ..Values::default() };
        values.count_and_mask(&mut value);
        let mut invisible = 0;
        show_invisible(&mut value, &mut invisible);
        // Without this a text over 80 characters becomes a folded block, which is hard to read and to search.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let text = serde_saphyr::to_string_with_options(&value, options)
            .map_err(|error| refuse("an object", &error.to_string(), body))?;
        let mut cut = 0;
        let lines = text.lines().map(|line| {
            let line = spell_out(line);
            cut += u32::from(line.chars().nth(CAP).is_some());
            Clean::new(&line)
        });
        let lines = lines.collect();
        Ok(Self { lines, cut, bytes: body.len() as u64, invisible, values })
    }
}

impl Values {
    /// Counts the values below `value` that may be secret, and masks them if requested.
    fn count_and_mask(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.count_and_mask(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    match key.as_str() {
                        "env" | "httpHeaders" => self.count_and_mask_named(key == "env", value),
                        "annotations" => self.count_and_mask_annotations(value),
                        _ => {}
                    }
                    self.count_and_mask(value);
                }
            }
            _ => {}
        }
    }

    /// Counts and masks the values in a list of names and values.
    fn count_and_mask_named(&mut self, env: bool, list: &mut Value) {
        for item in list.as_array_mut().into_iter().flatten() {
            if let Some(value) = item.get_mut("value").filter(|value| is_not_empty(value)) {
                self.count_and_mask_value(env, value);
            }
        }
    }

    fn count_and_mask_annotations(&mut self, annotations: &mut Value) {
        for (key, value) in annotations.as_object_mut().into_iter().flatten() {
            if APPLIED.iter().any(|word| key.contains(word)) && is_not_empty(value) {
                self.count_and_mask_value(false, value);
            }
        }
    }

    fn count_and_mask_value(&mut self, env: bool, value: &mut Value) {
        let count = if env { &mut self.env } else { &mut self.other };
        *count = count.saturating_add(1);
        if self.masked {
            *value = Value::String(MASK.to_owned());
        }
    }
}

fn is_not_empty(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

/// Replaces invisible characters by placeholders, so that the YAML writer neither drops nor quotes them, and counts them.
fn show_invisible(value: &mut Value, count: &mut u32) {
    match value {
        Value::String(text) => {
            if let Some(shown) = with_placeholders(text, count) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| show_invisible(item, count)),
        Value::Object(map) => {
            let entries = std::mem::replace(map, Map::new());
            for (key, mut value) in entries {
                show_invisible(&mut value, count);
                map.insert(with_placeholders(&key, count).unwrap_or(key), value);
            }
        }
        _ => {}
    }
}

/// Replaces invisible characters in `text` by placeholders; `None` without any. Line breaks and tabs belong to the YAML.
fn with_placeholders(text: &str, count: &mut u32) -> Option<String> {
    let is_hidden = |c: char| {
        !matches!(c, '\n' | '\t') && (c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}'))
    };
    if !text.contains(is_hidden) {
        return None;
    }
    let replace = |c: char| {
        if !is_hidden(c) {
            return c;
        }
        *count = count.saturating_add(1);
        let code = u32::from(c);
        // The last two codes of a plane are not characters, so neither is an invisible one.
        let plane = PLACEHOLDERS[usize::from(code > 0xFFFF)];
        char::from_u32(plane + (code & 0xFFFF)).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    Some(text.chars().map(replace).collect())
}

/// Spells out the placeholders of a line as YAML escapes: `\u202E`.
fn spell_out(line: &str) -> String {
    let mut spelled = String::with_capacity(line.len());
    for c in line.chars() {
        let code = u32::from(c);
        match (code & !0xFFFF, code & 0xFFFF) {
            (plane, low) if plane == PLACEHOLDERS[0] => _ = write!(spelled, "\\u{low:04X}"),
            // The invisible characters beyond the first plane are in two planes: music and shorthand, and tags.
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
