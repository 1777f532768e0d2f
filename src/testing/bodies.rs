//! Properties that each decoder must have for arbitrary bytes. The fuzz targets and the test of the corpus both run these.

use std::fmt;
use std::io::Write;

use crate::cluster::kubeconfig::{Selection, Sources, load};
use crate::facts::event::{self, EventFacts};
use crate::facts::node::{self, NodeFacts};
use crate::facts::pod::{self, PodBatch, PodList};
use crate::facts::quantity::Quantity;
use crate::facts::text::{CAP, Clean, sanitize};
use crate::facts::wire::{DecodeError, ListHead, bookmark_version, decode_frame, decode_proto_frame, decode_status};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Decodes the bytes as nodes in JSON: as a list, as an object and as a line of a watch.
pub fn node_json(bytes: &[u8]) {
    nodes(bytes);
    if let Ok(frame) = decode_frame(bytes) {
        nodes(frame.object);
    }
}

/// Decodes the bytes as pods in JSON: as a list, as an object and as a line of a watch.
pub fn pod_json(bytes: &[u8]) {
    pods(bytes);
    if let Ok(frame) = decode_frame(bytes) {
        pods(frame.object);
    }
}

/// Compares the JSON decoders with `serde_json`: a document that `serde_json` accepts gives the same result as its normalised form
/// does, and one that it calls truncated is an error here too.
pub fn json(bytes: &[u8]) {
    match serde_json::from_slice::<Plain>(bytes) {
        Ok(Plain(value)) => {
            let anew = value.to_string();
            let (mut as_it_came, mut as_it_is) = (PodBatch::default(), PodBatch::default());
            let heads = (pod::decode_list(bytes, &mut as_it_came), pod::decode_list(anew.as_bytes(), &mut as_it_is));
            assert_eq!((heads.0.ok(), as_it_came), (heads.1.ok(), as_it_is));
            let nodes = |body: &[u8]| {
                let mut nodes = Vec::new();
                node::decode_list(body, |node| nodes.push(node)).ok().map(|head| (head, nodes))
            };
            assert_eq!(nodes(bytes), nodes(anew.as_bytes()));
            check_frame(bytes);
        }
        Err(error) if error.is_eof() => {
            assert!(pod::decode_list(bytes, &mut PodBatch::default()).is_err());
            assert!(node::decode_list(bytes, |_| ()).is_err());
            assert!(decode_frame(bytes).is_err());
        }
        Err(_) => {}
    }
}

/// Checks that the object of a frame begins and ends where `serde_json` finds it.
fn check_frame(bytes: &[u8]) {
    #[derive(Deserialize)]
    struct WatchFrame<'a> {
        #[serde(borrow)]
        object: &'a RawValue,
    }
    if let (Ok(frame), Ok(expected)) = (decode_frame(bytes), serde_json::from_slice::<WatchFrame<'_>>(bytes)) {
        assert_eq!(frame.object, expected.object.get().as_bytes());
    }
}

/// Decodes the bytes as nodes in protobuf: as a whole body, and as the message of a list, of an object and of a frame.
pub fn node_proto(bytes: &[u8]) {
    for body in wrapped(bytes, "v1", "Node") {
        nodes(&body);
    }
    if let Ok(frame) = decode_proto_frame(bytes) {
        nodes(frame.object);
    }
}

/// Decodes the bytes as pods in protobuf: as a whole body, and as the message of a list, of an object and of a frame.
pub fn pod_proto(bytes: &[u8]) {
    for body in wrapped(bytes, "v1", "Pod") {
        pods(&body);
    }
    if let Ok(frame) = decode_proto_frame(bytes) {
        pods(frame.object);
    }
}

/// Decodes the bytes as events of both API groups, in JSON or protobuf: as a whole body, and as the message of a list, of an object
/// and of a frame.
pub fn event(bytes: &[u8]) {
    for version in ["v1", "events.k8s.io/v1"] {
        for body in wrapped(bytes, version, "Event") {
            events(&body);
        }
    }
    for frame in [decode_frame(bytes), decode_proto_frame(bytes)].into_iter().flatten() {
        events(frame.object);
    }
}

/// Parses a quantity and checks its sign, its rounding, and that it is the same when written in billionths.
pub fn quantity(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = Quantity::parse(&text) else { return };
    assert_eq!(Quantity::parse(&format!("{}n", read.nano())), Ok(read), "{text:?} in billionths");
    if !text.starts_with(['-', '+']) {
        assert!(read >= Quantity::ZERO, "{text:?}");
        assert_eq!(Quantity::parse(&format!("+{text}")), Ok(read), "+{text:?}");
        assert_eq!(Quantity::parse(&format!("-{text}")), Ok(Quantity::ZERO - read), "-{text:?}");
    }
    // `value` rounds away from zero and saturates.
    let exact = read.nano() / 1_000_000_000;
    assert!(
        i128::from(read.value()) == exact
            || i128::from(read.value()) == exact + read.nano().signum()
            || exact.unsigned_abs() >= i64::MAX as u128
    );
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?} is not in the grammar");
}

/// Cleans a text and checks that the result is harmless for a terminal, and that cleaning it again changes nothing.
pub fn text(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    let clean = sanitize(&raw);
    assert_clean(&clean);
    assert_eq!(sanitize(&clean), clean, "twice");
    assert_eq!(&*Clean::new(&raw), &*clean);
}

/// Loads a kubeconfig and checks that every context is usable or has a clean text of the reason.
pub fn kubeconfig(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file can be written");
    let sources = Sources { flag: Some(file.path().to_owned()), ..Sources::default() };
    for all in [false, true] {
        match load(&sources, &Selection { contexts: Vec::new(), all }) {
            Ok(targets) => {
                assert!(!targets.is_empty());
                for target in targets {
                    assert_clean(target.context());
                    assert_clean(target.server().unwrap_or_default());
                    assert_clean(target.broken().map_or("", Clean::as_str));
                    assert!(target.broken().is_some() || target.server().is_some(), "usable without a server");
                }
            }
            Err(error) => {
                let words = error.to_string();
                assert_clean(&words);
                assert!(!words.is_empty());
            }
        }
    }
}

/// Decodes a body with every decoder for nodes.
fn nodes(body: &[u8]) {
    let mut listed: Vec<NodeFacts> = Vec::new();
    let head = node::decode_list(body, |node| listed.push(node));
    check_head(head, listed.len());
    listed.iter().for_each(sound);
    match node::decode_object(body) {
        Ok(node) => sound(&node),
        Err(error) => assert_clean(&error.text),
    }
    others(body);
}

fn pods(body: &[u8]) {
    let mut listed = PodBatch::default();
    let head = pod::decode_list(body, &mut listed);
    for size in [7, 100 << 10] {
        let mut pieces = PodList::default();
        body.chunks(size).for_each(|piece| pieces.take(piece));
        assert_eq!(pieces.end().ok(), head.clone().ok().map(|head| (head, listed.clone())), "in pieces of {size}");
    }
    check_head(head, listed.len());
    let mut one = PodBatch::default();
    match pod::decode_object(body, true, &mut one) {
        Ok(()) => assert_eq!(one.len(), 1),
        Err(error) => assert_clean(&error.text),
    }
    for (pod, _) in listed.iter().chain(one.iter()) {
        assert!(!pod.name.is_empty());
        assert!(pod.ready <= pod.containers, "{} of {} containers are ready", pod.ready, pod.containers);
        for text in [pod.namespace, pod.name, pod.node, pod.owner_kind, pod.owner_name, pod.reason] {
            assert_clean(text);
        }
        pod.requests.others.iter().for_each(|(name, _)| assert_clean(name));
        assert_eq!(pod.requests.amount("cpu"), pod.requests.cpu);
    }
    others(body);
}

fn events(body: &[u8]) {
    let sound = |event: &EventFacts| {
        assert!(event.count > 0, "it happened");
        for text in [&event.kind, &event.reason, &event.note, &event.controller, &event.part] {
            assert_clean(text);
        }
    };
    match event::decode_page(body) {
        Ok(page) => {
            page.events.iter().for_each(sound);
            let most = page.events.len() / 2 + 1;
            let reported = event::digest(page.events.iter(), most);
            assert!(reported.len() <= most && reported.is_empty() == page.events.is_empty());
            assert!(reported.is_sorted_by(|one, next| one.last >= next.last), "the newest come first");
        }
        Err(error) => assert_clean(&error.text),
    }
    match EventFacts::decode(body) {
        Ok(event) => sound(&event),
        Err(error) => assert_clean(&error.text),
    }
    others(body);
}

fn others(body: &[u8]) {
    let _ = bookmark_version(body);
    if let Some(status) = decode_status(body) {
        assert_clean(&format!("{status:?}"));
    }
}

fn check_head(head: Result<ListHead, DecodeError>, handed: usize) {
    match head {
        Ok(head) => assert_eq!(head.objects as usize, handed, "the head counts what was handed over"),
        Err(error) => assert_clean(&error.text),
    }
}

fn sound(node: &NodeFacts) {
    assert!(!node.name.is_empty());
    assert!(node.labels.is_sorted(), "labels are searched by halves");
    let (readiness, since) = node.readiness();
    assert!(since.is_none() || node.conditions.iter().any(|condition| &*condition.kind == "Ready"), "{readiness:?}");
    for (key, value) in &node.labels {
        assert_clean(key);
        assert_clean(value);
        assert!(node.label(key).is_some());
    }
    for role in node.roles() {
        assert_clean(&role);
        assert!(!role.is_empty());
    }
    for condition in &node.conditions {
        for text in [&condition.kind, &condition.reason, &condition.message] {
            assert_clean(text);
        }
    }
    for text in [&node.name, &node.kubelet, &node.os_image, &node.kernel, &node.runtime, &node.internal_ip] {
        assert_clean(text);
    }
}

/// The bytes as they are, and in protobuf envelopes: as a list, as an item of a list, and as an object.
fn wrapped(bytes: &[u8], version: &str, kind: &str) -> Vec<Vec<u8>> {
    let envelope = |kind: &str, message: &[u8]| {
        let mut body = b"k8s\0".to_vec();
        put(&mut body, 1, &{
            let mut meta = Vec::new();
            put(&mut meta, 1, version.as_bytes());
            put(&mut meta, 2, kind.as_bytes());
            meta
        });
        put(&mut body, 2, message);
        body
    };
    let mut item = Vec::new();
    put(&mut item, 2, bytes);
    let list = format!("{kind}List");
    vec![bytes.to_vec(), envelope(&list, bytes), envelope(&list, &item), envelope(kind, bytes)]
}

/// Appends a length-delimited field: its tag, its length as a varint, and the bytes.
fn put(message: &mut Vec<u8>, number: u8, value: &[u8]) {
    message.push(number << 3 | 2);
    let mut length = value.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).expect("seven bits"));
    message.extend_from_slice(value);
}

/// Checks that a text has none of the characters that `docs/security.md` forbids: a slow second implementation of the cleaner's rules.
fn assert_clean(text: &str) {
    let chars: Vec<char> = text.chars().collect();
    let mut marks = 0;
    for (at, c) in chars.iter().copied().enumerate() {
        assert!(!c.is_control(), "a control character in {text:?}");
        let turns =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!turns, "a bidi control in {text:?}");
        let hides = matches!(c, '\u{200b}' | '\u{200c}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\u{180e}');
        assert!(!hides, "an invisible character in {text:?}");
        assert!(!matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{2028}' | '\u{2029}'), "{text:?}");
        let lone = c == '\u{200d}'
            && (at == 0 || at + 1 == chars.len() || chars[at + 1].is_ascii() || chars[at - 1].is_ascii());
        assert!(!lone, "a joiner that joins nothing in {text:?}");
        marks = if matches!(c, '\u{300}'..='\u{36f}' | '\u{489}' | '\u{fe20}'..='\u{fe2f}') { marks + 1 } else { 0 };
        assert!(marks <= 4, "a flood of marks in {text:?}");
    }
    assert!(chars.len() <= CAP * 4, "{} characters", chars.len());
}

/// A document without duplicate keys in an object and without fractions, which every JSON reader understands in the same way.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain document")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }
    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(int.into())
    }
    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(int.into())
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Plain(element)) = seq.next_element()? {
            elements.push(element);
        }
        Ok(elements.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = serde_json::Map::new();
        while let Some((key, Plain(value))) = map.next_entry::<String, _>()? {
            if fields.insert(key, value).is_some() {
                return Err(A::Error::custom("a key that comes twice"));
            }
        }
        Ok(fields.into())
    }
}
