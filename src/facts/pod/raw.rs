//! A pod's JSON, as far as it is kept.

use serde::de::MapAccess;

use super::{Phase, PodFacts};
use crate::facts::json::{Amount, Anew, Flag, Int, List, Obj, Reset, Reused, Slim, Text, When, skip};
use crate::facts::requests::{self, Amounts};
use crate::facts::wire::{Meta, Uid, version};

#[derive(Debug, Default)]
pub(in crate::facts) struct Raw<'a> {
    pub(in crate::facts) kind: Text<'a>,
    pub(in crate::facts) metadata: Obj<Meta<'a>>,
    pub(in crate::facts) spec: Obj<Spec<'a>>,
    pub(in crate::facts) status: Obj<Status<'a>>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct Spec<'a> {
    pub(in crate::facts) node: Text<'a>,
    pub(in crate::facts) containers: Reused<Container<'a>>,
    pub(in crate::facts) init_containers: Reused<Container<'a>>,
    pub(in crate::facts) overhead: Amounts<'a>,
    pub(in crate::facts) resources: Obj<Resources<'a>>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct Container<'a> {
    pub(in crate::facts) name: Text<'a>,
    pub(in crate::facts) restart_policy: Text<'a>,
    pub(in crate::facts) resources: Obj<Resources<'a>>,
}

/// Requests and limits.
#[derive(Debug, Default)]
pub(in crate::facts) struct Resources<'a> {
    pub(in crate::facts) requests: Amounts<'a>,
    pub(in crate::facts) limits: Amounts<'a>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct Status<'a> {
    pub(in crate::facts) phase: Text<'a>,
    pub(in crate::facts) reason: Text<'a>,
    pub(in crate::facts) conditions: Reused<Condition<'a>>,
    pub(in crate::facts) containers: Reused<ContainerStatus<'a>>,
    pub(in crate::facts) init_containers: Reused<ContainerStatus<'a>>,
    /// `allocatedResources`, of the pod as a whole.
    pub(in crate::facts) allocated: Amounts<'a>,
    /// `resources`, of the pod as a whole.
    pub(in crate::facts) resources: Obj<Resources<'a>>,
    /// `extendedResourceClaimStatus`: extended resources that a claim serves.
    pub(in crate::facts) served: Obj<Served<'a>>,
    /// `nodeAllocatableResourceClaimStatuses`.
    pub(in crate::facts) claims: List<Obj<ClaimStatus<'a>>>,
}

/// Which of the pod's extended resources are served by a claim, and not by a device plugin.
#[derive(Debug, Default)]
pub(in crate::facts) struct Served<'a> {
    pub(in crate::facts) requests: List<Obj<ServedRequest<'a>>>,
}

/// One of `requestMappings`.
#[derive(Debug, Default)]
pub(in crate::facts) struct ServedRequest<'a> {
    pub(in crate::facts) container: Text<'a>,
    pub(in crate::facts) resource: Text<'a>,
}

/// What a claim takes of the node's own resources.
#[derive(Debug, Default)]
pub(in crate::facts) struct ClaimStatus<'a> {
    /// As of 1.36.
    pub(in crate::facts) resources: Amounts<'a>,
    /// Containers that refer to it.
    pub(in crate::facts) containers: List<Text<'a>>,
    /// Came after `resources`, like `overhead`.
    pub(in crate::facts) mapping: List<Obj<Taken<'a>>>,
    pub(in crate::facts) overhead: List<Obj<Taken<'a>>>,
}

/// One of `mapping` or of `overhead`.
#[derive(Debug, Default)]
pub(in crate::facts) struct Taken<'a> {
    pub(in crate::facts) name: Text<'a>,
    /// `quantity`, or `perPod`: once, however many containers refer to the claim.
    pub(in crate::facts) once: Amount,
    /// `perContainer`.
    pub(in crate::facts) each: Amount,
}

impl<'a> ClaimStatus<'a> {
    pub(in crate::facts) fn taken(&self) -> impl Iterator<Item = &Taken<'a>> {
        self.mapping.0.iter().chain(&self.overhead.0).map(|Obj(taken)| taken)
    }
}

#[derive(Debug, Default)]
pub(in crate::facts) struct Condition<'a> {
    pub(in crate::facts) kind: Text<'a>,
    pub(in crate::facts) status: Text<'a>,
    pub(in crate::facts) reason: Text<'a>,
    /// `lastTransitionTime`.
    pub(in crate::facts) since: When<'a>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct ContainerStatus<'a> {
    pub(in crate::facts) name: Text<'a>,
    pub(in crate::facts) ready: Flag,
    pub(in crate::facts) started: Flag,
    pub(in crate::facts) restarts: Int,
    pub(in crate::facts) state: Obj<State<'a>>,
    pub(in crate::facts) allocated: Amounts<'a>,
    pub(in crate::facts) resources: Obj<Resources<'a>>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct State<'a> {
    pub(in crate::facts) waiting: Option<Obj<StateDetail<'a>>>,
    pub(in crate::facts) running: Option<Obj<StateDetail<'a>>>,
    pub(in crate::facts) terminated: Option<Obj<StateDetail<'a>>>,
}

#[derive(Debug, Default)]
pub(in crate::facts) struct StateDetail<'a> {
    pub(in crate::facts) reason: Text<'a>,
    pub(in crate::facts) exit_code: Int,
    pub(in crate::facts) signal: Int,
}

impl Container<'_> {
    /// An init container that goes on running: a sidecar.
    pub(in crate::facts) fn is_sidecar(&self) -> bool {
        &*self.restart_policy == "Always"
    }
}

impl Resources<'_> {
    /// The API gave requests or limits, although they may be empty.
    pub(in crate::facts) fn is_given(&self) -> bool {
        self.requests.is_given() || self.limits.is_given()
    }
}

impl Status<'_> {
    pub(in crate::facts) fn phase(&self) -> Phase {
        match &*self.phase {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            _ => Phase::Unknown,
        }
    }
}

impl Raw<'_> {
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
            mirror: meta.annotations.0.mirror,
            containers: shown.containers,
            ready: shown.ready,
            restarts: shown.restarts,
            created: meta.created.0,
            since: if holds { self.since() } else { None },
            requests,
        })
    }
}

impl Reset for Raw<'_> {
    fn reset(&mut self) {
        self.kind = Text::default();
        self.metadata.reset();
        self.spec.reset();
        self.status.reset();
    }
}

impl Reset for Spec<'_> {
    fn reset(&mut self) {
        self.node = Text::default();
        self.containers.reset();
        self.init_containers.reset();
        self.overhead.reset();
        self.resources.reset();
    }
}

impl Reset for Container<'_> {
    fn reset(&mut self) {
        self.name = Text::default();
        self.restart_policy = Text::default();
        self.resources.reset();
    }
}

impl Reset for Resources<'_> {
    fn reset(&mut self) {
        self.requests.reset();
        self.limits.reset();
    }
}

impl Reset for Status<'_> {
    fn reset(&mut self) {
        self.phase = Text::default();
        self.reason = Text::default();
        self.conditions.reset();
        self.containers.reset();
        self.init_containers.reset();
        self.allocated.reset();
        self.resources.reset();
        self.served.0.requests.reset();
        self.claims.reset();
    }
}

impl Reset for Condition<'_> {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Reset for ContainerStatus<'_> {
    fn reset(&mut self) {
        self.allocated.reset();
        self.resources.reset();
        let (allocated, resources) = (std::mem::take(&mut self.allocated), std::mem::take(&mut self.resources));
        *self = Self { allocated, resources, ..Self::default() };
    }
}

impl<'de> Slim<'de> for Raw<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind = map.next_value()?,
            "metadata" => map.next_value_seed(Anew(&mut self.metadata))?,
            "spec" => map.next_value_seed(Anew(&mut self.spec))?,
            "status" => map.next_value_seed(Anew(&mut self.status))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Spec<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "nodeName" => self.node = map.next_value()?,
            "containers" => map.next_value_seed(Anew(&mut self.containers))?,
            "initContainers" => map.next_value_seed(Anew(&mut self.init_containers))?,
            "overhead" => map.next_value_seed(Anew(&mut self.overhead))?,
            "resources" => map.next_value_seed(Anew(&mut self.resources))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Container<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "restartPolicy" => self.restart_policy = map.next_value()?,
            "resources" => map.next_value_seed(Anew(&mut self.resources))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Resources<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "requests" => map.next_value_seed(Anew(&mut self.requests))?,
            "limits" => map.next_value_seed(Anew(&mut self.limits))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Status<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "phase" => self.phase = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            "conditions" => map.next_value_seed(Anew(&mut self.conditions))?,
            "containerStatuses" => map.next_value_seed(Anew(&mut self.containers))?,
            "initContainerStatuses" => map.next_value_seed(Anew(&mut self.init_containers))?,
            "allocatedResources" => map.next_value_seed(Anew(&mut self.allocated))?,
            "resources" => map.next_value_seed(Anew(&mut self.resources))?,
            "extendedResourceClaimStatus" => self.served = map.next_value()?,
            "nodeAllocatableResourceClaimStatuses" => self.claims = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Served<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "requestMappings" => self.requests = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for ServedRequest<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "containerName" => self.container = map.next_value()?,
            "resourceName" => self.resource = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for ClaimStatus<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "resources" => map.next_value_seed(Anew(&mut self.resources))?,
            "containers" => self.containers = map.next_value()?,
            "mapping" => self.mapping = map.next_value()?,
            "overhead" => self.overhead = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Taken<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "quantity" | "perPod" => self.once = map.next_value()?,
            "perContainer" => self.each = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Condition<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "status" => self.status = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            "lastTransitionTime" => self.since = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for ContainerStatus<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "ready" => self.ready = map.next_value()?,
            "started" => self.started = map.next_value()?,
            "restartCount" => self.restarts = map.next_value()?,
            "state" => self.state = map.next_value()?,
            "allocatedResources" => map.next_value_seed(Anew(&mut self.allocated))?,
            "resources" => map.next_value_seed(Anew(&mut self.resources))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for State<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "waiting" => self.waiting = map.next_value()?,
            "running" => self.running = map.next_value()?,
            "terminated" => self.terminated = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for StateDetail<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "reason" => self.reason = map.next_value()?,
            "exitCode" => self.exit_code = map.next_value()?,
            "signal" => self.signal = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
