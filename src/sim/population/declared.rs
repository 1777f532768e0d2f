//! Workloads of a scenario, which take the place of generated ones: the numbers of the cluster stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::{GATEWAY, SERVER, TRAINER, WEB};
use super::workloads::Recipe;
use super::{NAMESPACES, World, no_room};
use crate::sim::object::SimObject;
use crate::sim::pod::{PodShape, PodState, Workload};
use crate::sim::resource::SimResource;
use crate::sim::scenario::{NodeRole, PodTemplate, ScenarioCluster, ScenarioWorkload, WorkloadKind};

/// The shape of a workload, by its name `NAMESPACE/NAME`.
#[derive(Debug)]
pub(super) struct DeclaredShape {
    name: String,
    shape: Arc<PodShape>,
}

/// Numbers of the workloads of a scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeclaredPods {
    /// Pods with a node.
    pub(super) bound: u32,
    /// Devices that these request.
    pub(super) gpus: u32,
    /// Pods without a node.
    pub(super) waiting: u32,
}

impl World {
    /// Adds the workloads of the scenario.
    pub(super) fn add_declared(&mut self, spec: &ScenarioCluster) -> Result<DeclaredPods, String> {
        let mut sums = DeclaredPods::default();
        for workload in &spec.workloads {
            let shape = self.declared_shape(workload, spec)?;
            let nodes = if workload.unschedulable.is_some() { vec![] } else { self.nodes_of(workload, &shape)? };
            for ordinal in 0..workload.pods {
                let index = nodes.get(ordinal as usize % nodes.len().max(1)).copied();
                if index.is_some_and(|index| !self.budgets[index].fits(&shape)) {
                    return Err(no_room(&shape));
                }
                let host = index.map(|index| {
                    self.budgets[index].reserve(&shape);
                    self.budgets[index].host.clone()
                });
                let age = i64::try_from(workload.age.as_secs()).unwrap_or(i64::MAX);
                let mut pod = self.pod(&shape, host, ordinal, age);
                if workload.pull_error.is_some() {
                    pod.state = PodState::ImagePullBackOff;
                }
                self.store.seed(SimObject::Pod(pod));
            }
            let sum = if workload.unschedulable.is_some() { &mut sums.waiting } else { &mut sums.bound };
            *sum += workload.pods;
            if workload.unschedulable.is_none() {
                sums.gpus += workload.pods * workload.gpus;
            }
            self.declared.push(DeclaredShape { name: workload.name.get_ref().clone(), shape });
        }
        Ok(sums)
    }

    /// Shapes of these workloads.
    pub(in crate::sim) fn shapes_of(&self, names: &[String]) -> Vec<Arc<PodShape>> {
        let wanted = self.declared.iter().filter(|declared| names.contains(&declared.name));
        wanted.map(|declared| Arc::clone(&declared.shape)).collect()
    }

    fn declared_shape(&mut self, workload: &ScenarioWorkload, spec: &ScenarioCluster) -> Result<Arc<PodShape>, String> {
        let (namespace, name) = workload.name.get_ref().split_once('/').unwrap_or_default();
        let known = NAMESPACES.into_iter().find(|known| *known == namespace);
        let namespace = known.ok_or_else(|| format!("no namespace `{namespace}`"))?;
        let kind = match workload.kind {
            WorkloadKind::Job => Workload::Job,
            WorkloadKind::PyTorchJob => Workload::Replica,
            WorkloadKind::Deployment => Workload::Deployment,
        };
        let containers = match workload.template {
            PodTemplate::Trainer => TRAINER,
            PodTemplate::Server => SERVER,
            PodTemplate::Gateway => GATEWAY,
            PodTemplate::Web => WEB,
        };
        let texts = |map: &BTreeMap<String, String>| {
            map.iter().map(|(key, value)| (key.clone(), value.replace("%i", "${ordinal}"))).collect()
        };
        let recipe = Recipe {
            labels: texts(&workload.labels),
            selector: texts(&workload.selector),
            role: workload.role.clone(),
            unschedulable: workload.unschedulable.clone(),
            pull_error: workload.pull_error.clone(),
            ..Recipe::new(kind, namespace, name, containers).gpus(workload.gpus)
        };
        Ok(recipe.shape(self.seeds.rng.u128(..), spec.pods.detail))
    }

    /// Indices of the nodes that a workload runs on: the first ones that have its labels and room.
    fn nodes_of(&self, workload: &ScenarioWorkload, shape: &PodShape) -> Result<Vec<usize>, String> {
        let has_labels = |name: &str| {
            let node = self.store.get(SimResource::Nodes, name);
            node.is_some_and(|node| workload.selector.iter().all(|(key, value)| node.label(key) == Some(value)))
        };
        let suits = |index: &usize| {
            let room = &self.budgets[*index];
            let is_open = room.role == NodeRole::Worker && (workload.gpus > 0 || !room.tainted);
            let name = &*room.host.name;
            is_open && room.fits(shape) && !workload.avoid.iter().any(|node| **node == *name) && has_labels(name)
        };
        let most = workload.nodes.unwrap_or(workload.pods) as usize;
        let nodes: Vec<usize> = (0..self.budgets.len()).filter(suits).take(most).collect();
        if nodes.len() < most { Err(no_room(shape)) } else { Ok(nodes) }
    }
}
