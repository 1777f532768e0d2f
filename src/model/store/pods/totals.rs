//! Totals of pods: per node, and over the cluster.

use crate::facts::quantity::Quantity;

/// Pods of a node or a cluster that count, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Bound and neither Succeeded nor Failed.
    pub bound: u32,
    /// Of those: being deleted.
    pub terminating: u32,
    /// Of those: owned by a `DaemonSet`.
    pub daemon_set: u32,
    /// Of those: mirrors of the kubelet's own static pods.
    pub mirror: u32,
}

/// A resource name of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub(super) u16);

/// The pods of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pods held.
    pub held: u32,
    /// Pods with a node that are neither Succeeded nor Failed.
    pub bound: u32,
    /// Pods without a node that are neither Succeeded nor Failed.
    pub unscheduled: u32,
    /// Pods that are Succeeded or Failed.
    pub terminal: u32,
    /// Bound pods that are being deleted.
    pub terminating: u32,
}

/// The pods bound to one node that are neither Succeeded nor Failed (docs/counting.md).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTotals {
    /// Pods.
    pub pods: u32,
    /// Those being deleted; they still count.
    pub terminating: u32,
    /// Those owned by a `DaemonSet`.
    pub daemon_set: u32,
    /// Mirrors of the kubelet's own static pods.
    pub mirror: u32,
    /// Requested cores.
    pub cpu: Quantity,
    /// Requested bytes.
    pub memory: Quantity,
    others: Vec<OtherRequest>,
}

/// Requests of one resource other than cpu and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OtherRequest {
    id: ResourceId,
    pods: u32,
    amount: Quantity,
}

/// Share of one pod in the totals of its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodShare<'a> {
    pub(super) terminating: bool,
    pub(super) daemon_set: bool,
    pub(super) mirror: bool,
    pub(super) request_set: &'a RequestSet,
}

/// Requests of a pod, by resource id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestSet {
    pub(super) cpu: Quantity,
    pub(super) memory: Quantity,
    pub(super) others: Box<[(ResourceId, Quantity)]>,
}

impl NodeTotals {
    /// The pods by kind.
    #[must_use]
    pub fn counts(&self) -> PodCounts {
        let Self { pods, terminating, daemon_set, mirror, .. } = *self;
        PodCounts { bound: pods, terminating, daemon_set, mirror }
    }

    /// Every resource other than cpu and memory that some pod here names, by id.
    pub fn others(&self) -> impl Iterator<Item = (ResourceId, Quantity)> {
        self.others.iter().map(|share| (share.id, share.amount))
    }

    /// Requests of one resource other than cpu and memory; zero if no pod names it.
    #[must_use]
    pub fn other(&self, id: ResourceId) -> Quantity {
        self.index_of(id).map_or(Quantity::ZERO, |at| self.others[at].amount)
    }

    pub(super) fn add(&mut self, part: &PodShare<'_>) {
        self.pods += 1;
        self.terminating += u32::from(part.terminating);
        self.daemon_set += u32::from(part.daemon_set);
        self.mirror += u32::from(part.mirror);
        self.cpu += part.request_set.cpu;
        self.memory += part.request_set.memory;
        for &(id, amount) in &part.request_set.others {
            match self.index_of(id) {
                Ok(at) => {
                    self.others[at].pods += 1;
                    self.others[at].amount += amount;
                }
                Err(at) => {
                    // A node's pods name a resource or two, and a vector grows by four.
                    self.others.reserve_exact(1);
                    self.others.insert(at, OtherRequest { id, pods: 1, amount });
                }
            }
        }
    }

    pub(super) fn subtract(&mut self, part: &PodShare<'_>) {
        self.pods -= 1;
        self.terminating -= u32::from(part.terminating);
        self.daemon_set -= u32::from(part.daemon_set);
        self.mirror -= u32::from(part.mirror);
        self.cpu -= part.request_set.cpu;
        self.memory -= part.request_set.memory;
        for &(id, amount) in &part.request_set.others {
            let at = self.index_of(id).expect("what is subtracted was added before");
            self.others[at].pods -= 1;
            self.others[at].amount -= amount;
            if self.others[at].pods == 0 {
                self.others.remove(at);
            }
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.others.capacity() * size_of::<OtherRequest>()
    }

    fn index_of(&self, id: ResourceId) -> Result<usize, usize> {
        self.others.binary_search_by_key(&id, |share| share.id)
    }
}
