//! Packed facts of a node: values that many nodes share are stored once.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::facts::node::{NodeFacts, NodeInventory, NodeTaint, Readiness, readiness};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;

use super::interner::Interner;
use super::shared::{COUNTS, Conditions, PackedLabels, Second, SharedList, System};

/// Facts of a node like [`NodeFacts`], packed: times have whole seconds, and most values are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFacts {
    /// `metadata.name`.
    pub name: Clean,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is none.
    pub version: u64,
    created: Second,
    /// Number of unreadable quantities, saturated at 16 bits.
    unreadable: u16,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// `metadata.labels`, sorted by key.
    pub labels: PackedLabels,
    /// `spec.taints`, in the order of the API.
    pub taints: SharedList<NodeTaint>,
    /// `status.conditions`, in the order of the API.
    pub conditions: Conditions,
    /// `status.capacity`, sorted by name.
    pub capacity: SharedList<(Clean, Quantity)>,
    /// `status.allocatable`, sorted by name; if empty, the capacity replaces it (`effective_allocatable`).
    pub allocatable: SharedList<(Clean, Quantity)>,
    /// `status.nodeInfo`.
    pub system: Arc<System>,
    address: PackedAddress,
}

/// Parts that an update has changed, for the values that are derived from them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    pub(super) labels: bool,
    pub(super) amounts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PackedAddress {
    V4([u8; 4]),
    /// Any other text; boxed, since it is rare, to save two words for the others.
    Other(Box<Clean>),
}

impl PackedFacts {
    pub(super) fn new(facts: &NodeFacts, commons: &mut Interner) -> Self {
        // A new copy, apart from the short-lived memory of the thread that decoded it, unless the name is shared already.
        let name = if facts.name.ref_count() > 1 { facts.name.clone() } else { Clean::new(&facts.name) };
        Self {
            uid: facts.uid,
            version: facts.version,
            created: facts.created.into(),
            unreadable: few(facts.unreadable),
            deleting: facts.deleting,
            unschedulable: facts.unschedulable,
            labels: commons.labels(&name, &facts.labels),
            taints: commons.taints(&facts.taints),
            conditions: Conditions::new(commons.conditions(&facts.conditions), &facts.conditions),
            capacity: commons.amounts(&facts.capacity),
            allocatable: commons.amounts(&facts.allocatable),
            system: commons.system(facts),
            address: PackedAddress::new(&facts.internal_ip),
            name,
        }
    }

    /// Applies differences, and returns the parts that have changed.
    pub(super) fn update(&mut self, facts: &NodeFacts, commons: &mut Interner) -> Changed {
        let mut changed = Changed::default();
        (self.uid, self.version, self.created) = (facts.uid, facts.version, facts.created.into());
        (self.unreadable, self.deleting, self.unschedulable) =
            (few(facts.unreadable), facts.deleting, facts.unschedulable);
        if !self.labels.are(&facts.labels) {
            self.labels = commons.labels(&self.name, &facts.labels);
            changed.labels = true;
        }
        if **self.taints != *facts.taints {
            self.taints = commons.taints(&facts.taints);
        }
        if !Conditions::have_contents(&self.conditions.contents, &facts.conditions) {
            self.conditions.contents = commons.conditions(&facts.conditions);
        }
        if !self.conditions.since(&facts.conditions) {
            self.conditions.since = facts.conditions.iter().map(|condition| condition.since.into()).collect();
        }
        if **self.capacity != *facts.capacity {
            self.capacity = commons.amounts(&facts.capacity);
            changed.amounts = true;
        }
        if **self.allocatable != *facts.allocatable {
            self.allocatable = commons.amounts(&facts.allocatable);
            changed.amounts = true;
        }
        if !self.system.is_of(facts) {
            self.system = commons.system(facts);
        }
        if !self.address.is(&facts.internal_ip) {
            self.address = PackedAddress::new(&facts.internal_ip);
        }
        changed
    }

    /// Returns `true` if these facts are the same, whatever their version.
    pub(super) fn are(&self, facts: &NodeFacts) -> bool {
        *self.name == *facts.name
            && self.uid == facts.uid
            && self.created == facts.created.into()
            && (self.unreadable, self.deleting, self.unschedulable)
                == (few(facts.unreadable), facts.deleting, facts.unschedulable)
            && self.conditions.since(&facts.conditions)
            && Conditions::have_contents(&self.conditions.contents, &facts.conditions)
            && **self.taints == *facts.taints
            && **self.allocatable == *facts.allocatable
            && **self.capacity == *facts.capacity
            && self.labels.are(&facts.labels)
            && self.system.is_of(facts)
            && self.address.is(&facts.internal_ip)
    }

    /// Unpacks the facts, for the one node that is shown in detail.
    #[must_use]
    pub fn unpack(&self) -> NodeFacts {
        let System { kubelet, os_image, kernel, runtime, architecture } = &*self.system;
        NodeFacts {
            name: self.name.clone(),
            uid: self.uid,
            version: self.version,
            created: self.created(),
            deleting: self.deleting,
            labels: self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            unschedulable: self.unschedulable,
            taints: self.taints.to_vec(),
            conditions: self.conditions.iter().collect(),
            capacity: self.capacity.to_vec(),
            allocatable: self.allocatable.to_vec(),
            unreadable: self.unreadable.into(),
            kubelet: kubelet.clone(),
            os_image: os_image.clone(),
            kernel: kernel.clone(),
            runtime: runtime.clone(),
            architecture: architecture.clone(),
            internal_ip: self.internal_ip(),
        }
    }

    /// `metadata.creationTimestamp`; `None` if absent or unreadable.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.created.into()
    }

    /// First `InternalIP` of `status.addresses`.
    #[must_use]
    pub fn internal_ip(&self) -> Clean {
        match &self.address {
            PackedAddress::V4(octets) => Clean::new(&Ipv4Addr::from(*octets).to_string()),
            PackedAddress::Other(text) => Clean::clone(text),
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&Clean> {
        self.labels.get(key)
    }

    /// Readiness by the Ready condition, and the time of its last transition.
    #[must_use]
    pub fn readiness(&self) -> (Readiness, Option<Timestamp>) {
        let ready = self.conditions.ready();
        (readiness(ready.map(|(ready, _)| &ready.status)), ready.and_then(|(_, since)| since))
    }

    /// `status.allocatable`, or the capacity where it is empty (kubectl `describe.go:4061`).
    #[must_use]
    pub fn effective_allocatable(&self) -> &[(Clean, Quantity)] {
        if self.allocatable.is_empty() { &self.capacity } else { &self.allocatable }
    }

    /// Bytes on the heap that are not shared.
    pub(super) fn heap_bytes(&self) -> usize {
        let text = |text: &Clean| COUNTS + text.len();
        let own = self.labels.own.iter().filter(|(_, value)| *value != self.name);
        let address =
            if let PackedAddress::Other(other) = &self.address { size_of::<Clean>() + text(other) } else { 0 };
        text(&self.name)
            + size_of_val(&*self.labels.own)
            + own.map(|(_, value)| text(value)).sum::<usize>()
            + size_of_val(&*self.conditions.since)
            + address
    }
}

fn few(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl From<&NodeFacts> for PackedFacts {
    /// Packs facts without sharing any value.
    fn from(facts: &NodeFacts) -> Self {
        Self::new(facts, &mut Interner::default())
    }
}

impl NodeInventory for PackedFacts {
    fn label(&self, key: &str) -> Option<&Clean> {
        Self::label(self, key)
    }

    fn labels(&self) -> impl Iterator<Item = (&Clean, &Clean)> {
        self.labels.iter()
    }

    fn capacity(&self) -> &[(Clean, Quantity)] {
        &self.capacity
    }
}

impl PackedAddress {
    fn new(text: &Clean) -> Self {
        text.parse().map_or_else(|_| Self::Other(Box::new(Clean::new(text))), |v4: Ipv4Addr| Self::V4(v4.octets()))
    }

    fn is(&self, text: &Clean) -> bool {
        match self {
            Self::V4(octets) => text.parse::<Ipv4Addr>().is_ok_and(|v4| v4.octets() == *octets),
            Self::Other(known) => **known == *text,
        }
    }
}

#[cfg(test)]
mod tests;
