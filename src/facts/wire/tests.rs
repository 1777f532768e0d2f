use proptest::prelude::*;

use super::*;
use crate::facts::node;
use crate::facts::pod::{self, PodBatch};

fn names(batch: &PodBatch) -> Vec<&str> {
    batch.iter().map(|(pod, _)| pod.name).collect()
}

#[test]
fn a_uuid_is_its_128_bits_and_any_other_text_its_fnv_hash() {
    let uuid = "0fc6c3e4-1a2b-4c3d-8e9f-0123456789ab";
    assert_eq!(Uid::parse(uuid), Uid(0x0fc6_c3e4_1a2b_4c3d_8e9f_0123_4567_89ab));
    assert_eq!(Uid::parse(&uuid.to_uppercase()), Uid::parse(uuid));
    assert_eq!(Uid::parse(""), Uid(0));
    // FNV-1a of 128 bits: the test vectors of the FNV source code (`test_fnv.c`) for "a" and "foobar".
    assert_eq!(Uid::parse("a"), Uid(0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964));
    assert_eq!(Uid::parse("foobar"), Uid(0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18));
    assert_ne!(Uid::parse("0fc6c3e4-1a2b-4c3d-8e9f-0123456789ag"), Uid::parse(uuid));
    assert_ne!(Uid::parse("0fc6c3e401a2b04c3d08e9f00123456789ab"), Uid::parse(uuid));
}

#[test]
fn the_head_of_a_list_is_read_wherever_it_stands() {
    let head = r#""metadata":{"resourceVersion":"42","continue":"abc","remainingItemCount":7}"#;
    let items = r#""items":[{"metadata":{"name":"a"}}]"#;
    for body in [format!("{{{head},{items}}}"), format!("{{{items},{head}}}")] {
        let mut batch = PodBatch::default();
        let read = pod::decode_list(body.as_bytes(), &mut batch).unwrap();
        let expected = ListHead {
            resource_version: "42".into(),
            continue_token: "abc".into(),
            remaining: Some(7),
            objects: 1,
            unreadable: 0,
        };
        assert_eq!(read, expected);
        assert_eq!(names(&batch), ["a"]);
    }
}

#[test]
fn null_items_are_an_empty_list_and_no_items_are_no_list() {
    let mut batch = PodBatch::default();
    let head = pod::decode_list(br#"{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":null}"#, &mut batch);
    assert_eq!((head.unwrap().objects, batch.len()), (0, 0));
    let no_lists: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"\"items\"",
        b"<html><body>502 Bad Gateway</body></html>",
        br#"{"kind":"PodList","metadata":{"resourceVersion":"1"}}"#,
        br#"{"kind":"Status","code":503,"message":"items"}"#,
        br#"{"items":{}}"#,
        br#"{"items":[]}{"items":[]}"#,
    ];
    for body in no_lists {
        let error = pod::decode_list(body, &mut batch).unwrap_err();
        assert!(error.text.starts_with("expected a list of Pod objects, got `"), "{error}");
    }
}

#[test]
fn a_list_that_is_cut_short_anywhere_is_an_error() {
    let body = br#"{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
    for end in 0..body.len() {
        let mut batch = PodBatch::default();
        assert!(pod::decode_list(&body[..end], &mut batch).is_err(), "cut at {end}");
        assert!(node::decode_list(&body[..end], |_| ()).is_err(), "cut at {end}");
    }
}

#[test]
fn f70_an_object_that_cannot_be_read_costs_only_itself() {
    let bad = [
        "null",
        "7",
        "[]",
        "{}",
        r#""text""#,
        r#"{"metadata":null}"#,
        r#"{"metadata":{"name":null}}"#,
        r#"{"metadata":{"name":""}}"#,
        r#"{"metadata":{"name":5}}"#,
        r#"{"metadata":{"name":"\u200b\u202e"}}"#,
        r#"{"kind":"Node","metadata":{"name":"other"}}"#,
        // These are no JSON in the middle of the page.
        r#"{"metadata":{"name":"\ud80"}}"#,
        r#"{"metadata":{"name":"x"},"status":{"containerStatuses":[{"restartCount":1e999}]}}"#,
        r#"{"metadata":{"name":"x"},"status":{"phase":"Running""containerStatuses":[]}}"#,
        r#"{"metadata":{"name":"x"},"spec":{"nodeName":tru}}"#,
    ];
    for bad in bad {
        let good = |name: &str| format!(r#"{{"metadata":{{"name":"{name}"}}}}"#);
        let items = [good("a"), bad.to_owned(), good("b"), bad.to_owned(), good("c")].join(",");
        let body = format!(r#"{{"metadata":{{"resourceVersion":"5"}},"items":[{items}]}}"#);
        let mut batch = PodBatch::default();
        let head = pod::decode_list(body.as_bytes(), &mut batch).unwrap();
        assert_eq!((head.objects, head.unreadable, &*head.resource_version), (3, 2, "5"), "{bad}");
        assert_eq!(names(&batch), ["a", "b", "c"], "{bad}");
    }
}

#[test]
fn bytes_that_are_not_utf8_cost_only_the_letters() {
    let mut batch = PodBatch::default();
    let body = b"{\"items\":[{\"metadata\":{\"name\":\"a\xff\"}},{\"metadata\":{\"name\":\"b\"}}]}";
    let head = pod::decode_list(body, &mut batch).unwrap();
    assert_eq!((head.objects, head.unreadable), (2, 0));
    assert_eq!(names(&batch), ["a\u{fffd}", "b"]);
    let node = node::decode_object(b"{\"metadata\":{\"name\":\"n\xc3\"}}").unwrap();
    assert_eq!(&*node.name, "n\u{fffd}");
    let node = node::decode_object(
        br#"{"metadata":{"name":"n","labels":{"a\udc00":"b"}},"status":{"conditions":[{"message":"cut \ud83d"}]}}"#,
    );
    let node = node.unwrap();
    assert_eq!((&*node.labels[0].0, &*node.conditions[0].message), ("a\u{fffd}", "cut \u{fffd}"));
}

#[test]
fn a_status_is_distinguished_from_html_text_and_other_objects() {
    let expired = br#"{"kind":"Status","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"go-on"},"status":"Failure",
        "message":"The provided continue parameter is too old","reason":"Expired","code":410}"#;
    let status = decode_status(expired).unwrap();
    assert_eq!((status.code, &*status.reason, &*status.continue_token), (410, "Expired", "go-on"));
    let busy =
        br#"{"kind":"Status","message":"too many\u001b[2J requests","code":429,"details":{"retryAfterSeconds":3}}"#;
    let status = decode_status(busy).unwrap();
    assert_eq!((&*status.message, status.retry_after_seconds), ("too many␛[2J requests", Some(3)));
    let proxy = decode_status(br#"{"code":503,"message":"no healthy upstream"}"#).unwrap();
    assert_eq!((proxy.code, &*proxy.message), (503, "no healthy upstream"));
    assert_eq!(decode_status(br#"{"message":"gone"}"#).unwrap().code, 0);
    let empty = decode_status(br#"{"kind":"Status"}"#).unwrap();
    assert_eq!(empty, StatusFacts::default());
    let others: [&[u8]; 8] = [
        b"",
        b"no healthy upstream",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        br#"{"kind":"Pod","metadata":{"name":"a"}}"#,
        br#"{"kind":"Event","message":"Back-off restarting failed container"}"#,
    ];
    for other in others {
        assert_eq!(decode_status(other), None, "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn a_version_that_is_too_large_is_known_in_every_form_that_servers_have_used() {
    let too_large = [
        r#"{"kind":"Status","reason":"Timeout","code":504,"details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"x"}]}}"#,
        r#"{"kind":"Status","reason":"Timeout","code":504,"details":{"causes":[{"message":"Too large resource version"}]}}"#,
        r#"{"kind":"Status","reason":"Timeout","code":504,"message":"Too large resource version: 9, current: 3"}"#,
    ];
    for body in too_large {
        assert!(decode_status(body.as_bytes()).unwrap().version_too_large, "{body}");
    }
    let timeout = br#"{"kind":"Status","reason":"Timeout","code":504,"details":{"causes":null}}"#;
    assert!(!decode_status(timeout).unwrap().version_too_large);
}

#[test]
fn frames_keep_their_object_as_it_came() {
    let frame =
        decode_frame(br#"{"type":"MODIFIED","object":{"metadata": {"name":"a","resourceVersion":"12"}}}"#).unwrap();
    assert_eq!(frame.kind, WatchType::Modified);
    assert_eq!(frame.object, br#"{"metadata": {"name":"a","resourceVersion":"12"}}"#);
    assert_eq!(bookmark_version(frame.object).as_deref(), Some("12"));
    let turned = decode_frame(br#"{"object":{"a":1},"type":"ADDED"}"#).unwrap();
    assert_eq!((turned.kind, turned.object), (WatchType::Added, &br#"{"a":1}"#[..]));
    let rows = [
        ("DELETED", WatchType::Deleted),
        ("BOOKMARK", WatchType::Bookmark),
        ("ERROR", WatchType::Error),
        ("added", WatchType::Unknown),
        ("SYNC", WatchType::Unknown),
    ];
    for (text, kind) in rows {
        assert_eq!(decode_frame(format!(r#"{{"type":"{text}","object":{{}}}}"#).as_bytes()).unwrap().kind, kind);
    }
}

// client-go: TestWatchList "checking the value of the initialEventsEnd annotation".
#[test]
fn only_the_annotation_true_ends_the_initial_events() {
    for (annotations, ends) in [
        (r#""k8s.io/initial-events-end":"true""#, true),
        (r#""a":"b","k8s.io/initial-events-end":"true","c":"d""#, true),
        (r#""k8s.io/initial-events-end":"false""#, false),
        (r#""k8s.io/initial-events-end":"""#, false),
        (r#""k8s.io/initial-events-end":null"#, false),
        (r#""k8s.io/initial-events-ended":"true""#, false),
        ("", false),
    ] {
        let object = format!(r#"{{"metadata":{{"resourceVersion":"7","annotations":{{{annotations}}}}}}}"#);
        assert_eq!(ends_initial_events(object.as_bytes()), ends, "{annotations}");
        assert_eq!(bookmark_version(object.as_bytes()).as_deref(), Some("7"), "{annotations}");
    }
    assert!(!ends_initial_events(b"null") && !ends_initial_events(b"{"));
}

#[test]
fn what_is_no_event_is_an_error_and_a_frame_without_object_decodes_to_nothing() {
    let status = br#"{"kind":"Status","code":500}"#;
    let cut = br#"{"type":"ADDED","object":{"metadata":{"na"#;
    for line in [&b""[..], b"{}", b"<html>", b"[1]", b"null", b"{\"type\":7,\"object\":{}}", status, cut] {
        assert!(decode_frame(line).is_err(), "{}", String::from_utf8_lossy(line));
    }
    let frame = decode_frame(br#"{"type":"ADDED","object":null}"#).unwrap();
    assert!(node::decode_object(frame.object).is_err());
    assert_eq!(bookmark_version(frame.object), None);
    assert_eq!(bookmark_version(br#"{"metadata":{}}"#), None);
}

#[test]
fn a_frame_that_is_not_utf8_keeps_its_event() {
    let line = b"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\xff\"}}}\n";
    let frame = decode_frame(line).unwrap();
    assert_eq!(frame.kind, WatchType::Deleted);
    assert_eq!(&*node::decode_object(frame.object).unwrap().name, "a\u{fffd}");
}

const PAGE: &str = r#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[
    {"metadata":{"name":"a","uid":"u","creationTimestamp":"2026-01-01T00:00:00Z","ownerReferences":[{"kind":"Job","controller":true}]},
    "spec":{"nodeName":"n","containers":[{"name":"c","resources":{"requests":{"cpu":"1","x/y":2}}}],"taints":[{"key":"k"}]},
    "status":{"phase":"Running","capacity":{"cpu":"1"},"conditions":[{"type":"Ready","status":"True"}],
    "containerStatuses":[{"name":"c","restartCount":1,"ready":true,"state":{"running":{}}}]}},
    {"metadata":{"name":"b"}},{"metadata":{"name":"c"}}]}"#;

proptest! {
    #[test]
    fn a_damaged_answer_never_panics_and_never_grows(
        damage in prop::collection::vec((0_usize..PAGE.len(), prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:0ne".to_vec())]), 1..4),
        end in prop::option::weighted(0.2, 0_usize..PAGE.len()),
    ) {
        let mut body = PAGE.as_bytes().to_vec();
        for (at, byte) in damage {
            body[at] = byte;
        }
        body.truncate(end.unwrap_or(body.len()));
        let mut batch = PodBatch::default();
        if let Ok(head) = pod::decode_list(&body, &mut batch) {
            prop_assert_eq!(batch.len(), head.objects as usize);
            prop_assert!(head.objects + head.unreadable <= 6, "three changed bytes make at most three more items");
        }
        let mut nodes = 0;
        if let Ok(head) = node::decode_list(&body, |_| nodes += 1) {
            prop_assert_eq!(nodes, head.objects);
        }
        let status = decode_status(&body);
        prop_assert!(status.is_none_or(|status| !status.message.chars().any(char::is_control)));
        let _ = (decode_frame(&body), bookmark_version(&body));
    }
}
