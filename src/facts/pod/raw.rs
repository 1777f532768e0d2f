//! Known fields of a pod on the wire.

pub(super) mod scheduling;

use serde::de::MapAccess;

use super::PodPhase;
use crate::facts::gang::GangKeys;
use crate::facts::json::{Amount, Fill, Flag, Int, JsonList, LazyTime, Obj, Pairs, Reset, ResetSeed, Reused, Text};
use crate::facts::message::{Deferred, JsonValue, ProtoValue, message};
use crate::facts::proto::{Malformed, WireValue};
use crate::facts::quantity::Quantity;
use crate::facts::wire::ObjectMeta;

/// Readable amounts by resource name, sorted by name; each name occurs once.
#[derive(Clone, Debug, Default)]
pub(in crate::facts) struct Amounts<'a> {
    /// `true` if the API sent the map, even an empty one.
    given: bool,
    entries: Vec<(Text<'a>, Quantity)>,
}

impl Reset for Amounts<'_> {
    fn reset(&mut self) {
        self.given = false;
        self.entries.clear();
    }
}

impl<'de> Fill<'de> for Amounts<'de> {
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        self.given = true;
        while let Some((name, amount)) = map.next_entry::<Text<'de>, Amount>()? {
            if let Amount::Known(amount) = amount {
                self.insert(name, amount);
            }
        }
        Ok(())
    }
}

impl<'a> JsonValue<'a> for Amounts<'a> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a> ProtoValue<'a> for Amounts<'a> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        self.given = true;
        let (name, value) = value.entry()?;
        if let Amount::Known(amount) = value.amount()? {
            self.insert(name, amount);
        }
        Ok(())
    }
}

impl<'a> Amounts<'a> {
    /// Returns `true` if the API sent the map, even an empty one.
    pub(in crate::facts) fn is_given(&self) -> bool {
        self.given
    }

    /// Adds an amount; of two with one name the last counts, as in Go. Go writes maps sorted, other servers may not.
    pub(in crate::facts) fn insert(&mut self, name: Text<'a>, amount: Quantity) {
        if self.entries.last().is_none_or(|(last, _)| *last < name) {
            self.entries.push((name, amount));
            return;
        }
        match self.entries.binary_search_by(|(entry, _)| entry.cmp(&name)) {
            Ok(at) => self.entries[at].1 = amount,
            Err(at) => self.entries.insert(at, (name, amount)),
        }
    }
}

impl Amounts<'_> {
    /// Amount of one resource. There are only a handful of names, so the search is linear.
    pub(super) fn get(&self, name: &str) -> Option<Quantity> {
        self.entries.iter().find(|(entry, _)| **entry == *name).map(|(_, amount)| *amount)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| &**name)
    }
}

use scheduling::{RawAffinity, RawClaim, RawGate, RawPort, RawSchedulingGroup, RawSpread, RawToleration, RawVolume};

message! {
    /// `Pod`.
    pub(in crate::facts) struct RawPod<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a, GangKeys<'a>>> = "metadata" | 1,
        spec: Obj<PodSpec<'a>> = "spec" | 2,
        status: Obj<PodStatus<'a>> = "status" | 3,
    }

    /// `PodSpec`.
    pub(in crate::facts) struct PodSpec<'a> {
        volumes: Deferred<'a, JsonList<Obj<RawVolume>>> = "volumes" | 1,
        containers: Reused<Container<'a>> = "containers" | 2,
        node_selector: Deferred<'a, Pairs<'a, Text<'a>>> = "nodeSelector" | 7,
        node: Text<'a> = "nodeName" | 10,
        affinity: Deferred<'a, Obj<RawAffinity<'a>>> = "affinity" | 18,
        scheduler: Deferred<'a, Text<'a>> = "schedulerName" | 19,
        init_containers: Reused<Container<'a>> = "initContainers" | 20,
        tolerations: Deferred<'a, JsonList<Obj<RawToleration<'a>>>> = "tolerations" | 22,
        overhead: Amounts<'a> = "overhead" | 32,
        spread: Deferred<'a, JsonList<Obj<RawSpread<'a>>>> = "topologySpreadConstraints" | 33,
        gates: Deferred<'a, JsonList<Obj<RawGate<'a>>>> = "schedulingGates" | 38,
        claims: Deferred<'a, JsonList<Obj<RawClaim<'a>>>> = "resourceClaims" | 39,
        resources: Obj<ResourceRequirements<'a>> = "resources" | 40,
        group: Obj<RawSchedulingGroup<'a>> = "schedulingGroup" | 43,
    }

    /// `Container`.
    pub(in crate::facts) struct Container<'a> {
        name: Text<'a> = "name" | 1,
        ports: Deferred<'a, JsonList<Obj<RawPort>>> = "ports" | 6,
        resources: Obj<ResourceRequirements<'a>> = "resources" | 8,
        restart_policy: Text<'a> = "restartPolicy" | 24,
    }

    /// `ResourceRequirements`.
    pub(in crate::facts) struct ResourceRequirements<'a> {
        limits: Amounts<'a> = "limits" | 1,
        requests: Amounts<'a> = "requests" | 2,
    }

    /// `PodStatus`.
    pub(in crate::facts) struct PodStatus<'a> {
        phase: Text<'a> = "phase" | 1,
        conditions: Reused<PodCondition<'a>> = "conditions" | 2,
        reason: Text<'a> = "reason" | 4,
        containers: Reused<ContainerStatus<'a>> = "containerStatuses" | 8,
        init_containers: Reused<ContainerStatus<'a>> = "initContainerStatuses" | 10,
        /// Extended resources that a claim provides.
        extended_claim: Obj<ExtendedResourceClaim<'a>> = "extendedResourceClaimStatus" | 18,
        /// For the pod as a whole.
        allocated: Amounts<'a> = "allocatedResources" | 19,
        /// For the pod as a whole.
        resources: Obj<ResourceRequirements<'a>> = "resources" | 20,
        claims: JsonList<Obj<ClaimStatus<'a>>> = "nodeAllocatableResourceClaimStatuses" | 21,
    }

    /// `PodExtendedResourceClaimStatus`: extended resources of the pod that a claim provides instead of a device plugin.
    pub(in crate::facts) struct ExtendedResourceClaim<'a> {
        requests: JsonList<Obj<ExtendedResourceRequest<'a>>> = "requestMappings" | 1,
    }

    /// `ContainerExtendedResourceRequest`.
    pub(in crate::facts) struct ExtendedResourceRequest<'a> {
        container: Text<'a> = "containerName" | 1,
        resource: Text<'a> = "resourceName" | 2,
    }

    /// `NodeAllocatableResourceClaimStatus`: amounts of the node's own resources that a claim consumes.
    pub(in crate::facts) struct ClaimStatus<'a> {
        /// Containers that reference the claim.
        containers: JsonList<Text<'a>> = "containers" | 2,
        /// As of 1.36.
        resources: Amounts<'a> = "resources" | 3,
        /// Newer than `resources`, like `overhead`.
        mapping: JsonList<Obj<AllocatableMapped<'a>>> = "mapping" | 4,
        overhead: JsonList<Obj<AllocatableMapped<'a>>> = "overhead" | 5,
    }

    /// `NodeAllocatableMappedResources` and `NodeAllocatableOverheadResources`.
    pub(in crate::facts) struct AllocatableMapped<'a> {
        name: Text<'a> = "name" | 1,
        /// Once per pod, however many containers reference the claim.
        once: Amount = "quantity" "perPod" | 2,
        each: Amount = "perContainer" | 3,
    }

    /// `PodCondition`.
    pub(in crate::facts) struct PodCondition<'a> {
        kind: Text<'a> = "type" | 1,
        status: Text<'a> = "status" | 2,
        since: LazyTime<'a> = "lastTransitionTime" | 4,
        reason: Text<'a> = "reason" | 5,
        message: Deferred<'a, Text<'a>> = "message" | 6,
    }

    /// `ContainerStatus`.
    pub(in crate::facts) struct ContainerStatus<'a> {
        name: Text<'a> = "name" | 1,
        state: Obj<RawContainerState<'a>> = "state" | 2,
        last_state: Deferred<'a, Obj<RawContainerState<'a>>> = "lastState" | 3,
        ready: Flag = "ready" | 4,
        restarts: Int = "restartCount" | 5,
        image: Deferred<'a, Text<'a>> = "image" | 6,
        started: Flag = "started" | 9,
        allocated: Amounts<'a> = "allocatedResources" | 10,
        resources: Obj<ResourceRequirements<'a>> = "resources" | 11,
        devices: Deferred<'a, JsonList<Obj<ResourceStatus<'a>>>> = "allocatedResourcesStatus" | 14,
    }

    /// `ResourceStatus`: health of the devices of one resource, or of one claim.
    pub(in crate::facts) struct ResourceStatus<'a> {
        name: Text<'a> = "name" | 1,
        resources: JsonList<Obj<ResourceHealth<'a>>> = "resources" | 2,
    }

    /// `ResourceHealth`.
    pub(in crate::facts) struct ResourceHealth<'a> {
        id: Text<'a> = "resourceID" | 1,
        health: Text<'a> = "health" | 2,
        /// As of 1.36.
        message: Text<'a> = "message" | 6,
    }

    /// `ContainerState`.
    pub(in crate::facts) struct RawContainerState<'a> {
        waiting: Option<Obj<Waiting<'a>>> = "waiting" | 1,
        running: Option<Obj<ContainerStateRunning>> = "running" | 2,
        terminated: Option<Obj<Terminated<'a>>> = "terminated" | 3,
    }

    /// `ContainerStateWaiting`.
    pub(in crate::facts) struct Waiting<'a> {
        reason: Text<'a> = "reason" | 1,
        message: Deferred<'a, Text<'a>> = "message" | 2,
    }

    /// `ContainerStateRunning`, without known fields.
    pub(in crate::facts) struct ContainerStateRunning {}

    /// `ContainerStateTerminated`.
    pub(in crate::facts) struct Terminated<'a> {
        exit_code: Int = "exitCode" | 1,
        signal: Int = "signal" | 2,
        reason: Text<'a> = "reason" | 3,
    }
}

impl<'a> ClaimStatus<'a> {
    pub(in crate::facts) fn consumed(&self) -> impl Iterator<Item = &AllocatableMapped<'a>> {
        self.mapping.0.iter().chain(&self.overhead.0).map(|Obj(taken)| taken)
    }
}

impl Container<'_> {
    /// Returns `true` for a sidecar, an init container that keeps running.
    pub(in crate::facts) fn is_sidecar(&self) -> bool {
        &*self.restart_policy == "Always"
    }
}

impl ResourceRequirements<'_> {
    /// Returns `true` if the API sent requests or limits, even empty ones.
    pub(in crate::facts) fn is_given(&self) -> bool {
        self.requests.is_given() || self.limits.is_given()
    }
}

impl PodStatus<'_> {
    pub(in crate::facts) fn phase(&self) -> PodPhase {
        match &*self.phase {
            "Pending" => PodPhase::Pending,
            "Running" => PodPhase::Running,
            "Succeeded" => PodPhase::Succeeded,
            "Failed" => PodPhase::Failed,
            _ => PodPhase::Unknown,
        }
    }
}
