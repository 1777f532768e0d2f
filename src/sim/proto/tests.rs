//! Both forms of every simulated object have the same content.

use serde_json::Value;

use super::*;
use crate::facts::event::{EventFacts, decode_page};
use crate::facts::lease::LeaseFacts;
use crate::facts::object::OptionalFacts;
use crate::facts::pod::PodBatch;
use crate::facts::{node, pod, wire};
use crate::sim::tests::simulate;

/// Fields of an object that the schema does not have.
fn strangers(at: usize, path: &str, value: &Value, found: &mut Vec<String>) {
    for (name, held) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match SCHEMA.messages[at].iter().find(|field| field.name == name) {
            None => found.push(path),
            Some(ProtoField { kind: ProtoKind::Message(at), shape, .. }) if *shape != Shape::Map => {
                for held in held.as_array().map_or(std::slice::from_ref(held), Vec::as_slice) {
                    strangers(*at, &path, held, found);
                }
            }
            Some(_) => {}
        }
    }
}

#[test]
fn a_message_is_written_as_the_wire_format_says() {
    let json =
        br#"{"type":"Ready","status":"True","lastHeartbeatTime":null,"lastTransitionTime":"1970-01-01T00:02:30Z"}"#;
    let mut out = Vec::new();
    message("NodeCondition", json, &mut out).unwrap();
    // Field 4 is a Time of 150 s, which is 96 01 (https://protobuf.dev/programming-guides/encoding).
    assert_eq!(out, b"\x0a\x05Ready\x12\x04True\x22\x05\x08\x96\x01\x10\x00");
    out.clear();
    let json = br#"{"name":"v","configMap":{"name":"m","defaultMode":420}}"#;
    message("Volume", json, &mut out).unwrap();
    assert_eq!(out, b"\x0a\x01v\x12\x0b\x9a\x01\x08\x0a\x03\x0a\x01m\x18\xa4\x03");
    out.clear();
    message("ResourceRequirements", br#"{"requests":{"cpu":"1"},"limits":null}"#, &mut out).unwrap();
    assert_eq!(out, b"\x12\x0a\x0a\x03cpu\x12\x03\x0a\x011");
}

#[tokio::test]
async fn every_simulated_object_has_the_same_facts_in_both_forms_and_no_field_is_lost() {
    for name in ["small", "reference"] {
        let sim = simulate(name).await;
        let url = &sim.clusters()[0].url;
        for (path, message_name) in [
            ("/api/v1/pods", "Pod"),
            ("/api/v1/nodes", "Node"),
            ("/api/v1/namespaces", "Namespace"),
            ("/api/v1/events", "Event"),
            ("/apis/coordination.k8s.io/v1/leases", "Lease"),
            ("/apis/events.k8s.io/v1/events", "EventsV1Event"),
        ] {
            let json = crate::sim::tests::client::get(url, path).await.1;
            let at = SCHEMA.names[message_name];
            let (mut found, mut batches) = (Vec::new(), [PodBatch::default(), PodBatch::default()]);
            let mut nodes = [Vec::new(), Vec::new()];
            let (mut events, mut leases) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
            let (api_version, kind) =
                if message_name == "EventsV1Event" { ("events.k8s.io/v1", "Event") } else { ("v1", message_name) };
            let version = json["metadata"]["resourceVersion"].as_str().unwrap();
            for item in json["items"].as_array().unwrap() {
                strangers(at, message_name, item, &mut found);
                let text = item.to_string();
                let mut binary = Vec::new();
                envelope(api_version, kind, &mut binary, |out| message(message_name, text.as_bytes(), out).unwrap());
                assert_eq!(
                    wire::bookmark_version(&binary).as_deref(),
                    item["metadata"]["resourceVersion"].as_str(),
                    "{version}"
                );
                for (form, body) in [text.as_bytes(), &binary].into_iter().enumerate() {
                    match message_name {
                        "Pod" => pod::decode_object(body, false, &mut batches[form]).unwrap(),
                        "Node" => nodes[form].push(node::decode_object(body).unwrap()),
                        "Event" | "EventsV1Event" => events[form].push(EventFacts::decode(body).unwrap()),
                        "Lease" => leases[form].push(LeaseFacts::decode_object(body).unwrap()),
                        _ => {}
                    }
                }
            }
            assert_eq!(found, [""; 0], "{name}: fields that the schema does not know");
            assert_eq!(batches[0], batches[1], "{name}");
            assert_eq!(nodes[0], nodes[1], "{name}");
            assert_eq!(events[0], events[1], "{name}");
            assert_eq!(leases[0], leases[1], "{name}");
        }
    }
}

/// `Accept` of a client that reads both forms of a watch.
const WATCH: &str = "Accept: application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch\r\n";

/// The first object of a watch in protobuf.
async fn added(url: &str, path: &str) -> Vec<u8> {
    let path = format!("{path}?watch=1&resourceVersion=0&timeoutSeconds=30");
    let mut answer = crate::sim::tests::client::open(url, &path, WATCH).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/vnd.kubernetes.protobuf;stream=watch"));
    answer.more().await.unwrap();
    let bytes = answer.take();
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    let frame = wire::decode_proto_frame(&rest[..u32::from_be_bytes(*length) as usize]).unwrap();
    assert_eq!(frame.kind, wire::WatchType::Added);
    frame.object.to_vec()
}

#[tokio::test]
async fn lists_and_watches_speak_protobuf_to_those_who_ask() {
    let sim = simulate("small").await;
    let url = &sim.clusters()[0].url;
    let accept = "Accept: application/vnd.kubernetes.protobuf,application/json\r\n";
    let mut answer = crate::sim::tests::client::open(url, "/api/v1/pods?limit=3", accept).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/vnd.kubernetes.protobuf"));
    let body = answer.body().await.unwrap();
    let mut batch = PodBatch::default();
    let head = pod::decode_list(&body, &mut batch).unwrap();
    assert_eq!((head.objects, head.unreadable, head.continue_token.is_empty()), (3, 0, false));
    let json = crate::sim::tests::client::get(url, "/api/v1/pods?limit=3").await.1;
    assert_eq!(head.remaining, json["metadata"]["remainingItemCount"].as_u64());

    assert!(!node::decode_object(&added(url, "/api/v1/nodes").await).unwrap().name.is_empty());

    let path = "/api/v1/nodes?watch=1&resourceVersion=1";
    let bytes = crate::sim::tests::client::open(url, path, WATCH).await.unwrap().body().await.unwrap();
    let frame = wire::decode_proto_frame(&bytes[4..]).unwrap();
    assert_eq!((frame.kind, wire::decode_status(frame.object).unwrap().code), (wire::WatchType::Error, 410));
}

#[tokio::test]
async fn events_of_either_group_say_the_same_in_either_form() {
    let sim = simulate("reference").await;
    let url = &sim.clusters()[0].url;
    for group in ["/api/v1", "/apis/events.k8s.io/v1"] {
        let path = format!("{group}/events?limit=20");
        let mut pages = Vec::new();
        for accept in ["application/vnd.kubernetes.protobuf,application/json", "application/json"] {
            let mut answer =
                crate::sim::tests::client::open(url, &path, &format!("Accept: {accept}\r\n")).await.unwrap();
            assert_eq!(answer.header("content-type"), accept.split(',').next(), "{path}");
            pages.push(decode_page(&answer.body().await.unwrap()).unwrap());
        }
        let [binary, text] = &*pages else { panic!("two pages") };
        assert_eq!((binary.events.len(), binary.unreadable), (20, 0), "{path}");
        assert!(binary.events.iter().all(|event| event.about.is_some() && event.last.is_some()), "{path}");
        assert_eq!((&binary.events, &binary.version), (&text.events, &text.version), "{path}");
        assert_eq!(binary.token.is_empty(), text.token.is_empty(), "{path}");

        let watched = added(url, &format!("{group}/events")).await;
        assert!(binary.events.contains(&EventFacts::decode(&watched).unwrap()), "{path}");
    }
}

#[tokio::test]
async fn a_compressed_list_is_whole_wherever_its_pieces_end() {
    use std::io::Read as _;

    let sim = simulate("reference").await;
    let url = &sim.clusters()[0].url;
    let headers = "Accept: application/vnd.kubernetes.protobuf\r\nAccept-Encoding: gzip\r\n";
    let mut compressed = 0;
    // 128 KiB, from where on answers are compressed, lie among these; so does a page that ends right there.
    for limit in 8..=32 {
        let path = format!("/api/v1/pods?limit={limit}");
        let mut answer = crate::sim::tests::client::open(url, &path, headers).await.unwrap();
        let mut body = answer.body().await.unwrap();
        if answer.header("content-encoding") == Some("gzip") {
            compressed += 1;
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&*body).read_to_end(&mut plain).unwrap();
            body = plain;
        }
        let head = pod::decode_list(&body, &mut PodBatch::default()).unwrap();
        assert_eq!((head.objects, head.unreadable), (limit, 0));
    }
    assert!(compressed > 5, "{compressed}");
}
