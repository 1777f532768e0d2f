//! What we keep of a node.

mod decode;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::quantity::Quantity;
use super::text::Clean;
use super::wire::{self, DecodeError, ListHead, Pieces, Sink, Uid};

use decode::{Raw, Texts};

/// Roles that are shown; a node with hundreds of them (F80) is not taken at its word.
const MOST_ROLES: usize = 12;

/// What we keep of a `v1.Node`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// `metadata.name`.
    pub name: Clean,
    /// `metadata.uid`; of a node without one a hash of its name.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is none.
    pub version: u64,
    /// `metadata.creationTimestamp`; `None` if absent or unreadable.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.labels`, sorted by key; and what `HAMi`'s annotation says of its devices, if there is one (`accelerator/hami.rs`).
    pub labels: Vec<(Clean, Clean)>,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// `spec.taints`, in the order of the API.
    pub taints: Vec<Taint>,
    /// `status.conditions`, in the order of the API.
    pub conditions: Vec<Condition>,
    /// `status.capacity`, sorted by name; unreadable quantities are left out and counted in `unreadable`.
    pub capacity: Vec<(Clean, Quantity)>,
    /// `status.allocatable`, sorted by name; empty means that the capacity stands in for it (`effective_allocatable`).
    pub allocatable: Vec<(Clean, Quantity)>,
    /// Quantities that could not be read.
    pub unreadable: u32,
    /// `status.nodeInfo.kubeletVersion`.
    pub kubelet: Clean,
    /// `status.nodeInfo.osImage`.
    pub os_image: Clean,
    /// `status.nodeInfo.kernelVersion`.
    pub kernel: Clean,
    /// `status.nodeInfo.containerRuntimeVersion`.
    pub runtime: Clean,
    /// `status.nodeInfo.architecture`.
    pub architecture: Clean,
    /// First `InternalIP` of `status.addresses`.
    pub internal_ip: Clean,
}

/// One of `status.conditions`. The heartbeat is not kept: it changes without meaning (docs/counting.md).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`, for instance `Ready`.
    pub kind: Clean,
    /// `status`.
    pub status: ConditionStatus,
    /// CamelCase reason.
    pub reason: Clean,
    /// For people; one line.
    pub message: Clean,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// The status of a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`, or no status.
    #[default]
    Unknown,
    /// Anything else, shown verbatim (F71) and treated as not true.
    Other(Clean),
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// The taint's key.
    pub key: Clean,
    /// The taint's value; often empty.
    pub value: Clean,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`, or what the API said.
    pub effect: Clean,
}

/// Whether the kubelet is ready, from the Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Readiness {
    /// Ready is `True`.
    Ready,
    /// Ready is `False`: the kubelet says so (or an unknown status).
    NotReady,
    /// Ready is `Unknown` (the control plane stopped hearing from it) or absent.
    Unknown,
}

impl NodeFacts {
    /// The Ready condition's meaning, and since when.
    #[must_use]
    pub fn readiness(&self) -> (Readiness, Option<Timestamp>) {
        let ready = self.conditions.iter().find(|c| &*c.kind == "Ready");
        (readiness(ready.map(|ready| &ready.status)), ready.and_then(|ready| ready.since))
    }

    /// `status.allocatable`, or the capacity where it is empty (kubectl `describe.go:4061`).
    #[must_use]
    pub fn effective_allocatable(&self) -> &[(Clean, Quantity)] {
        if self.allocatable.is_empty() { &self.capacity } else { &self.allocatable }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&Clean> {
        self.labels.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|at| &self.labels[at].1)
    }

    /// The node's roles, sorted, at most 12: the labels `node-role.kubernetes.io/<role>` and the value of `kubernetes.io/role`.
    ///
    /// Empty ones do not count. Source: `kubernetes pkg/printers/internalversion/printers.go`, `findNodeRoles`.
    #[must_use]
    pub fn roles(&self) -> Vec<Clean> {
        let role = |(key, value): &(Clean, Clean)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(Clean::new(role)),
            None => (&**key == "kubernetes.io/role").then(|| value.clone()),
        };
        let mut roles: Vec<_> = self.labels.iter().filter_map(role).filter(|role| !role.is_empty()).collect();
        roles.sort();
        roles.dedup();
        roles.truncate(MOST_ROLES);
        roles
    }
}

/// What a node announces by its labels and its capacity, in whichever form it is held.
pub trait Announces {
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&Clean>;

    /// `metadata.labels`, sorted by key.
    fn labels(&self) -> impl Iterator<Item = (&Clean, &Clean)>;

    /// `status.capacity`, sorted by name.
    fn capacity(&self) -> &[(Clean, Quantity)];
}

impl Announces for NodeFacts {
    fn label(&self, key: &str) -> Option<&Clean> {
        Self::label(self, key)
    }

    fn labels(&self) -> impl Iterator<Item = (&Clean, &Clean)> {
        self.labels.iter().map(|(key, value)| (key, value))
    }

    fn capacity(&self) -> &[(Clean, Quantity)] {
        &self.capacity
    }
}

/// What the status of the Ready condition means; `None` for a node without one.
#[must_use]
pub fn readiness(ready: Option<&ConditionStatus>) -> Readiness {
    match ready {
        Some(ConditionStatus::True) => Readiness::Ready,
        Some(ConditionStatus::False | ConditionStatus::Other(_)) => Readiness::NotReady,
        Some(ConditionStatus::Unknown) | None => Readiness::Unknown,
    }
}

/// A page of nodes, each handed to `each`; the body is JSON or protobuf, which its first bytes tell apart.
///
/// # Errors
/// [`DecodeError`] if the body is not a list at all, or cut short (some nodes may have been handed over by then); single
/// unreadable objects are only counted.
pub fn decode_list(body: &[u8], each: impl FnMut(NodeFacts)) -> Result<ListHead, DecodeError> {
    wire::each(body, &mut Each(each, &mut Texts::default()))
}

/// A page of nodes that is read while it comes; else as [`decode_list`].
#[derive(Debug, Default)]
pub struct NodeList {
    pieces: Pieces,
    texts: Texts,
}

impl NodeList {
    /// The memory of an earlier page serves this one.
    #[must_use]
    pub fn new(memory: Vec<u8>) -> Self {
        Self { pieces: Pieces::new(memory), texts: Texts::default() }
    }

    /// Reads the next piece of the body and hands the nodes that it completes to `each`.
    pub fn take(&mut self, piece: &[u8], each: impl FnMut(NodeFacts)) {
        self.pieces.take(piece, &mut Each(each, &mut self.texts));
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

    /// The body is complete: hands over what is left of it.
    ///
    /// # Errors
    /// [`DecodeError`] as of [`decode_list`].
    pub fn end(&mut self, each: impl FnMut(NodeFacts)) -> Result<ListHead, DecodeError> {
        self.pieces.end(&mut Each(each, &mut self.texts))
    }

    /// The memory, for the next page.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        self.pieces.into_memory()
    }
}

/// One node object, as in a watch event or the answer to a GET, JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a node.
pub fn decode_object(object: &[u8]) -> Result<NodeFacts, DecodeError> {
    let mut node = NodeFacts::default();
    wire::one(object, &mut Each(|decoded| node = decoded, &mut Texts::default()))?;
    Ok(node)
}

struct Each<'t, F>(F, &'t mut Texts);

impl<F: FnMut(NodeFacts)> Sink for Each<'_, F> {
    type Raw<'a> = Raw<'a>;
    const KIND: &'static str = "Node";

    fn take(&mut self, raw: &Raw<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        if readable {
            (self.0)(raw.facts(self.1));
        }
        readable
    }
}

#[cfg(test)]
mod tests;
