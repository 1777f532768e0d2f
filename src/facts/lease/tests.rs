use super::*;
use crate::facts::object::{ApiObject, OptionalFacts};

#[test]
fn a_lease_is_read_from_json() {
    let lease = br#"{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"n1","namespace":"kube-node-lease",
     "resourceVersion":"12"},"spec":{"holderIdentity":"n1","leaseDurationSeconds":40,"renewTime":"2026-11-23T10:00:07.123456Z"}}"#;
    let ApiObject { key, version, facts, .. } = LeaseFacts::decode_object(lease).unwrap();
    assert_eq!((&*key, version), ("kube-node-lease/n1", 12));
    assert_eq!((&*facts.holder, facts.seconds), ("n1", Some(40)));
    assert_eq!(facts.renewed, "2026-11-23T10:00:07.123456Z".parse().ok());
}

/// Written by hand from generated.proto: `k8s\0`, an envelope with the kind, metadata.name 1, spec 2 {1, 2, 4 {1 seconds}}.
#[test]
fn a_lease_is_read_from_protobuf() {
    let spec = [&[0x0a, 2][..], b"n1", &[0x10, 40, 0x22, 6, 0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06]].concat();
    let object = [&[0x0a, 4, 0x0a, 2][..], b"n1", &[0x12, u8::try_from(spec.len()).unwrap()], &spec].concat();
    let kind = [&[0x0a, 7, 0x12, 5][..], b"Lease"].concat();
    let body = [b"k8s\0", &kind[..], &[0x12, u8::try_from(object.len()).unwrap()], &object].concat();
    let facts = LeaseFacts::decode_object(&body).unwrap().facts;
    // 0x80 0xe2 0xcf 0xaa 0x06: 0 + 98·2^7 + 79·2^14 + 42·2^21 + 6·2^28 seconds.
    let seconds = (98 << 7) + (79 << 14) + (42 << 21) + (6_i64 << 28);
    assert_eq!((facts.seconds, facts.renewed), (Some(40), Timestamp::from_second(seconds).ok()));
}

/// 2025-06-10T12:34:56.123456Z is 1749558896 s and 123,456,000 ns (`date -d`); varints written by hand.
#[test]
fn the_moment_of_renewal_is_the_same_in_both_forms() {
    let time = [0x08, 0xf0, 0xcc, 0xa0, 0xc2, 0x06, 0x10, 0x80, 0x94, 0xef, 0x3a];
    let spec = [&[0x22, 11][..], &time].concat();
    let object = [&[0x0a, 4, 0x0a, 2][..], b"n1", &[0x12, 13], &spec].concat();
    let body = [b"k8s\0", &[0x0a, 7, 0x12, 5][..], b"Lease", &[0x12, u8::try_from(object.len()).unwrap()], &object];
    let json = br#"{"metadata":{"name":"n1"},"spec":{"renewTime":"2025-06-10T12:34:56.123456Z"}}"#;
    let [proto, json] = [&body.concat()[..], json].map(|form| LeaseFacts::decode_object(form).unwrap().facts.renewed);
    assert_eq!(json, "2025-06-10T12:34:56.123456Z".parse().ok());
    assert_eq!(proto, json);
}

#[test]
fn what_a_lease_does_not_say_is_not_known() {
    let facts =
        LeaseFacts::decode_object(br#"{"metadata":{"name":"n1"},"spec":{"renewTime":null,"leaseDurationSeconds":-1}}"#)
            .unwrap()
            .facts;
    assert_eq!((facts.renewed, facts.seconds), (None, None));
}
