//! Values that many nodes share, and the parts of a node that are made of them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::text::Clean;

/// A shared list; each reference takes one word.
pub(crate) type SharedList<T> = Arc<Box<[T]>>;

/// Bytes of the two counts in front of a shared value.
pub(super) const COUNTS: usize = 2 * size_of::<usize>();

/// `status.nodeInfo`.
#[derive(Debug, PartialEq, Eq)]
pub struct System {
    /// `kubeletVersion`.
    pub kubelet: Clean,
    /// `osImage`.
    pub os_image: Clean,
    /// `kernelVersion`.
    pub kernel: Clean,
    /// `containerRuntimeVersion`.
    pub runtime: Clean,
    /// `architecture`.
    pub architecture: Clean,
}

/// Labels by key: a shared set, and the values that are specific to the node.
#[derive(Clone, Debug)]
pub struct PackedLabels {
    pub(super) shared: SharedList<(Clean, Clean)>,
    /// Values that replace those of the set, by index in the set.
    pub(super) own: Box<[(u16, Clean)]>,
}

/// Conditions: their shared contents, and their transition times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The conditions without their times.
    pub(super) contents: SharedList<NodeCondition>,
    pub(super) since: Box<[Second]>,
}

/// Seconds since 1970, 0 if not known: the API writes whole seconds, and 32 bits last until 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Second(u32);

impl PackedLabels {
    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Clean, &Clean)> {
        let mut own = self.own.iter().peekable();
        (0_usize..).zip(self.shared.iter()).map(move |(at, (key, value))| {
            let own = own.next_if(|(index, _)| usize::from(*index) == at);
            (key, own.map_or(value, |(_, value)| value))
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&Clean> {
        let at = self.shared.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        let own = self.own.binary_search_by_key(&at, |(index, _)| usize::from(*index));
        Some(own.map_or(&self.shared[at].1, |own| &self.own[own].1))
    }

    pub(super) fn are(&self, labels: &[(Clean, Clean)]) -> bool {
        self.shared.len() == labels.len() && self.iter().zip(labels).all(|(a, b)| *a.0 == b.0 && *a.1 == b.1)
    }
}

impl PartialEq for PackedLabels {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PackedLabels {}

impl Conditions {
    /// Creates conditions from shared contents and the times of `conditions`.
    pub(super) fn new(contents: SharedList<NodeCondition>, conditions: &[NodeCondition]) -> Self {
        Self { contents, since: conditions.iter().map(|condition| condition.since.into()).collect() }
    }

    /// Returns `true` if two lists are equal except for their times.
    pub(super) fn have_contents(held: &[NodeCondition], new: &[NodeCondition]) -> bool {
        fn without_time(c: &NodeCondition) -> (&Clean, &ConditionStatus, &Clean, &Clean) {
            (&c.kind, &c.status, &c.reason, &c.message)
        }
        held.iter().map(without_time).eq(new.iter().map(without_time))
    }

    pub(super) fn since(&self, new: &[NodeCondition]) -> bool {
        self.since.iter().copied().eq(new.iter().map(|condition| Second::from(condition.since)))
    }

    /// The conditions in full.
    pub fn iter(&self) -> impl Iterator<Item = NodeCondition> {
        self.contents
            .iter()
            .zip(&self.since)
            .map(|(condition, since)| NodeCondition { since: (*since).into(), ..condition.clone() })
    }

    /// The conditions without their times.
    pub(crate) fn contents(&self) -> &[NodeCondition] {
        &self.contents
    }

    /// The Ready condition, without its time, and its time.
    pub(crate) fn ready(&self) -> Option<(&NodeCondition, Option<Timestamp>)> {
        let at = self.contents.iter().position(|condition| &*condition.kind == "Ready")?;
        Some((&self.contents[at], self.since[at].into()))
    }
}

impl System {
    pub(super) fn parts(facts: &NodeFacts) -> [&Clean; 5] {
        [&facts.kubelet, &facts.os_image, &facts.kernel, &facts.runtime, &facts.architecture]
    }

    pub(super) fn is_of(&self, facts: &NodeFacts) -> bool {
        [&self.kubelet, &self.os_image, &self.kernel, &self.runtime, &self.architecture] == Self::parts(facts)
    }
}

impl From<Option<Timestamp>> for Second {
    fn from(at: Option<Timestamp>) -> Self {
        Self(at.map_or(0, |at| u32::try_from(at.as_second().max(1)).unwrap_or(u32::MAX)))
    }
}

impl From<Second> for Option<Timestamp> {
    fn from(Second(at): Second) -> Self {
        (at > 0).then(|| Timestamp::from_second(at.into()).ok()).flatten()
    }
}
