//! Facts of a kubelet's lease in `kube-node-lease`: the node's last heartbeat.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::{Int, MicroTime, Text};
use super::message::message;
use super::text::Clean;
use super::wire::{DecodeError, ListHead};
use crate::facts::object;
use crate::facts::object::{ApiObject, Nothing, ObjectFacts};

/// Facts of a `coordination.k8s.io/v1` `Lease`; its name is the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFacts {
    /// `spec.holderIdentity`: the node's name.
    pub holder: Clean,
    /// `spec.renewTime`: renewed every 10 s while the kubelet runs.
    pub renewed: Option<Timestamp>,
    /// `spec.leaseDurationSeconds`: the kubelet sets 40.
    pub seconds: Option<u32>,
}

/// Decodes a page of leases, JSON or protobuf, and hands each to `each`.
///
/// # Errors
/// [`DecodeError`] if the body is not a list, or truncated; single unreadable objects are only counted.
pub fn decode_list(body: &[u8], each: impl FnMut(ApiObject<LeaseFacts>)) -> Result<ListHead, DecodeError> {
    object::decode_list(body, each)
}

/// Decodes one lease, as in a watch event; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a lease.
pub fn decode_object(object: &[u8]) -> Result<ApiObject<LeaseFacts>, DecodeError> {
    object::decode_object(object)
}

impl ObjectFacts for LeaseFacts {
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
