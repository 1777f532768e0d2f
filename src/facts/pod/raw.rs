//! A pod on the wire, as far as it is kept.

use super::{PodFacts, PodPhase};
use crate::facts::json::{Amount, Flag, Int, JsonList, Obj, Reused, Text, When};
use crate::facts::message::message;
use crate::facts::requests::{self, Amounts};
use crate::facts::wire::{ObjectMeta, Uid, version};

message! {
    /// `Pod`.
    pub(in crate::facts) struct RawPod<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a>> = "metadata" | 1,
        spec: Obj<PodSpec<'a>> = "spec" | 2,
        status: Obj<PodStatus<'a>> = "status" | 3,
    }

    /// `PodSpec`.
    pub(in crate::facts) struct PodSpec<'a> {
        containers: Reused<Container<'a>> = "containers" | 2,
        node: Text<'a> = "nodeName" | 10,
        init_containers: Reused<Container<'a>> = "initContainers" | 20,
        overhead: Amounts<'a> = "overhead" | 32,
        resources: Obj<ResourceRequirements<'a>> = "resources" | 40,
    }

    /// `Container`.
    pub(in crate::facts) struct Container<'a> {
        name: Text<'a> = "name" | 1,
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
        /// Extended resources that a claim serves.
        served: Obj<Served<'a>> = "extendedResourceClaimStatus" | 18,
        /// Of the pod as a whole.
        allocated: Amounts<'a> = "allocatedResources" | 19,
        /// Of the pod as a whole.
        resources: Obj<ResourceRequirements<'a>> = "resources" | 20,
        claims: JsonList<Obj<ClaimStatus<'a>>> = "nodeAllocatableResourceClaimStatuses" | 21,
    }

    /// `PodExtendedResourceClaimStatus`: extended resources of the pod that a claim serves, and not a device plugin.
    pub(in crate::facts) struct Served<'a> {
        requests: JsonList<Obj<ServedRequest<'a>>> = "requestMappings" | 1,
    }

    /// `ContainerExtendedResourceRequest`.
    pub(in crate::facts) struct ServedRequest<'a> {
        container: Text<'a> = "containerName" | 1,
        resource: Text<'a> = "resourceName" | 2,
    }

    /// `NodeAllocatableResourceClaimStatus`: amounts of the node's own resources that a claim takes.
    pub(in crate::facts) struct ClaimStatus<'a> {
        /// Containers that refer to it.
        containers: JsonList<Text<'a>> = "containers" | 2,
        /// As of 1.36.
        resources: Amounts<'a> = "resources" | 3,
        /// Came after `resources`, like `overhead`.
        mapping: JsonList<Obj<AllocatableMapped<'a>>> = "mapping" | 4,
        overhead: JsonList<Obj<AllocatableMapped<'a>>> = "overhead" | 5,
    }

    /// `NodeAllocatableMappedResources` and `NodeAllocatableOverheadResources`.
    pub(in crate::facts) struct AllocatableMapped<'a> {
        name: Text<'a> = "name" | 1,
        /// Once, however many containers refer to the claim.
        once: Amount = "quantity" "perPod" | 2,
        each: Amount = "perContainer" | 3,
    }

    /// `PodCondition`.
    pub(in crate::facts) struct PodCondition<'a> {
        kind: Text<'a> = "type" | 1,
        status: Text<'a> = "status" | 2,
        since: When<'a> = "lastTransitionTime" | 4,
        reason: Text<'a> = "reason" | 5,
    }

    /// `ContainerStatus`.
    pub(in crate::facts) struct ContainerStatus<'a> {
        name: Text<'a> = "name" | 1,
        state: Obj<RawContainerState<'a>> = "state" | 2,
        ready: Flag = "ready" | 4,
        restarts: Int = "restartCount" | 5,
        started: Flag = "started" | 9,
        allocated: Amounts<'a> = "allocatedResources" | 10,
        resources: Obj<ResourceRequirements<'a>> = "resources" | 11,
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
    }

    /// `ContainerStateRunning`, of which nothing is kept.
    pub(in crate::facts) struct ContainerStateRunning {}

    /// `ContainerStateTerminated`.
    pub(in crate::facts) struct Terminated<'a> {
        exit_code: Int = "exitCode" | 1,
        signal: Int = "signal" | 2,
        reason: Text<'a> = "reason" | 3,
    }
}

impl<'a> ClaimStatus<'a> {
    pub(in crate::facts) fn taken(&self) -> impl Iterator<Item = &AllocatableMapped<'a>> {
        self.mapping.0.iter().chain(&self.overhead.0).map(|Obj(taken)| taken)
    }
}

impl Container<'_> {
    /// An init container that goes on running: a sidecar.
    pub(in crate::facts) fn is_sidecar(&self) -> bool {
        &*self.restart_policy == "Always"
    }
}

impl ResourceRequirements<'_> {
    /// The API gave requests or limits, although they may be empty.
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

impl RawPod<'_> {
    /// Hands the pod's facts, borrowed from here, to `take`.
    pub(super) fn with_facts<T>(&self, take: impl FnOnce(&PodFacts<'_>) -> T) -> T {
        let (Obj(meta), Obj(spec), Obj(status)) = (&self.metadata, &self.spec, &self.status);
        let shown = super::status::shown(self);
        let owner = meta.controller();
        let requests = requests::effective(spec, status);
        let holds = requests.others.iter().any(|(name, _)| name.contains('/'));
        take(&PodFacts {
            namespace: &meta.namespace,
            name: &meta.name,
            uid: Uid::parse(&meta.uid),
            version: version(&meta.version),
            node: &spec.node,
            owner_kind: owner.map_or("", |owner| &*owner.kind),
            owner_name: owner.map_or("", |owner| &*owner.name),
            phase: status.phase(),
            reason: &shown.reason,
            deleting: meta.deleting.is_present(),
            mirror: meta.annotations.mirror,
            containers: shown.containers,
            ready: shown.ready,
            restarts: shown.restarts,
            created: meta.created.0,
            since: if holds { self.since() } else { None },
            requests,
        })
    }
}
