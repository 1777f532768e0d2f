//! What we keep of a kubelet's lease in `kube-node-lease`: when the node last gave a sign of life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::{Int, MicroTime, Text};
use super::message::message;
use super::text::Clean;
use super::wire::{DecodeError, ListHead};
use crate::facts::object;
use crate::facts::object::{ApiObject, Keep, Nothing};

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
pub fn decode_list(body: &[u8], each: impl FnMut(ApiObject<LeaseFacts>)) -> Result<ListHead, DecodeError> {
    object::decode_list(body, each)
}

/// One lease, as in a watch event; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is none.
pub fn decode_object(object: &[u8]) -> Result<ApiObject<LeaseFacts>, DecodeError> {
    object::decode_object(object)
}

impl Keep for LeaseFacts {
    type Spec<'a> = LeaseSpec<'a>;
    type Status<'a> = Nothing;
    const KIND: &'static str = "Lease";

    fn new(spec: &LeaseSpec<'_>, _: &Nothing) -> Self {
        Self {
            holder: Clean::new(&spec.holder),
            renewed: spec.renewed.0,
            seconds: spec.seconds.0.and_then(|seconds| seconds.try_into().ok()),
        }
    }
}

message! {
    /// `LeaseSpec`, `k8s.io/api coordination/v1/generated.proto`.
    pub(super) struct LeaseSpec<'a> {
        holder: Text<'a> = "holderIdentity" | 1,
        seconds: Int = "leaseDurationSeconds" | 2,
        renewed: MicroTime = "renewTime" | 4,
    }
}

#[cfg(test)]
mod tests;
