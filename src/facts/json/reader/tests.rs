use proptest::prelude::*;
use serde_json::{Number, Value};

use super::*;

/// A document as somebody may write it: white space anywhere, and characters escaped or not.
#[derive(Clone, Debug)]
enum Written {
    Word(&'static str),
    Int(i64),
    Text(Vec<(char, bool)>),
    Array(Vec<Written>),
    Object(Vec<(Vec<(char, bool)>, Written)>),
}

fn text() -> impl Strategy<Value = Vec<(char, bool)>> {
    let special = prop::sample::select(vec!['"', '\\', '/', '\n', '\u{0}', '{', '}', '[', ']', ':', ',', 'é', '😀']);
    prop::collection::vec((prop_oneof![special, any::<char>(), prop::char::range('a', 'z')], any::<bool>()), 0..9)
}

fn written() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false", "0", "-1", "0.5", "25e-2", "1E+3"]).prop_map(Written::Word),
        any::<i64>().prop_map(Written::Int),
        text().prop_map(Written::Text),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Written::Array),
            prop::collection::vec((text(), inner), 0..5).prop_map(Written::Object),
        ]
    })
}

/// Writes what comes next, with white space as `spaces` says.
fn write(document: &Written, spaces: &mut impl Iterator<Item = &'static str>, out: &mut String) {
    let mut space = |out: &mut String| out.push_str(spaces.next().unwrap_or_default());
    space(out);
    match document {
        Written::Word(word) => out.push_str(word),
        Written::Int(int) => out.push_str(&int.to_string()),
        Written::Text(text) => quote(text, out),
        Written::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(element, spaces, out);
            }
            out.push(']');
        }
        Written::Object(fields) => {
            out.push('{');
            for (at, (key, value)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                quote(key, out);
                out.push_str(spaces.next().unwrap_or_default());
                out.push(':');
                write(value, spaces, out);
            }
            out.push('}');
        }
    }
    out.push_str(spaces.next().unwrap_or_default());
}

fn quote(text: &[(char, bool)], out: &mut String) {
    out.push('"');
    for (c, escaped) in text {
        match c {
            '"' | '\\' if !escaped => out.extend(['\\', *c]),
            c if *escaped || *c < ' ' => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")));
            }
            c => out.push(*c),
        }
    }
    out.push('"');
}

fn document() -> impl Strategy<Value = String> {
    let spaces = prop::collection::vec(prop::sample::select(vec!["", "", " ", "\n\t", "\r\n  "]), 0..30);
    (written(), spaces).prop_map(|(document, spaces)| {
        let mut out = String::new();
        write(&document, &mut spaces.into_iter(), &mut out);
        out
    })
}

/// A zero has no sign to us; `serde_json` reads `-0` as a float.
fn unsigned(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::from(0),
        Value::Array(values) => values.into_iter().map(unsigned).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, unsigned(value))).collect(),
        value => value,
    }
}

#[test]
fn a_negative_zero_is_zero() {
    for zero in ["-0", "[-0]", r#"{"a":-0}"#] {
        let expected: Value = serde_json::from_str(&zero.replace('-', "")).unwrap();
        assert_eq!(from_slice::<Value>(zero.as_bytes()).unwrap(), expected, "{zero}");
    }
}

proptest! {
    #[test]
    fn a_document_reads_as_serde_json_reads_it(text in document()) {
        let expected: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(from_slice::<Value>(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_value_that_is_skipped_ends_where_serde_json_says(text in document()) {
        let around = format!(r#"{{"skipped":{text},"kept":[7]}}"#);
        let mut reader = JsonReader::new(&around.as_bytes()[r#"{"skipped":"#.len()..]);
        prop_assert_eq!(reader.skip().unwrap(), text.trim().as_bytes());
        reader.expect(b',', "").unwrap();
        prop_assert_eq!(reader.key().unwrap(), "kept");
        prop_assert_eq!(reader.skip().unwrap(), b"[7]");
        reader.expect(b'}', "").unwrap();
        reader.end().unwrap();
    }

    #[test]
    fn a_document_that_is_cut_anywhere_is_an_error_kept_or_skipped(text in document()) {
        let whole = format!("[{}]", text.trim());
        for end in 0..whole.len() {
            let cut = &whole.as_bytes()[..end];
            prop_assert!(from_slice::<Value>(cut).is_err(), "cut at {} of {}", end, whole);
            prop_assert!(JsonReader::new(cut).skip().is_err(), "cut at {} of {}", end, whole);
        }
    }

    #[test]
    fn any_bytes_end_in_a_value_or_in_an_error(bytes in prop::collection::vec(prop_oneof![prop::sample::select(b"{}[]\",:\\u0e-n".to_vec()), any::<u8>()], 0..40)) {
        let read = from_slice::<Value>(&bytes);
        if let Ok(expected) = serde_json::from_slice::<Value>(&bytes) {
            prop_assert_eq!(unsigned(read.unwrap()), unsigned(expected));
        }
        let skipped = JsonReader::new(&bytes).skip();
        if serde_json::from_slice::<de::IgnoredAny>(&bytes).is_err_and(|error| error.is_eof()) {
            // A number or a word may be all there even so.
            let has_an_end = matches!(JsonReader::new(&bytes).peek(), Ok(b'{' | b'[' | b'"'));
            prop_assert!(skipped.is_err() || !has_an_end);
        }
    }
}

#[test]
fn numbers_are_read_as_json_writes_them() {
    for (text, expected) in [
        ("0", Some(0.0)),
        ("-0", Some(0.0)),
        ("12", Some(12.0)),
        ("-7", Some(-7.0)),
        ("1.5", Some(1.5)),
        ("-2.5e-1", Some(-0.25)),
        ("1e3", Some(1000.0)),
        ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
        ("1e999", None),
        ("01", None),
        ("-", None),
        ("+1", None),
        ("1.", None),
        (".5", None),
        ("1e", None),
        ("1e+", None),
        ("0x10", None),
        ("NaN", None),
        ("tru", None),
        ("nulls", None),
    ] {
        let read = from_slice::<Value>(text.as_bytes()).ok().and_then(|value| value.as_f64());
        assert_eq!(read, expected, "{text}");
    }
    assert_eq!(from_slice::<Value>(b"18446744073709551615"), Ok(Value::Number(Number::from(u64::MAX))));
    assert_eq!(from_slice::<Value>(b"-9223372036854775808"), Ok(Value::Number(Number::from(i64::MIN))));
}

#[test]
fn escapes_that_cannot_be_are_errors_where_they_are_kept() {
    for bad in [r"\u12", r"\u12g4", r"\x", r"\u+123", r"\ud800\x", r"\ud800\u12"] {
        let text = format!("\"{bad}\"");
        assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{bad}");
        assert_eq!(JsonReader::new(text.as_bytes()).skip(), Ok(text.as_bytes()), "{bad} is passed over");
    }
    assert_eq!(from_slice::<Value>(br#""\ud83d\ude00 \b\f\n\r\t\/\\\"""#).unwrap(), "😀 \u{8}\u{c}\n\r\t/\\\"");
}

/// The rows are what `json.Unmarshal` of Go makes of them.
#[test]
fn half_of_a_surrogate_pair_costs_only_its_own_letter() {
    for (raw, text) in [
        (r"cut \ud83d", "cut \u{fffd}"),
        (r"\udc00", "\u{fffd}"),
        (r"\ud800x", "\u{fffd}x"),
        (r"\ud800\n", "\u{fffd}\n"),
        (r"\ud800\u0041", "\u{fffd}A"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\\ud83d \ud83d\\", "\\ud83d \u{fffd}\\"),
        (r"\uD83D\uDE00 \uD83D", "😀 \u{fffd}"),
    ] {
        let json = format!("{{\"{raw}\":\"{raw}\"}}");
        let both = serde_json::json!({ text: text });
        assert_eq!(from_slice::<Value>(json.as_bytes()).as_ref(), Ok(&both), "{raw}");
        assert_eq!(crate::facts::read_json::<Value>(json.as_bytes()).unwrap(), both, "{raw}, by another parser");
    }
    let odd = b"{\"a\":\"\xff \\ud83d\"}";
    assert_eq!(crate::facts::read_json::<Value>(odd).unwrap(), serde_json::json!({ "a": "\u{fffd} \u{fffd}" }));
    assert!(crate::facts::read_json::<Value>(br#"{"a":"\ud83d"#).is_err(), "cut short");
}

#[test]
fn what_is_no_json_is_an_error() {
    for bad in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "\"\\\"",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "1 2",
        "[]]",
        "}",
        "nul",
        "[1}",
        "{\"a\":1]",
        "<html>",
    ] {
        assert!(from_slice::<Value>(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn nesting_of_what_is_skipped_costs_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}7{}", open.repeat(1_000_000), close.repeat(1_000_000));
        assert_eq!(JsonReader::new(deep.as_bytes()).skip().map(<[u8]>::len), Ok(deep.len()));
        assert!(JsonReader::new(&deep.as_bytes()[..deep.len() - 1]).skip().is_err());
    }
}

#[test]
fn letters_that_are_not_utf8_cost_only_themselves() {
    assert_eq!(from_slice::<Value>(b"\"a\xff\\n\xe2\x82\"").unwrap(), "a\u{fffd}\n\u{fffd}");
    assert_eq!(from_slice::<Value>(b"\"tab\there\"").unwrap(), "tab\there");
}
