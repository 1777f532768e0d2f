//! Facts of `resource.k8s.io` (dynamic resource allocation): slices, claims, classes and taint rules, v1 and the betas.
//!
//! Only JSON is requested. The versions differ in one place: v1beta1 has a device's fields inside `basic`.
//! Source: `api resource/v1/types.go`, `resource/v1beta1/types.go`; `docs/counting.md`.

mod raw;

use serde::{Deserialize, Serialize};

use super::api::{ApiResource, Discovery, OptionalSwitch};
use super::object::{Nothing, ObjectFacts};
use super::pod::{Since, SinceBasis};
use super::text::Clean;
use super::wire::Uid;

/// Descriptor of a resource that each of these versions has; the alphas before them had other shapes.
const fn dra(kind: &'static str, plural: &'static str, namespaced: bool) -> ApiResource {
    ApiResource {
        group: "resource.k8s.io",
        versions: &["v1", "v1beta2", "v1beta1"],
        optional: true,
        protobuf: false,
        discovery: Discovery::Group,
        switch: OptionalSwitch::Dra,
        purpose: "devices of dynamic resource allocation",
        ..ApiResource::core(kind, plural, namespaced)
    }
}

/// Facts of a `ResourceSlice`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFacts {
    /// `spec.driver`.
    pub driver: Clean,
    /// `spec.pool.name`, unique within a driver.
    pub pool: Clean,
    /// `spec.pool.generation`: only slices of the highest one count.
    pub generation: i64,
    /// `spec.pool.resourceSliceCount`: the pool is complete with this number of slices of that generation.
    pub slices: i64,
    /// Nodes that can use its devices.
    pub scope: DeviceScope,
    /// `spec.sharedCounters`.
    pub counters: Vec<CounterSet>,
    /// `spec.devices`.
    pub devices: Vec<DeviceFacts>,
}

/// Nodes that can use a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeviceScope {
    /// On this node: `nodeName`.
    Node(Clean),
    /// On several nodes, over a network: `nodeSelector` or `allNodes`.
    Network,
    /// Not specified, or specified by each device (`perDeviceNodeSelection`).
    #[default]
    Unspecified,
}

/// Set of counters, or a device's consumption from one.
///
/// Amounts are only compared: a device that consumes the full amounts is the whole device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterSet {
    /// `name` of the set; `counterSet` of a device.
    pub name: Clean,
    /// Digest of its counters and their amounts, independent of order and spelling.
    pub digest: u64,
}

/// One of `spec.devices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Its name, unique within the pool.
    pub name: Clean,
    /// Its model, from the attributes; empty without one.
    pub model: Clean,
    /// Nodes that can use it, if the slice does not specify them.
    pub scope: DeviceScope,
    /// `consumesCounters`: the hardware that it shares with other devices.
    pub consumes: Vec<CounterSet>,
    /// `true` with a taint of effect `NoSchedule` or `NoExecute`: unavailable or unhealthy. Other effects are only informational.
    pub tainted: bool,
}

/// Facts of a `ResourceClaim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimFacts {
    /// `status.allocation.devices.results`; empty while it is not allocated.
    pub results: Vec<AllocatedDevice>,
    /// `true` if `status.allocation` is set.
    pub allocated: bool,
    /// `status.reservedFor`: the current consumers.
    pub reserved_for: Vec<Consumer>,
    /// `status.allocation.allocationTimestamp`, else the creation of the claim.
    pub since: Option<Since>,
}

/// Device of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedDevice {
    /// The driver.
    pub driver: Clean,
    /// The pool.
    pub pool: Clean,
    /// The device.
    pub device: Clean,
    /// `adminAccess`: the claim observes the device without taking it from others.
    pub admin: bool,
    /// `shareID`: share of a device that may have other shares.
    pub share: Option<Clean>,
}

/// One of `status.reservedFor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The plural, usually `pods`.
    pub resource: Clean,
    /// Its name, within the claim's namespace.
    pub name: Clean,
    /// Its uid.
    pub uid: Uid,
}

/// Facts of a `DeviceClass`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassFacts {
    /// `spec.extendedResourceName`: pods that request this resource may get devices of the class; empty if unset.
    pub extended_resource: Clean,
}

/// Facts of a `DeviceTaintRule`: a taint on devices, set by an administrator instead of the driver.
///
/// Source: `api resource/v1beta2/types.go`, `DeviceTaintRuleSpec`. v1alpha3 as of 1.33 and 1.34 had two more selectors, by class
/// and by expression, "tombstoned since 1.35" in every version: a class is made of CEL expressions too, so neither is evaluated
/// here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// `spec.deviceSelector`; without one the rule matches no device.
    pub selector: Option<DeviceSelector>,
    /// `true` if the taint's effect is `NoSchedule` or `NoExecute`; any other is only informational.
    pub hard: bool,
}

/// Criteria for the devices of a rule: all must match, and an empty one always matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSelector {
    /// The driver.
    pub driver: Clean,
    /// The pool.
    pub pool: Clean,
    /// The device.
    pub device: Clean,
    /// `true` if it also selects by a class or by CEL expressions, which only a server evaluates.
    pub by_expression: bool,
}

fn counter_bytes(sets: &[CounterSet]) -> u64 {
    sets.iter().map(|set| size_of_val(set) as u64 + set.name.heap_bytes()).sum()
}

impl ObjectFacts for SliceFacts {
    type Spec<'a> = raw::Slice<'a>;
    type Status<'a> = Nothing;
    const RESOURCE: ApiResource = ApiResource {
        calls: ["ResourceSlices", "ResourceSlices watch"],
        ..dra("ResourceSlice", "resourceslices", false)
    };

    fn heap_bytes(&self) -> u64 {
        let device = |device: &DeviceFacts| {
            size_of_val(device) as u64
                + device.name.heap_bytes()
                + device.model.heap_bytes()
                + counter_bytes(&device.consumes)
        };
        let devices: u64 = self.devices.iter().map(device).sum();
        self.driver.heap_bytes() + self.pool.heap_bytes() + counter_bytes(&self.counters) + devices
    }

    fn new(spec: &raw::Slice<'_>, _: &Nothing) -> Self {
        spec.facts()
    }
}

impl ObjectFacts for ClaimFacts {
    type Spec<'a> = Nothing;
    type Status<'a> = raw::Claim<'a>;
    const RESOURCE: ApiResource = ApiResource {
        calls: ["ResourceClaims", "ResourceClaims watch"],
        ..dra("ResourceClaim", "resourceclaims", true)
    };

    fn heap_bytes(&self) -> u64 {
        let results = self.results.iter().map(|result| {
            let names = [&result.driver, &result.pool, &result.device];
            size_of_val(result) as u64 + names.into_iter().map(Clean::heap_bytes).sum::<u64>()
        });
        let consumers = self
            .reserved_for
            .iter()
            .map(|user| size_of_val(user) as u64 + user.resource.heap_bytes() + user.name.heap_bytes());
        results.chain(consumers).sum()
    }

    fn new(_: &Nothing, status: &raw::Claim<'_>) -> Self {
        status.facts()
    }

    fn with_created(self, created: Option<jiff::Timestamp>) -> Self {
        let created = created.map(|at| Since { basis: SinceBasis::Created, at });
        Self { since: self.since.or(created), ..self }
    }
}

impl ObjectFacts for ClassFacts {
    type Spec<'a> = raw::Class<'a>;
    type Status<'a> = Nothing;
    const RESOURCE: ApiResource =
        ApiResource { calls: ["DeviceClasses", "DeviceClasses watch"], ..dra("DeviceClass", "deviceclasses", false) };

    fn heap_bytes(&self) -> u64 {
        self.extended_resource.heap_bytes()
    }

    fn new(spec: &raw::Class<'_>, _: &Nothing) -> Self {
        Self { extended_resource: Clean::new(&spec.extended_resource) }
    }
}

impl ObjectFacts for RuleFacts {
    type Spec<'a> = raw::TaintRule<'a>;
    type Status<'a> = Nothing;
    /// In v1beta2 from Kubernetes 1.36 on, in v1alpha3 from 1.33 on (KEP-5055). Not every server that has such a version has the
    /// rules in it.
    const RESOURCE: ApiResource = ApiResource {
        versions: &["v1", "v1beta2", "v1alpha3"],
        discovery: Discovery::Version,
        calls: ["DeviceTaintRules", "DeviceTaintRules watch"],
        ..dra("DeviceTaintRule", "devicetaintrules", false)
    };

    fn heap_bytes(&self) -> u64 {
        let names = self.selector.iter().flat_map(|of| [&of.driver, &of.pool, &of.device]);
        names.map(Clean::heap_bytes).sum()
    }

    fn new(spec: &raw::TaintRule<'_>, _: &Nothing) -> Self {
        spec.facts()
    }
}

#[cfg(test)]
mod tests;
