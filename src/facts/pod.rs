//! Facts of a pod, and batches of pods that need a handful of allocations for any number of pods.

mod batch;
mod constraints;
mod detail;
mod failed;
pub(super) mod raw;
mod requests;
mod since;
mod status;
mod trouble;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gang::{FoundGang, GangLabels, GangMember};
use super::json::Obj;
use super::quantity::Quantity;
use super::wire::{self, DecodeError, ListDecoder, ListHead, Sink, Uid, version};

use raw::RawPod;
use trouble::FoundTrouble;

pub use batch::PodBatch;
pub use constraints::{NodeRequirement, NodeSelectorTerm, NotEvaluated, PodConstraints, Toleration};
pub use detail::{
    AllocatedDevice, ContainerFacts, ContainerKind, ContainerState, PodClaimFacts, PodDetail, Termination,
};
pub use failed::{Blame, FailedPod, FailedPodList, FailedPods};
pub use trouble::{PodTrouble, TroubleKind};

/// Facts of a `v1.Pod`; its text is borrowed from the batch and is clean (see [`super::text`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts<'a> {
    /// `metadata.namespace`.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is not one.
    pub version: u64,
    /// `spec.nodeName`; empty while the pod is unscheduled.
    pub node: &'a str,
    /// Kind of the controlling owner, for instance `Job`; empty without one.
    pub owner_kind: &'a str,
    /// Name of the controlling owner; empty without one.
    pub owner_name: &'a str,
    /// `status.phase`.
    pub phase: PodPhase,
    /// kubectl's STATUS if it differs from the phase: a waiting or terminated reason, `status.reason`, `Init:0/1`,
    /// `Terminating`; empty if it is the phase.
    pub reason: &'a str,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Mirror (static) pod: annotation `kubernetes.io/config.mirror`.
    pub mirror: bool,
    /// Containers that count for READY: app containers and sidecars.
    pub containers: u16,
    /// Ready containers.
    pub ready: u16,
    /// Restarts, summed over app and restartable init containers as kubectl does; saturating.
    pub restarts: u32,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Time since which the pod has not been running; only for pods that request an extended resource. `None` if it runs.
    pub since: Option<Since>,
    /// Effective requests (docs/counting.md), sorted by resource name.
    pub requests: Requests<'a>,
    /// Trouble; `None` if it does what it should, or has ended.
    pub trouble: Option<PodTrouble<'a>>,
    /// Gang; `None` if it works by itself.
    pub gang: Option<GangMember<'a>>,
    /// Scheduling constraints; only for a pod that has no node and has not ended.
    pub constraints: Option<&'a PodConstraints>,
}

impl<'a> PodFacts<'a> {
    /// kubectl's STATUS.
    #[must_use]
    pub fn status(&self) -> &'a str {
        match (self.reason, self.phase) {
            ("", PodPhase::Pending) => "Pending",
            ("", PodPhase::Running) => "Running",
            ("", PodPhase::Succeeded) => "Succeeded",
            ("", PodPhase::Failed) => "Failed",
            ("", PodPhase::Unknown) => "Unknown",
            (reason, _) => reason,
        }
    }
}

/// Time since which a pod has not been running, or a claim has been unused, as far as the object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Since {
    /// Source of the time.
    pub basis: SinceBasis,
    /// The time.
    pub at: Timestamp,
}

/// Source of the time since which a pod has not been running, or a claim has been unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SinceBasis {
    /// `metadata.creationTimestamp`, if no later time is known.
    Created,
    /// Condition `PodScheduled`: the device is taken since then.
    Scheduled,
    /// Condition `Ready`, which has not been true since then.
    NotReady,
    /// `metadata.deletionTimestamp`: the latest time at which the pod should have been gone.
    Deletion,
    /// `status.allocation.allocationTimestamp` of a claim.
    Allocated,
}

/// Requests of a pod: `cpu` and `memory` as fields, other resources by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requests<'a> {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes.
    pub memory: Quantity,
    /// Every other resource (ephemeral-storage, hugepages, extended resources), sorted by name.
    pub others: Vec<(&'a str, Quantity)>,
}

impl Requests<'_> {
    /// Requested amount of `resource`, also `cpu` or `memory`; 0 if the pod does not request it.
    #[must_use]
    pub fn amount(&self, resource: &str) -> Quantity {
        match resource {
            "cpu" => self.cpu,
            "memory" => self.memory,
            other => self.others.iter().find(|(name, _)| *name == other).map_or(Quantity::ZERO, |(_, amount)| *amount),
        }
    }
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PodPhase {
    /// Accepted, not all containers started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers succeeded: terminal, holds no resources.
    Succeeded,
    /// All containers ended, at least one failed: terminal, holds no resources.
    Failed,
    /// `Unknown`, absent, or an unknown phase (F71): not terminal.
    #[default]
    Unknown,
}

impl PodPhase {
    /// Returns `true` for Succeeded and Failed: such a pod holds no resources on its node.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Decodes a page of pods into `batch`; the body is JSON or protobuf, recognised by its first bytes.
///
/// # Errors
/// [`DecodeError`] if the body is not a list, or truncated (the batch may then hold some pods); single unreadable objects are
/// only counted.
pub fn decode_list(body: &[u8], batch: &mut PodBatch) -> Result<ListHead, DecodeError> {
    wire::decode_list(body, &mut BatchSink { batch, removed: false })
}

/// Streaming decoder of a page of pods; otherwise like [`decode_list`].
#[derive(Debug, Default)]
pub struct PodList {
    decoder: ListDecoder,
    batch: PodBatch,
}

impl PodList {
    /// Creates a decoder that reuses the memory of an earlier page.
    #[must_use]
    pub fn new(memory: Vec<u8>) -> Self {
        Self { decoder: ListDecoder::new(memory), batch: PodBatch::default() }
    }

    /// Decodes the next chunk of the body.
    pub fn take(&mut self, chunk: &[u8]) {
        self.decoder.take(chunk, &mut BatchSink { batch: &mut self.batch, removed: false });
    }

    /// First bytes of the body.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        self.decoder.start()
    }

    /// Number of buffered bytes of an incomplete object.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.decoder.buffered()
    }

    /// Finishes the body and returns its pods.
    ///
    /// # Errors
    /// [`DecodeError`] as of [`decode_list`].
    pub fn end(&mut self) -> Result<(ListHead, PodBatch), DecodeError> {
        let head = self.decoder.end(&mut BatchSink { batch: &mut self.batch, removed: false })?;
        Ok((head, std::mem::take(&mut self.batch)))
    }

    /// Returns the memory, for the next page.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        self.decoder.into_memory()
    }
}

/// Decodes one pod into `batch`, as in a watch event; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a pod; the batch is unchanged then.
pub fn decode_object(object: &[u8], removed: bool, batch: &mut PodBatch) -> Result<(), DecodeError> {
    wire::decode_object(object, &mut BatchSink { batch, removed })
}

struct BatchSink<'b> {
    batch: &'b mut PodBatch,
    removed: bool,
}

impl Sink for BatchSink<'_> {
    type Raw<'a> = RawPod<'a>;
    const KIND: &'static str = "Pod";

    fn take(&mut self, raw: &RawPod<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        if readable {
            raw.with_facts(|pod| self.batch.push(pod, self.removed));
        }
        readable
    }
}

impl RawPod<'_> {
    /// Passes the pod's facts, borrowed from `self`, to `take`.
    fn with_facts<T>(&self, take: impl FnOnce(&PodFacts<'_>) -> T) -> T {
        let (Obj(meta), Obj(spec), Obj(status)) = (&self.metadata, &self.spec, &self.status);
        let shown = status::display_status(self);
        let owner = meta.controller();
        let requests = requests::effective(spec, status);
        let has_devices = requests.others.iter().any(|(name, _)| name.contains('/'));
        let trouble = self.trouble();
        let constraints = self.constraints();
        let keys = GangLabels {
            labels: &meta.labels,
            annotations: &meta.annotations.gang,
            owner_kind: owner.map_or("", |owner| &*owner.kind),
            owner_name: owner.map_or("", |owner| &*owner.name),
            has_devices,
        };
        let gang = keys.find();
        take(&PodFacts {
            namespace: &meta.namespace,
            name: &meta.name,
            uid: Uid::parse(&meta.uid),
            version: version(&meta.version),
            node: &spec.node,
            owner_kind: keys.owner_kind,
            owner_name: keys.owner_name,
            phase: status.phase(),
            reason: &shown.reason,
            deleting: meta.deleting.is_present(),
            mirror: meta.annotations.mirror,
            containers: shown.containers,
            ready: shown.ready,
            restarts: shown.restarts,
            created: meta.created.0,
            since: if has_devices { self.since() } else { None },
            requests,
            trouble: trouble.as_ref().map(FoundTrouble::trouble),
            gang: gang.as_ref().map(FoundGang::member),
            constraints: constraints.as_ref(),
        })
    }
}

#[cfg(test)]
mod tests;
