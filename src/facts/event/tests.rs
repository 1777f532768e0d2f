//! Events of both groups, in both forms.

use super::*;
use crate::facts::proto::build::{enveloped, int, sized};

fn at(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// As kube-apiserver 1.36 answers for one event that was written in core v1, in both groups.
const CORE: &str = r#"{"metadata":{"name":"a.1","uid":"7388e950-25d8-419b-9f5c-e0bd02f911ce"},
    "involvedObject":{"kind":"Pod","namespace":"d","name":"p","uid":"00000000-0000-0000-0000-00000000002a","fieldPath":"spec.containers{app}"},
    "reason":"BackOff","message":"Back-off restarting failed container","source":{"component":"kubelet","host":"n1"},
    "firstTimestamp":"2026-03-01T14:00:00Z","lastTimestamp":"2026-03-01T14:05:00Z","count":7,"type":"Warning",
    "eventTime":null,"reportingComponent":"","reportingInstance":""}"#;
const GROUP: &str = r#"{"metadata":{"name":"a.1","uid":"7388e950-25d8-419b-9f5c-e0bd02f911ce"},
    "regarding":{"kind":"Pod","namespace":"d","name":"p","uid":"00000000-0000-0000-0000-00000000002a","fieldPath":"spec.containers{app}"},
    "reason":"BackOff","note":"Back-off restarting failed container","deprecatedSource":{"component":"kubelet","host":"n1"},
    "deprecatedFirstTimestamp":"2026-03-01T14:00:00Z","deprecatedLastTimestamp":"2026-03-01T14:05:00Z","deprecatedCount":7,
    "type":"Warning","eventTime":null}"#;

#[test]
fn both_groups_say_the_same_of_one_event() {
    let event = EventFacts::decode(CORE.as_bytes()).unwrap();
    assert_eq!(EventFacts::decode(GROUP.as_bytes()).unwrap(), event);
    assert_eq!((&*event.reason, &*event.controller, &*event.part, event.count), ("BackOff", "kubelet", "app", 7));
    assert_eq!((event.first, event.last), (at("2026-03-01T14:00:00Z"), at("2026-03-01T14:05:00Z")));
    assert_eq!(event.about, Some(Uid(0x2a)));
    assert!(event.is_warning());
}

#[test]
fn an_event_in_the_new_form_counts_by_its_series() {
    let event = EventFacts::decode(
        br#"{"metadata":{"uid":"x"},"regarding":{"uid":"node-7"},"reason":"FailedScheduling","note":"0/3 nodes",
        "reportingController":"default-scheduler","type":"Normal","eventTime":"2026-03-01T14:00:00.123456Z",
        "series":{"count":12,"lastObservedTime":"2026-03-01T14:09:00.000000Z"}}"#,
    );
    let event = event.unwrap();
    assert_eq!((event.count, &*event.controller), (12, "default-scheduler"));
    assert_eq!((event.first, event.last), (at("2026-03-01T14:00:00.123456Z"), at("2026-03-01T14:09:00Z")));
    assert_eq!(event.about, None, "a name is no uid");
    assert!(!event.is_warning());
}

#[test]
fn f70_an_event_of_the_wrong_types_is_an_event_without_facts() {
    for body in [
        "{}",
        r#"{"metadata":7,"reason":{},"count":"many","firstTimestamp":"soon","regarding":[],"type":null,"series":1}"#,
        r#"{"lastTimestamp":"0001-01-01T00:00:00Z","count":-4}"#,
    ] {
        let event = EventFacts::decode(body.as_bytes()).unwrap();
        assert_eq!((event.count, event.last, &*event.reason), (1, None, ""), "{body}");
    }
    assert!(EventFacts::decode(b"[]").is_err());
}

#[test]
fn f79_no_escape_of_an_event_is_kept() {
    let hostile = "x\\u001b]52;c;eA==\\u0007\\u009b2J\\u202ey";
    let body = format!(
        r#"{{"type":"{hostile}","reason":"{hostile}","note":"{hostile}","reportingController":"{hostile}",
        "regarding":{{"fieldPath":"spec.containers{{{hostile}}}"}}}}"#
    );
    let event = EventFacts::decode(body.as_bytes()).unwrap();
    for text in [&event.kind, &event.reason, &event.note, &event.controller, &event.part] {
        assert!(text.contains("52;c;eA=="), "the text itself is kept: {text}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn the_same_again_is_counted_and_the_newest_come_first() {
    let event = |uid: u128, reason: &str, count, minute: u8| EventFacts {
        uid: Uid(uid),
        reason: reason.into(),
        count,
        first: at(&format!("2026-03-01T14:{:02}:00Z", minute - 1)),
        last: at(&format!("2026-03-01T14:{minute:02}:00Z")),
        ..EventFacts::default()
    };
    let events =
        [event(1, "Pulled", 1, 5), event(2, "BackOff", 3, 9), event(3, "Pulled", 2, 12), event(4, "Old", 1, 2)];
    let digested = digest(events.iter(), 2);
    let occurrences: Vec<_> = digested.iter().map(|e| (&*e.reason, e.count, e.first, e.last)).collect();
    assert_eq!(
        occurrences,
        [
            ("Pulled", 3, at("2026-03-01T14:04:00Z"), at("2026-03-01T14:12:00Z")),
            ("BackOff", 3, at("2026-03-01T14:08:00Z"), at("2026-03-01T14:09:00Z")),
        ]
    );
    assert_eq!(digest(events.iter().rev(), 9), digest(events.iter(), 9), "the order of arrival does not matter");
}

#[test]
fn a_page_says_where_to_go_on() {
    let page =
        format!(r#"{{"kind":"EventList","metadata":{{"resourceVersion":"77","continue":"T"}},"items":[{CORE}]}}"#);
    let page = decode_page(page.as_bytes()).unwrap();
    assert_eq!((page.events.len(), &*page.version, &*page.token), (1, "77", "T"));
    let empty = decode_page(br#"{"metadata":{"resourceVersion":"77"},"items":null}"#).unwrap();
    assert_eq!((empty.events.len(), &*empty.token), (0, ""));
}

/// 2026-03-01T14:00:00Z is 1,772,373,600 s (`date -ud`), here as a varint, and 300 s later; a server writes the nanoseconds too.
const FIRST: [u8; 8] = [0x08, 0xe0, 0x8c, 0x91, 0xcd, 0x06, 0x10, 0];
const LAST: [u8; 8] = [0x08, 0x8c, 0x8f, 0x91, 0xcd, 0x06, 0x10, 0];
/// The same first time with 123,456,000 ns.
const FIRST_MICROS: [u8; 11] = [0x08, 0xe0, 0x8c, 0x91, 0xcd, 0x06, 0x10, 0x80, 0x94, 0xef, 0x3a];

/// The event of [`CORE`] by the numbers of generated.proto; the order is that of Go, by number.
fn core_proto() -> Vec<u8> {
    [
        sized(1, &[sized(1, b"a.1"), sized(5, b"7388e950-25d8-419b-9f5c-e0bd02f911ce")].concat()),
        sized(2, &about()),
        sized(3, b"BackOff"),
        sized(4, b"Back-off restarting failed container"),
        sized(5, &[sized(1, b"kubelet"), sized(2, b"n1")].concat()),
        sized(6, &FIRST),
        sized(7, &LAST),
        int(8, 7),
        sized(9, b"Warning"),
        sized(10, b""),
        sized(12, b"Binding"),
        sized(13, &another()),
        sized(14, b""),
        sized(15, b""),
    ]
    .concat()
}

fn group_proto() -> Vec<u8> {
    [
        sized(1, &[sized(1, b"a.1"), sized(5, b"7388e950-25d8-419b-9f5c-e0bd02f911ce")].concat()),
        sized(2, b""),
        sized(4, b""),
        sized(5, b""),
        sized(6, b"Binding"),
        sized(7, b"BackOff"),
        sized(8, &about()),
        sized(9, &another()),
        sized(10, b"Back-off restarting failed container"),
        sized(11, b"Warning"),
        sized(12, &[sized(1, b"kubelet"), sized(2, b"n1")].concat()),
        sized(13, &FIRST),
        sized(14, &LAST),
        int(15, 7),
    ]
    .concat()
}

fn about() -> Vec<u8> {
    let (uid, path) = (b"00000000-0000-0000-0000-00000000002a", b"spec.containers{app}");
    [sized(1, b"Pod"), sized(2, b"d"), sized(3, b"p"), sized(4, uid), sized(5, b"v1"), sized(6, b"9"), sized(7, path)]
        .concat()
}

/// An `ObjectReference` that nothing is read of.
fn another() -> Vec<u8> {
    let uid = b"00000000-0000-0000-0000-000000000063";
    [sized(1, b"Node"), sized(3, b"n1"), sized(4, uid), sized(7, b"spec.containers{other}")].concat()
}

#[test]
fn both_forms_of_both_groups_say_the_same_of_one_event() {
    let event = EventFacts::decode(CORE.as_bytes()).unwrap();
    assert_eq!(EventFacts::decode(&enveloped("v1", "Event", &core_proto())).unwrap(), event);
    assert_eq!(EventFacts::decode(&enveloped("events.k8s.io/v1", "Event", &group_proto())).unwrap(), event);
}

#[test]
fn a_series_counts_in_protobuf_too() {
    let series = [int(1, 12), sized(2, &LAST)].concat();
    let core = [sized(6, b""), sized(7, b""), int(8, 0), sized(10, &FIRST_MICROS), sized(11, &series), sized(14, b"s")];
    let group =
        [sized(2, &FIRST_MICROS), sized(3, &series), sized(4, b"s"), sized(13, b""), sized(14, b""), int(15, 0)];
    for (version, message) in [("v1", core.concat()), ("events.k8s.io/v1", group.concat())] {
        let event = EventFacts::decode(&enveloped(version, "Event", &message)).unwrap();
        assert_eq!((event.count, &*event.controller), (12, "s"), "{version}");
        assert_eq!(
            (event.first, event.last),
            (at("2026-03-01T14:00:00.123456Z"), at("2026-03-01T14:05:00Z")),
            "{version}"
        );
    }
    // Once, and never again: a number that is 0 is written in protobuf and left out in JSON.
    let once = [&*sized(2, &FIRST_MICROS), &int(15, 0)].concat();
    let event = EventFacts::decode(&enveloped("events.k8s.io/v1", "Event", &once)).unwrap();
    assert_eq!((event.count, event.first, event.last), (1, event.last, at("2026-03-01T14:00:00.123456Z")));
}

#[test]
fn a_page_in_protobuf_says_where_to_go_on_and_a_bad_event_costs_only_itself() {
    let meta = sized(1, &[sized(2, b"77"), sized(3, b"T")].concat());
    let cut = sized(2, &[0x0a, 0x7f, 1]);
    let body = [meta.clone(), sized(2, &core_proto()), cut, sized(2, &core_proto())].concat();
    let page = decode_page(&enveloped("v1", "EventList", &body)).unwrap();
    assert_eq!((page.events.len(), &*page.version, &*page.token, page.unreadable), (2, "77", "T", 1));
    assert_eq!(page.events[1], EventFacts::decode(CORE.as_bytes()).unwrap());
    let page = decode_page(&enveloped("events.k8s.io/v1", "EventList", &meta)).unwrap();
    assert_eq!((page.events.len(), page.unreadable), (0, 0));
}

#[test]
fn what_is_no_event_in_protobuf_is_refused() {
    let message = core_proto();
    for (version, kind) in [("v2", "Event"), ("", "Event"), ("v1", "Pod"), ("v1", "EventList"), ("v1", "")] {
        assert!(EventFacts::decode(&enveloped(version, kind, &message)).is_err(), "{version} {kind}");
    }
    for kind in ["Event", "PodList", ""] {
        let error = decode_page(&enveloped("v1", kind, &message)).unwrap_err();
        assert!(error.text.contains("expected a list of Event objects"), "it says what was expected: {error}");
    }
    let whole = enveloped("events.k8s.io/v1", "Event", &group_proto());
    for end in 0..whole.len() {
        assert!(EventFacts::decode(&whole[..end]).is_err(), "{end} of {} bytes", whole.len());
    }
}

#[test]
fn f70_an_event_of_the_wrong_wire_types_is_an_event_without_facts() {
    let minus_four = [0x40, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for message in [
        Vec::new(),
        (1..=15).flat_map(|number| int(number, 1)).collect(),
        minus_four.to_vec(),
        [sized(8, b"many"), sized(40, b"later"), int(1 << 40, 7)].concat(),
    ] {
        let event = EventFacts::decode(&enveloped("v1", "Event", &message)).unwrap();
        assert_eq!((event.count, event.last, &*event.reason), (1, None, ""), "{message:?}");
    }
}

#[test]
fn an_event_without_times_happened_when_it_was_made() {
    let json = br#"{"metadata":{"creationTimestamp":"2026-03-01T14:00:00Z"},"eventTime":null}"#;
    let meta = sized(1, &sized(8, &FIRST));
    let [core, group] = ["v1", "events.k8s.io/v1"].map(|version| enveloped(version, "Event", &meta));
    for body in [&json[..], &core, &group] {
        let event = EventFacts::decode(body).unwrap();
        assert_eq!((event.first, event.last), (at("2026-03-01T14:00:00Z"), at("2026-03-01T14:00:00Z")));
    }
}

#[test]
fn what_is_no_object_in_a_list_is_counted() {
    let page = decode_page(format!(r#"{{"items":[1,{CORE},null,[]]}}"#).as_bytes()).unwrap();
    assert_eq!((page.events.len(), page.unreadable), (1, 3));
}
