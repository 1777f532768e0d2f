//! Details of one pod for the pod screen, decoded from the whole object; the compact record does not contain them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PodBatch, decode_object};
use crate::facts::json_value::{amounts, clean, count, flag, int, list, object, text, time};
use crate::facts::node::{ConditionStatus, NodeCondition};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::{DecodeError, Uid, refuse};

/// One pod in detail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodDetail {
    /// `metadata.namespace`.
    pub namespace: Clean,
    /// `metadata.name`.
    pub name: Clean,
    /// `metadata.uid`.
    pub uid: Uid,
    /// kubectl's STATUS.
    pub status: Clean,
    /// `true` for Succeeded and Failed: the pod no longer holds resources.
    pub ended: bool,
    /// Ready containers, and containers that count for READY.
    pub ready: (u16, u16),
    /// Restarts as kubectl counts them.
    pub restarts: u32,
    /// `spec.nodeName`; empty while it is unscheduled.
    pub node: Clean,
    /// Kind and name of the controlling owner, `Job/llm-7b`; empty without one.
    pub owner: Clean,
    /// `status.qosClass`.
    pub qos: Clean,
    /// `spec.priorityClassName`.
    pub priority_class: Clean,
    /// `spec.serviceAccountName`.
    pub service_account: Clean,
    /// `status.podIP`.
    pub ip: Clean,
    /// `status.reason`, for instance `Evicted`.
    pub reason: Clean,
    /// `status.message`: the cause of this state.
    pub message: Clean,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `status.startTime`: the kubelet accepted the pod.
    pub started: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: the deadline for the pod to be gone.
    pub deleting: Option<Timestamp>,
    /// Mirror of a static pod.
    pub mirror: bool,
    /// Effective requests, sorted by name.
    pub requests: Vec<(Clean, Quantity)>,
    /// Init containers, containers, ephemeral containers, each in the order of the spec.
    pub containers: Vec<ContainerFacts>,
    /// `status.conditions` in the order of the API.
    pub conditions: Vec<NodeCondition>,
    /// Resource claims.
    pub claims: Vec<PodClaimFacts>,
}

/// One container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Kind of container.
    pub kind: ContainerKind,
    /// Its name.
    pub name: Clean,
    /// Image in the spec.
    pub image: Clean,
    /// Current state.
    pub state: ContainerState,
    /// `ready` of its status.
    pub ready: Option<bool>,
    /// `restartCount`; 0 without a status.
    pub restarts: u32,
    /// End of the previous run.
    pub last: Option<Termination>,
    /// `resources.requests`, sorted by name.
    pub requests: Vec<(Clean, Quantity)>,
    /// `resources.limits`, sorted by name.
    pub limits: Vec<(Clean, Quantity)>,
    /// Devices that the kubelet allocated, if the status reports them (KEP-4680).
    pub devices: Vec<AllocatedDevice>,
}

/// Kind of container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerKind {
    /// Runs to completion before the others.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the others.
    Sidecar,
    /// App container.
    #[default]
    App,
    /// Added by `kubectl debug`.
    Ephemeral,
}

/// State of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum ContainerState {
    /// The status reports no state.
    #[default]
    Unknown,
    /// It does not run yet, or waits for a restart.
    Waiting {
        /// `CrashLoopBackOff`, `ImagePullBackOff`, `ContainerCreating`.
        reason: Clean,
        /// Human-readable message.
        message: Clean,
    },
    /// It runs.
    Running {
        /// Start of this run.
        since: Option<Timestamp>,
    },
    /// It has ended.
    Ended(Termination),
}

/// Terminated state of a container's run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Termination {
    /// `Completed`, `Error`, `OOMKilled`.
    pub reason: Clean,
    /// Exit code, if the status reports one.
    pub exit_code: Option<i64>,
    /// Signal that ended it, if any.
    pub signal: Option<i64>,
    /// Start of the run.
    pub started: Option<Timestamp>,
    /// End of the run.
    pub finished: Option<Timestamp>,
    /// Its termination message.
    pub message: Clean,
}

/// Device that was allocated to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedDevice {
    /// `nvidia.com/gpu`, or `claim:name`.
    pub resource: Clean,
    /// Name given by the plugin or the driver.
    pub id: Clean,
    /// `Healthy`, `Unhealthy`, `Unknown`.
    pub health: Clean,
}

/// One of `spec.resourceClaims`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodClaimFacts {
    /// Name of the claim within the pod.
    pub name: Clean,
    /// The `ResourceClaim`; empty until it is created.
    pub claim: Clean,
    /// Template that it is created from; empty without one.
    pub template: Clean,
    /// Extended resources that it provides, if the scheduler created it for them; such a claim is not in `spec.resourceClaims`.
    pub serves: Vec<Clean>,
}

impl PodDetail {
    /// Decodes one pod from JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not a pod.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut batch = PodBatch::default();
        decode_object(body, false, &mut batch)?;
        let value = object(body, "a Pod")?;
        let mut detail = Self::other_fields(&value);
        let Some((pod, _)) = batch.iter().next() else { return Err(refuse("a Pod", "it has no name", body)) };
        detail.namespace = Clean::new(pod.namespace);
        detail.name = Clean::new(pod.name);
        detail.uid = pod.uid;
        let phase = clean(&value, "/status/phase");
        detail.status = match (pod.reason, &*phase) {
            ("", "") => Clean::new("Unknown"),
            ("", _) => phase,
            (reason, _) => Clean::new(reason),
        };
        detail.ended = pod.phase.is_terminal();
        detail.ready = (pod.ready, pod.containers);
        detail.restarts = pod.restarts;
        detail.node = Clean::new(pod.node);
        if !pod.owner_kind.is_empty() {
            detail.owner = Clean::new(&format!("{}/{}", pod.owner_kind, pod.owner_name));
        }
        detail.mirror = pod.mirror;
        let requests = &pod.requests;
        let own = [("cpu", requests.cpu), ("memory", requests.memory)];
        let all =
            own.into_iter().filter(|(_, amount)| *amount != Quantity::ZERO).chain(requests.others.iter().copied());
        detail.requests = all.map(|(name, amount)| (Clean::new(name), amount)).collect();
        Ok(detail)
    }

    /// Reads the fields that the compact record lacks.
    fn other_fields(value: &Value) -> Self {
        Self {
            qos: clean(value, "/status/qosClass"),
            priority_class: clean(value, "/spec/priorityClassName"),
            service_account: clean(value, "/spec/serviceAccountName"),
            ip: clean(value, "/status/podIP"),
            reason: clean(value, "/status/reason"),
            message: clean(value, "/status/message"),
            created: time(value, "/metadata/creationTimestamp"),
            started: time(value, "/status/startTime"),
            deleting: time(value, "/metadata/deletionTimestamp"),
            containers: containers(value),
            conditions: list(value, "/status/conditions").iter().map(condition).collect(),
            claims: claims(value),
            ..Self::default()
        }
    }
}

fn containers(pod: &Value) -> Vec<ContainerFacts> {
    let parts = [
        ("/spec/initContainers", "/status/initContainerStatuses", ContainerKind::Init),
        ("/spec/containers", "/status/containerStatuses", ContainerKind::App),
        ("/spec/ephemeralContainers", "/status/ephemeralContainerStatuses", ContainerKind::Ephemeral),
    ];
    let of = |(spec, status, kind): (&str, &str, ContainerKind)| {
        let statuses = list(pod, status);
        let found = |spec: &Value| {
            // Of two statuses with one name the later counts, as in upstream's map.
            let named = |status: &&Value| text(status, "/name") == text(spec, "/name");
            container(spec, statuses.iter().rev().find(named).unwrap_or(&Value::Null), kind)
        };
        list(pod, spec).iter().map(found).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of).collect()
}

fn container(spec: &Value, status: &Value, kind: ContainerKind) -> ContainerFacts {
    let sidecar = kind == ContainerKind::Init && text(spec, "/restartPolicy") == "Always";
    let devices = list(status, "/allocatedResourcesStatus").iter().flat_map(|resource| {
        let device = |device: &Value| AllocatedDevice {
            resource: clean(resource, "/name"),
            id: clean(device, "/resourceID"),
            health: clean(device, "/health"),
        };
        list(resource, "/resources").iter().map(device).collect::<Vec<_>>()
    });
    ContainerFacts {
        kind: if sidecar { ContainerKind::Sidecar } else { kind },
        name: clean(spec, "/name"),
        image: clean(spec, "/image"),
        state: state(status),
        ready: flag(status, "/ready"),
        restarts: count(status, "/restartCount").unwrap_or(0),
        last: status.pointer("/lastState/terminated").filter(|ended| ended.is_object()).map(termination),
        requests: amounts(spec, "/resources/requests"),
        limits: amounts(spec, "/resources/limits"),
        devices: devices.collect(),
    }
}

/// State of a container. The API sets exactly one, and none means waiting (`core/v1` types.go, `ContainerState`); of several
/// the first in this order counts.
fn state(status: &Value) -> ContainerState {
    let is = |path| status.pointer(path).filter(|state: &&Value| state.is_object());
    if let Some(running) = is("/state/running") {
        return ContainerState::Running { since: time(running, "/startedAt") };
    }
    if let Some(ended) = is("/state/terminated") {
        return ContainerState::Ended(termination(ended));
    }
    match is("/state/waiting") {
        Some(waiting) => {
            ContainerState::Waiting { reason: clean(waiting, "/reason"), message: clean(waiting, "/message") }
        }
        None => ContainerState::Unknown,
    }
}

fn termination(value: &Value) -> Termination {
    Termination {
        reason: clean(value, "/reason"),
        exit_code: int(value, "/exitCode"),
        signal: int(value, "/signal").filter(|signal| *signal != 0),
        started: time(value, "/startedAt"),
        finished: time(value, "/finishedAt"),
        message: clean(value, "/message"),
    }
}

fn condition(value: &Value) -> NodeCondition {
    NodeCondition {
        kind: clean(value, "/type"),
        status: match text(value, "/status") {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" | "" => ConditionStatus::Unknown,
            other => ConditionStatus::Other(Clean::new(other)),
        },
        reason: clean(value, "/reason"),
        message: clean(value, "/message"),
        since: time(value, "/lastTransitionTime"),
    }
}

/// Claims of the spec, then the one that the scheduler created for extended resources.
fn claims(pod: &Value) -> Vec<PodClaimFacts> {
    let named = list(pod, "/spec/resourceClaims").iter().map(|claim| pod_claim(claim, pod));
    let made = clean(pod, "/status/extendedResourceClaimStatus/resourceClaimName");
    let bridge = (!made.is_empty()).then(|| {
        let mappings = list(pod, "/status/extendedResourceClaimStatus/requestMappings");
        let mut serves: Vec<Clean> = mappings.iter().map(|mapping| clean(mapping, "/resourceName")).collect();
        serves.sort();
        serves.dedup();
        PodClaimFacts { claim: made, serves, ..PodClaimFacts::default() }
    });
    named.chain(bridge).collect()
}

fn pod_claim(spec: &Value, pod: &Value) -> PodClaimFacts {
    let name = text(spec, "/name");
    let made = list(pod, "/status/resourceClaimStatuses").iter().find(|status| text(status, "/name") == name);
    let claim = match text(spec, "/resourceClaimName") {
        "" => made.map_or("", |status| text(status, "/resourceClaimName")),
        claim => claim,
    };
    let template = clean(spec, "/resourceClaimTemplateName");
    PodClaimFacts { name: Clean::new(name), claim: Clean::new(claim), template, serves: Vec::new() }
}

#[cfg(test)]
mod tests;
