//! Unhealthy nodes, with the start of each of their problems. Healthy nodes take no memory here.

use hashbrown::HashMap;

use super::{Node, NodeKey};
use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::msg::Mono;

/// Problem of a node beside its readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeProblem {
    /// A bad condition, or several.
    Pressure,
    /// Devices of this resource are announced and not healthy.
    Withdrawn(Clean),
    /// Devices of this resource are promised by labels and not announced.
    Missing(Clean),
}

/// Problems of a node beside its readiness, each with the time at which it was first observed.
pub(crate) type DatedProblems = Vec<(NodeProblem, Mono)>;

/// Nodes that are not ready or have another problem.
#[derive(Debug, Default)]
pub(super) struct UnhealthyNodes(HashMap<NodeKey, DatedProblems>);

impl UnhealthyNodes {
    /// Records the current problems of a node; those that it had before keep their start.
    pub(super) fn note(&mut self, node: &Node, now: Mono) {
        let wrong = node.problems();
        if node.readiness == Readiness::Ready && wrong.is_empty() {
            self.0.remove(&node.key);
            return;
        }
        let known = self.0.entry(node.key).or_default();
        let before = std::mem::take(known);
        let since =
            |problem: &NodeProblem| before.iter().find(|(known, _)| known == problem).map_or(now, |(_, since)| *since);
        let dated = wrong.into_iter().map(|problem| {
            let since = since(&problem);
            (problem, since)
        });
        *known = dated.collect();
    }

    /// Removes a node that was deleted, or replaced by another object of the same name.
    pub(super) fn forget(&mut self, key: NodeKey) {
        self.0.remove(&key);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeKey, &DatedProblems)> {
        self.0.iter().map(|(key, problems)| (*key, problems))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let each = self.0.values().map(|problems| problems.capacity() * size_of::<(NodeProblem, Mono)>());
        self.0.allocation_size() + each.sum::<usize>()
    }
}

impl Node {
    /// Its problems beside its readiness.
    fn problems(&self) -> Vec<NodeProblem> {
        let pressure = self.pressures().next().map(|_| NodeProblem::Pressure);
        let withdrawn = self.devices.iter().filter(|devices| devices.withdrawn() > 0);
        let withdrawn = withdrawn.map(|devices| NodeProblem::Withdrawn(devices.resource.clone()));
        let missing = self.devices.iter().filter(|devices| devices.missing() > 0);
        let missing = missing.map(|devices| NodeProblem::Missing(devices.resource.clone()));
        pressure.into_iter().chain(withdrawn).chain(missing).collect()
    }

    /// The problems in one word each, as a filter knows them.
    pub(crate) fn problem_words(&self) -> impl Iterator<Item = &'static str> {
        let words = |problem: NodeProblem| match problem {
            NodeProblem::Pressure => "conditions",
            NodeProblem::Withdrawn(_) => "unhealthy",
            NodeProblem::Missing(_) => "unregistered",
        };
        self.problems().into_iter().map(words)
    }
}
