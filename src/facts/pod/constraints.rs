//! Constraints of a pod that waits for a node: which nodes it permits, and what of it nobody but the scheduler can evaluate.

use serde::{Deserialize, Serialize};

use super::raw::RawPod;
use super::raw::scheduling::{RawAffinity, RawNodeRequirement, RawNodeSelectorTerm, RawToleration, RawVolume};
use crate::facts::json::{JsonList, Obj, Pairs};
use crate::facts::text::Clean;

/// Scheduling constraints of a pod without a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodConstraints {
    /// `spec.tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `spec.nodeSelector`: labels that a node must have.
    pub node_selector: Vec<(Clean, Clean)>,
    /// Required node affinity: a node must match one of the terms; `None` without a requirement.
    pub affinity: Option<Vec<NodeSelectorTerm>>,
    /// `spec.schedulerName`.
    pub scheduler: Clean,
    /// `spec.schedulingGates`.
    pub gates: Vec<Clean>,
    /// Constraints that depend on more than nodes and requests.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// `Toleration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Toleration {
    /// Key of the taint; empty for any.
    pub key: Clean,
    /// `Exists`, `Equal`; empty as `Equal`.
    pub operator: Clean,
    /// Value of the taint.
    pub value: Clean,
    /// Effect of the taint; empty for any.
    pub effect: Clean,
}

/// `NodeSelectorTerm`: all of its requirements; a term without any matches no node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeSelectorTerm {
    /// Requirements of labels.
    pub labels: Vec<NodeRequirement>,
    /// Requirements of fields; upstream knows `metadata.name` alone.
    pub fields: Vec<NodeRequirement>,
}

/// `NodeSelectorRequirement`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeRequirement {
    /// Label or field.
    pub key: Clean,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`.
    pub operator: Clean,
    /// Its values.
    pub values: Vec<Clean>,
}

/// Constraint that is named and not evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NotEvaluated {
    /// Persistent and ephemeral volumes.
    Volumes,
    /// Topology spread.
    TopologySpread,
    /// Affinity or anti-affinity to other pods.
    PodAffinity,
    /// Ports of the host.
    HostPorts,
    /// Claims of dynamic resource allocation.
    ResourceClaims,
    /// Another scheduler than the default one, with rules of its own.
    Scheduler,
}

/// `k8s.io/api core/v1`, `DefaultSchedulerName`.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

impl RawPod<'_> {
    /// Constraints of the pod; `None` once it has a node or has ended.
    pub(super) fn constraints(&self) -> Option<PodConstraints> {
        let (Obj(spec), Obj(status)) = (&self.spec, &self.status);
        if !spec.node.is_empty() || status.phase().is_terminal() {
            return None;
        }
        let Obj(affinity) = spec.affinity.read();
        let tolerations = spec.tolerations.read().0.iter().map(|Obj(toleration)| toleration.facts()).collect();
        let Pairs(labels) = spec.node_selector.read();
        let terms = affinity.node.0.required.as_ref().map(|Obj(required)| &required.terms.0);
        Some(PodConstraints {
            tolerations,
            node_selector: labels.iter().map(|(key, value)| (Clean::new(key), Clean::new(value))).collect(),
            affinity: terms.map(|terms| terms.iter().map(|Obj(term)| term.facts()).collect()),
            scheduler: Clean::new(&spec.scheduler.read()),
            gates: spec.gates.read().0.iter().map(|Obj(gate)| Clean::new(&gate.name)).collect(),
            not_evaluated: self.not_evaluated(&affinity),
        })
    }

    fn not_evaluated(&self, affinity: &RawAffinity<'_>) -> Vec<NotEvaluated> {
        let spec = &self.spec.0;
        let scheduler = spec.scheduler.read();
        let volumes = spec.volumes.read();
        let is_stored = |Obj(volume): &Obj<RawVolume>| {
            let Obj(source) = &volume.source;
            [&volume.claim, &volume.ephemeral, &source.claim, &source.ephemeral].iter().any(|present| present.0)
        };
        let spread = spec.spread.read();
        let containers = spec.containers.iter().chain(&*spec.init_containers);
        let mut ports = containers.flat_map(|container| container.ports.read().0);
        let found = [
            (NotEvaluated::Volumes, volumes.0.iter().any(is_stored)),
            (
                NotEvaluated::TopologySpread,
                spread.0.iter().any(|Obj(spread)| &*spread.when_unsatisfiable != "ScheduleAnyway"),
            ),
            (
                NotEvaluated::PodAffinity,
                !affinity.pod.0.required.0.is_empty() || !affinity.anti.0.required.0.is_empty(),
            ),
            (NotEvaluated::HostPorts, ports.any(|Obj(port)| port.host.0.unwrap_or(0) > 0)),
            (NotEvaluated::ResourceClaims, !spec.claims.read().0.is_empty()),
            (NotEvaluated::Scheduler, !matches!(&*scheduler.0, "" | DEFAULT_SCHEDULER)),
        ];
        found.into_iter().filter(|(_, found)| *found).map(|(constraint, _)| constraint).collect()
    }
}

impl RawToleration<'_> {
    fn facts(&self) -> Toleration {
        let [key, operator, value, effect] =
            [&self.key, &self.operator, &self.value, &self.effect].map(|text| Clean::new(text));
        Toleration { key, operator, value, effect }
    }
}

impl RawNodeSelectorTerm<'_> {
    fn facts(&self) -> NodeSelectorTerm {
        let facts = |list: &JsonList<Obj<RawNodeRequirement<'_>>>| {
            list.0.iter().map(|Obj(requirement)| requirement.facts()).collect()
        };
        NodeSelectorTerm { labels: facts(&self.labels), fields: facts(&self.fields) }
    }
}

impl RawNodeRequirement<'_> {
    fn facts(&self) -> NodeRequirement {
        NodeRequirement {
            key: Clean::new(&self.key),
            operator: Clean::new(&self.operator),
            values: self.values.0.iter().map(|value| Clean::new(value)).collect(),
        }
    }
}

impl PodConstraints {
    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let requirement = |requirement: &NodeRequirement| {
            size_of::<NodeRequirement>() + requirement.values.iter().map(|value| value.len() + 32).sum::<usize>()
        };
        let terms = self.affinity.iter().flatten();
        let terms = terms.flat_map(|term| term.labels.iter().chain(&term.fields)).map(requirement).sum::<usize>();
        let labels = self.node_selector.iter().map(|(key, value)| key.len() + value.len() + 64).sum::<usize>();
        terms + labels + self.tolerations.len() * (size_of::<Toleration>() + 64) + self.gates.len() * 32
    }
}

#[cfg(test)]
mod tests;
