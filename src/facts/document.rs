//! An object as YAML, the way `kubectl get -o yaml` prints it: keys in order of the alphabet, without `managedFields`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::loose;
use super::text::{CAP, Clean};
use super::wire::{DecodeError, refuse};

/// An object written as YAML, line by line safe for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The lines; one longer than [`CAP`] characters is cut and ends with `…`.
    pub lines: Vec<Clean>,
    /// Lines that were cut.
    pub cut: u32,
    /// Bytes of the JSON that it was made of.
    pub bytes: u64,
}

impl Document {
    /// Writes the JSON of one object as YAML.
    ///
    /// `managedFields` is left out, as by kubectl since 1.21; everything else stays, also
    /// `kubectl.kubernetes.io/last-applied-configuration`.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is no JSON object.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut value = loose::object(body, "an object")?;
        if let Some(metadata) = value.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        // Without this a text over 80 characters becomes a folded block, which is hard to read and to search.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let text = serde_saphyr::to_string_with_options(&value, options)
            .map_err(|error| refuse("an object", &error.to_string(), body))?;
        let mut cut = 0;
        let lines = text.lines().map(|line| {
            cut += u32::from(line.chars().nth(CAP).is_some());
            Clean::new(line)
        });
        let lines = lines.collect();
        Ok(Self { lines, cut, bytes: body.len() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str) -> Vec<String> {
        Document::decode(json.as_bytes()).unwrap().lines.iter().map(ToString::to_string).collect()
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
        assert!(text.contains("[2J"), "what it was can still be seen: {text}");
    }

    #[test]
    fn a_line_without_end_is_cut_and_counted() {
        let json = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(300_000));
        let document = Document::decode(json.as_bytes()).unwrap();
        assert_eq!((document.lines.len(), document.cut, document.bytes), (2, 1, json.len() as u64));
        assert!(document.lines[0].ends_with('…') && document.lines[0].chars().count() <= CAP);
        assert_eq!(&*document.lines[1], "b: 1");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["[]", "null", "<html>", "{\"a\":"] {
            assert!(Document::decode(body.as_bytes()).is_err(), "{body}");
        }
    }
}
