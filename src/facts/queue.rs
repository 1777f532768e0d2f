//! Queues: the objects with which systems of batch scheduling admit gangs, and their words about why one waits.
//!
//! A `Workload` of Kueue embeds whole pod templates, so workloads are listed as a table and only one is read as an object; the
//! `PodGroup`s of the other systems are small. Meanings: docs/pods.md.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api::{ApiResource, Discovery};
use super::json::{Int, JsonList, LazyTime, Obj, Pairs, RawValue, Text, from_slice};
use super::message::message;
use super::text::Clean;
use super::wire::{self, DecodeError, ListHead, ObjectMeta, Sink, Uid, refuse};

mod kueue;
mod pod_group;

pub use kueue::{decode_workload, decode_workloads};
pub use pod_group::decode_pod_groups;

/// A queue object that is only listed, while a screen shows it.
const QUEUE: ApiResource = ApiResource {
    optional: true,
    protobuf: false,
    discovery: Discovery::Group,
    verbs: &["list"],
    purpose: "why gangs wait in a queue; without it queues are not visible",
    ..ApiResource::core("PodGroup", "podgroups", true)
};

/// Maximum number of objects of one page that are kept; the limit of the request, which a proxy may ignore.
const MOST: usize = 500;

/// System that admits gangs. `podgroups` exists in four groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QueueSystem {
    /// `Workload` of Kueue.
    Kueue,
    /// `PodGroup` of scheduler-plugins.
    Coscheduling,
    /// `PodGroup` of Volcano.
    Volcano,
    /// `PodGroup` of KAI.
    Kai,
    /// `PodGroup` of `scheduling.k8s.io`.
    Native,
}

const KUEUE: ApiResource = ApiResource {
    group: "kueue.x-k8s.io",
    versions: &["v1beta2", "v1beta1"],
    kind: "Workload",
    plural: "workloads",
    verbs: &["get", "list"],
    ..QUEUE
};
const COSCHEDULING: ApiResource = ApiResource { group: "scheduling.x-k8s.io", versions: &["v1alpha1"], ..QUEUE };
const VOLCANO: ApiResource = ApiResource { group: "scheduling.volcano.sh", versions: &["v1beta1"], ..QUEUE };
const KAI: ApiResource = ApiResource { group: "scheduling.run.ai", versions: &["v2alpha2"], ..QUEUE };
/// Off by default; Kubernetes 1.36 has v1alpha2, 1.37 v1beta1 and v1alpha3.
const NATIVE: ApiResource =
    ApiResource { group: "scheduling.k8s.io", versions: &["v1beta1", "v1alpha3", "v1alpha2"], ..QUEUE };

impl QueueSystem {
    /// Every system, in the order in which their words count for one gang.
    pub const ALL: [Self; 5] = [Self::Kueue, Self::Coscheduling, Self::Volcano, Self::Kai, Self::Native];

    /// The resource of its objects.
    #[must_use]
    pub const fn api(self) -> &'static ApiResource {
        match self {
            Self::Kueue => &KUEUE,
            Self::Coscheduling => &COSCHEDULING,
            Self::Volcano => &VOLCANO,
            Self::Kai => &KAI,
            Self::Native => &NATIVE,
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kueue => "Kueue",
            Self::Coscheduling => "scheduler-plugins",
            Self::Volcano => "Volcano",
            Self::Kai => "KAI",
            Self::Native => "Kubernetes",
        }
    }
}

/// State of an object of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QueueState {
    /// It waits.
    Waiting,
    /// Its pods may run.
    Admitted,
    /// It has ended.
    Finished,
    /// It does not say.
    #[default]
    Unknown,
}

/// Object of a queue: what waits, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// `metadata.namespace`.
    pub namespace: Clean,
    /// `metadata.name`.
    pub name: Clean,
    /// Kind of the controlling owner, `JobSet`; empty without one.
    pub owner_kind: Clean,
    /// Name of the controlling owner; empty without one.
    pub owner_name: Clean,
    /// Uid of the top owner, if a label says it (`kueue.x-k8s.io/job-uid`).
    pub owner_uid: Option<Uid>,
    /// Name of the queue; empty if it is not known.
    pub queue: Clean,
    /// Its state.
    pub state: QueueState,
    /// The condition or the phase that it waits for: `QuotaReserved=False`, `phase Pending`; empty if it does not wait.
    pub condition: Clean,
    /// Reason beside it; empty without one.
    pub reason: Clean,
    /// Message beside it; empty without one.
    pub message: Clean,
    /// Number of pods, if it says it.
    pub wanted: Option<u32>,
    /// Time since which it waits; its creation if nothing later is known.
    pub since: Option<Timestamp>,
}

/// Labels of a queue object.
type QueueLabels<'a> = Pairs<'a, Text<'a>>;

impl QueueEntry {
    /// An entry with the metadata of its object.
    fn of(meta: &ObjectMeta<'_, QueueLabels<'_>>) -> Self {
        let owner = meta.controller();
        let uid = meta.labels.0.iter().find(|(key, _)| &**key == kueue::JOB_UID).map(|(_, uid)| Uid::parse(uid));
        Self {
            namespace: Clean::new(&meta.namespace),
            name: Clean::new(&meta.name),
            owner_kind: Clean::new(owner.map_or("", |owner| &*owner.kind)),
            owner_name: Clean::new(owner.map_or("", |owner| &*owner.name)),
            owner_uid: uid,
            since: meta.created.0,
            ..Self::default()
        }
    }

    /// Sets why it waits.
    fn wait(&mut self, condition: &str, reason: &str, message: &str) {
        self.state = QueueState::Waiting;
        [self.condition, self.reason, self.message] = [condition, reason, message].map(Clean::new);
    }
}

message! {
    /// `Condition`.
    struct QueueCondition<'a> {
        kind: Text<'a> = "type",
        status: Text<'a> = "status",
        since: LazyTime<'a> = "lastTransitionTime",
        reason: Text<'a> = "reason",
        message: Text<'a> = "message",
    }
}

#[cfg(test)]
mod tests;
