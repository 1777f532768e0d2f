//! What we keep of `resource.k8s.io` (dynamic resource allocation): slices, claims, classes and taint rules, v1 and the betas.
//!
//! Only JSON is asked for. The versions differ in one place: v1beta1 has a device's fields inside `basic`.
//! Source: `api resource/v1/types.go`, `resource/v1beta1/types.go`; `docs/counting.md`.

mod raw;

use serde::{Deserialize, Serialize};

use super::pod::{Since, SinceBasis};
use super::text::Clean;
use super::wire::{DecodeError, ListHead, Uid};
use crate::facts::object;
use crate::facts::object::{ApiObject, Keep, Nothing};

/// What we keep of a `ResourceSlice`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFacts {
    /// `spec.driver`.
    pub driver: Clean,
    /// `spec.pool.name`, unique within a driver.
    pub pool: Clean,
    /// `spec.pool.generation`: only slices of the highest one count.
    pub generation: i64,
    /// `spec.pool.resourceSliceCount`: the pool is complete when so many of that generation are there.
    pub slices: i64,
    /// Where its devices are.
    pub place: DeviceScope,
    /// `spec.sharedCounters`.
    pub counters: Vec<CounterSet>,
    /// `spec.devices`.
    pub devices: Vec<DeviceFacts>,
}

/// Where a device can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeviceScope {
    /// On this node: `nodeName`.
    Node(Clean),
    /// On several nodes, over a network: `nodeSelector` or `allNodes`.
    Network,
    /// It is not said, or each device says it for itself (`perDeviceNodeSelection`).
    #[default]
    Unsaid,
}

/// A set of counters, or what a device takes out of one.
///
/// The amounts are only compared: whoever takes all that there is takes the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterSet {
    /// `name` of the set; `counterSet` of a device.
    pub name: Clean,
    /// A digest of its counters with their amounts, whatever their order and spelling.
    pub digest: u64,
}

/// One of `spec.devices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Its name, unique within the pool.
    pub name: Clean,
    /// Its model, by whichever attribute says so; empty without one.
    pub model: Clean,
    /// Where it is, if the slice does not say so.
    pub place: DeviceScope,
    /// `consumesCounters`: the silicon that it shares with other devices.
    pub consumes: Vec<CounterSet>,
    /// A taint with the effect `NoSchedule` or `NoExecute`: not to be had, or unhealthy. Other effects are only information.
    pub tainted: bool,
}

/// What we keep of a `ResourceClaim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimFacts {
    /// `status.allocation.devices.results`; empty while it is not allocated.
    pub results: Vec<AllocatedDevice>,
    /// `status.allocation` is there.
    pub allocated: bool,
    /// `status.reservedFor`: who uses it now.
    pub reserved_for: Vec<Consumer>,
    /// `status.allocation.allocationTimestamp`, or the creation of the claim where that is not said.
    pub since: Option<Since>,
}

/// One of the devices of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedDevice {
    /// The driver.
    pub driver: Clean,
    /// The pool.
    pub pool: Clean,
    /// The device.
    pub device: Clean,
    /// `adminAccess`: looks at the device and takes nothing away from others.
    pub admin: bool,
    /// `shareID`: a share of a device that others may have shares of too.
    pub share: Option<Clean>,
}

/// One of `status.reservedFor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The plural, usually `pods`.
    pub resource: Clean,
    /// Its name, in the claim's namespace.
    pub name: Clean,
    /// Its uid.
    pub uid: Uid,
}

/// What we keep of a `DeviceClass`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassFacts {
    /// `spec.extendedResourceName`: pods that ask for this resource may be served from the class; empty if there is none.
    pub extended_resource: Clean,
}

/// What we keep of a `DeviceTaintRule`: a taint on devices that an administrator, not the driver, has put there.
///
/// Source: `api resource/v1beta2/types.go`, `DeviceTaintRuleSpec`. v1alpha3 as of 1.33 and 1.34 had two more selectors, by class and by
/// expression, "tombstoned since 1.35" in every version: a class is made of CEL expressions too, so neither is evaluated here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// `spec.deviceSelector`; without one the rule matches nothing.
    pub selector: Option<DeviceSelector>,
    /// The taint's effect is `NoSchedule` or `NoExecute`; any other is only information.
    pub hard: bool,
}

/// Which devices a rule is about: all criteria must hold, an empty one always does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSelector {
    /// The driver.
    pub driver: Clean,
    /// The pool.
    pub pool: Clean,
    /// The device.
    pub device: Clean,
    /// It also selects by a class or by CEL expressions, which only a server evaluates.
    pub by_expression: bool,
}

impl Keep for SliceFacts {
    type Spec<'a> = raw::Slice<'a>;
    type Status<'a> = Nothing;
    const KIND: &'static str = "ResourceSlice";

    fn new(spec: &raw::Slice<'_>, _: &Nothing) -> Self {
        spec.facts()
    }
}

impl Keep for ClaimFacts {
    type Spec<'a> = Nothing;
    type Status<'a> = raw::Claim<'a>;
    const KIND: &'static str = "ResourceClaim";

    fn new(_: &Nothing, status: &raw::Claim<'_>) -> Self {
        status.facts()
    }

    fn dated(self, created: Option<jiff::Timestamp>) -> Self {
        let created = created.map(|at| Since { basis: SinceBasis::Created, at });
        Self { since: self.since.or(created), ..self }
    }
}

impl Keep for ClassFacts {
    type Spec<'a> = raw::Class<'a>;
    type Status<'a> = Nothing;
    const KIND: &'static str = "DeviceClass";

    fn new(spec: &raw::Class<'_>, _: &Nothing) -> Self {
        Self { extended_resource: Clean::new(&spec.extended_resource) }
    }
}

impl Keep for RuleFacts {
    type Spec<'a> = raw::TaintRule<'a>;
    type Status<'a> = Nothing;
    const KIND: &'static str = "DeviceTaintRule";

    fn new(spec: &raw::TaintRule<'_>, _: &Nothing) -> Self {
        spec.facts()
    }
}

macro_rules! decoders {
    ($($facts:ty, $what:literal, $list:ident, $object:ident;)*) => {$(
        #[doc = concat!("A page of ", $what, "s, each handed to `each`.")]
        ///
        /// # Errors
        /// [`DecodeError`] if the body is not a list at all, or cut short; single unreadable objects are only counted.
        pub fn $list(body: &[u8], each: impl FnMut(ApiObject<$facts>)) -> Result<ListHead, DecodeError> {
            object::decode_list(body, each)
        }

        #[doc = concat!("One ", $what, ", as in a watch event.")]
        ///
        /// # Errors
        /// [`DecodeError`] if it is none.
        pub fn $object(object: &[u8]) -> Result<ApiObject<$facts>, DecodeError> {
            object::decode_object(object)
        }
    )*};
}
decoders! {
    SliceFacts, "slice", decode_slices, decode_slice;
    ClaimFacts, "claim", decode_claims, decode_claim;
    ClassFacts, "device class", decode_classes, decode_class;
    RuleFacts, "device taint rule", decode_rules, decode_rule;
}

#[cfg(test)]
mod tests;
