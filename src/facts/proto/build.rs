//! Hand-written encoder of messages for tests, by protobuf's encoding guide.

/// Whole number (<https://protobuf.dev/programming-guides/encoding>, "Base 128 Varints").
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(0x80 | u8::try_from(value & 0x7f).unwrap());
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// Field with a whole number or a flag.
pub(crate) fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// Field with a text or a message.
pub(crate) fn sized(number: u64, body: &[u8]) -> Vec<u8> {
    [&*varint(number << 3 | 2), &varint(body.len().try_into().unwrap()), body].concat()
}

/// Envelope of an object or a list (apimachinery `pkg/runtime/generated.proto`): `k8s\0`, 1 `TypeMeta`, 2 the message.
pub(crate) fn enveloped(version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let meta = [sized(1, version.as_bytes()), sized(2, kind.as_bytes())].concat();
    [b"k8s\0", &*sized(1, &meta), &sized(2, message)].concat()
}
