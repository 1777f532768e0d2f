//! `Node`: the facts of one node, and what is derived from them alone.

use super::conditions::{announces_end, bad};
use super::interner::Interner;
use super::packed::PackedFacts;
use super::shared::SharedList;
use super::sums::{AcceleratorSum, devices};
use super::{NodeKey, NodeRules};
use crate::facts::accelerator::Kind;
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::store::versions::ObjectVersion;
use crate::model::time::PackedMono;
use crate::msg::Mono;

/// Labels that name a node's pool, group or class of machines: GKE, EKS, Karpenter, AKS (both), the cluster API, kops, `DigitalOcean`,
/// Scaleway, OVH, Linode and Gardener. The first that a node has counts.
const POOL_LABELS: [&str; 13] = [
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "cluster.x-k8s.io/deployment-name",
    "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
    "lke.linode.com/pool-id",
    "worker.gardener.cloud/pool",
];

/// A node, and what is derived from its facts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) facts: PackedFacts,
    pub(crate) devices: SharedList<AcceleratorSum>,
    pub(crate) readiness: Readiness,
    /// Time at which it was first observed in this readiness.
    pub(super) readiness_since: PackedMono,
    /// `true` if it has any problem other than its readiness.
    pub(crate) other_problem: bool,
    /// Conditions other than Ready that are bad, in the order of the API; `None` for a healthy node.
    pub(super) bad: Option<SharedList<Clean>>,
    pub(crate) pods_allocatable: Option<u32>,
    pub(crate) roles: Clean,
    pub(super) key: NodeKey,
    pub(super) generation: u32,
    pub(super) from_watch: bool,
    /// `true` if it has changed since changes were last taken.
    pub(super) touched: bool,
}

/// Origin of the facts of a node.
#[derive(Clone, Copy)]
pub(super) struct NodeOrigin {
    /// Generation of the list, or of the list that the watch began at.
    pub(super) generation: u32,
    pub(super) from_watch: bool,
    pub(super) now: Mono,
}

impl Node {
    pub(super) fn new(
        facts: &NodeFacts,
        key: NodeKey,
        origin: NodeOrigin,
        rules: &NodeRules,
        interner: &mut Interner,
    ) -> Self {
        let mut node = Self {
            devices: interner.devices(&devices(facts, &rules.table)),
            readiness: facts.readiness().0,
            readiness_since: origin.now.into(),
            other_problem: false,
            bad: bad(facts, &rules.good),
            pods_allocatable: pods_allocatable(facts),
            roles: interner.text(&roles(facts)),
            facts: PackedFacts::new(facts, interner),
            key,
            generation: origin.generation,
            from_watch: origin.from_watch,
            touched: true,
        };
        node.other_problem = node.has_other_problem();
        node
    }

    pub(super) fn replace(&mut self, facts: &NodeFacts, now: Mono, rules: &NodeRules, interner: &mut Interner) {
        let readiness = facts.readiness().0;
        if readiness != self.readiness || facts.uid != self.facts.uid {
            self.readiness_since = now.into();
        }
        self.readiness = readiness;
        let changed = self.facts.update(facts, interner);
        if changed.labels {
            self.roles = interner.text(&roles(facts));
        }
        if changed.amounts {
            self.pods_allocatable = pods_allocatable(facts);
        }
        if changed.labels || changed.amounts {
            self.devices = interner.devices(&devices(facts, &rules.table));
        }
        self.bad = bad(facts, &rules.good);
        self.other_problem = self.has_other_problem();
    }

    /// Time at which it was first observed in this readiness.
    pub(crate) fn readiness_since(&self) -> Mono {
        self.readiness_since.into()
    }

    pub(crate) fn key(&self) -> NodeKey {
        self.key
    }

    pub(super) fn version(&self) -> ObjectVersion {
        ObjectVersion { uid: self.facts.uid, version: self.facts.version }
    }

    /// Whole devices of this node: capacity and allocatable; `None` without any.
    pub(crate) fn whole_devices(&self) -> Option<(i64, i64)> {
        let mut whole = self.devices.iter().filter(|d| d.kind == Kind::Device).peekable();
        whole.peek()?;
        Some(whole.fold((0, 0), |(capacity, allocatable), d| {
            (capacity.saturating_add(d.capacity), allocatable.saturating_add(d.allocatable))
        }))
    }

    /// Bad conditions other than Ready, in the order of the API.
    pub(crate) fn pressures(&self) -> impl Iterator<Item = &Clean> {
        self.bad.iter().flat_map(|bad| bad.iter())
    }

    /// Returns `true` if the cluster itself removes this node, so that its silence is expected.
    pub(crate) fn leaving(&self) -> bool {
        self.facts.deleting || self.facts.taints.iter().any(|taint| announces_end(&taint.key))
    }

    /// Name of the node's pool, by the first label that names one.
    pub(crate) fn pool(&self) -> Option<&Clean> {
        POOL_LABELS.into_iter().find_map(|label| self.facts.label(label)).filter(|name| !name.is_empty())
    }

    fn has_other_problem(&self) -> bool {
        self.pressures().next().is_some() || self.devices.iter().any(|d| d.withdrawn() > 0 || d.missing() > 0)
    }
}

/// An amount in one of the sorted lists of a node.
pub(crate) fn amount(list: &[(Clean, Quantity)], resource: &str) -> Option<Quantity> {
    list.binary_search_by(|(name, _)| (**name).cmp(resource)).ok().map(|at| list[at].1)
}

pub(super) fn pods_allocatable(facts: &NodeFacts) -> Option<u32> {
    u32::try_from(amount(facts.effective_allocatable(), "pods")?.value()).ok()
}

/// The roles as kubectl prints them, as many as are shown (F80).
pub(super) fn roles(facts: &NodeFacts) -> Clean {
    let roles = facts.roles();
    Clean::new(&roles.iter().map(Clean::as_str).collect::<Vec<_>>().join(","))
}
