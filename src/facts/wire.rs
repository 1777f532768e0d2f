//! The shapes that every list, watch and error answer shares.

mod list;
mod pieces;
mod proto;
mod status;
mod watch;

use serde::de::{IgnoredAny, MapAccess};
use serde::{Deserialize, Serialize};

use super::accelerator::{HAMI_REGISTER, HamiSplit};
use super::json::{Anew, Flag, Int, List, Obj, Reset, Slim, Text, Time, When, skip};
use super::text::Clean;

pub use proto::decode_proto_frame;
pub use status::{StatusFacts, decode_failure, decode_status};
pub use watch::{WatchFrame, WatchType, bookmark_version, decode_frame, ends_initial_events};

pub(super) use list::{Sink, each, one, refuse};
pub(super) use pieces::Pieces;
pub(super) use proto::{ANOTHER, CUT};

/// The annotation of a mirror pod (`kubernetes pkg/kubelet/types`, `ConfigMirrorAnnotationKey`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The annotation of the bookmark that ends a list sent as a watch (`apimachinery pkg/apis/meta/v1/types.go`,
/// `InitialEventsAnnotationKey`); its value must be `true`.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The value of each hexadecimal digit, and of any other byte one that no digit has.
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

/// An object's uid as a number: a UUID's 128 bits, else a hash of the text; 0 if there is none.
///
/// A changed uid under the same name is another object (F74).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Uid(pub u128);

impl Uid {
    /// A UUID's 128 bits, else the FNV-1a hash of the text; 0 for no text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self(0);
        }
        Self(parse_uuid(text).unwrap_or_else(|| fnv1a(text.bytes())))
    }
}

impl Uid {
    /// The FNV-1a hash of some bytes.
    pub(super) fn hash(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self(fnv1a(bytes))
    }

    /// A UUID's 128 bits; `None` for any other text.
    #[must_use]
    pub fn of_uuid(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4).
fn parse_uuid(text: &str) -> Option<u128> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|dash| bytes[*dash] != b'-') {
        return None;
    }
    let groups = [&bytes[..8], &bytes[9..13], &bytes[14..18], &bytes[19..23], &bytes[24..]];
    groups.into_iter().try_fold(0, |bits, group| Some(bits << (4 * group.len()) | u128::from(hexadecimal(group)?)))
}

/// At most 16 hexadecimal digits; all of them are looked up before the first bad one counts.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let (bits, seen) = digits.iter().fold((0_u64, 0), |(bits, seen), digit| {
        let value = HEXADECIMAL[usize::from(*digit)];
        (bits << 4 | u64::from(value & 0xf), seen | value)
    });
    (seen < 16).then_some(bits)
}

/// FNV-1a of 128 bits (draft-eastlake-fnv, section 5: offset basis and prime).
fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.into_iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// What a list answer says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListHead {
    /// `metadata.resourceVersion`, verbatim: where a watch of this list begins.
    pub resource_version: String,
    /// `metadata.continue`; empty on the last page.
    pub continue_token: String,
    /// `metadata.remainingItemCount`; absent with selectors and on the last page.
    pub remaining: Option<u64>,
    /// Objects of this page that were given to the batch.
    pub objects: u32,
    /// Objects of this page that could not be read (F70).
    pub unreadable: u32,
}

/// The answer could not be read as what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DecodeError {
    /// For people: what was expected and what came.
    pub text: Clean,
}

/// A resourceVersion as a number (KEP-5504); 0 if it is none.
pub(super) fn version(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// What is kept of any object's `metadata`; annotations only by name, labels only where `L` keeps them, managedFields never.
#[derive(Debug, Default)]
pub(super) struct Meta<'a, L = IgnoredAny> {
    pub(super) name: Text<'a>,
    pub(super) namespace: Text<'a>,
    pub(super) uid: Text<'a>,
    pub(super) version: Text<'a>,
    pub(super) continue_token: Text<'a>,
    pub(super) remaining: Int,
    pub(super) created: Time,
    pub(super) deleting: When<'a>,
    pub(super) labels: L,
    pub(super) annotations: Obj<Annotations>,
    pub(super) owners: List<Obj<Owner<'a>>>,
}

impl<'de, L: Default + Deserialize<'de>> Slim<'de> for Meta<'de, L> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "namespace" => self.namespace = map.next_value()?,
            "uid" => self.uid = map.next_value()?,
            "resourceVersion" => self.version = map.next_value()?,
            "continue" => self.continue_token = map.next_value()?,
            "remainingItemCount" => self.remaining = map.next_value()?,
            "creationTimestamp" => self.created = map.next_value()?,
            "deletionTimestamp" => self.deleting = map.next_value()?,
            "labels" => self.labels = map.next_value()?,
            "annotations" => self.annotations = map.next_value()?,
            "ownerReferences" => map.next_value_seed(Anew(&mut self.owners))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<L: Default + Reset> Reset for Meta<'_, L> {
    fn reset(&mut self) {
        self.owners.reset();
        self.labels.reset();
        let (labels, owners) = (std::mem::take(&mut self.labels), std::mem::take(&mut self.owners));
        *self = Self { labels, owners, ..Self::default() };
    }
}

impl<L> Meta<'_, L> {
    /// The owner that manages the object, as `metav1.GetControllerOf` finds it.
    pub(super) fn controller(&self) -> Option<&Owner<'_>> {
        self.owners.0.iter().map(|Obj(owner)| owner).find(|owner| owner.controller.0 == Some(true))
    }

    /// The head of a list whose metadata this is.
    fn into_head(self) -> ListHead {
        ListHead {
            resource_version: self.version.0.into_owned(),
            continue_token: self.continue_token.0.into_owned(),
            remaining: self.remaining.0.and_then(|count| count.try_into().ok()),
            ..ListHead::default()
        }
    }
}

/// The annotations that mean something here.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    /// [`MIRROR`] is there.
    pub(super) mirror: bool,
    /// [`INITIAL_EVENTS_END`] is there and `true`.
    initial_events_end: bool,
    /// What `HAMi` says of a node's devices.
    pub(super) hami: Option<HamiSplit>,
}

impl<'de> Slim<'de> for Annotations {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.mirror |= key == MIRROR;
        match key {
            INITIAL_EVENTS_END => self.initial_events_end = &*map.next_value::<Text<'_>>()? == "true",
            HAMI_REGISTER => self.hami = HamiSplit::read(&map.next_value::<Text<'_>>()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// One of `metadata.ownerReferences`.
#[derive(Debug, Default)]
pub(super) struct Owner<'a> {
    pub(super) kind: Text<'a>,
    pub(super) name: Text<'a>,
    controller: Flag,
}

impl<'de> Slim<'de> for Owner<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "controller" => self.controller = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
