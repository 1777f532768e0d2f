//! Facts of a node.

mod decode;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::quantity::Quantity;
use super::text::Clean;
use super::wire::{self, DecodeError, ListDecoder, ListHead, Sink, Uid};

use decode::{RawNode, TextInterner};

/// Maximum number of roles that are shown: a node may have hundreds (F80).
const MOST_ROLES: usize = 12;

/// Facts of a `v1.Node`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// `metadata.name`.
    pub name: Clean,
    /// `metadata.uid`, else a hash of the node's name.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is not one.
    pub version: u64,
    /// `metadata.creationTimestamp`; `None` if absent or unreadable.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.labels`, sorted by key; and a summary of `HAMi`'s annotation, if there is one (`hami.rs`).
    pub labels: Vec<(Clean, Clean)>,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// `spec.taints`, in the order of the API.
    pub taints: Vec<NodeTaint>,
    /// `status.conditions`, in the order of the API.
    pub conditions: Vec<NodeCondition>,
    /// `status.capacity`, sorted by name; unreadable quantities are left out and counted in `unreadable`.
    pub capacity: Vec<(Clean, Quantity)>,
    /// `status.allocatable`, sorted by name; if empty, the capacity replaces it (`effective_allocatable`).
    pub allocatable: Vec<(Clean, Quantity)>,
    /// Number of unreadable quantities.
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

/// One of `status.conditions`, without the heartbeat, whose changes mean nothing (docs/counting.md).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCondition {
    /// `type`, for instance `Ready`.
    pub kind: Clean,
    /// `status`.
    pub status: ConditionStatus,
    /// CamelCase reason.
    pub reason: Clean,
    /// Human-readable message; one line.
    pub message: Clean,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// Status of a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`, or no status.
    #[default]
    Unknown,
    /// Any other text, shown verbatim (F71) and treated as not true.
    Other(Clean),
}

/// Taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeTaint {
    /// The taint's key.
    pub key: Clean,
    /// The taint's value; often empty.
    pub value: Clean,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`, or any other text of the API.
    pub effect: Clean,
}

/// Readiness of the kubelet, from the Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Readiness {
    /// Ready is `True`.
    Ready,
    /// Ready is `False`, as the kubelet reports, or an unknown status.
    NotReady,
    /// Ready is `Unknown` (the control plane stopped hearing from it) or absent.
    Unknown,
}

impl NodeFacts {
    /// Readiness by the Ready condition, and the time of its last transition.
    #[must_use]
    pub fn readiness(&self) -> (Readiness, Option<Timestamp>) {
        let ready = self.conditions.iter().find(|c| &*c.kind == "Ready");
        (readiness(ready.map(|ready| &ready.status)), ready.and_then(|ready| ready.since))
    }

    /// `status.allocatable`, or the capacity if it is empty (kubectl `describe.go:4061`).
    #[must_use]
    pub fn effective_allocatable(&self) -> &[(Clean, Quantity)] {
        if self.allocatable.is_empty() { &self.capacity } else { &self.allocatable }
    }

    /// Value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&Clean> {
        self.labels.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|at| &self.labels[at].1)
    }

    /// Roles of the node, sorted, at most 12: the labels `node-role.kubernetes.io/<role>` and the value of `kubernetes.io/role`.
    ///
    /// Empty roles are left out. Source: `kubernetes pkg/printers/internalversion/printers.go`, `findNodeRoles`.
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

/// Labels and capacity of a node, independent of the type that stores them.
pub trait NodeInventory {
    /// Value of a label.
    fn label(&self, key: &str) -> Option<&Clean>;

    /// `metadata.labels`, sorted by key.
    fn labels(&self) -> impl Iterator<Item = (&Clean, &Clean)>;

    /// `status.capacity`, sorted by name.
    fn capacity(&self) -> &[(Clean, Quantity)];
}

impl NodeInventory for NodeFacts {
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

/// Readiness for a status of the Ready condition; `None` stands for a node without one.
#[must_use]
pub fn readiness(ready: Option<&ConditionStatus>) -> Readiness {
    match ready {
        Some(ConditionStatus::True) => Readiness::Ready,
        Some(ConditionStatus::False | ConditionStatus::Other(_)) => Readiness::NotReady,
        Some(ConditionStatus::Unknown) | None => Readiness::Unknown,
    }
}

/// Decodes a page of nodes and hands each to `each`; the body is JSON or protobuf, recognised by its first bytes.
///
/// # Errors
/// [`DecodeError`] if the body is not a list, or truncated (some nodes may already have been handed over); single unreadable
/// objects are only counted.
pub fn decode_list(body: &[u8], each: impl FnMut(NodeFacts)) -> Result<ListHead, DecodeError> {
    wire::decode_list(body, &mut NodeSink(each, &mut TextInterner::default()))
}

/// Streaming decoder of a page of nodes; otherwise like [`decode_list`].
#[derive(Debug, Default)]
pub struct NodeList {
    decoder: ListDecoder,
    texts: TextInterner,
}

impl NodeList {
    /// Creates a decoder that reuses the memory of an earlier page.
    #[must_use]
    pub fn new(memory: Vec<u8>) -> Self {
        Self { decoder: ListDecoder::new(memory), texts: TextInterner::default() }
    }

    /// Decodes the next chunk of the body and hands the nodes that it completes to `each`.
    pub fn take(&mut self, chunk: &[u8], each: impl FnMut(NodeFacts)) {
        self.decoder.take(chunk, &mut NodeSink(each, &mut self.texts));
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

    /// Finishes the body and hands the remaining nodes to `each`.
    ///
    /// # Errors
    /// [`DecodeError`] as of [`decode_list`].
    pub fn end(&mut self, each: impl FnMut(NodeFacts)) -> Result<ListHead, DecodeError> {
        self.decoder.end(&mut NodeSink(each, &mut self.texts))
    }

    /// Returns the memory, for the next page.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        self.decoder.into_memory()
    }
}

/// Decodes one node, as in a watch event or the response to a GET; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a node.
pub fn decode_object(object: &[u8]) -> Result<NodeFacts, DecodeError> {
    let mut node = NodeFacts::default();
    wire::decode_object(object, &mut NodeSink(|decoded| node = decoded, &mut TextInterner::default()))?;
    Ok(node)
}

struct NodeSink<'t, F>(F, &'t mut TextInterner);

impl<F: FnMut(NodeFacts)> Sink for NodeSink<'_, F> {
    type Raw<'a> = RawNode<'a>;
    const KIND: &'static str = "Node";

    fn take(&mut self, raw: &RawNode<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        if readable {
            (self.0)(raw.facts(self.1));
        }
        readable
    }
}

#[cfg(test)]
mod tests;
