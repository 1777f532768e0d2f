//! What we keep of a pod, and batches of pods that cost a handful of allocations whatever their number.

mod batch;
mod detail;
pub(super) mod raw;
mod since;
mod status;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::quantity::Quantity;
use super::wire::{self, DecodeError, ListDecoder, ListHead, Sink, Uid};

use raw::RawPod;

pub use batch::PodBatch;
pub use detail::{AllocatedDevice, ContainerFacts, ContainerKind, ContainerState, Ending, PodClaimFacts, PodDetail};

/// What we keep of a `v1.Pod`; its text is borrowed from the batch that holds it and is clean (see [`super::text`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts<'a> {
    /// `metadata.namespace`.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is none.
    pub version: u64,
    /// `spec.nodeName`; empty while the pod is unscheduled.
    pub node: &'a str,
    /// Kind of the controlling owner, for instance `Job`; empty without one.
    pub owner_kind: &'a str,
    /// Name of the controlling owner; empty without one.
    pub owner_name: &'a str,
    /// `status.phase`.
    pub phase: PodPhase,
    /// What kubectl shows under STATUS when it is not the phase: a waiting or terminated reason, `status.reason`,
    /// `Init:0/1`, `Terminating`; empty when the phase says it all.
    pub reason: &'a str,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Mirror (static) pod: annotation `kubernetes.io/config.mirror`.
    pub mirror: bool,
    /// Containers of the spec, and how many of them are ready.
    pub containers: u16,
    /// Ready containers.
    pub ready: u16,
    /// Restarts, summed over app and restartable init containers as kubectl does; saturating.
    pub restarts: u32,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Since when it does not run; kept of pods that ask for an extended resource only, `None` also for one that runs.
    pub since: Option<Since>,
    /// Effective requests (docs/counting.md), sorted by resource name.
    pub requests: Requests<'a>,
}

impl<'a> PodFacts<'a> {
    /// What kubectl shows under STATUS.
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

/// Since when a pod does not run, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Since {
    /// What happened then.
    pub basis: SinceBasis,
    /// When.
    pub at: Timestamp,
}

/// What the time of a pod that does not run, or of a claim that nobody uses, is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SinceBasis {
    /// `metadata.creationTimestamp`, where nothing closer is known.
    Created,
    /// The condition `PodScheduled`: since then the device is taken.
    Scheduled,
    /// The condition `Ready`, which is not true since then.
    NotReady,
    /// `metadata.deletionTimestamp`: when it should have been gone at the latest.
    Deletion,
    /// `status.allocation.allocationTimestamp` of a claim.
    Allocated,
}

/// What a pod asks for: `cpu` and `memory` apart, everything else by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests<'a> {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes.
    pub memory: Quantity,
    /// Every other resource (ephemeral-storage, hugepages, extended resources), sorted by name.
    pub others: Vec<(&'a str, Quantity)>,
}

impl Requests<'_> {
    /// What is asked of `resource`, `cpu` and `memory` too; 0 if the pod does not name it.
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
    /// All containers ended well: terminal, counts for nothing.
    Succeeded,
    /// All containers ended, one badly: terminal, counts for nothing.
    Failed,
    /// `Unknown`, absent, or a phase that we do not know (F71): not terminal.
    #[default]
    Unknown,
}

impl PodPhase {
    /// Succeeded or Failed: such a pod holds nothing on its node.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A page of pods into `batch`; the body is JSON or protobuf, which its first bytes tell apart.
///
/// # Errors
/// [`DecodeError`] if the body is not a list at all, or cut short (some pods may be in the batch by then); single unreadable
/// objects are only counted.
pub fn decode_list(body: &[u8], batch: &mut PodBatch) -> Result<ListHead, DecodeError> {
    wire::decode_list(body, &mut Into { batch, removed: false })
}

/// A page of pods that is read while it comes; else as [`decode_list`].
#[derive(Debug, Default)]
pub struct PodList {
    pieces: ListDecoder,
    batch: PodBatch,
}

impl PodList {
    /// The memory of an earlier page serves this one.
    #[must_use]
    pub fn new(memory: Vec<u8>) -> Self {
        Self { pieces: ListDecoder::new(memory), batch: PodBatch::default() }
    }

    /// Reads the next piece of the body.
    pub fn take(&mut self, piece: &[u8]) {
        self.pieces.take(piece, &mut Into { batch: &mut self.batch, removed: false });
    }

    /// The first bytes of the body.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        self.pieces.start()
    }

    /// Bytes that wait for what completes them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pieces.waiting()
    }

    /// The body is complete.
    ///
    /// # Errors
    /// [`DecodeError`] as of [`decode_list`].
    pub fn end(&mut self) -> Result<(ListHead, PodBatch), DecodeError> {
        let head = self.pieces.end(&mut Into { batch: &mut self.batch, removed: false })?;
        Ok((head, std::mem::take(&mut self.batch)))
    }

    /// The memory, for the next page.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        self.pieces.into_memory()
    }
}

/// One pod object into `batch`, as in a watch event, JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a pod; the batch is as before then.
pub fn decode_object(object: &[u8], removed: bool, batch: &mut PodBatch) -> Result<(), DecodeError> {
    wire::decode_object(object, &mut Into { batch, removed })
}

struct Into<'b> {
    batch: &'b mut PodBatch,
    removed: bool,
}

impl Sink for Into<'_> {
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

#[cfg(test)]
mod tests;
