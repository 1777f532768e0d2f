//! The walker, and that no bytes can make it panic.

use proptest::prelude::*;

use super::build::{sized, varint};
use super::*;
use crate::facts::event::{EventFacts, decode_page};
use crate::facts::pod::{self, PodBatch};
use crate::facts::wire::{bookmark_version, decode_proto_frame, decode_status};
use crate::facts::{node, pod::PodPhase};

fn list(kind: &str, items: &[Vec<u8>]) -> Vec<u8> {
    let meta = sized(1, &[sized(2, b"41"), sized(3, b"go-on"), vec![0x20, 7]].concat());
    let items: Vec<u8> = items.iter().flat_map(|item| sized(2, item)).collect();
    let list = [meta, items].concat();
    [MAGIC, &sized(1, &sized(2, kind.as_bytes())), &sized(2, &list)].concat()
}

fn pod(name: &str) -> Vec<u8> {
    [sized(1, &sized(1, name.as_bytes())), sized(3, &sized(1, b"Running"))].concat()
}

#[test]
fn the_fields_of_the_encoding_guide_are_read() {
    // https://protobuf.dev/programming-guides/encoding: field 1 is 150; field 2 is "testing".
    let bytes = [0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67, 0x1d, 1, 2, 3, 4];
    let mut seen = Vec::new();
    walk(&bytes, |number, value| {
        seen.push((number, value));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [(1, WireValue::Varint(150)), (2, WireValue::Bytes(b"testing")), (3, WireValue::Fixed)]);
    for cut in [1, 2, 4, 11, 14] {
        assert_eq!(walk(&bytes[..cut], |_, _| Ok(())), Err(Malformed), "{cut}");
    }
    assert_eq!(walk(&[0x0b], |_, _| Ok(())), Err(Malformed), "groups are not used");
    assert_eq!(walk(&[0x80; 11], |_, _| Ok(())), Err(Malformed), "a varint has at most ten bytes");
    let minus_two = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    walk(&minus_two, |_, value| {
        assert_eq!(value.int().0, Some(-2));
        Ok(())
    })
    .unwrap();
}

#[test]
fn one_bad_object_costs_only_itself() {
    let bad = vec![0x0a, 0x7f, 1];
    let body = list("PodList", &[pod("a"), bad, pod(""), pod("b")]);
    let mut batch = PodBatch::default();
    let head = pod::decode_list(&body, &mut batch).unwrap();
    assert_eq!((head.objects, head.unreadable, head.remaining), (2, 2, Some(7)));
    assert_eq!((&*head.resource_version, &*head.continue_token), ("41", "go-on"));
    let seen: Vec<_> = batch.iter().map(|(pod, _)| (pod.name.to_owned(), pod.phase)).collect();
    assert_eq!(seen, [("a".to_owned(), PodPhase::Running), ("b".to_owned(), PodPhase::Running)]);
}

#[test]
fn an_answer_of_another_kind_is_never_an_empty_list() {
    for body in [list("Status", &[]), list("", &[]), list("NodeList", &[]), MAGIC.to_vec(), b"k8s\0\xff".to_vec()] {
        assert!(pod::decode_list(&body, &mut PodBatch::default()).is_err(), "{body:?}");
    }
    assert!(pod::decode_list(&list("PodList", &[]), &mut PodBatch::default()).is_ok());
    assert!(node::decode_list(&list("PodList", &[]), |_| {}).is_err());
}

#[test]
fn a_list_that_is_cut_short_is_an_error() {
    let body = list("PodList", &[pod("a"), pod("b")]);
    for end in 4..body.len() {
        assert!(pod::decode_list(&body[..end], &mut PodBatch::default()).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..100, byte: u8) {
        let mut damaged = list("PodList", &[pod("a"), pod("b"), pod("c")]);
        let at = at % damaged.len();
        damaged[at] = byte;
        for body in [[MAGIC, &bytes].concat(), bytes, damaged] {
            let mut batch = PodBatch::default();
            if let Ok(head) = pod::decode_list(&body, &mut batch) {
                prop_assert_eq!(batch.len(), head.objects as usize);
            }
            let _ = node::decode_list(&body, |_| {});
            let _ = (node::decode_object(&body), pod::decode_object(&body, false, &mut batch));
            let _ = (EventFacts::decode(&body), decode_page(&body));
            let _ = (decode_proto_frame(&body), decode_status(&body), bookmark_version(&body));
        }
    }
}

/// Numbers and bodies.
type Fields<'a> = &'a [(u64, &'a [u8])];

/// An entry of a map, and whatever else, in the order given.
fn fields(fields: Fields<'_>) -> Vec<u8> {
    fields.iter().flat_map(|(number, body)| sized(*number, body)).collect()
}

#[test]
fn an_entry_is_read_the_same_whatever_its_order_and_length() {
    let long = [b'x'; 127];
    let cases: [(Fields<'_>, &[u8], &[u8]); 8] = [
        (&[(1, b"cpu"), (2, b"v")], b"cpu", b"v"),
        (&[(2, b"v"), (1, b"cpu")], b"cpu", b"v"),
        (&[(1, b"cpu")], b"cpu", b""),
        (&[(2, b"v")], b"", b"v"),
        // As in Go, the last one counts.
        (&[(1, b"a"), (2, b"v"), (1, b"b")], b"b", b"v"),
        (&[(1, b"a"), (2, b"v"), (2, b"w")], b"a", b"w"),
        (&[(1, b"a"), (2, b"v"), (3, b"more")], b"a", b"v"),
        (&[(1, &long), (2, &long)], &long, &long),
    ];
    for (given, key, held) in cases {
        let bytes = fields(given);
        let (name, value) = WireValue::Bytes(&bytes).entry().unwrap();
        assert_eq!((name.as_bytes(), WireValue::Bytes(&bytes).key()), (key, Ok(key)), "{given:?}");
        assert_eq!(value, if held.is_empty() { WireValue::Fixed } else { WireValue::Bytes(held) }, "{given:?}");
    }
    // 128 and more bytes have a length of two bytes.
    let body = [[0x0a, 0x80, 0x01].as_slice(), &[b'y'; 128], &sized(2, b"v")].concat();
    assert_eq!(WireValue::Bytes(&body).key(), Ok(&[b'y'; 128][..]));
    assert!(WireValue::Bytes(&[0x0a, 4, b'c']).entry().is_err(), "cut short");
}

#[test]
fn a_quantity_is_its_last_text() {
    let read = |given: Fields<'_>| WireValue::Bytes(&fields(given)).amount();
    let known = |text: &[u8]| Ok(Quantity::read(text).map_or(Amount::Unreadable, Amount::Known));
    assert_eq!(read(&[(1, b"100m")]), known(b"100m"));
    assert_eq!(read(&[(1, b"1"), (1, b"2Gi")]), known(b"2Gi"));
    assert_eq!(read(&[(2, b"1"), (1, b"3")]), known(b"3"));
    assert_eq!(read(&[(1, b"x")]), Ok(Amount::Unreadable));
    assert_eq!(read(&[]), Ok(Amount::Unreadable));
}

proptest! {
    #[test]
    fn seconds_are_read_whatever_their_length(
        seconds in prop_oneof![any::<i64>(), 0_i64..1 << 36, 1_700_000_000_i64..1_800_000_000],
        tail in prop_oneof![Just(vec![]), Just(vec![0x10, 0]), Just(vec![0x10, 7]), Just(vec![0x08, 5]), Just(vec![0x12, 0])],
    ) {
        let message = [vec![0x08], varint(seconds.cast_unsigned()), tail.clone()].concat();
        let last = if tail == [0x08, 5] { 5 } else { seconds };
        prop_assert_eq!(WireValue::Bytes(&message).seconds(), Ok(last));
    }
}

#[test]
fn nothing_of_a_node_is_left_in_the_next_one() {
    let entry = |key: &[u8], value: &[u8]| fields(&[(1, key), (2, value)]);
    let meta = fields(&[(1, b"full"), (5, b"4b1c2d3e-0000-4000-8000-000000000001"), (11, &entry(b"zone", b"a"))]);
    let spec = [vec![0x20, 1], sized(5, &fields(&[(1, b"dedicated"), (3, b"NoSchedule")]))].concat();
    let ready = fields(&[(1, b"Ready"), (2, b"True"), (5, b"KubeletReady")]);
    let status = fields(&[
        (1, &entry(b"cpu", &sized(1, b"8"))),
        (2, &entry(b"cpu", &sized(1, b"7"))),
        (4, &ready),
        (5, &fields(&[(1, b"InternalIP"), (2, b"10.0.0.1")])),
        (7, &fields(&[(7, b"v1.33.1")])),
    ]);
    let full = [sized(1, &meta), sized(2, &spec), sized(3, &status)].concat();
    let bare = sized(1, &sized(1, b"bare"));
    let mut nodes = Vec::new();
    let body = list("NodeList", &[full.clone(), bare, full]);
    node::decode_list(&body, |node| nodes.push(node)).unwrap();
    assert_eq!(nodes.len(), 3);
    assert_eq!(nodes[0], nodes[2]);
    let first = &nodes[0];
    assert_eq!((first.labels.len(), first.taints.len(), first.conditions.len(), first.capacity.len()), (1, 1, 1, 1));
    assert!(first.unschedulable && &*first.internal_ip == "10.0.0.1" && &*first.kubelet == "v1.33.1");
    let uid = nodes[1].uid;
    assert_eq!(nodes[1], node::NodeFacts { name: "bare".into(), uid, ..node::NodeFacts::default() });
    assert_ne!(uid, first.uid);
}
