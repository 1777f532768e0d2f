//! The JSON schemas in `assets`, and the output of the program: each field of one is in the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use watchbell::facts::text::Clean;
use watchbell::msg::{AlertHits, AlertNews, HitGang, HitNamespace, HitsState};
use watchbell::notify;

use crate::rig::{TestServer, snapshot};

/// Keywords that annotate, or that others take care of.
const ANNOTATIONS: [&str; 7] = ["$schema", "$defs", "title", "description", "format", "minimum", "pattern"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/{name}.schema.json"))
}

fn schema(name: &str) -> Value {
    serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap()
}

/// A schema of the draft 2020-12, as far as ours use it, and stricter: a field that it does not name is an error.
struct JsonSchema<'s> {
    root: &'s Value,
}

impl JsonSchema<'_> {
    /// Adds each difference between a value and a schema to `found`.
    fn check(&self, at: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
        for (keyword, expected) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let pointer = expected.as_str().unwrap().strip_prefix('#').unwrap();
                    self.check(at, self.root.pointer(pointer).unwrap(), value, found);
                }
                "type" if !is_of_type(expected, value) => found.push(format!("{at}: {value} is not {expected}")),
                "const" if expected != value => found.push(format!("{at}: {value} is not {expected}")),
                "enum" if !expected.as_array().unwrap().contains(value) => {
                    found.push(format!("{at}: {value} is none of {expected}"));
                }
                "anyOf" => self.check_any(at, expected, value, found),
                "required" if value.is_object() => {
                    let missing = expected.as_array().unwrap().iter().filter(|name| value.get(text(name)).is_none());
                    found.extend(missing.map(|name| format!("{at}: no {name}")));
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(&format!("{at}[{index}]"), expected, item, found);
                    }
                }
                "properties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        match expected.get(name) {
                            Some(schema) => self.check(&format!("{at}.{name}"), schema, field, found),
                            None => found.push(format!("{at}: the schema does not name {name}")),
                        }
                    }
                }
                "additionalProperties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        self.check(&format!("{at}.{name}"), expected, field, found);
                    }
                }
                "type" | "const" | "enum" | "required" => {}
                keyword if ANNOTATIONS.contains(&keyword) => {}
                unknown => panic!("this test does not know the keyword {unknown}"),
            }
        }
    }

    fn check_any(&self, at: &str, schemas: &Value, value: &Value, found: &mut Vec<String>) {
        let of = |schema| {
            let mut found = Vec::new();
            self.check(at, schema, value, &mut found);
            found
        };
        let all: Vec<Vec<String>> = schemas.as_array().unwrap().iter().map(of).collect();
        if !all.iter().any(Vec::is_empty) {
            found.extend(all.into_iter().next().unwrap());
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn is_of_type(expected: &Value, value: &Value) -> bool {
    match expected {
        Value::Array(types) => types.iter().any(|one| is_of_type(one, value)),
        name => match text(name) {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("no type {other}"),
        },
    }
}

/// Asserts that a document is what the schema says, and has no field that the schema does not name.
fn assert_is(name: &str, document: &Value) {
    let root = schema(name);
    let mut found = Vec::new();
    JsonSchema { root: &root }.check(name, &root, document, &mut found);
    found.truncate(20);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Asserts that the output of `watchbell snapshot -o json` is what the schema says.
pub(crate) fn assert_is_snapshot(document: &Value) {
    assert_is("snapshot", document);
}

/// Every object of a schema, itself included.
fn objects<'s>(schema: &'s Value, found: &mut Vec<&'s Value>) {
    if schema.get("properties").is_some_and(Value::is_object) {
        found.push(schema);
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| objects(field, found)),
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        _ => {}
    }
}

/// So that a field of the schema that the program does not write is found wherever an object of its kind is written.
#[test]
fn every_field_of_a_schema_is_always_there() {
    for name in ["snapshot", "alerts"] {
        let root = schema(name);
        let mut all = Vec::new();
        objects(&root, &mut all);
        assert!(!all.is_empty(), "{name} has objects");
        for object in all {
            let mut required: Vec<&str> = object["required"].as_array().unwrap().iter().map(text).collect();
            required.sort_unstable();
            let named = object["properties"].as_object().unwrap().keys().map(String::as_str);
            assert_eq!(named.collect::<Vec<_>>(), required, "{name}");
        }
    }
}

#[test]
fn the_alerts_of_the_hook_are_what_their_schema_says() {
    let gang = |wanted: Option<u32>| HitGang {
        namespace: Clean::new("train"),
        name: Clean::new("llm-70b"),
        kind: Clean::new("PyTorchJob"),
        hit: 1,
        wanted,
        wanted_at_least: wanted.is_none().then_some(3),
    };
    let hits = AlertHits {
        pods: 19,
        at_most: false,
        accelerators: 8,
        gangs: vec![gang(Some(64)), gang(None)],
        more_gangs: 0,
        namespaces: vec![HitNamespace { name: Clean::new("train"), pods: 19 }],
        more_namespaces: 0,
    };
    let news = |subject: Option<&str>| AlertNews {
        cluster: Clean::new("prod-a"),
        severity: Clean::new("critical"),
        reason: Clean::new("NodeNotReady"),
        subject: subject.map(Clean::new),
        text: Clean::new("node-7 NotReady"),
        since: "2026-11-30T14:02:00Z".parse().unwrap(),
        hits: subject.map(|_| hits.clone()),
        hits_state: if subject.is_some() { HitsState::AtLeast } else { HitsState::Denied },
    };
    let sent = notify::json(&[news(Some("node-7")), news(None)]);
    assert_is("alerts", &serde_json::from_str(&sent).unwrap());
}

/// A validator of the whole draft, where there is one: it evaluates patterns and limits too.
#[test]
fn a_validator_in_another_language_agrees() {
    let program = "import json, sys, jsonschema\n\
        schema, document = (json.load(open(name)) for name in sys.argv[1:])\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(document))\n\
        sys.exit('\\n'.join(error.json_path + ': ' + error.message for error in errors[:20]) or 0)";
    if !Command::new("python3").args(["-c", "import jsonschema"]).output().is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 has no jsonschema");
        return;
    }
    for name in ["small", "zoo"] {
        let served = TestServer::scenario(name);
        let (json, _) = snapshot(&served, &[]);
        let document = served.dir.path().join("document.json");
        fs::write(&document, json.to_string()).unwrap();
        let output =
            Command::new("python3").args(["-c", program]).arg(path("snapshot")).arg(&document).output().unwrap();
        assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
        assert_is_snapshot(&json);
    }
}
