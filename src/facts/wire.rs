//! Types and readers shared by all lists, watches and error responses.

mod list;
mod list_decoder;
mod proto;
mod refusal;
mod status;
mod watch;

use serde::de::{IgnoredAny, MapAccess};
use serde::{Deserialize, Serialize};

use super::gang::GangKeys;
use super::hami::{HAMI_REGISTER, HamiSplit};
use super::json::{Fill, Flag, Int, JsonList, LazyTime, Obj, Reset, ResetSeed, Text, Time, skip};
use super::message::{JsonValue, Message, ProtoValue, message};
use super::proto::{Malformed, WireValue};
use super::text::sanitize;

pub use proto::decode_proto_frame;
pub use status::{StatusFacts, decode_failure, decode_status};
pub use watch::{WatchFrame, WatchType, bookmark_version, decode_frame, ends_initial_events};

pub(super) use crate::facts::wire::list_decoder::ListDecoder;
pub use list::decode_any_list;
pub(super) use list::{decode_list, decode_object};
pub(super) use proto::CUT;
pub use refusal::DecodeError;
pub(super) use refusal::refuse;

/// The annotation of a mirror pod (`kubernetes pkg/kubelet/types`, `ConfigMirrorAnnotationKey`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The annotation of the bookmark that ends a list sent as a watch (`apimachinery pkg/apis/meta/v1/types.go`,
/// `InitialEventsAnnotationKey`); its value must be `true`.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Value of each hexadecimal digit; 0xff for any other byte.
const HEXADECIMAL: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

/// Uid of an object as a number: a UUID's 128 bits, else a hash of the text; 0 if the object has no uid.
///
/// A different uid under the same name means a different object (F74).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Uid(pub u128);

impl Uid {
    /// Parses a UUID into its 128 bits, hashes any other text with FNV-1a, and returns 0 for an empty one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self(0);
        }
        Self(parse_uuid(text).unwrap_or_else(|| fnv1a(text.bytes())))
    }
}

impl Uid {
    /// Hashes bytes with FNV-1a.
    pub(super) fn hash(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self(fnv1a(bytes))
    }

    /// Parses a UUID into its 128 bits; `None` for any other text.
    #[must_use]
    pub fn of_uuid(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

/// Parses 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4).
fn parse_uuid(text: &str) -> Option<u128> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|dash| bytes[*dash] != b'-') {
        return None;
    }
    let groups = [&bytes[..8], &bytes[9..13], &bytes[14..18], &bytes[19..23], &bytes[24..]];
    groups.into_iter().try_fold(0, |bits, group| Some(bits << (4 * group.len()) | u128::from(hexadecimal(group)?)))
}

/// Parses at most 16 hexadecimal digits. All digits are looked up before the result is checked, without a branch for each.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let (bits, seen) = digits.iter().fold((0_u64, 0), |(bits, seen), digit| {
        let value = HEXADECIMAL[usize::from(*digit)];
        (bits << 4 | u64::from(value & 0xf), seen | value)
    });
    (seen < 16).then_some(bits)
}

/// FNV-1a with 128 bits (draft-eastlake-fnv, section 5: offset basis and prime).
fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.into_iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// Metadata of a list response, and counts of its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListHead {
    /// `metadata.resourceVersion`, verbatim: a watch of this list starts here.
    pub resource_version: String,
    /// `metadata.continue`; empty on the last page.
    pub continue_token: String,
    /// `metadata.remainingItemCount`; absent with selectors and on the last page.
    pub remaining: Option<u64>,
    /// Objects of this page that the sink accepted.
    pub objects: u32,
    /// Unreadable objects of this page (F70).
    pub unreadable: u32,
}

/// Receiver of decoded objects.
pub(super) trait Sink {
    /// Fields that are decoded from one object.
    type Raw<'a>: Message<'a>;

    /// Kind of the objects, for instance `Pod`; also used in error messages.
    const KIND: &'static str;

    /// Returns `true` if an object with this kind and name is acceptable: it has a name and no other kind.
    fn is_readable(kind: &str, name: &str) -> bool {
        (kind.is_empty() || kind == Self::KIND) && !sanitize(name).is_empty()
    }

    /// Accepts an object, whose memory is reused for the next one; returns `false` if it is not an object of this kind.
    fn take(&mut self, raw: &Self::Raw<'_>) -> bool;
}

/// Parses a resourceVersion as a number (KEP-5504); 0 if it is not a number.
pub(super) fn version(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// Reader of labels: all of them, or [`IgnoredAny`].
pub(super) trait LabelSelection<'a>: JsonValue<'a> + ProtoValue<'a> {}

impl<'a, L: JsonValue<'a> + ProtoValue<'a>> LabelSelection<'a> for L {}

message! {
    /// `ObjectMeta` of any object: only known annotations, labels only if `L` reads them, never managedFields.
    pub(super) struct ObjectMeta<'a, L: LabelSelection<'a> = IgnoredAny> {
        name: Text<'a> = "name" | 1,
        namespace: Text<'a> = "namespace" | 3,
        uid: Text<'a> = "uid" | 5,
        version: Text<'a> = "resourceVersion" | 6,
        created: Time = "creationTimestamp" | 8,
        deleting: LazyTime<'a> = "deletionTimestamp" | 9,
        labels: L = "labels" | 11,
        annotations: Annotations<'a> = "annotations" | 12,
        owners: JsonList<Obj<OwnerReference<'a>>> = "ownerReferences" | 13,
    }

    /// `OwnerReference`.
    pub(super) struct OwnerReference<'a> {
        kind: Text<'a> = "kind" | 1,
        name: Text<'a> = "name" | 3,
        controller: Flag = "controller" | 6,
    }

    /// `ListMeta`.
    pub(super) struct ListMeta<'a> {
        version: Text<'a> = "resourceVersion" | 2,
        continue_token: Text<'a> = "continue" | 3,
        remaining: Int = "remainingItemCount" | 4,
    }

    /// Any object, of which only the metadata is read.
    struct Versioned<'a> {
        metadata: Obj<ObjectMeta<'a>> = "metadata" | 1,
    }
}

impl ListHead {
    /// Copies the list's metadata.
    fn set_meta(&mut self, meta: ListMeta<'_>) {
        self.resource_version = meta.version.0.into_owned();
        self.continue_token = meta.continue_token.0.into_owned();
        self.remaining = meta.remaining.0.and_then(|count| count.try_into().ok());
    }
}

impl<L> ObjectMeta<'_, L> {
    /// Controlling owner, as `metav1.GetControllerOf` finds it.
    pub(super) fn controller(&self) -> Option<&OwnerReference<'_>> {
        self.owners.0.iter().map(|Obj(owner)| owner).find(|owner| owner.controller.0 == Some(true))
    }
}

/// Annotations that this program reads.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a> {
    /// `true` if [`MIRROR`] is present.
    pub(super) mirror: bool,
    /// `true` if [`INITIAL_EVENTS_END`] is present and `true`.
    initial_events_end: bool,
    /// `HAMi`'s counts of a node's devices.
    pub(super) hami: Option<HamiSplit>,
    /// Gang of a pod.
    pub(super) gang: GangKeys<'a>,
}

impl<'de> Fill<'de> for Annotations<'de> {
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                MIRROR => {
                    self.mirror = true;
                    skip(&mut map)?;
                }
                INITIAL_EVENTS_END => self.initial_events_end = &*map.next_value::<Text<'_>>()? == "true",
                HAMI_REGISTER => self.hami = HamiSplit::read(&map.next_value::<Text<'_>>()?),
                key => self.gang.read_value(key, &mut map)?,
            }
        }
        Ok(())
    }
}

impl<'de> JsonValue<'de> for Annotations<'de> {
    fn read_json<A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a> ProtoValue<'a> for Annotations<'a> {
    /// Reads one entry. Most annotations are unknown, and their text is not examined.
    fn read_proto(&mut self, entry: WireValue<'a>) -> Result<(), Malformed> {
        let key = entry.key()?;
        if key == MIRROR.as_bytes() {
            self.mirror = true;
        } else if key == INITIAL_EVENTS_END.as_bytes() {
            self.initial_events_end = &*entry.entry()?.1.text() == "true";
        } else if key == HAMI_REGISTER.as_bytes() {
            self.hami = HamiSplit::read(&entry.entry()?.1.text());
        } else {
            self.gang.read_entry(entry)?;
        }
        Ok(())
    }
}

impl Reset for Annotations<'_> {
    fn reset(&mut self) {
        (self.mirror, self.initial_events_end, self.hami) = (false, false, None);
        self.gang.reset();
    }
}

#[cfg(test)]
mod tests;
