//! What we keep of a kubelet's lease in `kube-node-lease`: when the node last gave a sign of life.

use jiff::Timestamp;
use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::json::{Int, Slim, Text, Time, skip};
use super::kept::{self, Keep, Kept, Nothing};
use super::proto::{Malformed, Message, Value};
use super::text::Clean;
use super::wire::{DecodeError, ListHead};

/// What we keep of a `coordination.k8s.io/v1` `Lease`; its name is the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFacts {
    /// `spec.holderIdentity`: the node's name.
    pub holder: Clean,
    /// `spec.renewTime`: every 10 s while the kubelet lives.
    pub renewed: Option<Timestamp>,
    /// `spec.leaseDurationSeconds`: 40 as the kubelet sets it.
    pub seconds: Option<u32>,
}

/// A page of leases, each handed to `each`; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if the body is not a list at all, or cut short; single unreadable objects are only counted.
pub fn decode_list(body: &[u8], each: impl FnMut(Kept<LeaseFacts>)) -> Result<ListHead, DecodeError> {
    kept::decode_list(body, each)
}

/// One lease, as in a watch event; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is none.
pub fn decode_object(object: &[u8]) -> Result<Kept<LeaseFacts>, DecodeError> {
    kept::decode_object(object)
}

impl Keep for LeaseFacts {
    type Spec<'a> = Spec<'a>;
    type Status<'a> = Nothing;
    const KIND: &'static str = "Lease";

    fn new(spec: Spec<'_>, _: Nothing) -> Self {
        Self {
            holder: Clean::new(&spec.holder),
            renewed: spec.renewed.0,
            seconds: spec.seconds.0.and_then(|seconds| seconds.try_into().ok()),
        }
    }
}

#[derive(Default)]
pub(super) struct Spec<'a> {
    holder: Text<'a>,
    renewed: Time,
    seconds: Int,
}

impl<'de> Slim<'de> for Spec<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "holderIdentity" => self.holder = map.next_value()?,
            "renewTime" => self.renewed = map.next_value()?,
            "leaseDurationSeconds" => self.seconds = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// `LeaseSpec`, `k8s.io/api coordination/v1/generated.proto`.
impl<'a> Message<'a> for Spec<'a> {
    fn field(&mut self, number: u64, value: Value<'a>) -> Result<(), Malformed> {
        match number {
            1 => self.holder = value.text(),
            2 => self.seconds = value.int(),
            4 => self.renewed = value.micro_time()?,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
